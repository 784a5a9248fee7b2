class Layout: pass

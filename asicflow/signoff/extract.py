class Extraction: pass

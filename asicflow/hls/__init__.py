"""HLS stage: the hls4ml backend ``AsicFlow`` and the generator of the engine's RTL."""

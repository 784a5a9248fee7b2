"""Look at a network's choices before a layout: ranges, number formats, sweeps up to synthesis."""

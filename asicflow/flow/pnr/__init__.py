"""The open place-and-route engine: from a mapped netlist to a checked layout."""

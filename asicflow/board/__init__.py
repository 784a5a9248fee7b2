"""The host's side of a chip: transports, the debug port's client, the simulated board."""

"""Model stage: from a trained network to integers, with the C simulation as the reference."""

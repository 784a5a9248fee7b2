"""asicflow: from a trained neural network to a chip on open silicon."""

__version__ = "0.1.0"

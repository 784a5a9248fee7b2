"""asicflow: from a trained neural network to a chip on open silicon."""

import logging

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())

"""The host's side of a chip: transports, the debug port's client, the driver, the simulated board, bring-up."""

from asicflow.board.driver import NeuralNetworkOverlay

__all__ = ["NeuralNetworkOverlay"]

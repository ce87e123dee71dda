"""The built-in gradient estimators, one file each."""

from modnet import Register, hookimpl
from modnet_gradients.backpropagation import Backpropagation
from modnet_gradients.central_difference import CentralDifference


@hookimpl
def register_gradients(register: Register) -> None:
    """Register the built-in gradient estimators."""
    register(Backpropagation)
    register(CentralDifference)

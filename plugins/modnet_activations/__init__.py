"""The built-in activations, one file each."""

from modnet import Register, hookimpl
from modnet_activations.sigmoid import Sigmoid
from modnet_activations.softmax import Softmax


@hookimpl
def register_activations(register: Register) -> None:
    """Register the built-in activations."""
    register(Sigmoid)
    register(Softmax)

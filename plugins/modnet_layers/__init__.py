"""The built-in layers, one file each."""

from modnet import Layer, Register, hookimpl
from modnet_layers.activation import ActivationLayer
from modnet_layers.dense import Dense


@hookimpl
def register_layers(register: Register[Layer]) -> None:
    """Register the built-in layers."""
    register(ActivationLayer, "activation")
    register(Dense)

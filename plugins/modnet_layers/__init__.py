"""The built-in layers, one file each."""

from modnet import Layer, Register, hookimpl
from modnet_layers.activation import ActivationLayer
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool
from modnet_layers.maxout import Maxout
from modnet_layers.prelu import Prelu


@hookimpl
def register_layers(register: Register[Layer]) -> None:
    """Register the built-in layers."""
    register(ActivationLayer, "activation")
    register(BatchNorm)
    register(Convolution)
    register(Dense)
    register(Dropout)
    register(Flatten)
    register(MaxPool)
    register(Maxout)
    register(Prelu)

"""The built-in activations, one file each."""

from modnet import Activation, Register, hookimpl
from modnet_activations.elu import Elu
from modnet_activations.gelu import Gelu
from modnet_activations.identity import Identity
from modnet_activations.leaky_relu import LeakyRelu
from modnet_activations.relu import Relu
from modnet_activations.sigmoid import Sigmoid
from modnet_activations.softmax import Softmax
from modnet_activations.softplus import Softplus
from modnet_activations.step import Step
from modnet_activations.swish import Swish
from modnet_activations.tanh import Tanh


@hookimpl
def register_activations(register: Register[Activation]) -> None:
    """Register the built-in activations."""
    register(Elu)
    register(Gelu)
    register(Identity)
    register(LeakyRelu)
    register(Relu)
    register(Sigmoid)
    register(Softmax)
    register(Softplus)
    register(Step)
    register(Swish)
    register(Tanh)

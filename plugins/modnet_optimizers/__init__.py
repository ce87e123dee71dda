"""The built-in optimizers, one file each."""

from modnet import Optimizer, Register, hookimpl
from modnet_optimizers.adagrad import Adagrad
from modnet_optimizers.adam import Adam
from modnet_optimizers.adamw import AdamW
from modnet_optimizers.lion import Lion
from modnet_optimizers.momentum import Momentum
from modnet_optimizers.nadam import NAdam
from modnet_optimizers.nesterov import Nesterov
from modnet_optimizers.rmsprop import Rmsprop
from modnet_optimizers.sgd import Sgd


@hookimpl
def register_optimizers(register: Register[Optimizer]) -> None:
    """Register the built-in optimizers."""
    register(Adagrad)
    register(Adam)
    register(AdamW)
    register(Lion)
    register(Momentum)
    register(NAdam)
    register(Nesterov)
    register(Rmsprop)
    register(Sgd)

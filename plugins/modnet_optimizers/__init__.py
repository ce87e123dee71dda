"""The built-in optimizers, one file each."""

from modnet import Register, hookimpl
from modnet_optimizers.sgd import Sgd


@hookimpl
def register_optimizers(register: Register) -> None:
    """Register the built-in optimizers."""
    register(Sgd)

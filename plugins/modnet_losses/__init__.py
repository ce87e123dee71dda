"""The built-in losses, one file each."""

from modnet import Register, hookimpl
from modnet_losses.cross_entropy import CrossEntropy


@hookimpl
def register_losses(register: Register) -> None:
    """Register the built-in losses."""
    register(CrossEntropy)

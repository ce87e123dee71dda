"""The built-in losses, one file each."""

from modnet import Loss, Register, hookimpl
from modnet_losses.cross_entropy import CrossEntropy
from modnet_losses.mean_squared_error import MeanSquaredError


@hookimpl
def register_losses(register: Register[Loss]) -> None:
    """Register the built-in losses."""
    register(CrossEntropy)
    register(MeanSquaredError)

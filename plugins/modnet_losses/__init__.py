"""The built-in losses, one file each."""

from modnet import Loss, Register, hookimpl
from modnet_losses.binary_cross_entropy import BinaryCrossEntropy
from modnet_losses.cross_entropy import CrossEntropy
from modnet_losses.huber import Huber
from modnet_losses.mean_squared_error import MeanSquaredError


@hookimpl
def register_losses(register: Register[Loss]) -> None:
    """Register the built-in losses."""
    register(BinaryCrossEntropy)
    register(CrossEntropy)
    register(Huber)
    register(MeanSquaredError)

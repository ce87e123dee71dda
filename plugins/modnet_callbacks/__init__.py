"""The built-in callbacks, one file each."""

from modnet import Callback, Register, hookimpl
from modnet_callbacks.best_checkpoint import BestCheckpoint
from modnet_callbacks.early_stopping import EarlyStopping
from modnet_callbacks.gradient_quality import GradientQuality
from modnet_callbacks.gradient_report import GradientReport
from modnet_callbacks.json_log import JsonLog
from modnet_callbacks.loss_report import LossReport
from modnet_callbacks.reduce_on_plateau import ReduceOnPlateau
from modnet_callbacks.stop_on_plateau import StopOnPlateau
from modnet_callbacks.tensorboard import Tensorboard
from modnet_callbacks.time_limit import TimeLimit


@hookimpl
def register_callbacks(register: Register[Callback]) -> None:
    """Register the built-in callbacks."""
    register(BestCheckpoint)
    register(EarlyStopping)
    register(GradientQuality)
    register(GradientReport)
    register(JsonLog)
    register(LossReport)
    register(ReduceOnPlateau)
    register(StopOnPlateau)
    register(Tensorboard)
    register(TimeLimit)

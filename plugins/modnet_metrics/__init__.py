"""The built-in metrics, one file each."""

from modnet import Metric, Register, hookimpl
from modnet_metrics.accuracy import Accuracy
from modnet_metrics.balanced_accuracy import BalancedAccuracy
from modnet_metrics.log_loss import LogLoss
from modnet_metrics.macro_f1 import MacroF1
from modnet_metrics.mae import Mae
from modnet_metrics.r2 import R2
from modnet_metrics.rmse import Rmse
from modnet_metrics.top_k import TopK


@hookimpl
def register_metrics(register: Register[Metric]) -> None:
    """Register the built-in metrics."""
    register(Accuracy)
    register(BalancedAccuracy)
    register(LogLoss)
    register(MacroF1)
    register(Mae)
    register(R2)
    register(Rmse)
    register(TopK, "top-k")

"""For those who write plugins and those who test with them: what a part owes its users, and parts swapped."""

from modnet.testing.activations import check_activation
from modnet.testing.conformance import conformance
from modnet.testing.distribution import check_distribution
from modnet.testing.estimators import check_gradient_estimator
from modnet.testing.leaks import Snapshot
from modnet.testing.losses import check_loss
from modnet.testing.optimizers import check_optimizer
from modnet.testing.report import ConformanceError, Outcome, Report
from modnet.testing.sources import check_data_source
from modnet.testing.swapping import Swap, swap

__all__ = [
    "ConformanceError",
    "Outcome",
    "Report",
    "Snapshot",
    "Swap",
    "check_activation",
    "check_data_source",
    "check_distribution",
    "check_gradient_estimator",
    "check_loss",
    "check_optimizer",
    "conformance",
    "swap",
]

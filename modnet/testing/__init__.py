"""Conformance checks, swapped parts and a leak detector, for tests."""

from modnet.testing.conformance import check_distribution, conformance
from modnet.testing.leaks import Snapshot
from modnet.testing.report import ConformanceError, Outcome, Report
from modnet.testing.suites.activation import check_activation
from modnet.testing.suites.data_source import check_data_source
from modnet.testing.suites.gradient import check_gradient_estimator
from modnet.testing.suites.loss import check_loss
from modnet.testing.suites.optimizer import check_optimizer
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

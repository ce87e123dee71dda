"""Conformance checks, swapped parts and a leak detector, for tests."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modnet.testing.derivative_check import assert_gradient
    from modnet.testing.kit import check_distribution, conformance
    from modnet.testing.leaks import Snapshot
    from modnet.testing.report import ConformanceError, Outcome, Report
    from modnet.testing.suites.activation import check_activation
    from modnet.testing.suites.callback import check_callback
    from modnet.testing.suites.data_source import check_data_source
    from modnet.testing.suites.gradient import check_gradient_estimator
    from modnet.testing.suites.layer import check_layer
    from modnet.testing.suites.loss import check_loss
    from modnet.testing.suites.metric import check_metric
    from modnet.testing.suites.observer import check_observer
    from modnet.testing.suites.optimizer import check_optimizer
    from modnet.testing.swapping import Swap, swap

__all__ = [
    "ConformanceError",
    "Outcome",
    "Report",
    "Snapshot",
    "Swap",
    "assert_gradient",
    "check_activation",
    "check_callback",
    "check_data_source",
    "check_distribution",
    "check_gradient_estimator",
    "check_layer",
    "check_loss",
    "check_metric",
    "check_observer",
    "check_optimizer",
    "conformance",
    "swap",
]

# Loaded when first used: `modnet.check_gradient` needs `gradcheck` alone, and no suite.
_PLACES = {
    "ConformanceError": "report",
    "Outcome": "report",
    "Report": "report",
    "Snapshot": "leaks",
    "Swap": "swapping",
    "assert_gradient": "derivative_check",
    "check_activation": "suites.activation",
    "check_callback": "suites.callback",
    "check_data_source": "suites.data_source",
    "check_distribution": "kit",
    "check_gradient_estimator": "suites.gradient",
    "check_layer": "suites.layer",
    "check_loss": "suites.loss",
    "check_metric": "suites.metric",
    "check_observer": "suites.observer",
    "check_optimizer": "suites.optimizer",
    "conformance": "kit",
    "swap": "swapping",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return list(__all__)

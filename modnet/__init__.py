"""A workbench for small neural networks in which every part is a plugin."""

from typing import TYPE_CHECKING, Any

from modnet import cached, download, files
from modnet.build import (
    Network,
    TwoLayerNet,
    activation,
    check_gradient,
    gradient,
    load,
    loss,
    optimizer,
    register,
    source,
    train,
)
from modnet.checkpoint import Checkpoint
from modnet.dataset import Dataset, Samples, one_hot
from modnet.errors import (
    DataError,
    DivergedError,
    GradientError,
    MissingExtraError,
    ModnetError,
    NoDerivativeError,
    PluginError,
    PrecisionWarning,
    SettingError,
    ShapeError,
    TrainingInterrupted,
    UnknownNameError,
)
from modnet.gradient_check import GradientCheck
from modnet.hookspecs import Register, hookimpl
from modnet.interfaces import (
    Activation,
    DataSource,
    FusedLoss,
    GradientEstimator,
    Layer,
    Loss,
    Objective,
    ObservedRun,
    Optimizer,
    Trace,
)
from modnet.numerical import default_step, gradient_descent, numerical_gradient
from modnet.randomness import Stream
from modnet.side_by_side import EstimatorRow
from modnet.training import Run
from modnet.types import Array, Grads, History, Params, State
from modnet.verdicts import Verdict

if TYPE_CHECKING:
    from modnet import testing
    from modnet.comparing import compare
    from modnet.comparison import Comparison, PairResult, SettingResult
    from modnet.decisions import Decision
    from modnet.paired import Estimate

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Array",
    "Checkpoint",
    "Comparison",
    "DataError",
    "DataSource",
    "Dataset",
    "Decision",
    "DivergedError",
    "Estimate",
    "EstimatorRow",
    "FusedLoss",
    "GradientCheck",
    "GradientError",
    "GradientEstimator",
    "Grads",
    "History",
    "Layer",
    "Loss",
    "MissingExtraError",
    "ModnetError",
    "Network",
    "NoDerivativeError",
    "Objective",
    "ObservedRun",
    "Optimizer",
    "PairResult",
    "Params",
    "PluginError",
    "PrecisionWarning",
    "Register",
    "Run",
    "Samples",
    "SettingError",
    "SettingResult",
    "ShapeError",
    "State",
    "Stream",
    "Trace",
    "TrainingInterrupted",
    "TwoLayerNet",
    "UnknownNameError",
    "Verdict",
    "activation",
    "cached",
    "check_gradient",
    "compare",
    "default_step",
    "download",
    "files",
    "gradient",
    "gradient_descent",
    "hookimpl",
    "load",
    "loss",
    "numerical_gradient",
    "one_hot",
    "optimizer",
    "register",
    "source",
    "testing",
    "train",
]

# A comparison brings processes, statistics and plots along: a fifth of what all the rest takes to import.
_LATER = {
    "Comparison": "modnet.comparison",
    "Decision": "modnet.decisions",
    "Estimate": "modnet.paired",
    "PairResult": "modnet.comparison",
    "SettingResult": "modnet.comparison",
    "compare": "modnet.comparing",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "testing":  # for tests alone
        return import_module("modnet.testing")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)

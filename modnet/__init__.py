"""A workbench for small neural networks in which every part is a plugin."""

from typing import TYPE_CHECKING, Any

from modnet import cached, download, files
from modnet.compose.network import Network, TwoLayerNet
from modnet.compose.parts import activation, callback, gradient, layer, loss, metric, optimizer, source
from modnet.compose.plugins import register
from modnet.compose.sources import load
from modnet.data.columns import Column, PreparationSettings
from modnet.data.dataset import Dataset
from modnet.data.labels import find_unclear_labels, one_hot
from modnet.data.preparation import Preparation
from modnet.data.samples import Samples
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
from modnet.host.kinds import Register, hookimpl
from modnet.interfaces import (
    Activation,
    Callback,
    DataSource,
    DenseLayer,
    FusedLoss,
    GradientEstimator,
    Layer,
    Loss,
    Metric,
    Objective,
    ObservedRun,
    Observer,
    Optimizer,
    Param,
    PlacedLayer,
    Record,
    RowsToPredict,
    ScaleRate,
    Stop,
    Trace,
)
from modnet.nn.blas import limit_blas_threads
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.numerical import default_step
from modnet.nn.schedules import LearningRate, Schedule
from modnet.randomness import Stream
from modnet.types import Array, Grads, History, Mode, Params, Shape, State, Status, Task, is_weight

if TYPE_CHECKING:
    from modnet import testing
    from modnet.comparison.compare import compare
    from modnet.comparison.decisions import Decision
    from modnet.comparison.report import Comparison
    from modnet.comparison.result import PairResult, SettingResult
    from modnet.comparison.statistics import Estimate
    from modnet.runs.contents import save_params
    from modnet.runs.run import Run, SavedRun, open_run, train
    from modnet.testing.derivative_check import DerivativeCheck, check_derivative
    from modnet.testing.gradcheck.check import GradientCheck
    from modnet.testing.gradcheck.estimators import EstimatorRow
    from modnet.testing.gradcheck.numerical import gradient_descent, numerical_gradient
    from modnet.testing.gradcheck.verdicts import Verdict
    from modnet.testing.gradient_check import check_gradient

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Array",
    "Callback",
    "Checkpoint",
    "Column",
    "Comparison",
    "DataError",
    "DataSource",
    "Dataset",
    "Decision",
    "DenseLayer",
    "DerivativeCheck",
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
    "LearningRate",
    "Loss",
    "Metric",
    "MissingExtraError",
    "Mode",
    "ModnetError",
    "Network",
    "NoDerivativeError",
    "Objective",
    "ObservedRun",
    "Observer",
    "Optimizer",
    "PairResult",
    "Param",
    "Params",
    "PlacedLayer",
    "PluginError",
    "PrecisionWarning",
    "Preparation",
    "PreparationSettings",
    "Record",
    "Register",
    "RowsToPredict",
    "Run",
    "Samples",
    "SavedRun",
    "ScaleRate",
    "Schedule",
    "SettingError",
    "SettingResult",
    "Shape",
    "ShapeError",
    "State",
    "Status",
    "Stop",
    "Stream",
    "Task",
    "Trace",
    "TrainingInterrupted",
    "TwoLayerNet",
    "UnknownNameError",
    "Verdict",
    "activation",
    "cached",
    "callback",
    "check_derivative",
    "check_gradient",
    "compare",
    "default_step",
    "download",
    "files",
    "find_unclear_labels",
    "gradient",
    "gradient_descent",
    "hookimpl",
    "is_weight",
    "layer",
    "limit_blas_threads",
    "load",
    "loss",
    "metric",
    "numerical_gradient",
    "one_hot",
    "open_run",
    "optimizer",
    "register",
    "save_params",
    "source",
    "testing",
    "train",
]

# Loaded when first used: importing them takes longer than all the rest, and most commands need none of them.
_LATER = {
    "Comparison": "modnet.comparison.report",
    "Decision": "modnet.comparison.decisions",
    "DerivativeCheck": "modnet.testing.derivative_check",
    "Estimate": "modnet.comparison.statistics",
    "EstimatorRow": "modnet.testing.gradcheck.estimators",
    "GradientCheck": "modnet.testing.gradcheck.check",
    "PairResult": "modnet.comparison.result",
    "Run": "modnet.runs.run",
    "SavedRun": "modnet.runs.run",
    "SettingResult": "modnet.comparison.result",
    "Verdict": "modnet.testing.gradcheck.verdicts",
    "check_derivative": "modnet.testing.derivative_check",
    "check_gradient": "modnet.testing.gradient_check",
    "compare": "modnet.comparison.compare",
    "gradient_descent": "modnet.testing.gradcheck.numerical",
    "numerical_gradient": "modnet.testing.gradcheck.numerical",
    "open_run": "modnet.runs.run",
    "save_params": "modnet.runs.contents",
    "train": "modnet.runs.run",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "testing":  # for tests alone
        return import_module("modnet.testing")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

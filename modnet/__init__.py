"""A workbench for small neural networks in which every part is a plugin."""

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

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Array",
    "Checkpoint",
    "DataError",
    "DataSource",
    "Dataset",
    "DivergedError",
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
    "Params",
    "PluginError",
    "PrecisionWarning",
    "Register",
    "Run",
    "Samples",
    "SettingError",
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
    "train",
]

"""A workbench for small neural networks in which every part is a plugin."""

from modnet.build import (
    Network,
    TwoLayerNet,
    activation,
    gradient,
    load,
    loss,
    optimizer,
    register,
    source,
    train,
)
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
from modnet.training import Run
from modnet.types import Array, Grads, History, Params, State

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Array",
    "DataError",
    "DataSource",
    "Dataset",
    "DivergedError",
    "FusedLoss",
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
    "activation",
    "default_step",
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

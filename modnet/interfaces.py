"""Interfaces of the parts, and of runs and their observers.

An implementation is a final, frozen attrs class whose fields are its settings. It keeps nothing on `self` between
calls and never writes into an array that it was given. Mathematics is best written against the Python array API
standard (`xp = array_namespace(a)`), so that it serves every array library.
"""

from __future__ import annotations

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import attrs
import numpy as np
from attrs.validators import and_, gt, lt

from modnet.data.columns import Column
from modnet.data.dataset import Dataset
from modnet.errors import DataError, GradientError, NoDerivativeError
from modnet.files import uncompressed_name
from modnet.randomness import Stream
from modnet.text import list_some, printable
from modnet.types import Array, Grads, History, Params, State, Status, Task


class Part:
    """The common base of all parts; its `repr` is for parts that are no attrs classes."""

    def __repr__(self) -> str:
        kept = getattr(self, "__dict__", {})
        settings = [f"{name}={kept[name]!r}" for name in inspect.signature(type(self)).parameters if name in kept]
        return f"{type(self).__name__}({', '.join(settings)})"


class Activation(Part, ABC):
    """A function from pre-activations `a` to outputs `z` of the same shape, along `axis`."""

    elementwise: ClassVar[bool] = False
    """True where each output depends on its own input alone, which lets estimators skip what cannot change."""

    kinks: ClassVar[tuple[float, ...] | None] = None
    """The pre-activations where it has a kink or a jump, and is smooth everywhere else: () is smooth, None promises
    nothing. Differences of what is smooth follow from a few evaluations; without a promise every move is evaluated."""

    computes: ClassVar[str] = ""
    """The standard function this is exactly ("softmax"), where a loss may know a fused form with it."""

    @abstractmethod
    def __call__(self, a: Array, axis: int = -1) -> Array:
        """Return the outputs `z`, with the shape and dtype of `a`."""

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        """Return `da`, the loss's derivative by `a`, from `dz`, its derivative by `z = self(a)`.

        Optional: without one, backpropagation takes the central difference of this part.
        """
        raise NoDerivativeError(f"the activation {name_of(self)} has no backward")

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of the outputs, `self(a + da) - z` with `z = self(a)`, where `da` moves the inputs.

        `a` and `z` (of the same shape) broadcast against `da`. Optional: a form in which nothing cancels makes
        differences exact, and float32 as good as float64.
        """
        return self(a + da, axis) - z


def spread_targets(t: Array, y: Array, moved: Array, axis: int = -1) -> Array:
    """Return targets of outputs `y`, class indices or dense, broadcast to the shape that outputs `moved` need.

    >>> spread_targets(np.array([[0, 1]]), np.ones((3, 1, 2)), np.ones((3, 4, 2)), axis=0).shape
    (4, 2)
    """
    if t.ndim == y.ndim:
        return np.broadcast_to(t, moved.shape)
    shape = list(moved.shape)
    del shape[axis]
    return np.broadcast_to(t, shape)


class FusedLoss(ABC):
    """A loss together with the activation before it, evaluated from the pre-activations: faster, or more exact."""

    @abstractmethod
    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the loss of each sample and the activation's outputs `y`."""

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:
        """Return the loss of each sample alone; with `overwrite_a` the content of `a` may be lost on the way.

        Optional: differences evaluate nothing as often as this, and a form that works in place is twice as fast.
        """
        return self(a, t, axis)[0]

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss where `da` moves the pre-activations.

        `a`, `y` (its outputs) and `t` broadcast against `da`. Optional: a form in which nothing cancels makes
        differences exact, and float32 as good as float64.
        """
        moved = a + da
        return self.losses(moved, spread_targets(t, a, moved, axis), axis, overwrite_a=True) - self.losses(a, t, axis)

    def changes_along(self, a: Array, y: Array, t: Array, directions: Array, steps: Array) -> Array:
        """Return `change`, with axis 0, where each of `directions` (outputs, units) is gone by `steps` (units, M, N).

        `a` and `y` are (outputs, 1, N). Optional: a sum over the outputs may be one product for all units.
        """
        da = directions[:, :, np.newaxis, np.newaxis] * steps
        return self.change(a, y, t, da.reshape(len(da), -1, da.shape[-1]), axis=0).reshape(da.shape[1:])

    @abstractmethod
    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:
        """Return each sample's derivative of its own loss by `a`, of the shape of `a`."""


class Loss(Part, ABC):
    """A function of outputs and targets, one value per sample; its mean over the batch is the objective.

    Targets `t` are either class indices (integers, the shape of `y` without `axis`) or dense (the shape of `y`: one-hot
    rows, probabilities, values); `modnet.one_hot` turns the first into the second.
    """

    task: ClassVar[Task | None] = None
    """The task that it is for: "classification", "regression", or None for both."""

    is_binary: ClassVar[bool] = False
    """True where one output tells two classes apart: 0 is certainly the first, 1 the second."""

    smooth: ClassVar[bool] = False
    """True where it is a smooth function of the outputs, its fused forms too: see `Activation.kinks`."""

    @abstractmethod
    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample: the shape of `y` without `axis`."""

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return each sample's derivative of its own loss by `y`, of the shape of `y`. Optional."""
        raise NoDerivativeError(f"the loss {name_of(self)} has no backward")

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss where `dy` moves the outputs.

        `y` and `t` broadcast against `dy`. Optional, as `Activation.change` is.
        """
        moved = y + dy
        return self(moved, spread_targets(t, y, moved, axis), axis) - self(y, t, axis)

    def fused(self, activation: Activation) -> FusedLoss | None:
        """Return the fused form with `activation`, or None where this loss knows none."""
        return None


class Metric(Part, ABC):
    """A number that says how good the outputs for a whole part of the data are."""

    task: ClassVar[Task]
    """The task that it is for: "classification" or "regression"."""

    larger_is_better: ClassVar[bool] = True
    """False where the best value is the smallest, as an error's."""

    title: ClassVar[str] = ""
    """Its name in tables and figures; by default the column in words."""

    @property
    def column(self) -> str:
        """Its column in the history, behind the name of a part: by default the class's name, as in `test_macro_f1`."""
        return name_of(self).replace("-", "_")

    @abstractmethod
    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the number, or NaN where it is not defined; raises DataError where it cannot judge such outputs.

        `y` are outputs (N, classes) and `t` class indices (N,); of a regression both are (N, targets), in the targets'
        unit. N is at least 1. `weights` (N,) are at least 0: 2 counts as the same sample twice.
        """


@attrs.frozen
class DenseLayer:
    """One dense layer: `z = activation(z_in @ params[weight] + params[bias])`."""

    number: int
    inputs: int
    outputs: int
    activation: Activation

    @property
    def weight(self) -> str:
        """The name of its weights, of shape (inputs, outputs)."""
        return f"W{self.number}"

    @property
    def bias(self) -> str:
        """The name of its biases, of shape (outputs,)."""
        return f"b{self.number}"


@attrs.frozen(eq=False)
class Trace:
    """One forward pass over a batch of N: the inputs of each layer, and the outputs.

    `inputs[k]` (N, inputs of layer k) went into layer k, `pre_activations[k]` (N, outputs of layer k) into its
    activation; `output` (N, outputs) came out; `losses` (N,) are the samples' and `loss` is their (weighted) mean.
    """

    inputs: tuple[Array, ...]
    pre_activations: tuple[Array, ...]
    output: Array
    losses: Array
    loss: float


class Objective(ABC):
    """The loss of one mini-batch as a function of the parameters: the one thing that an estimator sees.

    Call it (black box), ask for its structure (`layers`, `loss_function`, `x`, `t`, `weights`, `trace`), or for the
    backward pass (`backward`). A params mapping that was handed in is not written to afterwards; other values are
    another mapping.
    """

    layers: tuple[DenseLayer, ...]
    """The layers, the inputs' first."""
    loss_function: Loss
    """The loss at the end."""
    x: Array
    """The batch's samples, (N, inputs)."""
    t: Array
    """Their targets: class indices (N,), or dense (N, outputs)."""
    weights: Array | None = None
    """Their weights (N,) in the mean, at least 0: 2 counts as the same sample twice. None: all alike."""

    @abstractmethod
    def __call__(self, params: Params) -> float:
        """Return the mean loss over the batch, weighted where there are `weights`."""

    def with_batch(self, x: Array, t: Array, weights: Array | None = None) -> Objective:
        """Return the loss of the same network on another batch: samples (N, inputs), their targets and weights (N,).

        Targets are class indices (N,), or dense (N, outputs). Raises ShapeError where they do not fit. Optional: the
        default raises GradientError, for objectives that know one batch alone.
        """
        what = f"the objective {type(self).__name__} knows one batch alone"
        raise GradientError(f"{what}: choose a gradient estimator that asks for no other")

    @abstractmethod
    def trace(self, params: Params) -> Trace:
        """Return the forward pass with all that lies between; made once for one params mapping."""

    @abstractmethod
    def output_error(self, params: Params) -> Array:
        """Return the derivative of the mean loss by the last layer's pre-activations, (N, outputs)."""

    @abstractmethod
    def backward(self, params: Params) -> Grads:
        """Return the gradient by the chain rule: exact but for parts without a `backward` of their own.

        Of such a part alone the central difference is taken.
        """


class GradientEstimator(Part, ABC):
    """A way to obtain the gradient of an objective."""

    promises: ClassVar[Literal["gradient", "direction"]] = "gradient"
    """The exact gradient, on average where it draws; or a direction only, along which the loss grows."""

    @abstractmethod
    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return a gradient of the shape of each parameter.

        `objective` is any function of the parameters; one with structure is an `Objective`. Random numbers are drawn
        from `stream`, which is another one at every step.
        """

    def evaluations(self, params: Params) -> int | None:
        """Return the number of evaluations of the loss for one gradient; None where it takes none."""
        return None


class Optimizer(Part, ABC):
    """A rule for the next parameters. Its fields are settings only: its state is a value that it returns."""

    @abstractmethod
    def init(self, params: Params) -> State:
        """Return the state before the first step."""

    @abstractmethod
    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return new parameters and the new state; the given ones stay as they are."""


@attrs.frozen(eq=False)
class RowsToPredict:
    """Rows to predict: raw `x` (N, columns), their labels (N,) or None, and notes for the user.

    `columns` say which of them hold codes of text, and by which words; NaN is a missing value. Without them, numbers
    stand for themselves in a column that was text in training.
    """

    x: Array
    labels: Array | None = None
    notes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


class DataSource(Part, ABC):
    """A kind of file, or a data set by name, that can be read as a `Dataset`. Its fields are its settings."""

    reads_files: ClassVar[bool] = True
    """True where `read` wants a path; a data set by name has none."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """The endings of its files' names, in lower case: (".npy",). That of a compression may follow."""

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:  # noqa: ARG003 - the default goes by the name
        """Return whether the file at `path`, whose first bytes are `head`, is of this kind. Never raises.

        `head` is decompressed, and empty for a folder and for a file that is yet to be written. The default goes by
        `suffixes`.
        """
        return uncompressed_name(path).endswith(cls.suffixes)

    @classmethod
    def accepts(cls, given: object) -> bool:  # noqa: ARG003 - the default is for sources of files alone
        """Return whether `read_object` reads a Python object, such as a data frame. Never raises."""
        return False

    @abstractmethod
    def read(self, path: Path | None) -> Dataset:
        """Return the data set; raises DataError that finds the place of a mistake."""

    def read_object(self, given: object) -> Dataset:
        """Return the data set of a Python object, which stays as it is; raises DataError. Optional."""
        raise DataError(f"the source {name_of(self)} reads no object of type {type(given).__name__}")

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict, unscaled (N, features), and their labels (N,) or None. Optional."""
        problem = "reads whole data sets only, not rows to predict"
        raise DataError(f"{path}: the source {name_of(self)} {problem}", path=path)

    def read_named_rows(self, path: Path, features: int, names: Sequence[str]) -> RowsToPredict:
        """Return rows to predict with their features in the order of `names`, which are none where a run keeps none.

        Raises DataError where the file has names and some are missing. Optional: the default goes by position.
        """
        order = printable(list_some(names, 12), 200)
        notes = (f"columns are taken by position, as {order}: the source {name_of(self)} knows no names",) * bool(names)
        return RowsToPredict(*self.read_rows(path, features), notes)

    def read_columns(self, path: Path, cells: int) -> Sequence[tuple[str, str, Sequence[Any]]]:
        """Return of each column its name, or "", its type where it cannot be read, and its first cells. Optional.

        These are numbers, text, truth values, or None where one is missing: about so many `cells` of all columns.
        """
        return ()

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a data set, unscaled and each file whole or not at all, and return the files' paths. Optional.

        One file holds all, if the format can hold a training and a test part; otherwise the test part goes into a
        second one, named by `modnet.files.part_paths`.
        """
        raise DataError(f"{path}: the source {name_of(self)} reads files only; it does not write any", path=path)

    def fetch(self) -> Path:
        """Download a data set by name, unless that was done before, and return the folder that it is in. Optional."""
        raise DataError(f"the source {name_of(self)} has nothing to download")


class ObservedRun(Protocol):
    """A training run as observers see it, always up to date: what could be changed is read only, or a copy."""

    iteration: int
    """The number of iterations made."""
    iterations: int
    """The number of iterations to make."""
    epoch: float
    """The samples drawn so far, as a multiple of the training samples."""
    history: History
    """The history recorded so far."""
    status: Status
    """The state of the run: a `modnet.Status`, equal to the text in its files."""
    seconds: float
    """The time since the start."""
    params: Params
    """The parameters as they stand."""
    network: Any
    """The network with these parameters, a `modnet.Network`."""
    optimizer: Optimizer
    """The optimizer, with its settings."""
    metrics: tuple[Metric, ...]
    """The metrics, the task's own first."""
    hits: Array | None
    """For each test sample, whether it was recognised at the last evaluation; None before, and in a regression."""
    errors: Array | None
    """For each test sample of a regression its squared error over the variance of the targets; None otherwise."""
    loss: float | None
    """The loss of the last mini-batch, before its step; None before the first."""
    grads: Grads | None
    """The gradient of the last mini-batch, while its iteration lasts; None outside one."""
    rate: float | None
    """The learning rate of the last step; None before it, and where the optimizer has none as a number."""
    stop_reason: str
    """The reason that a callback gave to stop it; "" where none did."""
    seed: int
    """The seed of all random numbers."""
    data: Dataset
    """The data."""
    experiment: Mapping[str, Any] | None
    """The experiment as its file holds it; None where the run has none, as by `modnet.train`."""
    folder: Path | None
    """The run's folder; None where nothing of it is saved."""


@attrs.frozen
class Stop:
    """A callback's decision to end the run as finished, for a `reason` in words."""

    reason: str = attrs.field()

    @reason.validator
    def _in_words(self, _: object, reason: Any) -> None:
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"'reason' must be words, not {reason!r}")


@attrs.frozen
class ScaleRate:
    """A callback's decision to multiply the learning rate by `factor`, finite and above 0, from the next step on."""

    factor: float = attrs.field(validator=and_(gt(0.0), lt(math.inf)))


def _to_floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


@attrs.frozen
class Record:
    """A callback's finite `values`, by name, for the row of the evaluation just made: columns of the history."""

    values: Mapping[str, float] = attrs.field(converter=_to_floats)

    @values.validator
    def _named_and_finite(self, _: object, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise ValueError(f"a name must be lower-case letters, digits and _, as gradient_norm is: {name!r}")
            if not math.isfinite(value):
                raise ValueError(f"{name!r} must be finite, not {value}: record nothing where it is not")


class Callback(Part, ABC):
    """A part that follows a run, and may steer it. Its fields are settings only: its state is a value.

    All methods are optional; an event whose method is not overridden costs nothing. The state is anything that a
    checkpoint can hold, so that a run that was killed resumes to the same bits.

    >>> class StopAtLoss(modnet.Callback):
    ...     def on_iteration(self, run, state):
    ...         return state, modnet.Stop("the loss is below 0.1") if run.loss < 0.1 else None
    """

    needs_validation: ClassVar[bool] = False
    """True where it decides by the validation part, without which it cannot work."""

    repeatable: ClassVar[bool] = True
    """False where it goes by the clock, or writes files: it may only return `Stop`, and `verify` leaves it out."""

    def init(self, run: ObservedRun) -> State:
        """Return the state before the first iteration; where a run is resumed, a state of the same structure."""
        return None

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | None]:
        """Return the new state, and a decision or None: after each step."""
        return state, None

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | Record | None]:
        """Return the new state, and a decision or None: after each evaluation at the end of an epoch."""
        return state, None

    def on_end(self, run: ObservedRun, state: State) -> Params | None:
        """Return the parameters that a run ends with that has finished; None leaves those that it has."""
        return None


class Observer:
    """A follower of runs: its methods are the lifecycle hooks, and do nothing unless they are overridden.

    A run is the same object in all three hooks, and read only. An error in a hook ends the run as `failed`, unless all
    its iterations are made.
    """

    def run_started(self, run: ObservedRun) -> None:
        """Follow a run: the first of `run.iterations` is about to begin."""

    def epoch_ended(self, run: ObservedRun) -> None:
        """Follow a run: it was evaluated, at the end of an epoch or of the run.

        Both accuracies stand last in `run.history.train_accuracy` and `run.history.test_accuracy`; a regression has
        `train_r2`, `test_r2`, `train_rmse` and `test_rmse` in their place.

        >>> @modnet.hookimpl
        ... def epoch_ended(run):
        ...     print(f"{run.iteration}: {run.history.test_accuracy[-1]}")
        """

    def run_ended(self, run: ObservedRun) -> None:
        """Follow a run: it ended. Called in every case; `run.status` tells them apart."""


def name_of(part: object) -> str:
    """Return the name a part's class has: the registered name of a built-in.

    >>> from modnet_activations.leaky_relu import LeakyRelu
    >>> name_of(LeakyRelu())
    'leaky-relu'
    """
    return kebab_case(part if isinstance(part, type) else type(part))


def kebab_case(cls: type) -> str:
    """Return the default name of a class: a hyphen stands between a small letter or digit and a capitalized word.

    >>> [kebab_case(type(name, (), {})) for name in ("LeakyReLU", "PReLU", "SmoothL1Loss", "AdamW", "KLDivergence")]
    ['leaky-relu', 'prelu', 'smooth-l1-loss', 'adamw', 'kldivergence']
    """
    words = re.sub("(?<=[a-z0-9])(?=[A-Z][a-z0-9])", "-", cls.__name__)
    return re.sub("[_-]+", "-", words).strip("-").lower()


def is_same_name(one: str, other: str) -> bool:
    """Say whether two names are the same but for hyphens: an older modnet called `PReLU` `pre-lu`."""
    return one.replace("-", "") == other.replace("-", "")

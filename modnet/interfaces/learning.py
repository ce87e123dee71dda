"""Objectives, gradient estimators and optimizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import attrs

from modnet.errors import GradientError
from modnet.interfaces.functions import Loss
from modnet.interfaces.layers import DenseLayer, PlacedLayer
from modnet.interfaces.part import Part
from modnet.randomness import Stream
from modnet.types import Array, Grads, Mode, Params, State


@attrs.frozen(eq=False)
class Trace:
    """One forward pass over a batch of N: the inputs of each layer, and the outputs.

    `inputs[k]` (N, inputs of layer k) went into layer k, `pre_activations[k]` (N, outputs of layer k) into its
    activation; `output` (N, outputs) came out; `losses` (N,) are the samples' and `loss` is their (weighted) mean.
    These two are of a network of dense layers. Of any network, `values[k]` went into the layer placed at k, whose
    `forward` returned `memos[k]`, but for the last one, an activation.
    """

    inputs: tuple[Array, ...]
    pre_activations: tuple[Array, ...]
    output: Array
    losses: Array
    loss: float
    values: tuple[Array, ...] = ()
    memos: tuple[Any, ...] = ()


class Objective(ABC):
    """The loss of one mini-batch as a function of the parameters: the one thing that an estimator sees.

    Call it (black box), ask for its structure (`layers`, `loss_function`, `x`, `t`, `weights`, `trace`), or for the
    backward pass (`backward`). A params mapping that was handed in is not written to afterwards; other values are
    another mapping.
    """

    placed: tuple[PlacedLayer, ...] = ()
    """All layers at their places, the inputs' first."""
    loss_function: Loss
    """The loss at the end."""
    x: Array
    """The batch's samples, (N, inputs)."""
    t: Array
    """Their targets: class indices (N,), or dense (N, outputs)."""
    weights: Array | None = None
    """Their weights (N,) in the mean, at least 0: 2 counts as the same sample twice. None: all alike."""
    buffers: Params = MappingProxyType({})
    """The arrays that layers keep besides parameters."""
    mode: Mode = "train"
    """The mode that its layers run in."""
    stream: Stream = Stream(0, ("layers",))
    """The stream that its layers draw from, each from the child of its index: the same numbers in each evaluation."""

    @property
    def layers(self) -> tuple[DenseLayer, ...]:
        """The layers of a network of dense layers, each with its activation; raises GradientError of another one."""
        raise GradientError(f"the objective {type(self).__name__} has no dense layers")

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

    def match(self, like: Array) -> Objective:
        """Return the same loss as a function of arrays of the library and device of `like`; by default it is one."""
        return self

    @abstractmethod
    def trace(self, params: Params) -> Trace:
        """Return the forward pass with all that lies between; made once for one params mapping."""

    def dense_tail(self, params: Params) -> tuple[int, Objective]:
        """Return the number of layers before the dense ones at the end, and the objective of these on what comes there.

        By default all are dense.
        """
        return 0, self

    @abstractmethod
    def output_error(self, params: Params) -> Array:
        """Return the derivative of the mean loss by the last layer's pre-activations, (N, outputs)."""

    @abstractmethod
    def backward(self, params: Params) -> Grads:
        """Return the gradient by the chain rule: exact but for parts without a `backward` of their own.

        Of such a part alone the central difference is taken.
        """


class GradientEstimator(Part, ABC):
    """A way to obtain the gradient of an objective.

    Its fields are settings only. One that learns from step to step overrides `init` and `estimate`, too: its state is a
    value, anything that a checkpoint can hold.
    """

    promises: ClassVar[Literal["gradient", "direction"]] = "gradient"
    """The exact gradient, on average where it draws; or a direction only, along which the loss grows."""

    @abstractmethod
    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return a gradient of the shape of each parameter.

        `objective` is any function of the parameters; one with structure is an `Objective`. Random numbers are drawn
        from `stream`, which is another one at every step. Of an estimator with a state it is the estimate by a new one:
        `self.estimate(objective, params, stream, self.init(params, stream))[0]`.
        """

    def init(self, params: Params, stream: Stream) -> State:
        """Return the state before the first step, drawn from a `stream` of its own. None by default: there is none."""
        return None

    def estimate(
        self, objective: Callable[[Params], float], params: Params, stream: Stream, state: State
    ) -> tuple[Grads, State]:
        """Return a gradient as the plain call does, and the new state; the given one stays as it is.

        By default the plain call is made, and the state stays.
        """
        return self(objective, params, stream), state

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


class RunSchedule(ABC):
    """A learning rate that changes during a run: called with an iteration, from 0 on."""

    @abstractmethod
    def __call__(self, iteration: int) -> float:
        """Return the learning rate of an iteration."""

    @abstractmethod
    def over(self, iterations: int, *, is_resumed: bool = False) -> RunSchedule:
        """Return the schedule of a run of so many iterations; raises SettingError where there is none."""

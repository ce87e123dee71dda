"""Loss of a network over one batch, as a function of its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import attrs
import numpy as np

from modnet.errors import GradientError, NoDerivativeError, ShapeError
from modnet.interfaces import Activation, DenseLayer, FusedLoss, Loss, Objective, PlacedLayer, Trace
from modnet.nn.arrays import count_writes, get_dtype, get_library, get_namespace, match_array, to_numpy, total
from modnet.nn.layers import (
    compute_partial_differences,
    find_dense_layers,
    find_gradients,
    pass_back,
    run_layer,
    update_buffers,
)
from modnet.nn.validation import check_unwritten, to_array, validate_array
from modnet.randomness import Stream
from modnet.types import Array, Grads, Mode, Params, lock


@attrs.define(eq=False)
class NetworkObjective(Objective):
    """The mean loss of a network over one batch: `x` (N, *inputs), `t` indices (N,) or dense (N, outputs).

    What its layers draw in training comes from `stream`, each layer's from the child of its index.
    """

    placed: tuple[PlacedLayer, ...]
    loss_function: Loss
    fused: FusedLoss | None
    x: Array
    t: Array
    weights: Array | None = None
    buffers: Params = attrs.field(factory=dict, kw_only=True)
    mode: Mode = attrs.field(default="train", kw_only=True)
    stream: Stream = attrs.field(default=Stream(0, ("layers",)), kw_only=True)
    _traced: tuple[Params, Trace] | None = attrs.field(default=None, init=False)

    @cached_property
    def layers(self) -> tuple[DenseLayer, ...]:
        """The layers of a network of dense layers alone; raises GradientError where it has others."""
        found = find_dense_layers(self.placed)
        if 2 * len(found) < len(self.placed):
            others = self.placed[: len(self.placed) - 2 * len(found)]
            other = others[-2 if len(others) > 1 and others[-1].layer.activation else -1]
            what = f"{other.label} is no dense layer with an activation"
            raise GradientError(f"{what}: choose a gradient estimator for any network, such as central-difference")
        return found

    @property
    def activation(self) -> Activation:
        """The activation that the network ends with."""
        last = self.placed[-1].layer.activation
        assert last is not None  # noqa: S101 - `place_layers` has seen to it
        return last

    def __call__(self, params: Params) -> float:
        """Return the mean loss, weighted where there are `weights`."""
        return self._forward(params).loss

    def with_batch(self, x: Any, t: Any, weights: Any = None) -> NetworkObjective:
        """Return the loss of the same network on another batch, as `LayeredNetwork.objective` does; raises ShapeError.

        >>> net = modnet.TwoLayerNet(3, 2, 2)
        >>> objective = net.objective(np.ones((4, 3)), np.array([0, 1, 1, 0]))
        >>> half = objective.with_batch(objective.x[:2], objective.t[:2])
        >>> half(net.params) == net.loss(np.ones((2, 3)), np.array([0, 1]))
        True
        """
        found: Any = check_batch(self.placed, self.loss_function, x, t, weights, self.x)
        return attrs.evolve(self, **found)

    def match(self, like: Array) -> NetworkObjective:
        """Return the same loss as a function of arrays of the library and device of `like`."""
        convert = get_library(like).convert
        weights = None if self.weights is None else convert(self.weights)
        buffers = {name: convert(value) for name, value in self.buffers.items()}
        return attrs.evolve(self, x=convert(self.x), t=convert(self.t), weights=weights, buffers=buffers)

    def take(self, rows: slice) -> NetworkObjective:
        """Return the loss on some samples of the batch."""
        weights = None if self.weights is None else self.weights[rows]
        return attrs.evolve(self, x=self.x[rows, ...], t=self.t[rows, ...], weights=weights)

    def dense_tail(self, params: Params) -> tuple[int, NetworkObjective]:
        """Return the number of layers before the dense ones that the network ends with, and the objective of these.

        Its batch is what comes out of the layers before. Without dense layers at the end it is this objective.
        """
        before = len(self.placed) - 2 * len(find_dense_layers(self.placed))
        if before in {0, len(self.placed)}:
            return before, self
        trace = self.trace(params)
        values, memos = trace.values[before:], trace.memos[before:]
        tail = attrs.evolve(self, placed=self.placed[before:], x=values[0])
        known = Trace(values[::2], values[1::2], trace.output, trace.losses, trace.loss, values, memos)
        tail._traced = (params, known)  # noqa: SLF001 - of its own class
        return before, tail

    def trace(self, params: Params) -> Trace:
        """Return the forward pass, made once for one params mapping."""
        if self._traced is None or self._traced[0] is not params:
            self._traced = (params, self._forward(params))
        return self._traced[1]

    def update_buffers(self, params: Params) -> dict[str, Array]:
        """Return the buffers of all layers after this batch."""
        trace = self.trace(params)
        found: dict[str, Array] = {}
        for place, x, memo in zip(self.placed, trace.values, trace.memos, strict=False):
            if place.buffers:
                found |= update_buffers(place, place.take(params, self.buffers), x, memo)
        return found

    def _forward(self, params: Params) -> Trace:
        z, values, memos = lock(self.x), [lock(self.x)], []
        for place in self.placed[:-1]:
            z, memo = run_layer(place, place.take(params, self.buffers), z, self.mode, self.stream)
            z = lock(z)
            values.append(z)
            memos.append(memo)
        a = z
        if self.fused is None:
            z = validate_array(self.activation(a), a, self.activation)
            writes = count_writes(z)
            losses = self.loss_function(z, self.t)
            check_unwritten(z, writes, self.loss_function)
        else:
            losses, z = self.fused(a, self.t)
        validate_array(losses, z, self.loss_function, z.shape[:1])
        of_dense = tuple(values[::2]), tuple(values[1::2])
        return Trace(*of_dense, z, losses, self._mean(losses), tuple(values), tuple(memos))

    def _mean(self, losses: Array) -> float:
        return total(losses) / losses.shape[0] if self.weights is None else total(self._average(losses))

    def _average(self, values: Array) -> Array:
        """Return values of samples (N, ...) times each one's share in the mean."""
        if self.weights is None:
            mean: Array = values / values.shape[0]
            return mean
        # A batch of nothing but samples without weight has the loss 0.
        shares = self.weights / (total(self.weights) or 1.0)
        weighted: Array = values * shares[(..., *(None,) * (values.ndim - 1))]
        return weighted

    def output_error(self, params: Params) -> Array:
        """Return the derivative of the mean loss by the last layer's pre-activations, (N, outputs)."""
        trace, activation = self.trace(params), self.activation
        a = trace.values[-1]
        if self.fused is not None:
            return self._average(self.fused.backward(a, trace.output, self.t))
        try:
            dy = self.loss_function.backward(trace.output, self.t)
            dy = self._average(validate_array(dy, trace.output, self.loss_function))
        except NoDerivativeError:
            # From the pre-activations, as an output moved by itself may leave what the loss is defined for.
            columns = compute_partial_differences(lambda moved: self.loss_function(activation(moved), self.t), a)
            return self._average(get_namespace(a).stack(list(columns), axis=1))
        return pass_back(self.placed[-1], {}, a, trace.output, None, dy, self.mode, self.stream)

    def backward(self, params: Params) -> Grads:
        """Return the gradient by the chain rule, layer by layer from the last."""
        trace, dz = self.trace(params), lock(self.output_error(params))
        grads: dict[str, Array] = {}
        first = min((place.index for place in self.placed if place.params), default=len(self.placed))
        for k, place in reversed(list(enumerate(self.placed[:-1]))):
            at = place, place.take(params, self.buffers), trace.values[k], trace.values[k + 1], trace.memos[k]
            if place.params:
                found = find_gradients(*at, dz, self.mode, self.stream)
                grads |= {place.name(name): value for name, value in found.items()}
            if place.index <= first:  # nothing before it has parameters
                break
            dz = lock(pass_back(*at, dz, self.mode, self.stream))
        return {name: grads[name] for name in params if name in grads}


def is_binary(loss: Loss, outputs: int) -> bool:
    """Return whether one output tells two classes apart."""
    return loss.is_binary and outputs == 1


def check_samples(placed: Sequence[PlacedLayer], given: Any, like: Array) -> Array:
    """Return samples (N, *inputs) as `like`, given as they are or as rows (N, numbers); raises ShapeError."""
    first, shape = placed[0], placed[0].inputs
    x = to_array(given, get_dtype(like), f"{first.label}: samples")
    if x.ndim == 2 and len(shape) > 1 and x.shape[1] == math.prod(shape):
        x = get_namespace(x).reshape(x, (x.shape[0], *shape))
    if x.shape[1:] != shape or 0 in x.shape:
        rows = f", or rows of {math.prod(shape)} numbers" if len(shape) > 1 else ""
        expected = f"samples of shape (N, {', '.join(map(str, shape))}){rows}"
        raise ShapeError(f"{first.label} expects {expected}, it was given {tuple(x.shape)}")
    return match_array(x, like)


def check_targets(placed: Sequence[PlacedLayer], loss: Loss, given: Any, x: Array) -> Array:
    """Return targets as class indices (N,) int64, or dense (N, outputs) of the dtype of `x`; raises ShapeError.

    They are NumPy's, whatever the samples are.
    """
    n, outputs, dtype = x.shape[0], placed[-1].outputs[0], get_dtype(x)
    t = to_numpy(to_array(given, None, "targets"))
    if t.dtype.kind not in "iuf":
        t = import_module("modnet_datasets.typed").to_numbers(t, "targets")  # not of the core
    if t.shape in {(n, outputs), (outputs,) if n == 1 else ()} and t.ndim:
        return loss.to_classes(t.reshape(n, outputs).astype(dtype, copy=False))
    if outputs == 1 and t.size == n and (t.dtype.kind == "f" or loss.task != "classification"):
        return t.reshape(n, 1).astype(dtype, copy=False)
    if t.shape not in {(n,), (n, 1), () if n == 1 else (n,)}:
        raise ShapeError(
            f"{placed[-1].label} has {outputs} outputs: targets must be class indices of shape ({n},) or "
            f"one-hot rows of shape ({n}, {outputs}), they are {t.dtype} of shape {t.shape}"
        )
    classes = 2 if is_binary(loss, outputs) else outputs
    t = t.reshape(n)
    wrong = np.flatnonzero((t < 0) | (t >= classes) | (t != np.rint(t)))
    if wrong.size:
        i = int(wrong[0])
        raise ShapeError(f"target {t[i]} of sample {i} is not one of the {classes} classes, 0 to {classes - 1}")
    return t.astype(np.int64, copy=False)


def check_batch(
    placed: Sequence[PlacedLayer], loss: Loss, x: Any, t: Any, weights: Any, like: Array
) -> dict[str, Array | None]:
    """Return samples, targets and weights as an objective has them; raises ShapeError where they do not fit."""
    x = check_samples(placed, x, like)
    t = check_targets(placed, loss, t, x)
    library = get_library(like)
    if weights is not None:
        weights = to_numpy(to_array(weights, get_dtype(x), "weights"))
        with np.errstate(over="ignore"):
            is_finite = np.isfinite(weights.sum())
        if weights.shape != (x.shape[0],) or not is_finite or (weights < 0).any():
            limits = f"finite numbers >= 0, one for each sample, with a finite sum in {weights.dtype}"
            raise ShapeError(f"weights must be {x.shape[0]} {limits}")
        weights = library.convert(weights)
    given = protect({"x": x, "t": library.convert(t)})
    return {"x": given["x"], "t": given["t"], "weights": weights}


def protect(arrays: Params) -> Params:
    """Return read-only views, so that a part that works in place changes no array of the caller's."""
    return {name: lock(value) for name, value in arrays.items()}

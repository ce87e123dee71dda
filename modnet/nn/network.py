"""Networks of dense layers with a loss: forward and backward pass."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import attrs
import numpy as np

from modnet.errors import NoDerivativeError, SettingError, ShapeError
from modnet.interfaces import Activation, DenseLayer, FusedLoss, GradientEstimator, Loss, Objective, Trace, name_of
from modnet.nn.metrics import find_hits
from modnet.nn.numerical import compute_partial_differences, default_step
from modnet.nn.validation import validate_array, validate_arrays
from modnet.randomness import Stream
from modnet.types import Array, Grads, Params

BLOCK = 4096  # rows that are evaluated at a time where there may be very many
LARGE = 1e6  # output, that no probability or standardized target has


def protect(arrays: Params) -> Params:
    """Return read-only views, so that a part that works in place changes no array of the caller's."""
    views = {name: value.view() for name, value in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return views


class DenseNetwork:
    """Dense layers made of ready parts; `modnet.Network` is the same by name.

    `params` holds W1 (inputs, outputs), b1 (outputs,), W2, b2, ... and may be assigned to.
    """

    def __init__(self, layers: Sequence[DenseLayer], loss_function: Loss, params: Params, seed: int = 0) -> None:
        self.layers = tuple(layers)
        self.loss_function = loss_function
        self.fused = loss_function.fused(self.layers[-1].activation)
        self.params: dict[str, Array] = dict(params)
        self.seed = seed

    def __repr__(self) -> str:
        sizes = " -> ".join(str(n) for n in (self.layers[0].inputs, *(layer.outputs for layer in self.layers)))
        parts = ", ".join(repr(layer.activation) for layer in self.layers)
        return f"<{type(self).__name__} {sizes}: {parts}; {self.loss_function!r}>"

    def with_params(self, params: Params) -> Self:
        """Return the same network with other parameters."""
        other = copy.copy(self)
        other.params = dict(params)
        return other

    def predict(self, x: Any) -> Array:
        """Return the outputs (N, outputs) for samples (N, inputs), or (outputs,) for one sample (inputs,).

        Raises ShapeError that names the layer.
        """
        z = self._check_samples(x)
        for layer in self.layers:
            a = z @ self.params[layer.weight] + self.params[layer.bias]
            z = validate_array(layer.activation(a), a, layer.activation)
        return z

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters, which the network computes in."""
        return next(iter(self.params.values())).dtype

    @property
    def is_binary(self) -> bool:
        """True where the one output tells two classes apart."""
        return self.loss_function.is_binary and self.layers[-1].outputs == 1

    def predict_scores(self, x: Any) -> Array:
        """Return the outputs for samples (N, inputs), some at a time, with a column for each class.

        Of one output y for two classes these are 1 - y and y.
        """
        y = np.concatenate([self.predict(x[i : i + BLOCK]) for i in range(0, len(x), BLOCK)])
        return np.hstack([1 - y, y]) if self.is_binary else y

    def loss(self, x: Any, t: Any, weights: Any = None) -> float:
        """Return the mean loss over the samples `x` with targets `t` (class indices, or dense: one-hot rows, values).

        With `weights` (N,) it is the weighted mean. Raises ShapeError that names the layer, or the target that is not a
        class.
        """
        return self.objective(x, t, weights)(self.params)

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of samples, between 0 and 1, whose largest output is at the target's class."""
        return float(self.hits(x, t).mean())

    def hits(self, x: Any, t: Any) -> Array:
        """Return for each sample (N,) whether its largest output is at the target's class."""
        x = np.atleast_2d(self._check_samples(x))
        t = self._check_targets(t, x)
        if self.is_binary:
            t = np.rint(t).astype(np.int64).reshape(-1)
        elif t.ndim == 2 and t.shape[1] == 1:
            what = f"layer {len(self.layers)} has 1 output and targets of shape {t.shape}"
            raise ShapeError(f"{what}: there are no classes to tell apart, use an output for each class")
        return find_hits(self.predict_scores(x), t)

    def objective(self, x: Any, t: Any, weights: Any = None) -> NetworkObjective:
        """Return the mean loss over a batch, weighted by `weights` (N,), as a function of the parameters.

        All is checked once here. Raises ShapeError.
        """
        x = np.atleast_2d(self._check_samples(x))
        t = self._check_targets(t, x)
        if weights is not None:
            weights = np.asarray(weights, x.dtype)
            with np.errstate(over="ignore"):
                is_finite = np.isfinite(weights.sum())
            if weights.shape != (len(x),) or not is_finite or (weights < 0).any():
                limits = f"finite numbers >= 0, one for each sample, with a finite sum in {weights.dtype}"
                raise ShapeError(f"weights must be {len(x)} {limits}")
        given = protect({"x": x, "t": t})
        return NetworkObjective(self.layers, self.loss_function, self.fused, given["x"], given["t"], weights)

    def gradient(
        self, x: Any, t: Any, estimator: GradientEstimator, stream: Stream | None = None, weights: Any = None
    ) -> Grads:
        """Return the gradient of the loss by each parameter, as `estimator` obtains it with draws from `stream`."""
        stream, params = stream or Stream(self.seed, ("gradient",)), protect(self.params)
        return validate_arrays(estimator(self.objective(x, t, weights), params, stream), params, estimator)

    def _check_samples(self, given: Any) -> Array:
        for layer in self.layers:
            for name, shape in ((layer.weight, (layer.inputs, layer.outputs)), (layer.bias, (layer.outputs,))):
                found = np.shape(self.params[name])
                if found != shape:
                    raise ShapeError(f"layer {layer.number}: {name} must have shape {shape}, it has {found}")
        first = self.layers[0]
        x: Array = np.asarray(given, dtype=self.params[first.weight].dtype)
        if x.ndim not in {1, 2} or x.shape[-1] != first.inputs or 0 in x.shape:
            raise ShapeError(f"layer 1 expects samples of shape (N, {first.inputs}), it was given {x.shape}")
        return x

    def _check_targets(self, given: Any, x: Array) -> Array:
        """Return targets as class indices (N,) int64, or dense (N, outputs) of the dtype of `x`; raises ShapeError."""
        n, outputs = len(x), self.layers[-1].outputs
        t: Array = np.asarray(given)
        if t.shape in {(n, outputs), (outputs,) if n == 1 else ()} and t.ndim:
            return t.reshape(n, outputs).astype(x.dtype, copy=False)
        are_values = t.dtype.kind == "f" or (self.loss_function.task == "regression" and t.dtype.kind in "iu")
        if are_values and outputs == 1 and t.size == n:
            return t.reshape(n, 1).astype(x.dtype, copy=False)
        if t.dtype.kind not in "iu" or t.size != n or t.ndim > 1:
            raise ShapeError(
                f"layer {len(self.layers)} has {outputs} outputs: targets must be class indices of shape ({n},) or "
                f"one-hot rows of shape ({n}, {outputs}), they are {t.dtype} of shape {t.shape}"
            )
        classes = 2 if self.is_binary else outputs
        t = t.reshape(n).astype(np.int64, copy=False)
        wrong = np.flatnonzero((t < 0) | (t >= classes))
        if wrong.size:
            i = int(wrong[0])
            raise ShapeError(f"target {t[i]} of sample {i} is not one of the {classes} classes, 0 to {classes - 1}")
        return t


@attrs.define(eq=False)
class NetworkObjective(Objective):
    """The mean loss of a dense network over one batch: `x` (N, inputs), `t` indices (N,) or dense (N, outputs)."""

    layers: tuple[DenseLayer, ...]
    loss_function: Loss
    fused: FusedLoss | None
    x: Array
    t: Array
    weights: Array | None = None
    _traced: tuple[Params, Trace] | None = attrs.field(default=None, init=False)

    def __call__(self, params: Params) -> float:
        """Return the mean loss, weighted where there are `weights`."""
        return self._forward(params).loss

    def with_batch(self, x: Any, t: Any, weights: Any = None) -> NetworkObjective:
        """Return the loss of the same network on another batch, as `DenseNetwork.objective` does; raises ShapeError.

        >>> net = modnet.TwoLayerNet(3, 2, 2)
        >>> objective = net.objective(np.ones((4, 3)), np.array([0, 1, 1, 0]))
        >>> half = objective.with_batch(objective.x[:2], objective.t[:2])
        >>> half(net.params) == net.loss(np.ones((2, 3)), np.array([0, 1]))
        True
        """
        blank = np.zeros((), self.x.dtype)  # a network checks what it is given against its parameters
        weights_of = {layer.weight: np.broadcast_to(blank, (layer.inputs, layer.outputs)) for layer in self.layers}
        biases = {layer.bias: np.broadcast_to(blank, layer.outputs) for layer in self.layers}
        found = DenseNetwork(self.layers, self.loss_function, {**weights_of, **biases}).objective(x, t, weights)
        return attrs.evolve(self, x=found.x, t=found.t, weights=found.weights)

    def trace(self, params: Params) -> Trace:
        """Return the forward pass, made once for one params mapping."""
        if self._traced is None or self._traced[0] is not params:
            self._traced = (params, self._forward(params))
        return self._traced[1]

    def _forward(self, params: Params) -> Trace:
        z, inputs, pre_activations = self.x, [], []
        for layer in self.layers:
            a = z @ params[layer.weight]
            a += params[layer.bias]
            inputs.append(z)
            pre_activations.append(a)
            if layer is not self.layers[-1] or self.fused is None:
                z = validate_array(layer.activation(a), a, layer.activation)
        if self.fused is None:
            losses = self.loss_function(z, self.t)
        else:
            losses, z = self.fused(a, self.t)
        validate_array(losses, z, self.loss_function, z.shape[:1])
        return Trace(tuple(inputs), tuple(pre_activations), z, losses, self._mean(losses))

    def _mean(self, losses: Array) -> float:
        return float(losses.sum()) / len(losses) if self.weights is None else float(self._average(losses).sum())

    def _average(self, values: Array) -> Array:
        """Return values of samples (N, ...) times each one's share in the mean."""
        if self.weights is None:
            return values / len(values)
        # A batch of nothing but samples without weight has the loss 0.
        shares = self.weights / (self.weights.sum() or 1.0)
        return values * shares.reshape(-1, *(1,) * (values.ndim - 1))

    def output_error(self, params: Params) -> Array:
        """Return the derivative of the mean loss by the last layer's pre-activations, (N, outputs)."""
        trace, activation = self.trace(params), self.layers[-1].activation
        a = trace.pre_activations[-1]
        if self.fused is not None:
            return self._average(self.fused.backward(a, trace.output, self.t))
        try:
            dy = self.loss_function.backward(trace.output, self.t)
            dy = self._average(validate_array(dy, trace.output, self.loss_function))
        except NoDerivativeError:
            # From the pre-activations, as an output moved by itself may leave what the loss is defined for.
            columns = compute_partial_differences(lambda moved: self.loss_function(activation(moved), self.t), a)
            return self._average(np.stack(list(columns), axis=1))
        return _pass_back(activation, a, trace.output, dy)

    def backward(self, params: Params) -> Grads:
        """Return the gradient by the chain rule, layer by layer from the last."""
        trace = self.trace(params)
        da = self.output_error(params)
        grads: dict[str, Array] = {}
        for k, layer in reversed(list(enumerate(self.layers))):
            grads[layer.weight] = trace.inputs[k].T @ da
            grads[layer.bias] = da.sum(axis=0)
            if k:
                dz = da @ params[layer.weight].T
                da = _pass_back(self.layers[k - 1].activation, trace.pre_activations[k - 1], trace.inputs[k], dz)
        return {name: grads[name] for name in params}

    def explain_divergence(self, params: Params) -> str:
        """Return the likely cause of a loss that is not finite, and what to try."""
        if not np.isfinite(self.x).all():
            return "the batch holds values that are not finite: check the data"
        for name, value in params.items():
            if not np.isfinite(value).all():
                return f"the last step made {name} infinite: try a smaller learning rate"
        trace = self.trace(params)
        outputs = (*trace.inputs[1:], trace.output)
        for layer, a, z in zip(self.layers, trace.pre_activations, outputs, strict=True):
            if not np.isfinite(a).all():
                return f"layer {layer.number} overflows: try a smaller learning rate or smaller initial weights"
            if not np.isfinite(z).all():
                gives = f"the activation {name_of(layer.activation)} of layer {layer.number} gives"
                found = f"{z[~np.isfinite(z)][0]} for pre-activations up to {float(np.abs(a).max()):.3g}"
                return f"{gives} {found}: try a smaller learning rate"
        if (largest := float(np.abs(trace.output).max())) > LARGE:
            return f"the outputs reach {largest:.3g}: try a smaller learning rate"
        return (
            f"the loss {name_of(self.loss_function)} is not finite for finite outputs, an output of 0 where the "
            "target is 1 for instance: try a smaller learning rate or a larger eps"
        )


def _pass_back(activation: Activation, a: Array, z: Array, dz: Array) -> Array:
    """Return the activation's own backward pass, or else the central difference of it alone."""
    try:
        return validate_array(activation.backward(a, z, dz), z, activation)
    except NoDerivativeError:
        if activation.elementwise:
            h = default_step(a.dtype)
            slope: Array = (activation(a + h) - activation(a - h)) / (2 * h)
            return dz * slope
        return np.stack([(dz * column).sum(axis=-1) for column in compute_partial_differences(activation, a)], axis=-1)


def create_layers(sizes: Sequence[int], activations: Sequence[Activation]) -> tuple[DenseLayer, ...]:
    """Return the layers of a network with these sizes, the inputs' first; raises SettingError."""
    sizes = tuple(sizes)
    if len(sizes) < 2 or not all(map(_is_size, sizes)):
        raise SettingError([f"sizes must be two or more whole numbers > 0, the inputs first: {sizes}"], "network")
    if len(activations) != len(sizes) - 1:
        what = f"{len(sizes) - 2} hidden layers need as many hidden activations, found {len(activations) - 1}"
        raise SettingError([what], "network")
    pairs = zip(pairwise(sizes), activations, strict=True)
    return tuple(DenseLayer(k, int(n), int(m), part) for k, ((n, m), part) in enumerate(pairs, start=1))


def _is_size(given: object) -> bool:
    return isinstance(given, (int, np.integer)) and not isinstance(given, bool) and bool(given > 0)

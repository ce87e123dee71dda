"""Networks of layers with a loss: predictions, losses and gradients."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self, get_args

import numpy as np

from modnet.errors import SettingError, ShapeError
from modnet.interfaces import DenseLayer, GradientEstimator, Loss, PlacedLayer
from modnet.nn.arrays import (
    Library,
    describe_odd,
    get_dtype,
    get_library,
    get_namespace,
    name_device,
    to_numpy,
    unlock,
)
from modnet.nn.layers import find_dense_layers, run_layer
from modnet.nn.metrics import find_hits
from modnet.nn.objective import NetworkObjective, check_batch, check_samples, check_targets, is_binary, protect
from modnet.nn.validation import naming_parts, to_array, validate_arrays
from modnet.randomness import Stream
from modnet.types import Array, Displayed, Grads, Mode, Params, Shape, is_numpy, lock

BLOCK = 4096  # rows that are evaluated at a time where there may be very many
IMAGES = 256  # of them where layers may make a hundred numbers of each


class LayeredNetwork(Displayed):
    """Placed layers with a loss; `modnet.Network` is the same by name.

    `params` holds W1 (inputs, outputs), b1 (outputs,), W2, b2, ... and may be assigned to; `buffers` are what layers
    keep besides, such as running means.
    """

    def __init__(
        self, placed: Sequence[PlacedLayer], loss_function: Loss, params: Params, buffers: Params, seed: int = 0
    ) -> None:
        self.placed = tuple(placed)
        self.loss_function = loss_function
        last = self.placed[-1].layer.activation
        self.fused = None if last is None else loss_function.fused(last)
        self.params: dict[str, Array] = dict(params)
        self.buffers: dict[str, Array] = dict(buffers)
        self.seed = seed

    def __repr__(self) -> str:
        sizes = " -> ".join("x".join(map(str, n)) for n in (self.shape, *(place.outputs for place in self.placed)))
        if dense := self.dense_layers:
            sizes = " -> ".join(str(n) for n in (self.inputs, *(layer.outputs for layer in dense)))
            parts = ", ".join(repr(layer.activation) for layer in dense)
        else:
            parts = ", ".join(repr(place.layer.activation or place.layer) for place in self.placed)
        return f"<{type(self).__name__} {sizes}: {parts}; {self.loss_function!r}>"

    @property
    def dense_layers(self) -> tuple[DenseLayer, ...]:
        """The layers of a network of dense layers, each with its activation; none where it has others."""
        found = find_dense_layers(self.placed)
        return found if 2 * len(found) == len(self.placed) else ()

    @property
    def layers(self) -> tuple[DenseLayer | PlacedLayer, ...]:
        """The dense layers, each with its activation; where the network has others, all layers at their places."""
        return self.dense_layers or self.placed

    @property
    def shape(self) -> Shape:
        """The shape of one sample."""
        return self.placed[0].inputs

    @property
    def inputs(self) -> int:
        """The number of numbers in one sample."""
        return math.prod(self.shape)

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return self.placed[-1].outputs[0]

    @property
    def rows_at_once(self) -> int:
        """The number of samples that are evaluated at a time where there may be very many."""
        return BLOCK if self.dense_layers else IMAGES

    @property
    def arrays(self) -> dict[str, Array]:
        """All that is saved of it: parameters and buffers."""
        return {**self.params, **self.buffers}

    def with_arrays(self, arrays: Params) -> Self:
        """Return the same network with other parameters, and other buffers where they are among the arrays."""
        other = copy.copy(self)
        other.set_arrays(arrays)
        return other

    def take_params(self, arrays: Params) -> dict[str, Array]:
        """Return the parameters among arrays, without buffers."""
        return {name: value for name, value in arrays.items() if name not in self.buffers}

    def set_arrays(self, arrays: Params) -> None:
        """Take other parameters, and other buffers where they are among the arrays."""
        self.params = self.take_params(arrays)
        self.buffers = {name: arrays.get(name, value) for name, value in self.buffers.items()}

    @naming_parts
    def predict(self, x: Any) -> Array:
        """Return the outputs (N, outputs) for samples (N, *inputs), or (outputs,) for one sample.

        Samples of another shape than (inputs,) may be given as rows, too. The outputs are NumPy's where the samples
        are, otherwise of the network's library. Raises ShapeError that names the layer.
        """
        first = self._check_arrays()
        given, is_one = self._to_batch(x)
        x = check_samples(self.placed, given, first)
        blocks = [self._run(x[block, ...]) for block in self._blocks(x)]
        y: Array = blocks[0] if len(blocks) == 1 else get_namespace(x).concat(blocks)
        y = unlock(to_numpy(y) if is_numpy(given) else y)
        return y[0, ...] if is_one else y

    __call__ = predict

    def _run(self, z: Array) -> Array:
        stream = Stream(self.seed, ("layers",))
        for place in self.placed:
            own = place.take(self.params, self.buffers)
            z, _ = run_layer(place, own, lock(z), "predict", stream)
        return z

    def _blocks(self, x: Array) -> list[slice]:
        """Return the samples that are evaluated at a time: of dense layers all, which need little memory."""
        count = x.shape[0]
        rows = count if count <= IMAGES or self.dense_layers else IMAGES
        return [slice(first, min(first + rows, count)) for first in range(0, count, rows)]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters, which the network computes in, as NumPy's."""
        return get_dtype(next(iter(self.params.values())))

    @property
    def library(self) -> Library:
        """The array library of the parameters, and their device, which the network computes on."""
        return get_library(next(iter(self.params.values())))

    @property
    def array(self) -> str:
        """The name of the parameters' array library."""
        return self.library.name

    @property
    def device(self) -> str | None:
        """The device that the parameters are on, as their library names it; None of NumPy's."""
        device = self.library.device
        return None if device is None else name_device(device)

    @property
    def is_binary(self) -> bool:
        """True where the one output tells two classes apart."""
        return is_binary(self.loss_function, self.outputs)

    def predict_scores(self, x: Any) -> Array:
        """Return the outputs for samples (N, inputs), some at a time, with a column for each class.

        Of one output y for two classes these are 1 - y and y.
        """
        x = to_array(x, None, "samples")
        count, rows = x.shape[0], self.rows_at_once
        blocks = [slice(first, min(first + rows, count)) for first in range(0, count, rows)]
        y = np.concatenate([to_numpy(self.predict(x[block, ...])) for block in blocks])
        return np.hstack([1 - y, y]) if self.is_binary else y

    @naming_parts
    def loss(self, x: Any, t: Any, weights: Any = None) -> float:
        """Return the mean loss over the samples `x` with targets `t` (class indices, or dense: one-hot rows, values).

        With `weights` (N,) it is the weighted mean. The layers are in predict mode. Raises ShapeError that names the
        layer, or the target that is not a class.
        """
        whole = self.objective(x, t, weights, mode="predict")
        blocks = self._blocks(whole.x)
        if len(blocks) == 1:
            return whole(self.params)
        shares = np.ones(whole.x.shape[0]) if whole.weights is None else to_numpy(whole.weights)
        losses = [whole.take(block)(self.params) * shares[block].sum() for block in blocks]
        return float(sum(losses) / (shares.sum() or 1.0))

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of samples, between 0 and 1, whose largest output is at the target's class."""
        return float(self.hits(x, t).mean())

    def hits(self, x: Any, t: Any) -> Array:
        """Return for each sample (N,) whether its largest output is at the target's class."""
        x = check_samples(self.placed, self._to_batch(x)[0], self._check_arrays())
        t = check_targets(self.placed, self.loss_function, t, x)
        if self.is_binary:
            t = np.rint(t).astype(np.int64).reshape(-1)
        elif t.ndim == 2 and t.shape[1] == 1:
            what = f"{self.placed[-1].label} has 1 output and targets of shape {t.shape}"
            raise ShapeError(f"{what}: there are no classes to tell apart, use an output for each class")
        return find_hits(self.predict_scores(x), t)

    def objective(
        self, x: Any, t: Any, weights: Any = None, *, mode: Mode = "train", stream: Stream | None = None
    ) -> NetworkObjective:
        """Return the mean loss over a batch, weighted by `weights` (N,), as a function of the parameters.

        Layers are in the `mode` of training or prediction, and draw from `stream`, by default one of the network's own
        seed. All is checked once here. Raises ShapeError.
        """
        if mode not in get_args(Mode):
            raise SettingError([f"'mode' must be 'train' or 'predict': {mode!r}"], "objective")
        first = self._check_arrays()
        found: Any = check_batch(self.placed, self.loss_function, self._to_batch(x)[0], t, weights, first)
        settings: Any = {"buffers": self.buffers, "mode": mode, "stream": stream or Stream(self.seed, ("layers",))}
        return NetworkObjective(self.placed, self.loss_function, self.fused, **found, **settings)

    @naming_parts
    def gradient(
        self, x: Any, t: Any, estimator: GradientEstimator, stream: Stream | None = None, weights: Any = None
    ) -> Grads:
        """Return the gradient of the loss by each parameter, as `estimator` obtains it with draws from `stream`."""
        objective = self.objective(x, t, weights)
        stream, params = stream or Stream(self.seed, ("gradient",)), protect(self.params)
        return validate_arrays(estimator(objective, params, stream), params, estimator)

    def _to_batch(self, x: Any) -> tuple[Array, bool]:
        """Return samples, and whether one was given alone; (1, inputs) are a batch of one row."""
        given = to_array(x, self.dtype, f"{self.placed[0].label}: samples")
        is_one = given.shape in {self.shape, (self.inputs,)} and given.shape != (1, self.inputs)
        return given[None, ...] if is_one else given, is_one

    def _check_arrays(self) -> Array:
        """Return the first of the parameters, which all that is computed follows; raises ShapeError."""
        others: dict[str, Any] = self.arrays
        for place in self.placed:
            for param in (*place.params, *place.buffers):
                name = place.name(param.name)
                found = others.pop(name, None)
                if found is None or np.shape(found) != param.shape:
                    has = "is missing" if found is None else f"has {np.shape(found)}"
                    raise ShapeError(f"{place.label}: {name} must have shape {param.shape}, it {has}")
                odd = "" if isinstance(found, np.ndarray) else describe_odd(found, in_numpys_dtypes=True)
                if odd or get_dtype(found).kind != "f":
                    raise ShapeError(f"{place.label}: {name} must be an array of floats, it is {odd or found.dtype}")
        if others:
            raise ShapeError(f"no layer has arrays of the names {', '.join(others)}")
        libraries = {get_library(array): name for name, array in self.arrays.items()}
        if len(libraries) > 1:
            what = " and ".join(f"{name} is of {library}" for library, name in libraries.items())
            raise ShapeError(f"all arrays must be of one library and device: {what}, see modnet.match_array")
        return next(iter(self.params.values()))

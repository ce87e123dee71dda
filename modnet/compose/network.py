"""Networks of layers, made from names or ready parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet.compose.defaults import OF_DENSE, get_default_job
from modnet.compose.parts import find_name, make_layer, make_part
from modnet.compose.settings import collect
from modnet.compose.summary import summarize
from modnet.data.dataset import Dataset
from modnet.errors import SettingError
from modnet.interfaces import Activation, Layer, Loss, Part
from modnet.nn.arrays import check_parts, find_library
from modnet.nn.initializers import WeightInit, WeightInitStd, initialize_buffers, initialize_params
from modnet.nn.layers import place_layers
from modnet.nn.network import LayeredNetwork
from modnet.randomness import Stream
from modnet.types import Grads, Shape

if TYPE_CHECKING:
    from modnet import UpdateTrace


class Network(LayeredNetwork):
    """Any number of layers, made from names or ready parts: sizes of dense layers, or a list of any layers.

    Sizes are the inputs, each hidden layer's units and the outputs; `hidden` is the activation of all hidden layers, or
    a list of one for each, by default sigmoid, and `output` softmax. A list of layers has for each a layer or an
    activation, its name, or a pair or a table of its name and settings; `shape` is that of one sample. Where a list for
    a regression ends with no activation, identity is added.

    `weight_init_std` is the initial weights' standard deviation, "he" or "xavier". `weight_init` takes its place, one
    for all layers or a list of one for each: a number, "he", "xavier", "lecun" (1 / sqrt(inputs)), "orthogonal", or a
    function `(inputs, outputs, generator) -> weights`. `bias_init` are the initial biases: a number, or a list of one
    for each layer; with `bias_init_std` they are drawn about it with that standard deviation.

    `array` is the library of its arrays, "numpy" or "torch", and `device` where they are, in that library's words:
    "cpu", "cuda", "cuda:1", "mps". All that it computes follows them. Raises SettingError, UnknownNameError,
    MissingExtraError, and ShapeError that names the layer.

    >>> net = modnet.Network([784, 100, 50, 10], hidden="relu", weight_init_std="he", seed=1)
    >>> net.params["W3"].shape
    (50, 10)
    >>> modnet.Network(["flatten", ("dense", {"units": 10}), "softmax"], shape=(1, 28, 28)).params["W1"].shape
    (784, 10)
    """

    def __init__(
        self,
        layers: Sequence[object],
        *,
        shape: int | Sequence[int] | None = None,
        hidden: object = None,
        output: object = None,
        loss: Any = "cross-entropy",
        weight_init_std: WeightInitStd = 0.01,
        seed: int = 0,
        dtype: str = "float64",
        array: str = "numpy",
        device: str | None = None,
        weight_init: WeightInit | Sequence[WeightInit] | None = None,
        bias_init: float | Sequence[float] | None = None,
        bias_init_std: float | None = None,
    ) -> None:
        loss = make_part("loss", loss)
        items: list[Any] = [layers] if isinstance(layers, (str, Part, Mapping)) else [*layers]
        if items and not isinstance(items[0], (int, float, np.number)):
            if hidden is not None or output is not None:
                what = "'hidden' and 'output' go with sizes: put activations into the list of layers"
                raise SettingError([what], "network")
            found = make_layers(items)
            if len(found) > len(items) and loss.task == "classification":
                what = f"must end with an activation for {find_name(loss)}, such as softmax, or with identity"
                raise SettingError([what], "layers")
            placed = place_layers(found, _read_shape(shape))
            if not any(place.params for place in placed):
                raise SettingError(["at least one must have parameters, such as dense"], "layers")
        else:
            if shape is not None:
                raise SettingError([f"'shape' goes with a list of layers, and these are sizes: {items}"], "network")
            each = hidden if isinstance(hidden, (list, tuple)) else [hidden or "sigmoid"] * (len(items) - 2)
            activations = [make_part("activation", part) for part in [*each, output or "softmax"]]
            placed = place_layers(_create_layers(items, activations), (int(items[0]),))
        params = initialize_params(placed, weight_init_std, seed, dtype, weight_init, bias_init, bias_init_std)
        library = find_library(array, device, dtype)
        check_parts([loss, *(place.layer.activation or place.layer for place in placed)], library)
        params, buffers = (
            {name: library.convert(value, is_fresh=True) for name, value in each.items()}
            for each in (params, initialize_buffers(placed, dtype))
        )
        super().__init__(placed, loss, params, buffers, seed)
        self.initial = {
            "weight_init_std": weight_init_std,
            "weight_init": weight_init,
            "bias_init": bias_init,
            "bias_init_std": bias_init_std,
        }

    @staticmethod
    def for_data(
        data: Dataset,
        *,
        hidden: int | Sequence[int] | None = None,
        layers: Sequence[object] | None = None,
        **settings: Any,
    ) -> Network:
        """Return the untrained network of the default experiment for a data set, as wide at both ends as the data.

        `hidden` are the units of each hidden layer; or `layers`, as `Network` takes them, are for samples of the data's
        shape. Other settings are those of an experiment: `activation`, `output`, `loss`, `weight_init_std`,
        `weight_init`, `bias_init`, `bias_init_std`, `seed`, `dtype`. Raises SettingError, UnknownNameError.

        >>> modnet.Network.for_data(modnet.load("mnist-small"), hidden=20)
        <Network 784 -> 20 -> 10: Sigmoid(), Softmax(); CrossEntropy(eps=1e-07)>
        """
        entries = {**get_default_job(data)["network"], **settings}
        default = entries.pop("hidden")
        if layers is not None:
            given = {key: settings.get(key) for key in OF_DENSE[1:]}
            entries = {key: value for key, value in entries.items() if key not in OF_DENSE}
            return Network(
                layers, hidden=hidden or given["activation"], output=given["output"], **{"shape": data.shape, **entries}
            )
        units = default if hidden is None else np.atleast_1d(hidden)
        entries["loss"] = make_part("loss", entries["loss"])
        sizes = [data.features, *units, count_outputs(entries["loss"], data.outputs)]
        return Network(sizes, hidden=entries.pop("activation"), **entries)

    def summary(self) -> str:
        """Return a table of the layers, with the shapes of their outputs and arrays, in lines of at most 80 columns.

        >>> print(modnet.TwoLayerNet(784, 50, 10).summary())
           layer            output  parameters         count
           samples          784
        1  dense(units=50)  50      W1 784x50, b1 50  39,250
           sigmoid          50
        2  dense(units=10)  10      W2 50x10, b2 10      510
           softmax          10
        total: 39,760 parameters
        """
        return summarize(self)

    def gradient(
        self,
        x: Any,
        t: Any,
        estimator: object = "backpropagation",
        stream: Stream | None = None,
        weights: Any = None,
    ) -> Grads:
        """Return the gradient of the loss by each parameter, as `estimator` (a name or a part) obtains it.

        With `weights` (N,) it is that of the weighted mean. What the estimator draws at random comes from `stream`, by
        default one of the network's own seed.
        """
        return super().gradient(x, t, make_part("gradient", estimator), stream, weights)

    def numerical_gradient(self, x: Any, t: Any) -> Grads:
        """Return the gradient by central differences (h = 1e-4), as the book's network does."""
        return self.gradient(x, t, "central-difference")

    def trace_update(self, x: Any, t: Any, lr: float | None = None, **settings: Any) -> UpdateTrace:
        """Return one update with all its numbers; settings: gradient, against, optimizer, weights."""
        found: UpdateTrace = import_module("modnet_trace.update").trace_update(self, x, t, lr, **settings)
        return found


def _create_layers(sizes: Sequence[int], activations: Sequence[Activation]) -> list[Layer]:
    """Return dense layers of these sizes, the inputs' first, each with its activation; raises SettingError."""
    sizes = tuple(sizes)
    if len(sizes) < 2 or not all(map(_is_size, sizes)):
        raise SettingError([f"sizes must be two or more whole numbers > 0, the inputs first: {sizes}"], "network")
    if len(activations) != len(sizes) - 1:
        what = f"{len(sizes) - 2} hidden layers need as many hidden activations, found {len(activations) - 1}"
        raise SettingError([what], "network")
    layers: list[Layer] = []
    for units, activation in zip(sizes[1:], activations, strict=True):
        layers += make_part("layer", "dense", units=int(units)), make_part("layer", "activation", activation=activation)
    return layers


def make_layers(items: Sequence[object]) -> list[Layer]:
    """Return the layers that a list stands for, an activation at the end; raises SettingError with all mistakes."""
    try:
        found = collect((f"item {number}", partial(make_layer, item)) for number, item in enumerate(items, start=1))
    except SettingError as error:
        raise SettingError(error.mistakes, "layers") from None
    wrapped = [make_part("layer", "activation", activation=p) if isinstance(p, Activation) else p for p in found]
    return wrapped if wrapped[-1].activation else [*wrapped, *make_layers(["identity"])]


def _read_shape(shape: Any) -> Shape:
    sizes = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    if not sizes or not all(map(_is_size, sizes)):
        what = f"'shape' must be that of one sample, such as (1, 28, 28), or the number of inputs: {shape!r}"
        raise SettingError([what], "network")
    return tuple(map(int, sizes))


def _is_size(given: object) -> bool:
    return isinstance(given, (int, np.integer)) and not isinstance(given, bool) and bool(given > 0)


def count_outputs(loss: Loss, needed: int) -> int:
    """Return the number of outputs for so many classes or targets: one for two classes where the loss is binary."""
    return 1 if loss.is_binary and needed == 2 else needed


class TwoLayerNet(Network):
    """The book's network: one hidden layer, sigmoid, softmax, cross entropy, weights drawn with deviation 0.01.

    Saitoh, "Deep Learning from Scratch", chapter 4.5.1. Parts are names or ready objects, as for `Network`; so is
    `weight_init_std`, which may stand in the fourth place, as in the book.

    >>> net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    >>> net.predict(np.zeros((2, 784))).shape
    (2, 10)
    """

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, weight_init_std: Any = 0.01, **settings: Any
    ) -> None:
        super().__init__([input_size, hidden_size, output_size], weight_init_std=weight_init_std, **settings)

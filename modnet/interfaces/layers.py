"""Layers of a network: what each says of itself, and its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import attrs
from array_api_compat import array_namespace

from modnet.errors import NoDerivativeError
from modnet.interfaces.functions import Activation
from modnet.interfaces.part import Part, name_of
from modnet.randomness import Stream
from modnet.types import Array, Grads, Mode, Params, Shape, is_weight, lock

EVERYTHING = slice(None)


@attrs.frozen
class Param:
    """One array of a layer: a parameter that is trained, or a buffer. A weight's name begins with W, and may decay.

    `init` is the number that all entries begin with; of a weight the deviation that they are drawn with, "he" or
    another rule of `weight_init`. None leaves it to the network's `weight_init` or `bias_init`.
    """

    name: str
    shape: Shape
    init: Any = None
    channel_axis: int | None = None
    """The axis that counts the channels of the output, where an entry moves nothing but its own channel."""
    linear: bool = False
    """True where the outputs are linear in its entries, which `Layer.slopes` may then give."""
    fan_in: int | None = None
    """Of how many inputs a weight makes a sum, by its last axes; None: all entries of a channel."""

    @property
    def is_weight(self) -> bool:
        """True where it may decay, as `modnet.is_weight` says of its name."""
        return is_weight(self.name)


class Layer(Part, ABC):
    """A function from a batch (N, *inputs) to a batch (N, *outputs), with parameters, and buffers, of its own.

    Axis 1 counts the channels of an image, or the units. `params` hold its parameters and its buffers, by the names
    that it gives them. A `memo` is what `forward` returns beside the outputs: anything that `backward` would have to
    compute again. Its fields are settings only; all else is handed in and returned.

    >>> class Scale(modnet.Layer):
    ...     elementwise = True
    ...
    ...     def params(self, inputs):
    ...         return (modnet.Param("scale", inputs, init=1.0),)
    ...
    ...     def forward(self, params, x, mode, stream):
    ...         return params["scale"] * x, None
    >>> Scale().shape((3,)), [param.shape for param in Scale().params((3,))]
    ((3,), [(3,)])
    """

    is_dense: ClassVar[bool] = False
    """True where it is exactly `x @ W + b`, of samples (inputs,): estimators know its structure by heart."""

    @property
    def elementwise(self) -> bool:
        """True where each output number depends on the input number at the same place alone."""
        return False

    @property
    def couples_samples(self) -> bool:
        """True where a sample's outputs in training depend on other samples of the batch."""
        return False

    @property
    def activation(self) -> Activation | None:
        """The activation that it is exactly, where it is one."""
        return None

    @property
    def kinks(self) -> tuple[float, ...] | None:
        """The inputs where it has a kink or a jump, and is smooth everywhere else, as `Activation.kinks` says."""
        return None if self.activation is None else self.activation.kinks

    def shape(self, inputs: Shape) -> Shape:
        """Return the shape of one sample's outputs, by default that of its inputs; raises ShapeError."""
        return inputs

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return its parameters, by default none."""
        return ()

    def buffers(self, inputs: Shape) -> tuple[Param, ...]:
        """Return its buffers, such as running means, with the number that each begins with; by default none."""
        return ()

    @abstractmethod
    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs (N, *outputs) for samples (N, *inputs), in their dtype, and a memo for `backward`.

        `mode` is "train" or "predict". Random numbers are drawn from `stream`, in training alone: another one in each
        iteration, and the same one each time within it. In predict mode each sample is treated by itself.
        """

    def update(self, params: Params, x: Array, memo: Any) -> Mapping[str, Array]:
        """Return the buffers after a batch of training. Optional: by default they stay as they are."""
        return {param.name: params[param.name] for param in self.buffers(x.shape[1:])}

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the loss's derivative by the inputs `x` from `dz`, its derivative by the outputs `z`.

        Optional: without one, backpropagation takes the central difference of this layer.
        """
        raise NoDerivativeError(f"the layer {name_of(self)} has no backward")

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the loss's derivative by each parameter from `dz`, its derivative by the outputs `z`.

        Optional, as `backward` is.
        """
        raise NoDerivativeError(f"the layer {name_of(self)} has no gradients")

    def reach(self, inputs: Shape, channels: slice) -> slice:
        """Return the output channels that these input channels can move; by default the same or all of them."""
        return channels if self.elementwise else EVERYTHING

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return how the outputs of the channels in reach change, where `dx` moves some `channels` of the inputs.

        `dx` (M, N, channels, *rest) holds M moves of the batch, each by itself; the changes have the same layout.
        Optional: a form that computes nothing else, and in which nothing cancels, makes differences fast and exact.
        """
        xp, reached = array_namespace(x, dx), self.reach(tuple(x.shape[1:]), channels)
        changes = []
        for k in range(dx.shape[0]):
            moved = xp.astype(x, xp.result_type(x, dx))
            moved[:, channels, ...] += dx[k, ...]
            changes.append((self.forward(params, moved, mode, stream)[0] - z)[:, reached, ...])
        nothing: Array = xp.zeros_like(z[:, reached, ...])[None, ...][:0, ...]
        return xp.stack(changes) if changes else nothing

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return the change of an output channel by each entry of a linear parameter at that channel, per unit of it.

        It is (entries, N, *rest), with the channel's entries in the parameter's own order. Optional: without it each
        move is evaluated by `forward`.
        """
        raise NoDerivativeError(f"the layer {name_of(self)} has no slopes")


@attrs.frozen(eq=False)
class PlacedLayer:
    """A layer at its place in a network: what goes in and comes out, and the names of its arrays there."""

    index: int
    """Its place, from 1 on."""
    number: int
    """The number behind its arrays' names, as in W1: the first layer that has such a name has 1."""
    label: str
    """Its name in messages: "layer 3 (batch-norm)"."""
    layer: Layer
    inputs: Shape
    outputs: Shape
    params: tuple[Param, ...] = ()
    buffers: tuple[Param, ...] = ()
    _names: tuple[tuple[str, str], ...] = attrs.field(init=False, repr=False)

    @_names.default
    def _name_all(self) -> tuple[tuple[str, str], ...]:
        return tuple((param.name, self.name(param.name)) for param in (*self.params, *self.buffers))

    def name(self, param: str) -> str:
        """Return the name that an array of the layer has in the network."""
        return f"{param}{self.number}"

    def take(self, params: Params, buffers: Params) -> Params:
        """Return its own arrays among those of the network, by its own names, to read alone."""
        own = {name: lock((params if full in params else buffers)[full]) for name, full in self._names}
        return MappingProxyType(own)


@attrs.frozen
class DenseLayer:
    """One dense layer with its activation: `z = activation(z_in @ params[weight] + params[bias])`."""

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

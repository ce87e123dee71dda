"""Changes of each sample's loss by moves of a layer's outputs."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from modnet import (
    Activation,
    Array,
    FusedLoss,
    GradientError,
    Layer,
    Loss,
    Mode,
    NoDerivativeError,
    Objective,
    Param,
    Params,
    PlacedLayer,
    PluginError,
    Stream,
    Trace,
)
from modnet_gradients.analytic import check_analytic
from modnet_gradients.forms import check_shape
from modnet_gradients.structure.columns import make_read_only

EVERYTHING = slice(None)
COMPLEX_STEP = 1e-20  # so small that all powers of it vanish beside the first


@attrs.frozen(eq=False)
class Link:
    """A layer at the network's parameters: its own arrays, its inputs `x`, outputs `z` and memo for the batch."""

    place: PlacedLayer
    own: Params
    x: Array
    z: Array
    memo: Any
    mode: Mode
    stream: Stream
    plain: bool = False
    """True where changes are those of the outputs, as the layer's own form of them may be for real numbers only."""

    @property
    def couples(self) -> bool:
        """True where a sample's outputs depend on other samples."""
        return self.mode == "train" and self.place.layer.couples_samples

    def run(self, own: Params) -> Array:
        """Return the outputs with other arrays."""
        return self.place.layer.forward(own, self.x, self.mode, self.stream)[0]

    def change(self, dx: Array, channels: slice) -> tuple[Array, slice]:
        """Return the changes of the outputs (M, N, channels, *rest) by moves of its inputs, and of which channels.

        Raises PluginError where the layer returns no array of that shape.
        """
        layer = self.place.layer
        reached = layer.reach(self.place.inputs, channels)
        if self.plain and layer.elementwise and layer.activation is not None:
            x, z = self.x[:, channels], self.z[:, channels]
            found = Activation.change(layer.activation, x, z, dx, axis=1 - x.ndim)
        else:
            change = partial(Layer.change, layer) if self.plain else layer.change
            found = change(self.own, self.x, self.z, self.memo, dx, channels, self.mode, self.stream)
        expected = (dx.shape[0], *self.z[:, reached, ...].shape)
        if getattr(found, "shape", None) != expected:
            returned = getattr(found, "shape", None) or f"a {type(found).__name__}"
            what = f"the change of {self.place.label} returns {returned}"
            raise PluginError(what, f"an array of shape {expected} is expected", part=layer)
        return found, reached

    def take(self, sample: Array) -> Self | None:
        """Return the layer at a batch of some of the samples, or None where its memo is none that can be taken from."""
        memo = self.memo
        if isinstance(memo, np.ndarray) and memo.shape[:1] == self.x.shape[:1]:
            memo = memo[sample]
        elif memo is not None:
            return None
        return attrs.evolve(self, x=self.x[sample], z=self.z[sample], memo=memo)

    def slopes(self, param: Param, channel: int) -> Array | None:
        """Return a channel's slopes (entries, N, *rest) by a linear parameter, or None where the layer has none."""
        if not param.linear:
            return None
        try:
            found = self.place.layer.slopes(self.own, self.x, self.memo, param.name, channel)
        except NoDerivativeError:
            return None
        expected = (math.prod(param.shape) // param.shape[param.channel_axis or 0], *self.z[:, 0].shape)
        if getattr(found, "shape", None) != expected:
            returned = getattr(found, "shape", None) or f"a {type(found).__name__}"
            what = f"the slopes of {self.place.label} by {param.name} are {returned}"
            raise PluginError(what, f"an array of shape {expected} is expected", part=self.place.layer)
        return found


def make_links(objective: Objective, params: Params) -> tuple[Link, ...]:
    """Return all layers of a network but the activation at its end, at its parameters."""
    trace = objective.trace(params)
    return tuple(
        Link(
            place,
            place.take(params, objective.buffers),
            make_read_only(x),
            make_read_only(z),
            memo,
            objective.mode,
            objective.stream.child(place.index),
        )
        for place, x, z, memo in zip(
            objective.placed[:-1], trace.values[:-1], trace.values[1:], trace.memos, strict=True
        )
    )


def find_analytic_form(link: Link) -> Link:
    """Return a layer whose changes take complex steps: by its own form, or else by that of its outputs.

    An activation's own form may be for real numbers only. Raises GradientError where neither is analytic.
    """
    layer, name = link.place.layer, link.place.label
    if layer.activation is None:
        try:
            _check_changes(link, name)
        except GradientError:
            pass
        else:
            return link
    link = attrs.evolve(link, plain=True)
    _check_changes(link, name)
    return link


def _check_changes(link: Link, name: str) -> None:
    def outputs(x: Array) -> Array:
        found: Array = link.z + link.change((x - link.x)[np.newaxis], EVERYTHING)[0][0]
        return found

    check_analytic(name, outputs, link.x, link.z, COMPLEX_STEP)


def _check_params(link: Link) -> None:
    """Compare the slopes by parameters that are moved in the layer itself; raises GradientError with the name."""
    for param in link.place.params:

        def outputs(value: Array, name: str = param.name) -> Array:
            return link.run({**link.own, name: value})

        if link.slopes(param, 0) is None:
            name = f"{link.place.label} by {link.place.name(param.name)}"
            check_analytic(name, outputs, link.own[param.name], link.z, COMPLEX_STEP)


class Chain:
    """A network of layers at its parameters, with the loss at its end; evaluates what moves of outputs change.

    Moves are (M, N, channels, *rest), each of the whole batch. Numbers that are moved have the dtype `moved`, complex
    for a complex step.
    """

    def __init__(self, objective: Objective, params: Params, moved: npt.DTypeLike | None = None) -> None:
        trace, activation = objective.trace(params), objective.placed[-1].layer.activation
        assert activation is not None  # noqa: S101 - a network ends with an activation
        self.placed = objective.placed
        self.dtype = np.result_type(trace.output.dtype, moved or trace.output.dtype)
        self.losses, self.loss, self.activation = trace.losses, objective.loss_function, activation
        self.links = make_links(objective, params)
        is_complex = np.issubdtype(self.dtype, np.complexfloating)
        if is_complex:
            first = min(k for k, link in enumerate(self.links) if link.place.params)
            self.links = (*self.links[: first + 1], *map(find_analytic_form, self.links[first + 1 :]))
            for link in self.links:
                _check_params(link)
        self._end = _End(activation, objective, trace, plain=is_complex)

    @property
    def ends_smooth(self) -> bool:
        """True where the loss is a smooth function of what goes into the activation at the end, but for its kinks."""
        return self.loss.smooth and (self._end.fused is not None or self.activation.kinks is not None)

    def couples_after(self, k: int) -> bool:
        """Return whether a layer behind link k couples the samples."""
        return any(link.couples for link in self.links[k + 1 :])

    def numbers(self, k: int, channels: slice) -> int:
        """Return the largest number of numbers that one move of some channels of link k's outputs changes."""
        found = self._end.a.size
        for link in self.links[k + 1 :]:
            found = max(found, math.prod(link.x[:, channels].shape))
            channels = link.place.layer.reach(link.place.inputs, channels)
        return found

    def changes(self, k: int, dz: Array, channels: slice) -> Array:
        """Return the changes (M, N) of the samples' losses where `dz` moves some channels of link k's outputs."""
        for link in self.links[k + 1 :]:
            dz, channels = link.change(dz, channels)
        return self._end.changes(dz, channels)

    def can_take(self, k: int) -> bool:
        """Return whether the links behind k change samples that are taken from the batch as they do within it.

        That is asked of no layer: it is tried. One that draws by the shape of the batch does not.
        """
        samples = len(self.losses)
        some = np.arange(2 * samples + 1) * 3 // 2 % samples
        for link in self.links[k + 1 :]:
            taken = link.take(some)
            if link.couples or taken is None:
                return False
            move = np.linspace(-1, 1, link.x.size, dtype=link.x.dtype).reshape(1, *link.x.shape)
            expected, found = (one.change(dx, EVERYTHING)[0] for one, dx in ((link, move), (taken, move[:, some])))
            if not np.allclose(found, expected[:, some], rtol=1e-3, atol=1e-6):
                return False
        return True

    def take(self, k: int, sample: Array) -> Chain:
        """Return the chain with its links behind k, and its end, at a batch of some of the samples."""
        other = copy.copy(self)
        links = [link.take(sample) for link in self.links[k + 1 :]]
        other.links = (*self.links[: k + 1], *(link for link in links if link is not None))
        other._end = self._end.take(sample)  # noqa: SLF001 - of its own class
        return other

    def changes_along(self, directions: Array, steps: Array) -> Array | None:
        """Return the changes (units, M, N) where pre-activations at the end move along `directions` (outputs, units).

        They move by `steps` (units, M, N). Returns None where the loss has no fused form, which may have a fast way.
        """
        end = self._end
        return None if end.fused is None else end.fused.changes_along(end.a, end.y, end.t, directions, steps)


class _End:
    """The activation that a network ends with, and its loss.

    Arrays have the outputs first and the samples last: `a` and `y` (outputs, 1, N), `t` (1, N) or (outputs, 1, N).
    """

    def __init__(self, activation: Activation, objective: Objective, trace: Trace, *, plain: bool) -> None:
        loss = objective.loss_function
        self.fused, name = loss.fused(activation), f"loss {loss!r}"
        a, y, t = (np.ascontiguousarray(values.T) for values in (trace.values[-1], trace.output, objective.t))
        self.a, self.y, self.t = (make_read_only(values[..., np.newaxis, :]) for values in (a, y, t))
        of_activation = partial(Activation.change, activation) if plain else activation.change
        of_loss = partial(Loss.change, loss) if plain else loss.change
        self._activation = check_shape(of_activation, f"activation {activation!r}")
        self._loss = check_shape(of_loss, name, axes=1)
        self._fused_change: Callable[..., Array] | None = None
        if self.fused is not None:
            of_fused = partial(FusedLoss.change, self.fused) if plain else self.fused.change
            self._fused_change = check_shape(of_fused, f"{name} with {activation!r}", axes=1)

    def take(self, sample: Array) -> _End:
        """Return the same for a batch of some of the samples."""
        other = copy.copy(self)
        other.a, other.y, other.t = (values.take(sample, axis=-1) for values in (self.a, self.y, self.t))
        return other

    def changes(self, da: Array, channels: slice) -> Array:
        """Return the changes (M, N) of the losses where `da` (M, N, channels) moves some of the pre-activations."""
        moves = np.zeros((len(self.a), *da.shape[:2]), da.dtype)
        moves[channels] = np.moveaxis(da, -1, 0)
        if self._fused_change is not None:
            return self._fused_change(self.a, self.y, self.t, moves, axis=0)
        return self._loss(self.y, self.t, self._activation(self.a, self.y, moves, axis=0), axis=0)

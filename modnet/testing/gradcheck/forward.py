"""Forward pass of a check: parts on copies, every value finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from modnet.errors import DataError, GradientError, PluginError
from modnet.interfaces import Activation, PlacedLayer
from modnet.nn.layers import find_dense_layers
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import MisconductError, check_array
from modnet.testing.gradcheck.verdicts import measure_difference
from modnet.types import Array, Mode, Params

ROWS = 20  # of a batch, for which a layer is compared with what it says it is
ALIKE = 1000.0  # last bits by which the two may differ


@attrs.frozen(eq=False, slots=False)
class Visit:
    """A placed layer in a forward pass: its arrays, what went in and what came out."""

    place: PlacedLayer
    own: Params
    """Its parameters and buffers, by its own names."""
    x: Array
    z: Array
    mode: Mode
    stream: Stream
    fields: Mapping[str, Any]
    """Its place in a verdict: `layer`, and `label` in a network that has other layers than dense ones."""

    @property
    def activation(self) -> Activation | None:
        """The activation that the layer is, where it is one."""
        return self.place.layer.activation

    @property
    def label(self) -> str:
        """The layer's place in words: "layer 2" counts dense layers, "layer 2 (relu)" all of them."""
        return self.fields.get("label") or f"layer {self.fields['layer']}"

    @cached_property
    def is_plain_activation(self) -> bool:
        """True where the layer is an activation, and passes back as that does."""
        part, layer = self.activation, self.place.layer
        if part is None:
            return False
        x, z = self.x[:ROWS], self.z[:ROWS]
        dz = np.asarray(1 + np.arange(z.size).reshape(z.shape) / z.size, z.dtype)

        def pass_back() -> Array:
            return part.backward(x.copy(), z.copy(), dz.copy(), 1 - x.ndim)

        return _do_alike(lambda: layer.backward(self.own, x.copy(), z.copy(), None, dz.copy()), pass_back)

    @cached_property
    def is_plain_dense(self) -> bool:
        """True where it is a dense layer of a network of nothing else, and passes back as such a layer does."""
        layer, own = self.place.layer, self.own
        if not layer.is_dense or "label" in self.fields:
            return False
        x, z = self.x[:ROWS], self.z[:ROWS]
        dz = np.asarray(1 + np.arange(z.size).reshape(z.shape) / z.size, z.dtype)
        memo = self.run(x)[1]

        def gradient(name: str) -> Callable[[], Array]:
            return lambda: layer.gradients(own, x, z, memo, dz)[name]

        return (
            _do_alike(lambda: z, lambda: x @ own["W"] + own["b"])
            and _do_alike(lambda: layer.backward(own, x, z, memo, dz), lambda: dz @ own["W"].T)
            and _do_alike(gradient("W"), lambda: x.T @ dz)
            and _do_alike(gradient("b"), lambda: dz.sum(axis=0))
        )

    def run(self, x: Array) -> tuple[Array, Any]:
        """Return the layer's outputs and memo for other inputs."""
        own = {name: value.copy() for name, value in self.own.items()}
        found: tuple[Array, Any] = self.place.layer.forward(own, x.copy(), self.mode, self.stream)
        return found

    def evaluate(self, x: Array) -> Array:
        """Return the outputs of an elementwise layer for as many other inputs, in float64 and of any shape."""
        own = {name: value.astype(np.float64) for name, value in self.own.items()}
        z, _ = self.place.layer.forward(own, x.reshape(self.x.shape).copy(), self.mode, self.stream)
        return z.reshape(x.shape)


def is_dense_network(placed: Sequence[PlacedLayer]) -> bool:
    """Return whether a network has dense layers with an activation each, and no others."""
    return 2 * len(find_dense_layers(placed)) == len(placed)


def visit_layers(objective: NetworkObjective, params: Params) -> list[Visit]:
    """Return each layer with its inputs and outputs; parts are called with copies, whatever they do to them.

    Raises DataError where the batch holds a value that is not finite, GradientError where a parameter does, or where
    a part or an overflow makes one, and PluginError where a part returns no array of real numbers: each with the place.
    """
    _check_batch(objective)
    for name, value in params.items():
        if place := find_place(value):
            index = ", ".join(map(str, place))
            raise GradientError(f"the parameter {name}[{index}] is {value[place]}: a gradient needs finite parameters")
    in_pairs = is_dense_network(objective.placed)
    z, found = objective.x, []
    with np.errstate(all="ignore"):
        for at in objective.placed:
            own = {name: value.copy() for name, value in at.take(params, objective.buffers).items()}
            fields = {"layer": (at.index + 1) // 2} if in_pairs else {"layer": at.index, "label": at.label}
            visit = Visit(at, own, z, z, objective.mode, objective.stream.child(at.index), fields)
            z = _run(visit)
            _check_outputs(visit, z)
            found.append(attrs.evolve(visit, z=z))
            z = z.astype(objective.x.dtype, copy=False)  # as the network does
        _check_losses(objective, found[-1].x, z)
    return found


def _do_alike(one: Callable[[], Any], other: Callable[[], Any]) -> bool:
    """Return whether two functions return the same array to rounding; also where that cannot be said of them."""
    try:
        found, wanted = one(), other()
        if measure_difference(wanted, other()):
            return True  # it depends on chance
        return measure_difference(found, wanted) <= ALIKE * float(np.finfo(wanted.dtype).eps)
    except Exception:  # of third-party code: its verdict says so
        return True


def _run(visit: Visit) -> Array:
    """Return a layer's outputs for copies of its arrays."""
    result: Any = visit.run(visit.x)
    if not isinstance(result, tuple) or len(result) != 2:
        what = f"{visit.place.layer!r}, {visit.label}, returned a {type(result).__name__}"
        raise PluginError(what, "the outputs and a memo are expected", part=visit.place.layer)
    return _check(_name(visit), result[0], (len(visit.x), *visit.place.outputs))


def _name(visit: Visit) -> str:
    if visit.activation is not None:
        return f"the activation {visit.activation!r} of {visit.label}"
    return f"{visit.place.layer!r} of {visit.label}"


def _check_batch(objective: NetworkObjective) -> None:
    for what, values in (("input", objective.x), ("target", objective.t)):
        if place := find_place(values):
            entry = ", ".join(map(str, place[1:]))
            of = f"{what} {entry} of sample {place[0]}" if entry else f"the {what} of sample {place[0]}"
            remedy = "leave the sample out, or replace the value"
            raise DataError(f"{of} of the batch is {values[place]} in {values.dtype}: {remedy}")


def _check_outputs(visit: Visit, z: Array) -> None:
    """Raise GradientError where an output is not finite."""
    if not (place := find_place(z)):
        return
    entry = f"sample {place[0]}, unit {', '.join(map(str, place[1:]))}"
    if visit.place.layer.is_dense:
        what = f"the pre-activation of {visit.label}, {entry}, overflows in {visit.x.dtype}"
        remedy = "scale the data, or start from smaller weights"
        raise GradientError(f"{what}, for inputs up to {np.abs(visit.x).max():.3g}: {remedy}")
    where = f"inputs up to {np.abs(visit.x).max():.3g}"
    if visit.activation is not None:
        where = f"pre-activation {visit.x[place]:.4g}"
    what = f"{_name(visit)} gives {z[place]} for the finite {where}, {entry}"
    raise GradientError(f"{what}: correct it, or keep its inputs where it is defined")


def _check_losses(objective: NetworkObjective, a: Array, z: Array) -> None:
    loss, t = objective.loss_function, objective.t
    losses = loss(z.copy(), t.copy()) if objective.fused is None else objective.fused(a.copy(), t.copy())[0]
    losses = _check(f"the loss {loss!r}", losses, z.shape[:1])
    if place := find_place(losses):
        i = place[0]
        what = f"the loss {loss!r} of sample {i} is {losses[i]}, for finite outputs up to {np.abs(z[i]).max():.3g}"
        targets = f" and targets up to {np.abs(t[i]).max():.3g}" if t.ndim > 1 else f" and the class {t[i]}"
        raise GradientError(f"{what}{targets}: scale targets and inputs to about 1, or correct the loss")


def _check(part: str, found: Any, shape: tuple[int, ...]) -> Array:
    try:
        return check_array(part, found, shape)
    except MisconductError as error:
        raise PluginError(str(error)) from error


def find_place(values: Array) -> tuple[int, ...]:
    """Return the index of the first value that is not finite; () where all are."""
    wrong = np.argwhere(~np.isfinite(values))
    return tuple(int(i) for i in wrong[0]) if len(wrong) else ()

"""Verdicts on parts' own changes, as differences take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

from modnet.errors import NoDerivativeError
from modnet.interfaces import Activation, FusedLoss, Layer, Loss, Param
from modnet.testing.gradcheck.conduct import MisconductError, call_part, check_array
from modnet.testing.gradcheck.layers import STREAM, LayerCase, measure_size, quote
from modnet.testing.gradcheck.taylor import WRONG
from modnet.testing.gradcheck.verdicts import Verdict
from modnet.types import Array

SAMPLES = 20  # of a batch that are tried
ROUNDINGS = 100  # a difference of so many last bits is none
MOVED = 20_000  # numbers of a layer's inputs or outputs that are moved at a time
ENTRIES = 24  # of a channel of a parameter that are moved, each by itself, at most
MOVES = (2.0**-3, -(2.0**-10))


def judge_changes(part: Activation, a: Array, fields: Mapping[str, Any]) -> Iterator[Verdict]:
    """Yield a verdict where an activation's own `change` is not what evaluating and subtracting gives.

    `a` are pre-activations (N, units); `fields` of a verdict say where it is.
    """
    if type(part).change is Activation.change:
        return
    a = a[:SAMPLES, np.newaxis]
    z, da = part(a.copy()), _spread_moves(a, np.ones_like(a))
    expected, name = part(a + da) - z, f"change of activation {part!r}"
    yield from _compare(name, fields, part.change, {"a": a, "z": z, "da": da}, expected, (a + da, z))


def judge_loss_changes(
    loss: Loss, activation: Activation, a: Array, t: Array, fields: Mapping[str, Any]
) -> Iterator[Verdict]:
    """Yield a verdict where a form of a loss after an activation is not what evaluating and subtracting gives."""
    a, t = a[:SAMPLES, np.newaxis], t[:SAMPLES, np.newaxis]
    fused = loss.fused(activation)
    if fused is None:
        if type(loss).change is not Loss.change:
            y = activation(a.copy())
            dy = _spread_moves(y, y)  # a share of each output, so that it stays where the loss is defined
            expected = Loss.change(loss, y, t, dy)
            given, name = {"y": y, "t": t, "dy": dy}, f"change of loss {loss!r}"
            yield from _compare(name, fields, loss.change, given, expected, (loss(y, t),))
        return
    losses, y = fused(a.copy(), t.copy())
    da, name = _spread_moves(a, np.ones_like(a)), f"of loss {loss!r} with {activation!r}"
    if type(fused).losses is not FusedLoss.losses:
        yield from _compare(f"losses {name}", fields, fused.losses, {"a": a, "t": t}, losses, (a,))
    if type(fused).change is not FusedLoss.change:
        expected, given = FusedLoss.change(fused, a, y, t, da), {"a": a, "y": y, "t": t, "da": da}
        yield from _compare(f"change {name}", fields, fused.change, given, expected, (a + da, losses))
    if type(fused).changes_along is not FusedLoss.changes_along:
        along = {"a": _turn(a), "y": _turn(y), "t": _turn(t), "directions": np.eye(len(da.T), dtype=a.dtype)}
        along["steps"] = _turn(da)
        wanted, sizes = FusedLoss.changes_along(fused, *along.values()), (a + da, losses)
        yield from compare(f"changes_along {name}", fields, fused.changes_along, along, wanted, sizes)


def judge_layer_changes(case: LayerCase) -> Iterator[Verdict]:
    """Yield a verdict where what a layer says of its structure, its `change` or its `slopes` are not so.

    Each is tried with the inputs of the case, and with others.
    """
    case = attrs.evolve(case, x=case.x[:SAMPLES]).limit(MOVED)
    yield from _judge_changes_at(case)
    if beyond := case.move_beyond(STREAM):
        yield from _judge_changes_at(beyond)


def _judge_changes_at(case: LayerCase) -> Iterator[Verdict]:
    for what, problem in _find_broken_structure(case):
        part = f"{what} of layer {case.layer!r}"
        yield Verdict(**case.fields, verdict=WRONG, part=part, size=np.inf, explanation=problem)
    layer, x, names = case.layer, case.x, [*case.own]
    z, memo = case.run()
    if type(layer).change is not Layer.change:
        signs = (-1.0) ** np.arange(x.size).reshape(x.shape) * measure_size(x)
        for channels in (slice(0, 1), slice(None)):
            dx = np.stack([move * signs[:, channels] for move in MOVES]).astype(x.dtype)

            def change(x: Array, z: Array, dx: Array, *own: Array, channels: slice = channels) -> Array:
                arrays = dict(zip(names, own, strict=True))
                return layer.change(arrays, x, z, memo, dx, channels, case.mode, case.stream)

            wanted = Layer.change(layer, case.own, x, z, memo, dx, channels, case.mode, case.stream)
            given = {"x": x, "z": z, "dx": dx, **quote(case.own)}
            name = f"change of layer {layer!r}"
            yield from compare(name, case.fields, change, given, wanted, (x, z), sample_axis=1)
    for param in case.params:
        if param.linear and param.channel_axis is not None:
            yield from _judge_slopes(case, param, z, memo)


def _judge_slopes(case: LayerCase, param: Param, z: Array, memo: Any) -> Iterator[Verdict]:
    """Yield a verdict where a layer's `slopes` at its first and last channel are not what moving an entry gives."""
    value = case.own[param.name]
    axis = param.channel_axis or 0
    for channel in (0, z.shape[1] - 1):

        def slopes(x: Array, *own: Array, channel: int = channel) -> Array:
            return case.layer.slopes(dict(zip(case.own, own, strict=True)), x, memo, param.name, channel)

        at = np.moveaxis(np.arange(value.size).reshape(value.shape), axis, 0)[channel].ravel()
        some = at[:: max(1, len(at) // ENTRIES)]
        changes = []
        for entry in some:
            moved = np.array(value, order="C")
            moved.reshape(-1)[entry] += 1
            changes.append((case.run({**case.own, param.name: moved})[0] - z)[:, channel])
        wanted = np.stack(changes)

        def choose(*given: Array, slopes: Any = slopes, at: Array = at, some: Array = some, like: Array = z) -> Array:
            found = check_array("slopes", slopes(*given), (len(at), *like[:, 0].shape))
            return found[np.isin(at, some)]

        name = f"slopes of layer {case.layer!r}"
        fields = {**case.fields, "parameter": f"{param.name}{case.number}"}
        try:
            yield from compare(name, fields, choose, {"x": case.x, **quote(case.own)}, wanted, (z,), sample_axis=1)
        except NoDerivativeError:
            return


def _find_broken_structure(case: LayerCase) -> Iterator[tuple[str, str]]:
    """Yield what a layer says of its structure, and words on it, where it is not so."""
    layer, x = case.layer, case.x
    z, _ = case.run()
    rounding = ROUNDINGS * float(np.finfo(z.dtype).eps) * (1 + float(np.abs(z).max(initial=0.0)))
    for channel in (0, x.shape[1] - 1):
        moved = x.copy()
        moved[:, channel] = np.where(moved[:, channel] == 0, 1, -moved[:, channel])
        off = np.abs(case.run(x=moved)[0] - z)
        reached = layer.reach(x.shape[1:], slice(channel, channel + 1))
        off[:, reached] = 0
        if (off > rounding).any():
            yield "reach", f"input channel {channel} moves outputs out of reach, which is {reached}: widen it"
    for param in case.params:
        value, name = case.own[param.name], f"{param.name}{case.number}"
        step = np.cos(np.arange(value.size)).reshape(value.shape).astype(value.dtype)
        if param.channel_axis is not None:
            step_of_one = np.zeros_like(value)
            np.moveaxis(step_of_one, param.channel_axis, 0)[0] = 1
            off = np.abs(case.run({**case.own, param.name: value + step_of_one})[0] - z)
            if (off[:, 1:] > rounding).any():
                yield "params", f"{name} moves other channels than its own: leave out its channel_axis"
        if param.linear:
            above, below = (case.run({**case.own, param.name: value + s * step})[0] for s in (1, -1))
            off = np.abs((above - z) - (z - below))
            if (off > rounding + ROUNDINGS * float(np.finfo(z.dtype).eps) * np.abs(above)).any():
                yield "params", f"the outputs are not linear in {name}: leave out linear"


def _spread_moves(a: Array, unit: Array) -> Array:
    """Return the moves (N, 2, C) of arrays (N, 1, C), of both signs."""
    signs = (-1.0) ** np.arange(a.shape[-1])
    return np.asarray(unit * np.array(MOVES)[:, np.newaxis] * signs, a.dtype)


def _compare(
    part: str,
    fields: Mapping[str, Any],
    function: Callable[..., Any],
    given: Mapping[str, Array],
    expected: Array,
    sizes: Sequence[Array],
) -> Iterator[Verdict]:
    """Yield a verdict where a function gives something else than `expected`, called with the units first."""
    turned = {name: _turn(values) for name, values in given.items()}
    yield from compare(part, fields, partial(function, axis=0), turned, _turn(expected), sizes)


def compare(
    part: str,
    fields: Mapping[str, Any],
    function: Callable[..., Any],
    given: Mapping[str, Array],
    wanted: Array,
    sizes: Sequence[Array],
    sample_axis: int = -1,
) -> Iterator[Verdict]:
    """Yield a verdict where a function gives something else than is wanted; `sizes` are values whose rounding counts.

    The first word of `part` is the function's name; `sample_axis` counts samples.
    """
    name = part.partition(" ")[0]
    fields = {**fields, "verdict": WRONG, "part": part}
    try:
        found = call_part(name, function, given)
        found = check_array(name, found, wanted.shape)
    except MisconductError as error:
        yield Verdict(**fields, size=np.inf, explanation=str(error))
        return
    largest = sum(float(np.abs(values).max(initial=0.0)) for values in (*sizes, wanted))
    off = np.where(np.isfinite(wanted), np.abs(found - wanted), 0.0)
    if (off <= ROUNDINGS * np.finfo(wanted.dtype).eps * (1 + largest)).all():
        return
    worst = tuple(int(i) for i in np.unravel_index(np.where(np.isnan(off), np.inf, off).argmax(), off.shape))
    text = f"it gives {found[worst]:.6g}, evaluating and subtracting gives {wanted[worst]:.6g}: differences rely on it"
    size = float(off[worst] / (abs(wanted[worst]) or 1))
    yield Verdict(**fields, sample=worst[sample_axis], size=size, explanation=text)


def _turn(values: Array) -> Array:
    """Return arrays (N, M, C) as (C, M, N), and (N, M) as (M, N)."""
    return np.ascontiguousarray(values.T)

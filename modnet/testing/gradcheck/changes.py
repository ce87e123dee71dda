"""Verdicts on parts' own changes, as differences take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from modnet.interfaces import Activation, DenseLayer, FusedLoss, Loss
from modnet.testing.gradcheck.conduct import MisconductError, call_part, check_array
from modnet.testing.gradcheck.taylor import WRONG
from modnet.testing.gradcheck.verdicts import Verdict
from modnet.types import Array

SAMPLES = 20  # of a batch that are tried
ROUNDINGS = 100  # a difference of so many last bits is none
MOVES = (2.0**-3, -(2.0**-10))


def judge_changes(layer: DenseLayer, a: Array) -> Iterator[Verdict]:
    """Yield a verdict where an activation's own `change` is not what evaluating and subtracting gives."""
    part = layer.activation
    if type(part).change is Activation.change:
        return
    a = a[:SAMPLES, np.newaxis]
    z, da = part(a.copy()), _spread_moves(a, np.ones_like(a))
    expected, name = part(a + da) - z, f"change of activation {part!r}"
    yield from _compare(name, layer.number, part.change, {"a": a, "z": z, "da": da}, expected, (a + da, z))


def judge_loss_changes(loss: Loss, layer: DenseLayer, a: Array, t: Array) -> Iterator[Verdict]:
    """Yield a verdict where a form of a loss after the last `layer` is not what evaluating and subtracting gives."""
    a, t = a[:SAMPLES, np.newaxis], t[:SAMPLES, np.newaxis]
    fused, number = loss.fused(layer.activation), layer.number
    if fused is None:
        if type(loss).change is not Loss.change:
            y = layer.activation(a.copy())
            dy = _spread_moves(y, y)  # a share of each output, so that it stays where the loss is defined
            expected = Loss.change(loss, y, t, dy)
            given, name = {"y": y, "t": t, "dy": dy}, f"change of loss {loss!r}"
            yield from _compare(name, number, loss.change, given, expected, (loss(y, t),))
        return
    losses, y = fused(a.copy(), t.copy())
    da, name = _spread_moves(a, np.ones_like(a)), f"of loss {loss!r} with {layer.activation!r}"
    if type(fused).losses is not FusedLoss.losses:
        yield from _compare(f"losses {name}", number, fused.losses, {"a": a, "t": t}, losses, (a,))
    if type(fused).change is not FusedLoss.change:
        expected, given = FusedLoss.change(fused, a, y, t, da), {"a": a, "y": y, "t": t, "da": da}
        yield from _compare(f"change {name}", number, fused.change, given, expected, (a + da, losses))
    if type(fused).changes_along is not FusedLoss.changes_along:
        along = {"a": _turn(a), "y": _turn(y), "t": _turn(t), "directions": np.eye(len(da.T), dtype=a.dtype)}
        along["steps"] = _turn(da)
        wanted, sizes = FusedLoss.changes_along(fused, *along.values()), (a + da, losses)
        yield from _compare_turned(f"changes_along {name}", number, fused.changes_along, along, wanted, sizes)


def _spread_moves(a: Array, unit: Array) -> Array:
    """Return the moves (N, 2, C) of arrays (N, 1, C), of both signs."""
    signs = (-1.0) ** np.arange(a.shape[-1])
    return np.asarray(unit * np.array(MOVES)[:, np.newaxis] * signs, a.dtype)


def _compare(
    part: str,
    number: int,
    function: Callable[..., Any],
    given: Mapping[str, Array],
    expected: Array,
    sizes: Sequence[Array],
) -> Iterator[Verdict]:
    """Yield a verdict where a function gives something else than `expected`, called with the units first."""
    turned = {name: _turn(values) for name, values in given.items()}
    yield from _compare_turned(part, number, partial(function, axis=0), turned, _turn(expected), sizes)


def _compare_turned(
    part: str,
    number: int,
    function: Callable[..., Any],
    given: Mapping[str, Array],
    wanted: Array,
    sizes: Sequence[Array],
) -> Iterator[Verdict]:
    """Yield a verdict where a function gives something else than is wanted; `sizes` are values whose rounding counts.

    The first word of `part` is the function's name.
    """
    name = part.partition(" ")[0]
    fields: dict[str, Any] = {"verdict": WRONG, "part": part, "layer": number}
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
    yield Verdict(**fields, sample=worst[-1], size=size, explanation=text)


def _turn(values: Array) -> Array:
    """Return arrays (N, M, C) as (C, M, N), and (N, M) as (M, N)."""
    return np.ascontiguousarray(values.T)

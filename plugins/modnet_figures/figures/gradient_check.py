"""Gradient estimators compared: the error of each, and its cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import modnet
from modnet import EstimatorRow, SettingError
from modnet_figures.canvas import (
    COLORS,
    GREY,
    drawing,
    escape,
    find_longest,
    measure_inches,
    open_panels,
    put_title,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_check"]

NARROW = 5.0  # inches; in less the errors are drawn alone


def from_check(check: Any, *, title: str = "", ax: Any = None) -> Figure:
    """Return the error of each gradient estimator, the evaluations of the loss that it takes, and its seconds.

    `check` is what `modnet.check_gradient` returns. An estimator has a row, the smallest error first; a line is the
    spread of its repeats. Errors are relative to the length of the exact gradient, and those that are 0 stand at 0, to
    the left of the logarithmic axis. Raises SettingError.

    >>> net = modnet.TwoLayerNet(4, 3, 2, seed=0)
    >>> check = modnet.check_gradient(net, np.eye(4), np.array([0, 1, 1, 0]), estimators=["central-difference", "spsa"])
    >>> modnet.figures.gradient_check.from_check(check).savefig("estimators.png")
    """
    if not isinstance(check, modnet.GradientCheck):
        what = f"this picture is of a gradient check, not of {type(check).__name__}"
        raise SettingError([f"{what}: give what modnet.check_gradient returns"])
    rows = sorted((row for row in check.estimators if not row.problem), key=lambda row: row.error)
    with drawing(ax):
        size = (9, max(2.4, 1.2 + 0.24 * len(check.estimators)))
        is_wide = ax is None or measure_inches(ax)[0] >= NARROW
        figure, (errors, *costs) = open_panels(ax, size, 3 if is_wide else 1)
        put_title(figure, ax, escape(title))
        _draw_errors(errors, rows)
        for axes, name in zip(costs, ("evaluations", "seconds"), strict=False):
            _draw_costs(axes, rows, name)
        failed = [row for row in check.estimators if row.problem]
        for place, row in enumerate(failed, start=len(rows)):
            _write(errors, place, shorten(row.problem, 40))
        names = [shorten(row.name, 30 if ax is None else find_longest(errors, 30)) for row in (*rows, *failed)]
        labels = ("error", "evaluations of the loss", "seconds")
        for axes, label in zip((errors, *costs), labels, strict=False):
            axes.set(ylim=(max(len(names), 1) - 0.5, -0.5))
            axes.set_xlabel(f"{label} (less is better)", fontsize=8)
            axes.tick_params(labelsize=8)
            axes.set_yticks(range(len(names)), names if axes is errors else [])
            axes.tick_params(axis="y", length=0)
        return figure


def _draw_costs(axes: Any, rows: Sequence[EstimatorRow], name: str) -> None:
    """Draw the cost of each estimator on a logarithmic axis, in words where it has none."""
    known = [(getattr(row, name), place) for place, row in enumerate(rows) if getattr(row, name)]
    if known:
        axes.plot(*zip(*known, strict=True), "o", color=COLORS[2], markersize=5)
        axes.set_xscale("log")
        low, high = min(known)[0], max(known)[0]
        axes.set_xlim(low / 3, 3 * high)
        axes.xaxis.set_minor_formatter("")
        axes.xaxis.get_major_locator().set_params(numticks=5)
        if not any(low / 3 <= 10.0**power <= 3 * high for power in range(-12, 13)):
            axes.set_xticks([low], [f"{low:.2g}"])
    for place, row in enumerate(rows):
        if getattr(row, name) is None:
            _write(axes, place, "backward pass" if row.uses_backward else "none")


def _write(axes: Any, place: int, words: str) -> None:
    """Write words at the left end of a row."""
    axes.text(0.03, place, words, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=GREY)


def _draw_errors(axes: Any, rows: Sequence[EstimatorRow]) -> None:
    """Draw errors on a logarithmic axis, which has a place for 0 to the left of a dotted line."""
    known = [error for row in rows for error in (*row.errors, row.error) if error > 0 and math.isfinite(error)]
    low = 10.0 ** (math.floor(math.log10(min(known, default=1.0))) - 1)
    zero = low / 100
    for place, row in enumerate(rows):
        spread = [error or zero for error in (min(row.errors, default=row.error), max(row.errors, default=row.error))]
        axes.plot(spread, [place, place], color=COLORS[0], linewidth=2, alpha=0.5)
        axes.plot(row.error or zero, place, "o", color=COLORS[0], markersize=5)
    axes.set_xscale("log")
    has_zero = any(0 in (row.error, *row.errors) for row in rows)
    high = 10.0 ** math.ceil(math.log10(max(known, default=1.0)) + 0.2)
    axes.set_xlim(zero / 5 if has_zero else low * 3, high)
    first, last = round(math.log10(low)) + 1, round(math.log10(high))
    step = max(1, math.ceil((last - first) / 4))
    ticks = [10.0**power for power in range(first, last + 1, step)]
    words = [f"$10^{{{power}}}$" for power in range(first, last + 1, step)]
    if has_zero:
        axes.axvline(low, color=GREY, linestyle=":", linewidth=1)
        ticks, words = [zero, *ticks], ["0", *words]
    axes.set_xticks(ticks, words)
    axes.minorticks_off()

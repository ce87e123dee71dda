"""Contours of a function of two numbers, with descents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, DataError, SettingError
from modnet_figures.canvas import (
    COLORS,
    MARKERS,
    drawing,
    escape,
    find_ink,
    open_panels,
    put_legend_below,
    shorten,
    wrap,
)
from modnet_figures.subjects import to_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_function"]

GRID = 81  # places along each number
LEVELS = 12
MARGIN = 0.25  # of a path's extent to each side of it
FEW = 60  # points of a path that have a dot each
Limits = Sequence[float]


def from_function(
    f: Callable[[Array], Any],
    path: Any = None,
    *,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    names: Sequence[str] = ("x0", "x1"),
    title: str = "",
    ax: Any = None,
) -> Figure:
    """Return the contours of `f`, which takes an array of two numbers and returns one, with the path of a descent.

    `path` (N, 2) are the points of it, from the first on; or several paths by their labels, such as those of several
    optimizers. `xlim` and `ylim` are the ends of the plane, by default around the path, or from -3 to 3. As many points
    of the plane lie between each two lines. Saitoh, "Deep Learning from Scratch", figures 4-10 and 6-3, has such
    pictures. Raises SettingError, DataError.

    >>> def f(x):
    ...     return x[0] ** 2 / 20 + x[1] ** 2
    >>> path = [modnet.gradient_descent(f, [-7.0, 2.0], lr=0.9, step_num=steps) for steps in range(20)]
    >>> modnet.figures.contour.from_function(f, path).savefig("contour.png")
    """
    if isinstance(names, str) or len(names) != 2:
        raise SettingError([f"names must be those of the two numbers: {names!r}"], "contour")
    paths = {str(label): _read_path(each) for label, each in _name_paths(path).items()}
    ends = [_find_ends(paths.values(), axis, given) for axis, given in enumerate((xlim, ylim))]
    first, second = (np.linspace(low, high, GRID) for low, high in ends)
    values = _evaluate(f, first, second)
    with drawing(ax):
        figure, (axes,) = open_panels(ax, (5.5, 4.6))
        axes.grid(visible=False)
        _draw_contours(figure, axes, first, second, values)
        for number, (label, points) in enumerate(paths.items()):
            _draw_path(axes, points, label, COLORS[(number + 1) % len(COLORS)], MARKERS[number % len(MARKERS)])
        axes.set(xlim=ends[0], ylim=ends[1], xlabel=shorten(names[0]), ylabel=shorten(names[1]))
        axes.set_title(wrap(axes, escape(title)), fontsize=10)
        if paths:
            put_legend_below(axes)
        return figure


def _name_paths(path: Any) -> Mapping[Any, Any]:
    if isinstance(path, Mapping):
        return path
    return {} if path is None else {"descent": path}


def _read_path(path: Any) -> Array:
    """Return the points (N, 2) of a path; raises DataError."""
    try:
        points = to_array([to_array(point, "a point") for point in path], "path").astype(np.float64)
    except (TypeError, ValueError):
        raise DataError("a path must be points of two numbers, (N, 2)") from None
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise DataError(f"a path must be points of two numbers, (N, 2), not {points.shape}")
    lost = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(lost):
        what = f"point {lost[0]} of the path is {points[lost[0]].tolist()}"
        raise DataError(f"{what}: the descent diverged, draw path[:{lost[0]}] or take a smaller lr")
    return points


def _find_ends(paths: Any, axis: int, given: Limits | None) -> tuple[float, float]:
    """Return where the plane ends along an axis; raises SettingError."""
    if given is not None:
        try:
            low, high = map(float, given)
        except (TypeError, ValueError):
            low = high = 0.0
        if not (np.isfinite([low, high]).all() and low < high):
            raise SettingError([f"{'xy'[axis]}lim must be two numbers, the smaller one first: {given!r}"], "contour")
        return low, high
    values = np.concatenate([points[:, axis] for points in paths] or [np.array([-3.0, 3.0])])
    low, high = float(values.min()), float(values.max())
    if not len(paths):
        return low, high
    margin = MARGIN * (high - low) if high - low > 1e-9 * max(abs(low), abs(high)) else max(1.0, abs(low))
    return low - margin, high + margin


def _evaluate(f: Callable[[Array], Any], first: Array, second: Array) -> Array:
    """Return the values (GRID, GRID) of a function in the plane, a row for each second number; raises SettingError."""
    if not callable(f):
        raise SettingError([f"f must be a function of an array of two numbers, not {type(f).__name__}"], "contour")
    values = np.empty((len(second), len(first)))
    with np.errstate(all="ignore"):  # where it is not defined, nothing is drawn
        for row, b in enumerate(second):
            for column, a in enumerate(first):
                found = np.asarray(f(np.array([a, b])))
                if found.size != 1 or found.dtype.kind not in "biuf":
                    what = f"f must return one number for two, not shape {found.shape} of {found.dtype}"
                    raise SettingError([what], "contour")
                values[row, column] = found.reshape(())
    return values


def _draw_contours(figure: Figure, axes: Any, first: Array, second: Array, values: Array) -> None:
    known = values[np.isfinite(values)]
    levels = np.unique(np.quantile(known, np.linspace(0, 1, LEVELS + 2))) if len(known) else known
    if len(levels) < 3 or levels[-1] - levels[0] <= 1e-12 * abs(levels).max():
        axes.text(0.02, 0.98, "f is the same everywhere" if len(known) else "f has no finite values here",
                  transform=axes.transAxes, va="top", fontsize=9)  # fmt: skip
        return
    shown = np.ma.masked_invalid(values)
    filled = axes.contourf(first, second, shown, levels=levels, cmap="Blues_r", alpha=0.55, norm="linear")
    axes.contour(first, second, shown, levels=levels[1:-1], colors=[find_ink(axes)], linewidths=0.5, alpha=0.6)
    bar = figure.colorbar(filled, ax=axes, spacing="uniform", ticks=levels[:: max(1, len(levels) // 6)], format="%.3g")
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def _draw_path(axes: Any, points: Array, label: str, color: str, marker: str) -> None:
    """Draw a path with its beginning and its end; of few points each is a dot."""
    steps = len(points) - 1
    words = f"{shorten(label)}: {steps:,} {'step' if steps == 1 else 'steps'}"
    dots = {"marker": ".", "markersize": 5} if len(points) <= FEW else {}
    axes.plot(*points.T, color=color, linewidth=1.3, **dots)
    style: dict[str, Any] = {"color": color, "marker": marker, "linestyle": "none", "markersize": 7}
    axes.plot(*points[0], **style, markerfacecolor="none", markeredgewidth=1.5)
    words = f"{words} from ○ to ({points[-1][0]:.3g}, {points[-1][1]:.3g})"
    axes.plot(*points[-1], **style, label=wrap(axes, words, 9))

"""The learning curves of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

import modnet
from modnet import Array, History, Metric, ModnetError, Run, SavedRun, SettingError
from modnet.text import format_metric, printable
from modnet_figures.canvas import COLORS, GREY, drawing, escape, open_panels, put_legend_below, put_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_history", "from_run"]

PARTS = ("train_", "test_", "validation_")
LONGEST = 24  # letters of a column's name
MOST = 11  # metrics
ANGLE = "gradient_angle"  # in degrees, between an estimate and the exact gradient


MANY = 120  # evaluations, beside which their running mean is drawn
OWN = ("accuracy", "r2", "rmse")  # the metrics that every run has


def from_run(run: Run | SavedRun, *, title: str = "", ax: Any = None) -> Figure:
    """Return the learning curves of a run: the loss, each metric of all parts of the data, what callbacks recorded.

    Raises SettingError.

    >>> data = modnet.load("moons")
    >>> run = modnet.train(modnet.Network.for_data(data), data, iterations=500)
    >>> modnet.figures.learning_curves.from_run(run).savefig("curves.png")
    """
    metrics = find_metrics(run)
    return from_history(run.history, title, metrics, ax=ax)


def find_metrics(run: Run | SavedRun) -> list[Metric]:
    """Return the metrics that a run may have, but for those that are not available here; raises SettingError."""
    if isinstance(run, Run):
        return list(run.metrics)
    if not isinstance(run, SavedRun):
        raise SettingError([_describe_other(run)])
    found: list[Metric] = []
    wanted = run.experiment.get("metrics")
    for value in (*OWN, *(wanted if isinstance(wanted, list) else ())):
        settings = dict(value) if isinstance(value, dict) else {"name": value}
        with suppress(ModnetError, TypeError):
            found.append(modnet.metric(settings.pop("name", None), **settings))
    return found


def _describe_other(given: Any) -> str:
    advice = "take from_history" if isinstance(given, History) else "give a run, such as modnet.open_run(FOLDER)"
    return f"learning curves are of a run, not of {type(given).__name__}: {advice}"


def list_recorded(history: History) -> list[str]:
    """Return the names of the columns that are of no part of the data, but recorded by callbacks."""
    return [name for name in history.columns if not name.startswith(PARTS)]


def from_history(history: History, title: str = "", metrics: Sequence[Metric] = (), *, ax: Any = None) -> Figure:
    """Return the learning curves: the loss of every iteration, each metric of all parts of the data, what is recorded.

    `metrics` are those that are known, for their titles. Raises MissingExtraError, SettingError.
    """
    given: Any = history
    if not isinstance(given, History):
        raise SettingError([f"a history is expected, not {type(given).__name__}: give run.history"])
    with drawing(ax):
        return _draw(history, title, metrics, ax)


def _draw(history: History, title: str, metrics: Sequence[Metric], ax: Any) -> Figure:
    columns = [name.removeprefix("train_") for name in history.columns if name.startswith("train_")][:MOST]
    parts, recorded = _list_panels(history)
    recorded = recorded[: MOST - len(columns)]
    count = 1 + max(1, len(columns) + len(recorded))
    size = (4.5 * min(count, 3), 3.6 * -(-count // 3))
    figure, (left, *others) = open_panels(ax, size, count)
    put_title(figure, ax, escape(title))
    history, last, chosen = _split_chosen(history)
    if chosen is not None:
        for axes in (left, *others):
            label = f"parameters of {chosen:,}" if axes is left else None
            axes.axvline(chosen, color=GREY, linestyle=":", linewidth=1, label=label)
    _draw_loss(left, history, last)
    known = {metric.column: metric for metric in metrics}
    for axes, column in zip(others, columns, strict=False):
        suffix, longer = f"_{column}", tuple(f"_{other}" for other in columns if other.endswith(f"_{column}"))
        names = [name for name in history.columns if name.endswith(suffix) and not name.endswith(longer)]
        curves = {name.removesuffix(suffix): history.columns[name] for name in names}
        ends = {part: last.get(part + suffix, math.nan) for part in curves}
        _draw_metric(axes, history.evaluated_at, curves, ends, column, known.get(column))
    for axes, name in zip(others[len(columns) :], recorded, strict=False):
        curves = {of: history.columns[column] for of, column in parts.get(name, {}).items()}
        _draw_recorded(axes, history.evaluated_at, history.columns[name], name, curves)
    for axes in (left, *others):
        axes.set_xlabel("iteration")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def _list_panels(history: History) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the recorded columns that stand in the plot of another one, by that, and those with a plot of their own.

    `gradient_angle_of_w1` stands in the plot of `gradient_angle`, as `w1`.
    """
    recorded = list_recorded(history)
    parts: dict[str, dict[str, str]] = {}
    for name in recorded:
        whole, found, of = name.partition("_of_")
        if found and whole in history.columns and not whole.startswith(PARTS):
            parts.setdefault(whole, {})[of] = name
    inside = {name for names in parts.values() for name in names.values()}
    return parts, [name for name in recorded if name not in inside]


def _split_chosen(history: History) -> tuple[History, dict[str, float], int | None]:
    """Return the history without a second evaluation at its last iteration, and the last values of all columns.

    That is of parameters that a callback chose, such as those of the best epoch: their iteration is the third, if there
    is one.
    """
    last = {name: values[-1] for name, values in history.columns.items() if values}
    before = history.until(len(history.loss))
    measured = [name for name, value in last.items() if not math.isnan(value)]
    places = zip(before.evaluated_at, *(before.columns[name] for name in measured), strict=True)
    wanted = [last[name] for name in measured]
    if len(before.evaluated_at) == len(history.evaluated_at):
        return history, last, None
    return before, last, next((place for place, *values in places if values == wanted), None)


def find_width(count: int) -> int:
    """Return the width of a running mean of so many values: an odd fiftieth of them, 1 where that is none."""
    return max(1, count // 50) // 2 * 2 + 1 if count >= 100 else 1


def smooth(places: Array, values: Array) -> tuple[Array, Array]:
    """Return the running mean of values about each place, where there are as many to either side; of few, themselves.

    >>> smooth(np.arange(1, 151), np.arange(150.0))[1][:3]
    array([1., 2., 3.])
    """
    width = find_width(len(values))
    if width == 1:
        return places, values
    mean = np.convolve(values, np.ones(width) / width, mode="valid")
    return places[width // 2 : len(places) - width // 2], mean


def _draw_loss(axes: Any, history: History, last: Mapping[str, float]) -> None:
    loss = history.loss
    iterations = np.arange(1, len(loss) + 1)
    width = find_width(len(loss))
    axes.plot(iterations, loss, color=GREY, alpha=0.25 if width > 1 else 1, linewidth=0.8)
    if width > 1:
        axes.plot(*smooth(iterations, np.asarray(loss)), color=GREY, label=f"mean of {width} iterations")
    if validation := history.columns.get("validation_loss"):
        axes.plot(history.evaluated_at, validation, color=COLORS[2], label=f"validation: {last['validation_loss']:.4g}")
    put_legend_below(axes)
    low = min((value for value in loss if math.isfinite(value)), default=0.0)
    axes.set(title="loss of each mini-batch", ylim=(min(0.0, 1.05 * low), None))


def _draw_metric(
    axes: Any,
    places: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    last: Mapping[str, float],
    column: str,
    metric: Metric | None,
) -> None:
    """Draw a metric of each part, with its `last` value; those below -1 are left out, where larger is better."""
    marker = "." if len(places) <= 60 else None
    rises = metric is None or metric.larger_is_better
    # More than there are colors are not told apart, and could take for ever.
    for (part, values), color in zip(curves.items(), COLORS, strict=False):
        if not math.isnan(last[part]):
            value = format_metric(last[part]) if rises else f"{last[part]:.4g}"
            label = escape(f"{printable(part, LONGEST)}: {value}")
            if len(places) <= MANY:
                axes.plot(places, values, color=color, marker=marker, label=label)
                continue
            axes.plot(places, values, color=color, alpha=0.2, linewidth=0.8)
            axes.plot(*smooth(np.asarray(places), np.asarray(values)), color=color, label=label)
    found = [value for values in curves.values() for value in values if math.isfinite(value)]
    low, high = min(found, default=0.0), max(found, default=0.0)
    limits = (max(min(low, 0), -1.0) if rises else min(low, 0), 1 if rises and high <= 1 else None)
    title = (metric.title if metric else "") or column.replace("_", " ")
    axes.set(title=escape(printable(title, LONGEST)), ylim=limits)
    if places and axes.lines:
        put_legend_below(axes)


def _draw_recorded(
    axes: Any, places: Sequence[int], values: Sequence[float], name: str, parts: Mapping[str, Sequence[float]]
) -> None:
    """Draw the known values of a column that a callback has recorded, and of those of its parts."""
    drawn = np.zeros(0)
    shown = dict(zip(parts, COLORS, strict=False))  # more than there are colors are not told apart
    for label, curve, color in [("all", values, GREY), *((part, parts[part], shown[part]) for part in shown)]:
        known = [(place, value) for place, value in zip(places, curve, strict=True) if math.isfinite(value)]
        marker = "." if len(places) <= 60 else None
        label = escape(printable(label, LONGEST)) if parts else ""
        axes.plot(*zip(*known, strict=True), color=color, marker=marker, label=label or None, clip_on=False)
        drawn = np.append(drawn, [value for _, value in known])
    axes.set(title=escape(printable(name.replace("_", " "), LONGEST)))
    decorate_recorded(axes, name, drawn)
    if parts:
        put_legend_below(axes)


def decorate_recorded(axes: Any, name: str, values: Array) -> None:
    """Begin the axis of a recorded column's values at 0; that of an angle in degrees ends at a right one, or above."""
    axes.set_ylim(min([0.0, *(1.1 * values)]), None)
    if name == ANGLE:
        axes.axhline(90, color=GREY, linestyle=":", linewidth=1)
        axes.set(ylim=(0, 1.05 * max([90.0, *values])), ylabel="degrees")

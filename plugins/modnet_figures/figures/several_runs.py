"""The curves of several runs in one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, History, Metric, Run, SavedRun, SettingError
from modnet.text import measure_width, printable
from modnet_figures.canvas import COLORS, drawing, escape, open_panels, put_legend_below, put_title
from modnet_figures.figures.learning_curves import (
    ANGLE,
    LONGEST,
    MOST,
    decorate_recorded,
    find_metrics,
    list_recorded,
    smooth,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_histories", "from_runs"]

WIDE = 30.0  # values that span more than such a factor are drawn on a logarithmic axis
LINES = ("-", "--", ":", "-.")  # of groups that share a color
LEGEND = 56  # letters in a line of it, which is as wide as one panel
COST = "gradient_evaluations"


def from_runs(runs: Mapping[str, Any] | Sequence[Run | SavedRun], *, title: str = "", ax: Any = None) -> Figure:
    """Return the learning curves of several runs in one picture, a color each.

    `runs` are runs by their label, or lists of them, of which the mean and the range are drawn; or a list of runs.
    Raises SettingError.

    >>> data = modnet.load("moons")
    >>> nets = {f"{units} units": modnet.Network.for_data(data, hidden=units) for units in (2, 20)}
    >>> runs = {label: modnet.train(net, data, iterations=500) for label, net in nets.items()}
    >>> modnet.figures.several_runs.from_runs(runs).savefig("runs.png")
    """
    if not isinstance(runs, (Mapping, list, tuple)):
        what = f"runs are a list of them, or a dict by their labels, not {type(runs).__name__}"
        raise SettingError([f"{what}: give [run], for instance"])
    named = runs if isinstance(runs, Mapping) else {f"run {i}": run for i, run in enumerate(runs, start=1)}
    groups = {str(label): [*each] if isinstance(each, (list, tuple)) else [each] for label, each in named.items()}
    if not groups or not all(groups.values()):
        raise SettingError(["there are no runs to draw: give one at least"])
    metrics = [metric for each in groups.values() for run in each for metric in find_metrics(run)]
    histories = {label: [run.history for run in each] for label, each in groups.items()}
    return from_histories(histories, title, metrics, ax=ax)


def from_histories(
    groups: Mapping[str, Sequence[History]], title: str, metrics: Sequence[Metric] = (), *, ax: Any = None
) -> Figure:
    """Return the curves of groups of runs, such as those of a setting: the mean, and the range of all runs of a group.

    There is a panel for the loss, for each metric on the test part, and for each column that a callback has recorded in
    any of them. Raises MissingExtraError.
    """
    with drawing(ax):
        return _draw(groups, title, metrics, ax)


def _draw(groups: Mapping[str, Sequence[History]], title: str, metrics: Sequence[Metric], ax: Any) -> Figure:
    histories = [history for runs in groups.values() for history in runs]
    columns = dict.fromkeys(name for history in histories for name in history.columns)
    tested = [name for name in columns if name.startswith("test_")]
    recorded = dict.fromkeys(name for history in histories for name in list_recorded(history))
    names = [*tested, *(name for name in recorded if name != COST and "_of_" not in name)][:MOST]
    count = 1 + len(names)
    figure, (left, *others) = open_panels(ax, (4.5 * min(count, 3), 3.6 * -(-count // 3)), count)
    put_title(figure, ax, escape(title))
    known = {metric.column: metric for metric in metrics}
    for number, (label, runs) in enumerate(groups.items()):
        style = {"color": COLORS[number % len(COLORS)], "linestyle": LINES[number // len(COLORS) % len(LINES)]}
        cost = {float(value) for history in runs for value in _find_known(history, COST)[1]}
        legend = f"{label} ({cost.pop():,.0f} evaluations)" if len(cost) == 1 else label
        _draw_group(left, [_smooth_loss(history) for history in runs], style, escape(printable(legend, 2 * LONGEST)))
        for axes, name in zip(others, names, strict=True):
            _draw_group(axes, [_find_known(history, name) for history in runs], style)
    for axes, name in zip([left, *others], ["", *names], strict=True):
        metric = known.get(name.removeprefix("test_")) if name not in recorded else None
        axes.set(title=escape(printable(_find_title(name, metric), LONGEST)), xlabel="iteration")
        values = np.concatenate([line.get_ydata() for line in axes.lines] or [np.zeros(0)])
        if name in recorded:
            decorate_recorded(axes, name, values)
            low = min((value for value in values if value > 0), default=math.inf)
            if name != ANGLE and max(values, default=0.0) > WIDE * low and not min(values) < 0:
                axes.set_yscale("symlog", linthresh=low)  # which has a place for 0, too
                axes.set_ylim(min(values) / 1.5 or -0.1 * low, 2 * max(values))
        elif metric is None or metric.larger_is_better:
            low = min((value for value in values if math.isfinite(value)), default=0.0)
            lowest = max(min(low, 0.0), -1.0) if name else min(1.05 * low, 0.0)
            axes.set_ylim(lowest, 1 if name and max(values, default=0.0) <= 1 else None)
            for line in axes.lines:  # those that go below are cut there, others have whole points at the edges
                line.set_clip_on(bool(low < lowest))
    if ax is None:
        handles, words = left.get_legend_handles_labels()
        across = max(1, min(3, LEGEND // (max(map(measure_width, words), default=0) + 6)))
        figure.legend(handles, words, loc="outside lower center", ncols=across, frameon=False)
    else:
        put_legend_below(left)
    return figure


def _find_title(name: str, metric: Metric | None) -> str:
    """Return the title of a column's panel; "" is the loss."""
    if not name:
        return "loss of each mini-batch"
    return f"test {metric.title}" if metric and metric.title else name.replace("_", " ")


def _smooth_loss(history: History) -> tuple[Array, Array]:
    """Return iterations, and the mean loss about each of as many as there are in a fiftieth of the run."""
    return smooth(np.arange(1, len(history.loss) + 1), np.asarray(history.loss))


def _find_known(history: History, name: str) -> tuple[Array, Array]:
    """Return the iterations and the values of a column where it is known."""
    values = np.asarray(history.columns.get(name, []), np.float64)
    is_known = np.isfinite(values)
    return np.asarray(history.evaluated_at[: len(values)])[is_known], values[is_known]


def _draw_group(axes: Any, curves: Sequence[tuple[Array, Array]], style: Mapping[str, str], label: str = "") -> None:
    """Draw the mean of curves at the places that all of them have, and their range."""
    shared = curves[0][0]
    for places, _ in curves[1:]:
        shared = np.intersect1d(shared, places)
    if not len(shared):
        axes.plot([], [], label=label or None, **style)
        return
    values = np.array([found[np.searchsorted(places, shared)] for places, found in curves])
    axes.plot(
        shared,
        values.mean(axis=0),
        label=label or None,
        marker="." if len(shared) <= 60 else None,
        clip_on=False,
        **style,
    )
    if len(values) > 1:
        axes.fill_between(shared, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.15, linewidth=0)

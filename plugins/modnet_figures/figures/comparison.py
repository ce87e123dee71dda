"""Settings compared: their curves, every run as a dot, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import modnet
from modnet import Array, Comparison, History, Judgement, PairResult, SettingError, SettingResult
from modnet_figures.canvas import (
    COLORS,
    GREY,
    drawing,
    escape,
    find_ink,
    find_longest,
    open_panels,
    put_legend_below,
    put_title,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_comparison", "from_judgement"]

WIDE = 8.0  # errors that span more than such a factor are drawn on a logarithmic axis
MOST_PAIRS = 20  # that are drawn; of more, those of the setting that is most often ahead
LIFT, DOTS = 0.22, 0.34  # of a setting's row: where its interval is, below the middle, and how high its dots reach
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # of accuracies on a logarithmic axis


def from_comparison(comparison: Comparison | Any, *, title: str = "", ax: Any = None) -> Figure:
    """Return the curves of all settings, and beside them a dot for every run with the mean and its 95 % interval.

    Both show the same measure, and the axes say which side is better. `comparison` is what `modnet.compare` returns.
    Raises SettingError.

    >>> quick = {"gradient": "backpropagation", "training": {"iterations": 20}}
    >>> result = modnet.compare(quick, {"hidden_size": [5, 10]}, seeds=3, workers=1)
    >>> modnet.figures.comparison.from_comparison(result).savefig("comparison.png")
    """
    if not isinstance(comparison, modnet.Comparison):
        what = f"this picture is of a comparison, not of {type(comparison).__name__}"
        raise SettingError([f"{what}: give what modnet.compare returns"])
    settings = comparison.settings
    what, better = _describe(settings)
    with drawing(ax):
        size = (10, max(4.0, 1.2 + 0.4 * len(settings)))
        figure, (curves, scores) = open_panels(ax, size, 2)
        put_title(figure, ax, escape(title))
        for place, setting in enumerate(settings):
            _draw_curve(curves, setting, COLORS[place % len(COLORS)])
            _draw_scores(scores, setting, COLORS[place % len(COLORS)], place)
        _scale_curves(curves, settings[0].measure)
        curves.set(title=f"{what}: mean and range of all runs", xlabel="iteration", ylabel=f"{what} ({better})")
        if curves.lines and len(settings) <= len(COLORS):
            put_legend_below(curves)
        name = next(iter(settings[0].entries)) if len(settings[0].entries) == 1 else ""
        labels = [setting.entries[name] if name else setting.label for setting in settings]
        _name_rows(scores, labels, escape(name))
        scores.set(title="all runs, mean, 95 % interval", xlabel=f"{what} ({better})")
        _explain_intervals(scores, has_samples=any(setting.on_such_samples for setting in settings))
        return figure


def from_judgement(judgement: Judgement | Any, *, title: str = "", ax: Any = None) -> Figure:
    """Return a dot for every run with the mean and its interval, and all differences beside the ROPE.

    `judgement` is what `modnet.judge` returns. Raises SettingError.

    >>> scores = {"a": [0.91, 0.92, 0.90], "b": [0.95, 0.96, 0.94]}
    >>> result = modnet.judge(scores, higher_is_better=True)
    >>> [axes.get_title() for axes in modnet.figures.comparison.from_judgement(result).axes]
    ['all runs, mean, 95 % interval', 'differences, 95 % interval']
    """
    if not isinstance(judgement, modnet.Judgement):
        what = f"this picture is of a judgement, not of {type(judgement).__name__}"
        raise SettingError([f"{what}: give what modnet.judge returns"])
    settings, pairs = judgement.settings, judgement.pairs
    labels, datasets = ([*dict.fromkeys(getattr(each, key) for each in settings)] for key in ("label", "dataset"))
    left = ""
    if (count := len(pairs)) > MOST_PAIRS:
        leader = max(labels, key=lambda label: sum(pair.first == label for pair in pairs))
        pairs = tuple(pair for pair in pairs if leader in (pair.first, pair.second))
        left = f"{len(pairs)} of {count} pairs: those of {shorten(leader)}"
    with drawing(ax):
        size = (10, max(4.0, 1 + 0.35 * len(pairs), 1.2 + 0.4 * len(labels), 1.2 + 0.2 * len(settings)))
        figure, (scores, differences) = open_panels(ax, size, 2)
        put_title(figure, ax, escape(title))
        for each in settings:
            i, k = labels.index(each.label), datasets.index(each.dataset)
            place = i + (k - (len(datasets) - 1) / 2) * 0.8 / len(datasets)
            color = COLORS[(k if len(datasets) > 1 else i) % len(COLORS)]
            _draw_scores(scores, each, color, place, 1 / len(datasets))
        for k, dataset in enumerate(datasets[: len(COLORS)] if len(datasets) > 1 else ()):
            scores.plot([], [], "o", color=COLORS[k], markersize=4, label=shorten(dataset))
        _name_rows(scores, labels, "")
        better = "more is better" if judgement.higher_is_better else "less is better"
        scores.set(title="all runs, mean, 95 % interval", xlabel=f"{shorten(judgement.score)} ({better})")
        _explain_intervals(scores, has_samples=any(each.on_such_samples for each in settings))
        _draw_differences(differences, pairs, left)
        return figure


def _describe(settings: Sequence[SettingResult]) -> tuple[str, str]:
    """Return what is drawn of settings, and which side of it is better."""
    if settings[0].measure == "accuracy":
        return "test accuracy", "more is better"
    name = "test error (1 - R²)" if all(setting.has_r2 for setting in settings) else "test error"
    return name, "less is better"


def _draw_curve(axes: Any, setting: SettingResult, color: str) -> None:
    """Draw the test score as it changes: the mean of all runs, and a band from the best to the worst of them."""
    iterations = max((history.evaluated_at for history in setting.histories), key=len)
    values = np.array([_find_scores(history, setting, iterations) for history in setting.histories])
    if not values.size:
        return  # the histories have no such column
    axes.plot(iterations, values.mean(axis=0), color=color, label=shorten(setting.label, 40))
    if len(values) > 1:
        axes.fill_between(iterations, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)


def _find_scores(history: History, setting: SettingResult, iterations: Sequence[int]) -> Array:
    """Return the test scores of a run at some iterations, after its end those of its end; none without a column."""
    has_r2 = setting.measure == "error" and "test_r2" in history.columns
    values = np.array(history.columns.get("test_r2" if has_r2 else f"test_{setting.measure}", []))
    if not len(values):
        return values
    values = 1 - values if has_r2 else values
    return values[np.maximum(np.searchsorted(history.evaluated_at, iterations, side="right") - 1, 0)]


def _scale_curves(axes: Any, measure: str) -> None:
    """Draw scores whose errors span more than a factor by the logarithm of these, better ones on the same side."""
    from matplotlib.ticker import FixedLocator, LogLocator

    low, high = (float(end(axes.dataLim.intervaly)) for end in (np.min, np.max))
    if measure != "accuracy" and high > WIDE * low > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1e3 * low else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.minorticks_off()
    elif measure == "accuracy" and 1 - low > WIDE * (1 - high) > 0:
        axes.set_yscale("function", functions=(_to_nines, _from_nines))
        axes.yaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low - 0.05 <= tick <= high + 0.005]))
        axes.yaxis.set_major_formatter("{x:g}")


def _to_nines(accuracy: Any) -> Array:
    """Return by how many powers of ten an error is smaller than 1: 0.9 and 0.99 are as far apart as 0 and 0.9."""
    found: Array = -np.log10(np.maximum(1 - np.asarray(accuracy, float), 1e-9))
    return found


def _from_nines(nines: Any) -> Array:
    found: Array = 1 - 10.0 ** -np.asarray(nines, float)
    return found


def _draw_scores(axes: Any, setting: Any, color: str, place: float, width: float = 1.0) -> None:
    """Draw a dot for every run, above them the mean with its interval: over seeds, and thinner over samples, too."""
    scores = setting.scores
    below = np.linspace(0, DOTS, len(scores)) if len(scores) > 1 else np.zeros(1)
    has_interval = bool(setting.on_these_samples or setting.on_such_samples)
    axes.plot(scores, place + width * below, "o", color=color, alpha=0.5, markersize=4, markeredgewidth=0)
    line = place - width * (LIFT if has_interval else 0)
    for estimate, thickness in ((setting.on_such_samples, 1), (setting.on_these_samples, 4)):
        if estimate:
            axes.plot(estimate.interval(), [line, line], color=color, linewidth=thickness, solid_capstyle="butt")
    if has_interval:
        axes.plot([scores.mean()], [line], "|", color=find_ink(axes), markersize=10 * width + 2, markeredgewidth=1.5)


def _name_rows(axes: Any, labels: Sequence[str], name: str) -> None:
    """Label the rows of settings, the first one at the top."""
    size = max(4.0, min(9.0, 180 / len(labels)))
    longest = find_longest(axes, 28, size)
    axes.set_yticks(range(len(labels)), [shorten(label, longest) for label in labels], fontsize=size)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(labels) - 0.4, -0.6), ylabel=name)
    axes.margins(x=0.08)


def _explain_intervals(axes: Any, *, has_samples: bool) -> None:
    axes.plot([], [], color=GREY, linewidth=4, label="over seeds")
    if has_samples:
        axes.plot([], [], color=GREY, linewidth=1, label="over seeds and test samples")
    put_legend_below(axes)


def _draw_differences(axes: Any, pairs: Sequence[PairResult], left: str) -> None:
    """Draw the difference of each pair with its interval, beside the region of practical equivalence."""
    for i, pair in enumerate(pairs):
        if estimate := pair.on_such_samples or pair.on_these_samples:
            axes.plot(estimate.interval(), [i, i], color=GREY, linewidth=2, solid_capstyle="butt")
        axes.plot([pair.difference], [i], "o", color=GREY, markersize=5)
    if pairs and pairs[0].rope:
        rope = pairs[0].rope
        axes.axvspan(-rope, rope, color=COLORS[2], alpha=0.2, linewidth=0, label=f"practically equal: within {rope:g}")
        put_legend_below(axes, points=20)
    axes.axvline(0, color=GREY, linewidth=0.8)
    words = [f"{shorten(pair.first)} against {shorten(pair.second)}\n{shorten(pair.verdict, 60)}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), words, fontsize=8)
    axes.locator_params(axis="x", nbins=4)  # the plot is narrow beside the words of the pairs
    axes.set(title=f"differences, 95 % interval\n{left}".rstrip(), ylim=((len(pairs) or 1) - 0.5, -0.5))

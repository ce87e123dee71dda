"""The picture of a comparison: learning curves, and accuracies with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, History, figures
from modnet_verdicts.result import PairResult, SettingResult
from modnet_verdicts.scores import JudgedSetting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDE = 8.0  # errors that span more than such a factor are drawn on a logarithmic axis
_MOST_PAIRS = 20  # that are drawn; of more, those of the setting that is most often ahead
_REACH = 0.12  # of the runs of a setting to either side of its place, where settings are 1 apart


def draw_comparison(settings: Sequence[SettingResult], title: str) -> Figure:
    """Return the picture of settings side by side."""
    figure, curves, scores = figures.create_panels((10, 4), title)
    for place, setting in enumerate(settings):
        _draw_curve(curves, setting, figures.COLORS[place % len(figures.COLORS)])
        _draw_scores(scores, setting, figures.COLORS[place % len(figures.COLORS)], place)
    what = "test error (1 - R²)" if all(setting.has_r2 for setting in settings) else "test error"
    curves.set(title=f"{what}: mean and range of all runs", xlabel="iteration")
    low, high = (float(end(curves.dataLim.intervaly)) for end in (np.min, np.max))
    if high > _WIDE * low > 0:
        from matplotlib.ticker import LogLocator

        curves.set_yscale("log")
        curves.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        curves.yaxis.set_major_formatter("{x:g}")
        curves.yaxis.minorticks_off()
    if curves.lines and len(settings) <= len(figures.COLORS):
        curves.legend(frameon=False)
    name = next(iter(settings[0].entries)) if len(settings[0].entries) == 1 else ""
    labels = [setting.entries[name] if name else setting.label.replace(", ", "\n") for setting in settings]
    crowded = max(map(len, labels)) * len(labels) > 60
    scores.set_xticks(range(len(labels)), labels, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    scores.set(title=f"test {settings[0].measure}: all runs, mean, 95 % interval", xlabel=name)
    scores.plot([], [], color="grey", linewidth=4, label="over seeds")
    scores.plot([], [], color="grey", linewidth=1, label="over seeds and test samples")
    scores.margins(x=0.15)
    scores.legend(frameon=False, fontsize=8)
    return figure


def draw_judgement(settings: Sequence[JudgedSetting], pairs: Sequence[PairResult], score: str, title: str) -> Figure:
    """Return the picture of scores, and of differences beside the ROPE."""
    labels, datasets = ([*dict.fromkeys(getattr(each, key) for each in settings)] for key in ("label", "dataset"))
    if len(pairs) > _MOST_PAIRS:
        leader = max(labels, key=lambda label: sum(pair.first == label for pair in pairs))
        pairs = [pair for pair in pairs if leader in (pair.first, pair.second)]
    figure, scores, differences = figures.create_panels((10, max(4.0, 1 + 0.35 * len(pairs))), title)
    for each in settings:
        i, k = labels.index(each.label), datasets.index(each.dataset)
        place = i + (k - (len(datasets) - 1) / 2) * 0.8 / len(datasets)
        color = figures.COLORS[(k if len(datasets) > 1 else i) % len(figures.COLORS)]
        _draw_scores(scores, each, color, place, 1 / len(datasets))
    for k, dataset in enumerate(datasets[: len(figures.COLORS)] if len(datasets) > 1 else ()):
        scores.plot([], [], "o", color=figures.COLORS[k], markersize=4, label=dataset)
    scores.plot([], [], color="grey", linewidth=4, label="over seeds")
    if any(each.on_such_samples for each in settings):
        scores.plot([], [], color="grey", linewidth=1, label="over seeds and test samples")
    crowded = sum(map(len, labels)) > 45
    scores.set_xticks(range(len(labels)), labels, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    scores.set(title=f"{score}: all runs, mean, 95 % interval")
    scores.margins(x=0.15)
    scores.legend(frameon=False, fontsize=8)
    for i, pair in enumerate(pairs):
        if estimate := pair.on_such_samples or pair.on_these_samples:
            differences.plot(estimate.interval(), [i, i], color=figures.GREY, linewidth=2, solid_capstyle="butt")
        differences.plot([pair.difference], [i], "o", color=figures.GREY, markersize=5)
    if pairs and pairs[0].rope:
        rope = pairs[0].rope
        differences.axvspan(-rope, rope, color=figures.COLORS[2], alpha=0.2, linewidth=0, label=f"within {rope:g}")
        differences.legend(frameon=False, fontsize=8)
    differences.axvline(0, color=figures.GREY, linewidth=0.8)
    words = [f"{pair.first} against {pair.second}\n{pair.verdict}" for pair in pairs]
    differences.set_yticks(range(len(pairs)), words, fontsize=8)
    differences.set(title="differences, 95 % interval", ylim=((len(pairs) or 1) - 0.5, -0.5))
    return figure


def _draw_curve(axes: Any, setting: SettingResult, color: str) -> None:
    """Draw the test error as it falls: the mean of all runs, and a band from the best to the worst of them."""
    iterations = max((history.evaluated_at for history in setting.histories), key=len)
    errors = np.array([_find_errors(history, setting, iterations) for history in setting.histories])
    if not errors.size:
        return  # the histories have no such column
    axes.plot(iterations, errors.mean(axis=0), color=color, label=setting.label)
    if len(errors) > 1:
        axes.fill_between(iterations, errors.min(axis=0), errors.max(axis=0), color=color, alpha=0.2, linewidth=0)


def _find_errors(history: History, setting: SettingResult, iterations: Sequence[int]) -> Array:
    """Return the test errors of a run at some iterations, after its end those of its end; none without a column."""
    name = "test_r2" if setting.measure == "error" and "test_r2" in history.columns else f"test_{setting.measure}"
    errors = np.array(history.columns.get(name, []))
    if not len(errors):
        return errors
    errors = errors if name == "test_error" else 1 - errors
    return errors[np.maximum(np.searchsorted(history.evaluated_at, iterations, side="right") - 1, 0)]


def _draw_scores(
    axes: Any, setting: SettingResult | JudgedSetting, color: str, place: float, width: float = 1.0
) -> None:
    """Draw a dot for every run, and the mean with its interval: over seeds, and thinner over seeds and samples."""
    scores = setting.scores
    beside = width * np.linspace(-_REACH, _REACH, len(scores)) if len(scores) > 1 else np.zeros(1)
    axes.plot(place + beside, scores, "o", color=color, alpha=0.45, markersize=4, markeredgewidth=0)
    for estimate, thickness in ((setting.on_such_samples, 1), (setting.on_these_samples, 4)):
        if estimate:
            axes.plot([place, place], estimate.interval(), color=color, linewidth=thickness, solid_capstyle="butt")
    axes.plot([place], [scores.mean()], "_", color="black", markersize=12)

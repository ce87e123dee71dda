"""The picture of a comparison: learning curves, and accuracies with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet.comparison.result import Measure, SettingResult
from modnet.display.figure import COLORS, create_panels, drawing
from modnet.types import Array, History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDE = 8.0  # values that span more than such a factor are drawn on a logarithmic axis


@drawing()
def draw_comparison(settings: Sequence[SettingResult], title: str) -> Figure:
    """Return the picture of settings side by side; raises MissingExtraError."""
    figure, left, right = create_panels((10, 4), title)
    colors = [COLORS[i % len(COLORS)] for i in range(len(settings))]
    _draw_curves(left, settings, colors)
    _draw_scores(right, settings, colors)
    return figure


def _draw_curves(axes: Any, settings: Sequence[SettingResult], colors: Sequence[str]) -> None:
    """Draw the test error as it falls: the mean of all runs, and a band from the best to the worst of them."""
    for setting, color in zip(settings, colors, strict=True):
        longest = max(setting.histories, key=lambda history: len(history.evaluated_at)).evaluated_at
        errors = np.array([_find_errors(history, setting.measure, longest) for history in setting.histories])
        if errors.shape[1:] != (len(longest),):
            continue  # the histories have no such column
        axes.plot(longest, errors.mean(axis=0), color=color, label=setting.label)
        if len(errors) > 1:
            axes.fill_between(longest, errors.min(axis=0), errors.max(axis=0), color=color, alpha=0.2, linewidth=0)
    what = "test error (1 - R²)" if all(setting.has_r2 for setting in settings) else "test error"
    axes.set(title=f"{what}: mean and range of all runs", xlabel="iteration")
    low, high = (float(end(axes.dataLim.intervaly)) for end in (np.min, np.max))
    if high > _WIDE * low > 0:
        from matplotlib.ticker import LogLocator

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.minorticks_off()
    if axes.lines and len(settings) <= len(COLORS):
        axes.legend(frameon=False)


def _find_errors(history: History, measure: Measure, iterations: Sequence[int]) -> Array:
    """Return the test errors of a run at some iterations, at first none; after its end they are those of its end.

    There are none where it has no column for them.
    """
    name = "test_r2" if measure == "error" and "test_r2" in history.columns else f"test_{measure}"
    found = np.array(history.columns.get(name, []))[: len(history.evaluated_at)]
    if not len(found):
        return found
    errors = found if name == "test_error" else 1 - found
    return errors[np.maximum(np.searchsorted(history.evaluated_at, iterations, side="right") - 1, 0)]


def _draw_scores(axes: Any, settings: Sequence[SettingResult], colors: Sequence[str]) -> None:
    """Draw a dot for every run, and the mean with its interval: over seeds, and thinner over seeds and samples."""
    places, name = _choose_places(settings)
    reach = 0.12 * min(np.diff(np.sort(places)), default=1.0)
    for place, setting, color in zip(places, settings, colors, strict=True):
        scores = setting.scores
        beside = np.linspace(-reach, reach, len(scores)) if len(scores) > 1 else np.zeros(1)
        axes.plot(place + beside, scores, "o", color=color, alpha=0.45, markersize=4, markeredgewidth=0)
        for estimate, width in ((setting.on_such_samples, 1), (setting.on_these_samples, 4)):
            if estimate:
                axes.plot([place, place], estimate.interval(), color=color, linewidth=width, solid_capstyle="butt")
        axes.plot([place], [scores.mean()], "_", color="black", markersize=12)
    labels = [setting.entries[name] if name else setting.label.replace(", ", "\n") for setting in settings]
    crowded = not name and max(map(len, labels)) * len(labels) > 60
    axes.set_xticks(places, labels, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    axes.set(title=f"test {settings[0].measure}: all runs, mean, 95 % interval", xlabel=name)
    axes.plot([], [], color="grey", linewidth=4, label="over seeds")
    axes.plot([], [], color="grey", linewidth=1, label="over seeds and test samples")
    axes.margins(x=0.15)
    axes.legend(frameon=False, fontsize=8)


def _choose_places(settings: Sequence[SettingResult]) -> tuple[Array, str]:
    """Return the places of settings on the axis, and its name: at their values if one number varies, or in a row."""
    names = list(settings[0].entries)
    if len(names) == 1 and len(settings) > 1:
        with suppress(ValueError):
            values = np.array([float(setting.entries[names[0]]) for setting in settings])
            if values.min() > 0:
                return (np.log(values) if values.max() > _WIDE * values.min() else values), names[0]
    return np.arange(len(settings), dtype=np.float64), ""

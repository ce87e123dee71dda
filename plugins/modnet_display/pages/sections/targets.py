"""Predictions of numbers beside what is true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modnet import figures
from modnet_display.html import Html
from modnet_display.pages.sections.elements import note_samples
from modnet_display.pages.sections.pictures import draw_within, show_picture
from modnet_display.pages.sections.view import RunView


def draw_residuals(view: RunView) -> Iterator[Html]:
    """Yield predictions beside targets, and what is left over."""
    if (found := view.facts.regression) is None:
        return
    t, y = found
    names = ["target"] if t.shape[1] == 1 else [f"target {j + 1}" for j in range(t.shape[1])]
    errors = (y - t)[:, 0]
    numbers = {
        "mean": f"{errors.mean():.4g}", "std": f"{errors.std():.4g}", "targets": f"{t[:, 0].std():.4g}"
    }  # fmt: skip
    yield show_picture(
        view,
        "residuals",
        lambda: figures.residuals.from_predictions(t, y, names=names),
        [("residuals spread", numbers)],
        "residuals caption",
    )
    yield from note_samples(view)


def draw_errors(view: RunView) -> Iterator[Html]:
    """Yield the largest errors."""
    if (found := view.facts.regression) is None:
        return
    t, y = found
    spread = t.std(axis=0)
    worst = int((((y - t) / np.where(spread > 0, spread, 1)) ** 2).mean(axis=1).argmax())  # as the picture has them
    numbers = {"row": f"{worst + 1:,}", "true": f"{t[worst, 0]:.4g}", "predicted": f"{y[worst, 0]:.4g}"}
    yield show_picture(
        view,
        "errors",
        lambda: draw_within((4.8, 4.6), figures.mistakes.from_estimator, view.facts.run, view.facts.samples),
        [("largest error", numbers)],
    )

"""Predictions of numbers beside what is true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modnet import figures
from modnet_display.html import Html
from modnet_display.pages.sections.elements import note_samples
from modnet_display.pages.sections.phrases import Sentence
from modnet_display.pages.sections.pictures import draw_within, show_picture
from modnet_display.pages.sections.view import RunView

MOST = 4  # targets whose errors are described in words


def draw_residuals(view: RunView) -> Iterator[Html]:
    """Yield predictions beside targets, and what is left over."""
    if (found := view.facts.regression) is None:
        return
    t, y = found
    names = ["target"] if t.shape[1] == 1 else [f"target {j + 1}" for j in range(t.shape[1])]
    sentences: list[Sentence] = []
    for name, error, true in [*zip(names, (y - t).T, t.T, strict=True)][:MOST]:
        numbers = {"mean": f"{error.mean():.4g}", "std": f"{error.std():.4g}", "targets": f"{true.std():.4g}"}
        key = "residuals spread" if len(names) == 1 else "residuals spread of"
        sentences.append((key, {"name": name, **numbers}))
    yield show_picture(
        view,
        "residuals",
        lambda: figures.residuals.from_predictions(t, y, names=names),
        sentences,
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
    shown = {
        what: ", ".join(f"{value:.4g}" for value in of[worst, :MOST]) for what, of in (("true", t), ("predicted", y))
    }
    yield show_picture(
        view,
        "errors",
        lambda: draw_within((4.8, 4.6), figures.mistakes.from_estimator, view.facts.run, view.facts.samples),
        [("largest error", {"row": f"{worst + 1:,}", **shown})],
    )

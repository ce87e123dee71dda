"""Classes and what they are taken for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modnet import Dataset, figures
from modnet_display.html import Html, element, table
from modnet_display.pages.document import caption_of, scrolling
from modnet_display.pages.facts import Unknown
from modnet_display.pages.sections.class_scores import count_pairs, score_counts
from modnet_display.pages.sections.elements import note_samples
from modnet_display.pages.sections.phrases import Sentence, format_share, quote_label, shorten
from modnet_display.pages.sections.pictures import SMALL, draw_within, show_picture
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.words import say

FEW = 12  # classes whose matrix can be read in half a page
MANY = 60  # classes of which each has its row


def draw_confusion(view: RunView) -> Iterator[Html]:
    """Yield the confusion matrix."""
    if (found := view.facts.classification) is None:
        return
    (t, y), names = found, view.facts.classes
    counts = count_pairs(t, y.argmax(axis=1), len(names))
    right = int(np.trace(counts))
    numbers = {"right": f"{right:,}", "all": f"{len(t):,}", "share": f"{right / len(t):.1%}"}
    sentences: list[Sentence] = [("confused", numbers)]
    wrong = counts - np.diag(np.diagonal(counts))
    if wrong.any():
        a, b = np.unravel_index(int(wrong.argmax()), wrong.shape)
        pair = {"true": quote_label(names[a]), "predicted": quote_label(names[b]), "times": f"{wrong[a, b]:,}"}
        sentences.append(("most confused", pair))
    size, labels = SMALL if len(names) <= FEW else None, [names[k] for k in t]
    yield show_picture(
        view,
        "confusion",
        lambda: draw_within(size, figures.confusion_matrix.from_predictions, labels, y, classes=names),
        sentences,
        "confusion caption",
    )
    yield from note_samples(view)


def score_classes(view: RunView) -> Iterator[Html]:
    """Yield the table of precision, recall and F1 of each class, beside the baseline."""
    if (found := view.facts.classification) is None:
        return
    (t, y), names = found, view.facts.classes
    counts = count_pairs(t, y.argmax(axis=1), len(names))
    scores, there = np.array(score_counts(counts)), counts.sum(axis=1)
    order = np.arange(len(names)) if len(names) <= MANY else np.argsort(-there, kind="stable")[:MANY]
    rows: list[list[object]] = [[shorten(names[k]), *map(format_share, scores[:, k]), f"{there[k]:,}"] for k in order]
    largest = int(there.argmax())
    base = np.zeros_like(counts)
    base[:, largest] = there
    of_base = np.array(score_counts(base))
    known = there > 0
    rows.append([say("mean of classes"), *map(format_share, np.nan_to_num(scores[:, known]).mean(axis=1)),
                 f"{len(t):,}"])  # fmt: skip
    always = say("always", label=quote_label(names[largest]))
    rows.append([always, *map(format_share, np.nan_to_num(of_base[:, known]).mean(axis=1)), f"{len(t):,}"])
    heads = [say("class"), say("precision"), say("recall"), say("f1"), say("rows")]
    caption = caption_of(say("classes caption", baseline=f"{there[largest] / len(t):.4f}"), say("sort"))
    if known.any():
        low = int(np.where(known, np.nan_to_num(scores[1], nan=2.0), 2.0).argmin())
        yield element("p", say("weakest", low=format_share(scores[1, low]), label=quote_label(names[low])))
    yield scrolling(table(heads, rows, caption=caption, class_="sortable", totals=2))
    if len(names) > MANY:
        yield element("p", say("largest classes", count=MANY, all=f"{len(names):,}"), class_="note")


def draw_mistakes(view: RunView) -> Iterator[Html]:
    """Yield the samples of other classes that the run is most certain of."""
    if (found := view.facts.classification) is None or isinstance(view.facts.samples, Unknown):
        return
    (t, y), names, samples = found, view.facts.classes, view.facts.samples
    predicted = y.argmax(axis=1)
    wrong = np.flatnonzero(predicted != t)
    counts = {"wrong": f"{len(wrong):,}", "all": f"{len(t):,}"}
    if not len(wrong):
        yield element("p", say("none wrong"))
        return
    scores = y[wrong, predicted[wrong]]
    first = wrong[int(scores.argmax())]
    pair = {
        "true": quote_label(names[t[first]]), "predicted": quote_label(names[predicted[first]]),
        "score": f"{scores.max():.0%}" if 0 <= scores.max() <= 1 + 1e-6 else f"{scores.max():.3g}",
    }  # fmt: skip
    shape = view.facts.data.shape if isinstance(view.facts.data, Dataset) else None
    x = samples.unscaled(slice(None)) if view.facts.has_images else np.zeros((len(t), 1))  # rows have numbers alone
    size = (4.8, 4.4) if view.facts.has_images else (4.8, 1.1 + 0.28 * min(len(wrong), 15))
    yield show_picture(view, "mistakes",
        lambda: draw_within(
            size, figures.mistakes.from_predictions, x, [names[k] for k in t], y, classes=names, shape=shape,
            most=15,
        ),
        [
            ("mistaken", counts),
            ("most confident", pair),
        ],
        "mistakes caption",
    )  # fmt: skip

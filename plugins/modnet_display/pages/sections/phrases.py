"""Words for columns, labels and numbers inside sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from modnet import Metric
from modnet.text import printable
from modnet_display.html import Html
from modnet_display.pages.words import LANGUAGES, WORDS, say, say_each, tell

SHOWN = 40  # letters of a label inside a sentence
PARTS = ("train", "validation", "test")
Sentence = tuple[str, Mapping[str, str]]
"""The key of words, and the values in them; or `values` in each language."""


def tell_sentence(sentence: Sentence, language: str) -> str:
    """Return a sentence in a language; its values may be others in each.

    >>> tell_sentence(("metrics ended", {"en": "test loss 0.5", "ko": "시험 손실 0.5"}), "en")
    'At the end: test loss 0.5.'
    """
    key, values = sentence
    own = {"values": values[language]} if language in values else values
    return tell(key, language, **own)


def name_column(name: str, metrics: Sequence[Metric], language: str) -> str:
    """Return the name of a history's column in a language.

    >>> name_column("test_accuracy", [], "en"), name_column("test_accuracy", [], "ko")
    ('test accuracy', '시험 정확도')
    """
    part, _, column = name.partition("_")
    if part not in PARTS or not column:
        return printable(name.replace("_", " "), SHOWN)
    return f"{tell(part, language)} {_name_metric(column, metrics, language)}"


def _name_metric(column: str, metrics: Sequence[Metric], language: str) -> str:
    title = next((metric.title for metric in metrics if metric.column == column), "") or column.replace("_", " ")
    known = f"metric {title}"
    return tell(known, language) if known in WORDS else printable(title, SHOWN)


def say_column(name: str, metrics: Sequence[Metric]) -> Html:
    """Return the name of a history's column in both languages."""
    return say_each({each: name_column(name, metrics, each) for each in LANGUAGES})


def say_metric(column: str, metrics: Sequence[Metric]) -> Html:
    """Return the name of a metric, of whatever part of the data, in both languages."""
    return say_each({each: _name_metric(column, metrics, each) for each in LANGUAGES})


def say_or_show(word: object) -> object:
    """Return a word in both languages, where it has words, or else as it is."""
    return say(word) if isinstance(word, str) and word in WORDS else word


def shorten(name: object) -> str:
    """Return a label that fits into a sentence."""
    return printable(str(name), SHOWN)


def quote_label(name: object) -> str:
    """Return a label in quotation marks.

    >>> quote_label(7)
    '“7”'
    """
    return f"“{shorten(name)}”"


def format_share(value: float) -> str:
    """Return a share of 1 with four decimals; "-" where there is none."""
    return f"{value:.4f}" if math.isfinite(value) else "-"


def format_count(value: object) -> str:
    """Return a count with commas, or as it is where it is none.

    >>> format_count(5000), format_count(0.5), format_count("all")
    ('5,000', '0.5', 'all')
    """
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)

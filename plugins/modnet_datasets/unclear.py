"""Labels that people cannot see, or cannot tell apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from modnet.text import quote

JOINERS = "\u200c\u200d"  # characters without a width within words and emoji
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variants of the character before
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters and marks that are drawn as nothing
INVISIBLE = "an invisible character"
UNSEEN = {"Cc": "a control character", "Cf": INVISIBLE, "Zl": INVISIBLE, "Zp": INVISIBLE, "Cs": "half a character"}


def find_unclear_labels(labels: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    r"""Return a problem and the one or two labels that have it, or None where people can see and tell apart all labels.

    A label is not blank. It may hold line ends, and no other control character; nothing invisible; and two labels that
    are different text may not look alike, as composed and decomposed letters do.

    >>> find_unclear_labels(["cat", "dog\ufeff"])
    ("the label 'dog\\ufeff' has an invisible character (U+FEFF): take it out", ('dog\ufeff',))
    """
    seen: dict[str, str] = {}
    for label in labels:
        if not label.strip():
            return f"the label {quote(label, ascii)} is empty: nobody sees it, give it a name", (label,)
        is_plain = label.isascii() and label.isprintable()
        if not is_plain and (problem := _find_unseen(label)):
            return f"the label {quote(label)} has {problem}: take it out", (label,)
        if (other := seen.setdefault(label.strip() if is_plain else _to_look(label), label)) != label:
            both = f"{quote(other, ascii)} and {quote(label, ascii)}"
            return f"the labels {both} look alike: write them in one way, such as Unicode's form NFC", (other, label)
    return None


def _find_unseen(label: str) -> str | None:
    """Return what a label has that nobody sees, or None."""
    for before, letter in zip(f"a{label}", label, strict=False):
        what = INVISIBLE if letter in BLANK else UNSEEN.get(unicodedata.category(letter))
        is_harmless = letter in "\n\r" or (letter in JOINERS and not before.isascii())
        if what and not is_harmless:
            return f"{what} (U+{ord(letter):04X})"
    return None


def _to_look(label: str) -> str:
    """Return text that is the same for labels that look alike."""
    text = re.sub(f"[{JOINERS}{SELECTORS}]", "", re.sub(r"\r\n?", "\n", label))
    return unicodedata.normalize("NFC", re.sub(r"[^\S\n]", " ", text.strip()))

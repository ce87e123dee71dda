"""Words that stand for a missing value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

MISSING = frozenset({"", "?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"})
"""Words that stand for a missing value where nothing else is said; in a label, all but the empty one may be classes."""

LONGEST_LABEL = 1000  # characters
EMPTY = frozenset({""})

LIKELY = re.compile(
    r"[-\u2013\u2014.?*_~/\\#!]{1,6}|[<(\[]?(n\.?[ad]\.?|nan|nat|null|nil|none|missing|unknown|undefined|empty|blank)[>)\]]?"
    r"|#[\w/]+[!?]?|not (available|applicable|known)|\\n",
    re.IGNORECASE,
)
"""Words that may stand for a missing value among numbers."""

MissingValues = Sequence[str] | Mapping[str, Sequence[str]] | None
"""Words for all columns, or for some columns by name or number; None, and a column that is not named: `MISSING`."""


def find_doubtful(labels: Collection[str]) -> list[str]:
    """Return the labels that may be classes, or words for a missing label; a minus beside a plus is a class.

    >>> find_doubtful({"EU", "NA"}), find_doubtful({"+", "-"})
    (['NA'], [])
    """
    return sorted(label for label in labels if label in MISSING and not (label == "-" and "+" in labels))

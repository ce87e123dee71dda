"""A run as the sections of its page see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from modnet_display.html import Html
from modnet_display.pages.facts import RunFacts


@attrs.frozen(eq=False)
class RunView:
    """The facts of a run, and what its page does with them."""

    facts: RunFacts
    key: str = ""
    """The beginning of all ids, in pages of several runs."""
    level: int = 2
    """The level of its headings."""
    language: str = "en"
    """The language that the page opens in."""


Make = Callable[[RunView], Iterator[Html]]
"""The content of a section; it yields nothing where there is nothing to say."""

"""Pictures with their numbers in words, for those who do not see them, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modnet import figures
from modnet_display.html import Html, element, join, panels
from modnet_display.pages.facts import Unknown, attempt
from modnet_display.pages.sections.phrases import Sentence, tell_sentence
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.signs import say_reason
from modnet_display.pages.words import LANGUAGES, say, say_each, tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL = (4.6, 4.3)  # inches of a picture that is to be read on a phone, too


def show_picture(
    view: RunView,
    name: str,
    make: Callable[[], Figure],
    sentences: Sequence[Sentence],
    caption: str = "",
    *,
    spread: str = "",
) -> Html:
    """Return a picture with its numbers in words before it, how to read it below, or why it cannot be made.

    These words are the picture's name for screen readers, too; there `spread` follows them.
    """
    shown = attempt(lambda: panels(make()))
    if isinstance(shown, Unknown):
        return explain_lack(view, shown)
    words = {each: " ".join(tell_sentence(sentence, each) for sentence in sentences) for each in LANGUAGES}
    alts = {each: " ".join(filter(None, [f"{tell(name, each)}.", words[each], spread])) for each in LANGUAGES}
    named = {"aria_label": alts[view.language], **{f"data_{each}": alts[each] for each in LANGUAGES}}
    drawing = element("div", *shown, class_="drawing", role="img", **named)
    below = element("figcaption", say(caption)) if caption else ""
    return join([element("p", say_each(words)) if sentences else "", element("figure", drawing, below)])


def explain_lack(view: RunView, lack: Unknown) -> Html:
    """Return why a picture cannot be made."""
    return element("p", say("not drawn", why=say_reason(view.facts.clean(lack.why))), class_="note")


def draw_within(size: tuple[float, float] | None, draw: Callable[..., Figure], *args: Any, **options: Any) -> Figure:
    """Draw into a figure of a size in inches, or let the function choose it."""
    if size is None:
        return draw(*args, **options)
    with figures.drawing():
        figure = figures.create_figure(size)
        axes = figure.subplots()
    draw(*args, ax=axes, **options)
    return figure

"""Elements that several sections are made of: facts, code, commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modnet import Samples
from modnet_display.html import Html, element, escape, join
from modnet_display.pages.document import label
from modnet_display.pages.sections.phrases import format_count
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.words import say


def facts_table(rows: Sequence[tuple[object, object]]) -> Html:
    """Return a table of names and values."""
    body = (element("tr", element("th", key, scope="row"), element("td", value)) for key, value in rows)
    return element("table", element("tbody", *body), class_="facts")


def details(name: object, *children: object) -> Html:
    """Return content that opens when its name is chosen."""
    return element("details", element("summary", name), *children)


def code(text: str) -> Html:
    """Return text as it is written, in a region that scrolls by keyboard, too."""
    return element("pre", element("code", escape(text, 20_000)), tabindex="0", role="group", **label("wide"))


def command(name: str, text: str, key: str, language: str) -> Html:
    """Return a command with what it does, and a button that copies it."""
    shown = element(
        "pre", element("code", text, id=f"command-{key}"), tabindex="0", role="group", **label(name, language)
    )
    button = element(
        "button", say("copy"), element("span", " ", say(name), class_="hidden"), type="button",
        data_copy=f"command-{key}", hidden=True,
    )  # fmt: skip
    return join([element("p", say(name)), element("div", shown, button, class_="command")])


def note_samples(view: RunView) -> Iterator[Html]:
    """Yield of which samples a section is, where that is not the whole test part."""
    samples, count = view.facts.samples, view.facts.all_samples
    if isinstance(samples, Samples) and len(samples) < count:
        yield element("p", say("first samples", count=f"{len(samples):,}", all=f"{count:,}"), class_="note")
    if view.facts.part == "train":
        yield element("p", say("on training"), class_="note")


def digest(value: object) -> object:
    """Return a digest, which breaks anywhere, or a count."""
    return element("span", value, class_="digest") if isinstance(value, str) else format_count(value)

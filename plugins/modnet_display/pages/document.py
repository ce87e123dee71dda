"""The shell of a page: head, style, script, what switches theme and language."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from modnet_display.html import Html, element, escape, join
from modnet_display.pages.words import LANGUAGES, say, tell

MARK = "modnet page"
"""The `generator` of a page, by which a file is known to be one."""


def create_document(
    title: Mapping[str, str], body: Sequence[Html], contents: Sequence[tuple[str, Html]], language: str | None
) -> str:
    """Return a whole HTML file: `title` in each language, sections, and the links to those that have an id.

    Nothing outside the file is asked for: its policy forbids it, and runs its own script and style alone, by their
    digests. Without a `language` it opens in that of the browser, or in English.
    """
    style, script = _read("style.css"), _read("script.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src-elem {_digest(style)}; style-src-attr 'unsafe-inline'; "
        f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
    )
    first = language or "en"
    head = element(
        "head",
        element("meta", charset="utf-8"), "\n",
        element("meta", http_equiv="Content-Security-Policy", content=policy), "\n",
        element("meta", name="viewport", content="width=device-width, initial-scale=1"), "\n",
        element("meta", name="generator", content=MARK), "\n",
        element("meta", name="referrer", content="no-referrer"), "\n",
        element("meta", name="color-scheme", content="light dark"), "\n",
        element("title", title[first]), "\n",
        element("style", Html(style)), "\n",
    )  # fmt: skip
    links = element("ul", *(element("li", element("a", words, href=f"#{key}")) for key, words in contents))
    page = element(
        "div",
        _create_bar(first), "\n",
        element("nav", links, class_="contents", **label("contents", first)) if contents else "", "\n",
        element("main", join(body, "\n"), id="main", tabindex="-1"), "\n",
        element("footer", element("p", say("made by"))), "\n",
        class_="page",
    )  # fmt: skip
    said = element("div", id="said", role="status", class_="hidden"), element("template", say("copied"), id="copied")
    skip = element("a", say("skip"), href="#main", class_="skip")
    content = element("body", skip, "\n", page, *said, "\n", element("script", Html(script)), "\n")
    fixed = {"data_fixed": True} if language else {}
    whole = element("html", "\n", head, "\n", content, "\n", lang=first, **_to_data(title), **fixed)
    return f"<!DOCTYPE html>\n{whole}\n"


def label(key: str, language: str = "en", /, **values: object) -> dict[str, str]:
    """Return the attributes that name an element in a language, and in all of them for the script to change it."""
    found = {each: tell(key, each, **values) for each in LANGUAGES}
    return {"aria_label": found[language], **_to_data(found)}


def _to_data(words: Mapping[str, str]) -> dict[str, str]:
    return {f"data_{each}": words[each] for each in LANGUAGES}


def _create_bar(first: str) -> Html:
    """Return what switches language and theme, which the script shows."""
    languages = [
        element("button", name, type="button", lang=key, class_=f"to-{key}", data_choose=key)
        for key, name in (("ko", "한국어"), ("en", "English"))
    ]
    theme = element("button", say("dark"), type="button", id="theme", aria_pressed="false")
    return element("div", *languages, theme, class_="bar", hidden=True, role="group", **label("settings", first))


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _digest(text: str) -> Html:
    return Html(f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'")


def is_page(content: bytes) -> bool:
    """Return whether the beginning of a file is that of a page of modnet's."""
    mark = element("meta", name="generator", content=MARK).encode()
    return content.startswith(b"<!DOCTYPE html>") and mark in content


def section(key: str, name: str, *children: object, class_: str | None = None, level: int = 2) -> Html:
    """Return a section with its heading, whose words are those of `name`."""
    head = element(f"h{level}", say(name), id=f"{key}-title")
    return element("section", head, "\n", *children, id=key, aria_labelledby=f"{key}-title", class_=class_)


def scrolling(child: object, name: object = "") -> Html:
    """Return what may be wider than a phone, in a region that scrolls by itself, also by keyboard."""
    named = {"aria_label": escape(name)} if name else label("wide")
    return element("div", child, class_="scroll", tabindex="0", role="group", **named)


def caption_of(*sentences: object) -> Html:
    """Return the sentences of a table's caption, which stay in sight where the table is wider than a phone."""
    return element("span", join(sentences, " "), class_="caption")

"""Pages of runs and comparisons: made, written, shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from modnet import Comparison, DataError, History, Run, SavedRun, SettingError
from modnet.files import head_of, write_atomically
from modnet.text import format_size
from modnet_display.html import element, escape
from modnet_display.pages.comparison_page import create_comparison_page
from modnet_display.pages.document import create_document, is_page
from modnet_display.pages.facts import RunFacts
from modnet_display.pages.run_page import create_sections
from modnet_display.pages.sections.head import describe
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.several_page import create_overview
from modnet_display.pages.words import LANGUAGES, say, say_each, tell

PAGE = "page.html"
"""The page in the folder of a run or a comparison."""

MOST = 8  # runs that are shown in full in one page
HEAD = 4096  # bytes at the beginning of a file that say what it is


@attrs.frozen(eq=False, repr=False)
class Page:
    """A page of runs or of a comparison: a file without which nothing is needed, and its place."""

    html: str
    """The whole file."""
    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Page {self.path}: {format_size(len(self.html.encode()))}>"

    def _repr_html_(self) -> str:
        """Return a frame with the page, for notebooks; nothing in it reaches the notebook."""
        return element(
            "iframe", srcdoc=escape(self.html, len(self.html)), sandbox="allow-scripts", width="100%", height="720",
            title="modnet", style="border:0",
        )  # fmt: skip

    def open(self) -> bool:
        """Open the page in a browser; returns whether there is one."""
        import webbrowser

        return webbrowser.open(self.path.absolute().as_uri())


def show(
    subject: Run | SavedRun | Comparison, out: str | PathLike[str] | None = None, *, language: str | None = None
) -> Page:
    """Write the page of a run or of a comparison, and return it; see `show_all`.

    Without `out` it is page.html in the folder of a run that is saved, or else in the current folder.
    """
    check_language(language)
    if isinstance(subject, Comparison):
        path = Path(PAGE if out is None else out)
        check_place(path)
        groups = {setting.label: list(setting.histories) for setting in subject.settings}
        return write_comparison(subject.as_json(), groups, path, language)
    path = Path(out) if out is not None else (subject.folder or Path()) / PAGE
    check_place(path)
    return _write(create_run_page(RunFacts(run=subject, folder=to_place(subject.folder)), language), path)


def create_run_page(facts: RunFacts, language: str | None) -> str:
    """Return the page of a run as an HTML file."""
    first = language or "en"
    view = RunView(facts, language=first)
    links, sections = create_sections(view)
    names = {each: tell("run of", each, name=_name(facts, each)) for each in LANGUAGES}
    top = element("header", element("h1", say_each(names)), *describe(view), class_="top")
    return create_document(names, [top, sections], links, language)


def _name(facts: RunFacts, language: str) -> str:
    return facts.name or tell("unsaved", language)


def create_several_page(facts: Sequence[RunFacts], labels: Sequence[str], language: str | None, again: str = "") -> str:
    """Return the page of several runs as an HTML file: all beside each other, then each of them.

    `again` is the command that continues the comparison that they are of, which has not ended.
    """
    first = language or "en"
    whole = len(facts) <= MOST
    head = create_overview(facts, labels, first, are_below=whole)
    each_run = []
    for place, (one, name) in enumerate(zip(facts, labels, strict=True) if whole else (), start=1):
        key = f"run-{place}"
        view = RunView(one, key=f"{key}-", level=3, language=first)
        _, inside = create_sections(view)
        each_run.append(
            element(
                "details", element("summary", element("h2", name, style="display:inline")), *describe(view), inside,
                class_="run", id=key,
            )
        )  # fmt: skip
    names = {each: tell("runs", each, count=len(facts)) for each in LANGUAGES}
    note = element("p", say("not compared", command=element("code", again)), class_="warning") if again else ""
    top = element("header", element("h1", say_each(names)), note, class_="top")
    links = [
        ("overview", say("runs title")),
        *((f"run-{i}", escape(name)) for i, name in enumerate(labels[: len(each_run)], start=1)),
    ]
    return create_document(names, [top, *head, *each_run], links, language)


def write_several(
    runs: Sequence[Run | SavedRun], labels: Sequence[str], path: Path, language: str | None, *, again: str = ""
) -> Page:
    """Write the page of several runs, and return it."""
    facts = [RunFacts(run=run, folder=to_place(run.folder)) for run in runs]
    return _write(create_several_page(facts, labels, language, again), path)


def write_comparison(
    record: Mapping[str, Any],
    groups: Mapping[str, Sequence[History]],
    path: Path,
    language: str | None,
    *,
    folder: str = "",
    example: str = "",
) -> Page:
    """Write the page of a comparison, and return it; see `create_comparison_page`."""
    return _write(create_comparison_page(record, groups, folder, language, example), path)


def check_language(language: str | None) -> None:
    """Raise SettingError for a language that there is not."""
    if language is not None and language not in LANGUAGES:
        raise SettingError([f"no language {language!r}: available: {', '.join(LANGUAGES)}"], "language")


def check_place(path: Path) -> None:
    """Raise SettingError where a page would take the place of something else, and DataError where it has no folder."""
    if path.suffix.lower() not in {".html", ".htm"}:
        raise SettingError([f"a page is written as .html, not {path.suffix!r}: name such a file"], "out")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")
    if path.is_dir() or (path.exists() and not is_page(head_of(path, HEAD))):
        raise SettingError([f"{path} exists and is no page of modnet's: choose another name"], "out")


def _write(html: str, path: Path) -> Page:
    try:
        write_atomically(path, html.encode())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    return Page(html, path)


def to_place(folder: Path | None) -> str:
    """Return the folder of a run as commands name it: from the current one, where it is in that."""
    if folder is None:
        return ""
    path = folder.absolute()
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()

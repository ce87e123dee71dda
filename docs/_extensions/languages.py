"""English and Korean apart in one build.

`NAME.ko.md` is the translation of `NAME.md`. Each page has a switch to the other language, its own `lang`, the
navigation of its language (the toctrees of `index.md` and `index.ko.md`) and the theme's words in it. A page
without a translation gets one that says so.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sphinx
from docutils import nodes
from furo.navigation import get_navigation_tree
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.environment.adapters.toctree import TocTree

KOREAN = ".ko"
HOME = f"index{KOREAN}"
NAMES = {"en": "English", "ko": "한국어"}
OF_THE_THEME = {  # Sphinx has its own catalogue
    "On this page": "이 페이지에서",
    "Back to top": "맨 위로",
    "Skip to content": "본문으로 건너뛰기",
    "Home": "처음",
    "Next": "다음",
    "Previous": "이전",
    "Copyright": "저작권",
    "Made with ": "만든 도구: ",
}
UNTRANSLATED = """\
<section>
<h1>아직 번역되지 않은 페이지</h1>
<p>이 페이지는 아직 한국어로 번역되지 않았습니다. 영어 페이지를 읽으세요:
<a class="reference internal" href="{english}" hreflang="en" lang="en">{title}</a></p>
<p><a class="reference internal" href="{home}">한국어로 된 페이지 보기</a></p>
</section>
"""


def language_of(docname: str) -> str:
    """Return a page's language."""
    return "ko" if docname.endswith(KOREAN) else "en"


def counterpart_of(docname: str) -> str:
    """Return the name of the same page in the other language."""
    return docname.removesuffix(KOREAN) if docname.endswith(KOREAN) else docname + KOREAN


def untranslated_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each that has no translation."""
    assert isinstance(app.builder, StandaloneHTMLBuilder)
    for docname in sorted(app.env.found_docs):
        name = counterpart_of(docname)
        if language_of(docname) == "en" and name not in app.env.found_docs:
            uri = app.builder.get_relative_uri
            title = app.env.titles[docname].astext()
            body = UNTRANSLATED.format(english=uri(name, docname), title=title, home=uri(name, HOME))
            yield name, {"title": title, "body": body}, "page.html"


def remove_link_to_translation(app: Sphinx, doctree: nodes.document) -> None:
    """Remove the paragraph that only links to the translation, for readers of the file: the site has a switch."""
    other = counterpart_of(app.env.docname)
    for paragraph in list(doctree.findall(nodes.paragraph))[:1]:
        if len(paragraph) == 1 and isinstance(paragraph[0], addnodes.pending_xref):
            target = paragraph[0].get("reftarget", "").removesuffix(".md")
            if target == other.rpartition("/")[2] or target == other:
                paragraph.parent.remove(paragraph)


def speak(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None) -> None:
    """Set a page's language, its switch, and what depends on the language."""
    language = language_of(pagename)
    other = counterpart_of(pagename)
    if pagename.removesuffix(KOREAN) not in app.env.found_docs:
        other = HOME
    context["language"] = language
    context["other"] = {"lang": language_of(other), "name": NAMES[language_of(other)], "link": context["pathto"](other)}
    if language == "ko":
        words = _Korean()
        context |= {"_": words.gettext, "gettext": words.gettext, "ngettext": words.ngettext}
        context["master_doc"] = context["root_doc"] = HOME
        context["furo_navigation_tree"] = get_navigation_tree(_navigation(app, pagename))
        context |= _neighbours(app, pagename)


class _Korean:
    """The theme's words in Korean."""

    def __init__(self) -> None:
        folder = Path(sphinx.__file__).parent / "locale"
        self._catalogue = gettext.translation("sphinx", folder, ["ko"], fallback=True)

    def gettext(self, text: str) -> str:
        """Return the translation, or the text itself."""
        return OF_THE_THEME.get(text) or self._catalogue.gettext(text)

    def ngettext(self, one: str, many: str, n: int) -> str:
        """Return the translation of a text with a number."""
        return self._catalogue.ngettext(one, many, n)


def _navigation(app: Sphinx, pagename: str) -> str:
    assert isinstance(app.builder, StandaloneHTMLBuilder)
    docname = pagename if pagename in app.env.found_docs else HOME
    found: list[nodes.Node] = []
    for toctree in app.env.get_doctree(HOME).findall(addnodes.toctree):
        resolved = TocTree(app.env).resolve(
            docname, app.builder, toctree, prune=False, maxdepth=-1, titles_only=True, includehidden=True
        )
        found += resolved.children if resolved is not None else []
    tree = addnodes.compact_paragraph("", "", *found, toctree=True)
    return str(app.builder.render_partial(tree)["fragment"])


def _neighbours(app: Sphinx, pagename: str) -> dict[str, Any]:
    """Return the page before and the page after, in the order of the navigation."""
    names = [HOME, *(name for name in app.env.toctree_includes.get(HOME, []) if name.endswith(KOREAN))]
    at = names.index(pagename) if pagename in names else None
    found = {
        "prev": names[at - 1] if at else None,
        "next": names[at + 1] if at is not None and at + 1 < len(names) else None,
    }
    return {key: name and _link(app, pagename, name) for key, name in found.items()}


def _link(app: Sphinx, pagename: str, name: str) -> dict[str, str]:
    assert isinstance(app.builder, StandaloneHTMLBuilder)
    title = app.builder.render_partial(app.env.titles[name])["title"]
    return {"link": app.builder.get_relative_uri(pagename, name), "title": title}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events, after the theme."""
    app.connect("doctree-read", remove_link_to_translation)
    app.connect("html-collect-pages", untranslated_pages)
    app.connect("html-page-context", speak, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

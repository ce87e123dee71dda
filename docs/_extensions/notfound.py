"""The page for addresses that are not there, which stands by itself."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found - modnet</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem }}</style>
</head>
<body>
<h1>There is no such page</h1>
<p>It may have another name now. Begin at
the <a href="{home}">first page</a>, or <a href="{home}search.html">search</a>.</p>
<h2 lang="ko">그런 페이지가 없습니다</h2>
<p lang="ko">이름이 바뀌었을 수 있습니다.
<a href="{home}index.ko.html" hreflang="ko">첫 페이지</a>에서 찾아보세요.</p>
</body>
</html>
"""


def write_page(app: Sphinx, error: Exception | None) -> None:
    """Write the page: whoever serves the site shows it at any address, so that its links begin at the site's own.

    It has its icon in itself: where a page names none, a browser asks for one that is not there.
    """
    if error is None and app.builder.name == "html":
        home = escape(app.config.html_baseurl or "/", quote=True)
        icon = b64encode((Path(app.srcdir) / app.config.html_favicon).read_bytes()).decode()
        (Path(app.outdir) / "404.html").write_text(PAGE.format(home=home, icon=icon), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("build-finished", write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Pictures that follow light and dark, and the gallery, which is run."""

from __future__ import annotations

import ast
import io
import re
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from zlib import crc32

from docutils import nodes
from make_pictures import FOLDER, to_inline
from matplotlib.figure import Figure
from modnet_display import html
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

RUN = {"gallery", "gallery.ko"}  # pages of which each block of Python is run, and what it ends in is shown

WIDE = 600  # pixels, beyond which there are several plots in a picture


def put_pictures_inside(app: Sphinx, doctree: nodes.document) -> None:
    """Put pictures into the page: as files they would know neither its colors nor its font."""
    for image in list(doctree.findall(nodes.image)):
        path = (Path(app.srcdir) / app.env.docname).parent / image["uri"]
        if path.parent == FOLDER and path.suffix == ".svg":
            app.env.note_dependency(str(path))
            svg = to_inline(path.read_text(encoding="utf-8"), image.get("alt", ""))
            image.replace_self(_to_raw(let_scroll(svg)))


def let_scroll(svg: str) -> str:
    """Return a picture that a narrow window scrolls, where there are several plots in it: their letters stay large."""
    found = re.search(r' width="(\d+)"', svg)
    is_wide = found is not None and int(found[1]) > WIDE
    return f'<span class="wide">{svg.replace("max-width:100%;", "", 1)}</span>' if is_wide else svg


def has_own_labels(figure: Figure) -> bool:
    """Return whether each plot of a figure names its own rows: then it can be read without those beside it."""
    figure.draw_without_rendering()
    plots = [axes for axes in figure.axes if not hasattr(axes, "_colorbar")]
    return all(any(label.get_visible() and label.get_text() for label in axes.get_yticklabels()) for axes in plots)


def run_blocks(app: Sphinx, doctree: nodes.document) -> None:
    """Run the blocks of a page from top to bottom, and show below each what it prints and the value that it ends in."""
    if app.env.docname not in RUN:
        return
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for block in list(doctree.findall(nodes.literal_block)):
            if block.get("language") == "python":
                before = block.parent[block.parent.index(block) - 1].astext()
                printed = io.StringIO()
                try:
                    with redirect_stdout(printed), redirect_stderr(printed):
                        value = run(block.astext(), names)
                    shown = show(printed.getvalue() or None, before), show(value, before)
                except Exception as error:
                    raise ExtensionError(f"{app.env.docname}: {error}\n{block.astext()}") from error
                for found in (node for node in reversed(shown) if node is not None):
                    block.parent.insert(block.parent.index(block) + 1, found)


def run(code: str, names: dict[str, Any]) -> Any:
    """Run code, and return the value of the expression that it ends in."""
    body = ast.parse(code).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "block", "exec"), names)  # noqa: S102 - our own page
    return eval(compile(ast.Expression(last.value), "block", "eval"), names) if isinstance(last, ast.Expr) else None  # noqa: S307


def show(value: Any, alt: str) -> nodes.Node | None:
    """Return a figure as a picture, other objects as a notebook shows them, nothing of None."""
    if value is None:
        return None
    if isinstance(value, Figure):
        if not has_own_labels(value):
            return nodes.paragraph("", "", _to_raw(let_scroll(to_inline(html.to_svg(value, alt), alt))))
        plots = html.panels(value, key=f"g{crc32(alt.encode()):x}-")  # on a phone below each other
        return _to_raw(html.element("div", *plots, class_="plots", role="img", aria_label=alt))
    if hasattr(value, "_repr_html_"):
        return _to_raw(f'<div class="shown">{value._repr_html_()}</div>')
    return nodes.literal_block("", str(value), language="text")


def _to_raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("doctree-read", put_pictures_inside)
    app.connect("doctree-read", run_blocks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

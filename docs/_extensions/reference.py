"""Pages of the reference, and links to them from names in prose."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from make_reference import write_pages
from sphinx import addnodes
from sphinx.application import Sphinx

NAME = re.compile(r"(modnet(?:\.\w+)+)(?:\(.*\))?")


def write_reference(app: Sphinx) -> None:
    """Write the pages into the folder `reference`."""
    write_pages(Path(app.srcdir) / "reference")


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Make each code span such as `modnet.load(...)` a link to its entry, where there is one."""
    for literal in list(doctree.findall(nodes.literal)):
        inside = isinstance(literal.parent, (nodes.reference, nodes.title, addnodes.pending_xref))
        if not inside and "xref" not in literal["classes"] and (found := NAME.fullmatch(literal.astext())):
            link = addnodes.pending_xref(
                refdomain="py",
                reftype="obj",
                reftarget=found[1],
                refdoc=app.env.docname,
                refexplicit=False,
                refwarn=False,
            )
            literal.replace_self(link)
            link += literal


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("builder-inited", write_reference)
    app.connect("doctree-read", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""HTML in which foreign text is escaped: elements, tables, figures."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self
from xml.etree import ElementTree as ET

from modnet import figures
from modnet.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Html", "display", "element", "escape", "frame", "join", "picture", "table"]

LONGEST = 2_000  # letters of a text that anybody may have written
LARGEST = 400_000  # letters of a picture as SVG, beyond which it is smaller as PNG
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
# What is black, or nearly so, is drawn in the color of the text around it; what is white in that of the ground.
INK, PAPER = "currentColor", "var(--modnet-ground, transparent)"
_INKS, _PAPERS = frozenset({"#000000", figures.GREY}), frozenset({"#ffffff"})
_FONT = "var(--modnet-font, system-ui, sans-serif)"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_DECIMALS = re.compile(r"(\.\d\d)\d+")


# What stands in notebooks says how it looks by itself: their pages are of others, light or dark, and have a font.
_STYLE = """
.modnet-display{font-size:13px;line-height:1.45;max-width:100%}
.modnet-display>*{margin:0 0 .5em;max-width:100%;overflow-x:auto}
.modnet-display table{border-collapse:collapse;margin:0 0 .5em;font-size:inherit}
.modnet-display caption{text-align:left;padding:.2em 0;opacity:.75;color:inherit}
.modnet-display th,.modnet-display td{text-align:left;vertical-align:top;padding:.15em .9em .15em 0;
white-space:pre-line;border:0;border-bottom:1px solid #8884;background:none}
.modnet-display th{font-weight:600}
.modnet-display .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.modnet-display .facts thead{display:none}
.modnet-display svg.modnet-picture{max-width:max(100%,520px)!important}
.modnet-display pre{font-size:12px;white-space:pre;background:none}
.modnet-display .note{opacity:.75}
.modnet-display .bar{height:8px;border-radius:4px;background:#8883;overflow:hidden}
.modnet-display .bar>div{height:100%;background:#0c7bc0}
.modnet-display .on-white{background:#fff}
"""


class Html(str):
    """HTML that is safe where it stands: `element` makes it, and never escapes it again."""

    __slots__ = ()

    def __new__(cls, written: str) -> Self:
        """Return text that is known to be safe: say so of none that anybody else may have written."""
        return super().__new__(cls, written)


def escape(value: object, longest: int = LONGEST) -> Html:
    r"""Return any text as HTML that shows it: no markup, no quotes, no control characters; cut where it is very long.

    >>> escape('<b>"it\'s" & ' + chr(0x202E))
    '&lt;b&gt;&quot;it&#x27;s&quot; &amp; ?'
    """
    return value if isinstance(value, Html) else Html(html.escape(printable(str(value), longest, "\n\t")))


def join(parts: Iterable[object], between: object = "") -> Html:
    """Return parts one after the other, each escaped unless it is HTML.

    >>> join([element("b", "a"), "<"], " ")
    '<b>a</b> &lt;'
    """
    return Html(escape(between).join(map(escape, parts)))


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element; what is not HTML is escaped, and so are the values of attributes.

    An attribute whose value is True stands alone, and one that is None or False does not stand at all. `class_` is
    `class`, `aria_label` is `aria-label`.

    >>> element("a", "x < y", href="#top", class_="more", hidden=True, title=None)
    '<a href="#top" class="more" hidden>x &lt; y</a>'
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    shown = [
        f" {key}" if value is True else f' {key}="{escape(value)}"'
        for key, value in given.items()
        if value is not None and value is not False
    ]
    return Html(f"<{name}{''.join(shown)}>" + ("" if name in VOID else f"{join(children)}</{name}>"))


def table(
    heads: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: object = "",
    row_heads: bool = True,
    class_: str | None = None,
    totals: int = 0,
) -> Html:
    """Return a table with heads for its columns and, in its first cells, for its rows; cells of numbers are so marked.

    Its last `totals` rows are sums or means of the others.

    >>> print(table(["class", "recall"], [["<7>", "0.98"]]))
    <table><thead><tr><th scope="col">class</th><th scope="col" class="number">recall</th></tr></thead>
    <tbody><tr><th scope="row">&lt;7&gt;</th><td class="number">0.98</td></tr>
    </tbody></table>
    """
    body = [[*row] for row in rows]
    kinds = [_find_kind([row[place] for row in body if place < len(row)]) for place in range(len(heads))]
    top = element("tr", *(element("th", h, scope="col", class_=k) for h, k in zip(heads, kinds, strict=True)))
    lines = []
    for place, row in enumerate(body):
        cells = [element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=False)]
        if row_heads and row:
            cells[0] = element("th", row[0], scope="row", class_=kinds[0])
        lines.append(join([element("tr", *cells, class_="total" if place >= len(body) - totals else None), "\n"]))
    inside = [element("caption", caption)] if caption else []
    return element("table", *inside, element("thead", top), "\n", element("tbody", *lines), class_=class_)


def _find_kind(cells: Sequence[object]) -> str | None:
    return "number" if cells and all(map(is_number, cells)) else None


def frame(*children: object, class_: str = "") -> Html:
    """Return what a notebook shows, as `_repr_html_` of an object gives it: in the colors and the font that are there.

    >>> print(frame(element("b", "7"), " < 9"))  # doctest: +ELLIPSIS
    <div class="modnet-display"><style>...</style><div><b>7</b></div><div> &lt; 9</div></div>
    """
    parts = (element("div", child) for child in children if child)
    return element("div", Html(f"<style>{_STYLE}</style>"), *parts, class_=f"modnet-display {class_}".strip())


def display(thing: object) -> Html:
    """Return what a notebook shows of an object of modnet; it raises nothing, and never changes the object.

    >>> display(modnet.TwoLayerNet(4, 3, 2))[:28]
    '<div class="modnet-display">'
    """
    from modnet_display.displays import display as show

    return show(thing)


def is_number(cell: object) -> bool:
    """Return whether a cell shows a number, or that there is none: 0.98, 1,234, 5 %, ±, -.

    >>> is_number("1,234"), is_number("-0.5 ± 0.1"), is_number(""), is_number("7 a"), is_number("inf")
    (True, True, True, False, True)
    """
    text = re.sub("<[^>]*>", "", cell) if isinstance(cell, Html) else str(cell)
    return bool(re.fullmatch(r"[\d\s.,%±+\-−–e]*|[-−]?inf|nan", html.unescape(text)))


def panels(figure: Figure, *, key: str = "") -> list[Html]:
    """Return each plot of a figure as a picture of its own, and the legend of them all, which then flow like words.

    What is around them is to say what they show: to a screen reader they are nothing. Raises MissingExtraError and
    ModnetError.
    """
    plots = [axes for axes in figure.axes if not hasattr(axes, "_colorbar")]
    title = getattr(figure, "_suptitle", None)
    if len(plots) == 1 and not figure.legends and title is None:
        return [picture(figure, None, key=key)]
    with figures.drawing():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    parts = [*plots, *figure.legends]
    everything = [*figure.axes, *figure.legends, *([] if title is None else [title])]
    found = []
    for place, part in enumerate(parts):
        for other in everything:
            other.set_visible(other is part)
        with figures.drawing():
            extent: Any = part.get_tightbbox()
        box = extent.transformed(figure.dpi_scale_trans.inverted()).padded(0.04)
        found.append(picture(figure, None, key=f"{key}{place}" if key else "", box=box))
    for other in everything:
        other.set_visible(True)
    return found


def picture(figure: Figure, alt: str | None, *, key: str = "", largest: int = LARGEST, box: Any = None) -> Html:
    """Return a figure as an SVG inside HTML, or as a PNG where that is smaller; `alt` says what it shows.

    Without an `alt`, what is around it does. A `box` in inches is the part of the figure that is shown.

    What is black or `figures.GREY` in it takes the color of the text around it, and white areas that of the ground,
    `--modnet-ground`, so that it can be read on light and on dark ones. White text stays white, as it stands on
    something colored. Text is text, in the font of the page. The ids inside begin with `key`, without one with a
    digest of the content, so that several pictures can be in one page. The same figure has the same bytes.
    Raises MissingExtraError and ModnetError.
    """
    found = to_svg(figure, alt, key=key, box=box)
    if len(found) <= largest:
        return found
    content = io.BytesIO()
    with figures.drawing():
        figure.savefig(content, format="png", dpi=150, metadata={"Software": None}, bbox_inches=box)
    data = base64.b64encode(content.getvalue()).decode()
    width, height = (figure.get_size_inches() if box is None else box.size) * 96
    plain = element(
        "img", alt=alt or "", aria_hidden=None if alt else "true", src=Html(f"data:image/png;base64,{data}"),
        width=round(width), height=round(height),
        class_="modnet-picture on-white",
    )  # fmt: skip
    return found if len(found) < len(plain) else plain


def to_svg(figure: Figure, alt: str | None, *, key: str = "", box: Any = None) -> Html:
    """Return a figure as an SVG inside HTML, see `picture`."""
    content = io.BytesIO()
    with figures.drawing():
        import matplotlib as mpl

        mpl.rcParams.update({"svg.hashsalt": "modnet", "svg.fonttype": "none"})
        figure.savefig(content, format="svg", dpi=150, metadata={"Date": None, "Creator": None}, bbox_inches=box)
    written = _UNSEEN.sub("?", content.getvalue().decode())  # of labels, which Matplotlib writes as they are
    root = ET.fromstring(written)  # noqa: S314 - Matplotlib has just made it
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{SVG}metadata", f"{SVG}style"}:  # a style would be that of the whole page
                parent.remove(child)
    ids = _rename_ids(root, key or f"f{sha256(written.encode()).hexdigest()[:10]}")
    for node in root.iter():
        node.tag = node.tag.removeprefix(SVG)
        _clean(node, ids)
    width, height = (figure.get_size_inches() if box is None else box.size) * 96
    named = {"role": "img", "aria-label": printable(alt, LONGEST)} if alt else {"aria-hidden": "true"}
    root.attrib = {
        "viewBox": root.get("viewBox", ""), "width": f"{width:.0f}", "height": f"{height:.0f}", **named,
        "class": "modnet-picture",
        "style": f"fill:{INK};stroke-linejoin:round;stroke-linecap:butt;max-width:100%;height:auto",
    }  # fmt: skip
    return Html(ET.tostring(root, encoding="unicode", short_empty_elements=True).replace("\n", " "))


def _rename_ids(root: ET.Element, key: str) -> dict[str, str]:
    """Return new ids for those that something refers to; the others name what nobody asks for."""
    wanted: dict[str, str] = {}
    for node in root.iter():
        names = [name for value in node.attrib.values() for name in _REFERENCE.findall(value)]
        if (target := node.get(XLINK, "")).startswith("#"):
            names.append(target[1:])
        for name in names:
            wanted.setdefault(name, f"{key}-{len(wanted)}")
    return wanted


def _clean(node: ET.Element, ids: dict[str, str]) -> None:
    """Give a node the ids, colors and fonts of a page, and numbers with two decimals."""
    if (name := node.attrib.pop("id", None)) in ids:
        node.set("id", ids[str(name)])
    if target := node.attrib.pop(XLINK, ""):
        node.set("href", f"#{ids[target[1:]]}" if target.startswith("#") else target.replace("\n", ""))
    for key, value in node.attrib.items():
        if key == "style":
            node.set(key, _restyle(node.tag, value))
        elif key == "clip-path":
            node.set(key, _REFERENCE.sub(lambda found: f"url(#{ids[found[1]]})", value))
        elif key in {"d", "points", "x", "y", "width", "height", "transform"}:
            node.set(key, " ".join(_DECIMALS.sub(r"\1", value).split()))
    node.tail = None
    if node.tag not in {"text", "tspan"}:
        node.text = None


def _restyle(tag: str, style: str) -> str:
    """Return a style with the page's font, and the colors of text and ground in place of black and white."""
    found = []
    for key, _, value in (part.strip().partition(": ") for part in style.split(";") if part.strip()):
        if key == "font-family" and "mono" not in value.lower():
            value = _FONT
        elif key in {"fill", "stroke"} and value in _INKS:
            value = INK
        elif key == "fill" and value in _PAPERS and tag not in {"text", "tspan"}:
            value = PAPER
        found.append(f"{key}:" + _DECIMALS.sub(r"\1", value))
    return ";".join(found)

"""HTML in which foreign text is escaped."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from modnet_display.html import Html, element, escape, join, picture, table, to_svg

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--><!-- ]]>",
    "</title></style></text></svg><script>alert(1)</script>",
    "javascript:alert(1)",
    "a\x00\x07\x1b[2J\u202eb",
]


class Parsed(HTMLParser):
    """The elements, attributes and text of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def draw(label: str = "digits", color: str = "black") -> Figure:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1.123456789], color=color, label=label)
    axes.set(title=label.replace("$", ""), xlabel=label.replace("$", ""))
    axes.imshow(np.eye(2), extent=(0, 1, 0, 1))
    axes.legend()
    return figure


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_and_is_no_markup(text: str) -> None:
    shown = element("p", text, title=text, data_x=[text])
    found = Parsed(shown)
    assert found.tags == ["p"]
    assert [name for name, _ in found.attributes] == ["title", "data-x"]
    assert found.text == "".join(c if c.isprintable() else "?" for c in text)


def test_html_is_escaped_once() -> None:
    assert escape(escape("<")) == "&lt;"
    assert isinstance(element("b", element("i", "&")), Html)
    assert join(["<", Html("<br>")], " ") == "&lt; <br>"


def test_an_attribute_that_is_false_does_not_stand() -> None:
    assert element("input", checked=True, disabled=False, value=None) == "<input checked>"


def test_a_table_has_heads_with_their_scope() -> None:
    shown = table(["class", "rows"], [["<a>", "1"], ["b", "1,234"]], caption="per class")
    found = Parsed(shown)
    assert found.tags.count("th") == 4
    assert [value for name, value in found.attributes if name == "scope"] == ["col", "col", "row", "row"]
    assert [value for name, value in found.attributes if name == "class"] == ["number"] * 3
    assert "&lt;a&gt;" in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_of_a_figure_are_no_markup(text: str) -> None:
    found = Parsed(picture(draw(text), text))
    assert {"svg", "text", "path"} <= {*found.tags}
    assert not {"script", "style", "metadata", "img"} & {*found.tags}
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_a_figure_takes_the_colors_of_the_page() -> None:
    found = to_svg(draw(color="black"), "a line")
    assert "#000000" not in found
    assert "stroke:currentColor" in found
    assert "fill:var(--modnet-ground, transparent)" in found
    assert "stroke:#0072b2" in to_svg(draw(color="#0072b2"), "a line")


def test_ids_inside_a_figure_are_its_own() -> None:
    first, second = (Parsed(to_svg(draw(label), "a line")) for label in ("a", "b"))
    ids = [{value for name, value in found.attributes if name == "id"} for found in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for found, own in zip((first, second), ids, strict=True):
        wanted = {value[5:-1] for name, value in found.attributes if name == "clip-path"}
        wanted |= {value[1:] for name, value in found.attributes if name == "href" and value.startswith("#")}
        assert wanted == own


def test_the_same_figure_has_the_same_bytes() -> None:
    assert to_svg(draw(), "a line") == to_svg(draw(), "a line")
    assert 'id="mine-0"' in to_svg(draw(), "a line", key="mine")


def test_a_large_figure_is_a_png() -> None:
    figure = Figure()
    figure.subplots().plot(*np.random.default_rng(0).random((2, 10_000)), ".")
    found = Parsed(picture(figure, "many <points>"))
    assert found.tags == ["img"]
    assert ("alt", "many <points>") in found.attributes

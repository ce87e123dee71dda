"""The page of a run: its sections in their order."""

from __future__ import annotations

from collections.abc import Sequence

from modnet_display.html import Html, element
from modnet_display.pages.document import section
from modnet_display.pages.sections.classes import FEW, draw_confusion, draw_mistakes, score_classes
from modnet_display.pages.sections.course import draw_curves, show_metrics
from modnet_display.pages.sections.layers import draw_activations, draw_boundary, draw_gradients, draw_weights
from modnet_display.pages.sections.receipt import list_lacking, show_receipt
from modnet_display.pages.sections.targets import draw_errors, draw_residuals
from modnet_display.pages.sections.training import describe_training
from modnet_display.pages.sections.view import Make, RunView
from modnet_display.pages.words import say

SECTIONS: list[tuple[str, Make]] = [
    ("trained", describe_training),
    ("curves", draw_curves),
    ("results", show_metrics),
    ("confusion", draw_confusion),
    ("classes", score_classes),
    ("residuals", draw_residuals),
    ("mistakes", draw_mistakes),
    ("mistakes", draw_errors),
    ("weights", draw_weights),
    ("boundary", draw_boundary),
    ("activations", draw_activations),
    ("gradients", draw_gradients),
    ("lacking", list_lacking),
    ("receipt", show_receipt),
]
HALVES = ("confusion", "classes", "mistakes", "weights", "boundary", "activations", "gradients")
"""Sections that are no wider than half a page."""
OF_REGRESSIONS = {"boundary": "surface", "mistakes": "errors"}
"""The titles of sections that have another in the page of a regression."""


def create_sections(view: RunView) -> tuple[list[tuple[str, Html]], Html]:
    """Return the id and the title of each section that there is something to say in, and all of them."""
    links, sections = [], []
    found = [(name, content) for name, make in SECTIONS if (content := [*make(view)])]
    halves = _choose_halves([name for name, _ in found], view)
    for place, (name, content) in enumerate(found):
        title = OF_REGRESSIONS.get(name, name) if view.facts.is_regression else name
        links.append((view.key + name, say(title)))
        half = "half" if place in halves else None
        sections.append(section(view.key + name, title, *content, level=view.level, class_=half))
    return links, element("div", *sections, class_="sections")


def _choose_halves(names: Sequence[str], view: RunView) -> set[int]:
    """Return the places of sections that stand beside another one: two and two, and none alone."""
    many = len(view.facts.classes) > FEW
    narrow = [name in HALVES and not (many and name in {"confusion", "classes"}) for name in names]
    found = set[int]()
    for place in range(1, len(names)):
        if narrow[place] and narrow[place - 1] and place - 1 not in found:
            found |= {place - 1, place}
    return found

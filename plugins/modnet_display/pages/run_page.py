"""The page of a run: its sections in their order."""

from __future__ import annotations

from modnet_display.html import Html, element
from modnet_display.pages.document import section
from modnet_display.pages.sections.classes import draw_confusion, draw_mistakes, score_classes
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
    for name, make in SECTIONS:
        if content := [*make(view)]:
            title = OF_REGRESSIONS.get(name, name) if view.facts.is_regression else name
            links.append((view.key + name, say(title)))
            half = "half" if name in HALVES else None
            sections.append(section(view.key + name, title, *content, level=view.level, class_=half))
    return links, element("div", *sections, class_="sections")

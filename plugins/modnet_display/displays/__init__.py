"""Displays of objects in notebooks, as small HTML."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from modnet.text import format_error
from modnet_display.html import Html, element, frame

# The module that displays objects of a class, or of one derived from it.
_MODULES = {
    "Comparison": "comparisons",
    "Dataset": "datasets",
    "DerivativeCheck": "checks",
    "GradientCheck": "checks",
    "History": "histories",
    "Judgement": "comparisons",
    "LayeredNetwork": "networks",
    "Run": "runs",
    "SavedRun": "runs",
}
LARGEST = 200_000  # letters of a display, beyond which a text takes its place
LONGEST = 20_000  # letters of that text


def display(thing: Any) -> Html:
    """Return what a notebook shows of an object; a text with the reason where it cannot be drawn.

    The object stays as it is, nothing is trained, and no files are read. It raises nothing: a notebook would show an
    error in place of the object.
    """
    try:
        kind = next(cls.__name__ for cls in type(thing).__mro__ if cls.__name__ in _MODULES)
        module = import_module(f"modnet_display.displays.{_MODULES[kind]}")
        found = frame(*module.describe(thing))
        if len(found) <= LARGEST:
            return found
        why = "it would be too large here"
    except Exception as error:
        why = format_error(error)
    note = element("div", f"there is no display of it: {why}", class_="note")
    return frame(element("pre", write_text(thing)), note)


def write_text(thing: Any) -> str:
    """Return an object as text, of one that fails at that its class."""
    try:
        return str(thing)[:LONGEST]
    except Exception as error:
        return f"{type(thing).__name__}: {format_error(error)}"

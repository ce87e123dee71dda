"""Labels in the rows of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from modnet.files import quote
from modnet_data.csv.blocks import DIGITS, NEWLINE, ZERO
from modnet_data.csv.cells import ODD, WHOLE, is_number, label_problem, number_of, number_problem
from modnet_data.csv.layout import Layout
from modnet_data.csv.text import WHITESPACE
from modnet_data.rows import EXACT
from modnet_data.table.missing import Advice, Missing, describe_outside
from modnet_data.table.plan import Plan
from modnet_data.table.words import MISSING

Remedy: TypeAlias = Callable[[Missing], Advice]
"""Returns settings that mend a mistake, once all of the file is read: some depend on what else is in it."""


def no_remedy(_: Missing) -> Advice:
    """Return no settings."""
    return []


def as_text(_: Missing) -> Advice:
    """Return the setting that takes labels as text."""
    return [{"text_labels": True}]


def as_text_or_numbers(_: Missing) -> Advice:
    """Return both settings of how labels are taken."""
    return [{"text_labels": True}, {"text_labels": False}]


@attrs.frozen
class Fault:
    """A mistake in a row's label."""

    problem: str
    remedy: Remedy = no_remedy
    column: int = 0


def read_label(cells: Sequence[str], plan: Plan[Layout]) -> Any:
    """Return a row's label: text, a whole number, a list of numbers that are one-hot, or None; or what is wrong."""
    if not plan.labels:
        return None
    if plan.is_regression:
        return _targets(cells, plan)
    if len(plan.labels) > 1:
        return _one_hot(cells, plan)
    cell, place = cells[plan.labels[0]], plan.labels[0]
    if problem := label_problem(cell):
        return Fault(problem, column=place)
    found = _text_label(cell.strip(), plan) if plan.words else _number_label(cell, plan)
    return attrs.evolve(found, column=place) if isinstance(found, Fault) else found


def is_text_label(text: str, plan: Plan[Layout]) -> bool:
    """Say whether text without space around it is a label, and not a missing one."""
    return not (plan.is_missing(plan.labels[0], text) or isinstance(read_text(text, plan), Fault))


def is_oddly_spelled(block: bytes, lines: Sequence[str], plan: Plan[Layout]) -> bool:
    """Say whether a label in some regular lines may be text though it is a number: 01 or +1.

    `block` holds the same lines as bytes, or nothing.
    """
    delimiter, place, count = plan.table.dialect.delimiter, plan.labels[0], plan.table.count
    mark = plan.table.dialect.quote
    if block and mark.encode() not in block and delimiter.isascii() and delimiter != WHITESPACE:
        text = np.frombuffer(b"%b\n00" % block.removesuffix(b"\n"), np.uint8)
        ends = np.flatnonzero((text == ord(NEWLINE)) | (text == ord(delimiter)))
        if len(ends) == len(lines) * count:
            starts = np.concatenate([[0], ends[:-1] + 1])[place::count]
            first, second = text.take(starts), text.take(starts + 1)
            zero = (first == ZERO) & (second - np.uint8(ZERO) < DIGITS)
            return bool((zero | (first < ZERO)).any()) and _has_odd_line(lines, plan)
    return _has_odd_line(lines, plan)


def _has_odd_line(lines: Sequence[str], plan: Plan[Layout]) -> bool:
    place, delimiter, mark = plan.labels[0], plan.table.dialect.character, plan.table.dialect.quote
    for line in plan.table.dialect.prepare(lines):
        cells = next(csv.reader([line], delimiter=delimiter, quotechar=mark)) if mark in line else line.split(delimiter)
        if len(cells) > place and ODD.fullmatch(cells[place].strip()):
            return True
    return False


def read_text(text: str, plan: Plan[Layout]) -> str | Fault:
    """Return a label of text, once it is known to be one."""
    if problem := label_problem(text):
        return Fault(problem)
    return _text_label(text, plan)


def _text_label(text: str, plan: Plan[Layout]) -> str | Fault:
    classes = plan.wanted.classes
    if classes is not None:
        return text if text in classes else _outside(text, classes)
    if plan.wanted.text_labels is None and text not in MISSING and is_number(text):
        return Fault(f"expected text as in the first rows, found {quote(text)}", as_text)
    return text


def _number_label(cell: str, plan: Plan[Layout]) -> float | Fault:
    text, classes = cell.strip(), plan.wanted.classes
    value = number_of(plan.table.dialect.notation.to_plain(text))
    if classes is not None and value not in classes:
        return _outside(text, classes)
    if value is not None and classes is not None:
        return value
    if value is None and text in MISSING and not plan.has_own_words(plan.labels[0]):
        return Fault(f"is {quote(text)} a missing label, or a class?", Missing.advise_label_word)
    if value is None and WHOLE.fullmatch(text):
        return Fault(f"the label {quote(text)} has more digits than a float64 can hold", as_text)
    if value is None:
        return Fault(number_problem(cell), as_text)
    if plan.spelling_matters and ODD.fullmatch(text):
        return Fault(f"is the label {quote(text)} text, or the number {value:g}?", as_text_or_numbers)
    if not (value.is_integer() and abs(value) < EXACT):
        what = f"labels must be classes (whole numbers or text), found {quote(cell)}"
        return Fault(what, lambda _: [{"task": "regression"}])
    return value


def _targets(cells: Sequence[str], plan: Plan[Layout]) -> float | list[float] | Fault:
    """Return the numbers of all columns of the label, or of the only one."""
    values = list[float]()
    for i in plan.labels:
        if (value := number_of(plan.table.dialect.notation.to_plain(cells[i]))) is None:
            return Fault(number_problem(cells[i]), column=i)
        values.append(value)
    return values[0] if len(values) == 1 else values


def _one_hot(cells: Sequence[str], plan: Plan[Layout]) -> list[float] | Fault:
    values = list[float]()
    for i in plan.labels:
        value = number_of(plan.table.dialect.notation.to_plain(cells[i]))
        if value is None:
            return Fault(number_problem(cells[i]), column=i)
        values.append(value)
    if sorted(values)[-2:] != [0, 1] or sum(values) != 1:
        return Fault("the one-hot columns from here on are not one 1 and otherwise 0", column=plan.labels[0])
    return values


def _outside(text: str, classes: tuple[str | int, ...]) -> Fault:
    return Fault(describe_outside(text, classes), Missing.advise_more_classes)

"""Header of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from unicodedata import category

from modnet import DataError
from modnet.files import quote
from modnet_data.csv.cells import is_number
from modnet_data.csv.text import Broken, Dialect, Record, line_error
from modnet_data.table.columns import LABEL_NAMES
from modnet_data.table.words import MISSING


def is_header(rows: list[list[str]]) -> bool | None:
    """Say whether the first of some rows is a header; None where it could be either."""
    numbers = [cell for cell in rows[0] if is_number(cell)]
    if not numbers:
        return None if any(cell in MISSING for cell in rows[0] if cell) else _is_header_of_text(rows)
    # 0, 1, 2, ... may be the names that a program gave to columns without names.
    counted = len(numbers) > 2 and numbers in [[str(i + start) for i in range(len(numbers))] for start in (0, 1)]
    text, *others = [{i for i, cell in enumerate(row) if is_text(cell)} for row in rows[:2]]
    if not text:
        return None if counted or (_step(rows[0]) and _step(rows[0]) != _step(rows[1])) else False
    alike = others == [text]
    names = [rows[0][i].lower() for i in text if _may_be_name(rows, i)]
    if (counted and not alike) or any(name in LABEL_NAMES and len(name) > 1 for name in names):
        return True
    if names or counted:
        return None
    # One column of text is a label in a row like the next one; in a row unlike it, it is a mistake to be found.
    return False if len(text) == 1 and (alike or len(rows[0]) > 2) else None


def _step(row: Sequence[str]) -> float:
    """Return the step between the cells of a row, as of years or wavelengths; 0 where it varies or there are few."""
    if len(row) <= 3 or not all(map(is_number, row)):
        return 0
    first, second, *_ = numbers = [float(cell) for cell in row]
    return second - first if all(b - a == second - first for a, b in pairwise(numbers)) else 0


def _is_header_of_text(rows: list[list[str]]) -> bool | None:
    """Say whether a first row without a number is a header; None where names repeat, or are cells of their columns."""
    names = [cell for cell in rows[0] if cell]
    if any(is_number(cell) for row in rows[1:] for cell in row):
        return True
    again = {
        i for row in rows[1:] for i, (name, cell) in enumerate(zip(rows[0], row, strict=False)) if name == cell != ""
    }
    if len(again) == len(names):
        return False
    return None if again or len({*names}) < len(names) else True


def has_repeated_name(header: Record) -> bool:
    """Say whether a cell of a line comes twice in it, as no name of a column may."""
    names = [cell.strip() for cell in header.cells if cell.strip()]
    return len({*names}) < len(names)


def check_names(path: Path, header: Record, names: tuple[str, ...], dialect: Dialect) -> None:
    """Raise DataError where a name is none: it repeats, or holds what no name does."""
    line = header.line
    if (stray := header.stray_quote(dialect)) is not None:
        raise line_error(path, "a quote that is neither around the name nor doubled in it", line=line, column=stray)
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if name and name in seen:
            what = f"{quote(name)} is the name of column {seen[name] + 1} already; rename one"
            raise line_error(path, what, line=line, column=i)
        seen[name] = i
        if "\0" in name:
            raise line_error(path, f"{quote(name)} is no name; is it text at all?", line=line, column=i)
        if "\n" in name or "\r" in name:
            raise line_error(path, f"{quote(name)} is no name; is a quote left open?", line=line, column=i)
        if control := [letter for letter in name if category(letter) == "Cc"]:
            if control[0] == "\t" and len(names) == 1:
                what, advice = f"{quote(name)} has a tab, which is not the delimiter", [{"delimiter": "\t"}]
                raise line_error(path, what, line=line, column=i, advice=advice)
            what = f"{quote(name)} has a control character (U+{ord(control[0]):04X}): take it out"
            raise line_error(path, what, line=line, column=i)


def check_second(path: Path, names: tuple[str, ...], rows: list[Record], broken: Broken | None) -> None:
    """Raise DataError where the header is not followed by a row that can be read."""
    if broken and (not rows or broken.line < rows[0].line):
        name = names[broken.column] if broken.column < len(names) else None
        raise line_error(path, broken.problem, line=broken.line, column=broken.column, name=name)
    if not rows:
        raise DataError(f"{path}: a header and no rows", path=path)


def is_text(cell: str) -> bool:
    """Say whether a cell is no number, and no usual word for a missing value."""
    return cell not in MISSING and not is_number(cell)


def _may_be_name(rows: list[list[str]], column: int) -> bool:
    """Say whether no other cell of a column is as the first, which is named as a label is, or the others repeat."""
    name, *others = [row[column] for row in rows if column < len(row)]
    return name not in others and (name.lower() in LABEL_NAMES or 2 * len({*others}) < len(others))

"""Shape of a CSV file: delimiter, lines above the table, empty columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import attrs

from modnet import DataError
from modnet.files import quote
from modnet_data.csv.cells import Notation, is_number
from modnet_data.csv.text import WHITESPACE, Broken, Dialect, Record, line_error, records

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
RARE_DELIMITERS = ("|", "^", "~", ":")
COMMENT = re.compile(r"\s*([#%!*])")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
SEVERAL = re.compile(r"\d+(e[+-]?\d+)?( +\S+)* +[+-]?\d*", re.IGNORECASE)
"""A cell of several numbers: the decimals of one, and the next one up to its comma."""

WIDE = 3  # columns of a table, above which a row of one cell is a title


@attrs.frozen
class Cut:
    """The first records of a file, cut into cells by one delimiter."""

    rows: Sequence[Record] = attrs.field(repr=False)

    @cached_property
    def widths(self) -> list[int]:
        """The number of cells of each record."""
        return [len(row.cells) for row in self.rows]

    @cached_property
    def usual(self) -> int:
        """The number of cells that most records have; of those that are as many, the one that comes last."""
        counts = Counter(reversed(self.widths))
        return counts.most_common(1)[0][0] if counts else 0

    @property
    def is_alike(self) -> bool:
        """True where the first two records have equally many cells, two or more."""
        return bool(self.widths) and self.widths[0] > 1 and len({*self.widths[:2]}) == 1

    @property
    def is_regular(self) -> bool:
        """True where more than half of the records have equally many cells, two or more."""
        return self.usual > 1 and 2 * self.widths.count(self.usual) > len(self.widths)

    @property
    def is_even(self) -> bool:
        """True where all records have equally many cells, but for some above the table."""
        table = self.widths[self.widths.index(self.usual) :] if self.widths else []
        return len(table) > 1 and self.is_regular and len({*table}) == 1

    @property
    def has_numbers(self) -> bool:
        """True where a cell below the first record is a number, be its decimals behind a point or a comma."""
        return any(is_number(cell.replace(",", ".", 1)) for row in self.rows[1:] for cell in row.cells)


def choose_delimiter(path: Path, lines: Sequence[str], dialect: Dialect) -> str:
    """Return the one delimiter that cuts the first lines into a table; raises DataError where several do."""
    cuts = {delimiter: _cut(lines, dialect, delimiter) for delimiter in DELIMITERS}
    fitting = [delimiter for delimiter, cut in cuts.items() if cut.is_alike and cut.is_regular]
    fitting = fitting or [delimiter for delimiter, cut in cuts.items() if cut.is_alike]
    fitting = fitting or [delimiter for delimiter, cut in cuts.items() if cut.is_regular]
    if len(fitting) > 1:
        fitting = [delimiter for delimiter in fitting if cuts[delimiter].has_numbers] or fitting
    if len(fitting) > 1:
        kinds = " or ".join(DELIMITERS[delimiter] for delimiter in fitting)
        advice = [{"delimiter": delimiter} for delimiter in fitting]
        raise DataError(f"{path}: is the delimiter {kinds}?", path=path, advice=advice)
    if fitting == [","] and _has_decimal_commas(path, cuts[","], _cut(lines, dialect, WHITESPACE)):
        return WHITESPACE
    if fitting:
        tabs, blanks = cuts["\t"], _cut(lines, dialect, WHITESPACE)
        odd = fitting == ["\t"] and (tabs.widths[0] == 1 or not tabs.is_even)
        return WHITESPACE if odd and blanks.is_even and len({*blanks.widths}) == 1 else fitting[0]
    return _rare_delimiter(path, lines, dialect) or max(cuts, key=lambda delimiter: max(cuts[delimiter].widths or [0]))


def _has_decimal_commas(path: Path, commas: Cut, blanks: Cut) -> bool:
    """Say whether commas are decimal marks of numbers between blanks, as in 1,5 2,25; raises DataError where they may.

    Cut at commas, such lines have cells as 5 2, which are no numbers.
    """
    cells = [cell for row in blanks.rows[1:] for cell in row.cells if "," in cell]
    if not cells or not blanks.is_even or len({*blanks.widths}) > 1 or not all(map(DECIMAL_COMMA.fullmatch, cells)):
        return False
    within = [cell.strip() for row in commas.rows[1:] for cell in row.cells if " " in cell.strip()]
    odd = [cell for cell in within if not Notation(thousands=" ").is_number(cell)]
    if any(map(SEVERAL.fullmatch, odd)) or len(commas.rows) < len(blanks.rows):
        return True
    if odd:
        advice = [{"delimiter": WHITESPACE}, {"delimiter": ","}]
        raise DataError(f"{path}: is the delimiter a blank or a comma?", path=path, advice=advice)
    return False


def _rare_delimiter(path: Path, lines: Sequence[str], dialect: Dialect) -> str | None:
    """Return whitespace where nothing else cuts the lines evenly; other characters are asked for."""
    found = [other for other in (*RARE_DELIMITERS, WHITESPACE) if _cut(lines, dialect, other).is_even]
    if found in ([], [WHITESPACE]):
        return found[0] if found else None
    advice = [{"delimiter": delimiter} for delimiter in found]
    raise DataError(f"{path}: neither commas, semicolons nor tabs between cells", path=path, advice=advice)


def _cut(lines: Sequence[str], dialect: Dialect, delimiter: str) -> Cut:
    found = records(lines, attrs.evolve(dialect, delimiter=delimiter))
    return Cut([record for record in found if isinstance(record, Record)])


def check_start(path: Path, rows: Sequence[Record], broken: Broken | None, *, guarded: bool = False) -> None:
    """Raise DataError where the table does not begin with the first record, as titles or the like are above it.

    The settings of a file that is `guarded` are those of the training file too.
    """
    start = _table_start(rows)
    if not start or (broken and broken.line < rows[start].line):
        return
    first, table = rows[0], rows[start]
    width, usual = len(first.cells), len(table.cells)
    if start == 1 and not _is_sparse(first, usual) and measure(first, rows[1:], header=True)[0] == usual:
        return
    is_comment = bool(COMMENT.match(first.text))  # as numpy.savetxt writes names
    if start == 1 and width > 1 and _are_names(first) and not _are_names(table) and not is_comment:
        problem = f"the header has {width} columns, and the rows from line {table.line} on have {usual}"
        remedy = "name the others, or take cells out"
        if usual == width + 1 and len({row.cells[0] for row in rows[start:]}) == len(rows) - start:
            remedy = "name the first one (row names of R?)"
        raise line_error(path, f"{problem}: {remedy}", line=first.line)
    title = next((cell for cell in first.cells if cell.strip()), "")
    found = (
        f"1 column, {quote(title)}"
        if width == 1
        else f"a title, {quote(title)}"
        if width == usual
        else f"{width} columns"
    )
    problem = f"{found}, and {usual} in line {table.line}" + " and on" * (start + 1 < len(rows))
    if guarded:
        raise line_error(path, f"{problem}: lay it out as the training file is", line=first.line)
    marks = {mark[1] if (mark := COMMENT.match(row.text)) else "" for row in rows[:start]}
    comment = [{"comment": mark} for mark in marks if mark and len(marks) == 1]
    raise line_error(path, problem, line=first.line, advice=[*comment, {"skip_rows": table.line - 1}])


def _table_start(rows: Sequence[Record]) -> int:
    """Return the index of the record that a table begins with, 0 where nothing else is above it."""
    above = next((i for i, row in enumerate(rows) if not COMMENT.match(row.text)), 0)  # what may be comments
    usual = Cut(rows[max(above, 1) :]).usual
    if not usual or 2 * sum(len(row.cells) == usual for row in rows[above:]) < len(rows) - above:
        return 0
    start = next(i for i, row in enumerate(rows) if len(row.cells) == usual)
    filled = next((i for i, row in enumerate(rows) if i >= start and not _is_sparse(row, usual)), start)
    if filled > start and _are_names(rows[filled]):
        return filled
    # A header or row of another length than the others is a mistake in one of them, unless these are alike.
    return start if start != 1 or len(rows[0].cells) == 1 or Cut(rows[1:]).is_even else 0


def is_title(row: Record, width: int) -> bool:
    """Say whether a row can only be a title above a table of this width."""
    return len(row.cells) != width or _is_sparse(row, width)


def _is_sparse(row: Record, width: int) -> bool:
    """Say whether a row holds one text at most, as a spreadsheet's title does."""
    cells = [cell for cell in row.cells if cell.strip()]
    return len(cells) <= (width >= WIDE) and not any(map(is_number, cells))


def _are_names(row: Record) -> bool:
    return all(cell.strip() and not is_number(cell) for cell in row.cells)


def measure(first: Record, rows: Sequence[Record], header: bool) -> tuple[int, int]:
    """Return the number of columns, and how many of the last ones are empty, as lines end with a delimiter.

    `first` is the header or the first row. A header may have such an end though the `rows` have none, or the other
    way around.
    """
    width, own, usual = len(first.cells), _blanks(first), Cut(rows).usual
    blanks = min((_blanks(row) for row in rows if len(row.cells) == usual), default=0)
    if width == usual:
        return width, min(own, blanks)
    if header and width - own <= usual < width:
        return usual, 0
    if header and width < usual <= width + blanks:
        return usual, min(own + usual - width, blanks)
    return width, 0


def _blanks(row: Record) -> int:
    """Return how many of a row's last cells are blank."""
    return next((i for i, cell in enumerate(reversed(row.cells)) if cell.strip()), len(row.cells))

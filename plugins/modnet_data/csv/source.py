"""CSV files: a row a sample, a column the label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import attrs
from attrs.validators import ge, in_, instance_of, le, optional

from modnet import DataError, Dataset
from modnet.files import quote
from modnet_data.cached import Facts, Put, arrays_of
from modnet_data.csv.cells import is_number
from modnet_data.csv.encodings import is_text_encoding
from modnet_data.csv.layout import Layout, LayoutSettings, layout_of
from modnet_data.csv.pictures import LabelGuess, WrongGuessError, picture_label
from modnet_data.csv.rows import convert, read_first_cells
from modnet_data.csv.text import QUOTES, WHITESPACE
from modnet_data.csv.write import write_csv_files
from modnet_data.formats import SUFFIXES
from modnet_data.table.label import NUMBER_LIKE
from modnet_data.table.plan import ColumnSettings, Plan, data_plan, find_nothing
from modnet_data.table.prediction import rows_plan
from modnet_data.table.source import Converted, TableSource

MOST_DOUBTS = 4  # about a layout, one after the other
MOST_FOOTER = 1000  # lines
RULE = re.compile(r":?[-=_+]{2,}:?")
"""A cell of a line that is drawn below a header."""


def _one_character(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and (len(value) != 1 or value in '"\r\n' or value.isalnum()):
        raise ValueError(f"'{attribute.name}' must be one character that is no letter, digit or quote: {quote(value)}")


def _delimiter(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value != WHITESPACE:
        try:
            _one_character(_, attribute, value)
        except ValueError as error:
            raise ValueError(f"{error} (or {WHITESPACE!r}, for runs of blanks)") from None


def _encoding(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not is_text_encoding(value):
        known = "such as 'utf-8', 'cp949', 'latin-1', 'utf-16'"
        raise ValueError(f"'{attribute.name}' must be a text encoding {known}: {quote(value)}")


@attrs.frozen
class Csv(TableSource):
    r"""Rows of numbers and words, with a label of text or whole numbers in one column; compressed files are unpacked.

    What is None is inferred where that is safe, and asked for where it is not: `delimiter` (a comma, semicolon, tab, or
    "whitespace": runs of blanks); `decimal`, the mark before decimals (a point or a comma); `header` (whether the first
    line names the columns); `label` (the column named "label", "class", "species" or the like, or the only one that
    could be a label, of text or whole numbers that repeat; beside pixels without a header, the first or the last
    column, if just one of them counts classes from 0 or 1 without a gap). A first line such as `sep=;`, by which Excel
    tells the delimiter, is understood, as are a byte order mark and a delimiter at the end of each line. The first
    `skip_rows` and the last `footer` lines are not read, nor those that begin with `comment`. `thousands` is the mark
    between thousands: none, if it is not given; `quotechar` that around cells.

    A column is given by its name, its number from 0, "first" or "last". `label` is one, or a list of columns that are
    one-hot. The others are `features`, unless these are listed, or some columns are listed in `leave_out`. Columns that
    give the label away are refused as features unless they are listed: a copy of the label in other words, its one-hot
    columns, row numbers of a table that lies class by class. Features are kept as `dtype`: None takes uint8 where all
    are whole numbers from 0 to 255, float64 otherwise.

    Columns of text are features, encoded as `encode` says; one that has too many words is asked about. `task` is
    "regression" for labels that are any numbers; `weights` is a column of sample weights.

    `missing` values are refused unless `impute` covers their column; "drop" leaves their rows out, a number is filled
    in for them in features. They are
    empty cells and the words in `missing_values`: a list for all columns, or a table of lists by column. None takes NA,
    NaN, ?, null and the like in features; in a label of text, where they may be classes, it asks. No rows are left out
    with which a class would go. `text_labels` says whether labels are text: 01 and 1 are then two classes; None asks
    where that matters. `classes` are the labels that there are, in this order, with or without rows; None takes those
    that are found, sorted.

    `test` is the file with the test part, relative to the folder of this one. None takes the file beside it that
    has "test" in its name in place of "train", if there is one; "" takes none. Without a test file a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike.
    `validation` is the file with the validation part; None and "" take none.

    A file of 4 MiB or more is converted once and then mapped into memory, so it need not fit.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.csv"
    ...     _ = path.write_text("length,width,species\n5.1,3.5,setosa\n6.3,3.3,virginica\n")
    ...     data = Csv(test_fraction=0).read(path)
    >>> data.classes, data.settings["label"]
    (('setosa', 'virginica'), 'species')
    """

    format = "csv"
    version = 6
    suffixes = SUFFIXES["csv"]

    delimiter: str | None = attrs.field(default=None, validator=_delimiter)
    decimal: Literal[".", ","] | None = attrs.field(default=None, validator=optional(in_([".", ","])))
    thousands: Literal[",", ".", " ", "'"] | None = attrs.field(
        default=None, validator=optional(in_([",", ".", " ", "'"]))
    )
    comment: str | None = attrs.field(default=None, validator=_one_character)
    encoding: str = attrs.field(default="utf-8", validator=_encoding)
    header: bool | None = attrs.field(default=None, validator=optional(instance_of(bool)))
    skip_rows: int = attrs.field(default=0, validator=[instance_of(int), ge(0)])
    footer: int = attrs.field(default=0, validator=[instance_of(int), ge(0), le(MOST_FOOTER)])
    quotechar: Literal['"', "'", "`"] = attrs.field(default=QUOTES[0], validator=in_(QUOTES))

    def __attrs_post_init__(self) -> None:
        if self.thousands and self.thousands == self.decimal:
            raise ValueError(f"'thousands' and 'decimal' cannot both be {self.thousands!r}")
        super().__attrs_post_init__()

    def convert(self, path: Path, recipe: str, like: Facts | None) -> Converted:
        """Return features, labels and facts of a file; the label's column is guessed where nothing else shows it."""
        guess = None if self.weights is not None else LabelGuess()
        try:
            return arrays_of(path, recipe, lambda put: self._put(path, put, like, guess))
        except WrongGuessError:
            return arrays_of(path, recipe, lambda put: self._put(path, put, like, None))

    def convert_rows(
        self, path: Path, recipe: str, columns: ColumnSettings, features: int, names: Sequence[str]
    ) -> Converted:
        """Return features, labels (if any) and facts; the header is inferred anew, as it may be missing here."""

        def put_rows(put: Put) -> Facts:
            # A header would have the names; a first line of 0, 1, 2, ... may be one that a program made up.
            otherwise = (None if self.header else False) if names else self.header
            given = attrs.evolve(self._layout_settings, header=None, otherwise=otherwise, names=names, guarded=True)
            layout = layout_of(path, given).with_words(columns.missing_values)
            plan = rows_plan(layout, columns, features, names)
            return self.describe(plan, convert(plan, put))

        return arrays_of(path, recipe, put_rows)

    def settings_from(self, facts: Facts) -> dict[str, Any]:
        """Return the settings that were inferred, so that nothing is inferred twice."""
        return {**super().settings_from(facts), **{name: facts[name] for name in ("delimiter", "decimal", "header")}}

    def read_columns(self, path: Path, cells: int) -> list[tuple[str, str, list[Any]]]:
        """Return the columns as they stand; a layout that is in doubt is taken as is likeliest."""
        source, tried = self, 0
        while True:
            try:
                return read_first_cells(path, source._layout_settings, self.missing_values, cells)
            except DataError as error:
                if not error.advice or tried == MOST_DOUBTS:
                    raise
                source, tried = attrs.evolve(source, **error.advice[0]), tried + 1

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a file with a header for each part; the label is the last column."""
        return write_csv_files(data, path, self.delimiter, self.decimal, self.encoding)

    @property
    def _layout_settings(self) -> LayoutSettings:
        return LayoutSettings(
            self.delimiter,
            self.decimal,
            self.comment,
            self.encoding,
            self.header,
            skip_rows=self.skip_rows,
            thousands=self.thousands,
            footer=self.footer,
            quote=self.quotechar,
        )

    def _put(self, path: Path, put: Put, like: Facts | None, guess: LabelGuess | None) -> Facts:
        """Convert a file; raises WrongGuessError where the `guess` of its label's column does not hold."""
        given = attrs.evolve(self._layout_settings, guarded=like is not None)
        layout = layout_of(path, given).with_words(self.missing_values)
        if like is not None:
            layout.check_alike(like)
            layout = attrs.evolve(layout, text=frozenset(like["words"]))
        infer = guess.infer if guess else picture_label if self.weights is None else find_nothing
        plan = data_plan(layout, self.columns_like(like), infer)
        _refuse_rule(layout)
        _refuse_doubtful_text(plan)
        facts = self.describe(plan, convert(plan, put, guess.watch if guess else None))
        if guess:
            guess.check()
        dialect = {"delimiter": layout.dialect.delimiter, "decimal": layout.dialect.decimal}
        return {**facts, **dialect, "header": layout.names is not None}


def _refuse_rule(layout: Layout) -> None:
    """Raise DataError where a line is drawn below the header, as in tables that people look at."""
    for first in layout.rows[: layout.names is not None]:
        cells = [cell.strip() for cell in first.cells if cell.strip()]
        if cells and all(map(RULE.fullmatch, cells)):
            problem = f"a line below the header ({quote(cells[0])}), no row: take it out"
            raise layout.error(problem, f", line {first.line}", line=first.line)


def _refuse_doubtful_text(plan: Plan[Layout]) -> None:
    """Raise DataError where features are text in the first rows that seem to be numbers, dates, or quoted cells.

    Columns that `encode` lists are text.
    """
    layout = plan.table
    for i in sorted(plan.text.difference(plan.encode)) if not plan.is_settled else ():
        if error := layout.notation_error(i):
            raise error
        rows = [row for row in layout.rows if layout.is_text(row.cells[i])]
        if not rows or plan.wanted.encode == "one-hot":
            continue
        first, cells = rows[0], [row.cells[i].strip() for row in rows]
        place = f", line {first.line}, {layout.column(i)}"
        for mark in set(QUOTES) - {layout.dialect.quote}:
            if all(len(cell) > 1 and cell[0] == cell[-1] == mark for cell in cells):
                problem = f"cells in other quotes: {quote(cells[0])}"
                raise layout.error(problem, place, line=first.line, column=i, advice=[{"quotechar": mark}])
        if all(NUMBER_LIKE.fullmatch(cell) or is_number(normalize("NFKC", cell)) for cell in cells):
            problem = f"expected a number or a word, found {quote(cells[0])}; turn it into a number, encode it as text"
            advice = [*plan.advise_leaving_out([i]), *plan.advise_encoding([i])]
            raise layout.error(f"{problem}, or leave it out", place, line=first.line, column=i, advice=advice)

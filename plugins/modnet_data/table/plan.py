"""Plan of a table: its columns of features and of the label."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic, Literal, TypeVar

import attrs
import numpy as np

from modnet_data.table.columns import Column, Columns
from modnet_data.table.label import LabelChoice
from modnet_data.table.words import EMPTY, MISSING, MissingValues

MOST_NAMES = 40  # that an advice lists
Table = TypeVar("Table", bound=Columns)
Encode = str | Mapping[str, str | Sequence[str]]
Impute = str | float | Mapping[str, str | float] | None


@attrs.frozen
class ColumnSettings:
    """A file's columns as the settings give them."""

    label: tuple[Column, ...] | None = None
    """The label's column, or several that are one-hot; None where it is to be inferred."""
    features: tuple[Column, ...] | None = None
    leave_out: tuple[Column, ...] = ()
    missing: float | Literal["refuse", "drop"] = "refuse"
    dtype: str | None = None
    missing_values: MissingValues = None
    text_labels: bool | None = None
    """True where labels are text; None where that is to be inferred."""
    classes: tuple[str | int, ...] | None = None
    every_row: bool = False
    """True where no row may be left out, as each is to be predicted."""
    task: str | None = None
    weights: Column | None = None
    encode: Encode = attrs.field(default="auto", kw_only=True)
    impute: Impute = attrs.field(default=None, kw_only=True)
    trained: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    """The names of the training file's features, empty where it has none; None where this is the training file.

    What `encode` lists is then known to be text, and nothing else is.
    """
    known_words: Mapping[str, Sequence[str]] = attrs.field(factory=dict, kw_only=True)
    """The words of text in the training file, by the place of a feature among the features."""

    @property
    def is_regression(self) -> bool:
        """True where labels are numbers to be predicted, not classes."""
        return self.task == "regression"

    @property
    def not_features(self) -> tuple[Column, ...]:
        """The columns that are left out, and that of weights."""
        return self.leave_out if self.weights is None else (*self.leave_out, self.weights)

    def plan(self, table: Table, features: Sequence[int], labels: Sequence[int]) -> Plan[Table]:
        """Return the plan of some columns; raises DataError where they do not go together."""
        if both := sorted({*features} & {*labels}):
            raise table.column_error(both[0], "cannot be a feature and the label")
        for columns in (features, labels):
            if twice := [i for i, count in Counter(columns).items() if count > 1]:
                raise table.column_error(twice[0], "is asked for twice")
        if not features:
            counted = f"{table.count} column{'s' * (table.count != 1)}"
            why = table.explain_single() if table.count == 1 else ""
            raise table.error(f"{counted}, expected a label and one or more features{why}")
        listed = self._places(self.encode, "encode", table, features, labels)
        text = frozenset(listed if self.trained is not None else {*listed, *table.text.intersection(features)})
        imputed = self._find_imputed(table, features, labels, text)
        weights = None
        if self.weights is not None:  # which another file than that for training may lack
            weights = table.index_of(self.weights) if self.trained is None else table.find(self.weights)
        if weights is not None and weights in {*features, *labels}:
            raise table.column_error(weights, "cannot hold the weights and be a feature or the label")
        dtype = None if self.dtype is None else np.dtype(self.dtype)
        plan = Plan(table, tuple(features), tuple(labels), self.missing, dtype, self, text, imputed, weights, listed)
        if unnamed := [i for i in features if not table.is_named(i)]:
            what = f"column {unnamed[0] + 1} has no name{table.explain_unnamed(unnamed[0])}"
            raise table.header_error(what, unnamed[0], plan.advise_leaving_out(unnamed))
        plan.check_one_hot()
        if text and self.dtype == "uint8":
            raise table.column_error(min(text), "is text, whose words uint8 may not number", [{"dtype": "float64"}])
        return plan

    def _find_imputed(
        self, table: Columns, features: Sequence[int], labels: Sequence[int], text: frozenset[int]
    ) -> frozenset[int]:
        """Return the features whose missing values are imputed; a number is for columns of numbers only."""
        if self.impute is None:
            return frozenset()
        if isinstance(self.impute, Mapping):
            return frozenset(self._places(self.impute, "impute", table, features, labels))
        return frozenset(features) if isinstance(self.impute, str) else frozenset(features) - text

    def _places(
        self, given: object, setting: str, table: Columns, features: Sequence[int], labels: Sequence[int]
    ) -> dict[int, Any]:
        """Return what a setting lists by feature; it calls them as the training file does."""
        found: dict[int, Any] = {}
        for key, value in given.items() if isinstance(given, Mapping) else ():
            place = table.index_of(key) if self.trained is None else self._place_by_training(key, features)
            if place is not None and place in labels and self.trained is None:
                raise table.column_error(place, f"is the label, but {setting!r} is for features")
            if place is not None and place in features:
                found[place] = value
        return found

    def _place_by_training(self, key: str, features: Sequence[int]) -> int | None:
        """Return the feature that is called so in the training file."""
        if key in (self.trained or ()):
            rank = (self.trained or ()).index(key)
        elif not key.isdecimal():
            return None
        elif self.features is not None:
            rank = next((i for i, column in enumerate(self.features) if str(column) == key), -1)
        else:
            others = (*(self.label or ()), *self.not_features)
            rank = int(key) - sum(isinstance(other, int) and other < int(key) for other in others)
        return features[rank] if 0 <= rank < len(features) else None


@attrs.frozen
class Plan(Generic[Table]):
    """The columns of a file that are read, and as what."""

    table: Table
    features: tuple[int, ...]
    labels: tuple[int, ...]
    """The label's column; several that are one-hot; or none."""
    missing: float | Literal["refuse", "drop"]
    dtype: np.dtype[Any] | None
    wanted: ColumnSettings = ColumnSettings()
    text: frozenset[int] = frozenset()
    """The features whose cells are words: each becomes the word's number."""
    imputed: frozenset[int] = frozenset()
    """The features whose missing values become NaN, as they are imputed later."""
    weights: int | None = None
    """The column of the rows' weights."""
    encode: Mapping[int, str | Sequence[str]] = attrs.field(factory=dict)
    """The encoding of each feature that the setting lists."""

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The columns of features, and then that of weights, if there is one."""
        return self.features if self.weights is None else (*self.features, self.weights)

    @property
    def is_regression(self) -> bool:
        """True where labels are numbers to be predicted, not classes."""
        return self.wanted.is_regression

    @cached_property
    def words(self) -> bool:
        """True where labels are text."""
        if len(self.labels) != 1 or self.is_regression:
            return False
        return self.labels[0] in self.table.text if self.wanted.text_labels is None else self.wanted.text_labels

    @property
    def spelling_matters(self) -> bool:
        """True where nobody said whether labels that look like numbers are text: 01 and 1 are then in doubt."""
        is_class = len(self.labels) == 1 and not self.words and not self.is_regression
        return is_class and self.wanted.text_labels is None

    @cached_property
    def orders(self) -> Mapping[int, frozenset[str]]:
        """The words of each feature whose words `encode` lists in order."""
        return {i: frozenset(given) for i, given in self.encode.items() if not isinstance(given, str)}

    @property
    def is_settled(self) -> bool:
        """True for a test file, and rows to predict: which columns are text is known from training."""
        return self.wanted.trained is not None

    def has_own_words(self, column: int) -> bool:
        """Say whether the settings list the words that stand for a missing value in a column."""
        return column in self._listed

    def words_of(self, column: int) -> frozenset[str]:
        """Return the words that stand for a missing value in a column."""
        return self._words[column]

    def is_missing(self, column: int, cell: str) -> bool:
        """Say whether a cell of a column holds a word for a missing value, or the number that is one."""
        cell = cell.strip()
        if cell in self._words[column]:
            return True
        return bool(self.missing_numbers) and to_float(cell) in self.missing_numbers.get(column, ())

    @cached_property
    def missing_numbers(self) -> dict[int, frozenset[float]]:
        """The numbers that stand for a missing value, such as -999, by column."""
        found = {}
        for column in (*(i for i in self.inputs if i not in self.text), *(() if self.words else self.labels)):
            numbers = [value for word in self._words[column] if (value := to_float(word)) is not None]
            if numbers:
                found[column] = frozenset(numbers)
        return found

    @cached_property
    def _listed(self) -> dict[int, Sequence[str]]:
        return list_words(self.table, self.wanted.missing_values)

    @cached_property
    def _words(self) -> dict[int, frozenset[str]]:
        found = {}
        for column in (*self.inputs, *self.labels):
            own = self._listed.get(column)
            usual = EMPTY if self.labels == (column,) else MISSING
            found[column] = usual if own is None else EMPTY.union(map(str.strip, own))
        return found

    def advise_leaving_out(self, columns: Collection[int]) -> list[dict[str, Any]]:
        """Return the setting by which columns are no features; none where no other is left, or where each is needed.

        Features that are listed may give the label away: several are not listed for the sake of brevity.
        """
        out = {*columns}
        others = [self.table.name_of(i) for i in self.features if i not in out]
        left_out = [*self.wanted.leave_out, *map(self.table.name_of, columns)]
        if not others or self.wanted.every_row:
            return []
        if self.wanted.features is not None or (len(left_out) > MOST_NAMES and len(others) == 1):
            return [{"features": others}]
        return [{"leave_out": left_out}] if len(left_out) <= MOST_NAMES else []

    def advise_encoding(self, columns: Collection[int]) -> list[dict[str, Any]]:
        """Return the setting by which columns are text, each word of which becomes a feature."""
        if self.is_settled or len(columns) > MOST_NAMES:
            return []
        given = self.wanted.encode
        if not isinstance(given, Mapping):
            given = {} if given == "auto" else {str(self.table.name_of(i)): "one-hot" for i in sorted(self.text)}
        return [{"encode": {**given, **{str(self.table.name_of(i)): "one-hot" for i in columns}}}]

    def check_one_hot(self) -> None:
        """Raise DataError where the classes that are given are not the columns of one-hot labels."""
        classes, names = self.wanted.classes, [self.table.name_of(i) for i in self.labels]
        if classes is None or len(names) < 2 or self.is_regression:
            return
        if len(classes) != len(names) or (self.table.names and {*classes} != {*names}):
            what = f"{len(names)} one-hot columns, {len(classes)} classes given"
            raise self.table.column_error(self.labels[0], f"is the first of {what}", [{"classes": names}])


def list_words(table: Columns, given: MissingValues) -> dict[int, Sequence[str]]:
    """Return the words for a missing value that the setting lists, by column."""
    if not isinstance(given, Mapping):
        return {} if given is None else dict.fromkeys(range(table.count), given)
    named = [(table.find(name), words) for name, words in given.items()]
    return {column: words for column, words in reversed(named) if column is not None}  # the first one counts


@lru_cache(256)
def to_float(word: str) -> float | None:
    """Return the finite number that a word is, or None."""
    try:
        value = float(word) if word.isascii() and "_" not in word else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def find_nothing(table: Columns, among: Sequence[int]) -> None:
    """Return None, as nothing but names and the first rows shows which column is the label."""


Infer = Callable[[Table, Sequence[int]], int | None]
"""Returns the label among all columns but those left out where no name shows it, or None where nothing does."""


def data_plan(table: Table, wanted: ColumnSettings, infer: Infer[Table] = find_nothing) -> Plan[Table]:
    """Return the plan of a file with features and labels."""
    features = None if wanted.features is None else [table.index_of(column) for column in wanted.features]
    out = {table.index_of(column) for column in wanted.not_features}
    for column in wanted.missing_values if isinstance(wanted.missing_values, Mapping) else ():
        table.index_of(column)
    known = out.union(features or (), table.empty)
    among = [i for i in range(table.count) if i not in known]
    if len(among) + len(features or ()) < 2:
        return wanted.plan(table, (), ())
    labels = [table.index_of(i) for i in wanted.label or ()] or [_infer_label(table, wanted, among, infer)]
    if features is None:
        features = [i for i in among if i not in labels]
    return wanted.plan(table, features, labels)


def _infer_label(table: Table, wanted: ColumnSettings, among: Sequence[int], infer: Infer[Table]) -> int:
    """Return the label's column; raises DataError where it could be several, or none."""
    listed = wanted.features is not None
    choice = LabelChoice(table, among, wanted.leave_out, listed, wanted.is_regression)
    index = None if listed or wanted.is_regression or table.find_labels(among) else infer(table, among)
    index = choice.infer() if index is None else index
    if index is None:
        raise choice.question()
    return index

"""Missing values of a table: counted, noted, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, final

import numpy as np

from modnet import Array, DataError, find_unclear_labels
from modnet.files import list_some, quote
from modnet_data.cached import Facts
from modnet_data.table.columns import Columns
from modnet_data.table.plan import MOST_NAMES, Plan, to_float
from modnet_data.table.words import MISSING, find_doubtful

MOST_COLUMNS = 6  # that a note names
MOST_WORDS = 20  # that an advice lists
FEW_WORDS = 4  # that may stand for missing values among numbers

Advice: TypeAlias = list[dict[str, Any]]
"""Settings that each mend a problem."""

FindPlaces: TypeAlias = Callable[[Sequence[str]], Mapping[str, int]]


@final
class Missing:
    """Counts of missing values in a file, and of the classes that would be lost with their rows."""

    def __init__(self, plan: Plan[Any]) -> None:
        self._plan = plan
        self.dropped = self.filled = self.imputed = self.whole_rows = self.rows = 0
        self._lacking: dict[int, int] = {}
        self._words: dict[int, dict[str, None]] = {}
        self._bytes = np.zeros(256, bool)  # labels of whole rows that are bytes
        self._whole: set[Any] = set()
        self._partial: set[Any] = set()

    def __bool__(self) -> bool:
        """Return whether any value is missing."""
        return bool(self._lacking)

    def count(self, column: int, cells: int = 1, word: str = "") -> None:
        """Count cells of a column that are missing, and remember the word that stands for it."""
        self._lacking[column] = self._lacking.get(column, 0) + cells
        self.add_word(column, word)

    def add_word(self, column: int, cell: str) -> None:
        """Remember a word that stands, or may stand, for a missing value."""
        words = self._words.setdefault(column, {})
        if (word := cell.strip()) and len(words) < MOST_WORDS:
            words[word] = None

    def add_row(self, label: Any, *, lacks: bool) -> None:
        """Take a row by its label or one-hot label; None where that is missing or wrong."""
        if label is None and self._plan.labels:
            self.rows += 1
            return
        self.rows += 1
        self.whole_rows += not lacks
        if self._plan.is_regression:
            return
        if label is not None:
            found = label.index(max(label)) if isinstance(label, list) else label
            (self._partial if lacks else self._whole).add(found)

    def add_whole(self, rows: int, labels: Array | None) -> None:
        """Take rows that lack nothing, with their labels (n,) or one-hot labels (n, classes)."""
        self.rows += rows
        self.whole_rows += rows
        if labels is None or self._plan.is_regression:
            return
        if labels.dtype == np.uint8 and labels.ndim == 1:
            self._bytes[labels] = True
        elif labels.ndim == 1:
            self._whole.update((labels if labels.dtype.kind == "U" else np.unique(labels)).tolist())
        else:
            self._whole.update(np.unique(labels.argmax(axis=1)).tolist())

    def add_partial(self, labels: Iterable[Any]) -> None:
        """Take the labels of rows that lack something."""
        if not self._plan.is_regression:
            self._partial.update(labels)

    @property
    def kept(self) -> set[Any]:
        """The labels of rows that lack nothing."""
        return self._whole.union(np.flatnonzero(self._bytes).tolist())

    @property
    def lost(self) -> list[Any]:
        """The labels of which every row lacks something."""
        return sorted(self._partial - self.kept)

    @property
    def doubtful(self) -> list[str]:
        """The labels of text of which nobody said whether they are classes, or words for a missing label."""
        plan = self._plan
        if not plan.words or plan.wanted.classes or plan.has_own_words(plan.labels[0]):
            return []
        return find_doubtful(self.kept | self._partial)

    @property
    def facts(self) -> Facts:
        """The counts for `notes`, and the setting that makes "-" a class, where "+" shows it."""
        table, labels = self._plan.table, self._plan.labels
        lacking = {str(table.name_of(column)): count for column, count in self._lacking.items()}
        counts = {"dropped": self.dropped, "filled": self.filled, "imputed": self.imputed}
        found = {**counts, "lacking": lacking, "lost": self.lost}
        is_class = self._plan.words and "-" in self.kept and not self._plan.has_own_words(labels[0])
        return {**found, "missing_values": self._with_words({labels[0]: []})} if is_class else found

    def advise_value(self) -> Advice:
        """Return what can be done about missing features, and weights: nothing stands for a weight."""
        plan = self._plan
        lacking = self._gaps
        text = [i for i in lacking if i in plan.text]
        if plan.is_settled:
            return [] if text else [{"missing": 0}]
        if nothing := [i for i in lacking if self._lacking[i] == self.rows]:
            return plan.advise_leaving_out(nothing)
        ways: Advice = [{"missing": "drop"}] if self._can_drop else []
        if plan.weights not in self._lacking:
            ways.insert(0, {"impute": self._impute(lacking)})
        if not self._can_drop:
            ways += self._advise_leaving_out()
        words: dict[int, Sequence[str]] = {i: [] for i in text if self._words.get(i)}
        if words and isinstance(plan.wanted.missing_values, Mapping | None):
            ways.append({"missing_values": self._with_words(words)})
        return ways

    def _impute(self, lacking: Sequence[int]) -> str | dict[str, str | float]:
        """Return the setting `impute` by which some features are imputed, and those that were so before."""
        plan, given = self._plan, self._plan.wanted.impute
        ways: dict[int, Any] = {i: "most-frequent" if i in plan.text else "median" for i in lacking}
        if given is None and len({*ways.values()}) == 1:
            return str(next(iter(ways.values())))
        if given is None:
            return "median"  # which stands for the most frequent word in columns of text
        numbers = {} if isinstance(given, (str, Mapping)) else dict.fromkeys(plan.imputed, given)
        others = given if isinstance(given, Mapping) else {}
        return {**others, **{str(plan.table.name_of(i)): way for i, way in (numbers | ways).items()}}

    def advise_label(self) -> Advice:
        """Return what can be done about missing labels."""
        if self._plan.wanted.every_row:
            return [{"leave_out": [*self._plan.wanted.leave_out, *map(self._plan.table.name_of, self._plan.labels)]}]
        return [{"missing": "drop"}] if self._can_drop else self._advise_leaving_out()

    def advise_word(self) -> Advice:
        """Return what can be done where words that nobody listed seem to stand for missing features."""
        plan = self._plan
        words = {
            i: list(found) for i, found in self._words.items() if i in plan.features and found.keys() - plan.words_of(i)
        }
        listed = {"missing_values": self._with_words(words)}
        is_dropping = plan.missing == "drop" and self._can_drop
        if is_dropping or not isinstance(plan.missing, str) or plan.imputed.issuperset(words):
            return [listed]
        return [{**listed, **way} for way in self.advise_value() if {"missing", "impute"} & way.keys()]

    def has_few_words(self, column: int) -> bool:
        """Say whether so few words were met among numbers, in so few columns, that they may be missing values."""
        return len(self._words.get(column, ())) <= FEW_WORDS and len(self._words) <= MOST_NAMES

    def advise_label_word(self) -> Advice:
        """Return what can be done where a word stands among labels that are numbers: it is missing, or a class."""
        place = self._plan.labels[0]
        found = self._words.get(place, {})
        words = [word for word in found if word in MISSING]
        others_are_numbers = all(word in MISSING or to_float(word) is not None for word in found)
        drop = {"missing_values": self._with_words({place: words}), "missing": "drop"}
        keep = {"text_labels": True, "missing_values": self._with_words({place: []})}
        if len(self.kept | {*found}) < 2:
            return []
        return [drop, keep] if self._can_drop and others_are_numbers else [keep]

    def advise_class(self) -> Advice:
        """Return the setting that makes classes of all words in the label's column."""
        are_several = len(self.kept | self._partial) > 1
        return [{"missing_values": self._with_words({self._plan.labels[0]: []})}] if are_several else []

    def advise_more_classes(self) -> Advice:
        """Return the classes that are given and the labels that are none of them; numbers beside text become text."""
        classes, words = self._plan.wanted.classes or (), self._words.get(self._plan.labels[0], {})
        numbers = [None if isinstance(classes[0], str) else to_float(word) for word in words]
        if all(number is not None and number.is_integer() for number in numbers):
            more: list[Any] = [int(number) for number in numbers if number is not None]
            return [{"classes": list(dict.fromkeys([*classes, *more]))}]
        return [{"classes": list(dict.fromkeys([*map(str, classes), *words]))}]

    def advise_lost(self) -> Advice:
        """Return what keeps the classes that are lost with the rows that lack something."""
        lacks_labels = any(column in self._plan.labels for column in self._lacking)  # which nothing is filled in for
        ways: Advice = (
            [{"missing": "refuse", "impute": self._impute(self._gaps)}] if self._gaps and not lacks_labels else []
        )
        return ways + self._advise_leaving_out()

    def check_rows(self, count: int) -> None:
        """Raise DataError where too little is left of so many rows that were taken: none, or none of a class."""
        table, wanted = self._plan.table, self._plan.wanted
        if not count:
            advice = self.advise_lost() if self.dropped else []
            raise table.error("no rows" + " without a missing value" * bool(self.dropped), advice=advice)
        nothing = [i for i in sorted(self._plan.imputed) if self._lacking.get(i) == self.rows]
        if nothing and isinstance(wanted.impute, str) and not self._plan.is_settled:
            raise table.column_error(nothing[0], "has no value at all", self._plan.advise_leaving_out(nothing))
        if self._plan.missing == "drop" and self.lost and not wanted.classes:
            named = "class" if len(self.lost) == 1 else "classes"
            listed = ", ".join(quote(self._name_of(label)) for label in self.lost[:MOST_COLUMNS])
            more = f" and {len(self.lost) - MOST_COLUMNS} more" if len(self.lost) > MOST_COLUMNS else ""
            it = "it" if len(self.lost) == 1 else "them"
            what = f"each row of the {named} {listed}{more} has a missing value"
            raise table.error(f"{what}, so that missing = 'drop' leaves none of {it}", advice=self.advise_lost())

    def check_labels(self, labels: Iterable[str], unit: Literal["line", "row"], find: FindPlaces) -> None:
        """Raise DataError where people cannot see, or tell apart, all labels of text, or one may be a missing label.

        `find` tells the number of the line or row in which each of some labels came first.
        """
        if unclear := find_unclear_labels(labels):
            problem, found = unclear
            first, *others = map(find(found).__getitem__, found)
            also = f" (the other one is in {unit} {others[0]})" if others else ""
            raise self._label_error(problem + also, unit, first)
        if doubtful := self.doubtful:
            first, label = min((place, label) for label, place in find(doubtful).items())
            other = "If it is missing, list it there, and let missing drop its rows"
            problem = f"is {quote(label)} a class, or a missing label?\n{other}"
            raise self._label_error(problem, unit, first, self.advise_class())

    def _label_error(self, problem: str, unit: str, place: int, advice: Sequence[dict[str, Any]] = ()) -> DataError:
        column = self._plan.labels[0]
        table: Columns = self._plan.table
        line, at = place if unit == "line" else None, f", {unit} {place}, {table.column(column)}"
        return table.error(problem, at, line=line, column=column, advice=advice)

    def _name_of(self, label: Any) -> str:
        """Return a label as it stands in the file, or the column of a one-hot label."""
        if len(self._plan.labels) > 1:
            return str(self._plan.table.name_of(self._plan.labels[label]))
        return label if isinstance(label, str) else str(int(label))

    @property
    def _can_drop(self) -> bool:
        """Say whether the rows that lack something can go, and no class with them: no label may be one, too."""
        if not self.whole_rows or self.lost or self._plan.wanted.every_row:
            return False
        is_sure = self._plan.is_regression or len(self.kept) > 1
        return is_sure or not any(column in self._plan.labels for column in self._words)

    @property
    def _gaps(self) -> list[int]:
        """The features with missing values that are not imputed."""
        return [i for i in self._lacking if i in self._plan.features and i not in self._plan.imputed]

    def _advise_leaving_out(self) -> Advice:
        """Return the setting that leaves the column out that lacks most, if others are left."""
        plan = self._plan
        lacking = {i: count for i, count in self._lacking.items() if i in plan.features}
        return plan.advise_leaving_out([max(lacking, key=lambda i: lacking[i])]) if lacking else []

    def _with_words(self, words: Mapping[int, Sequence[str]]) -> dict[str, list[str]] | list[str]:
        """Return the setting `missing_values` changed for some columns."""
        table, given = self._plan.table, self._plan.wanted.missing_values
        if given is not None and not isinstance(given, Mapping):
            longer = [*dict.fromkeys([*given, *(word for some in words.values() for word in some)])]
            if not (self.kept | self._partial).intersection(longer[len(given) :]):
                return longer
            columns = (*self._plan.features, *self._plan.labels)  # each its own list, as one of the words is a class
            return {str(table.name_of(i)): [*dict.fromkeys([*given, *words.get(i, ())])] for i in columns}
        kept = {name: list(some) for name, some in (given or {}).items() if table.find(name) not in words}
        return {**kept, **{str(table.name_of(column)): list(some) for column, some in words.items()}}


def describe_outside(label: str, classes: Sequence[Any]) -> str:
    """Say that a label is none of the classes that are given.

    >>> describe_outside("3", [1, 2])
    "the label '3' is none of 'classes' (1, 2)"
    """
    return f"the label {quote(label)} is none of 'classes' ({list_some(map(repr, classes), MOST_WORDS)})"


def notes(all_facts: Sequence[Facts], missing: float | str) -> tuple[str, ...]:
    """Say what became of missing values, and which columns lack how many.

    >>> notes([{"dropped": 3, "filled": 0, "lacking": {"age": 2, "fare": 1}, "lost": []}], "drop")
    ("3 rows with missing values left out; missing: 'age' 2, 'fare' 1",)
    """
    dropped, filled, imputed = (
        sum(facts.get(name, 0) for facts in all_facts) for name in ("dropped", "filled", "imputed")
    )
    lacking: dict[str, int] = {}
    for facts in all_facts:
        for column, count in facts["lacking"].items():
            lacking[column] = lacking.get(column, 0) + count
    where = f"; missing: {_most(lacking)}" if lacking else ""
    said = []
    if dropped:
        lost = [str(label) for facts in all_facts for label in facts["lost"]]
        said.append(f"{dropped:,} {'row' if dropped == 1 else 'rows'} with missing values left out{where}")
        said += [f"no row is left of the class {quote(label)}" for label in dict.fromkeys(lost)]
    elif filled:
        said.append(f"{filled:,} missing {'value' if filled == 1 else 'values'} filled in with {missing:g}{where}")
    if imputed:
        said.append(f"{imputed:,} missing {'value' if imputed == 1 else 'values'} imputed{where * (not said)}")
    return tuple(said)


def _most(lacking: Mapping[str, int]) -> str:
    """Return the columns that lack most, and how many others there are."""
    most = sorted(lacking, key=lambda column: -lacking[column])
    listed = ", ".join(f"{quote(column)} {lacking[column]:,}" for column in most[:MOST_COLUMNS])
    others = len(most) - MOST_COLUMNS
    return listed + (f", and {others:,} other columns" if others > 1 else ", and another column") * (others > 0)

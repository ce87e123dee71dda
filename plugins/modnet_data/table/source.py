"""Sources of tables: a row a sample, a column the label."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from modnet import (
    Array,
    DataError,
    Dataset,
    DataSource,
    PreparationSettings,
    RowsToPredict,
    find_unclear_labels,
)
from modnet import Column as TableColumn
from modnet.files import list_some, part_paths, printable, quote
from modnet_data import validators
from modnet_data.cached import Facts
from modnet_data.formats import format_of
from modnet_data.rows import data_set, file_path
from modnet_data.table.columns import Column, Columns, UnlabelledError
from modnet_data.table.leaks import Features, refuse_leaks
from modnet_data.table.missing import MOST_WORDS, notes
from modnet_data.table.plan import ColumnSettings, Plan
from modnet_data.table.prediction import describe_rows

NAMED = ("encode", "impute", "task")
"""Settings of preparation that the converted arrays depend on."""
AFTERWARDS = {"test", "validation", *(field.name for field in attrs.fields(PreparationSettings))}.difference(NAMED)
"""Settings that the converted arrays do not depend on."""

Converted = tuple[Mapping[str, Array], Facts]
"""The arrays "x", "t" of labels, and "weights" if there are some; and the facts."""


@attrs.frozen
class TableSource(PreparationSettings, DataSource):
    """A source whose files hold a table: its settings, and the data sets of converted tables. Abstract."""

    format: ClassVar[str]
    """Its name in `formats`."""
    version: ClassVar[int]
    """Of the conversion to arrays: another one makes all files be converted anew."""

    label: Column | tuple[Column, ...] | None = None
    features: tuple[Column, ...] | None = None
    leave_out: tuple[Column, ...] = ()
    missing: float | Literal["refuse", "drop"] = attrs.field(default="refuse", validator=validators.missing)
    missing_values: tuple[str, ...] | dict[str, tuple[str, ...]] | None = attrs.field(
        default=None, validator=validators.missing_values
    )
    text_labels: bool | None = attrs.field(default=None, validator=optional(instance_of(bool)))
    classes: tuple[str | int, ...] | None = attrs.field(default=None, validator=validators.classes)
    dtype: Literal["uint8", "float32", "float64"] | None = attrs.field(
        default=None, validator=optional(in_(["uint8", "float32", "float64"]))
    )
    test: str | None = None
    validation: str | None = None
    weights: Column | None = None

    def __attrs_post_init__(self) -> None:
        validators.filling(self.missing, self.dtype)
        if self.classes and self.text_labels is not None and isinstance(self.classes[0], str) != self.text_labels:
            kind = "text" if self.text_labels else "whole numbers"
            raise ValueError(f"'classes' must be {kind} as 'text_labels' says: {self.classes!r}")

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is of this format."""
        return format_of(path, head) == cls.format

    def read(self, path: Path | None) -> Dataset:
        """Return the data set; raises DataError that knows the column of a mistake."""
        path = file_path(path, self.format)
        by_part, test, said = self._convert_parts(path)
        found = list(by_part.values())
        all_facts = [facts for _, facts in found]
        classes, parts = self._encode(found)
        pairs = dict(zip(by_part, parts, strict=True))
        settings = {**self._prepare(all_facts[0]), "class_weight": self._weigh(path, classes)}
        if self.weights is not None:
            weights = tuple(arrays.get("weights") for arrays, _ in found)
            settings["weights"] = weights if len(parts) > 1 else weights[0]
        data = data_set(
            path,
            pairs["train"],
            pairs.get("test"),
            validation=pairs.get("validation"),
            classes=range(len(classes)) if self.classes else None,
            columns=_describe_columns(all_facts[-1]),  # whose words are those of the training file, and more
            **settings,
        )
        return attrs.evolve(
            data,
            classes=tuple(classes[i] for i in data.classes) if classes else data.classes,
            settings={**data.settings, **self.settings_from(all_facts[0]), "test": test},
            notes=(*notes(all_facts, self.missing), *data.notes, *said),
        )

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict by position: without labels, or with the columns that have them."""
        found = self.read_named_rows(path, features, ())
        return found.x, found.labels

    def read_named_rows(self, path: Path, features: int, names: Sequence[str]) -> RowsToPredict:
        """Return rows to predict, with the label where there is one. No row is left out."""
        missing = "refuse" if self.missing == "drop" else self.missing
        left_out = self.column_settings.not_features
        columns = attrs.evolve(
            self.column_settings,
            missing=missing,
            every_row=True,
            leave_out=left_out,
            weights=None,
            trained=tuple(names),
        )
        arrays, facts = self.convert_rows(path, self.recipe("rows", features, names), columns, features, names)
        labels = arrays.get("t")
        if labels is not None and facts["classes"]:
            labels = np.array(facts["classes"])[labels]
        said = (*describe_rows(facts, columns, names), *notes([facts], missing))
        return RowsToPredict(np.array(arrays["x"], np.float64), labels, said, columns=tuple(_describe_columns(facts)))

    @abstractmethod
    def convert(self, path: Path, recipe: str, like: Facts | None) -> Converted:
        """Return features, labels and facts of a file, which is to be laid out `like` the training file, if given."""

    @abstractmethod
    def convert_rows(
        self, path: Path, recipe: str, columns: ColumnSettings, features: int, names: Sequence[str]
    ) -> Converted:
        """Return features, labels (if any) and facts of a file with rows to predict, as `rows_plan` finds them."""

    def settings_from(self, facts: Facts) -> dict[str, Any]:
        """Return the settings that were inferred, so that nothing is inferred twice."""
        label, table = facts["label"], self._table_of(Path(), facts)
        settings: dict[str, Any] = {"label": tuple(label) if isinstance(label, list) else label}
        # By name: in another file, columns may stand in another order.
        listed = {"features": self.features, "leave_out": self.leave_out}
        settings |= {key: tuple(map(table.rename, columns)) for key, columns in listed.items() if columns}
        settings |= self._rename(table.rename)
        if facts["encode"]:
            settings["encode"] = facts["encode"]
        words = facts.get("missing_values", self.missing_values)
        if isinstance(words, Mapping):
            words = {str(table.rename(column)): some for column, some in words.items()}
        return settings if words is None else {**settings, "missing_values": words}

    def like(self, facts: Facts) -> Self:
        """Return the source that reads the test file of a training file."""
        return attrs.evolve(self, **self.settings_from(facts))

    @property
    def column_settings(self) -> ColumnSettings:
        """The settings of the columns."""
        label = self.label if self.label is None or isinstance(self.label, tuple) else (self.label,)
        text = isinstance(self.classes[0], str) if self.classes else self.text_labels
        return ColumnSettings(
            label,
            self.features,
            self.leave_out,
            self.missing,
            self.dtype,
            self.missing_values,
            text,
            self.classes,
            task=self.task,
            weights=self.weights,
            encode=self.encode,
            impute=self.impute,
        )

    def columns_like(self, train: Facts | None) -> ColumnSettings:
        """Return the settings of the columns of the training file, or of the test file, by that one's facts."""
        if train is None:
            return self.column_settings
        return attrs.evolve(self.column_settings, trained=tuple(train["features"]), known_words=train["text"])

    def _rename(self, rename: Callable[[Column], Column | None]) -> dict[str, Any]:
        """Return the settings that list columns with other names for them; None for one that is to be left out."""
        found: dict[str, Any] = {}
        for setting in ("standardize", "encode", "impute"):
            value = getattr(self, setting)
            if isinstance(value, Mapping):
                names = {column: rename(column) for column in value}
                found[setting] = {str(names[key]): each for key, each in value.items() if names[key] is not None}
            elif isinstance(value, tuple):
                found[setting] = tuple(name for column in value if (name := rename(column)) is not None)
        return found

    def _prepare(self, facts: Facts) -> dict[str, Any]:
        """Return the settings of preparation, with features by their names, or places among the features."""
        table, names = self._table_of(Path(), facts), facts["features"]
        places = {column: place for place, column in enumerate(facts["places"])}

        def rename(column: Column) -> Column | None:
            place = places.get(table.index_of(column))
            return None if place is None else names[place] if names else place

        settings = {field.name: getattr(self, field.name) for field in attrs.fields(PreparationSettings)}
        text = {str(rename(column)): way for column, way in facts["encode"].items()}
        return {**settings, **self._rename(rename), "encode": text}

    def _weigh(self, path: Path, classes: Sequence[Any]) -> Any:
        """Return the weights of classes by their indices, where these have names."""
        if not classes or not isinstance(self.class_weight, Mapping):
            return self.class_weight
        places = {str(name): i for i, name in enumerate(classes)}
        if unknown := [label for label in self.class_weight if label not in places]:
            known = list_some(map(quote, places), 12)
            what = f"'class_weight' names the class {quote(unknown[0])}, and there is none: available: {known}"
            raise DataError(f"{path}: {what}", path=path)
        return {str(places[label]): weight for label, weight in self.class_weight.items()}

    def describe(self, plan: Plan[Any], facts: Facts) -> Facts:
        """Return the facts of a conversion, and those of its plan."""
        table: Columns = plan.table
        labels = [table.name_of(i) for i in plan.labels]
        is_one_hot = len(labels) > 1 and not plan.is_regression
        one_hot: Sequence[Any] = (labels if table.names else self.classes or []) if is_one_hot else []
        return {
            "text": {},
            **facts,
            "classes": one_hot or facts.get("classes", []),
            "names": table.names,
            "columns": table.count,
            "empty": sorted(table.empty),
            "features": [table.names[i] for i in plan.features] if table.names else [],
            "places": [*plan.features],
            "encode": {str(table.name_of(i)): plan.encode.get(i, "one-hot") for i in plan.features if i in plan.text},
            "label": labels if isinstance(self.label, tuple) or not labels else labels[0],
            "words": plan.labels if plan.words and "classes" in facts else [],
        }

    def _convert_parts(self, path: Path) -> tuple[dict[str, Converted], str, list[str]]:
        """Return the file of each part, the name of the test file, if there is one, and what to note of it."""
        test, said = _name_beside(path) if self.test is None else self.test, list[str]()
        found = {"train": self._convert(path, None)}
        try:
            self._add_part(found, path, "test", test)
        except UnlabelledError:
            if self.test is not None:
                raise
            said = [f"{printable(test, 40)} has no label: it is no test part, but `modnet predict` reads its rows"]
            test = ""
        own = {each.resolve() for each in (path, path.parent / test)}
        if self.validation and (other := path.parent / self.validation).resolve() in own:
            what = "has the training or the test rows already, and decides nothing: give another file"
            raise DataError(f"{other}: {what}", advice=[{"validation": ""}])
        self._add_part(found, path, "validation", self.validation)
        return found, test, said

    def _add_part(self, found: dict[str, Converted], path: Path, name: str, file: str | None) -> None:
        """Add the part in a file that is laid out as the training file, with the words of all files before it."""
        if not file:
            return
        *_, (_, latest) = found.values()
        beside = path.parent / file
        try:
            part = self._convert(beside, {**found["train"][1], "text": latest["text"]})
        except UnlabelledError as error:
            raise UnlabelledError(error.problem, beside, name) from None
        if not (self.classes or self.task == "regression"):
            _check_labels(beside, name, found["train"], part)
        found[name] = part

    def _encode(self, found: Sequence[Converted]) -> tuple[Sequence[Any], list[tuple[Array, Array]]]:
        """Return the classes, if they have names, and features and labels of each part, as indices of these names."""
        all_facts = [facts for _, facts in found]
        parts = [(arrays["x"], arrays["t"]) for arrays, _ in found]
        classes: Sequence[Any] = self.classes or all_facts[0]["classes"]
        if all_facts[0]["words"] and not self.classes:
            classes = sorted({name for facts in all_facts for name in facts["classes"]})
        if all_facts[0]["words"] or self.classes:
            parts = [(x, _recode(t, facts["classes"], classes)) for (x, t), facts in zip(parts, all_facts, strict=True)]
        return classes, parts

    def _convert(self, path: Path, like: Facts | None) -> Converted:
        source = self if like is None else self.like(like)
        alike = like and [like["names"], like["columns"], like["words"], like["text"]]
        arrays, facts = source.convert(path, source.recipe("data", alike), like)
        if like is None and self.features is None:
            refuse_leaks(self._features_of(path, facts), arrays["x"], arrays["t"])
        return arrays, facts

    def _features_of(self, path: Path, facts: Facts) -> Features:
        """Return the features of a converted file for which no features are listed."""
        table, label = self._table_of(path, facts), facts["label"]
        labels = [table.index_of(column) for column in (label if isinstance(label, list) else [label])]
        text = frozenset(facts["places"][int(place)] for place in facts["text"])
        return Features(table, tuple(facts["places"]), tuple(labels), self.leave_out, facts["dropped"], text)

    def _table_of(self, path: Path, facts: Facts) -> Columns:
        """Return the columns of a converted file."""
        names, empty = facts["names"], frozenset(facts["empty"])
        return Columns(path, None if names is None else tuple(names), facts["columns"], frozenset(), empty=empty)

    def recipe(self, *purpose: object) -> str:
        """Return the settings and the version that the converted arrays depend on."""
        settings = attrs.asdict(self, filter=lambda field, _: field.name not in AFTERWARDS)
        return json.dumps([self.format, self.version, purpose, settings])


def _describe_columns(facts: Facts) -> list[TableColumn]:
    """Return the columns of features as they stand in a raw table."""
    names = facts["features"] or [""] * len(facts["places"])
    words = [facts["text"].get(str(place)) for place in range(len(names))]
    return [TableColumn(name, some) for name, some in zip(names, words, strict=True)]


def _name_beside(path: Path) -> str:
    """Return the name of the file beside this one that has "test" in place of "train", or "" if there is none."""
    train, test = part_paths(path)
    return test.name if train == path and test.is_file() else ""


def _check_labels(path: Path, name: str, train: Converted, part: Converted) -> None:
    """Raise DataError where a part's file has labels of which the training file has no row: other words for a class.

    Those that look like one of the training file are to be written as there.
    """
    known = dict.fromkeys(_labels_of(train))
    if train[1]["words"] and (unclear := find_unclear_labels(sorted({*known, *_labels_of(part)}))):
        raise DataError(f"{path}: {unclear[0]}", path=path)
    if not (new := [label for label in _labels_of(part) if label not in known]):
        return
    classes = sorted({*known, *new})
    advice: list[dict[str, Any]] = [{"classes": classes}] * (len(classes) <= MOST_WORDS)
    others = f", nor are {len(new) - 1:,} others" if len(new) > 2 else ", nor is another one" * (len(new) == 2)
    label = quote(new[0]) if isinstance(new[0], str) else new[0]
    what = f"the label {label} is in no row of the training file{others}"
    raise DataError(f"{path}: {what}", path=path, advice=[*advice, {name: ""}])


def _labels_of(part: Converted) -> Sequence[Any]:
    """Return the labels of a converted file, none where they are one-hot."""
    arrays, facts = part
    if facts["words"]:
        names: Sequence[Any] = facts["classes"]
        return names
    return [] if arrays["t"].ndim > 1 else [int(label) for label in np.unique(arrays["t"])]


def _recode(t: Array, names: Sequence[Any], classes: Sequence[Any]) -> Array:
    """Return indices of `names`, or where there are none labels, as indices of `classes`."""
    place = {name: i for i, name in enumerate(classes)}
    if names:
        return np.array([place[name] for name in names], np.int64)[t]
    labels, indices = np.unique(t, return_inverse=True)
    return np.array([place[label] for label in labels.tolist()], np.int64)[indices]

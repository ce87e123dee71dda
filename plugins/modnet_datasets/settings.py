"""Settings by which columns become features, and rows a training and a test part."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, get_args

import attrs

from modnet import Column, DataError, Task
from modnet.data import describe_column
from modnet.text import printable

Key = str | int  # a column by its name, or by its number from 0
TASKS = get_args(Task)
STATISTICS = ("mean", "median", "most-frequent")


def find_column(key: Key, columns: Sequence[Column], setting: str) -> int:
    """Return the place of a column by its name, or by its number from 0; raises DataError where there is none."""
    names = [column.name for column in columns]
    if key in names and key != "":
        return names.index(str(key))
    if re.fullmatch(r"-?\d+", str(key)) and -len(columns) <= int(key) < len(columns):
        return int(key) % len(columns)
    known = ", ".join(printable(name, 40) for name in names[:12] if name) or f"numbers from 0 to {len(columns) - 1}"
    raise DataError(f"{setting!r} names the column {key!r}, and there is none: available: {known}")


def _setting(
    default: Any, wanted: str, words: tuple[str | None, ...], is_other: Callable[[Any], bool] = lambda _: False
) -> Any:
    """Return a field that takes one of some words, or another value that is right."""

    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        is_word = (value is None or isinstance(value, str)) and value in words
        if not is_word and not is_other(value):
            raise ValueError(f"{attribute.name!r} must be {wanted}: {value!r:.80}")

    return attrs.field(default=default, validator=check)


def _is_number(value: object, lowest: float = -math.inf) -> bool:
    """Say whether a value is a finite number above the lowest."""
    try:
        return not isinstance(value, (str, bool)) and lowest < float(value) < math.inf  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def _are(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a function that says whether a value is a table of values that are right."""
    return lambda value: isinstance(value, Mapping) and all(map(is_valid, value.values()))


_are_encodings = _are(lambda each: each == "one-hot" or (isinstance(each, (tuple, list)) and len({*each}) > 1))
_are_fills = _are(lambda each: isinstance(each, str) or _is_number(each))
_are_weights = _are(lambda each: _is_number(each) and each >= 0)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and value != () and all(type(n) is int and n > 0 for n in value)


# ruff: noqa: RUF009 - a field is what `_setting` returns
@attrs.frozen(kw_only=True)
class PreparationSettings:
    """The settings by which columns become features, and rows a training and a test part.

    What is learned for them is learned from the training rows. `columns` are named by name, or by number from 0.

    >>> PreparationSettings(impute="mode")
    Traceback (most recent call last):
    ...
    ValueError: 'impute' must be 'mean', 'median', 'most-frequent', a number, or a table of those by column: 'mode'
    """

    standardize: Literal["auto"] | bool | tuple[Key, ...] = _setting(
        "auto", "true, false, 'auto' or columns", ("auto",), lambda value: isinstance(value, (bool, tuple))
    )
    """Mean 0 and deviation 1, of all columns or of these; "auto": unless `scale` is a number, or 255 is inferred."""
    scale: float | Literal["auto"] = _setting(
        "auto", "a number > 0 or 'auto'", ("auto",), lambda value: _is_number(value, 0)
    )
    """The divisor of features that are not standardized; "auto": 255 for what is evidently pixels."""
    encode: Literal["auto", "one-hot"] | dict[str, Literal["one-hot"] | tuple[str, ...]] = _setting(
        "auto",
        "'auto', 'one-hot', or a table of 'one-hot' or a list of words in order by column",
        ("auto", "one-hot"),
        _are_encodings,
    )
    """A column of text as columns of 0 and 1, one a word, or as the places of its words in a given order."""
    impute: Literal["mean", "median", "most-frequent"] | float | dict[str, float | str] | None = _setting(
        None,
        "'mean', 'median', 'most-frequent', a number, or a table of those by column",
        (None, *STATISTICS),
        lambda value: _is_number(value) or _are_fills(value),
    )
    """The value in place of a missing one. In a column of text it is a word, or the most frequent one."""
    missing_indicator: bool = _setting(False, "true or false", (), lambda value: isinstance(value, bool))
    """A column of 0 and 1 beside each imputed column that lacks something in training."""
    unseen: Literal["zeros", "refuse"] = _setting("zeros", "'zeros' or 'refuse'", ("zeros", "refuse"))
    """The rule for words that training has not seen: zeros in all columns of the words, or an error."""
    test_fraction: float = _setting(0.2, ">= 0 and < 1", (), lambda value: _is_number(value) and 0 <= value < 1)
    """The share of rows for testing, where there is no test part."""
    task: Task | None = _setting(None, "'classification' or 'regression'", (None, *TASKS))
    """Labels are classes, or numbers to predict; None: classes, unless the loss is one for regression."""
    class_weight: Literal["balanced"] | dict[str, float] | None = _setting(
        None, "'balanced', or a table of numbers >= 0 by label", (None, "balanced"), _are_weights
    )
    """The weight of each class in the loss; "balanced": each class has the same in all."""
    stratified: bool = _setting(False, "true or false", (), lambda value: isinstance(value, bool))
    """True gives each class its share in the test part."""
    split_seed: int = _setting(
        0, "a whole number", (), lambda value: isinstance(value, Integral) and not isinstance(value, bool)
    )
    """The seed by which the test rows are drawn."""
    shape: tuple[int, ...] | None = _setting(None, "whole numbers > 0", (None,), _is_shape)
    """The shape of one sample, an image's channels, height and width: 1, 28, 28; None: that of the rows."""


def find_impute(settings: PreparationSettings, columns: Sequence[Column]) -> list[str | float | None]:
    """Return one of `STATISTICS`, a number or a word for each column's missing values, or None; raises DataError."""
    given = settings.impute
    if isinstance(given, Mapping):
        listed = {find_column(key, columns, "impute"): way for key, way in given.items()}
        ways = [listed.get(j) for j in range(len(columns))]
    else:
        ways = [None if column.words is not None and _is_number(given) else given for column in columns]
    for j, (column, way) in enumerate(zip(columns, ways, strict=True)):
        if column.words is not None and way in STATISTICS:
            ways[j] = "most-frequent"
        elif way is not None and way not in STATISTICS and isinstance(way, str) == (column.words is None):
            wanted = "a number" if column.words is None else "a word"
            raise DataError(f"{describe_column(column.name, j)}: 'impute' must be {wanted} or 'most-frequent': {way!r}")
    return ways

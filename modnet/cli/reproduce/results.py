"""Published results, with the experiments that repeat them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import deep_iterable, deep_mapping, ge, gt, matches_re, max_len, min_len, optional

import modnet
from modnet.cli.reproduce import functions
from modnet.compose.parts import make_settings_reader
from modnet.compose.settings import Settings
from modnet.compose.tables import Table, merge, read_toml
from modnet.errors import SettingError, UnknownNameError
from modnet.interfaces import GradientEstimator, Optimizer

FOLDER = Path(modnet.__file__).parent / "published"
MEASURES = ("gradient", "point", "value")  # of a function
DATA = "data.toml"  # in that folder, the data sets that several results need
_NUMBER = r"-?\d{1,99}(\.\d{0,99})?(e[+-]?\d{1,2})?"
_number = matches_re(_NUMBER)


def _is_figure(_: object, attribute: attrs.Attribute[Any], value: str | tuple[str, ...] | None) -> None:
    for text in () if value is None else (value,) if isinstance(value, str) else value:
        if not re.fullmatch(_NUMBER if isinstance(value, tuple) else rf"([<>] )?{_NUMBER}", text):
            kinds = 'a number as it was printed, "0.9690", or a bound, "> 0.9"'
            raise ValueError(f"'{attribute.name}' must be {kinds}: {text!r}")


@attrs.frozen(kw_only=True)
class Figure:
    """A published figure, and the point at which ours is measured."""

    what: str = attrs.field(validator=max_len(28))
    published: str | tuple[str, ...] | None = attrs.field(default=None, validator=[_is_figure, optional(min_len(1))])
    """A number as it was printed, those of several runs, or a bound: "> 0.9"."""
    prints: tuple[str, ...] = attrs.field(default=(), validator=deep_iterable(_number))
    """The numbers that were printed, where ours must be the same to the last digit."""
    within: float | None = attrs.field(default=None, validator=optional(gt(0)))
    """The half width that our interval may have, for a published number that lies in it to agree."""
    measure: str = ""
    """A column of the history or "loss", or of these "one - another"; of a function "gradient", "point" or "value"."""
    at: int | Literal["end", "highest", "lowest"] = "end"
    """The iterations that were made, or which evaluation it is."""
    over: int = attrs.field(default=1, validator=ge(1))
    """The iterations until then whose mean loss it is."""
    times: float = 1.0
    """The factor that ours is multiplied by, as 100 for percent."""
    of: str | None = None
    """The setting of the grid, by its label."""
    minus: str | None = None
    """The setting of the grid whose measure is subtracted, of the same seed."""
    function: Table | None = None
    """The changes to the result's own function."""

    def __attrs_post_init__(self) -> None:
        if not self.what.isprintable():
            raise ValueError(f"'what' must be a line of text: {self.what!r}")
        if (self.published is None) == (not self.prints):
            raise ValueError(f"{self.what!r} takes one of 'published' and 'prints'")
        if self.published is not None and (self.within is None) != self.is_bound:
            raise ValueError(f"{self.what!r} takes 'within' with a number, and none with a bound")

    @property
    def is_bound(self) -> bool:
        """True where a bound was published: "> 0.9"."""
        return isinstance(self.published, str) and self.published[0] in "<>"


@attrs.frozen(kw_only=True)
class FunctionSettings:
    """A function that is differentiated, or minimized from its start on."""

    name: str = attrs.field()
    start: Any
    estimator: GradientEstimator
    optimizer: Optimizer | None = None
    steps: int = attrs.field(default=0, validator=ge(0))

    def __attrs_post_init__(self) -> None:
        if self.steps and self.optimizer is None:
            raise ValueError("'steps' take an 'optimizer'")
        try:
            start = np.asarray(self.start, np.float64)
        except (ValueError, TypeError):
            raise ValueError(f"'start' must be a number, or lists of numbers: {self.start!r}") from None
        try:
            with np.errstate(all="ignore"):
                is_one = np.size(getattr(functions, self.name)({"x": start})) == 1
        except (ValueError, TypeError, IndexError):
            is_one = False
        if not is_one:
            raise ValueError(f"{self.name!r} cannot be evaluated at 'start': {self.start!r}")

    @name.validator
    def _is_known(self, _: object, value: str) -> None:
        if value not in (known := list_functions()):
            raise UnknownNameError("function", value, known)


@attrs.frozen(kw_only=True)
class DataFiles:
    """Files that modnet does not ship, by the SHA-256 of what is packed in each."""

    title: str
    where: str
    """The address that they are published at."""
    get: str = ""
    """The command that downloads them, if there is one."""
    files: dict[str, str] = attrs.field(
        validator=[min_len(1), deep_mapping(matches_re(r"[^/\\]+"), matches_re("[0-9a-f]{64}"))]
    )


@attrs.frozen(kw_only=True)
class PublishedResult:
    """A published result, and the experiment or the function that finds it again."""

    name: str
    title: str
    source: str
    """Authors, year and the place in the text."""
    note: str = ""
    seconds: float = attrs.field(validator=gt(0))
    """The time that it takes, on two cores of a server of 2023."""
    seeds: int = attrs.field(default=1, validator=ge(1))
    data: tuple[str, DataFiles] | None = None
    """The data set that is asked for, its name and its files."""
    experiment: Table | None = None
    grid: dict[str, tuple[Any, ...]] = attrs.field(factory=dict)
    figures: tuple[Figure, ...] = attrs.field(validator=min_len(1))
    functions: tuple[FunctionSettings, ...] = ()
    """Those of each figure, where there is no experiment."""


def list_functions() -> list[str]:
    """Return the names of the functions that a result may name."""
    module = functions.__name__
    return [name for name, value in vars(functions).items() if getattr(value, "__module__", "") == module]


def list_published() -> Iterator[str]:
    """Yield the names of the results that ship with modnet."""
    return (path.stem for path in sorted(FOLDER.glob("*.toml")) if path.name != DATA)


def find_published(name: str) -> Path:
    """Return the file of a result, by its name or its path; raises UnknownNameError."""
    if name.endswith(".toml"):
        return Path(name)
    if name not in (known := list(list_published())):
        raise UnknownNameError("published result", name, known)
    return FOLDER / f"{name}.toml"


def create_published(table: Table, path: Path) -> PublishedResult:
    """Return the result that the table of a file describes; raises SettingError with all mistakes in it."""
    try:
        return _create(dict(table), path, read_toml(FOLDER / DATA))
    except SettingError as error:
        raise SettingError(error.mistakes, str(path)) from None


def _create(table: Table, path: Path, known: Table) -> PublishedResult:
    reader = make_settings_reader()
    data, function = table.pop("data", None), table.pop("function", None)
    if own := [key for key in ("name", "functions") if key in table]:
        raise SettingError([f"unknown setting {own[0]!r}"])
    if (function is None) == ("experiment" not in table):
        raise SettingError(["a result has one of the tables 'experiment' and 'function'"])
    if isinstance(data, str):
        if data not in known:
            raise UnknownNameError("data set", data, known)
        table["data"] = (data, reader.read(known[data], DataFiles, "data"))
    elif data is not None:
        table["data"] = (path.stem, reader.read(data, DataFiles, "data"))
    if function is not None:
        table["functions"] = _read_functions(function, table, reader)
    elif isinstance(place := _find_path(table["experiment"]), str):
        experiment = table["experiment"]
        table["experiment"] = {**experiment, "data": {**experiment["data"], "path": str(path.parent / place)}}
    return reader.read({**table, "name": path.stem}, PublishedResult)


def _read_functions(function: Any, table: Table, reader: Settings) -> tuple[FunctionSettings, ...]:
    """Return the function of each figure, which is the result's with what is different; raises SettingError."""
    figures = reader.read_value(table.get("figures", []), list[dict[str, Any]])
    changes = [each.get("function", {}) for each in figures]
    for place in (function, *changes):
        if not isinstance(place, dict):
            raise SettingError([f"must be a table, not {place!r}"], "function")
    found = tuple(reader.read(merge(function, change), FunctionSettings, "function") for change in changes)
    for entries, others in ((table, ("grid", "data")), *((each, ("at", "over", "of", "minus")) for each in figures)):
        if given := [key for key in others if key in entries]:
            raise SettingError([f"{given[0]!r} goes with an experiment, and not with a function: take it out"])
    for figure in figures:
        if (measure := figure.get("measure", MEASURES[0])) not in MEASURES:
            what = f"{figure.get('what')!r}: no {measure!r}; available: {', '.join(MEASURES)}"
            raise SettingError([what], "figures")
    return found


def _find_path(experiment: Any) -> Any:
    data = experiment.get("data") if isinstance(experiment, Mapping) else None
    return data.get("path") if isinstance(data, Mapping) else None

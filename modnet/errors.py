"""Errors, a class for each kind of mistake.

A message says in a line or two what is wrong, what was found, what is available and what to do.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import instance_of

from modnet.text import describe_unknown, format_setting, printable, quote_argument

MOST_MISTAKES = 20  # mistakes in settings that a message lists
LONGEST_MESSAGE = 1500


class _Picklable(BaseException):
    """An error that comes from another process as it was, whatever its `__init__` takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ModnetError(_Picklable, Exception):
    """The base of every error that modnet raises for a mistake it can name; it can be pickled, for other processes."""


class UnknownNameError(ModnetError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, choices: Iterable[str], note: str = "") -> None:
        self.kind, self.name, self.choices, self.note = kind, name, tuple(choices), note
        super().__init__(describe_unknown(f"no {kind}", name, self.choices) + note)


class SettingError(ModnetError, ValueError):
    """One or more settings that cannot be; `mistakes` holds them all, a line each."""

    def __init__(self, mistakes: Sequence[str], where: str = "") -> None:
        self.mistakes = tuple(to_printable(mistake) for mistake in mistakes)
        where = printable(where, LONGEST_MESSAGE, keep="\u00a0\u3000")
        count = len(self.mistakes)
        more = [f"and {count - MOST_MISTAKES:,} more"] * (count > MOST_MISTAKES)
        several = "\n  ".join([f"{count} mistakes", *self.mistakes[:MOST_MISTAKES], *more])
        what = self.mistakes[0] if count == 1 else several
        super().__init__(f"{where}: {what}" if where else what)


class ShapeError(ModnetError, ValueError):
    """Arrays that do not fit together."""


class DataError(ModnetError):
    """A file that cannot be read as data; the message finds the place, and so do the attributes, None where unknown.

    `advice` holds settings of the source, each entry a way to read the file; the first line of the message ends with
    it. `line` and `column` are counted from 1.

    >>> str(DataError("a.csv: which column is the label?", advice=[{"label": "kind"}, {"label": "sex"}]))
    "a.csv: which column is the label? Set label = 'kind' or label = 'sex'"
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: Path | str | None = None,
        line: int | None = None,
        column: int | None = None,
        column_name: str | None = None,
        advice: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        if "\n" in str(path):  # what follows would look like a line of modnet's
            message = message.replace(str(path), printable(str(path), LONGEST_MESSAGE))
        first, *others = to_printable(message).split("\n", 1)
        super().__init__("\n".join([first + _describe_advice(first, advice), *others]))
        self.path = None if path is None else Path(path)
        self.advice = tuple(advice)
        self.line, self.column, self.column_name = line, column, column_name


@attrs.frozen
class Problem:
    """A problem of a plugin or a part: why it does not work, what to do and where, as far as these are known.

    >>> str(Problem("it implements no hook", "mark its functions with @modnet.hookimpl", "modnet_cube.py:1"))
    'it implements no hook: mark its functions with @modnet.hookimpl (modnet_cube.py:1)'
    """

    why: str = attrs.field(validator=instance_of(str))
    remedy: str = attrs.field(default="", validator=instance_of(str))
    where: str = attrs.field(default="", validator=instance_of(str))

    def __str__(self) -> str:
        return self.why + (f": {self.remedy}" if self.remedy else "") + (f" ({self.where})" if self.where else "")


class PluginError(ModnetError):
    """A plugin or a part that breaks the rules; `problem` holds why, what to do and where.

    `part` is the module and the name of the class of a part that returned something wrong; else empty.
    """

    def __init__(self, why: str, remedy: str = "", where: str = "", *, part: object = None) -> None:
        self.problem = Problem(why, remedy, where)
        self.part = () if part is None else (type(part).__module__, type(part).__qualname__)
        super().__init__(why, remedy, where)

    def __str__(self) -> str:
        return str(self.problem)


class NoDerivativeError(ModnetError):
    """A backward pass was asked of a part that has none."""


class GradientError(ModnetError):
    """A gradient that cannot be obtained at these parameters, or of these parts."""


class PrecisionWarning(UserWarning):
    """A result of which rounding leaves little or nothing."""


class MissingExtraError(ModnetError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        package = quote_argument(f"modnet-workbench[{extra}]")
        super().__init__(f"{feature} needs an extra that is not installed: pip install {package}")


class DivergedError(ModnetError):
    """A run whose loss stopped being a finite number; `run` holds what was learned before."""

    def __init__(self, iteration: int, loss: float, cause: str, run: Any) -> None:
        self.iteration, self.loss, self.cause, self.run = iteration, loss, cause, run
        super().__init__(f"the loss became {loss} at iteration {iteration}: {cause}")


class TrainingInterrupted(_Picklable, KeyboardInterrupt):
    """Ctrl-C during training; `run` holds what was learned so far."""

    def __init__(self, run: Any) -> None:
        self.run = run
        super().__init__(f"interrupted after {run.iteration} of {run.iterations} iterations")


def to_printable(message: str) -> str:
    """Return a message as a terminal can show it, whatever stands in the names of files and columns in it."""
    return printable(message, LONGEST_MESSAGE, keep="\n\u00a0\u3000")


def _describe_advice(problem: str, advice: Sequence[Mapping[str, Any]]) -> str:
    """Return how a message about a problem ends that can be mended by settings."""
    ways = [" with ".join(starmap(format_setting, settings.items())) for settings in advice]
    if not ways:
        return ""
    *most, last = ways
    text = f"{', '.join(most)} or {last}" if most else last
    return f" Set {text}" if problem.endswith("?") else f": set {text}"

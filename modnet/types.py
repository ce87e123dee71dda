"""Aliases and small records used in every room."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import import_module
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from modnet.text import format_column, format_count, format_metric, list_some

# Plugin mathematics also serves the arrays of other libraries (array API standard); NumPy's type stands for all.
Array: TypeAlias = npt.NDArray[Any]
Params: TypeAlias = Mapping[str, Array]
Grads: TypeAlias = Mapping[str, Array]
# The state of an optimizer, opaque to everybody else: anything that a checkpoint can hold.
State: TypeAlias = Any
Task: TypeAlias = Literal["classification", "regression"]
Shape: TypeAlias = tuple[int, ...]  # of one sample
Mode: TypeAlias = Literal["train", "predict"]


def is_weight(name: str) -> bool:
    """Say whether the parameter of that name is an array of weights, which may decay, and not one of biases.

    >>> is_weight("W1"), is_weight("b1")
    (True, False)
    """
    return name.startswith(("W", "w"))


def is_numpy(value: object) -> bool:
    """Say whether a value is an array of NumPy's: those of other libraries have no `out=`, flags or methods like `sum`.

    >>> is_numpy(np.zeros(2)), is_numpy(2.0)
    (True, False)
    """
    return isinstance(value, np.ndarray)


def lock(array: Any) -> Array:
    """Return a view to read alone, so that a part that works in place changes no array of somebody else.

    Other libraries have none: their arrays are returned as they are.
    """
    found: Array = array
    if isinstance(array, np.ndarray) and array.flags.writeable:
        found = array.view()
        found.setflags(write=False)
    return found


class Displayed:
    """Something that notebooks show as `modnet_display` draws it; it says so where that fails, and raises nothing."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(import_module("modnet_display.displays").display(self))  # not of the core


class Status(StrEnum):
    """The state of a run, equal to the text that its files hold.

    >>> Status.FINISHED == "finished"
    True
    """

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True where there is nothing to resume."""
        return self in {Status.FINISHED, Status.DIVERGED}


@attrs.define(repr=False)
class History(Displayed):
    """The recorded course of a run: one loss per iteration, and named columns with one value per evaluation.

    `evaluated_at[i]` is the number of iterations made at evaluation i, the end of an epoch or of the run;
    `columns[name][i]` is the value measured then, NaN where none was. A column is an attribute, too:
    `history.test_accuracy`.
    """

    loss: list[float] = attrs.field(factory=list)
    evaluated_at: list[int] = attrs.field(factory=list)
    columns: dict[str, list[float]] = attrs.field(factory=lambda: {"train_accuracy": [], "test_accuracy": []})

    def __repr__(self) -> str:
        last = {"loss": self.loss, **self.columns}
        values = [f"{format_column(name, ())} {format_metric(each[-1])}" for name, each in last.items() if each]
        made, rows = format_count(len(self.loss), "loss", "losses"), format_count(len(self.evaluated_at), "evaluation")
        return f"<History: {made}, {rows}{'; last ' * bool(values)}{list_some(values, 6)}>"

    @property
    def iterations(self) -> list[int]:
        """The number of iterations made at each evaluation: `evaluated_at`."""
        return self.evaluated_at

    def __getattr__(self, name: str) -> list[float]:
        """Return a column: `history.test_r2`."""
        columns: dict[str, list[float]] = object.__getattribute__(self, "columns")
        if name not in columns:
            raise AttributeError(f"the history has no {name!r}: it has {', '.join(columns)}")
        return columns[name]

    def record(self, iteration: int, values: Mapping[str, float]) -> None:
        """Append an evaluation made after `iteration` iterations; a name that is new becomes a column."""
        for name in values:
            self.columns.setdefault(name, [math.nan] * len(self.evaluated_at))
        for name, column in self.columns.items():
            column.append(values.get(name, math.nan))
        self.evaluated_at.append(iteration)  # last: whoever looks on from another thread finds the values in place

    def amend(self, values: Mapping[str, float]) -> None:
        """Add values to the last evaluation; a name that is new becomes a column."""
        for name, value in values.items():
            self.columns.setdefault(name, [math.nan] * len(self.evaluated_at))[-1] = value

    def copy(self) -> History:
        """Return a copy, of whole rows alone where another thread is recording one."""
        rows = len(self.evaluated_at)
        columns = {name: values[:rows] for name, values in dict(self.columns).items()}
        return History(self.loss[:], self.evaluated_at[:rows], columns)

    def until(self, iteration: int, wanted: Callable[[int], bool] | None = None) -> History:
        """Return the first `iteration` losses and the evaluations until then, or those at a `wanted` iteration.

        Of two evaluations at one iteration the second is left out: it is of parameters chosen by a callback.
        """
        at = self.evaluated_at
        rows = [i for i, k in enumerate(at) if k <= iteration and (not wanted or wanted(k)) and k not in at[i - 1 : i]]
        columns = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return History(self.loss[:iteration], [self.evaluated_at[i] for i in rows], columns)

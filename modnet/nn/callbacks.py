"""Callbacks of a run: their calls, and the validation of their decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from modnet.errors import PluginError, SettingError
from modnet.interfaces import Callback, ObservedRun, Optimizer, Record, ScaleRate, Stop, name_of
from modnet.nn.arrays import match_array, to_numpy_all
from modnet.nn.schedules import fix_rate
from modnet.nn.validation import describe_returned, validate_arrays
from modnet.types import Array, History, Params, State

States = tuple[State, ...]
_DECISIONS = {"on_iteration": (Stop, ScaleRate), "on_epoch": (Stop, ScaleRate, Record)}


@attrs.define(eq=False)
class Callbacks:
    """The callbacks of a run, in their order; which of them an event is for is decided once."""

    parts: tuple[Callback, ...]
    run: ObservedRun
    optimizer: Optimizer
    first: States = ()
    """The states before the first iteration: the structure of all later ones."""
    last: States = ()
    """The states after the last iteration."""
    reason: str = ""
    """The reason of the first `Stop`."""
    _listeners: dict[str, list[int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find who listens to what, and have all begin."""
        self._listeners = {event: self._find_listeners(event) for event in ("on_iteration", "on_epoch", "on_end")}
        self.first = self.last = tuple(part.init(self.run) for part in self.parts)

    def _find_listeners(self, event: str) -> list[int]:
        own = [getattr(type(part), event) is not getattr(Callback, event) for part in self.parts]
        return [i for i, is_own in enumerate(own) if is_own]

    def listen(self, event: str) -> bool:
        """Say whether any of them is called for an event."""
        return bool(self._listeners[event])

    def call(self, event: str, states: States, factor: float, history: History) -> tuple[States, float]:
        """Call all that listen, and return the new states and the factor of the learning rate.

        Columns are recorded in the last row of `history`. Raises PluginError for what is no state and decision.
        """
        found = list(states)
        for i in self._listeners[event]:
            part = self.parts[i]
            found[i], decision = _validate(getattr(part, event)(self.run, states[i]), event, part)
            if isinstance(decision, Stop):
                self.reason = self.reason or decision.reason
            elif isinstance(decision, ScaleRate):
                factor *= decision.factor
                self._check_rate(factor, part)
            elif isinstance(decision, Record):
                _record(decision.values, history, part)
        return tuple(found), factor

    def _check_rate(self, factor: float, part: Callback) -> None:
        """Raise SettingError that names the callback where the optimizer's rate cannot be scaled."""
        try:
            fix_rate(self.optimizer, self.run.iteration, factor)
        except SettingError as error:
            raise SettingError(error.mistakes, f"the callback {name_of(part)}") from None

    def end(self, params: Params) -> dict[str, Array] | None:
        """Return the parameters that the run ends with, of the last one that has others; None where none has."""
        wanted = None
        for i in self._listeners["on_end"]:
            part = self.parts[i]
            found = part.on_end(self.run, self.last[i])
            if found is not None:
                _check_is_repeatable(part, "parameters")
                own = to_numpy_all(params)
                wanted = {name: np.array(w) for name, w in validate_arrays(found, own, part).items()}
                if not all(np.isfinite(w).all() for w in wanted.values()):
                    raise PluginError(f"{part!r} returned nan or inf at the end", "numbers are expected", part=part)
        return wanted and {name: match_array(w, params[name]) for name, w in wanted.items()}


def _validate(result: Any, event: str, part: Callback) -> tuple[State, Any]:
    """Return the state and the decision that a callback returned; raises PluginError where they are none."""
    allowed = _DECISIONS[event]
    choices = f"{', '.join(cls.__name__ for cls in allowed)} or None"
    if type(result) is not tuple or len(result) != 2:
        raise describe_returned(part, result, f"a state and {choices} are expected of {event}")
    state, decision = result
    if decision is None:
        return state, None
    if not isinstance(decision, allowed):
        raise describe_returned(part, decision, f"{choices} is expected of {event}, after the state")
    if not isinstance(decision, Stop):
        _check_is_repeatable(part, f"a {type(decision).__name__}")
    return state, decision


def _check_is_repeatable(part: Callback, what: str) -> None:
    if not part.repeatable:
        raise PluginError(f"{part!r} is not repeatable, and returned {what}", "it may return Stop alone", part=part)


def _record(values: Mapping[str, float], history: History, part: Callback) -> None:
    """Record values beside the last evaluation; raises PluginError for a name that is there already."""
    for name in values:
        is_own = name == "iteration" or hasattr(History, name)
        if is_own or not math.isnan(history.columns.get(name, [math.nan])[-1]):
            raise PluginError(f"{part!r} records {name!r}, which is there already", "choose another name", part=part)
    history.amend(values)

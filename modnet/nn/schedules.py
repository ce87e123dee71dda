"""Learning rates that change during a run."""

from __future__ import annotations

from numbers import Real
from typing import Any

import attrs

from modnet.errors import SettingError
from modnet.interfaces import Optimizer, RunSchedule, name_of


def _has_setting(optimizer: Any) -> bool:
    cls: Any = type(optimizer)
    return attrs.has(cls) and "lr" in attrs.fields_dict(cls)


def set_horizon(optimizer: Optimizer, iterations: int, *, is_resumed: bool = False) -> Optimizer:
    """Return an optimizer whose schedule, if it has one, goes over so many iterations unless it has its own horizon.

    Raises SettingError where the learning rate of the last iteration is not above 0, and for the schedule of an inner
    optimizer, which nobody would follow.
    """
    known: Any = optimizer
    inner = attrs.asdict(known, recurse=False).values() if attrs.has(type(known)) else ()
    optimizers: list[Any] = [part for part in inner if isinstance(part, Optimizer)]
    if any(_has_setting(part) and callable(part.lr) for part in optimizers):
        what = f"the optimizer inside {name_of(optimizer)} has a schedule, which is followed in the outer one alone"
        raise SettingError([f"{what}: give it a number"], "optimizer")
    rate: Any = getattr(optimizer, "lr", None)
    if not isinstance(rate, RunSchedule):
        return optimizer
    return attrs.evolve(optimizer, lr=rate.over(iterations, is_resumed=is_resumed))  # type: ignore[misc]


def find_rate(optimizer: Optimizer, iteration: int) -> float | None:
    """Return an optimizer's learning rate at an iteration; None where it has none, or the function gives no number."""
    rate: Any = getattr(optimizer, "lr", None)
    if callable(rate):
        rate = rate(iteration) if _has_setting(optimizer) else None  # a method is its own affair
    return None if isinstance(rate, bool) or not isinstance(rate, Real) else float(rate)


def fix_rate(optimizer: Optimizer, iteration: int, factor: float = 1.0) -> Optimizer:
    """Return the optimizer with the learning rate of an iteration, times a factor, as a number.

    Raises SettingError where it has none, or refuses that.
    """
    given: Any = getattr(optimizer, "lr", None)
    if factor == 1 and not (callable(given) and _has_setting(optimizer)):
        return optimizer
    rate = find_rate(optimizer, iteration)
    if not _has_setting(optimizer) or (rate is None and not callable(given)):
        what = f"the optimizer {name_of(optimizer)} has no setting 'lr' to scale"
        raise SettingError([f"{what}: choose another optimizer, or leave the callback out"])
    if rate is None:
        raise SettingError([f"'lr' must give a number at iteration {iteration:,}, not {given(iteration)!r:.80}"])
    try:
        return attrs.evolve(optimizer, lr=rate * factor)  # type: ignore[misc]
    except ValueError as error:
        what = f"the optimizer {name_of(optimizer)} refuses the learning rate of iteration {iteration:,}"
        raise SettingError([f"{what}: {error.args[0]}"]) from None

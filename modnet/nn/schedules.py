"""Learning rates that change during a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, Literal, TypeAlias

import attrs
from attrs.validators import ge, gt, optional

from modnet.errors import SettingError
from modnet.interfaces import Optimizer, name_of

_SETTINGS = {  # of each shape: those that it must have, and those that it may have
    "constant": ((), ()),
    "step": (("every",), ("factor",)),
    "linear": ((), ("final", "iterations")),
    "cosine": ((), ("final", "iterations")),
    "exponential": (("final",), ("iterations",)),
}


@attrs.frozen
class Schedule:
    """A learning rate by the name of its course, after a linear warm-up; called with an iteration, from 0 on.

    With j iterations since the warm-up and n from there to the last: "constant" stays at `initial`; "step" is
    initial factor^(j // every), with the factor 0.1 by default; "linear" goes straight to `final`, 0 by default;
    "cosine" is final + (initial - final) (1 + cos(pi j / n)) / 2 (Loshchilov and Hutter 2017, "SGDR", eq. 5);
    "exponential" is initial (final / initial)^(j / n). During `warmup` iterations the rate grows in equal steps to
    `initial` (Goyal et al. 2017). `iterations` is the horizon, by default that of the run.

    >>> rate = Schedule("cosine", initial=0.1, warmup=2, iterations=6)
    >>> [round(rate(k), 4) for k in range(6)]
    [0.0333, 0.0667, 0.1, 0.0854, 0.05, 0.0146]
    """

    name: Literal["constant", "step", "linear", "cosine", "exponential"] = "constant"
    initial: float = attrs.field(kw_only=True, validator=gt(0))
    warmup: int = attrs.field(default=0, kw_only=True, validator=ge(0))
    final: float | None = attrs.field(default=None, kw_only=True, validator=optional(ge(0)))
    every: int | None = attrs.field(default=None, kw_only=True, validator=optional(ge(1)))
    factor: float | None = attrs.field(default=None, kw_only=True, validator=optional(gt(0)))
    iterations: int | None = attrs.field(default=None, kw_only=True, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        if self.name not in _SETTINGS:
            raise ValueError(f"'name' must be {', '.join(map(repr, _SETTINGS))}, not {self.name!r}")
        needed, allowed = _SETTINGS[self.name]
        for key in ("final", "every", "factor", "iterations"):
            if getattr(self, key) is None and key in needed:
                raise ValueError(f"{key!r} is missing, which the schedule {self.name!r} needs")
            if getattr(self, key) is not None and key not in (*needed, *allowed):
                raise ValueError(f"{key!r} is no setting of the schedule {self.name!r}: take it out")
        if self.name == "exponential" and not self.final:
            raise ValueError("'final' must be > 0 in the schedule 'exponential'")
        if self.iterations is not None and self.iterations <= self.warmup:
            raise ValueError(f"'iterations' must be more than the {self.warmup} of the warm-up: {self.iterations}")

    def __str__(self) -> str:
        ends = "" if self.final is None else f" to {self.final:g}"
        return f"{self.name} from {self.initial:g}{ends}" + f" after {self.warmup:,} iterations" * bool(self.warmup)

    @property
    def needs_horizon(self) -> bool:
        """True where it depends on the run's number of iterations, as it has none of its own."""
        return self.iterations is None and "iterations" in _SETTINGS[self.name][1]

    def __call__(self, iteration: int) -> float:
        """Return the learning rate of an iteration; raises SettingError where it needs a horizon."""
        if self.needs_horizon:
            raise SettingError([f"the schedule {self.name!r} needs its number of iterations: give it 'iterations'"])
        if iteration < self.warmup:
            return self.initial * (iteration + 1) / (self.warmup + 1)
        since = iteration - self.warmup
        if self.name == "constant":
            return self.initial
        if self.name == "step":
            return float(self.initial * (0.1 if self.factor is None else self.factor) ** (since // (self.every or 1)))
        share = min(1.0, since / ((self.iterations or 0) - self.warmup))
        final = self.final or 0.0
        if self.name == "exponential":
            return float(self.initial * (final / self.initial) ** share)
        weight = 1 - share if self.name == "linear" else (1 + math.cos(math.pi * share)) / 2
        return final + (self.initial - final) * weight


LearningRate: TypeAlias = float | Schedule | Callable[[int], float]
"""A learning rate: a number, a schedule, or a function from an iteration to a number."""


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
    if not isinstance(rate, Schedule):
        return optimizer
    if rate.needs_horizon:
        if is_resumed:
            what = f"the schedule {rate.name!r} of a run that is resumed needs the horizon that it began with"
            raise SettingError([f"{what}: give it 'iterations'"], "optimizer.lr")
        if 0 < iterations <= rate.warmup:
            what = f"a warm-up of {rate.warmup:,} iterations leaves nothing of the run's {iterations:,}"
            raise SettingError([f"{what}: choose a shorter one, or more iterations"], "optimizer.lr")
        rate = attrs.evolve(rate, iterations=max(iterations, rate.warmup + 1))
    if iterations and not rate(iterations - 1) > 0:
        what = f"the schedule {rate.name!r} comes to 0 before the run ends, which has {iterations:,} iterations"
        raise SettingError([f"{what}: set its 'iterations' to as many, or 'final' above 0"], "optimizer.lr")
    return attrs.evolve(optimizer, lr=rate)  # type: ignore[misc]


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

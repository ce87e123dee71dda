"""Learning rates by the names of their courses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs
from attrs.validators import ge, gt, optional

from modnet import RunSchedule, SettingError

_SETTINGS = {  # of each shape: those that it must have, and those that it may have
    "constant": ((), ()),
    "step": (("every",), ("factor",)),
    "linear": ((), ("final", "iterations")),
    "cosine": ((), ("final", "iterations")),
    "exponential": (("final",), ("iterations",)),
}


@attrs.frozen
class Schedule(RunSchedule):
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

    def over(self, iterations: int, *, is_resumed: bool = False) -> Schedule:
        """Return the schedule of a run of so many iterations: by default its horizon; raises SettingError.

        That of a run that is resumed must have its own. The learning rate of the last iteration must be above 0.
        """
        found = self
        if self.needs_horizon:
            if is_resumed:
                what = f"the schedule {self.name!r} of a run that is resumed needs the horizon that it began with"
                raise SettingError([f"{what}: give it 'iterations'"], "optimizer.lr")
            if 0 < iterations <= self.warmup:
                what = f"a warm-up of {self.warmup:,} iterations leaves nothing of the run's {iterations:,}"
                raise SettingError([f"{what}: choose a shorter one, or more iterations"], "optimizer.lr")
            found = attrs.evolve(self, iterations=max(iterations, self.warmup + 1))
        if iterations and not found(iterations - 1) > 0:
            what = f"the schedule {self.name!r} comes to 0 before the run ends, which has {iterations:,} iterations"
            raise SettingError([f"{what}: set its 'iterations' to as many, or 'final' above 0"], "optimizer.lr")
        return found


LearningRate: TypeAlias = float | Schedule | Callable[[int], float]
"""A learning rate: a number, a schedule, or a function from an iteration to a number."""

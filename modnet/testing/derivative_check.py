"""Verdicts on the derivative of any function, in any library."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from modnet.errors import SettingError
from modnet.randomness import Stream
from modnet.testing.derivative_judge import judge_function
from modnet.testing.gradcheck.functions import (
    Arguments,
    Function,
)
from modnet.testing.gradcheck.taylor import CORRECT, KINK, TOO_NOISY, WRONG
from modnet.testing.gradcheck.verdicts import (
    NOT_DETERMINISTIC,
    VERDICTS,
    Verdict,
)
from modnet.text import format_count, format_table
from modnet.types import Displayed, Shape

WIDTH = 80  # columns of a report
SHOWN = 5  # wrong entries of an array, and explanations, in a report


@attrs.frozen(kw_only=True, repr=False)
class DerivativeCheck(Displayed):
    """The verdicts on a derivative, one for each array; true where it passed, so that it can be asserted."""

    verdicts: tuple[Verdict, ...]
    """On each array, that on its worst entry; on the function itself where no array can be judged."""
    entries: tuple[Verdict, ...] = ()
    """On each entry that was judged by itself and is not correct: all of an array with up to 64 entries are."""
    shapes: Mapping[str, Shape]
    """Of the arrays that were judged, by name."""
    fixed: tuple[str, ...] = ()
    """The names of what was not moved, as integers are not."""
    dtype: str = "float64"
    """The precision that the function was seen to have."""
    evaluations: int = 0
    """The calls of the function."""

    @property
    def verdict(self) -> str:
        """The gravest verdict: "wrong", "not deterministic", "kink", "too noisy" or "correct"."""
        return self.worst.verdict

    @property
    def worst(self) -> Verdict:
        """The gravest verdict, with place, size and explanation: one that does not pass, if there is one."""
        failed = [verdict for verdict in self.verdicts if not _is_passed(verdict)]
        return min(failed or self.verdicts, key=lambda verdict: (VERDICTS.index(verdict.verdict), -verdict.size))

    @property
    def passed(self) -> bool:
        """True where the derivative is correct, or at a kink lies between the slopes to both sides.

        What is too noisy was not confirmed, and does not pass; at a jump, of infinite size, there is no derivative.
        """
        return all(map(_is_passed, self.verdicts))

    def __repr__(self) -> str:
        return f"<DerivativeCheck: {self.verdict}, {format_count(len(self.verdicts), 'verdict')}>"

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("array", "shape", "verdict", "entry", "given", "slope", "error")]
        for verdict in self.verdicts:
            name = verdict.parameter or verdict.part
            rows.append((name, str(self.shapes.get(name, "")), *_list_cells(verdict)))
            others = [v for v in self.entries if v.parameter == name and v.index != verdict.index]
            rows += [("", "", *_list_cells(v)) for v in others[:SHOWN]]
            rows += (
                [("", "", f"and {format_count(len(others) - SHOWN, 'more', 'more')}")] if len(others) > SHOWN else []
            )
        lines = [*(line[:WIDTH].rstrip() for line in format_table(rows, left=4)), ""]
        grouped: dict[str, list[str]] = {}
        for verdict in [v for v in self.verdicts if v.verdict != CORRECT] or self.verdicts:
            grouped.setdefault(f"{verdict.verdict}: {verdict.explanation}", []).append(verdict.place or verdict.part)
        for text, places in [*grouped.items()][:SHOWN]:
            among = places[0] if len(places) == 1 else f"{places[0]} and {format_count(len(places) - 1, 'other array')}"
            lines += textwrap.wrap(f"{among}: {text}", WIDTH, subsequent_indent="  ")
        if len(grouped) > SHOWN:
            lines.append(f"... and {format_count(len(grouped) - SHOWN, 'explanation')} more")
        if self.fixed:
            text = f"not judged, as only floats are: {', '.join(self.fixed)}"
            lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
        return "\n".join(lines)


def _is_passed(verdict: Verdict) -> bool:
    return verdict.verdict == CORRECT or (verdict.verdict == KINK and verdict.size < np.inf)


def _list_cells(verdict: Verdict) -> tuple[str, ...]:
    """Return the cells of a verdict in a report: word, entry, what is given, the slope and the relative error."""
    entry = "" if not verdict.index else str([*verdict.index])
    numbers = ("" if number is None else f"{number:.6g}" for number in (verdict.given, verdict.slope))
    return (verdict.verdict, entry, *numbers, f"{verdict.size:.1e}")


def check_derivative(
    f: Callable[..., Any], grad: Any, params: Any, *, rtol: float = 0.0, seed: int = 0
) -> DerivativeCheck:
    """Return the verdicts on a derivative of any function, of NumPy, torch, JAX or SciPy, at some parameters.

    `f` returns a number or an array. `params` is a number or an array, or a list or dict of these, to any depth; a
    tuple is several arguments, `f(*params)`. Integers beside floats are not moved. `f` gets what was given: floats,
    NumPy arrays, tensors; and the caller's arrays stay as they are.

    `grad` is the derivative to judge:

    - a function that is called as `f` is and returns the gradient in the structure of `params`; of an `f` with
      several outputs the Jacobian, of shape outputs + parameters;
    - an array, or a structure of arrays: the gradient itself;
    - True: `f` returns its value and its gradient, as SciPy's `jac=True` and `jax.value_and_grad` have it;
    - None: what torch's autograd makes of `f`, as of a `torch.autograd.Function`.

    Each array has a verdict, "correct", "wrong", "kink", "too noisy" or "not deterministic", by Taylor remainder tests
    at many steps, so that there is no tolerance to choose. A function in float32 is judged by what float32 can tell.
    A derivative that is an approximation of its own, as by an adjoint equation that is solved to 1e-6, may be off by
    `rtol` times each slope. `str` of the result is a report; the result is true where the derivative passed.

    Raises any error of `f` and `grad`, ShapeError where `params` has no floats or `f` returns no real numbers, and
    SettingError for an `f`, a `grad` or an `rtol` that cannot be used.

    >>> f, grad = lambda x: (x**3).sum(), lambda x: 3 * x**2
    >>> modnet.check_derivative(f, grad, np.array([1.0, 2.0])).verdict
    'correct'
    >>> worst = modnet.check_derivative(f, lambda x: 3 * x, np.array([1.0, 2.0])).worst
    >>> worst.verdict, worst.place, round(worst.size, 3)
    ('wrong', 'x[1]', 0.5)
    """
    if not callable(f):
        raise SettingError(
            [f"f must be a function, it is {type(f).__name__}: pass the function itself"], "check_derivative"
        )
    share: Any = rtol
    if isinstance(share, bool) or not isinstance(share, (int, float, np.floating)) or not 0 <= share < 1:
        raise SettingError([f"'rtol' must be a number from 0 to less than 1: {rtol!r}"], "check_derivative")
    arguments = Arguments.read(params, only_required=grad is None)
    function = Function(f, grad, arguments, float(rtol))
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        found = judge_function(function, Stream(seed, ("derivative check",)))
    return DerivativeCheck(
        verdicts=tuple(verdict for verdict, _ in found),
        entries=tuple(entry for _, entries in found for entry in entries),
        shapes={name: array.shape for name, array in arguments.arrays.items()},
        fixed=arguments.fixed,
        dtype=function.dtype,
        evaluations=function.calls,
    )


def assert_gradient(f: Callable[..., Any], grad: Any, x: Any, *, rtol: float = 0.0, seed: int = 0) -> None:
    """Raise AssertionError with a report unless a derivative is confirmed, as a test does.

    The arguments are those of `modnet.check_derivative`. At a kink any slope between those to both sides passes; what
    is too noisy does not, as nothing was confirmed.

    >>> modnet.testing.assert_gradient(np.sin, np.cos, 1.0)
    >>> try:
    ...     modnet.testing.assert_gradient(np.sin, np.sin, 1.0)
    ... except AssertionError as error:
    ...     print(str(error).splitlines()[0])
    wrong: derivative, x: 0.841471 is given, the slope is 0.540302 (relative error 0.56); the remainder falls with \
order 1.0, not 2
    """
    __tracebackhide__ = True
    check = check_derivative(f, grad, x, rtol=rtol, seed=seed)
    if not check:
        raise AssertionError(describe_failure(check))


def describe_failure(check: DerivativeCheck) -> str:
    """Return the report of a derivative that did not pass: the worst place first, then what to do."""
    worst = check.worst
    lines = [str(worst)]
    if worst.given is not None and worst.slope is not None and worst.step is not None:
        lines.append(f"given {worst.given:.9g}, expected {worst.slope:.9g}, from a step of {worst.step:.1e}")
    lines.append(_ADVICE[worst.verdict])
    return "\n".join([*lines, "", str(check)])


_ADVICE = {
    KINK: "The function jumps here and has no derivative: check it at other parameters.",
    WRONG: "Correct the derivative at the place that is named, or the function.",
    TOO_NOISY: "Nothing was confirmed: compute f in float64, with less noise, or choose other parameters.",
    NOT_DETERMINISTIC: "Fix the seed within the function, and let it keep nothing between calls.",
}

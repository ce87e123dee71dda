"""Checks: claims about parts, the inputs to try them on, and their suites."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import attrs
import numpy as np

from modnet.compose.parts import make_part
from modnet.errors import MissingExtraError, ModnetError, SettingError
from modnet.host.kinds import KINDS
from modnet.testing.examples import example
from modnet.testing.report import FAILED, PASSED, SKIPPED, Outcome, Report
from modnet.testing.shrinking import shrunk

Inputs = Mapping[str, Any]
LONGEST = 400  # letters of a message: NumPy's are long


class SkippedError(Exception):
    """A check has nothing to say of this part; the message is the reason."""


@attrs.frozen(eq=False)
class Check:
    """One claim: `probe(part, **inputs)` raises where it is not true.

    `cases` returns the inputs to try, the simplest first, of what a suite is run with. `skips` are the only reasons for
    which it may be left out.
    """

    probe: Callable[..., object]
    cases: Callable[[Any], Iterable[Inputs]]
    skips: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The probe's name, with hyphens."""
        return self.probe.__name__.replace("_", "-")

    @property
    def claim(self) -> str:
        """The claim about a part: the probe's docstring in a line."""
        return " ".join((self.probe.__doc__ or "").split())

    def run(self, subject: Any) -> Outcome:
        """Try all cases on `subject.part`; what fails first is made as small as it still fails."""
        if not __debug__:
            raise ModnetError("python -O drops every assertion, and so every check: run without it")
        tried = 0
        try:
            for inputs in self.cases(subject):
                tried += 1
                if catch_error(self.probe, subject.part, inputs):
                    return self._report_failure(subject.part, inputs)
        except SkippedError as skipped:
            return self._outcome(SKIPPED, str(skipped), excused=str(skipped) in self.skips)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # of a third-party part, met while making inputs
            return self._outcome(FAILED, to_message(error))
        if not tried:
            return self._outcome(FAILED, "it did not run: there was nothing to try it on")
        return self._outcome(PASSED, cases=tried)

    def _report_failure(self, part: object, inputs: Inputs) -> Outcome:
        error = catch_error(self.probe, part, inputs)
        if error is None:
            text = "it failed, and when tried again with the same input it did not: the part is not deterministic"
            return self._outcome(FAILED, text)
        if isinstance(error, (ModuleNotFoundError, MissingExtraError)):
            return self._outcome(SKIPPED, f"it needs what is not installed here: {to_message(error)}")
        place = _locate(error, self.probe)

        def fails(other: Inputs) -> bool:
            found = catch_error(self.probe, part, other)
            return found is not None and _locate(found, self.probe) == place

        small = shrunk(inputs, fails)
        if small is not inputs:
            error = catch_error(self.probe, part, small) or error
        return self._outcome(FAILED, to_message(error), example=example(self.probe, part, small, place[1]))

    def _outcome(self, state: str, message: str = "", **more: Any) -> Outcome:
        return Outcome(self.name, self.claim, state, message, **more)


def _find_use(suite: Suite) -> str:
    return f"--{suite.kind} $name --gradient backpropagation --iterations 200"


@attrs.frozen(eq=False)
class Suite:
    """All checks of one kind of part, by name, and what the repository of a new one says of it."""

    kind: str
    subject: Callable[..., Any]
    """Makes the subject of the checks: a part, and options."""
    use: str = attrs.field(default=attrs.Factory(_find_use, takes_self=True), kw_only=True)
    """Options of `modnet train` that use the part `$name`."""
    needs: str = attrs.field(default="", kw_only=True)
    """Options of `modnet plugins check` that the part `$name` needs."""
    factory: str = attrs.field(default=attrs.Factory(lambda suite: str(suite.kind), takes_self=True), kw_only=True)
    """The function of modnet's that returns such a part by its name."""
    checks: dict[str, Check] = attrs.field(factory=dict)

    def check(self, cases: Callable[[Any], Iterable[Inputs]], *skips: str) -> Callable[[Any], Any]:
        """Return a decorator that adds a probe, to be tried on `cases`."""

        def add(probe: Callable[..., object]) -> Callable[..., object]:
            check = Check(probe, cases, frozenset(skips))
            self.checks[check.name] = check
            return probe

        return add

    def create_subject(self, part: object, **options: Any) -> Any:
        """Return the subject of the checks, of a ready part or what else is accepted as one; raises SettingError."""
        ready = make_part(self.kind, part) if self.kind in KINDS else part
        try:
            return self.subject(ready, **options)
        except ValueError as error:  # of the validators of options
            raise SettingError([str(error.args[0])], f"options of {ready!r}") from None

    def run(self, part: object, *, raises: bool = False, **options: Any) -> Report:
        """Run all checks on a part; raises ConformanceError where it does not pass, if it is to."""
        __tracebackhide__ = True
        subject = self.create_subject(part, **options)
        report = self._report(_describe(_name, subject.part), [check.run(subject) for check in self.checks.values()])
        if raises:
            report.raise_if_failed()
        return report

    def not_run(self, part: str, why: str) -> Report:
        """Return the report on a part that cannot be made."""
        return self._report(part, [Outcome(c.name, c.claim, SKIPPED, why) for c in self.checks.values()])

    def _report(self, part: str, outcomes: Iterable[Outcome]) -> Report:
        return Report(self.kind, part, tuple(outcomes), tuple(self.checks))


def catch_error(probe: Callable[..., object], part: object, inputs: Inputs) -> BaseException | None:
    """Return the exception that a probe raises, or None; undo all else that a part does to the process."""
    with preserve_process():
        try:
            probe(part, **fresh(dict(inputs)))
        except (KeyboardInterrupt, SkippedError):
            raise
        except BaseException as error:  # of a third-party part, which may end the program
            return error
    return None


def fresh(value: Any) -> Any:
    """Return a copy of inputs: of their arrays, in whatever they stand."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is dict:
        return {key: fresh(item) for key, item in value.items()}
    return [fresh(item) for item in value] if type(value) is list else value


@contextlib.contextmanager
def preserve_process() -> Iterator[None]:
    """Let no change that a part makes to the process's global state outlast a check.

    Its warnings, and what it prints, are not shown.
    """
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is the global state that is watched
    environment, path = dict(os.environ), list(sys.path)
    restore_collection = gc.enable if gc.isenabled() else gc.disable
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(action="ignore"),
            np.errstate(all="ignore"),
            np.printoptions(),
            contextlib.chdir("."),
        ):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        sys.path[:] = path
        restore_collection()


def to_message(error: BaseException) -> str:
    """Return an error in one line: of an assertion only the words."""
    text = " ".join(_describe(str, error).split("\n ACTUAL")[0].split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")


def _describe(how: Callable[[object], str], value: object) -> str:
    """Return the text of a third-party object; its class where that fails."""
    try:
        return how(value)
    except Exception:
        return type(value).__name__


def _name(part: object) -> str:
    named = part if isinstance(part, ModuleType) else type(part)
    return named.__name__ if named is part or type(part).__repr__ is object.__repr__ else repr(part)


def _locate(error: BaseException, probe: Callable[..., Any]) -> tuple[type, int]:
    """Return the identity of a fault: the kind of error, and the line of the probe that it comes from."""
    code = probe.__code__
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
    return type(error), lines[0] if lines else 0

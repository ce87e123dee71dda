"""Reports on all checks of a part, as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import indent

import attrs

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class ConformanceError(AssertionError):
    """Parts that are not all that their kinds should be; `reports` are those that did not pass."""

    def __init__(self, *reports: Report) -> None:
        self.reports = reports
        super().__init__(*reports)  # so that it can be pickled

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.reports))


def raise_if_failed(reports: Sequence[Report]) -> None:
    """Raise ConformanceError unless all passed."""
    __tracebackhide__ = True
    if failed := [report for report in reports if not report.passed]:
        raise ConformanceError(*failed)


@attrs.frozen
class Outcome:
    """The result of one check."""

    name: str
    claim: str
    """The claim about every part of the kind."""
    state: str
    """One of: passed, failed, skipped."""
    message: str = ""
    """The fault, or the reason why it was skipped."""
    cases: int = 0
    """The number of inputs it was tried on."""
    excused: bool = False
    """True if it was skipped for one of the reasons listed for it."""
    example: str = ""
    """Of a failure: a few lines of Python that show it, and run without this kit."""

    def __str__(self) -> str:
        lines = [f"{self.state:<7}  {self.name}" + (f": {self.message}" if self.message else "")]
        if self.state == FAILED:
            lines.append(indent(self.claim, " " * 9))
        if self.example:
            lines.append(indent(self.example, " " * 13))
        return "\n".join(lines)


@attrs.frozen
class Report:
    """The results of all checks of one part.

    >>> report = modnet.testing.check_activation(modnet.activation("leaky-relu"))
    >>> report.passed, len(report.ran), [outcome.name for outcome in report.skipped]
    (True, 22, ['standard'])
    """

    kind: str
    """The kind of part."""
    part: str
    """The part, as it shows itself."""
    outcomes: tuple[Outcome, ...]
    checks: tuple[str, ...]
    """The names of all checks of the kind."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The checks that failed."""
        return self._of(FAILED)

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """The checks that were left out."""
        return self._of(SKIPPED)

    @property
    def ran(self) -> tuple[Outcome, ...]:
        """The checks that passed or failed."""
        return self._of(PASSED, FAILED)

    @property
    def missing(self) -> tuple[str, ...]:
        """The checks that the kind has and that are neither run nor skipped for one of their own reasons."""
        there = {o.name for o in self.outcomes if o.state == FAILED or o.cases or o.excused}
        return tuple(name for name in self.checks if name not in there)

    @property
    def passed(self) -> bool:
        """True if none failed, and every check of the kind ran or was skipped for a reason listed for it."""
        return not self.failed and not self.missing

    def raise_if_failed(self) -> None:
        """Raise ConformanceError with the whole text unless it passed."""
        __tracebackhide__ = True
        raise_if_failed([self])

    def __str__(self) -> str:
        counts = f"{len(self.checks)} checks: {len(self._of(PASSED))} passed, {len(self.failed)} failed"
        excused = sum(outcome.excused for outcome in self.skipped)
        skipped = f", {excused} skipped" if excused else ""
        missing = f", {len(self.missing)} did not run" if self.missing else ""
        head = f"{self.kind} {self.part}: {counts}{skipped}{missing}"
        listed: Sequence[Outcome] = [*self.failed, *self.skipped]
        return "\n".join([head, *(indent(str(outcome), "  ") for outcome in listed)])

    def as_json(self) -> str:
        """Return it all as a JSON object."""
        record = {"passed": self.passed, "missing": list(self.missing), **attrs.asdict(self)}
        return json.dumps(record, indent=2)

    def _of(self, *states: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.state in states)

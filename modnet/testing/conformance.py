"""All checks of a part as tests: one for each, for pytest and for unittest."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from modnet.errors import PluginError, SettingError
from modnet.host.registry import kind_of
from modnet.testing.checks import Check
from modnet.testing.kinds import SUBJECTS, SUITES
from modnet.testing.report import PASSED

__unittest = True  # so that unittest's tracebacks leave this module out


def conformance(part: object, **options: Any) -> type[unittest.TestCase]:
    """Return a test case with a test for each check of the part's kind: one line in a test file.

    `part` is an instance of one of modnet's interfaces, `options` are those of the function that checks its kind, such
    as `file` for a data source.

    >>> test_tanh = modnet.testing.conformance(modnet.activation("tanh"))
    >>> len([name for name in vars(test_tanh) if name.startswith("test_")])
    20
    """
    try:
        kind = kind_of(type(part))
    except PluginError:
        what = f"the class {part.__name__}: call it" if isinstance(part, type) else repr(part)
        raise SettingError([f"expected an instance of one of modnet's interfaces, found {what}"]) from None
    subject = SUBJECTS[kind](part, **options)
    tests = {f"test_{check.probe.__name__}": _test(check, subject) for check in SUITES[kind].checks.values()}
    return type(f"Test{type(part).__name__}", (unittest.TestCase,), {"__doc__": f"All checks of one {kind}.", **tests})


def _test(check: Check, subject: Any) -> Callable[[unittest.TestCase], None]:
    def test(self: unittest.TestCase) -> None:
        __tracebackhide__ = True
        outcome = check.run(subject)
        if outcome.excused:
            self.skipTest(outcome.message)
        if outcome.state != PASSED:
            raise self.failureException(str(outcome))

    test.__doc__ = check.claim
    return test

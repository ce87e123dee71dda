"""Conformance tests for a part, and conformance reports for a distribution."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.errors import ModnetError, PluginError, SettingError, describe_unknown
from modnet.host.kinds import find_kind
from modnet.host.registry import Component, determine_kind
from modnet.testing.checks import Check, Suite
from modnet.testing.report import PASSED, Report, raise_if_failed

__unittest = True  # so that unittest's tracebacks leave this module out


def find_suite(kind: str) -> Suite:
    """Return the checks of a kind of part: those of the module that has its name."""
    return cast("Suite", import_module(f"modnet.testing.suites.{find_kind(kind).module}").SUITE)


def conformance(part: object, **options: Any) -> type[unittest.TestCase]:
    """Return a test case with a test for each check of the part's kind: one line in a test file.

    `part` is an instance of one of modnet's interfaces, `options` are those of the function that checks its kind, such
    as `file` for a data source.

    >>> test_tanh = modnet.testing.conformance(modnet.activation("tanh"))
    >>> len([name for name in vars(test_tanh) if name.startswith("test_")])
    22
    """
    try:
        kind = determine_kind(type(part))
    except PluginError:
        what = f"the class {part.__name__}: call it" if isinstance(part, type) else repr(part)
        raise SettingError([f"expected an instance of one of modnet's interfaces, found {what}"]) from None
    suite = find_suite(kind)
    subject = suite.create_subject(part, **options)
    tests = {f"test_{check.probe.__name__}": _test(check, subject) for check in suite.checks.values()}
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


def check_distribution(
    name: str,
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    raises: bool = True,
) -> list[Report]:
    """Check every part of an installed plugin, or of a distribution, and return a report on each.

    `name` is the plugin's, the distribution's, or `distribution:plugin`. By the name of a part, `settings` are those
    that it is made with, `options` those of the function that checks its kind: a sample `file` for a data source, say.
    Raises PluginError where there is no such plugin, or it provides no part; and ConformanceError, an AssertionError
    with the text of all reports that did not pass, unless `raises` is False.

    >>> reports = modnet.testing.check_distribution("activations")
    >>> len(reports), all(report.passed for report in reports)
    (11, True)
    """
    __tracebackhide__ = True
    host = get_host()
    wanted = {name, host.registry.aliases.get(name, name)}  # a module that was named, and is installed
    found = [c for c in host.registry.components() if wanted & {c.plugin, c.owner, f"{c.owner}:{c.plugin}"}]
    if not found:
        raise PluginError(_explain_missing(name))
    settings, options = settings or {}, options or {}
    for given in (settings, options):
        for unknown in given.keys() - {c.name for c in found}:
            raise PluginError(f"{name} provides no {unknown!r}; it provides: {', '.join(c.name for c in found)}")
    reports = [_check_component(c, settings.get(c.name, {}), options.get(c.name, {})) for c in found]
    if raises:
        raise_if_failed(reports)
    return reports


def _check_component(component: Component, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Report:
    suite = find_suite(component.kind)
    try:
        made = make_part(component.kind, component.qualified_name, **settings)
    except ModnetError as error:
        return suite.not_run(component.qualified_name, f"it cannot be made: {error}")
    return suite.run(made, **options)


def _explain_missing(name: str) -> str:
    """Say why nothing of that name can be checked."""
    plugins = get_host().plugins
    for plugin in plugins:
        if name in {plugin.name, plugin.distribution, plugin.key}:
            return f"plugin {name}: {plugin.reason or f'it is {plugin.state} and provides no part'}"
    names = {known for plugin in plugins for known in (plugin.name, plugin.distribution)}
    return describe_unknown("no plugin", name, sorted(names))

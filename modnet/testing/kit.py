"""Conformance tests for a part, and conformance reports for a distribution."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.errors import ModnetError, PluginError, SettingError
from modnet.host.kinds import LIFECYCLE_HOOKS, OBSERVER, find_kind
from modnet.host.registry import Component, determine_kind
from modnet.testing.checks import Check, Suite
from modnet.testing.report import PASSED, Report, raise_if_failed
from modnet.text import describe_unknown

ADVICE = "give it settings={PART: {SETTING: VALUE}}, or --set PART.SETTING=VALUE"
__unittest = True  # so that unittest's tracebacks leave this module out


def find_suite(kind: str) -> Suite:
    """Return the checks of a kind of part, or of observers: those of the module that has its name."""
    module = (OBSERVER if kind == OBSERVER.name else find_kind(kind)).name.replace("-", "_")
    return cast("Suite", import_module(f"modnet.testing.suites.{module}").SUITE)


def conformance(part: object, **options: Any) -> type[unittest.TestCase]:
    """Return a test case with a test for each check of the part's kind: one line in a test file.

    `part` is an instance of one of modnet's interfaces, or a module that follows runs; `options` are those of the
    function that checks its kind, such as `file` for a data source.

    >>> test_tanh = modnet.testing.conformance(modnet.activation("tanh"))
    >>> len([name for name in vars(test_tanh) if name.startswith("test_")])
    23
    """
    try:
        kind = determine_kind(type(part))
    except PluginError:
        kind = OBSERVER.name if any(callable(getattr(part, name, None)) for name in LIFECYCLE_HOOKS) else ""
    if not kind or isinstance(part, type):
        what = f"the class {part.__name__}: call it" if isinstance(part, type) else repr(part)
        expected = "an instance of one of modnet's interfaces, or a plugin that follows runs"
        raise SettingError([f"expected {expected}, found {what}"]) from None
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
    """Check every part of an installed plugin, or of a distribution, and whether it follows runs; return the reports.

    `name` is the plugin's, the distribution's, or `distribution:plugin`. By the name of a part, `settings` are those
    that it is made with, `options` those of the function that checks its kind: a sample `file` for a data source, say.
    Raises PluginError where there is no such plugin, or it provides no part and follows no run; and ConformanceError,
    an AssertionError with the text of all reports that did not pass, unless `raises` is False.

    >>> reports = modnet.testing.check_distribution("activations")
    >>> len(reports), all(report.passed for report in reports)
    (11, True)
    """
    __tracebackhide__ = True
    host = get_host()
    name = host.registry.aliases.get(name, name)  # of a module that was named, and is installed
    found = [c for c in host.registry.components() if name in {c.plugin, c.owner, f"{c.owner}:{c.plugin}"}]
    observers = _find_observers(name)
    if not found and not observers:
        raise PluginError(_explain_missing(name))
    settings, options = settings or {}, options or {}
    for given in (settings, options):
        for unknown in given.keys() - {c.name for c in found}:
            provided = ", ".join(c.name for c in found) or "no part"
            raise PluginError(f"{name} provides no {unknown!r}; it provides: {provided}")
    reports = [_check_component(c, settings.get(c.name, {}), options.get(c.name, {})) for c in found]
    reports += [find_suite(OBSERVER.name).run(observer) for observer in observers]
    if raises:
        raise_if_failed(reports)
    return reports


def _check_component(component: Component, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Report:
    suite = find_suite(component.kind)
    try:
        made = make_part(component.kind, component.qualified_name, **settings)
    except ModnetError as error:
        advice = f"; {ADVICE}" if isinstance(error, SettingError) else ""
        return suite.not_run(component.qualified_name, f"it cannot be made: {error}{advice}")
    try:
        return suite.run(made, **options)
    except TypeError as error:  # an option that the kind's function does not have, or of another type
        what = str(error.args[0])
        if len(error.args) == 4:  # of attrs: the words, the option, its type, the value
            what = f"{error.args[1].name!r} must be {error.args[2].__name__}, not {error.args[3]!r}"
        raise SettingError([what], f"options of {component.name}") from None


def _find_observers(name: str) -> list[object]:
    """Return what follows runs of an installed plugin or of a distribution: its modules."""
    host = get_host()
    keys = {p.key for p in host.plugins if p.follows and name in {p.name, p.distribution, p.key}}
    if not keys:
        return []
    relay = host.relay()
    calls = [call for hook in LIFECYCLE_HOOKS for call in getattr(relay, hook).get_hookimpls()]
    return list({call.plugin_name: call.plugin for call in calls if call.plugin_name in keys}.values())


def _explain_missing(name: str) -> str:
    """Say why nothing of that name can be checked."""
    plugins = get_host().plugins
    for plugin in plugins:
        if name in {plugin.name, plugin.distribution, plugin.key}:
            return f"plugin {name}: {plugin.reason or f'it is {plugin.state} and provides no part'}"
    names = {known for plugin in plugins for known in (plugin.name, plugin.distribution)}
    return describe_unknown("no plugin", name, sorted(names))

"""All parts that a plugin, or a distribution, provides: each is made with its defaults and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modnet.compose.parts import part
from modnet.compose.plugins import get_host
from modnet.errors import ModnetError, PluginError, did_you_mean
from modnet.host.registry import Component
from modnet.testing.kinds import SUBJECTS, SUITES
from modnet.testing.report import Report, raise_if_failed


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
    found = [c for c in host.registry.components() if name in {c.plugin, c.owner, f"{c.owner}:{c.plugin}"}]
    if not found:
        raise PluginError(_why_not(name))
    wanted, told = settings or {}, options or {}
    for given in (wanted, told):
        for unknown in given.keys() - {c.name for c in found}:
            raise PluginError(f"{name} provides no {unknown!r}; it provides: {', '.join(c.name for c in found)}")
    reports = [_checked(component, wanted.get(component.name, {}), told.get(component.name, {})) for component in found]
    if raises:
        raise_if_failed(reports)
    return reports


def _checked(component: Component, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Report:
    suite = SUITES[component.kind]
    try:
        made = part(component.kind, component.qualified_name, **settings)
    except ModnetError as error:
        return suite.not_run(component.qualified_name, f"it cannot be made: {error}")
    return suite.run(SUBJECTS[component.kind](made, **options))


def _why_not(name: str) -> str:
    """Say why nothing of that name can be checked."""
    reports = get_host().reports
    for report in reports:
        if name in {report.name, report.distribution, f"{report.distribution}:{report.name}"}:
            return f"plugin {name}: {report.reason or f'it is {report.state} and provides no part'}"
    names = {n for report in reports for n in (report.name, report.distribution)}
    return f"no plugin {name!r}{did_you_mean(name, names)}; there is: {', '.join(sorted(names))}"

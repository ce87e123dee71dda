"""Find, sort, load, isolate, roll back, disable, report: the only user of pluggy's manager.

pluggy's own loader drops the second of two equal names silently, leaves a failed plugin half registered, and lets a
misspelt hook pass; one failing import ends it. Here each plugin is loaded by itself: it works, or it becomes one row
that says why not, and everything else works.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import traceback
import warnings
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import attrs
import pluggy

from modnet import hookspecs
from modnet.errors import ModnetError, PluginError, did_you_mean
from modnet.registry import (
    BUILT_IN,
    REGISTER_HOOKS,
    Component,
    Registry,
    checked_component,
    kind_of,
)

ENTRY_POINTS = "modnet"


@attrs.frozen
class Candidate:
    """A plugin that is there to be loaded: its name, whose it is, and how to load it."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]

    @property
    def key(self) -> str:
        """The name pluggy knows it by, which cannot clash."""
        return f"{self.distribution}:{self.name}"


@attrs.frozen
class Report:
    """What became of a plugin: `state` is loaded, disabled or broken; `reason` says why and what to do."""

    name: str
    distribution: str
    version: str
    state: str
    reason: str = ""
    components: tuple[Component, ...] = ()
    file: str = ""


class PluginHost:
    """The plugins that are installed and loaded, and the registry of what they provide."""

    def __init__(self, without: Iterable[str] = ()) -> None:
        self.registry = Registry()
        self.reports: list[Report] = []
        self.without = frozenset(without)
        self._manager = pluggy.PluginManager("modnet")
        self._manager.add_hookspecs(hookspecs)

    @property
    def hook(self) -> Any:
        """The relay through which the lifecycle hooks of all plugins are called."""
        return self._manager.hook

    def load(self, candidates: Iterable[Candidate]) -> None:
        """Load plugins, the built-in ones first and the others by name, and warn of names in `without` that are none."""
        ordered = sorted(candidates, key=lambda c: (c.distribution != BUILT_IN, c.distribution, c.name))
        self.reports += [self._load(candidate) for candidate in ordered]
        known = {name for c in ordered for name in (c.name, c.distribution, c.key)}
        for name in sorted(self.without - known):
            warnings.warn(f"no plugin {name!r} to disable{did_you_mean(name, known)}", stacklevel=2)

    def load_module(self, name: str) -> None:
        """Load a module that is not installed as a plugin; raises PluginError."""
        report = self._load(Candidate(name, name, "", lambda: importlib.import_module(name)))
        if report.state == "broken":
            raise PluginError(f"plugin {name}: {report.reason}")
        self.reports.append(report)

    def add_class(self, cls: type, name: str | None = None) -> Callable[[], None]:
        """Register one class for this process and return the function that undoes it; raises PluginError."""
        component = checked_component(kind_of(cls), cls, name, "session", "session")
        rivals = [c for c in self.registry.components(component.kind) if c.name == component.name]
        if rivals:
            raise PluginError(f"the {component.kind} name {component.name!r} is already {rivals[0].owner}'s")
        self.registry.add([component])
        return lambda: self.registry.discard([component])

    def observe(self, observer: object) -> Callable[[], None]:
        """Let an object's `hookimpl` methods follow runs, and return the function that undoes it."""
        self._manager.register(observer)
        return lambda: void(self._manager.unregister(observer))

    def broken(self) -> list[Report]:
        """Return the plugins that could not be loaded."""
        return [report for report in self.reports if report.state == "broken"]

    def _load(self, candidate: Candidate) -> Report:
        about = (candidate.name, candidate.distribution, candidate.version)
        if self.without & {candidate.name, candidate.distribution, candidate.key}:
            return Report(*about, "disabled")
        plugin: object = None
        components: list[Component] = []
        try:
            plugin = candidate.load()
            self._manager.register(plugin, candidate.key)
            self._manager.check_pending()
            components = self._collect(plugin, candidate)
            self.registry.add(components)
        except (Exception, SystemExit) as error:  # a plugin may fail in any way; none may take the others along
            if self._manager.get_plugin(candidate.key) is not None:
                self._manager.unregister(name=candidate.key)
            return Report(*about, "broken", _reason(error), (), _file(plugin))
        return Report(*about, "loaded", "", tuple(components), _file(plugin))

    def _collect(self, plugin: object, candidate: Candidate) -> list[Component]:
        """Call the plugin's own register hooks and return what it registers; none of it is in the registry yet."""
        if not self._manager.get_hookcallers(plugin):
            raise PluginError("it implements no hook: mark its functions with @modnet.hookimpl")
        others = [other for _, other in self._manager.list_name_plugin() if other is not plugin]
        found: list[Component] = []
        for kind, hook in REGISTER_HOOKS.items():

            def register(cls: type, name: str | None = None, kind: str = kind) -> None:
                found.append(checked_component(kind, cls, name, candidate.distribution, candidate.name))

            self._manager.subset_hook_caller(hook, others)(register=register)
        return found


def installed() -> list[Candidate]:
    """Return the plugins of all installed distributions, by their metadata alone; none is imported."""
    found: dict[tuple[str, str, str], Candidate] = {}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        name = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else ""
        # A distribution may be met twice on sys.path: its metadata beside an editable install, say.
        found.setdefault((name, point.name, point.value), Candidate(point.name, name, version, point.load))
    return list(found.values())


def void(_: object) -> None:
    """Drop a value."""


def _reason(error: BaseException) -> str:
    """Say in one line what a plugin did wrong, and where."""
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, pluggy.PluginValidationError):
        text = text.split(": ", 1)[-1]
        misspelt = text.split("'")[1] if text.startswith("unknown hook '") else ""
        return text + did_you_mean(misspelt, [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)])
    if isinstance(error, SystemExit):
        text = f"it ends the program ({text}) when it is imported; remove the call of exit or put it under __main__"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    ours = (__file__, importlib.metadata.__file__, inspect.getfile(Registry), pluggy.__path__[0])
    theirs = [f for f in frames if not f.filename.startswith(ours)]
    where = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    kind = "" if isinstance(error, (ModnetError, SystemExit)) else f"{type(error).__name__}: "
    return f"{kind}{text}{where}"


def _file(plugin: object) -> str:
    if plugin is None:
        return ""
    holder = plugin if isinstance(plugin, ModuleType) else inspect.getmodule(plugin)
    return str(getattr(holder, "__file__", "") or "")

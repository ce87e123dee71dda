"""Find, sort, load, isolate, roll back, disable, report: the only user of pluggy's manager.

pluggy's own loader drops the second of two equal names silently, leaves a failed plugin half registered, and
lets a misspelt hook pass; one failing import ends it. Here each plugin is loaded by itself: it works, or it
becomes one row that says why not, and everything else works.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
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
SESSION = "session"
HOOKS = tuple(name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction))
LIFECYCLE_HOOKS = tuple(name for name in HOOKS if name not in REGISTER_HOOKS.values())


@attrs.frozen
class Candidate:
    """A plugin that is there to be loaded: its name, whose it is, the module it is in, and how to load it."""

    name: str
    distribution: str
    version: str
    module: str
    load: Callable[[], object]

    @property
    def key(self) -> str:
        """The name pluggy knows it by, which cannot clash."""
        return f"{self.distribution}:{self.name}"

    @property
    def names(self) -> set[str]:
        """The names it can be disabled by."""
        return {self.name, self.distribution, self.key}


@attrs.frozen
class Report:
    """What became of a plugin: `state` is loaded, disabled or broken; `reason` says why and what to do.

    It provides `components`, and follows runs by the lifecycle hooks named in `follows`.
    """

    name: str
    distribution: str
    version: str
    state: str
    reason: str = ""
    components: tuple[Component, ...] = ()
    file: str = ""
    follows: tuple[str, ...] = ()


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

    def load(self, candidates: Iterable[Candidate], modules: Iterable[str] = ()) -> None:
        """Load plugins, the built-in ones first and the others by name, then `modules`.

        `modules` are not installed as plugins; raises PluginError where one of them is broken. Warns of names in
        `without` that are none.
        """
        ordered = sorted(candidates, key=lambda c: (c.distribution != BUILT_IN, c.distribution, c.name))
        named = [module_candidate(name) for name in dict.fromkeys(modules)]
        known = set().union(*(c.names for c in [*ordered, *named]))
        for name in sorted(self.without - known):
            warnings.warn(f"no plugin {name!r} to disable{did_you_mean(name, known)}", stacklevel=2)
        self.reports += [self._load(candidate) for candidate in ordered]
        for candidate in named:
            self._load_named(candidate)

    def load_module(self, name: str) -> None:
        """Load a module that is not installed as a plugin, or is and is loaded; raises PluginError."""
        self._load_named(module_candidate(name))

    def add_class(self, cls: type, name: str | None = None) -> Callable[[], None]:
        """Register one class for this process and return the function that undoes it; raises PluginError."""
        component = checked_component(kind_of(cls), cls, name, SESSION, SESSION)
        rivals = [c for c in self.registry.components(component.kind) if c.name == component.name]
        if rivals:
            owner = "registered already" if rivals[0].owner == SESSION else f"{rivals[0].owner}'s"
            raise PluginError(
                f"the {component.kind} name {component.name!r} is {owner}: give another, register(cls, name)"
            )
        self.registry.add(component)
        return lambda: self.registry.discard([component])

    def relay(self, *observers: object) -> Any:
        """Return what calls the lifecycle hooks of all plugins, and those of some observers: for one run of many."""
        manager = pluggy.PluginManager("modnet")
        manager.add_hookspecs(hookspecs)
        for name, plugin in self._manager.list_name_plugin():
            manager.register(plugin, name)
        for observer in observers:
            manager.register(observer)
        return manager.hook

    def broken(self) -> list[Report]:
        """Return the plugins that could not be loaded."""
        return [report for report in self.reports if report.state == "broken"]

    def _load_named(self, candidate: Candidate) -> None:
        if self._manager.is_registered(sys.modules.get(candidate.module)):
            return
        report = self._load(candidate)
        if report.state == "broken":
            raise PluginError(f"plugin {candidate.name}: {report.reason}")
        self.reports.append(report)

    def _load(self, candidate: Candidate) -> Report:
        report = Report(candidate.name, candidate.distribution, candidate.version, "loaded")
        if self.without & candidate.names:
            return attrs.evolve(report, state="disabled", file=_file(candidate.module))
        found: list[Component] = []
        try:
            plugin = candidate.load()
            self._register(plugin, candidate)
            self._collect(plugin, candidate, found)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may fail in any way, none may take the others along
            self.registry.discard(found)
            if self._manager.has_plugin(candidate.key) and not isinstance(error, _TwiceError):
                self._manager.unregister(name=candidate.key)
            return attrs.evolve(report, state="broken", reason=_reason(error, candidate), file=_file(candidate.module))
        callers = {caller.name for caller in self._manager.get_hookcallers(plugin) or ()}
        follows = tuple(hook for hook in LIFECYCLE_HOOKS if hook in callers)
        return attrs.evolve(report, components=tuple(found), file=_file(candidate.module), follows=follows)

    def _register(self, plugin: object, candidate: Candidate) -> None:
        """Make a plugin known to pluggy; raises PluginError and pluggy's own."""
        known = [key for key, other in self._manager.list_name_plugin() if other is plugin or key == candidate.key]
        if known:
            raise _TwiceError(f"it is loaded already, as {known[0]}: uninstall one of the two")
        self._manager.register(plugin, candidate.key)
        self._manager.check_pending()
        if not self._manager.get_hookcallers(plugin):
            raise PluginError("it implements no hook: mark its functions with @modnet.hookimpl")

    def _collect(self, plugin: object, candidate: Candidate, found: list[Component]) -> None:
        """Call the plugin's own register hooks; what it registers is added to the registry and to `found`."""
        others = [other for _, other in self._manager.list_name_plugin() if other is not plugin]
        for kind, hook in REGISTER_HOOKS.items():

            def register(cls: type, name: str | None = None, kind: str = kind) -> None:
                component = checked_component(kind, cls, name, candidate.distribution, candidate.name)
                self.registry.add(component)
                found.append(component)

            self._manager.subset_hook_caller(hook, others)(register=register)


class _TwiceError(PluginError):
    """One plugin under two names, or two under one: the first stays."""


def installed() -> list[Candidate]:
    """Return the plugins of all installed distributions, by their metadata alone; none is imported."""
    import importlib.metadata  # a tenth of what `import modnet` would take

    found: dict[tuple[str, str, str], Candidate] = {}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        # The name and version are missing where an uninstallation stopped half-way.
        about: Any = point.dist.metadata if point.dist else {}
        name, version = about.get("Name") or "unknown", about.get("Version") or ""
        module = point.value.partition(":")[0].strip()
        # A distribution may be met twice on sys.path: its metadata beside an editable install, say.
        found.setdefault((name, point.name, point.value), Candidate(point.name, name, version, module, point.load))
    return list(found.values())


def module_candidate(name: str) -> Candidate:
    """Return a module that is not installed as a plugin as the plugin that it is."""
    return Candidate(name, name, "", name, lambda: importlib.import_module(name))


def _reason(error: BaseException, candidate: Candidate) -> str:
    """Say in one line what a plugin did wrong, what to do, and where."""
    own = candidate.module.partition(".")[0]
    frames = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == own
    ]
    file = _file(candidate.module)
    where = frames[-1] if frames else f"{file}:1" if file else ""
    if isinstance(error, pluggy.PluginValidationError):
        text, where = _hook_mistake(error, where)
    elif isinstance(error, ModnetError):
        text = _text(error)
    elif isinstance(error, SystemExit):
        text = f"it ends the program ({_text(error)}): put that under if __name__ == '__main__'"
    elif isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}: correct it"
        where = f"{error.filename}:{error.lineno}" if error.lineno else where
    elif isinstance(error, ModuleNotFoundError) and error.name in {candidate.module, own}:
        text = f"there is no module {error.name!r}: " + (
            "name a module that Python finds, without .py" if candidate.name == candidate.module else "install it again"
        )
    elif isinstance(error, ImportError):
        text = f"{type(error).__name__}: {_text(error)}: install what it needs"
    else:
        text = f"{type(error).__name__}: {_text(error)}: correct it, or disable the plugin"
    return f"{text} ({where})" if where else text


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split()) or "no message"
    except Exception:  # a stranger's __str__ may fail, too
        return "no message"


def _hook_mistake(error: pluggy.PluginValidationError, where: str) -> tuple[str, str]:
    """Return in a line what pluggy finds wrong with a hook in several, and where the hook is defined."""
    named = re.search(r"hook '(\w+)'", str(error))
    hook = named[1] if named else ""
    code = getattr(getattr(error.plugin, hook, None), "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else where
    if hook not in HOOKS:
        return (
            f"modnet has no hook {hook!r}{did_you_mean(hook, HOOKS) or ': there is ' + ', '.join(HOOKS)}",
            where,
        )
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    problem = " ".join(str(error).split(hook, 1)[-1].split()).removeprefix("' hookimpl definition: ")
    return f"the hook is {hook}({arguments}), not {problem}", where


def _file(module: str) -> str:
    """Return the file of a module, which is not imported for it; nothing where there is none."""
    if module in sys.modules:
        return str(getattr(sys.modules[module], "__file__", None) or "")
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for name in rest:
            spec = spec and PathFinder.find_spec(f"{spec.name}.{name}", spec.submodule_search_locations or [])
    except (ImportError, ValueError):
        return ""
    return (spec and spec.origin) or ""

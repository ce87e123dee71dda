"""The plugin host: plugins found, loaded one by one, rolled back and reported.

pluggy's own loader drops the second of two equal names silently, leaves a failed plugin half registered, and lets a
misspelt hook pass; one failing import ends it. Here each plugin works, or it becomes one row that says why not, and
everything else works. A third-party plugin is imported when one of its parts is first asked for, or when a run begins
that it follows.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import partial
from typing import Any, cast

import pluggy

from modnet.errors import PluginError, Problem
from modnet.host import kinds
from modnet.host.approval import UnapprovedError
from modnet.host.catalogue import AT_ONCE, LIMIT, Answer, Catalogue
from modnet.host.entry_points import (
    BROKEN,
    DISABLED,
    EVERY_OTHER,
    LOADED,
    NOT_ASKED,
    READY,
    Plugin,
    make_plugin,
    split_names,
)
from modnet.host.kinds import KINDS, LIFECYCLE_HOOKS
from modnet.host.modules import Code, find_folder
from modnet.host.problems import to_problem
from modnet.host.registry import SESSION, Component, Registry, create_component, determine_kind
from modnet.interfaces import Observer
from modnet.process import noting_changes
from modnet.text import did_you_mean, format_count, list_some

PATIENCE = 2.0  # the time to wait for an answer that is not strictly needed, in seconds
_lock = threading.RLock()  # held by the thread that loads plugins, or has them asked
_importing: list[Plugin] = []  # the plugin that is being imported, by whoever has the lock


@contextmanager
def exclusively() -> Iterator[None]:
    """Let one thread at a time into the block; raises PluginError where a plugin calls it while it is imported."""
    with _lock:
        if _importing:
            raise PluginError("it asks for or registers a part while it is imported", "implement a register hook")
        yield


class PluginHost:
    """The plugins that are installed and loaded, and the registry of what they provide.

    Without a catalogue every plugin is imported at once; with one, built-ins are.
    """

    def __init__(self, without: Iterable[str] = (), catalogue: Catalogue | None = None) -> None:
        self.registry = Registry(self.settle, self._hint)
        self.without = frozenset(split_names(without))
        self.plugins: list[Plugin] = []
        self._catalogue = catalogue
        self._has_warned = False  # that some plugins may follow runs which they do not
        self._owners: dict[str, Plugin] = {}  # the first one of each key and entry point that may be loaded
        self._modules: dict[str, object] = {}  # what was loaded, by the keys of its plugins

    def load(self, plugins: Iterable[Plugin], modules: Iterable[str | Plugin] = ()) -> None:
        """Load plugins, the built-in ones first and the others by name, then `modules`.

        `modules` are not installed as plugins; raises PluginError where one of them is broken. A name is imported as
        Python finds it. Warns of unknown names in `without`.
        """
        ordered = sorted(plugins, key=lambda c: (not c.built_in, c.distribution, c.name))
        named = [each if isinstance(each, Plugin) else make_plugin(each) for each in dict.fromkeys(modules)]
        known = set().union(*(c.names for c in [*ordered, *named]))
        for name in sorted(self.without - known - {EVERY_OTHER}):
            warnings.warn(f"no plugin {name!r} to disable{did_you_mean(name, known)}", stacklevel=2)
        self.plugins += ordered
        for plugin in ordered:
            self._admit(plugin)
        for plugin in named:
            self._load_named(plugin)

    def load_module(self, module: str | Plugin, *, optional: bool = False) -> None:
        """Load a module that is not installed as a plugin, or is and is loaded.

        Where it is broken or not approved, raises PluginError; an optional one is one of `plugins` that says why.
        """
        plugin = module if isinstance(module, Plugin) else make_plugin(module)
        try:
            with exclusively():
                self._load_named(plugin)
        except PluginError as error:
            if not optional:
                raise
            plugin.update(BROKEN, error.problem)
            self.plugins.append(plugin)

    def add_class(self, cls: type, name: str | None = None) -> Callable[[], None]:
        """Register one class for this process and return the function that undoes it; raises PluginError."""
        component = create_component(determine_kind(cls), cls, name, SESSION, SESSION)
        rivals = [c.owner for c in self.registry.components(component.kind) if c.name == component.name]
        if rivals:
            owner = "registered already" if rivals[0] == SESSION else f"{rivals[0]}'s"
            why = f"the {component.kind} name {component.name!r} is {owner}"
            raise PluginError(why, "give another, register(cls, name)")
        self.registry.add(component)
        return lambda: self.registry.discard([component])

    def relay(self, *observers: object) -> Observer:
        """Return an observer of one run that calls the lifecycle hooks of all plugins, and of some observers.

        Plugins that follow runs are imported for it. A few that were not asked yet are asked now, for a short time;
        warns of those that have not answered then.
        """
        self._load_followers()
        manager = _new_manager()
        for plugin in self.list_in(LOADED):  # whichever was imported first
            manager.register(self._modules[plugin.key], plugin.key)
        for observer in observers:
            manager.register(observer)
        return cast("Observer", manager.hook)

    def list_followers(self) -> list[Plugin]:
        """Return the plugins that follow runs, imported, in the order of their calls."""
        relay = self.relay()
        calls = [call for name in LIFECYCLE_HOOKS for call in reversed(getattr(relay, name).get_hookimpls())]
        plugins = {plugin.key: plugin for plugin in self.plugins}
        return [plugins[key] for key in dict.fromkeys(call.plugin_name for call in calls)]

    def list_in(self, *states: str) -> list[Plugin]:
        """Return the plugins that are in one of some states."""
        return [plugin for plugin in self.plugins if plugin.state in states]

    def settle(self) -> None:
        """Ask all plugins that were not asked yet, and wait for their answers; warns where these are many."""
        if (count := len(self.list_in(NOT_ASKED))) > AT_ONCE:
            warnings.warn(f"asking {count} plugins what they provide, once: it may take a while", stacklevel=2)
        self.ask(NOT_ASKED)

    def ask_a_few(self) -> None:
        """Ask plugins that were not asked yet; wait for those that can be asked at once, and not for long."""
        self.ask(NOT_ASKED, wait=PATIENCE if len(self.list_in(NOT_ASKED)) <= AT_ONCE else 0)

    def ask(self, *states: str, wait: float | None = None, limit: float = LIMIT) -> None:
        """Ask the plugins in some states that are installed and not built in, whatever they answered before."""
        if not self._catalogue:
            return
        with exclusively():
            asked = [p for p in self.list_in(*states) if self._owners.get(p.key) is p and not p.built_in]
            if asked:
                self._catalogue.ask(asked, wait, limit)
            for plugin in asked:
                self._recall(plugin, self._catalogue)

    def _hint(self) -> str:
        """Return the plugins that may have a name that is not found."""
        names = ", ".join(plugin.name for plugin in self.list_in(BROKEN, NOT_ASKED))
        return f"; broken, see 'modnet plugins doctor': {names}" if names else ""

    def _admit(self, plugin: Plugin) -> None:
        """Decide on a plugin by its metadata; where these allow it, load it or take its answer.

        Load it where it is built in, or where there is no catalogue.
        """
        names = plugin.value or plugin.key, plugin.key
        twin = self._owners.get(names[0]) or self._owners.get(names[1])
        if self.without & plugin.names:
            plugin.update(DISABLED)
        elif problem := plugin.unmet or (_reject_twin(twin.key).problem if twin else None):
            plugin.update(BROKEN, problem)
        else:
            self._owners.update(dict.fromkeys(names, plugin))
            if plugin.built_in or not self._catalogue:
                self._load(plugin)
            else:
                self._recall(plugin, self._catalogue)

    def _recall(self, plugin: Plugin, catalogue: Catalogue) -> None:
        """Take a plugin by the answer that it gave, if it was asked; its parts import it when they are asked for."""
        self.registry.discard(plugin.components)
        plugin.update(NOT_ASKED)
        if not (answer := catalogue.find_answer(plugin)):
            return
        found: list[Component] = []
        for kind, name, module, cls in answer.provides:
            later = partial(self._import_class, plugin, kind, name)
            found.append(Component(kind, name, later, plugin.distribution, plugin.name, (module, cls)))
        try:
            self.registry.add(*found)
        except PluginError as error:
            plugin.update(BROKEN, error.problem)
        else:
            plugin.update(BROKEN if answer.problem else READY, answer.problem, found, answer.follows, answer.changes)

    def _import_class(self, plugin: Plugin, kind: str, name: str) -> Any:
        """Import a plugin and return a class that it provides; raises PluginError where it breaks."""
        self._import(plugin)
        plugin.raise_if_broken()
        for component in plugin.components:
            if (component.kind, component.name) == (kind, name):
                return component.cls
        raise PluginError(f"plugin {plugin.name} has no {kind} {name!r} any more", "run 'modnet plugins doctor'")

    def _import(self, plugin: Plugin) -> None:
        with exclusively():
            if plugin.state in {READY, NOT_ASKED}:  # no other thread has imported it meanwhile
                self._load(plugin)

    def _load_followers(self) -> None:
        """Import the plugins that follow runs; warn where they break, and, once, where some may be missing."""
        if len(self.list_in(NOT_ASKED)) <= AT_ONCE:
            self.ask_a_few()
        for plugin in self.list_in(READY):
            if plugin.follows:
                self._import(plugin)
                if plugin.problem:
                    warnings.warn(f"plugin {plugin.name} does not follow this run: {plugin.problem}", stacklevel=3)
        if (missing := self.list_in(NOT_ASKED)) and not self._has_warned:
            self._has_warned = True
            names = list_some((plugin.distribution for plugin in missing), 3)
            count = format_count(len(missing), "plugin")
            what = "not asked yet whether to follow runs, and so without a part in this one"
            warnings.warn(f"{count} {what}: {names}; run 'modnet plugins doctor' once", stacklevel=3)

    def _load_named(self, plugin: Plugin) -> None:
        if any(module is sys.modules.get(plugin.module) for module in self._modules.values()):
            return
        installed = [p for p in self.plugins if p.value and p.module == plugin.module and p.state != DISABLED]
        code = plugin.find(True) if installed and plugin.find else Code(plugin.module)
        if installed and code.is_in(find_folder(plugin.module)):
            self.registry.aliases[plugin.module] = installed[0].distribution
            for each in [p for p in installed if p.value == p.module] or installed:
                self._import(each)
                each.raise_if_broken()
            return
        for each in installed:
            what = f"{code.file} is taken, and not {each.file}, which is other code of that name"
            warnings.warn(f"{what}, installed with {each.distribution} {each.version}", stacklevel=2)
            self.registry.discard(each.components)
            each.update(DISABLED, Problem(what, "leave out -p, to take that"))
        if self.without & plugin.names:
            plugin.update(DISABLED)
        else:
            self._load(plugin)
        plugin.raise_if_broken()
        self.plugins.append(plugin)

    def _load(self, plugin: Plugin) -> None:
        """Load a plugin and register its parts; where it fails, it is broken and leaves nothing."""
        found, changes = list[Component](), list[str]()
        self.registry.discard(plugin.components)
        _importing.append(plugin)
        try:
            with redirect_stdout(sys.stderr), nullcontext() if plugin.built_in else noting_changes(changes):
                module = plugin.load()
                hooks = self._call_hooks(module, plugin, found)
        except BaseException as error:  # a plugin may fail in any way, and must not affect the others
            self.registry.discard(found)
            if isinstance(error, (KeyboardInterrupt, UnapprovedError)):  # it is as it was, and may be loaded later
                self.registry.add(*plugin.components)
                raise
            plugin.update(BROKEN, to_problem(error, plugin))
        else:
            self._modules[plugin.key] = module
            plugin.update(LOADED, None, found, sorted(hooks & LIFECYCLE_HOOKS.keys()), changes)
        finally:
            _importing.remove(plugin)

    def _call_hooks(self, module: object, plugin: Plugin, found: list[Component]) -> set[str]:
        """Call the register hooks of what a plugin loaded; add its parts to the registry and to `found`.

        Returns the names of all its hooks. Raises PluginError, pluggy's own errors and whatever the plugin does.
        """
        if twins := [key for key, other in self._modules.items() if other is module]:
            raise _reject_twin(twins[0])
        manager = _new_manager()  # of its own: there is nothing to take back where it fails
        manager.register(module, plugin.key)
        manager.check_pending()
        callers = manager.get_hookcallers(module)
        if not callers:
            raise PluginError("it implements no hook", "mark its functions with @modnet.hookimpl")

        def register(kind: str, cls: type, name: str | None = None) -> None:
            component = create_component(kind, cls, name, plugin.distribution, plugin.name)
            self.registry.add(component)
            found.append(component)

        for kind in KINDS.values():
            getattr(manager.hook, kind.hook)(register=partial(register, kind.name))
        return {caller.name for caller in callers}


def answer(plugin: Plugin) -> Answer:
    """Load a plugin, by the same rules and without others, and return its answer."""
    PluginHost().load([plugin])
    provides = [(c.kind, c.name, c.cls.__module__, c.cls.__qualname__) for c in plugin.components]
    return Answer(provides, plugin.follows, plugin.problem, plugin.changes)


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("modnet")
    manager.add_hookspecs(kinds)
    manager.add_hookspecs(Observer)
    return manager


def _reject_twin(first: str) -> PluginError:
    """Return the error for one plugin under two names, or two under one: the first stays."""
    return PluginError(f"it is loaded already, as {first}", "uninstall one of the two")

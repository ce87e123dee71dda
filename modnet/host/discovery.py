"""The plugin host: plugins found, loaded one by one, rolled back and reported.

This is the only user of pluggy's manager. pluggy's own loader drops the second of two equal names silently, leaves a
failed plugin half registered, and lets a misspelt hook pass; one failing import ends it. Here each plugin is loaded by
itself: it works, or it becomes one row that says why not, and everything else works. The catalogue knows what a
third-party plugin provides; it is imported when one of its parts is first asked for, or when a run begins that it
follows.
"""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, cast

import attrs
import pluggy

from modnet.errors import PluginError, Problem, did_you_mean
from modnet.host import kinds
from modnet.host.catalogue import AT_ONCE, LIMIT, Answer, Catalogue
from modnet.host.entry_points import (
    DISTRIBUTION,
    EVERY_OTHER,
    Candidate,
    find_file,
    is_unmet,
    make_candidate,
    split_names,
)
from modnet.host.hooks import LIFECYCLE_HOOKS
from modnet.host.kinds import KINDS
from modnet.host.problems import to_problem
from modnet.host.registry import (
    SESSION,
    Component,
    Registry,
    create_component,
    determine_kind,
)
from modnet.interfaces import Observer

LOADED, READY, NOT_ASKED, DISABLED, BROKEN = STATES = ("loaded", "ready", "not asked", "disabled", "broken")
PATIENCE = 2.0
"""The time to wait for an answer that is not strictly needed, in seconds."""
lock = threading.RLock()
"""Held by the thread that loads plugins, or has them asked."""
_loading: list[bool] = []  # not empty while plugins are being loaded, by whoever has the lock


@contextmanager
def loading() -> Iterator[None]:
    """Load plugins inside the block, one thread at a time; raises PluginError where a plugin itself tries to."""
    with lock:
        if _loading:
            raise PluginError("it asks for or registers a part while it is imported", "implement a register hook")
        _loading.append(True)
        try:
            yield
        finally:
            _loading.clear()


def is_loading() -> bool:
    """Say whether the thread that has the lock is loading plugins."""
    return bool(_loading)


@attrs.frozen
class PluginReport:
    """The state of a plugin, one of STATES; a `problem` says why it is broken and what to do.

    It provides `components`, and follows runs by the lifecycle hooks named in `follows`.
    """

    name: str
    distribution: str
    version: str
    state: str
    problem: Problem | None = None
    components: tuple[Component, ...] = ()
    file: str = ""
    follows: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Its problem in a line; nothing where it has none."""
        return str(self.problem or "")

    @property
    def works(self) -> bool:
        """True where its parts are available."""
        return self.state in {LOADED, READY}


class PluginHost:
    """The plugins that are installed and loaded, and the registry of what they provide.

    Without a catalogue every plugin is imported at once; with one, built-ins are.
    """

    def __init__(self, without: Iterable[str] = (), catalogue: Catalogue | None = None) -> None:
        self.registry = Registry(self.settle, self._hint)
        self.without = frozenset(split_names(without))
        self._catalogue = catalogue
        self._rows: list[tuple[Candidate, PluginReport]] = []
        self._has_warned = False  # that some plugins may follow runs which they do not
        self._manager = _new_manager()

    @property
    def reports(self) -> list[PluginReport]:
        """The state of each plugin."""
        return [report for _, report in self._rows]

    def load(self, candidates: Iterable[Candidate], modules: Iterable[str] = ()) -> None:
        """Load plugins, the built-in ones first and the others by name, then `modules`.

        `modules` are not installed as plugins; raises PluginError where one of them is broken. Warns of unknown names
        in `without`.
        """
        ordered = sorted(candidates, key=lambda c: (not c.built_in, c.distribution, c.name))
        named = [make_candidate(name) for name in dict.fromkeys(modules)]
        known = set().union(*(c.names for c in [*ordered, *named]))
        for name in sorted(self.without - known - {EVERY_OTHER}):
            warnings.warn(f"no plugin {name!r} to disable{did_you_mean(name, known)}", stacklevel=2)
        version = next((c.version for c in ordered if c.built_in), "")
        for candidate in ordered:
            self._rows.append((candidate, self._first_report(candidate, version)))
        for candidate in named:
            self._load_named(candidate)

    def load_module(self, name: str) -> None:
        """Load a module that is not installed as a plugin, or is and is loaded; raises PluginError."""
        self._load_named(make_candidate(name))

    def add_class(self, cls: type, name: str | None = None) -> Callable[[], None]:
        """Register one class for this process and return the function that undoes it; raises PluginError."""
        component = create_component(determine_kind(cls), cls, name, SESSION, SESSION)
        rivals = [c for c in self.registry.components(component.kind) if c.name == component.name]
        if rivals:
            owner = "registered already" if rivals[0].owner == SESSION else f"{rivals[0].owner}'s"
            raise PluginError(
                f"the {component.kind} name {component.name!r} is {owner}", "give another, register(cls, name)"
            )
        self.registry.add(component)
        return lambda: self.registry.discard([component])

    def relay(self, *observers: object) -> Observer:
        """Return an observer of one run that calls the lifecycle hooks of all plugins, and of some observers.

        Plugins that follow runs are imported for it. A few that were not asked yet are asked now, for a short time;
        warns of those that have not answered then.
        """
        self._load_followers()
        manager = _new_manager()
        for candidate, report in self._rows:  # whichever was imported first
            if report.state == LOADED:
                manager.register(self._manager.get_plugin(candidate.key), candidate.key)
        for observer in observers:
            manager.register(observer)
        return cast("Observer", manager.hook)

    def list_broken(self) -> list[PluginReport]:
        """Return the plugins that could not be loaded."""
        return self._list_in_state(BROKEN)

    def list_not_asked(self) -> list[PluginReport]:
        """Return the plugins whose parts are not known yet."""
        return self._list_in_state(NOT_ASKED)

    def settle(self) -> None:
        """Ask all plugins that were not asked yet, and wait for their answers; warns where these are many."""
        if (count := len(self.list_not_asked())) > AT_ONCE:
            warnings.warn(f"asking {count} plugins what they provide, once: it may take a while", stacklevel=2)
        self._ask(NOT_ASKED)

    def ask_anew(self, limit: float = LIMIT) -> None:
        """Ask all plugins that are installed and not built in, whatever they answered before."""
        self._ask(NOT_ASKED, READY, BROKEN, limit=limit)

    def ask_a_few(self) -> None:
        """Ask plugins that were not asked yet; wait for those that can be asked at once, and not for long."""
        count = len(self.list_not_asked())
        self._ask(NOT_ASKED, wait=PATIENCE if count <= AT_ONCE else 0)

    def _hint(self) -> str:
        """Return the plugins that may have a name that is not found."""
        names = ", ".join(report.name for report in [*self.list_broken(), *self.list_not_asked()])
        return f"; broken, see 'modnet plugins doctor': {names}" if names else ""

    def _list_in_state(self, state: str) -> list[PluginReport]:
        return [report for report in self.reports if report.state == state]

    def _first_report(self, candidate: Candidate, version: str) -> PluginReport:
        """Return the state of a plugin before it is asked; built-ins are loaded, all without a catalogue."""
        report = PluginReport(candidate.name, candidate.distribution, candidate.version, NOT_ASKED)
        if self.without & candidate.names:
            return attrs.evolve(report, state=DISABLED, file=find_file(candidate.module))
        if candidate.built_in or not candidate.value or not self._catalogue:
            return self._load(candidate)
        report = attrs.evolve(report, file=find_file(candidate.module))
        if is_unmet(candidate, version):
            why = f"it requires modnet{candidate.needs}, this is modnet {version}"
            remedy = f"pip install '{DISTRIBUTION}{candidate.needs}', or another version of {candidate.distribution}"
            return attrs.evolve(report, state=BROKEN, problem=Problem(why, remedy))
        for other, its in self._rows:
            if (its.works or its.state == NOT_ASKED) and (other.value == candidate.value or other.key == candidate.key):
                return attrs.evolve(report, state=BROKEN, problem=_describe_twice(other.key))
        answer = self._catalogue.find_answer(candidate)
        return self._list_answer(len(self._rows), report, answer) if answer else report

    def _ask(self, *states: str, wait: float | None = None, limit: float = LIMIT) -> None:
        """Ask the plugins in these states, and update their reports."""
        if not self._catalogue:
            return
        with lock:
            asked = [
                (place, candidate)
                for place, (candidate, report) in enumerate(self._rows)
                if report.state in states and candidate.value and not candidate.built_in
            ]
            if not asked:
                return
            self._catalogue.ask([candidate for _, candidate in asked], wait, limit)
            for place, candidate in asked:
                if answer := self._catalogue.find_answer(candidate):
                    report = self._rows[place][1]
                    self.registry.discard(report.components)
                    self._rows[place] = candidate, self._list_answer(place, report, answer)

    def _list_answer(self, place: int, report: PluginReport, answer: Answer) -> PluginReport:
        """Return the report of a plugin by its answer; it is imported when one of its parts is asked for."""
        report = attrs.evolve(report, state=BROKEN, problem=answer.problem, components=(), follows=())
        if answer.problem:
            return report
        found: list[Component] = []
        for each in answer.provides:
            later = functools.partial(self._import_class, place, each.kind, each.name)
            origin = each.module, each.qualname
            found.append(Component(each.kind, each.name, later, report.distribution, report.name, origin))
        try:
            for component in found:
                self.registry.add(component)
        except PluginError as error:
            self.registry.discard(found)
            return attrs.evolve(report, problem=error.problem)
        return attrs.evolve(report, state=READY, components=tuple(found), follows=answer.follows)

    def _import_class(self, place: int, kind: str, name: str) -> Any:
        """Import a plugin and return a class that it provides; raises PluginError where it breaks."""
        report = self._import(place)
        if report.problem:
            raise _to_error(report.name, report.problem)
        for component in report.components:
            if (component.kind, component.name) == (kind, name):
                return component.cls
        raise PluginError(f"plugin {report.name} has no {kind} {name!r} any more", "run 'modnet plugins doctor'")

    def _import(self, place: int) -> PluginReport:
        """Import a plugin, unless it is already, and return its report."""
        if self._rows[place][1].state in {READY, NOT_ASKED}:
            with loading():
                candidate, report = self._rows[place]
                if report.state in {READY, NOT_ASKED}:  # no other thread has imported it meanwhile
                    self.registry.discard(report.components)
                    self._rows[place] = candidate, self._load(candidate)
        return self._rows[place][1]

    def _load_followers(self) -> None:
        """Import the plugins that follow runs; warn where they break, and, once, where some may be missing."""
        if 0 < len(self.list_not_asked()) <= AT_ONCE:
            self.ask_a_few()
        for place, report in enumerate(self.reports):
            if report.state == READY and report.follows and (problem := self._import(place).problem):
                warnings.warn(f"plugin {report.name} does not follow this run: {problem}", stacklevel=3)
        if (missing := self.list_not_asked()) and not self._has_warned:
            self._has_warned = True
            names = ", ".join(report.distribution for report in missing[:3]) + ", ..." * (len(missing) > 3)
            count = f"{len(missing)} plugin{'s' * (len(missing) > 1)}"
            what = "not asked yet whether to follow runs, and so without a part in this one"
            warnings.warn(f"{count} {what}: {names}; run 'modnet plugins doctor' once", stacklevel=3)

    def _load_named(self, candidate: Candidate) -> None:
        if self._manager.is_registered(sys.modules.get(candidate.module)):
            return
        places = [i for i, (c, r) in enumerate(self._rows) if c.value == candidate.module and r.state != DISABLED]
        report = self._import(places[0]) if places else self._load(candidate)
        if report.problem:
            raise _to_error(candidate.name, report.problem)
        if not places:
            self._rows.append((candidate, report))

    def _load(self, candidate: Candidate) -> PluginReport:
        report = PluginReport(candidate.name, candidate.distribution, candidate.version, LOADED)
        if self.without & candidate.names:
            return attrs.evolve(report, state=DISABLED, file=find_file(candidate.module))
        found: list[Component] = []
        try:
            with redirect_stdout(sys.stderr):  # a command's output may be read by a program
                plugin = candidate.load()
                self._register(plugin, candidate)
                self._collect(plugin, candidate, found)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may fail in any way, and must not affect the others
            self.registry.discard(found)
            if self._manager.has_plugin(candidate.key) and not isinstance(error, _TwiceError):
                self._manager.unregister(name=candidate.key)
            problem = to_problem(error, candidate)
            return attrs.evolve(report, state=BROKEN, problem=problem, file=find_file(candidate.module))
        callers = {caller.name for caller in self._manager.get_hookcallers(plugin) or ()}
        follows = tuple(sorted(callers & LIFECYCLE_HOOKS.keys()))
        return attrs.evolve(report, components=tuple(found), file=find_file(candidate.module), follows=follows)

    def _register(self, plugin: object, candidate: Candidate) -> None:
        """Register a plugin with pluggy; raises PluginError and pluggy's own errors."""
        known = [key for key, other in self._manager.list_name_plugin() if other is plugin or key == candidate.key]
        if known:
            raise _TwiceError(*attrs.astuple(_describe_twice(known[0])))
        self._manager.register(plugin, candidate.key)
        self._manager.check_pending()
        if not self._manager.get_hookcallers(plugin):
            raise PluginError("it implements no hook", "mark its functions with @modnet.hookimpl")

    def _collect(self, plugin: object, candidate: Candidate, found: list[Component]) -> None:
        """Call the plugin's own register hooks; add what it registers to the registry and to `found`."""
        others = [other for _, other in self._manager.list_name_plugin() if other is not plugin]
        for kind in KINDS.values():

            def register(cls: type, name: str | None = None, kind: str = kind.name) -> None:
                component = create_component(kind, cls, name, candidate.distribution, candidate.name)
                self.registry.add(component)
                found.append(component)

            self._manager.subset_hook_caller(kind.hook, others)(register=register)


def _new_manager() -> pluggy.PluginManager:
    """Return a manager that knows modnet's hooks and no plugin."""
    manager = pluggy.PluginManager("modnet")
    manager.add_hookspecs(kinds)
    manager.add_hookspecs(Observer)
    return manager


class _TwiceError(PluginError):
    """One plugin under two names, or two under one: the first stays."""


def _describe_twice(first: str) -> Problem:
    return Problem(f"it is loaded already, as {first}", "uninstall one of the two")


def _to_error(plugin: str, problem: Problem) -> PluginError:
    """Return the problem of a plugin as an error that names it."""
    return PluginError(f"plugin {plugin}: {problem.why}", problem.remedy, problem.where)

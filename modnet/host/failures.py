"""Failures of third-party plugins while they are used."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import attrs

from modnet.errors import DataError, ModnetError, PluginError
from modnet.host.entry_points import LOADED, Plugin, find_file
from modnet.host.kinds import KINDS
from modnet.host.modules import find_imported
from modnet.host.registry import BUILT_IN
from modnet.text import format_error

_ENDS: dict[type, str] = {SystemExit: "ends the program", KeyboardInterrupt: "interrupts the run"}


@attrs.frozen
class _Owner:
    """The plugin that a package, a module or a class belongs to, and what kind of part the class is."""

    plugin: Plugin
    kind: str = ""
    cls: type | None = None


@attrs.frozen
class _Step:
    """A line of plugins' own code that an error came through: of one plugin's, or of what several share."""

    owners: list[_Owner]
    where: str
    name: str = ""  # of the function


def explain_failure(error: BaseException, plugins: Iterable[Plugin]) -> PluginError | None:
    """Return what an error says that a third-party plugin raised while it was used, or None where none did.

    It names the innermost line of a plugin's own, or the class of the part that returned something wrong. An error of
    modnet's keeps its words; one of a data source about a file is no failure.
    """
    steps = list(_list_steps(error, _map_names([plugin for plugin in plugins if not plugin.built_in])))
    if not steps:
        return None
    shared = [owner.plugin for owner in steps[-1].owners]
    alone = [step.owners[0].plugin for step in reversed(steps) if len(step.owners) == 1]
    plugin = next((plugin for plugin in alone if plugin in shared), shared[0])
    own = [(step, owner) for step in reversed(steps) for owner in step.owners if owner.plugin is plugin]
    kind = next((owner.kind for _, owner in own if owner.kind), "")
    is_hook = any(step.name in plugin.follows for step, _ in own)
    if isinstance(error, DataError) and kind == "data-source" and not is_hook and not error.__cause__:
        return None
    remedy = "install what it needs" if isinstance(error, ImportError) else "correct it"
    if isinstance(error, MemoryError):
        remedy = "take less data, a smaller network or a smaller batch"
    if is_hook or not plugin.components:
        only = "where none of its parts is used, " * bool(plugin.components)
        remedy += f", or {only}leave it out, --without {plugin.name}"
    elif kind:
        remedy += f", or take another {KINDS[kind].words}"
    why = f"the plugin {plugin.name} {_ENDS.get(type(error), 'fails')}: {_describe(error)}"
    if isinstance(error, ModnetError):
        why = f"{error}\nin the plugin {plugin.name}"
    problem = PluginError(why, remedy, steps[-1].where)
    for note in getattr(error, "__notes__", ()):
        if note != to_note(problem):
            problem.add_note(str(note))
    return problem


def to_note(problem: PluginError) -> str:
    """Return what `explain_failure` says of an error, without the words of modnet's own."""
    return str(problem).rpartition("\n")[2]


def _describe(error: BaseException) -> str:
    """Return an error in a line, with the first one of a group, or with its cause."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    between = ": " if isinstance(error, BaseExceptionGroup) else ", from "
    return format_error(error) + (f"{between}{_describe(inner)}" if inner else "")


def _list_steps(error: BaseException, owners: Mapping[str, list[_Owner]]) -> Iterator[_Step]:
    """Yield the lines of plugins' own code, the outermost first."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if found := _find_owners(f"{frame.f_globals.get('__name__')}.{code.co_qualname}", owners):
            yield _Step(found, f"{code.co_filename}:{line}", code.co_name)
    if isinstance(error, PluginError) and (found := _find_owners(error.part, owners)) and found[0].cls:
        yield _Step(found, _find_class(found[0].cls))
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    if isinstance(error, DataError):  # about a file that could not be read
        inner = error.__cause__
    if inner:
        yield from _list_steps(inner, owners)


def _map_names(plugins: list[Plugin]) -> dict[str, list[_Owner]]:
    """Return whose packages, modules and classes of parts there are, by their dotted names."""
    packages, parts, files, modules = ([] for _ in range(4))
    for plugin in plugins:
        owner = _Owner(plugin)
        if find_file(plugin.package):  # which a namespace has not
            packages.append((plugin.package, owner))
        if plugin.state == LOADED:
            modules.append((plugin.module, owner))
            parts += [(c.cls, _Owner(plugin, c.kind, c.cls)) for c in plugin.components]
            code = None if plugin.value else find_imported(plugin.module)
            paths = [path.removesuffix(".py").removesuffix("/__init__") for path in (code.files if code else ())]
            files += [(path.replace("/", "."), owner) for path in paths]
    classes = [(f"{cls.__module__}.{cls.__qualname__}", owner) for cls, owner in parts]
    found: dict[str, list[_Owner]] = {}
    for level in (packages, [(cls.__module__, _Owner(owner.plugin)) for cls, owner in parts], files, modules, classes):
        names: dict[str, list[_Owner]] = {}
        for name, owner in level:
            names.setdefault(name, []).append(owner)
        found |= names
    return {name: owners for name, owners in found.items() if name.partition(".")[0] != BUILT_IN}


def _find_owners(name: str, owners: Mapping[str, list[_Owner]]) -> list[_Owner]:
    while name and name not in owners:
        name = name.rpartition(".")[0]
    return owners.get(name, [])


def _find_class(cls: type) -> str:
    with suppress(OSError, TypeError):  # its source is not there
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    return ""

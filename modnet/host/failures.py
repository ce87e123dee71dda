"""Failures of third-party plugins while they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modnet.errors import DataError, ModnetError, PluginError
from modnet.files.code import find_line
from modnet.host.entry_points import LOADED, Plugin
from modnet.host.kinds import KINDS
from modnet.host.modules import find_file, find_imported, find_own_file
from modnet.host.problems import list_frames
from modnet.host.registry import Component
from modnet.text import format_error

_ENDS: dict[type, str] = {SystemExit: "ends the program", KeyboardInterrupt: "interrupts the run"}


def explain_failure(error: BaseException, plugins: Iterable[Plugin]) -> PluginError | None:
    """Return what an error says that a third-party plugin raised while it was used, or None where none did.

    It names the innermost line of a plugin's own, or the class of the part that returned something wrong. An error of
    modnet's keeps its words; one of a data source about a file is no failure. The last line of the text says whose.
    """
    others = [plugin for plugin in plugins if plugin.state == LOADED and not plugin.built_in]
    steps = [
        (where, name, claims) for where, module, name in _list_steps(error) if (claims := _claim(module, name, others))
    ]
    if not steps:
        return None
    where = steps[-1][0]
    # Code that several share is whose other code the error came through, too.
    surest = {one: max(claims[one][0] for _, _, claims in steps if one in claims) for one in steps[-1][2]}
    plugin = max(surest, key=lambda one: (steps[-1][2][one][0], surest[one]))
    own = [(name, claims[plugin][1]) for _, name, claims in reversed(steps) if plugin in claims]
    part = next((component for _, component in own if component), None)
    is_hook = any(name.rpartition(".")[2] in plugin.follows for name, _ in own)
    if isinstance(error, DataError) and not error.__cause__ and part and part.kind == "data-source":
        return None
    remedy = "install what it needs" if isinstance(error, ImportError) else "correct it"
    if isinstance(error, MemoryError):
        remedy = "take less data, a smaller network or a smaller batch"
    if is_hook or not plugin.components:
        only = "where none of its parts is used, " * bool(plugin.components)
        remedy += f", or {only}leave it out, --without {plugin.name}"
    elif part:
        remedy += f", or take another {KINDS[part.kind].words}"
        where = where or find_line(part.cls)
    why = f"the plugin {plugin.name} {_ENDS.get(type(error), 'fails')}: {_describe(error)}"
    if isinstance(error, ModnetError):
        why = f"{error}\nin the plugin {plugin.name}"
    problem = PluginError(why, remedy, where)
    problem.__notes__ = [str(note) for note in getattr(error, "__notes__", ()) if str(note) not in str(problem)]
    return problem


def _describe(error: BaseException) -> str:
    """Return an error in a line, with the first one of a group, or with its cause."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    between = ": " if isinstance(error, BaseExceptionGroup) else ", from "
    return format_error(error) + (f"{between}{_describe(inner)}" if inner else "")


def _list_steps(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Yield place, module and function of all code that an error came through, the outermost first."""
    yield from list_frames(error)
    if isinstance(error, PluginError) and error.part:
        yield ("", *error.part)
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    if isinstance(error, DataError):  # about a file that could not be read
        inner = error.__cause__
    if inner:
        yield from _list_steps(inner)


def _claim(module: str, name: str, plugins: list[Plugin]) -> dict[Plugin, tuple[int, Component | None]]:
    """Return the plugins that code belongs to, each with how sure that is, and the part whose method it is.

    A method is surer than a module that registers or has parts, and that is surer than what is beside or around it.
    """
    found: dict[Plugin, tuple[int, Component | None]] = {}
    for plugin in plugins:
        parts = [component for component in plugin.components if component.cls.__module__ == module]
        part = next((one for one in parts if f"{name}.".startswith(f"{one.cls.__qualname__}.")), None)
        code = find_imported(plugin.module)
        is_beside = code and find_own_file(module, code.files)
        file = find_file(plugin.package)  # which a namespace has not
        is_inside = file and module.partition(".")[0] == plugin.package
        if sure := 3 if part else 2 if parts or module == plugin.module else int(bool(is_beside or is_inside)):
            found[plugin] = sure, part
    return found

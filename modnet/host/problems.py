"""Problems of plugins, from the errors that they raise: loaded, and in use."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterable, Iterator

import attrs
import pluggy

from modnet.errors import DataError, ModnetError, PluginError, Problem
from modnet.files.code import find_line
from modnet.host.entry_points import LOADED, Plugin
from modnet.host.kinds import KINDS, LIFECYCLE_HOOKS
from modnet.host.modules import find_file, find_imported, find_own_file
from modnet.host.registry import Component
from modnet.text import did_you_mean, format_error

HOOKS = dict(sorted({**{kind.hook: kind.hookspec for kind in KINDS.values()}, **LIFECYCLE_HOOKS}.items()))
_ENDS: dict[type, str] = {SystemExit: "ends the program", KeyboardInterrupt: "interrupts the run"}


def to_problem(error: BaseException, plugin: Plugin) -> Problem:
    """Return the problem of a plugin that raised an error while it was loaded."""
    problem = _describe(error, plugin)
    own = [where for where, module, _ in _list_steps(error) if where and module.partition(".")[0] == plugin.package]
    return problem if problem.where else attrs.evolve(problem, where=own[-1] if own else plugin.first_line)


def _describe(error: BaseException, plugin: Plugin) -> Problem:
    # A subclass may have an __init__ of its own, which sets no problem.
    if isinstance(error, PluginError) and isinstance(problem := vars(error).get("problem"), Problem):
        return problem
    if isinstance(error, pluggy.PluginValidationError):
        return _describe_hook(error)
    if isinstance(error, SystemExit):
        return Problem(f"it ends the program ({_text(error)})", "put that under if __name__ == '__main__'")
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}" if error.lineno else ""
        return Problem(f"{type(error).__name__}: {error.msg}", "correct it", where)
    if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] == plugin.package:
        return Problem(f"there is no module {error.name!r}", _advise_module(plugin, str(error.name)))
    if isinstance(error, AttributeError) and not re.match(r"[\w.]+\s*(:|\[|$)", plugin.value or plugin.module):
        why = f'its entry point is {plugin.value!r}, expected a module, as in {plugin.name} = "my_cube"'
        return Problem(why, "correct it in its pyproject.toml, and install it again")
    remedy = "install what it needs" if isinstance(error, ImportError) else "correct it, or disable the plugin"
    return Problem(f"{type(error).__name__}: {_text(error)}", remedy)


def _advise_module(plugin: Plugin, module: str) -> str:
    """Return what to do where a module of a plugin is not found: its own, or one in its package."""
    if plugin.value:
        ship = f'py-modules = ["{module}"] under [tool.setuptools]'
        if "." in module:
            ship = f'include = ["{plugin.package}*"] under [tool.setuptools.packages.find]'
        return f"install it again, or have its pyproject.toml ship it first: {ship}"
    is_own = module in {plugin.module, plugin.package}
    return "give it in its folder, or its file, as in -p ./my_cube.py" if is_own else "correct the import"


def _describe_hook(error: pluggy.PluginValidationError) -> Problem:
    """Return in a line what pluggy says of a wrong hook in several, and where the hook is defined."""
    named = re.search(r"hook '(\w+)'", str(error))
    hook = named[1] if named else ""
    code = getattr(getattr(error.plugin, hook, None), "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
    if hook not in HOOKS:
        near = did_you_mean(hook, HOOKS)
        return Problem(f"modnet has no hook {hook!r}{near}", "" if near else f"available: {', '.join(HOOKS)}", where)
    arguments = ", ".join(name for name in inspect.signature(HOOKS[hook]).parameters if name != "self")
    found = " ".join(str(error).split(hook, 1)[-1].split()).removeprefix("' hookimpl definition: ")
    return Problem(f"the hook is {hook}({arguments}), not {found}", "", where)


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split()) or "no message"
    except BaseException:  # a third party's __str__ may fail, too, in any way
        return "no message"


def explain_failure(error: BaseException, plugins: Iterable[Plugin]) -> PluginError | None:
    """Return what an error says that a third-party plugin raised while it was used, or None where none did.

    It names the innermost line of a plugin's own, or the class of the part that returned something wrong. An error of
    modnet's keeps its words; one of a data source about a file is no failure. The last line of the text says whose.
    """
    others = [plugin for plugin in plugins if plugin.state == LOADED and not plugin.built_in]
    steps = [step for step in _list_steps(error) if any(_rate(plugin, *step[1:]) for plugin in others)]
    if not steps:
        return None
    where, *last = steps[-1]
    # Code that several share is whose other code the error came through, too.
    plugin = max(others, key=lambda one: (_rate(one, *last), max(_rate(one, *step) for _, *step in steps)))
    own = [(module, name) for _, module, name in reversed(steps) if _rate(plugin, module, name)]
    part = next(filter(None, (_find_part(plugin, *code) for code in own)), None)
    is_hook = any(name.rpartition(".")[2] in plugin.follows for _, name in own)
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
    why = f"the plugin {plugin.name} {_ENDS.get(type(error), 'fails')}: {_describe_failure(error)}"
    if isinstance(error, ModnetError):
        why = f"{error}\nin the plugin {plugin.name}"
    problem = PluginError(why, remedy, where)
    problem.__notes__ = [str(note) for note in getattr(error, "__notes__", ()) if str(note) not in str(problem)]
    return problem


def _describe_failure(error: BaseException) -> str:
    """Return an error in a line, with the first one of a group, or with its cause."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    between = ": " if isinstance(error, BaseExceptionGroup) else ", from "
    return format_error(error) + (f"{between}{_describe_failure(inner)}" if inner else "")


def _list_steps(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Yield place, module and function of all code that an error came through, the outermost first."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        yield f"{code.co_filename}:{line}", str(frame.f_globals.get("__name__")), code.co_qualname
    if part := vars(error).get("part"):
        yield ("", *part)
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    if isinstance(error, DataError):  # about a file that could not be read
        inner = error.__cause__
    if inner:
        yield from _list_steps(inner)


def _rate(plugin: Plugin, module: str, name: str) -> int:
    """Return how sure it is that code belongs to a plugin, 0 where it does not.

    A method of a part is surer than a module that registers or has parts, and that is surer than what is beside or
    around it.
    """
    if module in {plugin.module, *(component.cls.__module__ for component in plugin.components)}:
        return 3 if _find_part(plugin, module, name) else 2
    is_inside = module.partition(".")[0] == plugin.package and find_file(plugin.package)  # which a namespace has not
    code = find_imported(plugin.module)
    return 1 if is_inside or (code and find_own_file(module, code.files)) else 0


def _find_part(plugin: Plugin, module: str, name: str) -> Component | None:
    """Return the part of a plugin that code is a method of, or None."""
    parts = (component for component in plugin.components if component.cls.__module__ == module)
    return next((part for part in parts if f"{name}.".startswith(f"{part.cls.__qualname__}.")), None)

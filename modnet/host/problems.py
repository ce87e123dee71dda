"""Problems of plugins, from the errors that they raise."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator

import attrs
import pluggy

from modnet.errors import PluginError, Problem, did_you_mean
from modnet.host.entry_points import Plugin
from modnet.host.kinds import KINDS, LIFECYCLE_HOOKS

HOOKS = dict(sorted({**{kind.hook: kind.hookspec for kind in KINDS.values()}, **LIFECYCLE_HOOKS}.items()))


def to_problem(error: BaseException, plugin: Plugin) -> Problem:
    """Return the problem of a plugin that raised an error while it was loaded."""
    problem = _describe(error, plugin)
    own = [where for where, module, _ in list_frames(error) if module.partition(".")[0] == plugin.package]
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


def list_frames(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Yield place, module and function of the code that an error came through, the outermost first."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        yield f"{code.co_filename}:{line}", str(frame.f_globals.get("__name__")), code.co_qualname


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split()) or "no message"
    except BaseException:  # a third party's __str__ may fail, too, in any way
        return "no message"

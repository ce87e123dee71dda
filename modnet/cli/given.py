"""Modules that the option -p gives, by their names or files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from modnet.errors import PluginError
from modnet.host.approval import find_approved, list_approvals
from modnet.host.entry_points import Plugin, make_plugin
from modnet.host.modules import Code, find_folder, is_module_name, locate, read_code


def give_modules(given: Iterable[str]) -> list[Plugin]:
    """Return the plugins in modules that the user gives, each once; raises PluginError."""
    found = [*dict.fromkeys(map(find_given, given))]
    folders = dict(found)
    for module, folder in found:
        if folder != folders[module]:
            places = " and ".join(str(each or "where Python finds it") for each in (folder, folders[module]))
            raise PluginError(f"two modules are named {module!r}: in {places}", "rename one of the two")
    return [make_plugin(module, partial(_find_code, module, folder)) for module, folder in found]


def _find_code(module: str, folder: Path | None, is_installed: bool) -> Code:
    """Return the code of a module that the user gave: in a folder, or as Python finds it, or the approved one."""
    if not folder and (is_installed or module in sys.modules):
        return Code(module)
    if folder := folder or find_folder(module):
        return read_code(module, folder)
    is_known = any(approval.module == module for approval in list_approvals())
    return find_approved(f"-p names the module {module!r}", module, []) if is_known else Code(module)


def find_given(text: str) -> tuple[str, Path | None]:
    """Return name and folder of a module that is given by its name, its file or the folder of its package.

    The folder of a name is the current one, or None where the module is not in it. Raises PluginError.
    """
    path, here = Path(text), Path.cwd()
    if is_module_name(text) and path.suffix != ".py":
        return text, here if locate(text, here) else None
    file = path / "__init__.py" if text and path.is_dir() else path
    if file.suffix != ".py" or not file.is_file():
        why = f"{text} is no package: it has no __init__.py" if file != path else f"there is no module {text!r}"
        raise PluginError(why, "give the name of a module, or its file, as in -p ./my_cube.py")
    file = file.parent.resolve() / file.name
    folder, names = file.parent, [file.stem] * (file.stem != "__init__")
    while (folder / "__init__.py").is_file() and not (names and folder == here):
        folder, names = folder.parent, [folder.name, *names]
    if wrong := [name for name in names if not name.isidentifier()]:
        better = re.sub(r"\W|^(?=\d)", "_", wrong[0])
        raise PluginError(f"{file}: {wrong[0]!r} cannot be a module's name", f"rename it, to {better!r}")
    return ".".join(names), folder

"""Modules that the option -p gives, by name or file, and so approves."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

import attrs

from modnet.errors import PluginError
from modnet.files import write_atomically
from modnet.files.locks import hold_lock
from modnet.host.approval import APPROVED, Approval, config_folder, find_approved, list_approvals
from modnet.host.entry_points import Plugin, make_plugin
from modnet.host.modules import Code, find_folder, find_imported, is_module_name, locate, read_code


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
    path, here = Path(text), Path.cwd().resolve()
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


def approve(modules: Iterable[str]) -> None:
    """Approve modules that were imported as they were read; warns where that cannot be written down."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    codes = [code for module in modules if (code := find_imported(module))]
    now = [Approval(code.module, str(code.folder), code.digests, since) for code in codes]
    new = {(each.module, each.folder): each for each in now if each not in list_approvals()}
    try:
        if new:
            _replace(lambda approval: (approval.module, approval.folder) not in new, *new.values())
    except OSError as error:
        what = f"{config_folder()}: cannot be written, so the approval of {', '.join(modules)} is not kept"
        warnings.warn(f"{what}: {error.strerror}", stacklevel=2)


def forget(module: str) -> int:
    """Take back all approvals of modules of that name, and return how many there were."""
    count = sum(approval.module == module for approval in list_approvals())
    if count:
        _replace(lambda approval: approval.module != module)
    return count


def _replace(keep: Callable[[Approval], bool], *added: Approval) -> None:
    path = config_folder() / APPROVED
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(path.parent / f".{APPROVED}.lock", wait=True):
        left = sorted([*filter(keep, list_approvals()), *added], key=lambda each: (each.module, each.folder))
        content = json.dumps({"modules": [attrs.asdict(approval) for approval in left]}, indent=2)
        write_atomically(path, f"{content}\n".encode())

"""The user's approval of modules that files name."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path

import attrs
from attrs.validators import deep_mapping, instance_of

from modnet.errors import DataError, PluginError
from modnet.files.opening import read_json, read_plain
from modnet.host.entry_points import LOADED, Plugin, make_plugin
from modnet.host.modules import (
    LARGEST,
    Code,
    find_file,
    find_folder,
    find_imported,
    is_module_name,
    locate,
    read_code,
    read_source,
)
from modnet.text import printable, quote, quote_argument

APPROVED = "approved.json"  # the file in the config folder with all approvals
PARENTS = 3  # the folders above a file in which a module that it names is looked for: those of `project/runs/run`
_TEXT = instance_of(str)


class UnapprovedError(PluginError):
    """A module that a file names and the user has not approved."""


@attrs.frozen
class Approval:
    """A module that may be imported where a file names it, as long as its files are as they were."""

    module: str = attrs.field(validator=_TEXT)
    folder: str = attrs.field(validator=_TEXT)
    files: dict[str, str] = attrs.field(validator=deep_mapping(_TEXT, _TEXT))
    """The SHA-256 of each file, by its path in the folder."""
    since: str = attrs.field(default="", validator=_TEXT, eq=False)

    @property
    def code(self) -> Code:
        """The code as its files are now."""
        folder = Path(self.folder)
        return Code(self.module, folder, {name: read_source(folder, name) for name in self.files})

    def find_changed(self) -> list[str]:
        """Return the files that are not as they were approved."""
        return [name for name, digest in self.code.digests.items() if digest != self.files[name]]


def config_folder() -> Path:
    """Return where modnet keeps what the user decided: MODNET_CONFIG, or the user's config folder."""
    if folder := os.environ.get("MODNET_CONFIG"):
        return Path(folder)
    from platformdirs import user_config_path

    return user_config_path("modnet", appauthor=False)


def list_approvals() -> list[Approval]:
    """Return all approvals, by module and folder; warns where they cannot be read, and none counts then."""
    path = config_folder() / APPROVED
    if not os.path.lexists(path):
        return []
    try:
        return [Approval(**entry) for entry in read_json(path)["modules"]]
    except (DataError, KeyError, TypeError, ValueError) as error:
        why = printable(str(error), 200)
        warnings.warn(f"{path}: cannot be read, so no module counts as approved ({why})", stacklevel=1)
        return []


def name_module(
    module: str, where: Path | None, granted: Iterable[Code] = (), then: tuple[str, str] = ("", "")
) -> Plugin:
    """Return the plugin in a module that the file `where` names; loading it needs an approval, unless it is granted.

    `then` are its file and the digest of its code when it was used, as far as these are known.
    """
    code = next((code for code in granted if code.module == module), None)
    return make_plugin(module, (lambda _: code) if code else partial(_find_named, module, where, then))


def list_granted(plugins: Iterable[Plugin]) -> list[Code]:
    """Return what a worker process may import, too: the modules of third-party plugins, as they were imported."""
    modules = dict.fromkeys(p.module for p in plugins if p.state == LOADED and not p.built_in)
    return [find_imported(module) or Code(module) for module in modules]


def _find_named(module: str, where: Path | None, then: tuple[str, str], is_installed: bool) -> Code:
    """Return the approved code of a module that the file `where` names; warns where another one lies nearer.

    Of a module that is imported, or installed as a plugin, any will do; otherwise raises UnapprovedError.
    """
    what = printable(f"{where or 'the experiment'} names the module {quote(module)}", 2000)
    if not is_module_name(module):
        raise UnapprovedError(what, "a module has a name as in Python, without .py")
    beside = where.absolute().parents[:PARENTS] if where else ()
    places = [Path.cwd(), *beside, *Path(then[0]).parents[: module.count(".") + 2]]
    found = [place.resolve() for place in places if locate(module, place)]
    code = Code(module)
    if module not in sys.modules:
        code = find_approved(what, module, found, then, is_installed)
    taken = code.folder if code.files else find_folder(module)
    if found and not read_code(module, found[0], is_to_be_imported=False).is_in(taken):
        it = f"{code.file if code.files else find_file(module)} is taken, and not {locate(module, found[0])}"
        warnings.warn(printable(f"{what}: {it}, which is another", 4000), stacklevel=2)
    return code


def find_approved(
    what: str, module: str, folders: list[Path], then: tuple[str, str] = ("", ""), is_installed: bool = False
) -> Code:
    """Return the approved code with the digest of then, or in the first of some folders, or where Python finds it.

    In none of these, the only one is meant. Raises UnapprovedError where there is none, unless the module is installed
    as a plugin.
    """
    file, digest = then
    known = [approval for approval in list_approvals() if approval.module == module]
    codes = [code for each in known if (code := each.code).digests == each.files]
    if not folders and (place := find_folder(module)):
        folders = [place]
    chosen = [code for code in codes if code.digest == digest]
    chosen += [code for folder in folders for code in codes if code.folder == folder]
    if chosen or is_installed:
        return chosen[0] if chosen else Code(module)
    if codes and not folders:
        if len({code.digest for code in codes}) == 1:
            return codes[0]
        several = printable(" and ".join(str(code.folder) for code in codes), 2000)
        raise UnapprovedError(f"{what}, and several are approved", f"run it in the folder of one, {several}")
    as_then = [each for each in folders if read_code(module, each, is_to_be_imported=False).digest == digest]
    places = [*as_then, *folders, *(Path(approval.folder) for approval in known)]
    raise _explain(what, module, places[0] if places else None, known, file)


def _explain(what: str, module: str, folder: Path | None, known: list[Approval], then: str) -> UnapprovedError:
    """Return the error for a module that is not approved, or no longer, and lies in a folder, if it was found."""
    file = locate(module, folder) if folder else None
    if not file and (found := find_file(module)):
        why = f"{what}, which has no source file that could be approved: {printable(found, 2000)}"
        return UnapprovedError(why, f"name it yourself each time: -p {module}")
    if not folder or not file:
        why = f"{what}, which is not found" + f"; it was {printable(then, 2000)}" * bool(then)
        return UnapprovedError(why, f"approve it where it is now, in its folder: modnet plugins -p {module}")
    ours = (approval for approval in known if folder == Path(approval.folder))
    changed = next((name for approval in ours for name in approval.find_changed()), "")
    shown = folder / changed if changed else file
    state = "which changed since you approved it" if changed else "which you have not approved"
    digest = f"SHA-256 {sha256(read_plain(shown, LARGEST)).hexdigest()}" if shown.is_file() else "which is gone"
    is_here = folder == Path.cwd().resolve()
    has_own_name = "." not in module and not (folder / "__init__.py").exists()
    go = f"cd {quote_argument(str(folder))} && " * (not is_here and not has_own_name)
    given = module if is_here or go else quote_argument(str(file))
    if not f"{go}{given}".isprintable() or (go and sys.platform == "win32"):  # whose older shells have no &&
        go, given = "in its folder, ", module
    why = f"{what}, {state}: {printable(str(shown), 2000)}, {digest}"
    trust = "if you trust it and what it imports from its folder, approve it"
    return UnapprovedError(f"{why}\n{trust}", f"{go}modnet plugins -p {given}")

"""The code that is loaded: its fingerprint, whatever its files say by now."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path

from modnet.data.fingerprint import code_fingerprint, hash_class
from modnet.errors import ModnetError
from modnet.host.entry_points import Plugin
from modnet.host.modules import find_imported, read_code

_fingerprints: dict[str, tuple[list[ModuleSpec], tuple[str, str]]] = {}


def find_code_of_class(cls: type, plugin: Plugin | None) -> tuple[str, str]:
    """Return the package of a part's class, and the fingerprint of its code; `plugin` is the one it comes from."""
    if cls.__module__ == "__main__":  # a script holds more than the class, and a notebook has no file
        return cls.__module__, hash_class(cls)
    return find_code_of_plugin(plugin, cls.__module__) if plugin else find_code(cls.__module__)


def find_code_of_plugin(plugin: Plugin, module: str) -> tuple[str, str]:
    """Return the fingerprint of the code of a module of a plugin.

    Of a module that is not installed, what it imports from its folder belongs to it.
    """
    if plugin.value:
        return find_code(module)
    if code := find_imported(plugin.module):
        return plugin.module, code.digest
    return find_code(plugin.module, _read_given)


def _read_given(module: str) -> tuple[str, str]:
    """Return the fingerprint of a module that Python found, and of what it imports from its folder."""
    file = Path(getattr(sys.modules.get(module.partition(".")[0]), "__file__", None) or "")
    with suppress(ModnetError):
        folder = file.parent.parent if file.stem == "__init__" else file.parent
        code = read_code(module, folder.resolve(), is_to_be_imported=False)
        return (module, code.digest) if code.files else code_fingerprint(module)
    return code_fingerprint(module)


def find_code(module: str, read: Callable[[str], tuple[str, str]] = code_fingerprint) -> tuple[str, str]:
    """Return the fingerprint of a module's code as it was when it was loaded: its files may have changed since."""
    loaded = list(_find_specs(module.partition(".")[0]))
    specs, found = _fingerprints.get(module, ([], ("", "")))
    if not specs or len(specs) != len(loaded) or any(a is not b for a, b in zip(specs, loaded, strict=True)):
        found = read(module)
        _fingerprints[module] = loaded, found
    return found


def _find_specs(package: str) -> Iterator[ModuleSpec]:
    """Yield the specs of the loaded modules of a package; a module that is loaded again has a new one."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package and (spec := getattr(module, "__spec__", None)):
            yield spec

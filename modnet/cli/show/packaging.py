"""Advice on the packaging of plugins, from their metadata and code."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

import attrs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from modnet.errors import Problem
from modnet.host.entry_points import DISTRIBUTION, Plugin, find_requirements
from modnet.host.modules import find_file
from modnet.host.registry import BUILT_IN

# Names by which any other distribution may ship something, too: the later one overwrites the earlier.
ANYBODYS = {
    *("benchmarks", "build", "conftest", "data", "dist", "doc", "docs", "example", "examples", "noxfile", "out"),
    *("results", "runs", "scripts", "setup", "site", "tasks", "test", "tests", "tools"),
}


def find_rivals() -> list[Problem]:
    """Return where `modnet`, on the package index another distribution's name, is installed as if it were modnet.

    Metadata alone is read; nothing is imported.
    """
    found: dict[Problem, None] = {}  # a distribution may be met twice on sys.path
    for distribution in importlib.metadata.distributions():
        with suppress(Exception):  # damaged metadata, which `find_installed` warns of
            if (name := distribution.metadata["Name"]).lower() == BUILT_IN:
                who = f"the distribution {name} {distribution.version}"
                why = f"{who} is installed, which is not {DISTRIBUTION}; both own the folder modnet"
                remedy = f"pip uninstall {name}, then pip install --force-reinstall {DISTRIBUTION}"
                found[Problem(why, remedy, str(distribution.locate_file("")))] = None
    return list(found)


def list_notes(plugins: Iterable[Plugin]) -> dict[str, list[Problem]]:
    """Return by distribution what is to be mended in its pyproject.toml, though its plugins may work here.

    Metadata and code are read; nothing is imported. What cannot be known for certain is not noted.
    """
    distributions: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        if plugin.value and not plugin.built_in:
            distributions.setdefault(plugin.distribution, []).append(plugin)
    found: dict[str, list[Problem]] = {}
    for name, own in distributions.items():
        with suppress(Exception):  # damaged metadata
            found[name] = list(_Packaging(importlib.metadata.distribution(name), own).list_notes())
    return {name: notes for name, notes in found.items() if notes}


@attrs.frozen
class _Packaging:
    """A distribution as it is installed, and its plugins."""

    distribution: Distribution
    plugins: list[Plugin]

    def list_notes(self) -> Iterator[Problem]:
        imported = _list_imports(plugin.module for plugin in self.plugins)
        yield from self._note_requirements(imported)
        strays = self._shipped & ANYBODYS - imported.keys() - self._packages
        advice = self._advise_shipping(self._shipped - strays | self._packages)
        for package in sorted(self._packages - self._shipped - _list_owners().keys()):
            if self._shipped and not self._is_editable and (file := find_file(package)):
                yield Problem(f"it does not ship {package}, which is found elsewhere", advice, file)
        if strays:
            why = f"it ships {', '.join(sorted(strays))}, as any other distribution may"
            yield Problem(why, advice, str(self.distribution.locate_file(min(strays))))

    def _note_requirements(self, imported: dict[str, str]) -> Iterator[Problem]:
        texts = self.distribution.requires or []
        required, unreadable = _parse(texts)
        ours = find_requirements(texts)
        for text in unreadable:
            yield Problem(f"its requirement {text!r} cannot be read", "correct it in dependencies under [project]")
        if any(each.name.lower() == BUILT_IN for each in ours):
            why = f"it requires {BUILT_IN}, which on the package index is another distribution"
            yield Problem(why, f'in dependencies under [project], write "{DISTRIBUTION}" instead')
        elif not ours and not unreadable:
            yield Problem(f"it does not require {DISTRIBUTION}", _advise_requiring(DISTRIBUTION))
        there = required | _parse([DISTRIBUTION, *(importlib.metadata.requires(DISTRIBUTION) or [])])[0]
        for name, where in imported.items():
            owners = _list_owners().get(name, [])
            # Of several that share a package nobody can say which one is meant.
            if len(owners) == 1 and canonicalize_name(owners[0]) not in there | {self._name}:
                yield Problem(f"it imports {name} and does not require it", _advise_requiring(owners[0]), where)

    @property
    def _name(self) -> str:
        return canonicalize_name(self.distribution.metadata["Name"])

    @property
    def _packages(self) -> set[str]:
        return {plugin.package for plugin in self.plugins}

    @property
    def _shipped(self) -> set[str]:
        """The modules and folders beside its metadata, without suffix."""
        tops = [PurePosixPath(file).parts[0] for file in self.distribution.files or ()]
        metadata = (".dist-info", ".egg-info", ".data", ".pth")
        return {top.partition(".")[0] for top in tops if not top.endswith(metadata)} - {"", "__pycache__"}

    @property
    def _is_editable(self) -> bool:
        found = json.loads(self.distribution.read_text("direct_url.json") or "{}")
        return bool(found.get("dir_info", {}).get("editable"))

    def _advise_shipping(self, tops: set[str]) -> str:
        """Return how its pyproject.toml says that some modules and packages are shipped, by the tool that built it."""
        files = {str(file) for file in self.distribution.files or ()}
        packages = sorted(top for top in tops if any(file.startswith(f"{top}/") for file in files))
        modules = sorted(tops.difference(packages))
        builder = self.distribution.read_text("WHEEL") or ""
        if "hatchling" in builder:
            only = [*packages, *(f"{name}.py" for name in modules)]
            return f"under [tool.hatch.build.targets.wheel] write only-include = {_to_toml(only)}"
        if "setuptools" not in builder:
            return "have its pyproject.toml ship what belongs to it, and nothing else"
        ways = [f"under [tool.setuptools] write py-modules = {_to_toml(modules)}"] * bool(modules)
        if packages:
            include = _to_toml(f"{name}*" for name in packages)
            ways.append(f"under [tool.setuptools.packages.find] write include = {include}")
        return ", and ".join(ways)


def _advise_requiring(distribution: str) -> str:
    return f'add "{distribution}" to dependencies under [project]'


def _to_toml(names: Iterable[str]) -> str:
    return json.dumps(list(names))


def _parse(texts: Iterable[str]) -> tuple[set[str], list[str]]:
    """Return the names of the distributions that are required, and what cannot be read."""
    required, unreadable = set[str](), []
    for text in texts:
        try:
            required.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            unreadable.append(text)
    return required, unreadable


@cache
def _list_owners() -> dict[str, list[str]]:
    """Return the distributions that ship each module or package."""
    return {name: sorted(set(owners)) for name, owners in importlib.metadata.packages_distributions().items()}


def _list_imports(modules: Iterable[str]) -> dict[str, str]:
    """Return the other packages that are imported whenever some modules are, each with the first line that does so."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = list(modules)
    own = {module.partition(".")[0] for module in waiting}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        file = find_file(module)
        if not file.endswith(".py"):
            continue
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        package = module if Path(file).name == "__init__.py" else module.rpartition(".")[0]
        for name, line in _read_imports(Path(file), package):
            top = name.partition(".")[0]
            if top in own:
                waiting.append(name)
            elif top not in sys.stdlib_module_names and top != BUILT_IN:
                found.setdefault(top, f"{file}:{line}")
    return found


def _read_imports(file: Path, package: str) -> Iterator[tuple[str, int]]:
    """Yield what a module of a package always imports, and the line: not what it does in functions, `try` and `if`."""
    try:
        with warnings.catch_warnings(action="ignore"):
            body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):  # it is broken then, and says so
        return
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)

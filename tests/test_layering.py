"""Public names in built-ins, and one user of pluggy's manager: rules beside import-linter's."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import modnet

ROOT = Path(__file__).parents[1]
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def names_of(module: str) -> list[str]:
    """Return the public names of a public module."""
    found = getattr(modnet, module)
    return list(getattr(found, "__all__", [name for name in vars(found) if not name.startswith("_")]))


def imports(path: Path) -> list[tuple[str, int]]:
    """Return every name that a file imports, at whatever depth, and the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_built_in_uses_public_names_as_a_third_party_would(path: Path) -> None:
    public = {"modnet", *(f"modnet.{name}" for name in modnet.__all__)}
    public |= {f"modnet.{module}.{name}" for module in ("data", "files", "text") for name in names_of(module)}
    for name, line in imports(path):
        assert name.partition(".")[0] != "modnet" or name in public, f"line {line}: {name} is not public"


def test_modnet_lists_its_public_names_alone() -> None:
    assert dir(modnet) == sorted([*modnet.__all__, "__version__"])
    assert all(hasattr(modnet, name) for name in dir(modnet))


def test_only_discovery_uses_pluggys_manager() -> None:
    sources = [path for path in (ROOT / "modnet").rglob("*.py") if "PluginManager" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(ROOT / "modnet").as_posix() for path in sources] == ["host/discovery.py"]


@pytest.mark.parametrize("top", ["modnet", "plugins"])
def test_a_room_has_at_most_16_modules(top: str) -> None:
    modules = Counter(path.parent.relative_to(ROOT).as_posix() for path in (ROOT / top).rglob("*.py"))
    assert {room: count for room, count in modules.items() if count > 16} == {}

"""The floors of the house: imports point only to lower floors, and the two halves do not know each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "declared_types": 0,
    "environment": 0,
    "errors": 0,
    "randomness": 0,
    "stand_ins": 0,
    "types": 0,
    "corners": 1,
    "dataset": 1,
    "derivatives": 1,
    "files": 1,
    "history_file": 1,
    "installed": 1,
    "leaves": 1,
    "locks": 1,
    "numerical": 1,
    "paired": 1,
    "returned": 1,
    "type_mistakes": 1,
    "cached": 2,
    "decisions": 2,
    "faults": 2,
    "fingerprint": 2,
    "interfaces": 2,
    "part_file": 2,
    "summary": 2,
    "verdicts": 2,
    "adapters": 3,
    "batches": 3,
    "catalogue": 3,
    "checkpoint": 3,
    "hookspecs": 3,
    "kept": 3,
    "measured": 3,
    "network": 3,
    "part_checks": 3,
    "registry": 3,
    "settings": 3,
    "side_by_side": 3,
    "transfer": 3,
    "whole_gradient": 3,
    "discovery": 4,
    "download": 4,
    "gradient_check": 4,
    "recognition": 4,
    "tables": 4,
    "training": 4,
    "answering": 5,
    "build": 5,
    "figures": 5,
    "comparison_figure": 6,
    "conversion": 6,
    "experiment": 6,
    "listing": 6,
    "drawing": 6,
    "new_plugin": 6,
    "progress": 6,
    "testing.leaks": 6,
    "testing.swapping": 6,
    "new_command": 7,
    "options": 7,
    "overview": 7,
    "receipt": 7,
    "dry_run": 7,
    "grid": 7,
    "testing.fixtures": 7,
    "comparison": 8,
    "data_commands": 8,
    "run_folder": 8,
    "network_commands": 10,
    "one_run": 9,
    "trained_model": 9,
    "verification": 9,
    "many_runs": 10,
    "run_commands": 10,
    "verify_command": 10,
    "comparing": 11,
    "compare_command": 12,
    "cli": 13,
    "testing.examples": 11,
    "testing.report": 11,
    "testing.shrinking": 11,
    "testing.checks": 12,
    "testing.shared": 13,
    "testing.activations": 14,
    "testing.estimators": 14,
    "testing.losses": 14,
    "testing.optimizers": 14,
    "testing.sources": 14,
    "testing.kinds": 15,
    "testing.conformance": 16,
    "testing.distribution": 16,
    "plugin_commands": 17,
}
ENTRANCES = {"__init__", "__main__", "testing.__init__"}
NUMERIC_HALF = {
    "types", "randomness", "dataset", "numerical", "interfaces", "adapters", "batches", "checkpoint", "network",
    "training", "corners", "derivatives", "verdicts", "side_by_side", "measured", "part_checks", "whole_gradient",
    "gradient_check", "files", "cached", "download", "part_file", "transfer", "kept", "summary",
    "history_file", "leaves", "locks", "environment", "fingerprint", "paired", "decisions", "returned",
}  # fmt: skip
PLUGIN_HALF = {
    "installed", "faults", "catalogue", "hookspecs", "registry", "settings", "stand_ins", "discovery", "answering",
    "listing", "recognition", "tables",
}  # fmt: skip
PUBLIC = {"files", "cached", "download", "testing"}
TESTING = sorted(f"testing.{path.stem}" for path in (ROOT / "modnet" / "testing").glob("*.py"))
MODULES = sorted(path.stem for path in (ROOT / "modnet").glob("*.py")) + TESTING
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def imports(path: Path) -> list[tuple[str, int]]:
    """Return every module that a file imports, at whatever depth, and the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "modnet" else []
            found += [(name, node.lineno) for name in (whole or [str(node.module)])]
    return found


def path_of(module: str) -> Path:
    """Return the file of a core module."""
    return ROOT / "modnet" / f"{module.replace('.', '/')}.py"


def core_imports(module: str) -> list[tuple[str, int]]:
    """Return the core modules that a core module imports."""
    found = [
        (name.removeprefix("modnet."), line) for name, line in imports(path_of(module)) if name.startswith("modnet.")
    ]
    names = [(name if name.startswith("testing.") else name.split(".")[0], line) for name, line in found]
    return [(name, line) for name, line in names if name in FLOORS]


def test_every_core_module_has_a_floor() -> None:
    assert set(MODULES) - ENTRANCES == set(FLOORS)


@pytest.mark.parametrize("module", sorted(FLOORS))
def test_imports_point_only_to_lower_floors(module: str) -> None:
    wrong = [
        f"{module} imports {name}, line {line}" for name, line in core_imports(module) if FLOORS[name] >= FLOORS[module]
    ]
    assert not wrong


@pytest.mark.parametrize("module", sorted(FLOORS))
def test_nothing_but_the_command_line_imports_the_entrance(module: str) -> None:
    whole = [line for name, line in imports(path_of(module)) if name == "modnet"]
    assert module == "cli" or module.startswith("testing.") or not whole


@pytest.mark.parametrize("module", sorted(FLOORS.keys() - {*TESTING, "plugin_commands"}))
def test_nothing_but_the_command_that_checks_plugins_imports_what_is_for_tests(module: str) -> None:
    assert not [line for name, line in imports(path_of(module)) if name.startswith("modnet.testing")]


@pytest.mark.parametrize("module", sorted(NUMERIC_HALF))
def test_the_numeric_half_has_never_heard_of_plugins(module: str) -> None:
    names = {name.split(".")[0] for name, _ in imports(path_of(module))}
    assert "pluggy" not in names
    assert not {name for name, _ in core_imports(module)} & PLUGIN_HALF


@pytest.mark.parametrize("module", sorted(PLUGIN_HALF))
def test_the_plugin_half_contains_no_mathematics(module: str) -> None:
    names = {name.split(".")[0] for name, _ in imports(path_of(module))}
    assert not names & {"numpy", "math", "array_api_compat"}


def test_only_discovery_uses_pluggys_manager() -> None:
    users = [m for m in MODULES if "PluginManager" in path_of(m).read_text(encoding="utf-8")]
    assert users == ["discovery"]


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_built_in_is_written_as_a_stranger_would_write_it(path: Path) -> None:
    """Public names of modnet and its own package only: it could move to a repository of its own."""
    for name, line in imports(path):
        package, *rest = name.split(".")
        internal = package == "modnet" and rest[:1] and rest[0] in FLOORS.keys() - PUBLIC
        assert not internal, f"line {line}: {name} is internal to modnet"
        assert not package.startswith("modnet_") or package == path.parent.name, (
            f"line {line}: {name} is another plugin"
        )


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_built_in_imports_from_modnet_is_public(path: Path) -> None:
    import modnet

    for name, line in imports(path):
        if name.startswith("modnet."):
            assert name.split(".")[1] in modnet.__all__, f"line {line}: {name}"

"""Notes of `modnet plugins doctor` on how plugins are packaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, Environment
from plugin_sources import CUBE

from modnet.cli.show import packaging
from modnet.cli.show.packaging import list_notes
from modnet.host.entry_points import find_installed

CODE = CUBE.format(name="Cube")
PY_MODULES = 'under [tool.setuptools] write py-modules = ["modnet_cube"]'
OURS = "Requires-Dist: modnet-workbench>=0.1"
OTHERS = "import torchlike\nimport drawing.bars\n"


def install(site: Path, files: dict[str, str], about: str, builder: str, entry: str) -> None:
    """Put a distribution into a folder as pip does, with all files in its record; and two others, which it may use."""
    distributions = {
        "modnet-cube": (files, about),
        "torch-like": ({"torchlike.py": "", "shared/a.py": ""}, ""),
        "drawing": ({"drawing/__init__.py": "", "drawing/bars.py": "", "shared/b.py": ""}, ""),
    }
    for name, (content, metadata) in distributions.items():
        info = f"{name.replace('-', '_')}-1.0.dist-info"
        written = content | {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: {builder}\n",
        }
        if name == "modnet-cube":
            written[f"{info}/entry_points.txt"] = f"[modnet]\ncube = {entry}\n"
        written[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in written) + f"../../bin/{name},,\n"
        for file, text in written.items():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text(text)


@pytest.fixture
def notes_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Return a function that installs a plugin and returns what is noted of it: why, and what to do."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def notes(
        files: dict[str, str], about: str = OURS, builder: str = "setuptools (80)", entry: str = "modnet_cube"
    ) -> list[str]:
        install(tmp_path / "site", files, about, builder, entry)
        packaging._list_owners.cache_clear()
        found = list_notes(find_installed()).get("modnet-cube", [])
        return [f"{each.why}: {each.remedy}" for each in found]

    yield notes
    packaging._list_owners.cache_clear()


PACKAGE = {"modnet_cube/__init__.py": "from modnet_cube.parts import *\n", "modnet_cube/parts.py": CODE}
NOTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({"files": {"modnet_cube.py": CODE}}, []),
    "no requirement": (
        {"files": {"modnet_cube.py": CODE}, "about": ""},
        ['it does not require modnet-workbench: add "modnet-workbench" to dependencies under [project]'],
    ),
    "the requirement of an extra": (
        {"files": {"modnet_cube.py": CODE}, "about": f"{OURS}; extra == 'all'"},
        ['it does not require modnet-workbench: add "modnet-workbench" to dependencies under [project]'],
    ),
    "another's name": (
        {"files": {"modnet_cube.py": CODE}, "about": "Requires-Dist: modnet>=0.1"},
        [
            (
                "it requires modnet, which on the package index is another distribution: "
                'in dependencies under [project], write "modnet-workbench" instead'
            )
        ],
    ),
    "an unreadable requirement": (
        {"files": {"modnet_cube.py": CODE}, "about": "Requires-Dist: modnet-workbench ~~ 9"},
        ["its requirement 'modnet-workbench ~~ 9' cannot be read: correct it in dependencies under [project]"],
    ),
    "imports": (
        {"files": {"modnet_cube.py": OTHERS + CODE}, "about": f"{OURS}\nRequires-Dist: Drawing"},
        ['it imports torchlike and does not require it: add "torch-like" to dependencies under [project]'],
    ),
    "imports of a module that is always imported": (
        {"files": {**PACKAGE, "modnet_cube/parts.py": "from . import deep\n" + CODE, "modnet_cube/deep.py": OTHERS}},
        [
            'it imports torchlike and does not require it: add "torch-like" to dependencies under [project]',
            'it imports drawing and does not require it: add "drawing" to dependencies under [project]',
        ],
    ),
    "imports that are not certain": (
        {
            "files": {
                **PACKAGE,
                "modnet_cube/lazy.py": OTHERS,
                "modnet_cube/__init__.py": "import os, numpy, attrs, modnet_activations, nowhere, shared.a\n"
                "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torchlike\n"
                "try:\n    import torchlike\nexcept ImportError:\n    torchlike = None\n"
                "def draw():\n    import drawing\nfrom modnet_cube.parts import *\n",
            },
        },
        [],
    ),
    "a folder of runs": (
        {"files": {"modnet_cube.py": CODE, "runs/cube/summary.json": "{}"}},
        [f"it ships runs, as any other distribution may: {PY_MODULES}"],
    ),
    "folders beside a package": (
        {"files": {**PACKAGE, "cube_tables.py": "", "tests/__init__.py": "", "docs/conf.py": "", "conftest.py": ""}},
        [
            (
                "it ships conftest, docs, tests, as any other distribution may: under [tool.setuptools] "
                'write py-modules = ["cube_tables"], and under [tool.setuptools.packages.find] '
                'write include = ["modnet_cube*"]'
            )
        ],
    ),
    "a folder that it imports": (
        {"files": {"modnet_cube.py": "import tools.tables\n" + CODE, "tools/tables.py": ""}},
        [],
    ),
    "hatchling": (
        {"files": {"modnet_cube.py": CODE, "tests/test_cube.py": ""}, "builder": "hatchling 1.27"},
        [
            (
                "it ships tests, as any other distribution may: "
                'under [tool.hatch.build.targets.wheel] write only-include = ["modnet_cube.py"]'
            )
        ],
    ),
    "another builder": (
        {"files": {"modnet_cube.py": CODE, "tests/test_cube.py": ""}, "builder": "poetry-core 2.0"},
        [
            (
                "it ships tests, as any other distribution may: "
                "have its pyproject.toml ship what belongs to it, and nothing else"
            )
        ],
    ),
    "the module of another distribution": ({"files": {"modnet_other.py": ""}, "entry": "drawing.bars"}, []),
    "code that cannot be read": ({"files": {"modnet_cube.py": "def (:"}}, []),
}


@pytest.mark.parametrize("case", NOTED)
def test_notes(case: str, notes_of: Callable[..., list[str]]) -> None:
    arguments, expected = NOTED[case]
    assert notes_of(**arguments) == expected


def test_a_module_that_is_found_beside_its_distribution(notes_of: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "modnet_cube.py").write_text(CODE)
    missing = f"it does not ship modnet_cube, which is found elsewhere: {PY_MODULES}"
    assert notes_of({"runs/a.json": ""}) == [missing, f"it ships runs, as any other distribution may: {PY_MODULES}"]
    info = tmp_path / "site" / "modnet_cube-1.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///cube", "dir_info": {"editable": true}}')
    assert notes_of({"__editable__.modnet_cube-1.0.pth": ""}) == []


def test_they_change_no_state_and_no_exit_status(tmp_path: Path) -> None:
    """A broken plugin has its reason, and what is noted besides."""
    install(tmp_path / "site", {"modnet_cube.py": CODE, "runs/a.json": ""}, "", "setuptools", "modnet_cube")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "MODNET_CACHE": str(tmp_path / "cache")}

    def doctor(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "modnet", "plugins", "doctor", *options]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    requires = 'note: modnet-cube 1.0: it does not require modnet-workbench: add "modnet-workbench" to dependencies'
    ships = f"note: modnet-cube 1.0: it ships runs, as any other distribution may: {PY_MODULES} ({tmp_path}/site/runs)"
    assert done.stdout.splitlines()[-3:-1] == [f"{requires} under [project]", ships]
    (tmp_path / "site" / "modnet_cube.py").unlink()
    done = doctor("--json")
    record = json.loads(done.stdout)[-1]
    assert (done.returncode, record["why"]) == (1, "there is no module 'modnet_cube'")
    assert record["remedy"].startswith("install it again, or")
    assert [note["why"] for note in record["notes"]][1:] == ["it ships runs, as any other distribution may"]


@pytest.mark.check
class TestBuilt:
    """The pyproject.toml of the docs, built by pip beside the folders that an author has."""

    SMALLEST = next(iter(re.findall(r"```toml\n(.*?)```", (ROOT / "docs/five-minutes.md").read_text(), re.DOTALL)))

    @staticmethod
    def _begin(folder: Path, beside: list[str], toml: str) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        for name in beside:
            (folder / name / "cube").mkdir(parents=True)
            (folder / name / "cube" / "summary.json").write_text("{}")
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(toml)
        (folder / "modnet_cube.py").write_text(CODE)
        if ".git" in beside:
            shutil.rmtree(folder / ".git")
            subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
            subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
        return folder

    @staticmethod
    def _doctor(environment: Environment, project: Path, *options: str) -> tuple[dict[str, Any], int]:
        environment.pip("install", "--no-deps", "--force-reinstall", *options, project)
        try:
            done = environment.modnet("plugins", "doctor", "--json", cwd=project.parent)
        finally:
            environment.pip("uninstall", "--yes", "modnet-cube")
        (record,) = (each for each in json.loads(done.stdout) if each["distribution"] == "modnet-cube")
        return record, done.returncode

    @pytest.mark.parametrize("options", [(), ("--editable",)], ids=["wheel", "editable"])
    @pytest.mark.parametrize("beside", [["runs"], ["runs", "dist", "build", "tests", "data", ".git"]], ids=str)
    def test_it_packages_the_module_whatever_lies_beside_it(
        self, environment: Environment, tmp_path: Path, beside: list[str], options: tuple[str, ...]
    ) -> None:
        record, status = self._doctor(environment, self._begin(tmp_path / "cube", beside, self.SMALLEST), *options)
        assert (record["state"], record["notes"], status) == ("ready", [], 0)

    @pytest.mark.parametrize("options", [(), ("--editable",)], ids=["wheel", "editable"])
    def test_what_the_doctor_advises_mends_it(
        self, environment: Environment, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        old = self.SMALLEST.partition("[tool.setuptools]")[0].replace('dependencies = ["modnet-workbench"]\n', "")
        record, status = self._doctor(environment, self._begin(tmp_path / "cube", ["runs"], old), *options)
        assert (record["state"], status) == ("broken", 1)
        assert record["why"] == "there is no module 'modnet_cube'"
        assert 'py-modules = ["modnet_cube"] under [tool.setuptools]' in record["remedy"]
        mended = old.replace("[project]\n", '[project]\ndependencies = ["modnet-workbench"]\n')
        mended += '[tool.setuptools]\npy-modules = ["modnet_cube"]\n'
        record, status = self._doctor(environment, self._begin(tmp_path / "cube", ["runs"], mended), *options)
        assert (record["state"], record["notes"], status) == ("ready", [], 0)

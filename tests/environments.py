"""Virtual environments with modnet's own wheel, as users have them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).parents[1]
SMALLEST = ROOT / "tests" / "plugins" / "third_party" / "modnet-softsign"


@attrs.frozen
class Environment:
    """A virtual environment that holds modnet and nothing that is not needed."""

    folder: Path
    wheel: Path
    beside: Path | None = None

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    def python(self, *arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.scripts / "python", *arguments], cwd, variables)

    def modnet(self, *arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.scripts / "modnet", *arguments], cwd, variables)

    def pip(self, *arguments: str | Path) -> None:
        done = self.python("-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", cwd=self.folder)
        assert done.returncode == 0, done.stderr

    def plugins(self, *arguments: str, cwd: Path, **variables: str) -> dict[str, dict[str, Any]]:
        """Return what `modnet plugins --json` tells, by distribution and name."""
        done = self.modnet("plugins", "--json", *arguments, cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr
        return {f"{record['distribution']}:{record['name']}": record for record in json.loads(done.stdout)}

    def _run(self, command: list[str | Path], cwd: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MODNET", "VIRTUAL"))
        }
        if self.beside:
            ours["PYTHONPATH"] = str(self.beside)
        ours["MODNET_CACHE"] = str((self.beside or self.folder) / "cache")
        ours["MODNET_CONFIG"] = str((self.beside or self.folder) / "config")
        return subprocess.run(
            command, cwd=cwd, env=ours | variables, capture_output=True, text=True, timeout=300, check=False
        )


def wheel_of(folder: Path, distribution: str, source: str, requires: str = "modnet-workbench") -> Path:
    """Write the wheel of a plugin of one module, as a build would."""
    module = distribution.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}.py", source)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\nRequires-Dist: {requires}\n",
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", f"[modnet]\nplugin = {module}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with modnet, from its wheel, and the smallest plugin, as its author would build it."""
    folder = tmp_path_factory.mktemp("third-party")
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    wheels = folder / "wheels"
    bare = Environment(folder / "venv", wheels)
    sources = shutil.copytree(SMALLEST, folder / "modnet-softsign")
    bare.pip("wheel", "--no-deps", "--wheel-dir", wheels, ROOT, sources)
    bare.pip("install", "--no-compile", *sorted(wheels.glob("*.whl")))
    (wheel,) = wheels.glob("modnet_workbench-*.whl")
    return attrs.evolve(bare, wheel=wheel)

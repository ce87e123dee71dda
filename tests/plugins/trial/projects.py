"""Projects of the plugins beside this module, as their authors would build them."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
ENTRY_POINTS = {
    "trial-activations": {"activations": "trial_activations"},
    "trial-losses": {"losses": "trial_losses"},
    "trial-gradients": {"gradients": "trial_gradients"},
    "trial-optimizers": {"optimizers": "trial_optimizers"},
    "trial-sources": {"sources": "trial_sources"},
    "trial-diary": {"diary": "trial_diary"},
    "trial-all": {"all": "trial_all"},
    "trial-object": {"parts": "trial_object:parts", "steps": "trial_object:steps"},
}
PYPROJECT = """
[project]
name = "{name}"
version = "1.0"
dependencies = ["modnet-workbench"]
[project.entry-points.modnet]
{entry_points}
[tool.setuptools]
{kind} = ["{module}"]
"""


def copy_module(name: str, folder: Path) -> Path:
    """Copy a module, or a package, into a folder."""
    package = HERE / name
    if package.is_dir():
        return shutil.copytree(package, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Path(shutil.copy(HERE / f"{name}.py", folder))


def write_project(name: str, folder: Path) -> Path:
    """Write the project of a distribution, with the pyproject.toml of the docs."""
    project = folder / name
    project.mkdir(parents=True)
    module = name.replace("-", "_")
    kind = "packages" if copy_module(module, project).is_dir() else "py-modules"
    lines = "\n".join(f'{plugin} = "{target}"' for plugin, target in ENTRY_POINTS[name].items())
    text = PYPROJECT.format(name=name, entry_points=lines, kind=kind, module=module)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    return project

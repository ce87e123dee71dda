"""Pictures in any surroundings; a failure is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import run_modnet

QUICK = ("--hidden", "4", "--gradient", "backpropagation", "--iterations", "20")
BACKENDS = {
    "of a notebook": "module://matplotlib_inline.backend_inline",
    "nonsense": "nonsense",
    "Qt": "qtagg",
    "none": "",
}
RC = {
    "latex": "text.usetex: True\nfont.family: serif\n",
    "a style": "axes.facecolor: black\nlines.linewidth: 20\nsavefig.dpi: 10\nsavefig.bbox: tight\nimage.cmap: jet\n",
    "another backend": "backend: module://not_there\ninteractive: True\n",
    "nonsense": "font.size: abc\nno colon\n\x1b[2J: 1\n",
}
BROKEN = {
    "an error of a library": "raise OSError('libfreetype.so.6: cannot open shared object file')",
    "a name that is missing": "from numpy import no_such_name",
    "a module that is missing": "import no_such_module",
    "the end of the program": "raise SystemExit(0)",
    "an error of its own kind": "class Odd(BaseException): ...\nraise Odd('odd\\n' * 300)",
    "half a package": "__version__ = '3.11'",
}


def some(cases: dict[str, str], *names: str) -> list[Any]:
    """Return cases, of which `make check` tries those that are not named."""
    return [pytest.param(cases[n], id=n, marks=() if n in names else pytest.mark.check) for n in cases]


def train(folder: Path, **environment: str) -> tuple[str, str]:
    done = run_modnet("train", *QUICK, "--out", "run", cwd=folder, **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "run/summary.json").read_text())["status"] == "finished"
    assert (folder / "run/receipt.json").exists()
    assert not (folder / "run/checkpoint-previous.npz").exists()
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the learning curves as they are drawn in plain surroundings."""
    folder = tmp_path_factory.mktemp("plain")
    train(folder)
    return (folder / "run/curves.png").read_bytes()


@pytest.mark.parametrize("backend", some(BACKENDS, "of a notebook"))
def test_a_backend_has_no_part_in_it(tmp_path: Path, expected: bytes, backend: str) -> None:
    out, err = train(tmp_path, MPLBACKEND=backend)
    assert (tmp_path / "run/curves.png").read_bytes() == expected
    assert ("not drawn" in out, err) == (False, "")


@pytest.mark.parametrize("rc", some(RC, "latex", "nonsense"))
def test_nor_has_a_user_s_own_configuration(tmp_path: Path, expected: bytes, rc: str) -> None:
    (tmp_path / "matplotlibrc").write_text(rc)
    out, err = train(tmp_path)
    assert (tmp_path / "run/curves.png").read_bytes() == expected
    assert ("not drawn" in out, err) == (False, "")


@pytest.mark.parametrize("source", some(BROKEN, "an error of a library", "an error of its own kind"))
def test_a_broken_matplotlib_costs_the_picture_alone(tmp_path: Path, source: str) -> None:
    (tmp_path / "site/matplotlib").mkdir(parents=True)
    (tmp_path / "site/matplotlib/__init__.py").write_text(source)
    broken = {"PYTHONPATH": str(tmp_path / "site")}
    out, err = train(tmp_path, **broken)
    note = out.splitlines()[-1]
    assert note.startswith("curves.png was not drawn: Matplotlib fails (")
    assert note.endswith("): check it and its settings")
    assert len(note) < 400
    assert err == ""
    assert not (tmp_path / "run/curves.png").exists()
    for command in (["plot", "run"], ["data", "show", "mnist-small", "--out", "data.png"]):
        done = run_modnet(*command, cwd=tmp_path, **broken)
        assert done.returncode == 1
        assert done.stderr.startswith("modnet: Matplotlib fails (")
        assert done.stderr.count("\n") == 1


def test_a_configuration_that_is_no_text_costs_the_picture_alone(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"font.size: \xff\xfe\n")
    out, err = train(tmp_path)
    assert "\ncurves.png was not drawn: Matplotlib fails (UnicodeDecodeError: 'utf-8' codec" in out
    assert "Traceback" not in err


def test_a_picture_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("""
import modnet_figures.canvas
def full(*_):
    raise OSError(28, "No space left on device")
modnet_figures.canvas.write_atomically = full
""")
    out, _ = train(tmp_path, PYTHONPATH=str(tmp_path))
    assert out.splitlines()[-1] == "curves.png was not drawn: No space left on device"


def test_the_picture_of_a_comparison_costs_no_results(tmp_path: Path) -> None:
    (tmp_path / "site/matplotlib").mkdir(parents=True)
    (tmp_path / "site/matplotlib/__init__.py").write_text("raise SystemExit(3)")
    words = ("compare", *QUICK[2:], "--hidden", "3,4", "--seeds", "2", "--workers", "1", "--out", "many")
    done = run_modnet(*words, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0
    warning = (
        "modnet: warning: comparison.png was not drawn: Matplotlib fails (SystemExit: 3): check it and its settings"
    )
    assert done.stderr.splitlines() == [warning]
    assert "saved in many" in done.stdout
    assert (tmp_path / "many/comparison.json").exists()


OWN = """
import os
from modnet_figures.figures import drawing, render
from modnet_figures.figures.learning_curves import from_history
from modnet.types import History
figure = from_history(History([1.0]))
import matplotlib as mpl
assert os.environ["MPLBACKEND"] == mpl.rcParams["backend"] == "svg"
mpl.rcParams["lines.linewidth"] = 7
mpl.use("pdf")
with drawing():
    assert mpl.rcParams["lines.linewidth"] == 1.5
render(figure, "png")
assert mpl.rcParams["lines.linewidth"] == 7
assert mpl.get_backend() == "pdf"
"""


def test_a_user_s_settings_and_backend_are_as_before() -> None:
    done = subprocess.run([sys.executable, "-c", OWN], env={**os.environ, "MPLBACKEND": "svg"}, timeout=60)
    assert done.returncode == 0

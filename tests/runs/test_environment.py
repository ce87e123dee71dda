"""The record of libraries and machine, however a process was started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from processes import run_modnet

from modnet.runs.surroundings import Segment

RECORD = """
import json
from modnet.runs.surroundings import describe_machine, list_libraries
print(json.dumps([list_libraries({}), describe_machine()]))
"""


def record(before: str = "", **environment: str) -> list[dict[str, Any]]:
    """Return the record that a process makes after some code."""
    found: list[dict[str, Any]] = run_code(before + RECORD, **environment)
    return found


def run_code(code: str, **environment: str) -> Any:
    """Return what a process prints, from JSON."""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=free | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plain() -> list[dict[str, Any]]:
    return record()


@pytest.mark.sweep(every=3)
@pytest.mark.parametrize(
    "before",
    [
        "import scipy.linalg",
        "import scipy.linalg, modnet",
        "import modnet, scipy.linalg",
        "import modnet.comparison.training, scipy.stats",
        "import numpy; numpy.ones((9, 9)) @ numpy.ones((9, 9)); import scipy.linalg.blas",
        "from threadpoolctl import threadpool_limits; threadpool_limits(1)",
        "import threading, modnet; threading.Thread(target=modnet.limit_blas_threads(2).__enter__).start()",
        "import matplotlib.pyplot",
    ],
)
def test_what_was_imported_and_set_before_does_not_show(plain: list[dict[str, Any]], before: str) -> None:
    assert record(before) == plain


@pytest.mark.sweep(every=2)
@pytest.mark.parametrize("threads", ["1", "2", "7"])
def test_neither_does_the_environments_number_of_threads(plain: list[dict[str, Any]], threads: str) -> None:
    assert record("import scipy.linalg", OPENBLAS_NUM_THREADS=threads, OMP_NUM_THREADS=threads) == plain


def test_it_is_numpys_blas_that_is_described(plain: list[dict[str, Any]]) -> None:
    if "openblas" in plain[0]["BLAS"]:
        version = np.show_config(mode="dicts")["Build Dependencies"]["blas"].get("version", "")
        assert plain[0]["BLAS"].split()[1] == version or version == ""


def test_other_kernels_and_instructions_do_show(plain: list[dict[str, Any]]) -> None:
    older = record(OPENBLAS_CORETYPE="Nehalem")
    assert older[0] != plain[0] or "Nehalem" in plain[0]["BLAS"] or "openblas" not in plain[0]["BLAS"]
    if "X86_V4" in plain[1]["instructions"]:
        assert "X86_V4" not in record(NPY_DISABLE_CPU_FEATURES="X86_V4")[1]["instructions"]


class TestPlugins:
    """SciPy is among the libraries of a plugin that uses it, imported by then or not."""

    # Those whose code SciPy is in come last: the first import of it would be in the process of all that follow.
    SOURCES: ClassVar = [
        ("import numpy as np  # no scipy here", False),
        ("x = 'import scipy'", False),
        ("def f():\n    from scipy.special import erf", True),
        ("import scipy", True),
    ]

    @pytest.mark.parametrize("before", ["", "import scipy\n"])
    def test_by_its_code(self, tmp_path: Path, before: str) -> None:
        names = {}
        for number, (source, named) in enumerate(self.SOURCES):
            (tmp_path / f"pkg{number}").mkdir()
            for name, path in ((f"mine{number}", f"mine{number}.py"), (f"pkg{number}", f"pkg{number}/__init__.py")):
                (tmp_path / path).write_text(source, encoding="utf-8")
                names[name] = named
        code = "import json\nfrom modnet.runs.surroundings import list_libraries\nfound = {}\n"
        for name in names:
            code += f"import {name}\nfound['{name}'] = sorted(list_libraries({{'{name}': '{name}'}}))\n"
        found = run_code(f"{before}{code}print(json.dumps(found))", PYTHONPATH=str(tmp_path))
        assert {name: "scipy" in libraries for name, libraries in found.items()} == names
        assert not {*names, "modnet"} & {library for libraries in found.values() for library in libraries}


@pytest.mark.parametrize(
    ("numpy", "instructions", "differing"),
    [
        ("2.4", "X86_V2 X86_V3", ["instructions"]),
        ("2.4", "X86_V2 X86_V3 X86_V4", []),
        ("2.3", "SSE SSE2 SSE3 SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2 AVX512F AVX512CD AVX512_SKX", ["numpy"]),
        ("2.3", "", ["numpy"]),
    ],
)
def test_only_one_numpy_has_comparable_names_of_instructions(
    numpy: str, instructions: str, differing: list[str]
) -> None:
    """NumPy 2.4 has given groups of them new names: the same processor is not another one by another NumPy."""
    now = Segment(0, (), (), {"numpy": "2.4"}, {"instructions": "X86_V2 X86_V3 X86_V4"})
    then = Segment(0, (), (), {"numpy": numpy}, {"instructions": instructions})
    assert [difference.what for difference in then.find_differences(now)] == differing


def test_verify_after_scipy_was_imported(tmp_path: Path) -> None:
    options = ("--gradient", "backpropagation", "--hidden", "5", "--iterations", "30", "--out", "run")
    done = run_modnet("train", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verify = "import scipy.linalg; from modnet.cli.main import main; main()"
    checked = subprocess.run(
        [sys.executable, "-c", verify, "verify", "run", "--dry-run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "library   as it was\nplatform  as it was\n" in checked.stdout

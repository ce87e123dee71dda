"""Changes of the state that all code of a process shares."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import gc, json, os, sys
import modnet
from modnet.process import MODULES, NAMES, _STATE, _read, noting_changes

for code in json.load(sys.stdin):
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    out = os.dup(1)
    if "gc.enable" in code:
        gc.disable()
    before, changes = {what: _read(what) for what in _STATE}, []
    with noting_changes(changes):
        exec(code, {"__name__": "plugin"})
    left = []
    for what, old in before.items():
        now = _read(what)
        if any(old.get(key) != now.get(key) for key in (old if what in {MODULES, NAMES} else old | now)):
            left.append(what)
    os.write(out, json.dumps([changes, left]).encode() + b"\\n")
    os._exit(0)
"""
# code -> the change, and whether that stays
CHANGES = {
    "import os; os.chdir('/')": ("the working directory", False),
    "import os; os.umask(0o123)": ("the umask", False),
    "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')": ("the locale", False),
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)": ("signal handlers (SIGTERM)", False),
    "import warnings; warnings.simplefilter('error')": ("warning filters", False),
    "import warnings; warnings.resetwarnings()": ("warning filters", False),
    "import gc; gc.disable()": ("garbage collection", False),
    "import gc; gc.enable()": ("garbage collection", False),
    "import numpy; numpy.seterr(over='raise')": ("NumPy's error state (over)", False),
    "import numpy; numpy.random.seed(0)": ("NumPy's global generator", False),
    "import numpy; numpy.random.rand()": ("NumPy's global generator", False),
    "import numpy; numpy.set_printoptions(precision=2)": ("NumPy's print options (precision)", True),
    "import numpy; numpy.linalg.norm = None": ("names in other modules (numpy.linalg.norm)", False),
    "import modnet.errors as e; e.DataError = int": ("names in other modules (modnet.errors.DataError)", False),
    "import builtins; del builtins.sorted": ("names in other modules (builtins.sorted)", False),
    "import sys; sys.stdout = None": ("names in other modules (sys.stdout)", False),
    "import sys; del sys.modules['modnet.nn']": ("imported modules (modnet.nn)", False),
    "import sys; sys.setrecursionlimit(3000)": ("the recursion limit", False),
    "import sys; sys.path.insert(0, '/nowhere')": ("the module search path", True),
    "import os; os.environ['OMP_NUM_THREADS'] = '77'": ("the environment (OMP_NUM_THREADS)", True),
    "import threading as t, time; t.Timer(5, print).start()": (
        "running threads (Thread-1)",
        True,
    ),
    "import subprocess; subprocess.Popen(['sleep', '1'])": ("child processes", True),
}
LINUX = {
    "import os; os.open('/dev/null', 0)": ("open files (4)", True),
    "import os; os.close(0)": ("open files (0)", True),
}
HONEST = """
import os, threading, time, warnings
import numpy as np

np.deg = np.degrees
os.environ.setdefault("LIBRARY_OF_ITS_OWN", "1")
warnings.filterwarnings("ignore", "a text of its own", RuntimeWarning)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
with np.errstate(all="raise"), open(os.devnull) as file:
    pass
np.random.default_rng(0).normal()
threading.Thread(target=time.sleep, args=(0.02,)).start()  # which has ended in a moment
"""
LIBRARIES = (
    "array_api_strict", "asyncio", "autograd.numpy", "ctypes", "hypothesis", "joblib", "matplotlib.pyplot", "mlxtend",
    "mpmath", "narwhals", "onnx", "pandas", "polars", "pyarrow.parquet", "pytest", "rich.progress", "scipy.optimize",
    "scipy.stats", "sklearn.ensemble", "sqlite3",
)  # fmt: skip


def find_changes(*codes: str) -> list[tuple[list[str], list[str]]]:
    """Return what each code changes, in a process of its own, and what of it stays."""
    known = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(codes), capture_output=True, text=True, check=True, env=known
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_what_is_changed_is_noted_and_restored_where_others_go_by_it() -> None:
    cases = CHANGES | (LINUX if sys.platform == "linux" else {})
    found = find_changes(*cases)
    assert len(found) == len(cases)
    for (code, (what, stays)), (changes, left) in zip(cases.items(), found, strict=True):
        assert changes == [what], code
        assert left == ([what.partition(" (")[0]] if stays else []), code


def test_a_library_that_keeps_to_its_own_is_not_accused() -> None:
    assert find_changes(HONEST) == [([], [])]


@pytest.mark.check
def test_no_library_is_accused_of_what_its_import_does() -> None:
    found = find_changes(*(f"import {library}" for library in LIBRARIES))
    assert {library: changes for library, (changes, _) in zip(LIBRARIES, found, strict=True) if changes} == {}

"""Leaks of tests, which are found and named."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

import modnet
from modnet.testing import Snapshot, swap


class Cube(modnet.Activation):
    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a**3


@contextmanager
def register_a_part() -> Iterator[None]:
    undo = modnet.register(Cube)
    yield
    undo()


@contextmanager
def swap_a_part() -> Iterator[None]:
    with swap("loss", "cross-entropy", lambda y, t: y.sum(-1)):
        yield


@contextmanager
def draw_by_python() -> Iterator[None]:
    state = random.getstate()
    random.shuffle([1, 2])
    yield
    random.setstate(state)


@contextmanager
def draw_by_numpy() -> Iterator[None]:
    state = np.random.get_state()
    np.random.rand()
    yield
    np.random.set_state(state)


@contextmanager
def set_variable() -> Iterator[None]:
    os.environ["MODNET_LEAK"] = "1"
    yield
    del os.environ["MODNET_LEAK"]


@contextmanager
def changed_variable() -> Iterator[None]:
    before, os.environ["OMP_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"], "7"
    yield
    os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def ignoring() -> Iterator[None]:
    with np.errstate(over="ignore"):
        yield


@contextmanager
def filtering() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no .* matter", UserWarning)
        yield


@contextmanager
def opened() -> Iterator[None]:
    with Path(__file__).open("rb"):
        yield


LEAKS = {
    register_a_part: "registered: the activation 'session:cube' was added",
    swap_a_part: "swapped: the loss 'modnet:cross-entropy' was added",
    draw_by_python: "random's global state: draw from a random.Random(seed) of your own",
    draw_by_numpy: "numpy.random's global state: draw from a numpy.random.default_rng(seed) of your own",
    set_variable: "the environment variable MODNET_LEAK was added: '1'",
    changed_variable: "the environment variable OMP_NUM_THREADS was '1', is '7'",
    ignoring: "numpy's error state, over was 'warn', is 'ignore'",
    filtering: "a warnings filter: ignore UserWarning 'no .* matter' was added",
    opened: f"the open file # was added: '{__file__}'",
}


@pytest.mark.parametrize("leaking", LEAKS, ids=lambda leaking: leaking.__name__)
def test_a_leak_is_found_and_gone_where_it_is_cleaned_up(leaking: Callable[[], ExitStack]) -> None:
    before = Snapshot.take()
    with leaking():
        (leak,) = before.leaks()
        inside = Snapshot.take()
    words = leak.split()
    assert leak == LEAKS[leaking].replace("#", next((word for word in words if word.isdigit()), "#"))
    assert before.leaks() == []
    assert len(inside.leaks()) == 1  # it is missed, too


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_nobody_holds_any_more_is_none() -> None:
    before = Snapshot.take()
    ring: list[object] = [Path(__file__).open("rb")]  # noqa: SIM115
    ring.append(ring)
    assert len(before.leaks()) == 1
    del ring
    assert before.leaks() == []


TESTS = """
import os, warnings
import numpy as np
import pytest
import modnet

@pytest.mark.usefixtures("no_leaks")
def test_that_draws_and_sets(monkeypatch):
    monkeypatch.setenv("CLEANED", "1")
    os.environ["LEFT"] = "1"
    np.random.rand()

@pytest.mark.usefixtures("no_leaks")
def test_that_cleans_up(monkeypatch, tmp_path, swap):
    monkeypatch.setenv("CLEANED", "1")
    fake = swap("activation", "relu", np.tanh)
    assert modnet.activation("relu")(np.array([-1.0])) < 0
    (tmp_path / "file").write_text("closed")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        modnet.Stream(0, ("mine",)).generator().random()

def test_that_swapped_is_over():
    assert modnet.activation("relu")(np.array([-1.0])) == 0
"""


def test_plugin_authors_have_the_fixtures_by_one_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["modnet.testing.fixtures"]\n', encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 passed, 1 error" in done.stdout, done.stdout + done.stderr
    start = done.stdout.index("the test leaks:")
    assert done.stdout[start:].splitlines()[1:3] == [
        "  numpy.random's global state: draw from a numpy.random.default_rng(seed) of your own",
        "  the environment variable LEFT was added: '1'",
    ]


def test_a_start_of_pytest_does_not_import_modnet() -> None:
    """The fixtures are no entry point of pytest's: modnet takes NumPy along, which takes a tenth of a second."""
    from importlib.metadata import entry_points

    assert not [point for point in entry_points(group="pytest11") if point.value.startswith("modnet")]

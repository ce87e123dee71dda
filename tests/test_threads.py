"""State of a process that its threads share."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from modnet_figures.figures import create_figure, drawing, render

import modnet
from modnet.host.catalogue import Catalogue
from modnet.host.discovery import PluginHost


def at_once(do: Callable[[int], object], threads: int = 6, times: int = 40) -> list[object]:
    """Call a function from several threads, which take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return [*pool.map(do, range(times))]
    finally:
        sys.setswitchinterval(interval)


@pytest.fixture(autouse=True)
def _everything_is_as_it_was() -> Iterator[None]:
    def look() -> tuple[object, ...]:
        return [*warnings.filters], sys.stdout, sys.stderr, [*sys.path], np.geterr()

    before = look()
    yield
    assert look() == before


def test_a_complex_step_whose_neighbour_ends_first() -> None:
    """NumPy only warns where a number loses its imaginary part."""
    estimator, x = modnet.gradient("complex-step"), np.linspace(-1, 1, 5)
    one_is_in, other_is_in, one_has_ended = (threading.Event() for _ in range(3))

    def right(params):
        one_is_in.set()
        other_is_in.wait(60)
        return (params["w"] ** 3).sum()

    def loses(params):
        other_is_in.set()
        one_has_ended.wait(60)
        value = np.empty(5)
        value[:] = params["w"] ** 2
        return value.sum()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(estimator, right, {"w": x}, modnet.Stream(0))
        one_is_in.wait(60)
        other = pool.submit(estimator, loses, {"w": x}, modnet.Stream(0))
        assert np.allclose(one.result(60)["w"], 3 * x**2, rtol=1e-14)
        one_has_ended.set()
        with pytest.raises(modnet.GradientError, match="complex numbers"):
            other.result(60)


def test_a_fraction_among_whole_numbers(tmp_path: Path) -> None:
    """It is found whatever filters of warnings other threads set."""
    path = tmp_path / "points.csv"
    path.write_text("\n".join(["p,q,kind", *(f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(300)), "3,4.75,b"]) + "\n")
    with warnings.catch_warnings(action="ignore"):
        read = at_once(lambda _: modnet.load(path, label="kind", test_fraction=0).train.table[-1].tolist())
    assert read == [[3, 4.75]] * 40


def test_pictures() -> None:
    pytest.importorskip("matplotlib")

    def draw(_: int) -> None:
        with drawing():
            render(create_figure((1, 1)), "png")

    at_once(draw, times=12)


def test_a_module_that_several_runs_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked_for.py").write_text(
        "import time, modnet\nprint('hello')\ntime.sleep(0.05)\n"
        "class Cubed(modnet.Activation):\n    def __call__(self, a, axis=-1):\n        return a**3\n"
        "@modnet.hookimpl\ndef register_activations(register):\n    register(Cubed)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "asked_for", raising=False)
    host = PluginHost((), Catalogue())
    at_once(lambda _: host.load_module("asked_for"), times=6)
    assert host.registry.names("activation").count("cubed") == 1
    assert [plugin.module for plugin in host.plugins] == ["asked_for"]

"""Streams: every draw a pure function of seed, purpose, component and counter."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modnet import Stream

parts = st.one_of(st.text(max_size=5), st.integers(0, 2**40))
paths = st.lists(parts, max_size=4).map(tuple)


@given(st.integers(0, 2**64), paths)
def test_the_same_name_gives_the_same_draws(seed: int, path: tuple[str | int, ...]) -> None:
    first, second = Stream(seed, path), Stream(seed).child(*path)
    assert np.array_equal(first.generator().random(4), second.generator().random(4))


@given(st.lists(st.tuples(st.integers(0, 99), paths), min_size=2, max_size=2, unique=True))
def test_another_name_gives_other_draws(names: list[tuple[int, tuple[str | int, ...]]]) -> None:
    first, second = (Stream(*name).generator().random(2) for name in names)
    assert not np.array_equal(first, second)


def test_text_and_number_are_different_purposes() -> None:
    assert Stream(0, ("1",)).generator().random() != Stream(0, (1,)).generator().random()


def test_a_greedy_neighbour_shifts_nobody() -> None:
    before = Stream(0, ("a",)).generator().random()
    Stream(0, ("b",)).generator().random(1_000_000)
    assert Stream(0, ("a",)).generator().random() == before


def test_global_random_state_is_neither_read_nor_written() -> None:
    np.random.seed(1)  # noqa: NPY002 - the global state is what this looks at
    random.seed(1)
    state, other = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = Stream(7).generator().random()
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert random.getstate() == other
    np.random.seed(2)  # noqa: NPY002
    assert Stream(7).generator().random() == first


def test_another_process_draws_the_same() -> None:
    code = "import modnet; print(repr(modnet.Stream(3, ('x', 1)).generator().random()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == repr(Stream(3, ("x", 1)).generator().random())

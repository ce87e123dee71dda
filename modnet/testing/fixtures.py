"""Fixtures for pytest: `pytest_plugins = ["modnet.testing.fixtures"]` in a conftest.py offers them.

They are no entry point of pytest's: each start of pytest would import modnet and NumPy, wherever modnet is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from modnet.testing.leaks import Snapshot
from modnet.testing.swapping import swap as _swap


@pytest.fixture
def swap() -> Iterator[Callable[..., Any]]:
    """Return `modnet.testing.swap` as a function: its swaps end with the test, and it returns the replacement.

    A test says `fake = swap("loss", "cross-entropy", Fake())`, and `threads=True` where threads are to see it.
    """
    with ExitStack() as stack:
        yield lambda *what, **how: stack.enter_context(_swap(*what, **how))


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail a test that leaks state, and name each leak.

    Compared are registered and swapped parts, the global random states, the environment, NumPy's error state, warnings
    filters and open files. Fixtures named after this one clean up before it compares: name it first, or use
    `pytest.mark.usefixtures("no_leaks")`.
    """
    before = Snapshot.take()
    yield
    if leaks := before.leaks():
        pytest.fail("the test leaks:\n" + "\n".join(f"  {leak}" for leak in leaks), pytrace=False)

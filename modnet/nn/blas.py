"""One number of BLAS threads for all runs of the process."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import Any, cast

import attrs
from threadpoolctl import LibController, ThreadpoolController

PATIENCE = 10  # seconds until a block that waits says so
Before = dict[str, tuple[LibController, int]]  # by its file, a BLAS and the number of threads that it had


@contextmanager
def limit_blas_threads(count: int) -> Iterator[None]:
    """Have BLAS use `count` threads inside the block; the last block that ends restores what there was before.

    The number is one for the whole process. Blocks in other threads that want the same share it, and one that wants
    another waits until they have ended. A block inside a block suspends the outer one, and never waits for it.
    A block costs about 8 microseconds, and 2 where its thread holds that number already.

    >>> with modnet.limit_blas_threads(1):
    ...     product = np.ones((2, 3)) @ np.ones((3, 2))
    """
    outer = _limit.get_count()
    if outer == count:
        renew_limit()
        yield
        return
    try:
        _limit.change(count)
        yield
    finally:
        try:
            _limit.change(outer)
        except KeyboardInterrupt:
            if outer is None:  # it may have come before the change
                _limit.change(None)
            raise


def renew_limit() -> None:
    """Limit each BLAS that was loaded since the block began, SciPy's say, or that other code has set meanwhile."""
    if _limit.get_count() is not None and not _limit.is_kept():
        _limit.apply()


def count_renewals() -> int:
    """Return how often a limit was renewed so far; what was computed meanwhile may have other bits."""
    return _limit.renewals


@attrs.define(eq=False)
class _Limit:
    """The number of threads, who holds it, and what there was before."""

    condition: Condition = attrs.field(factory=Condition)
    count: int = 0
    holders: dict[int, Before] = attrs.field(factory=dict)
    """By thread, what it had before in a BLAS that has a number for each thread."""
    before: Before = attrs.field(factory=dict)
    libraries: list[LibController] = attrs.field(factory=list)
    numbers: dict[str, int | None] = attrs.field(factory=dict)
    """By its file, the number that a BLAS was set to: it may have a maximum."""
    modules: int = 0
    renewals: int = 0

    def get_count(self) -> int | None:
        """Return the number that this thread holds."""
        return self.count if get_ident() in self.holders else None

    def change(self, count: int | None) -> None:
        """Have this thread hold another number, or none; waits while other threads hold a third one."""
        with self.condition:
            self.restore(self.holders.get(get_ident(), {}))
            self.holders.pop(get_ident(), None)
            self.restore_if_last()
            if count is None:
                return
            late = time.monotonic() + PATIENCE
            while self.holders and self.count != count:
                self.condition.wait(1.0)  # a wait without end is deaf to Ctrl-C on some systems
                if time.monotonic() > late:
                    late = math.inf  # it is said once
                    what = f"{count} BLAS threads are wanted, and other threads of this process hold {self.count}"
                    warnings.warn(f"{what}: waiting until their runs have ended", stacklevel=4)
            self.count = count
            self.holders[get_ident()] = {}
            self.apply()

    def apply(self) -> None:
        """Set the number in each BLAS that has another; what others have set meanwhile is what is restored."""
        with self.condition:
            if self.modules != len(sys.modules):  # looking them up takes milliseconds
                self.modules = len(sys.modules)
                self.libraries = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
                torch: Any = sys.modules.get("torch")
                if getattr(torch, "set_num_threads", None):  # all of it is loaded
                    self.libraries.append(cast("LibController", _TorchThreads(torch)))
            for library in self.libraries:
                # OpenMP has a number for each thread; all others have one for the process.
                own = getattr(library, "threading_layer", "") == "openmp"
                before = self.holders[get_ident()] if own else self.before
                path, now = library.filepath, library.num_threads
                if path not in before or now != self.numbers[path]:
                    self.renewals += path in before or path not in self.numbers
                    before[path] = library, now
                    _set(library, self.count)
                    self.numbers[path] = library.num_threads

    def is_kept(self) -> bool:
        """Return whether no BLAS was loaded or set since."""
        is_same = all(library.num_threads == self.numbers.get(library.filepath) for library in self.libraries)
        return is_same and self.modules == len(sys.modules)

    def restore(self, before: Before) -> None:
        """Restore the numbers in each BLAS that nobody else has set."""
        for path, (library, count) in before.items():
            if library.num_threads == self.numbers[path]:
                _set(library, count)

    def restore_if_last(self) -> None:
        """Restore the numbers if no thread holds one."""
        if not self.holders:
            self.restore(self.before)
            self.before.clear()
            self.condition.notify_all()

    def forget_other_threads(self) -> None:
        """Keep, in a process that was forked, what the thread holds that forked it: the others are not there."""
        self.holders = {thread: before for thread, before in self.holders.items() if thread == get_ident()}
        self.restore_if_last()
        self.condition.release()


@attrs.frozen
class _TorchThreads:
    """The threads of torch as a BLAS of threadpoolctl's: OpenMP's, of which it has a number for each thread."""

    torch: Any
    filepath = "torch"
    threading_layer = "openmp"

    @property
    def num_threads(self) -> int:
        return int(self.torch.get_num_threads())

    def set_num_threads(self, count: int) -> None:
        self.torch.set_num_threads(count)


def _set(library: LibController, count: int | None) -> None:
    """Set the number of threads, whichever thread set it last: threadpoolctl may leave it to that one alone."""
    release = getattr(library, "clear_controlling_thread", lambda **_: None)
    release(force=True)
    if count is not None:
        library.set_num_threads(count)
    release(force=True)


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_limit.condition.acquire,
        after_in_parent=_limit.condition.release,
        after_in_child=_limit.forget_other_threads,
    )

"""One number of BLAS threads for all runs of the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

import attrs
from threadpoolctl import LibController, ThreadpoolController

Before = dict[str, tuple[LibController, int]]
"""By its file, a BLAS and the number of threads that it had."""


@contextmanager
def limit_blas_threads(count: int) -> Iterator[None]:
    """Have BLAS use `count` threads inside the block; the last block that ends restores what there was before.

    The number is one for the whole process. Blocks in other threads that want the same share it, and one that wants
    another waits until they have ended. A block inside a block suspends the outer one, and never waits for it.

    >>> with modnet.limit_blas_threads(1):
    ...     product = np.ones((2, 3)) @ np.ones((3, 2))
    """
    outer = _limit.get_count()
    if outer == count:
        limit_new_libraries()
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


def limit_new_libraries() -> bool:
    """Limit each BLAS that was loaded since the block began, SciPy's say; return whether there was one."""
    return _limit.has_new_modules() and _limit.get_count() is not None and _limit.apply()


@attrs.define(eq=False)
class _Limit:
    """The number of threads, who holds it, and what there was before."""

    condition: Condition = attrs.field(factory=Condition)
    count: int = 0
    holders: dict[int, Before] = attrs.field(factory=dict)
    """By thread, what it had before in a BLAS that has a number for each thread."""
    before: Before = attrs.field(factory=dict)
    libraries: list[LibController] = attrs.field(factory=list)
    modules: int = 0

    def get_count(self) -> int | None:
        """Return the number that this thread holds."""
        return self.count if get_ident() in self.holders else None

    def change(self, count: int | None) -> None:
        """Have this thread hold another number, or none; waits while other threads hold a third one."""
        with self.condition:
            _restore(self.holders.get(get_ident(), {}))
            self.holders.pop(get_ident(), None)
            self.restore_if_last()
            if count is None:
                return
            while self.holders and self.count != count:
                self.condition.wait(1.0)  # a wait without end is deaf to Ctrl-C on some systems
            self.count = count
            self.holders[get_ident()] = {}
            self.apply()

    def apply(self) -> bool:
        """Set the number in each BLAS; return whether one was not limited before."""
        with self.condition:
            if self.has_new_modules():
                self.modules = len(sys.modules)
                self.libraries = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
            found = False
            for library in self.libraries:
                # OpenMP has a number for each thread; all others have one for the process.
                own = getattr(library, "threading_layer", "") == "openmp"
                before = self.holders[get_ident()] if own else self.before
                found |= library.filepath not in before
                before.setdefault(library.filepath, (library, library.num_threads))
                _set(library, self.count)
            return found

    def has_new_modules(self) -> bool:
        """Return whether modules were imported since the libraries were looked up, which takes milliseconds."""
        return self.modules != len(sys.modules)

    def restore_if_last(self) -> None:
        """Restore the numbers if no thread holds one."""
        if not self.holders:
            _restore(self.before)
            self.before.clear()
            self.condition.notify_all()

    def forget_other_threads(self) -> None:
        """Keep, in a process that was forked, what the thread holds that forked it: the others are not there."""
        self.holders = {thread: before for thread, before in self.holders.items() if thread == get_ident()}
        self.restore_if_last()
        self.condition.release()


def _restore(before: Before) -> None:
    for library, count in before.values():
        _set(library, count)


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

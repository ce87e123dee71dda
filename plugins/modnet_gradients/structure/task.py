"""One gradient to compute, and what computes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import attrs

from modnet import Array, limit_blas_threads
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.columns import Columns


@attrs.frozen(eq=False)
class Task:
    """A network's columns, the formula, the samples' weights (N,) or None, and threads that share the work.

    `block` is the number of numbers in a block.
    """

    columns: Columns
    stencil: Stencil
    weights: Array | None
    pool: ThreadPoolExecutor
    threads: int
    block: int

    def share(self, work: Callable[[slice], object], shares: Iterable[slice], is_large: bool = True) -> None:
        """Have the threads do all shares, each with one thread of BLAS; this thread does all unless `is_large`."""
        if self.threads == 1 or not is_large:
            for some in shares:
                work(some)
        else:  # in the pool's threads, too: with OpenMP each has a number of its own
            list(self.pool.map(limit_blas_threads(1)(work), shares))


def count_cores() -> int:
    """Return the number of cores that the process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

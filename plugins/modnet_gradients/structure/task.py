"""One gradient to compute, and what computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import attrs

from modnet import Array, limit_blas_threads
from modnet_gradients.stencil import Stencil
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

    def share(self, work: Callable[[slice], object], shares: Iterable[slice]) -> None:
        """Have the threads do all shares of the work, each with one thread of BLAS."""
        work = limit_blas_threads(1)(work)  # in the pool's threads, too: with OpenMP each has a number of its own
        list((map if self.threads == 1 else self.pool.map)(work, shares))

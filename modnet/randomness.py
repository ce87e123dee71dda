"""Random streams, keyed by their purpose.

There is no global random state. A stream is a pure function of (seed, purpose, component, counter). So a plugin that
draws a million numbers shifts nobody else's, nets of different width see the same batches, and batch t needs no batches
before it.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import index

import attrs
import numpy as np


@attrs.frozen
class Stream:
    """A random stream, named by its seed and the path to its purpose.

    >>> batches = Stream(0).child("batches")
    >>> batches.child(731).generator().integers(0, 100, 3)
    array([80, 62, 36])
    >>> batches.child(731) == Stream(0, ("batches", 731))
    True
    """

    seed: int = attrs.field(converter=index)
    path: tuple[str | int, ...] = ()

    def child(self, *path: str | int) -> Stream:
        """Return the stream of a narrower purpose."""
        return Stream(self.seed, self.path + path)

    def generator(self) -> np.random.Generator:
        """Return a new generator at the stream's start: the same numbers at every call.

        The key is the 128-bit BLAKE2b digest of the seed and path, the generator NumPy's counter-based Philox
        (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
        """
        name = repr((self.seed, *self.path)).encode()
        key = int.from_bytes(blake2b(name, digest_size=16).digest(), "little")
        return np.random.Generator(np.random.Philox(key=key))

"""For those who write plugins and those who test with them: parts swapped for as long as a test lasts."""

from modnet.testing.leaks import Snapshot
from modnet.testing.swapping import Swap, swap

__all__ = ["Snapshot", "Swap", "swap"]

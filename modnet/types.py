"""Aliases and small records that every floor speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

# Plugin mathematics also serves the arrays of other libraries (array API standard); NumPy's type stands for all.
Array: TypeAlias = npt.NDArray[Any]
Params: TypeAlias = Mapping[str, Array]
Grads: TypeAlias = Mapping[str, Array]
# What an optimizer carries from step to step, and nobody else looks into: whatever a checkpoint can hold.
State: TypeAlias = Any
Scalar: TypeAlias = float | np.floating[Any]


@attrs.define
class History:
    """What a run recorded: a loss per iteration, and both accuracies at each epoch's end and at the run's end.

    `iterations[i]` is how many iterations had been made when `train_accuracy[i]` was taken.
    """

    loss: list[float] = attrs.field(factory=list)
    iterations: list[int] = attrs.field(factory=list)
    train_accuracy: list[float] = attrs.field(factory=list)
    test_accuracy: list[float] = attrs.field(factory=list)

    def until(self, iteration: int, wanted: Callable[[int], bool] | None = None) -> History:
        """Return the first `iteration` losses and the accuracies until then, or those that were taken when `wanted`."""
        rows = [i for i, k in enumerate(self.iterations) if k <= iteration and (not wanted or wanted(k))]
        columns = ([values[i] for i in rows] for values in (self.train_accuracy, self.test_accuracy))
        return History(self.loss[:iteration], [self.iterations[i] for i in rows], *columns)

"""Random directions in the space of all parameters.

They are never stored, but made anew from their stream where needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import attrs
import numpy as np

from modnet import Array, GradientError, Grads, Params, Stream, match_array

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def signs(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return -1s and 1s, equally likely (Rademacher's distribution)."""
    drawn: Array = np.asarray(generator.integers(0, 2, shape, np.int8))
    drawn *= 2
    drawn -= 1
    return drawn


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return standard normal numbers."""
    return np.asarray(generator.standard_normal(shape))


@attrs.frozen(eq=False)
class Direction:
    """A random array for each parameter, drawn when it is asked for and each time the same.

    >>> direction = Direction({"w": np.zeros(4)}, modnet.Stream(0), signs)
    >>> direction["w"], direction["w"]
    (array([-1., -1.,  1., -1.]), array([-1., -1.,  1., -1.]))
    """

    params: Params
    stream: Stream
    draw: Draw

    def __getitem__(self, name: str) -> Array:
        """Return the array for one parameter: a new one, of its shape and dtype."""
        value = self.params[name]
        return match_array(self.draw(self.stream.child(name).generator(), tuple(value.shape)), value)


@attrs.frozen(eq=False)
class Perturbed(Mapping[str, Array]):
    """Parameters moved along a direction, each array made when it is asked for.

    A forward pass asks for one after the other, so that no second copy of all parameters is ever there.
    Malladi et al. (2023), "Fine-tuning language models with just forward passes", algorithm 1, which moves the
    parameters themselves.
    """

    params: Params
    direction: Direction
    step: float
    written: dict[str, Array] = attrs.field(factory=dict, init=False)
    """Arrays that a plain function puts in place of others, as `params["w"] -= 1` does."""

    def __getitem__(self, name: str) -> Array:
        """Return params[name] + step * direction[name], or what was put in its place."""
        if name in self.written:
            return self.written[name]
        moved = self.direction[name]
        moved *= self.step
        moved += self.params[name]
        return moved

    def __contains__(self, name: object) -> bool:
        """Say whether there is an array of that name, without making it."""
        return name in self.params or name in self.written

    def __setitem__(self, name: str, value: Array) -> None:
        """Put an array in place of another, for this evaluation."""
        self.written[name] = value

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self.params)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self.params)


def central_slope(objective: Callable[[Params], float], direction: Direction, h: float) -> float:
    """Return (L(w + h d) - L(w - h d)) / 2h, the slope along a direction; raises GradientError if not finite."""
    above, below = (float(objective(Perturbed(direction.params, direction, step))) for step in (h, -h))
    slope = (above - below) / (2 * h)
    if not math.isfinite(slope):
        raise GradientError(
            f"the loss is {above} and {below} where all parameters are moved by {h:g} along a random direction "
            f"and against it: {advise_finite(objective, direction.params, 'move')}"
        )
    return slope


def advise_finite(objective: Callable[[Params], float], params: Params, move: str) -> str:
    """Return what to do where a loss is not finite after a move: it may be so without one, too."""
    is_finite = math.isfinite(float(objective(params)))
    return f"try a smaller {move}" if is_finite else "choose samples and parameters at which it is finite"


@attrs.frozen(eq=False)
class SumAlong(Mapping[str, Array]):
    """The sum of multiples of random directions, each array made when it is asked for and each time the same.

    Nothing but the factors is held: a gradient of any number of parameters takes no memory of its own.

    >>> params = {"w": np.zeros(3)}
    >>> total = SumAlong(params, modnet.Stream(0), signs, (2.0, 1.0))
    >>> total["w"], total["w"]
    (array([1., 3., 3.]), array([1., 3., 3.]))
    """

    params: Params
    stream: Stream
    draw: Draw
    factors: tuple[float, ...]

    def __getitem__(self, name: str) -> Array:
        """Return the sum of factors[k] * direction_k[name]: a new array, of the parameter's shape and dtype."""
        total: Array | None = None
        for k, factor in enumerate(self.factors):
            part = Direction(self.params, self.stream.child(k), self.draw)[name]
            part *= factor
            if total is not None:
                part += total
            total = part
        assert total is not None  # noqa: S101 - there is a direction
        return total

    def __contains__(self, name: object) -> bool:
        """Say whether there is an array of that name, without making it."""
        return name in self.params

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self.params)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self.params)


def mean_along(params: Params, stream: Stream, draw: Draw, count: int, slope: Callable[[Direction], float]) -> Grads:
    """Return the mean of slope(d) d over `count` directions d, each array made when it is asked for."""
    factors = tuple(slope(Direction(params, stream.child(k), draw)) / count for k in range(count))
    return SumAlong(params, stream, draw, factors)

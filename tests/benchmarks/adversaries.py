"""Adversaries of interpolated central differences.

Usage: python tests/benchmarks/adversaries.py [--quick] [--only TEXT]

Each network is one that some interpolation takes for smooth. The gradient is compared with the exact difference of 80
bits (`exact_differences`), at every bias and some weights of each unit, and with `evaluate="every"` at all entries:
both in bounds, the round-off 8 eps (1 + |L| + |a|) / h of an estimator without faults. Where nothing is promised, and
where what is promised is true, no error may be above 1. Of a false promise the table says who finds it: the guard,
which makes the error small all the same, or the checks for plugin authors, which fail.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import modnet
from modnet.testing.kit import find_suite

sys.path.append(str(Path(__file__).parents[1]))

from exact_differences import central, choose_entries, exact_differences

Array = Any
Promise = Literal["none", "true", "false"]
DATA = modnet.load("mnist-small")


@attrs.frozen(eq=False)
class Formula(modnet.Activation):
    """An elementwise activation by a formula in any precision."""

    function: Callable[[Array], Array]
    kinks: Any = None
    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self.function(a)

    def exact(self, xp: Any, a: Array) -> Array:
        return self.function(a)


@attrs.frozen(eq=False)
class Rounded(modnet.Activation):
    """An elementwise activation that is a function of the dtype's own numbers: nothing lies between them."""

    function: Callable[[Array], Array]
    kinks: Any = None
    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self.function(a)


def sigmoid(a: Array) -> Array:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-a))


def to_float32(a: Array) -> Array:
    return sigmoid(a.astype(np.float32)).astype(a.dtype)


def to_bfloat16(a: Array) -> Array:
    bits = sigmoid(a.astype(np.float32)).view(np.uint32) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(a.dtype)


def quantise(bits: int) -> Callable[[Array], Array]:
    return lambda a: np.round(sigmoid(a) * 2.0**bits) / 2.0**bits


def noise(size: float) -> Callable[[Array], Array]:
    """Return a sigmoid with noise that is the same for the same number."""

    def function(a: Array) -> Array:
        mixed = np.ascontiguousarray(a, np.float64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        return (sigmoid(a) + size * ((mixed >> np.uint64(40)) / 2.0**24 - 0.5)).astype(a.dtype)

    return function


def wave(period: float, size: float = 1e-6) -> Callable[[Array], Array]:
    return lambda a: sigmoid(a) + size * np.sin(2 * np.pi / period * a)


def bumps(width: float, every: float, size: float = 1e-2) -> Callable[[Array], Array]:
    return lambda a: sigmoid(a) + size * np.exp(-(((a - every * np.round(a / every)) / width) ** 2))


def slopes(change: float, every: float = 0.05) -> Callable[[Array], Array]:
    return lambda a: sigmoid(a) + change / 2 * abs(a - every * np.round(a / every))


def hole(value: float, width: float, every: float = 0.05) -> Callable[[Array], Array]:
    """Return a sigmoid that is NaN or infinite in narrow places."""
    return lambda a: np.where(abs(a - every * np.round(a / every)) < width, value, sigmoid(a))


@attrs.frozen(eq=False)
class Normalised(modnet.Activation):
    """An activation over all units of a layer, with kinks where a unit is 0."""

    kinks: Any = None

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a / (1 + np.abs(a).sum(axis=axis, keepdims=True))

    def exact(self, xp: Any, a: Array) -> Array:
        return a / (1 + abs(a).sum(axis=-1, keepdims=True))


@attrs.frozen(eq=False)
class WrongChange(modnet.Activation):
    """A sigmoid, whose change is off by a factor."""

    factor: float
    kinks: Any = ()
    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return sigmoid(a)

    def exact(self, xp: Any, a: Array) -> Array:
        return sigmoid(a)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:
        return self.factor * (sigmoid(a + da) - z)


@attrs.frozen(eq=False)
class Absolute(modnet.Loss):
    """The mean absolute error, which has a kink at each target."""

    smooth: bool = False

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        return np.abs(y - modnet.one_hot(t, y, axis)).mean(axis=axis)

    def exact(self, xp: Any, y: Array, t: Array) -> Array:
        return abs(y - t).sum(axis=-1) / y.shape[-1]


@attrs.frozen(eq=False)
class SquaredError(modnet.Loss):
    """A squared error with a fused form for the softmax, whose change is off by a factor."""

    factor: float = 1.0
    smooth: ClassVar[bool] = True

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        return ((y - modnet.one_hot(t, y, axis)) ** 2).mean(axis=axis)

    def exact(self, xp: Any, y: Array, t: Array) -> Array:
        return ((y - t) ** 2).sum(axis=-1) / y.shape[-1]

    def fused(self, activation: modnet.Activation) -> modnet.FusedLoss | None:
        return FusedSquaredError(self, activation) if activation.computes == "softmax" else None


@attrs.frozen(eq=False)
class FusedSquaredError(modnet.FusedLoss):
    loss: SquaredError
    activation: modnet.Activation

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        y = self.activation(a, axis)
        return self.loss(y, t, axis), y

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        return self.loss.factor * super().change(a, y, t, da, axis)

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:
        return self.activation.backward(a, y, self.loss.backward(y, t, axis), axis)


@attrs.frozen(eq=False)
class Adversary:
    """A network and a batch that may fool the interpolation, its step, and what its parts promise."""

    name: str
    network: modnet.Network
    x: Array
    t: Array
    h: float
    promise: Promise = "none"

    @property
    def part(self) -> Any:
        """The part in question."""
        loss = self.network.loss_function
        return loss if type(loss).__module__ == __name__ else self.network.layers[0].activation


@attrs.frozen(eq=False)
class Result:
    """Errors in bounds beside the exact differences and beside all moves, and the cells that fell back."""

    exact: float
    every: float
    fell_back: str
    refused: str = ""


class Adversaries:
    """All adversaries, for networks of `units` hidden units and batches of `samples`."""

    def __init__(self, units: int = 50, samples: int = 100) -> None:
        self.units, self.x, self.t = units, DATA.train.x[:samples], DATA.train.t[:samples]

    def on(self, name: str, hidden: Any, promise: Promise = "none", h: float = 1e-4, **options: Any) -> Adversary:
        """Return an adversary with these hidden activations, by default with softmax and cross entropy."""
        scale, depth = options.pop("scale", 1.0), options.pop("depth", 1)
        x, t = options.pop("x", self.x), options.pop("t", self.t)
        options = {"weight_init_std": "xavier", "seed": 3, **options}
        network = modnet.Network([x.shape[1], *[self.units] * depth, 10], hidden=hidden, **options)
        rng = np.random.default_rng(7)
        network.params = {
            n: (scale * (p if p.ndim == 2 else 0.1 * rng.standard_normal(p.shape))).astype(p.dtype)
            for n, p in network.params.items()
        }
        return Adversary(name, network, x, t, h, promise)

    def __iter__(self) -> Iterator[Adversary]:
        yield from self.rough()
        yield from self.waves_and_bumps()
        yield from self.kinks()
        yield from self.false_promises()
        yield from self.extremes()
        yield from self.wrong_changes()

    def rough(self) -> Iterator[Adversary]:
        """Yield activations that are rough at every scale."""
        for bits in (8, 16, 24, 32, 40):
            yield self.on(f"quantised to 2^-{bits}", Rounded(quantise(bits)))
        yield self.on("float32 inside", Rounded(to_float32))
        yield self.on("bfloat16 inside", Rounded(to_bfloat16))
        for size in (1e-6, 1e-9, 1e-12):
            yield self.on(f"noise {size:.0e}", Rounded(noise(size)))
        yield self.on("quantised, in the second layer", ["sigmoid", Rounded(quantise(16))], depth=2)

    def waves_and_bumps(self, h: float = 1e-4) -> Iterator[Adversary]:
        """Yield activations with structure within the step, or between the steps."""
        for name, period in (("h/2", h / 2), ("h/7", h / 7), ("10h", 10 * h)):
            yield self.on(f"wave of period {name}", Formula(wave(period)))
        yield self.on("bumps of width h/3 every .1", Formula(bumps(h / 6, 1e-1)))
        yield self.on("bumps of width h/50 every .01", Formula(bumps(h / 100, 1e-2)))
        yield self.on("bumps in the second layer", ["sigmoid", Formula(bumps(h / 6, 1e-1))], depth=2)
        yield self.on("smooth but wild, period h", Formula(wave(h, 1e-3), ()), "true")
        yield self.on("smooth but wild, period 3h", Formula(wave(3 * h, 1e-3), ()), "true")

    def kinks(self) -> Iterator[Adversary]:
        """Yield activations and losses with kinks and jumps."""
        for change in (1e-3, 1e-6, 1e-8):
            yield self.on(f"slope changes of {change:.0e}", Formula(slopes(change)))
        for h in (1e-4, 1e-3, 1e-2, 1e-1):
            yield self.on(f"relu, h={h:.0e}", "relu", "true", h)
            yield self.on(f"relu in two layers, h={h:.0e}", "relu", "true", h, depth=2)
        yield self.on("step", "step", "true")
        yield self.on("step in two layers, h=1e-2", "step", "true", 1e-2, depth=2)
        clipped = Formula(lambda a: np.minimum(np.maximum(a, -0.3), 0.3), (-0.3, 0.3))
        yield self.on("kinks at -.3 and .3, h=1e-2", clipped, "true", 1e-2)
        yield self.on("relu in float32", "relu", "true", modnet.default_step("float32"), dtype="float32")
        network = self.on("", "sigmoid", loss=Absolute(), output="identity").network
        y = network.predict(self.x)
        t = y + 1e-4 * np.random.default_rng(1).uniform(-1, 1, y.shape)
        yield self.on("a loss with a kink", "sigmoid", h=1e-3, loss=Absolute(), output="identity", t=t)
        yield self.on("Huber, at its bend", "sigmoid", "true", 1e-3, loss="huber", output="identity", t=t - 1)

    def false_promises(self, h: float = 1e-4) -> Iterator[Adversary]:
        """Yield parts that promise to be smooth where they are not."""
        relu = lambda a: np.where(a > 0, a, 0 * a)  # noqa: E731
        yield self.on("relu: kinks = ()", Formula(relu, ()), "false")
        yield self.on("relu: kinks = (), h=1e-2", Formula(relu, ()), "false", 1e-2)
        yield self.on("relu: kinks = (1.0,)", Formula(relu, (1.0,)), "false", 1e-3)
        yield self.on("step: kinks = ()", Formula(lambda a: np.where(a > 0, 1.0 + 0 * a, 0 * a), ()), "false")
        yield self.on("bumps of width h/3: kinks = ()", Formula(bumps(h / 6, 1e-1), ()), "false")
        yield self.on("bumps of width h/50: kinks = ()", Formula(bumps(h / 100, 1e-2), ()), "false")
        yield self.on("quantised to 2^-24: kinks = ()", Rounded(quantise(24), ()), "false")
        yield self.on("float32 inside: kinks = ()", Rounded(to_float32, ()), "false")
        yield self.on("wave of period h/2: kinks = ()", Formula(wave(h / 2), ()), "false")
        yield self.on("over all units with kinks: kinks = ()", Normalised(()), "false", 1e-3)
        network = self.on("", "sigmoid", loss=Absolute(True), output="identity").network
        y = network.predict(self.x)
        t = y + 1e-4 * np.random.default_rng(1).uniform(-1, 1, y.shape)
        yield self.on(
            "a loss with a kink: smooth = True", "sigmoid", "false", 1e-3, loss=Absolute(True), output="identity", t=t
        )

    def extremes(self) -> Iterator[Adversary]:
        """Yield ordinary parts at the limits of the numbers."""
        rng = np.random.default_rng(5)
        yield self.on("denormal outputs", Formula(lambda a: 1e-310 * sigmoid(a), ()), "true")
        yield self.on("denormal outputs, no promise", Formula(lambda a: 1e-310 * sigmoid(a)))
        yield self.on("saturated units", "tanh", "true", scale=1e3)
        yield self.on("weights of 1e8", "sigmoid", "true", scale=1e8)
        yield self.on("weights of 1e8, relu", "relu", "true", scale=1e8)
        sure = self.on("", "sigmoid", scale=30.0)
        right = sure.network.predict(self.x).argmax(axis=1)
        for eps in (1e-7, 0.0):
            loss = modnet.loss("cross-entropy", eps=eps)
            yield self.on(f"a loss of about 0, eps={eps:g}", "sigmoid", "true", scale=30.0, t=right, loss=loss)
        scales = 10.0 ** rng.uniform(-9, 9, self.x.shape) * rng.choice([-1, 1], self.x.shape)
        yield self.on("inputs of 1e-9 to 1e9 in a sample", "sigmoid", "true", x=scales, weight_init_std=1e-9)
        yield self.on("inputs of 0 to 255", "sigmoid", "true", x=np.round(255 * self.x), weight_init_std=1e-3)
        yield self.on("inputs of 0 to 255, relu", "relu", "true", x=np.round(255 * self.x), weight_init_std=1e-3)
        yield self.on("one sample, all inputs 0", "sigmoid", "true", x=0 * self.x[:1], t=self.t[:1])
        yield self.on("one-hot targets", "tanh", "true", t=np.eye(10)[self.t])
        yield self.on("dense targets", "tanh", "true", t=rng.dirichlet(np.ones(10), len(self.x)))
        yield self.on("binary cross entropy", "tanh", "true", loss="binary-cross-entropy", output="sigmoid")
        yield self.on("float32", "sigmoid", "true", modnet.default_step("float32"), dtype="float32")
        yield from self.holes()
        wide = Formula(lambda a: sigmoid(a.astype(np.float64)), ())
        yield self.on("float64 for float32", wide, "true", modnet.default_step("float32"), dtype="float32")

    def holes(self, h: float = 1e-4, every: float = 0.05) -> Iterator[Adversary]:
        """Yield activations that are not finite between the moves, where a node is."""
        x = (DATA.train.x > 0.5) * 1.0  # so that there are no moves but h and -h
        network = self.on("", "sigmoid", x=x).network
        a = network.objective(x, DATA.train.t).trace(network.params).pre_activations[0]
        away = np.abs(a - every * np.round(a / every)) / h
        allowed = ~((away < 0.42) | (np.abs(away - 1) < 0.42)).any(axis=1)
        near = (away < 0.58).any(axis=1)
        chosen = np.argsort(~(allowed & near), kind="stable")[: min(len(self.x), int(allowed.sum()))]
        chosen = chosen[allowed[chosen]]
        for name, value in (("NaN", np.nan), ("infinite", np.inf)):
            for promise, kinks in (("none", None), ("false", ())):
                part = Formula(hole(value, 0.4 * h, every), kinks)
                yield self.on(
                    f"{name} where nodes are, kinks = {kinks}", part, promise, x=x[chosen], t=DATA.train.t[chosen]
                )

    def wrong_changes(self) -> Iterator[Adversary]:
        """Yield parts whose change is not the change of their values."""
        yield self.on("a fused loss, change right", "sigmoid", "true", loss=SquaredError())
        yield self.on("a fused loss, change 1 % off", "sigmoid", "false", loss=SquaredError(1.01))
        yield self.on("a fused loss, change 1e-6 off", "sigmoid", "false", loss=SquaredError(1 + 1e-6))
        yield self.on("an activation, change 1 % off", WrongChange(1.01), "false")


def measure(adversary: Adversary, weights_by_unit: int = 4) -> Result:
    """Return the errors and the cells that fell back."""
    network, x, t, h = adversary.network, adversary.x, adversary.t, adversary.h
    entries = choose_entries(network, x, weights_by_unit=weights_by_unit)
    # One BLAS thread, as the estimator has: noise that depends on the bits of the pre-activations would be another.
    with np.errstate(all="ignore"), warnings.catch_warnings(), modnet.limit_blas_threads(1):
        warnings.simplefilter("ignore", modnet.PrecisionWarning)
        try:
            found = network.gradient(x, t, central("nodes", h))
        except modnet.ModnetError as error:
            return Result(np.nan, np.nan, "", f"{error}")
        exact = exact_differences(network, x, t, h, entries)
        every = network.gradient(x, t, central("every", h))
    apart = max(float(np.abs(found[n] - every[n]).max()) for n in found) / exact.bound
    return Result(exact.error(found, entries), apart, fallbacks(adversary))


def fallbacks(adversary: Adversary) -> str:
    """Return of each layer its level and the share of its cells that fell back."""
    network = adversary.network
    objective = network.objective(adversary.x, adversary.t)
    with np.errstate(all="ignore"):
        layers = central("nodes", adversary.h).count_cells(objective, network.params)
    return ", ".join(f"{layer.level} {layer.fell_back / layer.cells:.2%}" for layer in layers)


def failed_checks(adversary: Adversary) -> list[str]:
    """Return the names of the checks for plugin authors that the part fails, and without the false promise passes."""
    honest = {"kinks": None, "smooth": False, "factor": 1.0}
    fields = {field.name for field in attrs.fields(type(adversary.part))}
    suite = find_suite("loss" if isinstance(adversary.part, modnet.Loss) else "activation")
    first, other = (
        {outcome.name for outcome in suite.run(part).failed}
        for part in (adversary.part, attrs.evolve(adversary.part, **{n: honest[n] for n in fields & {*honest}}))
    )
    return sorted(first - other)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks and batches")
    parser.add_argument("--only", default="", help="those alone whose name contains this text")
    options = parser.parse_args()
    print(f"{'adversary':<40}{'promise':>8}{'error':>10}{'to every':>10}{'seconds':>9}  cells that fell back")
    start, wrong = time.perf_counter(), 0
    for adversary in Adversaries(*((12, 30) if options.quick else (50, 100))):
        if options.only not in adversary.name:
            continue
        begin = time.perf_counter()
        result = measure(adversary)
        wrong += adversary.promise != "false" and not result.refused and not max(result.exact, result.every) <= 1
        row = f"{adversary.name:<40}{adversary.promise:>8}{result.exact:>10.2g}{result.every:>10.2g}"
        print(f"{row}{time.perf_counter() - begin:>9.1f}  {result.refused or result.fell_back}", flush=True)
        if adversary.promise == "false":
            found = ["the guard"] * (max(result.exact, result.every) <= 1) + failed_checks(adversary)
            print(f"{'':<8}found by: {', '.join(found) or 'nobody'}")
    print(f"{wrong} fooled, in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

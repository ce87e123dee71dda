"""Calibration of the gradient check's verdicts.

Usage: python tests/benchmarks/gradient_verdicts.py [--seeds N] [--book N] [--smooth N] [--scales N]

Broken gradients must be called wrong, whatever they are wrong by. In the book's network central differences with
h = 1e-4 are compared with backpropagation, as the book does it: where they are apart, a kink must be named, and
nothing may be called wrong. On smooth networks everything is correct, and each other verdict a false alarm. Of any
built-in parts, with inputs, targets and weights of any scale, none is wrong, and what is smooth has no kink.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import broken_gradients
import numpy as np

import modnet
from modnet.testing.gradcheck.verdicts import VERDICTS

FALSE = ("not deterministic", "wrong")  # of a gradient that is right
SMOOTH = ("sigmoid", "tanh", "softplus", "swish", "gelu", "identity")
ENDS = (("softmax", "cross-entropy"), ("identity", "mean-squared-error"), ("sigmoid", "mean-squared-error"),
        ("softmax", "mean-squared-error"))  # fmt: skip


def worst(check: modnet.GradientCheck) -> str:
    """Return the gravest verdict of a check."""
    return next(word for word in VERDICTS if any(verdict.verdict == word for verdict in check.verdicts))


def check_broken(seeds: int) -> Iterator[tuple[str, int, modnet.GradientCheck]]:
    """Yield each kind of broken gradient, the seed, and the check of it."""
    for kind, make in broken_gradients.parts():
        for seed in range(seeds):
            yield kind, seed, modnet.check_gradient(*make(seed), estimators=[])
    for kind, change in broken_gradients.WHOLES.items():
        for seed in range(seeds):
            net, x, t = broken_gradients.network(seed)
            given = change(net, x, t, dict(net.gradient(x, t)))
            yield f"whole: {kind}", seed, modnet.check_gradient(net, x, t, estimators=[], gradient=given)


def books_network(seed: int, loss: object = "cross-entropy") -> tuple[modnet.GradientCheck, bool]:
    """Check the book's network with ReLU on three digits; say besides whether central differences are off.

    They are off where an entry is, by more than 1e-5 of the largest: far above truncation, rounding and the constant in
    the logarithm.
    """
    data = modnet.load("mnist-small")
    x, t = data.train.x[:3], data.train.t[:3]
    net = modnet.TwoLayerNet(784, 50, 10, hidden="relu", loss=loss, seed=seed)
    check = modnet.check_gradient(net, x, t, estimators=["central-difference"])
    exact, numerical = net.gradient(x, t), net.numerical_gradient(x, t)
    largest = max(float(np.abs(value).max()) for value in exact.values())
    return check, any(bool((np.abs(exact[n] - numerical[n]) > 1e-5 * largest).any()) for n in exact)


def smooth_network(seed: int, dtype: str = "float64") -> tuple[modnet.Network, np.ndarray, np.ndarray]:
    """Return a network of random smooth parts, sizes and weights, and a batch."""
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, 9, rng.integers(2, 5))] + [int(rng.integers(2, 7))]
    hidden = [SMOOTH[i] for i in rng.integers(0, len(SMOOTH), len(sizes) - 2)]
    output, loss = ENDS[rng.integers(len(ENDS))]
    std = (0.01, 0.1, 1.0, 3.0, "he", "xavier")[rng.integers(6)]
    net = modnet.Network(sizes, hidden=hidden, output=output, loss=loss, weight_init_std=std, seed=seed, dtype=dtype)
    n = int(rng.integers(1, 20))
    x = rng.standard_normal((n, sizes[0])) * float(rng.choice([0.1, 1.0, 5.0]))
    return net, x, rng.integers(0, sizes[-1], n)


def scaled_network(seed: int) -> tuple[modnet.Network, np.ndarray, np.ndarray]:
    """Return a network of random built-in parts, and a batch of any scale, zeros and copies of one sample too."""
    rng = np.random.default_rng(seed)
    kinked = ("relu", "leaky-relu", "elu") if rng.random() < 0.4 else ()
    parts = (*SMOOTH, "softmax", *kinked, *kinked)
    sizes = [int(n) for n in rng.integers(1, 12, rng.integers(2, 6))] + [int(rng.integers(2, 7))]
    hidden = [parts[i] for i in rng.integers(0, len(parts), len(sizes) - 2)]
    output, loss = (*ENDS, ("identity", "huber"))[rng.integers(len(ENDS) + 1)]
    std = (0.0, 1e-6, 0.01, 1.0, 10.0, "he")[rng.integers(6)]
    dtype = "float32" if rng.random() < 0.35 else "float64"
    net = modnet.Network(sizes, hidden=hidden, output=output, loss=loss, weight_init_std=std, seed=seed, dtype=dtype)
    n = int(rng.integers(1, 25))
    x = rng.standard_normal((n, sizes[0])) * 10.0 ** rng.integers(-6, 7)
    x = (x, np.round(x), 0 * x, x[[0] * n], np.where(rng.random(x.shape) < 0.5, 0, x))[rng.integers(5)]
    values = rng.standard_normal((n, sizes[-1])) * 10.0 ** rng.integers(-9, 10)
    return net, x, rng.integers(0, sizes[-1], n) if loss == "cross-entropy" else values


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10, help="seeds of each kind of broken gradient")
    parser.add_argument("--book", type=int, default=300, help="seeds of the book's network")
    parser.add_argument("--smooth", type=int, default=2000, help="smooth networks")
    parser.add_argument("--scales", type=int, default=500, help="networks and batches of any scale")
    asked = parser.parse_args()
    start = time.perf_counter()
    mistakes = count_broken(asked.seeds) + count_book(asked.book) + count_smooth(asked.smooth)
    mistakes += count_scales(asked.scales)
    print(f"{mistakes} mistakes in {time.perf_counter() - start:.0f} s, {Path(modnet.__file__).parent}")
    sys.exit(bool(mistakes))


def count_broken(seeds: int) -> int:
    """Print how many broken gradients are called wrong, and return how many are not."""
    kinds: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for kind, _, check in check_broken(seeds):
        kinds[kind] += 1
        missed[f"{kind}: {worst(check)}"] += all(verdict.verdict != "wrong" for verdict in check.verdicts)
    total, lost = kinds.total(), missed.total()
    print(f"broken gradients: {len(kinds)} kinds x {seeds} seeds, {total - lost} of {total} called wrong")
    for kind, count in missed.items():
        if count:
            print(f"  missed {count} of {kind}")
    return lost


def count_book(seeds: int) -> int:
    """Print the verdicts on the book's network, with two losses, and return how many are false."""
    mistakes = 0
    for label, loss in (("modnet's loss", "cross-entropy"), ("the book's loss", broken_gradients.BookLoss())):
        words: Counter[str] = Counter()
        explained = apart = amiss = 0
        for seed in range(seeds):
            check, off = books_network(seed, loss)
            words[worst(check)] += 1
            named = bool(check.estimators[0].kinks)
            apart, explained, amiss = apart + off, explained + (off and named), amiss + (named and not off)
        print(
            f"the book's network with ReLU, {label}: {seeds} seeds, verdicts {dict(words)}; differences are off in "
            f"{apart}, of which a kink is named in {explained}; a kink is named in {amiss} others"
        )
        mistakes += apart - explained + amiss + sum(words[word] for word in FALSE)
    return mistakes


def count_smooth(networks: int) -> int:
    """Print the verdicts on smooth networks, and return how many are false alarms."""
    mistakes = 0
    for dtype in ("float64", "float32"):
        count = networks if dtype == "float64" else networks // 4
        words = Counter(
            worst(modnet.check_gradient(*smooth_network(seed, dtype), estimators=[])) for seed in range(count)
        )
        print(f"smooth networks in {dtype}: {count}, verdicts {dict(words)}")
        mistakes += sum(words[word] for word in FALSE)
    return mistakes


def count_scales(networks: int) -> int:
    """Print the verdicts on networks of any scale, and return how many are false."""
    words: Counter[str] = Counter()
    mistakes = unexplained = 0
    for seed in range(networks):
        net, x, t = scaled_network(seed)
        check = modnet.check_gradient(net, x, t, estimators=["central-difference"])
        words[worst(check)] += 1
        (row,) = check.estimators
        is_smooth = all(layer.activation.kinks == () for layer in net.layers)
        mistakes += worst(check) in FALSE or (is_smooth and (worst(check) == "kink" or bool(row.kinks)))
        unexplained += row.error > 1e-3 and not row.kinks and (not row.reason or row.reason.startswith("no reason"))
    print(
        f"networks of any scale: {networks}, verdicts {dict(words)}, {mistakes} false; {unexplained} errors unexplained"
    )
    return mistakes


if __name__ == "__main__":
    main()

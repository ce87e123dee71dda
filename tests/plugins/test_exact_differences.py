"""Central differences against exact ones: the round-off documented, for random networks."""

from __future__ import annotations

import re

import attrs
import numpy as np
import pytest
from exact_differences import EVALUATE, FIFTY_DIGITS, HAS_EIGHTY_BITS, central, choose_entries, exact_differences
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import modnet

ACTIVATIONS = modnet.compose.plugins.get_host().registry.names("activation")
LOSSES = modnet.compose.plugins.get_host().registry.names("loss")
BITS = pytest.mark.skipif(not HAS_EIGHTY_BITS, reason="longdouble has no 80 bits on this machine")


class Arctan(modnet.Activation):
    """A third-party activation that promises nothing."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.arctan(a)

    def exact(self, xp, a):
        return np.arctan(a)


class Scale(modnet.Activation):
    """A third-party activation over all units of a layer."""

    def __call__(self, a, axis=-1):
        return a / (1 + np.abs(a).sum(axis=axis, keepdims=True))

    def exact(self, xp, a):
        return a / (1 + abs(a).sum(axis=-1, keepdims=True))


class Absolute(modnet.Activation):
    """A third-party activation with a kink, of which it says nothing."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.abs(a)

    def exact(self, xp, a):
        return abs(a)


INPUTS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "zeros and repeats": lambda rng, shape: rng.choice([0.0, 0.0, 0.25, -0.5, 1.0, rng.standard_normal()], shape),
    "tenths": lambda rng, shape: rng.standard_normal(shape).round(1) * 10,
    "pixels": lambda rng, shape: rng.integers(0, 256, shape) * (rng.random(shape) < 0.4) * 1.0,
    "zero": lambda rng, shape: np.zeros(shape),
    "mixed scales": lambda rng, shape: rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 3, shape),
}


ENDS = [
    ("softmax", "cross-entropy"),
    ("softmax", modnet.loss("cross-entropy", eps=0.0)),
    ("softmax", "mean-squared-error"),
    ("identity", "mean-squared-error"),
    ("identity", "huber"),
    ("sigmoid", "binary-cross-entropy"),
    ("tanh", "mean-squared-error"),
]


@attrs.frozen
class Case:
    """A network, a batch with targets and weights, and a step."""

    network: modnet.Network
    x: np.ndarray
    t: np.ndarray
    weights: np.ndarray | None
    h: float

    @property
    def batch(self):
        return self.x, self.t


@st.composite
def cases(draw):
    sizes = [draw(st.integers(1, 12)), *draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))]
    parts = st.sampled_from([*ACTIVATIONS, Arctan(), Scale(), Absolute()])
    dtype, seed = draw(st.sampled_from(["float64", "float64", "float32"])), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    std = 10 ** draw(st.floats(-3, 1))
    losses = st.sampled_from([*LOSSES, modnet.loss("cross-entropy", eps=0.0)])
    output, loss = draw(st.one_of(st.sampled_from(ENDS), st.tuples(parts, losses)))
    network = modnet.Network(
        sizes,
        hidden=[draw(parts) for _ in sizes[2:]],
        output=output,
        loss=loss,
        weight_init_std=std,
        seed=seed,
        dtype=dtype,
    )
    network.params = {
        name: p if p.ndim == 2 else (0.1 * std * rng.standard_normal(p.shape)).astype(dtype)
        for name, p in network.params.items()
    }
    samples = draw(st.sampled_from([1, 2, 3, 7, 30, 100]))
    x = INPUTS[draw(st.sampled_from([*INPUTS]))](rng, (samples, sizes[0])).astype(dtype)
    classes = 2 if network.is_binary else sizes[-1]
    t = rng.integers(0, classes, samples)
    if draw(st.booleans()):
        t = np.eye(sizes[-1])[t % sizes[-1]] if draw(st.booleans()) else rng.dirichlet(np.ones(sizes[-1]), samples)
    weights = draw(st.sampled_from([None, rng.random(samples), rng.integers(0, 3, samples)]))
    smallest, largest = (-6, -2) if dtype == "float64" else (-3, -1.5)
    h = draw(st.one_of(st.none(), st.floats(smallest, largest).map(lambda exponent: 10**exponent)))
    return Case(network, x, t, weights, h or modnet.default_step(dtype))


def gradients_of(case, evaluate):
    """Return the gradient, which must be the same for any number of threads and leave its arguments alone."""
    network, given = case.network, [*case.network.params.values(), case.x, case.t, case.weights]
    before = [np.copy(array) for array in given]
    with np.errstate(all="ignore"):
        found = [
            network.gradient(*case.batch, central(evaluate, case.h, threads), weights=case.weights)
            for threads in (1, 2, 3)
        ]
    assert all(np.array_equal(one, other) for one, other in zip(before, given, strict=True) if other is not None)
    for other in found[1:]:
        assert all(np.array_equal(found[0][name], other[name]) for name in other)
    return found[0]


def check(case):
    entries = choose_entries(case.network, case.x)
    exact = exact_differences(case.network, *case.batch, case.h, entries, case.weights)
    # A loss may be undefined for what an activation gives (a logarithm of a negative output), or infinite.
    assume(np.isfinite(exact.bound) and all(np.isfinite(values).all() for values in exact.values.values()))
    for evaluate in EVALUATE:
        error = error_of(case, evaluate, exact, entries)
        assert error <= 1, f"evaluate={evaluate}: {error:.3g} bounds, h={case.h}, {case.network}"


def error_of(case, evaluate, exact, entries):
    """Return the largest error in bounds; 0 where the gradient is refused with good reason."""
    try:
        return exact.error(gradients_of(case, evaluate), entries)
    except modnet.GradientError as refusal:  # an output may be 0 in the dtype, and its logarithm infinite
        if not is_infinite_where_it_says(case, str(refusal)):
            raise
        return 0.0


def is_infinite_where_it_says(case, refusal):
    """Return whether the loss is not finite where the entry that a refusal names is moved by h either way."""
    name, place = re.search(r"not finite where (\w+)\[([\d, ]+)\] is moved", refusal).groups()
    losses = []
    for h in (case.h, -case.h):
        params = {other: value.copy() for other, value in case.network.params.items()}
        params[name][tuple(map(int, place.split(", ")))] += h
        with np.errstate(all="ignore"):
            losses.append(case.network.with_arrays(params).loss(*case.batch))
    return not np.isfinite(losses).all()


PAIRS = [
    *((activation, "sigmoid", "mean-squared-error") for activation in ACTIVATIONS),
    (modnet.activation("gelu", approximate=True), "identity", "huber"),
    ("tanh", "softmax", "cross-entropy"),
    ("tanh", "softmax", modnet.loss("cross-entropy", eps=0.0)),
    ("tanh", "sigmoid", "cross-entropy"),
    ("tanh", "sigmoid", "binary-cross-entropy"),
    ("tanh", "softmax", "binary-cross-entropy"),
]


@BITS
@pytest.mark.parametrize(("hidden", "output", "loss"), PAIRS, ids=[" ".join(map(str, pair)) for pair in PAIRS])
def test_eighty_bits_are_enough_beside_fifty_digits(hidden, output, loss):
    network = modnet.Network([3, 4, 2], hidden=hidden, output=output, loss=loss, weight_init_std=1.0)
    x, t = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, 1.0]]), np.array([1, 0])
    entries = choose_entries(network, x)
    fine, finer = (
        exact_differences(network, x, t, 1e-4, entries, **numbers) for numbers in ({}, {"numbers": FIFTY_DIGITS})
    )
    assert fine.bound == pytest.approx(finer.bound)
    assert max(float(np.abs(fine.values[name] - finer.values[name]).max()) for name in entries) < 1e-4 * fine.bound


FULL = [*((hidden, *ENDS[0]) for hidden in ACTIVATIONS), *(("tanh", *end) for end in ENDS[1:])]


@pytest.mark.parametrize(("hidden", "output", "loss"), FULL, ids=[" ".join(map(str, parts)) for parts in FULL])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nothing_cancels_in_built_in_parts(hidden, output, loss, dtype):
    parts = {"hidden": hidden, "output": output, "loss": loss}
    network = modnet.Network([6, 5, 4], weight_init_std=0.5, dtype=dtype, seed=1, **parts)
    x = np.random.default_rng(0).standard_normal((10, 6)).round(2).astype(dtype)
    t, entries, h = np.arange(10) % 4, choose_entries(network, x, weights_by_unit=1), modnet.default_step(dtype)
    exact = exact_differences(network, x, t, h, entries, numbers=FIFTY_DIGITS)
    largest = max(float(np.abs(values).max()) for values in exact.values.values())
    for evaluate in EVALUATE:
        off = exact.error(network.gradient(x, t, central(evaluate, h)), entries) * exact.bound
        # With losses subtracted it would be about eps / h: 10,000 times as much, 200 times in float32.
        assert off <= 16 * np.finfo(dtype).eps * largest, f"{evaluate}: {off:.2g} of {largest:.2g}"


@BITS
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(case=cases())
def test_random_networks_have_exact_differences_up_to_round_off(case):
    check(case)

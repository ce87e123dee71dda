"""Changes of activations and losses beside 50 digits: nothing cancels in them."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from exact_differences import ACTIVATIONS, FIFTY_DIGITS, ExactNetwork

import modnet
from modnet.interfaces import name_of

EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float64, np.float32])
ELEMENTWISE = [
    *(modnet.activation(name) for name in ACTIVATIONS if modnet.activation(name).elementwise),
    modnet.activation("gelu", approximate=True),
    modnet.activation("swish", beta=2.0),
    modnet.activation("elu", alpha=1.5),
]
LOSSES = [
    ("softmax", "cross-entropy"),
    ("softmax", modnet.loss("cross-entropy", eps=0.0)),
    ("sigmoid", "binary-cross-entropy"),
    ("identity", "mean-squared-error"),
    ("identity", "huber"),
]
SIZES = (1e-12, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 10.0)


def moved_points(dtype, shape):
    """Return values of many sizes, and moves of many sizes."""
    rng = np.random.default_rng(0)
    a = rng.choice([1e-6, 1e-3, 1.0, 10.0, 40.0, 90.0], shape) * rng.uniform(-1, 1, shape)
    return a.astype(dtype), (rng.choice(SIZES, shape) * rng.uniform(-1, 1, shape)).astype(dtype)


@pytest.mark.parametrize("part", ELEMENTWISE, ids=str)
@EACH_DTYPE
def test_the_change_of_an_activation_is_exact_to_a_few_units_of_the_move(part, dtype):
    a, da = moved_points(dtype, (1, 2000))
    with np.errstate(all="ignore"):
        found = part.change(a, part(a), da, axis=0)
    with mpmath.workdps(60):
        function = lambda v: ACTIVATIONS[name_of(part)](FIFTY_DIGITS, part, v)  # noqa: E731
        low, high = FIFTY_DIGITS.convert(a), FIFTY_DIGITS.convert(a) + FIFTY_DIGITS.convert(da)
        off = abs(FIFTY_DIGITS.convert(found) - (function(high) - function(low))).astype(float)
    assert found.dtype == dtype
    # Where a jump or a kink is passed, the change has the rounding of its own size.
    assert (off <= 8 * np.finfo(dtype).eps * np.maximum(np.abs(da), np.abs(found))).all(), worst(off, a, da, found)


def worst(off, a, da, found):
    i = (off / np.maximum(np.abs(da), np.abs(found)) / np.finfo(a.dtype).eps).argmax()
    return f"off by {off.flat[i]:.2g} at a={a.flat[i]}, da={da.flat[i]}, where it gives {found.flat[i]}"


@pytest.mark.parametrize("part", [modnet.activation(name) for name in ("sigmoid", "swish", "tanh")], ids=str)
@pytest.mark.parametrize(("dtype", "a"), [(np.float64, -720.0), (np.float64, -900.0), (np.float32, -95.0)])
def test_an_output_that_vanishes_changes_by_no_more_than_itself(part, dtype, a):
    # What is large beside the output alone, a logarithm that follows makes a large number of.
    a = np.array([[a, a]], dtype)
    with np.errstate(all="ignore"):
        z = part(a)
        change = part.change(a, z, np.array([[0.02, -0.02]], dtype), axis=0)
    assert (np.abs(change) <= 0.03 * np.abs(z) + np.finfo(dtype).smallest_subnormal).all(), change


@pytest.mark.parametrize(("output", "loss"), LOSSES, ids=[" ".join(map(str, pair)) for pair in LOSSES])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
@EACH_DTYPE
def test_the_change_of_a_loss_is_exact_to_a_few_units_of_the_move(output, loss, dense, scale, dtype):
    outputs, samples = 4, 60
    network = modnet.Network([outputs, outputs], output=output, loss=loss, dtype=np.dtype(dtype).name)
    network.params = {"W1": np.eye(outputs, dtype=dtype), "b1": np.zeros(outputs, dtype)}
    rng = np.random.default_rng(1)
    a = (scale * rng.standard_normal((samples, outputs))).astype(dtype)
    da = np.zeros_like(a)
    da[np.arange(samples), rng.integers(0, outputs, samples)] = rng.choice(SIZES[:-1], samples) * rng.choice([-1, 1])
    t = rng.dirichlet(np.ones(outputs), samples).astype(dtype) if dense else rng.integers(0, outputs, samples)
    with mpmath.workdps(60), np.errstate(all="ignore"):
        exact = ExactNetwork(network, a, t, None, FIFTY_DIGITS)
        expected = exact.losses_at(exact.a[0] + FIFTY_DIGITS.convert(da)) - exact.losses_at(exact.a[0])
        y, t = network.predict(a), network.objective(a, t).t
        if network.fused is not None:
            found = network.fused.change(a.T, y.T, t.T, da.T, axis=0)
        else:
            found = network.loss_function.change(y.T, t.T, da.T, axis=0)
        off = abs(FIFTY_DIGITS.convert(found) - expected).astype(float)
    assert found.dtype == dtype
    size = np.abs(da).max(axis=1) * (1 + np.abs(y - (t if t.ndim == 2 else 0)).max(axis=1))
    ratio = off / np.finfo(dtype).eps / np.maximum(size, np.abs(found))
    assert ratio.max() <= 16, f"{ratio.max():.3g} units at a={a[ratio.argmax()]}, da={da[ratio.argmax()]}"

"""Forward gradients of plain functions, and the trajectories of Baydin et al. (2022), figure 1."""

from __future__ import annotations

import numpy as np
import pytest
from modnet_gradients.directions import Direction, normal

import modnet

STREAM = modnet.Stream(0, ("gradient", 7))


def beale(params):
    x, y = params["at"]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def rosenbrock(params):
    x, y = params["at"]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def descend(function, start, lr, steps, estimator="forward-gradient", seed=0, **settings):
    """Return the last point, and the function's values on the way."""
    estimator = modnet.gradient(estimator, **settings)
    at, values = np.array(start), []
    for k in range(steps):
        values.append(function({"at": at}))
        at = at - lr * estimator(function, {"at": at}, modnet.Stream(seed, (k,)))["at"]
    return at, np.array([*values, function({"at": at})])


def test_beale_goes_down_as_by_the_exact_gradient():
    """To the optimum (3, 0.5) in the figure's 1,000 steps of 0.01; on the way as far as gradient descent, too."""
    exact, expected = descend(beale, (1.0, 1.5), 0.01, 1000, "central-difference")
    runs = [descend(beale, (1.0, 1.5), 0.01, 1000, directions=1, seed=seed) for seed in range(3)]
    for at, values in [(exact, expected), *runs]:
        np.testing.assert_allclose(at, (3, 0.5), atol=0.05)
        assert values[-1] < 2e-4
    middle = np.mean([values[::100] for _, values in runs], axis=0)
    assert np.all(middle[1:] < 3 * expected[100::100])


@pytest.mark.check
def test_rosenbrock_goes_down_as_by_the_exact_gradient():
    """To the optimum (1, 1) in the figure's 25,000 steps of 5e-4."""
    _, expected = descend(rosenbrock, (-1.0, 0.0), 5e-4, 25_000, "central-difference")
    at, values = descend(rosenbrock, (-1.0, 0.0), 5e-4, 25_000, directions=1)
    np.testing.assert_allclose(at, (1, 1), atol=0.01)
    assert np.all(values[5000::5000] < 2 * expected[5000::5000])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_slope_is_exact_to_rounding(dtype):
    params = {"at": np.array([-1.2, 1.0], dtype)}
    exact = np.array([-215.6, -88.0])
    direction = Direction(params, STREAM.child(0), normal)["at"]
    found = modnet.gradient("forward-gradient", directions=1)(rosenbrock, params, STREAM)["at"]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, (exact @ direction) * direction, rtol=10 * np.finfo(dtype).eps)


def test_many_directions_come_near_the_gradient():
    found = modnet.gradient("forward-gradient", directions=4000)(rosenbrock, {"at": np.array([-1.2, 1.0])}, STREAM)
    np.testing.assert_allclose(found["at"], (-215.6, -88.0), rtol=0.1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: float((p["w"] ** 2).sum()), "^forward-gradient needs a function that accepts complex numbers: spsa"),
        (lambda p: np.abs(p["w"]).sum(), "its slope is .* by real steps and 0 by a complex one: spsa takes any"),
        (lambda p: (p["w"] ** 2 + 0.01 * np.abs(p["w"])).sum(), "^the function accepts complex .* no analytic"),
        (lambda p: (p["w"] * p["w"].conj()).sum(), "no analytic function of them"),
        (lambda p: p["w"].real.sum(), "no analytic function of them"),
        (lambda p: np.nan * p["w"].sum(), "^the loss is .*nan.* where .* moved by a complex step: spsa takes"),
    ],
    ids=["float", "absolute", "partly absolute", "conjugate", "real part", "not finite"],
)
def test_a_function_that_takes_no_complex_steps_is_refused_in_a_line(function, message):
    with pytest.raises(modnet.GradientError, match=message) as caught:
        modnet.gradient("forward-gradient")(function, {"w": np.array([1.0, -2.0])}, STREAM)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda p: np.sin(1e6 * p["w"]).sum(),
        lambda p: 1e9 + (p["w"] ** 2).sum(),
        lambda p: np.exp(-100 * p["w"]).sum(),
        lambda p: np.maximum(p["w"], 0).sum(),
        lambda p: 3.0,
    ],
    ids=["waves", "large", "steep", "kinks", "constant"],
)
def test_an_analytic_function_is_never_refused(function):
    estimator = modnet.gradient("forward-gradient", directions=2)
    for k in range(100):
        point = {"w": STREAM.child("point", k).generator().standard_normal(3)}
        estimator(function, point, STREAM.child(k))

"""Estimators that put noise on the outputs of layers: node perturbation, activity-perturbed forward gradient."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from layered_networks import Correlation, FastCorrelation, Pool, Power, act, batch_for, network_of
from modnet_gradients.directions import normal, signs
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool
from modnet_layers.maxout import Maxout
from modnet_layers.prelu import Prelu

import modnet

STREAM = modnet.Stream(0, ("gradient", 7))
NAMES = ["node-perturbation", "activity-perturbation"]
EXACT = modnet.loss("cross-entropy", eps=0.0)
END = [Dense(2), act("softmax")]
# What goes in, and the layers.
NETWORKS = {
    "dense": ((3,), [Dense(4), act("tanh"), Dense(3), act("sigmoid"), *END]),
    "prelu and maxout": ((3,), [Dense(3), Prelu(), Maxout(units=3), *END]),
    "batch-norm": ((3,), [Dense(3), BatchNorm(), act("tanh"), *END]),
    "dropout": ((3,), [Dense(4), Dropout(0.5), act("tanh"), *END]),
    "convolution": ((1, 5, 5), [Convolution(2, 2), act("tanh"), MaxPool(2), Flatten(), *END]),
    "forward alone": ((1, 5, 5), [Correlation(2), act("tanh"), Pool(), FastCorrelation(1), Flatten(), *END]),
    "not linear": ((3,), [Dense(3), Power(), *END]),
    "begins with an activation": ((3,), [act("tanh"), *END]),
}
each = pytest.mark.parametrize("name", NAMES)


def of_network(kind, samples=5, dtype="float64", mode="train", weights=None, **parts):
    shape, layers = NETWORKS[kind]
    network = network_of(layers, shape, dtype=dtype, **parts)
    objective = network.objective(*batch_for(network, samples), weights, mode=mode)
    return objective, network.params


def flat(grads):
    return np.concatenate([np.ravel(grads[name]).astype("float64") for name in sorted(grads)])


def error(found, expected):
    return np.linalg.norm(flat(found) - flat(expected)) / np.linalg.norm(flat(expected))


def test_node_perturbation_is_its_formula():
    net = modnet.Network((3, 4, 2), hidden="tanh", loss=EXACT, weight_init_std=0.7, seed=1)
    rng, h, count = np.random.default_rng(2), 1e-2, 3
    x, t, w = rng.standard_normal((6, 3)), np.array([0, 1, 1, 0, 1, 0]), net.params
    found = net.gradient(x, t, modnet.gradient("node-perturbation", h=h, directions=count), STREAM)
    da1, da2 = np.zeros((6, 4)), np.zeros((6, 2))
    for k in range(count):
        d1 = signs(STREAM.child(k, 1).generator(), (6, 4)).astype(float)
        d2 = signs(STREAM.child(k, 3).generator(), (6, 2)).astype(float)
        losses = []
        for step in (h, -h):
            a = np.tanh(x @ w["W1"] + w["b1"] + step * d1) @ w["W2"] + w["b2"] + step * d2
            losses.append(np.log(np.exp(a).sum(axis=1)) - a[range(6), t])
        slope = (losses[0] - losses[1]) / (2 * h)
        da1, da2 = da1 + slope[:, None] * d1 / count, da2 + slope[:, None] * d2 / count
    z = np.tanh(x @ w["W1"] + w["b1"])
    expected = {"W1": x.T @ da1 / 6, "b1": da1.mean(axis=0), "W2": z.T @ da2 / 6, "b2": da2.mean(axis=0)}
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9)


def test_activity_perturbation_is_its_formula():
    net = modnet.Network((3, 4, 2), hidden="tanh", loss=EXACT, weight_init_std=0.7, seed=1)
    x, t, w = np.random.default_rng(2).standard_normal((6, 3)), np.array([0, 1, 1, 0, 1, 0]), net.params
    found = net.gradient(x, t, modnet.gradient("activity-perturbation", directions=1), STREAM)
    v1, v2 = (normal(STREAM.child(0, place).generator(), (6, n)) for place, n in ((1, 4), (3, 2)))
    z = np.tanh(x @ w["W1"] + w["b1"])
    y = net.predict(x)
    slope = ((y - np.eye(2)[t]) * ((v1 * (1 - z * z)) @ w["W2"] + v2)).sum(axis=1)
    da1, da2 = slope[:, None] * v1, slope[:, None] * v2
    expected = {"W1": x.T @ da1 / 6, "b1": da1.mean(axis=0), "W2": z.T @ da2 / 6, "b2": da2.mean(axis=0)}
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9)


@each
@pytest.mark.parametrize("kind", NETWORKS)
def test_its_mean_is_the_gradient_of_any_layers(name, kind):
    """Of 300 estimates of 10 directions each entry's mean is within 4.5 of its own standard errors."""
    objective, params = of_network(kind)
    exact, estimator = flat(objective.backward(params)), modnet.gradient(name)
    drawn = np.array([flat(estimator(objective, params, STREAM.child(k))) for k in range(300)])
    errors = drawn.std(axis=0, ddof=1) / len(drawn) ** 0.5
    assert np.linalg.norm(errors) < 0.2 * np.linalg.norm(exact)
    assert np.all(np.abs(drawn.mean(axis=0) - exact) < 4.5 * errors + 1e-6)


@each
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_samples_weigh_as_much_as_in_the_loss(name, dtype):
    weights = np.array([0.0, 1.0, 2.0, 0.5, 3.0], dtype)
    objective, params = of_network("dense", dtype=dtype, weights=weights)
    found = modnet.gradient(name, directions=2000)(objective, params, STREAM)
    assert {key: g.dtype for key, g in found.items()} == dict.fromkeys(params, np.dtype(dtype))
    assert error(found, objective.backward(params)) < 0.06


@pytest.mark.check
@each
def test_the_squared_error_goes_by_units_and_not_by_parameters(name):
    """Of one sample with 9 units it is 8, or 10 for normal noise, times the square; and a tenth of it with ten."""
    objective, params = of_network("dense", samples=1)
    biases = [key for key in params if key.startswith("b")]
    exact = {key: objective.backward(params)[key] for key in biases}
    for directions in (1, 10):
        estimator = modnet.gradient(name, directions=directions)
        squares = []
        for k in range(3000 // directions):
            found = estimator(objective, params, STREAM.child(k))
            squares.append(error({key: found[key] for key in biases}, exact) ** 2)
        expected = (8 if name == "node-perturbation" else 10) / directions
        assert np.mean(squares) == pytest.approx(expected, rel=0.15)


def test_node_perturbation_asks_for_no_derivative():
    class Bend(modnet.Activation):
        elementwise = True

        def __call__(self, a, axis=-1):
            return a / np.sqrt(1 + a * a)

        def backward(self, a, z, dz, axis=-1):
            raise AssertionError("asked for a derivative")

    network = network_of([Dense(4), act(Bend()), *END], (3,))
    objective = network.objective(*batch_for(network, 5))
    found = modnet.gradient("node-perturbation", directions=4000)(objective, network.params, STREAM)
    exact = modnet.gradient("central-difference")(objective, network.params, STREAM)
    assert error(found, exact) < 0.15


def test_node_perturbation_sees_past_the_flat_parts_of_a_step():
    """With a step that reaches over the kink, units whose derivative is 0 learn, too."""
    net = modnet.Network((3, 8, 2), hidden="step", weight_init_std=0.7, seed=1)
    x, t = np.random.default_rng(2).standard_normal((40, 3)), np.arange(40) % 2
    assert not net.gradient(x, t)["W1"].any()
    with warnings.catch_warnings(action="error"):
        assert net.gradient(x, t, modnet.gradient("node-perturbation", h=0.5))["W1"].any()


@each
def test_a_plain_function_is_refused_in_a_line(name):
    message = f"^{name} needs a network's objective, this one is a plain function: spsa takes any function"
    with pytest.raises(modnet.NoDerivativeError, match=message):
        modnet.gradient(name)(lambda params: 0.0, {"w": np.ones(3)}, STREAM)


@each
def test_an_objective_without_layers_is_refused_in_a_line(name):
    class Bare(modnet.Objective):
        def __call__(self, params):
            return 0.0

        trace = output_error = backward = None

    with pytest.raises(modnet.GradientError, match=f"^{name} needs layers at their places, .* Bare has none: choose"):
        modnet.gradient(name)(Bare(), {"w": np.ones(3)}, STREAM)


def test_a_loss_that_is_not_finite_is_reported_with_its_sample():
    net = modnet.Network((3, 2), output="identity", loss="mean-squared-error", seed=0)
    x, t = np.ones((4, 3)), np.zeros((4, 2))
    x[2] = 1e200
    with np.errstate(over="ignore", invalid="ignore"):
        message = r"^the loss of sample 2 is inf and inf where .* moved by 0.0001 and back: choose samples"
        with pytest.raises(modnet.GradientError, match=message):
            net.gradient(x, t, "node-perturbation")


def test_a_move_that_vanishes_in_the_dtype_is_refused():
    objective, params = of_network("dense", dtype="float32")
    with pytest.raises(modnet.GradientError, match="float32, in which h=1e-08 vanishes beside 1"):
        modnet.gradient("node-perturbation", h=1e-8)(objective, params, STREAM)


def test_a_loss_that_is_not_finite_without_a_move_is_no_fault_of_h():
    net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    x = np.array([[0.1, 0.2, 0.3], [0.1, np.nan, 0.3]])
    for name in ("node-perturbation", "spsa"):
        with pytest.raises(modnet.GradientError, match=r": choose samples and parameters at which it is finite$"):
            net.gradient(x, [0, 1], name)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e5), ("float64", 1e13)])
def test_a_move_that_is_lost_beside_large_pre_activations_is_warned_about(dtype, size):
    layers = [("dense", {"units": 4}), "relu", ("dense", {"units": 3}), "identity"]
    net = modnet.Network(layers, shape=6, seed=0, dtype=dtype, weight_init_std=1.0, loss="mean-squared-error")
    x, t = np.random.default_rng(0).standard_normal((2, 4, 6))
    with warnings.catch_warnings(action="error"):
        net.gradient(x, t[:, :3], "node-perturbation")
    message = (
        r"^layer 1 has .* so large that float.. rounds a move of h=.* off: scale the features, or choose a larger h$"
    )
    with pytest.warns(modnet.PrecisionWarning, match=message):
        net.gradient(size * x, size * t[:, :3], "node-perturbation")
    with warnings.catch_warnings(action="error"):  # the advice helps
        estimator = modnet.gradient("node-perturbation", h=1e-4 * size, directions=1000)
        found = net.gradient(size * x, size * t[:, :3], estimator)
    exact = net.gradient(size * x, size * t[:, :3])
    assert np.linalg.norm(found["W2"] - exact["W2"]) < 0.3 * np.linalg.norm(exact["W2"])


def test_a_loss_that_is_finite_without_a_move_asks_for_a_smaller_h():
    net = modnet.Network((3, 2), output="identity", loss="mean-squared-error", seed=0)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(modnet.GradientError, match=r"try a smaller h$"):
        net.gradient(np.ones((4, 3)), np.zeros((4, 2)), modnet.gradient("node-perturbation", h=1e200))

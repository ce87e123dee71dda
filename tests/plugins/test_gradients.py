"""The built-in gradient estimators: exactness, plain functions, settings."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import modnet
from modnet.compose.plugins import get_host

NAMES = [name for name in get_host().registry.names("gradient") if name != "torch-autograd"]  # it has its own tests
ALL = {name: modnet.gradient(name) for name in NAMES}
# What draws at random, with settings under which few repeats show that it is unbiased; all others are exact.
RANDOM = {
    "activity-perturbation": {"directions": 1},
    "evolution-strategies": {"directions": 1, "sigma": 1e-3},
    "forward-gradient": {"directions": 1},
    "node-perturbation": {"directions": 1},
    "random-coordinates": {"coordinates": 5},
    "spsa": {"directions": 1},
}
# What promises a direction alone has tests of its own.
EXACT = [name for name in NAMES if name not in RANDOM and ALL[name].promises == "gradient"]
# How exact those are that are not to rounding: in float64, and with float32's much larger step.
TOLERANCE = {"float64": 1e-6, "float32": 1e-2}

each = pytest.mark.parametrize("estimator", ALL.values(), ids=ALL)
each_exact = pytest.mark.parametrize("name", EXACT)
each_random = pytest.mark.parametrize("name", RANDOM)
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
STREAM = modnet.Stream(0, ("gradient", 3))


def tiny(dtype: str = "float64") -> tuple[modnet.Network, np.ndarray, np.ndarray]:
    """A network of 3, 4 and 2 units whose biases are not 0, and a batch for it."""
    net = modnet.Network((3, 4, 2), hidden="tanh", weight_init_std=0.7, dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    net.params = {name: value + rng.normal(0, 0.3, value.shape).astype(dtype) for name, value in net.params.items()}
    return net, rng.standard_normal((5, 3)).astype(dtype), np.array([0, 1, 1, 0, 1])


def draw_params(dtype: str = "float64") -> dict[str, np.ndarray]:
    """Parameters of several shapes: one of them has no entries, one is a single number."""
    rng = np.random.default_rng(4)
    shapes = {"W": (3, 2), "one": (), "none": (0, 2), "b": (4,)}
    return {name: np.asarray(rng.standard_normal(shape), dtype=dtype) for name, shape in shapes.items()}


def quadratic(params):
    """A plain function of the parameters, the sum of (w² + w) / 2."""
    return sum(((w * w + w) / 2).sum() for w in (params[name] for name in params))


def on_a_function(estimator, params, stream=STREAM):
    """The gradient of the quadratic, w + 1/2; one that needs a network's objective is skipped."""
    try:
        return estimator(quadratic, params, stream)
    except modnet.NoDerivativeError:
        pytest.skip("needs a network's objective")


@each
def test_each_parameter_keeps_its_own_dtype(estimator):
    params = {"wide": np.array([1.0, 2.0]), "narrow": np.array([3.0, 4.0], dtype=np.float32)}
    grads = on_a_function(estimator, params)
    assert {name: g.dtype for name, g in grads.items()} == {name: w.dtype for name, w in params.items()}


@each
def test_a_function_may_write_to_what_it_is_given_and_keep_it(estimator):
    """It centres an array in place: the gradient is that of a function that does not, and the caller's arrays stay."""
    params, kept = {"w": np.array([1.0, 2.0, 4.0]), "b": np.array([[0.5, -0.3]])}, []

    def center(params):
        values = [params[name] for name in params]
        kept.append(values)
        for value in values:
            value -= value.mean()
        return sum((value**3).sum() for value in values)

    try:
        expected = estimator(lambda params: sum(((w - w.mean()) ** 3).sum() for w in params.values()), params, STREAM)
    except modnet.NoDerivativeError:
        pytest.skip("needs a network's objective")
    before = {name: value.tobytes() for name, value in params.items()}
    found = estimator(center, params, STREAM)
    assert {name: value.tobytes() for name, value in params.items()} == before
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, atol=1e-9)
    arrays = [value for values in kept for value in values]
    assert len({id(value) for value in arrays}) == len(arrays)


def test_a_report_of_steps_leaves_the_parameters_to_a_function_that_writes():
    params = {"w": np.array([1.0, 2.0, 4.0])}

    def spoil(params):
        params["w"] -= params["w"].mean()
        return float((params["w"] ** 4).sum())

    expected = modnet.gradient("central-difference").report(lambda p: spoil({"w": p["w"].copy()}), params)
    assert modnet.gradient("central-difference").report(spoil, params) == expected
    assert params["w"].tolist() == [1.0, 2.0, 4.0]


@each
def test_a_gradient_is_no_view_of_what_was_given(estimator):
    net, x, t = tiny()
    objective = net.objective(x, t)
    first = estimator(objective, net.params, STREAM)
    second = estimator(objective, net.params, STREAM)
    given = [*net.params.values(), objective.x, *objective.trace(net.params).inputs]
    for g in first.values():
        assert not any(np.shares_memory(g, array) for array in [*given, *second.values()])


@each_exact
@each_dtype
def test_without_chance_it_is_the_gradient(name, dtype):
    net, x, t = tiny(dtype)
    reference, _, _ = tiny()
    reference.params = {key: value.astype("float64") for key, value in net.params.items()}
    exact, found = reference.gradient(x, t), net.gradient(x, t, name)
    for key, g in exact.items():
        np.testing.assert_allclose(found[key], g, atol=TOLERANCE[dtype])


@each_exact
@each_dtype
def test_without_chance_it_is_the_gradient_of_a_plain_function(name, dtype):
    params = draw_params(dtype)
    grads = on_a_function(modnet.gradient(name), params)
    for key, w in params.items():
        np.testing.assert_allclose(grads[key], w + 0.5, atol=TOLERANCE[dtype])


def assert_unbiased(estimates, exact):
    """The mean is as near to the exact gradient as its own standard error says, and near enough to tell."""
    drawn = np.array([np.concatenate([g.ravel() for g in grads.values()]) for grads in estimates])
    expected = np.concatenate([g.ravel() for g in exact.values()])
    error = drawn.std(axis=0, ddof=1) / math.sqrt(len(drawn))
    assert np.linalg.norm(error) < 0.2 * np.linalg.norm(expected)
    # The streams are fixed: a bound of 4 standard errors is passed always or never.
    assert np.abs((drawn.mean(axis=0) - expected) / error).max() < 4


@each_random
def test_with_chance_the_mean_is_the_gradient(name):
    net, x, t = tiny()
    objective, estimator = net.objective(x, t), modnet.gradient(name, **RANDOM[name])
    assert_unbiased([estimator(objective, net.params, STREAM.child(k)) for k in range(1500)], net.gradient(x, t))


@each_random
def test_with_chance_the_mean_is_the_gradient_of_a_plain_function(name):
    params, estimator = draw_params(), modnet.gradient(name, **RANDOM[name])
    estimates = [on_a_function(estimator, params, STREAM.child(k)) for k in range(1000)]
    assert_unbiased(estimates, {name: w + 0.5 for name, w in params.items()})


@each
def test_where_a_plain_function_will_not_do_one_line_says_so(estimator):
    message = ""
    try:
        estimator(quadratic, draw_params(), STREAM)
    except modnet.NoDerivativeError as error:
        message = str(error)
    alternatives = [name for name in NAMES if ALL[name].evaluations(draw_params()) is not None]
    assert not message or ("\n" not in message and any(name in message for name in alternatives))


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_a_network_without_a_choice_of_rates(name):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    data = modnet.Dataset.from_arrays((x, (x[:, 0] > x[:, 1]).astype(int)), scale=1.0)
    net = modnet.Network((2, 6, 2), hidden="tanh", weight_init_std=0.5, seed=0)
    optimizer = modnet.optimizer("sgd", lr=0.1)
    run = modnet.train(net, data, gradient=name, optimizer=optimizer, batch_size=20, iterations=100, seed=0)
    assert np.mean(run.history.loss[-10:]) < 0.8 * np.mean(run.history.loss[:10])


FIELDS = [(name, field) for name in NAMES for field in ("h", "sigma", "directions", "coordinates", "threads")]
SETTINGS = [(name, field) for name, field in FIELDS if hasattr(ALL[name], field)]


@pytest.mark.parametrize(("name", "field"), SETTINGS)
@pytest.mark.parametrize("value", [0, -1, math.nan, "much"])
def test_sizes_and_counts_must_be_positive_numbers(name, field, value):
    with pytest.raises(modnet.SettingError, match=f"^{name}: .*'{field}'.*{value}"):
        modnet.gradient(name, **{field: value})


def test_every_built_in_estimator_has_its_row_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "gradients.md").read_text(encoding="utf-8")
    built_in = [c.name for c in get_host().registry.components() if c.kind == "gradient" and c.owner == "modnet"]
    assert len(built_in) >= 9
    assert [name for name in built_in if f"\n| `{name}` |" not in page.split("\n### ")[0]] == []

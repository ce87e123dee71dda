"""Estimators that draw at random."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest
from modnet_gradients.directions import Direction, Perturbed, normal, signs

import modnet

STREAM = modnet.Stream(0, ("gradient", 7))
ALONG_DIRECTIONS = ["spsa", "evolution-strategies", "forward-gradient"]
BLACK_BOXES = ["spsa", "evolution-strategies", "random-coordinates"]


class Bend(modnet.Activation):
    """A smooth elementwise activation without a derivative; `named` says that it is elementwise."""

    def __init__(self, named: bool = True) -> None:
        self.named = named

    @property
    def elementwise(self):
        return self.named

    def __call__(self, a, axis=-1):
        return a / np.sqrt(1 + a * a)


class BendBack(Bend):
    """The same with its derivative."""

    def backward(self, a, z, dz, axis=-1):
        return dz * (1 + a * a) ** -1.5


def small(hidden="tanh", dtype="float64", **parts):
    net = modnet.Network((3, 5, 4, 2), hidden=hidden, weight_init_std=0.7, dtype=dtype, seed=1, **parts)
    rng = np.random.default_rng(2)
    net.params = {name: value + rng.normal(0, 0.3, value.shape).astype(dtype) for name, value in net.params.items()}
    return net, rng.standard_normal((6, 3)).astype(dtype), np.array([0, 1, 1, 0, 1, 0])


def slope_of(net, x, t, stream=STREAM):
    """The slope that a forward gradient found along its one direction, and the direction."""
    grads = net.gradient(x, t, modnet.gradient("forward-gradient", directions=1), stream)
    direction = Direction(net.params, stream.child(0), normal)
    v = {name: direction[name] for name in net.params}
    slopes = np.concatenate([(grads[name] / v[name]).ravel() for name in v])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-3 if x.dtype == np.float32 else 1e-9)
    return slopes[0], v


@pytest.mark.parametrize("draw", [signs, normal])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_direction_is_the_same_whenever_it_is_made(draw, dtype):
    params = {"W": np.zeros((40, 30), dtype), "b": np.zeros(30, dtype), "one": np.zeros((), dtype)}
    direction = Direction(params, STREAM.child(0), draw)
    first = {name: direction[name] for name in params}
    for name in reversed(params):
        again = direction[name]
        assert (again.shape, again.dtype) == (params[name].shape, params[name].dtype)
        assert again is not first[name]
        assert again.tobytes() == first[name].tobytes()
    other = Direction(params, STREAM.child(1), draw)
    assert not np.array_equal(other["W"], first["W"])
    assert not np.array_equal(first["W"][0], first["b"])


@pytest.mark.parametrize("draw", [signs, normal])
def test_a_direction_has_mean_0_and_variance_1(draw):
    d = Direction({"w": np.zeros(100_000)}, STREAM, draw)["w"]
    assert abs(d.mean()) < 0.01
    assert d.var() == pytest.approx(1, abs=0.01)
    if draw is signs:
        assert set(d) == {-1.0, 1.0}


def test_perturbed_parameters_are_a_mapping_like_any_other():
    params = {"W": np.ones((2, 3)), "b": np.full(3, 2.0)}
    direction = Direction(params, STREAM, normal)
    moved = Perturbed(params, direction, 0.5)
    assert list(moved) == list(params)
    assert len(moved) == 2
    assert "W" in moved
    assert "none" not in moved
    for name, value in {**moved}.items():
        np.testing.assert_array_equal(value, params[name] + 0.5 * direction[name])
    np.testing.assert_array_equal(params["W"], np.ones((2, 3)))


def deep(dtype="float64"):
    """A network of many arrays, the largest of which is a quarter of all, and one sample for it."""
    net = modnet.Network((300, 300, 600, 300, 300, 300, 300, 10), dtype=dtype, seed=0)
    return net, net.objective(np.ones((1, 300)), np.array([1])), [value.nbytes for value in net.params.values()]


def measure(function):
    """Return the bytes that a call keeps in what it returns, and has at most."""
    function()
    tracemalloc.start()
    try:
        found = function()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del found
    return kept, peak


def test_memory_of_random_coordinates_is_the_gradient_and_little_more():
    net, objective, sizes = deep()
    estimator = modnet.gradient("random-coordinates")
    kept, peak = measure(lambda: estimator(objective, net.params, STREAM))
    assert kept < 1.05 * sum(sizes)
    assert peak - sum(sizes) < 1.1 * max(sizes)


@pytest.mark.parametrize("name", ALONG_DIRECTIONS)
def test_memory_is_that_of_one_array_and_no_copy_of_the_parameters(name):
    """The largest array as moved, and as drawn: neither the parameters once more, nor a direction, nor the gradient."""
    net, objective, sizes = deep()
    estimator = modnet.gradient(name, directions=2)
    kept, peak = measure(lambda: estimator(objective, net.params, STREAM))
    assert kept < 0.001 * sum(sizes)
    assert peak < 1.3 * max(sizes)


@pytest.mark.parametrize("name", ALONG_DIRECTIONS)
def test_each_array_of_a_gradient_is_made_when_it_is_asked_for_and_each_time_the_same(name):
    net, x, t = small()
    grads = modnet.gradient(name, directions=3)(net.objective(x, t), net.params, STREAM)
    assert list(grads) == list(net.params)
    assert len(grads) == len(net.params)
    for key, g in {**grads}.items():
        again = grads[key]
        assert again is not g
        assert again.tobytes() == g.tobytes()
        assert again.flags.writeable


def test_a_training_step_holds_no_gradient():
    """But the parameters before the step and after it: each is a whole set, whenever it is interrupted."""
    net = modnet.Network((600,) * 8 + (10,), dtype="float64", seed=0)
    sizes = [value.nbytes for value in net.params.values()]
    data = modnet.Dataset.from_arrays((np.ones((4, 600)), np.arange(4)), scale=1.0)
    parts = {"gradient": modnet.gradient("spsa", directions=1), "optimizer": modnet.optimizer("sgd", lr=1e-6)}
    _, peak = measure(lambda: modnet.train(net, data, **parts, batch_size=1, iterations=3))
    assert peak < 2 * sum(sizes) + 2.5 * max(sizes)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_spsa_descends_in_place_to_the_bits_of_a_step_of_sgd(dtype):
    net, x, t = small(dtype=dtype)
    objective, estimator, lr = net.objective(x, t), modnet.gradient("spsa", directions=3), 0.1
    grads = estimator(objective, net.params, STREAM)
    expected, _ = modnet.optimizer("sgd", lr=lr).step(net.params, grads, {})
    arrays = dict(net.params)
    estimator.descend(objective, net.params, STREAM, lr)
    for key, value in net.params.items():
        assert value is arrays[key]
        assert value.dtype == dtype
        assert value.tobytes() == expected[key].tobytes()


def test_spsa_descends_at_one_copy_of_the_parameters():
    net, objective, sizes = deep("float32")
    estimator = modnet.gradient("spsa", directions=2)
    kept, peak = measure(lambda: estimator.descend(objective, net.params, STREAM, 1e-6))
    assert kept < 0.001 * sum(sizes)
    assert peak < 2.4 * max(sizes)


def test_spsa_descends_on_a_function():
    params = {"w": np.array([3.0, -4.0]), "b": np.array(2.0)}
    estimator = modnet.gradient("spsa", directions=1)
    for k in range(300):
        estimator.descend(lambda p: float((p["w"] ** 2).sum() + p["b"] ** 2), params, STREAM.child(k), lr=0.05)
    assert all(np.abs(value).max() < 1e-6 for value in params.values())


@pytest.mark.parametrize("value", [np.broadcast_to(1.0, (3,)), [1.0, 2.0]])
def test_spsa_descends_no_array_that_cannot_be_written_to(value):
    params = {"first": np.ones(2), "w": value}
    message = "^descend writes into the parameters, and w is no array that can be written to: hand in copies$"
    with pytest.raises(modnet.GradientError, match=message):
        modnet.gradient("spsa").descend(lambda p: 1.0, params, STREAM, 0.1)
    assert params["first"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("draw_and_name", [(signs, "spsa"), (normal, "evolution-strategies")])
def test_an_estimate_is_the_formulas(draw_and_name):
    draw, name = draw_and_name
    net, x, t = small()
    h, count = 1e-2, 3
    estimator = modnet.gradient(name, directions=count, **{"h" if name == "spsa" else "sigma": h})
    found = net.gradient(x, t, estimator, STREAM)
    expected = {key: np.zeros_like(value) for key, value in net.params.items()}
    for k in range(count):
        direction = Direction(net.params, STREAM.child(k), draw)
        d = {key: direction[key] for key in net.params}
        above, below = (
            net.with_arrays({key: w + s * d[key] for key, w in net.params.items()}).loss(x, t) for s in (h, -h)
        )
        for key in expected:
            expected[key] += (above - below) / (2 * h) * d[key] / count
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9)


@pytest.mark.check
@pytest.mark.parametrize("name", ALONG_DIRECTIONS)
def test_the_squared_error_falls_as_one_over_the_directions(name):
    net, x, t = small()
    exact = net.gradient(x, t)
    n = sum(value.size for value in net.params.values())
    for directions in (1, 16):
        estimator = modnet.gradient(name, directions=directions)
        errors = []
        for k in range(1600 // directions):
            grads = net.gradient(x, t, estimator, STREAM.child(k))
            errors.append(sum(((grads[key] - g) ** 2).sum() for key, g in exact.items()))
        expected = (n - 1 if name == "spsa" else n + 1) / directions * sum((g**2).sum() for g in exact.values())
        assert np.mean(errors) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("name", BLACK_BOXES)
def test_a_loss_that_is_not_finite_is_reported_in_a_line(name):
    with pytest.raises(modnet.GradientError, match=r"^the loss is nan and nan where .* moved") as caught:
        modnet.gradient(name)(lambda params: float("nan"), {"w": np.ones(3)}, STREAM)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "setting"), [("spsa", "h"), ("evolution-strategies", "sigma"),
                                               ("random-coordinates", "h")])  # fmt: skip
def test_a_move_that_vanishes_in_the_dtype_is_refused(name, setting):
    estimator = modnet.gradient(name, **{setting: 1e-8})
    with pytest.raises(modnet.GradientError, match=f"^w is float32, in which {setting}=1e-08 vanishes beside 1"):
        estimator(lambda params: 0.0, {"w": np.ones(3, np.float32)}, STREAM)


def test_spsa_moves_all_parameters_by_the_step_of_the_coarsest_dtype():
    seen = []

    def f(params):
        seen.append({name: abs(float(params[name][0]) - 1) for name in params})
        return 0.0

    params = {"wide": np.ones(1), "narrow": np.ones(1, np.float32)}
    modnet.gradient("spsa", directions=1)(f, params, STREAM)
    h = modnet.default_step("float32")
    assert seen[0]["wide"] == pytest.approx(h, rel=1e-12)
    assert seen[0]["narrow"] == pytest.approx(h, rel=1e-4)


def test_evolution_strategies_see_past_the_steps_of_a_loss():
    # The sign of each number counts: no slope anywhere, but smoothed it falls where the numbers fall.
    def f(params):
        return float(np.sign(params["w"]).sum())

    params = {"w": np.array([0.05, -0.02, 0.01])}
    exact = modnet.gradient("central-difference")(f, params, STREAM)
    assert not exact["w"].any()
    smoothed = modnet.gradient("evolution-strategies", sigma=0.1, directions=2000)(f, params, STREAM)
    # The derivative of the smoothed sign: twice the normal density.
    expected = 2 / (0.1 * np.sqrt(2 * np.pi)) * np.exp(-((params["w"] / 0.1) ** 2) / 2)
    np.testing.assert_allclose(smoothed["w"], expected, rtol=0.15)


@pytest.mark.parametrize(
    "parts",
    [
        {"hidden": "tanh"},
        {"hidden": "relu"},
        {"hidden": "softmax"},
        {"hidden": Bend()},
        {"hidden": Bend(named=False)},
        {"hidden": BendBack()},
        {"hidden": BendBack(named=False)},
        {"hidden": "sigmoid", "output": "identity", "loss": "mean-squared-error"},
        {"hidden": "sigmoid", "output": "softmax", "loss": "mean-squared-error"},
    ],
)
def test_a_forward_slope_is_the_gradients_part_along_the_direction(parts):
    net, x, t = small(**parts)
    slope, v = slope_of(net, x, t)
    exact = net.gradient(x, t)
    assert slope == pytest.approx(sum((exact[name] * v[name]).sum() for name in v), rel=1e-7)


@pytest.mark.parametrize("hidden", ["tanh", "softmax"])
def test_a_forward_slope_in_float32(hidden):
    net, x, t = small(hidden, "float32")
    slope, v = slope_of(net, x, t)
    exact = net.gradient(x, t)
    size = np.sqrt(sum((g**2).sum() for g in exact.values()))
    assert abs(slope - sum((exact[name] * v[name]).sum() for name in v)) < 1e-2 * size


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6])
def test_the_scale_of_a_layer_does_not_spoil_a_forward_slope(scale):
    net, x, t = small(Bend(named=False))
    net.params["W1"] = net.params["W1"] * scale
    slope, v = slope_of(net, x * scale, t)
    exact = net.with_arrays(net.params).gradient(x * scale, t)
    assert slope == pytest.approx(sum((exact[name] * v[name]).sum() for name in v), rel=1e-5)


def test_a_forward_gradient_evaluates_no_loss_and_makes_no_backward_pass():
    net, x, t = small()
    objective = net.objective(x, t)

    class Watched(modnet.Objective):
        layers, loss_function = objective.layers, objective.loss_function
        x, t = objective.x, objective.t
        traces = 0

        def __call__(self, params):
            raise AssertionError("evaluated")

        def backward(self, params):
            raise AssertionError("went back")

        def trace(self, params):
            Watched.traces += 1
            return objective.trace(params)

        def output_error(self, params):
            return objective.output_error(params)

    estimator = modnet.gradient("forward-gradient")
    expected = estimator(objective, net.params, STREAM)
    found = estimator(Watched(), net.params, STREAM)
    assert all(np.array_equal(found[name], g) for name, g in expected.items())
    assert estimator.evaluations(net.params) is None


def test_random_coordinates_are_the_central_differences_of_so_many():
    net, x, t = small()
    n = sum(value.size for value in net.params.values())
    exact = net.gradient(x, t, "central-difference")
    plain = net.gradient(x, t, modnet.gradient("random-coordinates", coordinates=7, rescale=False), STREAM)
    scaled = net.gradient(x, t, modnet.gradient("random-coordinates", coordinates=7), STREAM)
    drawn = {name: g != 0 for name, g in plain.items()}
    assert sum(int(d.sum()) for d in drawn.values()) == 7
    for name, d in drawn.items():
        np.testing.assert_allclose(plain[name][d], exact[name][d], atol=1e-9)
        np.testing.assert_allclose(scaled[name], plain[name] * n / 7, rtol=1e-12)


def test_random_coordinates_where_there_are_fewer_are_all():
    net, x, t = small()
    n = sum(value.size for value in net.params.values())
    estimator, exact = modnet.gradient("random-coordinates", coordinates=10 * n), net.gradient(x, t)
    assert estimator.evaluations(net.params) == 2 * n
    for name, g in net.gradient(x, t, estimator).items():
        np.testing.assert_allclose(g, exact[name], atol=1e-6)


def test_each_coordinate_is_drawn_as_often():
    params = {"a": np.ones((2, 3)), "none": np.ones(0), "b": np.ones(4)}
    estimator = modnet.gradient("random-coordinates", coordinates=3, rescale=False)
    counts = np.zeros(10)
    for k in range(1000):
        grads = estimator(lambda p: sum(p[name].sum() for name in p), params, STREAM.child(k))
        counts += np.concatenate([g.ravel() for g in grads.values()]) > 0.5
    assert counts.sum() == 3000
    assert np.abs(counts - 300).max() < 4 * np.sqrt(1000 * 0.3 * 0.7)


def test_an_objective_may_remember_the_mappings_it_was_given():
    seen = []

    def f(params):
        seen.append(params)
        return float(params["w"].sum())

    modnet.gradient("random-coordinates")(f, {"w": np.ones(3), "v": np.ones(2)}, STREAM)
    assert len({id(params) for params in seen}) == len(seen) == 10


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3), r"returned an array of shape \(3,\): an array of the shape of W1, \(2, 4\), is expected"),
        (np.full((2, 4), 1j), "returned W1 as complex128: real numbers are expected"),
        (None, r"returned a NoneType: an array of the shape of W1"),
    ],
)
def test_an_array_that_is_made_when_asked_for_is_validated_then(array, message):
    class Lazy(Mapping):
        def __init__(self, params):
            self.params = params

        def __getitem__(self, name):
            return array if name == "W1" else np.zeros_like(self.params[name])

        def __iter__(self):
            return iter(self.params)

        def __len__(self):
            return len(self.params)

    class Estimator(modnet.GradientEstimator):
        def __call__(self, objective, params, stream):
            return Lazy(params)

    net = modnet.Network((2, 4, 2), seed=0)
    data = modnet.Dataset.from_arrays((np.ones((4, 2)), np.arange(4) % 2), scale=1.0)
    with pytest.raises(modnet.PluginError, match=message):
        modnet.train(net, data, gradient=Estimator(), batch_size=2, iterations=2)


def test_a_float64_array_that_is_made_when_asked_for_leaves_a_float32_network_as_it_is():
    class Wide(modnet.GradientEstimator):
        def __call__(self, objective, params, stream):
            grads = {name: value.astype("float64") for name, value in objective.backward(params).items()}
            return MappingProxyType(grads)

    net = modnet.Network((2, 4, 2), dtype="float32", seed=0)
    data = modnet.Dataset.from_arrays((np.ones((4, 2)), np.arange(4) % 2), scale=1.0)
    run = modnet.train(net, data, gradient=Wide(), optimizer="adam", batch_size=2, iterations=3)
    assert {value.dtype for value in run.params.values()} == {np.dtype("float32")}


@pytest.mark.parametrize("name", [*BLACK_BOXES, "forward-gradient", "central-difference", "richardson", "complex-step"])
@pytest.mark.parametrize(("given", "words"), [(np.array([1, 2]), "of int64"), ([1.0, 2.0], "a list"), (3.0, "a float")])
def test_parameters_that_are_no_arrays_of_floats_are_refused_in_a_line(name, given, words):
    message = rf"^parameter w is {words}: pass an array of floats, np.array\(..., float\)$"
    with pytest.raises(modnet.GradientError, match=message):
        modnet.gradient(name)(lambda params: (params["w"] ** 1.5).sum(), {"w": given}, STREAM)


@pytest.mark.parametrize("name", [*BLACK_BOXES, "central-difference"])
def test_a_plain_function_may_put_arrays_in_place_of_those_that_it_gets(name):
    def move_in_place(params):
        params["w"] -= params["w"].mean()
        return float((params["w"] ** 2).sum())

    def move_copy(params):
        w = params["w"] - params["w"].mean()
        return float((w**2).sum())

    params = {"w": np.array([1.0, 2.0, 5.0])}
    found, expected = (dict(modnet.gradient(name)(f, params, STREAM)) for f in (move_in_place, move_copy))
    np.testing.assert_array_equal(found["w"], expected["w"])
    np.testing.assert_array_equal(params["w"], [1.0, 2.0, 5.0])

"""Levels of evaluation of differences: nodes, outputs, every move."""

from __future__ import annotations

import tracemalloc

import attrs
import numpy as np
import pytest
from modnet_gradients.central_difference import CENTRAL, CentralDifference
from modnet_gradients.complex_step import COMPLEX
from modnet_gradients.forward_difference import FORWARD
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_gradients.structure import structured_gradient

import modnet
from modnet.compose.experiment import create_experiment

EPS = np.finfo(float).eps


@attrs.frozen
class Promiseless(modnet.Activation):
    """A third-party activation that promises nothing: `base` and something on top of it."""

    extra: str = "none"
    width: float = 1e-4

    elementwise = True

    def __call__(self, a, axis=-1):
        base = np.arctan(a)
        return base + np.asarray(EXTRAS[self.extra](a, self.width), a.dtype)


def noise(a, width):
    """A hash of the bits, as good as random."""
    return 1e-3 * width * (np.sin(a * 1e9) > 0)


EXTRAS = {
    "none": lambda a, width: 0 * a,
    "bumps": lambda a, width: width * np.exp(-(((a / width) % 30 - 15) ** 2)),
    "rare bumps": lambda a, width: width * np.exp(-(((a / width * 50) % 5000 - 2500) ** 2)),
    "wave that the nodes would alias": lambda a, width: 1e-2 * width * np.sin(a * (4 * np.pi / width)),
    "noise": noise,
    "steps": lambda a, width: np.floor(a * 2**12) / 2**12,
    "jump at 0": lambda a, width: 0.5 * (a > 0),
}


def network_with(sizes, seed=0, std=0.5, **parts):
    network = modnet.Network(sizes, weight_init_std=std, seed=seed, **parts)
    rng = modnet.Stream(seed, ("biases",)).generator()
    noise = {n: 0.1 * rng.standard_normal(p.shape) * (p.ndim == 1) for n, p in network.params.items()}
    network.params = {n: p + noise[n].astype(p.dtype) for n, p in network.params.items()}
    return network


def batch_for(sizes, samples=40, seed=0):
    rng = modnet.Stream(seed, ("batch",)).generator()
    x = np.round(rng.standard_normal((samples, sizes[0])), 1) * (rng.random((samples, sizes[0])) < 0.6)
    return x, rng.integers(0, sizes[-1], samples)


def gradient(objective, params, stencil, h, evaluate, **more):
    return structured_gradient(objective, params, stencil, dict.fromkeys(params, h), 1, evaluate, **more)


def assert_equal_to_rounding(found, expected, loss, h, eps=EPS):
    for name, grad in expected.items():
        np.testing.assert_allclose(found[name], grad, rtol=500 * eps, atol=eps * (1 + abs(loss)) / h)


def each_estimator(*names):
    return pytest.mark.parametrize("name", names)


@each_estimator("central-difference", "forward-difference", "richardson")
def test_how_it_evaluates_is_a_setting(name):
    assert modnet.gradient(name).evaluate is None  # in no experiment's table: older runs can be resumed
    assert modnet.gradient(name, evaluate="every").evaluate == "every"
    with pytest.raises(modnet.SettingError, match=f"^{name}: 'evaluate' must be 'nodes' or 'every' or none, not"):
        modnet.gradient(name, evaluate="most")


@each_estimator("central-difference", "forward-difference", "richardson")
def test_an_experiment_says_how_to_evaluate(name):
    experiment = create_experiment({"gradient": {"name": name, "evaluate": "every"}})
    assert experiment.gradient.evaluate == "every"


@each_estimator("central-difference", "forward-difference", "richardson")
def test_with_every_move_no_cell_is_interpolated(name):
    network = network_with([4, 5, 3])
    objective = network.objective(*batch_for([4, 5, 3], 7))
    cells = modnet.gradient(name, evaluate="every").count_cells(objective, network.params)
    assert [str(layer) for layer in cells] == ["layer 1: every move, 35 cells", "layer 2: every move, 21 cells"]


def test_a_plain_function_has_no_cells():
    with pytest.raises(modnet.GradientError, match=r"no cells: hand in a network's objective"):
        CentralDifference().count_cells(lambda params: 0.0, {"w": np.zeros(2)})


@pytest.mark.parametrize("evaluate", ["nodes", "every"])
@pytest.mark.parametrize("hidden", ["sigmoid", "relu", Promiseless("jump at 0")], ids=str)
def test_neither_threads_nor_blocks_show_whatever_the_size_of_weights(hidden, evaluate):
    network = network_with([20, 37, 10], hidden=hidden)
    scales = 10.0 ** np.random.default_rng(0).uniform(-3, 2.5, (37, 1))
    network.params = {**network.params, "W2": network.params["W2"] * scales}
    objective, steps = network.objective(*batch_for([20, 37, 10], 30)), dict.fromkeys(network.params, 1e-3)
    one = structured_gradient(objective, network.params, CENTRAL, steps, 1, evaluate)
    for threads, block in ((1, 1), (2, 3000), (3, 20_000), (5, 400_000)):
        other = structured_gradient(objective, network.params, CENTRAL, steps, threads, evaluate, block)
        assert all(np.array_equal(one[name], other[name]) for name in one)


class TestTinyComplexSteps:
    @pytest.mark.parametrize("hidden", ["sigmoid", "softmax", "tanh"])
    @pytest.mark.parametrize("loss", ["cross-entropy", "mean-squared-error"])
    def test_one_for_each_cell_is_what_one_for_each_move_is(self, hidden, loss):
        network = network_with([6, 8, 5, 3], hidden=hidden, loss=loss)
        x, t = batch_for([6, 8, 5, 3])
        objective = network.objective(20 * x, t)
        found, every = (gradient(objective, network.params, COMPLEX, 1e-20, way) for way in ("nodes", "every"))
        for name, grad in every.items():
            np.testing.assert_allclose(found[name], grad, rtol=1e-13, atol=1e-16 * np.abs(grad).max())

    def test_one_that_is_not_tiny_is_evaluated_at_every_move(self):
        network = network_with([4, 5, 3])
        objective = network.objective(*batch_for([4, 5, 3], 7))
        found, every = (gradient(objective, network.params, COMPLEX, 1e-3, way) for way in ("nodes", "every"))
        assert all(np.array_equal(found[name], every[name]) for name in every)

    def test_a_form_of_changes_that_is_one_of_real_numbers_does_no_harm(self):
        @attrs.frozen
        class Square(modnet.Activation):
            elementwise = True

            def __call__(self, a, axis=-1):
                return a * a

            def change(self, a, z, da, axis=-1):
                return np.maximum(da, -np.inf) * (2 * np.abs(a) + da)

        network = network_with([4, 5, 3], hidden=Square())
        batch = batch_for([4, 5, 3], 7)
        found, tested = (network.gradient(*batch, name) for name in ("complex-step", "backpropagation"))
        for name, grad in tested.items():
            np.testing.assert_allclose(found[name], grad, atol=1e-6)


class TestSteps:
    def test_a_network_in_which_nothing_cancels_is_not_warned_about_small_ones(self):
        network = network_with([5, 4, 3], hidden=Promiseless())
        batch = batch_for([5, 4, 3], 6)
        with pytest.warns(modnet.PrecisionWarning, match="h=1e-10"):
            network.gradient(*batch, modnet.gradient("central-difference", h=1e-10))


@attrs.frozen
class Smooth(modnet.Activation):
    """A third-party activation that promises to be smooth."""

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.arctan(a)


class Rough(modnet.Loss):
    """A third-party loss that promises nothing."""

    def __call__(self, y, t, axis=-1):
        return np.abs(y - modnet.one_hot(t, y, axis)).sum(axis=axis)


@attrs.frozen
class Mixing(modnet.Activation):
    """A third-party activation over all units, which promises nothing."""

    def __call__(self, a, axis=-1):
        return a / (1 + np.abs(a).sum(axis=axis, keepdims=True))


@pytest.mark.parametrize(
    ("hidden", "output", "loss", "levels"),
    [
        ([Smooth(), Smooth()], "softmax", "cross-entropy", ["nodes", "nodes", "nodes"]),
        ([Promiseless(), Smooth()], "softmax", "cross-entropy", ["outputs", "nodes", "nodes"]),
        ([Smooth(), Promiseless()], "softmax", "cross-entropy", ["every", "outputs", "nodes"]),
        ([Mixing(), Smooth()], "softmax", "cross-entropy", ["every", "nodes", "nodes"]),
        ([Smooth(), Smooth()], Smooth(), "mean-squared-error", ["nodes", "nodes", "nodes"]),
        ([Smooth(), Smooth()], Promiseless(), "mean-squared-error", ["every", "every", "outputs"]),
        ([Smooth(), Smooth()], Mixing(), "mean-squared-error", ["every", "every", "every"]),
        ([Smooth(), Smooth()], Smooth(), Rough(), ["every", "every", "every"]),
    ],
    ids=str,
)
def test_what_parts_promise_decides_how_a_layer_is_evaluated(hidden, output, loss, levels):
    network = network_with([4, 5, 6, 3], hidden=hidden, output=output, loss=loss)
    objective = network.objective(*batch_for([4, 5, 6, 3], 7))
    cells = CentralDifference().count_cells(objective, network.params)
    assert [layer.level for layer in cells] == levels
    assert [layer.cells for layer in cells] == [35, 42, 21]


class TestOutputs:
    """An activation without a promise is evaluated at every move; what follows it is interpolated."""

    @pytest.mark.parametrize(("stencil", "h"), [(CENTRAL, 1e-4), (FORWARD, 1e-6), (EXTRAPOLATED, 1e-3)])
    @pytest.mark.parametrize("extra", EXTRAS)
    @pytest.mark.parametrize("output", ["softmax", "identity"])
    def test_no_activation_can_fool_what_follows_it(self, stencil, h, extra, output):
        loss = "cross-entropy" if output == "softmax" else "mean-squared-error"
        network = network_with([6, 8, 3], hidden=Promiseless(extra, h), output=output, loss=loss)
        objective = network.objective(*batch_for([6, 8, 3]))
        found, every = (gradient(objective, network.params, stencil, h, way) for way in ("nodes", "every"))
        assert_equal_to_rounding(found, every, objective(network.params), h)

    @pytest.mark.parametrize("extra", EXTRAS)
    def test_an_output_without_a_promise_may_be_the_last(self, extra):
        network = network_with([6, 8, 3], hidden="tanh", output=Promiseless(extra), loss="mean-squared-error")
        objective = network.objective(*batch_for([6, 8, 3]))
        found, every = (gradient(objective, network.params, CENTRAL, 1e-4, way) for way in ("nodes", "every"))
        assert_equal_to_rounding(found, every, objective(network.params), 1e-4)

    @pytest.mark.parametrize(("scale", "h"), [(0.0, 1e-4), (1.0, 1e-2), (255.0, 1e-4), (1e4, 1e-6)])
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_inputs_may_be_of_any_size(self, scale, h, dtype):
        h = h if dtype == "float64" else 5e-3
        network = network_with([6, 8, 3], hidden=Promiseless(), dtype=dtype)
        x, t = batch_for([6, 8, 3])
        objective = network.objective((x * scale).astype(dtype), t)
        found, every = (gradient(objective, network.params, CENTRAL, h, way) for way in ("nodes", "every"))
        assert_equal_to_rounding(found, every, objective(network.params), h, np.finfo(dtype).eps)

    def test_samples_may_have_weights_and_one_of_them_nothing_that_moves(self):
        network = network_with([6, 8, 3], hidden=Promiseless("jump at 0"))
        x, t = batch_for([6, 8, 3])
        x[3] = 0
        objective = network.objective(x, t, weights=np.arange(40.0))
        found, every = (gradient(objective, network.params, CENTRAL, 1e-4, way) for way in ("nodes", "every"))
        assert_equal_to_rounding(found, every, objective(network.params), 1e-4)

    def test_a_kink_in_what_follows_is_found_and_counted(self):
        network = network_with([6, 30, 40, 3], hidden=[Promiseless(), "relu"])
        objective = network.objective(*batch_for([6, 30, 40, 3]))
        layer, *_ = CentralDifference(h=1e-3).count_cells(objective, network.params)
        assert layer.level == "outputs"
        assert 0 < layer.fell_back < layer.cells / 5
        found, every = (gradient(objective, network.params, CENTRAL, 1e-3, way) for way in ("nodes", "every"))
        assert_equal_to_rounding(found, every, objective(network.params), 1e-3)

    @pytest.mark.parametrize("extra", ["none", "jump at 0"])
    def test_neither_threads_nor_blocks_nor_parts_of_a_batch_show(self, extra, monkeypatch):
        network = network_with([6, 20, 10, 3], hidden=[Promiseless(extra), "relu"])
        objective = network.objective(*batch_for([6, 20, 10, 3], 100))
        one = gradient(objective, network.params, CENTRAL, 1e-2, "nodes")
        for threads, block in ((3, 1), (2, 3000), (5, 100_000)):
            steps = dict.fromkeys(network.params, 1e-2)
            other = structured_gradient(objective, network.params, CENTRAL, steps, threads, block=block)
            assert all(np.array_equal(one[name], other[name]) for name in one)
        monkeypatch.setattr("modnet_gradients.structure.every.ENTRIES", 64)
        parts = gradient(objective, network.params, CENTRAL, 1e-2, "nodes")
        assert_equal_to_rounding(parts, one, objective(network.params), 1e-2)

    def test_memory_is_bounded_whatever_the_inputs(self):
        network = network_with([8000, 4, 2], std=0.01, hidden=Promiseless())
        x = np.random.default_rng(0).standard_normal((200, 8000))
        objective = network.objective(x, np.arange(200) % 2)
        objective.trace(network.params)
        tracemalloc.start()
        found = structured_gradient(objective, network.params, CENTRAL, dict.fromkeys(network.params, 1e-4), threads=2)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak - sum(g.nbytes for g in found.values()) < 150e6

    def test_a_loss_that_is_not_finite_names_the_parameter(self):
        @attrs.frozen
        class Cliff(modnet.Activation):
            elementwise = True

            def __call__(self, a, axis=-1):
                return np.where(a > 1.00005, np.nan, a)

        network = modnet.Network([2, 2, 2], hidden=Cliff())
        network.params = {"W1": np.eye(2), "b1": np.zeros(2), "W2": np.eye(2), "b2": np.zeros(2)}
        batch = np.array([[0.5, 0.0], [0.5, 1.0]]), np.array([0, 1])
        with pytest.raises(
            modnet.GradientError, match=r"sample 1 of the batch is not finite where W1\[1, 1\] is moved"
        ):
            network.gradient(*batch, "central-difference")


class Straight(modnet.Activation):
    """The identity by a third party, whose change may be the very array that was handed in."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return +a

    def backward(self, a, z, dz, axis=-1):
        return +dz

    def change(self, a, z, da, axis=-1):
        return da


class StraightView(Straight):
    def change(self, a, z, da, axis=-1):
        return np.broadcast_to(da, np.broadcast_shapes(a.shape, da.shape))


class WritesMoves(Straight):
    def change(self, a, z, da, axis=-1):
        da *= 2
        return da / 2 + 0 * a


class WritesOutputs(Straight):
    kinks = ()

    def change(self, a, z, da, axis=-1):
        z += da.max()
        return da + 0 * a


class TestWhatPartsDoWithArrays:
    @pytest.mark.parametrize("evaluate", ["nodes", "every"])
    @pytest.mark.parametrize("samples", [1, 600])
    @pytest.mark.parametrize("units", [1, 40])
    @pytest.mark.parametrize("part", [Straight, StraightView])
    @each_estimator("central-difference", "richardson")
    def test_a_change_may_be_the_move_itself(self, name, part, units, samples, evaluate):
        network = network_with([150, units, 3], std=0.1, hidden=part())
        x, t = batch_for([150, units, 3], samples)
        expected = network.gradient(x, t, "backpropagation")
        found = network.gradient(x, t, modnet.gradient(name, evaluate=evaluate, threads=1))
        for array, grad in expected.items():
            np.testing.assert_allclose(found[array], grad, rtol=1e-5, atol=1e-8)

    @pytest.mark.parametrize(
        ("part", "evaluate"), [(WritesMoves, "nodes"), (WritesMoves, "every"), (WritesOutputs, "nodes")]
    )
    def test_one_that_writes_to_what_it_was_given_is_stopped(self, part, evaluate):
        network = network_with([5, 1, 3], hidden=part())
        with pytest.raises(ValueError, match="read-only"):
            network.gradient(*batch_for([5, 1, 3]), modnet.gradient("central-difference", evaluate=evaluate))


@pytest.mark.parametrize(("dtype", "far"), [("float64", 1e30), ("float64", 1e200), ("float32", 3e38)])
@pytest.mark.parametrize("hidden", ["tanh", Promiseless()])
def test_an_input_as_large_as_the_dtype_allows(hidden, dtype, far):
    network = network_with([4, 3, 2], hidden=hidden, dtype=dtype)
    x, t = batch_for([4, 3, 2])
    x[7, 2] = far
    found, expected = (network.gradient(x, t, CentralDifference(evaluate=e)) for e in ("nodes", "every"))
    assert_equal_to_rounding(found, expected, network.loss(x, t), 5e-3, np.finfo(dtype).eps)

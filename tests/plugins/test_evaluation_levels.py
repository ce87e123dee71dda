"""Levels of evaluation of differences: nodes, outputs, every move."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from modnet_gradients.central_difference import CentralDifference
from modnet_gradients.complex_step import COMPLEX
from modnet_gradients.structure import structured_gradient

import modnet

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
    network.params = {n: p + 0.1 * rng.standard_normal(p.shape) * (p.ndim == 1) for n, p in network.params.items()}
    return network


def batch_for(sizes, samples=40, seed=0):
    rng = modnet.Stream(seed, ("batch",)).generator()
    x = np.round(rng.standard_normal((samples, sizes[0])), 1) * (rng.random((samples, sizes[0])) < 0.6)
    return x, rng.integers(0, sizes[-1], samples)


def gradient(objective, params, stencil, h, evaluate, **more):
    return structured_gradient(objective, params, stencil, dict.fromkeys(params, h), 1, evaluate, **more)


def assert_equal_to_rounding(found, expected, loss, h, factor=1.0):
    for name, grad in expected.items():
        np.testing.assert_allclose(found[name], grad, rtol=1e-13, atol=factor * EPS * (1 + abs(loss)) / h)


def each_estimator(*names):
    return pytest.mark.parametrize("name", names)


@each_estimator("central-difference", "forward-difference", "richardson")
def test_how_it_evaluates_is_a_setting(name):
    assert modnet.gradient(name).evaluate == "nodes"
    assert modnet.gradient(name, evaluate="every").evaluate == "every"
    with pytest.raises(modnet.SettingError, match=f"^{name}: 'evaluate' must be 'nodes' or 'every', not 'most'"):
        modnet.gradient(name, evaluate="most")


@each_estimator("central-difference", "forward-difference", "richardson")
def test_with_every_move_no_cell_is_interpolated(name):
    network = network_with([4, 5, 3])
    objective = network.objective(*batch_for([4, 5, 3], 7))
    cells = modnet.gradient(name, evaluate="every").count_cells(objective, network.params)
    assert [str(layer) for layer in cells] == ["layer 1: every move, 35 cells", "layer 2: every move, 21 cells"]


def test_a_plain_function_has_no_cells():
    with pytest.raises(modnet.GradientError, match=r"no cells: hand in a network's objective"):
        CentralDifference().count_cells(lambda params: 0.0, {"w": np.zeros(2)})


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

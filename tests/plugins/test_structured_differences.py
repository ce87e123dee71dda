"""Differences from a network's structure: what the loop over all parameters gives, only faster."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from modnet_gradients.central_difference import CENTRAL
from modnet_gradients.forward_difference import FORWARD
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_gradients.structure import structured_gradient
from modnet_gradients.structure.columns import TILE

import modnet

ACTIVATIONS = modnet.compose.plugins.get_host().registry.names("activation")
LOSSES = modnet.compose.plugins.get_host().registry.names("loss")


class Scale(modnet.Activation):
    """A third-party activation over all units of a layer, without a derivative."""

    def __call__(self, a, axis=-1):
        return a / (1 + np.abs(a).sum(axis=axis, keepdims=True))


class Arctan(modnet.Activation):
    """A third-party activation without a derivative or a form of its own for changes."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.arctan(a)


def network_with(sizes, seed=0, *, std=0.5, **parts):
    network = modnet.Network(sizes, weight_init_std=std, seed=seed, **parts)
    rng = modnet.Stream(seed, ("biases",)).generator()
    network.params = {
        name: p + (0.1 * rng.standard_normal(p.shape) * (p.ndim == 1)).astype(p.dtype)
        for name, p in network.params.items()
    }
    return network


def batch_for(sizes, samples, seed=0):
    """Return samples with zeros and with repeated values among them, and targets."""
    rng = modnet.Stream(seed, ("batch",)).generator()
    x = rng.choice([0.0, 0.0, 0.25, -0.5, 1.0, rng.standard_normal()], size=(samples, sizes[0]))
    return x, rng.integers(0, sizes[-1], samples)


def by_loop(network, x, t, stencil, h=1e-4):
    """Return the same differences by evaluating the whole loss for each parameter, as the book does."""
    objective, params, gradient = network.objective(x, t), network.params, {}
    for name, value in params.items():
        gradient[name] = np.empty_like(value)
        for index in np.ndindex(value.shape):
            total = stencil.centre * objective(params)
            for shift, weight in zip(stencil.shifts, stencil.weights, strict=True):
                moved = value.copy()
                moved[index] += shift * h
                total += weight * objective({**params, name: moved})
            gradient[name][index] = total / (stencil.divisor * h)
    return gradient


def steps_of(network, h=1e-4):
    return dict.fromkeys(network.params, h)


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    hidden = [draw(st.sampled_from(ACTIVATIONS)) for _ in sizes[2:]]
    output, loss = draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from(LOSSES))
    network = network_with(sizes, draw(st.integers(0, 99)), hidden=hidden, output=output, loss=loss)
    x, t = batch_for(sizes, draw(st.integers(1, 9)), network.seed)
    return network, x, t if draw(st.booleans()) else np.eye(sizes[-1])[t]


def steep_network(seed, *activations):
    """Return a network with an output near 0, whose logarithm makes gradients of about 900."""
    sizes = [1, 6, 2, 6, 2]
    *hidden, output = activations
    return network_with(sizes, seed, hidden=hidden, output=output), *batch_for(sizes, 1, seed)


@pytest.mark.parametrize("stencil", [CENTRAL, FORWARD, EXTRAPOLATED])
@settings(max_examples=settings.default.max_examples * 3 // 5, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=networks())
@example(drawn=steep_network(23, "swish", "gelu", "leaky-relu", "elu"))
@example(drawn=steep_network(26, "swish", "leaky-relu", "elu", "gelu"))
def test_it_is_what_the_loop_gives_within_the_loops_own_rounding(stencil, drawn):
    network, x, t = drawn
    objective = network.objective(x, t)
    with np.errstate(all="ignore"):
        trace = objective.trace(network.params)
        expected = by_loop(network, x, t, stencil)
    # A loss may be undefined for what an activation gives (a logarithm of a negative output), or infinite.
    assume(all(np.isfinite(g).all() for g in expected.values()))
    found = structured_gradient(objective, network.params, stencil, steps_of(network), threads=1)
    # The loss is rounded, and so are each layer's pre-activations, from which the loss has the slope that is the
    # gradient by the layer's biases. Without that slope the bound fails even beside a loop in extended precision.
    passed_on = max(
        np.abs(a).max() * np.abs(expected[layer.bias]).max()
        for layer, a in zip(objective.layers, trace.pre_activations, strict=True)
    )
    weights = sum(map(abs, stencil.weights)) / stencil.divisor
    bound = 8 * np.finfo(float).eps * (1 + abs(trace.loss) + passed_on) / 1e-4 * weights
    for name, grad in found.items():
        assert grad.shape == network.params[name].shape
        assert np.abs(grad - expected[name]).max() <= bound, name


@pytest.mark.parametrize("sizes", [[7, 5, 3], [7, 40, 30, 3]])
@pytest.mark.parametrize("hidden", ["sigmoid", Scale()])
@settings(max_examples=settings.default.max_examples // 10)
@given(threads=st.integers(1, 5), block=st.sampled_from([1, 3000, 100_000]))
def test_neither_threads_nor_blocks_show_in_the_bits(sizes, hidden, threads, block):
    network = network_with(sizes, hidden=hidden)
    objective = network.objective(*batch_for(sizes, 100))
    one = structured_gradient(objective, network.params, CENTRAL, steps_of(network), threads=1)
    other = structured_gradient(objective, network.params, CENTRAL, steps_of(network), threads=threads, block=block)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_batch_that_is_gone_through_in_parts_gives_the_same(monkeypatch):
    network = network_with([7, 5, 3])
    objective = network.objective(*batch_for([7, 5, 3], 50))
    whole = structured_gradient(objective, network.params, CENTRAL, steps_of(network))
    monkeypatch.setattr("modnet_gradients.structure.every.ENTRIES", 64)
    parts = structured_gradient(objective, network.params, CENTRAL, steps_of(network))
    for name, grad in whole.items():
        np.testing.assert_allclose(parts[name], grad, atol=1e-12)


def test_equal_inputs_are_evaluated_once_and_zeros_never():
    calls = []

    class Counting(modnet.Activation):
        elementwise = True

        def __call__(self, a, axis=-1):
            calls.append(a.size)
            return np.tanh(a)

    network = network_with([400, 1, 2], hidden=Counting())
    x = np.zeros((1, 400))
    x[0, :300] = 0.5
    calls.clear()
    network.gradient(x, np.array([1]), "central-difference")
    # The trace, the check against it, and both sides of one tile of moves for the one unit.
    assert calls == [1, 1, 2 * TILE]


def test_a_step_that_the_layer_does_not_share_is_the_parameters_own():
    network = network_with([3, 2, 2])
    batch = batch_for([3, 2, 2], 4)
    steps = {"W1": 1e-3, "b1": 1e-2, "W2": 1e-4, "b2": 1e-1}
    found = structured_gradient(network.objective(*batch), network.params, CENTRAL, steps)
    for name, h in steps.items():
        np.testing.assert_allclose(found[name], by_loop(network, *batch, CENTRAL, h)[name], atol=1e-10)


def test_memory_is_bounded_whatever_the_width():
    network = modnet.TwoLayerNet(784, 1000, 10, seed=0)
    x, t = modnet.load("mnist-small").train.x[:100], modnet.load("mnist-small").train.t[:100]
    objective = network.objective(x, t)
    objective.trace(network.params)
    tracemalloc.start()
    gradient = structured_gradient(objective, network.params, CENTRAL, steps_of(network), threads=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - sum(g.nbytes for g in gradient.values()) < 100e6


class TestMistakes:
    def test_a_loss_that_is_not_finite_names_the_parameter_and_the_sample(self):
        class Cliff(modnet.Activation):
            elementwise = True

            def __call__(self, a, axis=-1):
                return np.where(a > 1.00005, np.nan, a)

        network = modnet.Network([2, 2, 2], hidden=Cliff())
        network.params = {"W1": np.eye(2), "b1": np.zeros(2), "W2": np.eye(2), "b2": np.zeros(2)}
        with pytest.raises(
            modnet.GradientError, match=r"sample 1 of the batch is not finite where W1\[1, 1\] is moved"
        ):
            network.gradient(np.array([[0.5, 0.0], [0.5, 1.0]]), np.array([0, 1]), "central-difference")

    def test_an_activation_that_falsely_claims_to_be_elementwise_is_found(self):
        class Shares(Scale):
            elementwise = True

        network = network_with([2, 3, 2], hidden=Shares())
        with pytest.raises(modnet.ShapeError, match=r"layer 1 gives other outputs unit by unit, though it says"):
            network.gradient(*batch_for([2, 3, 2], 4), "central-difference")

    def test_an_activation_that_forgets_the_axis_is_found(self):
        class LastOnly(modnet.Activation):
            def __call__(self, a, axis=-1):
                return a / (1 + np.abs(a).sum(axis=-1, keepdims=True))

        network = network_with([2, 3, 2], hidden=LastOnly())
        with pytest.raises(modnet.ShapeError, match=r"layer 1 gives other outputs with axis=0"):
            network.gradient(*batch_for([2, 3, 2], 4), "central-difference")

    def test_a_loss_that_forgets_the_axis_is_found(self):
        class LastOnly(modnet.Loss):
            def __call__(self, y, t, axis=-1):
                return ((y - modnet.one_hot(t, y, axis)) ** 2).sum(axis=-1)

        network = network_with([2, 3, 2], loss=LastOnly())
        with pytest.raises(modnet.ShapeError, match="gives other values with axis=0"):
            network.gradient(*batch_for([2, 3, 2], 2), "central-difference")


class TestPrecision:
    def test_the_step_follows_the_dtype(self):
        exact, rough = (modnet.Network([5, 4, 3], weight_init_std=0.5, dtype=d) for d in ("float64", "float32"))
        batch = batch_for([5, 4, 3], 6)
        for name, grad in rough.gradient(*batch, "central-difference").items():
            assert grad.dtype == np.float32
            np.testing.assert_allclose(grad, exact.gradient(*batch)[name], atol=2e-4)

    def test_a_step_that_float32_hardly_resolves_is_warned_about_with_the_figure(self):
        network = modnet.Network([5, 4, 3], hidden=Scale(), dtype="float32")
        with pytest.warns(modnet.PrecisionWarning, match=r"h=0.0001 in float32: .* about 1.2e-03 of the loss"):
            network.gradient(*batch_for([5, 4, 3], 6), modnet.gradient("central-difference", h=1e-4))

    def test_where_nothing_cancels_float32_resolves_any_step_and_nobody_is_warned(self):
        network = modnet.Network([5, 4, 3], weight_init_std=0.5, dtype="float32")
        exact = modnet.Network([5, 4, 3], weight_init_std=0.5)
        batch = batch_for([5, 4, 3], 6)
        for name in ("central-difference", "richardson", "forward-difference"):
            found = network.gradient(*batch, modnet.gradient(name, h=1e-6))
            for key, grad in exact.gradient(*batch).items():
                np.testing.assert_allclose(found[key], grad, atol=1e-6)

    def test_a_step_that_vanishes_is_refused(self):
        network = modnet.Network([5, 4, 3], dtype="float32")
        with pytest.raises(
            modnet.GradientError, match=r"W1 is float32, in which h=1e-08 vanishes beside 1: .*h=0.0049"
        ):
            network.gradient(*batch_for([5, 4, 3], 6), modnet.gradient("central-difference", h=1e-8))

    @pytest.mark.parametrize("evaluate", ["nodes", "every"])
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize("hidden", ["sigmoid", Arctan()], ids=["nothing cancels", "changes are differences"])
    def test_a_measured_step_has_less_error_than_one_that_is_too_large_or_too_small(self, hidden, dtype, evaluate):
        network = network_with([5, 4, 3], hidden=hidden, dtype=dtype)
        batch = batch_for([5, 4, 3], 20)
        exact = network_with([5, 4, 3], hidden=hidden).gradient(*batch, modnet.gradient("richardson"))

        def error(h):
            found = network.gradient(*batch, modnet.gradient("central-difference", h=h, evaluate=evaluate))
            return max(np.abs(found[name] - exact[name]).max() for name in exact)

        measured = error("measured")
        if dtype == "float64":
            assert measured < 1e-9 < error(1e-3) < error(0.1)
        elif hidden == "sigmoid":
            assert measured < 1e-6 < error(0.1)
        else:
            assert measured < error(0.5)
            with pytest.warns(modnet.PrecisionWarning):
                assert measured < error(1e-5)

    @pytest.mark.parametrize("evaluate", ["nodes", "every"])
    @pytest.mark.parametrize("h", [1e-2, 1e-3])
    @pytest.mark.parametrize(
        "hidden", ["sigmoid", "relu", Arctan()], ids=["smooth", "kinks", "changes are differences"]
    )
    def test_the_report_foretells_the_errors(self, hidden, h, evaluate):
        sizes = [5, 40, 3]
        exact, rough = (network_with(sizes, hidden=hidden, dtype=dtype) for dtype in ("float64", "float32"))
        batch = batch_for(sizes, 100)
        estimator = modnet.gradient("central-difference", h=h, evaluate=evaluate)
        slope = exact.gradient(*batch, "backpropagation")
        found, rounded = exact.gradient(*batch, estimator), rough.gradient(*batch, estimator)
        reports, of_rounded = (estimator.report(n.objective(*batch), n.params) for n in (exact, rough))
        for name in slope:
            truncation = np.sqrt(np.mean((found[name] - slope[name]) ** 2))
            assert reports[name].truncation / 4 < truncation < 4 * reports[name].truncation, str(reports[name])
            # float32's gradient errs by rounding alone from float64's with the same step.
            round_off = np.sqrt(np.mean((rounded[name] - found[name]) ** 2))
            assert of_rounded[name].round_off / 8 < round_off < 8 * of_rounded[name].round_off, str(of_rounded[name])

    def test_where_nothing_cancels_round_off_does_not_grow_as_the_step_falls(self):
        network = network_with([5, 4, 3])
        objective = network.objective(*batch_for([5, 4, 3], 20))
        for h in (1e-2, 1e-4, 1e-6):
            for report in modnet.gradient("central-difference", h=h).report(objective, network.params).values():
                assert report.round_off < 1e-16
                assert report.best < 1e-6


class TestComplexStep:
    @pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "softmax", "gelu", "identity"])
    def test_it_is_exact_to_rounding(self, hidden):
        parts = {"hidden": modnet.activation("gelu", approximate=True) if hidden == "gelu" else hidden}
        network = network_with([4, 5, 3], **parts)
        batch = batch_for([4, 5, 3], 7)
        for name, grad in network.gradient(*batch, "complex-step").items():
            np.testing.assert_allclose(grad, network.gradient(*batch)[name], rtol=1e-12, atol=1e-15)

    def test_a_part_that_gives_real_numbers_is_named(self):
        network = network_with([4, 5, 3], hidden=Scale())
        with pytest.raises(
            modnet.GradientError, match=r"complex-step: the activation .*Scale.* of layer 1 .* analytic"
        ):
            network.gradient(*batch_for([4, 5, 3], 7), "complex-step")

    def test_a_built_in_that_is_not_analytic_is_named(self):
        network = network_with([4, 5, 3], hidden="gelu")
        with pytest.raises(modnet.GradientError, match=r"the activation Gelu\(approximate=False\) of layer 1"):
            network.gradient(*batch_for([4, 5, 3], 7), "complex-step")

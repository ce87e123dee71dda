"""The network: shapes, parameters, forward pass, loss, accuracy, gradients."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnet
from modnet import NoDerivativeError, SettingError, ShapeError, UnknownNameError


@pytest.fixture
def net() -> modnet.TwoLayerNet:
    return modnet.TwoLayerNet(6, 4, 3, seed=0, weight_init_std=0.5)


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((5, 6)), np.array([0, 1, 2, 1, 0])


class TestParameters:
    def test_the_books_net_has_39_760_parameters_named_as_in_the_book(self) -> None:
        params = modnet.TwoLayerNet(784, 50, 10).params
        assert {name: p.shape for name, p in params.items()} == {
            "W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)
        }  # fmt: skip
        assert sum(p.size for p in params.values()) == 39_760
        assert all(p.dtype == np.float64 for p in params.values())

    def test_biases_begin_at_zero_and_weights_with_the_wanted_deviation(self) -> None:
        params = modnet.TwoLayerNet(784, 50, 10, weight_init_std=0.02).params
        assert not params["b1"].any()
        assert params["W1"].std() == pytest.approx(0.02, rel=0.02)
        assert params["W1"].mean() == pytest.approx(0, abs=0.001)

    @pytest.mark.parametrize(("rule", "std"), [("he", (2 / 300) ** 0.5), ("xavier", (2 / 500) ** 0.5)])
    def test_deviations_by_rule(self, rule: str, std: float) -> None:
        params = modnet.Network([300, 200, 10], weight_init_std=rule).params
        assert params["W1"].std() == pytest.approx(std, rel=0.02)

    def test_same_seed_same_weights_another_seed_others(self) -> None:
        first, second, other = (modnet.TwoLayerNet(6, 4, 3, seed=seed).params["W1"] for seed in (1, 1, 2))
        assert np.array_equal(first, second)
        assert not np.array_equal(first, other)

    @given(st.integers(1, 30), st.integers(1, 30))
    def test_a_wider_net_begins_with_the_columns_of_a_narrower_one(self, a: int, b: int) -> None:
        narrow, wide = (modnet.TwoLayerNet(5, width, 2, seed=3).params["W1"] for width in sorted((a, b)))
        assert np.array_equal(wide[:, : narrow.shape[1]], narrow)

    def test_layers_do_not_share_their_draws(self) -> None:
        params = modnet.Network([4, 4, 4]).params
        assert not np.array_equal(params["W1"], params["W2"])

    def test_any_depth(self) -> None:
        net = modnet.Network([7, 6, 5, 4, 3], hidden=["relu", "tanh", "sigmoid"], dtype="float32")
        assert [p.shape for name, p in net.params.items() if name[0] == "W"] == [(7, 6), (6, 5), (5, 4), (4, 3)]
        assert net.predict(np.ones((2, 7))).dtype == np.float32

    def test_no_hidden_layer_is_softmax_regression(self) -> None:
        assert list(modnet.Network([7, 3]).params) == ["W1", "b1"]

    def test_two_networks_do_not_share_parameters(self, net: modnet.TwoLayerNet) -> None:
        other = net.with_arrays(net.params)
        other.params["W1"] = np.zeros((6, 4))
        assert net.params["W1"].any()
        assert type(other) is modnet.TwoLayerNet


class TestForward:
    def test_the_two_layer_net_is_the_books_formula(self, net: modnet.TwoLayerNet, batch) -> None:
        x, t = batch
        p = net.params
        z = 1 / (1 + np.exp(-(x @ p["W1"] + p["b1"])))
        a = z @ p["W2"] + p["b2"]
        y = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(net.predict(x), y, rtol=1e-14)
        assert net.loss(x, t) == pytest.approx(-np.log(y[np.arange(5), t] + 1e-7).mean(), rel=1e-14)
        assert net.accuracy(x, t) == (y.argmax(axis=1) == t).mean()

    def test_one_sample_without_a_batch(self, net: modnet.TwoLayerNet, batch) -> None:
        x, t = batch
        assert net.predict(x[0]).shape == (3,)
        assert net.loss(x[0], t[0]) == net.loss(x[:1], t[:1]) == net.loss(x[0], np.eye(3)[t[0]])

    def test_one_hot_targets_are_the_same_as_indices(self, net: modnet.TwoLayerNet, batch) -> None:
        x, t = batch
        assert net.loss(x, np.eye(3)[t]) == pytest.approx(net.loss(x, t), rel=1e-15)
        assert net.accuracy(x, np.eye(3, dtype=int)[t]) == net.accuracy(x, t)
        for name, grad in net.gradient(x, t).items():
            np.testing.assert_allclose(net.gradient(x, np.eye(3)[t])[name], grad, rtol=1e-12, atol=1e-16)

    def test_integers_and_lists_are_samples_too(self, net: modnet.TwoLayerNet) -> None:
        assert np.array_equal(net.predict([[1, 0, 1, 0, 1, 0]]), net.predict(np.array([[1.0, 0, 1, 0, 1, 0]])))

    def test_nothing_given_is_written_to(self, net: modnet.TwoLayerNet, batch) -> None:
        x, t = batch
        for array in (x, t, *net.params.values()):
            array.flags.writeable = False
        net.predict(x), net.loss(x, t), net.accuracy(x, t)
        net.gradient(x, t, "backpropagation"), net.numerical_gradient(x, t)

    def test_one_output_has_no_accuracy(self) -> None:
        net = modnet.TwoLayerNet(4, 5, 1, output="sigmoid", loss="mean-squared-error", seed=0)
        x = np.ones((6, 4))
        for t in (np.zeros((6, 1)), np.ones((6, 1), int), np.zeros(6, int)):
            with pytest.raises(ShapeError, match=r"1 output and targets of shape \(6, 1\): there are no classes"):
                net.accuracy(x, t)

    def test_accuracy_of_many_rows_is_that_of_all_together(self, net: modnet.TwoLayerNet) -> None:
        x = np.random.default_rng(1).random((10_001, 6))
        t = np.random.default_rng(2).integers(0, 3, 10_001)
        assert net.accuracy(x, t) == (net.predict(x).argmax(axis=1) == t).mean()

    def test_regression_with_one_output(self) -> None:
        net = modnet.Network([2, 3, 1], hidden="tanh", output="identity", loss="mean-squared-error", weight_init_std=1)
        x, t = np.ones((4, 2)), np.array([0.5, 1.0, 1.5, 2.0])
        assert net.loss(x, t) == pytest.approx(((net.predict(x)[:, 0] - t) ** 2).mean())


class TestGradient:
    @settings(max_examples=settings.default.max_examples * 3 // 5)
    @given(
        st.lists(st.integers(1, 5), min_size=2, max_size=5),
        st.sampled_from(["sigmoid", "tanh", "softplus", "softmax", "identity", "gelu", "swish", "elu"]),
        st.sampled_from(
            [("softmax", "cross-entropy"), ("sigmoid", "mean-squared-error"), ("softmax", "mean-squared-error")]
        ),
        st.integers(0, 99),
    )
    def test_backpropagation_agrees_with_central_differences(self, sizes, hidden, end, seed) -> None:
        net = modnet.Network(sizes, hidden=hidden, output=end[0], loss=end[1], weight_init_std=0.7, seed=seed)
        rng = np.random.default_rng(seed)
        x, t = rng.normal(size=(3, sizes[0])), rng.integers(0, sizes[-1], 3)
        exact, numerical = net.gradient(x, t, "backpropagation"), net.numerical_gradient(x, t)
        assert list(exact) == list(numerical) == list(net.params)
        for name, grad in exact.items():
            assert grad.shape == net.params[name].shape
            np.testing.assert_allclose(grad, numerical[name], rtol=1e-5, atol=2e-7)

    def test_an_estimator_by_name_by_instance_and_by_function(self, net: modnet.TwoLayerNet, batch) -> None:
        def exact(objective, params, stream):
            return objective.backward(params)

        by_name, by_instance, by_function = (
            net.gradient(*batch, estimator)
            for estimator in ("backpropagation", modnet.gradient("backpropagation"), exact)
        )
        assert all(
            np.array_equal(by_name[k], by_instance[k]) and np.array_equal(by_name[k], by_function[k]) for k in by_name
        )

    def test_what_an_estimator_draws_comes_from_the_stream(self, net: modnet.TwoLayerNet, batch) -> None:
        def noise(objective, params, stream):
            return {name: stream.generator().random(value.shape) for name, value in params.items()}

        first, again = net.gradient(*batch, noise), net.gradient(*batch, noise)
        other = net.gradient(*batch, noise, modnet.Stream(5))
        assert np.array_equal(first["W1"], again["W1"])
        assert not np.array_equal(first["W1"], other["W1"])

    def test_the_forward_pass_is_made_once_for_trace_and_backward_pass(self, net: modnet.TwoLayerNet, batch) -> None:
        objective = net.objective(*batch)
        assert objective.trace(net.params) is objective.trace(net.params)
        moved = {name: p + 1 for name, p in net.params.items()}
        assert objective.trace(moved).loss == objective(moved) != objective(net.params)

    def test_an_activation_of_ones_own_without_a_derivative(self, net: modnet.TwoLayerNet, batch) -> None:
        own = modnet.TwoLayerNet(6, 4, 3, seed=0, weight_init_std=0.5, hidden=lambda a: 1 / (1 + np.exp(-a)))
        for name, grad in own.numerical_gradient(*batch).items():
            np.testing.assert_allclose(grad, net.numerical_gradient(*batch)[name], atol=1e-9)
        for name, grad in own.gradient(*batch, "backpropagation").items():
            np.testing.assert_allclose(grad, net.gradient(*batch)[name], atol=1e-9)

    def test_a_plain_function_has_no_backward_pass(self) -> None:
        with pytest.raises(NoDerivativeError, match="this one is a plain function"):
            modnet.gradient("backpropagation")(lambda params: 0.0, {}, modnet.Stream(0))


class TestMistakes:
    @pytest.mark.parametrize("shape", [(5, 7), (6, 5), (2, 3, 6), (0, 6), ()])
    def test_samples_of_the_wrong_shape_name_the_layer_and_both_shapes(self, net, shape) -> None:
        words = rf"layer 1 expects samples of shape \(N, 6\), it was given {re.escape(str(shape))}"
        for ask in (
            net.predict,
            lambda x: net.loss(x, [0]),
            lambda x: net.accuracy(x, [0]),
            lambda x: net.gradient(x, [0]),
        ):
            with pytest.raises(ShapeError, match=words):
                ask(np.zeros(shape))

    def test_parameters_of_the_wrong_shape_name_the_layer(self, net, batch) -> None:
        net.params["W2"] = np.zeros((5, 3))
        with pytest.raises(ShapeError, match=r"layer 2: W2 must have shape \(4, 3\), it has \(5, 3\)"):
            net.predict(batch[0])

    def test_a_bias_that_would_broadcast_is_still_wrong(self, net, batch) -> None:
        net.params["b1"] = np.zeros(1)
        with pytest.raises(ShapeError, match=r"layer 1: b1 must have shape \(4,\), it has \(1,\)"):
            net.loss(*batch)

    @pytest.mark.parametrize(
        ("t", "message"),
        [
            (np.array([0.5] * 5), "target 0.5 of sample 0 is not one of the 3 classes, 0 to 2"),
            (np.array(["a"] * 5), "targets must be real numbers, found an array of text"),
        ],
    )
    def test_targets_that_are_no_classes(self, net, batch, t, message) -> None:
        with pytest.raises(ShapeError, match=message):
            net.loss(batch[0], t)

    @pytest.mark.parametrize("t", [np.zeros(4, int), np.zeros((5, 4)), 0])
    def test_targets_of_the_wrong_shape(self, net, batch, t) -> None:
        with pytest.raises(
            ShapeError, match=r"targets must be class indices of shape \(5,\) or one-hot rows of shape \(5, 3\)"
        ):
            net.loss(batch[0], t)

    @pytest.mark.parametrize("wrong", [3, -1])
    def test_a_target_that_is_not_a_class_names_the_sample(self, net, batch, wrong) -> None:
        with pytest.raises(ShapeError, match=f"target {wrong} of sample 2 is not one of the 3 classes, 0 to 2"):
            net.loss(batch[0], [0, 1, wrong, 0, 0])

    @pytest.mark.parametrize("sizes", [[784], [], [784, 0, 10], [784, 5.5, 10], [784, True, 10], [784, "50", 10]])
    def test_sizes_that_cannot_be(self, sizes) -> None:
        with pytest.raises(SettingError, match="sizes must be two or more whole numbers > 0"):
            modnet.Network(sizes)

    def test_a_list_of_activations_must_fit_the_hidden_layers(self) -> None:
        with pytest.raises(SettingError, match="2 hidden layers need as many hidden activations, found 1"):
            modnet.Network([4, 4, 4, 4], hidden=["relu"])

    @pytest.mark.parametrize("std", [-1, "glorot", float("nan")])
    def test_a_deviation_that_cannot_be(self, std) -> None:
        with pytest.raises(SettingError, match="'weight_init_std' must be >= 0, 'he' or 'xavier'"):
            modnet.TwoLayerNet(4, 3, 2, weight_init_std=std)

    def test_a_misspelt_part_is_named_with_what_exists(self) -> None:
        with pytest.raises(
            UnknownNameError, match=r"no activation 'sigmod', did you mean 'sigmoid'\?; available: .*relu"
        ):
            modnet.TwoLayerNet(4, 3, 2, hidden="sigmod")


@pytest.mark.parametrize("what", ["params", "x", "t"])
def test_a_part_that_works_in_place_changes_no_array_of_the_caller(what: str) -> None:
    net = modnet.TwoLayerNet(2, 3, 2, seed=0)
    given = {"x": np.ones((4, 2)), "t": np.eye(2)[[0, 1, 0, 1]]}
    arrays = {"params": net.params["W1"], **given}
    before = arrays[what].copy()

    def estimate(objective, params, stream):
        (params["W1"] if what == "params" else getattr(objective, what))[...] = 9
        return params

    with pytest.raises(ValueError, match="read-only"):
        net.gradient(**given, estimator=estimate)
    assert np.array_equal(arrays[what], before)


class TestAnotherBatch:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("loss", ["cross-entropy", "mean-squared-error"])
    def test_the_loss_of_another_batch_is_that_of_the_network(self, batch, loss: str, dtype: str) -> None:
        net, (x, t) = modnet.Network([6, 4, 3], loss=loss, dtype=dtype, weight_init_std=0.5), batch
        objective = net.objective(x[:1], t[:1])
        for weights in (None, np.array([1.0, 0, 2, 1, 1])):
            other = objective.with_batch(x, t, weights)
            expected = net.objective(x, t, weights)
            assert other(net.params) == expected(net.params)
            assert all(
                (w == expected.backward(net.params)[name]).all() for name, w in other.backward(net.params).items()
            )
            assert type(other) is type(objective)
        assert objective(net.params) == net.loss(x[:1], t[:1])

    def test_a_batch_that_does_not_fit_is_refused(self, net, batch) -> None:
        objective = net.objective(*batch)
        for x, t, problem in (
            (np.ones((2, 5)), [0, 1], r"layer 1 expects samples of shape \(N, 6\)"),
            (np.ones((2, 6)), [0, 3], "target 3 of sample 1 is not one of the 3 classes"),
            (np.ones((2, 6)), [0], "targets must be class indices"),
        ):
            with pytest.raises(ShapeError, match=problem):
                objective.with_batch(x, np.array(t))

    def test_an_objective_of_ones_own_need_not_have_it(self) -> None:
        class Own(modnet.Objective):
            def __call__(self, params):
                return 0.0

            trace = output_error = backward = __call__

        with pytest.raises(modnet.GradientError, match="the objective Own knows one batch alone: choose a gradient"):
            Own().with_batch(np.ones((1, 1)), np.ones((1, 1)))

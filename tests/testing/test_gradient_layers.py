"""Verdicts of the gradient check on networks of layers, right and broken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet.testing.gradcheck.layers import LayerCase, judge_backward, judge_gradients
from modnet.testing.gradcheck.verdicts import Verdict

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import broken_layers
from broken_layers import BROKEN, LAYERS

BUILT_IN: dict[str, list[Any]] = {
    "of the book": [("convolution", {"filters": 4, "size": 3}), "relu", "max-pool", "flatten",
                    ("dense", {"units": 6}), "relu", ("dense", {"units": 4}), "softmax"],
    "deep": [("convolution", {"filters": 3, "size": 3, "padding": 1}), "batch-norm", "relu",
             ("convolution", {"filters": 3, "size": 3, "stride": 2, "padding": "same"}), "prelu", "dropout", "flatten",
             ("dense", {"units": 6}), "batch-norm", "tanh", ("dense", {"units": 4}), "softmax"],
    "of maxouts": ["flatten", ("maxout", {"units": 6, "pieces": 3}), "dropout", ("maxout", {"units": 5}),
                   ("dense", {"units": 4}), "softmax"],
    "with windows that overlap": [("max-pool", {"size": 3, "stride": 1}), "elu", ("convolution", {"filters": 2,
                                  "size": 2}), "softmax", "flatten", ("dense", {"units": 4}), "softmax"],
}  # fmt: skip


# One for each layer and what is blamed in it; `make check` has the others.
FIRST = {(layer, word): kind for kind, (layer, _, word) in reversed(BROKEN.items())}.values()
KINDS = [kind if kind in FIRST else pytest.param(kind, marks=pytest.mark.check) for kind in BROKEN]
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.check) for seed in range(1, 5))]


def check(net: modnet.Network, x: Any, t: Any, **options: Any) -> modnet.GradientCheck:
    return modnet.check_gradient(net, x, t, **{"estimators": [], **options})


def build_net(name: str, seed: int = 0, dtype: str = "float64") -> tuple[modnet.Network, Any, Any]:
    """Return a network of built-in layers and a batch, of images as they are, without negative numbers, whole or 0."""
    rng = np.random.default_rng(seed)
    net = modnet.Network(BUILT_IN[name], shape=(2, 7, 7), weight_init_std="he", seed=seed, dtype=dtype)
    x = rng.standard_normal((5, 2, 7, 7))
    return net, [x, np.maximum(x, 0), np.round(x), 0 * x, 255 * x][seed % 5], rng.integers(0, 4, 5)


def failures(found: modnet.GradientCheck) -> list[Verdict]:
    """Return the failures of parts."""
    return [verdict for verdict in found.verdicts[:-1] if verdict.is_failure]


@attrs.frozen
class Square(modnet.Layer):
    """Squares, times a factor for each unit; it has the derivatives that are asked for."""

    has: tuple[str, ...] = ("backward", "gradients")
    factor: float = 2.0
    elementwise = True

    def params(self, inputs: Any) -> Any:
        return (modnet.Param("scale", inputs, init=1.5, channel_axis=0, linear=True),)

    def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
        return params["scale"] * x**2, None

    def backward(self, params: Any, x: Any, z: Any, memo: Any, dz: Any) -> Any:
        if "backward" not in self.has:
            return super().backward(params, x, z, memo, dz)
        return self.factor * params["scale"] * x * dz

    def gradients(self, params: Any, x: Any, z: Any, memo: Any, dz: Any) -> Any:
        if "gradients" not in self.has:
            return super().gradients(params, x, z, memo, dz)
        return {"scale": (x**2 * dz).sum(axis=0)}


def squares(*layers: Any, x: Any = None) -> tuple[modnet.Network, Any, Any]:
    net = modnet.Network(
        [("dense", {"units": 5}), *layers, ("dense", {"units": 3}), "softmax"], shape=4, weight_init_std=0.5
    )
    return net, np.random.default_rng(1).standard_normal((6, 4)) if x is None else x, np.arange(6) % 3


class TestBroken:
    @pytest.mark.sweep(every=3)
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_is_found_and_blamed_on_the_layer(self, kind: str) -> None:
        layer, _, word = BROKEN[kind]
        found = check(*broken_layers.broken_network(kind))
        blamed = failures(found)
        assert blamed, str(found)
        place = [*LAYERS].index(layer) + 1
        for verdict in blamed:
            assert (verdict.layer, verdict.part.startswith(word)) == (place, True), str(found)
            assert f"Broken({kind!r})" in verdict.part
        whole = found.verdicts[-1]
        if whole.verdict == "wrong":
            assert "all of it comes from the" in whole.explanation or "its cause is the" in whole.explanation, str(
                whole
            )

    @pytest.mark.check
    @pytest.mark.parametrize("seed", [1, 2])
    @pytest.mark.parametrize("kind", BROKEN)
    def test_in_float32_and_with_other_weights_too(self, kind: str, seed: int) -> None:
        found = check(*broken_layers.broken_network(kind, seed, "float32"))
        assert failures(found), str(found)

    def test_there_are_forty_kinds_and_more(self) -> None:
        assert len(BROKEN) >= 40

    def test_layer_parameter_entry_and_slopes_are_named(self) -> None:
        net, x, t = broken_layers.broken_network("3 % off in one entry")
        (verdict,) = failures(check(net, x, t))
        assert (verdict.layer, verdict.label, verdict.parameter, verdict.index) == (9, "layer 9 (broken)", "W3", (3, 2))
        assert verdict.size == pytest.approx(0.03, rel=1e-4)
        assert "W3[3, 2], layer 9 (broken): " in str(verdict)
        assert "is given, the slope is" in str(verdict)

    def test_a_weight_of_an_image_has_its_place_of_four_numbers(self) -> None:
        (verdict,) = failures(check(*broken_layers.broken_network("kernel mirrored in the gradient")))
        assert (verdict.parameter, len(verdict.index or ())) == ("W1", 4)

    def test_an_input_has_its_place(self) -> None:
        (verdict,) = failures(check(*broken_layers.broken_network("mask not scaled")))
        assert (verdict.parameter, len(verdict.index or ())) == ("inputs", 4)

    def test_an_estimators_error_is_blamed_on_the_layer(self) -> None:
        found = check(*broken_layers.broken_network("mask forgotten"), estimators=["backpropagation"])
        assert "its error comes from the backward of Broken('mask forgotten') of layer 5 (broken)" in str(found)

    def test_a_whole_gradient_that_is_given_is_judged_by_parameter(self) -> None:
        net, x, t = broken_layers.network(LAYERS)
        given = {name: np.array(value) for name, value in net.gradient(x, t).items()}
        given["gamma1"][4] *= 1.03
        found = check(net, x, t, gradient=given)
        assert not failures(found)
        assert (found.verdicts[-1].parameter, found.verdicts[-1].index) == ("gamma1", (4,))


class TestRight:
    def test_the_network_of_the_broken_ones(self) -> None:
        for seed in range(3):
            found = check(*broken_layers.network(LAYERS, seed))
            assert found.passed, str(found)

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize("name", BUILT_IN)
    def test_built_in_layers_at_initial_parameters(self, name: str, dtype: str, seed: int) -> None:
        found = check(*build_net(name, seed, dtype))
        assert found.passed, str(found)
        if dtype == "float64" and seed == 0:
            assert {v.verdict for v in found.verdicts} <= {"correct", "kink"}, str(found)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize("name", BUILT_IN)
    def test_built_in_layers_at_trained_parameters(self, name: str, dtype: str) -> None:
        net, x, t = build_net(name, 0, dtype)
        data = modnet.Dataset.from_arrays((x.reshape(5, -1), t), scale=1.0, test_fraction=0)
        run = modnet.train(net, data, iterations=50, batch_size=5, gradient="backpropagation")
        found = check(run.network, x, t)
        assert found.passed, str(found)

    @pytest.mark.parametrize("name", BUILT_IN)
    def test_in_predict_mode(self, name: str) -> None:
        found = check(*build_net(name), mode="predict")
        assert found.passed, str(found)
        assert "in predict mode" in str(found)

    def test_each_layer_has_a_verdict_and_each_parameter(self) -> None:
        net, x, t = build_net("of the book")
        found = check(net, x, t)
        parameters = [None if v.parameter == "inputs" else v.parameter for v in found.verdicts]  # of a kink
        parts = [(v.part.split()[0], v.layer) for v in found.verdicts]
        assert [(*part, name) for part, name in zip(parts, parameters, strict=True)] == [
            ("backward", 1, None), ("gradients", 1, "W1"), ("gradients", 1, "b1"), ("activation", 2, None),
            ("backward", 3, None), ("backward", 4, None), ("backward", 5, None), ("gradients", 5, "W2"),
            ("gradients", 5, "b2"), ("activation", 6, None), ("backward", 7, None), ("gradients", 7, "W3"),
            ("gradients", 7, "b3"), ("loss", 8, None), ("whole", None, None),
        ]  # fmt: skip
        assert "gradients of Convolution(" in str(found)
        assert ", W1, layer 1 (convolution): " in str(found)

    def test_a_network_of_dense_layers_has_no_verdict_on_what_is_no_part(self) -> None:
        net = modnet.Network([("dense", {"units": 5}), "relu", ("dense", {"units": 3}), "softmax"], shape=4)
        x, t = np.ones((2, 4)), [0, 1]
        assert str(check(net, x, t)) == str(check(modnet.Network([4, 5, 3], hidden="relu"), x, t))

    def test_the_callers_arrays_stay(self) -> None:
        net, x, t = build_net("deep")
        before = {name: value.copy() for name, value in net.arrays.items()}
        check(net, x, t, estimators=["backpropagation"])
        np.testing.assert_equal(dict(net.arrays), before)

    def test_ties_of_a_maximum_are_no_mistake(self) -> None:
        x = np.zeros((2, 1, 4, 4))
        verdict = judge_backward(LayerCase(layer=modnet.layer("max-pool"), own={}, x=x))
        assert verdict is not None
        assert not verdict.is_failure


class TestMissing:
    @pytest.mark.parametrize(
        ("has", "without"),
        [
            (("gradients",), ("the backward of layer 2 (square)",)),
            (("backward",), ("the gradients of layer 2 (square)",)),
            ((), ("the backward of layer 2 (square)", "the gradients of layer 2 (square)")),
        ],
    )
    def test_it_is_listed_and_measured(self, has: tuple[str, ...], without: tuple[str, ...]) -> None:
        found = check(*squares(Square(has)), estimators=["backpropagation"])
        assert found.without == without
        assert {verdict.verdict for verdict in found.verdicts} == {"correct"}, str(found)
        assert found.estimators[0].error < 1e-6
        assert f"no derivative of its own: {without[0]}" in str(found)

    def test_the_derivative_that_it_has_is_judged(self) -> None:
        found = check(*squares(Square(("backward",), factor=2.02)))
        (verdict,) = failures(found)
        assert verdict.part.startswith("backward of Square(")
        assert "all that are wrong are 1.01 times what they should be" in str(found)
        assert "all of it comes from the backward of Square(" in found.verdicts[-1].explanation


class TestSituations:
    def test_a_value_that_is_not_finite_is_named_with_its_place(self) -> None:
        class Logarithm(modnet.Layer):
            def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
                return np.log(x), None

        with pytest.raises(modnet.GradientError, match=r"Logarithm.. of layer 2 \(logarithm\) gives nan for .* sample"):
            check(*squares(Logarithm()))
        net, x, t = build_net("of the book")
        x[3, 1, 2, 4] = np.nan
        with pytest.raises(modnet.DataError, match="input 1, 2, 4 of sample 3 of the batch is nan"):
            check(net, x, t)

    def test_what_is_no_pair_is_named(self) -> None:
        class Alone(modnet.Layer):
            def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
                return x

        with pytest.raises(modnet.PluginError, match=r"Alone.*returned a ndarray"):
            check(*squares(Alone()))

    def test_one_that_fails_has_file_and_line(self) -> None:
        class Fails(modnet.Layer):
            def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
                return x * 2, None

            def backward(self, params: Any, x: Any, z: Any, memo: Any, dz: Any) -> Any:
                raise ValueError("no")

        found = check(*squares(Fails()))
        assert "backward raises ValueError: no (" in str(failures(found)[0])
        assert "its cause is the backward of" in found.verdicts[-1].explanation

    def test_an_estimator_that_cannot_has_one_line(self) -> None:
        class DenseOnly(modnet.GradientEstimator):
            def __call__(self, objective: Any, params: Any, stream: Any) -> Any:
                return {layer.weight: params[layer.weight] for layer in objective.layers}

        (row,) = check(*build_net("of the book"), estimators=[DenseOnly()]).estimators
        assert "is no dense layer with an activation" in row.problem
        assert "\n" not in row.problem

    def test_a_kink_in_a_layer_is_named_where_a_step_passes_it(self) -> None:
        net = modnet.Network(
            [("dense", {"units": 1}), "prelu", "flatten", ("dense", {"units": 2}), "softmax"],
            shape=1, weight_init_std=1.0,
        )  # fmt: skip
        net.params["W1"] = np.ones((1, 1))

        def differences(objective: Any, params: Any, stream: Any) -> Any:
            return modnet.gradient("central-difference", h=1e-3)(lambda moved: objective(moved), params, stream)

        x = np.array([[1e-4], [-0.5], [0.7]])
        (row,) = check(net, x, [0, 1, 0], estimators=[differences]).estimators
        assert row.kinks
        assert "prelu" in str(row.kinks[0])
        assert "from the kink at 0" in str(row.kinks[0])

    def test_a_layer_alone_is_judged_by_the_same(self) -> None:
        layer, x = modnet.layer("batch-norm"), np.random.default_rng(0).standard_normal((4, 3, 2, 2))
        own = {"gamma": np.ones(3), "beta": np.zeros(3), "mean": np.zeros(3), "var": np.ones(3)}
        case = LayerCase(layer=layer, own=own, x=x)
        assert judge_backward(case).verdict == "correct"
        assert [v.parameter for v in judge_gradients(case) or ()] == ["gamma", "beta"]

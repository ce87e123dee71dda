"""Verdicts of the gradient check on right and broken gradients."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet.testing.gradcheck.taylor import find_kinks, judge
from modnet.testing.gradcheck.verdicts import Verdict
from modnet.testing.gradcheck.whole import judge_whole

# The kinds of broken gradients are also counted, many times over, by tests/benchmarks/gradient_verdicts.py.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import broken_gradients
import gradient_verdicts

SEED_WITH_A_KINK = 2
STREAM = modnet.Stream(0)
PARTS = dict(broken_gradients.parts())


def check(net: modnet.Network, x: Any, t: Any, **options: Any) -> modnet.GradientCheck:
    return modnet.check_gradient(net, x, t, **{"estimators": [], **options})


def on(activation: Any, seed: int = 0, **options: Any) -> Verdict:
    """Return the verdict on an activation in the first layer of a small network."""
    net, x, t = broken_gradients.network(seed, [activation, "sigmoid"])
    return check(net, x, t, **options).verdicts[0]


@attrs.frozen(repr=False, eq=False)
class Made(modnet.Activation):
    """An activation of two functions."""

    forward: Any
    slope: Any
    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return self.forward(a)

    def backward(self, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
        return dz * self.slope(a)


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def sigmoid_slope(a: Any) -> Any:
    return sigmoid(a) * (1 - sigmoid(a))


class TestWrong:
    @pytest.mark.sweep(every=4)
    @pytest.mark.parametrize("kind", PARTS)
    def test_a_broken_part(self, kind: str) -> None:
        found = check(*PARTS[kind](1))
        assert not found.passed
        assert "wrong" in [verdict.verdict for verdict in found.verdicts[:-1]], str(found)

    @pytest.mark.sweep(every=4)
    @pytest.mark.parametrize("kind", broken_gradients.WHOLES)
    def test_a_broken_whole_gradient(self, kind: str) -> None:
        net, x, t = broken_gradients.network(2)
        given = broken_gradients.WHOLES[kind](net, x, t, dict(net.gradient(x, t)))
        found = check(net, x, t, gradient=given)
        assert found.verdicts[-1].verdict == "wrong", str(found)
        assert [verdict.verdict for verdict in found.verdicts[:-1]] == ["correct"] * 3

    def test_the_zoo_has_forty_kinds_and_more(self) -> None:
        assert len(PARTS) + len(broken_gradients.WHOLES) >= 40

    def test_layer_unit_sample_and_size_are_named(self) -> None:
        class OneUnit(Made):
            def backward(self, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
                da = super().backward(a, z, dz)
                da[2, 4] *= 1.03
                return da

        verdict = on(OneUnit(np.tanh, lambda a: 1 - np.tanh(a) ** 2))
        assert (verdict.verdict, verdict.layer, verdict.unit, verdict.sample) == ("wrong", 1, 4, 2)
        assert verdict.size == pytest.approx(0.03, rel=1e-4)
        assert "relative error 0.03" in str(verdict)
        assert "order 1.0" in str(verdict)
        assert "1 of 36 slopes" in str(verdict)

    def test_parameter_index_and_size_are_named(self) -> None:
        net, x, t = broken_gradients.network(0)
        given = {name: np.array(value) for name, value in net.gradient(x, t).items()}
        given["W2"][3, 1] *= 0.97
        verdict = check(net, x, t, gradient=given).verdicts[-1]
        assert (verdict.parameter, verdict.index) == ("W2", (3, 1))
        assert verdict.size == pytest.approx(0.03, rel=1e-3)
        assert f"{given['W2'][3, 1]:.6g} is given" in str(verdict)

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("sign", "all that are wrong have the opposite sign"),
            ("not divided by N", "6 times too large: not divided by the number of samples"),
            ("divided by N twice", "6 times too small: divided by the number of samples twice"),
            ("1 % off", "all that are wrong are 1.01 times what they should be"),
            ("zero", "all that are wrong are 0"),
        ],
    )
    def test_what_is_common_is_said(self, kind: str, words: str) -> None:
        net, x, t = broken_gradients.network(0)
        given = broken_gradients.WHOLES[kind](net, x, t, dict(net.gradient(x, t)))
        assert words in str(check(net, x, t, gradient=given))

    def test_the_whole_says_which_part_it_comes_from(self) -> None:
        net, x, t = broken_gradients.network(0, broken_gradients.Broken(modnet.activation("tanh"), "twice"))
        whole = check(net, x, t).verdicts[-1]
        assert whole.verdict == "wrong"
        assert "all of it comes from the activation Broken" in whole.explanation
        assert "of layer 1 and the activation" in whole.explanation

    def test_errors_of_estimators_do_not_depend_on_a_broken_part(self) -> None:
        net, x, t = broken_gradients.network(0, broken_gradients.Broken(modnet.activation("tanh"), "twice"))
        back, central = check(net, x, t, estimators=["backpropagation", "central-difference"]).estimators
        assert back.error > 0.1
        assert central.error < 1e-7

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (lambda g: {name: value for name, value in g.items() if name != "b1"}, "b1: it is missing"),
            (lambda g: {**g, "W1": g["W1"][1:]}, "it has shape (5, 6), the parameter (6, 6)"),
            (lambda g: {**g, "b2": g["b2"] * np.nan}, "b2[0]: it is nan"),
        ],
    )
    def test_what_is_no_gradient(self, given: Any, words: str) -> None:
        net, x, t = broken_gradients.network(0)
        verdict = check(net, x, t, gradient=given(net.gradient(x, t))).verdicts[-1]
        assert verdict.verdict == "wrong"
        assert words in str(verdict)

    def test_a_derivative_of_another_shape(self) -> None:
        verdict = on(Made(np.tanh, lambda a: np.ones(5)[:, np.newaxis, np.newaxis]))
        assert "backward returns shape (5, 6, 6), not (6, 6)" in str(verdict)

    def test_a_derivative_that_fails(self) -> None:
        def fails(a: Any) -> Any:
            raise ValueError("no")

        net, x, t = broken_gradients.network(0, [Made(np.tanh, fails), "sigmoid"])
        found = check(net, x, t, estimators=["central-difference", "backpropagation"])
        assert "backward raises ValueError: no" in str(found.verdicts[0])
        assert "the chain rule ends with ValueError: no" in str(found.verdicts[-1])
        assert found.estimators[0].error < 1e-6
        assert re.fullmatch(r"ValueError: no \(.*test_gradient_check.py:\d+\)", found.estimators[1].problem)


class TestCorrect:
    @pytest.mark.parametrize("seed", range(25))
    def test_smooth_networks(self, seed: int) -> None:
        found = check(*gradient_verdicts.smooth_network(seed))
        assert {verdict.verdict for verdict in found.verdicts} == {"correct"}, str(found)

    @pytest.mark.parametrize("seed", range(10))
    def test_nothing_is_wrong_with_single_precision(self, seed: int) -> None:
        assert check(*gradient_verdicts.smooth_network(seed, "float32")).passed

    @pytest.mark.parametrize("name", modnet.compose.plugins.get_host().registry.names("activation"))
    def test_every_built_in_activation(self, name: str) -> None:
        found = check(*broken_gradients.network(3, [name, "tanh"]))
        assert {verdict.verdict for verdict in found.verdicts} == {"correct"}, str(found)
        assert (found.without == ("the activation of layer 1",)) == (name == "step")

    def test_the_order_of_the_remainder_is_said(self) -> None:
        assert "the remainder falls with order 2.0" in str(on("sigmoid"))

    def test_parts_without_a_derivative_are_measured(self) -> None:
        class Loss(modnet.Loss):
            def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
                return ((y - modnet.one_hot(t, y, axis)) ** 4).sum(axis=axis)

        net, x, t = broken_gradients.network(0, [np.tanh, "sigmoid"], loss=Loss())
        found = check(net, x, t, estimators=["backpropagation", "central-difference"])
        assert found.without == ("the activation of layer 1", "the loss")
        assert [verdict.verdict for verdict in found.verdicts] == ["correct"] * 3
        assert all(row.error < 1e-6 for row in found.estimators)
        assert "no derivative of its own: the loss" in str(found)

    def test_dense_targets(self) -> None:
        net, x, t = broken_gradients.network(0)
        assert check(net, x, np.eye(6)[t] * 0.9 + 0.1 / 6).passed

    def test_an_estimator_is_judged_as_a_whole_gradient(self) -> None:
        net, x, t = broken_gradients.network(0)
        assert check(net, x, t, gradient="backpropagation").verdicts[-1].verdict == "correct"
        assert check(net, x, t, gradient=lambda f, p, s: f.backward(p)).verdicts[-1].verdict == "correct"


class TestKinks:
    def test_at_a_kink_each_slope_between_both_sides_is_called_a_kink(self) -> None:
        for claim, verdict in ((0.0, "kink"), (0.5, "kink"), (1.0, "kink"), (1.001, "wrong"), (-0.001, "wrong")):
            found = judge(lambda s: np.array([max(s, 0.0)]), np.array([claim]), np.zeros(1), "float64")
            assert found.verdict.tolist() == [verdict]
        assert (found.left[0], found.right[0]) == (0.0, 1.0)

    @pytest.mark.parametrize("exponent", [-1, -2, -3, -4, -5, -6])
    @pytest.mark.parametrize("side", [-1, 1])
    def test_near_a_kink_the_derivative_is_that_of_its_side(self, exponent: int, side: int) -> None:
        a = side * 3.3 * 10.0**exponent
        for claim, verdict in ((float(a > 0), "correct"), (float(a < 0), "wrong"), (0.5, "wrong")):
            found = judge(lambda s: np.array([2.3 + max(a + s, 0.0)]), np.array([claim]), np.array([a]), "float64")
            assert found.verdict.tolist() == [verdict]

    def test_samples_of_zeros_without_bias_are_at_the_kink_of_relu(self) -> None:
        net, x, t = broken_gradients.network(0, "relu")
        net.params["b1"] = np.zeros(6)
        x[3] = 0
        found = check(net, x, t)
        assert (found.verdicts[0].verdict, found.verdicts[0].layer, found.verdicts[0].sample) == ("kink", 1, 3)
        assert "the slope is 0 to the left, 1 to the right; 0 is given" in str(found)
        assert found.passed

    def test_a_jump_has_no_derivative(self) -> None:
        found = judge(lambda s: np.array([float(s > 0)]), np.zeros(1), np.zeros(1), "float64")
        assert (found.verdict.tolist(), found.jump.tolist()) == (["kink"], [1.0])

    def test_kinks_are_found(self) -> None:
        low, high = np.array([-1e-4, -1e-4, 1e-4, -1e-4, 0.2]), np.array([1e-4, 3e-4, 3e-4, 1e-7, 0.2])
        relu = find_kinks(lambda a: np.maximum(a, 0), low, high)
        np.testing.assert_allclose(relu, [0, 0, np.nan, 0, np.nan], atol=1e-7)
        step = find_kinks(lambda a: (a > 0) * 1.0, low, high)
        np.testing.assert_allclose(step, [0, 0, np.nan, 0, np.nan], atol=1e-7)
        assert np.isnan(find_kinks(np.tanh, low, high)).all()

    def test_rounding_where_a_function_saturates_is_none(self):
        low = np.linspace(5, 60, 2000)
        for width in (1e-3, 1e-2, 0.1):
            for smooth in (np.tanh, lambda a: 1 / (1 + np.exp(-a)), lambda a: 1e3 + np.exp(-a)):
                assert np.isnan(find_kinks(smooth, low, low + width)).all()

    def test_slopes_too_small_to_be_seen_are_not_said_to_be_confirmed(self) -> None:
        params = {"w": np.array([3.0, 4.0])}
        for height, slope, word, words in (
            (2.0, 1e-16, "too noisy", "it is not confirmed: differences see slopes above"),
            (2e17, 0.0, "correct", "it is 0 beside the values, as far as differences tell: they see slopes above"),
        ):

            def level(params: Any, height: float = height) -> float:
                return height + 1e-16 * float(params["w"].sum())

            found = judge_whole(level, params, {"w": np.full(2, slope)}, STREAM)
            assert (found.verdict, found.explanation[: len(words)]) == (word, words)

    @pytest.mark.parametrize("loss", ["cross-entropy", broken_gradients.BookLoss()])
    def test_the_books_check(self, loss: Any) -> None:
        kinks: list[Verdict] = []
        for seed in (0, SEED_WITH_A_KINK):
            found, off = gradient_verdicts.books_network(seed, loss)
            assert found.passed, str(found)
            assert bool(found.estimators[0].kinks) == off == (seed == SEED_WITH_A_KINK)
            kinks += found.estimators[0].kinks
        # The pre-activation that is named is within the step of 0.
        x = modnet.load("mnist-small").train.x[:3]
        w = modnet.TwoLayerNet(784, 50, 10, seed=SEED_WITH_A_KINK).params["W1"]
        for kink in kinks:
            assert (kink.verdict, kink.layer) == ("kink", 1)
            assert abs((x @ w)[kink.sample, kink.unit]) == pytest.approx(kink.size, abs=1e-8)
            assert kink.size < 1e-4
            assert "from the kink at 0" in str(kink)


class TestTheConstantInTheLogarithm:
    @attrs.frozen
    class Loss(broken_gradients.BookLoss):
        eps: float = 1e-7

        def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
            return -np.log(np.take_along_axis(y, np.expand_dims(t, axis), axis).squeeze(axis) + self.eps)

    @pytest.mark.parametrize(
        ("loss", "name"), [(Loss(), "eps"), (broken_gradients.BookLoss(), "the constant in its logarithm")]
    )
    def test_the_books_residual_is_explained(self, loss: Any, name: str) -> None:
        data = modnet.load("mnist-small")
        x, t = data.train.x[:3], data.train.t[:3]
        net = modnet.TwoLayerNet(784, 50, 10, loss=loss, seed=0)
        found = check(net, x, t)
        residual = np.abs(net.gradient(x, t)["b2"] - net.numerical_gradient(x, t)["b2"]).mean()
        assert residual == pytest.approx(1.4e-7, rel=0.1)
        *_, part, whole = found.verdicts
        assert (part.verdict, part.left_out) == ("correct", name)
        assert f"that of the loss with {name} = 0; with 1e-07 there it is another function" in str(part)
        assert (whole.verdict, whole.left_out) == ("correct", name)
        assert f"by {residual:.1e}"[:6] in str(whole)
        assert "in b2" in str(whole)

    def test_a_given_gradient_of_the_loss_without_it(self) -> None:
        net, x, t = broken_gradients.network(0)
        other, *_ = broken_gradients.network(0, loss=modnet.loss("cross-entropy", eps=0.0))
        verdict = check(net, x, t, gradient=other.gradient(x, t)).verdicts[-1]
        assert (verdict.verdict, verdict.left_out) == ("correct", "eps")
        assert "the gradient is that of the loss with eps = 0" in str(verdict)

    def test_what_is_wrong_besides_stays_wrong(self) -> None:
        for kind in broken_gradients.FUSED:
            net, x, t = broken_gradients.network(0, loss=self.Loss(kind))
            assert not check(net, x, t).passed


@pytest.mark.parametrize("stream", range(8))
def test_a_wrong_entry_is_shown_with_its_own_sign(stream: int) -> None:
    """Whatever the sign of the direction in which it was found."""
    params, grads = {"b": np.array([3.0, 4.0])}, {"b": np.array([6.1, 8.0])}
    verdict = judge_whole(lambda p: float((p["b"] ** 2).sum()), params, grads, modnet.Stream(stream))
    assert verdict.place == "b[0]"
    assert verdict.explanation.startswith("6.1 is given, the slope is 6 ")


class TestTooNoisy:
    @pytest.mark.parametrize(
        "forward",
        [
            lambda a: np.round(sigmoid(a), 3),
            lambda a: sigmoid(a.astype(np.float16)).astype(np.float64),
            lambda a: sigmoid(a) + 1e-4 * np.sin(1e9 * a),
        ],
        ids=["rounded", "float16 inside", "a fine ripple"],
    )
    def test_noise_is_stated(self, forward: Any) -> None:
        verdict = on(Made(forward, sigmoid_slope))
        assert verdict.verdict == "too noisy"
        assert "values carry a noise of" in str(verdict)

    def test_single_precision_inside_is_little_noise(self) -> None:
        inside = Made(lambda a: sigmoid(a.astype(np.float32)).astype(np.float64), sigmoid_slope)
        assert on(inside).verdict == "correct"
        off = Made(inside.forward, lambda a: 1.05 * sigmoid_slope(a))
        assert on(off).verdict == "wrong"


class TestNotDeterministic:
    def test_the_function(self) -> None:
        rng = np.random.default_rng(0)
        verdict = on(Made(lambda a: np.tanh(a) + 1e-6 * rng.standard_normal(a.shape), lambda a: 1 - np.tanh(a) ** 2))
        assert verdict.verdict == "not deterministic"
        assert 1e-8 < verdict.size < 1e-4

    def test_the_loss(self) -> None:
        rng = np.random.default_rng(0)
        params = {"w": np.array([1.0, 2.0])}
        verdict = judge_whole(lambda p: float((p["w"] ** 2).sum()) + rng.random(), params, params, modnet.Stream(0))
        assert verdict.verdict == "not deterministic"

    def test_the_backward_pass(self) -> None:
        rng = np.random.default_rng(0)
        verdict = on(Made(np.tanh, lambda a: (1 - np.tanh(a) ** 2) * (rng.random(a.shape) < 0.5)))
        assert verdict.verdict == "not deterministic"

    def test_the_whole_gradient(self) -> None:
        rng = np.random.default_rng(0)
        net, x, t = broken_gradients.network(0)

        def dropping(objective: Any, params: Any, stream: Any) -> Any:
            return {name: g * rng.integers(0, 2, g.shape) for name, g in objective.backward(params).items()}

        found = check(net, x, t, gradient=dropping)
        assert found.verdicts[-1].verdict == "not deterministic"
        assert not found.passed


class TestEstimators:
    def test_all_that_are_registered_are_compared(self) -> None:
        net, x, t = broken_gradients.network(0)
        found = check(net, x, t, estimators=None)
        assert [row.name for row in found.estimators] == modnet.compose.plugins.get_host().registry.names("gradient")
        rows = {row.name: row for row in found.estimators}
        assert rows["backpropagation"].error == 0
        assert rows["backpropagation"].uses_backward
        central, spsa = rows["central-difference"], rows["spsa"]
        assert (central.evaluations, central.variance, len(central.errors)) == (252, 0, 2)
        assert 0 < central.error < 1e-7
        assert central.cosine == pytest.approx(1)
        assert len(spsa.errors) == 5
        assert spsa.variance > 1
        assert -1 < spsa.cosine < 1
        assert all(row.seconds > 0 for row in found.estimators if row.name != "torch-autograd")  # of other arrays

    def test_the_measures(self) -> None:
        net, x, t = broken_gradients.network(0)
        lengths = iter([2.0, 4.0])

        def longer(objective: Any, params: Any, stream: Any) -> Any:
            factor = next(lengths)
            return {name: factor * value for name, value in objective.backward(params).items()}

        (row,) = check(net, x, t, estimators=[longer], repeats=2).estimators
        assert row.errors == (pytest.approx(1), pytest.approx(3))
        assert row.error == pytest.approx(2)
        assert row.cosine == pytest.approx(1)
        assert row.variance == pytest.approx(2)

    def test_what_cannot_be_used_is_a_row_that_says_why(self) -> None:
        def fails(objective: Any, params: Any, stream: Any) -> Any:
            raise RuntimeError("no such thing\nand more")

        net, x, t = broken_gradients.network(0)
        row, other = check(net, x, t, estimators=[fails, "spsa"]).estimators
        assert re.fullmatch(r"RuntimeError: no such thing \(.*test_gradient_check.py:\d+\)", row.problem)
        assert math.isnan(row.error)
        assert not other.problem
        lines = str(check(net, x, t, estimators=[fails, fails])).splitlines()
        assert [line.split("  ")[0] for line in lines[-2:]] == ["fails", "fails (2)"]
        (row,) = check(net, x, t, estimators=[lambda objective, params, stream: None]).estimators
        assert "returned a NoneType: an array for each of W1, b1" in row.problem

    def test_two_of_one_name_are_told_apart(self) -> None:
        net, x, t = broken_gradients.network(0)
        both = [modnet.gradient("central-difference", h=h) for h in (1e-3, 1e-5)]
        names = [row.name for row in check(net, x, t, estimators=both).estimators]
        assert len(set(names)) == 2
        assert all(name.startswith("CentralDifference(h=") for name in names)

    def test_an_unknown_name(self) -> None:
        net, x, t = broken_gradients.network(0)
        with pytest.raises(modnet.UnknownNameError, match="no gradient 'spsb'"):
            check(net, x, t, estimators=["spsb"])

    def test_the_same_seed_gives_the_same(self) -> None:
        net, x, t = broken_gradients.network(0)
        one, same, other = (check(net, x, t, estimators=["spsa"], seed=s).estimators[0].errors for s in (0, 0, 1))
        assert one == same != other

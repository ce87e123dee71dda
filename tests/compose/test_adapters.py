"""Any object that does what an interface asks is taken for a part."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import Activation, Array, GradientEstimator, Loss, NoDerivativeError, SettingError
from modnet.compose.adapters import adapt
from modnet.compose.parts import make_part

A = np.array([[-1.0, 0.5, 2.0], [0.0, 1.0, 4.0]])
T = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def cube(a: Array) -> Array:
    return a**3


def shares(a: Array, axis: int = -1) -> Array:
    return a / a.sum(axis, keepdims=True)


def distance(y: Array, t: Array) -> Array:
    return abs(y - t).sum(-1)


class Square:
    """A third-party activation that has never heard of modnet."""

    elementwise = True

    def __call__(self, a: Array) -> Array:
        return a**2

    def backward(self, a: Array, z: Array, dz: Array) -> Array:
        return 2 * a * dz


class TestActivation:
    @pytest.mark.parametrize("function", [cube, np.tanh, functools.partial(np.power, 2.0)])
    def test_a_callable_is_called(self, function: Callable[..., Any]) -> None:
        assert np.array_equal(adapt("activation", function)(A), function(A))

    def test_the_axis_is_given_to_what_asks_for_it(self) -> None:
        assert np.allclose(adapt("activation", shares)(A.T + 2, axis=0).sum(0), 1)
        assert np.array_equal(adapt("activation", cube)(A, axis=0), A**3)

    def test_its_signature_is_read_once_at_the_door(self, monkeypatch: pytest.MonkeyPatch) -> None:
        activation = adapt("activation", cube)
        monkeypatch.setattr("inspect.signature", None)
        assert np.array_equal(activation(A), A**3)

    def test_it_is_elementwise_only_if_it_says_so(self) -> None:
        assert adapt("activation", Square()).elementwise is True
        assert adapt("activation", cube).elementwise is False

    def test_its_own_backward_pass_is_used(self) -> None:
        z = A**2
        assert np.array_equal(adapt("activation", Square()).backward(A, z, T, axis=0), 2 * A * T)

    def test_a_missing_backward_pass_is_no_mistake_until_it_is_asked_for(self) -> None:
        with pytest.raises(NoDerivativeError, match=r"^cube has no backward$"):
            adapt("activation", cube).backward(A, A, A)

    def test_it_is_named_by_its_function_or_class(self) -> None:
        assert repr(adapt("activation", np.tanh)) == "tanh"
        assert repr(adapt("activation", Square())) == "square"

    def test_one_callable_adapted_twice_is_equal(self) -> None:
        square = Square()
        assert adapt("activation", square) == adapt("activation", square)
        assert adapt("activation", square) != adapt("activation", Square())

    def test_it_is_an_activation(self) -> None:
        assert isinstance(adapt("activation", cube), Activation)


class TestLoss:
    def test_a_callable_is_called_with_outputs_and_targets(self) -> None:
        loss = adapt("loss", distance)
        assert isinstance(loss, Loss)
        assert np.array_equal(loss(A, T), distance(A, T))
        with pytest.raises(NoDerivativeError, match="distance has no backward"):
            loss.backward(A, T)

    def test_no_fused_form_is_known_of_it(self) -> None:
        assert adapt("loss", distance).fused(modnet.activation("softmax")) is None


class TestEstimator:
    def test_a_callable_is_called_with_objective_params_and_stream(self) -> None:
        def estimator(*given: Any) -> Any:
            return given

        adapter: Any = adapt("gradient", estimator)
        assert isinstance(adapter, GradientEstimator)
        assert adapter("objective", "params", "stream") == ("objective", "params", "stream")


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "value", "words"),
        [
            ("activation", 3, "activation: expected a name, an instance or a callable, found 3"),
            (
                "activation",
                Square,
                "activation: expected a name, an instance or a callable, found the class Square: call it",
            ),
            ("optimizer", cube, "optimizer: expected a name or an instance, found <function cube"),
            ("data-source", None, "data-source: expected a name or an instance, found None"),
        ],
    )
    def test_what_cannot_be_a_part_is_reported(self, kind: str, value: object, words: str) -> None:
        with pytest.raises(SettingError) as error:
            adapt(kind, value)
        assert str(error.value).startswith(words)

    def test_a_part_of_another_kind_is_not_adapted_though_it_is_callable(self) -> None:
        with pytest.raises(SettingError, match=r"loss: expected .*, found Sigmoid\(\)"):
            make_part("loss", modnet.activation("sigmoid"))

    def test_settings_do_not_go_with_a_ready_object(self) -> None:
        with pytest.raises(SettingError, match="settings go with a name, not with a ready object: slope"):
            make_part("activation", cube, slope=3)


def test_a_network_of_third_party_parts_without_derivatives_has_a_gradient_by_every_way() -> None:
    network = modnet.TwoLayerNet(3, 4, 3, hidden=cube, output="softmax", loss=distance, weight_init_std=0.5)
    differences, back = (network.gradient(A, T, name) for name in ("central-difference", "backpropagation"))
    for name in network.params:
        np.testing.assert_allclose(back[name], differences[name], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_that_knows_no_axis_is_called_with_the_axis_last(axis: int) -> None:
    def rows(a: Any) -> Any:
        return a / a.sum(axis=-1, keepdims=True)

    expected = np.moveaxis(rows(np.moveaxis(A, axis, -1)), -1, axis)
    assert np.array_equal(adapt("activation", rows)(A, axis=axis), expected)

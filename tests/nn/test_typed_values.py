"""Numbers and lists in place of arrays of floats."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import ShapeError
from modnet.files.code import hash_class

sigmoid, softmax = modnet.activation("sigmoid"), modnet.activation("softmax")
cross_entropy = modnet.loss("cross-entropy")
ACTIVATIONS = ["elu", "gelu", "identity", "leaky-relu", "relu", "sigmoid", "softplus", "step", "swish", "tanh"]


@attrs.frozen
class Doubled(type(sigmoid)):  # type: ignore[misc]
    """An attrs class with slots, whose method asks its base."""

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return 2 * super().__call__(a, axis)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_number_gives_a_number_and_a_list_an_array(name: str) -> None:
    part = modnet.activation(name)
    expected = part(np.array([-1.0, 0.0, 2.0]))
    assert [part(-1), part(0.0), part(2)] == expected.tolist()
    assert type(part(2)) is float
    assert type(part(np.float32(2))) is np.float32
    for typed in ([-1, 0, 2], (-1.0, 0, 2), np.array([-1, 0, 2]), np.array([-1, 0, 2], np.int8)):
        found = part(typed)
        assert found.dtype == np.float64
        assert found.tolist() == expected.tolist()


def test_arrays_of_floats_keep_their_dtype_and_shape() -> None:
    assert sigmoid(np.ones(3, np.float32)).dtype == np.float32
    assert isinstance(sigmoid(np.array(1.0)), np.ndarray)
    assert softmax([[1, 2], [3, 4]], 0).sum(axis=0).round(9).tolist() == [1.0, 1.0]
    assert softmax(a=[1, 1]).tolist() == [0.5, 0.5]
    assert sigmoid.backward([0.0], [0.5], [1]).tolist() == [0.25]


@pytest.mark.parametrize("wrong", ["a", [[1], [1, 2]], 1j, [1j], None, {}, [None, 1], np.array(["a"])])
def test_what_is_no_number_is_named_in_a_line(wrong: Any) -> None:
    for compute in (sigmoid, lambda x: cross_entropy(x, 0), lambda x: cross_entropy([0.1, 0.9], x)):
        with pytest.raises(ShapeError, match=r"must be (real )?numbers.*found ") as caught:
            compute(wrong)
        assert "\n" not in str(caught.value)


def test_targets_of_a_loss_are_indices_or_values_however_they_are_typed() -> None:
    y = np.array([[0.1, 0.9, 0.0], [0.5, 0.25, 0.25]])
    expected = cross_entropy(y, np.array([1, 0])).tolist()
    for t in ([1, 0], [1.0, 0.0], np.array([1.0, 0.0]), [[1], [0]], np.eye(3, dtype=int)[[1, 0]], [True, False]):
        assert cross_entropy(y, t).tolist() == expected, t
    assert cross_entropy([0.1, 0.9], 1) == cross_entropy([0.1, 0.9], [0, 1]) == pytest.approx(-np.log(0.9 + 1e-7))
    assert modnet.loss("mean-squared-error")(0.5, 1) == 0.25
    assert modnet.loss("binary-cross-entropy")([[0.5], [0.5]], [1, 0]).round(4).tolist() == [0.6931] * 2
    assert modnet.metric("accuracy")([[0.1, 0.9], [0.8, 0.2]], [1, 1]) == 0.5
    with pytest.raises(ShapeError, match=r"target 3 of sample 1 is not one of the 3 classes, 0 to 2"):
        cross_entropy(y, [0, 3])
    with pytest.raises(ShapeError, match=r"target 0.5 of sample 0 is not one of the 3 classes"):
        cross_entropy(y, [0.5, 0])
    with pytest.raises(ShapeError, match=r"shape \(3,\) do not fit outputs of shape \(2, 3\)"):
        cross_entropy(y, [0, 1, 2])


def test_one_hot_takes_the_number_of_classes() -> None:
    rows = np.eye(10)[[3, 1]]
    for t in ([3, 1], np.array([3, 1]), [3.0, 1.0], [[3], [1]], rows):
        assert np.array_equal(modnet.one_hot(t, 10), rows)
    assert modnet.one_hot(2, 3).tolist() == [0, 0, 1]
    for t, classes, message in (
        ([-1], 3, "target -1 of sample 0 is not one of the 3 classes"),
        ([3], 3, "target 3"),
        (["cat"], 3, "found .*'cat'.*Dataset.from_arrays"),
        ([1], 0, "the number of classes"),
        ([1], "3", "the number of classes"),
        (np.zeros((2, 2, 2)), 3, r"found \(2, 2, 2\)"),
    ):
        with pytest.raises(ShapeError, match=message):
            modnet.one_hot(t, classes)


def test_a_network_takes_targets_as_people_have_them() -> None:
    net = modnet.TwoLayerNet(4, 3, 3, seed=1)
    x, t = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    loss, gradient = net.loss(x, t), net.gradient(x, t)
    for given in (t.tolist(), t * 1.0, t[:, None], t.astype(object), t.astype(np.uint8), np.eye(3, dtype=bool)[t]):
        assert net.loss(x.tolist(), given) == loss
        assert net.accuracy(x, given) == net.accuracy(x, t)
        assert all(np.array_equal(found, gradient[name]) for name, found in net.gradient(x, given).items())
    assert net.loss(x[0], 0.0) == net.loss(x[:1], [0])
    assert np.array_equal(net(x), net.predict(x))
    for wrong, message in (
        (list("abcab"), "must be real numbers, found an array of text: modnet.Dataset.from_arrays"),
        (t + 0.5, "target 0.5 of sample 0"),
        (t * np.nan, "target nan of sample 0"),
        (t + 0j, "must be real numbers"),
        (None, "must be real numbers, found"),
        (t[None], r"they are int64 of shape \(1, 5\)"),
    ):
        with pytest.raises(ShapeError, match=message):
            net.loss(x, wrong)
    with pytest.raises(ShapeError, match="samples must be real numbers: found an array of complex128"):
        net.predict(x + 0j)
    net.params["W1"] = net.params["W1"].tolist()  # type: ignore[assignment]
    with pytest.raises(ShapeError, match="W1 must be an array of floats, it is a list"):
        net.loss(x, t)


def test_whole_numbers_are_values_of_a_regression_and_bools_are_two_classes() -> None:
    x, t = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    values = modnet.Network([4, 3, 1], output="identity", loss="mean-squared-error")
    assert values.loss(x, t) == values.loss(x, t.tolist()) == values.loss(x, t * 1.0)
    two = modnet.Network([4, 3, 1], output="sigmoid", loss="binary-cross-entropy")
    assert two.loss(x, t > 0) == two.loss(x, (t > 0).astype(int))
    assert two.accuracy(x, t > 0) == two.accuracy(x, (t > 0)[:, None])


def test_the_book_s_order_of_arguments_makes_the_network() -> None:
    one, other = modnet.TwoLayerNet(784, 50, 10, 0.05), modnet.TwoLayerNet(784, 50, 10, weight_init_std=0.05)
    assert np.array_equal(one.params["W1"], other.params["W1"])
    assert one.params["W1"].std() == pytest.approx(0.05, rel=0.02)
    assert modnet.TwoLayerNet(4, 3, 2, "he").initial["weight_init_std"] == "he"


def test_a_class_with_slots_still_finds_its_base() -> None:
    assert Doubled()(0) == 1.0
    assert Doubled()([0, 0]).tolist() == [1.0, 1.0]
    assert pickle.loads(pickle.dumps(Doubled()))(0) == 1.0  # noqa: S301 - its own


def test_classes_of_other_code_have_other_hashes() -> None:
    class Raised(modnet.Activation):
        def __call__(self, a: Any, axis: int = -1) -> Any:
            return a + 2

    class Other(modnet.Activation):
        def __call__(self, a: Any, axis: int = -1) -> Any:
            return a + 3

    assert hash_class(Raised) == hash_class(Raised)
    assert hash_class(Raised) != hash_class(Other)


ONE_HOT = ["backpropagation", "central-difference", "forward-difference", "evolution-strategies", "forward-gradient"]


@pytest.mark.parametrize("name", ONE_HOT)
def test_one_hot_targets_give_the_bits_of_indices(name: str) -> None:
    net = modnet.TwoLayerNet(4, 3, 3, seed=1)
    x, t = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    expected = net.gradient(x, t, name)
    found = net.gradient(x, np.eye(3)[t], name)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert net.objective(x, np.eye(3)[t]).t.shape == (5,)


def test_soft_targets_stay_dense() -> None:
    net = modnet.TwoLayerNet(4, 3, 3, seed=1)
    x, rows = np.ones((2, 4)), np.eye(3)[:2]
    for soft in (rows * 0.9 + 0.1 / 3, rows * 2, rows * 0, np.array([[0, 1, 0], [0, 0.5, 0.5]]), rows + np.eye(3)[2]):
        assert np.array_equal(net.objective(x, soft).t, soft)

"""Networks made from lists of layers."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import SettingError, ShapeError
from modnet.compose.summary import format_part

DENSE = ("dense", {"units": 3})


class TestItems:
    def test_pairs_of_dense_and_activation_are_the_network_of_these_sizes(self) -> None:
        layers = [("dense", {"units": 4}), "sigmoid", {"name": "dense", "units": 3}, "softmax"]
        net, same = modnet.Network(layers, shape=6, seed=3), modnet.Network([6, 4, 3], seed=3)
        assert net.dense_layers == same.dense_layers
        assert list(net.params) == list(same.params)
        assert all(np.array_equal(net.params[name], same.params[name]) for name in net.params)
        assert [place.label for place in net.placed] == [place.label for place in same.placed]

    def test_an_item_is_a_part_or_a_function_a_name_or_a_name_with_settings(self) -> None:
        items = ["flatten", modnet.layer("dense", units=5), np.tanh, "dropout", ("leaky-relu", {"slope": 0.1})]
        net = modnet.Network(
            [*items, {"name": "batch-norm", "eps": 1e-5}, DENSE, modnet.activation("softmax")], shape=(2, 2)
        )
        assert [place.outputs for place in net.placed] == [(4,), *[(5,)] * 5, (3,), (3,)]
        assert list(net.params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
        assert list(net.buffers) == ["mean1", "var1"]

    def test_identity_is_added_where_the_last_is_no_activation(self) -> None:
        net = modnet.Network([DENSE], shape=2, loss="mean-squared-error")
        assert repr(net) == "<Network 2 -> 3: Identity(); MeanSquaredError()>"

    def test_a_classification_needs_an_activation_at_the_end(self) -> None:
        with pytest.raises(
            SettingError, match="layers: must end with an activation for cross-entropy, such as softmax"
        ):
            modnet.Network([DENSE], shape=2)
        assert modnet.Network([DENSE, "identity"], shape=2).outputs == 3

    def test_sizes_and_layers_are_told_apart_by_the_first_item(self) -> None:
        assert modnet.Network(np.array([2, 3])).params["W1"].shape == (2, 3)
        with pytest.raises(SettingError, match="sizes must be two or more whole numbers"):
            modnet.Network([2, "relu", 3])


class TestMistakes:
    def test_all_items_that_cannot_be_are_found_at_once(self) -> None:
        with pytest.raises(SettingError) as caught:
            modnet.Network(["flaten", 50, ("dense", {"unit": 3}), {"units": 3}, modnet.Layer], shape=2)
        assert [re.sub("available: .*", "", mistake) for mistake in caught.value.mistakes] == [
            "item 1: no layer or activation 'flaten', did you mean 'flatten'?; ",
            "item 2: expected a name or an instance, found 50",
            "item 3: unknown setting 'unit', did you mean 'units'?; ",
            "item 3: 'units' is missing",
            "item 4: 'name' must say which layer it is",
            "item 5: expected a name or an instance, found the class Layer: call it",
        ]

    def test_an_unknown_name_lists_layers_and_activations(self) -> None:
        with pytest.raises(
            SettingError, match=r"item 1: no layer or activation 'relo', did you mean 'relu'\?.*dense.*tanh"
        ):
            modnet.Network(["relo"], shape=2)

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, "'shape' must be that of one sample, such as (1, 28, 28), or the number of inputs: None"),
            ({"shape": (1, 0)}, "or the number of inputs: (1, 0)"),
            ({"shape": "28x28"}, "or the number of inputs: '28x28'"),
            ({"shape": 2, "hidden": "relu"}, "'hidden' and 'output' go with sizes"),
            ({"shape": 2, "output": "softmax"}, "'hidden' and 'output' go with sizes"),
        ],
    )
    def test_settings_that_do_not_go_with_layers(self, settings: dict[str, Any], expected: str) -> None:
        with pytest.raises(SettingError, match=re.escape(expected)):
            modnet.Network([DENSE, "softmax"], **settings)

    def test_a_shape_goes_with_layers_alone(self) -> None:
        with pytest.raises(SettingError, match="'shape' goes with a list of layers"):
            modnet.Network([2, 3], shape=2)

    def test_one_layer_at_least_has_parameters(self) -> None:
        with pytest.raises(SettingError, match="layers: at least one must have parameters, such as dense"):
            modnet.Network(["relu"], shape=2)

    def test_a_layer_that_does_not_fit_is_named(self) -> None:
        with pytest.raises(ShapeError, match=r"layer 2 \(dense\) expects .*put a flatten layer before it"):
            modnet.Network(["relu", DENSE, "softmax"], shape=(1, 2, 2))


@attrs.frozen
class Table(modnet.Layer):
    sizes: dict[str, int] = attrs.field(factory=dict)
    most: int = 1

    def forward(self, params, x, mode, stream):
        return x, None


def test_a_part_with_a_table_among_its_settings_is_shown_with_it() -> None:
    assert format_part(Table({"short": 5})) == "table(sizes={'short': 5})"

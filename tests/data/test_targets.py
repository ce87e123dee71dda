"""Targets of regressions, weights of samples and of classes, in data sets."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from modnet_datasets.labels import weigh_classes

from modnet import DataError, Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.data.labels import TargetScale

X = np.random.default_rng(0).normal(3, 2, (20, 3))
Y = X[:, 0] * 4 - 100


def regression(y: Any = Y, **settings: Any) -> Dataset:
    return Dataset.from_arrays((X, y), task="regression", **settings)


def test_targets_are_standardized_by_the_training_rows_and_restored_in_their_own_unit():
    data = regression()
    data.check()
    assert (data.task, data.classes, data.outputs) == ("regression", (), 1)
    assert data.train.t.shape == (16, 1)
    np.testing.assert_allclose([data.train.t.mean(), data.train.t.std()], [0, 1], atol=1e-12)
    assert sorted(np.concatenate([data.to_unit(part.t)[:, 0] for part in data.parts.values()])) == pytest.approx(
        sorted(Y)
    )


@pytest.mark.parametrize("y", [Y.astype(np.float32), Y.round().astype(int), Y.tolist(), Y[:, np.newaxis]])
def test_numbers_of_every_kind_are_targets(y):
    assert regression(y).train.t.shape == (16, 1)


def test_there_may_be_several_targets():
    data = regression(np.column_stack([Y, X[:, 1]]))
    data.check()
    assert data.outputs == 2
    np.testing.assert_allclose(data.train.t.std(axis=0), 1)


def test_a_target_that_does_not_vary_becomes_0():
    assert not regression(np.full(20, 7.0)).train.t.any()


@pytest.mark.parametrize(
    ("y", "settings", "words"),
    [
        (["a"] * 20, {}, "labels must be numbers"),
        ([*Y[:4], np.nan, *Y[5:]], {}, "row 5: the label is missing"),
        ([*Y[:4], np.inf, *Y[5:]], {}, "row 5: the label is missing, or not finite"),
        (Y[:5], {}, "20 rows need 20 labels"),
        (Y, {"class_weight": "balanced"}, "a regression has no classes"),
        (Y, {"stratified": True}, "a regression has no classes"),
        (Y, {"classes": [1, 2]}, "a regression has no classes"),
    ],
)
def test_what_cannot_be_targets_is_refused(y, settings, words):
    with pytest.raises(DataError, match=words):
        regression(y, **settings)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1, 2], "20 rows need 20 weights"),
        (["a"] * 20, "weights must be numbers"),
        ([1.0] * 19 + [-1], r"row 20: a weight must be a number >= 0 .*, found -1"),
        ([np.nan] * 20, "row 1: a weight"),
        ([1e31] * 20, "row 1: a weight must be .* from 1e-30 to 1e.30"),  # their sum in float32 would be infinite
        ([1e-31] * 20, "row 1: a weight"),
        ([0] * 20, "weights are all 0"),
    ],
)
def test_what_cannot_be_weights_is_refused(weights, words):
    with pytest.raises(DataError, match=words):
        regression(weights=weights)


def test_each_row_keeps_its_weight_when_a_test_part_is_split_off():
    data = Dataset.from_arrays((X, Y), task="regression", weights=Y + 200)
    for part in data.parts.values():
        assert part.weights is not None
        np.testing.assert_allclose(part.weights, data.to_unit(part.t)[:, 0] + 200)
    parts = Dataset.from_arrays((X, Y[0] < Y), (X[:5], Y[:5] > Y[0]), weights=(np.ones(20), np.arange(5) + 1))
    assert parts.test.weights is not None
    assert parts.test.weights.tolist() == [1, 2, 3, 4, 5]


@given(weights=arrays(np.int64, 20, elements=st.integers(0, 3)).filter(np.any))
def test_a_weight_prepares_as_the_same_row_that_often(weights):
    again = np.repeat(np.arange(20), weights)
    one = regression(weights=weights, test_fraction=0)
    other = Dataset.from_arrays((X[again], Y[again]), task="regression", test_fraction=0)
    for found, expected in ((one.target_scale, other.target_scale), (one.preparation, other.preparation)):
        numbers, wanted = (
            [number for each in getattr(made, "columns", [made]) for number in np.ravel([each.mean, each.deviation])]
            for made in (found, expected)
        )
        np.testing.assert_allclose(numbers, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [None, "balanced"])
def test_balanced_weights_are_those_of_scikit_learn(kind):
    weigh = pytest.importorskip("sklearn.utils.class_weight").compute_sample_weight
    labels = np.array(["a"] * 12 + ["b"] * 5 + ["c"] * 3)
    data = Dataset.from_arrays((X, labels), class_weight=kind, test_fraction=0)
    expected = weigh(kind, labels)
    np.testing.assert_allclose(np.ones(20) if data.train.weights is None else data.train.weights, expected)


def test_classes_without_rows_do_not_count_and_a_mapping_weighs_by_label():
    t = np.array([0, 0, 0, 2])
    found = weigh_classes("balanced", t, ("a", "b", "c"), None)
    assert found is not None
    assert found.tolist() == pytest.approx([4 / 6, 0, 2])
    found = weigh_classes({"c": 5}, t, ("a", "b", "c"), np.array([1.0, 2, 0, 2]))
    assert found is not None
    assert found.tolist() == [1, 1, 5]
    data = Dataset.from_arrays((X, np.arange(20) % 2), class_weight={0: 3}, test_fraction=0)
    assert data.train.weights is not None
    assert data.train.weights.tolist() == [3, 1] * 10


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"d": 2}, "names the class 'd', and there is none: available: '0', '1'"),
        ({0: 0, 1: 0}, "all training rows the weight 0"),
        ({0: -1}, "'class_weight' must be 'balanced', or a table of numbers >= 0 by label"),
        ("even", "'class_weight' must be 'balanced'"),
    ],
)
def test_weights_of_classes_that_cannot_be_are_refused(given, words):
    with pytest.raises(DataError, match=words):
        Dataset.from_arrays((X, np.arange(20) % 2), class_weight=given)


def test_balanced_weights_do_not_change_the_preparation():
    plain, weighed = (
        Dataset.from_arrays((X, np.arange(20) < 3), class_weight=kind, test_fraction=0) for kind in (None, "balanced")
    )
    assert plain.preparation == weighed.preparation


def test_the_fingerprint_knows_targets_their_scale_and_weights():
    plain = data_fingerprint(regression())
    assert plain == data_fingerprint(regression())
    for other in (regression(Y + 1e-9), regression(2 * Y), regression(weights=np.arange(20) + 1)):
        assert data_fingerprint(other) != plain


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": np.zeros(16)}, "targets are float64 of shape"),
        ({"t": np.full((16, 1), np.nan)}, "a target of the training rows is not finite"),
        ({"weights": np.ones(3)}, "16 rows need 16 weights"),
        ({"weights": np.full(16, -1.0)}, "a weight must be"),
    ],
)
def test_a_data_set_that_others_made_is_checked(change, words):
    data = regression()
    with pytest.raises(DataError, match=words):
        attrs.evolve(data, train=attrs.evolve(data.train, **change)).check()


def test_a_scale_reads_back_from_plain_values():
    scale = TargetScale.fit(np.column_stack([Y, X[:, 1]]))
    assert TargetScale(**{key: list(value) for key, value in attrs.asdict(scale).items()}) == scale


def test_rows_and_targets_are_given_as_everybody_types_them():
    for y in (Y, np.column_stack([Y, X[:, 1]])):
        assert len(Dataset.from_arrays(X, y, task="regression").train) == 16


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e152, 1e305])
def test_targets_whose_squares_are_no_numbers_are_refused(factor):
    with pytest.raises(DataError, match="give them in another unit"):
        regression((Y + 100) * factor)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e-320, 1e300, -12345.6789])
def test_any_constant_target_becomes_0_whatever_rounding_does(constant):
    assert not regression(np.full(20, constant), weights=np.linspace(0.1, 0.9, 20)).train.t.any()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_all_weight_in_the_test_part_is_refused(task):
    weights = np.ones(20)
    weights[Dataset.from_arrays(X, X[:, 0] > 3).train.chosen] = 0
    with pytest.raises(DataError, match="training weights are all 0"):
        Dataset.from_arrays(X, X[:, 0] > 3, task=task, weights=weights)


@pytest.mark.parametrize("weights", [np.ones(20), [np.ones(20)], [np.ones(20)] * 3, 2])
def test_two_parts_have_a_pair_of_weights(weights):
    with pytest.raises(DataError, match="'weights' must be a pair"):
        Dataset.from_arrays((X, X[:, 0] > 3), (X, X[:, 0] > 3), weights=weights)


def test_numbers_that_are_no_classes_are_advised_to_be_targets_and_are():
    with pytest.raises(DataError, match=r"found .*: set task = 'regression'") as caught:
        Dataset.from_arrays(X, Y)
    assert Dataset.from_arrays(X, Y, **caught.value.advice[0]).task == "regression"
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(X, np.where(Y.mean() < Y, np.inf, Y))
    assert not caught.value.advice

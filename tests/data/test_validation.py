"""Validation parts: rows taken from the training part, and what is learned without them."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import modnet
from modnet import DataError, Dataset, Samples, SettingError

COLORS = np.array(["red", "green", "blue"], object)


def make_rows(seed: int, count: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return rows of a number of their own, a number that may be missing and text; their classes; and their targets."""
    draw = np.random.default_rng(seed)
    rows = np.empty((count, 3), object)
    rows[:, 0] = np.arange(count) + draw.normal()
    rows[:, 1] = np.where(draw.random(count) < 0.2, np.nan, draw.normal(5, 3, count))
    rows[:, 2] = COLORS[draw.integers(0, 3, count)]
    rows[0, 1] = 1.0  # some are there
    return rows, draw.choice(["a", "b", "c"], count, p=[0.7, 0.2, 0.1]), draw.normal(10, 4, count)


def row_ids(part: Samples) -> np.ndarray:
    """Return the raw first column, in which no two rows have the same number."""
    return part.unscaled(slice(None))[:, 0]


def check_is_like(found: Dataset, expected: Dataset) -> None:
    """Check that the training part was prepared as that of another data set, to the last bit."""
    assert found.preparation == expected.preparation
    assert found.target_scale == expected.target_scale
    assert found.scale == expected.scale
    np.testing.assert_array_equal(found.train.x, expected.train.x)
    np.testing.assert_array_equal(found.train.t, expected.train.t)
    np.testing.assert_array_equal(found.train.weights, expected.train.weights)


@settings(max_examples=40, deadline=None)
@example(682, 12, 0.125, "classes", False)
@given(
    st.integers(0, 2**31),
    st.integers(12, 60),
    st.floats(0.1, 0.6),
    st.sampled_from(["classes", "balanced", "regression"]),
    st.booleans(),
)
def test_no_row_is_in_two_parts_and_all_is_learned_of_the_remaining_ones(seed, count, fraction, kind, weighted):
    rows, labels, targets = make_rows(seed, count)
    target = targets if kind == "regression" else labels
    weights = np.random.default_rng(seed).integers(1, 4, count).astype(float) if weighted else None
    chosen: dict[str, Any] = {
        "impute": "mean",
        "missing_indicator": True,
        "encode": {"2": "one-hot"},
        "task": "regression" if kind == "regression" else None,
        "class_weight": "balanced" if kind == "balanced" else None,
    }
    whole = Dataset.from_arrays((rows, target), weights=weights, **chosen)
    try:
        data = whole.with_validation(fraction, seed=seed)
    except DataError:  # all rows that were drawn are the only ones of their classes
        assert kind != "regression"
        assert round(fraction * len(whole.train)) <= np.sum(np.bincount(whole.train.t) == 1)
        return
    data.check()
    train, validation, test = (row_ids(data.parts[name]) for name in ("train", "validation", "test"))
    assert sorted([*train, *validation]) == sorted(row_ids(whole.train))
    assert test.tolist() == row_ids(whole.test).tolist()
    assert data.train.table is data.parts["validation"].table is whole.train.table  # nothing was copied
    remaining = np.rint(train - rows[0, 0]).astype(int)
    given_weights = None if weights is None else weights[remaining]
    known = None if kind == "regression" else whole.classes
    # Of the columns' words those that the whole has: a data set made of fewer rows may know fewer.
    alone = Dataset.from_arrays(
        (rows[remaining], target[remaining]), weights=given_weights, classes=known, test_fraction=0, **chosen
    )
    check_is_like(data, alone)
    if whole.classes:
        assert set(data.train.t) == set(whole.train.t)
        counts, all_counts = (np.bincount(part.t, minlength=3) for part in (data.parts["validation"], whole.train))
        assert (abs(counts - fraction * all_counts) <= 1.5).all()


def test_the_same_seed_draws_the_same_rows_and_another_one_others():
    data = modnet.load("mnist-small")
    one, same, other = (data.with_validation(0.1, seed=seed).parts["validation"] for seed in (1, 1, 2))
    assert one.chosen is not None
    np.testing.assert_array_equal(one.chosen, same.chosen)
    assert set(one.chosen.tolist()) != set(other.chosen.tolist() if other.chosen is not None else ())


def test_pixels_are_divided_as_before_and_keep_the_dtype_of_their_file():
    data = modnet.load("mnist-small").with_validation(0.2)
    assert (data.scale, data.preparation, data.train.table.dtype) == (255.0, None, np.uint8)
    assert {part.scale for part in data.parts.values()} == {255.0}
    assert np.bincount(data.parts["validation"].t).min() > 0


def test_a_class_keeps_a_training_row_and_it_is_said_which_has_none_for_validation():
    x, t = np.arange(40.0)[:, None], np.array(["often"] * 38 + ["once", "twice"])
    data = Dataset.from_arrays((x, t), test_fraction=0).with_validation(0.9)
    assert np.bincount(data.train.t, minlength=3).min() == 1
    assert data.notes[-1] == "the validation part has no row of a class with few training rows: 'once', 'twice'"


def test_weights_of_classes_count_in_the_loss_of_the_validation_part_as_in_training():
    x, t = np.arange(40.0)[:, None], np.arange(40) % 4 == 0
    data = Dataset.from_arrays((x, t), class_weight="balanced").with_validation(0.25)
    validation = data.parts["validation"]
    assert data.train.weights is not None
    assert validation.weights is not None
    for label in (0, 1):
        assert set(validation.weights[validation.t == label]) == set(data.train.weights[data.train.t == label])
    assert data.test.weights is None


def test_words_that_training_no_longer_sees_are_noted_once():
    rows = np.array([["red"], ["green"]] * 20 + [["rare"]], object)
    found = [
        Dataset.from_arrays((rows, [0, 1] * 20 + [0]), test_fraction=0).with_validation(0.3, seed=seed)
        for seed in range(20)
    ]
    noted = [data for data in found if "rare" in "".join(data.notes)]
    assert 0 < len(noted) < 20
    for data in found:
        is_lost = 40 in data.parts["validation"].chosen
        assert len(data.notes) == is_lost
        assert ("feature 1=rare" in data.preparation.feature_names) != is_lost


def test_samples_that_are_only_divided_need_no_preparing_anew():
    part = Samples(np.arange(20.0).reshape(10, 2), np.arange(10) % 2, 4.0)
    data = Dataset(part, part, (0, 1), {"scale": 4.0}).with_validation(0.2)
    data.check()
    assert (len(data.train), len(data.parts["validation"]), data.scale) == (8, 2, 4.0)


def test_words_that_are_refused_are_named_before_training_begins():
    rows, labels = np.array([["red"], ["green"]] * 20 + [["rare"]], object), [0, 1] * 20 + [0]
    data = Dataset.from_arrays((rows, labels), test_fraction=0, unseen="zeros")
    seed = next(s for s in range(20) if 40 in data.with_validation(0.3, seed=s).parts["validation"].chosen)
    refusing = Dataset.from_arrays((rows, labels), test_fraction=0, unseen="refuse")
    with pytest.raises(DataError, match="1 row has a word that the training rows lack, 'rare': set unseen = 'zeros'"):
        refusing.with_validation(0.3, seed=seed)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda data: data.with_validation(0), SettingError, "must be > 0 and < 1: 0"),
        (lambda data: data.with_validation(1.0), SettingError, "must be > 0 and < 1: 1.0"),
        (lambda data: data.with_validation("0.1"), SettingError, "must be > 0 and < 1: '0.1'"),
        (lambda data: data.with_validation(True), SettingError, "must be > 0 and < 1: True"),
        (lambda data: data.with_validation(0.001), DataError, "16 training rows cannot give a share of 0.001"),
        (lambda data: data.with_validation(0.2).with_validation(0.2), DataError, "a validation part already"),
        (
            lambda data: attrs.evolve(data, train=attrs.evolve(data.train, weights=np.ones(16))).with_validation(0.2),
            DataError,
            "give the raw rows to modnet.Dataset.from_arrays, then choose among them",
        ),
    ],
)
def test_what_cannot_be_done_is_said(make, error, words):
    data = Dataset.from_arrays((np.arange(20.0)[:, None] * 1000, np.arange(20) % 2))
    with pytest.raises(error, match=re.escape(words)):
        make(data)


def test_a_regression_is_not_stratified():
    data = Dataset.from_arrays((np.arange(20.0)[:, None], np.arange(20.0)), task="regression")
    with pytest.raises(SettingError, match="a regression has no classes"):
        data.with_validation(0.2, stratified=True)


def test_a_regression_keeps_a_training_row():
    data = Dataset.from_arrays((np.arange(3.0)[:, None], np.arange(3.0)), task="regression", test_fraction=0)
    with pytest.raises(DataError, match=r"3 training rows cannot give a share of 0\.9 for validation"):
        data.with_validation(0.9)


def test_a_validation_part_may_be_given():
    rows, labels, _ = make_rows(0, 30)
    parts = [(rows[:20], labels[:20]), (rows[20:25], labels[20:25]), (rows[25:], labels[25:])]
    wanted: dict[str, Any] = {"impute": "mean", "encode": {"2": "one-hot"}}
    data = Dataset.from_arrays(parts[0], parts[1], validation=parts[2], weights=[np.ones(20), None, None], **wanted)
    data.check()
    assert [len(part) for part in data.parts.values()] == [20, 5, 5]
    assert data.preparation == Dataset.from_arrays(parts[0], test_fraction=0, **wanted).preparation
    drawn = Dataset.from_arrays(parts[0], validation=parts[2], **wanted)
    assert drawn.format_sizes() == "16 training, 4 test and 5 validation"

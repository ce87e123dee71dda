"""Preparation of columns: standardized, encoded, imputed, learned from training rows alone."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import Column, DataError, Dataset, Preparation, PreparationSettings

SHIP = np.array(
    [
        [22.0, "m", None, "third"],
        [38.0, "f", "C", "first"],
        [None, "f", "C", "third"],
        [35.0, "m", "E", "second"],
        [54.0, "m", "E", "first"],
        [2.0, "f", None, "third"],
    ],
    object,
)
NAMES = ["age", "sex", "deck", "class"]
SURVIVED = ["no", "yes", "yes", "no", "no", "yes"]
ORDER = ("third", "second", "first")
numbers = st.floats(allow_nan=False, allow_infinity=False)
tame = st.floats(-1e6, 1e6)


def ship(times: int = 4, **settings: Any) -> Dataset:
    """All rows for training, so many times."""
    x, labels = np.tile(SHIP, (times, 1)), SURVIVED * times
    return Dataset.from_arrays(x, labels, **{"feature_names": NAMES, "test_fraction": 0, **settings})


FULL = {"impute": "median", "missing_indicator": True, "encode": {"sex": "one-hot", "deck": "one-hot", "class": ORDER}}


def test_a_table_of_text_and_gaps_becomes_features():
    data = ship(**FULL)
    data.check()
    assert data.feature_names == tuple(NAMES)
    assert data.preparation.feature_names == (
        *("age", "age is missing", "sex=f", "sex=m", "deck=C", "deck=E", "deck is missing", "class"),
    )
    assert data.features == 8
    ages = np.array([22, 38, 35, 35, 54, 2.0])
    classes = np.array([0, 2, 0, 1, 2, 0.0])
    for place, values in ((0, ages), (7, classes)):
        np.testing.assert_allclose(data.train.x[:6, place], (values - values.mean()) / values.std(), rtol=1e-14)
    assert data.train.x[:6, 1:7].tolist() == [
        [0, 0, 1, 1, 0, 1],
        [0, 1, 0, 1, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [0, 0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1, 0],
        [0, 1, 0, 1, 0, 1],
    ]
    assert data.settings == {"standardize": True, "encode": FULL["encode"]}
    assert [column.words for column in data.columns] == [None, ("f", "m"), ("C", "E"), ("first", "second", "third")]


@pytest.mark.parametrize(
    ("impute", "age", "deck"),
    [
        ("mean", 30.2, "C"),
        ("median", 35.0, "C"),
        ("most-frequent", 2.0, "C"),
        ({"age": 0, "deck": "unknown"}, 0.0, "unknown"),
        ({"0": "mean", "2": "most-frequent"}, 30.2, "C"),
    ],
)
def test_the_value_in_place_of_a_missing_one(impute, age, deck):
    prepared = ship(impute=impute).preparation.columns
    assert prepared[0].fill == pytest.approx(age, rel=1e-15)
    assert prepared[2].fill == deck
    assert deck in prepared[2].words


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=tame))
def test_standardized_training_rows_have_mean_0_and_deviation_1(x):
    found = Preparation.fit(x).transform(x)
    for raw, column in zip(x.T, found.T, strict=True):
        if raw.min() == raw.max():
            assert not column.any()
        elif np.ptp(raw) > max(1e-9 * np.abs(raw).max(), 1e-300):  # below, deviations are rounded
            assert abs(column.mean()) < 1e-5
            assert column.std() == pytest.approx(1, rel=1e-5)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=numbers), numbers)
@example(np.array([[1.7e308], [-1.7e308]]), 1.7e308)
@example(np.array([[5e-324], [0.0]]), 1e300)
@example(np.array([[-1.7976931348623157e308]]), 3e292)
@example(np.array([[1e16], [1e16 + 2]]), 0.0)
def test_features_are_finite_whatever_the_numbers(x, another):
    preparation = Preparation.fit(x)
    assert np.isfinite(preparation.transform(x)).all()
    assert np.isfinite(preparation.transform(np.full((1, x.shape[1]), another))).all()
    assert Preparation.from_dict(json.loads(json.dumps(preparation.to_dict()))) == preparation


@given(arrays(np.float64, (9, 2), elements=st.floats(-9, 9) | st.just(math.nan)), st.sampled_from(["mean", "median"]))
def test_statistics_are_those_of_numpy(x, way):
    if np.isnan(x).all(axis=0).any():
        with pytest.raises(DataError, match="has no value at all"):
            Preparation.fit(x, settings=PreparationSettings(impute=way))
        return
    preparation = Preparation.fit(x, settings=PreparationSettings(impute=way, scale=1))
    wanted = {"mean": np.nanmean, "median": np.nanmedian}[way](x, axis=0)
    np.testing.assert_allclose([column.fill for column in preparation.columns], wanted, rtol=1e-12, atol=1e-14)


@given(
    st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(any),
    st.sampled_from(["mean", "median", "most-frequent"]),
)
def test_a_weight_counts_as_the_same_row_that_often(weights, way):
    data = ship(1, impute="mean")
    x, settings = data.train.table, PreparationSettings(impute=way, missing_indicator=True, encode="one-hot")
    repeated, weights = np.repeat(x, weights, axis=0), np.array(weights, float)
    if np.isnan(repeated).all(axis=0).any():
        with pytest.raises(DataError, match="has no value at all"):
            Preparation.fit(x, data.columns, settings, weights)
        return
    wanted = Preparation.fit(repeated, data.columns, settings)
    found = Preparation.fit(x, data.columns, settings, weights)
    assert found.feature_names == wanted.feature_names
    np.testing.assert_allclose(found.transform(x, data.columns), wanted.transform(x, data.columns), atol=1e-12)


@given(st.permutations(range(4)), st.permutations(range(2)))
def test_another_order_of_columns_or_words_changes_the_order_alone(columns, words):
    data = ship(**FULL)
    names = [column.name for column in data.columns]
    table, known = data.train.table[:, columns].copy(), [data.columns[j] for j in columns]
    place = names.index("sex")
    at = columns.index(place)
    table[:, at] = np.argsort(words)[table[:, at].astype(int)]
    known[at] = attrs.evolve(known[at], words=tuple(data.columns[place].words[i] for i in words))
    settings = PreparationSettings(**FULL)
    found = Preparation.fit(table, known, settings)
    assert sorted(found.feature_names) == sorted(data.preparation.feature_names)
    order = [found.feature_names.index(name) for name in data.preparation.feature_names]
    np.testing.assert_array_equal(found.transform(table, known)[:, order], data.train.x)


@given(st.integers(0, 5), st.sampled_from([1e9, -3.0, None]), st.sampled_from(["f", "other", None]))
def test_test_rows_change_nothing_that_is_learned(seed, age, sex):
    test = np.array([[age, sex, "G", "third"]], object)
    settings = {**FULL, "feature_names": NAMES}
    train = np.tile(np.random.default_rng(seed).permutation(SHIP), (4, 1)), SURVIVED * 4
    alone = Dataset.from_arrays(train, **{**settings, "test_fraction": 0})
    data = Dataset.from_arrays(train, (test, ["no"]), **settings)
    assert data.preparation == alone.preparation
    np.testing.assert_array_equal(data.train.x, alone.train.x)
    assert data.test.x[0, 4:6].tolist() == [0, 0]
    assert "deck: 1 row has a word that the training rows lack, 'G': it becomes zeros" in data.notes


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["f", "x", "m"], "sex: 1 row has a word that the training rows lack, 'x': it becomes zeros"),
        (["x"], "sex: 1 row has a word that the training rows lack, 'x': it becomes zeros"),
        (
            ["F", "M", "F"],
            (
                "sex: 3 rows have a word that the training rows lack, 'F', 'M': it becomes zeros; no row has a "
                "known one: is it the column of the training rows?"
            ),
        ),
    ],
)
def test_a_note_on_unseen_words_doubts_a_column_in_which_no_word_is_known(words, note):
    train = [["f"], ["m"]] * 4, [0, 1] * 4
    data = Dataset.from_arrays(train, ([[word] for word in words], [0] * len(words)), feature_names=["sex"])
    assert data.notes == (note,)


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4", "f8"])
def test_the_same_numbers_of_any_type_are_prepared_to_the_same_bits(dtype):
    x = np.arange(60).reshape(20, 3) ** 2 % 251
    wanted = Preparation.fit(x.astype(float)).transform(x)
    data = Dataset.from_arrays(x.astype(dtype), [0, 1] * 10, test_fraction=0)
    assert data.train.x.tobytes() == wanted.tobytes()
    assert data.train.rows([3, 1]).tobytes() == wanted[[3, 1]].tobytes()


def test_large_tables_are_prepared_batch_by_batch_to_the_same_bits(monkeypatch):
    data = ship(**FULL)
    wanted = data.train.x[[5, 0, 7]]
    monkeypatch.setattr("modnet.data.samples.PREPARED", 0)
    np.testing.assert_array_equal(ship(**FULL).train.rows([5, 0, 7]), wanted)


def test_codes_of_another_file_are_read_by_its_own_words():
    preparation = ship(**FULL).preparation
    columns = [Column("age"), Column("sex", ("m", "f")), Column("deck", ("E",)), Column("class", ("second",))]
    found = preparation.transform([[35.0, 0, 0, 0]], columns)
    assert found[0, 2:7].tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(DataError, match=r"row 1, feature 4 .'class'.: the training rows have no word 'steerage'"):
        preparation.transform([[35.0, 0, 0, 0]], [*columns[:3], Column("class", ("steerage",))])
    with pytest.raises(DataError, match=r"feature 1 .'age'. is text, and in training it was numbers"):
        preparation.transform([[0.0, 0, 0, 0]], [Column("age", ("old",)), *columns[1:]])


def test_codes_keep_their_words_beside_a_column_that_has_text():
    columns = [Column("sex", ("f", "m")), Column("deck")]
    data = Dataset.from_arrays([[0, "A"], [1, "B"]] * 2, [0, 1] * 2, columns=columns, test_fraction=0)
    assert data.preparation.feature_names == ("sex=f", "sex=m", "deck=A", "deck=B")
    np.testing.assert_array_equal(data.train.x[:2], [[1, 0, 1, 0], [0, 1, 0, 1]])


def test_a_missing_value_that_is_not_imputed_is_refused():
    preparation = Preparation.fit(np.array([[1.0, 2.0], [3.0, 4.0]]), [Column("a"), Column("b")])
    with pytest.raises(DataError, match=r"row 1, feature 2 .'b'.: a missing value"):
        preparation.transform([[1.0, math.nan]])
    with pytest.raises(DataError, match=r"training row 1, feature 3: expected .* found nan"):
        ship(impute={"age": "mean"})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encode": {"sex": "one-hot"}}, "feature 3 ('deck') is text that nothing encodes"),
        ({"encode": {**FULL["encode"], "class": ("third", "first")}}, "has the word 'second', which the order"),
        ({"encode": {"gender": "one-hot"}}, "'encode' names the column 'gender', and there is none: available: age"),
        ({"impute": {"sex": 3}}, "feature 2 ('sex'): 'impute' must be a word or 'most-frequent'"),
        ({"impute": {"age": "old"}}, "feature 1 ('age'): 'impute' must be a number or 'most-frequent'"),
        ({"impute": "mode"}, "'impute' must be 'mean', 'median', 'most-frequent', a number, or a table"),
        ({"standardize": ("sex",)}, "feature 2 ('sex') is one-hot: take it out of 'standardize'"),
        ({"unseen": "drop"}, "'unseen' must be 'zeros' or 'refuse'"),
        ({"standardize": (1.5,)}, "'standardize' names the column 1.5, and there is none"),
        ({"standardize": (-9,)}, "'standardize' names the column -9, and there is none"),
        ({"standardize": (True,)}, "'standardize' names the column True, and there is none"),
        ({"impute": {None: 0}}, "'impute' names the column None, and there is none"),
        ({"missing_indicator": 1}, "'missing_indicator' must be true or false: 1"),
        ({"stratified": "yes"}, "'stratified' must be true or false: 'yes'"),
        ({"split_seed": 1.5}, "'split_seed' must be a whole number: 1.5"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(DataError) as caught:
        ship(**{"impute": {"age": "mean", "deck": "most-frequent"}, **settings})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.0] * 16, [math.nan] * 16], "new row 2, feature 1: expected a finite number, found nan"),
        ([[0.0] * 15 + ["a"]], "feature 16 is text, and in training it was numbers"),
        ([[0.0] * 15], "rows have 15 columns, expected 16"),
    ],
)
@pytest.mark.parametrize("standardize", [True, False])
def test_raw_rows_with_other_than_numbers_are_refused_whether_pixels_or_not(rows, words, standardize):
    x = np.random.default_rng(0).integers(0, 256, (40, 16))
    data = Dataset.from_arrays(x, [0, 1] * 20, standardize=standardize)
    assert (data.preparation is None) is not standardize
    np.testing.assert_array_equal(data.prepare(data.train.unscaled(slice(None))), data.train.x)
    with pytest.raises(DataError) as caught:
        data.prepare(rows)
    expected = words if not standardize or "nan" not in words else "row 2, feature 1: a missing value, and no 'impute'"
    assert str(caught.value) == expected


def test_many_words_are_asked_about_and_the_advice_works():
    x = np.array([[f"name {i}", i % 2] for i in range(60)], object)
    for rows in (x, x[:8]):
        with pytest.raises(DataError, match="is text that nothing encodes") as caught:
            Dataset.from_arrays(rows, [0, 1] * (len(rows) // 2), test_fraction=0)
        assert caught.value.advice
        for advice in caught.value.advice:
            data = Dataset.from_arrays(rows, [0, 1] * (len(rows) // 2), test_fraction=0, **advice)
            assert data.features == len(rows) + 1


def test_numbers_may_be_listed_as_text():
    x = np.array([[1, 10.5], [3, 2.5], [1, 3.5], [3, 4.5]])
    data = Dataset.from_arrays(x, [0, 1, 0, 1], encode={"0": "one-hot"}, test_fraction=0)
    assert data.preparation.feature_names == ("feature 1=1", "feature 1=3", "feature 2")
    assert data.train.x[:, :2].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize("cells", [[1, "1"], ["2", 2.0], [True, "True"]])
def test_a_number_and_the_same_in_text_are_not_merged_into_one_word(cells):
    with pytest.raises(DataError, match=r"feature 1 has .* and '.*', which would be one word: make all of them text"):
        Dataset.from_arrays([[cell] for cell in cells * 2], [0, 1, 0, 1], encode={"0": "one-hot"}, test_fraction=0)


@pytest.mark.parametrize(
    ("settings", "standardized", "scale"),
    [
        ({}, True, 1.0),
        ({"scale": 10}, False, 10.0),
        ({"standardize": False}, False, 1.0),
        ({"standardize": True, "scale": 10}, True, 10.0),
    ],
)
def test_numbers_are_standardized_unless_a_scale_is_given(settings, standardized, scale):
    x = np.arange(12.0).reshape(6, 2)
    data = Dataset.from_arrays(x, [0, 1] * 3, test_fraction=0, **settings)
    assert (data.preparation is not None) == standardized
    assert data.scale == scale
    wanted = (x - x.mean(axis=0)) / x.std(axis=0) if standardized else x / scale
    np.testing.assert_allclose(data.train.x, wanted, rtol=1e-14)
    again = Dataset.from_arrays(x, [0, 1] * 3, test_fraction=0, **{**settings, **data.settings})
    assert again.preparation == data.preparation
    assert again.settings == data.settings


def test_some_columns_are_standardized():
    x = np.arange(12.0).reshape(6, 2)
    data = Dataset.from_arrays(x, [0, 1] * 3, test_fraction=0, standardize=(1,), scale=4)
    np.testing.assert_allclose(data.train.x, np.column_stack([x[:, 0] / 4, (x[:, 1] - 6) / x[:, 1].std()]))


def test_pixels_go_the_old_way_with_the_old_bits():
    x = np.arange(640, dtype=np.uint8).reshape(40, 16)
    data = Dataset.from_arrays(x, [0, 1] * 20, test_fraction=0)
    assert data.preparation is None
    assert data.settings == {"scale": 255.0}
    imputed = Dataset.from_arrays(x, [0, 1] * 20, test_fraction=0, impute="mean")
    assert imputed.train.x.tobytes() == data.train.x.tobytes() == (x / 255).tobytes()


# Rows and labels as everybody types them


@pytest.mark.parametrize("make", [np.asarray, np.ndarray.tolist, list], ids=["array", "lists", "arrays"])
def test_rows_and_labels_are_two_arguments(make):
    x = np.arange(12.0).reshape(4, 3)
    data = Dataset.from_arrays(make(x), ["a", "b", "b", "a"], test_fraction=0)
    np.testing.assert_array_equal(data.train.table, x)
    assert data.train.t.tolist() == [0, 1, 1, 0]
    assert Dataset.from_arrays(make(x), np.eye(4), test_fraction=0).classes == (0, 1, 2, 3)


def test_two_rows_in_lists_could_be_both_and_are_asked_about():
    with pytest.raises(DataError, match="two rows and their labels, or a training and a test part"):
        Dataset.from_arrays([[0, 1], [1, 0]], [[0, 1], [1, 0]])
    assert len(Dataset.from_arrays(np.array([[0, 1], [1, 0]]), np.eye(2), test_fraction=0).train) == 2
    assert len(Dataset.from_arrays(([[0], [1]], [0, 1]), ([[1]], [1])).test) == 1


def test_a_table_with_columns_keeps_their_names():
    class Frame:
        columns = ("a", "b")

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.array([[1, "x"], [2, "y"], [3, "x"], [4, "y"]], object)

        def __len__(self) -> int:
            return 4

        def __getitem__(self, which: object) -> object:
            raise KeyError(which)

    data = Dataset.from_arrays(Frame(), [0, 1, 0, 1], test_fraction=0)
    assert data.feature_names == ("a", "b")
    assert data.preparation.feature_names == ("a", "b=x", "b=y")


def test_text_among_numbers_is_asked_about():
    x = np.array([[1.0, 5], ["many", 6]], object)
    with pytest.raises(DataError, match="feature 1: 'many' stands among numbers"):
        Dataset.from_arrays(x, [0, 1])
    assert Dataset.from_arrays(x, [0, 1], encode={"0": "one-hot"}, test_fraction=0).features == 3


# What is kept, and what others hand over


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"columns": [], "unseen": "drop"},
        {"columns": [{"mean": math.nan}], "unseen": "zeros"},
        {"columns": [{"mean": 1}], "unseen": "zeros"},
        {"columns": [{"deviation": -1.0}], "unseen": "zeros"},
        {"columns": [{"words": ["a", "a"], "encode": "one-hot"}], "unseen": "zeros"},
        {"columns": [{"words": ["a"]}], "unseen": "zeros"},
        {"columns": [{"words": "ab", "encode": "one-hot"}], "unseen": "zeros"},
        {"columns": [{"fill": "a"}], "unseen": "zeros"},
        {"columns": [{"fill": math.inf}], "unseen": "zeros"},
        {"columns": [{"run": "code"}], "unseen": "zeros"},
        {"columns": 3, "unseen": "zeros"},
        [],
        None,
    ],
)
def test_what_is_no_preparation_is_refused(table):
    with pytest.raises(DataError, match="not a preparation of columns"):
        Preparation.from_dict(table)


def test_what_third_parties_make_is_checked():
    data = ship(**FULL)
    train, one = data.train, data.train.table.copy()
    wrong = {
        "expected the code of a word, found 9.0": (0, 1, 9.0),
        "expected the code of a word, found 0.5": (0, 1, 0.5),
        "expected a finite number, found inf": (0, 0, math.inf),
        "expected a word .see 'impute'., found nan": (0, 1, math.nan),
    }
    for words, (row, column, value) in wrong.items():
        table = one.copy()
        table[row, column] = value
        preparation = Preparation(
            (
                *train.preparation.columns[:1],
                attrs.evolve(train.preparation.columns[1], fill=None),
                *train.preparation.columns[2:],
            )
        )
        part = attrs.evolve(train, x=table, preparation=preparation, is_finite=False)
        with pytest.raises(DataError, match=words):
            attrs.evolve(data, train=part, test=attrs.evolve(part, x=one[:0], t=train.t[:0])).check()
    for changes in ({"preparation": None}, {"columns": ()}, {"columns": train.columns[:2]}):
        with pytest.raises(DataError, match="are described otherwise"):
            attrs.evolve(data, train=attrs.evolve(train, **changes)).check()
    with pytest.raises(DataError, match="prepared in different ways"):
        attrs.evolve(data, test=ship(**{**FULL, "missing_indicator": False}).test).check()


def test_its_names_are_public():
    assert {"Column", "Preparation", "PreparationSettings"} <= set(modnet.__all__)


def test_what_was_learned_and_what_is_read_again_are_of_the_public_class():
    learned = Preparation.fit(np.array([[1.0], [3.0]]))
    again = Preparation.from_dict(learned.to_dict())
    assert type(again) is type(learned) is modnet.Preparation
    assert again == learned
    data = Dataset.from_arrays([[1.0], [3.0]] * 2, [0, 1] * 2, test_fraction=0)
    assert type(data) is type(modnet.load("moons")) is modnet.Dataset

"""Rows and labels as a data set: accepted, scaled, split, refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import DataError, Dataset
from modnet.data.samples import scale_features

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([3, 7, 7, 3])
PIXELS = np.arange(4 * 16, dtype=np.uint8).reshape(4, 16) * 4


def whole(x: object = X, t: object = T, **settings: object) -> Dataset:
    """All rows for training, as they are given."""
    return Dataset.from_arrays((x, t), **{"test_fraction": 0.0, "standardize": False, **settings})


def test_it_shows_itself_in_a_line():
    data = Dataset.from_arrays((X, T), (X[:2], T[:2]))
    assert repr(data) == "<Dataset: 4 training and 2 test samples of 3 features in 2 classes>"
    assert repr(data.test) == "<Samples: 2 of 3 features>"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (T, (3, 7)),
        (T.astype(np.uint8), (3, 7)),
        (T.astype(np.uint64), (3, 7)),
        (T.astype(np.float32), (3, 7)),
        (T.astype(np.float16), (3, 7)),
        (T[:, None], (3, 7)),
        (np.eye(2)[[0, 1, 1, 0]], (0, 1)),
        (np.eye(2, dtype=bool)[[0, 1, 1, 0]], (0, 1)),
        (np.array(["oak", "yew", "yew", "oak"]), ("oak", "yew")),
        (["oak", "yew", "yew", "oak"], ("oak", "yew")),
        (T == 7, (False, True)),
        (-T, (-7, -3)),
    ],
)
def test_labels_become_class_indices(labels, classes):
    data = whole(t=labels)
    assert data.classes == classes
    assert data.train.t.dtype == np.int64
    expected = [1, 0, 0, 1] if classes == (-7, -3) else [0, 1, 1, 0]
    np.testing.assert_array_equal(data.train.t, expected)


def test_classes_are_those_of_both_parts():
    data = Dataset.from_arrays((X, ["b", "d", "d", "b"]), (X[:2], ["c", "a"]))
    assert data.classes == ("a", "b", "c", "d")
    assert data.train.t.tolist() == [1, 3, 3, 1]
    assert data.test.t.tolist() == [2, 0]


@pytest.mark.parametrize("dtype", ["u1", "i4", ">i2", "f2", "f4", ">f8", "f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3), (4, 1, 2, 3)])
def test_rows_become_float64_row_by_row(dtype, order, shape):
    x = np.array(np.arange(24).reshape(shape) % 7, dtype=dtype, order=order)
    data = whole(x)
    assert data.train.x.dtype == np.float64
    assert data.train.x.dtype.isnative
    assert data.train.x.flags.c_contiguous
    np.testing.assert_array_equal(data.train.x, x.reshape(4, 6).astype(np.float64))
    assert data.features == 6


def test_it_owns_its_arrays():
    x = X.copy()
    data = whole(x)
    x[:] = 0
    np.testing.assert_array_equal(data.train.x, X)


# Scale


@pytest.mark.parametrize(
    ("x", "scale"),
    [
        (PIXELS, 255),
        (PIXELS.astype(np.float64), 255),
        (PIXELS.reshape(4, 4, 4), 255),
        (PIXELS.astype(np.float32) / 255, 1),
        (PIXELS + 0.5, 1),
        (PIXELS.astype(int) - 1, 1),
        (PIXELS.astype(int) + 10, 1),
        (PIXELS // 2, 1),
        (PIXELS[:, :15], 1),
        (PIXELS > 100, 1),
    ],
)
def test_what_is_evidently_pixels_is_divided_by_255(x, scale):
    data = whole(x)
    assert data.scale == data.settings["scale"] == scale
    np.testing.assert_array_equal(data.train.x, x.reshape(4, -1) / scale)


def test_the_same_pixels_of_any_type_are_the_same_bits():
    found = {whole(PIXELS.astype(d)).train.x.tobytes() for d in ("u1", "i8", ">u2", "f4", "f8")}
    assert len(found) == 1


def test_a_given_scale_is_used_and_kept():
    data = whole(scale=10.0, settings={"note": "kept"})
    np.testing.assert_array_equal(data.train.x, X / 10)
    assert data.settings == {"scale": 10.0, "note": "kept"}


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e300, 1e300)), st.floats(1, 1e6))
def test_scaled_is_a_new_array(x, scale):
    before = x.copy()
    y = scale_features(x, scale)
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(y, x / scale)


# Split


@given(st.integers(2, 60), st.floats(0, 0.99), st.integers(0, 5))
def test_a_split_loses_and_doubles_nothing(n, fraction, seed):
    x = np.arange(n, dtype=np.float64)[:, None]
    count = round(fraction * n)
    if count == n:
        with pytest.raises(DataError, match="no training rows"):
            Dataset.from_arrays((x, np.arange(n)), test_fraction=fraction, split_seed=seed)
        return
    data = Dataset.from_arrays((x, np.arange(n)), test_fraction=fraction, split_seed=seed, scale=1)
    assert len(data.test) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([data.train.x, data.test.x])[:, 0]), x[:, 0])
    for part in (data.train, data.test):
        assert (np.diff(part.x[:, 0]) > 0).all()  # in the file's order
        np.testing.assert_array_equal(part.x[:, 0], part.t)


def test_the_split_follows_its_seed():
    splits = [Dataset.from_arrays((X, T), test_fraction=0.5, split_seed=s).test.x.tobytes() for s in range(8)]
    again = [Dataset.from_arrays((X, T), test_fraction=0.5, split_seed=s).test.x.tobytes() for s in range(8)]
    assert splits == again
    assert len(set(splits)) > 1


# Mistakes


@pytest.mark.parametrize(
    ("x", "t", "words"),
    [
        (X, T[:3], "training: 4 rows need 4 labels, found labels of shape (3,)"),
        (X, T.reshape(2, 2), "labels of shape (2, 2) are not one-hot rows"),
        (X, np.full((4, 2), 0.5), "not one-hot rows: one 1 each, otherwise 0"),
        (X, np.ones((4, 2)), "not one-hot rows"),
        (X, np.zeros((4, 0)), "found labels of shape (4, 0)"),
        (X, T + 0.5, "must be classes (whole numbers or text), found 3.5, float64"),
        (X, T * np.nan, "training row 1: the label is missing (nan)"),
        (X, np.array([0, 1, np.inf, 0]), "found inf"),
        (X, T + 1e300, "found 1e+300"),
        (X, T * 1j, "found complex128"),
        (X, np.array([b"a", b"b", b"c", b"d"]), "must be classes (whole numbers or text), found |S1"),
        (X, np.array([None] * 4), "training row 1: the label is missing (None)"),
        (X, ["a", "b", float("nan"), "a"], "training row 3: the label is missing (nan)"),
        (X, np.ma.array([0, 1, 2, 0], mask=[0, 1, 0, 0]), "training row 2: the label is missing (masked)"),
        (np.ma.array(X, mask=X == 7), T, "training row 3, feature 2: expected a finite number, found nan"),
        (X, [0, 1, None, 0], "training row 3: the label is missing (None)"),
        (X, np.array(["2020-01-01", "NaT", "NaT", "NaT"], "M8[D]"), "training row 2: the label is missing (NaT)"),
        (X, ["a", 1, "b", "a"], "training row 2: the label is 1, others are text"),
        (X, [object()] * 4, "found object"),
        (X, np.array([2**64 - 1] * 4, np.uint64), "must be classes, found 18446744073709551615"),
        (X, np.array(5), "found labels of shape ()"),
        (X + 1j, T, "expected numbers"),
        (np.array(5.0), T, "expected numbers of shape (N, features), found float64 of shape ()"),
        ([[1.0], [1.0, 2.0]], [0, 1], "training rows are of different lengths"),
        ([[1.0], [2.0]], [[0], [0, 1]], "training labels are of different lengths"),
        (X[:, :0], T, "training rows have no features: their shape is (4, 0)"),
        (X[:0], T[:0], "no training rows"),
        ([], [], "no training rows"),
        (np.where(X == 7, np.nan, X), T, "training row 3, feature 2: expected a finite number, found nan"),
        (np.where(X == 3, -np.inf, X), T, "training row 2, feature 1: expected a finite number, found -inf"),
    ],
)
def test_words_of_errors(x, t, words):
    with pytest.raises(DataError) as caught:
        whole(x, t)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "classes", "indices"),
    [
        (["b", "a", "b", "c"], ["c", "b", "a"], [1, 2, 1, 0]),
        (["b", "a", "b", "b"], ["c", "b", "a"], [1, 2, 1, 1]),
        ([2, 4, 2, 2], [4, 3, 2], [2, 0, 2, 2]),
        (np.array([2.0, 4, 2, 2]), np.array([4, 2]), [1, 0, 1, 1]),
        ([True, False, True, True], [1, 0], [0, 1, 0, 0]),
        (np.eye(4)[[2, 0, 1, 3]], ["n", "e", "s", "w"], [2, 0, 1, 3]),
    ],
)
def test_classes_that_are_given_keep_their_order(labels, classes, indices):
    data = whole(X, labels, classes=classes)
    assert data.classes == tuple(classes)
    assert data.train.t.tolist() == indices
    data.check()
    split = Dataset.from_arrays((X, labels), classes=classes, test_fraction=0.5, stratified=True)
    assert split.classes == tuple(classes)


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        (list("abac"), ["a", "b"], "training row 4: the label 'c' is none of 'classes': 'a', 'b'"),
        ([1, 1, 2, 3], [1, 3], "training row 3: the label 2 is none of 'classes': 1, 3"),
        ([1, 1, 2, 3], ["1", "2", "3"], "training labels are numbers, 'classes' has '1', '2', '3'"),
        (list("1123"), [1, 2, 3], "training labels are text, 'classes' has 1, 2, 3"),
        (np.eye(4), list("abc"), "training labels are one-hot rows of 4, 'classes' has 3"),
        (list("abac"), ["a", "b", "a"], "'classes' must be a list of different texts, or of different whole numbers"),
        (list("abac"), ["a", 1], "'classes' must be a list of different texts"),
        (list("abac"), "abc", "'classes' must be a list of different texts"),
        (list("abac"), [], "'classes' must be a list of different texts"),
    ],
)
def test_labels_outside_of_the_classes_that_are_given(labels, classes, words):
    with pytest.raises(DataError) as caught:
        whole(X, labels, classes=classes)
    assert words in str(caught.value)
    with pytest.raises(DataError):
        Dataset.from_arrays((X[:1], list("a")), (X, labels), classes=classes)


def test_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    assert whole(X, pandas.Series(list("abab"))).classes == ("a", "b")
    with pytest.raises(DataError, match="training row 2: the label is missing"):
        whole(X, pandas.Series(["a", pandas.NA, "b", "a"]))


def test_parts_that_do_not_fit():
    with pytest.raises(DataError, match="training rows have 3 features, test rows 2"):
        Dataset.from_arrays((X, T), (X[:, :2], T))
    with pytest.raises(DataError, match="training labels are numbers, test labels text"):
        Dataset.from_arrays((X, T), (X, ["a", "b", "b", "a"]))
    with pytest.raises(DataError, match="test: 4 rows need 4 labels"):
        Dataset.from_arrays((X, T), (X, T[:2]))
    assert len(Dataset.from_arrays((X, T), (X[:0], np.array([], dtype=str))).test) == 0


@pytest.mark.parametrize("scale", [0, -1, float("inf"), float("nan")])
def test_a_scale_that_cannot_be(scale):
    with pytest.raises(DataError, match="'scale' must be a number > 0 or 'auto'"):
        whole(scale=scale)


@pytest.mark.parametrize("fraction", [-0.1, 1, 2, float("nan")])
def test_a_fraction_that_cannot_be(fraction):
    with pytest.raises(DataError, match="'test_fraction' must be >= 0 and < 1"):
        Dataset.from_arrays((X, T), test_fraction=fraction)


# Keywords


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"test_size": 0.5}, "unknown setting 'test_size'"),
        ({"test_fractoin": 0.5}, "unknown setting 'test_fractoin', did you mean 'test_fraction'?"),
        ({"seed": 1}, "unknown setting 'seed'"),
        ({"stratify": True}, "unknown setting 'stratify', did you mean 'stratified'?"),
        ({"test_size": 0.5, "seed": 1}, "from_arrays: 2 mistakes"),
    ],
)
def test_a_keyword_that_there_is_not(wrong, words):
    with pytest.raises(modnet.SettingError) as caught:
        Dataset.from_arrays((X, T), **wrong)
    assert words in str(caught.value)
    assert (
        "available: train, test, classes, columns, feature_names, weights, validation, settings, notes, standardize"
        in str(caught.value)
    )


def test_rows_and_labels_are_given_as_a_pair():
    for wrong in ((X, T[:3]), (X[:2],), ([X, T, T],), ((X, T), X)):
        with pytest.raises(DataError, match=r"'(train|test)' must be a pair \(rows, labels\)"):
            Dataset.from_arrays(*wrong)
    assert len(Dataset.from_arrays([X, T], test_fraction=0).train) == 4


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        (([[10**400, 1], [2, 1]], [0, 1]), {}, r"feature 1: 10* stands among numbers"),
        ((X, T), {"weights": [10**400] * 4}, "training weights must be numbers, one for each row"),
        ((np.array(5), T), {}, r"'train' must be a pair \(rows, labels\), not a ndarray"),
        ((X, np.array(5)), {}, r"'train' must be a pair \(rows, labels\), not a ndarray"),
    ],
)
def test_numbers_too_large_and_arrays_without_rows_are_refused(arguments, keywords, words):
    with pytest.raises(DataError, match=words):
        Dataset.from_arrays(*arguments, **keywords)


def test_names_of_features_are_kept():
    data = whole(feature_names=["a", "b", "c"], notes=["read twice"])
    assert data.feature_names == ("a", "b", "c")
    assert data.notes == ("read twice",)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "b"], "rows have 3 columns, expected 2"),
        ("abc", "the names of features must be texts: 'abc'"),
        (["a", "b", 3], "the names of features must be texts"),
        (["a", "b", "a"], "two features have the name 'a'"),
    ],
)
def test_names_of_features_that_cannot_be(names, words):
    with pytest.raises(DataError, match=words):
        whole(feature_names=names)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["oak", "yew", "yew", "oak"], ("oak", "yew")),
        ([3, 7, 7, 3], (3, 7)),
        ([3.0, 7.0, 7.0, 3.0], (3, 7)),
        ([True, False, True, True], (False, True)),
    ],
)
def test_labels_that_are_objects_are_read_as_what_they_are(labels, classes):
    assert whole(t=np.array(labels, dtype=object)).classes == classes


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["oak", 1, "yew", "oak"], "training row 2: the label is 1, others are text"),
        (["oak", "yew", True, "oak"], "training row 3: the label is True, others are text"),
        (["oak", None, "yew", "oak"], "training row 2: the label is missing"),
        ([1, 2, 1, True], "training row 4: the label is True, others are numbers"),
        ([True, 2, 1, 1], "training row 1: the label is True, others are numbers"),
        ([1, 2, (3,), 1], "labels"),
        ([1, 2, b"a", 1], "labels"),
    ],
)
def test_labels_of_several_kinds_are_refused_with_their_row(labels, words):
    objects = np.empty(4, dtype=object)
    objects[:] = labels
    for values in (labels, objects):
        with pytest.raises(DataError, match=words):
            whole(t=values)


# One-hot


@given(arrays(np.int64, st.integers(1, 9), elements=st.integers(0, 4)), st.sampled_from(["f4", "f8"]))
def test_one_hot(t, dtype):
    dense = modnet.one_hot(t, np.zeros((len(t), 5), dtype))
    assert dense.dtype == dtype
    np.testing.assert_array_equal(dense, np.eye(5, dtype=dtype)[t])
    np.testing.assert_array_equal(modnet.one_hot(t, np.zeros((5, len(t)), dtype), axis=0), dense.T)
    assert modnet.one_hot(dense, dense) is dense


class TestCheck:
    RIGHT = Dataset(modnet.Samples(X, np.array([0, 1, 1, 0])), modnet.Samples(X[:0], np.array([], np.int64)), (3, 7))

    def test_what_networks_can_rely_on_passes(self):
        self.RIGHT.check()
        whole().check()

    def test_names_and_other_parts_are_checked(self):
        for changes, words in (
            ({"feature_names": ("a", "b")}, "2 names of 3 features"),
            ({"feature_names": ("a", "b", "a")}, "two features have the name 'a'"),
            ({"more_parts": {"validation": modnet.Samples(X[:, :1], T % 2)}}, "validation rows are float64"),
            ({"more_parts": {"validation": (X, T)}}, "the validation samples are a tuple, not modnet.Samples"),
        ):
            with pytest.raises(DataError) as error:
                attrs.evolve(self.RIGHT, **changes).check()
            assert words in str(error.value)

    def test_it_makes_no_copy_of_the_features(self):
        large = modnet.Samples(np.broadcast_to(np.uint8(3), (10**5, 10**6)), np.zeros(10**5, np.int64))
        Dataset(large, large, (0,)).check()

    @pytest.mark.parametrize(
        ("train", "classes", "words"),
        [
            ((X[:0], T[:0]), (3, 7), "no training rows"),
            ((X, T % 2), (3, 3), "classes are there twice"),
            ((X[:, 0], T % 2), (3, 7), "training rows are float64 of shape"),
            ((X, T[:3] % 2), (3, 7), "training targets are int64 of shape (3,), not int64 of shape (4,)"),
            (
                (X, (T % 2).astype(np.int32)),
                (3, 7),
                "training targets are int32 of shape (4,), not int64 of shape (4,)",
            ),
            (
                (np.where(X == 5, np.nan, X), T % 2),
                (3, 7),
                "training row 2, feature 3: expected a finite number, found nan",
            ),
            ((X, T), (3, 7), "a target of the training rows is not the index of a class"),
            ((X, -(T % 2)), (3, 7), "a target of the training rows is not the index of a class"),
            ((X, T * 0.5), (3, 7), "training targets are float64 of shape (4,), not int64"),
            ((X, T[:, None] % 2), (3, 7), "training targets are int64 of shape (4, 1), not int64 of shape (4,)"),
            ((X, [0, 1, 1, 0]), (3, 7), "training targets are a list"),
            ((X.tolist(), T % 2), (3, 7), "training rows are a list"),
            ((X.astype(str), T % 2), (3, 7), "training rows are <U32 of shape (4, 3), not numbers"),
            ((X.astype(complex), T % 2), (3, 7), "training rows are complex128"),
            ((X[:, :0], T % 2), (3, 7), "training rows are float64 of shape (4, 0)"),
            ((X[:, :2], T % 2), (3, 7), "test rows are float64 of shape (0, 3), not numbers of shape (N, 2)"),
            ((X, T % 2, 0.0), (3, 7), "training rows are divided by a number > 0, not 0.0"),
            ((X, T % 2, 255.0), (3, 7), "features are divided by"),
            ((X, T[:2] % 2, 1.0, np.array([0, 9])), (3, 7), "not indices of 4 rows"),
            ((X, T % 2), (), "classes must be a tuple of labels"),
            ((X, T % 2), (3, [7]), "classes must be text or numbers, not [7]"),
            ((X, T % 2), ("1", 1), "classes are there twice"),
        ],
    )
    def test_what_they_cannot_is_said(self, train, classes, words):
        with pytest.raises(DataError) as error:
            Dataset(modnet.Samples(*train), self.RIGHT.test, classes).check()
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"classes": {"a", "b"}}, "'classes' must be a list of labels, in their order, not a set"),
        ({"classes": {"a": "cat", "b": "dog"}}, "'classes' must be a list of labels, in their order, not a dict"),
        ({"classes": 2}, "'classes' must be a list of labels, in their order, not a int"),
        ({"scale": "minmax"}, "'scale' must be a number > 0 or 'auto': 'minmax'"),
        ({"scale": None}, "'scale' must be a number > 0 or 'auto': None"),
        ({"scale": np.ones(2)}, "'scale' must be a number > 0 or 'auto': array"),
        ({"test_fraction": "0.2"}, "'test_fraction' must be >= 0 and < 1: '0.2'"),
        ({"test_fraction": None}, "'test_fraction' must be >= 0 and < 1: None"),
    ],
)
def test_settings_of_a_wrong_kind_are_refused(settings, problem):
    with pytest.raises(DataError, match=re.escape(problem)):
        Dataset.from_arrays(([[1.0, 2.0]] * 4, ["a", "b"] * 2), **settings)


def test_nothing_is_no_rows():
    with pytest.raises(DataError):
        Dataset.from_arrays((None, None))


GREYS = np.random.default_rng(0).integers(0, 256, (300, 20)).astype(np.uint8)


@pytest.mark.parametrize(
    ("x", "scale"),
    [
        (GREYS, 255.0),
        (GREYS * 1.0, 255.0),
        (GREYS / 255, 1.0),
        ((GREYS / 255).astype(np.float32), 1.0),
        ((GREYS / 256).astype(np.float32), 1.0),  # as some programs divide
        (np.rint(GREYS / 64) / 4, None),  # shares in quarters are no greys
        ((GREYS > 100) * 1.0, None),
        (np.random.default_rng(0).random((300, 20)), None),
        (GREYS / 255 - 0.5, None),
        (GREYS[:, :15], None),
    ],
    ids=["bytes", "whole", "255", "float32", "256", "quarters", "flags", "any", "negative", "few"],
)
def test_pixels_are_left_to_the_book_whether_they_are_divided_or_not(x: Any, scale: float | None) -> None:
    data = Dataset.from_arrays(x, np.arange(len(x)) % 3)
    assert (data.preparation is None) == (scale is not None)
    assert data.settings.get("scale") == scale


def test_a_signalling_nan_is_no_number_and_no_warning() -> None:
    x = np.array([[0x7FF0000000000001, 0], [0, 0]], np.uint64).view(np.float64)
    with pytest.raises(DataError, match="expected a finite number, found nan"):
        Dataset.from_arrays((x, ["a", "b"]), scale=1)
    data = Dataset.from_arrays((x, ["a", "b"]), scale=1, impute=0, test_fraction=0)
    assert data.train.x.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("kept", [2**24, 0], ids=["small", "large"])
def test_rows_of_a_mapped_file_are_those_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """A small file stays in memory, once it was read; of a large one, only what is asked for is there for a moment."""
    monkeypatch.setattr("modnet.data.samples.PREPARED", kept)
    table = np.random.default_rng(0).integers(0, 256, (3000, 784)).astype(np.uint8)
    np.save(tmp_path / "table.npy", table)
    t, released = np.zeros(3000, np.int64), []
    mapped = modnet.Samples(np.load(tmp_path / "table.npy", mmap_mode="r"), t, 255.0)
    monkeypatch.setattr("modnet.data.samples.release", released.append)
    for which in (np.arange(2999, 0, -17), slice(5, 90), slice(None)):
        np.testing.assert_array_equal(mapped.rows(which), table[which] / 255)
    assert bool(released) is (kept == 0)

"""Rows, labels and weights from elsewhere: what belongs together is found, or asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from modnet import DataError, Dataset

X = np.random.default_rng(0).normal(3, 2, (20, 3))
Y = (X[:, 0] > 3).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_columns_of_a_test_frame_are_found_by_name(make: Any) -> None:
    data = Dataset.from_arrays((FRAME, Y), (make({name: FRAME[name].to_numpy() for name in "cab"}), Y))
    np.testing.assert_array_equal(data.test.x, data.train.x)
    with pytest.raises(DataError, match="the rows have no column 'b'; they have a, c"):
        Dataset.from_arrays((FRAME, Y), (make({name: FRAME[name].to_numpy() for name in "ac"}), Y))


def test_a_frame_with_a_column_twice_is_refused() -> None:
    with pytest.raises(DataError, match="the rows have two columns 'a'; they have a, b, c, a"):
        Dataset.from_arrays(FRAME, Y).prepare(pd.concat([FRAME, FRAME[["a"]]], axis=1))


def test_numbers_may_be_the_words_in_an_order() -> None:
    data = Dataset.from_arrays([[1], [2], [3], [2]] * 5, [0, 1] * 10, encode={"0": [3, 2, 1]}, standardize=False)
    np.testing.assert_array_equal(data.prepare([[1], [2], [3]]), [[2], [1], [0]])


@pytest.mark.parametrize("index", [range(19, -1, -1), [*"tsrqponmlkjihgfedcba"], [19, "x", *range(18)]])
def test_an_index_in_another_order_is_refused(index: Any) -> None:
    rows = FRAME.set_axis(sorted(index, key=str))
    with pytest.raises(DataError, match="same index in another order"):
        Dataset.from_arrays(rows, pd.Series(Y, index=index))
    with pytest.raises(DataError, match=r"rows and weights have the same .* weights.loc\[rows.index\]"):
        Dataset.from_arrays(rows, Y, weights=pd.Series(range(20), index=index))
    Dataset.from_arrays(rows, pd.Series(Y, index=rows.index))
    Dataset.from_arrays(rows, pd.Series(Y, index=range(100, 120)))  # rows of a table and other labels, one by one


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_missing_cell_in_a_list_is_no_word(missing: object) -> None:
    rows = [[1, "x"], [2, missing], [3, "y"], [4, "x"]] * 5
    with pytest.raises(DataError, match=r"row 2, feature 2: expected a word \(see 'impute'\)"):
        Dataset.from_arrays(rows, [0, 1] * 10)
    data = Dataset.from_arrays(rows, [0, 1] * 10, impute="most-frequent")
    assert [column.words for column in data.columns] == [None, ("x", "y")]


@pytest.mark.parametrize("labels", [Y[:, np.newaxis], pd.DataFrame({"y": Y}), np.array(["a", "b"])[Y][:, np.newaxis]])
def test_labels_may_be_a_column(labels: Any) -> None:
    np.testing.assert_array_equal(Dataset.from_arrays(X, labels, test_fraction=0).train.t, Y)


def test_what_is_no_row_of_labels_is_refused_and_not_added_up() -> None:
    with pytest.raises(DataError, match="must be a pair"):
        Dataset.from_arrays(X, [["a", "b"]] * 20)
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"is sparse: give its toarray\(\)"):
        Dataset.from_arrays(sparse.csr_matrix(X), Y)


def test_weights_are_copied() -> None:
    weights = np.ones(20)
    data = Dataset.from_arrays(X, Y, weights=weights, test_fraction=0)
    weights[0] = 7
    assert data.train.weights is not None
    assert data.train.weights[0] == 1


def test_masked_values_are_missing_values() -> None:
    rows = np.ma.array(X, mask=X > 4)
    as_nan = Dataset.from_arrays(np.where(X > 4, np.nan, X), Y, impute="mean")
    data = Dataset.from_arrays(rows, Y, impute="mean")
    np.testing.assert_array_equal(data.train.x, as_nan.train.x)
    np.testing.assert_array_equal(data.prepare(rows), as_nan.prepare(rows.filled(np.nan)))
    cells = np.ma.array([["a", 1], ["b", 2]] * 10, object, mask=[[True, False], [False, False]] * 10)
    words = Dataset.from_arrays(cells.filled(np.nan), Y, impute="most-frequent", test_fraction=0).train.x
    np.testing.assert_array_equal(Dataset.from_arrays(cells, Y, impute="most-frequent", test_fraction=0).train.x, words)


def test_columns_in_a_list_are_those_in_a_tuple() -> None:
    listed, tupled = (Dataset.from_arrays(X, Y, standardize=of([0, 2])) for of in (list, tuple))
    np.testing.assert_array_equal(listed.train.x, tupled.train.x)

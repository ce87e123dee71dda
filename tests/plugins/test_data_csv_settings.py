"""Settings of CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, SettingError

TEXT = "id,a,b,label\nr1,1.5,2,x\nr2,3,4,y\nr3,5,6,x\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def load(path: Path, text: str | bytes, **options: Any) -> modnet.Dataset:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return modnet.load(path, source="csv", **{"test_fraction": 0.0, "standardize": False, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"leave_out": ["id"]},
        {"leave_out": [0]},
        {"leave_out": ["first"]},
        {"features": ["a", "b"]},
        {"features": [1, 2]},
    ],
)
def test_columns_that_are_no_features(path, options):
    data = load(path, TEXT, label="label", **options)
    np.testing.assert_array_equal(data.train.x, [[1.5, 2], [3, 4], [5, 6]])
    assert (data.classes, data.feature_names) == (("x", "y"), ("a", "b"))


def test_features_in_the_order_asked_for(path):
    data = load(path, TEXT, label="last", features=["b", "a"])
    np.testing.assert_array_equal(data.train.x[0], [2, 1.5])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"leave_out": ["c"]}, "no column 'c'; available: id, a, b, label"),
        ({"features": ["a", "a"]}, "column 2 ('a') is asked for twice"),
        ({"label": "a", "features": ["a", "b"]}, "column 2 ('a') cannot be a feature and the label"),
        ({"leave_out": ["id", "a", "b"]}, "4 columns, expected a label and one or more features"),
    ],
)
def test_columns_that_do_not_go_together(path, options, words):
    with pytest.raises(DataError) as caught:
        load(path, TEXT, **{"label": "label", **options})
    assert words in str(caught.value)


def test_labels_that_are_one_hot(path):
    data = load(path, "a,cat,dog\n1,0,1\n2,1,0\n", label=["cat", "dog"])
    assert data.classes == ("cat", "dog")
    np.testing.assert_array_equal(data.train.t, [1, 0])
    np.testing.assert_array_equal(data.train.x, [[1], [2]])
    assert modnet.source("csv", **data.settings).read(path).classes == data.classes
    with pytest.raises(DataError, match=r"line 3, column 2 \('cat'\): the one-hot columns from here on are not one 1"):
        load(path, "a,cat,dog\n1,0,1\n2,1,1\n", label=["cat", "dog"])


def test_missing_values_are_left_out_or_filled_in(path):
    text = "a,b,label\n1,,x\n2,3,y\nNA,4,x\n5,6,\n7,8,y\n9,9,x\n"
    dropped = load(path, text, missing="drop")
    np.testing.assert_array_equal(dropped.train.x, [[2, 3], [7, 8], [9, 9]])
    assert dropped.notes == ("3 rows with missing values left out; missing: 'b' 1, 'a' 1, 'label' 1",)
    dropped = load(path, "a,label\n1,x\n2,NA\n3,y\n", missing="drop", missing_values=["NA"])
    assert (dropped.classes, len(dropped.train)) == (("x", "y"), 2)
    filled = load(path, text.replace("5,6,\n", ""), missing=0.5)
    np.testing.assert_array_equal(filled.train.x, [[1, 0.5], [2, 3], [0.5, 4], [7, 8], [9, 9]])
    assert filled.notes == ("2 missing values filled in with 0.5; missing: 'b' 1, 'a' 1",)
    with pytest.raises(DataError, match=r"line 5, column 3 .*: expected a label, found an empty cell"):
        load(path, text, missing=0)
    with pytest.raises(
        DataError, match="each row of the class 'x' has a missing value, so that missing = 'drop' leaves"
    ):
        load(path, text.replace("9,9,x\n", ""), missing="drop")
    with pytest.raises(DataError, match="no rows without a missing value"):
        load(path, "a,label\n?,x\n,y\n", missing="drop", label="label")


def test_no_row_to_predict_is_left_out(path):
    path.write_text("a,b\n1,\n2,3\n")
    with pytest.raises(DataError, match=r"line 2, column 2 \('b'\): expected a number, found an empty cell"):
        modnet.source("csv", missing="drop").read_rows(path, 2)
    rows, _ = modnet.source("csv", missing=9).read_rows(path, 2)
    np.testing.assert_array_equal(rows, [[1, 9], [2, 3]])


def test_decimal_commas(path):
    data = load(path, "a;b;label\n1,5;2;x\n-,5;1,25e2;y\n")
    np.testing.assert_array_equal(data.train.x, [[1.5, 2], [-0.5, 125]])
    assert (data.settings["decimal"], data.settings["delimiter"]) == (",", ";")
    assert load(path, 'a,label\n"1,5",x\n2,y\n', decimal=",").train.x.tolist() == [[1.5], [2]]
    with pytest.raises(SettingError, match="'thousands' and 'decimal' cannot both be ','"):
        load(path, "a\n", thousands=",", decimal=",")


def test_comments_and_encodings(path):
    data = load(
        path,
        "# made by hand\na,größe\n1,x\n# in between\n2,y\n".encode("latin-1"),
        comment="#",
        encoding="latin-1",
        label="größe",
    )
    np.testing.assert_array_equal(data.train.x, [[1], [2]])
    data = load(path, "a,label\n1,ä\n2,b\n".encode("utf-16"), encoding="utf-16")
    assert data.classes == ("b", "ä")
    with pytest.raises(SettingError, match="must be a text encoding such as 'utf-8'"):
        load(path, TEXT, encoding="hex")


@pytest.mark.parametrize(
    ("dtype", "kept"), [(None, "uint8"), ("uint8", "uint8"), ("float32", "float32"), ("float64", "float64")]
)
def test_the_dtype_that_features_are_kept_in(path, dtype, kept):
    data = load(path, "a,label\n0,x\n255,y\n", dtype=dtype)
    assert data.train.table.dtype == kept
    np.testing.assert_array_equal(data.train.x, [[0], [255]])


def test_a_number_that_the_dtype_does_not_hold(path):
    with pytest.raises(DataError, match=r"line 3, column 1 .*: expected a whole number from 0 to 255 \(uint8\), found"):
        load(path, "a,label\n0,x\n256,y\n", dtype="uint8")


def test_a_stratified_split_gives_each_class_its_share(path):
    text = "a,label\n" + "".join(f"{i},{'common' if i % 10 else 'rare'}\n" for i in range(200))
    data = load(path, text, test_fraction=0.25, stratified=True)
    np.testing.assert_array_equal(np.bincount(data.test.t), [45, 5])
    again = load(path, text, test_fraction=0.25, stratified=True)
    np.testing.assert_array_equal(data.test.x, again.test.x)
    other = load(path, text, test_fraction=0.25, stratified=True, split_seed=1)
    assert not np.array_equal(data.test.x, other.test.x)


def test_the_first_mistakes_and_how_many_more(path):
    with pytest.raises(DataError) as caught:
        load(path, "a,label\n" + "x,0\n" * 3 + "1,1\n" + "2,0,3\n" * 4)
    first, also = str(caught.value).split("\n")
    assert first == f"{path}, line 2, column 1 ('a'): expected a number, found 'x': set encode = {{a = 'one-hot'}}"
    assert also.startswith("also line 3, column 1 ('a'): ")
    assert also.endswith("; and 4 more")


def test_a_long_file_is_converted_once(path, all_large):
    text = "a,label\n1,x\n2,y\n3.5,x\n"
    first = load(path, text)
    kept = sorted((all_large / "arrays").iterdir())
    second = load(path, text)
    assert len(kept) == 1
    assert sorted((all_large / "arrays").iterdir()) == kept
    np.testing.assert_array_equal(first.train.x, second.train.x)
    assert (first.classes, first.settings) == (second.classes, second.settings)
    assert load(path, "a,label\n9,x\n2,z\n").classes == ("x", "z")


def test_what_is_filled_in_fits_the_dtype():
    for source in ("csv", "parquet"):
        with pytest.raises(
            SettingError, match="'missing' must be a whole number from 0 to 255 where 'dtype' is 'uint8'"
        ):
            modnet.source(source, missing=0.5, dtype="uint8")
        assert modnet.source(source, missing=255, dtype="uint8").missing == 255


def test_a_source_with_decimal_commas_writes_what_it_reads(path):
    data = modnet.Dataset.from_arrays(([[1.5, -2e-7], [3, 0.25]], ["x", "y"]), test_fraction=0)
    source = modnet.source("csv", decimal=",", test_fraction=0)
    source.write(data, path)
    assert path.read_text().splitlines()[1] == "1,5;-2e-07;x"
    np.testing.assert_array_equal(source.read(path).train.x, data.train.x)


def test_one_hot_labels_of_rows_to_predict_have_the_names_of_their_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b,cat,dog\n1,2,1,0\n3,4,0,1\n5,6,0,1\n")
    source = modnet.source("csv", label=["cat", "dog"], test_fraction=0)
    assert source.read(path).classes == ("cat", "dog")
    rows, labels = source.read_rows(path, 2)
    assert rows.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert labels.tolist() == ["cat", "dog", "dog"]

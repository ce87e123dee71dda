"""Parquet and Arrow files: columns by name, mistakes by row and column, types kept."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import modnet
from modnet import DataError, SettingError

COLUMNS: dict[str, Any] = {
    "length": pa.array([5.1, 6.3, 5.8]),
    "petals": pa.array([3, 4, 5], pa.int16()),
    "species": pa.array(["setosa", "virginica", "setosa"]),
}


def save(path: Path, columns: dict[str, Any] | pa.Table = COLUMNS) -> Path:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    if path.suffix in {".arrow", ".feather"}:
        pa.feather.write_feather(table, str(path))
    else:
        pa.parquet.write_table(table, path, row_group_size=max(2, len(table) // 2))
    return path


@pytest.fixture(params=["iris.parquet", pytest.param("iris.feather", marks=pytest.mark.check)])
def path(request, tmp_path: Path) -> Path:
    return tmp_path / request.param


either = pytest.mark.parametrize("path", ["iris.parquet", "iris.feather"], indirect=True)
"""Also in `make test`; the reader sees the same columns of both."""


@either
def test_columns_of_numbers_and_one_of_text(path):
    data = modnet.load(save(path), test_fraction=0)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), [[5.1, 3], [6.3, 4], [5.8, 5]])
    assert data.train.t.tolist() == [0, 1, 0]
    assert data.classes == ("setosa", "virginica")
    assert data.feature_names == ("length", "petals")
    assert data.settings == {"standardize": True, "label": "species", "test": ""}


def test_the_content_tells_the_kind_of_file(path):
    other = save(path).rename(path.with_name("unnamed"))
    assert modnet.load(other, test_fraction=0).classes == ("setosa", "virginica")


@pytest.mark.parametrize(
    ("settings", "x", "classes"),
    [
        ({"label": "petals", "leave_out": ("species",)}, [[5.1], [6.3], [5.8]], (3, 4, 5)),
        ({"label": 1, "features": ("length",)}, [[5.1], [6.3], [5.8]], (3, 4, 5)),
        ({"label": "last", "features": ("petals",)}, [[3], [4], [5]], ("setosa", "virginica")),
    ],
)
def test_columns_that_are_asked_for(path, settings, x, classes):
    data = modnet.load(save(path), test_fraction=0, **settings)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), x)
    assert data.classes == classes


VALUES = ["oak", None, "ash"]
TEXT = "is text and has too many different words"
MOMENT = datetime.datetime(2020, 1, 1)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([5, None, 6]), [5, 6]),
        pytest.param(pa.array([5, None, 6], pa.uint64()), [5, 6], marks=pytest.mark.check),
        (pa.array([5, None, 6]).dictionary_encode(), [5, 6]),
        pytest.param(pa.array([0.5, None, 1.5]).dictionary_encode(), [0.5, 1.5], marks=pytest.mark.check),
        (pa.array([True, None, False]), [1, 0]),
        (pa.array(VALUES), TEXT),
        (pa.array(VALUES).dictionary_encode(), TEXT),
        pytest.param(pa.array(VALUES, pa.string_view()), TEXT, marks=pytest.mark.check),
        (pa.nulls(3), "is of type null"),
        (pa.array([decimal.Decimal("1.5")] * 3), "is of type decimal128"),
        pytest.param(pa.array([MOMENT.date()] * 3), "is of type date32", marks=pytest.mark.check),
        (pa.array([MOMENT] * 3), "is of type timestamp"),
        pytest.param(pa.array([MOMENT.time()] * 3), "is of type time64", marks=pytest.mark.check),
        pytest.param(pa.array([b"a"] * 3), "is of type binary", marks=pytest.mark.check),
        (pa.array([[1], None, [2]]), "is of type list"),
        pytest.param(pa.array([{"label": 1}] * 3), "is of type struct", marks=pytest.mark.check),
        pytest.param(
            pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())), "is of type map", marks=pytest.mark.check
        ),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"a" * 16] * 3, pa.binary(16))), "is of type extension"),
    ],
)
def test_a_column_of_any_type_is_read_or_refused_by_name_and_can_be_left_out(tmp_path, column, expected):
    path = save(tmp_path / "a.parquet", {"c": column, "x": [1, 2, 3], "label": [0, 0, 1]})
    settings = {"label": "label", "missing": "drop", "test_fraction": 0, "scale": 1}
    if isinstance(expected, list):
        found = modnet.load(path, **settings)
        assert found.train.x.tolist() == [[expected[0], 1], [expected[1], 3]]
        return
    with pytest.raises(DataError, match=rf"column 1 \('c'\) {expected}") as caught:
        modnet.load(path, **settings)
    found = [modnet.load(path, **settings, **advice).feature_names for advice in caught.value.advice]
    assert found == [("x",), ("c", "x")] if expected == TEXT else [("x",)]


@pytest.mark.parametrize(
    "label",
    [
        pa.array(VALUES),
        pa.array(VALUES, pa.large_string()),
        pa.array(VALUES, pa.string_view()),
        pa.array(VALUES).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.uint8()), ["ash", "oak"]),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), pa.array(["oak", None, "ash"])),
        pa.DictionaryArray.from_arrays(pa.array([2, None, 0], pa.int8()), ["ash", "elm", "oak"]),
    ],
    ids=["string", "large", "view", "dictionary", "uint8", "a null in the dictionary", "unused words"],
)
def test_labels_of_text_of_any_type(tmp_path, label):
    path = save(tmp_path / "a.feather", {"x": [1, 2, 3], "label": label})
    data = modnet.load(path, missing="drop", test_fraction=0)
    assert [data.classes[i] for i in data.train.t] == ["oak", "ash"]


def test_names_are_as_they_are_in_the_file(path):
    save(path, {" a": [1, 2, 3], "a": [4, 5, 6], "0": [7, 8, 9], "last": ["b", "a", "b"]})
    for features, x in [((" a",), [[1], [2], [3]]), (("a", "0"), [[4, 7], [5, 8], [6, 9]])]:
        found = modnet.load(path, features=features, label="last", test_fraction=0, scale=1)
        assert (found.train.x.tolist(), found.feature_names) == (x, features)


def test_one_hot_labels_are_named_by_their_columns(path):
    columns = {"x": [1, 2, 3], "oak": [0, 1, 0], "ash": pa.array([1.0, 0.0, 1.0])}
    data = modnet.load(save(path, columns), label=("oak", "ash"), test_fraction=0)
    assert (data.classes, data.train.t.tolist()) == (("oak", "ash"), [1, 0, 1])
    assert modnet.source("parquet", label=("oak", "ash")).read_rows(path, 1)[1].tolist() == ["ash", "oak", "ash"]
    with pytest.raises(DataError, match=r"row 2, column 1 \('x'\): the one-hot columns from here on are not one 1"):
        modnet.load(path, label=("x", "oak"))


@pytest.mark.parametrize(
    ("types", "dtype"),
    [
        (("uint8", "uint8"), "uint8"),
        (("uint8", "int8"), "int16"),
        (("float", "float"), "float32"),
        (("float", "int32"), "float64"),
        (("bool", "bool"), "bool"),
        (("halffloat", "halffloat"), "float16"),
        (("int64", "int64"), "int64"),
    ],
)
def test_features_keep_the_dtype_that_holds_them_all(path, types, dtype):
    one, other = (pa.array(np.array([0, 1]).astype(pa.type_for_alias(t).to_pandas_dtype())) for t in types)
    data = modnet.load(save(path, {"a": one, "b": other, "label": [0, 1]}), test_fraction=0)
    assert data.train.table.dtype == dtype
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), [[0, 0], [1, 1]])


def test_a_dtype_that_is_asked_for(path):
    save(path, {"a": pa.array([0, 255]), "label": [0, 1]})
    assert modnet.load(path, dtype="uint8", test_fraction=0).train.table.dtype == np.uint8
    save(path, {"a": pa.array([0, 256]), "label": [0, 1]})
    with pytest.raises(DataError, match=r"row 2, column 1 \('a'\): expected a whole number from 0 to 255"):
        modnet.load(path, dtype="uint8")
    with pytest.raises(SettingError, match="dtype"):
        modnet.load(path, dtype="int8")


WITH_NULLS = {
    "a": pa.array([1, None, 3, 4], pa.uint8()),
    "b": pa.array([1.0, 2.0, float("nan"), 4.0]),
    "label": pa.array(["x", "y", "x", "y"]),
}


def test_missing_values_are_refused_dropped_or_filled_in(path):
    save(path, WITH_NULLS)
    with pytest.raises(
        DataError, match=r"row 2, column 1 \('a'\): a missing value: set impute = 'median' or missing = 'drop'$"
    ):
        modnet.load(path)
    dropped = modnet.load(path, missing="drop", test_fraction=0)
    assert dropped.train.unscaled(slice(None)).tolist() == [[1, 1], [4, 4]]
    assert dropped.notes == ("2 rows with missing values left out; missing: 'a' 1, 'b' 1",)
    filled = modnet.load(path, missing=-1, test_fraction=0)
    assert filled.train.unscaled(slice(None)).tolist() == [[1, 1], [-1, 2], [3, -1], [4, 4]]
    assert filled.notes == ("2 missing values filled in with -1; missing: 'a' 1, 'b' 1",)
    assert modnet.load(path, missing=0.5, features=("a",), test_fraction=0).train.table[1].tolist() == [0.5]
    rows, labels = modnet.source("parquet", missing=-1).read_rows(path, 2)
    assert (len(rows), labels.tolist()) == (4, ["x", "y", "x", "y"])


def test_a_label_is_never_filled_in(path):
    save(path, {"a": [1, 2], "label": pa.array(["x", None])})
    for missing in ("refuse", 0):
        with pytest.raises(DataError, match=r"row 2, column 2 \('label'\): a missing value"):
            modnet.load(path, missing=missing)
    assert len(modnet.load(path, missing="drop", test_fraction=0).train) == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1.0, float("inf")], "label": [0, 1]}, r"row 2, column 1 \('a'\): expected a finite number, found inf$"),
        (
            {"a": [1.0, float("nan")], "label": [0, 1]},
            r"row 2, column 1 \('a'\): a missing value: set impute = 'median'$",
        ),
        ({"a": [1, 2**53 + 1], "label": [0, 1]}, "row 2.*has more digits than a float64 can hold"),
        (
            {"a": [1, 2], "when": pa.array([1, 2], pa.timestamp("s")), "label": [0, 1]},
            r"column 2 \('when'\) is of type timestamp\[m?s\], expected numbers or text: set leave_out = \['when'\]",
        ),
        ({"a": [[1], [2]], "label": [0, 1]}, r"is of type list<.*expected numbers or text$"),
        (
            {"a": [1, 2], "b": [[1], [2]], "c": ["x", "y"], "d": [b"x", b"y"], "label": [0, 1]},
            r"column 2 \('b'\) is of type list<.*expected numbers or text: set leave_out = \['b', 'd'\]$",
        ),
        (
            {**{f"b{i}": ["x", "y"] for i in range(50)}, "a": [1, 2], "label": [0, 1]},
            r"column 1 \('b0'\) is text and has too many different words.*: set features = \['a'\]$",
        ),
        (
            {"a": [1, 2], "label": ["oak", "oak\ufeff"]},
            r"row 2, column 2 \('label'\): the label 'oak\\ufeff' has an invisible character",
        ),
        ({"a": [1, 2], "label": ["oak", "oak\0"]}, r"row 2, column 2 \('label'\): the label 'oak\\x00' has a control"),
        ({"a": [1, 2], "label": ["\u00e9", "e\u0301"]}, r"row 1, .*look alike: .* \(the other one is in row 2\)"),
        (
            {"a": [1, 2], "label": ["oak", "x" * 10**6]},
            r"row 2, .*expected a label, found text of 1,000,000 characters",
        ),
        ({"a": [1, 2], "b": [1, 2]}, "which column is the label"),
        ({"a": [1, 2], "label": [[1], [2]]}, "is of type list<.*expected a label"),
        ({"a": [1, 2], "label": [0.5, 1.0]}, "must be classes"),
        ({"label": [0, 1]}, "1 column, expected a label and one or more features"),
        (
            {"a": [1, 2], "label": [0, 1], "__index_level_0__": [0, 1]},
            r"column 3 .* is the row index that pandas saves: set leave_out = \['__index_level_0__'\]$",
        ),
        ({"a": pa.array([], pa.int8()), "label": pa.array([], pa.int8())}, "no rows"),
        (pa.table([pa.array([1]), pa.array([1])], names=["a", "a"]), "two columns are named 'a'"),
    ],
)
def test_words_of_errors(path, columns, words):
    save(path, columns)
    with pytest.raises(DataError, match=words) as caught:
        modnet.load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_cut_off_or_none(path):
    kind = "a Parquet" if save(path).suffix == ".parquet" else "an Arrow"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=rf"{path.name}: cannot be read as {kind} file: ") as caught:
        modnet.load(path)
    assert caught.value.path == path
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match=rf"{path.name}: cannot be read as an Arrow file: "):
        modnet.load(path, source="parquet")


def test_the_test_file_beside_it(tmp_path):
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    save(train)
    save(test, {name: COLUMNS[name].slice(0, 1) for name in ("species", "petals", "length")})
    data = modnet.load(train)
    assert data.test.unscaled(slice(None)).tolist() == [[5.1, 3]]
    assert data.settings["test"] == "test.parquet"
    assert len(modnet.load(train, test="").test) == 1
    save(test, {**COLUMNS, "species": [1, 2, 3]})
    with pytest.raises(DataError, match=r"column 3 \('species'\) holds numbers, expected text as in the training file"):
        modnet.load(train)
    save(test, {"species": COLUMNS["species"], "petals": COLUMNS["petals"]})
    with pytest.raises(DataError, match=r"test\.parquet: no column 'length'"):
        modnet.load(train)


def test_a_file_without_labels_is_no_test_part(tmp_path):
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    save(train)
    save(test, {name: COLUMNS[name] for name in ("petals", "length")})
    data = modnet.load(train, test_fraction=0.4)
    assert (len(data.train), len(data.test), data.settings["test"]) == (2, 1, "")
    assert data.notes == ("test.parquet has no label: it is no test part, but `modnet predict` reads its rows",)
    with pytest.raises(DataError, match="all columns of the training file but the label: set test = ''") as caught:
        modnet.load(train, test="test.parquet")
    assert caught.value.advice == ({"test": ""},)


@either
def test_rows_to_predict(path):
    rows, labels = modnet.source("parquet").read_rows(save(path), 2)
    assert (rows.tolist()[0], labels.tolist()[0]) == ([5.1, 3], "setosa")
    save(path, {name: COLUMNS[name] for name in ("length", "petals")})
    assert modnet.source("parquet").read_rows(path, 2)[1] is None
    with pytest.raises(DataError, match="2 columns, expected 784"):
        modnet.source("parquet").read_rows(path, 784)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_small_file_of_very_many_rows_is_refused_unless_it_is_saved_as_is(tmp_path, monkeypatch, kind):
    path, table = tmp_path / f"a.{kind}", pa.table({"a": np.zeros(2**20), "label": np.zeros(2**20)})
    save(path, table)
    monkeypatch.setattr("modnet_data.parquet.source.UNPACKED", 2**20)
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"more than [\d,]+ rows in .* kB: .* an Arrow file that is not compressed"):
        modnet.load(path)
    pa.feather.write_feather(table, str(tmp_path / "b.feather"), compression="uncompressed")
    assert len(modnet.load(tmp_path / "b.feather", test_fraction=0).train) == 2**20


def test_a_table_of_very_many_columns_takes_no_longer_for_each_of_them(path):
    columns = {f"c{i}": [0.5, 1.5, 2.5] for i in range(5000)}
    save(path, {**columns, "label": COLUMNS["species"]})
    assert modnet.load(path, label="label", test_fraction=0).features == 5000  # within the limit of the process


def test_large_files_are_converted_once(path, all_large, monkeypatch):
    save(path)
    before = modnet.load(path, test_fraction=0)
    monkeypatch.setattr("modnet_data.parquet.source.open_table", None)
    after = modnet.load(path, test_fraction=0)
    np.testing.assert_array_equal(before.train.unscaled(slice(None)), after.train.unscaled(slice(None)))
    assert (after.classes, after.settings) == (before.classes, before.settings)


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.check)])
def test_mutations_are_read_or_refused(path, mutate, count):
    mutate(save(path), count, source="parquet", label="species")


def test_written_files_are_as_pyarrow_reads_them(path):
    data = modnet.load(save(path), test_fraction=0)
    assert modnet.source("parquet").write(data, path) == [path]
    table = pa.feather.read_table(str(path)) if path.suffix == ".feather" else pa.parquet.read_table(path)
    assert table.column_names == ["length", "petals", "species"]
    assert table["species"].to_pylist() == ["setosa", "virginica", "setosa"]
    train, test = modnet.source("parquet").write(modnet.load("mnist-small"), path)
    assert (train.name, test.name) == (f"iris_train{path.suffix}", f"iris_test{path.suffix}")
    assert modnet.load(train).train.table.dtype == np.uint8


def test_without_pyarrow_the_extra_is_named(path):
    save(path)
    program = (
        "import sys; sys.modules['pyarrow'] = None; import modnet\n"
        "try: modnet.load(sys.argv[1])\n"
        "except modnet.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    what = f"{path}: a Parquet or Arrow file needs an extra that is not installed"
    assert done.stdout == f"{what}: pip install 'modnet-workbench[parquet]'\n"


def test_a_label_of_another_type_is_not_advised_to_be_left_out(tmp_path):
    path = tmp_path / "binary.parquet"
    labels = pa.array([b"x", b"y"] * 10, pa.binary())
    pa.parquet.write_table(pa.table({"a": [1.5, 2.5] * 10, "b": [0.5, 1.5] * 10, "label": labels}), path)
    with pytest.raises(DataError, match=r"column 3 \('label'\) is of type binary, expected a label of text") as caught:
        modnet.load(path)
    assert caught.value.advice == ()


MIXED = {
    "age": pa.array([30.0, None, 50.0, 40.0] * 5),
    "ticket": pa.array([True, False, None, True] * 5),
    "port": pa.array(["S", "Q", None, "S"] * 5),
    "deck": pa.array(["b", "a", "b", "c"] * 5).dictionary_encode(),
    "rows": pa.array([1.0, 2.0, 1.0, 0.5] * 5),
    "label": pa.array(["yes", "no", "no", "yes", "no"] * 4),
}


def test_columns_of_text_and_gaps_are_features(path):
    save(path, MIXED)
    with pytest.raises(DataError, match=r"row 2, column 1 \('age'\): a missing value: set impute = 'median'") as caught:
        modnet.load(path, weights="rows")
    for advice in caught.value.advice:
        modnet.load(path, weights="rows", **advice)
    data = modnet.load(path, weights="rows", impute="median", missing_indicator=True, test_fraction=0)
    names = ("age", "age is missing", "ticket", "ticket is missing")
    words = ("port=S", "port=Q", "port is missing", "deck=b", "deck=a", "deck=c")
    assert data.preparation.feature_names == (*names, *words)
    np.testing.assert_array_equal(
        data.train.x[:4, 4:], [[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 1]]
    )
    np.testing.assert_array_equal(data.train.weights, MIXED["rows"].to_numpy())
    assert data.settings["encode"] == {"port": "one-hot", "deck": "one-hot"}


def test_a_test_file_has_the_words_of_training_and_its_own(tmp_path):
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    save(train, {"deck": ["b", "a", "b", "a", "b"], "x": [1, 2, 3, 4, 5], "label": [0, 1, 1, 0, 1]})
    save(test, {"deck": ["c", "a", "b"], "x": [1, 2, 3], "label": [0, 1, 1]})
    data = modnet.load(train, standardize=False)
    assert data.train.x.tolist() == [[1, 0, 1], [0, 1, 2], [1, 0, 3], [0, 1, 4], [1, 0, 5]]
    assert data.test.x.tolist() == [[0, 0, 1], [0, 1, 2], [1, 0, 3]]
    assert any("'c'" in note for note in data.notes)


def test_numbers_to_predict(path):
    save(path, {"x": [1.0, 2.0, 3.0, 4.0], "price": [1.5, 2.5, None, 4.0]})
    with pytest.raises(DataError, match=r"row 3, column 2 \('price'\): a missing value"):
        modnet.load(path, label="price", task="regression")
    data = modnet.load(path, label="price", task="regression", missing="drop", test_fraction=0)
    assert data.task == "regression"
    np.testing.assert_allclose(data.to_unit(data.train.t)[:, 0], [1.5, 2.5, 4.0])


def test_words_and_gaps_are_written(path):
    data = modnet.load(save(path, MIXED), impute="median", leave_out=["rows"], test_fraction=0)
    target = path.with_name(f"copy{path.suffix}")
    modnet.source("parquet").write(data, target)
    again = modnet.load(target, impute="median", test_fraction=0)
    assert again.preparation == data.preparation
    np.testing.assert_array_equal(again.train.x, data.train.x)

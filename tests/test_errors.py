"""Errors that know the place of a mistake."""

from __future__ import annotations

import gzip
import pickle
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import numpy as np
import pytest

import modnet
from modnet import DataError
from modnet.errors import MissingExtraError

LABELS = ["kind", "it's", "it's 😀", "a\u202eb", "back\\slash", '"', "a\n\x1b\x7f\U000e0001", "\N{ZERO WIDTH JOINER}'"]


@pytest.mark.parametrize("label", LABELS)
def test_the_advice_of_an_error_is_read_as_it_was_meant(label: str) -> None:
    error = DataError("a.csv: which column is the label?", advice=[{"label": label}])
    advice = str(error).partition(" Set ")[2]
    assert advice.isprintable()
    assert tomllib.loads(advice) == {"label": label}


def test_a_data_error_is_a_text_and_a_place_where_it_is_known() -> None:
    error = DataError("text")
    assert str(error) == "text"
    assert (error.path, error.line, error.column, error.column_name) == (None, None, None, None)
    assert error.advice == ()
    advice = [{"missing": "drop"}, {"missing": 0.0, "dtype": "float32"}]
    placed = DataError("text\nmore", path="a.csv", line=3, column=2, column_name="b", advice=advice)
    assert str(placed) == "text: set missing = 'drop' or missing = 0.0 with dtype = 'float32'\nmore"
    again = pickle.loads(pickle.dumps(placed))  # noqa: S301 - its own
    assert str(again) == str(placed)
    place = {"path": Path("a.csv"), "line": 3, "column": 2, "column_name": "b", "advice": tuple(advice)}
    assert vars(again) == vars(placed) == place


@pytest.mark.parametrize(
    "error",
    [
        modnet.UnknownNameError("loss", "x", ["y"], "; broken: z"),
        modnet.SettingError(["'lr' must be > 0: -1"], "sgd"),
        modnet.PluginError("why", "remedy", "where"),
        MissingExtraError("a plot", "plot"),
        modnet.DivergedError(3, float("inf"), "lr is too large", None),
        modnet.TrainingInterrupted(SimpleNamespace(iteration=3, iterations=9)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_from_another_process_as_it_was(error: BaseException) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("text", "settings", "place"),
    [
        ("a,b,label\n1,2,x\n1,oops,y\n", {}, (3, 2, "b")),
        ("1,2,x\n1,oops,y\n", {"header": False, "label": 2}, (2, 2, None)),
        ("a,b,label\n1,2,x\n1,2,y,3\n", {}, (3, 4, None)),
        ("a,b,label\n1,2,x\n1,,y\n,2,y\n", {}, (3, 2, "b")),
        ("a,b,label\n1,2,x\n1,2,\n", {}, (3, 3, "label")),
        ("a,a,label\n1,2,x\n", {}, (1, 2, None)),
        ("a,b,c\n1,2,3\n", {}, (None, None, None)),
        ("a,b,label\n1,2,x\n", {"features": ["label"]}, (None, None, None)),
        ("a,b,label\n1,2,x\n", {"features": ["a", "label"], "label": "label"}, (None, 3, "label")),
        ("a,,label\n1,2,x\n", {}, (1, 2, "")),
        (b"a,b,label\n1,2,x\n1,\xff,y\n", {}, (3, None, None)),
        ("\n\n", {}, (None, None, None)),
    ],
)
def test_a_csv_file_s_mistake_is_found_by_attributes(
    tmp_path: Path, text: str | bytes, settings: dict[str, Any], place: tuple[Any, ...]
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        modnet.load(path, **settings)
    error = caught.value
    assert (error.path, error.line, error.column, error.column_name) == (path, *place)


def test_a_test_file_s_mistake_is_in_the_test_file(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,label\n1,2,x\n")
    (tmp_path / "test.csv").write_text("a,c,label\n1,2,x\n")
    with pytest.raises(DataError) as caught:
        modnet.load(tmp_path / "train.csv")
    error = caught.value
    assert (error.path, error.line, error.column, error.column_name) == (tmp_path / "test.csv", 1, 2, "c")


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.npy", "a.pkl", "a-images-idx3-ubyte"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        modnet.source({"a.csv": "csv", "a.npz": "npz", "a.npy": "npy", "a.pkl": "pickle"}.get(name, "idx")).read(
            tmp_path / name
        )
    assert caught.value.path == tmp_path / name

    with pytest.raises(DataError, match="no such file") as caught:
        modnet.load(tmp_path / name)
    assert caught.value.path == tmp_path / name


@pytest.mark.parametrize("name", ["a.npz", "x_train.npy", "t.npy.gz", "a.pkl", "a.unknown"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    objects = np.array([{}], dtype=object)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps("neither rows nor labels"))
    with gzip.open(tmp_path / "t.npy.gz", "wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(cast("IO[bytes]", file), header)
    np.savez(tmp_path / "a.npz", x=objects, t=[0])
    np.save(tmp_path / "x_train.npy", objects)
    (tmp_path / "a.unknown").write_bytes(b"")
    path = tmp_path / name
    with pytest.raises(DataError) as caught:
        modnet.load(path, **({"labels": name} if "npy" in name else {}))
    assert caught.value.path == path


def test_a_parquet_file_s_mistake_is_found_by_its_column(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"a": [1.0, None], "label": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"row 2, column 1 \('a'\): a missing value") as caught:
        modnet.load(tmp_path / "a.parquet")
    error = caught.value
    assert (error.path, error.line, error.column, error.column_name) == (tmp_path / "a.parquet", None, 1, "a")

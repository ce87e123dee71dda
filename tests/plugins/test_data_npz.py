"""NumPy archives: names, sizes, and no pickles."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

import modnet
from modnet import DataError

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([0, 1, 1, 0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digits.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "names",
    ["x_train y_train x_test y_test", "train_img train_label test_img test_label", "X_train Y_train X_test Y_test"],
)
def test_names_of_both_parts(path, save, names):
    save(path, **dict(zip(names.split(), (np.asfortranarray(X), T, X[:1].astype(">f4"), T[:1]), strict=True)))
    data = modnet.load(path)
    np.testing.assert_array_equal(data.train.x, X)
    np.testing.assert_array_equal(data.test.x, X[:1])
    np.testing.assert_array_equal(data.train.t, T)
    assert data.settings == {"scale": 1.0}


@pytest.mark.parametrize("names", ["x t", "x y", "data target", "images labels"])
def test_names_of_one_part(path, names):
    np.savez(path, **dict(zip(names.split(), (X, T), strict=True)), extra=np.array("note"))
    assert modnet.load(path, test_fraction=0.5).test.x.shape == (2, 3)
    rows, labels = modnet.source("npz").read_rows(path, 3)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, T)


def test_labels_of_text(path):
    np.savez(path, x=X, t=np.array(["oak", "ash", "ash", "oak"]))
    assert modnet.load(path, test_fraction=0.0).classes == ("ash", "oak")
    assert modnet.source("npz").read_rows(path, 3)[1].tolist() == ["oak", "ash", "ash", "oak"]


def test_rows_to_predict(path):
    np.savez(path, x=X)
    rows, labels = modnet.source("npz").read_rows(path, 3)
    assert (rows.shape, labels) == ((4, 3), None)
    np.savez(path, x_train=X, y_train=T, x_test=X[:2], y_test=T[:2])
    assert len(modnet.source("npz").read_rows(path, 3)[0]) == 2
    with pytest.raises(DataError, match="rows of 3 features, expected 4"):
        modnet.source("npz").read_rows(path, 4)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": X, "b": T}, r"digits\.npz: no rows and labels under the names a, b; expected names: x_train, y_train"),
        ({}, r"under the names \(none\)"),
        ({"x": X, "t": T, "y": T}, "several conventions: x, t and x, y; keep one"),
        ({"x": X, "t": T[:3]}, "4 rows need 4 labels"),
        ({"x": X, "t": T.astype(object)}, "'t' cannot be read: it holds pickled objects, expected numbers or text"),
        ({"x": X + 1j, "t": T}, "expected numbers of shape"),
        ({"x": X, "t": T + 1j}, "must be classes"),
        ({"x": np.float64(3), "t": T}, "expected numbers of shape"),
        ({"x": X * np.nan, "t": T}, "training row 1, feature 1: expected a finite number, found nan"),
    ],
)
def test_words_of_errors(path, arrays, words):
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=words):
        modnet.load(path, source="npz")


def member(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (member(X)[:-8], "'x' cannot be read: 88 bytes of data, expected 96 by its shape and dtype"),
        (member(X).replace(b"(4, 3), }  ", b"(4, 3000)}"), "expected 96000 by its shape|cannot be read"),
        (member(X).replace(b"'<f8'", b"'|O8'"), "cannot be read"),
        (member(X).replace(b"\x93NUMPY\x01", b"\x93NUMPY\x03"), "format version 3.0, expected 1.0 or 2.0"),
        (b"hello", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_forged_members(path, content, words):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)
        archive.writestr("t.npy", member(T))
    with pytest.raises(DataError, match=words):
        modnet.load(path, source="npz")


def test_files_that_are_none(path):
    for content in (b"", b"PK\x03\x04", b"hello" * 100):
        path.write_bytes(content)
        with pytest.raises(DataError, match="a damaged archive, or none"):
            modnet.load(path, source="npz")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        modnet.load(path, source="npz")
    with pytest.raises(DataError, match="a folder, expected a file"):
        modnet.load(path.parent, source="npz")


def test_what_unpacks_to_too_much(path, monkeypatch):
    np.savez_compressed(path, x=np.zeros((2**18, 2)), t=np.zeros(2**18, int))
    monkeypatch.setattr("modnet_data.npz_file.LIMIT", 2**21)
    with pytest.raises(DataError, match="'x' unpacks to more than 2 MiB; save it uncompressed if it is meant"):
        modnet.load(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mutations_are_read_or_refused(path, save):
    save(path, x=X, t=T)
    good, draw = path.read_bytes(), random.Random(0)  # noqa: S311 - no secret
    for _ in range(1500):
        content = bytearray(good)
        for _ in range(draw.choice([1, 2, 5])):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            data = modnet.load(path, source="npz")
        except DataError:
            continue
        assert np.isfinite(data.train.x).all()

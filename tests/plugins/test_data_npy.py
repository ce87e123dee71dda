"""Files of one array each, which belong together by name."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path

import numpy as np
import pytest

import modnet
from modnet import DataError

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([0, 1, 1, 0])


def save(folder: Path, **arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("start", ["", "mnist_", "my.data-"])
@pytest.mark.parametrize(
    "names",
    ["x_train y_train x_test y_test", "train_img train_label test_img test_label", "X_Train Y_Train X_Test Y_Test"],
)
def test_any_of_the_files_leads_to_all(tmp_path, names, start):
    arrays = dict(zip((start + name for name in names.split()), (X, T, X[:1].astype(">f4"), T[:1]), strict=True))
    save(tmp_path, **arrays, other=X, other_x_train=X[:2])
    for name in arrays:
        data = modnet.load(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(data.train.x, X)
        np.testing.assert_array_equal(data.train.t, T)
        np.testing.assert_array_equal(data.test.x, X[:1])
    if not start:
        assert len(modnet.load(tmp_path).test) == 1


def test_rows_and_labels_alone(tmp_path):
    save(tmp_path, x=X, t=np.array(["oak", "ash", "ash", "oak"]))
    data = modnet.load(tmp_path / "x.npy", test_fraction=0.5)
    assert (len(data.test), data.classes) == (2, ("ash", "oak"))


def test_labels_of_any_name_are_a_setting(tmp_path):
    save(tmp_path, digits=X, answers=T)
    data = modnet.load(tmp_path / "digits.npy", labels="answers.npy", test_fraction=0)
    np.testing.assert_array_equal(data.train.t, T)
    source = modnet.source("npy", labels="answers.npy")
    np.testing.assert_array_equal(source.read_rows(tmp_path / "digits.npy", 3)[1], T)


def test_compressed_files(tmp_path):
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(npy(X)))
    (tmp_path / "t.npy.bz2").write_bytes(bz2.compress(npy(T)))
    np.testing.assert_array_equal(modnet.load(tmp_path, test_fraction=0).train.x, X)
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=r"both x\.npy and x\.npy\.gz are there; keep one"):
        modnet.load(tmp_path / "x.npy")


def test_rows_to_predict(tmp_path):
    save(tmp_path, mine=X)
    rows, labels = modnet.source("npy").read_rows(tmp_path / "mine.npy", 3)
    assert (rows.tolist(), labels) == (X.tolist(), None)
    save(tmp_path, x_train=X, y_train=T, x_test=X[:2], y_test=T[:2])
    assert len(modnet.source("npy").read_rows(tmp_path / "x_train.npy", 3)[1]) == 4
    assert len(modnet.source("npy").read_rows(tmp_path, 3)[1]) == 2
    with pytest.raises(DataError, match=r"mine\.npy: rows of 3 features, expected 4"):
        modnet.source("npy").read_rows(tmp_path / "mine.npy", 4)


def test_missing_labels(tmp_path):
    save(tmp_path, digits=X, x_train=X, x_test=X)
    with pytest.raises(DataError, match=r"digits\.npy: which file has the labels\? say so: labels = 'FILE', or name"):
        modnet.load(tmp_path / "digits.npy")
    with pytest.raises(DataError, match="no rows and labels under the names x_test, x_train; expected names: x_train"):
        modnet.load(tmp_path / "x_train.npy")
    with pytest.raises(DataError, match=r"answers\.npy: no such file"):
        modnet.load(tmp_path / "digits.npy", labels="answers.npy")
    with pytest.raises(DataError, match=r"gone\.npy: no such file"):
        modnet.load(tmp_path / "gone.npy", source="npy")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"hello", "cannot be read"),
        (npy(X)[:-8], "88 bytes of data, expected 96: 4 x 3 values of 8 bytes"),
        (npy(X) + b"\0", "9[67] bytes of data, expected 96"),
        (npy(X).replace(b"(4, 3), }            ", b"(4000000, 3000000), }"), "expected 96000000000000|unpacks to more"),
        (npy(np.array([1, "a"], object)), "it holds pickled objects"),
        (npy(X.view([("a", float), ("b", float), ("c", float)])), "expected numbers or text"),
        (npy(np.float64(1)), r"expected numbers of shape \(N, features\), found float64 of shape \(\)"),
        (npy(X[:3]), "3 rows need 3 labels"),
        (npy(X * np.nan), "training row 1, feature 1: expected a finite number"),
    ],
)
def test_words_of_errors(tmp_path, content, words, packed):
    path = tmp_path / ("x.npy.gz" if packed else "x.npy")
    path.write_bytes(gzip.compress(content) if packed else content)
    save(tmp_path, t=T)
    with pytest.raises(DataError, match=words) as caught:
        modnet.load(path, source="npy")
    assert str(path) in str(caught.value)


def test_mutations_are_read_or_refused(tmp_path, mutate):
    save(tmp_path, x=X, t=T)
    mutate(tmp_path / "x.npy", 500, source="npy")


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", ">i2"])
def test_large_files_are_mapped(tmp_path, all_large, suffix, dtype):
    for name, array in (("x", X.astype(dtype)), ("t", T)):
        content = npy(array)
        (tmp_path / f"{name}.npy{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    for _ in range(2):
        data = modnet.load(tmp_path, test_fraction=0)
        np.testing.assert_array_equal(data.train.x, X)
        assert not data.train.table.flags.writeable
    assert all_large.exists() == bool(suffix)


def test_files_are_written_into_a_folder_or_named_after_the_target(tmp_path):
    data = modnet.Dataset.from_arrays((X, ["b", "a", "b", "b"]), test_fraction=0)
    source = modnet.source("npy")
    assert [path.name for path in source.write(data, tmp_path)] == ["x.npy", "t.npy"]
    assert [path.name for path in source.write(data, tmp_path / "a.npy.gz")] == ["a_x.npy.gz", "a_t.npy.gz"]
    assert [path.name for path in source.write(data, tmp_path / "b_x_train.npy")] == ["b_x.npy", "b_t.npy"]
    assert np.load(tmp_path / "t.npy").tolist() == ["b", "a", "b", "b"]
    np.testing.assert_array_equal(modnet.load(tmp_path / "a_x.npy.gz", test_fraction=0).train.x, X)

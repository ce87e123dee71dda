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
        np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
        np.testing.assert_array_equal(data.train.t, T)
        np.testing.assert_array_equal(data.test.unscaled(slice(None)), X[:1])
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


def test_the_files_that_could_be_the_labels_are_named(tmp_path):
    save(tmp_path, digits=X, answers=T, names=np.array([*"abba"])[:, None], few=T[:3], real=T + 0.5, more=X)
    (tmp_path / "no.npy").write_text("none")
    (tmp_path / "packed.npy.gz").write_bytes(gzip.compress(npy(T)))
    with pytest.raises(DataError) as caught:
        modnet.load(tmp_path / "digits.npy")
    assert str(caught.value).endswith(
        "digits.npy: which file has the labels? Set labels = 'answers.npy', labels = 'names.npy' or "
        "labels = 'packed.npy.gz'"
    )
    for advice in caught.value.advice:
        assert modnet.load(tmp_path / "digits.npy", **advice, test_fraction=0).train.x.shape == X.shape


def test_compressed_files(tmp_path):
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(npy(X)))
    (tmp_path / "t.npy.bz2").write_bytes(bz2.compress(npy(T)))
    np.testing.assert_array_equal(modnet.load(tmp_path, test_fraction=0).train.unscaled(slice(None)), X)
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
    with pytest.raises(
        DataError, match=r"digits\.npy: no file beside it has a label for each row; name the files x_tr"
    ):
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
        (npy(X.view([("a", float), ("b", float), ("c", float)])), "it is a structured array"),
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


def with_header(header: str, data: bytes = X.tobytes(), version: int = 1) -> bytes:
    encoded = header.encode()
    size = len(encoded).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + encoded + data


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }", 2),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }   \n", 3),
        ("{'shape': (4L, 3L), 'fortran_order': False, 'descr': '<f8'}", 1),
        ('{"descr":"<f8","fortran_order":False,"shape":(4,3)}\n', 1),
        ("  {'descr': '<f8',\n 'fortran_order': False,\n 'shape': (4, 3,)\n}", 1),
    ],
)
def test_headers_of_every_version_and_writer(tmp_path, header, version):
    save(tmp_path, t=T)
    (tmp_path / "x.npy").write_bytes(with_header(header, version=version))
    np.testing.assert_array_equal(modnet.load(tmp_path, test_fraction=0).train.unscaled(slice(None)), X)


def test_versions_are_as_numpy_writes_them(tmp_path):
    save(tmp_path, t=T)
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "x.npy").open("wb") as file:
            np.lib.format.write_array(file, X.astype(">f4"), version=version)
        np.testing.assert_array_equal(modnet.load(tmp_path, test_fraction=0).train.unscaled(slice(None)), X)


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }"
DEEP = 3000


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER.replace("(4, 3)", "(" * DEEP + "4" + ")" * DEEP), "expected a header with descr, fortran_order and"),
        (HEADER.replace("4", "-" * 2 * DEEP + "4"), "expected a header with"),
        (HEADER.replace("4", "4+" * DEEP + "4"), "expected a header with"),
        (HEADER.replace("4", "9" * 5000), "expected a header with"),
        (HEADER.replace("4, 3", "4, -3"), "expected a header with"),
        (HEADER.replace("4, 3", "4, 3.0"), "expected a header with"),
        (HEADER.replace("4, 3", "4 3"), "expected a header with"),
        (HEADER.replace("4, 3", "4, 0"), r"expected numbers of shape \(N, features\), found float64 of shape \(4, 0\)"),
        (HEADER.replace("4, 3", "0, 10000000000, 10000000000"), "found float64 of shape"),
        (HEADER.replace("4, 3", "1, " * 3000), "found float64 of shape with 3000 axes"),
        (HEADER.replace("4, 3", "10000000000, 10000000000"), "96 bytes of data, expected 800000000000000000000"),
        (HEADER.replace("'shape': (4, 3)", "'fortran_order': True"), "expected a header with"),
        (HEADER.replace("}", "'more': 1}"), "expected a header with"),
        (HEADER + "x", "expected a header with"),
        ("[" * DEEP, "expected a header with"),
        ("", "expected a header with"),
        (HEADER.replace("<f8", "<f7"), "values of '<f7', expected numbers or text"),
        (HEADER.replace("<f8", "<U"), "found <U0 of shape"),
        (HEADER.replace("<f8", "f8,f8"), "values of 'f8,f8', expected numbers or text"),
        (HEADER.replace("<f8", "|O"), r"it holds pickled objects, .* save it as such, by its astype\(float\) or"),
        (HEADER.replace("<f8", "<M8[D]"), "it holds dates"),
        (HEADER.replace("<f8", "<m8[ns]"), "it holds durations"),
        (HEADER.replace("<f8", "|V8"), "it holds raw bytes"),
        (HEADER.replace("'<f8'", "[('a', '<f8')]"), "it is a structured array; save its fields as columns of one"),
        (HEADER.replace("'<f8'", "('<f8', (2,))"), "it is a structured array"),
        (HEADER.replace("'<f8'", "[('é', '<f8')]"), "it is a structured array"),
        (HEADER + " " * 10_000, "a header of 10059 bytes, expected at most 10000"),
    ],
)
def test_headers_are_never_evaluated(tmp_path, header, words):
    save(tmp_path, t=T)
    for version in (1, 2, 3):
        (tmp_path / "x.npy").write_bytes(with_header(header, version=version))
        with pytest.raises(DataError, match=words) as caught:
            modnet.load(tmp_path)
        assert len(str(caught.value)) < 500


def test_labels_of_bytes_are_text(tmp_path):
    save(tmp_path, x=X, t=np.array([b"oak", b"ash", b"ash", b"oak"]))
    assert modnet.load(tmp_path, test_fraction=0).classes == ("ash", "oak")
    save(tmp_path, x=np.array([b"oak", b"ash", b"ash", b"oak"]))
    with pytest.raises(DataError, match=r"training rows: expected numbers of shape \(N, features\), found \|S3"):
        modnet.load(tmp_path)


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
        np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
        assert not data.train.table.flags.writeable
    assert all_large.exists() == bool(suffix)


def test_files_are_written_into_a_folder_or_named_after_the_target(tmp_path):
    data = modnet.Dataset.from_arrays((X, ["b", "a", "b", "b"]), test_fraction=0)
    source = modnet.source("npy")
    assert [path.name for path in source.write(data, tmp_path)] == ["x.npy", "t.npy"]
    assert [path.name for path in source.write(data, tmp_path / "a.npy.gz")] == ["a_x.npy.gz", "a_t.npy.gz"]
    assert [path.name for path in source.write(data, tmp_path / "b_x_train.npy")] == ["b_x.npy", "b_t.npy"]
    assert np.load(tmp_path / "t.npy").tolist() == ["b", "a", "b", "b"]
    np.testing.assert_array_equal(modnet.load(tmp_path / "a_x.npy.gz", test_fraction=0).train.unscaled(slice(None)), X)

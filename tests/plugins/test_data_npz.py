"""NumPy archives: names, sizes, and no pickles."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, cached

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
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
    np.testing.assert_array_equal(data.test.unscaled(slice(None)), X[:1])
    np.testing.assert_array_equal(data.train.t, T)
    assert data.settings == {"standardize": True}


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


def test_labels_of_bytes_are_text(path):
    np.savez(path, x_train=X, y_train=np.char.encode(["떡갈", "ash", "ash", "떡갈"], "utf-8"), note=T)
    assert modnet.load(path, test_fraction=0.0).classes == ("ash", "떡갈")
    assert modnet.source("npz").read_rows(path, 3)[1].tolist() == ["떡갈", "ash", "ash", "떡갈"]


@pytest.mark.parametrize(
    "labels", [np.array([b"oak", b"ash", b"\xff", b"oak"]), np.array([65, 66, 0x110000, 65], "u4").view("U1")]
)
def test_labels_that_are_no_text_are_refused_with_their_row(path, labels):
    np.savez(path, x=X, t=labels)
    with pytest.raises(DataError, match=r"digits\.npz: label 3 is no text in UTF-8; save labels as text"):
        modnet.load(path)


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
        (
            {"x": X.view([("a", float), ("b", float), ("c", float)]), "t": T},
            "'x' cannot be read: it is a structured array; save",
        ),
        ({"x": X.astype("M8[D]"), "t": T}, "'x' cannot be read: it holds dates, expected numbers or text"),
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
        (member(X).replace(b"(4, 3)", b"(4,-3)"), "cannot be read|expected numbers of shape"),
        (
            b"\x93NUMPY\x02\0" + (2**20).to_bytes(4, "little") + b" " * 2**20,
            "cannot be read: a header of 1048576 bytes, expected",
        ),
        (member(X).replace(b"\x93NUMPY\x01", b"\x93NUMPY\x04"), "format version 4.0, expected one of 1.0, 2.0, 3.0"),
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
        with pytest.raises(DataError, match=r"cannot be read as an archive: (File is not a zip file|Bad magic)"):
            modnet.load(path, source="npz")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        modnet.load(path, source="npz")
    with pytest.raises(DataError, match="a folder, expected a file"):
        modnet.load(path.parent, source="npz")


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (8, 1, r"File 'x\.npy' is encrypted, password required for extraction"),
        (10, 97, r".*compression (type|method).*"),
    ],
)
def test_archives_that_need_a_password_or_have_an_unknown_compression(path, place, value, why):
    np.savez(path, x=X, t=T)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + place] = value  # the flags or the compression in the list of members
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        modnet.load(path)
    assert re.fullmatch(rf"{re.escape(str(path))}: cannot be read as an archive: {why}", str(caught.value))


def in_list(content: bytes, name: bytes) -> int:
    """Return where a member's entry begins in the list at the end of an archive."""
    return content.index(name, content.index(b"PK\1\2")) - 46


def forget(content: bytearray) -> None:
    """Make the entry of x_train swallow that of y_train as its comment."""
    first, second, third = (in_list(content, name) for name in (b"x_train", b"y_train", b"x_test"))
    content[first + 32 : first + 34] = (third - second).to_bytes(2, "little")


def swap_names(content: bytearray) -> None:
    for name, other in ((b"x_train", b"y_train"), (b"x_test", b"y_test")):
        at, to = in_list(content, name) + 46, in_list(content, other) + 46
        content[at], content[to] = content[to], content[at]


def overlap(content: bytearray) -> None:
    """Make the first member reach into the second."""
    at = in_list(content, b"x_train") + 20
    content[at : at + 4] = (int.from_bytes(content[at : at + 4], "little") + 1).to_bytes(4, "little")


def lose_the_name(content: bytearray) -> None:
    at = in_list(content, b"x_test") + 46
    content[at + 2] = 0


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (forget, "a damaged archive: the list of its members is not whole, or not at its end"),
        (lambda content: content.extend(b"more"), "a damaged archive: the list of its members is not whole, or not at"),
        (overlap, r"'x_train.npy' and others overlap|'y_train.npy' and others overlap|Overlapped entries"),
        (swap_names, "cannot be read as an archive: File name in directory"),
        (lose_the_name, "cannot be read as an archive: File name in directory|not whole"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_list_of_members_that_is_not_what_lies_there(path, save, damage, why):
    """Or else its training part alone, or other rows, would be read in silence."""
    save(path, x_train=X, y_train=T, x_test=X, y_test=T)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    for read in (modnet.load, lambda path: modnet.source("npz").read_rows(path, 3)):
        with pytest.raises(DataError, match=why) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_member_that_is_there_twice(path):
    np.savez(path, x=X, t=T)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", member(X + 1))
    with pytest.raises(DataError, match=r"digits\.npz: 'x\.npy' is there 2 times; keep one"):
        modnet.load(path)


def test_an_archive_with_a_comment_and_other_members_is_read(path):
    np.savez(path, x=X, t=T)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about/README", "digits")
        archive.mkdir("more") if hasattr(archive, "mkdir") else None
        archive.comment = b"PK comment"
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())  # as a program that unpacks itself
    np.testing.assert_array_equal(modnet.load(path, source="npz", test_fraction=0).train.unscaled(slice(None)), X)


def test_many_small_arrays_in_a_small_archive_take_no_more_than_its_ratio(path, monkeypatch):
    """Each by itself would."""
    monkeypatch.setattr("modnet_data.arrays.raw.UNPACKED", 3 * 2**20)
    zeros = np.zeros((2**18, 1)), np.zeros(2**18, int)
    np.savez_compressed(path, x_train=zeros[0], y_train=zeros[1], x_test=zeros[0], y_test=zeros[1])
    with pytest.raises(DataError, match="unpacks to more than 3 MiB and 100 times its size; save it uncompressed"):
        modnet.load(path)
    np.savez(path, x_train=zeros[0], y_train=zeros[1], x_test=zeros[0], y_test=zeros[1])
    assert len(modnet.load(path).test) == 2**18


def test_an_archive_that_is_replaced_while_it_is_read(path, monkeypatch):
    np.savez(path, x=X, t=T)

    def arrays_of(path: Path, recipe: str, convert: Callable[[cached.Put], cached.Facts]) -> Any:
        np.savez(path, data=X, target=T)
        return convert(lambda *_: None)

    monkeypatch.setattr(cached, "arrays_of", arrays_of)
    with pytest.raises(DataError, match=r"cannot be read as an archive: .*no item named 'x\.npy' in the archive"):
        modnet.load(path)


def test_what_unpacks_to_too_much(path, monkeypatch):
    np.savez_compressed(path, x=np.zeros((2**18, 2)), t=np.zeros(2**18, int))
    monkeypatch.setattr("modnet_data.arrays.raw.UNPACKED", 2**21)
    words = "unpacks to more than 2 MiB and 100 times its size; save it uncompressed if that is meant"
    with pytest.raises(DataError, match=words):
        modnet.load(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mutations_are_read_or_refused(path, save, mutate):
    save(path, x=X, t=T)
    mutate(path, 1500, source="npz")


def test_large_arrays_are_mapped_where_they_lie(path, all_large):
    np.savez(path, x_train=X, y_train=T, x_test=X[:0], y_test=T[:0])
    data = modnet.load(path)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
    assert not data.train.table.flags.writeable
    assert not all_large.exists()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (4, r"cannot be read as an archive: Bad CRC-32 for file 'x\.npy'"),  # found as its header is read
        (1000, r"a damaged archive: 'x\.npy' is not what its checksum says"),
    ],
)
def test_a_damaged_array_is_not_mapped(path, all_large, rows, why):
    x = np.arange(3.0 * rows).reshape(rows, 3)
    np.savez(path, x=x, t=np.arange(rows) % 2)
    content = bytearray(path.read_bytes())
    content[content.index(x.tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=why):
        modnet.load(path)


def test_large_arrays_that_are_compressed_are_unpacked_once(path, all_large, monkeypatch):
    np.savez_compressed(path, x=X, t=np.array(["oak", "ash", "ash", "oak"]))
    data = modnet.load(path, test_fraction=0)
    monkeypatch.setattr("modnet_data.arrays.npz._unpack", None)
    again = modnet.load(path, test_fraction=0)
    assert len(list((all_large / "arrays").iterdir())) == 1
    for each in (data, again):
        np.testing.assert_array_equal(each.train.unscaled(slice(None)), X)
        assert each.classes == ("ash", "oak")


def test_a_training_part_alone(path):
    np.savez(path, x_train=X, y_train=T)
    assert len(modnet.load(path, test_fraction=0).train) == 4
    np.savez(path, x_train=X, y_train=T, x_test=X)
    with pytest.raises(DataError, match="no rows and labels under the names x_train, y_train, x_test"):
        modnet.load(path)


def test_a_stratified_test_part_has_its_share_of_each_class(path):
    np.savez(path, x=np.arange(40.0).reshape(20, 2), t=np.arange(20) % 2)
    data = modnet.load(path, test_fraction=0.2, stratified=True)
    assert np.bincount(data.test.t).tolist() == [2, 2]


def test_written_archives_are_as_numpy_reads_them(path):
    data = modnet.Dataset.from_arrays((X.astype(np.float32), ["b", "a", "b", "c"]), (X[:1], ["a"]))
    assert modnet.source("npz").write(data, path) == [path]
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == ["x_train", "y_train", "x_test", "y_test"]
        np.testing.assert_array_equal(archive["x_train"], X)
        assert archive["y_train"].tolist() == ["b", "a", "b", "c"]
    before = path.read_bytes()
    modnet.source("npz").write(data, path)
    assert path.read_bytes() == before
    with pytest.raises(DataError, match=r"not compressed as a whole; take the last suffix off"):
        modnet.source("npz").write(data, path.with_name("a.npz.gz"))


def test_settings_of_preparation_are_those_of_all_sources(tmp_path):
    x = np.array([[1.0, 20.0], [np.nan, 40.0], [3.0, 60.0], [5.0, 80.0]])
    np.savez(tmp_path / "gaps.npz", x=x, t=[0, 1, 0, 1])
    np.savez(tmp_path / "words.npz", x=np.array([["1.5", "red"], ["2.5", "blue"]] * 3), t=[0, 1] * 3)
    with pytest.raises(modnet.DataError, match=r"gaps.npz: training row 2, feature 1.*nan"):
        modnet.load(tmp_path / "gaps.npz")
    data = modnet.load(tmp_path / "gaps.npz", impute="median", standardize=False, test_fraction=0)
    np.testing.assert_array_equal(data.train.x, [[1, 20], [3, 40], [3, 60], [5, 80]])
    words = modnet.load(tmp_path / "words.npz", test_fraction=0)
    assert words.preparation is not None
    assert words.preparation.feature_names == ("feature 1", "feature 2=blue", "feature 2=red")


def test_rows_to_predict_may_lack_what_training_imputes(tmp_path):
    np.savez(tmp_path / "new.npz", x=[[1.5, 2.0], [np.nan, 3.0]])
    with pytest.raises(modnet.DataError, match="expected a finite number, found nan"):
        modnet.source("npz").read_rows(tmp_path / "new.npz", 2)
    found, _ = modnet.source("npz", impute="mean").read_rows(tmp_path / "new.npz", 2)
    np.testing.assert_array_equal(found, [[1.5, 2], [np.nan, 3]])
    np.savez(tmp_path / "one.npz", x=[[np.nan, np.nan]])
    assert np.isnan(modnet.source("npz", impute="mean").read_rows(tmp_path / "one.npz", 2)[0]).all()
    np.savez(tmp_path / "words.npz", x=np.array([["1.5", "red"], ["2.5", "green"]]))
    with pytest.raises(modnet.DataError, match=r"text in an array.*: save the rows as a CSV or Parquet file"):
        modnet.source("npz").read_rows(tmp_path / "words.npz", 2)

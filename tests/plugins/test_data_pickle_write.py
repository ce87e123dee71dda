"""Pickles that modnet writes, read by modnet and by pickle."""

from __future__ import annotations

import gzip
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import modnet
from modnet import DataError, Dataset
from modnet.files import telling

X = np.arange(12.0).reshape(4, 3) / 8
T = np.array([7, 300, 300, 7])
SOURCE = modnet.source("pickle", test_fraction=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digits.pkl"


def real(path: Path) -> Any:
    """Return what the real pickle makes of a file that modnet has written."""
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by us


def test_the_books_dict(path):
    data = Dataset.from_arrays((X, T), (X[:1], T[:1]))
    assert SOURCE.write(data, path) == [path]
    found = real(path)
    assert list(found) == ["train_img", "train_label", "test_img", "test_label"]
    np.testing.assert_array_equal(found["train_img"], X)
    np.testing.assert_array_equal(found["test_img"], X[:1])
    assert found["train_label"].tolist() == T.tolist()
    assert found["train_label"].dtype == np.uint16
    assert found["train_img"].flags.writeable
    assert list(path.parent.iterdir()) == [path]


def test_rows_and_labels_without_a_test_part(path):
    SOURCE.write(Dataset.from_arrays((X, T), test_fraction=0), path)
    assert list(real(path)) == ["x", "t"]


@given(
    x=st.sampled_from(["?", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", ">f4", ">i8"]).flatmap(
        lambda dtype: arrays(dtype, st.tuples(st.integers(1, 5), st.integers(1, 4)))
    ),
    data=st.data(),
)
def test_what_was_written_is_read_again(tmp_path_factory, x, data):
    x = np.where(np.isfinite(x), x, 0).astype(x.dtype)
    labels = data.draw(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=len(x), max_size=len(x)
        ).filter(lambda labels: modnet.find_unclear_labels(labels) is None)
        | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=len(x), max_size=len(x))
        | st.lists(st.booleans(), min_size=len(x), max_size=len(x))
    )
    made = Dataset.from_arrays((x, labels), test_fraction=0, scale=1)
    path = tmp_path_factory.mktemp("written") / "x.pkl"
    SOURCE.write(made, path)
    found = modnet.load(path, test_fraction=0, scale=1)
    assert found.train.table.dtype == x.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found.train.table, x)
    np.testing.assert_array_equal(found.train.t, made.train.t)
    assert found.classes == made.classes
    np.testing.assert_array_equal(real(path)["x"], x)


def test_features_are_written_as_they_were(path):
    pixels = np.arange(0, 255, 5, dtype=np.uint8).reshape(3, 17)
    data = Dataset.from_arrays((pixels, [*"aba"]), test_fraction=0)
    assert data.scale == 255
    SOURCE.write(data, path)
    found = real(path)
    assert found["x"].dtype == np.uint8
    np.testing.assert_array_equal(found["x"], pixels)
    assert found["t"] == ["a", "b", "a"]
    assert modnet.load(path, test_fraction=0).scale == 255


def test_numpy_1_and_2_know_the_names(path):
    SOURCE.write(Dataset.from_arrays((X, T)), path)
    content = path.read_bytes()
    names = {argument for op, argument, _ in pickletools.genops(content) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    assert not any(op.name == "STACK_GLOBAL" for op, _, _ in pickletools.genops(content))


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_the_same_data_are_the_same_bytes(tmp_path, suffix):
    data = Dataset.from_arrays((X, [*"abba"]), (X[:2], [*"ab"]))
    paths = [tmp_path / f"{name}.pkl{suffix}" for name in ("one", "other")]
    for path in paths:
        SOURCE.write(data, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    np.testing.assert_array_equal(modnet.load(paths[0]).test.table, X[:2])


def test_compressed_by_the_suffix(tmp_path):
    SOURCE.write(Dataset.from_arrays((X, T), test_fraction=0), tmp_path / "x.pkl.gz")
    with gzip.open(tmp_path / "x.pkl.gz") as file:
        np.testing.assert_array_equal(pickle.load(file)["x"], X)  # noqa: S301 - written by us


def test_many_rows_are_written_block_by_block(path):
    x = np.arange(3_000_000, dtype=np.uint16).reshape(-1, 3)
    data, told = Dataset.from_arrays((x, np.zeros(len(x), int)), test_fraction=0), []
    with telling(lambda _, done, total: told.append((done, total))):
        SOURCE.write(data, path)
    assert len(told) > 2
    assert told[-1] == (len(x), len(x))
    np.testing.assert_array_equal(real(path)["x"], x)


def test_whole_or_not_at_all(path):
    path.write_bytes(b"as it was")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with telling(stop), pytest.raises(KeyboardInterrupt):
        SOURCE.write(Dataset.from_arrays((X, T)), path)
    assert path.read_bytes() == b"as it was"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", "b" * 300], "2 labels of text, of up to 300 letters, are more than a pickle is read with"),
        (["a", "b" * 200] * 50_000, "100000 labels of text, of up to 200 letters"),
        (["a", "b"] * 200_000, "400000 labels of text, of up to 1 letters"),
    ],
    ids=["long", "wide", "many"],
)
def test_labels_that_would_not_be_read_are_not_written(path, labels, words):
    data = Dataset.from_arrays((np.zeros((len(labels), 1), np.uint8), labels), test_fraction=0)
    with pytest.raises(DataError, match=rf"digits\.pkl: {words}.*; take another format, such as \.npz"):
        SOURCE.write(data, path)
    assert not path.exists()


def test_the_most_labels_that_are_written_are_read(path):
    labels = [*"ab"] * 187_500
    SOURCE.write(Dataset.from_arrays((np.zeros((len(labels), 1), np.uint8), labels), test_fraction=0), path)
    assert len(modnet.load(path, test_fraction=0).train) == len(labels)
    SOURCE.write(Dataset.from_arrays((X, ["\U0001f600" * 256, *"bcd"]), test_fraction=0), path)
    assert modnet.load(path, test_fraction=0).classes == ("b", "c", "d", "\U0001f600" * 256)

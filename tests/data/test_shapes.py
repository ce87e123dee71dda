"""Shapes of samples: those of images, those that are given."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, Dataset, SettingError
from modnet.data.fingerprint import data_fingerprint

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 6)).astype(np.uint8)
LABELS = np.arange(40) % 3


@pytest.mark.parametrize(
    ("rows", "shape"),
    [
        (IMAGES, (1, 4, 6)),
        (IMAGES[:, np.newaxis], (1, 4, 6)),
        (IMAGES.reshape(40, 3, 4, 2), (3, 4, 2)),
        (IMAGES.reshape(40, 24), (24,)),
        (list(IMAGES), (1, 4, 6)),
        (IMAGES.tolist(), (1, 4, 6)),
    ],
)
def test_images_keep_their_shape(rows: Any, shape: tuple[int, ...]) -> None:
    data = Dataset.from_arrays(rows, LABELS)
    assert data.shape == shape
    assert data.train.x.shape == (32, 24)
    assert data.with_validation(0.2).shape == shape
    assert Dataset.from_arrays(rows, LABELS, shape=(1, 6, 4)).shape == (1, 6, 4)


def test_a_shape_changes_no_fingerprint() -> None:
    one, other = (Dataset.from_arrays(rows, LABELS) for rows in (IMAGES, IMAGES.reshape(40, 24)))
    assert data_fingerprint(one) == data_fingerprint(other)


@pytest.mark.parametrize(("shape", "numbers"), [((1, 4, 5), 20), ((25,), 25)])
def test_a_shape_has_as_many_numbers_as_the_samples(shape: tuple[int, ...], numbers: int) -> None:
    with pytest.raises(DataError, match=f"takes {numbers} features, a sample has 24"):
        Dataset.from_arrays(IMAGES, LABELS, shape=shape)


@pytest.mark.parametrize("shape", [5, (), (0, 24), (True, 24), (1.0, 24), "24"])
def test_a_shape_that_cannot_be(shape: Any) -> None:
    with pytest.raises(DataError, match="'shape' must be whole numbers > 0"):
        Dataset.from_arrays(IMAGES, LABELS, shape=shape)


def test_standardized_columns_keep_the_shape_and_columns_of_words_do_not() -> None:
    data = Dataset.from_arrays(IMAGES, LABELS, standardize=True)
    assert data.preparation is not None
    assert data.shape == (1, 4, 6)
    words = np.array([[["a", "b"], ["c", f"w{i % 3}"]] for i in range(12)])
    assert Dataset.from_arrays(words, LABELS[:12]).shape == (6,)


def write_npz(path: Path) -> None:
    np.savez(path, x=IMAGES, t=LABELS)


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"x": IMAGES, "t": LABELS}))


@pytest.mark.parametrize(("write", "suffix"), [(write_npz, "npz"), (write_pickle, "pkl")])
def test_files_of_images_keep_their_shape(tmp_path: Path, write: Any, suffix: str) -> None:
    write(tmp_path / f"images.{suffix}")
    assert modnet.load(tmp_path / f"images.{suffix}").shape == (1, 4, 6)
    assert modnet.load(tmp_path / f"images.{suffix}", shape=(2, 2, 6)).shape == (2, 2, 6)


def test_idx_files_keep_their_shape(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 40, 4, 6) + IMAGES.tobytes())
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">2I", 0x801, 40) + LABELS.astype(np.uint8).tobytes()
    )
    assert modnet.load(tmp_path / "train-images-idx3-ubyte").shape == (1, 4, 6)


def test_a_table_is_given_its_shape(tmp_path: Path) -> None:
    rows = [[*range(i, i + 4), i % 2] for i in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,label", *(",".join(map(str, row)) for row in rows)]) + "\n")
    assert modnet.load(tmp_path / "t.csv").shape == (4,)
    assert modnet.load(tmp_path / "t.csv", shape=[1, 2, 2]).shape == (1, 2, 2)
    with pytest.raises(DataError, match=r"t.csv: 'shape' \(1, 2, 3\) takes 6 features, a sample has 4"):
        modnet.load(tmp_path / "t.csv", shape=(1, 2, 3))
    with pytest.raises(SettingError, match="'shape' must be a list"):
        modnet.load(tmp_path / "t.csv", shape=4)


def test_digits_know_theirs() -> None:
    assert modnet.load("mnist-small").shape == (1, 28, 28)

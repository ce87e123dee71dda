"""IDX files: MNIST as it was published, and its siblings found by name."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import DataError

IMAGES = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5) * 2
LABELS = np.array([7, 0, 1, 7], dtype=np.uint8)
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    return (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def write(
    folder: Path, names: str = "{part}-{what}-idx{rank}-ubyte", parts: tuple[str, ...] = ("train", "t10k")
) -> list[Path]:
    paths = []
    for part in parts:
        for what, array in (("images", IMAGES), ("labels", LABELS)):
            content = idx(array[: 4 if part == parts[0] else 2])
            path = folder / names.format(part=part, what=what, rank=array.ndim)
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
            paths.append(path)
    return paths


SPELLINGS = [
    "{part}-{what}-idx{rank}-ubyte",
    "{part}-{what}-idx{rank}-ubyte.gz",
    "{part}-{what}.idx{rank}-ubyte",
    "{part}-{what}.idx{rank}-ubyte.gz",
]


@pytest.mark.parametrize("spelling", [*SPELLINGS, "emnist-letters-{part}-{what}-idx{rank}-ubyte.gz"])
@pytest.mark.parametrize("parts", [("train", "t10k"), ("train", "test")])
def test_any_of_the_files_leads_to_all(tmp_path, spelling, parts):
    for path in write(tmp_path, spelling, parts):
        data = modnet.load(path)
        np.testing.assert_array_equal(data.train.x, IMAGES.reshape(4, 25) / 255)
        np.testing.assert_array_equal(data.train.t, [2, 0, 1, 2])
        np.testing.assert_array_equal(data.test.x, IMAGES[:2].reshape(2, 25) / 255)
        assert data.classes == (0, 1, 7)
        assert data.settings == {"scale": 255.0}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_folder_with_the_files(tmp_path, spelling):
    write(tmp_path, spelling)
    assert modnet.load(tmp_path).test.x.shape == (2, 25)
    rows, labels = modnet.source("idx").read_rows(tmp_path, 25)
    np.testing.assert_array_equal(rows, IMAGES[:2].reshape(2, 25))
    assert labels.tolist() == [7, 0]


def test_mixed_spellings(tmp_path):
    write(tmp_path, SPELLINGS[0], ("train",))
    write(tmp_path, SPELLINGS[3], ("t10k",))
    assert modnet.load(tmp_path).test.x.shape == (4, 25)


def test_a_word_in_the_name_is_no_part(tmp_path):
    paths = write(tmp_path, "latest-training-{part}-{what}-idx{rank}-ubyte")
    assert modnet.load(paths[0]).test.x.shape == (2, 25)


def test_without_test_files(tmp_path):
    write(tmp_path, parts=("train",))
    assert modnet.load(tmp_path, test_fraction=0.25).test.x.shape == (1, 25)
    write(tmp_path, "{what}-idx{rank}-ubyte", ("",))
    assert modnet.load(tmp_path / "images-idx3-ubyte", test_fraction=0.5).train.x.shape == (2, 25)


@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda d: arrays(d, array_shapes(min_dims=2, max_dims=4, max_side=4), elements=None)
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_type_comes_back(tmp_path, array):
    array = np.nan_to_num(array, posinf=1, neginf=-1)
    (tmp_path / "x-images.idx").write_bytes(idx(array))
    rows, labels = modnet.source("idx").read_rows(tmp_path / "x-images.idx", array[0].size)
    np.testing.assert_array_equal(rows, array.reshape(len(array), -1).astype(np.float64))
    assert labels is None


def test_rows_alone(tmp_path):
    (tmp_path / "mine").write_bytes(idx(IMAGES))
    rows, labels = modnet.source("idx").read_rows(tmp_path / "mine", 25)
    assert (rows.shape, rows.max(), labels) == ((4, 25), 198.0, None)
    with pytest.raises(DataError, match="mine: rows of 25 features, expected 784"):
        modnet.source("idx").read_rows(tmp_path / "mine", 784)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file: it begins with nothing, expected 00 00 08 03 or the like"),
        (b"hello", "not an IDX file: it begins with 68 65 6c 6c"),
        (b"\0\0\x08\x03\0\0", "cut off in its first 16 bytes"),
        (idx(IMAGES)[:-1], "99 bytes of data, expected 100: 4 x 5 x 5 values of 1 bytes"),
        (idx(IMAGES) + b"\0", "10[01] bytes of data, expected 100"),
        (
            b"\0\0\x0e\x04" + b"\xff" * 16,
            "0 bytes of data, expected 2722258|unpacks to more than 64 MiB and 100 times its size",
        ),
        (b"\0\0\x07\x03" + b"\0" * 20, "not an IDX file"),
        (idx(IMAGES[:3]), "3 rows need 3 labels, found labels of shape"),
    ],
)
def test_words_of_errors(tmp_path, content, words, suffix):
    write(tmp_path, "{part}-{what}-idx{rank}-ubyte" + suffix, ("train",))
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(DataError, match=words):
        modnet.load(path, source="idx")


def test_missing_siblings(tmp_path):
    paths = write(tmp_path)
    paths[1].unlink()
    with pytest.raises(DataError, match="no train-labels-idx1-ubyte beside train-images-idx3-ubyte"):
        modnet.load(paths[0])
    paths[0].unlink()
    with pytest.raises(DataError, match="no train-images-idx3-ubyte beside t10k-images-idx3-ubyte"):
        modnet.load(paths[2])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: no such file"):
        modnet.load(tmp_path, source="idx")
    (tmp_path / "mine").write_bytes(idx(IMAGES))
    with pytest.raises(DataError, match="told by 'images' and 'labels' in their names"):
        modnet.load(tmp_path / "mine")


def test_a_damaged_gzip_file(tmp_path):
    paths = write(tmp_path, SPELLINGS[1])
    paths[0].write_bytes(paths[0].read_bytes()[:-12])
    with pytest.raises(DataError, match="the compressed file is damaged or cut off"):
        modnet.load(tmp_path)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_large_files_are_mapped_and_unpacked_once_before(tmp_path, all_large, spelling):
    folder = tmp_path / "mnist"
    folder.mkdir()
    write(folder, spelling)
    for _ in range(2):
        data = modnet.load(folder)
        np.testing.assert_array_equal(data.train.x, IMAGES.reshape(4, 25) / 255)
        assert not data.train.table.flags.writeable
    kept = list((all_large / "arrays").iterdir()) if all_large.exists() else []
    # The test part's labels are another content than the training part's.
    assert len(kept) == (4 if spelling.endswith(".gz") else 0)


def data_set(features: int, dtype: str = "u1") -> modnet.Dataset:
    x = np.arange(3 * features).reshape(3, features).astype(dtype)
    return modnet.Dataset.from_arrays((x, [7, 0, 7]), (x[:1], [0]))


@pytest.mark.parametrize(
    ("features", "dtype", "shape", "code"),
    [
        (4, "u1", (3, 2, 2), 8),
        (5, "u1", (3, 5), 8),
        (4, "f4", (3, 4), 13),
        (4, "u2", (3, 4), 12),
        (4, "i8", (3, 4), 14),
    ],
)
def test_bytes_are_square_images_and_others_rows_of_the_next_type(tmp_path, features, dtype, shape, code):
    data = data_set(features, dtype)
    paths = modnet.source("idx").write(data, tmp_path)
    assert [path.name for path in paths] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    content = gzip.decompress(paths[0].read_bytes())
    assert content[2:4] == bytes([code, len(shape)])
    assert struct.unpack(f">{len(shape)}I", content[4 : 4 + 4 * len(shape)]) == shape
    assert gzip.decompress(paths[1].read_bytes()) == idx(np.array([7, 0, 7], np.uint8))
    again = modnet.load(tmp_path)
    np.testing.assert_array_equal(again.train.unscaled(slice(None)), data.train.table)
    assert again.classes == (0, 7)


def test_the_others_are_named_as_the_one_that_is_asked_for(tmp_path):
    for name in ("emnist-test-labels.idx1-ubyte", "emnist-train-images.idx3-ubyte"):
        paths = modnet.source("idx").write(data_set(4), tmp_path / name)
        test = "test" if "test" in name else "t10k"
        assert [path.name for path in paths] == [
            "emnist-train-images.idx3-ubyte",
            "emnist-train-labels.idx1-ubyte",
            f"emnist-{test}-images.idx3-ubyte",
            f"emnist-{test}-labels.idx1-ubyte",
        ]


def test_what_idx_files_cannot_hold(tmp_path):
    source, x = modnet.source("idx"), np.ones((2, 1))
    with pytest.raises(DataError, match="the class 'ash' cannot be written: IDX files hold numbers only"):
        source.write(modnet.Dataset.from_arrays((x, ["oak", "ash"]), test_fraction=0), tmp_path)
    with pytest.raises(DataError, match="more than 53 bits"):
        source.write(modnet.Dataset.from_arrays((x.astype(int) + 2**53, [0, 1]), test_fraction=0), tmp_path)
    for name in ("digits", "images-idx3-ubyte"):
        with pytest.raises(DataError, match="the name of an IDX file says which part and what is in it"):
            source.write(data_set(4), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_mnist_comes_back_byte_for_byte(tmp_path):
    mnist = Path(__file__).parents[3] / "shared" / "data" / "mnist"
    if not mnist.is_dir():
        pytest.skip("needs MNIST's IDX files beside the repository")
    for path in modnet.source("idx").write(modnet.load(mnist), tmp_path / "train-images-idx3-ubyte"):
        assert path.read_bytes() == gzip.decompress((mnist / f"{path.name}.gz").read_bytes())

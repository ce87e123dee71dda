"""The built-in data sources: equal bits, recognition, refusals, MNIST itself."""

from __future__ import annotations

import csv
import gzip
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import modnet
from modnet import DataError, Dataset
from modnet.compose.plugins import get_host
from modnet.compose.sources import recognise_source

ROOT = Path(__file__).parents[2]
MNIST = ROOT.parent / "shared" / "data" / "mnist"
SMALL = ROOT / "plugins" / "modnet_data"

NAMES = get_host().registry.names("data-source")
SOURCES = {name: modnet.source(name) for name in NAMES}
FILES = {name: source for name, source in SOURCES.items() if source.reads_files}

each_file = pytest.mark.parametrize("name", FILES)
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="needs MNIST's IDX files beside the repository")

RNG = np.random.default_rng(0)
X, T = RNG.integers(0, 256, (30, 20), dtype=np.uint8), np.arange(30, dtype=np.uint8) % 3
X_TEST, T_TEST = X[::-3].copy(), T[::-3].copy()


def write_csv(folder: Path) -> Path:
    for name, x, t in (("train", X, T), ("test", X_TEST, T_TEST)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["label", *(f"pixel{i}" for i in range(x.shape[1]))])
            writer.writerows(np.column_stack([t, x]).tolist())
    return folder / "train.csv"


def write_pickle(folder: Path) -> Path:
    path = folder / "data.pkl"
    path.write_bytes(pickle.dumps({"train_img": X, "train_label": T, "test_img": X_TEST, "test_label": T_TEST}))
    return path


def write_idx(folder: Path) -> Path:
    for part, x, t in (("train", X, T), ("t10k", X_TEST, T_TEST)):
        images = struct.pack(">4B3I", 0, 0, 8, 3, len(x), 4, 5) + x.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, len(t)) + t.tobytes())
    return folder / "train-images-idx3-ubyte.gz"


def write_npz(folder: Path) -> Path:
    np.savez_compressed(folder / "data.npz", x_train=X, y_train=T, x_test=X_TEST, y_test=T_TEST)
    return folder / "data.npz"


def write_npy(folder: Path) -> Path:
    for name, array in (("x_train", X), ("y_train", T), ("x_test", X_TEST), ("y_test", T_TEST)):
        np.save(folder / f"{name}.npy", array)
    return folder / "x_train.npy"


def write_parquet(folder: Path) -> Path:
    for name, x, t in (("train", X, T), ("test", X_TEST, T_TEST)):
        columns = {f"pixel{i}": x[:, i] for i in range(x.shape[1])}
        pyarrow.parquet.write_table(pyarrow.table({**columns, "label": t}), folder / f"{name}.parquet")
    return folder / "train.parquet"


# How the same rows are written for each source.
WRITERS: dict[str, Callable[[Path], Path]] = {
    "csv": write_csv,
    "pickle": write_pickle,
    "idx": write_idx,
    "npz": write_npz,
    "npy": write_npy,
    "parquet": write_parquet,
}
each_written = pytest.mark.parametrize("name", WRITERS)


def equal(one: Dataset, other: Dataset) -> None:
    for a, b in ((one.train, other.train), (one.test, other.test)):
        assert a.x.shape == b.x.shape
        assert a.x.tobytes() == b.x.tobytes()
        assert a.t.tobytes() == b.t.tobytes()
    assert one.classes == other.classes


@each_file
def test_a_file_is_needed(name):
    with pytest.raises(DataError, match="reads files"):
        modnet.load(name)
    with pytest.raises(DataError):
        FILES[name].read(None)


@each_written
def test_it_reads_its_own_kind(name, tmp_path):
    path = WRITERS[name](tmp_path)
    data = modnet.load(path)
    np.testing.assert_array_equal(data.train.x, X / 255)
    np.testing.assert_array_equal(data.test.x, X_TEST / 255)
    np.testing.assert_array_equal(data.train.t, T)
    assert data.classes == (0, 1, 2)


def test_the_same_rows_are_the_same_bits_from_every_source(tmp_path):
    found = [modnet.load(write(tmp_path)) for write in WRITERS.values()]
    for other in found[1:]:
        equal(found[0], other)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.check] if name == "parquet" else []) for name in WRITERS]
)
def test_what_others_have_written_passes_the_kit(name, tmp_path):
    first = WRITERS[name](tmp_path)
    modnet.testing.check_data_source(name, file=[first, *sorted(set(tmp_path.iterdir()) - {first})])


@each_written
def test_rows_to_predict(name, tmp_path):
    path = WRITERS[name](tmp_path)
    rows, labels = SOURCES[name].read_rows(path, 20)
    x, t = (X_TEST, T_TEST) if name in {"pickle", "npz"} else (X, T)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, x)
    np.testing.assert_array_equal(labels, t)
    with pytest.raises(DataError, match=rf"{path.name}: .*2[01] .*expected 784"):
        SOURCES[name].read_rows(path, 784)


@each_file
@pytest.mark.parametrize("features", [None, 20])
def test_what_is_no_data_is_refused_by_name(name, features, tmp_path):
    def read(path: Path) -> object:
        return FILES[name].read(path) if features is None else FILES[name].read_rows(path, features)

    with pytest.raises(DataError, match="missing"):
        read(tmp_path / "missing")
    for i, garbage in enumerate(
        (b"", b"\0", b"\xff" * 600, b"\x80\x04garbage", b"PK\x03\x04" + b"\0" * 40, b"\0\0\x08\x03")
    ):
        path = tmp_path / f"garbage-images{i}"
        path.write_bytes(garbage)
        with pytest.raises(DataError, match=path.name):
            read(path)
        path.write_bytes(gzip.compress(garbage, mtime=0))
        with pytest.raises(DataError, match=path.name):
            read(path)
        path.write_bytes(gzip.compress(bytes(1000), mtime=0)[:-12])
        with pytest.raises(DataError, match=path.name):
            read(path)


PATHS = st.text(max_size=40) | st.sampled_from(
    ["a.csv", "a.pkl", "a.npz", "train-images-idx3-ubyte", "a.csv.gz", "a.pkl.gz", ".", "", "/", "a\0b"]
)
HEADS = st.binary(max_size=60) | st.sampled_from(
    [b"", b"a,b\n", b"\x80\x04\x95", b"PK\x03\x04" + bytes(22) + b"\x05\0\0\0x.npy", b"\0\0\x08\x03\0\0", b"\0\0"]
)


@given(PATHS, HEADS)
@example("a.csv", b"\x80\x04")
@example("a.pkl", b"\0\0\x08\x01")
@example("a.npz", b"1,2\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_most_one_built_in_source_recognises_a_file(path, head):
    registry = get_host().registry
    claims = [
        component.name
        for component in registry.components("data-source")
        if component.owner == "modnet" and component.cls.recognises(Path(path), head)
    ]
    assert len(claims) <= 1


@each_written
def test_files_are_recognised(name, tmp_path):
    path = WRITERS[name](tmp_path)
    assert recognise_source(path) == name
    if name != "csv":  # by their content, too
        other = path.rename(tmp_path / "no-suffix")
        assert recognise_source(other) == name


def test_a_folder_is_recognised_by_its_files(tmp_path):
    with pytest.raises(DataError, match="no source recognises it"):
        recognise_source(tmp_path)
    for name in ("b.csv", "c\x1b.npz"):
        (tmp_path / name).write_text("")
    with pytest.raises(
        DataError, match=r"no source recognises this folder as a whole; name a file in it: b\.csv, c\?\."
    ):
        recognise_source(tmp_path)
    write_idx(tmp_path)
    assert recognise_source(tmp_path) == "idx"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "csv"),
        ("a.tsv", b"1\t2\n", "csv"),
        ("iris.data", b"5.1,3.5,setosa\n", "csv"),
        ("a.CSV", b"1,2\n", "csv"),
        ("a.csv.gz", gzip.compress(b"1,2\n", mtime=0), "csv"),
        ("a.csv", "ä,ö\n".encode("utf-16"), "csv"),
        ("a.pkl", b"(dp0\n.", "pickle"),
        ("a.pkl.gz", gzip.compress(pickle.dumps(1), mtime=0), "pickle"),
        ("mislabelled.csv", pickle.dumps(1), "pickle"),
    ],
)
def test_by_name_and_content(name, content, expected, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert recognise_source(tmp_path / name) == expected


# MNIST itself


def test_mnist_small():
    data = modnet.load("mnist-small")
    assert (data.train.x.shape, data.test.x.shape) == ((5000, 784), (1000, 784))
    assert (data.classes, data.scale, data.settings) == (tuple(range(10)), 255.0, {"scale": 255.0})
    assert data.train.t[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.t[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@needs_mnist
def test_mnist_small_is_the_first_of_mnist():
    data, whole = modnet.load("mnist-small"), modnet.load(MNIST)
    assert (whole.train.x.shape, whole.test.x.shape) == ((60_000, 784), (10_000, 784))
    assert data.train.x.tobytes() == whole.train.x[:5000].tobytes()
    assert data.train.t.tobytes() == whole.train.t[:5000].tobytes()
    assert data.test.x.tobytes() == whole.test.x[:1000].tobytes()
    assert data.test.t.tobytes() == whole.test.t[:1000].tobytes()


@needs_mnist
def test_mnist_small_is_made_again_byte_for_byte(tmp_path):
    tool = ROOT / "tools" / "make_mnist_small.py"
    subprocess.run([sys.executable, str(tool), str(MNIST), "--out", str(tmp_path)], check=True, timeout=120)
    for part in ("train", "test"):
        name = f"mnist_small_{part}.csv.gz"
        assert (tmp_path / name).read_bytes() == (SMALL / name).read_bytes()


@needs_mnist
def test_mnist_is_the_same_bits_from_every_source(tmp_path):
    found: dict[str, Any] = {}
    for part, count in (("train", 5000), ("t10k", 1000)):
        for what, rank in (("images", 3), ("labels", 1)):
            content = gzip.decompress((MNIST / f"{part}-{what}-idx{rank}-ubyte.gz").read_bytes())
            flat = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
            found[part, what] = (flat.reshape(-1, 784) if rank == 3 else flat)[:count]
    x, t, x_test, t_test = found.values()
    book = {"train_img": x, "train_label": t, "test_img": x_test, "test_label": t_test}
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(book))
    np.savez(tmp_path / "m.npz", x_train=x, y_train=t, x_test=x_test, y_test=t_test)
    for name, rows in (("train", np.column_stack([t, x])), ("test", np.column_stack([t_test, x_test]))):
        np.savetxt(tmp_path / f"m_{name}.csv", rows, fmt="%d", delimiter=",")
    for path in ("m.pkl", "m.npz", "m_train.csv"):
        equal(modnet.load(tmp_path / path), modnet.load("mnist-small"))


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".pkl", ".csv", ".parquet"])
def test_what_a_file_cannot_hold_is_not_written(tmp_path, suffix):
    rows, labels = [[1.0, 2.0], [3.0, 5.0]] * 6, [0, 1] * 6
    source = modnet.source(suffix[1:].replace("pkl", "pickle"))
    weighted = modnet.Dataset.from_arrays(rows, labels, weights=[1.0, 2.0] * 6)
    targets = modnet.Dataset.from_arrays(rows, [0.5, 1.5] * 6, task="regression")
    for data, problem in ((weighted, "the rows have weights"), (targets, "the labels are numbers to be predicted")):
        with pytest.raises(modnet.DataError, match=problem):
            source.write(data, tmp_path / f"a{suffix}")
    given = {"impute": "mean", "missing_indicator": True}
    gaps = modnet.Dataset.from_arrays([[1.0, None], [3.0, 5.0], [3.0, 2.0]] * 4, labels, **given)
    if suffix != ".csv":
        paths = source.write(gaps, tmp_path / f"b{suffix}")
        again = type(source)(**given).read(paths[0])
        np.testing.assert_array_equal(again.train.x, gaps.train.x)

"""`modnet data convert`: from any format to any other without loss."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from processes import run_on_terminal, wait_until

import modnet
from modnet import Dataset
from modnet.cli.data.conversion import read_whole, recognise_writer, write
from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import hash_params

SOURCES = get_host().registry.components("data-source")
WRITERS = {source.name: source.cls for source in SOURCES if source.cls.write is not DataSource.write}
# A file of each kind and each compression; for the folder of IDX files, the one that stands for all.
TARGETS = [
    "digits.csv", "digits.tsv", "digits.csv.gz", "digits.csv.bz2", "digits.csv.xz", "digits.csv.zst", "digits.npz",
    "digits.npy", "digits.npy.gz", "digits.parquet", "digits.arrow", "digits.feather", "digits.pkl", "digits.pkl.gz",
    "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
]  # fmt: skip


def same(one: Dataset, other: Dataset) -> None:
    for a, b in ((one.train, other.train), (one.test, other.test)):
        np.testing.assert_array_equal(a.unscaled(slice(None)), b.unscaled(slice(None)), strict=False)
        assert [one.classes[i] for i in a.t] == [other.classes[i] for i in b.t]
    assert one.classes == other.classes
    assert one.scale == other.scale


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """Return some of the digits that ship with modnet, as a file would hold them."""
    data = modnet.load("mnist-small")
    first, few = slice(0, 300), slice(0, 100)
    pairs = (data.train.unscaled(first), data.train.t[first]), (data.test.unscaled(few), data.test.t[few])
    return Dataset.from_arrays(*pairs)


def data_sets() -> dict[str, Dataset]:
    draw = np.random.default_rng(0)
    pixels, numbers = draw.integers(0, 256, (30, 16), dtype=np.uint8), draw.normal(size=(30, 3))
    digits, words = np.arange(30) % 4, np.array(["ash", "oak, red", "Ülme"])[np.arange(30) % 3]
    made = Dataset.from_arrays
    return {
        "pixels with a test part": made((pixels, digits), (pixels[:7], digits[:7])),
        "pixels alone": made((pixels, digits), test_fraction=0),
        "numbers and words": made((numbers, words), (numbers[:9], words[:9])),
        "float32": made((numbers.astype(np.float32), digits), test_fraction=0),
        "wide whole numbers": made((draw.integers(-(2**50), 2**50, (30, 2)), digits + 300), test_fraction=0),
        "a fraction split off": made((numbers, digits), test_fraction=0.3),
        "big-endian, column by column": made((np.asfortranarray(numbers.astype(">f8")), digits), test_fraction=0),
    }


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(("what", "data"), data_sets().items(), ids=data_sets())
def test_what_a_source_writes_reads_back_the_same(name, what, data, tmp_path):
    writer = modnet.source(name)
    target = tmp_path / next(t for t in TARGETS if recognise_writer(tmp_path / t) == name)
    if name == "idx" and what == "numbers and words":
        with pytest.raises(DataError, match="IDX files hold numbers only"):
            writer.write(data, target)
        assert not list(tmp_path.iterdir())
        return
    paths = writer.write(data, target)
    assert sorted(paths) == sorted(tmp_path.iterdir())
    same(read_whole(str(paths[0]), None, {}), data)
    before = {path: path.read_bytes() for path in paths}
    writer.write(data, target)
    assert {path: path.read_bytes() for path in paths} == before


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_training_from_every_format(digits, target, tmp_path):
    paths = write(digits, tmp_path / target)
    net = modnet.TwoLayerNet(784, 10, 10, seed=0)
    runs = [
        modnet.train(net, data, gradient="backpropagation", optimizer="adam", iterations=60, seed=0)
        for data in (digits, modnet.load(paths[0]))
    ]
    one, other = runs
    assert hash_params(one.params) == hash_params(other.params)
    assert one.history.test_accuracy == other.history.test_accuracy


def test_a_chain_through_all_formats_ends_where_it_began(digits, tmp_path):
    data = digits
    for i, target in enumerate(TARGETS):
        folder = tmp_path / str(i)
        folder.mkdir()
        data = read_whole(str(write(data, folder / target)[0]), None, {})
    same(data, digits)


# The command


def test_the_command_says_what_it_wrote(tmp_path, call):
    done = call("data", "convert", "mnist-small", "digits.csv.gz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head, *files = done.stdout.splitlines()
    assert head == "5,000 training and 1,000 test rows, 784 features, 10 classes; written:"
    assert [line.split()[-1] for line in files] == ["digits_train.csv.gz", "digits_test.csv.gz"]
    done = call("data", "convert", "digits_train.csv.gz", "digits.npz", "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    size = (tmp_path / "digits.npz").stat().st_size
    assert said == {
        "train": 5000, "test": 1000, "features": 784, "classes": 10, "files": [{"path": "digits.npz", "bytes": size}],
    }  # fmt: skip


def test_no_file_is_replaced_unless_it_is_meant(tmp_path, call):
    (tmp_path / "d_test.csv").write_text("mine")
    done = call("data", "convert", "mnist-small", "d.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "modnet: d.csv: d_test.csv exists already: choose another name, or --overwrite\n"
    assert [path.name for path in tmp_path.iterdir()] == ["d_test.csv"]
    assert call("data", "convert", "mnist-small", "d.csv", "--overwrite", cwd=tmp_path).returncode == 0
    assert (tmp_path / "d_test.csv").stat().st_size > 10**6


@pytest.mark.parametrize(
    ("target", "words", "status"),
    [
        ("digits.xyz", "no source writes such files; known are .csv, .tsv", 1),
        ("no/such/folder.csv", "there is no folder no/such", 1),
        ("digits.npz.gz", "a file of this kind is not compressed as a whole", 1),
        ("digits-idx3-ubyte", "the name of an IDX file says which part and what is in it", 1),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(target, words, status, tmp_path, call):
    done = call("data", "convert", "mnist-small", target, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_source_that_writes_can_be_named_and_settings_be_given(tmp_path, call):
    (tmp_path / "d.csv").write_text("a;b;c\n1,5;2;x\n2,5;3;y\n3,5;;x\n")
    done = call("data", "convert", "d.csv", "d.out", "--to", "npz", "--set", "missing=drop", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "1 row with missing values left out; missing: 'b' 1\n"
    with np.load(tmp_path / "d.out") as archive:
        assert archive["x"].tolist() == [[1.5, 2], [2.5, 3]]
        assert archive["t"].tolist() == ["x", "y"]


def test_the_cache_is_shown_and_emptied(tmp_path, call):
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("a,b,label\n" + "".join(f"{i % 256},{i % 7},{i % 2}\n" for i in range(600_000)))
    cache = {"MODNET_CACHE": str(tmp_path / "cache")}
    assert call("data", "convert", "large.csv", "d.npz", cwd=tmp_path, **cache).returncode == 0
    shown = call("data", "cache", cwd=tmp_path, **cache).stdout.splitlines()
    assert shown[0] == f"{tmp_path / 'cache'}: 1 entry, 6.0 MB"
    assert shown[1].split() == ["6.0", "MB", "converted", str(path)]
    listed = json.loads(call("data", "cache", "--json", cwd=tmp_path, **cache).stdout)
    assert [entry["file"] for entry in listed["entries"]] == [str(path)]
    (tmp_path / "cache" / "mine.txt").write_text("stays")
    assert call("data", "cache", "--clear", cwd=tmp_path, **cache).stdout.startswith("removed 1 entry, 6.0 MB, from ")
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["mine.txt"]


def test_on_a_terminal_a_long_conversion_shows_the_time_left(tmp_path):
    rows = np.random.default_rng(0).normal(size=(2000, 50))
    write(Dataset.from_arrays((rows, np.arange(2000) % 3), test_fraction=0), tmp_path / "d.npz")
    impatient = "from modnet_progress import terminal; terminal.PATIENCE = 0; from modnet.cli.main import main; main()"
    shown = run_on_terminal("-c", impatient, "data", "convert", "d.npz", "d.csv.xz", cwd=tmp_path)
    assert re.search(r"d\.csv\.xz .*%.*time left", shown)
    assert "2,000 rows, 50 features, 3 classes; written:" in shown


def test_a_conversion_that_is_interrupted_leaves_nothing_half_written(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20_000, 50))
    write(Dataset.from_arrays((rows, np.arange(20_000) % 3), test_fraction=0), tmp_path / "d.npz")
    target = tmp_path / "d.csv.xz"
    process = subprocess.Popen([sys.executable, "-m", "modnet", "data", "convert", "d.npz", target.name], cwd=tmp_path)
    wait_until(lambda: any(path.stat().st_size > 10_000 for path in tmp_path.glob(".d.csv.xz.*")), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["d.npz"]


def test_what_can_be_known_before_is_reported_before(tmp_path, monkeypatch):
    class Slow(DataSource):
        def read(self, path: Path | None) -> Dataset:
            raise NotImplementedError

        def write(self, data: Dataset, path: Path) -> list[Path]:
            if len(data.train) > 1:
                raise AssertionError("the whole was written")
            raise MissingExtraError(f"{path}: such a file", "zst")

    undo = modnet.register(Slow)
    try:
        with pytest.raises(MissingExtraError, match=rf"{tmp_path / 'd.slow'}: such a file"):
            write(modnet.load("mnist-small"), tmp_path / "d.slow", "slow")
        assert not list(tmp_path.iterdir())
    finally:
        undo()


def test_a_folder_takes_files_of_a_named_kind(tmp_path):
    paths = write(modnet.load("mnist-small"), tmp_path, "idx")
    assert {path.parent for path in paths} == {tmp_path}
    with pytest.raises(SettingError, match="exist already: choose another name"):
        write(modnet.load("mnist-small"), tmp_path, "idx")
    images = gzip.decompress((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    assert images[:16] == bytes([0, 0, 8, 3, 0, 0, 0x13, 0x88, 0, 0, 0, 28, 0, 0, 0, 28])


def test_every_suffix_that_a_source_lists_is_one_that_it_recognises(tmp_path):
    for name, cls in WRITERS.items():
        for suffix in cls.suffixes:
            stem = "train-images" if name == "idx" else "digits"
            assert cls.recognises(tmp_path / f"{stem}{suffix}", b""), (name, suffix)
            assert isinstance(make_part("data-source", name), cls)

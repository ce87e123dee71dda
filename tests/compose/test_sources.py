"""Recognition of files by the sources that read them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pytest

import modnet
from modnet import Array, DataError, Dataset, DataSource
from modnet.cli.data.conversion import read_whole, recognise_writer, write
from modnet.compose.sources import read_rows, read_source, recognise_source


@attrs.frozen
class JsonRows(DataSource):
    """Rows and labels in a JSON object."""

    suffixes = (".rows",)

    scale: float | Literal["auto"] = "auto"
    test_fraction: float = 0.2

    def read(self, path: Path | None) -> Dataset:
        assert path
        content = json.loads(modnet.files.read_bytes(path))
        return Dataset.from_arrays((content["x"], content["t"]), scale=self.scale, test_fraction=self.test_fraction)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        t = [data.classes[i] for i in data.train.t]
        with modnet.files.replacing(path) as new, modnet.files.created(new, path) as file:
            file.write(json.dumps({"x": data.train.unscaled(slice(None)).tolist(), "t": t}).encode())
        return [path]


@attrs.frozen
class Magic(DataSource):
    """Knows its files by how they begin, whatever they are called."""

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        return head.startswith(b"MAGIC")

    def read(self, path: Path | None) -> Dataset:
        return Dataset.from_arrays((np.eye(4), range(4)))


@attrs.frozen
class Greedy(DataSource):
    """Claims what is a CSV file's."""

    suffixes = (".csv",)

    def read(self, path: Path | None) -> Dataset:
        return Dataset.from_arrays((np.eye(4), range(4)))

    def write(self, data: Dataset, path: Path) -> list[Path]:
        return [path]


@attrs.frozen
class Fails(DataSource):
    """Breaks its promise never to raise."""

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        raise RuntimeError("no")

    def read(self, path: Path | None) -> Dataset:
        raise AssertionError


@pytest.fixture
def registered() -> Iterator[Any]:
    undo: list[Any] = []
    yield lambda cls: undo.append(modnet.register(cls))
    for each in reversed(undo):
        each()


def rows() -> Dataset:
    x: Array = np.arange(12.0).reshape(4, 3)
    return Dataset.from_arrays((x, ["a", "b", "b", "a"]), test_fraction=0)


def test_one_class_is_a_format_to_read_and_to_convert_to(registered, tmp_path):
    registered(JsonRows)
    (path,) = write(rows(), tmp_path / "some.rows.gz")
    assert json.loads(gzip.decompress(path.read_bytes()))["t"] == ["a", "b", "b", "a"]
    data = modnet.load(path, test_fraction=0.25)
    assert (data.train.x.shape, data.test.x.shape, data.classes) == ((3, 3), (1, 3), ("a", "b"))
    csv, *_ = write(read_whole(str(path), None, {}), tmp_path / "some.csv")
    assert modnet.load(csv, test_fraction=0).train.x.tolist() == rows().train.x.tolist()


def test_content_counts_whatever_the_name(registered, tmp_path):
    registered(Magic)
    for name, content in (("a", b"MAGIC"), ("b.xyz", b"MAGIC1"), ("c.gz", gzip.compress(b"MAGIC2"))):
        (tmp_path / name).write_bytes(content)
        assert recognise_source(tmp_path / name) == "magic"


def test_two_that_claim_a_file_are_both_named_and_neither_is_taken(registered, tmp_path):
    registered(Greedy)
    path = tmp_path / "iris.csv"
    path.write_text("a,label\n1,0\n2,1\n")
    words = r"iris\.csv: csv and greedy all recognise it; name its source, one of: csv, greedy"
    with pytest.raises(DataError, match=words):
        modnet.load(path)
    assert modnet.load(path, source="csv").features == 1
    assert modnet.load(path, source="greedy").features == 4
    with pytest.raises(DataError, match=r"csv and greedy all write such files; name one by --to") as caught:
        recognise_writer(path)
    assert caught.value.path == path


def test_one_that_fails_keeps_nobody_from_reading(registered, tmp_path):
    registered(Fails)
    path = tmp_path / "iris.csv"
    path.write_text("a,label\n1,0\n2,1\n")
    assert modnet.load(path).features == 1


def test_what_nobody_recognises_names_all_there_are(tmp_path):
    path = tmp_path / "notes.doc"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"no source recognises it; name its source, one of: csv, idx, npy, npz, parq"):
        modnet.load(path)
    with pytest.raises(DataError, match=r"no such file, and no data set of that name; available: .*mnist-small"):
        modnet.load(tmp_path / "missing.csv")
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        modnet.load(tmp_path / ("x" * 300))
    for target, problem in ((path, "no source writes such files"), (tmp_path / "no" / "a.csv", "there is no folder")):
        with pytest.raises(DataError, match=problem) as caught:
            write(rows(), target)
        assert caught.value.path == target


def test_a_source_that_does_not_write_or_read_rows_names_the_file(tmp_path):
    for use in (lambda path: Magic().write(rows(), path), lambda path: Magic().read_rows(path, 2)):
        with pytest.raises(DataError, match="the source magic reads") as caught:
            use(tmp_path / "a")
        assert caught.value.path == tmp_path / "a"


def test_a_folder_may_be_called_as_a_source_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"the source 'idx' reads files: modnet.load\(FILE, source='idx'\)"):
        modnet.load("idx")
    (tmp_path / "idx").mkdir()
    write(modnet.load("mnist-small"), Path("idx"), "idx")
    assert len(modnet.load("idx").train) == 5000
    assert len(read_whole("idx", None, {}).train) == 5000


FAILURES = {
    "system": (SystemError("bad\nargument"), "the source failing: SystemError: bad"),
    "zip": (NotImplementedError("compression type 99"), "the source failing: NotImplementedError: compression type 99"),
    "deep": (RecursionError(), "the source failing: RecursionError"),
    "key": (KeyError("t"), "the source failing: KeyError: 't'"),
    "large": (OverflowError("x\x1b[31m"), r"OverflowError: x\?\[31m"),
    "long": (ValueError("x" * 10_000), "ValueError: x+\\.\\.\\."),
    "memory": (MemoryError(), "does not fit into memory"),
    "gone": (FileNotFoundError(), "no such file"),
    "text": (UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "?"), "not UTF-8 text"),
}


@pytest.mark.parametrize(("error", "words"), FAILURES.values(), ids=FAILURES)
def test_any_exception_of_a_source_becomes_an_error_that_names_the_file(tmp_path, error, words):
    class Failing(modnet.DataSource):
        suffixes = (".odd",)

        def read(self, path):
            raise error

        def read_rows(self, path, features):
            raise error

    path = tmp_path / "a.odd"
    path.write_text("x")
    for use in (lambda: read_source(Failing(), path), lambda: read_rows(Failing(), path, 2, ())):
        with pytest.raises(DataError, match=words) as caught:
            use()
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400
        assert caught.value.path == path
        assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), modnet.PluginError("broken")])
def test_what_is_no_mistake_in_a_file_passes(tmp_path, error):
    class Failing(modnet.DataSource):
        def read(self, path):
            raise error

    with pytest.raises(type(error)) as caught:
        read_source(Failing(), tmp_path / "a")
    assert caught.value is error


@pytest.mark.parametrize(
    ("x", "t", "words"),
    [
        (np.zeros((50, 2)), np.zeros(20, int), "training targets are int64 of shape (20,), not int64 of shape (50,)"),
        (np.zeros((50, 2)), np.linspace(0, 1, 50), "training targets are float64"),
        (np.zeros((50, 2)), np.full(50, 3), "a target of the training rows is not the index of a class"),
        (np.full((50, 2), np.inf), np.zeros(50, int), "training row 1, feature 1: expected a finite number, found inf"),
        (np.zeros((50, 2, 2)), np.zeros(50, int), "training rows are float64 of shape (50, 2, 2)"),
    ],
)
def test_a_data_set_that_cannot_be_trained_on_names_its_source(x, t, words):
    class Sloppy(modnet.DataSource):
        reads_files = False

        def read(self, path):
            return Dataset(modnet.Samples(x, t), modnet.Samples(x, t), (0, 1))

    with pytest.raises(modnet.PluginError) as caught:
        read_source(Sloppy(), None)
    assert "the source sloppy returned a data set that cannot be trained on" in str(caught.value)
    assert words in str(caught.value)
    assert "from_arrays" in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"settings": None},
        {"settings": {"scale": "x"}},
        {"feature_names": None},
        {"more_parts": [1]},
        {"notes": None},
        {"notes": "a note"},
        {"train": modnet.Samples(np.zeros((5, 2)), np.zeros(5, int), scale="a")},
    ],
    ids=str,
)
def test_whatever_is_in_a_field_of_a_data_set_is_an_error_of_its_source(fields):
    samples = modnet.Samples(np.zeros((5, 2)), np.zeros(5, int))

    class Sloppy(modnet.DataSource):
        reads_files = False

        def read(self, path):
            return Dataset(**{"train": samples, "test": samples, "classes": (0, 1), **fields})

    with pytest.raises(modnet.PluginError, match="the source sloppy returned a data set that cannot be trained on"):
        read_source(Sloppy(), None)

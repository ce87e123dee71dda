"""Validation parts of all kinds of sources."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, Dataset

Rows = list[tuple[Any, ...]]
HEAD = ("size", "color", "count", "label")
TRAIN: Rows = [(i / 7, "red" if i % 3 else "blue", i, "yes" if i % 2 else "no") for i in range(40)]
OTHERS: dict[str, Rows] = {
    "test": [(i / 3, "green", i, "yes") for i in range(8)],
    "validation": [(i / 5, "blue" if i % 2 else "grey", i, "no") for i in range(6)],
}


def write_csv(path: Path, rows: Rows) -> None:
    """Write a CSV file with a header."""
    path.write_text("\n".join(",".join(map(str, row)) for row in [HEAD, *rows]) + "\n", encoding="utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    """Write a Parquet file."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table(dict(zip(HEAD, map(list, zip(*rows, strict=True)), strict=True))), path)


WRITERS = {"csv": write_csv, "parquet": write_parquet}


@pytest.fixture(params=WRITERS)
def train(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a training file that has a file for tests and one for validation beside it."""
    write = WRITERS[request.param]
    write(tmp_path / f"t_train.{request.param}", TRAIN)
    for name, rows in OTHERS.items():
        write(tmp_path / f"t_{name}.{request.param}", rows)
    return tmp_path / f"t_train.{request.param}"


def read_raw(data: Dataset, part: str) -> list[tuple[Any, ...]]:
    """Return the rows of a part as they stand in a file."""
    samples, words = data.parts[part], [column.words for column in data.columns]
    cells = samples.unscaled(slice(None)).tolist()
    rows = [
        tuple(cell if some is None else some[int(cell)] for cell, some in zip(row, words, strict=True)) for row in cells
    ]
    return [(*row, data.classes[t]) for row, t in zip(rows, samples.t.tolist(), strict=True)]


def test_a_file_of_its_own_is_the_validation_part(train: Path) -> None:
    data = modnet.load(train, validation=f"t_validation{train.suffix}", encode={"color": "one-hot"})
    for name, rows in OTHERS.items():
        assert read_raw(data, name) == rows
    alone = modnet.load(train, test="", test_fraction=0, encode={"color": "one-hot"})
    assert data.preparation == alone.preparation
    assert data.notes == ("color: 11 rows have a word that the training rows lack, 'green', 'grey': it becomes zeros",)


@pytest.mark.parametrize("train", ["csv"], indirect=True)
@pytest.mark.parametrize("weights", ["count", None])
def test_rows_of_all_files_have_their_weights(train: Path, weights: str | None) -> None:
    data = modnet.load(train, validation=f"t_validation{train.suffix}", weights=weights)
    for name, rows in {"train": TRAIN, **OTHERS}.items():
        found = data.parts[name].weights
        assert found is None if weights is None else found is not None and found.tolist() == [row[2] for row in rows]


@pytest.mark.parametrize("train", ["csv"], indirect=True)
def test_the_file_may_stand_without_one_for_tests(train: Path) -> None:
    data = modnet.load(train, test="", validation=f"t_validation{train.suffix}")
    assert data.format_sizes() == "32 training, 8 test and 6 validation"


def test_a_validation_part_is_written_and_read_again(train: Path) -> None:
    data = modnet.load(train, validation=f"t_validation{train.suffix}")
    target = train.with_name(f"other{train.suffix}")
    written = modnet.source(train.suffix[1:]).write(data, target)
    assert [path.name for path in written] == [
        f"other_{name}{train.suffix}" for name in ("train", "test", "validation")
    ]
    again = modnet.load(written[0], validation=written[2].name)
    for name in data.parts:
        assert read_raw(again, name) == read_raw(data, name)


@pytest.mark.parametrize("suffix", [".npz", ".pkl", ".npy"])
def test_what_cannot_hold_the_part_says_so(tmp_path: Path, suffix: str) -> None:
    data = Dataset.from_arrays((np.arange(40.0)[:, None], np.arange(40) % 2)).with_validation(0.2)
    source = {".npz": "npz", ".pkl": "pickle", ".npy": "npy"}[suffix]
    with pytest.raises(DataError, match="there is a validation part, which this kind of file does not hold: write a"):
        modnet.source(source).write(data, tmp_path / f"some{suffix}")


@pytest.mark.parametrize(("file", "test"), [("t_test", None), ("t_train", None), ("t_validation", "t_validation")])
def test_rows_of_another_part_are_no_validation_part(train: Path, file: str, test: str | None) -> None:
    named = {"test": f"{test}{train.suffix}"} if test else {}
    with pytest.raises(DataError, match="has the training or the test rows already") as caught:
        modnet.load(train, validation=f"{file}{train.suffix}", **named)
    assert modnet.load(train, **{**named, **caught.value.advice[0]}).parts.keys() == {"train", "test"}


ODD: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a label of its own": (lambda lines: [*lines[:-1], "1.5,red,3,perhaps"], "is in no row of the training file"),
    "no label": (lambda lines: [line.rpartition(",")[0] for line in lines], "all but the label"),
}


@pytest.mark.parametrize("case", ODD)
def test_the_advice_on_a_file_for_validation_works(tmp_path: Path, case: str) -> None:
    change, words = ODD[case]
    write_csv(tmp_path / "train.csv", TRAIN)
    write_csv(tmp_path / "odd.csv", OTHERS["validation"])
    lines = (tmp_path / "odd.csv").read_text().splitlines()
    (tmp_path / "odd.csv").write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(DataError, match=words) as caught:
        modnet.load(tmp_path / "train.csv", validation="odd.csv")
    assert {"validation": ""} in caught.value.advice
    for advice in caught.value.advice:
        modnet.load(tmp_path / "train.csv", **{"validation": "odd.csv", **advice})


def make_npz(folder: Path) -> Path:
    """Write arrays with names."""
    draw = np.random.default_rng(0)
    np.savez(folder / "some.npz", x=draw.normal(size=(60, 3)), t=np.arange(60) % 3)
    return folder / "some.npz"


def make_pickle(folder: Path) -> Path:
    """Write the book's dict, of pixels."""
    pixels, labels = np.random.default_rng(0).integers(0, 256, (60, 16), np.uint8), np.arange(60) % 3
    content = {"train_img": pixels[:45], "train_label": labels[:45], "test_img": pixels[45:], "test_label": labels[45:]}
    (folder / "some.pkl").write_bytes(pickle.dumps(content))
    return folder / "some.pkl"


def make_frame(_: Path) -> Any:
    """Return a data frame with text and gaps."""
    frame = pytest.importorskip("pandas").DataFrame(TRAIN, columns=HEAD)
    frame.loc[3, "size"] = None
    return frame


SOURCES: dict[str, tuple[Callable[[Path], Any], dict[str, Any]]] = {
    "mnist-small": (lambda _: "mnist-small", {}),
    "iris": (lambda _: "iris", {}),
    "moons": (lambda _: "moons", {}),
    "npz": (make_npz, {}),
    "pickle": (make_pickle, {}),
    "frame": (make_frame, {"label": "label", "impute": "median", "class_weight": "balanced"}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_a_share_of_its_training_rows(tmp_path: Path, name: str) -> None:
    make, settings = SOURCES[name]
    whole = modnet.load(make(tmp_path), **settings)
    data = whole.with_validation(0.25, seed=3)
    data.check()
    train, validation = data.train, data.parts["validation"]
    assert len(train) + len(validation) == len(whole.train)
    assert len(validation) == pytest.approx(0.25 * len(whole.train), abs=1)
    np.testing.assert_array_equal(data.test.unscaled(slice(None)), whole.test.unscaled(slice(None)))
    shares = [np.bincount(part.t) / len(part) for part in (train, validation)]
    np.testing.assert_allclose(*shares, atol=2 / len(validation))
    assert train.table is validation.table is whole.train.table
    if data.preparation and settings == {}:
        np.testing.assert_allclose(train.x.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(train.x.std(axis=0), 1)

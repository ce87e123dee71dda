"""Signs that a run has failed, and remedies obeyed to the letter."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import Call

import modnet

BOOKS = ("--activation", "sigmoid", "--optimizer", "sgd", "--lr", "0.1", "--set", "network.weight_init_std=0.01")
QUICK = ("--gradient", "backpropagation", "--hidden", "20", "--iterations", "1500")

RAW = ("--set", "data.standardize=false", "--set", "data.label=kind")
RELU = (*BOOKS, "--activation", "relu", "--set", "network.weight_init_std=he")
RUNS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "one class": ("rare", BOOKS, "only the class 'usual' is predicted"),
    "scales apart": ("far", (*RAW, "--iterations", "300"), "scales of features lie apart by a factor of"),
    "scales apart, with the book's parts": ("far", (*RAW, *BOOKS), "are saturated"),
    "a plateau": ("product", BOOKS, "the loss did not fall"),
    "saturated": ("product", (*BOOKS, "--activation", "tanh", "--set", "network.weight_init_std=100"), "are saturated"),
    "dead": ("product", (*RELU, "--lr", "5"), "of its units are dead"),
    # at once, or after a fall: rounding, which differs between processors, decides which of the two
    "rose": ("product", (*RELU, "--lr", "20", "--seed", "3"), "rose"),
    "diverged": ("product", (*RELU, "--set", "data.task=classification", "--output", "identity", "--loss",
                             "mean-squared-error", "--lr", "3"), "diverged"),
    "no better than a constant": ("product", (*RELU, "--activation", "tanh", "--output", "sigmoid", "--loss",
                                              "mean-squared-error", "--lr", "100"), "which a constant answer has"),
    "short": ("product", (*RELU, "--iterations", "2", "--seed", "1"), "only 2 iterations"),
}  # fmt: skip
"""A file, options that fail on it, and the sign that this is so."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with tables of two classes that a small network tells apart."""
    folder = tmp_path_factory.mktemp("diagnosis")
    x = np.random.default_rng(0).normal(size=(600, 3)).round(3)
    for name, least in (("rare", 1.3), ("product", 0.0)):
        kinds = np.where(x[:, 0] * x[:, 1] > least, "rare", "usual")
        lines = [",".join([*map(str, row), kind]) for row, kind in zip(x.tolist(), kinds, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
    x = np.column_stack([3e4 + 1e4 * x[:, 0], x[:, 1], np.round(x[:, 2] * 50)])
    kinds = np.where((x[:, 0] - 3e4) / 1e4 + x[:, 1] > 0, "yes", "no")
    lines = [",".join([*map(str, row), kind]) for row, kind in zip(x.tolist(), kinds, strict=True)]
    (folder / "far.csv").write_text("\n".join(["income,score,balance,kind", *lines]) + "\n")
    return folder


def train(call: Call, folder: Path, run: str, *arguments: str) -> tuple[dict[str, Any], str]:
    """Return the summary of a run, and what was printed."""
    done = call("train", *arguments, "--out", run, cwd=folder)
    return json.loads((folder / run / "summary.json").read_text()), done.stdout


@pytest.mark.parametrize("case", RUNS)
def test_a_run_that_failed_says_so_and_each_remedy_helps(case: str, folder: Path, call: Call) -> None:
    data, options, sign = RUNS[case]
    run = re.sub(r"\W+", "-", case)
    summary, printed = train(call, folder, run, "--data", f"{data}.csv", *QUICK, *options)
    found = summary["diagnosis"]
    assert any(sign in each["problem"] for each in found), found
    assert sign in " ".join(printed.split())
    said = printed[printed.rfind("train accuracy ") :].partition("saved in")[0].splitlines()[1:]
    assert 1 <= len(said) <= 2 * len(found)
    assert max(map(len, said)) <= 80
    for remedy in {each["remedy"] for each in found}:
        assert remedy.startswith("try --"), remedy
        words = shlex.split(remedy.removeprefix("try "))
        better, _ = train(call, folder, f"{run}-obeyed", f"{run}/experiment.toml", *words, "--overwrite")
        cured = {each["problem"] for each in found if each["remedy"] == remedy}
        assert not cured & {each["problem"] for each in better["diagnosis"]}
        assert better["status"] == "finished"
        assert better["test_accuracy"] > max(better["baseline"], summary["test_accuracy"] + 0.01)


def test_numbers_taken_for_classes_are_a_regression(tmp_path: Path, call: Call) -> None:
    prices = [f"{size},{rooms},{2900 * size + 10007 * rooms}" for size in range(30, 150, 3) for rooms in range(1, 5)]
    (tmp_path / "prices.csv").write_text("\n".join(["size,rooms,price", *prices]) + "\n")
    given = ("--data", "prices.csv", "--set", "data.label=price", "--iterations", "300", "--lr", "0.01", "--quiet")
    summary, _ = train(call, tmp_path, "run", *given)
    (found,) = (each for each in summary["diagnosis"] if "classes of numbers" in each["problem"])
    better, _ = train(call, tmp_path, "obeyed", "run/experiment.toml", *shlex.split(found["remedy"])[1:])
    assert better["test_r2"] > 0.5


def test_a_single_class_and_a_table_without_test_rows_are_said(tmp_path: Path, call: Call) -> None:
    (tmp_path / "one.csv").write_text("x,y,kind\n" + "1,2,a\n3,4,a\n" * 5)
    (tmp_path / "two.csv").write_text("x,y,kind\n1,2,a\n3,4,b\n")
    summary, _ = train(call, tmp_path, "one", "--data", "one.csv", "--set", "data.label=kind", "--iterations", "300")
    assert [each["problem"] for each in summary["diagnosis"]] == ["all rows have the label 'a'"]
    _, printed = train(call, tmp_path, "two", "--data", "two.csv", "--iterations", "3", "--quiet")
    assert ": no test samples, train accuracy " in printed


@pytest.mark.parametrize("iterations", [20, 200, 400, 1000])
def test_the_books_run_raises_no_false_alarm(iterations: int, tmp_path: Path, call: Call) -> None:
    quick = ("--gradient", "backpropagation", "--iterations", str(iterations))
    summary, printed = train(call, tmp_path, "run", *quick)
    expected = ["only 20 iterations: try --iterations 2000"] if iterations == 20 else []
    assert [": ".join(each.values()) for each in summary["diagnosis"]] == expected
    assert summary["baseline"] == 0.126
    assert f"test accuracy {summary['test_accuracy']:.4f} (majority 0.1260), train accuracy" in printed


def test_a_run_that_is_verified_has_the_same_signs(folder: Path, call: Call) -> None:
    options = ("--data", "rare.csv", *QUICK, *BOOKS, "--iterations", "300")
    first, _ = train(call, folder, "twice", *options)
    assert call("verify", "twice", cwd=folder).returncode == 0
    train(call, folder, "part", *options, "--iterations", "250")
    done = call("resume", "part", "--iterations", "300", cwd=folder)
    resumed = json.loads((folder / "part/summary.json").read_text())
    assert resumed["diagnosis"] == first["diagnosis"] != []
    assert "only the class 'usual' is predicted" in done.stdout


def test_a_part_that_cannot_be_examined_is_no_failure(tmp_path: Path) -> None:
    from modnet.cli.show.diagnosis import diagnose

    class Moody(modnet.Activation):
        def __call__(self, a: Any, axis: int = -1) -> Any:
            raise ZeroDivisionError

    assert diagnose(object(), object(), modnet.load("mnist-small")) == []  # type: ignore[arg-type]


def test_classes_of_equal_weight_may_cost_hits(tmp_path: Path, call: Call) -> None:
    rng = np.random.default_rng(0)
    rare = rng.random(800) < 0.1
    x = rng.normal(rare * 1.0, 1.0).round(3)
    rows = [f"{value},{'rare' if is_rare else 'usual'}" for value, is_rare in zip(x, rare, strict=True)]
    (tmp_path / "rare.csv").write_text("\n".join(["x,kind", *rows]) + "\n")
    options = ("--data", "rare.csv", *QUICK, "--iterations", "400", "--set", "data.class_weight=balanced")
    summary, _ = train(call, tmp_path, "run", *options)
    assert summary["test_accuracy"] < summary["baseline"]
    assert summary["diagnosis"] == []

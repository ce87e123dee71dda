"""Folders of runs with one damaged file: used as before, or refused in words."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing import RUN_TOKENS, change_member, feed, make_files, mutate, seal

import modnet
from modnet.cli.show.values import format_title
from modnet.cli.verify import format_verdict, to_json
from modnet.cli.verify.verification import compare_with_receipt
from modnet.comparison.training import read_of_samples, read_run
from modnet.comparison.workers import Job
from modnet.compose.experiment import create_experiment, read_data
from modnet.compose.tables import read_toml
from modnet.nn.checkpoint import CHECKPOINT
from modnet.runs.contents import read_history
from modnet.runs.folder import EXPERIMENT, HISTORY, read_ending, read_experiment
from modnet.runs.model import TrainedModel
from modnet.runs.receipt import Receipt
from modnet.runs.recorder import RunRecorder, create_run, train_run

POINTS = "points.csv"


class Interrupt(modnet.Observer):
    """Ctrl-C at the end of the first epoch."""

    @modnet.hookimpl
    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        raise KeyboardInterrupt


@functools.cache
def run_files(ending: str) -> dict[str, bytes]:
    """Return the files of a small run that is finished, or interrupted, and its data beside them."""
    with tempfile.TemporaryDirectory() as name:
        folder, data = Path(name, "run"), Path(name, POINTS)
        rows = np.random.default_rng(0).normal(size=(40, 2))
        data.write_text(
            "a,b,where\n" + "".join(f"{a!r},{b!r},{'up' if a > b else 'down'}\n" for a, b in rows.tolist()),
            encoding="utf-8",
        )
        training = {"iterations": 8, "batch_size": 8}
        table = {"data": {"path": str(data)}, "network": {"hidden": [3]}, "training": training}
        table |= {"gradient": {"name": "backpropagation"}, "optimizer": {"name": "adam"}}
        found, experiment = read_data(create_experiment(table))
        with create_run(folder, experiment, found, compact=True) as recorder:
            observers = [Interrupt()] if ending == "interrupted" else []
            with contextlib.suppress(KeyboardInterrupt):
                train_run(experiment, found, recorder, None, *observers)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stat().st_size}
        files["experiment.toml"] = files["experiment.toml"].replace(str(data).encode(), POINTS.encode())
        return {**files, POINTS: data.read_bytes()}


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return one file of a run with changes, in it or in what is packed in it."""
    ending = draw.choice(["finished", "finished", "interrupted"])
    files = {name: content for name, content in run_files(ending).items() if name != POINTS}
    name = draw.choice([*files])
    content = files[name]
    if name.endswith(".npz") and draw.random() < 0.7:
        changed = change_member(draw, content)
        return f"{ending}-{name}", seal(changed) if name == CHECKPOINT else changed
    return f"{ending}-{name}", mutate(draw, content, [*files.values()], RUN_TOKENS)


def judge(path: Path) -> str:
    """Use a run with one changed file in every way but training: each way works, or is refused in words."""
    ending, _, name = path.name.partition("-")
    folder = path.with_name("run")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for each, content in run_files(ending).items():
        (folder / each).write_bytes(path.read_bytes() if each == name else content)
    refused = {way for way in (predict, reopen, plot, verify, compare, resume) if is_refused(way, folder)}
    return "refused" if refused - {verify, compare} else "read"  # these two find every change


def is_refused(way: Callable[[Path], object], folder: Path) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):  # that the last checkpoint but one is used
            way(folder)
    except modnet.ModnetError as error:
        text = str(error)
        assert text.replace("\n", "").isprintable(), text
        assert len(text) < 4000, text
        assert folder.name in text, f"{way.__name__}: {text}"
        return True
    return False


def predict(folder: Path) -> None:
    model = TrainedModel.read(folder)
    samples = model.to_samples(np.eye(2))
    outputs = model.compute_outputs(samples)
    assert len(model.to_answers(outputs)) == 2
    assert np.isfinite(outputs).all()


def reopen(folder: Path) -> None:
    run = modnet.open_run(folder)
    assert repr(run).isprintable()
    assert len(run.predict(np.eye(2))) == 2
    assert not (folder / CHECKPOINT).exists() or run.checkpoint.params


def plot(folder: Path) -> None:
    read_history(folder / HISTORY)
    format_title(read_toml(folder / EXPERIMENT))


def verify(folder: Path) -> None:
    found = compare_with_receipt(folder)
    json.dumps(to_json(found))
    assert format_verdict(found).replace("\n", "").isprintable()


def compare(folder: Path) -> None:
    receipt = Receipt.read(folder)
    read_run(Job("", folder, read_experiment(folder)), receipt.content)
    read_of_samples(folder, read_data(read_experiment(folder))[0])


def resume(folder: Path) -> None:
    if read_ending(folder) is None:
        data, experiment = read_data(read_experiment(folder))
        RunRecorder(folder, experiment, data).load_checkpoint()


@pytest.mark.check
def test_damaged_runs_are_used_or_refused(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_run_folders:judge", make_files(2000, 0, make), tmp_path)
    assert not faults
    assert counts["read"] > 50
    assert counts["refused"] > 1000

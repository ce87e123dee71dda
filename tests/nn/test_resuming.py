"""Interrupted runs, which resume to the bits of one that never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import Dataset, Observer
from modnet.compose.plugins import get_host
from modnet.nn import training
from modnet.nn.checkpoint import Checkpoint, Checkpoints, hash_params

ESTIMATORS = [name for name in get_host().registry.names("gradient") if name != "torch-autograd"]  # of torch's arrays
ITERATIONS = 23


@pytest.fixture(scope="module")
def blobs() -> Dataset:
    """Return 40 training and 12 test points of three classes."""
    rng = np.random.default_rng(0)
    t = np.arange(52) % 3
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[t] + 0.3 * rng.normal(size=(52, 2))
    return Dataset.from_arrays((x[:40], t[:40]), (x[40:], t[40:]))


def train(data: Dataset, dtype: str = "float64", **settings: Any) -> modnet.Run:
    net = modnet.Network([2, 4, 3], hidden="tanh", weight_init_std=0.5, dtype=dtype, seed=3)
    return modnet.train(net, data, **{"batch_size": 8, "iterations": ITERATIONS, "observer": Observer(), **settings})


def from_disk(checkpoint: Checkpoint, optimizer: str, folder: Path) -> Checkpoint:
    """Return a checkpoint as another process reads it."""
    Checkpoints(folder).save(checkpoint)
    found = Checkpoints(folder).load()
    assert found
    return found[0]


def assert_same(found: modnet.Run, expected: modnet.Run) -> None:
    assert hash_params(found.params) == hash_params(expected.params)
    assert found.history == expected.history
    assert (found.status, found.iteration) == (expected.status, expected.iteration)


def assert_resumes_to_the_same(data: Dataset, folder: Path, **settings: Any) -> None:
    whole = train(data, **settings)
    for stop in (7, 10, 23):  # at an epoch's end and elsewhere
        first = train(data, **{**settings, "iterations": stop})
        start = from_disk(first.checkpoint, settings["optimizer"], folder)
        assert_same(train(data, start=start, **settings), whole)


@pytest.mark.parametrize("sampling", ["replacement", "shuffle"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_with_a_state(blobs: Dataset, tmp_path: Path, sampling: str, dtype: str) -> None:
    assert_resumes_to_the_same(blobs, tmp_path, optimizer="adam", sampling=sampling, dtype=dtype)


@pytest.mark.parametrize("gradient", ESTIMATORS)
def test_every_estimator(blobs: Dataset, tmp_path: Path, gradient: str) -> None:
    assert_resumes_to_the_same(blobs, tmp_path, optimizer="sgd", gradient=gradient)


class Impatient(Observer):
    """Interrupts at the place it is asked to: at the end of an epoch, at a checkpoint, or within an iteration."""

    def __init__(self, where: str) -> None:
        self.where, self.left = where, 0

    def passes(self, where: str) -> None:
        self.left -= where == self.where
        if where == self.where and not self.left:
            raise KeyboardInterrupt

    def epoch_ended(self, run: Any) -> None:
        self.passes("epoch")

    def keep(self, checkpoint: Checkpoint) -> None:
        self.passes("keep")

    def gradient(self, objective: Any, params: Any, stream: Any) -> Any:
        self.passes("gradient")
        return objective.backward(params)


@pytest.mark.parametrize("where", ["epoch", "keep", "gradient"])
def test_ctrl_c_anywhere(blobs: Dataset, tmp_path: Path, monkeypatch, where: str) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SHARE", 1e9)
    user = Impatient(where)
    settings: dict[str, Any] = {"optimizer": "adam", "gradient": user.gradient, "observer": user, "keep": user.keep}
    whole, start, stops = train(blobs, **settings), None, 0
    for attempt in range(100):
        user.left = 1 + attempt % 4
        try:
            run = train(blobs, start=start, **settings)
        except modnet.TrainingInterrupted as interrupted:
            start = from_disk(interrupted.run.checkpoint, "adam", tmp_path)
            stops += 1
        else:
            break
    assert stops >= 2
    assert_same(run, whole)


def test_a_run_that_diverges_does_so_again(blobs: Dataset, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimizer": modnet.optimizer("sgd", lr=1e6), "iterations": 200}

    def diverges(start: Checkpoint | None = None, **more: Any) -> modnet.Run:
        net = modnet.Network([2, 4, 3], hidden="identity", output="identity", loss="mean-squared-error")
        with pytest.raises(modnet.DivergedError) as caught:
            modnet.train(net, blobs, batch_size=8, start=start, observer=Observer(), **{**settings, **more})
        run: modnet.Run = caught.value.run
        return run

    kept: list[Checkpoint] = []
    whole = diverges()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_EVERY", 0.0)
        patch.setattr(training, "CHECKPOINT_SHARE", 1e9)
        assert_same(diverges(keep=kept.append), whole)
    assert len(kept) == whole.iteration + 2  # one each iteration, and one at the end
    for checkpoint in [*kept, whole.checkpoint]:
        assert_same(diverges(from_disk(checkpoint, "sgd", tmp_path)), whole)

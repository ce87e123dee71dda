"""A fault or a kill at every operation on a file, and a resume."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import Faults

import modnet
from modnet.compose.experiment import run_experiment
from modnet.compose.plugins import get_host
from modnet.nn.checkpoint import Checkpoint, hash_params, load_params
from modnet.runs.contents import read_history
from modnet.runs.folder import CURVES, ERRORS, FILES, PAGE, claim, read_ending
from modnet.runs.model import TrainedModel
from modnet.runs.recorder import RunRecorder, create_run

ARMED = 2  # from the checkpoint of this iteration on, when there is one before it


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in memory: these tests make thousands of files durable."""
    monkeypatch.setattr("modnet.nn.training.CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr("modnet.nn.training.CHECKPOINT_SHARE", 1e9)
    memory = Path("/dev/shm")  # noqa: S108 - if there is one
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path) / "run"


def go(run_folder: RunRecorder, keep: Callable[[Checkpoint], None], start: Checkpoint | None, of: Any) -> modnet.Run:
    return run_experiment(*of, start, keep, get_host().relay(run_folder))


def begin(folder: Path, of: Any, faults: Faults | None = None) -> modnet.Run:
    """Train, with the faults armed in the midst of it."""
    with create_run(folder, *of) as run_folder, contextlib.ExitStack() as stack:

        def keep(checkpoint: Checkpoint) -> None:
            if faults and checkpoint.iteration == ARMED:
                stack.enter_context(faults.arm())
            run_folder.save(checkpoint)

        return go(run_folder, keep, None, of)


def resume(folder: Path, of: Any) -> None:
    with claim(folder), warnings.catch_warnings():
        if read_ending(folder):
            return
        warnings.simplefilter("ignore")  # on a newest one that is not there
        run_folder = RunRecorder(folder, *of)
        start = run_folder.load_checkpoint()
        assert start
        assert start.iteration >= ARMED - 1  # nothing of what had been kept is lost
        go(run_folder, run_folder.save, start, of)


def content(folder: Path) -> tuple[list[str], bytes, str]:
    names = sorted(path.name for path in folder.iterdir())
    params, _ = load_params(folder / "params.npz")
    return names, (folder / "history.csv").read_bytes(), hash_params(params)


def fails(folder: Path, of: Any, faults: Faults) -> bool:
    """Train with a fault and return whether it happened; the error is then one line."""
    message = ""
    try:
        begin(folder, of, faults)
    except modnet.DataError as error:
        message = str(error)
    line = f"{folder}: cannot be written: No space left on device: continue from the last checkpoint with "
    assert message in {"", f"{line}modnet resume {folder}"}
    assert bool(message) == faults.hit
    return faults.hit


def is_killed(folder: Path, of: Any, faults: Faults) -> bool:
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            begin(folder, of, faults)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.check)])
@pytest.mark.parametrize("kind", ["fail", "kill"])
def test_at_every_operation_on_a_file_or_every_ninth(experiment: Any, folder: Path, kind: str, step: int) -> None:
    begin(folder, experiment)
    expected = content(folder)
    assert expected[0] == sorted({*FILES} - {CURVES, ERRORS, PAGE})  # drawn when all is done; of regressions alone
    for at in range(1, 1000, step):
        for file in folder.iterdir():
            file.unlink()
        happened = (is_killed if kind == "kill" else fails)(folder, experiment, Faults(folder, at, kind))
        assert len(read_history(folder / "history.csv").loss) >= ARMED - 1  # what was learned can always be read
        TrainedModel.read(folder)
        resume(folder, experiment)
        assert content(folder) == expected, f"operation {at}"
        if not happened:
            break
    assert 80 < at < 999

"""Scalars for TensorBoard."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import attrs

from modnet import Callback, MissingExtraError, ObservedRun, State
from modnet_callbacks.places import append_at, find_place, summarize


@attrs.frozen
class Tensorboard(Callback):
    """Writes the history, the learning rate and the loss as scalars for TensorBoard, after each epoch and at the end.

    Event files are written into `path` in the run's folder, "tensorboard" by default; without a folder into any. A
    resumed run begins another file where it has to, and what was written behind its checkpoint no longer counts.

    >>> modnet.callback("tensorboard")
    Tensorboard(path=None)
    """

    repeatable = False

    path: str | None = None

    def init(self, run: ObservedRun) -> State:
        """Return that nothing is written; raises SettingError without a place for it, and MissingExtraError."""
        self._find_folder(run)
        _load_writer()
        return {"file": 0, "size": 0, "iteration": -1}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the state of the files with the last evaluation."""
        return self._write(run, state), None

    def on_end(self, run: ObservedRun, state: State) -> None:
        """Write the last evaluation, where that was not at an epoch's end."""
        if state["iteration"] < run.iteration:
            self._write(run, state)

    def _find_folder(self, run: ObservedRun) -> Path:
        return find_place(run, self.path, "tensorboard", "tensorboard")

    def _write(self, run: ObservedRun, state: State) -> State:
        folder, iteration, events = self._find_folder(run), run.iteration, []
        number, size = state["file"], state["size"]
        if not number or not is_as_left(folder, number, size):
            number, size = find_last(folder) + 1, 0
            events = [{"file_version": "brain.Event:2"}, make_restart(state["iteration"] + 1)]
        values = summarize(run, max(0, state["iteration"]))
        tagged = [{"tag": name, "simple_value": value} for name, value in values.items()]
        content = pack_events([*events, {"step": iteration, "summary": {"value": tagged}}])
        return {"file": number, "size": append_at(folder / name_file(number), size, content), "iteration": iteration}


def name_file(number: int) -> str:
    """Return the name of an event file; TensorBoard reads them in the order of their names."""
    return f"events.out.tfevents.{number:010}.modnet"


def find_last(folder: Path) -> int:
    """Return the number of the last event file in a folder, 0 without one."""
    return max((int(path.suffixes[-2][1:]) for path in folder.glob(name_file(0).replace("0", "[0-9]"))), default=0)


def is_as_left(folder: Path, number: int, size: int) -> bool:
    """Return whether an event file is the last, and has the size that a run has left it with."""
    path = folder / name_file(number)
    return find_last(folder) == number and path.stat().st_size == size


def make_restart(step: int) -> dict[str, Any]:
    """Return the event from which on what was written before of this step, or a later one, no longer counts."""
    return {"step": step, "session_log": {"status": "START"}}


def pack_events(events: list[dict[str, Any]]) -> bytes:
    """Return events as TensorBoard's own writer writes them; raises MissingExtraError."""
    event, writer = _load_writer()
    content = io.BytesIO()
    records, now = writer(content), time.time()
    for fields in events:
        records.write(event(wall_time=now, **fields).SerializeToString())
    return content.getvalue()


def _load_writer() -> tuple[Any, Any]:
    """Return TensorBoard's event and its writer of records; raises MissingExtraError where it is not installed."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise MissingExtraError("the callback tensorboard", "tensorboard") from None
    return Event, RecordWriter

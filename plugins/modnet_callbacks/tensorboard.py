"""Scalars for TensorBoard."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import attrs

from modnet import Callback, MissingExtraError, ObservedRun, State
from modnet_callbacks.places import append_at, check_is_alone, find_place, summarize

FILE = "events.out.tfevents.0.modnet"  # TensorBoard knows its files by the middle of their names


@attrs.frozen
class Tensorboard(Callback):
    """Writes the history, the learning rate and the loss as scalars for TensorBoard, after each epoch and at the end.

    An event file is written into `path` in the run's folder, "tensorboard" by default; without a folder into any. A
    resumed run continues it: each step is there once.

    >>> modnet.callback("tensorboard")
    Tensorboard(path=None)
    """

    repeatable = False

    path: str | None = None

    def init(self, run: ObservedRun) -> State:
        """Return that nothing is written; raises SettingError without a place for it, and MissingExtraError."""
        self._find_folder(run)
        check_is_alone(run, self.path, "tensorboard", "tensorboard")
        _load_writer()
        return {"size": 0, "iteration": 0}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the size of the file with the last evaluation."""
        return self._write(run, state), None

    def on_end(self, run: ObservedRun, state: State) -> None:
        """Write the last evaluation, where that was not at an epoch's end."""
        if state["iteration"] < run.iteration:
            self._write(run, state)

    def _find_folder(self, run: ObservedRun) -> Path:
        return find_place(run, self.path, "tensorboard", "tensorboard")

    def _write(self, run: ObservedRun, state: State) -> State:
        values = summarize(run, state["iteration"])
        tagged = [{"tag": name, "simple_value": value} for name, value in values.items()]
        events: list[dict[str, Any]] = [{"step": run.iteration, "summary": {"value": tagged}}]
        if not state["size"]:
            events.insert(0, {"file_version": "brain.Event:2"})
        size = append_at(self._find_folder(run) / FILE, state["size"], pack_events(events))
        return {"size": size, "iteration": run.iteration}


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

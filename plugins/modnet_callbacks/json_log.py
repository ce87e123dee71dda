"""A log of a run in lines of JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs

from modnet import Callback, ObservedRun, State
from modnet_callbacks.places import append_at, check_is_alone, find_place, summarize


def _check_suffix(_: object, __: attrs.Attribute[Any], path: str | None) -> None:
    if path is not None and not path.endswith(".jsonl"):
        raise ValueError(f"'path' must end in .jsonl, as log.jsonl does: {path!r}")


@attrs.frozen
class JsonLog(Callback):
    """Writes a line of JSON for each epoch, with `iterations` for each iteration, too, and one for the end.

    The file is `path` in the run's folder, "log.jsonl" by default; without a folder it is any path, and what is there
    is replaced. A resumed run continues it: no line is lost, and none there twice.

    >>> modnet.callback("json-log", path="runs/log.jsonl")
    JsonLog(path='runs/log.jsonl', iterations=False)
    """

    repeatable = False

    path: str | None = attrs.field(default=None, validator=_check_suffix)
    iterations: bool = False

    def init(self, run: ObservedRun) -> State:
        """Return that nothing is written; raises SettingError where there is no place for it."""
        find_place(run, self.path, "log.jsonl", "json-log")
        check_is_alone(run, self.path, "log.jsonl", "json-log")
        return {"size": 0, "iteration": 0}

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the size of the file with the line of an iteration."""
        if self.iterations:
            state = self._write(run, state, {"event": "iteration", "loss": run.loss, "rate": run.rate})
        return state, None

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the size of the file with the line of an epoch."""
        line = {"event": "epoch", "epoch": run.epoch, **summarize(run, state["iteration"])}
        return {**self._write(run, state, line), "iteration": run.iteration}, None

    def on_end(self, run: ObservedRun, state: State) -> None:
        """Write the line of the end."""
        line = {"event": "end", "epoch": run.epoch, **summarize(run, state["iteration"])}
        self._write(run, state, {**line, "stop_reason": run.stop_reason})

    def _write(self, run: ObservedRun, state: State, values: dict[str, Any]) -> State:
        line = {"event": values["event"], "iteration": run.iteration, "seconds": round(run.seconds, 6), **values}
        finite = {name: None if _is_undefined(value) else value for name, value in line.items()}
        content = json.dumps(finite, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        path = find_place(run, self.path, "log.jsonl", "json-log")
        return {**state, "size": append_at(path, state["size"], content)}


def _is_undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

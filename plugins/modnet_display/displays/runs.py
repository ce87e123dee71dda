"""Display of a run: parts, curves, and the last results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modnet import History, Run, SavedRun, figures
from modnet.text import format_duration, list_some
from modnet_display.displays.drawing import choose_last, draw, note, tabulate_history
from modnet_display.entries import find_table, format_entry, is_given, name_data
from modnet_display.html import Html, element, table

ROWS = 3


def describe(run: Run | SavedRun) -> Iterator[Html]:
    """Yield what a notebook shows of a run; of a saved one what its files say, without its parts."""
    yield element("b", _conclude(run))
    facts = _list_saved(run) if isinstance(run, SavedRun) else _list_trained(run)
    yield table(["", ""], [[key, value] for key, value in facts.items() if value], class_="facts")
    metrics = () if isinstance(run, SavedRun) else run.metrics
    history: History = run.history
    if history.loss:
        yield draw("learning curves", lambda: figures.learning_curves.from_history(history, "", metrics))
    if history.evaluated_at:
        yield tabulate_history(history, choose_last(history, ROWS), metrics)
    if run.stop_reason:
        yield note(f"stopped: {run.stop_reason}")


def _conclude(run: Run | SavedRun) -> str:
    made = f"{run.status} after {run.iteration:,}"
    if isinstance(run, SavedRun):
        return f"{made} iterations"
    return f"{made} of {run.iterations:,} iterations in {format_duration(run.seconds)}"


def _list_trained(run: Run) -> dict[str, Any]:
    settings = run.settings
    return {
        "network": repr(run.network)[1:-1],
        "data": repr(run.data)[1:-1].partition(": ")[2],
        "gradient": repr(run.gradient),
        "optimizer": repr(run.optimizer),
        "batches": f"{settings.batch_size} samples, {settings.sampling}, seed {run.seed}",
        "callbacks": list_some(map(repr, run.callbacks.parts), 5),
    }


def _list_saved(run: SavedRun) -> dict[str, Any]:
    """Return the facts that the file of the experiment says, whoever wrote it."""
    of: Mapping[str, Any] = run.experiment
    training = find_table(of, "training")
    return {
        "folder": str(run.folder),
        "data": "given in Python" if is_given(of) else name_data(of),
        "network": _list_layers(find_table(of, "network")),
        "gradient": format_entry(of.get("gradient", "")),
        "optimizer": format_entry(of.get("optimizer", "")),
        "batches": f"{training.get('batch_size')} samples, {training.get('sampling')}, seed {of.get('seed')}",
    }


def _list_layers(network: Mapping[str, Any]) -> str:
    if layers := network.get("layers"):
        return " -> ".join(map(format_entry, layers)) if isinstance(layers, list) else format_entry(layers)
    parts = {key: network.get(key) for key in ("hidden", "activation", "output", "loss")}
    return "; ".join(f"{key} {format_entry(value)}" for key, value in parts.items() if value is not None)

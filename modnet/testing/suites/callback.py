"""Checks of callbacks."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np

import modnet
from modnet.interfaces import Callback
from modnet.nn.checkpoint import Checkpoints
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network
from modnet.testing.checks import Inputs, Suite
from modnet.testing.report import Report
from modnet.testing.suites.shared import add_shared

SGD, METRICS = modnet.optimizer("sgd", lr=0.1), [modnet.metric("accuracy")]


@attrs.frozen
class Subject:
    """A callback."""

    part: Callback


SUITE = Suite("callback", Subject)


def check_callback(part: object, *, raises: bool = True) -> Report:
    """Check a callback: an instance, or a name.

    Small networks are trained for it. Returns a report; raises ConformanceError, an AssertionError with all of its
    text, where the part does not pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, raises=raises)


def train(part: Any, folder: str, hidden: int = 3, iterations: int = 12, start: Any = None) -> Any:
    """Train a small network with a callback in a folder, and return the run; the data has a validation part."""
    x, t = np.sin(np.arange(56.0)).reshape(28, 2), np.arange(28) % 2
    data = modnet.Dataset.from_arrays((x, t), scale=1.0).with_validation(0.3)
    net, settings = modnet.Network([2, hidden, 2], seed=0), TrainingSettings(batch_size=4, iterations=iterations)
    wanted: dict[str, Any] = {"callbacks": [part], "metrics": METRICS, "start": start, "folder": Path(folder)}
    return train_network(net, data, modnet.gradient("backpropagation"), SGD, settings, **wanted)


def use_callback(part: Any, hidden: int) -> Any:
    """Return the numbers that a run ends with."""
    with TemporaryDirectory() as folder:
        run = train(part, folder, hidden)
    return dict(run.params), run.history.loss, run.history.columns, run.stop_reason


def shared_cases(_: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    return [{"use": use_callback, "inputs": {"hidden": 3}, "other": {"hidden": 4}}]


@SUITE.check(lambda _: [{"iterations": iterations} for iterations in (12, 1, 0)])
def follows(part: Any, iterations: int) -> None:
    """It follows a run from its start to its end, and what it returns is a state and a decision."""
    with TemporaryDirectory() as folder:
        train(part, folder, iterations=iterations)


@SUITE.check(lambda _: [{"stop": stop} for stop in (1, 5, 6)])
def resume(part: Any, stop: int) -> None:
    """A run that stops and resumes from its checkpoint ends with the numbers of one that does not stop."""
    with TemporaryDirectory() as elsewhere, TemporaryDirectory() as folder:
        whole, half = train(part, elsewhere), train(part, folder, iterations=stop)
        Checkpoints(Path(folder)).save(half.checkpoint)
        loaded = Checkpoints(Path(folder)).load()
        again = train(part, folder, start=loaded[0] if loaded else None)
    np.testing.assert_equal(dict(again.params), dict(whole.params))
    np.testing.assert_equal(again.history.columns, whole.history.columns)
    assert (again.history.loss, again.stop_reason) == (whole.history.loss, whole.stop_reason), "another course"


add_shared(SUITE, shared_cases)

"""Checks of plugins and observers that follow runs."""

from __future__ import annotations

import contextlib
from typing import Any

import attrs
import numpy as np

import modnet
from modnet.errors import SettingError
from modnet.host.discovery import PluginHost
from modnet.host.kinds import LIFECYCLE_HOOKS
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.report import Report
from modnet.testing.suites.shared import count_open, make_folder, process

OF_CLASSES = "it reads accuracies, which a regression does not have, and would end it as failed"
HOOKS = tuple(LIFECYCLE_HOOKS)
ENDINGS = (("interrupted", 0), ("interrupted", 7), ("failed", 0), ("failed", 7), ("diverged", 1))


@attrs.frozen
class Subject:
    """A plugin that follows runs, as a rule a module, or an observer."""

    part: Any


def create_subject(part: object) -> Subject:
    """Return the subject; raises SettingError where nothing of it follows runs."""
    if isinstance(part, type) or not any(callable(getattr(part, name, None)) for name in HOOKS):
        what = f"the class {part.__name__}: call it" if isinstance(part, type) else repr(part)
        raise SettingError([f"expected a plugin, or an observer, with a hook {' or '.join(HOOKS)}; found {what}"])
    return Subject(part)


SUITE = Suite("observer", create_subject, use="--iterations 200")


def check_observer(part: object, *, raises: bool = True) -> Report:
    """Check a plugin that follows runs, the module itself, or an observer.

    Small networks are trained for it, each in a temporary folder that is the current one meanwhile. Returns a report;
    raises ConformanceError, an AssertionError with all of its text, where the part does not pass, unless `raises` is
    False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, raises=raises)


def observe(part: Any) -> Any:
    """Return an observer that calls the hooks of a plugin; an observer as it is."""
    marked = any(hasattr(getattr(part, name, None), "modnet_impl") for name in HOOKS)
    return PluginHost().relay(part) if marked else part


def train(part: Any, task: str = "classification", iterations: int = 12, lr: float = 0.1, **settings: Any) -> Any:
    """Train a small network in a folder of its own, followed by a plugin or an observer, and return the run."""
    x = np.sin(np.arange(40.0)).reshape(20, 2)
    t = np.arange(20) % 2 if task == "classification" else x.sum(axis=1)
    data = modnet.Dataset.from_arrays((x, t), scale=1.0, task=task)
    settings |= {"optimizer": modnet.optimizer("sgd", lr=lr), "batch_size": 4, "iterations": iterations}
    with make_folder() as folder, contextlib.chdir(folder):
        return modnet.train(modnet.Network.for_data(data), data, observer=observe(part), progress=False, **settings)


def stop_after(estimates: int, error: BaseException) -> Any:
    """Return a gradient estimator that raises an error after so many estimates."""
    left = [error] * estimates

    def estimate(objective, params, stream):  # type: ignore[no-untyped-def]  # noqa: ARG001 - as estimators are called
        if not left:
            raise error
        left.pop()
        return objective.backward(params)

    return estimate


@SUITE.check(lambda _: [{"iterations": iterations} for iterations in (12, 0)])
def finished(part: Any, iterations: int) -> None:
    """It follows a run from its start to its end, also one of no iterations."""
    train(part, iterations=iterations)


@SUITE.check(lambda _: [{"ending": ending, "after": after} for ending, after in ENDINGS])
def endings(part: Any, ending: str, after: int) -> None:
    """It follows runs that are interrupted, fail or diverge, early or late, and raises nothing."""
    expected: Any = modnet.DivergedError
    settings: dict[str, Any] = {"lr": 1e308}
    if ending != "diverged":
        expected, error = {
            "interrupted": (modnet.TrainingInterrupted, KeyboardInterrupt()),
            "failed": (ReferenceError, ReferenceError("the run fails on purpose")),
        }[ending]
        settings = {"gradient": stop_after(after, error)}
    try:
        train(part, **settings)
    except expected:
        return


@SUITE.check(lambda _: [{"stop": stop} for stop in (5, 12)])
def resumed(part: Any, stop: int) -> None:
    """It follows a run that was resumed, whose history has begun before, also from its very end."""
    train(part, start=train(modnet.Observer(), iterations=stop).checkpoint)


def regressions(subject: Subject) -> list[Inputs]:
    """Return a regression; raises SkippedError for one that wants accuracies."""
    error = catch_error(train, subject.part, {"task": "regression"})
    if isinstance(error, (AttributeError, KeyError)) and "_accuracy'" in str(error):
        raise SkippedError(OF_CLASSES)
    return [{"task": "regression"}]


@SUITE.check(regressions, OF_CLASSES)
def regression(part: Any, task: str) -> None:
    """It follows a regression, whose history has no accuracies, and whose run has errors in place of hits."""
    train(part, task=task)


@SUITE.check(lambda _: [{"again": again} for again in (False, True)])
def several_runs(part: Any, again: bool) -> None:
    """It follows one run after the other, and one inside another."""
    inside: list[Any] = []

    def estimate(objective: Any, params: Any, stream: Any) -> Any:  # noqa: ARG001 - as estimators are called
        if not inside:
            inside.append(train(part))
        return objective.backward(params)

    train(part, gradient="backpropagation" if again else estimate)
    train(part)


@SUITE.check(lambda _: [{"iterations": 12}])
def unchanged(part: Any, iterations: int) -> None:
    """The run that it follows ends with the bits of one that nobody follows."""
    alone, followed = train(modnet.Observer(), iterations=iterations), train(part, iterations=iterations)
    np.testing.assert_equal(dict(followed.params), dict(alone.params))
    np.testing.assert_equal(followed.history.columns, alone.history.columns)
    assert followed.history.loss == alone.history.loss, "the history has other losses"


@SUITE.check(lambda _: [{"iterations": 12}])
def global_state(part: Any, iterations: int) -> None:
    """It leaves the process alone: random state, floating-point errors, warnings, environment, folder."""
    before = process()
    train(part, iterations=iterations)
    changed = [name for name, value in process().items() if value != before[name]]
    assert not changed, f"a run that it follows changes {', '.join(changed)}"


@SUITE.check(lambda _: [{"runs": 3}])
def closed(part: Any, runs: int) -> None:
    """With each run that it follows no more files are open, and no more threads alive."""
    train(part)
    before = count_open()
    for _ in range(runs):
        train(part)
    more = [name for name, count in count_open().items() if count - before[name] >= runs]
    assert not more, f"with each run there are more {' and '.join(more)}: end them in run_ended"

"""Checks of callbacks."""

from __future__ import annotations

import contextlib
import copy
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import numpy as np

import modnet
from modnet.compose.parts import create_metrics
from modnet.compose.settings import get_settings
from modnet.interfaces import Callback
from modnet.nn.checkpoint import Checkpoints
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.report import Report
from modnet.testing.suites.shared import add_shared, count_open, make_folder, to_values

COURSES = ("noise", "values", "classes")  # of a run: nothing can be learned, a regression, a classification
NOT_EACH_STEP = "it does not listen to iterations"
NOT_REPEATABLE = "it says that it is not repeatable"
KILLS = ((5, 9), (1, 4), (24, 24))  # the last iteration of a checkpoint, and that of a killed run
CLOCKS = ("time", "monotonic", "perf_counter")


@attrs.frozen
class Subject:
    """A callback, and the courses of a run that it does not refuse."""

    part: Callback
    courses: tuple[str, ...]


def create_subject(part: Callback) -> Subject:
    """Return the subject; of a callback that refuses each course, with all of them."""
    tried = {course: catch_error(train, part, {"course": course, "iterations": 2}) for course in COURSES}
    taken = [course for course, error in tried.items() if not isinstance(error, modnet.SettingError)]
    return Subject(part, tuple(taken) or COURSES)


SUITE = Suite("callback", create_subject)


def check_callback(part: object, *, raises: bool = True) -> Report:
    """Check a callback: an instance, or a name.

    Small networks are trained for it, each in a temporary folder. Returns a report; raises ConformanceError, an
    AssertionError with all of its text, where the part does not pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, raises=raises)


def make_data(course: str, is_tested_otherwise: bool = False) -> Any:
    """Return a small data set with a validation part; its test part may be another one."""
    draw = Stream(0, ("callback",)).generator()
    x, noise = draw.standard_normal((48, 2)), draw.integers(2, size=48)
    t = {"noise": noise, "classes": (x[:, 0] > 0).astype(int), "values": x[:, 0] - noise}[course]
    tested = 1 - t[38:] if is_tested_otherwise else t[38:]
    parts = [(x[:28], t[:28]), (x[38:], tested)]
    task: Any = "regression" if course == "values" else "classification"
    return modnet.Dataset.from_arrays(*parts, validation=(x[28:38], t[28:38]), scale=1.0, task=task)


def follow(
    parts: Any, data: Any, folder: Any, iterations: int = 24, hidden: int = 3, lr: float = 0.05, **more: Any
) -> Any:
    """Train a small network, two iterations an epoch, that is followed by callbacks, and return the run."""
    net, optimizer = modnet.Network.for_data(data, hidden=hidden, seed=0), modnet.optimizer("sgd", lr=lr)
    settings = TrainingSettings(batch_size=14, iterations=iterations)
    more |= {"callbacks": parts, "metrics": create_metrics(data.task), "folder": folder}
    return train_network(net, data, modnet.gradient("backpropagation"), optimizer, settings, **more)


def train(part: Any, course: str = "noise", **settings: Any) -> Any:
    """Train a small network with a callback, in a folder of the run's own, and return the run."""
    with make_folder() as folder:
        return follow([part], make_data(course), Path(folder), **settings)


def renew(part: Any) -> Any:
    """Return the callback as another process makes it: with its settings, and nothing else."""
    return attrs.evolve(part) if attrs.has(type(part)) else type(part)(**get_settings(part))


def save_and_load(checkpoint: Any) -> Any:
    """Return a checkpoint as a resumed run finds it."""
    with make_folder() as folder:
        Checkpoints(Path(folder)).save(checkpoint)
        loaded = Checkpoints(Path(folder)).load()
    return loaded[0] if loaded else None


def spy(part: Any, see: Callable[..., Any]) -> Any:
    """Return a callback in whose place `see(event, run, state, call)` is called, and makes the call itself."""
    methods = {
        name: lambda self, run, state, name=name: see(name, run, state, getattr(part, name))  # noqa: ARG005
        for name in ("on_iteration", "on_epoch", "on_end")
    }
    said = {name: getattr(part, name) for name in ("needs_validation", "repeatable")}
    return type("Spy", (modnet.Callback,), {"init": lambda self, run: part.init(run), **said, **methods})()  # noqa: ARG005


def compare(part: Any, found: Any, expected: Any) -> None:
    """Compare two runs: of a callback that is not repeatable, what is before either was stopped."""
    losses = [run.history.loss for run in (found, expected)]
    made = slice(None if part.repeatable else min(map(len, losses)))
    assert losses[0][made] == losses[1][made], "the losses are others"
    if part.repeatable:
        assert found.stop_reason == expected.stop_reason, f"{found.stop_reason!r}, and {expected.stop_reason!r}"
        np.testing.assert_equal(dict(found.params), dict(expected.params))
        np.testing.assert_equal(found.history.columns, expected.history.columns)


def set_clocks(clock: Callable[[], float]) -> Any:
    """Return a context in which every clock is another one."""
    patches = contextlib.ExitStack()
    for name in CLOCKS:
        patches.enter_context(mock.patch.object(time, name, clock))
    return patches


def list_courses(subject: Subject) -> list[Inputs]:
    """Return the courses of a run to try it on."""
    return [{"course": course} for course in subject.courses]


def one_course(subject: Subject) -> list[Inputs]:
    """Return the first of the courses."""
    return list_courses(subject)[:1]


def use_callback(part: Any, hidden: int) -> Any:
    """Return the numbers that a run ends with; none where it may stop at any time."""
    run = train(part, hidden=hidden, iterations=16)
    return (dict(run.params), run.history.loss, run.history.columns, run.stop_reason) if part.repeatable else None


def shared_cases(_: Subject) -> Iterator[Inputs]:
    """Return the inputs of the shared probes, which are called in a folder of their own."""
    with make_folder() as folder, contextlib.chdir(folder):
        yield {"use": use_callback, "inputs": {"hidden": 3}, "other": {"hidden": 4}}


@SUITE.check(lambda subject: [{"course": subject.courses[0], "iterations": n} for n in (24, 1, 0)])
def follows(part: Any, course: str, iterations: int) -> None:
    """It follows a run from its start to its end, and what it returns is a state and a decision."""
    train(part, course, iterations=iterations)


@SUITE.check(one_course)
def events(part: Any, course: str) -> None:  # noqa: ARG001
    """Its methods whose names begin with `on_` are those of events; nobody calls another."""
    odd = [name for name in dir(type(part)) if name.startswith("on_") and not hasattr(Callback, name)]
    assert not odd, f"{odd[0]} is no event: available: {', '.join(n for n in dir(Callback) if n.startswith('on_'))}"


@SUITE.check(lambda _: [{"course": course} for course in COURSES])
def tasks(part: Any, course: str) -> None:
    """It follows a classification and a regression, or refuses one of them with a SettingError."""
    with contextlib.suppress(modnet.SettingError):
        train(part, course)


@SUITE.check(one_course)
def validation(part: Any, course: str) -> None:
    """It works without a validation part, or says `needs_validation`, or refuses with a SettingError."""
    data = make_data(course)
    parts = {name: samples for name, samples in data.parts.items() if name != "validation"}
    with make_folder() as folder, contextlib.suppress(modnet.SettingError):
        follow([part], data.with_parts(parts), Path(folder))


@SUITE.check(one_course)
def folder(part: Any, course: str) -> None:
    """It follows a run of which nothing is saved, and which has no folder, or refuses with a SettingError."""
    with make_folder() as elsewhere, contextlib.chdir(elsewhere), contextlib.suppress(modnet.SettingError):
        follow([part], make_data(course), None)


@SUITE.check(lambda subject: [{"course": subject.courses[-1], "lr": lr} for lr in (1e308, 1e154, 30.0)])
def diverges(part: Any, course: str, lr: float) -> None:
    """It follows a run whose loss grows and ends in infinity, and raises nothing."""
    with contextlib.suppress(modnet.DivergedError):
        train(part, course, lr=lr)


@SUITE.check(one_course)
def state(part: Any, course: str) -> None:
    """It returns a new state, and leaves the one that it was given as it is."""

    def see(event, run, state, call):  # type: ignore[no-untyped-def]
        before = copy.deepcopy(to_values(state))
        result = call(run, state)
        np.testing.assert_equal(to_values(state), before, f"{event} changed its state")
        return result

    train(spy(part, see), course)


def stops(subject: Subject) -> Iterator[Inputs]:
    """Return how often a run is stopped: now and then, and in one course after each iteration."""
    yield from ({**case, "every": 9, "iterations": 24} for case in list_courses(subject))
    yield from ({**case, "every": 1, "iterations": 14} for case in one_course(subject))


@SUITE.check(stops)
def resume(part: Any, course: str, every: int, iterations: int) -> None:
    """A run that is resumed again and again, by new processes, ends with the numbers of one that never stops."""
    data = make_data(course)
    settings: dict[str, Any] = {"iterations": iterations}
    whole = train(part, course, **settings)
    with make_folder() as name:
        run = follow([renew(part)], data, Path(name), until=every, **settings)
        while run.iteration < whole.iteration and not run.stop_reason:
            settings["start"] = start = save_and_load(run.checkpoint)
            run = follow([renew(part)], data, Path(name), until=start.iteration + 1 + every, **settings)
        settings["start"] = save_and_load(run.checkpoint)
        compare(part, follow([renew(part)], data, Path(name), **settings), whole)


def list_files(part: Any, course: str, saved: int, killed: int) -> dict[str, bytes]:
    """Return the files that a run leaves, which may be killed once, and resumed from what was saved before."""
    data, start = make_data(course), None
    with make_folder() as name, contextlib.chdir(name):
        if killed:
            start = follow([renew(part)], data, Path(name), until=saved).checkpoint
            follow([renew(part)], data, Path(name), start=start, until=killed)
        follow([renew(part)], data, Path(name), start=start)
        return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


@SUITE.check(lambda s: [{"course": s.courses[0], "saved": saved, "killed": killed} for saved, killed in KILLS])
def files(part: Any, course: str, saved: int, killed: int) -> None:
    """A run that was killed and resumed leaves the files of one without a break, times and other chances aside."""
    one, other = (list_files(part, course, 0, 0) for _ in range(2))
    found = list_files(part, course, saved, killed)
    same = one.keys() & other.keys()
    assert found.keys() >= same, f"{', '.join(sorted(same - found.keys()))} is missing"
    parts = {str(Path(name).parent) for name in found.keys() - same}  # folders of logs that a resumed run begins anew
    for name in sorted(name for name in same if str(Path(name).parent) not in parts):
        lines = [content[name].count(b"\n") for content in (one, other, found)]
        is_text = b"\0" not in one[name]  # in other files a line's end is there by chance
        has_lines = not is_text or lines[0] != lines[1] or lines[2] == lines[0]
        assert has_lines, f"{name} has {lines[2]} lines, not {lines[0]}"
        assert one[name] != other[name] or found[name] == one[name], f"{name} has another content"


@SUITE.check(list_courses)
def test_part(part: Any, course: str) -> None:
    """It decides nothing by the test part: with another one training takes the same course, to the same parameters."""
    runs = []
    for is_tested_otherwise in (False, False, True):
        with make_folder() as folder, set_clocks(float):  # that stand still, for one that goes by them
            runs.append(follow([part], make_data(course, is_tested_otherwise), Path(folder)))
    once, again, otherwise = ([run.history.loss, *(w.tolist() for w in run.params.values())] for run in runs)
    assert once != again or otherwise == once, "another test part leads to another run"


def repeatable_course(subject: Subject) -> list[Inputs]:
    """Return a course of a run; raises SkippedError for a callback that may go by the clock."""
    if not subject.part.repeatable:
        raise SkippedError(NOT_REPEATABLE)
    return one_course(subject)


@SUITE.check(repeatable_course, NOT_REPEATABLE)
def clock(part: Any, course: str) -> None:
    """It decides nothing by the clock, unless it says `repeatable = False`: in a slow run it decides the same."""
    usual, now = train(part, course), map(float, range(10**9, 10**15, 1000))
    with set_clocks(now.__next__):
        slow = train(part, course)
    compare(part, slow, usual)


@SUITE.check(one_course)
def unchanged(part: Any, course: str) -> None:
    """It changes a run by its decisions alone: without them that ends with the bits of one that nobody follows."""

    def see(event, run, state, call):  # type: ignore[no-untyped-def]
        result = call(run, state)
        return None if event == "on_end" else (result[0], None)

    with make_folder() as folder:
        alone = follow([], make_data(course), Path(folder))
    compare(part, train(spy(part, see), course), alone)


@SUITE.check(one_course)
def columns(part: Any, course: str) -> None:
    """The columns that it records have the same names after each evaluation."""
    history = train(part, course).history
    rows = [np.flatnonzero(~np.isnan(values)) for values in history.columns.values()]
    lonely = {int(found[0]) for found in rows if len(found) == 1 < len(history.evaluated_at)}
    assert len(lonely) < 3, f"{len(lonely)} evaluations have columns of their own: {', '.join(history.columns)}"


@SUITE.check(one_course)
def quiet(part: Any, course: str) -> None:
    """It writes nothing to the standard output, which is that of commands."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        train(part, course)
    assert not output.getvalue(), f"it prints {output.getvalue()[:60]!r}"


def each_step(subject: Subject) -> list[Inputs]:
    """Return a course of a run; raises SkippedError for a callback that is not called in each iteration."""
    if type(subject.part).on_iteration is Callback.on_iteration:
        raise SkippedError(NOT_EACH_STEP)
    return one_course(subject)


@SUITE.check(each_step, NOT_EACH_STEP)
def cost(part: Any, course: str) -> None:
    """An iteration in which it decides nothing costs it less than a millisecond."""
    seconds = []

    def see(event, run, state, call):  # type: ignore[no-untyped-def]
        start = time.perf_counter()
        result = call(run, state)
        if event == "on_iteration" and result[1] is None:
            seconds.append(time.perf_counter() - start)
        return result

    train(spy(part, see), course)
    least = 1000 * min(seconds, default=0)
    assert least < 1, f"an iteration costs it at least {least:.1f} ms"


@SUITE.check(lambda subject: [{"course": subject.courses[0], "runs": 3}])
def closed(part: Any, course: str, runs: int) -> None:
    """With each run that it follows no more files are open, and no more threads alive."""
    train(part, course)
    before = count_open()
    for _ in range(runs):
        train(part, course)
    more = [name for name, count in count_open().items() if count - before[name] >= runs]
    assert not more, f"with each run there are more {' and '.join(more)}: end them in on_end"


add_shared(SUITE, shared_cases, most=20)

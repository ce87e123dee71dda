"""A run as observers see it: complete, and read only."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import Dataset, History, ObservedRun, Status
from modnet.nn.checkpoint import Checkpoint, hash_params
from modnet.nn.run import OBSERVED, RunView

T = np.arange(60) % 3
X = np.eye(3)[T] + 0.1 * np.sin(np.arange(180)).reshape(60, 3)
BLOBS = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:]))
SMOOTH = Dataset.from_arrays((X[:48], X[:48, :1]), (X[48:], X[48:, :1]), task="regression")


class Bent(modnet.Activation):
    """A part that is not frozen: only a copy of it may be handed to observers."""

    elementwise = True

    def __init__(self, slope: float = 0.5) -> None:
        self.slope = slope
        self.more = {"slopes": [slope]}

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return np.where(a > 0, a, self.more["slopes"][0] * self.slope * a)

    def backward(self, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
        return np.where(a > 0, dz, self.more["slopes"][0] * self.slope * dz)


class Drift(modnet.Optimizer):
    """Another one."""

    def __init__(self, lr: float = 0.2) -> None:
        self.lr = lr

    def init(self, params: Any) -> Any:
        return {name: np.zeros_like(value) for name, value in params.items()}

    def step(self, params: Any, grads: Any, state: Any) -> Any:
        state = {name: 0.5 * state[name] - self.lr * grads[name] for name in params}
        return {name: params[name] + state[name] for name in params}, state


def train(observer: Any = None, data: Dataset = BLOBS, **given: Any) -> modnet.Run:
    """Train a few epochs of six iterations."""
    loss, output = ("mean-squared-error", "identity") if data is SMOOTH else ("cross-entropy", "softmax")
    sizes = (3, 4, 1 if data is SMOOTH else 3)
    net = modnet.Network(sizes, hidden=Bent(), output=output, loss=loss, weight_init_std=0.5, seed=0)
    wanted = {"batch_size": 8, "iterations": 20, "optimizer": Drift(), "gradient": "backpropagation", **given}
    return modnet.train(net, data, observer=observer or modnet.Observer(), **wanted)


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Have threads take turns after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def result(run: modnet.Run) -> tuple[Any, ...]:
    of_samples = None if run.of_samples is None else run.of_samples.tobytes()
    return hash_params(run.params), run.history, run.iteration, run.status, of_samples, run.optimizer.lr


class Each(modnet.Observer):
    """Does something in all three hooks."""

    def __init__(self, do: Callable[[ObservedRun], object]) -> None:
        self.do = do
        self.seen: list[ObservedRun] = []

    def run_started(self, run: ObservedRun) -> None:
        self.seen.append(run)
        self.do(run)

    epoch_ended = run_ended = run_started


METHODS = {
    "append": [0.0], "extend": [[0.0]], "insert": [0, 0.0], "pop": [], "popitem": [], "remove": [0.0], "clear": [],
    "sort": [], "reverse": [], "update": [{"W1": 0}], "setdefault": ["more", 0], "record": [1, {"test_accuracy": 0.0}],
    "fill": [0], "put": [0, 0.0], "itemset": [0.0], "partition": [0], "resize": [1], "byteswap": [True], "end": [],
    "setflags": [True], "setfield": [0.0, np.float64], "draw": [0],
}  # fmt: skip


def list_attempts(thing: Any) -> Iterator[Callable[[], object]]:
    """Yield ways to change an object by the names of attributes, keys and positions."""
    for name in filter(is_public, dir(thing)):
        yield lambda name=name: setattr(thing, name, 0)
        yield lambda name=name: delattr(thing, name)
        if name in METHODS:
            yield lambda name=name: getattr(thing, name)(*METHODS[name])
    for key in [*thing] if isinstance(thing, dict) else [0, slice(None), ...]:
        yield lambda key=key: thing.__setitem__(key, 0.5)
        yield lambda key=key: thing.__delitem__(key)
    yield lambda: thing.__iadd__([0.0])
    yield lambda: thing.__ior__({"more": 0})
    yield lambda: setattr(thing.flags, "writeable", True)
    yield lambda: thing.fill(0)
    yield lambda: memoryview(thing).cast("B").__setitem__(0, 1)


def is_public(name: str) -> bool:
    return not name.startswith("_")


def vandalize(thing: Any, depth: int, seen: dict[int, Any]) -> None:
    """Try to change all that can be reached from an object by public names, keys and positions."""
    if depth < 0 or id(thing) in seen or isinstance(thing, (type, np.dtype, np.generic)) or callable(thing):
        return
    seen[id(thing)] = thing
    inside = [*thing.values()] if isinstance(thing, dict) else [*thing[:3]] if isinstance(thing, (list, tuple)) else []
    for name in filter(is_public, dir(thing)):
        with suppress(Exception):
            inside.append(getattr(thing, name))
    for value in inside:
        vandalize(value, depth - 1, seen)
    for attempt in list_attempts(thing):
        with suppress(Exception):
            attempt()


@pytest.mark.parametrize("data", [BLOBS, SMOOTH], ids=["classes", "numbers"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_an_observer_tries_the_run_has_the_same_bits(data: Dataset) -> None:
    """It walks over every public attribute of what it is handed, and of what that has, and so on."""
    alone = train(data=data, iterations=8)
    walked: list[int] = []

    def walk(run: ObservedRun) -> None:
        seen: dict[int, Any] = {}
        vandalize(run, 6, seen)
        walked.append(len(seen))

    follower = Each(walk)
    assert result(train(follower, data, iterations=8)) == result(alone)
    assert min(walked) > 40
    assert all(run is follower.seen[0] for run in follower.seen)


CHANGES: dict[str, Callable[[Any], object]] = {
    "a number": lambda run: setattr(run, "iteration", 0),
    "the status": lambda run: setattr(run, "status", Status.FAILED),
    "something new": lambda run: setattr(run, "mine", 0),
    "a deletion": lambda run: delattr(run, "params"),
    "an array": lambda run: run.params["W1"].__setitem__(0, 0),
    "one in place": lambda run: run.params["W1"].__isub__(0.1),
    "the hits": lambda run: run.hits.__setitem__(0, True),
    "the data": lambda run: run.data.train.table.__setitem__(0, 0),
    "the data's flags": lambda run: run.data.train.table.setflags(write=True),
    "what is not shown": lambda run: run.batches,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_refused(what: str) -> None:
    refused: list[str] = []

    def change(run: ObservedRun) -> None:
        if run.hits is not None:
            with pytest.raises((AttributeError, ValueError)) as caught:
                CHANGES[what](run)
            refused.append(str(caught.value))

    train(Each(change))
    words = ("read only for its observers: change a copy of your own", "read-only", "flag", "has no")
    assert refused
    assert all(any(word in message for word in words) for message in refused), refused


COPIES: dict[str, Callable[[Any], object]] = {
    "another array": lambda run: run.params.__setitem__("W1", 0),
    "other arrays": lambda run: run.params.update(W1=0),
    "its flags": lambda run: run.params["W1"].setflags(write=True),
    "the network's": lambda run: run.network.params["W1"].fill(0),
    "a setting": lambda run: setattr(run.optimizer, "lr", 9.0),
    "a loss": lambda run: run.history.loss.__setitem__(slice(None), []),
    "one more": lambda run: run.history.loss.append(0.0),
    "a column": lambda run: run.history.test_accuracy.clear(),
    "a column more": lambda run: run.history.columns.setdefault("mine", []),
    "an evaluation": lambda run: run.history.record(1, {"mine": 1.0}),
}


@pytest.mark.parametrize("what", COPIES)
def test_a_change_is_of_a_copy_alone(what: str) -> None:
    def change(run: ObservedRun) -> None:
        before = hash_params(run.params), hash_params(run.network.params), run.optimizer.lr, run.history
        COPIES[what](run)
        assert (hash_params(run.params), hash_params(run.network.params), run.optimizer.lr, run.history) == before

    assert result(train(Each(change))) == result(train())


class TestLookingAtARun:
    def test_it_is_always_up_to_date(self) -> None:
        told: list[Any] = []

        def note(run: ObservedRun) -> None:
            history = run.history
            told.append(
                (run.iteration, len(history.loss), history.test_accuracy[-1:], run.hits is None, str(run.status))
            )

        run = train(Each(note))
        accuracies = run.history.test_accuracy
        assert [row[:2] for row in told] == [(0, 0), (6, 6), (12, 12), (18, 18), (20, 20), (20, 20)]
        assert [row[2] for row in told] == [[], *([a] for a in accuracies), accuracies[-1:]]
        assert [row[3:] for row in told] == [(True, "running"), *[(False, "running")] * 3, *[(False, "finished")] * 2]

    def test_it_is_what_plugins_of_yesterday_expect(self) -> None:
        """Lists, mappings and arrays, which json, copy and NumPy know."""

        def look(run: ObservedRun) -> None:
            history, params = run.history, run.params
            assert isinstance(history, History)
            assert json.loads(json.dumps(attrs.asdict(history)))["loss"] == history.loss == list(history.loss)
            assert isinstance(history.loss, list)
            assert history.iterations == history.evaluated_at
            best = copy.deepcopy(params)
            best["W1"] += 1
            best |= {"more": 1}
            assert {name: value.copy() for name, value in params.items()}.keys() == {"W1", "b1", "W2", "b2"}
            mine = copy.deepcopy(history)
            mine.loss.append(0.5)
            mine.record(99, {"test_accuracy": 1.0})
            assert run.network.predict(X).tobytes() == run.network.with_arrays(run.params).predict(X).tobytes()
            assert (run.optimizer.lr, run.epoch, run.seconds >= 0) == (0.2, run.iteration / 6, True)
            assert repr(run).startswith("<Run of <Network 3 -> 4 -> 3")
            assert set(dir(run)) == set(OBSERVED)

        assert result(train(Each(look))) == result(train())

    def test_after_its_end_and_from_other_threads(self) -> None:
        follower = Each(lambda _: None)
        run = train(follower)
        (seen, *_) = follower.seen
        assert (seen.status, seen.iteration, seen.history) == (run.status, 20, run.history)
        seconds = seen.seconds
        assert seconds == run.seconds
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda _: hash_params(seen.params), range(4))) == [hash_params(run.params)] * 4

    def test_a_copy_stays_as_it_was(self) -> None:
        copies: list[Any] = []
        follower = Each(lambda run: copies.extend([copy.deepcopy(run), pickle.loads(pickle.dumps(run))]))  # noqa: S301
        train(follower)
        assert [kept.iteration for kept in copies] == [k for k in (0, 6, 12, 18, 20, 20) for _ in "ab"]
        assert [len(kept.history.loss) for kept in copies[2:4]] == [6, 6]
        with pytest.raises(AttributeError, match="read only"):
            copies[0].status = Status.FINISHED

    def test_a_hook_may_train_another_network_meanwhile(self) -> None:
        def train_another(run: ObservedRun) -> None:
            if run.iteration < 20:
                copied = run.network
                another = modnet.train(copied, BLOBS, iterations=3, observer=modnet.Observer())
                assert another.iteration == 3

        assert result(train(Each(train_another))) == result(train())


class TestHowItEnds:
    @staticmethod
    def end(observer: Any, **given: Any) -> modnet.Run:
        try:
            return train(observer, **given)
        except (modnet.DivergedError, modnet.TrainingInterrupted) as error:
            return error.run

    @staticmethod
    def interrupt(objective: Any, params: Any, stream: Any) -> Any:
        if stream.path[-1] == 9:
            raise KeyboardInterrupt
        return objective.backward(params)

    @pytest.mark.parametrize(
        ("status", "given"),
        [
            (Status.FINISHED, {}),
            (Status.FINISHED, {"iterations": 0}),
            (Status.INTERRUPTED, {"gradient": interrupt}),
            (Status.DIVERGED, {"optimizer": Drift(lr=1e200)}),
        ],
    )
    def test_the_last_sound_parameters_are_those_of_the_run(self, status: Status, given: Any) -> None:
        last: list[tuple[Any, ...]] = []
        run = self.end(
            Each(lambda run: last.append((run.status, run.iteration, hash_params(run.params), run.history.loss[:]))),
            **given,
        )
        assert run.status is status
        assert last[-1] == (status, run.iteration, hash_params(run.params), run.history.loss)
        assert all(value.flags.writeable for value in run.params.values())

    def test_of_one_that_failed(self) -> None:
        last: list[tuple[Any, ...]] = []

        def fail(run: ObservedRun) -> None:
            last.append((run.status, run.iteration, len(run.history.loss), hash_params(run.params)))
            if run.iteration == 12:
                raise ConnectionError("no server")

        with pytest.raises(ConnectionError, match="no server"):
            train(Each(fail))
        assert last[-1] == (Status.FAILED, 12, 12, last[-2][3])


def test_a_reader_beside_the_loop_finds_whole_rows_and_never_fewer_than_before(switching_often: None) -> None:
    run = train(iterations=0)
    view, done, wrong = RunView(run), threading.Event(), []

    def read() -> None:
        most = 0
        while not done.is_set():
            history = view.history
            count, columns = len(history.loss), history.columns.values()
            if count < most or history.loss != [float(i) for i in range(count)]:
                wrong.append((most, count))
            if any(len(values) != len(history.evaluated_at) for values in columns):
                wrong.append((len(history.evaluated_at), [*map(len, columns)]))
            most = count

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(3000):
        run.history.loss.append(float(i))
        run.history.record(i, {"test_accuracy": 0.5, f"mine_{i // 300}": 1.0})
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


class TestPartsThatWorkInPlace:
    """They break a rule, which the kit checks; the arrays of whoever trains must not pay for it."""

    @staticmethod
    def nudge(objective: Any, params: Any, stream: Any) -> Any:
        for value in params.values():
            value += 1e-4
        return objective.backward(params)

    class InPlace(modnet.Optimizer):
        def init(self, params: Any) -> Any:
            return {}

        def step(self, params: Any, grads: Any, state: Any) -> Any:
            for name in params:
                params[name].__isub__(grads[name])
            return params, state

    @pytest.mark.parametrize("parts", [{"gradient": nudge}, {"optimizer": InPlace()}], ids=["estimator", "optimizer"])
    @pytest.mark.parametrize("resumed", [False, True])
    def test_they_fail_in_the_first_iteration_and_change_nothing(self, parts: Any, resumed: bool) -> None:
        net = modnet.Network((3, 4, 3), seed=0)
        params = modnet.Network((3, 4, 3), seed=1).params
        wanted = {"iterations": 5, "optimizer": "sgd", **parts}
        name = "in-place" if "optimizer" in parts else "sgd"
        start = Checkpoint(0, params, ((name, (["dict", []], [])),), History(), 0.0) if resumed else None
        before = hash_params(net.params), hash_params(params)
        with pytest.raises(ValueError, match="read-only"):
            modnet.train(net, BLOBS, start=start, **wanted)
        assert (hash_params(net.params), hash_params(params)) == before

    def test_a_state_that_is_changed_in_place_is_not_the_checkpoints(self) -> None:
        class Counting(modnet.Optimizer):
            def init(self, params: Any) -> Any:
                return {"steps": 0, "sum": np.zeros(1)}

            def step(self, params: Any, grads: Any, state: Any) -> Any:
                state["steps"] += 1
                state["sum"] += state["steps"]
                return {name: value - 0.1 * grads[name] / state["sum"] for name, value in params.items()}, state

        net = modnet.Network((3, 4, 3), seed=0)
        start = modnet.train(net, BLOBS, iterations=3, optimizer=Counting()).checkpoint
        again = [modnet.train(net, BLOBS, iterations=9, optimizer=Counting(), start=start) for _ in range(2)]
        assert hash_params(again[0].params) == hash_params(again[1].params)

    def test_a_run_shares_no_array_with_the_network_that_was_given(self) -> None:
        net = modnet.Network((3, 4, 3), seed=0)
        run = modnet.train(net, BLOBS, iterations=0)
        run.network.params["W1"][:] = 0
        assert net.params["W1"].any()

"""Callbacks: what they see, decide and keep in checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modnet
from modnet import Callback, Dataset, ObservedRun, PluginError, Record, ScaleRate, SettingError, State, Status, Stop
from modnet.nn.checkpoint import Checkpoint, Checkpoints, hash_params

T = np.arange(52) % 3
X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[T] + 0.3 * np.sin(np.arange(104)).reshape(52, 2)
BLOBS = Dataset.from_arrays((X[:40], T[:40]), (X[40:], T[40:]))
EPOCH, ITERATIONS = 5, 23
SGD = modnet.optimizer("momentum", lr=0.1)


def train(*callbacks: Any, optimizer: Any = SGD, **given: Any) -> modnet.Run:
    net = modnet.Network([2, 4, 3], hidden="tanh", weight_init_std=0.5, seed=3)
    own = {"batch_size": 8, "iterations": ITERATIONS, "observer": modnet.Observer(), "optimizer": optimizer}
    return modnet.train(net, BLOBS, callbacks=callbacks, **{**own, **given})


def from_disk(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Return a checkpoint as another process reads it."""
    Checkpoints(folder).save(checkpoint)
    found = Checkpoints(folder).load()
    assert found
    return found[0]


class Best(NamedTuple):
    loss: float
    params: Any


@attrs.frozen
class Keep(Callback):
    """Restores the parameters of the epoch whose last loss was smallest; its state is a named tuple."""

    def init(self, run: ObservedRun) -> State:
        return Best(np.inf, dict(run.params))

    def on_epoch(self, run: ObservedRun, state: State) -> Any:
        assert run.loss is not None
        better = run.loss < state.loss
        return (Best(run.loss, dict(run.params)) if better else state), Record({"best": min(run.loss, state.loss)})

    def on_end(self, run: ObservedRun, state: State) -> Any:
        return state.params


@attrs.frozen
class Anneal(Callback):
    """Scales the learning rate by the mean of the gradient's entries so far, which it keeps in arrays."""

    def init(self, run: ObservedRun) -> State:
        return {"mean": {name: np.zeros_like(w) for name, w in run.params.items()}, "seen": [0]}

    def on_iteration(self, run: ObservedRun, state: State) -> Any:
        assert run.grads is not None
        mean = {name: 0.5 * state["mean"][name] + run.grads[name] for name in run.grads}
        size = float(sum(np.abs(g).sum() for g in mean.values()))
        is_odd = run.iteration % 3 == 0
        return {"mean": mean, "seen": [*state["seen"], run.iteration]}, ScaleRate(
            0.5 + 1 / (1 + size)
        ) if is_odd else None


@attrs.frozen
class StopAt(Callback):
    """Stops a run at an iteration that it counts itself."""

    at: int
    reason: str = "far enough"

    def init(self, run: ObservedRun) -> State:
        return 0

    def on_iteration(self, run: ObservedRun, state: State) -> Any:
        return state + 1, Stop(self.reason) if state + 1 == self.at else None


class TestTheSameBits:
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(stop=st.integers(0, ITERATIONS), end=st.integers(1, ITERATIONS + 5), at=st.integers(1, ITERATIONS + 5))
    def test_a_run_stopped_anywhere_resumes_to_the_bits_states_and_history_of_a_whole_one(
        self, tmp_path: Path, stop: int, end: int, at: int
    ) -> None:
        callbacks = (Anneal(), Keep(), StopAt(at))
        whole = train(*callbacks, iterations=end)
        first = train(*callbacks, iterations=min(stop, end))
        again = train(*callbacks, iterations=end, start=from_disk(first.checkpoint, tmp_path))
        assert hash_params(again.params) == hash_params(whole.params)
        np.testing.assert_equal(again.history.columns, whole.history.columns)
        assert (again.history.loss, again.history.evaluated_at) == (whole.history.loss, whole.history.evaluated_at)
        assert (again.status, again.iteration, again.stop_reason) == (whole.status, whole.iteration, whole.stop_reason)
        both = again.checkpoint, whole.checkpoint
        np.testing.assert_equal(both[0].states, both[1].states)
        assert (both[0].factor, both[0].iteration) == (both[1].factor, both[1].iteration)

    @pytest.mark.parametrize("after", [0, 1, 7, 10, 11, 22])
    def test_an_interrupted_run_resumes_to_them_too(self, tmp_path: Path, after: int) -> None:
        def estimate(objective: Any, params: Any, stream: Any) -> Any:
            calls.append(1)
            if len(calls) > after:
                raise KeyboardInterrupt
            return objective.backward(params)

        calls: list[int] = []
        whole = train(Anneal(), Keep())
        with pytest.raises(modnet.TrainingInterrupted) as caught:
            train(Anneal(), Keep(), gradient=estimate)
        run = caught.value.run
        assert (run.status, run.stop_reason, run.iteration) == (Status.INTERRUPTED, "", after)
        assert run.history.evaluated_at == [
            *range(EPOCH, after + 1, EPOCH),
            *[after] * (after % EPOCH > 0 or not after),
        ]
        again = train(Anneal(), Keep(), start=from_disk(run.checkpoint, tmp_path))
        assert hash_params(again.params) == hash_params(whole.params)
        np.testing.assert_equal(again.history.columns, whole.history.columns)

    def test_callbacks_that_only_look_on_change_no_bit(self) -> None:
        class Look(Callback):
            def on_iteration(self, run: ObservedRun, state: State) -> Any:
                for name in ("params", "grads", "history", "network", "data", "loss", "rate"):
                    getattr(run, name)
                return state, None

            on_epoch = on_iteration

        assert hash_params(train(Look()).params) == hash_params(train().params)

    def test_a_factor_is_that_of_the_learning_rate_to_the_bit(self) -> None:
        class Halve(Callback):
            def on_iteration(self, run: ObservedRun, state: State) -> Any:
                return state, ScaleRate(0.5) if run.iteration == 10 else None

        halved, whole = train(Halve()), train(iterations=10)
        state = whole.optimizer.step(whole.params, whole.params, whole.sound[2])[1]  # only for its structure
        assert halved.history.loss[:11] == train().history.loss[:11]
        assert halved.history.loss[11] != train().history.loss[11]
        assert halved.rate == 0.05
        assert halved.optimizer == SGD
        assert state


class TestDecisions:
    @pytest.mark.parametrize("at", [1, 5, 7, 22, 23])
    def test_a_stopped_run_has_finished(self, at: int) -> None:
        run, shorter = train(StopAt(at)), train(iterations=at)
        assert (run.status, run.iteration, run.stop_reason) == (Status.FINISHED, at, "far enough")
        assert run.history == shorter.history
        assert hash_params(run.params) == hash_params(shorter.params)

    def test_the_first_stop_is_the_reason_and_all_are_called(self) -> None:
        seen = []

        class Last(Callback):
            def on_iteration(self, run: ObservedRun, state: State) -> Any:
                seen.append(run.iteration)
                return state, None

        run = train(StopAt(9, "later"), StopAt(4, "first"), StopAt(4, "second"), Last())
        assert (run.stop_reason, seen) == ("first", [1, 2, 3, 4])

    def test_factors_multiply(self) -> None:
        class Half(Callback):
            def on_epoch(self, run: ObservedRun, state: State) -> Any:
                return state, ScaleRate(0.5)

        class Third(Half):
            def on_iteration(self, run: ObservedRun, state: State) -> Any:
                rates.append(run.rate)
                return state, None

        rates: list[float | None] = []
        train(Half(), Third(), iterations=11)
        assert rates == [0.1] * 5 + [0.025] * 5 + [0.00625]

    def test_the_parameters_of_the_end_are_evaluated_once_more(self) -> None:
        run = train(Keep())
        assert run.history.evaluated_at == [5, 10, 15, 20, 23, 23]
        best = int(np.argmin(np.array(run.history.loss)[[4, 9, 14, 19]]))
        for name in ("train_accuracy", "test_accuracy"):
            assert run.history.columns[name][-1] == run.history.columns[name][best]
        assert run.hits is not None
        assert run.hits.mean() == run.history.test_accuracy[-1]
        assert all(w.flags.writeable for w in run.params.values())
        assert run.checkpoint.history.evaluated_at == [5, 10, 15, 20]

    def test_the_last_one_that_has_others_chooses_the_parameters(self) -> None:
        class Zero(Callback):
            def on_end(self, run: ObservedRun, state: State) -> Any:
                return {name: 0 * w for name, w in run.params.items()}

        class Nothing(Callback):
            def on_end(self, run: ObservedRun, state: State) -> Any:
                return None

        assert not np.concatenate([w.ravel() for w in train(Keep(), Zero(), Nothing()).params.values()]).any()

    def test_recorded_values_are_columns(self) -> None:
        class Odd(Callback):
            def on_epoch(self, run: ObservedRun, state: State) -> Any:
                return state, Record({"lr": np.float32(0.5)}) if run.iteration == 10 else None

        assert str(train(Odd()).history.columns["lr"]) == "[nan, 0.5, nan, nan, nan]"


class TestWhatTheySee:
    def test_all_of_a_run_and_only_to_read(self) -> None:
        class Look(Callback):
            def init(self, run: ObservedRun) -> State:
                assert (run.iteration, run.loss, run.grads, run.rate, run.stop_reason) == (0, None, None, None, "")

            def on_iteration(self, run: ObservedRun, state: State) -> Any:
                assert run.loss == run.history.loss[-1]
                assert run.grads is not None
                assert run.grads.keys() == run.params.keys()
                assert (run.seed, run.rate, run.experiment, run.folder) == (7, 0.1, None, None)
                seen.append(run.params)
                shared = run.data.train.table, run.data.train.t, run.data.test.table
                for array in shared:
                    with pytest.raises(ValueError, match="WRITEABLE"):
                        array.flags.writeable = True
                for array in (*run.grads.values(), *shared):
                    with pytest.raises(ValueError, match="read-only"):
                        array[...] = 0
                with pytest.raises(AttributeError, match="read only"):
                    run.grads = None
                return state, None

            def on_end(self, run: ObservedRun, state: State) -> Any:
                assert (run.status, run.grads) == (Status.FINISHED, None)

        seen: list[Any] = []
        run = train(Look(), seed=7)
        assert len({hash_params(params) for params in seen}) == ITERATIONS
        assert hash_params(seen[-1]) == hash_params(run.params)
        assert run.data is BLOBS

    def test_they_come_before_the_observers(self) -> None:
        class Watch(modnet.Observer):
            def epoch_ended(self, run: ObservedRun) -> None:
                seen.append((run.history.columns.get("best", [None])[-1] is not None, run.grads is None))

        seen: list[Any] = []
        train(Keep(), observer=Watch(), iterations=10)
        assert seen == [(True, False), (True, False), (True, True)]


def returning(**results: Any) -> Callback:
    """Return a callback whose methods return these."""
    repeatable = results.pop("repeatable", True)
    methods = {name: (lambda self, run, state=None, value=value: value) for name, value in results.items()}
    return type("Odd", (Callback,), {**methods, "repeatable": repeatable, "__module__": __name__})()  # type: ignore[no-any-return]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (
        {"on_iteration": None},
        r"Odd\(\) returned a NoneType: a state and Stop, ScaleRate or None are expected of on_iter",
    ),
    ({"on_iteration": Stop("x")}, "returned a Stop: a state and Stop, ScaleRate or None are expected of on_iteration"),
    (
        {"on_iteration": (1, Stop)},
        "returned a type: Stop, ScaleRate or None is expected of on_iteration, after the state",
    ),
    ({"on_iteration": (1, Record({}))}, "returned a Record: Stop, ScaleRate or None is expected of on_iteration"),
    ({"on_epoch": (1, True)}, "returned a bool: Stop, ScaleRate, Record or None is expected of on_epoch"),
    *[
        ({"on_epoch": (1, Record({name: 1.0}))}, f"records '{name}', which is there already: choose another name")
        for name in ("test_accuracy", "loss", "iteration", "until", "columns")
    ],
    ({"on_end": {"W1": 1}}, "returned a dict of W1: an array for each of W1, b1, W2, b2 is expected"),
    (
        {"on_epoch": (1, Record({"a": 1.0})), "repeatable": False},
        "is not repeatable, and returned a Record: it may ret",
    ),
    ({"on_epoch": (1, ScaleRate(0.5)), "repeatable": False}, "is not repeatable, and returned a ScaleRate"),
    ({"on_end": {}, "repeatable": False}, "is not repeatable, and returned parameters: it may return Stop alone"),
]


class TestMistakes:
    @pytest.mark.parametrize("reason", ["", " ", 3, None])
    def test_a_reason_is_in_words(self, reason: Any) -> None:
        with pytest.raises(ValueError, match=f"^'reason' must be words, not {reason!r}$"):
            Stop(reason)

    @pytest.mark.parametrize(("values", "words"), [({"a": np.nan}, "'a' must be finite"), ({"A": 1}, "lower-case")])
    def test_what_is_wrong_with_values_is_said(self, values: dict[str, float], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            Record(values)

    @pytest.mark.parametrize("factor", [0, -1.0, np.nan, np.inf, "2"])
    def test_a_factor_is_finite_and_above_0(self, factor: Any) -> None:
        with pytest.raises((ValueError, TypeError), match=r"factor|not supported"):
            ScaleRate(factor)

    @pytest.mark.parametrize(
        "values", [{"a": "b"}, {"a": np.inf}, {"a": np.nan}, {"A b": 1}, {"": 1}, {3: 1}, [1], None]
    )
    def test_values_are_finite_numbers_by_name(self, values: Any) -> None:
        with pytest.raises((ValueError, TypeError, AttributeError)):
            Record(values)

    @pytest.mark.parametrize(("results", "words"), MISTAKES, ids=str)
    def test_what_is_no_state_and_decision_names_the_callback(self, results: dict[str, Any], words: str) -> None:
        with pytest.raises(PluginError, match=words):
            train(returning(**results))

    def test_parameters_that_are_not_finite_are_refused(self) -> None:
        class Ruin(modnet.Callback):
            def on_end(self, run: ObservedRun, state: State) -> Any:
                return {name: value * np.nan for name, value in run.params.items()}

        with pytest.raises(PluginError, match="returned nan or inf at the end: numbers are expected"):
            train(Ruin())

    def test_one_that_fails_at_the_end_leaves_a_run_that_can_be_resumed(self, tmp_path: Path) -> None:
        class Fails(Keep):
            def on_end(self, run: ObservedRun, state: State) -> Any:
                if not fixed:
                    raise ReferenceError
                return super().on_end(run, state)

        class Ended(modnet.Observer):
            def run_ended(self, run: ObservedRun) -> None:
                ends.append((run.status, run.history.evaluated_at))

        kept: list[Checkpoint] = []
        ends: list[Any] = []
        fixed: list[int] = []
        with pytest.raises(ReferenceError):
            train(Fails(), keep=kept.append, observer=Ended())
        assert ends == [(Status.FAILED, [5, 10, 15, 20])]
        fixed.append(1)
        again = train(Fails(), start=from_disk(kept[-1], tmp_path))
        assert hash_params(again.params) == hash_params(train(Keep()).params)
        assert again.history == train(Keep()).history

    def test_an_optimizer_without_a_learning_rate_says_so(self) -> None:
        class Fixed(modnet.Optimizer):
            def init(self, params: Any) -> Any:
                return {}

            def step(self, params: Any, grads: Any, state: Any) -> Any:
                return params, state

        words = "the callback odd: the optimizer fixed has no setting 'lr' to scale: choose another optimizer, or"
        with pytest.raises(SettingError, match=words):
            train(returning(on_epoch=(1, ScaleRate(0.5))), optimizer=Fixed())

    def test_a_rate_that_the_optimizer_refuses(self) -> None:
        with pytest.raises(
            SettingError,
            match="the callback odd: the optimizer momentum refuses the learning rate of iteration 2: 'lr' must",
        ):
            train(returning(on_iteration=(1, ScaleRate(1e-200))))

    def test_a_checkpoint_is_of_its_callbacks(self, tmp_path: Path) -> None:
        start = from_disk(train(Keep(), iterations=7).checkpoint, tmp_path)
        for callbacks, words in {(): "keep, not none", (Keep(), Anneal()): "keep, not keep, anneal"}.items():
            with pytest.raises(SettingError, match=f"the checkpoint is of the callbacks {words}"):
                train(*callbacks, start=start)

    def test_a_state_that_no_checkpoint_can_hold(self) -> None:
        run = train(returning(on_iteration=({1, 2}, None)))
        with pytest.raises(
            PluginError, match=r"cannot hold the state of the callback odd .*: use arrays, numbers, text"
        ):
            _ = run.checkpoint

    @pytest.mark.parametrize("callbacks", ["time-limit", 3, [3], [Keep]])
    def test_what_is_no_list_of_callbacks(self, callbacks: Any) -> None:
        with pytest.raises(SettingError, match="callback"):
            modnet.train(modnet.Network.for_data(BLOBS), BLOBS, callbacks=callbacks)


def test_an_old_checkpoint_has_no_callbacks(tmp_path: Path) -> None:
    """As older versions wrote it: without the two entries."""
    import json
    from hashlib import sha256
    from io import BytesIO

    checkpoint = train(iterations=7).checkpoint
    from_disk(checkpoint, tmp_path)
    with np.load(tmp_path / "checkpoint.npz") as file:
        members = dict(file)
    header = json.loads(str(members["header"]))
    assert (header.pop("callbacks"), header.pop("factor")) == ([], 1.0)
    content = BytesIO()
    np.savez(content, allow_pickle=False, **{**members, "header": np.array(json.dumps(header))})
    sealed = content.getvalue()[:-2] + (64).to_bytes(2, "little")
    (tmp_path / "checkpoint.npz").write_bytes(sealed + sha256(sealed).hexdigest().encode())
    found = Checkpoints(tmp_path).load()
    assert found
    assert train(start=found[0]).history == train().history

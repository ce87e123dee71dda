"""Swapped parts, seen by one thread or task, for a block alone."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import threading
import unittest
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet import Array, Dataset, DataSource, Grads, Loss, Optimizer, Params, SettingError, State, UnknownNameError
from modnet.compose.experiment import create_experiment, to_table
from modnet.compose.plugins import load_plugins
from modnet.testing import Snapshot
from modnet.testing import swap as swapping

no_leaks = pytest.mark.usefixtures("no_leaks")


class Fake(Loss):
    """Counts its calls, and is no attrs class."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        self.calls += 1
        return 0.0 * y.sum(axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        return np.zeros_like(y)


@attrs.frozen
class Standing(Optimizer):
    """Takes the settings of sgd and stays where it is."""

    lr: float = 1.0

    def init(self, params: Params) -> State:
        return {}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        return params, state


class Handed(DataSource):
    """Data made by a test."""

    reads_files = False

    def __init__(self, data: Dataset) -> None:
        self._given = data

    def read(self, path: Path | None) -> Dataset:
        return self._given


class OnlyCalled:
    """No part by its class, but by what it does."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, y: Array, t: Array) -> Array:
        self.seen.append(y.shape)
        return np.full(len(y), 2.0)


SPAWN = get_context("spawn")
REAL = modnet.loss("cross-entropy")
X, T = np.linspace(-1, 1, 24).reshape(6, 4), np.arange(6) % 3
SMALL = Dataset.from_arrays((X, T), test_fraction=0.5)


def get_loss() -> object:
    return modnet.loss("cross-entropy")


@no_leaks
class TestEverywhere:
    def test_by_the_function_for_its_kind(self) -> None:
        with swapping("loss", "cross-entropy", Fake()) as fake:
            assert modnet.loss("cross-entropy") is fake
            assert modnet.loss("modnet:cross-entropy") is fake
            assert modnet.loss("mean-squared-error") != fake
        assert get_loss() == REAL

    def test_by_its_full_name_too(self) -> None:
        with swapping("loss", "modnet:cross-entropy", Fake()) as fake:
            assert modnet.loss("cross-entropy") is fake

    def test_in_a_network_and_in_training(self) -> None:
        with swapping("loss", "cross-entropy", Fake()) as fake, swapping("optimizer", "sgd", Standing):
            net = modnet.TwoLayerNet(4, 5, 3, seed=0)
            run = modnet.train(net, SMALL, iterations=3, batch_size=2)
        assert fake.calls >= 3
        assert run.history.loss == [0.0, 0.0, 0.0]
        assert np.array_equal(run.network.params["W1"], net.params["W1"])

    def test_a_data_set_by_its_name(self) -> None:
        with swapping("data-source", "mnist-small", Handed(SMALL)):
            assert modnet.load("mnist-small") is SMALL
        assert modnet.load("mnist-small").features == 784

    def test_a_file_is_recognised_by_the_source_that_is_overridden(self, tmp_path: Path) -> None:
        class Reader(DataSource):
            def read(self, path: Path | None) -> Dataset:
                return SMALL

        (tmp_path / "some.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        with swapping("data-source", "csv", Reader()):
            assert modnet.load(tmp_path / "some.csv") is SMALL

    def test_among_the_estimators_that_are_compared(self) -> None:
        def nothing(objective: object, params: Params, stream: object) -> Grads:
            return {name: np.zeros_like(value) for name, value in params.items()}

        with swapping("gradient", "spsa", nothing):
            check = modnet.check_gradient(modnet.TwoLayerNet(4, 5, 3), X, T, estimators=["spsa"])
        (row,) = check.estimators
        assert (row.name, row.error) == ("spsa", pytest.approx(1.0))

    def test_in_an_experiment_which_is_written_and_read_again(self) -> None:
        table = {"network": {"loss": {"name": "cross-entropy", "eps": 0.5}}, "optimizer": {"name": "sgd", "lr": 0.5}}
        with swapping("loss", "cross-entropy", Fake()) as fake, swapping("optimizer", "sgd", Standing):
            wanted = create_experiment(table)
            assert (wanted.network.loss, wanted.optimizer) == (fake, Standing(0.5))
            written = to_table(wanted)
            assert written["network"]["loss"] == {"name": "cross-entropy"}
            assert written["optimizer"] == {"name": "sgd", "lr": 0.5}
            assert create_experiment(written) == wanted

    def test_what_was_made_before_stays_as_it_is(self) -> None:
        net = modnet.TwoLayerNet(4, 5, 3, seed=0)
        before = net.loss(X, T)
        with swapping("loss", "cross-entropy", Fake()):
            assert net.loss(X, T) == before

    def test_loading_the_plugins_anew_changes_nothing(self) -> None:
        with swapping("loss", "cross-entropy", Fake()) as fake:
            load_plugins()
            assert get_loss() is fake
        load_plugins()
        assert get_loss() == REAL


@no_leaks
class TestWhatMayStandIn:
    def test_an_object_that_only_acts_as_a_part(self) -> None:
        with swapping("loss", "cross-entropy", OnlyCalled()) as fake:
            assert modnet.TwoLayerNet(4, 5, 3, seed=0).loss(X, T) == 2.0
        assert fake.seen == [(6, 3)]

    def test_a_function(self) -> None:
        with swapping("activation", "sigmoid", np.tanh):
            assert modnet.activation("sigmoid")(np.array([1.0])) == np.tanh(1.0)

    def test_a_mock_of_the_interface(self) -> None:
        mock = Mock(spec=Loss)
        with swapping("loss", "cross-entropy", mock):
            assert get_loss() is mock

    def test_a_class_which_gets_the_settings(self) -> None:
        with swapping("optimizer", "sgd", Standing):
            assert modnet.optimizer("sgd", lr=0.25) == Standing(0.25)
            with pytest.raises(SettingError, match=r"sgd: unknown setting 'speed'; available: lr"):
                modnet.optimizer("sgd", speed=1.0)

    def test_a_ready_part_whose_settings_are_checked_all_the_same(self) -> None:
        with swapping("optimizer", "sgd", Standing()) as fake:
            assert modnet.optimizer("sgd", lr=0.25) is fake
            with pytest.raises(SettingError, match="sgd: 'lr' must be > 0: -1"):
                modnet.optimizer("sgd", lr=-1.0)

    def test_another_registered_part_keeps_its_own_name_and_settings(self) -> None:
        mean = modnet.optimizer("momentum", lr=0.5)
        with swapping("optimizer", "sgd", mean):
            written = to_table(create_experiment({}))
        assert written["optimizer"] == {"name": "momentum", "lr": 0.5, "momentum": 0.9, "weight_decay": 0.0}


class Unfinished(Loss):
    pass


class Backwards(Loss):
    def __call__(self, y: Array) -> Array:  # type: ignore[override]
        return y


REFUSED = {
    "an unknown kind": (("lost", "cross-entropy", Fake()), UnknownNameError, "no kind of part 'lost', did you mean"),
    "an unknown name": (("loss", "cross-entrpy", Fake()), UnknownNameError, "did you mean 'cross-entropy'"),
    "another kind": (("loss", "cross-entropy", Standing()), SettingError, "expected a name, an instance or a callable"),
    "a class of another kind": (("loss", "cross-entropy", Standing), SettingError, "found the class Standing"),
    "no callable": (("loss", "cross-entropy", 3), SettingError, "instead of the loss 'cross-entropy': expected a name"),
    "a third-party class": (("loss", "cross-entropy", OnlyCalled), SettingError, "the class OnlyCalled: call it"),
    "an abstract class": (("loss", "cross-entropy", Unfinished), SettingError, "Unfinished is abstract: define __call"),
    "other arguments": (("loss", "cross-entropy", lambda y: y), SettingError, r"\(y\) does not take \(y, t\)"),
    "a class with others": (
        ("loss", "cross-entropy", Backwards),
        SettingError,
        r"Backwards.__call__\(y\) does not take \(y, t, axis=-1\)",
    ),
    "an instance with others": (("loss", "cross-entropy", Backwards()), SettingError, r"does not take \(y, t, axis"),
    "a name": (("loss", "cross-entropy", "relu"), SettingError, "expected a name"),
    "a file's for a name": (("data-source", "csv", Handed(SMALL)), SettingError, "'csv' reads files: set reads_files"),
}


@no_leaks
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_stand_in_is_refused_on_entry(what: str) -> None:
    arguments, error, words = REFUSED[what]
    swap = swapping(*arguments)
    with pytest.raises(error, match=words), swap:
        pytest.fail("entered")
    assert get_loss() == REAL


@no_leaks
class TestBlocks:
    def test_they_nest_and_the_inner_one_is_seen(self) -> None:
        with swapping("loss", "cross-entropy", Fake()) as outer:
            with swapping("loss", "cross-entropy", Fake()) as inner:
                assert get_loss() is inner
            assert get_loss() is outer

    def test_one_swap_is_entered_again_inside_itself(self) -> None:
        swap = swapping("loss", "cross-entropy", Fake())
        with swap as fake:
            with swap:
                assert get_loss() is fake
            assert get_loss() is fake
        assert get_loss() == REAL

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_any_exception_ends_them(self, error: type[BaseException]) -> None:
        def fail() -> None:
            with swapping("loss", "cross-entropy", Fake()), swapping("loss", "cross-entropy", Fake()):
                raise error

        with pytest.raises(error):
            fail()
        assert get_loss() == REAL

    def test_leaving_what_was_not_entered_is_an_error(self) -> None:
        swap = swapping("loss", "cross-entropy", Fake())
        with pytest.raises(RuntimeError, match="the swap of 'cross-entropy' was not entered, or was left"):
            swap.__exit__(None, None, None)

    @given(st.lists(st.tuples(st.sampled_from(["enter", "leave"]), st.integers(0, 3)), max_size=30))
    def test_whatever_the_order_the_latest_that_is_still_in_use_is_seen(self, steps: list[tuple[str, int]]) -> None:
        """A list of what was entered is the model: leaving takes the last entry of that swap out, wherever it is."""
        swaps = [swapping("loss", "cross-entropy", Fake()) for _ in range(4)]
        fakes = [swap._instead for swap in swaps]
        entered: list[int] = []
        for step, which in steps:
            if step == "enter":
                swaps[which].__enter__()
                entered.append(which)
            elif which in entered:
                swaps[which].__exit__(None, None, None)
                del entered[len(entered) - 1 - entered[::-1].index(which)]
            assert get_loss() == (fakes[entered[-1]] if entered else REAL)
        for which in entered:
            swaps[which].__exit__(None, None, None)
        assert get_loss() == REAL


@no_leaks
class TestThreads:
    def test_another_thread_sees_the_real_part(self) -> None:
        seen: list[object] = []
        with swapping("loss", "cross-entropy", Fake()):
            thread = threading.Thread(target=lambda: seen.append(get_loss()))
            thread.start()
            thread.join()
        assert seen == [REAL]

    def test_unless_it_is_handed_the_context(self) -> None:
        with ThreadPoolExecutor(1) as pool, swapping("loss", "cross-entropy", Fake()) as fake:
            assert pool.submit(contextvars.copy_context().run, get_loss).result() is fake
            assert pool.submit(get_loss).result() == REAL

    def test_a_copied_context_sees_it_no_longer_than_the_block(self) -> None:
        with swapping("loss", "cross-entropy", Fake()):
            copied = contextvars.copy_context()
        assert copied.run(get_loss) == REAL

    def test_each_of_many_threads_has_its_own(self) -> None:
        barrier, rounds, wrong = threading.Barrier(8), 50, []

        def work() -> None:
            for _ in range(rounds):
                with swapping("loss", "cross-entropy", Fake()) as mine:
                    barrier.wait(60)
                    if get_loss() is not mine:
                        wrong.append(get_loss())
                    barrier.wait(60)
                if get_loss() != REAL:
                    wrong.append(get_loss())

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_one_swap_shared_by_threads_ends_in_each_by_itself(self) -> None:
        swap, inside, leave = swapping("loss", "cross-entropy", Fake()), threading.Event(), threading.Event()
        seen: list[object] = []

        def work() -> None:
            with swap:
                inside.set()
                leave.wait(60)
                seen.append(get_loss())

        thread = threading.Thread(target=work)
        thread.start()
        inside.wait(60)
        with swap as fake:
            pass
        assert get_loss() == REAL
        leave.set()
        thread.join()
        assert seen == [fake]

    def test_each_task_has_its_own(self) -> None:
        async def work(fake: Fake) -> bool:
            with swapping("loss", "cross-entropy", fake):
                await asyncio.sleep(0)
                return get_loss() is fake

        async def all_of_them() -> list[bool]:
            return await asyncio.gather(*(work(Fake()) for _ in range(5)))

        assert asyncio.run(all_of_them()) == [True] * 5


def in_a_new_thread(_: ThreadPoolExecutor) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(get_loss()))
    thread.start()
    thread.join()
    return found[0]


async def in_an_executor(pool: ThreadPoolExecutor | None) -> object:
    return await asyncio.get_running_loop().run_in_executor(pool, get_loss)


# Whether a thread sees a swap by itself, with a copy of the context.
WAYS: dict[str, tuple[Callable[[ThreadPoolExecutor], object], bool]] = {
    "a new thread": (in_a_new_thread, False),
    "a pool that was there before": (lambda pool: pool.submit(get_loss).result(), False),
    "a pool of its own": (lambda _: ThreadPoolExecutor(1).submit(get_loss).result(), False),
    "a loop's executor": (lambda _: asyncio.run(in_an_executor(None)), False),
    "a loop's executor that was there before": (lambda pool: asyncio.run(in_an_executor(pool)), False),
    "asyncio.to_thread": (lambda _: asyncio.run(asyncio.to_thread(get_loss)), True),
    "a copied context": (lambda pool: pool.submit(contextvars.copy_context().run, get_loss).result(), True),
}


@no_leaks
class TestAllThreads:
    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        """Return a pool whose thread has started."""
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(get_loss).result() == REAL
            yield pool

    @pytest.mark.parametrize("way", WAYS)
    def test_threads_that_the_code_under_test_uses(self, way: str, pool: ThreadPoolExecutor) -> None:
        ask, sees_any = WAYS[way]
        with swapping("loss", "cross-entropy", Fake()) as fake:
            assert ask(pool) == (fake if sees_any else REAL)
        with swapping("loss", "cross-entropy", Fake(), threads=True) as fake:
            assert ask(pool) is fake
        assert ask(pool) == REAL

    def test_a_thread_prefers_a_swap_of_its_own(self, pool: ThreadPoolExecutor) -> None:
        def use_another(fake: Fake) -> tuple[bool, object]:
            with swapping("loss", "cross-entropy", fake):
                own = get_loss() is fake
            return own, get_loss()

        with swapping("loss", "cross-entropy", Fake(), threads=True) as common:
            assert pool.submit(use_another, Fake()).result() == (True, common)

    @pytest.mark.parametrize("inner", [True, False])
    def test_blocks_nest(self, inner: bool, pool: ThreadPoolExecutor) -> None:
        with swapping("loss", "cross-entropy", Fake(), threads=True) as outer:
            with swapping("loss", "cross-entropy", Fake(), threads=inner) as fake:
                assert get_loss() is fake
                assert pool.submit(get_loss).result() is (fake if inner else outer)
            assert get_loss() is pool.submit(get_loss).result() is outer

    def test_another_test_may_not_swap_the_same_name_for_all_meanwhile(self, pool: ThreadPoolExecutor) -> None:
        def use(threads: bool, name: str = "cross-entropy") -> None:
            with swapping("loss", name, Fake(), threads=threads):
                pass

        with swapping("loss", "cross-entropy", Fake(), threads=True):
            pool.submit(use, False).result()
            pool.submit(use, True, "huber").result()
            with pytest.raises(SettingError, match="'modnet:cross-entropy' is swapped for all threads by another test"):
                pool.submit(use, True).result()
        pool.submit(use, True).result()

    def test_nor_may_a_task_beside_it(self) -> None:
        async def work() -> bool:
            with swapping("loss", "cross-entropy", Fake(), threads=True) as fake:
                await asyncio.sleep(0)
                return await asyncio.to_thread(get_loss) is fake

        async def both() -> list[bool | BaseException]:
            return await asyncio.gather(work(), work(), return_exceptions=True)

        one, other = asyncio.run(both())
        assert one is True
        assert isinstance(other, SettingError)

    def test_a_task_that_it_waits_for_may(self) -> None:
        async def inside(fake: Fake) -> bool:
            with swapping("loss", "cross-entropy", fake, threads=True):
                return await in_an_executor(None) is fake

        async def outside() -> bool:
            with swapping("loss", "cross-entropy", Fake(), threads=True) as fake:
                return await asyncio.create_task(inside(Fake())) and await in_an_executor(None) is fake

        assert asyncio.run(outside())


async def enter(swap: Any) -> Any:
    return swap.__enter__()


async def leave(swap: Any) -> None:
    swap.__exit__(None, None, None)


def leave_by_generator(swap: Any) -> None:
    """Enter it in a generator that is closed when nobody holds it any more."""

    def generate() -> Iterator[None]:
        with swap:
            yield

    running = generate()
    contextvars.copy_context().run(next, running)
    del running
    gc.collect()


def leave_by_stack(swap: Any) -> None:
    stack = ExitStack()
    contextvars.copy_context().run(stack.enter_context, swap)
    stack.close()


def leave_in_a_thread(swap: Any) -> None:
    swap.__enter__()
    thread = threading.Thread(target=swap.__exit__, args=(None, None, None))
    thread.start()
    thread.join()


def leave_in_another_loop(swap: Any) -> None:
    asyncio.run(enter(swap))
    asyncio.run(leave(swap))


def leave_in_another_task(swap: Any) -> None:
    """Set up and tear down an async fixture as pytest-asyncio does, in a task each."""

    async def fixture() -> AsyncIterator[None]:
        with swap:
            yield

    with asyncio.Runner() as runner:
        generator = fixture()
        runner.run(anext(generator), context=contextvars.copy_context())  # type: ignore[arg-type]
        with pytest.raises(StopAsyncIteration):
            runner.run(anext(generator), context=contextvars.copy_context())  # type: ignore[arg-type]


def leave_with_the_loop(swap: Any) -> None:
    """Leave an asynchronous generator to the loop, which closes it."""

    async def generate() -> AsyncIterator[None]:
        with swap:
            yield

    async def begin() -> None:
        running.append(generate())
        await anext(running[0])

    running: list[AsyncIterator[None]] = []
    asyncio.run(begin())


def leave_in_a_test_case(swap: Any) -> None:
    class Case(unittest.IsolatedAsyncioTestCase):
        def setUp(self) -> None:
            self.enterContext(swap)

        async def asyncSetUp(self) -> None:
            self.addAsyncCleanup(leave, swap)
            await enter(swap)

        async def test(self) -> None:
            assert get_loss() != REAL

    result = unittest.TestResult()
    Case("test").run(result)
    assert result.wasSuccessful(), result


ELSEWHERE = [
    leave_by_generator, leave_by_stack, leave_in_a_thread, leave_in_another_loop, leave_in_another_task,
    leave_with_the_loop, leave_in_a_test_case,
]  # fmt: skip


@no_leaks
@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("go", ELSEWHERE)
def test_a_swap_that_is_left_elsewhere_ends_everywhere(go: Callable[[Any], None], threads: bool) -> None:
    swap = swapping("loss", "cross-entropy", Fake(), threads=threads)
    go(swap)
    assert get_loss() == REAL
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(get_loss).result() == REAL
    with pytest.raises(RuntimeError, match="was not entered, or was left already"):
        swap.__exit__(None, None, None)


def test_one_for_all_threads_that_is_never_left_is_a_leak() -> None:
    before, swap = Snapshot.take(), swapping("loss", "cross-entropy", Fake(), threads=True)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(swap.__enter__).result()
    assert before.leaks() == ["swapped: the loss 'modnet:cross-entropy' was added"]
    swap.__exit__(None, None, None)
    assert before.leaks() == []


@no_leaks
class TestFixture:
    def test_threads_see_its_swaps_if_they_are_to(self, swap: Callable[..., Any]) -> None:
        fake = swap("loss", "cross-entropy", Fake(), threads=True)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(get_loss).result() is fake

    def test_it_swaps_until_the_test_ends(self, swap: Callable[..., Any]) -> None:
        fake = swap("loss", "cross-entropy", Fake())
        other = swap("loss", "cross-entropy", Fake())
        assert get_loss() is other
        assert other is not fake

    def test_and_no_longer(self) -> None:
        assert get_loss() == REAL


class TestWholeProgram:
    """Here libraries are imported that leave warnings filters and fonts behind."""

    def test_by_the_command_line_in_this_process(self, call: Callable[..., Any], tmp_path: Path) -> None:
        with (
            swapping("loss", "cross-entropy", Fake()) as fake,
            swapping("data-source", "mnist-small", Handed(SMALL)),
        ):
            done = call("train", "--iterations", "4", "--out", "run", "--hidden", "2", cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            again = call("verify", "run", cwd=tmp_path)
            assert (again.returncode, "identical: 4 iterations" in again.stdout) == (0, True), again.stdout
        assert fake.calls >= 8
        assert "mnist-small: 3 training and 3 test samples" in done.stdout

    def test_a_run_with_a_swapped_part_is_not_taken_for_one_with_the_real_part(
        self, call: Callable[..., Any], tmp_path: Path
    ) -> None:
        with swapping("loss", "cross-entropy", Fake()):
            call("train", "--iterations", "2", "--out", "run", "--hidden", "2", "--gradient", "backpropagation",
                 cwd=tmp_path)  # fmt: skip
        receipt = json.loads((tmp_path / "run" / "receipt.json").read_text(encoding="utf-8"))
        (origin,) = (origin for origin in receipt["segments"][0]["plugins"] if origin["kind"] == "loss")
        assert origin["package"] != "modnet_losses"
        done = call("verify", "run", cwd=tmp_path)
        assert done.returncode == 1
        assert f"loss cross-entropy: modnet ({origin['package']}) then, modnet (modnet_losses) now" in done.stdout

    def test_in_a_comparison_which_then_stays_in_this_process(self, tmp_path: Path) -> None:
        with (
            swapping("data-source", "mnist-small", Handed(SMALL)),
            swapping("loss", "cross-entropy", Fake()) as fake,
        ):
            table = {"training": {"iterations": 2}, "gradient": "backpropagation"}
            with pytest.raises(SettingError, match="is swapped in this process alone: take 1"):
                modnet.compare(table, {"hidden": [1, 2]}, seeds=2, workers=2, out=tmp_path / "two")
            modnet.compare(table, {"hidden": [1, 2]}, seeds=2, out=tmp_path / "one")
        assert fake.calls >= 8
        with swapping("loss", "cross-entropy", Fake()) as other:  # the data is the real one again
            result = modnet.compare(table, {"hidden": [1, 2]}, seeds=2, out=tmp_path / "real")
        assert other.calls >= 8
        assert result.settings

    @pytest.mark.parametrize(
        "executor",
        [ThreadPoolExecutor, pytest.param(partial(ProcessPoolExecutor, mp_context=SPAWN), marks=pytest.mark.check)],
    )
    def test_workers_of_an_executor_that_do_not_see_it_take_no_other_part(
        self, tmp_path: Path, executor: Callable[[int], Executor]
    ) -> None:
        table = {"data": {"name": "iris"}, "training": {"iterations": 2}, "gradient": "backpropagation"}
        settings: dict[str, Any] = {"seeds": 2, "out": tmp_path}
        unseen = "the loss 'modnet:cross-entropy' is swapped where its worker does not see it: compare without"
        with swapping("loss", "cross-entropy", Fake()), executor(2) as pool:
            with pytest.raises(modnet.ModnetError, match=unseen):
                modnet.compare(table, {"hidden": [1, 2]}, executor=pool, **settings)
            assert not [*tmp_path.rglob("params.npz")]
        with swapping("loss", "cross-entropy", Fake(), threads=True) as fake, ThreadPoolExecutor(2) as pool:
            modnet.compare(table, {"hidden": [1, 2]}, executor=pool, **settings)
        assert fake.calls >= 8

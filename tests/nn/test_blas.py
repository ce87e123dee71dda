"""BLAS threads: one number for the process, whatever other runs, threads and callers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import modnet
from modnet import limit_blas_threads
from modnet.nn.checkpoint import hash_params

OTHERS = 2  # threads that the caller has: the tests themselves are started with 1


def count_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _the_caller_has_two_threads() -> Iterator[None]:
    with threadpool_limits(OTHERS, user_api="blas"):
        yield
        assert count_threads() == {OTHERS}, "not restored"


@pytest.fixture(scope="module")
def digits() -> modnet.Dataset:
    return modnet.load("mnist-small")


def train(digits: modnet.Dataset, width: int = 50, iterations: int = 40, threads: int = 1, **parts: Any) -> str:
    """Return the digest of a run whose bits depend on the number of BLAS threads."""
    net = modnet.TwoLayerNet(784, width, 10, seed=0)
    return hash_params(modnet.train(net, digits, iterations=iterations, blas_threads=threads, **parts).params)


class Hook(modnet.Observer):
    """An observer that does something at a run's start."""

    def __init__(self, do) -> None:
        self.do = do

    def run_started(self, run) -> None:
        self.do()


class TestSideBySide:
    def test_the_bits_depend_on_the_number_of_threads(self, digits: modnet.Dataset) -> None:
        """If they did not here, the other tests would show nothing."""
        if train(digits) == train(digits, threads=2):
            pytest.skip("this BLAS sums in the same order with one thread and two")

    @pytest.mark.filterwarnings("ignore:. BLAS threads are wanted")  # long, on a busy machine
    @pytest.mark.parametrize("threads", [(1, 1, 1), (1, 2, 1, 2), (2, 2)])
    def test_runs_that_end_at_other_times_have_the_bits_that_they_have_alone(
        self, digits: modnet.Dataset, threads: tuple[int, ...]
    ) -> None:
        runs = [(20 + 30 * i, 10 + 20 * i, count) for i, count in enumerate(threads)]
        alone = [train(digits, *run) for run in runs]
        with ThreadPoolExecutor(len(runs)) as pool:
            assert list(pool.map(lambda run: train(digits, *run), runs)) == alone

    @pytest.mark.filterwarnings("ignore:. BLAS threads are wanted")  # long, on a busy machine
    def test_so_have_estimators_that_want_one_thread_inside_runs_with_two(self, digits: modnet.Dataset) -> None:
        few = modnet.Dataset.from_arrays((digits.train.x[:200, ::8], digits.train.t[:200]))

        def go(width: int) -> str:
            net = modnet.TwoLayerNet(98, width, 10, seed=0)
            forward = modnet.gradient("forward-difference", threads=2)
            return hash_params(modnet.train(net, few, iterations=8, blas_threads=2, gradient=forward).params)

        alone = [go(width) for width in (10, 20, 30)]
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(go, (10, 20, 30))) == alone

    def test_a_callers_limit_in_another_thread_does_not_bind_a_run(self, digits: modnet.Dataset) -> None:
        """threadpoolctl leaves the number to the thread that has set it first."""
        alone = train(digits)
        limit = threadpool_limits(3, user_api="blas")  # this thread's from now on
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(train, digits).result() == alone
        assert count_threads() == {3}
        limit.restore_original_limits()


class TestLimit:
    @pytest.mark.parametrize("way_out", [None, ZeroDivisionError, KeyboardInterrupt, SystemExit])
    def test_it_holds_in_the_block_and_ends_with_it(self, way_out: type[BaseException] | None) -> None:
        def leave() -> None:
            with limit_blas_threads(1):
                assert count_threads() == {1}
                if way_out:
                    raise way_out

        with pytest.raises(way_out) if way_out else nullcontext():
            leave()
        assert count_threads() == {OTHERS}

    def test_the_last_block_that_ends_restores(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            leave = threading.Event()

            def hold() -> None:
                with limit_blas_threads(1):
                    leave.wait(60)

            with limit_blas_threads(1):
                other = pool.submit(hold)
            assert count_threads() <= {1, OTHERS}  # whether the other one had come in time or not
            leave.set()
            other.result()
            assert count_threads() == {OTHERS}

    def test_another_number_waits(self) -> None:
        came, order = threading.Event(), []

        def want_two() -> None:
            came.set()
            with limit_blas_threads(2):
                order.append(("two", count_threads()))

        with ThreadPoolExecutor(1) as pool:
            with limit_blas_threads(1):
                other = pool.submit(want_two)
                came.wait(60)
                time.sleep(0.05)
                order.append(("one", count_threads()))
            other.result(60)
        assert order == [("one", {1}), ("two", {2})]

    @pytest.mark.parametrize("counts", [(1, 2, 1), (2, 1, 2), (1, 3, 3, 2)])
    def test_a_block_in_a_block_never_waits_for_it(self, counts: tuple[int, ...]) -> None:
        def enter(inner: tuple[int, ...]) -> None:
            if inner:
                with limit_blas_threads(inner[0]):
                    assert count_threads() == {inner[0]}
                    enter(inner[1:])
                    assert count_threads() == {inner[0]}

        enter(counts)

    def test_two_threads_that_suspend_their_blocks_never_wait_for_each_other(self) -> None:
        both, seen = threading.Barrier(2, timeout=60), []

        def go() -> None:
            with limit_blas_threads(2):
                both.wait()
                for _ in range(20):
                    with limit_blas_threads(1):
                        seen.append(count_threads())
                    seen.append(count_threads())

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(go), pool.submit(go)]:
                done.result(60)
        assert seen.count({1}) == seen.count({2}) == 40

    def test_a_hook_that_trains_in_a_run(self, digits: modnet.Dataset) -> None:
        one, two, inside = train(digits), train(digits, threads=2), list[str]()
        assert train(digits, observer=Hook(lambda: inside.append(train(digits, threads=2)))) == one
        assert inside == [two]


class Watchful(modnet.Activation):
    """The sigmoid; it notes the number of BLAS threads at each call."""

    elementwise = True
    seen: ClassVar[list[int]] = []

    def __call__(self, a, axis=-1):
        self.seen.extend(count_threads())
        return 1 / (1 + np.exp(-a))


DIFFERENCES = ["central-difference", "forward-difference", "richardson", "complex-step"]


class TestDifferencesOutsideOfARun:
    @pytest.mark.parametrize("name", DIFFERENCES)
    def test_one_thread_from_the_forward_pass_on(self, digits: modnet.Dataset, name: str) -> None:
        net = modnet.Network([784, 5, 10], hidden=Watchful())
        Watchful.seen.clear()
        net.gradient(digits.train.x[:20], digits.train.t[:20], name)
        assert set(Watchful.seen) == {1}
        assert count_threads() == {OTHERS}

    def test_they_wait_for_a_run_of_two_in_another_thread_and_have_their_own_bits(self, digits: modnet.Dataset) -> None:
        net, batch = modnet.TwoLayerNet(784, 20, 10, seed=0), (digits.train.x[:50], digits.train.t[:50])
        alone, held, leave, order = net.numerical_gradient(*batch), threading.Event(), threading.Event(), []

        def hold() -> None:
            with limit_blas_threads(2):
                held.set()
                leave.wait(60)
                order.append("run")

        def differences() -> dict[str, np.ndarray]:
            grads = net.numerical_gradient(*batch)
            order.append("differences")
            return grads

        with ThreadPoolExecutor(2) as pool:
            run = pool.submit(hold)
            assert held.wait(60)
            waiting = pool.submit(differences)
            net.gradient(*batch)  # backpropagation limits nothing, and waits for nobody
            leave.set()
            run.result(60)
            found = waiting.result(60)
        assert order == ["run", "differences"]
        assert all(np.array_equal(found[name], grad) for name, grad in alone.items())


class TestOtherCodeThatSetsTheNumber:
    """scikit-learn, say, limits BLAS in a thread of its own, and restores what it found."""

    def test_a_limit_that_ends_during_the_run(self, digits: modnet.Dataset) -> None:
        alone = train(digits)
        foreign = threadpool_limits(1, user_api="blas")  # it found two, and restores them
        assert train(digits, observer=Hook(foreign.restore_original_limits)) == alone
        assert count_threads() == {OTHERS}

    def test_a_number_set_in_one_of_several_runs_and_never_restored(self, digits: modnet.Dataset) -> None:
        class Every(modnet.Observer):
            def epoch_ended(self, run) -> None:
                threadpool_limits(OTHERS, user_api="blas")

        alone = train(digits, iterations=300)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda o: train(digits, iterations=300, observer=o), [None, Every()]))
        assert found == [alone, alone]

    def test_a_wait_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hook may wait for a run of another number in another thread: both wait for ever."""
        said, told = threading.Event(), list[str]()
        monkeypatch.setattr("modnet.nn.blas.PATIENCE", 1)
        monkeypatch.setattr("warnings.warn", lambda message, **_: (told.append(message), said.set()))

        def want_two() -> None:
            with limit_blas_threads(2):
                pass

        with ThreadPoolExecutor(1) as pool, limit_blas_threads(1):
            pool.submit(want_two)
            assert said.wait(60)
        what = "2 BLAS threads are wanted, and other threads of this process hold 1"
        assert told == [f"{what}: waiting until their runs have ended"]


def run_python(code: str, *, interrupt_at: str = "", **environment: str) -> str:
    """Return what a process prints that no variable tells how many threads to use; "" where it does not end."""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen([sys.executable, "-c", code], env=free | environment, text=True, **pipes)
    with process:
        assert process.stdout
        printed = ""
        if interrupt_at:
            printed = next(line for line in process.stdout if interrupt_at in line)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        watch = threading.Timer(300, process.kill)  # where it hangs; how long it takes is the machine's affair
        watch.start()
        printed += process.stdout.read()
        watch.cancel()
    return printed if process.returncode >= 0 else f"{printed}\nended by {process.returncode}"


HELD = """
import os, threading, time
from modnet import limit_blas_threads
from threadpoolctl import threadpool_info
count = lambda: {pool["num_threads"] for pool in threadpool_info()}
before, leave, held = count(), threading.Event(), threading.Event()
def hold():
    with limit_blas_threads(1):
        held.set(); leave.wait(60)
thread = threading.Thread(target=hold); thread.start(); held.wait()
"""


class TestProcesses:
    def test_ctrl_c_while_a_run_waits(self) -> None:
        code = f"""{HELD}
try:
    print("waiting", flush=True)
    with limit_blas_threads(2):
        print("never")
except KeyboardInterrupt:
    print("interrupted", count())
leave.set(); thread.join()
print(count() == before)
"""
        assert run_python(code, interrupt_at="waiting").split("\n")[:3] == ["waiting", "interrupted {1}", "True"]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_a_process_that_was_forked_during_a_run_waits_for_nobody(self) -> None:
        code = f"""{HELD}
import warnings; warnings.simplefilter("ignore")
def child():
    print(count() == before, flush=True)
    with limit_blas_threads(2): print(count())
    print(count() == before, flush=True)
    os._exit(0)
if not (pid := os.fork()): child()
os.waitpid(pid, 0)
with limit_blas_threads(1):
    if not (pid := os.fork()):
        with limit_blas_threads(3): print(count())
        print(count(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
leave.set(); thread.join()
print(count() == before)
"""
        assert run_python(code).split("\n")[:6] == ["True", "{2}", "True", "{3}", "{1}", "True"]

    def test_a_blas_that_is_loaded_in_a_run(self) -> None:
        """The first step that uses SciPy's own gives the bits that it gives where SciPy was imported long before."""
        pytest.importorskip("scipy")
        code = """
import sys, modnet
from modnet.nn.checkpoint import hash_params
from threadpoolctl import threadpool_info
if sys.argv[0] == "-c" and {early}: import scipy.linalg
class Own(modnet.GradientEstimator):
    def __call__(self, objective, params, stream):
        from scipy.linalg.blas import dgemm
        grads = objective.backward(params)
        error = dgemm(1.0, objective.x, params["W1"])  # sums of 784, in an order that threads decide
        return {{**grads, "b1": grads["b1"] + 1e-3 * error.mean(axis=0)}}
data = modnet.load("mnist-small")
for width in (10, 20, 50):
    run = modnet.train(modnet.TwoLayerNet(784, width, 10, seed=0), data, iterations={iterations}, gradient=Own())
    print(hash_params(run.params))
print([pool["num_threads"] for pool in threadpool_info()])
"""
        for iterations in (1, 5):
            late, early = (run_python(code.format(early=early, iterations=iterations)) for early in (False, True))
            assert late.split("\n")[:3] == early.split("\n")[:3]
            assert late.count("\n") == 4, late


MATRIX = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import modnet
from modnet.nn.checkpoint import hash_params
from threadpoolctl import threadpool_info
data = modnet.load("mnist-small")
def go(job):
    width, iterations, threads = job
    net = modnet.TwoLayerNet(784, width, 10, seed=width)
    return hash_params(modnet.train(net, data, iterations=iterations, blas_threads=threads, seed=width).params)
count = lambda: [pool["num_threads"] for pool in threadpool_info()]
before, jobs = count(), {jobs}
alone = {{job: go(job) for job in jobs}}
for side_by_side in {numbers}:
    for first in range(0, len(jobs), side_by_side):
        some = (jobs * 2)[first : first + side_by_side]
        with ThreadPoolExecutor(side_by_side) as pool:
            assert [*pool.map(go, some)] == [alone[job] for job in some], some
        assert count() == before
print("equal")
"""


def try_matrix(widths: tuple[int, ...], numbers: tuple[int, ...], **environment: str) -> None:
    """Train runs of other lengths side by side; each must have the bits that it has alone."""
    jobs = [(width, 10 + 25 * (i % 3), threads) for i, width in enumerate(widths) for threads in (1, 2)]
    assert run_python(MATRIX.format(jobs=jobs, numbers=numbers), **environment) == "equal\n"


class TestMatrix:
    def test_two_and_four_runs_at_once(self) -> None:
        try_matrix((20, 50), (2, 4))

    @pytest.mark.check
    @pytest.mark.parametrize("variables", [{}, {"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}])
    @pytest.mark.parametrize("number", [2, 4, 8])
    def test_many(self, number: int, variables: dict[str, str]) -> None:
        try_matrix((20, 30, 50, 70, 100, 150, 200, 300, 400), (number,), **variables)

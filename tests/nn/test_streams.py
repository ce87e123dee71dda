"""Streams keyed by purpose, from draw to trained parameters.

Nothing that happens elsewhere changes a bit.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnet
from modnet import Dataset, Observer, Stream
from modnet.nn.batches import Batches, Sampling
from modnet.nn.checkpoint import hash_params

SAMPLINGS: list[Sampling] = ["replacement", "shuffle"]
# Estimators that draw, and those that share their work among threads.
RANDOM = [
    "spsa",
    "evolution-strategies",
    "forward-gradient",
    "random-coordinates",
    "node-perturbation",
    "direct-feedback-alignment",
]
THREADED = ["central-difference", "forward-difference", "richardson", "complex-step"]

OF_TORCH = {"torch-autograd"}  # of torch's arrays alone


@cache
def blobs() -> Dataset:
    """Return 60 training and 12 test points around three points."""
    generator = Stream(5, ("blobs",)).generator()
    t = generator.integers(0, 3, 72)
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[t] + 0.1 * generator.normal(size=(72, 2))
    return Dataset.from_arrays((x[:60], t[:60]), (x[60:], t[60:]))


def train(gradient: object = "backpropagation", optimizer: object = "adam", **changes: Any) -> modnet.Run:
    parts = {key: changes.pop(key) for key in ("hidden", "output", "loss") if key in changes}
    net = modnet.TwoLayerNet(2, 5, 3, weight_init_std=0.5, seed=changes.get("seed", 0), **parts)
    wanted = {"batch_size": 7, "iterations": 30, "gradient": gradient, "optimizer": optimizer, **changes}
    return modnet.train(net, blobs(), **wanted)


def bits(run: modnet.Run) -> tuple[str, list[float], list[float]]:
    return hash_params(run.params), run.history.loss, run.history.test_accuracy


def poison(seed: int) -> None:
    """Do to the global random states all that a careless plugin may do: seed, set, draw."""
    np.random.seed(seed)  # noqa: NPY002 - the poison
    np.random.random(seed % 7)  # noqa: NPY002
    random.seed(seed)
    random.getrandbits(1)


def greedy(stream: Stream) -> None:
    """Draw a million numbers from a stream, and poison what is global."""
    stream.generator().random(1_000_000)
    poison(int(stream.generator().integers(1000)))


@pytest.fixture(autouse=True)
def _global_states_are_given_back() -> Iterator[None]:
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    random.setstate(ours)
    np.random.set_state(numpys)  # noqa: NPY002


# Each draws a million numbers and poisons the global states where it can, and then does what the built-in does.
@attrs.frozen
class GreedyActivation(modnet.Activation):
    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        greedy(Stream(0, ("greedy",)))
        return modnet.activation("sigmoid")(a, axis)

    def backward(self, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
        greedy(Stream(1, ("greedy",)))
        return modnet.activation("sigmoid").backward(a, z, dz, axis)


@attrs.frozen
class GreedyEstimator(modnet.GradientEstimator):
    inner: modnet.GradientEstimator

    def __call__(self, objective: Any, params: Any, stream: Stream) -> Any:
        return self.estimate(objective, params, stream, self.init(params, stream))[0]

    def init(self, params: Any, stream: Stream) -> Any:
        return self.inner.init(params, stream)

    def estimate(self, objective: Any, params: Any, stream: Stream, state: Any) -> Any:
        greedy(stream)
        greedy(stream.child("more"))
        return self.inner.estimate(objective, params, stream, state)


@attrs.frozen
class GreedyOptimizer(modnet.Optimizer):
    inner: modnet.Optimizer

    def init(self, params: Any) -> Any:
        greedy(Stream(0, ("gradient",)))  # even from streams that are others'
        return self.inner.init(params)

    def step(self, params: Any, grads: Any, state: Any) -> Any:
        greedy(Stream(0, ("batches", 0)))
        return self.inner.step(params, grads, state)


class GreedyObserver(Observer):
    def run_started(self, run: Any) -> None:
        greedy(Stream(0, ("weights", 1)))

    epoch_ended = run_ended = run_started


class TestAGreedyPart:
    """A component that draws a million numbers changes no other draw."""

    @pytest.mark.parametrize("sampling", SAMPLINGS)
    def test_an_activation(self, sampling: Sampling) -> None:
        first = train(iterations=8, sampling=sampling)
        assert bits(train(iterations=8, sampling=sampling, hidden=GreedyActivation())) == bits(first)

    @pytest.mark.parametrize("name", ["backpropagation", *RANDOM])
    def test_an_estimator_beside_each_that_draws(self, name: str) -> None:
        inner = modnet.gradient(name)
        assert bits(train(GreedyEstimator(inner), iterations=8)) == bits(train(inner, iterations=8))

    def test_an_optimizer_and_an_observer(self) -> None:
        first = train("spsa", iterations=8)
        optimizer = GreedyOptimizer(modnet.optimizer("adam"))
        assert bits(train("spsa", optimizer, iterations=8, observer=GreedyObserver())) == bits(first)

    @given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9)), max_size=6), st.integers(0, 2**32))
    def test_any_draws_before_and_between(self, others: list[tuple[str, int]], seed: int) -> None:
        alone = Stream(seed, ("mine",)).generator().random(4)
        generator = Stream(seed, ("mine",)).generator()
        found = [generator.random()]
        for purpose, count in others:
            Stream(seed, (purpose, "other")).generator().random(count)
        found += list(generator.random(3))
        assert list(alone) == found


class TestPoison:
    """Nothing reads or writes the global random states."""

    @given(st.integers(0, 2**32 - 1))
    @settings(max_examples=settings.default.max_examples // 10)
    def test_it_changes_nothing(self, seed: int) -> None:
        poison(0)
        first = bits(train("spsa", iterations=10))
        poison(seed)
        assert bits(train("spsa", iterations=10)) == first

    @pytest.mark.parametrize("name", sorted({*modnet.compose.plugins.get_host().registry.names("gradient")} - OF_TORCH))
    def test_the_states_stay_as_they_were(self, name: str) -> None:
        poison(3)
        ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
        train(name, iterations=3, hidden="tanh")
        Dataset.from_arrays((np.zeros((9, 1)), np.zeros(9, int)), stratified=True)
        assert random.getstate() == ours
        assert np.array_equal(np.random.get_state()[1], numpys[1])  # noqa: NPY002
        assert np.random.get_state()[2:] == numpys[2:]  # noqa: NPY002


class TestWidth:
    """Nets of different width see the same batches, and share the first columns of W1."""

    @given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([0.01, "he", "xavier"]))
    def test_the_wider_net_begins_with_the_units_of_the_narrower(
        self, one: int, other: int, seed: int, std: float | str
    ) -> None:
        narrow, wide = (
            modnet.TwoLayerNet(6, width, 3, seed=seed, weight_init_std=std).params["W1"]
            for width in sorted((one, other))
        )
        if std == "xavier":  # whose deviation is of inputs and outputs
            narrow, wide = narrow * np.sqrt(6 + narrow.shape[1]), wide * np.sqrt(6 + wide.shape[1])
            np.testing.assert_allclose(wide[:, : narrow.shape[1]], narrow, rtol=1e-14)
        else:
            assert np.array_equal(wide[:, : narrow.shape[1]], narrow)

    @given(st.integers(1, 12), st.integers(0, 2**32), st.sampled_from(SAMPLINGS))
    @settings(max_examples=settings.default.max_examples // 5)
    def test_every_width_sees_the_same_batches(self, width: int, seed: int, sampling: Sampling) -> None:
        expected = Batches(60, 7, sampling, Stream(seed, ("batches",)))
        seen: list[Any] = []

        def estimator(objective: Any, params: Any, stream: Stream) -> Any:
            seen.append(objective.x)
            return objective.backward(params)

        net = modnet.TwoLayerNet(2, width, 3, seed=seed)
        modnet.train(net, blobs(), gradient=estimator, batch_size=7, iterations=12, sampling=sampling, seed=seed)
        assert all(np.array_equal(x, blobs().train.x[expected.draw(t)]) for t, x in enumerate(seen))
        assert len(seen) == 12


class TestBatches:
    @given(
        st.integers(1, 200), st.integers(1, 50), st.integers(0, 2**32), st.sampled_from(SAMPLINGS),
        st.lists(st.integers(0, 10_000), min_size=1, max_size=12), st.randoms(use_true_random=False),
    )  # fmt: skip
    def test_any_batch_in_any_order_without_its_predecessors(
        self, samples: int, size: int, seed: int, sampling: Sampling, wanted: list[int], shuffler: random.Random
    ) -> None:
        def fresh() -> Batches:
            return Batches(samples, min(size, samples), sampling, Stream(seed, ("batches",)))

        one = fresh()
        in_turn = {t: one.draw(t).copy() for t in sorted(wanted)}
        shuffler.shuffle(wanted)
        for t in wanted:
            assert np.array_equal(fresh().draw(t), in_turn[t])
            assert np.array_equal(one.draw(t), in_turn[t])


def work(seed: int) -> tuple[str, list[float], list[float]]:
    """Train in a process of its own."""
    return bits(train("evolution-strategies", seed=seed))


@cache
def work_alone() -> list[tuple[str, list[float], list[float]]]:
    """Train in this process."""
    return [work(seed) for seed in range(4)]


# What is trained in a real process: wide enough for a matrix product that OpenBLAS would share between threads.
CODE = """
import modnet
from modnet.nn.checkpoint import hash_params
data = modnet.load("mnist-small")
net = modnet.Network([784, 120, 60, 10], hidden="tanh", weight_init_std="xavier")
for gradient, iterations in (("backpropagation", 60), ("spsa", 5), ("central-difference", 1)):
    run = modnet.train(net, data, gradient=gradient, batch_size=200, iterations=iterations, sampling="shuffle")
    print(hash_params(run.params), *run.history.loss[-3:], *run.history.test_accuracy)
"""


def in_process(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alone() -> str:
    return in_process(**threads_of(1), PYTHONHASHSEED="0", LC_ALL="C", TZ="UTC")


def threads_of(count: int) -> dict[str, str]:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return dict.fromkeys(names, str(count))


class TestSideBySide:
    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_workers_give_the_bits_that_one_alone_gives(self, workers: int) -> None:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            assert list(pool.map(work, range(4))) == work_alone()

    def test_the_environments_blas_threads_do_not_matter(self, alone: str) -> None:
        """A run sets its own: `training.blas_threads`, which is 1."""
        assert in_process(**threads_of(2)) == alone

    def test_neither_do_hash_seed_language_and_time_zone(self, alone: str) -> None:
        abroad = {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Seoul"}
        assert in_process(**threads_of(1), **abroad) == alone

    def test_the_estimators_with_threads_are_these(self) -> None:
        every = modnet.compose.plugins.get_host().registry.components("gradient")
        assert {c.name for c in every if "threads" in attrs.fields_dict(c.cls)} == set(THREADED)

    @pytest.mark.parametrize("name", THREADED)
    def test_the_threads_of_an_estimator_do_not_matter(self, name: str) -> None:
        runs = [bits(train(modnet.gradient(name, threads=count), iterations=6)) for count in (1, 2, 3)]
        assert runs[0] == runs[1] == runs[2]

"""The training loop: what it does, what it records, and how it ends."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modnet_progress.rows import format_epoch

import modnet
from modnet import DataError, Dataset, DivergedError, History, Observer, SettingError, ShapeError, TrainingInterrupted
from modnet.cli.show.summary import summarize
from modnet.data.fingerprint import data_fingerprint
from modnet.nn.checkpoint import Checkpoints, hash_params
from modnet.nn.run import TrainingSettings
from modnet.nn.training import CHECKPOINT_SHARE, train_network
from modnet.runs.contents import history_to_csv, read_history


@pytest.fixture(scope="module")
def blobs() -> Dataset:
    """Return 300 training and 60 test points around three points."""
    rng = np.random.default_rng(0)
    t = rng.integers(0, 3, 360)
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[t] + 0.1 * rng.normal(size=(360, 2))
    return Dataset.from_arrays((x[:300], t[:300]), (x[300:], t[300:]))


class Diary(Observer):
    """An observer that writes down each call."""

    def __init__(self, at_epoch: Any = lambda run: None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.at_epoch = at_epoch

    def run_started(self, run: Any) -> None:
        self.told.append(("started", run.iteration))

    def epoch_ended(self, run: Any) -> None:
        self.told.append(("epoch", run.iteration, round(run.epoch, 2)))
        self.at_epoch(run)

    def run_ended(self, run: Any) -> None:
        self.told.append(("ended", run.iteration, run.status))


def small(seed: int = 0, **settings: Any) -> modnet.Network:
    return modnet.TwoLayerNet(2, 5, 3, seed=seed, weight_init_std=0.5, **settings)


def run_on(data: Dataset, net: modnet.Network | None = None, lr: float = 0.5, **settings: Any) -> modnet.Run:
    settings = {"batch_size": 30, "iterations": 40, "gradient": "backpropagation", **settings}
    return modnet.train(net or small(), data, optimizer=modnet.optimizer("sgd", lr=lr), **settings)


class TestLearning:
    @pytest.mark.parametrize("gradient", ["backpropagation", "central-difference"])
    def test_the_net_learns(self, blobs: Dataset, gradient: str) -> None:
        run = run_on(blobs, lr=1.0, iterations=150, gradient=gradient)
        assert run.history.loss[-1] < 0.3 < run.history.loss[0]
        assert run.history.test_accuracy[-1] > 0.95
        assert run.status == "finished"
        assert run.network.accuracy(blobs.test.x, blobs.test.t) == run.history.test_accuracy[-1]

    def test_it_is_the_books_loop(self, blobs: Dataset) -> None:
        """Draw, forward, backward, step: the same numbers as written out by hand."""
        run = run_on(blobs, iterations=3)
        params = small().params
        stream = modnet.Stream(0, ("batches", 0))
        chosen = stream.generator().integers(0, 300, (1000, 30))
        for k in range(3):
            net = small().with_arrays(params)
            x, t = blobs.train.x[chosen[k]], blobs.train.t[chosen[k]]
            assert run.history.loss[k] == net.loss(x, t)
            grads = net.gradient(x, t, "backpropagation")
            params = {name: p - 0.5 * grads[name] for name, p in params.items()}
        for name, value in params.items():
            np.testing.assert_allclose(run.network.params[name], value, rtol=1e-14)

    def test_the_network_that_was_given_stays_as_it_is(self, blobs: Dataset) -> None:
        net = small()
        before = {name: p.copy() for name, p in net.params.items()}
        run = run_on(blobs, net)
        assert all(np.array_equal(net.params[name], before[name]) for name in before)
        assert not np.array_equal(run.network.params["W1"], before["W1"])
        assert type(run.network) is type(net)

    def test_float32_stays_float32(self, blobs: Dataset) -> None:
        run = run_on(blobs, small(dtype="float32"))
        assert {p.dtype for p in run.network.params.values()} == {np.dtype("float32")}

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the page faults of Linux")
    def test_memory_is_not_given_back_and_taken_again_in_every_iteration(self) -> None:
        """Page faults took a fifth of the time of a small network."""
        code = (
            "import numpy, resource, modnet; faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt;"
            "x = numpy.random.default_rng(0).normal(size=(2000, 64)); t = numpy.arange(2000) % 10;"
            "data, net = modnet.Dataset.from_arrays(x, t), modnet.Network([64, 100, 10]);"
            "train = lambda: modnet.train(net, data, iterations=200); train();"
            "before = faults(); train(); print(faults() - before)"
        )
        assert int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout) < 2000


class TestReproducibility:
    def test_same_seed_same_bits_another_seed_others(self, blobs: Dataset) -> None:
        first, second, other = (hash_params(run_on(blobs, seed=seed).network.params) for seed in (0, 0, 1))
        assert first == second != other

    def test_poisoned_global_random_state_changes_nothing(self, blobs: Dataset) -> None:
        first = run_on(blobs)
        np.random.seed(99)  # noqa: NPY002 - the poison
        random.seed(99)
        assert hash_params(run_on(blobs).network.params) == hash_params(first.network.params)

    def test_the_number_of_blas_threads_is_not_the_machines_affair(self) -> None:
        """Whatever the environment allows, a run uses one thread, and so comes out the same."""
        code = (
            "import modnet; from modnet.nn.checkpoint import hash_params as digest;"
            "data = modnet.load('mnist-small');"
            "run = modnet.train(modnet.TwoLayerNet(784, 50, 10), data, iterations=60); print(digest(run.params))"
        )
        digests = set()
        for threads in ("1", "2"):
            threading = {"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
            environment = {**os.environ, **threading}
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            digests.add(done.stdout)
        assert len(digests) == 1

    def test_nets_of_different_width_see_the_same_batches(self, blobs: Dataset) -> None:
        seen: dict[int, list[np.ndarray]] = {2: [], 9: []}
        for width, batches in seen.items():
            net = modnet.TwoLayerNet(2, width, 3, seed=0)

            def remember(objective, params, stream, batches=batches):
                batches.append(objective.x)
                return objective.backward(params)

            run_on(blobs, net, gradient=remember)
        assert len(seen[2]) == 40
        assert all(np.array_equal(a, b) for a, b in zip(seen[2], seen[9], strict=True))

    def test_an_estimator_that_draws_a_million_numbers_shifts_nobody(self, blobs: Dataset) -> None:
        def greedy(objective, params, stream):
            stream.generator().random(1_000_000)
            return objective.backward(params)

        first, second = run_on(blobs, iterations=5), run_on(blobs, iterations=5, gradient=greedy)
        assert hash_params(first.network.params) == hash_params(second.network.params)

    def test_every_step_draws_from_another_stream(self, blobs: Dataset) -> None:
        draws = []

        def random_direction(objective, params, stream):
            draws.append(stream.generator().random())
            return objective.backward(params)

        run_on(blobs, iterations=20, gradient=random_direction)
        assert len(set(draws)) == 20


class TestKeeping:
    def test_a_checkpoint_is_handed_over_at_the_beginning_and_at_the_end(self, blobs: Dataset) -> None:
        kept: list[modnet.Checkpoint] = []
        run_on(blobs, keep=kept.append)
        assert [checkpoint.iteration for checkpoint in kept] == [0, 39]

        def fails(run: Any) -> None:
            if run.iteration == 20:
                raise ZeroDivisionError("a plugin's")

        with pytest.raises(ZeroDivisionError):
            run_on(blobs, keep=kept.append, observer=Diary(fails))
        assert [checkpoint.iteration for checkpoint in kept] == [0, 39, 0, 19]
        assert run_on(blobs, start=kept[-1]).history == run_on(blobs).history

    def test_however_long_it_takes_it_takes_no_more_than_its_share(self, blobs: Dataset, monkeypatch) -> None:
        monkeypatch.setattr("modnet.nn.training.CHECKPOINT_EVERY", 0.0)
        began, kept = time.perf_counter(), []

        def slow(checkpoint: modnet.Checkpoint) -> None:
            kept.append(checkpoint)
            time.sleep(0.01)

        run_on(blobs, keep=slow, iterations=2000)
        assert len(kept) <= 2 + (time.perf_counter() - began) * CHECKPOINT_SHARE / 0.01

    def test_what_fails_is_not_tried_again(self, blobs: Dataset) -> None:
        calls = []

        def fails(checkpoint: modnet.Checkpoint) -> None:
            calls.append(checkpoint)
            raise OSError("full")

        diary = Diary()
        with pytest.raises(OSError, match="full"):
            run_on(blobs, keep=fails, observer=diary)
        assert len(calls) == 1
        assert diary.told[-1] == ("ended", 0, "failed")

    def test_fewer_iterations_than_were_made(self, blobs: Dataset) -> None:
        start = run_on(blobs).checkpoint
        with pytest.raises(SettingError, match="'iterations' must be >= the 39 that were made: 30"):
            run_on(blobs, start=start, iterations=30)

    def test_seconds_are_added_up(self, blobs: Dataset) -> None:
        first = run_on(blobs)
        assert run_on(blobs, start=first.checkpoint).seconds > first.seconds


class TestHistory:
    @pytest.mark.parametrize(
        ("batch_size", "iterations", "ends"),
        [
            (30, 25, [10, 20, 25]),
            (30, 20, [10, 20]),
            (70, 13, [5, 9, 13]),
            (128, 8, [3, 5, 8]),
            (300, 2, [1, 2]),
            (700, 2, [1, 2]),
            (30, 0, [0]),
        ],
    )
    def test_accuracies_are_taken_at_every_epochs_end_and_at_the_runs(
        self, blobs, batch_size, iterations, ends
    ) -> None:
        history = run_on(blobs, batch_size=batch_size, iterations=iterations).history
        assert history.iterations == ends
        assert len(history.loss) == iterations
        assert len(history.train_accuracy) == len(history.test_accuracy) == len(ends)

    def test_shuffled_epochs_end_when_all_samples_were_seen(self, blobs: Dataset) -> None:
        assert run_on(blobs, batch_size=70, iterations=12, sampling="shuffle").history.iterations == [5, 10, 12]

    def test_without_test_samples_the_test_accuracy_is_unknown(self, blobs: Dataset) -> None:
        data = Dataset.from_arrays((blobs.train.x, blobs.train.t), test_fraction=0.0)
        assert math.isnan(run_on(data).history.test_accuracy[-1])

    def test_the_observer_is_notified_in_order(self, blobs: Dataset) -> None:
        diary = Diary()
        run_on(blobs, iterations=25, observer=diary)
        assert diary.told == [
            ("started", 0), ("epoch", 10, 1.0), ("epoch", 20, 2.0), ("epoch", 25, 2.5), ("ended", 25, "finished")
        ]  # fmt: skip


class TestEnds:
    def test_ctrl_c_ends_with_what_was_learned_so_far(self, blobs: Dataset) -> None:
        def interrupts(objective, params, stream):
            interrupts.calls += 1
            if interrupts.calls == 8:
                raise KeyboardInterrupt
            return objective.backward(params)

        interrupts.calls = 0
        diary = Diary()
        with pytest.raises(TrainingInterrupted, match="interrupted after 7 of 40 iterations") as caught:
            run_on(blobs, gradient=interrupts, observer=diary)
        run = caught.value.run
        assert (run.status, run.iteration, len(run.history.loss)) == ("interrupted", 7, 7)
        assert hash_params(run.params) == hash_params(run_on(blobs, iterations=7).params)
        assert run.history.iterations == [7]
        assert diary.told[-1] == ("ended", 7, "interrupted")

    def test_a_learning_rate_too_large_is_named_as_the_cause(self, blobs: Dataset) -> None:
        net = small(hidden="identity", output="identity", loss="mean-squared-error")
        with pytest.raises(
            DivergedError, match=r"the loss became (inf|nan) at iteration \d+: .*smaller learning rate"
        ) as caught:
            run_on(blobs, net, lr=1e6, iterations=200)
        run = caught.value.run
        assert run.status == "diverged"
        assert len(run.history.loss) == run.iteration == caught.value.iteration - 2
        assert all(np.isfinite(p).all() for p in run.params.values())
        assert all(math.isfinite(loss) for loss in run.history.loss)

    def test_infinite_data_is_named_as_the_cause(self, blobs: Dataset) -> None:
        x = blobs.train.x.copy()
        x[:, 0] = np.inf
        data = Dataset(modnet.Samples(x, blobs.train.t), blobs.test, blobs.classes)
        parts = modnet.gradient("backpropagation"), modnet.optimizer("sgd")
        with pytest.raises(
            DivergedError, match=r"iteration \d: the batch holds values that are not finite: check the data"
        ):
            train_network(small(), data, *parts, TrainingSettings(), seed=0, observer=Observer())

    def test_data_that_cannot_be_trained_on_is_refused_before_the_first_iteration(self, blobs: Dataset) -> None:
        x = np.where(blobs.train.x > 0, np.nan, blobs.train.x)
        with pytest.raises(DataError, match="training row 1, feature 2: expected a finite number, found nan"):
            run_on(Dataset(modnet.Samples(x, blobs.train.t), blobs.test, blobs.classes))
        with pytest.raises(DataError, match="training targets are float64"):
            run_on(Dataset(modnet.Samples(blobs.train.x, blobs.train.t * 0.5), blobs.test, blobs.classes))

    def test_an_activation_that_gives_nan_is_named_with_its_layer(self, blobs: Dataset) -> None:
        def break_down(a):
            return np.where(a > 0, np.nan, a)

        with pytest.raises(DivergedError, match=r"the activation .* of layer 1 gives nan for pre-activations up to"):
            run_on(blobs, small(hidden=break_down), gradient="central-difference")

    def test_a_loss_of_log_0_is_named(self, blobs: Dataset) -> None:
        def hard(a):
            return (a == a.max(axis=1, keepdims=True)).astype(float)

        net = small(output=hard, loss=modnet.loss("cross-entropy", eps=0))
        with pytest.raises(DivergedError, match="the loss cross-entropy is not finite for finite outputs"):
            run_on(blobs, net, gradient="central-difference")

    def test_whatever_fails_the_observer_learns_of_the_end(self, blobs: Dataset) -> None:
        diary = Diary()

        def fails(objective, params, stream):
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            run_on(blobs, gradient=fails, observer=diary)
        assert diary.told == [("started", 0), ("ended", 0, "failed")]

    def test_the_loop_leaves_numpys_error_state_as_it_was(self, blobs: Dataset) -> None:
        before = np.geterr()
        run_on(blobs)
        assert np.geterr() == before


class TestMistakes:
    def test_network_and_data_must_fit(self, blobs: Dataset) -> None:
        with pytest.raises(ShapeError, match=r"layer 1 expects samples of shape \(N, 7\), it was given \(1, 2\)"):
            run_on(blobs, modnet.TwoLayerNet(7, 5, 3))
        with pytest.raises(ShapeError, match="layer 2 has 2 outputs, the data has 3 classes"):
            run_on(blobs, modnet.TwoLayerNet(2, 5, 2))

    @pytest.mark.parametrize(
        ("setting", "value", "words"),
        [
            ("iterations", -1, "must be >= 0: -1"),
            ("blas_threads", 0, "must be >= 1: 0"),
            ("batch_size", 0, "must be >= 1: 0"),
            ("batch_size", 2.5, "must be a whole number, not 2.5"),
            ("sampling", "shufle", "must be 'replacement' or 'shuffle', not 'shufle', did you mean 'shuffle'?"),
        ],
    )
    def test_settings_that_cannot_be(self, blobs: Dataset, setting: str, value: Any, words: str) -> None:
        with pytest.raises(SettingError, match=f"^training: '{setting}' {re.escape(words)}$"):
            run_on(blobs, **{setting: value})

    def test_misspelt_parts(self, blobs: Dataset) -> None:
        with pytest.raises(modnet.UnknownNameError, match="no gradient 'backprop', did you mean 'backpropagation'"):
            run_on(blobs, gradient="backprop")

    def test_no_training_samples(self, blobs: Dataset) -> None:
        empty = Dataset(modnet.Samples(blobs.train.x[:0], blobs.train.t[:0]), blobs.test, blobs.classes)
        parts = (modnet.gradient("backpropagation"), modnet.optimizer("sgd"))
        with pytest.raises(ShapeError, match="there are no training samples"):
            train_network(small(), empty, *parts, TrainingSettings())


class TestAnotherPartOfTheData:
    """Samples besides those for training and test are evaluated, recorded and saved with the others."""

    @pytest.fixture
    def data(self, blobs: Dataset) -> Dataset:
        return blobs.with_parts({**blobs.parts, "validation": blobs.test})

    def test_its_accuracy_is_a_column_of_the_history(self, data: Dataset) -> None:
        history = run_on(data).history
        assert list(history.columns) == ["train_accuracy", "test_accuracy", "validation_accuracy", "validation_loss"]
        assert history.columns["validation_accuracy"] == history.test_accuracy

    def test_the_column_is_saved_shown_and_read_back(self, data: Dataset, tmp_path: Path) -> None:
        run = run_on(data)
        checkpoints = Checkpoints(tmp_path)
        checkpoints.save(run.checkpoint)
        found = checkpoints.load()
        assert found
        assert found[0].history.columns.keys() == run.history.columns.keys()
        (tmp_path / "history.csv").write_text(history_to_csv(run.history))
        assert read_history(tmp_path / "history.csv") == run.history
        assert "train acc, val acc | " in format_epoch(run)
        assert len(modnet.figures.learning_curves.from_history(run.history).axes[1].lines) == 3

    def test_it_belongs_to_what_the_data_is_known_by(self, data: Dataset, blobs: Dataset) -> None:
        assert repr(data).startswith("<Dataset: 300 training, 60 test and 60 validation samples of 2 features")
        assert data_fingerprint(data).items() > data_fingerprint(blobs).items()
        assert summarize(data).counts.keys() == {"train", "test", "validation"}

    def test_a_column_that_comes_later_has_no_values_before(self) -> None:
        history = History()
        history.record(1, {"train_accuracy": 0.5})
        history.record(2, {"train_accuracy": 0.6, "seconds": 1.0})
        assert history.until(2).columns["train_accuracy"] == [0.5, 0.6]
        assert np.isnan([*history.test_accuracy, history.columns["seconds"][0]]).all()
        assert history.until(1).columns["train_accuracy"] == [0.5]


@pytest.mark.parametrize("data", [(np.ones((5, 3)), np.zeros(5, int)), "iris.csv", None])
def test_what_is_no_data_set_is_refused_with_how_to_make_one(data):
    net = modnet.TwoLayerNet(3, 5, 2, seed=0)
    with pytest.raises(modnet.DataError, match=r"must be a modnet\.Dataset, not a .*from_arrays"):
        modnet.train(net, data, gradient="backpropagation", iterations=1)

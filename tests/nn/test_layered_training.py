"""Training of networks of layers: modes, buffers, streams, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import Array, Dataset, Layer, Mode, Observer, Params, Stream
from modnet.nn.checkpoint import Checkpoint, Checkpoints, hash_params

ITERATIONS = 23


@pytest.fixture(scope="module")
def blobs() -> Dataset:
    """Return 40 training and 12 test points of three classes, far from the origin."""
    rng = np.random.default_rng(0)
    t = np.arange(52) % 3
    x = 5 + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[t] + 0.3 * rng.normal(size=(52, 2))
    return Dataset.from_arrays((x[:40], t[:40]), (x[40:], t[40:]))


def network(*, units: int = 6, dtype: str = "float64", rate: float = 0.4) -> modnet.Network:
    layers: list[Any] = [
        modnet.layer("dense", units=units),
        "batch-norm",
        "relu",
        modnet.layer("dropout", rate=rate),
        modnet.layer("dense", units=3),
        "softmax",
    ]
    return modnet.Network(layers, shape=2, weight_init_std="he", dtype=dtype, seed=3)


def train(data: Dataset, net: modnet.Network | None = None, **settings: Any) -> modnet.Run:
    usual = {"gradient": "backpropagation", "batch_size": 8, "iterations": ITERATIONS, "observer": Observer()}
    return modnet.train(net or network(), data, **{**usual, **settings})


@attrs.frozen
class Watch(Layer):
    """A layer that changes nothing, and notes in a list what it is called with."""

    calls: list[tuple[Mode, int, tuple[str | int, ...]]] = attrs.field(factory=list)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, None]:
        self.calls.append((mode, len(x), stream.path))
        return x, None


class TestModes:
    def test_training_is_in_train_mode_and_every_evaluation_in_predict_mode(self, blobs: Dataset) -> None:
        watch = Watch()
        net = modnet.Network([watch, modnet.layer("dense", units=3), "softmax"], shape=2)
        data = blobs.with_validation(0.2)
        train(data, net, iterations=8)
        sizes: dict[str, set[int]] = {}
        for mode, rows, _ in watch.calls:
            sizes.setdefault(mode, set()).add(rows)
        assert sizes["train"] == {8}
        assert sizes["predict"] >= {len(data.train), len(data.test), len(data.parts["validation"])}

    def test_a_prediction_is_no_matter_of_chance(self, blobs: Dataset) -> None:
        net = train(blobs).network
        assert net.predict(blobs.test.x).tobytes() == net.predict(blobs.test.x).tobytes()
        assert net.loss(blobs.test.x, blobs.test.t) == net.loss(blobs.test.x, blobs.test.t)

    def test_a_prediction_is_one_of_single_samples(self, blobs: Dataset) -> None:
        net = train(blobs).network
        alone = np.stack([net.predict(row) for row in blobs.test.x])
        np.testing.assert_allclose(alone, net.predict(blobs.test.x), rtol=1e-12)

    def test_an_objective_is_in_train_mode_unless_another_one_is_given(self, blobs: Dataset) -> None:
        net, batch = network(), (blobs.train.x, blobs.train.t)
        assert net.objective(*batch)(net.params) != net.loss(*batch)
        assert net.objective(*batch, mode="predict")(net.params) == net.loss(*batch)


class TestStreams:
    def test_each_layer_has_a_stream_of_its_own_in_each_iteration_and_one_within_it(self, blobs: Dataset) -> None:
        one, other = Watch(), Watch()
        net = modnet.Network([one, other, modnet.layer("dense", units=3), "softmax"], shape=2)
        train(blobs, net, gradient="spsa", iterations=3)
        paths = [path for mode, rows, path in one.calls if mode == "train" and rows == 8]
        assert set(paths) == {("layers", k, 1) for k in range(3)}
        assert len(paths) > 3, "spsa evaluates the loss several times in each iteration"
        assert {path[-1] for mode, rows, path in other.calls if mode == "train" and rows == 8} == {2}

    def test_a_random_layer_shifts_no_batch(self, blobs: Dataset) -> None:
        plain = modnet.Network([modnet.layer("dense", units=3), "softmax"], shape=2, seed=3)
        with_none = modnet.Network(
            [modnet.layer("dropout", rate=0.0), modnet.layer("dense", units=3), "softmax"], shape=2, seed=3
        )
        assert train(blobs, plain).history.loss == train(blobs, with_none).history.loss

    def test_every_iteration_drops_others(self, blobs: Dataset) -> None:
        net = network()
        objectives = [
            net.objective(blobs.train.x, blobs.train.t, stream=Stream(0, ("layers",)).child(k)) for k in (0, 0, 1)
        ]
        first, again, other = (objective(net.params) for objective in objectives)
        assert first == again != other


class TestBuffers:
    def test_running_means_follow_the_batches(self, blobs: Dataset) -> None:
        net = network()
        run = train(blobs, net, optimizer=modnet.optimizer("sgd", lr=1e-12))
        mean, x = np.zeros(6), blobs.train.x @ net.params["W1"] + net.params["b1"]
        for k in range(ITERATIONS):
            mean = 0.9 * mean + 0.1 * x[run.batches.draw(k)].mean(axis=0)
        np.testing.assert_allclose(run.network.buffers["mean1"], mean, rtol=1e-6)

    def test_a_network_that_was_given_stays_as_it_is(self, blobs: Dataset) -> None:
        net = network()
        before = {name: value.copy() for name, value in net.arrays.items()}
        train(blobs, net)
        assert all((before[name] == value).all() for name, value in net.arrays.items())

    def test_they_are_no_parameters(self, blobs: Dataset) -> None:
        net = network()
        assert set(net.buffers) == {"mean1", "var1"}
        assert not set(net.buffers) & set(net.gradient(blobs.train.x, blobs.train.t))
        assert set(net.arrays) == {*net.params, *net.buffers}

    def test_early_stopping_restores_them_with_the_parameters(self, blobs: Dataset) -> None:
        data = blobs.with_validation(0.3)
        early = modnet.callback("early-stopping", patience=2)
        run = train(data, network(), iterations=400, callbacks=[early], optimizer=modnet.optimizer("sgd", lr=0.5))
        at = run.history.validation_loss.index(min(run.history.validation_loss))
        again = train(
            data, network(), iterations=run.history.evaluated_at[at], optimizer=modnet.optimizer("sgd", lr=0.5)
        )
        assert hash_params(run.params) == hash_params(again.params)


def from_disk(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    Checkpoints(folder).save(checkpoint)
    found = Checkpoints(folder).load()
    assert found
    return found[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("gradient", ["backpropagation", "spsa"])
def test_a_run_resumes_to_the_same_bits(blobs: Dataset, tmp_path: Path, dtype: str, gradient: str) -> None:
    settings = {"optimizer": modnet.optimizer("adam", lr=0.01), "gradient": gradient}
    whole = train(blobs, network(dtype=dtype), **settings)
    assert {value.dtype.name for value in whole.params.values()} == {dtype}
    for stop in (7, 10, 23):
        first = train(blobs, network(dtype=dtype), **{**settings, "iterations": stop})
        again = train(blobs, network(dtype=dtype), start=from_disk(first.checkpoint, tmp_path), **settings)
        assert hash_params(again.params) == hash_params(whole.params)
        assert again.history == whole.history


def test_a_checkpoint_of_another_network_is_refused(blobs: Dataset) -> None:
    start = train(blobs, network()).checkpoint
    layers = [modnet.layer("dense", units=6), "relu", modnet.layer("dense", units=3), "softmax"]
    with pytest.raises(
        modnet.ShapeError,
        match=r"the checkpoint is of another network: gamma1 is float64 \(6,\) in it, here it is missing",
    ):
        train(blobs, modnet.Network(layers, shape=2), start=start)


def test_interrupting_leaves_parameters_and_buffers_that_belong_together(blobs: Dataset) -> None:
    class Interrupt(Observer):
        def epoch_ended(self, run: Any) -> None:
            if run.iteration == 10:
                raise KeyboardInterrupt

    with pytest.raises(modnet.TrainingInterrupted) as stopped:
        train(blobs, observer=Interrupt())
    assert hash_params(stopped.value.run.params) == hash_params(train(blobs, iterations=10).params)

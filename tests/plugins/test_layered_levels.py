"""Interpolated differences in networks of any layers, and what falls back to every move."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layered_networks import FastCorrelation, act, batch_for, by_loop, network_of
from modnet_gradients.central_difference import CENTRAL, CentralDifference
from modnet_gradients.layered.chain import Chain
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool
from modnet_layers.maxout import Maxout
from modnet_layers.prelu import Prelu

import modnet

STREAM = modnet.Stream(0)


class Arctan(modnet.Activation):
    """A third-party activation that promises nothing."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.arctan(a)


@attrs.frozen
class Noise(modnet.Layer):
    """Numbers that are added and others that are multiplied with, drawn by the shape of the batch."""

    elementwise = True
    kinks = ()

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            return x, None
        drawn = stream.generator().normal(1, 0.5, (2, *x.shape)).astype(x.dtype)
        return drawn[0] * x + drawn[1], None


def off(network: Any, samples: int, h: float, stencil: Any = CENTRAL, **given: Any) -> float:
    """Return the largest difference to the loop, in units of its rounding."""
    x, t = batch_for(network, samples)
    mode, name = given.pop("mode", "train"), {id(CENTRAL): "central-difference"}.get(id(stencil), "richardson")
    objective = network.objective(x, t, mode=mode)
    expected = by_loop(objective, network.params, stencil, h)
    found = modnet.gradient(name, h=h, **given)(objective, network.params, STREAM)
    largest = max(float(np.abs(found[key] - expected[key]).max()) for key in expected)
    return largest / (np.finfo(float).eps * (1 + objective(network.params)) / h)


def cells_of(network: Any, samples: int = 9, h: float | None = None, **settings: Any) -> list[str]:
    objective = network.objective(*batch_for(network, samples), **settings)
    return [str(layer) for layer in CentralDifference(h=h).count_cells(objective, network.params)]


END = [Dense(3), act("softmax")]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Dense(4), act("tanh"), Dropout(), *END], "layer 1 (dense): interpolated, 36 cells"),
        ([Dense(4), Prelu(), *END], "layer 1 (dense): interpolated, 36 cells"),
        (
            [Dense(4), BatchNorm(), act("tanh"), *END],
            "layer 1 (dense): interpolated after layer 3 (tanh), 36 cells",
        ),
        ([Dense(4), act(Arctan()), Dropout(), *END], "layer 1 (dense): interpolated after layer 3 (dropout), 36 cells"),
        ([Dense(4), act("softmax"), Dropout(), *END], "layer 1 (dense): interpolated, 36 cells"),
        ([Dense(4), act("tanh"), Maxout(2), *END], "layer 1 (dense): every move, 36 cells"),
        ([Dense(4), act("tanh"), Dense(3), BatchNorm(), *END], "layer 1 (dense): every move, 36 cells"),
        ([BatchNorm(), *END], "layer 1 (batch-norm): every move, 45 cells"),
    ],
)
def test_the_level_of_a_layer_follows_from_the_promises_behind_it(layers, expected):
    assert cells_of(network_of(layers, (5,)))[0] == expected


def test_batch_norm_couples_in_training_alone():
    network = network_of([Dense(4), BatchNorm(), act("tanh"), *END], (5,))
    assert cells_of(network, mode="predict")[0] == "layer 1 (dense): interpolated, 36 cells"


@pytest.mark.parametrize("stencil", [CENTRAL, EXTRAPOLATED], ids=["central", "richardson"])
@pytest.mark.parametrize("h", [1e-4, 1e-2, 0.2])
@pytest.mark.parametrize(
    "between",
    [
        [act("relu"), Dropout()],
        [Prelu()],
        [BatchNorm(), act("relu")],
        [Dropout(), act(Arctan())],
        [Noise(), act("relu")],
        [act("tanh"), Dense(5), act("relu"), Dropout(0.2)],
        [act("tanh"), Maxout(3)],
        [act("relu"), Dense(6), Noise(), act("relu")],
    ],
)
@pytest.mark.parametrize("mode", ["train", "predict"])
def test_kinks_within_reach_fall_back_to_every_move(between, h, stencil, mode):
    network = network_of([Dense(6), *between, *END], (4,))
    assert off(network, 12, h, stencil, mode=mode) < 200


def test_single_cells_fall_back_together():
    """A kink of a later layer makes many units of a few samples fall back."""
    layers = [Dense(30), act("tanh"), Dropout(0.2), Dense(40), act("relu"), Dropout(0.2), *END]
    network = network_of(layers, (4,), seed=1)
    first = cells_of(network, samples=40, h=1e-3)[0]
    assert first.startswith("layer 1 (dense): interpolated, 1,200 cells, of which ")
    assert off(network, 40, 1e-3) < 200


@pytest.mark.parametrize(
    ("layer", "expected"), [(Dropout(), True), (Noise(), False), (Prelu(), True), (BatchNorm(), False)]
)
def test_samples_are_taken_from_a_batch_where_layers_change_them_as_within_it(layer, expected):
    network = network_of([Dense(4), layer, *END], (3,))
    for mode in ("train", "predict"):
        objective = network.objective(*batch_for(network, 8), mode=mode)
        taken = Chain(objective, network.params).can_take(0)
        assert taken is (expected or (mode == "predict" and isinstance(layer, Noise)))


@st.composite
def networks(draw):
    """Return a network of drawn layers, and how many samples it is given."""
    shape = draw(st.sampled_from([(3,), (5,), (1, 4, 4), (2, 3, 5)]))
    images = [FastCorrelation(2), Convolution(2, (2, 1)), Convolution(3, 2, padding="same"), MaxPool(2, stride=1)]
    anywhere = [BatchNorm(), Dropout(0.3), Prelu(), Noise(), act("relu"), act("tanh"), act("softmax"), act(Arctan())]
    rows = [Dense(4), Dense(2), Maxout(3)]
    layers = draw(st.lists(st.sampled_from([*images, *anywhere]), max_size=4)) if len(shape) == 3 else []
    layers += [Flatten()] if len(shape) == 3 else []
    layers += draw(st.lists(st.sampled_from([*rows, *anywhere]), max_size=5))
    output, loss = draw(
        st.sampled_from([("softmax", "cross-entropy"), ("sigmoid", "mean-squared-error"), ("identity", "huber")])
    )
    layers += [Dense(2), *draw(st.sampled_from([[], [BatchNorm()]])), act(output)]
    try:
        return network_of(layers, shape, loss, seed=draw(st.integers(0, 99))), draw(st.integers(1, 6))
    except (modnet.ShapeError, modnet.PluginError):  # images that became too small
        return network_of([Flatten(), Dense(2), act(output)], shape, loss), 3


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    drawn=networks(),
    mode=st.sampled_from(["train", "predict"]),
    h=st.sampled_from([1e-4, 1e-2]),
    evaluate=st.sampled_from(["nodes", "every"]),
)
def test_any_network_of_layers_has_the_differences_of_the_loop(drawn, mode, h, evaluate):
    network, samples = drawn
    assert off(network, samples, h, mode=mode, evaluate=evaluate) < 1000


def test_units_that_are_dropped_cross_no_kink():
    """Inputs of relu are exactly 0 there, and stay it."""
    network = network_of([Dense(8), Dropout(), act("relu"), *END], (5,))
    assert cells_of(network)[0] == "layer 1 (dense): interpolated, 72 cells"


@pytest.mark.check
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_simple_conv_net_on_digits_has_the_differences_of_the_loop(dtype):
    """Chapter 7 of the book, at 200 entries of each array, with parameters as in the middle of training."""
    layers = [
        Convolution(30, 5),
        act("relu"),
        MaxPool(2),
        Flatten(),
        Dense(100),
        act("relu"),
        Dense(10),
        act("softmax"),
    ]
    digits, h = modnet.load("mnist-small").train, 1e-4 if dtype == "float64" else 2.0**-8
    network = network_of(layers, (1, 28, 28), dtype=dtype)
    draw = np.random.default_rng(0)
    network.params = {
        name: (0.1 * draw.standard_normal(value.shape)).astype(dtype) for name, value in network.params.items()
    }
    objective = network.objective(digits.x[:20].reshape(-1, 1, 28, 28), digits.t[:20])
    found = modnet.gradient("central-difference", h=h)(objective, network.params, STREAM)
    wide = network.with_arrays({name: value.astype(float) for name, value in network.params.items()})
    loss = wide.objective(objective.x.astype(float), objective.t)
    for name, value in wide.params.items():
        for entry in draw.choice(value.size, min(200, value.size), replace=False):
            moved = [np.array(value) for _ in range(2)]
            for array, shift in zip(moved, (h, -h), strict=True):
                array.reshape(-1)[entry] += shift
            above, below = (loss({**wide.params, name: array}) for array in moved)
            expected = (above - below) / (2 * h)
            assert found[name].reshape(-1)[entry] == pytest.approx(
                expected, rel=0, abs=1e-10 if dtype == "float64" else 2e-6
            )


@attrs.frozen
class Counted(Maxout):
    """Maxout that counts how often it is evaluated."""

    calls: list[int] = attrs.field(factory=list)

    def forward(self, params, x, mode, stream):
        self.calls.append(1)
        return super().forward(params, x, mode, stream)


def test_the_same_entry_of_all_channels_is_moved_at_once():
    layer = Counted(units=8, pieces=2)
    network = network_of([layer, *END], (5,))
    objective = network.objective(*batch_for(network, 4))
    CentralDifference()(objective, network.params, STREAM)
    assert len(layer.calls) == 1 + 2 * 2 * (5 + 1)  # forward once; each way, of two pieces, five weights and a bias

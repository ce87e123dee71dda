"""Gradient estimators on networks of any layers, beside the loop over all parameters."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from layered_networks import NETWORKS, Power, act, batch_for, by_loop, network_of
from modnet_gradients.central_difference import CENTRAL, CentralDifference
from modnet_gradients.directions import Direction, normal
from modnet_gradients.forward_difference import FORWARD
from modnet_gradients.layered import find_tangents, make_links
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool

import modnet

STENCILS = {"central-difference": CENTRAL, "forward-difference": FORWARD, "richardson": EXTRAPOLATED}
NOT_ANALYTIC = {"activations in a row": r"layer 3 \(softplus\)"}
STREAM = modnet.Stream(0)
each_network = pytest.mark.parametrize("name", NETWORKS)
each_mode = pytest.mark.parametrize("mode", ["train", "predict"])


def objective_of(name: str, samples: int = 7, dtype: str = "float64", seed: int = 0, **settings: Any) -> Any:
    """Return the loss of a network on a batch, and its parameters."""
    network = network_of(*NETWORKS[name], dtype=dtype, seed=seed)
    x, t = batch_for(network, samples, seed)
    return network.objective(x, t, **settings), network.params


def error(found: Any, expected: Any) -> float:
    """Return the largest difference of two gradients."""
    assert list(found) == list(expected)
    assert {name: value.shape for name, value in found.items()} == {k: v.shape for k, v in expected.items()}
    return max(float(np.abs(found[name] - expected[name]).max()) for name in expected)


@each_network
@each_mode
@pytest.mark.parametrize("estimator", STENCILS)
def test_differences_are_those_of_the_loop(name, mode, estimator):
    objective, params = objective_of(name, weights=np.array([1, 2, 0, 1, 1, 0.5, 1]), mode=mode)
    expected = by_loop(objective, params, STENCILS[estimator], 1e-4)
    assert error(modnet.gradient(estimator, h=1e-4)(objective, params, STREAM), expected) < 2e-11


@each_network
@each_mode
def test_they_are_of_one_sample(name, mode):
    objective, params = objective_of(name, samples=1, mode=mode)
    found = modnet.gradient("central-difference")(objective, params, STREAM)
    assert error(found, by_loop(objective, params, CENTRAL, 1e-4)) < 2e-11


@each_network
@each_mode
def test_they_are_as_exact_in_float32(name, mode):
    """Nothing cancels, or once in a layer without a change of its own."""
    objective, params = objective_of(name, dtype="float32", mode=mode)
    network = network_of(*NETWORKS[name], dtype="float64")
    wide = {key: value.astype(float) for key, value in params.items()}
    network.buffers = {key: value.astype(float) for key, value in objective.buffers.items()}
    expected = by_loop(network.objective(objective.x, objective.t, mode=mode), wide, CENTRAL, np.float32(0.0049))
    found = modnet.gradient("central-difference", h=0.0049)(objective, params, STREAM)
    assert {value.dtype for value in found.values()} == {np.dtype("float32")}
    assert error(found, expected) < 3e-5


@each_network
def test_the_bits_are_the_same_for_any_number_of_threads(name):
    objective, params = objective_of(name)
    once, twice = (CentralDifference(threads=n)(objective, params, STREAM) for n in (1, 2))
    assert all(np.array_equal(once[key], twice[key]) for key in params)


@each_network
def test_nothing_is_written_to(name):
    objective, params = objective_of(name)
    given = [*params.values(), *objective.buffers.values(), *objective.trace(params).values]
    before = [value.tobytes() for value in given]
    for estimator in STENCILS:
        modnet.gradient(estimator)(objective, params, STREAM)
    assert [value.tobytes() for value in given] == before


@each_network
@each_mode
def test_complex_steps_are_exact_to_rounding_or_name_the_part(name, mode):
    objective, params = objective_of(name, mode=mode)
    estimator = modnet.gradient("complex-step")
    if part := NOT_ANALYTIC.get(name):
        with pytest.raises(modnet.GradientError, match=f"{part}.* is no analytic function of them: choose richardson$"):
            estimator(objective, params, STREAM)
        return
    found, expected = estimator(objective, params, STREAM), objective.backward(params)
    assert error(found, expected) < (1e-9 if name == "not linear" else 5e-13)


@each_network
@each_mode
def test_tangents_are_the_slope_along_a_direction(name, mode):
    objective, params = objective_of(name, mode=mode)
    direction, gradient = Direction(params, STREAM, normal), objective.backward(params)
    slopes = find_tangents(make_links(objective, params), direction)
    found = float((objective.output_error(params) * slopes).sum())
    expected = sum(float((gradient[key] * direction[key]).sum()) for key in params)
    assert found == pytest.approx(expected, abs=1e-7 if name == "not linear" else 1e-11)


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [
        ("spsa", {"directions": 800}),
        ("evolution-strategies", {"directions": 800}),
        ("forward-gradient", {"directions": 800}),
        ("random-coordinates", {"coordinates": 1000}),
        ("node-perturbation", {"directions": 800}),
        ("activity-perturbation", {"directions": 800}),
    ],
)
def test_random_estimators_take_any_layers(estimator, settings):
    network = network_of([Dense(2), BatchNorm(), act("tanh"), Dropout(0.3), Dense(2), act("softmax")], (2,))
    x, t = batch_for(network, 6)
    objective = network.objective(x, t)
    expected = objective.backward(network.params)
    found = modnet.gradient(estimator, **settings)(objective, network.params, STREAM)
    size = np.sqrt(sum(float((value**2).sum()) for value in expected.values()))
    assert error(found, expected) < 0.2 * size


def test_masks_are_the_same_in_all_evaluations_of_one_gradient():
    """Of another stream they are others, and so is the gradient."""
    found = []
    for seed in (1, 1, 2):
        objective, params = objective_of("dropout", stream=modnet.Stream(seed))
        found.append(modnet.gradient("central-difference")(objective, params, STREAM))
        assert error(found[-1], objective.backward(params)) < 1e-6
    assert all(np.array_equal(found[0][key], found[1][key]) for key in found[0])
    assert error(found[0], found[2]) > 1e-3


def test_a_report_of_steps_names_each_array():
    objective, params = objective_of("batch-norm")
    reports = modnet.gradient("central-difference").report(objective, params)
    assert list(reports) == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    measured = modnet.gradient("central-difference", h="measured")(objective, params, STREAM)
    assert error(measured, objective.backward(params)) < 1e-8


def test_the_cells_of_each_layer_are_counted_by_its_label():
    objective, params = objective_of("images deep")
    found = [str(layer) for layer in CentralDifference(evaluate="every").count_cells(objective, params)]
    assert found == [
        "layer 1 (fast-correlation): every move, 21 cells",
        "layer 2 (prelu): every move, 21 cells",
        "layer 4 (fast-correlation): every move, 14 cells",
        "layer 8 (dense): every move, 21 cells",
        "layer 10 (dense): every move, 14 cells",
    ]


@attrs.frozen
class Edge(modnet.Layer):
    """Finite where its inputs are at most those of the batch."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        with np.errstate(invalid="ignore"):
            return np.sqrt(1.0 - x), None


@attrs.frozen
class Stretch(modnet.Layer):
    """A layer with one number, of which nothing is promised."""

    elementwise = True

    def params(self, inputs):
        return (modnet.Param("stretch", (), init=1.0),)

    def forward(self, params, x, mode, stream):
        return params["stretch"] * x, None


@pytest.mark.parametrize(
    ("layer", "name"), [(Dense(1), r"W1\[0, 0\] of layer 1 \(dense\)"), (Stretch(), r"stretch1 of layer 1 \(stretch\)")]
)
def test_a_loss_that_is_not_finite_names_sample_parameter_and_entry(layer, name):
    network = network_of([layer, Edge(), Dense(2), act("softmax")], (1,))
    at_edge = {"W1": np.ones((1, 1)), "b1": np.zeros(1)} if layer.is_dense else {"stretch1": np.ones(())}
    objective = network.with_arrays(network.params | at_edge).objective(np.array([[0.5], [1.0]]), np.array([0, 1]))
    expected = rf"^the loss of sample 1 of the batch is not finite where {name} is moved by 0.0001: try another h$"
    with pytest.raises(modnet.GradientError, match=expected):
        modnet.gradient("central-difference")(objective, network.params | at_edge, STREAM)


@attrs.frozen
class Wrong(modnet.Layer):
    """A layer whose own forms have another shape than its outputs."""

    change_shape: tuple[int, ...] | None = None
    slopes_shape: tuple[int, ...] | None = None

    def params(self, inputs):
        return (modnet.Param("shift", inputs, channel_axis=0, linear=True),)

    def forward(self, params, x, mode, stream):
        return x + params["shift"], None

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return dx if self.change_shape is None else np.zeros(self.change_shape)

    def reach(self, inputs, channels):
        return channels

    def slopes(self, params, x, memo, name, channel):
        return np.zeros((1, len(x)) if self.slopes_shape is None else self.slopes_shape)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Wrong(change_shape=(3,)), r"the change of layer 2 \(wrong\) returns \(3,\): an array of shape \(\d, 4, 1\)"),
        (Wrong(slopes_shape=(4,)), r"the slopes of layer 2 \(wrong\) by shift are \(4,\): an array of shape \(1, 4\)"),
    ],
)
def test_a_form_of_another_shape_names_the_layer(wrong, message):
    network = network_of([Dense(3), wrong, Dense(2), act("softmax")], (2,))
    with pytest.raises(modnet.PluginError, match=message):
        network.gradient(*batch_for(network, 4), modnet.gradient("central-difference"))


@pytest.mark.parametrize("estimator", ["central-difference", "forward-difference", "richardson"])
def test_a_tiny_step_is_warned_of_where_a_layer_subtracts(estimator):
    network = network_of([Dense(2), Power(), Dense(2), act("softmax")], (2,))
    with pytest.warns(modnet.PrecisionWarning):
        network.gradient(*batch_for(network, 4), modnet.gradient(estimator, h=1e-10))


def test_no_step_is_too_small_where_nothing_cancels():
    objective, params = objective_of("batch-norm twice")
    found = modnet.gradient("central-difference", h=1e-10)(objective, params, STREAM)
    assert error(found, objective.backward(params)) < 1e-13


def test_complex_steps_take_a_maximum_of_equals():
    """Black pixels are equal, and a filter moves them alike."""
    layers = [Convolution(3, 2), MaxPool(2), Flatten(), Dense(3), act("softmax")]
    network = network_of(layers, (1, 7, 7))
    x, t = batch_for(network, 5)
    x[:, :, :4] = 0
    objective = network.objective(x, t)
    found = modnet.gradient("complex-step")(objective, network.params, STREAM)
    assert error(found, objective.backward(network.params)) < 1e-14

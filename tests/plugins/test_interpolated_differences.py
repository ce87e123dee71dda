"""Differences interpolated from a few nodes, against those of every move."""

from __future__ import annotations

import numpy as np
import pytest
from modnet_gradients.central_difference import CENTRAL
from modnet_gradients.forward_difference import FORWARD
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_gradients.structure import interpolated, structured_gradient
from modnet_gradients.structure.columns import Columns
from modnet_gradients.structure.gradient import gradient_and_cells
from modnet_gradients.structure.layers import LayerPolynomials
from modnet_gradients.structure.nodes import Nodes

import modnet


class Elsewhere(modnet.Activation):
    """A third party's smooth activation, without a form of its own for changes."""

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.arctan(a)


class Bent(Elsewhere):
    """It promises to be smooth, and has a kink at 0.3."""

    def __call__(self, a, axis=-1):
        return np.abs(a - 0.3)


class Undeclared(Elsewhere):
    """It promises to be smooth, has a kink at 0, and changes in which nothing cancels."""

    def __call__(self, a, axis=-1):
        return np.maximum(a, 0)

    def change(self, a, z, da, axis=-1):
        return np.maximum(da + (a - z), -z)


def network_with(sizes, dtype="float64", **parts):
    network = modnet.Network(sizes, weight_init_std=0.3, seed=3, dtype=dtype, **parts)
    rng = modnet.Stream(3, ("biases",)).generator()
    network.params = {n: (p + 0.1 * rng.standard_normal(p.shape) * (p.ndim == 1)).astype(dtype)
                      for n, p in network.params.items()}  # fmt: skip
    return network


def batch_for(sizes, samples, scale=1.0):
    rng = modnet.Stream(5, ("batch",)).generator()
    x = rng.standard_normal((samples, sizes[0])) * (rng.random((samples, sizes[0])) < 0.6) * scale
    return x, rng.integers(0, sizes[-1], samples)


def both(network, x, t, stencil=CENTRAL, h=1e-4, weights=None):
    """Return the interpolated differences, how they were evaluated, and those of every move."""
    objective = network.objective(x, t, weights)
    steps = h if isinstance(h, dict) else dict.fromkeys(network.params, h)
    found, cells = gradient_and_cells(objective, network.params, stencil, steps, 1)
    return found, cells, structured_gradient(objective, network.params, stencil, steps, 1, evaluate="every")


def assert_same(found, expected, dtype, rounding, loss=0.0, h=1.0):
    for name, grad in expected.items():
        eps = float(np.finfo(dtype).eps)
        allowed = rounding * eps * max(np.abs(g).max() for g in expected.values()) + 8 * eps * loss / h
        assert found[name].dtype == grad.dtype
        assert np.abs(found[name] - grad).max() <= allowed, name


NETS = {
    "book": ([12, 7, 4], {}),
    "one layer": ([12, 4], {}),
    "deep": ([12, 7, 6, 5, 4], {"hidden": "tanh"}),
    "kinks": ([12, 7, 6, 4], {"hidden": "relu"}),
    "one output of all": ([12, 7, 4], {"hidden": "softmax"}),
    "not fused": ([12, 7, 4], {"output": "sigmoid", "loss": "mean-squared-error"}),
    "values": ([12, 7, 3], {"output": "identity", "loss": "mean-squared-error"}),
}


class TestNumbers:
    @pytest.mark.parametrize("stencil", [CENTRAL, FORWARD, EXTRAPOLATED], ids=["central", "forward", "extrapolated"])
    @pytest.mark.parametrize("samples", [1, 10, 100])
    @pytest.mark.parametrize("net", NETS)
    def test_they_are_those_of_every_move(self, net, samples, stencil):
        sizes, parts = NETS[net]
        found, cells, expected = both(network_with(sizes, **parts), *batch_for(sizes, samples), stencil)
        assert all(layer.level == "nodes" for layer in cells)
        assert_same(found, expected, "float64", 64)

    @pytest.mark.parametrize("net", ["book", "deep"])
    def test_float32_is_as_good_in_its_own_rounding(self, net):
        sizes, parts = NETS[net]
        found, cells, expected = both(network_with(sizes, "float32", **parts), *batch_for(sizes, 50), h=0.0049)
        assert all(layer.level == "nodes" for layer in cells)
        assert_same(found, expected, "float32", 64)

    @pytest.mark.parametrize("h", [1e-6, 1e-3, 1e-2])
    @pytest.mark.parametrize("scale", [1.0, 255.0])
    def test_steps_and_inputs_of_any_size(self, h, scale):
        network = network_with([12, 7, 4])
        network.params["W1"] = network.params["W1"] / scale
        found, _, expected = both(network, *batch_for([12, 7, 4], 30, scale), h=h)
        # Moves by up to 0.8 need 7 pairs, and leave coefficients out that are some times rounding.
        assert_same(found, expected, "float64", 64 if scale * h < 0.1 else 512)

    def test_a_step_of_its_own_for_each_array(self):
        h = {"W1": 1e-3, "b1": 1e-2, "W2": 1e-4, "b2": 1e-1}
        found, _, expected = both(network_with([12, 7, 4]), *batch_for([12, 7, 4], 30), h=h)
        assert_same(found, expected, "float64", 256)

    def test_weighted_samples(self):
        x, t = batch_for([12, 7, 4], 30)
        found, _, expected = both(network_with([12, 7, 4]), x, t, weights=np.arange(30.0) % 4)
        assert_same(found, expected, "float64", 64)

    def test_parts_without_forms_for_changes_have_the_rounding_of_the_loss(self):
        network = network_with([12, 7, 4], hidden=Elsewhere())
        x, t = batch_for([12, 7, 4], 30)
        found, cells, expected = both(network, x, t)
        assert all(layer.level == "nodes" and not layer.fell_back for layer in cells)
        assert_same(found, expected, "float64", 64, network.loss(x, t), 1e-4)

    def test_inputs_that_are_0_in_the_whole_batch_have_exactly_0(self):
        x, t = batch_for([12, 7, 4], 30)
        x[:, 3:9] = 0
        found, _, expected = both(network_with([12, 7, 4]), x, t)
        assert not found["W1"][3:9].any()
        assert_same(found, expected, "float64", 64)


class TestKinks:
    def test_cells_with_a_known_kink_are_evaluated_at_every_move(self):
        network = network_with([12, 40, 4], hidden="relu")
        x, t = batch_for([12, 40, 4], 100)
        a = x @ network.params["W1"] + network.params["b1"]
        reach = 1e-3 * np.maximum(1, np.abs(x).max(axis=1))
        found, cells, expected = both(network, x, t, h=1e-3)
        assert cells[0].fell_back == np.count_nonzero(np.abs(a) <= reach[:, np.newaxis]) > 0
        assert_same(found, expected, "float64", 64)

    def test_a_kink_that_was_not_declared_is_found(self):
        found, cells, expected = both(
            network_with([12, 40, 4], hidden=Bent()), *batch_for([12, 40, 4], 100), h=1e-3
        )  # fmt: skip
        assert 0 < cells[0].fell_back < 200
        assert_same(found, expected, "float64", 64, 2.0, 1e-3)

    @pytest.mark.parametrize("hidden", ["relu", Undeclared(), Elsewhere()], ids=["declared", "undeclared", "rounding"])
    def test_a_layer_that_is_no_polynomial_for_some_samples_is_evaluated_for_those(self, hidden):
        network = network_with([12, 20, 30, 4], hidden=["tanh", hidden])
        x, t = batch_for([12, 20, 30, 4], 100)
        columns = Columns(network.objective(x, t), network.params)
        dz = columns.output_changes(0, slice(0, 20), np.full((1, 3, 100), 1e-3) * [[1], [-1], [0.4]])
        expected = columns.changes_after(0, slice(0, 20), dz)
        layer = LayerPolynomials.of(
            columns.activation_changes[1], (), columns.a[1], columns.z[1], columns.weights[1], dz
        )
        assert 0 < np.count_nonzero(layer.bad) <= (100 if type(hidden) is Elsewhere else 90)
        found = columns.changes_after(0, slice(0, 20), dz, together=True)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=64 * 2.3e-16 * np.abs(expected).max())

    def test_a_loss_that_is_not_finite_names_the_parameter_and_the_sample(self):
        class Cliff(Elsewhere):
            def __call__(self, a, axis=-1):
                return np.where(a > 1.00005, np.nan, a)

        network = modnet.Network([2, 2, 2], hidden=Cliff())
        network.params = {"W1": np.eye(2), "b1": np.zeros(2), "W2": np.eye(2), "b2": np.zeros(2)}
        x = np.full((40, 2), 0.5)
        x[31, 1] = 1
        with pytest.raises(
            modnet.GradientError, match=r"sample 31 of the batch is not finite where W1\[0, 1\]|W1\[1, 1\]"
        ):
            network.gradient(x, np.zeros(40, int), "central-difference")


class TestBits:
    @pytest.mark.parametrize("net", ["book", "deep", "kinks", "one output of all"])
    @pytest.mark.parametrize("samples", [1, 100, 128])
    def test_neither_threads_nor_blocks_show(self, monkeypatch, net, samples):
        sizes, parts = NETS[net]
        network = network_with(sizes, **parts)
        objective = network.objective(*batch_for(sizes, samples))
        steps = dict.fromkeys(network.params, 1e-4)
        expected = structured_gradient(objective, network.params, CENTRAL, steps, 1)
        monkeypatch.setattr(interpolated, "SHARED", 0)
        for block in (1, 3000, 1 << 22):
            monkeypatch.setattr(interpolated, "BLOCK", block)
            for threads in (1, 3):
                found = structured_gradient(objective, network.params, CENTRAL, steps, threads)
                assert all(np.array_equal(found[name], expected[name]) for name in expected), (block, threads)

    def test_nothing_that_was_given_is_written_to(self):
        network = network_with([12, 7, 4])
        x, t = batch_for([12, 7, 4], 30)
        given = [x, t, *network.params.values()]
        before = [array.copy() for array in given]
        both(network, x, t)
        assert all(np.array_equal(array, copy) for array, copy in zip(given, before, strict=True))

    def test_a_batch_in_parts_gives_the_same_to_rounding(self, monkeypatch):
        network = network_with([12, 7, 6, 4])
        batch = batch_for([12, 7, 6, 4], 100)
        whole, _, _ = both(network, *batch)
        monkeypatch.setattr(interpolated, "ENTRIES", 500)
        parts, _, _ = both(network, *batch)
        assert_same(parts, whole, "float64", 64)


@pytest.mark.parametrize("pairs", range(2, 9))
def test_the_matrix_finds_what_polynomials_have_and_the_audit_what_they_have_not(pairs):
    nodes = Nodes.of(pairs, FORWARD, np.dtype(float))
    for degree in range(1, 2 * pairs + 1):
        *coefficients, residual = nodes.matrix @ (np.cos(degree * np.arccos(nodes.places)) - np.cos(degree * np.pi / 2))
        np.testing.assert_allclose(coefficients, np.arange(1, 2 * pairs + 1) == degree, atol=1e-12)
        assert abs(residual) < 1e-12
    *_, residual = nodes.matrix @ nodes.places ** (2 * pairs + 1)
    assert abs(residual) > 1e-5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("eps", [0.0, 1e-7])
@pytest.mark.parametrize("scale", [1e-5, 1e-2, 0.1, 1.0, 30.0])
def test_a_loss_along_directions_is_its_change_by_each_of_them(scale, eps, dtype):
    rng = modnet.Stream(7, ("directions",)).generator()
    fused = modnet.loss("cross-entropy", eps=eps).fused(modnet.activation("softmax"))
    a = (4 * rng.standard_normal((5, 1, 20))).astype(dtype)
    t = rng.integers(0, 5, (1, 20))
    _, y = fused(a, t, axis=0)
    directions = rng.standard_normal((5, 6)).astype(dtype)
    steps = (scale * rng.uniform(-1, 1, (6, 3, 20))).astype(dtype)
    found = fused.changes_along(a, y, t, directions, steps)
    da = directions.astype(float)[:, :, np.newaxis, np.newaxis] * steps
    expected = fused.change(*(v.astype(float) for v in (a, y)), t, da.reshape(5, 18, 20), axis=0).reshape(6, 3, 20)
    assert found.dtype == dtype
    assert found.shape == (6, 3, 20)
    np.testing.assert_allclose(found, expected, rtol=0, atol=64 * np.finfo(dtype).eps * np.abs(expected).max())

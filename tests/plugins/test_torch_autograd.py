"""Gradients by torch's tape, and the parts that leave it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import modnet

pytestmark = pytest.mark.check
NAME = "torch-autograd"


@pytest.fixture(scope="module")
def torch():
    """Return torch."""
    return pytest.importorskip("torch")


@attrs.frozen
class Sine(modnet.Activation):
    """The sine, of tensors alone, without a backward."""

    def __call__(self, a, axis=-1):
        return a.sin()


@attrs.frozen
class ByNumpy(modnet.Activation):
    """The hyperbolic tangent of NumPy."""

    def __call__(self, a, axis=-1):
        return modnet.match_array(np.tanh(a.numpy()), a)


@attrs.frozen
class Detached(modnet.Activation):
    """Outputs of which the tape knows nothing."""

    def __call__(self, a, axis=-1):
        return a.detach() * 2


@attrs.frozen
class InPlace(modnet.Activation):
    """The square of the exponential, written where the tape has kept it."""

    def __call__(self, a, axis=-1):
        z = a.exp()
        z *= z
        z += 1
        return z


@attrs.frozen
class Overflowing(modnet.Activation):
    """The logistic function, by a form whose derivative is 0 times infinity far from 0."""

    def __call__(self, a, axis=-1):
        return 1 / (1 + (-1e5 * a).exp())


@attrs.frozen
class Unused(modnet.Layer):
    """A factor for each unit, and a parameter that nothing depends on."""

    def params(self, inputs):
        return modnet.Param("scale", inputs, init=1.0), modnet.Param("unused", inputs, init=1.0)

    def forward(self, params, x, mode, stream):
        return params["scale"] * x, None


def make_network(*layers, loss="cross-entropy"):
    """Return a network of torch's arrays, and a batch."""
    draw = np.random.default_rng(0)
    net = modnet.Network(layers, shape=3, loss=loss, weight_init_std=0.5, seed=1, array="torch")
    return net, (draw.standard_normal((6, 3)), draw.integers(0, 2, 6))


def dense(units):
    """Return a dense layer."""
    return modnet.layer("dense", units=units)


def test_a_part_without_a_backward_has_its_exact_gradient(torch):
    net, batch = make_network(dense(4), Sine(), dense(2), "softmax")
    found, measured = net.gradient(*batch, NAME), net.gradient(*batch, "backpropagation")
    for name, grad in found.items():
        torch.testing.assert_close(grad, measured[name], rtol=0, atol=1e-8)
        assert not grad.requires_grad
    weights = {name: value.numpy() for name, value in net.params.items()}
    a = batch[0] @ weights["W1"] + weights["b1"]
    z = np.sin(a)
    logits = z @ weights["W2"] + weights["b2"]
    y = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = (y - np.eye(2)[batch[1]]) / 6
    exact = batch[0].T @ (error @ weights["W2"].T * np.cos(a))
    np.testing.assert_allclose(found["W1"].numpy(), exact, rtol=1e-5)  # the book's loss has eps = 1e-7


def test_training_and_resuming_give_the_same_numbers(torch):
    data = modnet.Dataset.from_arrays(
        (np.sin(np.arange(120.0)).reshape(40, 3), np.arange(40) % 2), scale=1.0, task="classification"
    )
    net, _ = make_network(modnet.layer("batch-norm"), dense(4), Sine(), dense(2), "softmax")
    whole = modnet.train(net, data, gradient=NAME, iterations=6)
    half = modnet.train(net, data, gradient=NAME, iterations=3)
    again = modnet.train(net, data, gradient=NAME, iterations=6, start=half.checkpoint)
    assert again.history.loss == whole.history.loss
    measured = modnet.train(net, data, gradient="backpropagation", iterations=6)
    np.testing.assert_allclose(whole.history.loss, measured.history.loss, rtol=1e-7)
    assert not any(value.requires_grad for value in whole.params.values())


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("step", "its outputs are not on it"),
        (ByNumpy(), "Can't call numpy() on Tensor that requires grad"),
        (Detached(), "its outputs are not on it"),
        (InPlace(), "has been modified by an inplace operation"),
    ],
)
def test_a_part_that_leaves_the_tape_is_named_and_the_advice_works(torch, part, why):
    net, batch = make_network(dense(4), part, dense(2), "softmax")
    with pytest.raises(
        modnet.GradientError, match=r"of layer 1 leaves torch's tape .*: choose backpropagation"
    ) as told:
        net.gradient(*batch, NAME)
    assert why in str(told.value)
    assert np.isfinite(net.gradient(*batch, "backpropagation")["W1"].numpy()).all()


def test_a_parameter_that_the_tape_does_not_lead_to_is_never_0_in_silence(torch):
    net, batch = make_network(Unused(), dense(2), "softmax")
    with pytest.raises(modnet.GradientError, match=r"Unused\(\) of layer 1 .* does not lead to unused"):
        net.gradient(*batch, NAME)
    np.testing.assert_allclose(net.gradient(*batch, "backpropagation")["unused1"].numpy(), 0)


def test_a_last_activation_that_leaves_the_tape_is_reported(torch):
    net, batch = make_network(dense(2), Detached())
    with pytest.raises(modnet.GradientError, match="or the activation before it leaves torch's tape"):
        net.gradient(*batch, NAME)


def test_a_derivative_that_overflows_is_no_gradient(torch):
    net, batch = make_network(dense(4), Overflowing(), dense(2), "softmax")
    with pytest.raises(modnet.GradientError, match=r"derivative by W1 .* is not finite, and the loss is"):
        net.gradient(*batch, NAME)
    assert np.isfinite(net.gradient(*batch, "backpropagation")["W1"].numpy()).all()


def test_any_function_that_returns_a_tensor_has_a_gradient(torch):
    params, part = {"w": torch.tensor([3.0, 4.0])}, modnet.gradient(NAME)
    torch.testing.assert_close(part(lambda p: (p["w"] ** 2).sum(), params, modnet.Stream(0))["w"], 2 * params["w"])
    for function in (lambda p: (p["w"].detach() ** 2).sum(), lambda p: 1.0):
        with pytest.raises(modnet.NoDerivativeError, match="central-difference takes any function"):
            part(function, params, modnet.Stream(0))


def test_other_arrays_are_refused_before_the_first_iteration(torch):
    data, net = modnet.load("mnist-small"), modnet.TwoLayerNet(784, 5, 10)
    with pytest.raises(modnet.SettingError, match=r"TorchAutograd\(\) computes .*: choose array = 'torch'"):
        modnet.train(net, data, gradient=NAME, iterations=1)
    with pytest.raises(modnet.GradientError, match='W1 is another: choose array="torch"'):
        net.gradient(data.train.x[:2], data.train.t[:2], NAME)
    assert modnet.train(modnet.TwoLayerNet(784, 5, 10, array="torch"), data, gradient=NAME, iterations=1).history.loss

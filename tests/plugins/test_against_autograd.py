"""Against autograd: its optimizers, and its own derivatives of the formulas."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad
from autograd.misc import optimizers
from autograd.scipy.special import logsumexp
from autograd.scipy.stats import norm

import modnet

STEPS = 200


def expit(a):
    return 1 / (1 + anp.exp(-a))


FORMULAS = {
    "elu": lambda a: anp.where(a > 0, a, anp.exp(a) - 1),
    "gelu": lambda a: a * norm.cdf(a),
    "identity": lambda a: a,
    "leaky-relu": lambda a: anp.where(a > 0, a, 0.01 * a),
    "relu": lambda a: anp.maximum(a, 0),
    "sigmoid": expit,
    "softmax": lambda a: anp.exp(a - logsumexp(a, axis=-1, keepdims=True)),
    "softplus": lambda a: anp.logaddexp(0, a),
    "swish": lambda a: a * expit(a),
    "tanh": anp.tanh,
}


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return 3 * np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_backward_pass_is_autograds_derivative_of_the_formula(name):
    a, dz = draw(20, 5), draw(20, 5, seed=1)
    activation = modnet.activation(name)
    expected = grad(lambda a: (dz * FORMULAS[name](a)).sum())(a)
    np.testing.assert_allclose(activation.backward(a, activation(a), dz), expected, rtol=1e-12, atol=1e-14)


def test_the_approximate_gelu_too():
    a = draw(20, 5)
    activation = modnet.activation("gelu", approximate=True)
    expected = elementwise_grad(lambda a: a / 2 * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (a + 0.044715 * a**3))))(a)
    found = activation.backward(a, activation(a), np.ones_like(a))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("eps", [0.0, 1e-7, 0.1])
def test_the_cross_entropys_ways_back_are_autograds_derivatives(eps):
    a, t = draw(20, 5), FORMULAS["softmax"](draw(20, 5, seed=1))
    softmax, loss = modnet.activation("softmax"), modnet.loss("cross-entropy", eps=eps)
    y = softmax(a)
    expected = grad(lambda y: -(t * anp.log(y + eps)).sum())(y)
    np.testing.assert_allclose(loss.backward(y, t), expected, rtol=1e-14)
    expected = grad(lambda a: -(t * anp.log(FORMULAS["softmax"](a) + eps)).sum())(a)
    np.testing.assert_allclose(loss.fused(softmax).backward(a, y, t), expected, rtol=1e-12, atol=1e-14)


def test_the_mean_squared_errors_backward_pass_is_autograds_derivative():
    y, t = draw(20, 5), draw(20, 5, seed=1)
    expected = grad(lambda y: anp.mean((y - t) ** 2, axis=-1).sum())(y)
    np.testing.assert_allclose(modnet.loss("mean-squared-error").backward(y, t), expected, rtol=1e-14)


@pytest.mark.parametrize("loss", ["cross-entropy", "mean-squared-error"])
def test_a_networks_gradient_is_autograds(loss):
    x, t = draw(30, 4), np.arange(30) % 3
    net = modnet.TwoLayerNet(4, 6, 3, hidden="tanh", loss=loss, weight_init_std=0.5, seed=0)
    one_hot = np.eye(3)[t]

    def objective(p):
        z = anp.tanh(anp.dot(x, p["W1"]) + p["b1"])
        y = FORMULAS["softmax"](anp.dot(z, p["W2"]) + p["b2"])
        if loss == "cross-entropy":
            return -anp.mean(anp.log(anp.sum(one_hot * y, axis=1) + 1e-7))
        return anp.mean((y - one_hot) ** 2)

    assert net.loss(x, t) == pytest.approx(objective(net.params), rel=1e-14)
    expected = grad(objective)(net.params)
    for name, found in net.gradient(x, t).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-11, atol=1e-14)


def rosenbrock_gradient(w, k):
    x, y = w[:-1], w[1:]
    slope = np.zeros_like(w)
    slope[:-1] += -2 * (1 - x) - 400 * x * (y - x**2)
    slope[1:] += 200 * (y - x**2)
    return slope * (1 + 0.1 * np.sin(k))  # another one at each step, as mini-batches give


# autograd's momentum weighs the gradient by 1 - mass; its mean square starts from 1.
OPTIMIZERS = {
    "momentum": (
        lambda w: optimizers.sgd(rosenbrock_gradient, w, num_iters=STEPS, step_size=1e-3, mass=0.9),
        modnet.optimizer("momentum", lr=1e-3 * (1 - 0.9), momentum=0.9),
        lambda state: state,
    ),
    "rmsprop": (
        lambda w: optimizers.rmsprop(rosenbrock_gradient, w, num_iters=STEPS, step_size=1e-2, gamma=0.95, eps=1e-3),
        modnet.optimizer("rmsprop", lr=1e-2, decay=0.95, eps=1e-3),
        lambda state: {"mean_square": {"w": np.ones_like(state["mean_square"]["w"])}},
    ),
    "adam": (
        lambda w: optimizers.adam(rosenbrock_gradient, w, num_iters=STEPS, step_size=1e-2, b1=0.8, b2=0.95, eps=1e-3),
        modnet.optimizer("adam", lr=1e-2, beta1=0.8, beta2=0.95, eps=1e-3),
        lambda state: state,
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_steps_lead_where_autograds_optimizer_goes(name):
    theirs, optimizer, started = OPTIMIZERS[name]
    start = np.array([-1.2, 1.0, 0.5, -0.3])
    params = {"w": start.copy()}
    state = started(optimizer.init(params))
    for k in range(STEPS):
        params, state = optimizer.step(params, {"w": rosenbrock_gradient(params["w"], k)}, state)
    expected = theirs(start.copy())
    assert np.abs(expected - start).max() > 0.3  # they have travelled
    np.testing.assert_allclose(params["w"], expected, rtol=1e-10)

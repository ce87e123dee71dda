"""Where differences are evaluated: at nodes, with every output, or at every move, and what each promises."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from modnet_gradients.central_difference import CENTRAL, CentralDifference
from modnet_gradients.forward_difference import FORWARD
from modnet_gradients.richardson import EXTRAPOLATED
from modnet_gradients.structure import structured_gradient

import modnet

EPS = np.finfo(float).eps


@attrs.frozen
class Promiseless(modnet.Activation):
    """A third-party activation that promises nothing: `base` and something on top of it."""

    extra: str = "none"
    width: float = 1e-4

    elementwise = True

    def __call__(self, a, axis=-1):
        base = np.arctan(a)
        return base + np.asarray(EXTRAS[self.extra](a, self.width), a.dtype)


def noise(a, width):
    """A hash of the bits, as good as random."""
    return 1e-3 * width * (np.sin(a * 1e9) > 0)


EXTRAS = {
    "none": lambda a, width: 0 * a,
    "bumps": lambda a, width: width * np.exp(-(((a / width) % 30 - 15) ** 2)),
    "rare bumps": lambda a, width: width * np.exp(-(((a / width * 50) % 5000 - 2500) ** 2)),
    "wave that the nodes would alias": lambda a, width: 1e-2 * width * np.sin(a * (4 * np.pi / width)),
    "noise": noise,
    "steps": lambda a, width: np.floor(a * 2**12) / 2**12,
    "jump at 0": lambda a, width: 0.5 * (a > 0),
}


def network_with(sizes, seed=0, std=0.5, **parts):
    network = modnet.Network(sizes, weight_init_std=std, seed=seed, **parts)
    rng = modnet.Stream(seed, ("biases",)).generator()
    network.params = {n: p + 0.1 * rng.standard_normal(p.shape) * (p.ndim == 1) for n, p in network.params.items()}
    return network


def batch_for(sizes, samples=40, seed=0):
    rng = modnet.Stream(seed, ("batch",)).generator()
    x = np.round(rng.standard_normal((samples, sizes[0])), 1) * (rng.random((samples, sizes[0])) < 0.6)
    return x, rng.integers(0, sizes[-1], samples)


def gradient(objective, params, stencil, h, evaluate, **more):
    return structured_gradient(objective, params, stencil, dict.fromkeys(params, h), 1, evaluate, **more)


def assert_equal_to_rounding(found, expected, loss, h, factor=1.0):
    for name, grad in expected.items():
        np.testing.assert_allclose(found[name], grad, rtol=1e-13, atol=factor * EPS * (1 + abs(loss)) / h)


@pytest.mark.parametrize(("stencil", "h"), [(CENTRAL, 1e-4), (FORWARD, 1e-6), (EXTRAPOLATED, 1e-3)])
@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("output", ["softmax", "identity"])
def test_no_activation_can_fool_what_follows_it(stencil, h, extra, output):
    loss = "cross-entropy" if output == "softmax" else "mean-squared-error"
    network = network_with([6, 8, 3], hidden=Promiseless(extra, h), output=output, loss=loss)
    objective = network.objective(*batch_for([6, 8, 3]))
    found, every = (gradient(objective, network.params, stencil, h, way) for way in ("nodes", "every"))
    assert_equal_to_rounding(found, every, objective(network.params), h)

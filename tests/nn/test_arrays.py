"""Networks on the arrays of other libraries, which are to learn what NumPy's learn."""

import numpy as np
import pytest

import modnet

LIBRARIES = [
    pytest.param(("array-api-strict", "device1"), id="array-api-strict"),
    pytest.param(("torch", None), id="torch", marks=pytest.mark.check),
]


@pytest.fixture(params=LIBRARIES)
def library(request):
    """The name of an array library, and one of its devices."""
    name, device = request.param
    pytest.importorskip(name.replace("-", "_"))
    return {"array": name, "device": device}


def train(data, iterations=30, **settings):
    net = modnet.Network([784, 12, 10], hidden="sigmoid", weight_init_std=0.1, seed=1, **settings)
    return modnet.train(net, data, optimizer=modnet.optimizer("sgd", lr=0.5), iterations=iterations, seed=2)


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 1e-5)])
def test_that_another_library_learns_what_numpy_learns(library, dtype, bound):
    data = modnet.load("mnist-small")
    here, there = train(data, dtype=dtype), train(data, dtype=dtype, **library)
    np.testing.assert_allclose(there.history.loss, here.history.loss, rtol=bound)
    for name, value in here.params.items():
        other = there.params[name]
        assert not modnet.is_numpy(other)
        np.testing.assert_allclose(modnet.to_numpy(other), value, rtol=0, atol=10 * bound)
        assert modnet.to_numpy(other).dtype == value.dtype


def test_that_predictions_are_numpys_where_samples_are(library):
    net = modnet.TwoLayerNet(4, 3, 2, **library)
    assert modnet.is_numpy(net.predict(np.ones((5, 4))))
    x = modnet.match_array(np.ones((5, 4)), net.params["W1"])
    assert type(net.predict(x)) is type(x)


def test_that_a_network_says_where_its_arrays_are(library):
    net = modnet.TwoLayerNet(4, 3, 2, **library)
    assert (net.array, net.device) == (library["array"], library["device"] or "cpu")
    assert (modnet.TwoLayerNet(4, 3, 2).array, modnet.TwoLayerNet(4, 3, 2).device) == ("numpy", None)

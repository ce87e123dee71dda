"""Built-in parts on arrays of other libraries than NumPy: the same numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import array_api_strict
import attrs
import numpy as np
import pytest
from modnet_layers.activation import ActivationLayer
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool
from modnet_layers.maxout import Maxout
from modnet_layers.prelu import Prelu

import modnet
import modnet.testing
from modnet.testing.gradcheck.layers import draw_params

LIBRARIES = ["array_api_strict", pytest.param("torch", marks=pytest.mark.check)]
DTYPES = {"float64": 1e-12, "float32": 2e-5}
LAYERS = [
    (ActivationLayer(modnet.activation("sigmoid")), (3, 4, 4)),
    (ActivationLayer(modnet.activation("softmax")), (5,)),
    (BatchNorm(), (5,)),
    (BatchNorm(), (3, 4, 4)),
    (Convolution(filters=4, size=3), (2, 7, 6)),
    (Convolution(filters=4, size=3, padding="same"), (3, 6, 5)),
    (Convolution(filters=3, size=(2, 3), stride=(3, 2), padding=(1, 2)), (2, 9, 8)),
    (Convolution(filters=2, size=2, stride=2, bias=False), (1, 5, 5)),
    (Dense(units=4), (6,)),
    (Dropout(rate=0.3), (3, 4, 4)),
    (Flatten(), (3, 4, 5)),
    (MaxPool(size=2), (3, 6, 7)),
    (MaxPool(size=3, stride=2), (2, 8, 8)),
    (MaxPool(size=(1, 2), stride=(2, 3)), (2, 6, 7)),
    (Maxout(units=4, pieces=3), (6,)),
    (Prelu(), (3, 4, 4)),
]


@pytest.fixture(params=LIBRARIES)
def xp(request):
    """Return another library's functions."""
    return pytest.importorskip(request.param)


def to_library(xp, value):
    """Return arrays of another library, in whatever they stand."""
    if isinstance(value, np.ndarray):
        return xp.asarray(value.copy())
    return {name: to_library(xp, each) for name, each in value.items()} if isinstance(value, Mapping) else value


def to_numpy(xp, value):
    """Return NumPy's arrays again; fails where one is NumPy's already."""
    if isinstance(value, Mapping):
        return {name: to_numpy(xp, each) for name, each in value.items()}
    if value is None or isinstance(value, (int, float)):
        return value
    assert not isinstance(value, (np.ndarray, np.generic)), "it came back as NumPy's"
    return np.from_dlpack(value)


def assert_same(found, expected, limit, largest=None):
    """Assert the same numbers, in the same dtype, in proportion to the largest."""
    if isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(found[name], value, limit, largest)
    elif isinstance(expected, np.ndarray):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        largest = np.abs(expected).max(initial=0) if largest is None else largest
        np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * largest)
    else:
        assert found == pytest.approx(expected, rel=limit)


def call_layer(layer, params, x, mode, dz, dx, channels):
    """Return what all methods of a layer return."""
    z, memo = layer.forward(params, x, mode, modnet.Stream(3))
    calls = {
        "forward": lambda: z,
        "backward": lambda: layer.backward(params, x, z, memo, dz),
        "gradients": lambda: layer.gradients(params, x, z, memo, dz) if layer.params(tuple(x.shape[1:])) else {},
        "update": lambda: dict(layer.update(params, x, memo)),
        "change": lambda: layer.change(params, x, z, memo, dx, channels, mode, modnet.Stream(3)),
    }
    found = {name: call() for name, call in calls.items()}
    for param in layer.params(tuple(x.shape[1:])):
        if param.linear:
            found[f"slopes by {param.name}"] = layer.slopes(params, x, memo, param.name, 1)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["train", "predict"])
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value).replace(" ", ""))
def test_a_layer_gives_the_same_numbers(xp, layer, shape, mode, dtype):
    draw = np.random.default_rng(1)
    for rows, channels in ((5, slice(0, shape[0])), (3, slice(min(1, shape[0] - 1), min(3, shape[0])))):
        x = draw.standard_normal((rows, *shape)).astype(dtype)
        params = draw_params(layer, x)
        dz = draw.standard_normal((rows, *layer.shape(shape))).astype(dtype)
        dx = draw.standard_normal((2, rows, *shape))[:, :, channels].astype(dtype)
        expected = call_layer(layer, params, x, mode, dz, dx, channels)
        given = to_library(xp, {"params": params, "x": x, "dz": dz, "dx": dx})
        found = call_layer(layer, mode=mode, channels=channels, **given)
        assert_same(to_numpy(xp, found), expected, DTYPES[dtype])


ACTIVATIONS = [
    modnet.activation(name)
    for name in (
        "elu", "gelu", "identity", "leaky-relu", "relu", "sigmoid", "softmax", "softplus", "step", "swish", "tanh"
    )
] + [modnet.activation("gelu", approximate=True), modnet.activation("leaky-relu", slope=1.0)]  # fmt: skip
LOSSES = [
    modnet.loss("binary-cross-entropy"),
    modnet.loss("cross-entropy"),
    modnet.loss("cross-entropy", eps=0.0),
    modnet.loss("cross-entropy", eps=1.5),
    modnet.loss("huber", delta=0.7),
    modnet.loss("mean-squared-error"),
]
OPTIMIZERS = ("adagrad", "adam", "adamw", "lion", "momentum", "nadam", "nesterov", "rmsprop", "sgd")


def call_activation(part, a, dz, da, axis):
    """Return what all methods of an activation return."""
    z = part(a, axis)
    found = {"z": z, "change": part.change(a, z, da, axis)}
    with contextlib.suppress(modnet.NoDerivativeError):
        found["backward"] = part.backward(a, z, dz, axis)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("part", ACTIVATIONS, ids=repr)
def test_an_activation_gives_the_same_numbers(xp, part, axis, dtype):
    draw = np.random.default_rng(2)
    for size in (1e-9, 1e-3, 3.0, 40.0):
        a = (3 * draw.standard_normal((4, 3, 5))).astype(dtype)
        a[0, 0, 0] = 0
        dz, da = draw.standard_normal((4, 3, 5)).astype(dtype), size * draw.standard_normal((2, 4, 3, 5)).astype(dtype)
        at = axis - 3 if axis >= 0 else axis
        expected = call_activation(part, a, dz, da, at)
        found = call_activation(part, axis=at, **to_library(xp, {"a": a, "dz": dz, "da": da}))
        assert_same(to_numpy(xp, found), expected, DTYPES[dtype])


def call_loss(loss, y, t, dy, axis):
    """Return what all methods of a loss return."""
    return {"losses": loss(y, t, axis), "backward": loss.backward(y, t, axis), "change": loss.change(y, t, dy, axis)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("kind", ["classes", "dense"])
@pytest.mark.parametrize("part", LOSSES, ids=repr)
def test_a_loss_gives_the_same_numbers(xp, part, kind, axis, dtype):
    draw = np.random.default_rng(3)
    for size in (1e-9, 1e-3, 0.5):
        y = draw.dirichlet(np.ones(4), 6).astype(dtype)
        t = draw.integers(0, 4, 6) if kind == "classes" else draw.dirichlet(np.ones(4), 6).astype(dtype)
        dy = (size * y * draw.uniform(-1, 1, y.shape)).astype(dtype)
        given = {"y": y, "t": t, "dy": dy}
        given = {name: np.ascontiguousarray(value.T) for name, value in given.items()} if axis == 0 else given
        expected = call_loss(part, axis=axis, **given)
        found = call_loss(part, axis=axis, **to_library(xp, given))
        assert_same(to_numpy(xp, found), expected, DTYPES[dtype])


def call_fused(form, a, t, da, directions, steps):
    """Return what all methods of a fused loss return, with the outputs along axis 0."""
    losses, y = form(a, t, axis=0)
    found = {"losses": losses, "y": y, "alone": form.losses(+a, t, axis=0, overwrite_a=True)}
    along = a[:, None, :], y[:, None, :], t[..., None, :], directions, steps
    return found | {
        "backward": form.backward(a, y, t, axis=0),
        "change": form.change(a, y, t, da, axis=0),
        "along": form.changes_along(*along),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["classes", "dense"])
@pytest.mark.parametrize("part", LOSSES[:4], ids=repr)
def test_a_fused_loss_gives_the_same_numbers(xp, part, kind, dtype):
    draw = np.random.default_rng(4)
    form = part.fused(modnet.activation("sigmoid")) or part.fused(modnet.activation("softmax"))
    for size in (1e-9, 1e-3, 3.0):
        a = (2 * draw.standard_normal((4, 6))).astype(dtype)
        t = draw.integers(0, 4, 6) if kind == "classes" else draw.dirichlet(np.ones(4), 6).T.astype(dtype)
        da = (size * draw.standard_normal(a.shape)).astype(dtype)
        directions = draw.standard_normal((4, 3)).astype(dtype)
        steps = (size / 8 * draw.standard_normal((3, 2, 6))).astype(dtype)
        given = {"a": a, "t": t, "da": da, "directions": directions, "steps": steps}
        expected = call_fused(form, **given)
        found = call_fused(form, **to_library(xp, given))
        assert_same(to_numpy(xp, found), expected, DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_gives_the_same_numbers(xp, name, dtype):
    part, draw = modnet.optimizer(name, weight_decay=0.1), np.random.default_rng(5)
    params = {each: draw.standard_normal((3, 4)).astype(dtype) for each in ("W1", "b1")}
    here, there = params, to_library(xp, params)
    state, state_there = part.init(here), part.init(there)
    for _ in range(3):
        grads = {each: draw.standard_normal((3, 4)).astype(dtype) for each in params}
        here, state = part.step(here, grads, state)
        there, state_there = part.step(there, to_library(xp, grads), state_there)
    assert_same(to_numpy(xp, {"new": there, "state": state_there}), {"new": here, "state": state}, DTYPES[dtype])


IMAGES = [
    Convolution(filters=2, size=3), BatchNorm(), "relu", MaxPool(), Dropout(), Flatten(), Maxout(units=4),
    Dense(units=3), "softmax",
]  # fmt: skip
NETWORKS = {
    "dense": {"layers": [6, 5, 3]},
    "three": {
        "layers": [6, 4, 4, 1],
        "hidden": ["gelu", "softmax"],
        "output": "sigmoid",
        "loss": "binary-cross-entropy",
    },
    "huber": {"layers": [6, 5, 2], "hidden": "elu", "output": "identity", "loss": "huber"},
    "images": {"layers": IMAGES, "shape": (2, 6, 6)},
}
KINDS = ["dense", *(pytest.param(kind, marks=pytest.mark.check) for kind in NETWORKS if kind != "dense")]
ESTIMATORS = {
    "activity-perturbation": {},
    "backpropagation": {},
    "central-difference": {},
    "complex-step": {},
    "direct-feedback-alignment": {},
    "evolution-strategies": {},
    "feedback-alignment": {},
    "forward-difference": {},
    "forward-gradient": {},
    "node-perturbation": {},
    "random-coordinates": {},
    "richardson": {"evaluate": "every"},
    "spsa": {},
}
NOISY = {"evolution-strategies", "node-perturbation", "random-coordinates", "spsa"}  # of differences of losses


def make_network(kind, array, dtype):
    """Return a network with arrays of a library, and a batch with weights."""
    draw = np.random.default_rng(6)
    net = modnet.Network(**NETWORKS[kind], weight_init_std=0.3, seed=1, dtype=dtype, array=array)
    x = draw.standard_normal((7, *net.shape))
    t = draw.standard_normal((7, 2)) if kind == "huber" else draw.integers(0, net.outputs + net.is_binary, 7)
    return net, (x, t), draw.uniform(0, 2, 7).astype(int) + 0.5


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.check)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_gives_the_same_numbers(xp, name, kind, dtype):
    if name == "complex-step" and kind in {"three", "huber", "images"}:
        pytest.skip("gelu, elu and relu are no analytic functions")
    if name == "feedback-alignment" and kind == "images":
        pytest.skip("maxout is not linear in its weights")
    part, found = modnet.gradient(name, **ESTIMATORS[name]), []
    for array in ("numpy", xp.__name__.replace("_", "-")):
        net, batch, weights = make_network(kind, array, dtype)
        found.append(net.gradient(*batch, part, modnet.Stream(7), weights=weights))
    # Differences of losses in float32 are of what rounding leaves of these.
    limit = {"float64": 1e-9, "float32": 2e-2}[dtype] if name in NOISY else DTYPES[dtype]
    largest = max(np.abs(value).max() for value in found[0].values())
    assert_same(to_numpy(xp, found[1]), found[0], limit, largest)


@attrs.frozen
class OfNumpy(modnet.Activation):
    """A hyperbolic tangent of NumPy's arrays, which says nothing of it."""

    def __call__(self, a, axis=-1):
        return np.tanh(np.asarray(a))


@attrs.frozen
class SaysSo(OfNumpy):
    """The same, and says so."""

    array_library = "numpy"


@attrs.frozen
class OfStrict(modnet.Activation):
    """A hyperbolic tangent of another library's arrays alone."""

    array_library = "array-api-strict"

    def __call__(self, a, axis=-1):
        return array_api_strict.tanh(a)


def test_a_part_of_one_library_is_refused_by_a_network_of_another():
    with pytest.raises(modnet.SettingError, match=r"SaysSo\(\) computes with numpy's .*: choose array = 'numpy'"):
        modnet.Network([3, 4, 2], hidden=SaysSo(), array="array-api-strict")
    modnet.Network([3, 4, 2], hidden=SaysSo(), array="numpy")


@pytest.mark.parametrize("name", ["central-difference", "complex-step"])
def test_differences_name_the_part_that_does_not_take_numpys_arrays(name):
    net = modnet.Network([3, 4, 2], hidden=OfStrict(), array="array-api-strict")
    batch = np.ones((2, 3)), np.array([0, 1])
    with pytest.raises(modnet.GradientError, match=r"OfStrict\(\) takes arrays of array-api-strict alone: choose back"):
        net.gradient(*batch, name)
    for advised in ("backpropagation", "spsa"):
        assert array_api_strict.all(array_api_strict.isfinite(net.gradient(*batch, advised)["W1"]))


@pytest.mark.parametrize(("part", "why"), [(OfNumpy(), "it takes NumPy's arrays alone"), (SaysSo(), "it says that it")])
def test_the_kit_notes_what_takes_one_librarys_arrays_alone(part, why):
    report = modnet.testing.check_activation(part)
    (outcome,) = [outcome for outcome in report.skipped if outcome.name == "other-arrays"]
    assert outcome.message.startswith(why)

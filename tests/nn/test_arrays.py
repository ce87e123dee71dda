"""Networks on the arrays of other libraries, which are to learn what NumPy's learn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import MissingExtraError, PluginError, SettingError, ShapeError
from modnet.nn.checkpoint import hash_params

LIBRARIES = [
    pytest.param(("array-api-strict", "device1"), id="array-api-strict"),
    pytest.param(("torch", None), id="torch", marks=pytest.mark.check),
]
X = np.random.default_rng(0).normal(size=(120, 6))
T = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
Y = 2 * X[:, :1] + np.sin(X[:, 1:2])
CLASSES = modnet.Dataset.from_arrays((X[:90], T[:90]), (X[90:], T[90:])).with_validation(0.2)
NUMBERS = modnet.Dataset.from_arrays((X[:90], Y[:90]), (X[90:], Y[90:]), task="regression")
SHARES = np.random.default_rng(1).dirichlet([1, 1], len(CLASSES.train))
SOFT = CLASSES.with_soft_targets(SHARES)
WEIGHTED = modnet.Dataset.from_arrays((X[:90], T[:90]), (X[90:], T[90:]), weights=(1 + T[:90] / 2, None))
SIGMOID = {"output": "sigmoid", "loss": "binary-cross-entropy"}
IDENTITY = {"output": "identity", "loss": "huber"}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The name of an array library, and one of its devices."""
    name, device = request.param
    pytest.importorskip(name.replace("-", "_"))
    return {"array": name, "device": device}


def train(
    data: modnet.Dataset = CLASSES, outputs: int = 2, settings: Any = (), start: Any = None, **network: Any
) -> modnet.Run:
    net = modnet.Network([6, 5, outputs], hidden="tanh", weight_init_std=0.5, seed=1, **network)
    wanted = {"optimizer": "adam", "iterations": 30, "batch_size": 20, "seed": 2, **dict(settings)}
    return modnet.train(net, data, start=start, **wanted)


@pytest.mark.parametrize(
    ("data", "outputs", "network"),
    [
        pytest.param(CLASSES, 2, {}, id="classes"),
        pytest.param(CLASSES, 1, SIGMOID, id="one output"),
        pytest.param(SOFT, 2, {}, id="soft targets"),
        pytest.param(SOFT, 1, SIGMOID, id="soft targets of one output"),
        pytest.param(WEIGHTED, 2, {}, id="weights"),
        pytest.param(NUMBERS, 1, IDENTITY, id="regression"),
    ],
)
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 1e-5)])
def test_another_library_learns_what_numpy_learns(
    library: Any, data: modnet.Dataset, outputs: int, network: Any, dtype: str, bound: float
) -> None:
    here = train(data, outputs, dtype=dtype, **network)
    there = train(data, outputs, dtype=dtype, **network, **library)
    np.testing.assert_allclose(there.history.loss, here.history.loss, rtol=bound)
    for name, column in here.history.columns.items():
        np.testing.assert_allclose(there.history.columns[name], column, rtol=bound)
    for name, value in here.params.items():
        other = there.params[name]
        assert not modnet.is_numpy(other)
        np.testing.assert_allclose(modnet.to_numpy(other), value, rtol=0, atol=10 * bound)
        assert modnet.to_numpy(other).dtype == value.dtype


def test_a_resumed_run_has_the_same_bits(library: Any) -> None:
    whole, first = train(**library), train(settings={"iterations": 13}, **library)
    resumed = train(start=first.checkpoint, **library)
    assert hash_params(resumed.params) == hash_params(whole.params)
    assert resumed.history == whole.history
    # Its checkpoint is NumPy's, and continues with another library.
    assert all(map(modnet.is_numpy, first.checkpoint.params.values()))
    elsewhere = train(start=first.checkpoint)
    np.testing.assert_allclose(elsewhere.history.loss, whole.history.loss, rtol=1e-12)


def test_callbacks_see_numpys_arrays_and_may_choose_them(library: Any) -> None:
    class First(modnet.Callback):
        """Ends with the parameters after the first iteration."""

        def init(self, run: Any) -> Any:
            return None

        def on_iteration(self, run: Any, state: Any) -> tuple[Any, None]:
            assert all(map(modnet.is_numpy, [*run.params.values(), *run.grads.values()]))
            return state or dict(run.params), None

        def on_end(self, run: Any, state: Any) -> Any:
            return state

    run, one = train(settings={"callbacks": [First()]}, **library), train(settings={"iterations": 1}, **library)
    assert hash_params(run.params) == hash_params(one.params)
    assert not any(map(modnet.is_numpy, run.params.values()))


def test_a_saved_run_is_opened_on_its_library(library: Any, tmp_path: Path) -> None:
    run = train(**library)
    run.save(tmp_path / "run")
    opened = modnet.open_run(tmp_path / "run")
    assert (opened.network.array, opened.network.device) == (run.network.array, run.network.device)
    np.testing.assert_array_equal(opened.predict_proba(X), run.predict_proba(X))
    assert hash_params(opened.params) == hash_params(run.params)
    assert (tmp_path / "run" / "receipt.json").read_text().count(f"{library['array']} on ") == 1


def test_a_saved_run_is_opened_on_numpy_where_its_device_is_missing(library: Any, tmp_path: Path) -> None:
    run = train(**library)
    run.save(tmp_path / "run")
    text = (tmp_path / "run" / "experiment.toml").read_text()
    changed = text.replace(f'"{run.network.device}"', '"device9"')
    assert changed != text
    (tmp_path / "run" / "experiment.toml").write_text(changed)
    (tmp_path / "run" / "receipt.json").unlink()
    with pytest.warns(UserWarning, match=r"the run's arrays cannot be had here, NumPy's take their place: .*device9"):
        network = modnet.open_run(tmp_path / "run").network
    assert network.array == "numpy"
    np.testing.assert_allclose(network.predict(X), run.network.predict(X), rtol=1e-12)


def test_predictions_are_numpys_where_samples_are(library: Any) -> None:
    net = modnet.TwoLayerNet(6, 3, 2, **library)
    assert modnet.is_numpy(net.predict(X))
    x = modnet.match_array(X, net.params["W1"])
    assert type(net.predict(x)) is type(x)
    assert type(net.gradient(x, T)["W1"]) is type(x)
    assert net.loss(x, T) == net.loss(X, T)
    assert net.accuracy(x, T) == net.accuracy(X, T)


def test_a_network_says_where_its_arrays_are(library: Any) -> None:
    net = modnet.TwoLayerNet(6, 3, 2, **library)
    assert (net.array, net.device) == (library["array"], library["device"] or "cpu")
    assert (modnet.TwoLayerNet(6, 3, 2).array, modnet.TwoLayerNet(6, 3, 2).device) == ("numpy", None)


def test_a_part_without_a_derivative_is_measured_there_too(library: Any) -> None:
    class Bent(modnet.Activation):
        elementwise = True

        def __call__(self, a: Any, axis: int = -1) -> Any:
            return a * a

    class Steep(modnet.Activation):
        def __call__(self, a: Any, axis: int = -1) -> Any:
            return a * a * a

    grads = []
    for where in ({}, library):
        net = modnet.Network([6, 4, 4, 2], hidden=[Bent(), Steep()], weight_init_std=0.5, seed=1, **where)
        grads.append(net.gradient(X[:5], T[:5]))
    for name, value in grads[0].items():
        np.testing.assert_allclose(modnet.to_numpy(grads[1][name]), value, rtol=1e-6, atol=1e-9)


class AlwaysNumpy(modnet.Activation):
    """An activation that returns NumPy's arrays, whatever it is given."""

    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return np.zeros(a.shape)


class MethodsOfNumpy(modnet.Activation):
    """An activation that uses what other arrays do not have."""

    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return a.view(np.ndarray).astype(np.float64)


class StepsInNumpy(modnet.Optimizer):
    """An optimizer that returns NumPy's arrays."""

    def init(self, params: Any) -> Any:
        return None

    def step(self, params: Any, grads: Any, state: Any) -> Any:
        return {name: np.zeros(value.shape) for name, value in params.items()}, state


class WritesIntoItsInputs(modnet.Activation):
    """An activation as torch has some, which changes what the layer before it gave."""

    def __call__(self, a: Any, axis: int = -1) -> Any:
        a *= 2
        return a

    def backward(self, a: Any, y: Any, dy: Any, axis: int = -1) -> Any:
        return 2 * dy


class WritesIntoOutputs(type(modnet.loss("mean-squared-error"))):  # type: ignore[misc]
    """A loss that rounds the outputs it is given."""

    def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
        y += 1
        return super().__call__(y, t, axis)


@pytest.mark.check
class TestTensors:
    """Tapes and counters of writes, which arrays of torch alone have."""

    @pytest.mark.parametrize(
        ("layers", "settings"),
        [
            ([WritesIntoItsInputs(), "dense", "softmax"], {"shape": 6}),
            ([6, 3, 2], {"hidden": WritesIntoItsInputs()}),
            ([6, 3, 2], {"output": "identity", "loss": WritesIntoOutputs()}),
        ],
    )
    def test_a_part_that_writes_into_them_is_named(self, layers: Any, settings: Any) -> None:
        """Derivatives would be those of other numbers, as nothing locks a tensor."""
        torch = pytest.importorskip("torch")
        if "dense" in layers:
            layers = [layers[0], modnet.layer("dense", units=2), layers[2]]
        t = Y[:, [0, 0]] if "loss" in settings else T
        network = modnet.Network(layers, array="torch", **settings)
        with pytest.raises(PluginError, match=r"Writes.* writes into the array it is given: let it return a new one"):
            network.gradient(torch.tensor(X), t, modnet.gradient("backpropagation"))

    def test_no_tape_is_kept_of_samples(self) -> None:
        torch = pytest.importorskip("torch")
        network, x = modnet.Network([6, 3, 2], array="torch"), torch.tensor(X, requires_grad=True)
        found: Any = network.gradient(x, T, modnet.gradient("backpropagation"))
        outputs: Any = network.predict(x)
        assert not any(grad.requires_grad for grad in [outputs, *found.values()])
        assert x.requires_grad

    def test_a_tape_is_kept_where_tensors_match_others(self) -> None:
        """As of a part that sends its own values where the network is."""
        torch = pytest.importorskip("torch")
        w = torch.ones(2, requires_grad=True)
        matched: Any = modnet.match_array(w, torch.zeros(1, dtype=torch.float64))
        matched.sum().backward()
        assert (matched.dtype, w.grad.tolist()) == (torch.float64, [1, 1])


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        ({"output": AlwaysNumpy()}, {}, r"AlwaysNumpy\(\) returned an array of numpy, where one of {array} on \w+ is"),
        ({"output": MethodsOfNumpy()}, {}, r"MethodsOfNumpy\(\) failed with arrays of {array} on \w+ \(\w+Error: .*\)"),
        ({}, {"optimizer": StepsInNumpy()}, r"StepsInNumpy\(\) returned an array of numpy, where one of {array} on"),
    ],
)
def test_a_part_for_numpy_alone_is_named_with_what_to_choose(
    library: Any, network: Any, settings: Any, words: str
) -> None:
    with pytest.raises(PluginError, match=words.format(**library) + ".*choose the array library numpy"):
        train(settings=settings, loss="mean-squared-error", **network, **library)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            {"array": "troch"},
            r"network.array: no array library 'troch', did you mean 'torch'\?; available: numpy, torch",
        ),
        ({"device": "cuda"}, r"NumPy's arrays are on the CPU, not 'cuda': choose another array library"),
        (
            {"array": "array-api-strict", "device": "cuda"},
            r"network.device: 'cuda' of array-api-strict cannot hold float64 .*; available: CPU_DEVICE, device1",
        ),
        ({"array": "array-api-strict", "device": "no_float64"}, "'no_float64' of array-api-strict cannot hold float64"),
    ],
)
def test_what_is_not_available_is_named(network: Any, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        modnet.TwoLayerNet(6, 3, 2, **network)


def test_a_library_that_is_not_installed_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "array_api_compat.torch", None)
    with pytest.raises(MissingExtraError, match=r"the array library torch needs .*pip install '.*\[torch\]'"):
        modnet.TwoLayerNet(6, 3, 2, array="torch")


def test_arrays_of_two_libraries_are_refused(library: Any) -> None:
    net = modnet.TwoLayerNet(6, 3, 2, **library)
    net.params["W2"] = np.zeros((3, 2))
    with pytest.raises(ShapeError, match=f"is of {library['array']} on .* and W2 is of numpy"):
        net.predict(X)


@pytest.mark.check
@pytest.mark.parametrize("array", ["numpy", "torch"])
@pytest.mark.filterwarnings("ignore:.*(beta|prototype) st:UserWarning")
def test_tensors_of_any_kind_are_taken_or_refused_in_a_line(array: str) -> None:
    torch = pytest.importorskip("torch")
    net, x = modnet.TwoLayerNet(6, 3, 2, array=array, seed=0), torch.tensor(X)
    expected = net.predict(X)
    for taken in (x.clone().requires_grad_(), x.float(), x.bfloat16(), torch.nn.Parameter(x), x.to(torch.float8_e5m2)):
        np.testing.assert_allclose(modnet.to_numpy(net.predict(taken)), expected, atol=0.1)
        assert len(modnet.Dataset.from_arrays(taken, torch.tensor(T), test_fraction=0).train) == len(X)
    refused = {
        "a tensor on the device meta, which has no numbers": x.to("meta"),
        "a tensor of the layout sparse_coo: give its to_dense": x.to_sparse(),
        "a tensor of the layout sparse_csr: give its to_dense": x.to_sparse_csr(),
        "a nested tensor: give rows of one length": torch.nested.nested_tensor([x[0], x[1]]),
        "complex128": x + 1j,
    }
    for words, given in refused.items():
        with pytest.raises(ShapeError, match=rf"^layer 1: samples must be real numbers: found .*{words}"):
            net.loss(given, T)
        with pytest.raises(modnet.DataError, match=words):
            modnet.Dataset.from_arrays(given, T)
    for change in (torch.Tensor.bfloat16, torch.Tensor.to_sparse, lambda tensor: tensor.to("meta")):
        other = net.with_arrays({name: change(torch.tensor(modnet.to_numpy(w))) for name, w in net.params.items()})
        with pytest.raises(ShapeError, match=r"^layer 1: W1 must be an array of floats, it is a"):
            other.predict(X)


def test_the_imaginary_part_of_numbers_is_never_dropped() -> None:
    net, odd = modnet.TwoLayerNet(6, 3, 2, seed=0), X + 1j
    data = modnet.Dataset.from_arrays(X, T)
    for use in (
        lambda: net.predict(odd),
        lambda: net.loss(X, T, odd[:, 0]),
        lambda: modnet.Dataset.from_arrays(odd, T),
        lambda: modnet.Dataset.from_arrays(X, odd[:, 0], task="regression"),
        lambda: modnet.Dataset.from_arrays(X, T, weights=odd[:, 0]),
        lambda: data.prepare(odd),
        lambda: data.preparation and data.preparation.transform(odd),
        lambda: modnet.Preparation.fit(odd),
        lambda: data.with_soft_targets(odd[: len(data.train), :2]),
    ):
        with pytest.raises((ShapeError, modnet.DataError), match="complex128"):
            use()


def test_sparse_matrices_are_refused_and_dasks_arrays_are_computed() -> None:
    from dask import array
    from scipy.sparse import csr_array

    net, data = modnet.TwoLayerNet(6, 3, 2, seed=0), modnet.Dataset.from_arrays(X, T)
    assert np.array_equal(modnet.to_numpy(net.predict(array.from_array(X))), net.predict(X))
    for use in (net.predict, data.prepare, lambda given: modnet.Dataset.from_arrays(given, T)):
        with pytest.raises((ShapeError, modnet.DataError), match=r"a csr_array.* is sparse: give its toarray\(\)"):
            use(csr_array(X))

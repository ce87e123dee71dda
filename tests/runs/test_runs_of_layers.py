"""Runs of networks of layers: experiment files, folders, predictions, comparisons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import DataError, SettingError
from modnet.compose.experiment import create_experiment, create_network, read_data, to_file, to_table
from modnet.compose.tables import parse_toml
from modnet.nn.checkpoint import load_params, save_params
from modnet.runs.recorder import create_run, train_run

LAYERS: list[Any] = [
    {"name": "convolution", "filters": 2, "size": 3},
    "relu",
    {"name": "max-pool", "size": 4},
    "flatten",
    {"name": "dense", "units": 10},
    "batch-norm",
    {"name": "leaky-relu", "slope": 0.1},
    "dropout",
    {"name": "dense", "units": 10},
    "softmax",
]
TABLE: dict[str, Any] = {
    "network": {"layers": LAYERS},
    "gradient": "backpropagation",
    "training": {"iterations": 3, "batch_size": 20},
}


@pytest.fixture(scope="module")
def digits() -> modnet.Dataset:
    return modnet.load("mnist-small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    given = create_experiment(TABLE)
    data, wanted = read_data(given, TABLE)
    with create_run(path, wanted, data) as recorder:
        train_run(wanted, data, recorder)
    return path


class TestExperiments:
    def test_a_file_is_read_again_to_the_same_experiment(self, digits: modnet.Dataset) -> None:
        data, wanted = read_data(create_experiment(TABLE))
        assert wanted.network.shape == data.shape == (1, 28, 28)
        again = create_experiment(parse_toml(to_file(wanted)))
        assert again == wanted
        assert to_file(again) == to_file(wanted)
        assert "hidden" not in to_table(wanted)["network"]
        one, other = create_network(wanted, digits), create_network(again, digits)
        assert all(np.array_equal(value, other.params[name]) for name, value in one.params.items())

    def test_it_is_the_network_that_python_makes(self, digits: modnet.Dataset) -> None:
        made = create_network(create_experiment(TABLE), digits)
        net = modnet.Network.for_data(digits, layers=LAYERS)
        assert repr(made) == repr(net)
        assert all(np.array_equal(value, net.params[name]) for name, value in made.params.items())

    def test_tables_keep_their_other_defaults(self) -> None:
        table = {"data": {"name": "iris"}, "network": {"layers": [{"name": "dense", "units": 3}, "softmax"]}}
        _, wanted = read_data(create_experiment(table), table)
        assert (wanted.network.shape, wanted.network.weight_init_std) == ((4,), "he")

    @pytest.mark.parametrize(
        ("network", "expected"),
        [
            (
                {"layers": LAYERS, "hidden": [5]},
                "network: 'layers' stand in place of 'hidden': leave one of the two out",
            ),
            ({"layers": LAYERS, "output": "softmax"}, "'layers' stand in place of 'output'"),
            ({"layers": "relu"}, "'layers' must be a list of tables, not 'relu'"),
            ({"layers": []}, "'layers' and 'shape' must not be empty"),
            ({"shape": [4]}, "'shape' goes with 'layers'"),
            ({"layers": LAYERS, "shape": [0]}, "'shape' must be >= 1: 0"),
            ({"layers": ["relo"]}, "network.layers: item 1: no layer or activation 'relo', did you mean 'relu'?"),
            ({"layers": [{"name": "dense"}]}, "network.layers: item 1: 'units' is missing"),
        ],
    )
    def test_entries_that_cannot_be(self, network: dict[str, Any], expected: str) -> None:
        with pytest.raises(SettingError, match=re.escape(expected)):
            create_experiment({"network": network})

    def test_a_shape_that_the_data_does_not_have_is_refused(self, digits: modnet.Dataset) -> None:
        experiment = create_experiment({"network": {"layers": LAYERS, "shape": [1, 20, 20]}})
        with pytest.raises(SettingError, match=r"network.shape: \(1, 20, 20\) takes samples of 400 numbers.* 784"):
            create_network(experiment, digits)

    def test_for_data_takes_layers_or_hidden_units(self, digits: modnet.Dataset) -> None:
        for wrong in ({"hidden": 4}, {"activation": "relu"}, {"output": "softmax"}):
            with pytest.raises(SettingError, match="'hidden' and 'output' go with sizes"):
                modnet.Network.for_data(digits, layers=LAYERS, **wrong)


class TestFolders:
    def test_a_run_is_opened_and_predicts(self, folder: Path, digits: modnet.Dataset) -> None:
        run = modnet.open_run(folder)
        assert run.network.shape == (1, 28, 28)
        assert {"W1", "gamma1", "mean1", "var1"} <= {*run.params}
        images = digits.test.unscaled(slice(5)).reshape(5, 28, 28)
        assert run.predict(images).tolist() == run.predict(digits.test)[:5].tolist()
        assert run.predict_proba(digits.test).sum(axis=1) == pytest.approx(1)
        with pytest.raises(DataError, match=r"have the shape \(56, 14\), the run was trained on \(1, 28, 28\)"):
            run.predict(images.reshape(5, 56, 14))

    def test_a_run_of_python_is_saved_and_opened(self, tmp_path: Path, digits: modnet.Dataset) -> None:
        items = ["flatten", ("dense", {"units": 5}), "batch-norm", "tanh", ("dense", {"units": 10})]
        net = modnet.Network(items, shape=(28, 28), loss="mean-squared-error")
        run = modnet.train(net, digits, iterations=3)
        run.save(tmp_path / "run")
        again = modnet.open_run(tmp_path / "run")
        assert again.network.shape == (28, 28)
        assert all(np.array_equal(value, again.params[name]) for name, value in run.params.items())
        assert again.predict(digits.test).tolist() == run.predict(digits.test).tolist()

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda arrays: arrays.pop("mean1"), "mean1 is missing"),
            (lambda arrays: arrays.pop("W1"), "W1 is missing"),
            (lambda arrays: arrays.update(W9=np.zeros(3)), "no layer has arrays of the names W9"),
            (lambda arrays: arrays.update(mean1=np.zeros(10, int)), "mean1 must be an array of floats, not int64"),
            (
                lambda arrays: arrays.update(W1=np.zeros((2, 1, 4, 4))),
                r"W1 must have shape \(2, 1, 3, 3\), not \(2, 1, 4, 4\)",
            ),
            (lambda arrays: arrays["var1"].fill(np.nan), "a number in var1 is not finite"),
        ],
    )
    def test_arrays_that_do_not_fit_are_found(self, folder: Path, tmp_path: Path, change: Any, expected: str) -> None:
        arrays, about = load_params(folder / "params.npz")
        arrays = {name: value.copy() for name, value in arrays.items()}
        change(arrays)
        (tmp_path / "experiment.toml").write_bytes((folder / "experiment.toml").read_bytes())
        save_params(tmp_path / "params.npz", arrays, about)
        with pytest.raises(DataError, match=rf"params.npz does not fit experiment.toml \(.*{expected}") as caught:
            modnet.open_run(tmp_path).model  # noqa: B018
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("units = 10", "units = 1000000000", "must have shape"),
            ("filters = 2", "filters = 1000000000", "must have shape"),
            ("    28,\n    28,\n", "    2,\n    2,\n", "layer 1"),
            ("shape = [\n    1,\n    28,\n    28,\n]\n", "", "network.shape is missing"),
        ],
    )
    def test_another_network_in_the_file_is_found_before_it_is_made(
        self, folder: Path, tmp_path: Path, old: str, new: str, expected: str
    ) -> None:
        content = (folder / "experiment.toml").read_text()
        assert old in content
        (tmp_path / "experiment.toml").write_text(content.replace(old, new))
        (tmp_path / "params.npz").write_bytes((folder / "params.npz").read_bytes())
        with pytest.raises(DataError, match=rf"params.npz does not fit experiment.toml \(.*{expected}"):
            modnet.open_run(tmp_path).model  # noqa: B018


def test_settings_of_layers_are_compared(tmp_path: Path) -> None:
    small: list[Any] = ["flatten", {"name": "dense", "units": 5}, "relu", {"name": "dense", "units": 10}, "softmax"]
    table = {**TABLE, "network": {"layers": small}}
    result = modnet.compare(table, {"network.layers.1.units": [3, 4]}, seeds=2, workers=1, out=tmp_path / "out")
    assert [setting.label for setting in result.settings] == ["network.layers.1.units 3", "network.layers.1.units 4"]
    run = modnet.open_run(next((tmp_path / "out").glob("*4/seed-0")))
    assert run.network.params["W1"].shape == (784, 4)


def test_whole_lists_of_layers_are_compared(tmp_path: Path) -> None:
    lists = [
        ["flatten", {"name": "dense", "units": 10}, "softmax"],
        ["flatten", "batch-norm", {"name": "dense", "units": 10}, "softmax"],
    ]
    table = {key: entry for key, entry in TABLE.items() if key != "network"}
    result = modnet.compare(table, {"network.layers": lists}, seeds=2, workers=1, out=tmp_path / "out")
    assert len(result.settings) == 2


def test_a_layer_that_is_no_part_of_a_registry_cannot_be_saved(tmp_path: Path, digits: modnet.Dataset) -> None:
    @attrs.frozen
    class Double(modnet.Layer):
        def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
            return 2 * x, None

    net = modnet.Network(["flatten", Double(), ("dense", {"units": 10}), "softmax"], shape=(1, 28, 28))
    run = modnet.train(net, digits, iterations=1)
    with pytest.raises(SettingError, match=r"Double is not registered: a plugin, or modnet.register, gives it a name"):
        run.save(tmp_path / "run")

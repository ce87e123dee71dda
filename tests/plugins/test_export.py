"""Exported models: representatives, what is refused, and what files are written."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pandas as pd
import pytest
from exported import compare, feed, load_python, open_onnx, read_about, train
from modnet_export.program import trace_network
from modnet_export.tracing import Trace
from safetensors import safe_open
from safetensors.numpy import load_file

import modnet

EVERYTHING = [
    ("convolution", {"filters": 3, "size": 3, "padding": "same", "stride": 2}),
    "batch-norm",
    "gelu",
    ("max-pool", {"size": 2}),
    "prelu",
    ("dropout", {"rate": 0.3}),
    "flatten",
    ("maxout", {"units": 7}),
    ("dense", {"units": 3}),
    "softmax",
]
NASTY = ["no'); import os #", '"""\nraise SystemExit', "한국 \\N{BULLET} {0}"]
MIXED = [
    [age, word, size, income]
    for age, word, size, income in zip(
        [31.5, None, 47.0, 22.25, None, 60.0] * 20,
        [*NASTY, *NASTY] * 20,
        ["s", "m", None, "l", "m", "s"] * 20,
        (1e6 + np.random.default_rng(7).normal(size=120)).tolist(),
        strict=True,
    )
]
LABELS = ["yes", "no'\n", "maybe"] * 40
WAYS = {
    "feature_names": ["age (years)", "job'\"\n", "label", "income"],
    "impute": {"age (years)": "median", "label": "most-frequent"},
    "encode": {"job'\"\n": "one-hot", "label": ["s", "m", "l"]},
    "missing_indicator": True,
}


def images_of(classes: int, shape: tuple[int, ...] = (2, 9, 8)) -> modnet.Dataset:
    x = np.random.default_rng(7).integers(0, 256, (60, math.prod(shape))).astype(np.uint8)
    return modnet.Dataset.from_arrays((x, np.arange(60) % classes), scale=255, shape=shape)


def mixed_table(**changes: Any) -> modnet.Dataset:
    return modnet.Dataset.from_arrays((MIXED, LABELS), **{**WAYS, **changes})


@pytest.fixture(scope="module")
def iris() -> Any:
    data = modnet.load("iris")
    return train(modnet.Network.for_data(data, hidden=8), data)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_of_all_layers_predicts_the_same_everywhere(dtype, tmp_path):
    data = images_of(3)
    run = train(modnet.Network(EVERYTHING, shape=(2, 9, 8), weight_init_std="he", dtype=dtype), data)
    found = compare(run, data.train.unscaled(slice(None)).reshape(-1, 2, 9, 8), tmp_path)
    assert found.labels
    assert found.largest < (1e-12 if dtype == "float64" else 1e-6)
    inputs = open_onnx(tmp_path / "model.onnx").get_inputs()
    assert [(each.name, each.shape) for each in inputs] == [("images", ["N", 2, 9, 8])]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_columns_of_words_and_missing_values_are_prepared_inside(dtype, tmp_path):
    data = mixed_table()
    run = train(modnet.Network.for_data(data, hidden=8, dtype=dtype), data)
    rows = [*MIXED[:20], [None, "never seen", None, 1e6]]
    with pytest.warns(UserWarning, match="never seen"):
        found = compare(run, rows, tmp_path, batches=(21, 7))
    assert found.labels
    assert found.largest < (1e-12 if dtype == "float64" else 1e-6)
    session = open_onnx(tmp_path / "model.onnx")
    types = ["tensor(double)", "tensor(string)", "tensor(string)", "tensor(double)"]
    assert [each.type for each in session.get_inputs()] == types
    assert [each.name for each in session.get_inputs()] == ["age (years)", "job'\"\n", "label_2", "income"]
    assert [each.name for each in session.get_outputs()] == ["label", "probabilities"]
    assert read_about(session)["inputs"]["label_2"] == "label"


def test_a_file_of_python_finds_the_columns_of_a_data_frame_by_their_names(tmp_path):
    data = mixed_table()
    run = train(modnet.Network.for_data(data, hidden=4), data)
    frame = pd.DataFrame(MIXED[:20], columns=WAYS["feature_names"]).convert_dtypes()
    assert frame.isna().to_numpy().any()
    exported = load_python(modnet.export(run, tmp_path / "model.py"))
    for rows in (frame, frame[frame.columns[::-1]].assign(other=1)):
        np.testing.assert_array_equal(exported.predict_proba(rows), run.predict_proba(frame))
    with pytest.raises(ValueError, match="the rows have no column 'income'"):
        exported.predict(frame.rename(columns={"income": "wage"}))
    masked = np.ma.array(MIXED[:3], object, mask=[[True, False, False, False]] * 3)
    np.testing.assert_array_equal(exported.predict_proba(masked), run.predict_proba(masked))


@pytest.mark.filterwarnings("ignore:.*a word that the training rows lack")
@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [(2, "xl", "no word 'xl'"), (3, None, "a missing value"), (3, math.inf, "a finite number")],
    ids=["unseen word", "missing number", "infinite number"],
)
def test_a_row_that_predictions_refuse_is_refused_by_an_exported_model(column, cell, words, tmp_path):
    data = mixed_table()
    run = train(modnet.Network.for_data(data, hidden=4), data)
    rows = [list(row) for row in MIXED[:3]]
    rows[1][column] = cell
    with pytest.raises(modnet.DataError, match=words):
        run.predict(rows)
    session = open_onnx(modnet.export(run, tmp_path / "model.onnx"))
    with pytest.raises(Exception, match=r"refuses_.* out of data bounds"):
        session.run(None, feed(session, rows))
    with pytest.raises(ValueError, match="column"):
        load_python(modnet.export(run, tmp_path / "model.py")).predict(rows)


def test_values_of_a_regression_are_in_their_unit(tmp_path):
    x = np.random.default_rng(7).normal(size=(80, 3))
    data = modnet.Dataset.from_arrays((x, np.stack([x.sum(axis=1) * 1e4, 5 - x[:, 0]], axis=1)), task="regression")
    run = train(modnet.Network.for_data(data, hidden=5, dtype="float32"), data)
    found = compare(run, x, tmp_path)
    assert found.onnx / 1e4 < 1e-6
    assert found.numpy == 0
    (output,) = open_onnx(tmp_path / "model.onnx").get_outputs()
    assert (output.name, output.type, output.shape) == ("predictions", "tensor(double)", ["N", 2])
    assert not hasattr(load_python(tmp_path / "model.py"), "predict_proba")


def test_one_output_for_two_classes_becomes_two_probabilities(tmp_path):
    x = np.random.default_rng(7).normal(size=(60, 2))
    data = modnet.Dataset.from_arrays((x, x[:, 0] > 0))
    run = train(modnet.Network([2, 4, 1], output="sigmoid", loss="binary-cross-entropy"), data)
    found = compare(run, x, tmp_path)
    assert found.labels
    assert found.largest < 1e-12
    label, probabilities = open_onnx(tmp_path / "model.onnx").get_outputs()
    assert (label.type, probabilities.shape) == ("tensor(bool)", ["N", 2])


def test_outputs_that_are_no_probabilities_are_called_scores(iris, tmp_path):
    data = modnet.load("iris")
    run = train(modnet.Network([4, 5, 3], output="identity", loss="mean-squared-error"), data)
    session = open_onnx(modnet.export(run, tmp_path / "model.onnx"))
    assert [each.name for each in session.get_outputs()] == ["label", "scores"]


def test_a_model_in_onnx_says_what_it_is_and_names_no_path(iris, tmp_path):
    iris.save(tmp_path / "run")
    path = modnet.export(tmp_path / "run", tmp_path / "model.onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    about = read_about(open_onnx(path))
    assert (model.producer_name, about["version"]) == ("modnet", modnet.__version__)
    assert about["classes"] == ["setosa", "versicolor", "virginica"]
    assert about["features"][0] == "sepal length"
    assert about["loss"]["name"] == "cross-entropy"
    assert {each.version for each in model.opset_import if not each.domain} == {17}
    assert {each.name for each in model.graph.initializer} >= {"W1", "b1", "W2", "b2"}
    assert str(tmp_path).encode() not in path.read_bytes()
    assert os.fsencode(Path.cwd()) not in path.read_bytes()


def test_safetensors_are_read_by_it_alone_and_by_modnet(tmp_path):
    data = images_of(3)
    run = train(modnet.Network(EVERYTHING, shape=(2, 9, 8), dtype="float32"), data)
    run.network.params["W1"] = np.asfortranarray(run.network.params["W1"])
    path = modnet.export(run, tmp_path / "model.safetensors")
    arrays = load_file(path)
    assert arrays.keys() == run.network.arrays.keys()
    for name, value in run.network.arrays.items():
        assert arrays[name].dtype == value.dtype, name
        assert np.array_equal(arrays[name], value), name
    with safe_open(path, "np") as file:
        about = json.loads(file.metadata()["modnet"])
    again = modnet.Network(**about["network"], loss=modnet.loss(**about["loss"])).with_arrays(arrays)
    x = data.train.x[:5]
    assert np.array_equal(again.predict(x), run.network.predict(x))


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_file_of_python_needs_numpy_alone(tmp_path):
    data = mixed_table()
    run = train(modnet.Network.for_data(data, hidden=8), data)
    path = modnet.export(run, tmp_path / "model.py")
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv/bin/python"
    (site,) = (tmp_path / "venv").rglob("site-packages")
    for folder in Path(np.__file__).parents[1].glob("numpy*"):
        (site / folder.name).symlink_to(folder)
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["other", *reversed(WAYS["feature_names"])])
        out.writerows(["?", *("NA" if cell is None else cell for cell in reversed(row))] for row in MIXED[:12])
    done = subprocess.run([python, "-I", path, rows], capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.stderr == ""
    answers = [line[1] for line in csv.reader(done.stdout.splitlines(keepends=True))][1:]
    assert answers == run.predict(MIXED[:12]).tolist()
    unread = ["bash", "-c", 'exec 3> >(:); wait $!; "$0" -I "$1" "$2" >&3', python, path, rows]
    done = subprocess.run(unread, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    code = "import model, sys; print([m for m in sys.modules if m.split('.')[0] in ('modnet', 'attrs', 'onnx')])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def save_rows(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_words_for_a_missing_value_are_those_of_training(tmp_path, call):
    lines = [f"{n if n % 5 else -999}.0,{['NA', 'x', 'unknown'][n % 3]},{n % 2}" for n in range(40)]
    path = save_rows(tmp_path / "table.csv", "a,b,label", *lines)
    words = 'data.missing_values={a=["-999"], b=["unknown"]}', 'data.impute={a="mean", b="most-frequent"}'
    settings = [part for each in (*words, 'data.encode={b="one-hot"}') for part in ("--set", each)]
    call("train", "--data", str(path), "--iterations", "20", "--out", str(tmp_path / "run"), *settings, cwd=tmp_path)
    model = load_python(modnet.export(modnet.open_run(tmp_path / "run"), tmp_path / "model.py"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = model.read_csv(file)
    assert rows[0] == [None, "NA"]
    assert [row[1] for row in rows[:3]] == ["NA", "x", None]
    with pytest.warns(UserWarning, match="21 missing values imputed"):
        expected = modnet.open_run(tmp_path / "run").predict_proba(path)
    assert np.abs(model.predict_proba(rows) - expected).max() < 1e-12


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["color,Size", "red,small"], "no column 'size'"),
        (["Color,Size", "red,small"], "no column 'color'"),
        (["color,size", "red,small", "red"], "line 3 has 1 columns, and the first one 2"),
        (["color,size", "red,small,9"], "line 2 has 3 columns, and the first one 2"),
    ],
)
def test_a_header_with_other_names_is_no_row(lines, words, tmp_path):
    x = np.array([["red", "small"], ["blue", "large"]] * 4, object)
    data = modnet.Dataset.from_arrays((x, [0, 1] * 4), feature_names=("color", "size"), test_fraction=0.0)
    model = load_python(modnet.export(train(modnet.Network.for_data(data, hidden=2), data), tmp_path / "model.py"))
    with pytest.raises(ValueError, match=words):
        model.read_csv(lines)


def test_text_of_others_becomes_no_code(tmp_path):
    data = mixed_table()
    run = train(modnet.Network.for_data(data, hidden=4), data)
    path = modnet.export(run, tmp_path / "model.py")
    module = load_python(path)
    assert run.classes == module.CLASSES
    assert [name for name, *_ in module.COLUMNS] == WAYS["feature_names"]
    assert set(module.COLUMNS[1][1]) == set(NASTY)
    assert path.read_bytes().isascii()


@attrs.frozen
class ByNumPy(modnet.Activation):
    """A third party's, that calls NumPy's functions and none of the array API standard."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.clip(np.where(np.absolute(a) < 1, np.power(a, 3), np.arctan(a)), a_min=-1.4, a_max=np.float64(1.2))


def test_a_part_of_a_third_party_is_exported_by_its_own_code(tmp_path):
    data = modnet.load("iris")
    run = train(modnet.Network([4, 6, 3], hidden=ByNumPy()), data)
    found = compare(run, data.test.unscaled(slice(None)), tmp_path)
    assert found.labels
    assert found.largest < 1e-6
    assert "np.arctan(" in (tmp_path / "model.py").read_text()


def test_a_function_as_an_activation_is_exported(tmp_path):
    data = modnet.load("iris")
    run = train(modnet.Network([4, 6, 3], hidden=np.tanh), data)
    assert compare(run, data.test.unscaled(slice(None)), tmp_path).largest < 1e-12


def test_networks_of_another_array_library_are_exported(tmp_path):
    data = modnet.load("iris")
    run = train(modnet.Network([4, 6, 3], hidden="gelu", array="array-api-strict"), data)
    assert compare(run, data.test.unscaled(slice(None)), tmp_path).largest < 1e-12


@pytest.mark.check
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_networks_of_torch_are_exported(dtype, tmp_path):
    pytest.importorskip("torch")
    data = images_of(3)
    run = train(modnet.Network(EVERYTHING, shape=(2, 9, 8), array="torch", dtype=dtype), data)
    found = compare(run, data.train.unscaled(slice(None)).reshape(-1, 2, 9, 8), tmp_path)
    assert found.labels
    assert found.largest < (1e-12 if dtype == "float64" else 1e-6)


def decides(a):
    return a if a.max() > 0 else -a


def draws(a):
    return a + np.random.default_rng().normal(size=a.shape[1])


def assigns(a):
    z = 1 * a
    z[a < 0] = 0
    return z


REFUSED = {
    "decides by the numbers of its inputs": decides,
    "computes otherwise for another number of samples": lambda a: a + 0.0 if len(a) < 3 else 1.0 * a,
    "assigns to some entries of an array": assigns,
    "calls numpy.linalg.svd": lambda a: np.linalg.svd(a)[0],
    "makes a NumPy array of its inputs": lambda a: np.asarray(a) * 2,
    "calls add.accumulate": lambda a: np.add.accumulate(a, axis=1),
    "calls exp with out=": lambda a: np.exp(a, out=np.empty(a.shape)),
    "asks an array for its strides": lambda a: a * a.strides[0],
    "goes through its inputs one by one": lambda a: np.stack([row * 2 for row in a]),
    "computes other numbers where its inputs are no arrays of NumPy": draws,
    "fails where its inputs are no arrays of NumPy (KeyError: 'Traced')": lambda a: {"ndarray": a}[type(a).__name__],
}


@attrs.frozen
class Odd(modnet.Activation):
    """An activation that no other array library could compute."""

    what: str

    def __call__(self, a, axis=-1):
        return REFUSED[self.what](a)


@pytest.mark.parametrize("what", REFUSED)
def test_a_part_that_leaves_the_standard_is_refused_by_name(what):
    network = modnet.Network([2, 3, 2], hidden=Odd(what))
    with pytest.raises(modnet.PluginError) as caught:
        trace_network(network)
    assert "layer 1: Odd(what=" in str(caught.value)
    assert f"cannot be exported, it {what}" in str(caught.value)
    assert "or export --to safetensors" in str(caught.value)


def test_the_number_of_samples_stays_open(tmp_path):
    class ByShape(modnet.Activation):
        def __call__(self, a, axis=-1):
            xp = a.__array_namespace__() if not isinstance(a, np.ndarray) else np
            both = xp.reshape(xp.stack([a, xp.zeros((len(a), a.shape[1]))], axis=1), (2 * len(a), -1))
            return xp.reshape(both, (len(a), 2, -1))[:, 0, :] + xp.ones(a.shape) * len(a) / (2 * len(a))

    network = modnet.Network([2, 3, 2], hidden=ByShape())
    x = np.random.default_rng(7).normal(size=(9, 2))
    run = train(network, modnet.Dataset.from_arrays((x, np.arange(9) % 2), scale=1))
    found = compare(run, x, tmp_path, batches=(1, 4, 9))
    assert found.labels
    assert found.largest < 1e-12


def test_a_step_that_onnx_lacks_is_refused_by_the_name_of_its_part(tmp_path):
    @attrs.frozen
    class Angle(modnet.Activation):
        def __call__(self, a, axis=-1):
            return np.arctan2(a, 1.0)

    data = modnet.load("iris")
    run = train(modnet.Network([4, 5, 3], hidden=Angle()), data)
    words = r"layer 1: .*Angle\(\) cannot be exported, it calls atan2 of float64, for which ONNX has nothing: write it"
    with pytest.raises(modnet.PluginError, match=words):
        modnet.export(run, tmp_path / "model.onnx")
    rows = data.test.unscaled(slice(None))
    assert np.array_equal(load_python(modnet.export(run, tmp_path / "model.py")).predict(rows), run.predict(rows))


def test_a_graph_that_fails_for_some_number_of_rows_is_not_written(tmp_path):
    @attrs.frozen
    class Mixes(modnet.Layer):
        """A layer whose reshape has samples where there were units, which no graph can tell from eleven rows."""

        def forward(self, params, x, mode, stream):
            return x.T.reshape(len(x), 11), None

        def backward(self, params, x, z, memo, dz):
            return dz

    data = modnet.load("iris")
    run = train(modnet.Network([("dense", {"units": 11}), Mixes(), *EVERYTHING[-2:]], shape=4), data)
    with pytest.raises(modnet.PluginError, match=r"in ONNX fails its check \(.*\): report it, or export --to"):
        modnet.export(run, tmp_path / "model.onnx")
    assert [*tmp_path.iterdir()] == []


def test_what_training_alone_needs_is_no_step():
    program = trace_network(modnet.Network([("maxout", {"units": 2}), "softmax"], shape=2))
    assert "subtract" not in [step.function for step in program.steps if step.layer == 1]


def test_a_trace_knows_operators_methods_and_functions_of_numpy():
    x = Trace().create("x", np.random.default_rng(7).normal(size=(2, 3)))
    y = -np.concatenate([x.T, np.exp(x).transpose()], axis=1).sum(axis=0, keepdims=True) % 2.0
    assert y.shape == (1, 4)
    assert repr(y) == "<traced float64 array of shape (1, 4)>"
    names = ["permute_dims", "exp", "permute_dims", "concat", "sum", "negative", "remainder"]
    assert [step.function for step in y.trace.steps] == names


def test_a_file_that_is_there_is_replaced_only_if_asked(iris, tmp_path, call):
    iris.save(tmp_path / "run")
    done = call("export", "run", "--to", "numpy", cwd=tmp_path)
    assert (done.returncode, done.stdout.partition(" (")[0]) == (0, "exported to run.py")
    done = call("export", "run", "--out", "run.py", cwd=tmp_path)
    words = "modnet: --out: run.py exists already: choose another name, or --overwrite\n"
    assert (done.returncode, done.stderr) == (2, words)
    with pytest.raises(modnet.SettingError, match="exists already: choose another name, or overwrite=True"):
        modnet.export(iris, tmp_path / "run.py")
    with pytest.raises(modnet.SettingError, match="is a folder: name a file"):
        modnet.export(iris, tmp_path, to="numpy", overwrite=True)
    with pytest.raises(modnet.SettingError, match=r"not a Network: an estimator's run is model\.run_"):
        modnet.export(iris.network, tmp_path / "net.py")
    before = (tmp_path / "run.py").read_bytes()
    (tmp_path / "run.py").write_text("")
    assert call("export", "run", "--out", "run.py", "--overwrite", cwd=tmp_path).returncode == 0
    assert (tmp_path / "run.py").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.py"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run",), "--to: no format: available: onnx, safetensors, numpy"),
        (("run", "--out", "a.txt"), "export: a.txt: the name says no format: available: onnx, safetensors, numpy"),
        (("none", "--to", "onnx"), "none: not the folder of a run, there is no experiment.toml in it"),
        (("run", "--out", "no/a.py"), "no/a.py: there is no folder no"),
    ],
)
def test_a_wrong_call_is_said_in_a_line(arguments, words, iris, tmp_path, call):
    iris.save(tmp_path / "run")
    done = call("export", *arguments, cwd=tmp_path)
    assert done.returncode in {1, 2}
    assert done.stderr.replace("\\", "/") == f"modnet: {words}\n"


def test_a_run_that_diverged_is_not_exported(tmp_path):
    data = modnet.load("iris")
    network = modnet.Network([4, 5, 3], hidden="relu", output="identity", loss="mean-squared-error")
    with pytest.raises(modnet.DivergedError) as caught:
        modnet.train(network, data, optimizer=modnet.optimizer("sgd", lr=1e200), iterations=9)
    with pytest.raises(modnet.DataError, match="the run diverged: its network predicts nothing: train it with"):
        modnet.export(caught.value.run, tmp_path / "a.py")


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_a_missing_extra_is_named(kind, iris, tmp_path, monkeypatch):
    for name in [
        name for name in sys.modules if name.partition(".")[0] == kind or name == f"modnet_export.{kind}_file"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(
        modnet.MissingExtraError, match=rf"export to {kind} needs an extra .*modnet-workbench\[export\]"
    ):
        modnet.export(iris, tmp_path / "a", to=kind)
    assert [*tmp_path.iterdir()] == []


def test_exporting_a_run_of_somebody_else_runs_no_code(iris, tmp_path, call):
    iris.save(tmp_path / "run")
    experiment = tmp_path / "run/experiment.toml"
    (tmp_path / "evil.py").write_text("open('ran', 'w').close()\n")
    text = experiment.read_text()
    experiment.write_text(text.replace("modules = []", 'modules = ["evil"]'))
    assert experiment.read_text() != text
    done = call("export", "run", "--to", "numpy", cwd=tmp_path)
    assert done.returncode == 1
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "run.py").exists()
    (tmp_path / "run/receipt.json").unlink()
    call("export", "run", "--to", "numpy", cwd=tmp_path)
    assert not (tmp_path / "ran").exists()

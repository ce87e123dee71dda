"""Runs that are saved, opened and asked for predictions in Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import Call

import modnet
from modnet.compose.experiment import create_experiment, read_data
from modnet.runs.recorder import create_run, train_run

SHORT = {"gradient": "backpropagation", "network": {"hidden": [6], "weight_init_std": "he"}}


def draw(count: int = 120) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 10, (count, 2)).round(2)


def write_table(folder: Path, cell: Callable[[int, np.ndarray], str], label: Callable[[np.ndarray], object]) -> Path:
    path = folder / "table.csv"
    lines = [f"{x[0]},{cell(i, x)},{x[1]},{label(x)}" for i, x in enumerate(draw())]
    path.write_text("\n".join(["a,word,b,answer", *lines]) + "\n")
    return path


def get_word(i: int, x: np.ndarray) -> str:
    return "" if i % 10 == 3 else "up" if x[0] > 5 else "down"


def get_side(x: np.ndarray) -> str:
    return "left" if x[0] > x[1] else "right"


def get_pixels(folder: Path) -> dict[str, Any]:
    return {"data": {"name": "mnist-small"}}


def get_text(folder: Path) -> dict[str, Any]:
    path = write_table(folder, get_word, get_side)
    impute = {"word": "most-frequent"}
    return {"data": {"path": str(path), "label": "answer", "impute": impute}}


def get_binary(folder: Path) -> dict[str, Any]:
    network = {"output": "sigmoid", "loss": "binary-cross-entropy"}
    return {
        "data": {"path": str(write_table(folder, get_word_of_all, get_side)), "label": "answer"},
        "network": network,
    }


def get_word_of_all(i: int, x: np.ndarray) -> str:
    return "up" if x[0] > 5 else "down"


def get_regression(folder: Path) -> dict[str, Any]:
    path = write_table(folder, get_word_of_all, lambda x: 1000 + 3 * x[0])
    data = {"path": str(path), "label": "answer", "task": "regression"}
    return {"data": data, "network": {"output": "identity", "loss": "mean-squared-error"}}


def get_validated(folder: Path) -> dict[str, Any]:
    return {"data": {"name": "mnist-small", "validation_fraction": 0.2}}


KINDS = {
    "pixels": get_pixels,
    "text and missing values": get_text,
    "two classes, one output": get_binary,
    "regression": get_regression,
    "validation part": get_validated,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_trained_saved_and_opened_predicts_the_same(kind: str, tmp_path: Path, call: Call) -> None:
    table = KINDS[kind](tmp_path)
    wanted = create_experiment({**SHORT, **table, "network": {**SHORT["network"], **table.get("network", {})}})
    data, wanted = read_data(wanted)
    net = modnet.Network.for_data(data, hidden=6, **{**table.get("network", {}), "weight_init_std": "he"})
    run = modnet.train(net, data, iterations=40, batch_size=20, optimizer=modnet.optimizer("adam", lr=0.01))
    run.save(tmp_path / "mine")
    opened = modnet.open_run(str(tmp_path / "mine"))
    assert opened.status == run.status == "finished"
    assert (opened.history, opened.classes, opened.iteration) == (run.history, run.classes, 40)
    assert all(np.array_equal(opened.params[name], run.params[name]) for name in run.params)
    assert opened.experiment == run.experiment
    found = run.predict(data.test)
    for each in (run, opened):
        assert np.array_equal(each.predict(data.test), found)
        if data.classes:
            assert [*map(str, each.predict_proba(data.test).argmax(axis=1))] == [
                str(data.classes.index(label)) for label in found.tolist()
            ]
            assert np.allclose(each.predict_proba(data.test).sum(axis=1), 1)
        else:
            assert found.shape == (len(data.test),)
            assert abs(found.mean() - 1015) < 15
            with pytest.raises(modnet.SettingError, match="a regression"):
                each.predict_proba(data.test)
    if "path" in table["data"]:
        lines = (tmp_path / "table.csv").read_text().splitlines()
        (tmp_path / "rows.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
        done = call("predict", "mine", "rows.csv", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = [row["prediction"] for row in json.loads(done.stdout)["rows"]]
        with warnings.catch_warnings(action="ignore"):  # that missing values were imputed
            for each, file in ((run, tmp_path / "rows.csv"), (opened, str(tmp_path / "rows.csv"))):
                assert each.predict(file).tolist() == rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[modnet.Run, modnet.SavedRun]:
    """Return a run on a table of numbers and words, and the same run opened."""
    data = modnet.Dataset.from_arrays(ROWS, LABELS, feature_names=["height", "kind", "width"], test_fraction=0)
    net = modnet.Network.for_data(data, hidden=5)
    run = modnet.train(net, data, iterations=200, batch_size=10)
    folder = tmp_path_factory.mktemp("runs") / "run"
    run.save(folder)
    return run, modnet.open_run(folder)


POINTS = draw(60)
ROWS = [[float(x[0]), "up" if x[0] > 5 else "down", float(x[1])] for x in POINTS]
LABELS = [get_side(x) for x in POINTS]


def test_rows_of_all_kinds_have_the_same_predictions(trained: tuple[modnet.Run, modnet.SavedRun]) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    columns = {"width": [row[2] for row in ROWS], "more": range(60), "height": [row[0] for row in ROWS]}
    columns["kind"] = [row[1] for row in ROWS]
    for run in trained:
        found = run.predict(ROWS)
        assert found.dtype.kind == "U"
        assert np.mean(found == LABELS) > 0.8
        for rows in (
            np.array(ROWS, object),
            pandas.DataFrame(columns),
            polars.DataFrame(columns),
            trained[0].data.train,
        ):
            assert np.array_equal(run.predict(rows), found)
        before = np.array(ROWS, object)
        rows = before.copy()
        run.predict(rows)
        assert (rows == before).all()


ODD = [
    ([[1.0, "up"]], "3 columns? are described|rows have 2"),
    ([[1.0, "up", 2.0], [1.0, "up"]], "of different lengths"),
    ([[1.0, "up", float("nan")]], "finite|missing"),
    ([], "there are no rows"),
    (5, "there are no rows.*or a part, such as data.test"),
    (modnet.Samples(np.zeros((0, 3)), np.zeros(0, np.int64)), "the samples have no rows"),
    (modnet.Samples(np.zeros((2, 4)), np.zeros(2, np.int64)), "the samples have 4 columns"),
    ([["x", "up", 2.0]], "is text, and in training it was numbers"),
    ("missing.csv", "no such file"),
]


@pytest.mark.parametrize(("rows", "problem"), ODD, ids=[str(rows) for rows, _ in ODD])
def test_rows_that_do_not_fit_are_refused(trained: tuple[modnet.Run, modnet.SavedRun], rows: Any, problem: str) -> None:
    for run in trained:
        with pytest.raises(modnet.DataError, match=problem):
            run.predict(rows)


def test_what_is_odd_about_rows_is_warned_of(trained: tuple[modnet.Run, modnet.SavedRun]) -> None:
    with pytest.warns(UserWarning, match="a word that the training rows lack, 'sideways'"):
        trained[1].predict([[1.0, "sideways", 2.0]])
    pixels = modnet.load("mnist-small")
    run = modnet.train(modnet.TwoLayerNet(784, 5, 10), pixels, iterations=2)
    for rows in (pixels.test.x, pixels.test.x[:5]):
        with pytest.raises(modnet.DataError, match="these rows are prepared already: give raw rows, or a part"):
            run.predict(rows)
    with pytest.warns(UserWarning, match="the run divides features by 255, and none of these is above 1"):
        run.predict(pixels.test.x.copy())


def test_scores_that_are_no_probabilities_are_refused() -> None:
    data = modnet.Dataset.from_arrays(POINTS, LABELS, test_fraction=0)
    net = modnet.Network([2, 2], output="identity", loss="mean-squared-error")
    run = modnet.train(net, data, iterations=20)
    assert {*run.predict(POINTS)} <= {"left", "right"}
    with pytest.raises(modnet.SettingError, match="the network's outputs are no probabilities, in row"):
        run.predict_proba(POINTS)


class Cube(modnet.Activation):
    def __call__(self, a: Any, axis: int = -1) -> Any:
        return a**3


NAMELESS = [
    ({"hidden": np.tanh}, {}, "network.activation: .*the function tanh is not registered"),
    ({"hidden": Cube()}, {}, "network.activation: .*Cube is not registered: a plugin, or modnet.register"),
    ({}, {"gradient": lambda objective, params, stream: objective.backward(params)}, "gradient: the function <lambda>"),
]


def test_a_seed_of_numpy_is_saved_and_another_thing_is_refused_before_the_training(
    trained: tuple[modnet.Run, modnet.SavedRun], tmp_path: Path
) -> None:
    run = trained[0]
    modnet.train(run.network, run.data, iterations=1, seed=np.int64(3)).save(tmp_path / "run")
    assert modnet.open_run(tmp_path / "run").experiment["seed"] == 3
    for seed, words in ((-1, "must be >= 0: -1"), ("0", "must be a whole number, not '0'"), (1.5, "not 1.5")):
        with pytest.raises(modnet.SettingError, match=words):
            modnet.train(run.network, run.data, iterations=1, seed=seed)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        modnet.TwoLayerNet(4, 3, 2, seed=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("parts", "more", "problem"), NAMELESS, ids=["a function", "a class", "an estimator"])
def test_a_part_without_a_name_is_not_saved(tmp_path: Path, parts: Any, more: Any, problem: str) -> None:
    data = modnet.Dataset.from_arrays(POINTS, LABELS, test_fraction=0)
    run = modnet.train(modnet.Network([2, 3, 2], **parts), data, iterations=2, **more)
    with pytest.raises(modnet.SettingError, match=problem):
        run.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    undo = modnet.register(Cube)
    try:
        if "Cube" in problem:
            run.save(tmp_path / "run")
            assert np.array_equal(modnet.open_run(tmp_path / "run").predict(POINTS), run.predict(POINTS))
    finally:
        undo()


def test_a_folder_that_is_not_free_is_left_alone(trained: tuple[modnet.Run, modnet.SavedRun], tmp_path: Path) -> None:
    run = trained[0]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("")
    for overwrite in (False, True):
        with pytest.raises(modnet.SettingError, match="is not the folder of a run"):
            run.save(tmp_path / "other", overwrite=overwrite)
    run.save(tmp_path / "run")
    before = (tmp_path / "run" / "receipt.json").read_bytes()
    with pytest.raises(modnet.SettingError, match="holds a run: choose another, or pass overwrite=True"):
        run.save(tmp_path / "run")
    assert (tmp_path / "run" / "receipt.json").read_bytes() == before
    run.save(tmp_path / "run", overwrite=True)
    assert run.folder == tmp_path / "run"


def test_saving_that_fails_leaves_the_run_that_was_there(
    trained: tuple[modnet.Run, modnet.SavedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained[0]
    run.save(tmp_path / "run")
    files = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("modnet.runs.recorder.save_params", fail)
    for name, overwrite in (("run", True), ("new", False)):
        with pytest.raises(modnet.DataError, match=r"cannot be written: No space left on device(\n.* holds the run|$)"):
            run.save(tmp_path / name, overwrite=overwrite)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == files
    assert not (tmp_path / "new").exists()


def test_commands_that_need_the_data_say_that_no_file_has_it(
    trained: tuple[modnet.Run, modnet.SavedRun], tmp_path: Path, call: Call
) -> None:
    trained[0].save(tmp_path / "run")
    for words in (
        ("resume", "run", "--iterations", "300"),
        ("train", "run/experiment.toml"),
        ("compare", "run/experiment.toml"),
    ):
        done = call(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("modnet: the run's data was given in Python, and no file has it: ")
        assert len(done.stderr.splitlines()) == 1
    done = call("verify", "run", cwd=tmp_path)
    assert done.returncode == 1
    assert "data      cannot be loaded: the run's data was given in Python, and no file has it" in done.stdout
    done = call(
        "train", "run/experiment.toml", "--data", "mnist-small", "--iterations", "2", "--out", "other", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_an_opened_run_is_continued_to_the_same_bits(trained: tuple[modnet.Run, modnet.SavedRun]) -> None:
    run, opened = trained
    table = opened.experiment
    settings = {key: table["training"][key] for key in ("batch_size", "sampling", "blas_threads")}
    more = modnet.train(
        opened.network,
        run.data,
        start=opened.checkpoint,
        gradient=modnet.gradient(**table["gradient"]),
        optimizer=modnet.optimizer(**table["optimizer"]),
        seed=table["seed"],
        iterations=250,
        **settings,
    )
    whole = modnet.train(modnet.Network.for_data(run.data, hidden=5), run.data, iterations=250, batch_size=10)
    assert all(np.array_equal(more.params[name], whole.params[name]) for name in whole.params)
    assert more.history.loss == whole.history.loss


def test_a_run_that_a_callback_stopped_is_saved_with_its_best_parameters(tmp_path: Path) -> None:
    data = modnet.load("mnist-small").with_validation(0.1)
    cosine = {"name": "cosine", "initial": 0.1}
    adam, early = modnet.optimizer("adam", lr=cosine), modnet.callback("early-stopping", patience=1)
    net = modnet.TwoLayerNet(784, 10, 10, weight_init_std="he")
    run = modnet.train(net, data, optimizer=adam, callbacks=[early], metrics=["macro-f1"], iterations=2000)
    run.save(tmp_path / "run")
    opened = modnet.open_run(tmp_path / "run")
    assert run.iteration < 2000
    assert (opened.stop_reason, opened.history) == (run.stop_reason, run.history)
    assert opened.history.evaluated_at[-2:] == [run.iteration] * 2
    assert np.array_equal(opened.predict_proba(data.test), run.predict_proba(data.test))
    names = [table["name"] for key in ("callbacks", "metrics") for table in opened.experiment[key]]
    assert names == ["early-stopping", "macro-f1"]
    assert opened.experiment["network"]["weight_init_std"] == "he"


class Interrupt(modnet.Observer):
    @modnet.hookimpl
    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("ending", ["interrupted", "diverged"])
def test_a_run_that_ended_early_is_saved_and_opened(tmp_path: Path, ending: str) -> None:
    data = modnet.load("mnist-small")
    lr, observer = (100, None) if ending == "diverged" else (0.1, Interrupt())
    net = modnet.Network([784, 5, 10], hidden="identity", output="identity", loss="mean-squared-error")
    with pytest.raises((modnet.TrainingInterrupted, modnet.DivergedError)) as error:
        modnet.train(net, data, optimizer=modnet.optimizer("sgd", lr=lr), iterations=200, observer=observer)
    run: Any = error.value.run  # type: ignore[attr-defined]
    run.save(tmp_path / "run")
    opened = modnet.open_run(tmp_path / "run")
    assert (opened.status, opened.iteration) == (ending, run.iteration)
    assert len(opened.predict(data.test)) == 1000
    if ending == "diverged":
        with pytest.raises(modnet.DataError, match="it has no checkpoint"):
            _ = opened.checkpoint
    else:
        assert opened.checkpoint.iteration == run.checkpoint.iteration


def make_run(folder: Path, *observers: object, **changes: Any) -> None:
    table = {**SHORT, "training": {"iterations": 120}, **changes}
    data, wanted = read_data(create_experiment(table))
    with create_run(folder, wanted, data) as recorder:
        train_run(wanted, data, recorder, None, *observers)


def test_a_run_under_way_is_opened_as_it_is_then(tmp_path: Path) -> None:
    seen: list[modnet.SavedRun] = []

    class Look(modnet.Observer):
        @modnet.hookimpl
        def epoch_ended(self, run: modnet.ObservedRun) -> None:
            seen.append(modnet.open_run(tmp_path / "run"))
            assert seen[-1].predict(run.data.test).shape == (1000,)

    make_run(tmp_path / "run", Look())
    assert [run.status for run in seen] == ["running"] * 3
    assert modnet.open_run(tmp_path / "run").status == "finished"


def test_a_run_whose_files_were_changed_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    for name in ("experiment.toml", "history.csv", "summary.json", "params.npz", "receipt.json"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        path = tmp_path / name / name
        path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
        with pytest.raises(modnet.ModnetError, match=str(tmp_path / name)):
            modnet.open_run(tmp_path / name).predict(np.zeros((1, 784)))
    with pytest.raises(modnet.DataError, match="not the folder of a run"):
        modnet.open_run(tmp_path)


OWN = """
import modnet

class Cube(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a**3

@modnet.hookimpl
def register_activations(register):
    register(Cube)
"""
OPEN = """
import modnet, sys
run = modnet.open_run("run")
assert (run.status, len(run.history.loss)) == ("finished", 5)
for _ in range(2):
    try:
        print(run.predict(modnet.load("mnist-small").test).shape)
    except modnet.PluginError as error:
        print(error)
print("my_cube" in sys.modules)
"""


@pytest.mark.check
def test_a_module_that_a_run_names_is_imported_only_if_it_is_approved(tmp_path: Path, call: Call) -> None:
    (tmp_path / "my_cube.py").write_text(OWN)
    words = "--activation cube --iterations 5 --gradient backpropagation --out run"
    assert call("train", "-p", "my_cube.py", *words.split(), cwd=tmp_path).returncode == 0
    command = [sys.executable, "-c", OPEN]
    opened = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert opened.stdout.splitlines() == ["(1000,)", "(1000,)", "True"]
    other = {**os.environ, "MODNET_CONFIG": str(tmp_path / "config")}  # where nothing is approved
    refused = subprocess.run(command, cwd=tmp_path, env=other, capture_output=True, text=True, check=True)
    *lines, imported = refused.stdout.splitlines()
    assert lines[:2] == lines[2:]
    assert lines[0].startswith("the activation 'cube' comes from my_cube: ")
    assert lines[1].endswith("approve it: modnet plugins -p my_cube")
    assert imported == "False"

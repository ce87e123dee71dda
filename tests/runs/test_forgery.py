"""Changed runs, their receipts sealed again, before `modnet verify`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tomli_w
from click.testing import CliRunner

import modnet
from modnet.cli.main import modnet_command
from modnet.compose.experiment import create_experiment, read_data
from modnet.compose.tables import read_toml
from modnet.nn.checkpoint import hash_params, load_params, save_params
from modnet.runs.folder import SEALED
from modnet.runs.receipt import Receipt, flatten
from modnet.runs.recorder import RunRecorder, create_run, train_run
from modnet.types import Params, Status

Forge = Callable[[Path], None]

TABLE: dict[str, Any] = {
    "network": {"hidden": [4]},
    "gradient": {"name": "backpropagation"},
    "optimizer": {"name": "adam", "lr": 0.01},
    "training": {"iterations": 45, "batch_size": 8},
}
EXPLOSIVE = {"activation": "identity", "output": "identity", "loss": "mean-squared-error"}
ENDINGS: dict[str, dict[str, Any]] = {
    "finished": {},
    "float32": {"training": {**TABLE["training"], "dtype": "float32"}},
    "diverged": {"network": {"hidden": [4], **EXPLOSIVE}, "optimizer": {"name": "sgd", "lr": 30.0}},
    "interrupted": {},
    "failed": {},
    "resumed": {},
    "lengthened": {"training": {**TABLE["training"], "iterations": 31}},
}


@attrs.define
class Stop(modnet.Observer):
    """Ends a run at the end of an epoch, by an exception."""

    exception: BaseException
    epoch: int

    @modnet.hookimpl
    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        if run.iteration == 5 * self.epoch:
            raise self.exception


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the data and a run of each ending."""
    place = tmp_path_factory.mktemp("made")
    rows = np.random.default_rng(0).normal(size=(50, 2))
    lines = [f"{a!r},{b!r},{'up' if a > b else 'down'}\n" for a, b in rows.tolist()]
    (place / "points.csv").write_text("a,b,where\n" + "".join(lines))
    for ending, changes in ENDINGS.items():
        train(
            place / ending,
            {**TABLE, **changes, "data": {"path": str(place / "points.csv"), "task": "classification"}},
            ending,
        )
        results = Receipt.read(place / ending).results
        assert results
        assert results.status == {"diverged": ending, "interrupted": ending, "failed": ending}.get(ending, "finished")
        assert results.iterations == (45 if results.status == "finished" else results.iterations)
    return place


def train(folder: Path, table: dict[str, Any], ending: str) -> None:
    data, experiment = read_data(create_experiment(table))
    stops = {
        "interrupted": [Stop(KeyboardInterrupt(), 4)],
        "failed": [Stop(RuntimeError("full"), 4)],
        "resumed": [Stop(KeyboardInterrupt(), 2)],
    }
    with create_run(folder, experiment, data, compact=ending != "lengthened") as recorder, suppress(BaseException):
        train_run(experiment, data, recorder, None, *stops.get(ending, ()))
    if ending == "lengthened":
        assert not CliRunner().invoke(modnet_command, ["resume", str(folder), "--iterations", "45"]).exit_code
    for epoch in (3, 6, 100) if ending == "resumed" else ():
        recorder = RunRecorder(folder, experiment, data, compact=True)
        with suppress(KeyboardInterrupt):
            train_run(experiment, data, recorder, recorder.load_checkpoint(), Stop(KeyboardInterrupt(), epoch))


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Callable[[str], Path]:
    return lambda ending: Path(shutil.copytree(made / ending, tmp_path / ending))


def reseal(run: Path, **changes: Any) -> None:
    """Write a receipt that vouches for the files as they are now, and says what `changes` say."""
    receipt = Receipt.read(run)
    files = {name: sha256((run / name).read_bytes()).hexdigest() for name in SEALED if (run / name).exists()}
    results = attrs.evolve(receipt.results, files=files, **changes)
    attrs.evolve(receipt, settings=flatten(read_toml(run / "experiment.toml")), results=results).write(run)


def with_params(change: Callable[[dict[str, Any]], Params | None], **claims: Any) -> Forge:
    def forge(run: Path) -> None:
        params, about = load_params(run / "params.npz")
        params = {name: array.copy() for name, array in params.items()}
        params = dict(change(params) or params)
        save_params(run / "params.npz", params, about)
        if claims.get("told"):
            with_summary(lambda s: {**s, "params_sha256": hash_params(params)})(run)
            reseal(run, params_sha256=hash_params(params))

    return forge


def with_about(**changes: Any) -> Forge:
    def forge(run: Path) -> None:
        params, about = load_params(run / "params.npz")
        kept = {key: value for key, value in {**about, **changes}.items() if value is not None}
        save_params(run / "params.npz", params, kept)

    return forge


def with_summary(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Forge:
    def forge(run: Path) -> None:
        summary = change(json.loads((run / "summary.json").read_text()))
        (run / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")

    return forge


def with_text(name: str, change: Callable[[str], str]) -> Forge:
    return lambda run: (run / name).write_bytes(change((run / name).read_bytes().decode()).encode()) and None


def with_hits(change: Callable[[Any], Any]) -> Forge:
    return lambda run: np.save(run / "hits.npy", change(np.load(run / "hits.npy")))


def with_table(change: Callable[[dict[str, Any]], Any]) -> Forge:
    def forge(run: Path) -> None:
        table = read_toml(run / "experiment.toml")
        change(table)
        (run / "experiment.toml").write_text(tomli_w.dumps(table))

    return forge


def without(name: str) -> Forge:
    return lambda run: (run / name).unlink()


def with_status(status: str, **claims: Any) -> Forge:
    def forge(run: Path) -> None:
        with_summary(lambda s: {**s, "status": status, **claims})(run)
        reseal(run, status=Status(status), **claims)

    return forge


def cut_at(count: int, status: str) -> Forge:
    """Return what makes summary, history and receipt say that a run ended earlier."""

    def forge(run: Path) -> None:
        with_text("history.csv", lambda text: "".join(text.splitlines(keepends=True)[: count + 1]))(run)
        with_status(status, iterations=count)(run)

    return forge


def set_bit(params: dict[str, Any]) -> None:
    params["W1"].reshape(-1).view(np.uint8)[0] ^= 1


def flip_a_byte(run: Path) -> None:
    content = bytearray((run / "params.npz").read_bytes())
    content[content.index(np.load(run / "params.npz")["W1"].tobytes())] ^= 1
    (run / "params.npz").write_bytes(content)


def set_nan(params: dict[str, Any]) -> None:
    params["b1"][0] = np.nan


def put(array: str, index: Any, value: float) -> Callable[[dict[str, Any]], None]:
    return lambda params: params[array].__setitem__(index, value)


def double_a_key(text: str) -> str:
    return text.replace("{\n", '{\n  "test_accuracy": 1.0,\n', 1)


def forge_everything(run: Path) -> None:
    with_params(lambda params: {name: array + 1 for name, array in params.items()})(run)
    with_hits(np.ones_like)(run)
    with_summary(lambda s: {**s, "test_accuracy": 1.0})(run)


# What is forged in a run that finished -> words in the verdict.
FORGERIES: dict[str, tuple[Forge, str]] = {
    "parameters, hits and summary": (forge_everything, "params.npz: W1[0, 0]: "),
    "the last bit of a parameter": (with_params(set_bit), "params.npz: W1[0, 0]: "),
    "parameters and every word of them": (with_params(set_bit, told=True), "params.npz: W1[0, 0]: "),
    "no number": (with_params(set_nan), "params.npz: b1[0]: nan then, "),
    "a parameter in the last layer": (with_params(put("b2", 1, 9.0)), "params.npz: b2[1]: 9.0 then, "),
    "another dtype": (
        with_params(lambda p: {n: a.astype("f4") for n, a in p.items()}),
        "params.npz: W1: float32 (2, 4) then, float64 (2, 4) now",
    ),
    "another shape": (with_params(lambda p: {**p, "b1": p["b1"][None]}), "params.npz: b1: float64 (1, 4) then, "),
    "a parameter more": (with_params(lambda p: {**p, "W9": p["b1"]}), "params.npz: W9: float64 (4,) then, none now"),
    "a parameter less": (with_params(lambda p: {n: a for n, a in p.items() if n != "b2"}), "params.npz: b2: none then"),
    "the order of the classes": (with_about(classes=["up", "down"]), 'params.npz: classes: ["up", "down"] then, '),
    "the name of a class": (with_about(classes=["down", "on"]), 'params.npz: classes: ["down", "on"] then, '),
    "the scale": (with_about(scale=255.0), "params.npz: scale: 255.0 then, 1.0 now"),
    "the type of the scale": (with_about(scale=1), "params.npz: scale: 1 then, 1.0 now"),
    "the order of features": (with_about(features=["b", "a"]), 'params.npz: features: ["b", "a"] then, '),
    "no features": (with_about(features=None), 'params.npz: features: none then, ["a", "b"] now'),
    "an entry beside the parameters": (with_about(units="cm"), 'params.npz: units: cm then, none now'),
    "damaged parameters": (flip_a_byte, "params.npz: not the parameters of a run, or damaged ("),
    "no parameters": (without("params.npz"), "params.npz: "),
    "a sample": (with_hits(lambda h: ~h), "hits.npy: sample 0: "),
    "the samples' number": (with_hits(lambda h: h[:-1]), "hits.npy: not the hits of 10 test samples"),
    "samples as numbers": (with_hits(lambda h: h.astype(int)), "hits.npy: not the hits of 10 test samples"),
    "no samples": (without("hits.npy"), "hits.npy: the file: none then, there now"),
    "an accuracy": (with_summary(lambda s: {**s, "test_accuracy": 0.99}), "summary.json: test_accuracy: 0.99 then, "),
    "the final loss": (with_summary(lambda s: {**s, "final_loss": None}), "summary.json: final_loss: null then, "),
    "the seed": (with_summary(lambda s: {**s, "seed": 7}), "summary.json: seed: 7 then, 0 now"),
    "a key more": (with_summary(lambda s: {**s, "score": 1}), "summary.json: score: 1 then, none now"),
    "a key less": (
        with_summary(lambda s: {k: v for k, v in s.items() if k != "gradient"}),
        'summary.json: gradient: none then, backpropagation now',
    ),
    "a key twice": (with_text("summary.json", double_a_key), "summary.json: not written as the run writes it"),
    "escapes": (with_summary(lambda s: {**s, "\x1b[2Jx": 1}), "summary.json: ?[2Jx: 1 then, none now"),
    "a hyphen in a column's name": (
        with_text("preparation.json", lambda t: t.replace('"name": "a"', '"name": "a-"')),
        "preparation.json: columns.1.name: a- then, a now",
    ),
    "a summary that is none": (with_text("summary.json", lambda _: "[]"), "summary.json: not a JSON object"),
    "diverged": (with_status("diverged"), 'summary.json: status: diverged then, finished now'),
    "running": (with_status("running"), 'summary.json: status: running then, finished now'),
    "interrupted earlier": (cut_at(30, "interrupted"), "params.npz: W1[0, 0]: "),
    "finished earlier": (cut_at(30, "finished"), "iteration none then, 31 now"),
    "iterations alone": (with_status("finished", iterations=44), "summary.json: iterations: 44 then, 45 now"),
    "more iterations": (with_status("interrupted", iterations=46), "summary.json: iterations: 46 then, 45 now"),
    "an empty history": (with_text("history.csv", lambda _: ""), "differs from iteration "),
    "a history that is none": (with_text("history.csv", lambda _: "\x00\xff"), "differs from iteration "),
    "a loss": (with_text("history.csv", lambda t: t.replace("\n7,0.", "\n7,9.")), "differs from iteration 7 on (loss "),
    "an accuracy on the way": (
        with_text("history.csv", lambda t: t.replace(row_of(t, 20), forged_row(t, 20))),
        "differs from iteration 20 on (training accuracy 0.01 then, ",
    ),
    "a row less": (
        with_text("history.csv", lambda t: t.replace(row_of(t, 45), "")), "differs from iteration 45 on (iteration"
    ),
    "line ends": (with_text("history.csv", lambda t: t.replace("\n", "\r\n")), "history.csv: not written as the run"),
    "a setting": (with_table(lambda t: t["optimizer"].update(lr=0.02)), "differs from iteration 2 on (loss "),
    "the label's column": (with_table(lambda t: t["data"].pop("label")), "experiment.toml: data.label: none then"),
    "fewer iterations to make": (with_table(lambda t: t["training"].update(iterations=44)), ""),
}  # fmt: skip


def row_of(text: str, number: int) -> str:
    return next(line for line in text.splitlines(keepends=True) if line.startswith(f"{number},"))


def forged_row(text: str, number: int) -> str:
    number_, loss, _, rest = row_of(text, number).split(",", 3)
    return f"{number_},{loss},0.01,{rest}"


def verify(run: Path) -> tuple[int, str]:
    done = CliRunner().invoke(modnet_command, ["verify", str(run)])
    assert isinstance(done.exception, (SystemExit, type(None))), done.exc_info
    lines = done.output.splitlines()
    last = next(i for i, line in reversed([*enumerate(lines)]) if line.startswith(("epoch", "platform")))
    assert len(lines) - last - 1 <= 2, done.output
    return done.exit_code, "\n".join(lines[last + 1 :])


def assert_is_found(run: Path, forge: Forge, words: str) -> None:
    forge(run)
    reseal(run)
    status, verdict = verify(run)
    assert status == 1, verdict
    assert words in verdict
    assert verdict.replace("\n", "").isprintable()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_was_not_touched_is_identical(copy: Callable[[str], Path], ending: str) -> None:
    run = copy(ending)
    status, verdict = verify(run)
    assert (status, verdict.startswith("identical: ")) == (0, True), verdict
    with_summary(lambda s: {**s, "seconds": 99.5, "versions": {}})(run)
    reseal(run)
    assert verify(run)[0] == 0


@pytest.mark.parametrize("what", FORGERIES)
def test_a_sealed_forgery_is_found_and_named(copy: Callable[[str], Path], what: str) -> None:
    forge, words = FORGERIES[what]
    assert_is_found(copy("finished"), forge, words)


@pytest.mark.parametrize(
    ("ending", "forge", "words"),
    [
        ("diverged", with_status("finished"), "summary.json: status: finished then, diverged now"),
        ("diverged", with_params(set_bit), "params.npz: W1[0, 0]: "),
        ("diverged", with_hits(lambda h: ~h), "hits.npy: sample 0: "),
        ("interrupted", with_status("finished"), "differs from iteration 21 on (iteration none then, 21 now)"),
        ("interrupted", with_status("diverged"), "iteration none then, 21 now"),
        ("interrupted", with_params(set_bit, told=True), "params.npz: W1[0, 0]: "),
        ("failed", with_hits(lambda h: ~h), "hits.npy: sample 0: "),
        ("failed", with_summary(lambda s: {**s, "test_accuracy": 1.0}), "summary.json: test_accuracy: 1.0 then, "),
        ("failed", cut_at(17, "failed"), "params.npz: W1[0, 0]: "),
        ("resumed", forge_everything, "params.npz: W1[0, 0]: "),
        ("lengthened", with_params(set_bit), "params.npz: W1[0, 0]: "),
        ("float32", with_params(set_bit), "params.npz: W1[0, 0]: "),
    ],
)
def test_runs_that_ended_otherwise(copy: Callable[[str], Path], ending: str, forge: Forge, words: str) -> None:
    assert_is_found(copy(ending), forge, words)


def test_a_receipt_without_digests(copy: Callable[[str], Path]) -> None:
    run = copy("finished")
    receipt = Receipt.read(run)
    attrs.evolve(receipt, results=attrs.evolve(receipt.results, files={})).write(run)
    status, verdict = verify(run)
    assert (status, "not identical: receipt.json: no digest of what was made" in verdict) == (1, True), verdict


def test_json_has_all_that_differs(copy: Callable[[str], Path]) -> None:
    run = copy("finished")
    forge_everything(run)
    reseal(run)
    again = json.loads(CliRunner().invoke(modnet_command, ["verify", str(run), "--json"]).stdout)["again"]
    files = [deviation["part"] for deviation in again["deviations"]]
    assert files == [*["params.npz"] * 4, "hits.npy", "summary.json"]
    assert set(again["deviations"][0]) == {"part", "what", "then", "now"}

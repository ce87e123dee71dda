"""Runs with one edited file: the same answers as before, or errors."""

from __future__ import annotations

import functools
import io
import json
import random
import re
import shlex
import shutil
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from click.testing import CliRunner
from fuzzing import mutate

import modnet
from modnet.cli import plot as plotting
from modnet.cli.main import modnet_command
from modnet.compose.experiment import create_experiment, read_data
from modnet.compose.tables import read_toml
from modnet.errors import DataError, SettingError
from modnet.nn import training
from modnet.nn.checkpoint import CHECKPOINT, PREVIOUS, load_params, save_params
from modnet.runs.contents import read_course, read_history
from modnet.runs.folder import CURVES, LOCK, check_files, read_experiment
from modnet.runs.receipt import CHANGEABLE, Receipt, compare_settings
from modnet.runs.recorder import RunRecorder, create_run, train_run

ENDINGS = ("finished", "interrupted", "killed")
OF_COMPARISON = "hidden-3/seed-1"
TOKENS = [b'"', b"0", b"1", b"-", b"9", b".", b"e", b"true", b"null", b"\n", b",", b"finished", b"diverged", b"[]"]


OTHERS: dict[type, list[Any]] = {
    bool: [False, True],
    int: [0, 1, 29, 15, 10**6],
    float: [0.5, 0.0, 1e-3],
    str: ["", "up", "sgd", "finished"],
}


class At(modnet.Observer):
    """Does something when so many iterations have been made, at the end of an epoch."""

    def __init__(self, iteration: int, do: Callable[[], object]) -> None:
        self.iteration, self.do = iteration, do

    @modnet.hookimpl
    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        if run.iteration == self.iteration:
            self.do()


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes most of the time, and is no answer."""
    monkeypatch.setattr("modnet_figures.figures.try_to_draw", lambda *_: "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run of each ending, a comparison, and the data of all of them."""
    place = tmp_path_factory.mktemp("made")
    rows = np.random.default_rng(0).normal(size=(50, 2))
    lines = [f"{a!r},{b!r},{'up' if a > b else 'down'}\n" for a, b in rows.tolist()]
    (place / "points.csv").write_text("a,b,where\n" + "".join(lines))
    table: dict[str, Any] = {
        "data": {"path": str(place / "points.csv")},
        "network": {"hidden": [3]},
        "gradient": {"name": "backpropagation"},
        "optimizer": {"name": "adam"},
        "training": {"iterations": 30, "batch_size": 8},
    }
    data, experiment = read_data(create_experiment(table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_EVERY", 0.0)  # one in each iteration
        patch.setattr(training, "CHECKPOINT_SHARE", 1e9)
        copy = At(15, lambda: shutil.copytree(place / "finished", place / "killed"))
        for name, observer in (("finished", copy), ("interrupted", At(15, interrupt))):
            with create_run(place / name, experiment, data) as recorder, suppress(KeyboardInterrupt):
                train_run(experiment, data, recorder, None, observer)
    modnet.compare(table, {"hidden": [3, 4]}, seeds=2, out=place / "comparison", workers=1)
    assert (place / "killed" / PREVIOUS).exists()
    assert Receipt.read(place / "killed").results is None
    return place


def call(*arguments: str | Path) -> str | None:
    """Return what a command prints, or None where it fails in words."""
    with warnings.catch_warnings(action="ignore"):  # that the last checkpoint but one is used
        done = CliRunner().invoke(modnet_command, [str(argument) for argument in arguments])
    if done.exit_code:
        assert isinstance(done.exception, (SystemExit, modnet.ModnetError)), done.exc_info
        return None
    return done.stdout


def predict(run: Path) -> str | None:
    rows = next(folder / "points.csv" for folder in run.parents if (folder / "points.csv").exists())
    return call("predict", run, rows, "--probabilities")


def plot(run: Path) -> object:
    """Return what is drawn, or None where the command fails."""
    drawn: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plotting.learning_curves, "from_history", lambda *given: drawn.append(given))
        patch.setattr(plotting, "save_figure", lambda *_: None)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            done = CliRunner().invoke(modnet_command, ["plot", str(run)])
    assert isinstance(done.exception, (SystemExit, modnet.ModnetError, type(None))), done.exc_info
    if any("the one before is used" in str(each.message) for each in seen):
        return None
    return drawn[0] if drawn else None


def lengthen(run: Path) -> object:
    """Return the run with more iterations, or None where the command fails."""
    return resume(run, "--iterations", "40")


def resume(run: Path, *options: str) -> object:
    """Return the run that was brought to its end in a copy of its folder, or None where the command fails."""
    copy = run.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    if call("resume", copy, *options) is None:
        return None
    with zipfile.ZipFile(copy / "params.npz") as archive:
        params = {name: archive.read(name) for name in archive.namelist()}
    summary = re.sub(r'"seconds": [^,]*', "", (copy / "summary.json").read_text(errors="replace"))
    return params, summary, (copy / "history.csv").read_bytes(), (copy / "hits.npy").read_bytes()


def compare(run: Path) -> object:
    """Return the report of the comparison that a run belongs to, or None where the command fails."""
    folder = run.parents[1]
    return call("compare", folder / "comparison.toml", "--out", folder, "--workers", 1, "--json")


COMMANDS: dict[str, tuple[Callable[[Path], object], ...]] = {
    **dict.fromkeys(ENDINGS, (predict, plot, resume)),
    "finished": (predict, plot, resume, lengthen),
    f"comparison/{OF_COMPARISON}": (compare, predict),
}


def edit(draw: random.Random, name: str, content: bytes) -> bytes | None:
    """Return a file with an edit in it, None for one that is removed."""
    if draw.random() < 0.03:
        return None
    kind = draw.random()
    if kind < 0.5:
        return mutate(draw, content, tokens=TOKENS)
    with suppress(IndexError):
        return EDITS[name.rpartition(".")[2]](draw, content)
    return mutate(draw, content)


def edit_json(draw: random.Random, content: bytes) -> bytes:
    table = json.loads(content)
    edit_entry(draw, table)
    return json.dumps(table, indent=2).encode()


def edit_toml(draw: random.Random, content: bytes) -> bytes:
    table = tomllib.loads(content.decode())
    edit_entry(draw, table)
    return tomli_w.dumps(table).encode()


def edit_entry(draw: random.Random, table: Any) -> None:
    """Change, remove or add one entry of nested tables and lists."""
    while True:
        key = draw.choice([*table] if isinstance(table, dict) else range(len(table)))
        if not (isinstance(table[key], (dict, list)) and table[key]) or draw.random() < 0.1:
            break
        table = table[key]
    value = table[key]
    if draw.random() < 0.7:
        table[key] = draw.choice(OTHERS.get(type(value), [0, "x"]))
    elif draw.random() < 0.7:
        del table[key]
    elif isinstance(table, dict):
        table[f"{key}x"] = value
    else:
        table.reverse()


def edit_csv(draw: random.Random, content: bytes) -> bytes:
    lines = content.decode().splitlines(keepends=True)
    at = draw.randrange(len(lines))
    match draw.randrange(5):
        case 0:
            del lines[at:]
        case 1:
            del lines[at]
        case 2:
            lines.insert(at, lines[at])
        case 3:
            cells = lines[at].rstrip("\n").split(",")
            cells[draw.randrange(len(cells))] = draw.choice(["", "0.5", "nan", "inf", "7"])
            lines[at] = ",".join(cells) + "\n"
        case 4:
            lines.append(f"{len(lines)},0.125,,\n")
    return "".join(lines).encode()


def edit_npz(draw: random.Random, content: bytes) -> bytes:
    """Return an archive with right checksums, in which an array or the text in it is another."""
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    chosen = draw.choice([*arrays])
    value = arrays[chosen]
    if value.dtype.kind == "U":
        table = json.loads(str(value))
        edit_entry(draw, table)
        arrays[chosen] = np.array(json.dumps(table))
    elif draw.random() < 0.7 and value.size:
        flat = value.reshape(-1).copy()
        flat[draw.randrange(len(flat))] = draw.choice([0, 1, 7])
        arrays[chosen] = flat.reshape(value.shape)
    elif draw.random() < 0.5:
        arrays[chosen] = value[..., ::-1]
    else:
        del arrays[chosen]
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def edit_npy(draw: random.Random, content: bytes) -> bytes:
    hits = np.load(io.BytesIO(content))
    hits[draw.randrange(len(hits))] ^= True
    out = io.BytesIO()
    np.save(out, hits[: draw.choice([None, None, -1])])
    return out.getvalue()


EDITS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "json": edit_json, "toml": edit_toml, "csv": edit_csv, "npz": edit_npz, "npy": edit_npy
}  # fmt: skip


def is_allowed(run: Path) -> bool:
    """Return whether an experiment has other entries, all of which may change before the run has ended."""
    with suppress(modnet.ModnetError):
        changed = compare_settings(Receipt.read(run).settings, read_toml(run / "experiment.toml"))
        return bool(changed) and all(f"{each.what}.".startswith(CHANGEABLE) for each in changed)
    return False


def find_silent_changes(made: Path, place: Path, count: int, seed: int) -> Iterator[str]:
    """Yield the commands that give another answer, without an error, about a run with one edited file."""
    places = [*COMMANDS]
    place.mkdir()
    shutil.copy(made / "points.csv", place)
    answer = functools.cache(lambda ending, way: way(made / ending))
    for ending, ways in COMMANDS.items():
        assert all(answer(ending, way) is not None for way in ways)
    for number in range(count):
        draw = random.Random(f"{seed} {number}")  # noqa: S311 - anything will do
        ending = draw.choice(places)
        there = sorted(path.name for path in (made / ending).iterdir() if path.name not in {LOCK, CURVES})
        name = draw.choice(there)
        content = (made / ending / name).read_bytes()
        edited = edit(draw, name, content)
        if edited == content:
            continue
        for way in COMMANDS[ending]:
            root = place / ending.partition("/")[0]
            shutil.rmtree(root, ignore_errors=True)
            shutil.copytree(made / root.name, root)
            file = place / ending / name
            file.unlink() if edited is None else file.write_bytes(edited)
            if name == "experiment.toml" and ending != "finished" and is_allowed(file.parent):
                continue
            now = way(file.parent)
            if now is not None and now != answer(ending, way):
                yield f"edit {number}: {way.__name__} of {ending} with another {name}"


def test_an_edited_file_changes_no_answer_silently(made: Path, tmp_path: Path) -> None:
    assert [*find_silent_changes(made, tmp_path / "copy", 15, 0)] == []


@pytest.mark.check
def test_many_edited_files_change_no_answer_silently(made: Path, tmp_path: Path) -> None:
    assert [*find_silent_changes(made, tmp_path / "copy", 1500, 1)] == []


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def shift(path: Path) -> None:
    params, about = load_params(path)
    save_params(path, {name: value + 1 for name, value in params.items()}, about)


class TestFinished:
    @pytest.mark.parametrize(
        ("name", "damage", "words"),
        [
            ("params.npz", shift, "params.npz; restore it"),
            ("params.npz", Path.unlink, "params.npz (missing); restore it"),
            ("receipt.json", lambda path: replace(path, "adam", "sgd"), "receipt.json; restore it"),
            (
                "experiment.toml",
                lambda path: replace(path, "iterations = 30", "iterations = 31"),
                "experiment.toml (training.iterations); restore it",
            ),
            ("experiment.toml", lambda path: replace(path, "seed", "# mine\nseed"), "experiment.toml; restore it"),
        ],
    )
    def test_predict_names_what_it_would_have_used(
        self, copy: Path, name: str, damage: Callable[[Path], None], words: str
    ) -> None:
        damage(copy / "finished" / name)
        done = CliRunner().invoke(modnet_command, ["predict", str(copy / "finished"), str(copy / "points.csv")])
        assert isinstance(done.exception, DataError)
        assert f"finished is not as the run left it: {words}" in str(done.exception)

    def test_a_damaged_summary_is_of_no_matter_to_predictions(self, made: Path, copy: Path) -> None:
        (copy / "finished/summary.json").write_text("{")
        assert predict(copy / "finished") == predict(made / "finished")
        assert plot(copy / "finished") == plot(made / "finished")

    def test_the_advice_works(self, made: Path, copy: Path) -> None:
        run = (copy / "finished").rename(copy / "my run's")
        shift(run / "params.npz")
        with pytest.raises(DataError, match="or train the run again: modnet train ") as error:
            check_files(run)
        _, *arguments = shlex.split(str(error.value).partition("again: ")[2])
        assert call(*arguments[:-1], copy / "NEW") is not None
        assert predict(copy / "NEW") == predict(made / "finished")


class TestUnfinished:
    def test_what_may_change(self, copy: Path) -> None:
        there = copy / "killed/experiment.toml"
        replace(there, "iterations = 30", "iterations = 40")
        old = read_toml(there)["data"]["path"]
        replace(there, old, str(shutil.copy(old, copy / "moved.csv")))
        assert predict(copy / "killed")
        assert plot(copy / "killed")
        assert resume(copy / "killed")

    @pytest.mark.parametrize("ending", ["killed", "interrupted"])
    @pytest.mark.parametrize("command", ["predict", "plot", "resume"])
    def test_what_may_not(self, copy: Path, ending: str, command: str) -> None:
        replace(copy / ending / "experiment.toml", "beta1 = 0.9", "beta1 = 0.8")
        rows = [str(copy / "points.csv")] if command == "predict" else []
        done = CliRunner().invoke(modnet_command, [command, str(copy / ending), *rows])
        assert isinstance(done.exception, SettingError)
        assert "changed since the run began: optimizer.beta1: change it back" in str(done.exception)

    def test_the_curves_of_a_killed_run_are_those_of_its_checkpoint(self, made: Path, copy: Path) -> None:
        assert read_course(copy / "killed", is_known=False) == read_history(copy / "killed/history.csv")
        replace(copy / "killed/history.csv", "\n9,0.", "\n9,9.")
        assert plot(copy / "killed") == plot(made / "killed")
        (copy / "killed" / CHECKPOINT).write_bytes(b"")
        with pytest.warns(UserWarning, match=r"the one before is used, of iteration 1[34]"):
            assert read_course(copy / "killed", is_known=False)
        (copy / "killed" / PREVIOUS).unlink()
        with pytest.raises(DataError, match=CHECKPOINT):
            read_course(copy / "killed", is_known=False)

    def test_damaged_parameters(self, copy: Path) -> None:
        with np.load(copy / "killed/params.npz") as archive:
            arrays = dict(archive)
        np.savez(copy / "killed/params.npz", **{**arrays, "b1": arrays["b1"] + 1})
        with pytest.raises(DataError, match="damaged, its digest is not that of its content"):
            load_params(copy / "killed/params.npz")
        assert predict(copy / "killed") is None
        assert resume(copy / "killed") == resume(copy / "interrupted")

    def test_parameters_of_another_run(self, copy: Path) -> None:
        """Their own digest is right, but no checkpoint of the run has them."""
        shutil.copy(copy / "finished/params.npz", copy / "killed/params.npz")
        assert predict(copy / "killed") is None
        assert resume(copy / "killed") == resume(copy / "interrupted")
        assert predict(copy / "copy")

    @pytest.mark.parametrize("digest", [None, 7, [], {}, True])
    def test_a_receipt_whose_digest_is_none(self, copy: Path, digest: Any) -> None:
        receipt = json.loads((copy / "finished/receipt.json").read_text())
        (copy / "finished/receipt.json").write_text(json.dumps({**receipt, "sha256": digest}))
        with pytest.raises(DataError, match="'sha256' is no digest"):
            Receipt.read(copy / "finished")
        done = CliRunner().invoke(modnet_command, ["verify", str(copy / "finished")])
        assert (done.exit_code, isinstance(done.exception, (SystemExit, DataError))) == (1, True), done.exception

    def test_a_run_that_was_killed_after_it_had_been_resumed(self, made: Path, copy: Path) -> None:
        """Its receipt must not vouch for the files of the process before."""
        run = copy / "interrupted"
        data, experiment = read_data(read_experiment(run))
        recorder = RunRecorder(run, experiment, data, compact=True)
        kill = At(20, lambda: shutil.copytree(run, copy / "again"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "CHECKPOINT_EVERY", 0.0)
            patch.setattr(training, "CHECKPOINT_SHARE", 1e9)
            train_run(experiment, data, recorder, recorder.load_checkpoint(), kill)
        assert predict(copy / "again")
        assert plot(copy / "again")
        assert resume(copy / "again") == resume(made / "interrupted")

    @pytest.mark.parametrize("status", ["finished", "diverged"])
    def test_a_receipt_that_says_it_had_ended_removes_no_checkpoint(self, copy: Path, status: str) -> None:
        replace(copy / "interrupted/receipt.json", '"interrupted"', f'"{status}"')
        with pytest.raises(DataError, match=r"is not as the run left it: receipt\.json"):
            check_files(copy / "interrupted")
        assert call("resume", copy / "interrupted") is None
        assert (copy / "interrupted" / CHECKPOINT).exists()
        assert (copy / "interrupted" / PREVIOUS).exists()

    def test_a_summary_that_says_it_had_finished(self, made: Path, copy: Path) -> None:
        replace(copy / "interrupted/summary.json", "interrupted", "finished")
        assert resume(copy / "interrupted") == resume(made / "interrupted")


class TestOlderVersions:
    def test_without_a_receipt_nothing_is_checked(self, made: Path, copy: Path) -> None:
        (copy / "finished/receipt.json").unlink()
        shift(copy / "finished/params.npz")
        check_files(copy / "finished")
        shutil.copy(made / "finished/params.npz", copy / "finished")
        assert predict(copy / "finished") == predict(made / "finished")
        assert plot(copy / "finished") == plot(made / "finished")

    def test_without_a_receipt_a_finished_run_is_not_trained_over(self, made: Path, copy: Path) -> None:
        (copy / "finished/receipt.json").unlink()
        assert resume(copy / "finished") is None
        assert (copy / "finished/params.npz").read_bytes() == (made / "finished/params.npz").read_bytes()

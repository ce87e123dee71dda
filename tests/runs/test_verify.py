"""`modnet verify`: changes are named, and the first iteration that differs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from changing_plugins import install as install_distribution
from click.testing import CliRunner, Result
from processes import run_modnet, run_warm, wait_until

from modnet import DataError
from modnet.cli.main import modnet_command
from modnet.cli.verify.retraining import find_departure
from modnet.cli.verify.verification import compare_with_receipt
from modnet.nn.checkpoint import load_params, save_params
from modnet.runs.folder import SEALED
from modnet.runs.missing_plugins import _advise
from modnet.runs.receipt import Receipt
from modnet.runs.surroundings import PARTS, Origin

SPECIES = ("ash", "elm", "oak")


def write_trees(path: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["height", "girth", "leaves", "species"])
        for i in range(count):
            writer.writerow([*np.round(rng.normal(size=3) + 3 * (i % 3), 3), SPECIES[i % 3]])


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(modnet_command, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder with data of two files and a run on them, and another one with copies."""
    place = tmp_path_factory.mktemp("place")
    write_trees(place / "trees_train.csv", 90, 0)
    write_trees(place / "trees_test.csv", 30, 1)
    done = call(
        "train", "--data", place / "trees_train.csv", "--set", "data.label=species", "--hidden", "4",
        "--gradient", "backpropagation", "--lr", "0.5", "--batch-size", "10", "--iterations", "60",
        "--out", place / "run",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return place, shutil.copytree(place, tmp_path_factory.mktemp("copies") / "place")


@pytest.fixture
def place(made: tuple[Path, Path]) -> Path:
    """Return the folder with data and run, as it was at first."""
    place, copies = made
    shutil.rmtree(place)
    return Path(shutil.copytree(copies, place))


def in_file(name: str, *changes: tuple[str, str]) -> Callable[[Path], None]:
    """Return what replaces text in a file, once."""

    def tamper(place: Path) -> None:
        text = (place / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (place / name).write_text(text, encoding="utf-8")

    return tamper


def in_row(name: str, number: int, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """Return what changes the cells of a line of a CSV file, counted from 0."""

    def tamper(place: Path) -> None:
        lines = (place / name).read_text(encoding="utf-8").splitlines()
        lines[number] = ",".join(change(lines[number].split(",")))
        (place / name).write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")

    return tamper


def swap_rows(place: Path) -> None:
    path = place / "trees_train.csv"
    head, first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, second, first, *rest]) + "\n", encoding="utf-8")


def rename_a_class(place: Path) -> None:
    for name in ("trees_train.csv", "trees_test.csv"):
        path = place / name
        path.write_text(path.read_text(encoding="utf-8").replace("elm", "fir"), encoding="utf-8")


def flip_a_byte_of_the_parameters(place: Path) -> None:
    path = place / "run" / "params.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_a_recognised_sample(place: Path) -> None:
    path = place / "run" / "hits.npy"
    hits = np.load(path)
    hits[0] ^= 1
    np.save(path, hits)


def move_a_parameter(place: Path) -> None:
    params, about = load_params(place / "run" / "params.npz")
    params["W1"][0, 0] = np.nextafter(params["W1"][0, 0], 1)
    save_params(place / "run" / "params.npz", params, about)


def alter_receipt(**sections: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return what makes the receipt say that the run was made elsewhere: another library, say."""

    def tamper(place: Path) -> None:
        receipt = Receipt.read(place / "run")
        changes = {name: change(getattr(receipt.latest, name)) for name, change in sections.items()}
        attrs.evolve(receipt, segments=(attrs.evolve(receipt.latest, **changes),)).write(place / "run")

    return tamper


def with_entry(key: str, value: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda table: {**table, key: value}


def of_losses(**changes: str) -> Callable[[Any], Any]:
    return lambda origins: tuple(attrs.evolve(o, **changes) if o.kind == "loss" else o for o in origins)


def without(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


# What is done to a run -> what must be named.
TAMPERINGS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a feature": (in_row("trees_train.csv", 5, lambda r: [str(float(r[0]) + 1), *r[1:]]), "data", "training features"),
    "the order of rows": (swap_rows, "data", "training features"),
    "a label": (in_row("trees_train.csv", 3, lambda r: [*r[:-1], "ash"]), "data", "training labels"),
    "a row less": (in_row("trees_train.csv", 90, lambda _: []), "data", "training rows: 90 then, 89 now"),
    "a test feature": (in_row("trees_test.csv", 2, lambda r: ["0.125", *r[1:]]), "data", "test features"),
    "a test label": (in_row("trees_test.csv", 3, lambda r: [*r[:-1], "ash"]), "data", "test labels"),
    "the name of a class": (rename_a_class, "data", "names of the classes"),
    "no data": (without("trees_train.csv"), "data", "cannot be loaded: "),
    "a setting": (in_file("run/experiment.toml", ("lr = 0.5", "lr = 0.25")), "setting", "optimizer.lr: 0.5 then, 0.25"),
    "the seed": (in_file("run/experiment.toml", ("seed = 0", "seed = 1")), "setting", "seed: 0 then, 1 now"),
    "an invalid setting": (in_file("run/experiment.toml", ("lr = 0.5", "lr = -1")), "setting", "cannot be loaded: "),
    "a comment": (in_file("run/experiment.toml", ("seed", "# mine\nseed")), "file", "experiment.toml"),
    "no experiment": (without("run/experiment.toml"), "file", "experiment.toml"),
    "a byte of the parameters": (flip_a_byte_of_the_parameters, "file", "params.npz"),
    "the last bit of a parameter": (move_a_parameter, "file", "params.npz"),
    "no parameters": (without("run/params.npz"), "file", "params.npz"),
    "a loss": (in_row("run/history.csv", 31, lambda r: [r[0], "0.5", *r[2:]]), "file", "history.csv"),
    "an iteration less": (in_row("run/history.csv", 40, lambda _: []), "file", "history.csv"),
    "no history": (without("run/history.csv"), "file", "history.csv"),
    "the summary": (in_file("run/summary.json", ('"seed": 0', '"seed": 7')), "file", "summary.json"),
    "a sample that it recognises": (flip_a_recognised_sample, "file", "hits.npy"),
    "no recognised samples": (without("run/hits.npy"), "file", "hits.npy"),
    "no preparation": (without("run/preparation.json"), "file", "preparation.json"),
    "the receipt": (in_file("run/receipt.json", ('"numpy": "', '"numpy": "1.')), "file", "receipt.json"),
    "the receipt's results": (
        in_file("run/receipt.json", ('"iterations": 60', '"iterations": 59')), "file", "receipt.json"
    ),
    "another version of a plugin": (
        alter_receipt(plugins=of_losses(version="0.0.9")), "plugin", "modnet, the code of modnet_losses: 0.0.9 ("
    ),
    "another plugin": (
        alter_receipt(plugins=of_losses(distribution="x")),
        "plugin",
        "loss cross-entropy: x (modnet_losses) then, modnet (modnet_losses) now",
    ),
    "other code, the same version": (
        alter_receipt(plugins=of_losses(code_sha256="0" * 64)), "plugin", "the code of modnet_losses: 0.1.0 (0000"
    ),
    "another NumPy": (alter_receipt(libraries=with_entry("numpy", "1.0")), "library", "numpy: 1.0 then, 2."),
    "another Python": (alter_receipt(libraries=with_entry("python", "2.7")), "library", "python: 2.7 then,"),
    "another BLAS": (alter_receipt(libraries=with_entry("BLAS", "mkl 2024.0")), "library", "BLAS: mkl 2024.0 then,"),
    "a library more": (alter_receipt(libraries=with_entry("numba", "0.60")), "library", "numba: 0.60 then, none now"),
    "another processor": (alter_receipt(platform=with_entry("CPU", "Z80")), "platform", "CPU: Z80 then,"),
    "other instructions": (
        alter_receipt(platform=with_entry("instructions", "SSE2")), "platform", "instructions: SSE2 then,"
    ),
    "an observer less": (
        alter_receipt(observers=lambda _: (Origin("observer", "diary", "modnet-diary", "1.0", "modnet_diary", ""),)),
        "observer", "modnet-diary:diary: 1.0 then, none now",
    ),
}  # fmt: skip
# What may be another without changing the run: it is named, and the bits decide; the first two must be accepted.
ACCEPTED = ("plugin", "library")
ELSEWHERE = (*ACCEPTED, "platform", "observer")


class TestTampering:
    def test_an_untouched_run_is_identical_and_stays_untouched(self, place: Path) -> None:
        before = {path: path.read_bytes() for path in (place / "run").iterdir()}
        done = call("verify", place / "run")
        assert done.exit_code == 0, done.output
        fingerprint = Receipt.read(place / "run").results.params_sha256[:8]
        assert done.output.endswith(f"identical: 60 iterations, parameters {fingerprint}...\n")
        assert done.output.count("as it was") == len(PARTS)
        assert {path: path.read_bytes() for path in (place / "run").iterdir()} == before

    @pytest.mark.parametrize("what", TAMPERINGS)
    def test_what_was_tampered_with_is_named(self, place: Path, what: str) -> None:
        tamper, part, words = TAMPERINGS[what]
        tamper(place)
        assert part in [d.part for d in compare_with_receipt(place / "run").differences if words in d.format()]
        done = call("verify", place / "run")
        assert isinstance(done.exception, (SystemExit, type(None))), done.exception
        assert words in done.output
        if part in ACCEPTED:
            assert done.exit_code == 1
            verdict = done.output.splitlines()[-1]
            assert verdict.startswith(f"not trained again; the first part that differs: {part} ")
            assert verdict.endswith(" now; train it by what is here now with --accept")
            done = call("verify", place / "run", "--accept")
        assert done.exit_code == (0 if part in ELSEWHERE else 1)
        assert done.output.splitlines()[-1].startswith("identical") == (part in ELSEWHERE)

    @pytest.mark.parametrize("what", ["a label", "a test feature", "no data"])
    def test_on_other_data_nothing_is_trained_whatever_is_accepted(self, place: Path, what: str) -> None:
        TAMPERINGS[what][0](place)
        done = call("verify", place / "run", "--accept")
        assert done.exit_code == 1
        assert done.output.splitlines()[-1].startswith("not trained again; the first part that differs: data ")
        assert "--accept" not in done.output

    def test_each_section_of_the_receipt_is_among_them(self) -> None:
        assert len(TAMPERINGS) >= 14
        assert {part for _, part, _ in TAMPERINGS.values()} == set(PARTS)
        files = {words for _, part, words in TAMPERINGS.values() if part == "file"}
        assert files == {*SEALED, "receipt.json"} - {"errors.npy"}  # which a run of classes has none of


class TestWhere:
    def test_the_first_iteration_and_the_first_part_are_named(self, place: Path) -> None:
        in_file("run/experiment.toml", ("lr = 0.5", "lr = 0.25"))(place)
        verdict = call("verify", place / "run").output.splitlines()[-1]
        assert verdict.startswith("differs from iteration 2 on (loss ")  # the first loss is before the first step
        assert verdict.endswith("; the first part that differs: setting optimizer.lr: 0.5 then, 0.25 now")

    def test_a_run_that_has_left_the_recorded_one_ends_early(self, place: Path) -> None:
        in_file("run/experiment.toml", ("seed = 0", "seed = 1"))(place)
        record = json.loads(call("verify", place / "run", "--json").stdout)
        assert record["again"]["iterations"] == 9  # the first epoch's end
        assert record["again"]["departure"]["iteration"] == 1

    def test_the_row_of_a_changed_history_is_named_by_what_training_gives(self, place: Path) -> None:
        in_row("run/history.csv", 31, lambda row: [row[0], "0.5", *row[2:]])(place)
        *_, verdict, where = call("verify", place / "run").output.splitlines()
        assert verdict.startswith("not identical: trained again the bits are the same (60 iterations, parameters ")
        assert where.startswith("the first row of history.csv that was changed: iteration 31, loss 0.5 then, ")

    def test_without_a_history_no_iteration_is_made_up(self, place: Path) -> None:
        in_file("run/experiment.toml", ("lr = 0.5", "lr = 0.25"))(place)
        without("run/history.csv")(place)
        verdict = call("verify", place / "run").output.splitlines()[-1]
        assert verdict.startswith("differs, and without history.csv nobody can say from which iteration on (60 ")
        assert verdict.endswith("; the first part that differs: setting optimizer.lr: 0.5 then, 0.25 now")

    @pytest.mark.parametrize(
        ("then", "now", "words"),
        [
            ("1,0.5,,", "1,0.5,0.75,", "training accuracy none then, 0.75 now"),
            ("1,0.5,,", "1,0.5,,\n2,0.25,,", "iteration none then, 2 now"),
            ("1,0.5,,\n2,0.25,,", "1,0.5,,", "iteration 2 then, none now"),
            ("1,0.123456789,,", "1,0.123456788,,", "loss 0.123456789 then, 0.123456788 now"),
            ("1,low,,", "1,0.5,,", "loss low then, 0.5 now"),
            ("nonsense", "1,0.5,,", "iteration nonsense then, 1 now"),
        ],
    )
    def test_what_differs_in_a_row(self, then: str, now: str, words: str) -> None:
        head = "iteration,loss,train_accuracy,test_accuracy"
        departure = find_departure(f"{head}\n{then}", f"{head}\n{now}")
        assert str(departure) == words

    def test_histories_that_are_the_same(self) -> None:
        assert find_departure("head\n1,0.5,,", "head\n1,0.5,,") is None


class TestOptions:
    def test_a_dry_run_trains_nothing(self, place: Path) -> None:
        done = call("verify", place / "run", "--dry-run")
        assert (done.exit_code, done.output.splitlines()[-1]) == (
            0,
            "not trained again; no part that is recorded differs",
        )
        alter_receipt(platform=with_entry("CPU", "Z80"))(place)
        done = call("verify", place / "run", "--dry-run")
        assert done.exit_code == 1
        assert "not trained again; the first part that differs: platform CPU: Z80 then," in done.output
        assert "epoch" not in done.output

    def test_data_that_were_moved_are_named_where_they_are_now(self, place: Path) -> None:
        (place / "new").mkdir()
        for name in ("trees_train.csv", "trees_test.csv"):
            (place / name).rename(place / "new" / name)
        assert call("verify", place / "run").exit_code == 1
        done = call("verify", place / "run", "--data", place / "new" / "trees_train.csv")
        assert done.exit_code == 0, done.output

    def test_a_data_file_that_was_written_anew_is_the_same_data(self, place: Path) -> None:
        in_row("trees_train.csv", 1, lambda row: [f"{row[0]}0", *row[1:]])(place)
        done = call("verify", place / "run")
        assert done.exit_code == 0, done.output

    def test_json(self, place: Path) -> None:
        alter_receipt(libraries=with_entry("numpy", "1.0"))(place)
        done = call("verify", place / "run", "--json")
        assert json.loads(done.stdout)["again"] is None
        done = call("verify", place / "run", "--json", "--accept")
        record = json.loads(done.stdout)
        assert record["identical"] is True
        assert record["verdict"].startswith("identical: 60 iterations")
        assert record["differences"] == [{"part": "library", "what": "numpy", "then": "1.0", "now": np.__version__}]
        assert record["again"]["params_sha256"] == record["then"]["params_sha256"]
        assert record["again"]["departure"] is None


class TestReceipt:
    def test_it_says_what_the_run_came_from_and_its_results(self, place: Path) -> None:
        receipt = Receipt.read(place / "run")
        assert receipt.settings["seed"] == 0
        assert receipt.settings["network.loss.name"] == "cross-entropy"
        counts = {key: receipt.data[key] for key in ("training rows", "test rows", "features", "classes", "divisor")}
        assert list(counts.values()) == [90, 30, 3, 3, 1.0]
        assert receipt.data["SHA-256 of the file"] == sha256((place / "trees_train.csv").read_bytes()).hexdigest()
        parts = {(o.kind, o.name): (o.distribution, o.package) for o in receipt.latest.plugins}
        assert parts == {
            ("activation", "relu"): ("modnet", "modnet_activations"),
            ("activation", "softmax"): ("modnet", "modnet_activations"),
            ("core", "modnet"): ("modnet", "modnet"),
            ("data-source", "csv"): ("modnet", "modnet_data"),
            ("gradient", "backpropagation"): ("modnet", "modnet_gradients"),
            ("loss", "cross-entropy"): ("modnet", "modnet_losses"),
            ("metric", "accuracy"): ("modnet", "modnet_metrics"),
            ("metric", "r2"): ("modnet", "modnet_metrics"),
            ("metric", "rmse"): ("modnet", "modnet_metrics"),
            ("optimizer", "adam"): ("modnet", "modnet_optimizers"),
        }
        assert {"python", "numpy", "BLAS", "array-api-compat"} <= set(receipt.latest.libraries)
        assert receipt.latest.platform["CPU"] or receipt.latest.platform["machine"]
        summary = json.loads((place / "run/summary.json").read_text())
        assert receipt.results.params_sha256 == summary["params_sha256"]
        files = {
            name: sha256((place / "run" / name).read_bytes()).hexdigest() for name in SEALED if name != "errors.npy"
        }
        assert receipt.results.files == files

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, r"there is no receipt\.json: made by an older modnet, or not a run"),
            (
                "{",
                r"receipt\.json: not a run's receipt, or damaged .*: restore it from a copy, or train it again",
            ),
            ("[]", r"receipt\.json: not a run's receipt, or damaged"),
            ('{"format": 2, "sha256": ""}', r"receipt\.json: not a run's receipt, or damaged \('settings' is missing"),
            (
                '{"format": 9, "sha256": ""}',
                r"receipt\.json: of format 9, this modnet reads 3: install a newer one",
            ),
            ('{"format": [], "sha256": ""}', r"receipt\.json: of format \[\], this modnet reads 3"),
        ],
    )
    def test_one_that_cannot_be_read(self, tmp_path: Path, content: str | None, words: str) -> None:
        if content:
            (tmp_path / "receipt.json").write_text(content)
        with pytest.raises(DataError, match=words):
            compare_with_receipt(tmp_path)
        with pytest.raises(DataError, match="no such folder"):
            compare_with_receipt(tmp_path / "nowhere")

    def test_advice_on_a_folder_whose_name_has_a_blank(self, tmp_path: Path) -> None:
        (tmp_path / "my run").mkdir()
        (tmp_path / "my run/experiment.toml").touch()
        with pytest.raises(DataError, match=r"modnet train '.*/my run/experiment\.toml'$"):
            compare_with_receipt(tmp_path / "my run")


PLUGIN = """
import os, time
import modnet

class Drifting(modnet.GradientEstimator):
    def __call__(self, objective, params, stream):
        step = stream.path[-1]
        {line}
        return objective.backward(params)

@modnet.hookimpl
def register_gradients(register):
    register(Drifting)
"""
TWICE_FROM_31_ON = "if step >= 30: return {name: 2 * g for name, g in objective.backward(params).items()}"


def install(site: Path, version: str, line: str = "pass") -> None:
    """Put a third-party distribution, as pip would, into a folder on the path."""
    shutil.rmtree(site, ignore_errors=True)
    info = site / f"modnet_drifting-{version}.dist-info"
    info.mkdir(parents=True)
    (site / "modnet_drifting.py").write_text(PLUGIN.format(line=line))
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: modnet-drifting\nVersion: {version}\n"
        "Requires-Dist: modnet>=0.1\nRequires-Dist: click >=8; python_version>'3'\nRequires-Dist: attrs; extra == 'x'\n"
    )
    (info / "entry_points.txt").write_text("[modnet]\ndrifting = modnet_drifting\n")


def process(cwd: Path, *arguments: str, site: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call modnet with what is installed in `site` besides; libraries read variables in a new process alone."""
    path = os.pathsep.join(filter(None, (str(site or ""), os.environ.get("PYTHONPATH"))))
    ours = {"PYTHONDONTWRITEBYTECODE": "1", **({"PYTHONPATH": path} if path else {})}
    if variables:
        return run_modnet(*arguments, cwd=cwd, **ours, **variables)
    return run_warm(*arguments, cwd=cwd, environment={**os.environ, **ours})


QUICK = ("--hidden", "3", "--iterations", "60", "--lr", "0.5")


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("drifted")
    install(place / "site", "0.1.0")
    done = process(place, "train", "--gradient", "drifting", *QUICK, "--out", "run", site=place / "site")
    assert done.returncode == 0, done.stderr
    return place


class TestLibraries:
    def test_another_blas_that_computes_otherwise(self, tmp_path: Path) -> None:
        """OpenBLAS can use the kernels of an older processor, whose sums are rounded otherwise."""
        older = {"OPENBLAS_CORETYPE": "Nehalem"}
        done = process(tmp_path, "train", *QUICK, "--gradient", "backpropagation", "--out", "run", **older)
        assert done.returncode == 0, done.stderr
        then = Receipt.read(tmp_path / "run").latest.libraries["BLAS"]
        if "Nehalem" not in then:
            pytest.skip(f"it knows one way only: {then}")
        verdict = process(tmp_path, "verify", "run", "--accept").stdout.splitlines()[-1]
        assert verdict.startswith("differs ")
        assert f"the first part that differs: library BLAS: {then} then, openblas" in verdict
        assert process(tmp_path, "verify", "run", **older).returncode == 0


class TestPlugins:
    """A third-party distribution that really changes, in real processes."""

    @pytest.fixture
    def site(self, drifted: Path, tmp_path: Path) -> Path:
        """Return where the plugin is installed; a run that was made with it is beside it."""
        shutil.copytree(drifted, tmp_path, dirs_exist_ok=True)
        return tmp_path / "site"

    def test_what_it_requires_is_among_the_libraries(self, site: Path) -> None:
        libraries = Receipt.read(site.parent / "run").latest.libraries
        assert "click" in libraries
        assert not {"attrs", "modnet"} & set(libraries)

    def test_another_version_that_computes_otherwise(self, site: Path) -> None:
        install(site, "0.2.0", TWICE_FROM_31_ON)
        done = process(site.parent, "verify", "run", "--accept", site=site)
        verdict = done.stdout.splitlines()[-1]
        assert done.returncode == 1
        # The loss of an iteration is taken before its step.
        assert verdict.startswith("differs from iteration 32 on (loss ")
        assert "the first part that differs: plugin modnet-drifting, the code of modnet_drifting: 0.1.0 (" in verdict

    def test_other_code_under_the_same_version(self, site: Path) -> None:
        install(site, "0.1.0", TWICE_FROM_31_ON)
        done = process(site.parent, "verify", "run", "--accept", site=site)
        assert done.returncode == 1
        assert "differs from iteration 32 on" in done.stdout
        assert (
            "the first part that differs: plugin modnet-drifting, the code of modnet_drifting: 0.1.0 (" in done.stdout
        )

    def test_what_nobody_records(self, site: Path, tmp_path: Path) -> None:
        install(site, "0.1.0", "if step == 58 and os.path.exists('flag'): return {n: 0 * p for n, p in params.items()}")
        (tmp_path / "watcher.py").write_text("import modnet\n@modnet.hookimpl\ndef run_ended(run):\n    pass\n")
        options = ("--gradient", "drifting", *QUICK, "-p", "watcher")
        trained = process(tmp_path, "train", *options, "--out", "odd", site=site)
        assert trained.returncode == 0, trained.stderr
        (tmp_path / "flag").touch()
        done = process(tmp_path, "verify", "odd", site=site)
        assert done.returncode == 1
        assert "differs from iteration 60 on" in done.stdout
        assert "; no part that is recorded differs; verify does not call the hooks of watcher, which" in done.stdout

    def test_the_last_step_shows_in_the_parameters_alone(self, site: Path, tmp_path: Path) -> None:
        install(
            site,
            "0.2.0",
            "if step == 59: return {n: np.nextafter(g, 9) for n, g in objective.backward(params).items()}",
        )
        source = (site / "modnet_drifting.py").read_text()
        (site / "modnet_drifting.py").write_text(f"import numpy as np\n{source}")
        done = process(tmp_path, "verify", "run", "--accept", site=site)
        assert done.returncode == 1
        assert "differs after the last iteration, in the parameters alone (60 iterations" in done.stdout

    def test_one_that_is_gone_is_named_with_what_to_install(self, site: Path, tmp_path: Path) -> None:
        whose = "the gradient 'drifting' comes from modnet-drifting 0.1.0, which is"
        line = f"{whose} not installed: pip install modnet-drifting==0.1.0"
        done = process(tmp_path, "train", "run/experiment.toml")
        assert (done.returncode, done.stderr) == (1, f"modnet: {line}\n")
        done = process(tmp_path, "verify", "run")
        assert done.returncode == 1
        assert f"plugin    cannot be loaded: {line}\n" in done.stdout
        done = process(tmp_path, "train", "run/experiment.toml", "--without", "drifting", site=site)
        assert done.stderr == f"modnet: {whose} disabled\n"
        install(site, "0.1.0", "1 +")
        done = process(tmp_path, "train", "run/experiment.toml", site=site)
        assert done.stderr.startswith(f"modnet: {whose} broken: SyntaxError: invalid syntax")
        install(site, "0.3.0")
        module = site / "modnet_drifting.py"
        module.write_text(module.read_text().replace("Drifting", "Calm"))
        done = process(tmp_path, "train", "run/experiment.toml", site=site)
        assert (
            "0.1.0; installed is 0.3.0, which has none of that name: pip install modnet-drifting==0.1.0" in done.stderr
        )

    def test_one_of_modnets_own_that_is_gone_is_had_by_the_name_that_pip_knows(self) -> None:
        gone = Origin("activation", "gone", "modnet", "0.0.9", "modnet_activations", "")
        assert _advise(gone).endswith("which has none of that name: pip install modnet-workbench==0.0.9")

    def test_other_mistakes_stay_what_they_are(self, site: Path, tmp_path: Path) -> None:
        in_file("run/experiment.toml", ("lr = 0.5", "lr = -1"))(tmp_path)
        done = process(tmp_path, "train", "run/experiment.toml", site=site)
        assert (done.returncode, "'lr' must be > 0: -1" in done.stderr) == (2, True)


class TestEnds:
    """A run is verified as far as it went."""

    def test_interrupted(self, tmp_path: Path, call: Callable[..., Any]) -> None:
        options = ("--gradient", "backpropagation", "--hidden", "3", "--iterations", "1000000", "--out", "run")
        command = [sys.executable, "-m", "modnet", "train", *options]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            next(line for line in child.stdout if line.startswith("epoch"))
            child.send_signal(signal.SIGINT)
            child.stdout.read()
        assert child.returncode == 130
        done = call("verify", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("run: interrupted, ")

    def test_killed(self, tmp_path: Path, call: Callable[..., Any]) -> None:
        child = subprocess.Popen(
            [sys.executable, "-m", "modnet", "train", "--hidden", "3", "--iterations", "1000000", "--out", "run"],
            cwd=tmp_path, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until((tmp_path / "run/receipt.json").exists)
        child.kill()
        child.wait()
        done = call("verify", "run", cwd=tmp_path)
        assert (done.returncode, "was killed: finish it with modnet resume run\n" in done.stderr) == (1, True)

    def test_diverged(self, tmp_path: Path, call: Callable[..., Any]) -> None:
        explosive = ("--lr", "1e3", "--activation", "identity", "--output", "identity", "--loss", "mean-squared-error")
        arguments = (*explosive, "--gradient", "backpropagation", "--iterations", "500", "--out", "run")
        assert call("train", *arguments, cwd=tmp_path).returncode == 1
        results = Receipt.read(tmp_path / "run").results
        assert (results.status, 0 < results.iterations < 500) == ("diverged", True)
        done = call("verify", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1].startswith(f"identical: {results.iterations:,} iterations")

    @pytest.mark.parametrize("iterations", [50, 57])
    def test_failed_at_an_epochs_end_or_within_one(self, tmp_path: Path, iterations: int) -> None:
        install(tmp_path / "site", "0.1.0", f"if step == {iterations}: raise RuntimeError('full')")
        site = tmp_path / "site"
        done = process(tmp_path, "train", "--gradient", "drifting", "--iterations", "80", "--out", "run", site=site)
        assert "RuntimeError: full" in done.stderr
        results = Receipt.read(tmp_path / "run").results
        assert (results.status, results.iterations) == ("failed", iterations)
        done = process(tmp_path, "verify", "run", site=site)
        assert done.returncode == 0, done.stdout + done.stderr


MEDDLER = """
from contextlib import suppress
import modnet

def meddle(run):
    attempts = [
        lambda: setattr(run, "status", modnet.Status.FAILED), lambda: setattr(run, "iteration", 59),
        lambda: run.params["W1"].fill(0), lambda: run.params["W1"].base.fill(0), lambda: run.params.clear(),
        lambda: run.params["W1"].setflags(write=True), lambda: run.history.loss.clear(),
        lambda: run.history.record(1, {"test_accuracy": 1.0}), lambda: run.hits.fill(True),
        lambda: setattr(run.optimizer, "lr", 9.0), lambda: run.network.params.clear(),
        lambda: setattr(run.network, "layers", ()), lambda: setattr(run.history, "loss", []),
        lambda: run.batches, lambda: run.sound, lambda: run.checkpoint, lambda: run.end(),
    ]
    for attempt in attempts:
        with suppress(Exception):
            attempt()

@modnet.hookimpl
def run_started(run): meddle(run)

@modnet.hookimpl
def epoch_ended(run): meddle(run)

@modnet.hookimpl
def run_ended(run): meddle(run)
"""


@pytest.mark.check
@pytest.mark.parametrize("installed", [True, False])
def test_hooks_that_try_to_change_a_run(tmp_path: Path, installed: bool) -> None:
    site = tmp_path / "site"
    if installed:
        install_distribution(site, "meddler", MEDDLER)
    else:
        (tmp_path / "meddler.py").write_text(MEDDLER)
    for out, options in {"with": () if installed else ("-p", "meddler"), "none": ("--without", "*")}.items():
        done = process(tmp_path, "train", *QUICK, *options, "--out", out, site=site)
        assert done.returncode == 0, done.stderr
    receipts = [Receipt.read(tmp_path / name) for name in ("with", "none")]
    assert receipts[0].latest.observers
    assert not receipts[1].latest.observers
    for name in ("params.npz", "history.csv", "hits.npy"):
        assert len({(tmp_path / out / name).read_bytes() for out in ("with", "none")}) == 1, name
    done = process(tmp_path, "verify", "with", site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical: 60 iterations" in done.stdout

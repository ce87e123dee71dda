"""`modnet plugins check`: the kit, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import Call

BROKEN = """
import modnet

class Halved(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        a *= 0.5
        return a

class Doubled(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return 2 * a

@modnet.hookimpl
def register_activations(register):
    register(Halved)
    register(Doubled)
"""

SOURCE = """
import modnet
from zoo.data_source import JsonLines

@modnet.hookimpl
def register_data_sources(register):
    register(JsonLines)
"""
TREES = Path(__file__).parent / "zoo" / "trees.jsonl"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_halves.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "my_halves", raising=False)
    return tmp_path


def test_built_in_parts_pass(call: Call, tmp_path: Path) -> None:
    done = call("plugins", "check", "losses", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "loss CrossEntropy(eps=1e-07): 25 checks: 25 passed, 0 failed" in done.stdout


def test_a_fault_is_shown_and_the_exit_status_is_1(call: Call, folder: Path) -> None:
    done = call("plugins", "check", "my_halves", "-p", "my_halves", cwd=folder)
    assert done.returncode == 1
    doubled, halved = done.stdout.split("\n\nactivation Halved(")
    assert "0 failed" in doubled
    assert "0 failed" not in halved
    assert "from my_halves import Halved" in halved


def test_as_json(call: Call, folder: Path) -> None:
    done = call("plugins", "check", "my_halves", "-p", "my_halves", "--json", cwd=folder)
    records = json.loads(done.stdout)
    assert [record["passed"] for record in records] == [True, False]


def test_a_data_source_needs_a_file(call: Call, folder: Path) -> None:
    (folder / "my_halves.py").write_text(SOURCE)
    arguments = ("plugins", "check", "my_halves", "-p", "my_halves")
    without = call(*arguments, cwd=folder)
    assert without.returncode == 1
    assert "no sample file" in without.stdout
    done = call(*arguments, "--file", f"json-lines={TREES}", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


ODD = """
import attrs
import modnet
from attrs.validators import ge
from zoo.honest import Exponential, FolderOfPictures, MaxoutOfGroups, Poisson, RowsAndLabels, TargetPropagation
from zoo.observer import Diary

@attrs.frozen
class Groups(MaxoutOfGroups):
    group: int = attrs.field(validator=ge(1))

class Unsaid(TargetPropagation):
    promises = "gradient"

@modnet.hookimpl
def register_activations(register):
    register(Exponential)
    register(Groups)

@modnet.hookimpl
def register_losses(register):
    register(Poisson)

@modnet.hookimpl
def register_gradients(register):
    register(Unsaid)

@modnet.hookimpl
def register_data_sources(register):
    register(FolderOfPictures)
    register(RowsAndLabels)

@modnet.hookimpl
def run_ended(run):
    Diary().run_ended(run)
"""
SAMPLES = TREES.parent / "samples"
ASKED = {
    "exponential": ["--option", "exponential.largest=80"],
    "groups": ["--set", "groups.group=2"],
    "poisson": ["--option", "poisson.output=exponential"],
    "unsaid": ["--option", "unsaid.promises=direction"],
    "folder-of-pictures": ["--file", f"folder-of-pictures={SAMPLES / 'shapes'}"],
    "rows-and-labels": [
        *("--file", f"rows-and-labels={SAMPLES / 'points.rows'}"),
        *("--file", f"rows-and-labels={SAMPLES / 'points.labels'}"),
    ],
}


def test_honest_parts_pass_with_what_they_need_and_what_they_need_is_named(call: Call, folder: Path) -> None:
    (folder / "my_halves.py").write_text(ODD)
    arguments = ("plugins", "check", "my_halves", "-p", "my_halves", "--json")
    needed = [option for options in ASKED.values() for option in options]
    done = call(*arguments, *needed, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    kinds = [record["kind"] for record in json.loads(done.stdout)]
    assert kinds == [*["activation"] * 2, "loss", "gradient", *["data-source"] * 2, "observer"]
    without = json.loads(call(*arguments, cwd=folder).stdout)
    assert [record["passed"] for record in without] == [False] * 6 + [True]
    messages = " ".join(outcome["message"] for record in without for outcome in record["outcomes"])
    for words in ("--set PART.SETTING=VALUE", "--file PART=FILE", "name the activation that they come from: output"):
        assert words in messages


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["activatoins"], 1, "no plugin 'activatoins', did you mean 'activations'?"),
        (
            ["losses", "--file", "csv=x.csv"],
            1,
            "losses provides no 'csv'; it provides: binary-cross-entropy, cross-entropy, huber, mean-squared-error",
        ),
        (["losses", "--file", "x.csv"], 2, "expected KEY=VALUE, found 'x.csv'"),
        (["losses", "--option", "huber=3"], 2, "--option: expected PART.KEY=VALUE, found huber=..."),
        (["losses", "--set", "hubert.delta=3"], 1, "losses provides no 'hubert'; it provides: binary-cross-entropy"),
        (["losses", "--option", "huber.width=3"], 2, "options of huber: "),
        (
            ["losses", "--option", "huber.classes=four"],
            2,
            "options of huber: 'classes' must be int, not 'four'",
        ),
        (
            ["gradients", "--option", "activity-perturbation.network={hiden=3}"],
            2,
            "unexpected keyword argument 'hiden'",
        ),
        (
            ["gradients", "--option", "activity-perturbation.network={hidden='rleu'}"],
            2,
            "no activation 'rleu', did you mean 'relu'?",
        ),
        (
            ["data", "--file", "csv=."],
            1,
            ".: found 0 files in it, and each check copies all: give a sample of 1 to 500",
        ),
        (["losses", "--option", "huber.output=sofmtax"], 2, "no activation 'sofmtax', did you mean 'softmax'?"),
        ([], 2, "NAME is missing: call modnet plugins check"),
    ],
)
def test_a_wrong_call(call: Call, tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    done = call("plugins", "check", *arguments, cwd=tmp_path)
    assert done.returncode == status
    assert words in done.stderr

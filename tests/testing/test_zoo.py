"""The kit is itself proved: it catches what is broken, by the check that is named for it, and lets pass what is odd."""

from __future__ import annotations

import csv
import os
import pickle
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from zoo import Animal, animals

import modnet
from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS
from modnet.testing.conformance import find_suite
from modnet.testing.report import Outcome

SUITES = {kind: find_suite(kind) for kind in KINDS}
ALL = animals()
BROKEN = [animal for animal in ALL if animal.check]
LEGAL = [animal for animal in ALL if not animal.check]
BUILT_IN = [(c.kind, c.name) for c in get_host().registry.components() if c.owner == "modnet"]
# What the kit has nothing to say of, of what ships with modnet: how many of the kind's checks run.
RUN = {
    "activation": {"elu": 19, "leaky-relu": 19, "swish": 19, "gelu": 18, "step": 14, "softmax": 16},
    "loss": {"cross-entropy": 20, "mean-squared-error": 15},
    "gradient": {"backpropagation": 11, "forward-gradient": 14},
    "data-source": {"mnist-small": 9},
}
USUALLY = {"activation": 16, "gradient": 16, "optimizer": 15, "data-source": 19}
TREES = Path(__file__).parent / "zoo" / "trees.jsonl"


@cache
def outcome_of(animal: Animal) -> Outcome:
    """Return what the check that is named for a broken part says of it."""
    suite = find_suite(animal.kind)
    return suite.checks[animal.check].run(suite.subject(animal.part, **animal.options))


@pytest.mark.parametrize("animal", BROKEN, ids=str)
def test_each_broken_part_is_caught_by_the_check_that_is_named_for_it(animal):
    assert outcome_of(animal).state == "failed", str(outcome_of(animal))


@pytest.mark.parametrize("animal", LEGAL, ids=str)
def test_each_odd_part_that_breaks_no_rule_passes(animal):
    report = find_suite(animal.kind).run(animal.part, **animal.options)
    assert report.passed, str(report)


def test_the_zoo_is_large_and_every_check_has_something_to_catch():
    assert len(BROKEN) >= 60
    assert len(LEGAL) >= 20
    caught = {(animal.kind, animal.check) for animal in BROKEN}
    for kind, suite in SUITES.items():
        own = {name for name in suite.checks if not name.startswith("settings-")}
        shared = {"deterministic", "memory", "global-state", "threads"}
        assert {check for k, check in caught if k == kind} >= own - shared, kind
    everywhere = {check for _, check in caught}
    assert everywhere >= {name for suite in SUITES.values() for name in suite.checks}


@pytest.mark.check
def test_each_example_fails_by_itself_without_the_kit(tmp_path):
    """Each in a process of its own would take minutes: one process runs all, and tells those that do not fail."""
    runner = tmp_path / "runner.py"
    runner.write_text(
        "import sys, warnings\n"
        "from pathlib import Path\n"
        "warnings.simplefilter('ignore')\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.txt')):\n"
        "    try:\n"
        "        exec(compile(path.read_text(encoding='utf-8'), path.name, 'exec'), {'__name__': '__main__'})\n"
        "    except BaseException as error:\n"
        "        continue\n"
        "    print(path.name)\n"
        "print('kit', 'modnet.testing' in sys.modules)\n",
        encoding="utf-8",
    )
    examples = {}
    for animal in BROKEN:
        outcome = outcome_of(animal)
        if "not deterministic" not in outcome.message:
            examples[f"{animal.kind}-{animal.name}.txt"] = outcome.example
    for name, example in examples.items():
        assert "modnet.testing" not in example
        (tmp_path / name).write_text(example, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, runner, tmp_path],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.split("\n")[:-1] == ["kit False"]
    assert len(examples) > 120
    assert np.median([len(example.splitlines()) for example in examples.values()]) <= 12


def test_examples_are_small():
    calls = [outcome_of(animal).example.splitlines()[-1] for animal in BROKEN]
    assert np.median([len(call) for call in calls]) < 80
    assert max(len(call) for call in calls) < 330


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_the_built_ins_pass_the_very_same_kit(kind, name, tmp_path, monkeypatch):
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    options = {"file": write_idx(tmp_path)} if name == "idx" else {}
    report = SUITES[kind].run(make_part(kind, name), **options)
    assert report.passed, str(report)
    expected = 4 if name == "mnist" else RUN.get(kind, {}).get(name) or USUALLY[kind]
    assert len(report.ran) == expected
    assert len(report.ran) + len(report.skipped) == len(report.checks) == len(SUITES[kind].checks)


def test_estimators_that_draw_are_checked_by_their_mean():
    for name, settings in (("random-coordinates", {"coordinates": 5}), ("spsa", {"directions": 1})):
        report = modnet.testing.check_gradient_estimator(modnet.gradient(name, **settings))
        assert report.passed, str(report)
        assert "mean" in {outcome.name for outcome in report.ran}


def test_files_of_many_kinds_that_others_have_written_pass_too(tmp_path):
    x, t = np.arange(60, dtype=np.uint8).reshape(12, 5), np.arange(12) % 3
    with (tmp_path / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label", *"abcde"], *np.column_stack([t, x]).tolist()])
    (tmp_path / "data.pkl").write_bytes(pickle.dumps({"train_img": x, "train_label": t}))
    np.savez_compressed(tmp_path / "data.npz", x_train=x, y_train=t, x_test=x[:3], y_test=t[:3])
    for name, file in (("csv", "data.csv"), ("pickle", "data.pkl"), ("npz", "data.npz")):
        report = modnet.testing.check_data_source(name, file=tmp_path / file)
        assert report.passed, str(report)


def write_idx(folder: Path) -> list[Path]:
    x, t = np.arange(120, dtype=np.uint8).reshape(30, 4), np.arange(30, dtype=np.uint8) % 3
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    images.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 30, 2, 2) + x.tobytes())
    labels.write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 30) + t.tobytes())
    return [images, labels]


def test_every_kind_has_its_animals():
    assert {animal.kind for animal in BROKEN} == {animal.kind for animal in LEGAL} == set(KINDS)

"""The kit, proved on a zoo of broken and of odd parts."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from zoo import Animal, animals

from modnet.host.kinds import KINDS, OBSERVER
from modnet.testing.kit import find_suite
from modnet.testing.report import Outcome

SUITES = {kind: find_suite(kind) for kind in [*KINDS, OBSERVER.name]}
ALL = animals()
BROKEN = [animal for animal in ALL if animal.check]
LEGAL = [animal for animal in ALL if not animal.check]
CALLBACKS = [animal for animal in LEGAL if animal.kind == "callback"]


@cache
def outcome_of(animal: Animal) -> Outcome:
    """Return what the check that is named for a broken part says of it."""
    suite = find_suite(animal.kind)
    return suite.checks[animal.check].run(suite.create_subject(animal.part, **animal.options))


@pytest.mark.parametrize("animal", BROKEN, ids=str)
def test_each_broken_part_is_caught_by_the_check_that_is_named_for_it(animal):
    assert outcome_of(animal).state == "failed", str(outcome_of(animal))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "ForgetsTheState",
            "W1, b1, W2, b2: a gradient and a state are expected: let estimate return both",
        ),
        ("KeepsASet", "a checkpoint cannot hold the state of the gradient estimator keepsaset (set at state['seen'])"),
    ],
)
def test_an_estimator_whose_state_is_none_to_resume_with_fails_once(name, words):
    (animal,) = (animal for animal in BROKEN if str(animal) == f"gradient {name}")
    report = find_suite("gradient").run(animal.part)
    (failed,) = report.failed
    assert failed.name == "state"
    assert words in failed.message
    assert "the check state has to pass first" in {outcome.message for outcome in report.skipped}
    assert "threads" in report.missing


@pytest.mark.sweep(every=3)
@pytest.mark.parametrize(
    "animal",
    # Of those for which a run is trained in each check, most wait for `make check`.
    [pytest.param(a, marks=[pytest.mark.check] if a in CALLBACKS[4:] else []) for a in LEGAL],
    ids=str,
)
def test_each_odd_part_that_breaks_no_rule_passes(animal):
    report = find_suite(animal.kind).run(animal.part, **animal.options)
    assert report.passed, str(report)


def test_the_zoo_is_large_and_every_check_has_something_to_catch():
    assert len(BROKEN) >= 60
    assert len(LEGAL) >= 100
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
        "import contextlib, sys, warnings\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "warnings.simplefilter('ignore')\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.txt')):\n"
        "    np.random.seed(None)\n"  # one that sets the seed after another would change nothing
        "    try:\n"
        "        with contextlib.redirect_stdout(None):\n"
        "            exec(compile(path.read_text(encoding='utf-8'), path.name, 'exec'), {'__name__': '__main__'})\n"
        "    except BaseException as error:\n"
        "        continue\n"
        "    print(path.name)\n"
        "kit = [name for name in sys.modules if name.startswith('modnet.testing.')]\n"
        "print('kit', [name for name in kit if not name.startswith('modnet.testing.gradcheck')])\n",
        encoding="utf-8",
    )
    examples = {}
    for animal in BROKEN:
        outcome = outcome_of(animal)
        if "not deterministic" not in outcome.message:
            examples[f"{animal.kind}-{animal.name}.txt"] = outcome.example
    for name, example in examples.items():
        assert "modnet.testing" not in example.replace("modnet.testing.gradcheck.", "")  # of `modnet.check_gradient`
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
    assert done.stdout.split("\n")[:-1] == ["kit []"]
    assert len(examples) > 120
    assert np.median([len(example.splitlines()) for example in examples.values()]) <= 12


def test_examples_are_small():
    calls = [outcome_of(animal).example.splitlines()[-1] for animal in BROKEN]
    assert np.median([len(call) for call in calls]) < 80
    assert max(len(call) for call in calls) < 330


def test_every_kind_has_its_animals():
    assert {animal.kind for animal in BROKEN} == {animal.kind for animal in LEGAL} == set(SUITES)

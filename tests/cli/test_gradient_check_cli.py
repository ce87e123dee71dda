"""`modnet gradient-check`."""

from __future__ import annotations

import json
from pathlib import Path

from processes import Call, run_forked

import modnet

SMALL = ("--hidden", "5", "--batch-size", "4", "--estimator", "central-difference")
WRONG = """
import modnet

class Twice(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return a / (1 + abs(a))

    def backward(self, a, z, dz, axis=-1):
        return 2 * dz / (1 + abs(a)) ** 2

@modnet.hookimpl
def register_activations(register):
    register(Twice)
"""


def test_every_registered_estimator_has_a_row_and_every_derivative_a_verdict(tmp_path: Path, call: Call) -> None:
    done = call("gradient-check", "--hidden", "5", "--batch-size", "4", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    verdicts, table = done.stdout.split("\n\n")
    assert [line.split(":")[0] for line in verdicts.splitlines()] == ["correct"] * 3
    names = modnet.compose.plugins.get_host().registry.names("gradient")
    assert [line.split()[0] for line in table.splitlines()[1:]] == names
    assert not list(tmp_path.iterdir())


def test_a_wrong_derivative_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(WRONG)
    done = run_forked("gradient-check", *SMALL, "-p", "twice", "--activation", "twice", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("wrong: activation ")
    assert "all that are wrong are 2 times what they should be" in done.stdout
    assert not done.stderr


def test_json_says_the_same_without_a_number_that_json_has_not(tmp_path: Path, call: Call) -> None:
    done = call("gradient-check", *SMALL, "--activation", "gelu", "--estimator", "complex-step", "--json", cwd=tmp_path)
    found = json.loads(done.stdout, parse_constant=lambda name: f"not JSON: {name}")
    assert [verdict["verdict"] for verdict in found["verdicts"]] == ["correct"] * 3
    central, complex_step = found["estimators"]
    assert central["error"] < 1e-6
    assert complex_step["error"] is None
    assert "Gelu" in complex_step["problem"]


def test_what_is_wrong_with_a_part_is_said_in_json_and_in_words_alike(tmp_path: Path) -> None:
    (tmp_path / "inplace.py").write_text(WRONG.replace("return a / (1 + abs(a))", "a /= 1 + abs(a)\n        return a"))
    options = (*SMALL, "-p", "inplace", "--activation", "twice")
    words = run_forked("gradient-check", *options, cwd=tmp_path)
    found = json.loads(run_forked("gradient-check", *options, "--json", cwd=tmp_path).stdout)
    (row,) = found["estimators"]
    for text in (found["verdicts"][0]["explanation"], row["reason"], row["problem"]):
        assert text in words.stdout
    assert "calling it writes into a, which it was given" in found["verdicts"][0]["explanation"]
    assert "it fails because of the activation Twice() of layer 1" in row["reason"]
    assert f"({tmp_path / 'inplace.py'}:" in row["problem"]
    assert words.returncode == 1


def test_the_estimators_are_drawn(tmp_path: Path, call: Call) -> None:
    done = call("gradient-check", *SMALL, "--estimator", "spsa", "--out", "picture.svg", cwd=tmp_path)
    assert done.stdout.endswith("drawn in picture.svg\n")
    assert "spsa" in (tmp_path / "picture.svg").read_text()


def test_the_gradient_that_is_asked_for_is_judged_as_a_whole(tmp_path: Path, call: Call) -> None:
    done = call("gradient-check", *SMALL, "--gradient", "spsa", cwd=tmp_path)
    assert done.returncode == 1
    assert "wrong: whole gradient by Spsa" in done.stdout
    assert "it draws at random, and one estimate is not the gradient" in done.stdout


def test_a_mistake_is_a_line(tmp_path: Path, call: Call) -> None:
    for arguments, words in (
        (("--estimator", "spa"), "no gradient 'spa', did you mean 'spsa'?"),
        (("--out", "picture.bmp"), "a plot is written as png, svg, pdf, not 'bmp'"),
    ):
        done = call("gradient-check", "--hidden", "5", "--batch-size", "4", *arguments, cwd=tmp_path)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert words in done.stderr

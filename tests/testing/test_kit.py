"""The conformance kit: its reports, and its place in a plugin's own tests."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from zoo.activation import CAGE, DiagonalOnly, Tanh, WithoutDerivative

import modnet
import modnet.testing
from modnet.host.kinds import KINDS
from modnet.testing.checks import Check, SkippedError, Suite
from modnet.testing.kit import find_suite
from modnet.testing.report import Outcome, Report
from modnet.testing.shrinking import shrunk
from modnet.testing.suites.activation import SUITE, Subject


def run(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestReport:
    def test_what_is_right_passes_and_says_what_was_left_out(self):
        report = modnet.testing.check_activation(WithoutDerivative())
        assert report.passed
        report.raise_if_failed()
        assert "skipped  derivative: it has no derivative of its own" in str(report)
        assert len(report.ran) + len(report.skipped) == len(report.checks)

    def test_a_failure_says_what_is_claimed_what_is_wrong_and_how_to_see_it(self):
        report = modnet.testing.check_activation(DiagonalOnly(), raises=False)
        assert [outcome.name for outcome in report.failed] == ["derivative"]
        with pytest.raises(AssertionError) as caught:
            modnet.testing.check_activation(DiagonalOnly())
        assert caught.value.reports == (report,)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(report)  # noqa: S301 - as test runners hand it on
        text = str(caught.value)
        assert "23 checks: 15 passed, 1 failed, 7 skipped" in text
        assert "is given, the slope is" in text
        assert "`backward` returns the derivative, as a Taylor-remainder test judges it." in text
        assert "from zoo.activation import DiagonalOnly" in text

    def test_as_json_it_comes_back(self):
        report = modnet.testing.check_activation(DiagonalOnly(), raises=False)
        record = json.loads(report.as_json())
        assert (record["passed"], record["kind"], record["missing"]) == (False, "activation", [])
        assert [o["name"] for o in record["outcomes"]] == list(report.checks)
        assert [o["example"] for o in record["outcomes"] if o["state"] == "failed"] == [report.failed[0].example]

    def test_it_is_red_when_fewer_checks_ran_than_the_kind_has(self):
        right = Outcome("rows", "", "passed", cases=1)
        assert Report("loss", "x", (right,), ("rows",)).passed
        for other in (
            [],
            [Outcome("axis", "", "passed", cases=0)],
            [Outcome("axis", "", "skipped", "for no reason")],
            [Outcome("another", "", "passed", cases=1)],
        ):
            report = Report("loss", "x", (right, *other), ("rows", "axis"))
            assert (report.passed, report.missing) == (False, ("axis",))
            assert "1 did not run" in str(report)
            with pytest.raises(AssertionError):
                report.raise_if_failed()
        assert Report(
            "loss", "x", (right, Outcome("axis", "", "skipped", "why", excused=True)), ("rows", "axis")
        ).passed

    def test_without_a_sample_file_a_source_is_not_checked_and_it_says_so(self):
        report = modnet.testing.check_data_source("idx", raises=False)
        assert (report.passed, report.failed) == (False, ())
        assert "no sample file: check_data_source(part, file=...)" in str(report)
        assert "15 did not run" in str(report)


class TestCheck:
    def test_a_reason_that_is_not_listed_is_no_excuse(self):
        def cases(_):
            raise SkippedError("it is Friday")

        suite = Suite("activation", Subject)
        suite.check(cases, "it is Sunday")(lambda part: None)
        assert not suite.run(Tanh()).passed

    def test_one_that_tries_nothing_fails(self):
        outcome = Check(lambda part: None, lambda subject: []).run(Subject(Tanh()))
        assert (outcome.state, outcome.message) == ("failed", "it did not run: there was nothing to try it on")

    @pytest.mark.parametrize("error", [SystemExit, GeneratorExit, RecursionError, MemoryError, pytest.fail.Exception])
    def test_whatever_a_part_raises_is_a_failure(self, error):
        class Raising(modnet.Activation):
            def __call__(self, a, axis=-1):
                raise error("no")

        report = modnet.testing.check_activation(Raising(), raises=False)
        assert {"rows", "axis", "empty"} <= {outcome.name for outcome in report.failed}

    def test_ctrl_c_ends_it(self):
        class Interrupting(modnet.Activation):
            def __call__(self, a, axis=-1):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            modnet.testing.check_activation(Interrupting())

    def test_nothing_that_a_part_does_to_the_process_outlasts_it(self):
        random.seed(1)
        np.random.seed(1)

        def state():
            numbers = random.getstate(), np.random.get_state()[1].tolist(), np.geterr()
            return *numbers, dict(os.environ), list(warnings.filters), Path.cwd(), sys.gettrace()

        before = state()
        for animal in CAGE.animals:
            if animal.check in {"global-state", "threads"}:
                modnet.testing.check_activation(animal.part, raises=False)
        assert state() == before

    def test_a_class_that_cannot_be_imported_stands_in_the_example_itself(self):
        class Halving(Tanh):
            def __call__(self, a, axis=-1):
                return np.tanh(a) / len(a) if a.ndim > 1 else np.tanh(a)

        example = next(
            o.example for o in modnet.testing.check_activation(Halving(), raises=False).failed if o.name == "rows"
        )
        assert "class Halving(Tanh):" in example
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            exec(example, {"__name__": "example"})  # noqa: S102 - that it can be run is the point

    def test_it_comes_to_the_same_whenever_it_runs(self):
        for part in (DiagonalOnly(), Tanh()):
            one, other = (modnet.testing.check_activation(part, raises=False) for _ in range(2))
            assert one == other

    def test_an_activation_takes_two_seconds_at_most(self):
        start = time.process_time()
        modnet.testing.check_activation(modnet.activation("gelu"))
        assert time.process_time() - start < 2

    def test_a_class_in_place_of_an_instance_is_refused_in_words(self):
        for check in (modnet.testing.check_activation, modnet.testing.conformance):
            with pytest.raises(modnet.SettingError, match="found the class Tanh: call it"):
                check(Tanh)
        with pytest.raises(modnet.SettingError, match="expected an instance of one of modnet's interfaces"):
            modnet.testing.conformance(np.tanh)
        with pytest.raises(modnet.DataError, match=r"no\.jsonl"):
            modnet.testing.check_data_source("csv", file="no.jsonl")

    def test_without_assertions_it_refuses_to_run(self, tmp_path):
        code = "import modnet.testing; modnet.testing.check_activation('tanh')"
        done = run("-O", "-c", code, cwd=tmp_path)
        assert "ModnetError: python -O drops every assertion" in done.stderr


class TestShrinking:
    @given(
        arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.floats(-1e3, 1e3)),
        st.floats(-10, 10),
    )
    def test_what_comes_out_still_fails_and_is_no_larger(self, a, limit):
        def fails(inputs):
            return bool((inputs["a"] > limit).any())

        if fails({"a": a}):
            found = shrunk({"a": a}, fails)["a"]
            assert fails({"a": found})
            assert (found.size <= a.size, found.ndim, found.dtype) == (True, a.ndim, a.dtype)

    def test_rows_that_belong_together_stay_together(self):
        inputs = {"y": np.arange(12.0).reshape(6, 2), "t": np.arange(6)}
        found = shrunk(inputs, lambda some: 4 in some["t"] and len(some["y"]) == len(some["t"]))
        assert (found["y"].shape, found["t"].tolist()) == ((1, 1), [4])

    def test_names_that_belong_together_stay_together(self):
        inputs = {"params": {name: np.ones(2) for name in "abc"}, "grads": {name: np.ones(2) for name in "abc"}}
        found = shrunk(inputs, lambda some: "b" in some["params"] and list(some["params"]) == list(some["grads"]))
        assert [list(value) for value in found.values()] == [["b"], ["b"]]

    def test_text_loses_whole_lines_first(self):
        found = shrunk({"content": b"a,b\n1,2\n3,x\n5,6\n"}, lambda some: b",x\n" in some["content"])
        assert found == {"content": b",x\n"}

    def test_probabilities_stay_some(self):
        found = shrunk({"y": np.array([0.123, 0.877])}, lambda some: True)
        assert ((found["y"] > 0) & (found["y"] < 1)).all()


class TestConformance:
    THIRD_PARTY = (
        "import modnet.testing\nfrom zoo.activation import {name}\n\nTestIt = modnet.testing.conformance({name}())\n"
    )

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        """Return a folder with tests of a third party's parts, a right one and a broken one, and no configuration."""
        for name in ("Tanh", "DiagonalOnly", "WithoutDerivative"):
            (tmp_path / f"test_{name.lower()}.py").write_text(self.THIRD_PARTY.format(name=name), encoding="utf-8")
        return tmp_path

    def test_one_line_makes_a_test_of_each_check_for_pytest(self, repository):
        done = run("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_tanh.py", cwd=repository)
        assert done.returncode == 0, done.stdout
        assert "17 passed, 6 skipped" in done.stdout
        assert "it does not claim to be a standard function" in done.stdout

    def test_what_is_broken_fails_with_the_example(self, repository):
        done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", cwd=repository)
        assert done.returncode == 1
        assert "FAILED test_diagonalonly.py::TestIt::test_derivative" in done.stdout
        assert "1 failed" in done.stdout
        assert "from zoo.activation import DiagonalOnly" in done.stdout
        assert "checks.py" not in done.stdout  # no line of the kit's own stands in the way

    def test_the_same_line_is_a_test_for_unittest(self, repository):
        done = run("-m", "unittest", "test_tanh", cwd=repository)
        assert "Ran 23 tests" in done.stderr
        assert "OK (skipped=6)" in done.stderr
        done = run("-m", "unittest", "test_diagonalonly", cwd=repository)
        assert "FAILED (failures=1, skipped=7)" in done.stderr

    def test_options_are_those_of_the_kind(self):
        names = {name for name in vars(modnet.testing.conformance(modnet.source("csv"))) if name.startswith("test_")}
        assert names == {f"test_{name.replace('-', '_')}" for name in find_suite("data-source").checks}
        with pytest.raises(TypeError, match="widht"):
            modnet.testing.conformance(Tanh(), widht=3)
        with pytest.raises(
            modnet.SettingError, match=r"options of .*: 'promises' must be in \('gradient', 'direction'"
        ):
            modnet.testing.check_gradient_estimator("spsa", promises="gradeint")

    def test_a_module_that_follows_runs_is_handed_in_itself(self, tmp_path, monkeypatch):
        text = "import modnet\n\n@modnet.hookimpl\ndef run_ended(run):\n    print(run.history.test_accuracy[-1])\n"
        (tmp_path / "a_diary.py").write_text(text, encoding="utf-8")
        (tmp_path / "test_diary.py").write_text(
            "import a_diary\nimport modnet.testing\n\nTestIt = modnet.testing.conformance(a_diary)\n", encoding="utf-8"
        )
        done = run("-m", "unittest", "test_diary", cwd=tmp_path)
        assert "Ran 8 tests" in done.stderr
        assert "FAILED (failures=1, skipped=1)" in done.stderr  # of a run that failed early; no regression
        assert "import a_diary" in done.stderr

    def test_a_part_whose_package_is_not_installed_is_not_accused_and_does_not_pass(self):
        class NeedsAPackage(modnet.Activation):
            def __call__(self, a, axis=-1):
                import nowhere_to_be_found

                return nowhere_to_be_found.apply(a)

        report = modnet.testing.check_activation(NeedsAPackage(), raises=False)
        assert (report.passed, report.failed) == (False, ())
        assert "needs what is not installed here: ModuleNotFoundError: No module named 'nowhere_to" in str(report)

    @pytest.mark.parametrize("what", [object(), modnet.Observer, os.path, np.tanh])
    def test_what_follows_no_run_is_no_observer(self, what):
        with pytest.raises(modnet.SettingError, match="expected a plugin, or an observer, with a hook run_started or"):
            modnet.testing.check_observer(what)


test_a_built_in = modnet.testing.conformance(modnet.optimizer("sgd"))


class TestDistribution:
    def test_all_parts_of_a_plugin_are_checked(self):
        reports = modnet.testing.check_distribution("losses")
        assert [report.part for report in reports] == [
            *("BinaryCrossEntropy()", "CrossEntropy(eps=1e-07)", "Huber(delta=1.0)", "MeanSquaredError()")
        ]
        assert all(report.passed for report in reports)

    def test_samples_and_settings_are_given_by_the_parts_names(self):
        @attrs.frozen
        class NeedsASetting(Tanh):
            scale: float

        undo = modnet.register(NeedsASetting, "needs-a-setting")
        try:
            with pytest.raises(modnet.testing.ConformanceError) as caught:
                modnet.testing.check_distribution("session")
            (report,) = caught.value.reports
            assert [report] == modnet.testing.check_distribution("session", raises=False)
            assert (report.passed, len(report.missing)) == (False, 23)
            assert "it cannot be made: session:needs-a-setting: 'scale' is missing" in str(report)
            (report,) = modnet.testing.check_distribution("session", settings={"needs-a-setting": {"scale": 1.0}})
            assert report.passed
            with pytest.raises(modnet.PluginError, match="session provides no 'needs'; it provides: needs-a-setting"):
                modnet.testing.check_distribution("session", options={"needs": {}})
        finally:
            undo()

    def test_a_name_that_is_none_is_refused(self):
        with pytest.raises(modnet.PluginError, match="no plugin 'activation', did you mean 'activations'"):
            modnet.testing.check_distribution("activation")

    def test_of_a_broken_plugin_it_says_why_it_is(self, tmp_path):
        info = tmp_path / "modnet_odd-1.0.dist-info"
        info.mkdir()
        (tmp_path / "modnet_odd.py").write_text("raise RuntimeError('no licence')\n", encoding="utf-8")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modnet-odd\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text("[modnet]\nodd = modnet_odd\n", encoding="utf-8")
        code = "import modnet.testing; modnet.testing.check_distribution('modnet-odd')"
        path = os.pathsep.join([str(tmp_path), *sys.path])
        done = run("-c", code, cwd=tmp_path, PYTHONPATH=path)
        assert "PluginError: plugin modnet-odd: RuntimeError: no licence" in done.stderr


def test_modnet_alone_does_not_load_it(tmp_path):
    done = run(
        "-c", "import modnet, sys; print([n for n in sys.modules if n.startswith('modnet.testing')])", cwd=tmp_path
    )
    assert done.stdout == "[]\n", done.stderr
    done = run("-c", "import modnet; print(modnet.testing.check_activation('tanh').passed)", cwd=tmp_path)
    assert done.stdout == "True\n", done.stderr


def test_every_check_has_a_claim_of_one_sentence():
    for suite in map(find_suite, KINDS):
        for check in suite.checks.values():
            assert check.claim.endswith("."), check.name
            assert len(check.claim) <= 120, check.name
    assert len(SUITE.checks) == 23

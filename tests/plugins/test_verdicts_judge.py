"""Verdicts on the runs of a table."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from modnet_data.run_tables.columns import find_direction
from modnet_figures.figures import render
from modnet_verdicts.decisions import ANALYSES, ERROR, decide
from modnet_verdicts.scores import ScoreDifference, find_rounding, find_unit
from modnet_verdicts.statistics import Variation
from scipy import stats

import modnet
from modnet.types import Array

TABLES = Path(__file__).parent / "tables"
HIGHER: dict[str, Any] = {"higher_is_better": True}
FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars, lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": pa.Table.from_pandas,
}
ROWS = [["model", "seed", "accuracy"], *[[name, k, 0.9 + k / 1000] for name in "ab" for k in range(6)]]


def draw(*means: float, seeds: int = 10, deviation: float = 0.01, key: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng([key, seeds])
    return {name: rng.normal(mean, deviation, seeds) for name, mean in zip("abcdef", means, strict=False)}


def to_frame(runs: dict[str, Array]) -> pd.DataFrame:
    rows = [(name, seed, score) for name, scores in runs.items() for seed, score in enumerate(scores)]
    return pd.DataFrame(rows, columns=["model", "seed", "accuracy"])


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def interval(result: modnet.Judgement, pair: int = 0) -> tuple[float, float]:
    estimate = result.pairs[pair].on_these_samples
    assert estimate
    return estimate.interval()


scores = st.lists(st.floats(0, 1).map(lambda x: round(x, 6)), min_size=3, max_size=30, unique=True)


class TestScipy:
    @settings(max_examples=settings.default.max_examples // 4)
    @given(scores, st.integers(0, 1000))
    @example([0.25, 0.0, 0.125], 185)  # differences that scatter by less than one step of the scores
    def test_paired_intervals_are_those_of_the_paired_t_test(self, first: list[float], key: int) -> None:
        """They are wider where less is seen than the least difference in scores, once in one run."""
        second = np.random.default_rng(key).normal(0.5, 0.2, len(first))
        result = modnet.judge({"a": first, "b": second}, paired=True, **HIGHER)
        sign = 1 if result.pairs[0].first == "a" else -1
        low, high = sorted(sign * np.array(stats.ttest_rel(first, second).confidence_interval()))
        step = np.diff(np.sort([*first, *second])).min()
        if np.var(first - second, ddof=1) * len(first) < step**2:
            found = interval(result)
            assert found[0] < low < high < found[1]
        else:
            assert interval(result) == pytest.approx((low, high), rel=1e-9, abs=1e-9)

    @settings(max_examples=settings.default.max_examples // 4)
    @given(scores, st.integers(0, 1000), st.integers(3, 40))
    def test_unpaired_intervals_are_those_of_welch(self, first: list[float], key: int, count: int) -> None:
        second = np.random.default_rng(key).normal(0.5, 0.4, count)
        result = modnet.judge({"a": first, "b": second}, **HIGHER)
        sign = 1 if result.pairs[0].first == "a" else -1
        expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
        assert interval(result) == pytest.approx(sorted(sign * np.array(expected)), rel=1e-9, abs=1e-9)

    def test_the_intervals_of_single_scores_are_those_of_student(self) -> None:
        runs = draw(0.9, 0.8, seeds=7)
        for setting, values in zip(modnet.judge(runs, **HIGHER).settings, runs.values(), strict=True):
            assert setting.on_these_samples
            expected = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
            assert setting.on_these_samples.interval() == pytest.approx(expected)

    def test_data_sets_count_the_same_whatever_the_number_of_their_runs(self) -> None:
        """Each has a Welch difference; their mean has the variance and the degrees of freedom of all four means."""
        rng, rows, parts = np.random.default_rng(3), [], []
        for dataset, size, count in (("x", 1.0, 6), ("y", 3.0, 20)):
            for name in "ab":
                values = rng.normal(size, size / 10, count)
                parts.append(values)
                rows += [(name, dataset, value) for value in values]
        frame = pd.DataFrame(rows, columns=["setting", "dataset", "loss"])
        result = modnet.judge(frame)
        sign = 1 if result.pairs[0].first == "a" else -1
        squares = np.array([part.var(ddof=1) / len(part) / 4 for part in parts])
        df = squares.sum() ** 2 / np.sum(squares**2 / [len(part) - 1 for part in parts])
        mean = sign * ((parts[0].mean() - parts[1].mean()) + (parts[2].mean() - parts[3].mean())) / 2
        assert interval(result) == pytest.approx(stats.t.interval(0.95, df, mean, np.sqrt(squares.sum())))
        assert result.pairs[0].seeds == 6


class TestVerdicts:
    def test_one_is_better_both_are_equal_or_it_is_undecided(self) -> None:
        result = modnet.judge(draw(0.9, 0.8, 0.9001, seeds=160), rope=0.02, **HIGHER)
        verdicts = {frozenset((pair.first, pair.second)): pair.verdict for pair in result.pairs}
        assert verdicts[frozenset("ab")] == "a is better"
        assert verdicts[frozenset("ac")] == "practically equal"
        few = modnet.judge(draw(0.9, 0.895, seeds=7), rope=0.001, **HIGHER)
        assert few.pairs[0].verdict.startswith("undecided: ")
        assert "seeds decide with" in few.pairs[0].verdict

    def test_lower_may_be_better(self) -> None:
        runs = draw(0.9, 0.8, seeds=10)
        [pair] = modnet.judge(runs, higher_is_better=False).pairs
        assert (pair.first, pair.verdict) == ("b", "b is better")
        assert pair.difference < 0
        [mirrored] = modnet.judge({name: -of for name, of in runs.items()}, **HIGHER).pairs
        assert mirrored.decision == pair.decision

    def test_one_seed_decides_nothing(self) -> None:
        result = modnet.judge({"a": [0.9], "b": [0.1]}, rope=0.5, **HIGHER)
        assert result.pairs[0].verdict == "undecided: it takes 5 seeds"
        assert result.pairs[0].on_these_samples is None
        assert "nan" not in str(result).lower()

    def test_without_a_margin_nothing_is_equal(self) -> None:
        result = modnet.judge(draw(5.0, 5.0, seeds=160), higher_is_better=True)
        assert result.rope == 0
        assert result.pairs[0].decision.p_equivalent == 1
        assert "none that something is practically equal" in " ".join(result.notes)

    def test_the_margin_of_accuracies_is_that_of_compare(self) -> None:
        assert modnet.judge(to_frame(draw(0.9, 0.8))).rope == 0.001
        assert modnet.judge(to_frame(draw(0.9, 0.8)).rename(columns={"accuracy": "test/acc"})).rope == 0.001
        assert modnet.judge(to_frame({name: 100 * of for name, of in draw(0.9, 0.8).items()})).rope == 0

    def test_scores_that_never_differ_show_no_more_than_their_steps(self) -> None:
        same = {"a": [0.9] * 160, "b": [0.9] * 160}
        coarse = modnet.judge(same, rope=0.05, **HIGHER).pairs[0]
        assert coarse.verdict == "undecided: scores so rounded cannot show less than 0.1"
        assert modnet.judge(same, rope=0.1, **HIGHER).pairs[0].verdict == "practically equal"
        thirds = {"a": [1 / 3] * 5, "b": [1 / 3] * 5}
        assert modnet.judge(thirds, rope=0.01, **HIGHER).pairs[0].decision.claim == "undecided"

    def test_the_unit_of_scores(self) -> None:
        assert find_unit(np.array([0.92, 0.9, 0.9, 0.96])) == pytest.approx(0.02)
        assert find_unit(np.array([0.3, 0.1 + 0.2, 0.7])) == pytest.approx(0.4)
        assert find_rounding([12.0, 3.5]) == 0.1

    @pytest.mark.parametrize("is_paired", [True, False])
    def test_claims_are_seldom_wrong_however_often_one_looks(self, is_paired: bool) -> None:
        """The whole table is tests/benchmarks/score_calibration.py, which `make check` runs."""
        rng, repeats, wrongly = np.random.default_rng(5), 80, {"different": 0, "equal": 0}
        for _ in range(repeats):
            one, other = rng.standard_normal(160), 1 - rng.exponential(size=160)
            for claim, gap in (("different", 0.0), ("equal", 1.0)):
                whole = ScoreDifference(((one + gap, other),), is_paired, 1e-9)
                looks = (whole.first(look) for look in ANALYSES)
                wrongly[claim] += any(
                    decide([seen], Variation.on_these_samples, 1.0, vary=ScoreDifference.vary, forecasts=False)[0].claim
                    == claim
                    for seen in looks
                )
        for claims in wrongly.values():
            assert claims / repeats < ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)

    def test_forecasts_come_true_about_as_often_as_they_say(self) -> None:
        said, came = [], []
        for key in range(40):
            runs = draw(0.9, 0.9 + 0.005 * (key % 4), seeds=20, key=key)
            difference = ScoreDifference(((runs["a"], runs["b"]),), is_paired=False, unit=1e-9)
            scope = Variation.on_these_samples
            [now] = decide([difference.first(5)], scope, 0.001, vary=ScoreDifference.vary)
            [then] = decide([difference], scope, 0.001, vary=ScoreDifference.vary, forecasts=False)
            if now.forecast:
                said.append(now.forecast[20])
                came.append(then.claim != "undecided")
        assert abs(np.mean(said) - np.mean(came)) < 3 * np.sqrt(0.25 / len(said))


class TestPairing:
    def test_shared_seeds_are_paired_in_whatever_order_the_rows_are(self) -> None:
        frame = to_frame(draw(0.9, 0.91, seeds=12))
        results = [modnet.judge(frame.sample(frac=1, random_state=key)) for key in (0, 1)]
        assert results[0].pairs[0].decision == results[1].pairs[0].decision
        assert interval(results[0]) == interval(results[1])
        assert "Runs of the same seed are paired" in str(results[0])

    def test_what_both_have_in_common_goes_away(self) -> None:
        runs, common = draw(0.9, 0.905, seeds=10, deviation=0.001), np.linspace(-0.3, 0.3, 10)
        runs = {name: of + common for name, of in runs.items()}
        assert modnet.judge(runs, paired=True, **HIGHER).pairs[0].verdict == "b is better"
        assert modnet.judge(runs, **HIGHER).pairs[0].decision.claim == "undecided"

    def test_other_seeds_are_not_paired(self) -> None:
        frame = to_frame(draw(0.9, 0.8, seeds=8))
        frame.loc[frame.model == "b", "seed"] += 100
        result = modnet.judge(frame)
        assert "not paired" in " ".join(result.notes)
        expected = stats.ttest_ind(*(of.accuracy for _, of in frame.groupby("model")), equal_var=False)
        assert interval(result) == pytest.approx(expected.confidence_interval())

    def test_seeds_that_one_lacks_are_left_out_of_the_difference_and_named(self) -> None:
        frame = to_frame(draw(0.9, 0.8, seeds=8)).drop(index=3)
        result = modnet.judge(frame)
        assert result.pairs[0].seeds == 7
        assert [len(setting.scores) for setting in result.settings] == [7, 8]
        assert "1 run of a against b" in " ".join(result.notes)

    def test_without_seeds_each_row_is_a_run_and_other_columns_are_named(self) -> None:
        frame = to_frame(draw(0.9, 0.8)).drop(columns="seed").assign(lr=0.1)
        result = modnet.judge(frame)
        assert "each row is a run of its own" in " ".join(result.notes)
        assert "not used: 'lr'" in " ".join(result.notes)
        assert result.pairs[0].decision == modnet.judge(draw(0.9, 0.8), **HIGHER).pairs[0].decision

    def test_missing_data_sets_are_named(self) -> None:
        frame = pd.concat([to_frame(draw(0.9, 0.8, 0.7)).assign(dataset=name) for name in ("x", "y")])
        result = modnet.judge(frame[(frame.dataset == "x") | (frame.model != "c")])
        assert "2 data sets (x, y)" in " ".join(result.notes)
        assert "In 2 pairs only the data sets that both settings were run on" in " ".join(result.notes)
        apart = frame[(frame.dataset == "x") == (frame.model == "a")]
        with pytest.raises(modnet.DataError, match="a and b have no data set in common"):
            modnet.judge(apart)

    def test_mappings_of_seeds_are_paired(self) -> None:
        runs = {name: dict(enumerate(of)) for name, of in draw(0.9, 0.8).items()}
        assert "paired" in " ".join(modnet.judge(runs, **HIGHER).notes)
        one = modnet.judge(runs, **HIGHER).pairs[0].decision
        assert one == modnet.judge(draw(0.9, 0.8), paired=True, **HIGHER).pairs[0].decision


class TestTables:
    @pytest.mark.parametrize("form", FORMS)
    def test_data_frames_say_what_a_file_says(self, form: str, tmp_path: Path) -> None:
        frame = to_frame(draw(0.9, 0.8))
        frame.to_csv(tmp_path / "runs.csv", index=False)
        assert str(modnet.judge(FORMS[form](frame))) == str(modnet.judge(tmp_path / "runs.csv"))

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_other_separators(self, delimiter: str, tmp_path: Path) -> None:
        frame = to_frame(draw(0.9, 0.8))
        frame.to_csv(tmp_path / "runs.csv", index=False, sep=delimiter, encoding="utf-8-sig")
        assert str(modnet.judge(tmp_path / "runs.csv")) == str(modnet.judge(frame))

    def test_a_compressed_file(self, tmp_path: Path) -> None:
        frame = to_frame(draw(0.9, 0.8))
        frame.to_csv(tmp_path / "runs.csv.gz", index=False)
        assert str(modnet.judge(tmp_path / "runs.csv.gz")) == str(modnet.judge(frame))

    def test_openml_runs_on_three_data_sets(self) -> None:
        result = modnet.judge(TABLES / "openml.csv")
        assert len(result.settings) == 9
        assert [pair.verdict for pair in result.pairs][::2] == ["sklearn.ExtraTrees is better"] * 2
        runs = pd.read_csv(TABLES / "openml.csv").groupby(["flow_name", "data_name"]).predictive_accuracy.mean()
        apart = runs["sklearn.ExtraTrees"] - runs["sklearn.RandomForest"]
        assert result.pairs[0].difference == pytest.approx(apart.mean())

    def test_an_export_of_mlflow_with_settings_of_two_columns(self) -> None:
        setting = ["params.optimizer", "params.lr"]
        accuracy = modnet.judge(TABLES / "mlflow.csv", setting=setting, score="metrics.test_acc")
        loss = modnet.judge(TABLES / "mlflow.csv", setting=setting, score="metrics.test_loss")
        assert {pair.verdict for pair in accuracy.pairs} == {pair.verdict for pair in loss.pairs}
        assert accuracy.pairs[0].first == "optimizer sgd, lr 0.1"
        assert (accuracy.higher_is_better, loss.higher_is_better) == (True, False)
        assert "Lower metrics.test_loss is taken for better" in " ".join(loss.notes)

    def test_the_results_of_a_grid_search_have_a_column_for_each_split(self) -> None:
        result = modnet.judge(TABLES / "cv_results.csv", score="split*_test_score", rope=0.02, **HIGHER)
        rows = pd.read_csv(TABLES / "cv_results.csv")
        assert [setting.scores.mean() for setting in result.settings] == pytest.approx(list(rows.mean_test_score))
        assert "share training rows" in " ".join(result.notes)

    def test_hits_of_samples_give_the_verdicts_of_compare(self) -> None:
        rng = np.random.default_rng(0)
        of_sample = rng.normal(0, 0.2, (2, 300))
        hits = {
            name: rng.random((6, 300)) < of + share for name, of, share in zip("ab", of_sample, (0.9, 0.6), strict=True)
        }
        by_array = modnet.judge(hits)
        rows = [
            (name, seed, sample, int(hit))
            for name, of in hits.items()
            for seed, row in enumerate(of)
            for sample, hit in enumerate(row)
        ]
        frame = pd.DataFrame(rows, columns=["model", "seed", "sample", "correct"]).sample(frac=1, random_state=0)
        by_frame = modnet.judge(frame)
        assert by_array.pairs[0].decision == by_frame.pairs[0].decision
        assert by_array.pairs[0].verdict == "a is better"
        such, these = by_array.pairs[0].on_such_samples, by_array.pairs[0].on_these_samples
        assert such
        assert these
        assert such.standard_error > these.standard_error
        assert "new samples like these" in " ".join(by_array.notes)

    def test_the_scores_of_hits_give_the_intervals_for_the_fixed_test_set(self) -> None:
        rng = np.random.default_rng(1)
        hits = {name: rng.random((12, 200)) < 0.8 + rng.normal(0, 0.05, (12, 1)) for name in "ab"}
        by_hits = modnet.judge(hits)
        by_scores = modnet.judge({name: of.mean(axis=1) for name, of in hits.items()}, paired=True, **HIGHER)
        assert interval(by_scores) == pytest.approx(interval(by_hits))

    def test_errors_of_samples(self) -> None:
        rng = np.random.default_rng(0)
        result = modnet.judge(
            {name: rng.exponential(size, (6, 300)) for name, size in (("a", 1.0), ("b", 2.0))}, rope=0.1
        )
        assert result.pairs[0].verdict == "a has the smaller error"


def test_the_direction_that_a_name_says() -> None:
    assert [find_direction(name) for name in ("val/acc", "Test Accuracy", "roc_auc", "neg_mean_squared_error")] == [
        True
    ] * 4
    assert [find_direction(name) for name in ("loss", "error_rate", "metrics.rmse")] == [False] * 3
    assert [find_direction(name) for name in ("score", "accuracy_loss", "time", "")] == [None] * 4
    turned = ("accuracy_drop", "1 - accuracy", "100-acc", "time_to_accuracy", "neg_accuracy", "loss_reduction", "-loss")
    assert [find_direction(name) for name in (*turned, "acc_rank", "accuracy_std", "return_code")] == [None] * 10
    assert [find_direction(name) for name in ("train_loss_step", "epoch_accuracy", "top-1 acc")] == [False, True, True]


class TestMistakes:
    """Each is a line or two that says what is wrong, where, and what to do; what is advised then works."""

    def fail(self, runs: Any, error: type[Exception], **asked: Any) -> str:
        with pytest.raises(error) as caught:
            modnet.judge(runs, **asked)
        text = str(caught.value)
        assert text.count("\n") == 0
        return text

    def test_the_same_run_twice(self, tmp_path: Path) -> None:
        path = write(tmp_path / "runs.csv", [*ROWS, ["a", 2, 0.5]])
        text = self.fail(path, modnet.DataError)
        assert text.startswith(f"{path}, line 14: a, seed 2: it stands in line 4 as well")

    def test_a_run_that_diverged_is_never_dropped(self, tmp_path: Path) -> None:
        for cell in ("nan", "", "inf", "NA", "-Infinity"):
            path = write(tmp_path / "runs.csv", [*ROWS[:-1], ["b", 5, cell]])
            text = self.fail(path, modnet.DataError)
            assert f"{path}, line 13: b, seed 5: no finite score" in text
            assert "--diverged" in text
            result = modnet.judge(path, diverged=0.1)
            assert result.settings[1].scores.min() == 0.1
            assert "1 run has no finite score" in " ".join(result.notes)
        text = self.fail({"a": [1.0, math.nan], "b": [math.inf, 1.0]}, modnet.DataError, **HIGHER)
        assert text.startswith("runs, place 1: a (and 1 more): no finite score")

    def test_the_direction_is_asked_for(self) -> None:
        frame = to_frame(draw(0.9, 0.8)).rename(columns={"accuracy": "score"})
        assert "is a higher 'score' better? Say --higher-is-better" in self.fail(frame, modnet.SettingError)
        assert "is a higher score better?" in self.fail(draw(0.9, 0.8), modnet.SettingError)
        assert modnet.judge(frame, higher_is_better=False).pairs[0].first == "b"

    def test_columns_are_asked_for_by_the_names_that_are_there(self, tmp_path: Path) -> None:
        path = write(tmp_path / "runs.csv", [["run", "acc", "loss"], ["x", 1, 2]])
        assert "which column is the setting" in self.fail(path, modnet.SettingError)
        assert "Say --score (score=): 'acc', 'loss'" in self.fail(path, modnet.SettingError, setting="run")
        assert "no column 'ac', did you mean 'acc'?" in self.fail(
            path, modnet.UnknownNameError, setting="run", score="ac"
        )

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([], "no columns"),
            ([["model", "accuracy"]], "no runs"),
            ([["model", "accuracy"], ["a"]], "line 2: cells: 1, expected 2 as in line 1"),
            ([["model", "accuracy"], ["a", "good"]], "line 2: accuracy: 'good' is no number"),
            ([["model", "accuracy"], ["", "1"]], "line 2: the setting is missing"),
            ([["model", "accuracy", "accuracy"], ["a", 1, 2]], "two columns are named 'accuracy'"),
            ([["model", "sample", "correct"], ["a", 1, 1]], "name its column (--seed, seed=)"),
            ([["model", "seed", "sample", "correct"], ["a", 1, 1, 1], ["a", 2, 2, 1]],
             "nothing for a, seed 1, sample 2"),
            ([["model", "seed", "sample", "correct"], ["a", 1, 1, ""]], "each sample of each run needs a value"),
            ([["model", "dataset", "seed", "sample", "correct"], ["a", "x", 1, 1, 1], ["a", "y", 1, 1, 1]],
             "samples of several data sets (x, y)"),
        ],
    )  # fmt: skip
    def test_files_that_are_wrong(self, tmp_path: Path, rows: Sequence[Sequence[object]], message: str) -> None:
        path = write(tmp_path / "runs.csv", rows)
        text = self.fail(path, modnet.ModnetError)
        assert text.startswith(str(path))
        assert message in text

    def test_files_that_are_no_table(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.csv"
        path.write_bytes(b"model,accuracy\n\xff,1\n")
        assert str(path) in self.fail(path, modnet.DataError)
        assert "nowhere.csv" in self.fail(tmp_path / "nowhere.csv", (modnet.DataError, OSError))  # type: ignore[arg-type]
        assert "found an object of type int" in self.fail(3, modnet.DataError)

    @pytest.mark.parametrize(
        ("runs", "asked", "message"),
        [
            ({"a": ["x"]}, HIGHER, "expected scores (seeds,)"),
            ({"a": []}, HIGHER, "expected scores (seeds,)"),
            ({"a": [1.0], "b": {1: 2.0}}, HIGHER, "expected the same of each setting"),
            ({"a": np.ones((2, 3)), "b": np.ones((3, 3))}, {}, "the same seeds and samples"),
            ({"a": np.ones((2, 1)), "b": np.ones((2, 1))}, {}, "expected at least 2"),
            ({"a": -np.ones((2, 3)), "b": np.ones((2, 3))}, {}, "must not be negative"),
            ({"a": np.ones((2, 3)), "b": np.ones((2, 3))}, {"higher_is_better": False}, "a hit is better than none"),
            ({"a": [1.0]}, {**HIGHER, "seed": "s"}, "a mapping of settings has no columns"),
            ({"a": [1.0]}, {**HIGHER, "rope": -1}, "must be a number >= 0"),
            ({"a": [1.0]}, {**HIGHER, "rope": math.nan}, "must be a number >= 0"),
            ({"a": [1.0]}, {**HIGHER, "diverged": math.inf}, "must be a finite number"),
            (pd.DataFrame({"model": ["a"], "acc": [1]}), {"paired": True}, "a table pairs by its seeds"),
            ({}, HIGHER, "no runs"),
            ({"a": [[1.0, 2.0], [3.0]]}, HIGHER, "expected scores (seeds,)"),
            ({1: [1.0], "1": [2.0]}, HIGHER, "two settings are named '1'"),
            ({"a": np.ones((2, 3)), "a ": np.ones((2, 3))}, {}, "two settings are named 'a'"),
            ({"a": [1.0, 1e200], "b": [1.0, 2.0]}, HIGHER, "out of range"),
            ({"a": [1.0, 1e-200], "b": [1.0, 2.0]}, HIGHER, "out of range"),
            ({"a": [1.0]}, {"higher_is_better": "no"}, "must be True or False"),
            ({"a": [1.0]}, {**HIGHER, "rope": "0.1"}, "must be a number >= 0"),
            ({"a": [1.0]}, {**HIGHER, "diverged": "0"}, "must be a finite number"),
            (pd.Series([1.0], name="acc"), {}, "found a series"),
            (pd.DataFrame({"model": ["a"], "acc": [1]}), {"setting": "acc", "score": "acc"}, "is asked for twice"),
        ],
    )
    def test_calls_that_are_wrong(self, runs: Any, asked: dict[str, Any], message: str) -> None:
        assert message in self.fail(runs, modnet.ModnetError, **asked)


class TestOddTables:
    """Tables as tools and hands write them."""

    @pytest.mark.parametrize("form", ["{}.0", "0{}", "+{}"])
    def test_a_seed_is_its_number_however_it_is_written(self, tmp_path: Path, form: str) -> None:
        rows = [["b", form.format(row[1]), row[2] - 0.1] if row[0] == "b" else row for row in ROWS]
        result = modnet.judge(write(tmp_path / "runs.csv", rows))
        assert result.pairs[0].seeds == 6
        assert "Runs of the same seed are paired" in result.notes[0]
        twice = write(tmp_path / "twice.csv", [*ROWS, ["a", form.format(2), 0.5]])
        with pytest.raises(modnet.DataError, match="it stands in line 4 as well"):
            modnet.judge(twice)

    def test_large_seeds_are_in_the_order_of_their_numbers(self, tmp_path: Path) -> None:
        rows = [["a", 2**64 - k, 0.9] for k in range(3)]
        result = modnet.judge(write(tmp_path / "runs.csv", [ROWS[0], *rows]))
        assert f"in the order {2**64 - 2}, {2**64 - 1}, {2**64}:" in " ".join(result.notes)

    def test_cells_of_columns_that_are_not_used_may_be_empty(self, tmp_path: Path) -> None:
        rows = [[*row, "note" if row[1] == "seed" else ""] for row in ROWS]
        assert modnet.judge(write(tmp_path / "runs.csv", rows)).pairs[0].seeds == 6

    @pytest.mark.parametrize("form", ["mapping", "frame"])
    def test_scores_of_few_bits_are_rounded_as_they_print(self, form: str) -> None:
        runs = {name: np.round(scores, 2).astype(np.float32) for name, scores in draw(0.9, 0.9, seeds=40).items()}
        given = runs if form == "mapping" else to_frame(runs).astype({"accuracy": np.float32})
        result = modnet.judge(given, **HIGHER, rope=0.009)
        assert result.settings[0].scores.tolist() == [float(str(score)) for score in runs["a"]]
        assert result.pairs[0].decision.smallest_rope == 0.01

    def test_seeds_in_an_index_are_asked_for(self) -> None:
        frame = to_frame(draw(0.9, 0.8)).set_index("seed")
        with pytest.raises(modnet.DataError, match="'seed' is in the index"):
            modnet.judge(frame)
        assert "Runs of the same seed are paired" in modnet.judge(frame.reset_index()).notes[0]

    def test_small_scores_are_not_shown_as_nothing(self) -> None:
        assert "2.00e-12 ± 1.00e-12" in str(modnet.judge({"a": [1e-12, 2e-12, 3e-12]}, **HIGHER))

    def test_many_settings_are_decided_without_a_forecast(self) -> None:
        result = modnet.judge(draw(*[0.9] * 6, seeds=5) | {f"m{k}": [0.9, 0.91] for k in range(50)}, **HIGHER)
        assert len(result.pairs) == 56 * 55 / 2
        assert {pair.verdict for pair in result.pairs} == {"undecided after 5 seeds", "undecided after 2 seeds"}

    def test_scores_that_never_differ_have_four_digits_and_a_picture(self) -> None:
        result = modnet.judge({"a": [0.9] * 6}, **HIGHER)
        assert "0.9000 ± 0.0000  0.9000   0.9000" in str(result)
        assert render(result.figure(), "png")

    def test_names_are_one_line_of_text_in_a_table(self, tmp_path: Path) -> None:
        name = "a\n<b>|`c`\\ [d](e)"
        rows = [[name if row[0] == "a" else row[0], *row[1:]] for row in ROWS]
        result = modnet.judge(write(tmp_path / "runs.csv", rows))
        assert result.settings[0].label == "a <b>|`c`\\ [d](e)"
        assert "| a \\<b>\\|\\`c\\`\\\\ [d\\](e) | 6 |" in result.markdown()


class TestForms:
    def test_json_has_the_scores_and_no_nan(self) -> None:
        result = modnet.judge(TABLES / "openml.csv")
        found = json.loads(json.dumps(result.as_json(), allow_nan=False))
        assert found["pairs"][0]["such_samples"] is None
        assert found["pairs"][0]["these_samples"]["claim"] == "different"
        assert len(found["settings"][0]["scores"]) == 10

    def test_markdown_and_csv(self) -> None:
        result = modnet.judge(TABLES / "openml.csv")
        assert "| sklearn.MLP | wine | 10 |" in result.markdown()
        rows = list(csv.DictReader(result.pairs_csv().splitlines()))
        assert [row["verdict"] for row in rows] == [pair.verdict for pair in result.pairs]

    @pytest.mark.parametrize("name", ["openml", "hits", "one run", "many"])
    def test_a_picture(self, name: str) -> None:
        result = modnet.judge(TABLES / "openml.csv")
        if name == "hits":
            result = modnet.judge({"a": np.eye(3, 9) > 0, "b": np.eye(3, 9) < 1})
        elif name == "one run":
            result = modnet.judge({"a": [1.0], "b": [2.0]}, higher_is_better=True)
        elif name == "many":
            result = modnet.judge({f"s{i}": [i, i + 0.1] for i in range(8)}, higher_is_better=True)
            assert len(result.pairs) == 28
        assert render(result.figure("$runs"), "png").startswith(b"\x89PNG")

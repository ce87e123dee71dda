"""Verdicts on anybody's runs, by their scores or by the hits of samples."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

import modnet
from modnet import Array, DataError, figures
from modnet.text import format_count, format_table, list_some
from modnet_verdicts.decisions import ANALYSES, ROPE
from modnet_verdicts.pairs import (
    LEVEL,
    WIDTH,
    compare_samples,
    compare_scores,
    escape,
    format_pairs,
    records_to_csv,
    tabulate_pairs,
    to_finite,
    to_interval,
    to_markdown,
    to_records,
)
from modnet_verdicts.result import Measure, PairResult
from modnet_verdicts.scores import SAME, Blocks, JudgedSetting, ScoreDifference, find_unit, vary_mean
from modnet_verdicts.statistics import Estimate, Variation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALONE = (
    "Scores alone know nothing of the test samples: verdicts and intervals are for other seeds on the same test data. "
    "What holds for new samples takes the hits of the test samples (--sample)."
)
SHARES = {"accuracy", "acc"}  # words in the names of scores for which the ROPE of accuracies is taken


@attrs.frozen(eq=False, repr=False)
class Judgement:
    """Settings judged by the runs of a table; `str` of it is a table."""

    settings: tuple[JudgedSetting, ...]
    """A record for each setting and data set."""
    pairs: tuple[PairResult, ...]
    score: str
    """The name of the score."""
    higher_is_better: bool
    rope: float
    """The region of practical equivalence: a difference that is smaller is none in practice."""
    notes: tuple[str, ...]
    """The assumptions, and what the verdicts hold for."""

    @classmethod
    def from_scores(
        cls,
        scores: Mapping[tuple[str, ...], Blocks],
        heads: Sequence[str],
        *,
        seeds: Sequence[str],
        score: str,
        higher_is_better: bool,
        rope: float | None = None,
        notes: Sequence[str] = (),
    ) -> Judgement:
        """Return what may be claimed by scores alone: setting -> data set -> seed -> score.

        A setting is the words of what varies, which is called as `heads` say; `seeds` are those of all runs in order,
        none where these have no seeds. Raises DataError and MissingExtraError.
        """
        labels, blocks = [_format_label(heads, setting) for setting in scores], list(scores.values())
        if rope is None:
            rope = _choose_rope(score, [value for of in blocks for block in of.values() for value in block.values()])
        pairs, differences = compare_scores(labels, blocks, seeds, rope, higher_is_better=higher_is_better)
        settings = []
        datasets = [*dict.fromkeys(dataset for of in blocks for dataset in of)]
        for dataset in datasets:
            for (setting, of), label in zip(scores.items(), labels, strict=True):
                if dataset in of:
                    values = np.array([of[dataset][seed] for seed in seeds or of[dataset] if seed in of[dataset]])
                    entries = dict(zip(heads, setting, strict=True))
                    settings.append(JudgedSetting(label, entries, dataset, values, _judge_score(values)))
        own = [_explain_scores(pairs, differences, rope), _note_blocks(datasets, differences)]
        own += [_note_left_out(blocks, labels, pairs, differences), ALONE]
        return cls(tuple(settings), pairs, score, higher_is_better, rope, tuple(filter(None, [*own, *notes])))

    @classmethod
    def from_samples(
        cls,
        values: Mapping[tuple[str, ...], Array],
        heads: Sequence[str],
        *,
        rope: float | None = None,
        notes: Sequence[str] = (),
    ) -> Judgement:
        """Return what may be claimed by the hits (bool) or errors of samples, (seeds, samples), of each setting.

        Raises DataError and MissingExtraError.
        """
        labels, arrays = [_format_label(heads, setting) for setting in values], list(values.values())
        seeds, samples = arrays[0].shape
        name: Measure = "accuracy" if arrays[0].dtype == np.bool_ else "error"
        if samples < 2:
            raise DataError("one test sample, expected at least 2")
        if any((of < 0).any() for of in arrays):
            raise DataError("the errors of samples must not be negative")
        if rope is None:
            rope = ROPE if name == "accuracy" else 0.0
        settings = []
        for setting, label, of in zip(values, labels, arrays, strict=True):
            variation = Variation.from_values(of, are_differences=False) if seeds > 1 else None
            such, these = (variation.on_such_samples(), variation.on_these_samples()) if variation else (None, None)
            entries = dict(zip(heads, setting, strict=True))
            settings.append(JudgedSetting(label, entries, "", of.mean(axis=1), these, such))
        own = (
            f"{format_count(seeds, 'seed')}, {samples:,} test samples; ± is the standard deviation between seeds. "
            "Intervals are over seeds and test samples. A verdict is for all seeds and new samples like these; it "
            + _explain_errors(name, rope)
        )
        pairs = compare_samples(labels, arrays, rope, name)
        return cls(tuple(settings), pairs, name, name == "accuracy", rope, (own, *notes))

    def __repr__(self) -> str:
        shown = (f"{each.label} {self._format(float(each.scores.mean()))}" for each in self.settings)
        return f"<Judgement of {format_count(len(self.settings), 'setting')}: {self.score} of {list_some(shown, 4)}>"

    def _repr_html_(self) -> str:
        return modnet.html.display(self)

    def __str__(self) -> str:
        entries = sum(bool(key) for key in self.settings[0].entries) + bool(self.settings[0].dataset)
        blocks = ["\n".join(format_table(self._settings_table(), left=entries))]
        blocks += ["\n".join(format_pairs(tabulate_pairs(self.pairs, self._format)))] * bool(self.pairs)
        return "\n\n".join([*blocks, *("\n".join(textwrap.wrap(note, WIDTH)) for note in self.notes)])

    def markdown(self) -> str:
        """Return the tables in Markdown."""
        tables = [self._settings_table(), *[tabulate_pairs(self.pairs, self._format)] * bool(self.pairs)]
        return "\n\n".join([*map(to_markdown, tables), *map(escape, self.notes)]) + "\n"

    def pairs_csv(self) -> str:
        """Return a row for each pair of settings as CSV: difference, intervals, p-values, claims, verdict."""
        return records_to_csv(to_records(self.pairs))

    def as_json(self) -> dict[str, Any]:
        """Return all but the hits, or errors, of single samples, as JSON can hold it."""
        return {
            "score": self.score,
            "higher_is_better": self.higher_is_better,
            "rope": self.rope,
            "level": LEVEL,
            "settings": [
                {
                    "label": each.label,
                    "entries": each.entries,
                    "dataset": each.dataset,
                    "score": float(each.scores.mean()),
                    "standard_deviation": to_finite(each.deviation),
                    "on_such_samples": to_interval(each.on_such_samples),
                    "on_these_samples": to_interval(each.on_these_samples),
                    "scores": each.scores.tolist(),
                }
                for each in self.settings
            ],
            "pairs": to_records(self.pairs),
            "notes": list(self.notes),
        }

    def figure(self, title: str = "") -> Figure:
        """Return the score of each run, and all differences, with intervals; raises MissingExtraError."""
        return figures.comparison.from_judgement(self, title=title)

    def _settings_table(self) -> list[list[str]]:
        first = self.settings[0]
        blocks = ["data set"] * bool(first.dataset)
        rows = [[*first.entries, *blocks, "runs", self.score, "lowest", "highest"]]
        for each in self.settings:
            spread = "" if math.isnan(each.deviation) else f" ± {self._format(each.deviation)}"
            mean, low, high = map(self._format, (each.scores.mean(), each.scores.min(), each.scores.max()))
            place = [each.dataset] * bool(blocks)
            rows.append([*each.entries.values(), *place, str(len(each.scores)), mean + spread, low, high])
        return rows

    def _format(self, number: float) -> str:
        is_tiny = self._places > 9 and 0 < abs(number) < 1e-6
        return f"{number:.2e}" if is_tiny else f"{number:z.{min(max(self._places, 0), 9)}f}"

    @cached_property
    def _places(self) -> int:
        """The decimals with which the smallest standard deviation between seeds has two digits."""
        found = [(each.deviation, SAME * np.abs(each.scores).max()) for each in self.settings]
        deviations = [deviation for deviation, rounding in found if deviation > rounding]
        return 1 - math.floor(math.log10(min(deviations))) if deviations else 4


def _format_label(heads: Sequence[str], setting: Sequence[str]) -> str:
    """Return the name of a setting: "adam", or of several columns "optimizer adam, lr 0.1"."""
    both = zip(heads, setting, strict=True)
    return setting[0] if len(setting) == 1 else ", ".join(f"{head} {word}" for head, word in both)


def _judge_score(scores: Array) -> Estimate | None:
    """Return the mean score over all seeds; None for a single one."""
    if len(scores) < 2:
        return None
    return vary_mean(float(scores.mean()), [scores], 1, find_unit(scores)).on_these_samples()


def _choose_rope(score: str, values: Sequence[float]) -> float:
    """Return the ROPE of accuracies, if these are some, or 0."""
    is_share = not SHARES.isdisjoint(re.findall("[a-z]+", score.lower()))
    return ROPE if is_share and min(values) >= 0 and max(values) <= 1 else 0.0


def _explain_errors(what: str, rope: float) -> str:
    """Return when verdicts fall, and how often they are wrong."""
    first = ", ".join(map(str, ANALYSES[:3]))
    equal = (
        f"and 5 that something is practically equal: that {what} differs by less than {rope:g}."
        if rope
        else "and none that something is practically equal: say what difference would be none in practice (--rope)."
    )
    return (
        f"falls after {first}, ... {ANALYSES[-1]} seeds. Of 100 tables, however many pairs there are and "
        f"however often one looks, 5 at most say wrongly that something is better, {equal}"
    )


def _explain_scores(pairs: Sequence[PairResult], differences: Sequence[ScoreDifference], rope: float) -> str:
    paired = sum(difference.is_paired for difference in differences)
    how = "Runs of the same seed are paired (Student's t)."
    if paired < len(pairs):
        how = "Runs are not paired, as few or no seeds are shared (Welch's t)."
        if paired:
            how = f"In {paired} of {len(pairs)} pairs runs are paired by seed (Student's t), in others not (Welch's t)."
    deviation = "± is the standard deviation between runs."
    return f"{deviation} {how} A verdict {_explain_errors('the score', rope)}" if pairs else deviation


def _note_blocks(datasets: Sequence[str], differences: Sequence[ScoreDifference]) -> str:
    if len(datasets) < 2:
        return ""
    fewer = [difference for difference in differences if len(difference.blocks) < len(datasets)]
    note = (
        f"{len(datasets)} data sets ({list_some(datasets, 4)}): a difference is taken within each, and each counts the "
        "same. Verdicts are for these data sets, and speak for no others."
    )
    if fewer:
        note += f" In {format_count(len(fewer), 'pair')} only the data sets that both settings were run on count."
    return note


def _note_left_out(
    blocks: Sequence[Blocks],
    labels: Sequence[str],
    pairs: Sequence[PairResult],
    differences: Sequence[ScoreDifference],
) -> str:
    """Return how many runs are in no difference of a pair."""
    of = dict(zip(labels, blocks, strict=True))
    lacking = [
        sum(len(scores) for name in (pair.first, pair.second) for scores in of[name].values())
        - sum(len(one) + len(other) for one, other in difference.blocks)
        for pair, difference in zip(pairs, differences, strict=True)
    ]
    if not any(lacking):
        return ""
    i = int(np.argmax(lacking))
    what = f"{format_count(lacking[i], 'run')} of {pairs[i].first} against {pairs[i].second}"
    return f"Runs without a counterpart of the same seed or data set are in no difference: {what} at most."

"""Calibration of verdicts, intervals and forecasts where the truth is known.

Usage: python tests/benchmarks/calibration.py [FOLDER] [--repeats N] [--only WORD] [--jobs N] [--seed N]

Experiments are drawn from designs: hits with effects of seed, sample and both, of settings whose accuracies over all
seeds and samples follow from how they are drawn. With a FOLDER, they are drawn from its stored runs instead, as if
those were all there are: FOLDER/<setting>/seed-<n>/hits.npy. Whatever is claimed after 5, 10, 20, ... seeds is what
`Comparison` claims. The table says what modnet promises and what was found; the status is 1 if something found is
above 5.5 % or below 93 % by more than three standard errors, or forecasts are off by more than 15 %. Shares in brackets
are not promised.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import combinations, pairwise, repeat
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import numpy as np
from modnet_verdicts import pairs
from modnet_verdicts.decisions import ANALYSES, ROPE, decide
from modnet_verdicts.report import Comparison
from modnet_verdicts.result import PairResult, SettingResult
from scipy import special

from modnet.comparison.grid import Setting
from modnet.types import Array, History, Status

SEEDS = ANALYSES[-1]
COUNTED = (5, 10, 40, 160)  # numbers of seeds after which intervals are counted
SCOPES = {"such samples": ("on_such_samples", "decision"), "these samples": ("on_these_samples", "decision_here")}
WRONG, COVERED, TOLERANCE = 0.055, 0.93, 3.0  # bounds, and by how many standard errors they may be missed
MISSED = 0.15  # by so much what came true may be off from what was forecast, over all designs
FORECAST_EVERY = 4  # experiments
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
HISTORY = History([], [1], {"train_accuracy": [0.5], "test_accuracy": [0.5]})


@attrs.frozen
class Draw:
    """The hits or errors of each setting (seeds, samples), and its true scores, over new samples and over these."""

    values: list[Array]
    such: list[float]
    these: list[float]


@attrs.frozen(kw_only=True)
class Design:
    """Settings with known accuracies, and effects on the probit scale, where the noise of a single hit is 1."""

    name: str
    samples: int
    accuracies: tuple[float, ...]
    """Of each setting, over all seeds and samples that are not rare."""
    rope: float = ROPE
    sample: float = 2.0
    """Samples differ by so much, for all settings alike."""
    sample_setting: float = 0.0
    """Samples differ by so much for each setting on its own."""
    seed: float = 0.02
    """Seeds differ by so much, for all settings alike."""
    seed_setting: float = 0.03
    """Seeds differ by so much for each setting on its own."""
    identical: bool = False
    """All settings hit the same, but for rare samples and collapses."""
    rare: tuple[float, ...] = ()
    """Shares of the samples that one setting alone hits: the first, the second, ..."""
    collapse: float = 0.0
    """The share of seeds that collapse, for each setting on its own: such a seed hits one sample in ten."""
    exempt: tuple[str, ...] = ()
    """Columns of the table in which nothing is promised, as the documentation says."""

    def draw(self, rng: np.random.Generator) -> Draw:
        """Return one experiment."""
        shared = self.sample * rng.standard_normal(self.samples, np.float32)
        by_seed = self.seed * rng.standard_normal((SEEDS, 1), np.float32)
        kinds = self._draw_kinds(rng)
        between = math.sqrt(1 + self.seed**2 + self.seed_setting**2)
        whole = math.sqrt(between**2 + self.sample**2 + self.sample_setting**2)
        hits: list[Array] = []
        such, these = [], []
        for k, accuracy in enumerate(self.accuracies):
            easy = shared + self.sample_setting * rng.standard_normal(self.samples, np.float32)
            easy += np.float32(whole * special.ndtri(accuracy))
            expected = special.ndtr(easy / between)
            if self.identical and hits:
                hit = hits[0].copy()
            else:
                seed = by_seed + self.seed_setting * rng.standard_normal((SEEDS, 1), np.float32)
                hit = rng.standard_normal((SEEDS, self.samples), np.float32) < easy + seed
            true = accuracy * (1 - sum(self.rare)) + (self.rare[k] if k < len(self.rare) else 0)
            hit[:, kinds >= 0] = kinds[kinds >= 0] == k
            expected[kinds >= 0] = kinds[kinds >= 0] == k
            down = rng.random(SEEDS) < self.collapse
            hit[down] = rng.random((int(down.sum()), self.samples)) < 0.1
            hits.append(hit)
            such.append(true + self.collapse * (0.1 - true))
            on_these = float(expected.mean())
            these.append(on_these + self.collapse * (0.1 - on_these))
        return Draw(hits, such, these)

    def _draw_kinds(self, rng: np.random.Generator) -> Array:
        """Return for each sample which setting alone hits it, or -1."""
        edges = np.cumsum(self.rare)
        kinds = np.searchsorted(edges, rng.random(self.samples), side="right")
        return np.where(kinds == len(edges), -1, kinds)


@attrs.frozen(kw_only=True)
class ErrorDesign:
    """Settings with squared normal errors, or with errors that differ between seeds as an exponential variable does."""

    name: str
    samples: int
    rope: float
    apart: float = 0.0
    """The error of the second setting is larger by so much."""
    sample: float = 0.6
    sample_setting: float = 0.3
    seed_setting: float = 0.1
    skewed: bool = False
    exempt: tuple[str, ...] = ()

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The mean errors."""
        squares = self.sample**2 + self.sample_setting**2 + self.seed_setting**2 * (2 if self.skewed else 1)
        return (squares + 1, squares + 1 + self.apart)

    def draw(self, rng: np.random.Generator) -> Draw:
        """Return one experiment."""
        shared = self.sample * rng.standard_normal(self.samples)
        values, these = [], []
        for mean in self.accuracies:
            noise = mean - self.accuracies[0] + 1
            easy = shared + self.sample_setting * rng.standard_normal(self.samples)
            drawn = rng.exponential(size=(SEEDS, 1)) if self.skewed else rng.standard_normal((SEEDS, 1))
            residuals = easy + self.seed_setting * drawn * (rng.choice([-1, 1], (SEEDS, 1)) if self.skewed else 1)
            residuals = residuals + math.sqrt(noise) * rng.standard_normal((SEEDS, self.samples))
            values.append(np.square(residuals))
            these.append(float(np.square(easy).mean()) + mean - self.sample**2 - self.sample_setting**2)
        return Draw(values, list(self.accuracies), these)


@attrs.frozen(kw_only=True)
class LongTailed:
    """Settings with lognormal errors: effects of samples, times small effects of seeds and of both."""

    name: str
    samples: int
    rope: float
    accuracies: tuple[float, float]
    """The mean errors."""
    deviations: tuple[float, float]
    """Of the effects of samples, on the logarithmic scale; the effects are the same for both settings if these are."""
    exempt: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator) -> Draw:
        """Return one experiment."""

        def lognormal(deviation: float, *shape: int) -> Array:
            return np.exp(deviation * rng.standard_normal(shape) - deviation**2 / 2)

        values, these = [], []
        for mean, deviation in zip(self.accuracies, self.deviations, strict=True):
            if not values or deviation != self.deviations[0]:
                samples = lognormal(deviation, 1, self.samples)
            values.append(mean * samples * lognormal(0.1, SEEDS, 1) * lognormal(0.3, SEEDS, self.samples))
            these.append(mean * float(samples.mean()))
        return Draw(values, list(self.accuracies), these)


@attrs.frozen
class Stored:
    """Stored runs of several settings, drawn from with replacement; `same` makes one setting of all of them."""

    name: str
    hits: list[Array]
    samples: int
    rope: float = ROPE
    same: bool = False
    exempt: tuple[str, ...] = ()

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The mean accuracies of the stored runs."""
        return tuple(float(hits.mean()) for hits in self.hits)

    def draw(self, rng: np.random.Generator) -> Draw:
        """Return one experiment."""
        count, whole = self.hits[0].shape
        samples, seeds = rng.integers(whole, size=self.samples), rng.integers(count, size=SEEDS)
        hits, these = [], []
        for of in self.hits:
            here = of[:, samples]
            hits.append(here[rng.integers(count, size=SEEDS) if self.same else seeds])
            these.append(float(here.mean()))
        return Draw(hits, list(self.accuracies), these)


def make_designs() -> list[Design | ErrorDesign | LongTailed]:
    """Return the designs: few to many samples, low to high accuracies, and errors in place of hits."""
    return [
        Design(name="equal", samples=100, accuracies=(0.5, 0.5), sample=1.0),
        Design(name="equal", samples=1000, accuracies=(0.9, 0.9)),
        Design(name="equal", samples=10_000, accuracies=(0.98, 0.98)),
        Design(name="equal, high", samples=100, accuracies=(0.99, 0.99)),
        Design(name="equal, very high", samples=1000, accuracies=(0.999, 0.999), sample=4.0),
        Design(name="equal, no effect of seeds", samples=300, accuracies=(0.97, 0.97), seed=0, seed_setting=0),
        Design(name="equal, unsteady seeds", samples=1000, accuracies=(0.8, 0.8), seed=0.2, seed_setting=0.3),
        Design(name="equal but for the samples", samples=300, accuracies=(0.9, 0.9), sample_setting=2.0),
        Design(name="four equal settings", samples=300, accuracies=(0.8,) * 4, sample_setting=0.5),
        Design(name="apart by 0.03", samples=1000, accuracies=(0.9, 0.87)),
        Design(name="apart by 0.003", samples=10_000, accuracies=(0.97, 0.967), sample=4.0),
        Design(name="apart by the ROPE", samples=1000, accuracies=(0.92, 0.9), rope=0.02),
        Design(name="apart by the ROPE, seeds alone", samples=300, accuracies=(0.58, 0.6), rope=0.02, sample=0.0),
        Design(name="apart by a little less", samples=3000, accuracies=(0.95, 0.96), rope=0.0101),
        Design(name="apart by a little more", samples=3000, accuracies=(0.95, 0.96), rope=0.0099),
        Design(name="apart by the ROPE, high", samples=10_000, accuracies=(0.999, 0.998), sample=4.0),
        Design(name="rare samples", samples=100, accuracies=(0.97,) * 2, rare=(0.001,), identical=True),
        Design(name="rare samples", samples=1000, accuracies=(0.97,) * 2, rare=(0.001,), identical=True),
        Design(name="rare samples", samples=3000, accuracies=(0.9,) * 2, rare=(0.001,), identical=True),
        Design(name="rare samples, both ways", samples=1000, accuracies=(0.999,) * 2, rare=(0.002, 0.001), sample=4.0),
        Design(name="rare samples, higher ROPE", samples=300, accuracies=(0.9,) * 2, rare=(0.01,), rope=0.01),
        Design(name="collapses", samples=1000, accuracies=(0.95, 0.95), collapse=0.05, exempt=("single",)),
        Design(name="collapses, apart by 0.03", samples=1000, accuracies=(0.93, 0.9), collapse=0.1, exempt=("single",)),
        ErrorDesign(name="errors, equal", samples=100, rope=0.1),
        ErrorDesign(name="errors, equal", samples=1000, rope=0.1),
        ErrorDesign(name="errors, apart by the ROPE", samples=1000, rope=0.1, apart=0.1),
        ErrorDesign(
            name="errors, long-tailed seeds",
            samples=300,
            rope=0.1,
            apart=0.1,
            seed_setting=0.3,
            skewed=True,
            exempt=("single",),
        ),
        LongTailed(name="lognormal errors, equal", samples=300, rope=0.1, accuracies=(1, 1), deviations=(1, 1)),
        LongTailed(name="lognormal errors, by the ROPE", samples=100, rope=0.2, accuracies=(0.8, 1), deviations=(2, 2)),
        LongTailed(
            name="lognormal errors, one tail longer", samples=100, rope=0.1, accuracies=(1, 1), deviations=(2, 0.5)
        ),
    ]


def read_designs(folder: Path, samples: int) -> list[Stored]:
    """Return each pair of settings of a folder of stored runs, and each setting four times; only seeds of them all."""
    files: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.glob("*/seed-*/hits.npy")):
        files.setdefault(file.parts[-3], {})[file.parts[-2]] = file
    if len(files) < 2:
        raise SystemExit(f"{folder} has no two settings, folders with seed-<n>/hits.npy of the same seeds")
    seeds = sorted(set[str]().union(*files.values()).intersection(*files.values()))
    hits = {name: np.stack([np.load(of[seed]) for seed in seeds]) for name, of in files.items()}
    print(f"{len(seeds)} stored seeds, {next(iter(hits.values())).shape[1]} stored samples")
    pairs = [Stored(f"{a} - {b}", [hits[a], hits[b]], samples) for a, b in combinations(hits, 2)]
    return [*pairs, *(Stored(f"four times {name}", [of] * 4, samples, same=True) for name, of in hits.items())]


Row = Design | ErrorDesign | LongTailed | Stored
Found = dict[tuple[str, str], list[float]]


def in_order(comparison: Comparison) -> list[PairResult]:
    """Return the pairs in the order of their names, whichever is ahead."""
    return sorted(comparison.pairs, key=lambda pair: sorted([pair.first, pair.second]))


def compare(draw: Draw, seeds: int, rope: float) -> Comparison:
    """Return what modnet says after so many seeds."""
    results = []
    for k, values in enumerate(draw.values):
        hits, errors = (None, values[:seeds]) if values.dtype.kind == "f" else (values[:seeds], None)
        setting = Setting({"k": str(k)}, {})
        results.append(SettingResult(setting, hits, (HISTORY,) * seeds, (Status.FINISHED,) * seeds, errors))
    return Comparison(tuple(results), tuple(range(seeds)), rope)


def count(design: Row, repeats: int, seed: int, index: int) -> Found:
    """Return what is found in so many experiments: a share of each for every scope and question."""
    found: Found = defaultdict(list)
    for i in range(repeats):
        draw = design.draw(np.random.default_rng([seed, index, i]))
        truths = {"such samples": draw.such, "these samples": draw.these}
        # Forecasts take most of the time.
        with patch.object(pairs, "decide", partial(decide, forecasts=i % FORECAST_EVERY == 0)):
            looks = {look: compare(draw, look, design.rope) for look in ANALYSES}
            assert all(comparison.pairs for comparison in looks.values())
        for scope, true in truths.items():
            for question, share in examine(looks, scope, true, design.rope):
                found[scope, question].append(share)
    return dict(found)


def examine(looks: dict[int, Comparison], scope: str, true: list[float], rope: float) -> Iterator[tuple[str, float]]:
    """Yield what is found in one experiment, in one scope."""
    estimate, decision = SCOPES[scope]
    wrong = {"better": False, "equal": False}
    decided: dict[int, list[bool]] = {}
    for look, comparison in looks.items():
        inside, counted = [], look in COUNTED
        for pair in in_order(comparison):
            difference = true[int(pair.first[2:])] - true[int(pair.second[2:])]
            claim = getattr(pair, decision).claim
            better = -difference if pair.measure == "error" else difference
            wrong["better"] |= claim == "different" and better <= 0
            wrong["equal"] |= claim == "equal" and abs(difference) >= rope - 1e-12
            if counted:
                inside.append(covers(getattr(pair, estimate), difference))
            decided.setdefault(look, []).append(claim != "undecided")
        if counted:
            of_settings = (getattr(result, estimate) for result in comparison.settings)
            yield f"difference {look}", float(np.mean(inside))
            yield f"single {look}", float(np.mean([covers(e, t) for e, t in zip(of_settings, true, strict=True)]))
    yield from ((claim, float(share)) for claim, share in wrong.items())
    yield "decided", float(np.mean(decided[SEEDS]))
    yield from examine_forecasts(looks, decision, decided)


def examine_forecasts(
    looks: dict[int, Comparison], decision: str, decided: dict[int, list[bool]]
) -> Iterator[tuple[str, float]]:
    """Yield every forecast and whether it came true."""
    for comparison in looks.values():
        for i, pair in enumerate(in_order(comparison)):
            for later, probability in getattr(pair, decision).forecast.items():
                yield "forecast", probability
                yield "came true", float(decided[later][i])


def covers(estimate: Any, true: float) -> bool:
    """Return whether the 95 % interval covers what is true."""
    low, high = estimate.interval()
    return bool(low - 1e-12 <= true <= high + 1e-12)


def summarize(found: Found, scope: str) -> dict[str, tuple[float, int]]:
    """Return the share that was found for each promise, the lowest of all numbers of seeds, and of how many."""
    shares = {name: (float(np.mean(of)), len(of)) for (where, name), of in found.items() if where == scope}
    for name in ("difference", "single"):
        shares[name] = min(shares[f"{name} {look}"] for look in COUNTED)
    return shares


def breaks_promise(design: Row, name: str, share: float, repeats: int) -> bool:
    """Return whether a share is beyond its bound by more than the tolerance."""
    bound = WRONG if name in ("better", "equal") else COVERED
    slack = TOLERANCE * math.sqrt(bound * (1 - bound) / repeats)
    if name in design.exempt:
        return False
    return share > bound + slack if bound == WRONG else share < bound - slack


def make_table(designs: Sequence[Row], results: Sequence[Found]) -> tuple[list[list[str]], list[str]]:
    """Return a row for each design, each share for new samples and for a fixed test set, and what breaks a promise."""
    promised = {"better": "≤ 5", "equal": "≤ 5", "difference": "95", "single": "95"}
    rows = [["design", "samples", "scores", "wrongly better", "wrongly equal", "differences", "single scores", "±"]]
    rows.append(["*promised*", "", "", *promised.values(), ""])
    broken = []
    for design, found in zip(designs, results, strict=True):
        repeats, cells = 0, []
        for name in promised:
            shares = []
            for scope in SCOPES:
                share, repeats = summarize(found, scope)[name]
                shares.append(f"{100 * share:.1f}")
                if breaks_promise(design, name, share, repeats):
                    broken.append(f"{scope}, {design.name}, {design.samples} samples: {name} {shares[-1]} %")
            cells.append(" / ".join(shares))
            if name in design.exempt:
                cells[-1] = f"({cells[-1]})"
        scores = ", ".join(f"{score:.4g}" for score in dict.fromkeys(design.accuracies))
        error = 100 * math.sqrt(0.05 * 0.95 / repeats)
        rows.append([design.name, f"{design.samples:,}", scores, *cells, f"{error:.1f}"])
    return rows, broken


def make_forecast_table(results: Sequence[Found]) -> tuple[list[list[str]], list[str]]:
    """Return what came true of forecasts by how probable they were, over all designs and both scopes; what is off."""
    said, came = (
        np.array([share for found in results for scope in SCOPES for share in found.get((scope, name), [])])
        for name in ("forecast", "came true")
    )
    rows, broken = [["forecast", "number", "mean forecast", "came true"]], []
    for low, high in [*pairwise(BINS), (0.0, 1.0)]:
        chosen = (said >= low) & ((said < high) | (high == 1.0))
        if chosen.any():
            means = [float(of[chosen].mean()) for of in (said, came)]
            cells = [
                f"{100 * low:.0f} to {100 * high:.0f} %",
                f"{chosen.sum():,}",
                *(f"{100 * m:.0f} %" for m in means),
            ]
            rows.append(cells)
            if abs(means[0] - means[1]) > MISSED and chosen.sum() > 1000:
                broken.append("forecasts of " + ", ".join(cells))
    return rows, broken


def show(rows: list[list[str]]) -> None:
    """Print a table in Markdown."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    print("\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]), "\n")


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="stored runs to draw from")
    parser.add_argument("--repeats", type=int, default=1000, help="experiments of each design (1000)")
    parser.add_argument("--samples", type=int, default=1000, help="test samples of each experiment from FOLDER (1000)")
    parser.add_argument("--only", default="", metavar="WORD", help="only designs with this in their name")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    designs: Sequence[Row] = read_designs(asked.folder, asked.samples) if asked.folder else make_designs()
    chosen = [i for i, design in enumerate(designs) if asked.only in design.name]
    designs = [designs[i] for i in chosen]
    # Large test parts take longer: they are drawn less often.
    repeats = [max(1, asked.repeats // max(1, round(design.samples / 2000))) for design in designs]
    with ProcessPoolExecutor(asked.jobs) as executor:
        results = list(executor.map(count, designs, repeats, repeat(asked.seed), chosen))
    print("In percent, for new samples / for a fixed test set; intervals at the worst number of seeds.")
    print("± is the standard error of a share of 5 or 95 %. In brackets: not promised.\n")
    rows, broken = make_table(designs, results)
    show(rows)
    rows, more = make_forecast_table(results)
    show(rows)
    broken += more
    print(f"{len(broken)} broken promises in {time.perf_counter() - start:.0f} s", *broken, sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()

"""Calibration of verdicts and intervals, counted on stored runs.

Usage: python tests/benchmarks/calibration.py FOLDER [--repeats N] [--samples N] [--seed N]

FOLDER/<setting>/seed-<n>/hits.npy says which test samples that run recognised. The runs are taken as the population:
seeds and test samples are drawn from them, with replacement, and so it is known what is true of where they come from.
Every claim and interval is modnet's own. Beside them stands what is often done: a paired t-test on the accuracies, at
5 %, after each of the analyses or after each seed, until it is significant. Behind each share is its standard error.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import special

from modnet.comparison.decisions import ANALYSES, ROPE, Scope, decide
from modnet.comparison.statistics import Variation
from modnet.types import Array

SCOPES: dict[str, Scope] = {"such samples": Variation.on_such_samples, "these samples": Variation.on_these_samples}
COUNTS = (5, 10, 20, 40)

Outcomes = defaultdict[tuple[str, str], list[bool]]


def read_hits(folder: Path) -> dict[str, Array]:
    """Return the hits (seeds, samples) of each setting, in the seeds that all of them have."""
    files: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.glob("*/seed-*/hits.npy")):
        files.setdefault(file.parts[-3], {})[file.parts[-2]] = file
    seeds = sorted(set[str]().union(*files.values()).intersection(*files.values()))
    return {
        name: np.stack([np.load(of[seed]) for seed in seeds]).astype(np.int8) for name, of in files.items() if seeds
    }


class Population:
    """Stored runs, from which experiments are drawn."""

    def __init__(self, hits: dict[str, Array], samples: int, rng: np.random.Generator) -> None:
        self.hits, self.samples, self.rng = hits, samples, rng
        self.settings = list(hits)
        self.pairs = list(combinations(self.settings, 2))
        self.seeds, self.all_samples = hits[self.settings[0]].shape

    def some_seeds(self, count: int) -> Array:
        return self.rng.integers(self.seeds, size=count)

    def some_samples(self) -> Array:
        return self.rng.integers(self.all_samples, size=self.samples)

    def same(self, setting: str, times: int) -> list[Array]:
        """Return the hits of several settings that are one and the same, with seeds of their own."""
        of_these = self.hits[setting][:, self.some_samples()]
        return [of_these[self.some_seeds(ANALYSES[-1])] for _ in range(times)]

    def flip(self, pair: tuple[str, str]) -> tuple[Array, float]:
        """Return differences between settings that are apart on each sample, but alike on all there might be.

        Which of the two does better is drawn for each sample. Besides: how far apart they are on the samples drawn.
        """
        chosen = self.some_samples()
        signs = self.rng.choice(np.array([-1, 1], np.int8), self.samples)
        difference = (self.hits[pair[0]][:, chosen] - self.hits[pair[1]][:, chosen]) * signs
        return difference[self.some_seeds(ANALYSES[-1])], float(difference.mean())

    def apart(self, count: int, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[Array, dict[str, float]]]:
        """Yield the differences of each pair, with the same seeds and samples, and how far apart they really are."""
        chosen, seeds = self.some_samples(), self.some_seeds(count)
        for one, other in pairs:
            difference = self.hits[one][:, chosen] - self.hits[other][:, chosen]
            whole = float(self.hits[one].mean() - self.hits[other].mean())
            yield difference[seeds], {"such samples": whole, "these samples": float(difference.mean())}


def is_wrong(claim: str, mean: float, true: float, rope: float = ROPE) -> bool:
    """Return whether a claim is wrong, or "different" points the wrong way."""
    return abs(true) >= rope if claim == "equal" else claim == "different" and mean * true <= 0


def ever_wrong(differences: Sequence[Array], scope: Scope, true: Sequence[float], rope: float = ROPE) -> bool:
    """Return whether anything wrong is claimed after any of the ANALYSES."""
    for look in ANALYSES:
        seen = [difference[:look] for difference in differences]
        decisions = decide(seen, scope, rope)
        if any(is_wrong(d.claim, s.mean(), t, rope) for d, s, t in zip(decisions, seen, true, strict=True)):
            return True
    return False


def naively_wrong(difference: Array, true: float, after: Sequence[int]) -> bool:
    """Return whether a paired t-test, done after each of so many seeds, is ever significant the wrong way."""
    accuracy = difference.mean(axis=1)
    n = np.arange(1, len(accuracy) + 1)[1:]
    mean = np.cumsum(accuracy)[1:] / n
    variance = np.maximum(np.cumsum(accuracy**2)[1:] - n * mean**2, 1e-18) / (n - 1)
    p = 2 * special.stdtr(n - 1, -np.abs(mean) / np.sqrt(variance / n))
    wrong = (p <= 0.05) & (mean * true <= 0)
    return bool(wrong[np.array(after) - 2].any())


def wrong_claims(population: Population, repeats: int) -> Outcomes:
    """Count wrong claims where nothing differs, and where something differs by the ROPE."""
    found: Outcomes = defaultdict(list)
    naive = {"t-test, looks": ANALYSES, "t-test, seeds": range(2, ANALYSES[-1] + 1)}
    for i in range(repeats):
        setting, pair = (names[i % len(names)] for names in (population.settings, population.pairs))
        four = population.same(setting, 4)
        family = [one - other for one, other in combinations(four, 2)]
        flipped, on_these = population.flip(pair)
        [(apart, really)] = population.apart(ANALYSES[-1], [pair])
        for name, scope in SCOPES.items():
            known = on_these if name == "these samples" else 0.0
            found["the same setting twice", name].append(ever_wrong(family[:1], scope, [0.0]))
            found["six pairs of one setting", name].append(ever_wrong(family, scope, [0.0] * 6))
            found["alike but for the samples", name].append(ever_wrong([flipped], scope, [known]))
            rope = abs(really[name])
            found["apart by the ROPE", name].append(ever_wrong([apart], scope, [really[name]], rope))
        for name, after in naive.items():  # read as it commonly is: as true of any samples
            found["the same setting twice", name].append(naively_wrong(family[0], 0.0, after))
            found["six pairs of one setting", name].append(any(naively_wrong(d, 0.0, after) for d in family))
            found["alike but for the samples", name].append(naively_wrong(flipped, 0.0, after))
    return found


def real_pairs(population: Population, repeats: int) -> Outcomes:
    """Count how often the 95 % interval of each pair of settings covers the truth, and what is decided of all pairs."""
    found: Outcomes = defaultdict(list)
    for _ in range(repeats):
        whole = list(population.apart(COUNTS[-1], population.pairs))
        for count in COUNTS:
            differences = [difference[:count] for difference, _ in whole]
            for name, scope in SCOPES.items():
                decisions, short = decide(differences, scope), name.split()[0]
                for pair, decision, seen, (_, really) in zip(
                    population.pairs, decisions, differences, whole, strict=True
                ):
                    row, true = " - ".join(pair) + f", {count:2} seeds", really[name]
                    estimate = scope(Variation.from_hits(seen), None)
                    low, high = estimate.interval()
                    found[row, f"{short}: covered"].append(low <= true <= high)
                    found[row, f"{short}: decided"].append(decision.claim != "undecided")
                    found[row, f"{short}: wrong"].append(is_wrong(decision.claim, estimate.mean, true))
    return found


def show(title: str, outcomes: Outcomes) -> None:
    """Print a table of shares in percent."""
    columns = list(dict.fromkeys(column for _, column in outcomes))
    rows = sorted({row for row, _ in outcomes})
    width = max(map(len, rows))
    print(f"\n{title}\n{'':{width}}" + "".join(f"  {column:>17}" for column in columns))
    for row in rows:
        print(f"{row:{width}}" + "".join(f"  {share(outcomes.get((row, column), [])):>17}" for column in columns))


def share(outcomes: Sequence[bool]) -> str:
    """Return how many percent it is, with its standard error; of a share of 0 or 1, that of one outcome."""
    if not outcomes:
        return "-"
    n, p = len(outcomes), float(np.mean(outcomes))
    error = max(math.sqrt(p * (1 - p) / n), 1 / n)
    return f"{100 * p:.1f} ± {100 * error:.1f} %"


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=1000, help="experiments drawn (1000)")
    parser.add_argument("--samples", type=int, default=1000, help="test samples of each experiment (1000)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    hits = read_hits(asked.folder)
    if len(hits) < 2:
        parser.error(f"{asked.folder} has no two settings, folders with seed-<n>/hits.npy of the same seeds")
    population = Population(hits, asked.samples, np.random.default_rng(asked.seed))
    print(f"{population.seeds} stored seeds, {population.all_samples} stored samples; accuracies", end=" ")
    print(", ".join(f"{name} {of.mean():.4f}" for name, of in hits.items()))
    print(f"{asked.repeats} experiments with {asked.samples} test samples each")
    show(f"Something wrong is claimed by {ANALYSES[-1]} seeds", wrong_claims(population, asked.repeats))
    show("The 95 % interval covers the truth; something is decided, and wrongly", real_pairs(population, asked.repeats))
    print(f"\nin {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

"""Calibration of verdicts on scores alone, where the truth is known.

Usage: python tests/benchmarks/score_calibration.py [--repeats N] [--only WORD] [--jobs N] [--seed N]

Scores of two settings are drawn from designs, paired by seed and not: with equal means, and with means that are apart
by the ROPE, which is about the standard deviation between seeds. A claim counts as wrong if it is made
after 5, 10, 20, ... or 160 seeds, whichever; intervals are counted after 5, 10, 40 and 160, and the worst of these is
shown. The status is 1 if something found is above 5.5 % or below 93 % by more than three standard errors, or forecasts
are off by more than 15 %. Shares in brackets are not promised.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import attrs
import numpy as np
from modnet_verdicts.decisions import ANALYSES, decide
from modnet_verdicts.scores import ScoreDifference, find_rounding, find_unit
from modnet_verdicts.statistics import Variation

from modnet.types import Array

SEEDS = ANALYSES[-1]
COUNTED = (5, 10, 40, 160)
WRONG, COVERED, TOLERANCE, MISSED = 0.055, 0.93, 3.0, 0.15
FORECAST_EVERY = 20  # experiments
Noise = Callable[[np.random.Generator, int], Array]


def normal(rng: np.random.Generator, count: int) -> Array:
    """Return standard normal noise."""
    return rng.standard_normal(count)


def heavy(rng: np.random.Generator, count: int) -> Array:
    """Return noise by Student's t with three degrees of freedom, of variance 1."""
    return rng.standard_t(3, count) / np.sqrt(3)


def left_tail(rng: np.random.Generator, count: int) -> Array:
    """Return exponential noise with a tail to the left: most runs are good, a few far worse."""
    return 1 - rng.exponential(size=count)


def lognormal(rng: np.random.Generator, count: int) -> Array:
    """Return lognormal noise with a long tail to the left, of mean 0 and variance 1."""
    return (np.exp(0.5) - np.exp(rng.standard_normal(count))) / np.sqrt((np.e - 1) * np.e)


def collapsing(rng: np.random.Generator, count: int) -> Array:
    """Return normal noise, but for one run in twenty, which collapses."""
    return np.where(rng.random(count) < 0.05, -20.0, rng.standard_normal(count)) + 1.0


@attrs.frozen(kw_only=True)
class Design:
    """Two settings, each with its noise between seeds."""

    name: str
    first: Noise
    second: Noise
    scale: float = 1.0
    """The noise of the second setting is larger by this factor."""
    shared: float = 0.0
    """The standard deviation of what both settings have in common under a seed."""
    paired: bool = True
    apart: float = 1.0
    """The ROPE, in standard deviations of the first setting."""
    samples: int = 0
    """The scores are shares of so many samples, binomial ones; 0: of any size."""
    places: int = -1
    """The scores are rounded to so many decimals; -1: they are not."""
    blocks: int = 1
    """The number of data sets, each with scores of another size."""
    more: int = 1
    """The first setting has so many times as many runs."""
    shuffled: bool = False
    """The runs stand in another order at each analysis."""
    exempt: bool = False
    """Nothing is promised."""

    @property
    def unit(self) -> float:
        """The standard deviation of a score: that of an accuracy."""
        return 0.01

    def draw(self, rng: np.random.Generator, gap: float) -> list[tuple[Array, Array]]:
        """Return scores of both settings in each data set; the first has a mean that is higher by `gap`."""
        found = []
        for block in range(self.blocks):
            size = self.unit * 3**block
            common = self.shared * rng.standard_normal(SEEDS)
            one, other = (
                0.9 + size * (common[:count] if count == SEEDS else 0) + size * noise
                for noise, count in (
                    (self.first(rng, self.more * SEEDS), self.more * SEEDS),
                    (self.scale * self.second(rng, SEEDS), SEEDS),
                )
            )
            one = one + gap
            if self.samples:
                one, other = (rng.binomial(self.samples, np.clip(of, 0, 1)) / self.samples for of in (one, other))
            if self.places >= 0:
                one, other = (np.round(of, self.places) for of in (one, other))
            found.append((one, other))
        return found


def make_designs() -> list[Design]:
    """Return the designs: paired and not, with noise of all kinds, and scores in large steps."""
    both = [
        Design(name="normal", first=normal, second=normal),
        Design(name="normal, one three times as wide", first=normal, second=normal, scale=3, apart=3.0),
        Design(name="heavy tails", first=heavy, second=heavy),
        Design(name="skewed alike", first=left_tail, second=left_tail),
        Design(name="lognormal alike", first=lognormal, second=lognormal),
        Design(name="one skewed", first=normal, second=left_tail),
        Design(name="one lognormal", first=normal, second=lognormal),
        Design(name="one skewed, three times as wide", first=normal, second=left_tail, scale=3, apart=3.0, exempt=True),
        Design(name="collapses of one", first=normal, second=collapsing, exempt=True),
    ]
    return [
        *both,
        Design(name="normal, much in common", first=normal, second=normal, shared=3.0),
        Design(name="accuracies on 50 samples", first=normal, second=normal, samples=50),
        Design(name="accuracies on 2,000 samples", first=normal, second=normal, samples=2000, apart=0.5),
        Design(name="rounded to 0.01", first=normal, second=normal, places=2),
        Design(name="three data sets", first=normal, second=normal, blocks=3, apart=3.0),
        *(attrs.evolve(design, paired=False) for design in both),
        Design(name="four times as many runs of one", first=normal, second=left_tail, more=4, paired=False),
        Design(name="three data sets", first=normal, second=normal, blocks=3, apart=3.0, paired=False),
        Design(name="another order at each analysis", first=normal, second=normal, shuffled=True, exempt=True),
    ]


def count(design: Design, repeats: int, seed: int, index: int) -> dict[str, float]:
    """Return what is found in so many experiments: a share for each question."""
    wrongly, inside, said, came = {"better": 0, "equal": 0}, dict.fromkeys(COUNTED, 0), [], []
    rope = design.apart * design.unit
    for i in range(repeats):
        for gap in (0.0, rope):
            rng = np.random.default_rng([seed, index, i, int(gap > 0)])
            whole = create(design.draw(rng, gap), is_paired=design.paired)
            claims, forecasts = {}, {}
            for look in ANALYSES:
                seen = whole.first(look if len(whole) == SEEDS else None)
                if design.shuffled:
                    order = rng.permutation(look)
                    seen = attrs.evolve(seen, blocks=tuple((one[order], other[order]) for one, other in seen.blocks))
                with_forecasts = i % FORECAST_EVERY == 0
                scope = Variation.on_these_samples
                [decision] = decide([seen], scope, rope, vary=ScoreDifference.vary, forecasts=with_forecasts)
                claims[look] = decision.claim
                forecasts[look] = decision.forecast
                if gap and look in COUNTED:
                    low, high = seen.vary().on_these_samples().interval()
                    inside[look] += low <= gap <= high
            if gap:
                wrongly["equal"] += "equal" in claims.values()
            else:
                wrongly["better"] += "different" in claims.values()
            for forecast in forecasts.values():
                for later, probability in forecast.items():
                    said.append(probability)
                    came.append(claims[later] != "undecided")
    shares = {name: number / repeats for name, number in wrongly.items()}
    return {
        **shares,
        "difference": min(inside.values()) / repeats,
        "forecasts": len(said),
        "said": float(np.sum(said)),
        "came": float(np.sum(came)),
    }


def create(blocks: list[tuple[Array, Array]], *, is_paired: bool) -> ScoreDifference:
    """Return the difference of scores, as of a table."""
    unit = max(find_unit(np.concatenate(block)) for block in blocks) / len(blocks)
    rounding = find_rounding(np.concatenate([scores for block in blocks for scores in block]).tolist())
    return ScoreDifference(tuple(blocks), is_paired, unit, rounding)


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=1000, help="experiments of each design (1000)")
    parser.add_argument("--only", default="", metavar="WORD", help="only designs with this in their name")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    every = make_designs()
    chosen = [i for i, design in enumerate(every) if asked.only in design.name]
    designs = [every[i] for i in chosen]
    with ProcessPoolExecutor(asked.jobs) as executor:
        results = list(executor.map(count, designs, repeat(asked.repeats), repeat(asked.seed), chosen))
    errors = {bound: (bound * (1 - bound) / asked.repeats) ** 0.5 for bound in (WRONG, COVERED)}
    print("In percent; intervals at the worst number of seeds. In brackets: not promised.")
    print(f"The standard error of a share of 5 or 95 % is {100 * errors[WRONG]:.1f}.\n")
    print("| scores | seeds | wrongly better | wrongly equal | differences |")
    print("|---|---|---|---|---|")
    print("| *promised* |  | ≤ 5 | ≤ 5 | 95 |")
    broken = []
    for design, found in zip(designs, results, strict=True):
        cells = [f"{100 * found[name]:.1f}" for name in ("better", "equal", "difference")]
        pairing = "paired" if design.paired else "unpaired"
        shown = [f"({cell})" for cell in cells] if design.exempt else cells
        print(f"| {' | '.join([design.name, pairing, *shown])} |")
        high = max(found["better"], found["equal"]) > WRONG + TOLERANCE * errors[WRONG]
        if not design.exempt and (high or found["difference"] < COVERED - TOLERANCE * errors[COVERED]):
            broken.append(f"{design.name}, {pairing}: {', '.join(cells)}")
    said, came, number = (sum(found[name] for found in results) for name in ("said", "came", "forecasts"))
    print(f"\n{number:,} forecasts: {100 * said / number:.0f} % on average, {100 * came / number:.0f} % came true")
    if abs(said - came) > MISSED * number:
        broken.append("forecasts")
    print(f"{len(broken)} broken promises in {time.perf_counter() - start:.0f} s", *broken, sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()

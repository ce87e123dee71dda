"""Verdicts on derivatives, explained in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from modnet.testing.gradcheck.taylor import CORRECT, DECIDABLE, KINK, SURE, TOO_NOISY, WRONG, Judgement
from modnet.types import Array

NOT_DETERMINISTIC = "not deterministic"
NOTHING = "it is not confirmed: no step to both sides has finite values, smaller inputs and weights may have them"
VERDICTS = (NOT_DETERMINISTIC, WRONG, KINK, TOO_NOISY, CORRECT)  # from the worst to the best


@attrs.frozen(kw_only=True)
class Verdict:
    """The verdict on one derivative. Layers count from 1; units, samples and indices from 0, as NumPy counts.

    >>> print(Verdict(verdict="wrong", part="activation tanh", layer=1, unit=3, sample=0, size=0.03, explanation="why"))
    wrong: activation tanh, layer 1, unit 3, sample 0: why
    """

    verdict: str
    """One of VERDICTS: correct, wrong, kink, too noisy, not deterministic."""
    part: str
    layer: int | None = None
    label: str | None = None
    """The layer in words, in a network that has other layers than dense ones: "layer 3 (batch-norm)"."""
    unit: int | None = None
    sample: int | None = None
    parameter: str | None = None
    index: tuple[int, ...] | None = None
    size: float
    """The largest relative error; of a part that is not deterministic, the relative difference of its values."""
    explanation: str
    left_out: str | None = None
    """The small constant of the function that its derivative leaves out, where there is one: "eps"."""
    output: tuple[int, ...] | None = None
    """The index of the output, of a function with several."""
    given: float | None = None
    """The slope that is given, of one entry."""
    slope: float | None = None
    """The slope as differences give it."""
    step: float | None = None
    """The step of the difference that is the slope."""

    @property
    def is_failure(self) -> bool:
        """Return whether the derivative cannot be used."""
        return self.verdict in {WRONG, NOT_DETERMINISTIC}

    @property
    def place(self) -> str:
        """The place in the network, in words."""
        entry = f"{self.parameter}{list(self.index)}" if self.index else self.parameter
        output = None if self.output is None else list(self.output)
        numbers = (("unit", self.unit), ("sample", self.sample), ("output", output))
        places = [entry, self.layer_label, *(f"{word} {n}" for word, n in numbers if n is not None)]
        return ", ".join(filter(None, places))

    @property
    def layer_label(self) -> str:
        """The layer in words; "" where it is of none."""
        return self.label or ("" if self.layer is None else f"layer {self.layer}")

    def __str__(self) -> str:
        place = f", {self.place}" if self.place else ""
        return f"{self.verdict}: {self.part}{place}: {self.explanation}"


def conclude(
    judgement: Judgement,
    locate: Callable[[int], dict[str, Any]],
    batch: int = 0,
    among: Judgement | None = None,
    **fields: Any,
) -> Verdict:
    """Return the verdict on all of E slopes that belong to one part: that on the worst of them.

    `locate(i)` returns the fields with the place of the i-th; `batch` is the number of samples, which may be recognised
    as a factor that is missing; `among` are the slopes to count, where they are not these.
    """
    word, worst = find_gravest(judgement)
    error = np.where(np.isfinite(judgement.claimed), judgement.error, np.inf)
    explain = {WRONG: _explain_wrong, KINK: _explain_kink, TOO_NOISY: _explain_noise, CORRECT: _explain_correct}[word]
    text = explain(judgement, worst)
    if word == CORRECT:
        largest = float(np.abs(judgement.slope).max(initial=0.0))
        size = float(error.max(initial=0.0)) / largest if largest else 0.0
        word = TOO_NOISY if _measure_confirmation(judgement) > DECIDABLE and judgement.claimed.any() else CORRECT
        return Verdict(verdict=word, size=size, explanation=text, **fields)
    size = float(judgement.relative_error[worst]) if np.isfinite(error[worst]) else np.inf
    among = among or judgement
    common = _describe_common(among, batch) if word == WRONG else ""
    text += f"; {common}" if common else ""
    if len(among.verdict) > 1:
        text += f"; {word} are {int((among.verdict == word).sum()):,} of {len(among.verdict):,} slopes"
    return Verdict(verdict=word, size=size, explanation=text, **{**fields, **locate(worst)})


def find_gravest(judgement: Judgement) -> tuple[str, int]:
    """Return the gravest word of a judgement, and the number of the worst slope that it is the verdict on."""
    words = judgement.verdict
    word = next((w for w in (WRONG, KINK, TOO_NOISY) if (words == w).any()), CORRECT)
    error = np.where(np.isfinite(judgement.claimed), judgement.error, np.inf)
    worth = judgement.uncertainty if word == TOO_NOISY else error
    return word, int(np.where(words == word, worth, -1.0).argmax())


def _describe_common(judgement: Judgement, batch: int) -> str:
    """Return words on the common mistake of the wrong slopes, a sign or a factor; "" where there is none."""
    wrong = (judgement.verdict == WRONG) & np.isfinite(judgement.claimed)
    slope, claimed = judgement.slope[wrong], judgement.claimed[wrong]
    large = np.abs(slope) > 1e-3 * np.abs(slope).max(initial=0.0)
    if large.sum() < 2:
        return ""
    ratios = claimed[large] / slope[large]
    ratio = float(np.median(ratios))
    if np.abs(ratios - ratio).max() > 1e-3 * max(abs(ratio), 0.1) or abs(ratio - 1) < 1e-3:
        return ""
    factors = {0.0: "are 0", -1.0: "have the opposite sign"}
    if batch > 1:
        factors[float(batch)] = f"are {batch} times too large: not divided by the number of samples"
        factors[1 / batch] = f"are {batch} times too small: divided by the number of samples twice"
    named = (words for factor, words in factors.items() if abs(ratio - factor) <= 1e-3 * abs(factor))
    return f"all that are wrong {next(named, f'are {ratio:.6g} times what they should be')}"


def measure_difference(one: Array, other: Array) -> float:
    """Return the largest difference of two arrays of a shape, relative to the largest entry; 0 where they are equal."""
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    largest = float(np.nanmax(np.abs(one), initial=0.0))
    gap = float(np.nanmax(np.abs(one - other), initial=0.0)) / (largest or 1.0)
    return gap or float("inf")


def _measure_confirmation(judgement: Judgement) -> float:
    """Return the share of the largest slope to which differences confirm all slopes."""
    sure = float(SURE * judgement.uncertainty.max(initial=0.0))
    return sure / (float(np.abs([judgement.slope, judgement.claimed]).max(initial=0.0)) or 1)


def _explain_correct(judgement: Judgement, _: int) -> str:
    known = _measure_confirmation(judgement)
    if known > DECIDABLE:
        sure = float(SURE * (judgement.uncertainty / judgement.unit).max(initial=0.0))
        if not np.isfinite(sure):
            return NOTHING
        seen = f"see slopes above {sure:.0e} only"
        if not judgement.claimed.any():
            return f"it is 0 beside the values, as far as differences tell: they {seen}"
        largest = float(np.abs(judgement.claimed / judgement.unit).max())
        return f"it is not confirmed: differences {seen}, and the largest is {largest:.0e}: {advise(judgement.dtype)}"
    orders = judgement.order[np.isfinite(judgement.order)]
    most = 2 * len(orders) > len(judgement.order)
    order = (
        f"the remainder falls with order {np.median(orders):.1f}" if most else "the remainder is nothing but rounding"
    )
    return f"differences confirm it to {known:.0e}; {order}"


def _explain_wrong(judgement: Judgement, i: int) -> str:
    unit = judgement.unit[i]
    claimed, slope = judgement.claimed[i] / unit, judgement.slope[i] / unit
    if not np.isfinite(claimed):
        return f"it is {claimed}"
    if judgement.left[i] == judgement.left[i]:
        left, right = judgement.left[i] / unit, judgement.right[i] / unit
        return f"{claimed:.6g} is given at a kink from {left:.4g} to {right:.4g}: it is not between them"
    order = judgement.order[i]
    falls = f" with order {order:.1f}, not 2" if np.isfinite(order) else " no faster than the step"
    size = f"{judgement.relative_error[i]:.2g}".replace("e-0", "e-")
    return f"{claimed:.6g} is given, the slope is {slope:.6g} (relative error {size}); the remainder falls{falls}"


def _explain_kink(judgement: Judgement, i: int) -> str:
    if judgement.jump[i]:
        return f"the function jumps by {judgement.jump[i]:.3g} here: there is no derivative"
    slopes = (judgement.left, judgement.right, judgement.claimed)
    left, right, claimed = (x[i] / judgement.unit[i] + 0.0 for x in slopes)  # 0.0 for -0.0
    return f"the slope is {left:.4g} to the left, {right:.4g} to the right; {claimed:.4g} is given, not outside of them"


def _explain_noise(judgement: Judgement, i: int) -> str:
    slope, known = judgement.slope[i] / judgement.unit[i], SURE * judgement.uncertainty[i] / judgement.unit[i]
    if not np.isfinite(known):
        return NOTHING
    text = (
        f"values carry a noise of {judgement.noise[i]:.1e}, so that the slope {slope:.3g} is known to {known:.1g} only"
    )
    return f"{text}: {advise(judgement.dtype)}"


def advise(dtype: str) -> str:
    """Return what makes differences of the same function see more."""
    if dtype == "float32":
        return "check it in float64"
    return "check it with inputs, targets and weights of about 1"

"""Adversaries of interpolated differences: none fools them that promises nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from exact_differences import HAS_EIGHTY_BITS

# The same adversaries, in larger networks, are measured by tests/benchmarks/adversaries.py.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import adversaries

pytestmark = pytest.mark.skipif(not HAS_EIGHTY_BITS, reason="longdouble has no 80 bits on this machine")
ALL = list(adversaries.Adversaries(units=12, samples=30))
# These promise what is false, and only the checks for plugin authors find it.
FOUND_BY_THE_KIT_ALONE = {
    "a fused loss, change 1 % off",
    "a fused loss, change 1e-6 off",
    "an activation, change 1 % off",
    "bumps of width h/50: kinks = ()",
}


def of(*promises):
    return pytest.mark.parametrize("adversary", [a for a in ALL if a.promise in promises], ids=lambda a: a.name)


@of("none", "true")
def test_no_part_without_a_false_promise_fools_the_interpolation(adversary):
    found = adversaries.measure(adversary)
    assert not found.refused
    assert found.exact <= 1, found
    assert found.every <= 1, found


@of("false")
def test_a_false_promise_is_found_by_the_guard_or_by_the_kit(adversary):
    found = adversaries.measure(adversary)
    if adversary.name in FOUND_BY_THE_KIT_ALONE:
        assert adversaries.failed_checks(adversary)
    else:
        assert not found.refused
        assert max(found.exact, found.every) <= 1, found

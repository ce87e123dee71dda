"""Table of the broken parts caught, and of the odd ones that pass."""

from __future__ import annotations

import time
from collections import Counter

from modnet.host.kinds import KINDS, OBSERVER
from modnet.testing.kit import find_suite
from zoo import animals


def main() -> None:
    """Run the kit on every animal."""
    counts: Counter[tuple[str, str]] = Counter()
    missed = []
    for animal in animals():
        start = time.perf_counter()
        report = find_suite(animal.kind).run(animal.part, **animal.options)
        counts[animal.kind, "seconds"] += time.perf_counter() - start  # type: ignore[assignment]
        right = animal.check in {o.name for o in report.failed} if animal.check else report.passed
        counts[animal.kind, "broken" if animal.check else "odd"] += 1
        counts[animal.kind, "caught" if animal.check else "passed"] += right
        missed += [] if right else [str(animal)]
    print(f"{'kind':<12} {'checks':>6} {'broken':>6} {'caught':>6} {'odd':>6} {'passed':>6} {'seconds':>8}")
    for kind in [*KINDS, OBSERVER.name]:
        row = [counts[kind, column] for column in ("broken", "caught", "odd", "passed")]
        numbers = " ".join(f"{n:>6}" for n in [len(find_suite(kind).checks), *row])
        print(f"{kind:<12} {numbers} {counts[kind, 'seconds']:>8.1f}")
    print(f"missed, or false alarms: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()

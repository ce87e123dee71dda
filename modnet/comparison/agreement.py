"""The code and the libraries that made the runs of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from modnet.comparison.grid import Setting
from modnet.errors import DataError
from modnet.runs.receipt import Receipt
from modnet.runs.surroundings import LONGEST, Segment, shorten_digests
from modnet.text import format_count, list_some, printable

NOW = "now"


@attrs.frozen
class Mixture:
    """Code or a library that is not the same in all runs."""

    part: str
    what: str
    values: dict[str, tuple[str, ...]]
    """Its versions or digests, each with the names of its runs, and "now" where this process has it."""

    def __str__(self) -> str:
        values = [f"{shorten_digests(value)} {_format_runs(names)}" for value, names in self.values.items()]
        return f"{self.part} {printable(self.what, LONGEST)}: {list_some(values, 4)}"


def check_agreement(
    folder: Path, receipts: Mapping[Path, Receipt], settings: Iterable[Setting], *, is_more_to_come: bool
) -> None:
    """Raise DataError where runs were made by other code or libraries than others, or, if more come, than this one."""
    if not is_more_to_come and not find_mixtures(folder, receipts):
        return
    now = [Segment.create(setting.experiment) for setting in settings]
    if found := find_mixtures(folder, receipts, now):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise DataError(
            f"{folder}: not all runs are made by the same code and libraries: {found[0]}{more}\n"
            "compare them all the same with --accept (accept=True), choose another --out, or remove those that are "
            "not as now to repeat them"
        )


def find_mixtures(folder: Path, receipts: Mapping[Path, Receipt], now: Iterable[Segment] = ()) -> tuple[Mixture, ...]:
    """Return what the runs in a folder do not all have alike, of code and libraries; `now` are runs to come."""
    names = {run: run.relative_to(folder).as_posix() for run in receipts}
    named = [(names[run], segment) for run, receipt in receipts.items() for segment in receipt.segments]
    named += [(NOW, segment) for segment in now]
    libraries: dict[frozenset[str], dict[tuple[str, str], str]] = {}  # that runs with the same plugins may lack
    for _, segment in named:
        known = libraries.setdefault(segment.distributions, {})
        known.update(dict.fromkeys([("library", name) for name in segment.libraries], "none"))
    found: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for name, segment in named:
        for key, value in {**libraries[segment.distributions], **segment.entries}.items():
            found.setdefault(key, {}).setdefault(value, {})[name] = None
    return tuple(
        Mixture(*key, {value: tuple(names) for value, names in values.items()})
        for key, values in found.items()
        if len(values) > 1
    )


def _format_runs(names: Iterable[str]) -> str:
    runs = [name for name in names if name != NOW]
    where = f"in {format_count(len(runs), 'run')} ({list_some(runs, 3)})" if runs else ""
    return " and ".join(filter(None, [where, NOW if NOW in names else ""]))

"""The receipt of a run: its settings, its data, its surroundings and its results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.experiment import Experiment
from modnet.compose.settings import Settings, Table
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.errors import DataError, SettingError
from modnet.files import digest, write_atomically
from modnet.files.digests import hash_file
from modnet.files.opening import read_json
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import hash_params
from modnet.runs.surroundings import PARTS, Difference, Segment, compare_entries
from modnet.text import printable, quote
from modnet.types import Status

RECEIPT = "receipt.json"
FORMAT = 2
FILE = "SHA-256 of the file"


@attrs.frozen
class Results:
    """The results of a run, and the SHA-256 of each file in its folder."""

    status: Status
    iterations: int
    params_sha256: str
    files: dict[str, str]


@attrs.frozen(kw_only=True)
class Receipt:
    """The origins of a run, and, once it has ended, its results."""

    format: int = FORMAT
    settings: dict[str, Any]
    """Each entry of experiment.toml by its path: {"optimizer.lr": 0.1}."""
    data: dict[str, Any]
    segments: tuple[Segment, ...]
    """One for all iterations that were made in the same surroundings: the first starts at 0."""
    results: Results | None = None

    @classmethod
    def create(cls, experiment: Experiment, table: Table, data: Dataset) -> Receipt:
        """Return the receipt of a run that is about to begin; `table` is the experiment as it is written down."""
        path = experiment.data.path
        return cls(
            settings=_flatten(table),
            data={**data_fingerprint(data), **({FILE: digest(path)} if path and path.is_file() else {})},
            segments=(Segment.create(experiment),),
        )

    @classmethod
    def read(cls, folder: Path, *, of_older: bool = False) -> Receipt:
        """Return the receipt in a run's folder; raises DataError where there is none, or it cannot be read.

        So it does where an older modnet wrote it, unless `of_older` receipts will do. These knew the surroundings of
        the last process alone that trained the run: their one segment is of an iteration that nobody knows.
        """
        path = folder / RECEIPT
        if not path.exists():
            what = "made by an older modnet, or not a run" if folder.is_dir() else "no such folder"
            again = folder / "experiment.toml"
            advice = f": train it again, modnet train {shlex.quote(str(again))}" if again.is_file() else ""
            raise DataError(f"{folder}: there is no {RECEIPT}: {what}{advice}")
        try:
            table = read_json(path)
        except DataError as error:
            why = str(error).removeprefix(f"{path}: ")
            raise DataError(f"{path}: not a run's receipt, or damaged ({why})") from None
        if lacking := [key for key in ("sha256", "format") if key not in table]:
            raise DataError(f"{path}: not a run's receipt, or damaged ({lacking[0]!r} is missing)")
        if not isinstance(table["sha256"], str):
            raise DataError(f"{path}: not a run's receipt, or damaged ('sha256' is no digest)")
        if (known := table["format"]) == 1:
            if not of_older:
                raise DataError(
                    f"{path}: an older modnet wrote it, and did not keep by which code all of the run was made: "
                    f"train it again, modnet train {shlex.quote(f'{folder}/experiment.toml')}"
                )
            table = _from_format_1(table)
        elif known != FORMAT:
            raise DataError(f"{path}: of format {known!r:.40}, this modnet reads {FORMAT}: install a newer one")
        del table["sha256"]
        return _parse(table, path)

    def write(self, folder: Path) -> None:
        """Write it into a run's folder, with its own SHA-256."""
        table = attrs.asdict(self)
        text = json.dumps({**table, "sha256": _hash_table(table)}, indent=2)
        write_atomically(folder / RECEIPT, f"{text}\n".encode())

    @property
    def content(self) -> dict[str, Any]:
        """The fingerprint of the samples, in whatever file they stand."""
        return {key: value for key, value in self.data.items() if key != FILE}

    @property
    def latest(self) -> Segment:
        """The surroundings that the run had last."""
        return self.segments[-1]

    def until(self, iteration: int) -> Receipt:
        """Return the receipt of so many iterations, one at least: without the segments of those after them."""
        return attrs.evolve(self, segments=tuple(each for each in self.segments if each.start < iteration))

    def extend(self, now: Receipt, start: int) -> Receipt:
        """Return the receipt of the run resumed after `start` iterations in the surroundings of `now`."""
        here = attrs.evolve(now.latest, start=start)
        is_same = attrs.evolve(here, start=self.latest.start) == self.latest
        return attrs.evolve(now, data=self.data, segments=(*self.segments, *(() if is_same else (here,))))

    def with_results(self, run: ObservedRun, folder: Path, names: Sequence[str]) -> Receipt:
        """Return the receipt with the results of the run and the digests of these files in its folder."""
        files = {name: sha256((folder / name).read_bytes()).hexdigest() for name in names}  # which were just written
        results = Results(run.status, run.iteration, hash_params(run.params), files)
        failed = run.status is Status.FAILED  # maybe before its first iteration in the last surroundings
        return attrs.evolve(self.until(run.iteration) if failed else self, results=results)

    def find_changed_files(self, folder: Path, names: Collection[str] | None = None) -> list[Difference]:
        """Return the files, or those of some names, that were changed since the run ended; the receipt in any case."""
        found = []
        table = read_json(folder / RECEIPT)
        sealed, content = table.pop("sha256"), _hash_table(table)
        if content != sealed:
            found.append(Difference("file", RECEIPT, sealed, content))
        for name, then in self.results.files.items() if self.results else ():
            if names is not None and name not in names:
                continue
            path = folder / name
            now = hash_file(path) if path.is_file() else "missing"
            if now != then:
                found.append(Difference("file", name, then, now))
        return found

    def find_changed_settings(self, table: Table) -> list[Difference]:
        """Return what an experiment's table has otherwise."""
        return compare_entries("setting", self.settings, _flatten(table))

    def find_differences(self, now: Receipt) -> list[Difference]:
        """Return the differences of another receipt, in the order: data, setting, plugin, library, platform, observer.

        The data's file may have been written again; only what is read from it counts. Of another receipt the last
        segment counts.
        """
        data = compare_entries("data", self.data, now.data)
        if [difference.what for difference in data] == [FILE]:
            data = []
        found = [
            attrs.evolve(each, what=f"{period}{each.what}")
            for segment, period in zip(self.segments, self._format_periods(), strict=True)
            for each in segment.find_differences(now.latest)
        ]
        surroundings = sorted(found, key=lambda each: PARTS.index(each.part))
        return [*data, *compare_entries("setting", self.settings, now.settings), *surroundings]

    def _format_periods(self) -> list[str]:
        """Return the iterations of each segment in words, "" where there is one alone."""
        starts = [segment.start for segment in self.segments]
        until = [f"until iteration {starts[1]:,}, "] if starts[1:] else [""]
        between = [f"from iteration {a + 1:,} to {b:,}, " for a, b in pairwise(starts[1:])]
        return [*until, *between, *(f"from iteration {last + 1:,} on, " for last in starts[1:][-1:])]


def _from_format_1(table: Table) -> Table:
    """Return a receipt of format 1 as one of this format."""
    rest = {key: value for key, value in table.items() if key not in {"plugins", "libraries", "platform"}}
    surroundings = {key: table[key] for key in ("plugins", "libraries", "platform") if key in table}
    return {**rest, "segments": [{"start": 0, "observers": [], **surroundings}]}


_READER = Settings()


def _parse(table: Table, path: Path) -> Receipt:
    """Return a receipt; raises DataError where it is damaged."""
    try:
        if isinstance(known := table.get("segments"), list):
            table = {**table, "segments": _read_segments(json.dumps(known))}
        receipt = _READER.read(table, Receipt)
    except SettingError as error:
        why = printable(error.mistakes[0], 200)
        raise DataError(f"{path}: not a run's receipt, or damaged ({why})") from None
    starts = [segment.start for segment in receipt.segments]
    if starts[:1] != [0] or sorted(set(starts)) != starts:
        raise DataError(f"{path}: not a run's receipt, or damaged (its segments start at {starts!r:.40})")
    if odd := [name for name in (receipt.results.files if receipt.results else ()) if Path(name).name != name]:
        raise DataError(f"{path}: damaged, {quote(odd[0])} is no file of a run")
    return receipt


@lru_cache(maxsize=64)
def _read_segments(text: str) -> tuple[Segment, ...]:
    """Return the segments in a receipt; the runs of a comparison mostly have the same."""
    return tuple(_READER.read(each, Segment) for each in json.loads(text))


def _flatten(value: Any, path: str = "") -> Table:
    """Return nested tables and lists as one table of paths.

    >>> _flatten({"network": {"hidden": [50], "loss": {"name": "cross-entropy"}}})
    {'network.hidden.1': 50, 'network.loss.name': 'cross-entropy'}
    """
    if isinstance(value, dict) and value:
        items: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list) and value:
        items = list(enumerate(value, start=1))
    else:
        plain = isinstance(value, (str, int, list, dict)) or (isinstance(value, float) and abs(value) < float("inf"))
        return {path: value if plain else str(value)}  # JSON has neither infinities nor dates
    flat: Table = {}
    for key, item in items:
        flat |= _flatten(item, f"{path}.{key}" if path else str(key))
    return flat


def _hash_table(table: Mapping[str, Any]) -> str:
    return sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()

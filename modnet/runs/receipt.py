"""The receipt of a run: its settings, its data, its surroundings and its results."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.defaults import MAIN_JOB
from modnet.compose.experiment import Experiment
from modnet.compose.parts import make_settings_reader
from modnet.compose.plugins import get_host
from modnet.compose.settings import Settings
from modnet.compose.tables import Table
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.errors import DataError, SettingError
from modnet.files import digest, write_atomically
from modnet.files.cache import hash_file
from modnet.files.opening import read_json
from modnet.host.signatures import find_settings
from modnet.interfaces import ObservedRun, is_same_name
from modnet.nn.checkpoint import hash_params
from modnet.runs.surroundings import Difference, Segment, compare_entries
from modnet.text import printable, quote, quote_argument
from modnet.types import Status

RECEIPT = "receipt.json"
FORMAT = 3
READABLE = (2, FORMAT)
FILE = "SHA-256 of the file"
# The beginnings of the settings that may change at any time, and until a run has come to its end.
PLACE = ("data.path.",)
CHANGEABLE = (*PLACE, "training.iterations.", "plugins.")


@attrs.frozen
class Results:
    """The results of a run, and the SHA-256 of each file in its folder."""

    status: Status
    iterations: int
    params_sha256: str
    files: dict[str, str]
    stop_reason: str = ""


@attrs.frozen(kw_only=True)
class Receipt:
    """The origins of a run, and, once it has ended, its results."""

    format: int = FORMAT
    settings: dict[str, Any]  # each entry of experiment.toml by its path: {"optimizer.lr": 0.1}
    data: dict[str, Any]
    segments: tuple[Segment, ...]
    """One for all iterations that were made in the same surroundings: the first starts at 0."""
    results: Results | None = None

    @classmethod
    def create(cls, experiment: Experiment, table: Table, data: Dataset) -> Receipt:
        """Return the receipt of a run that is about to begin; `table` is the experiment as it is written down."""
        path = experiment.data.path
        return cls(
            settings=flatten(table),
            data={**data_fingerprint(data), **({FILE: digest(path)} if path and path.is_file() else {})},
            segments=(Segment.create(experiment),),
        )

    @classmethod
    def read(cls, folder: Path, remedy: str = "") -> Receipt:
        """Return the receipt in a run's folder; raises DataError where there is none, or it cannot be read.

        The remedy is to train the run again, if no other is given.
        """
        path = folder / RECEIPT
        again = remedy or f"train it again, modnet train {quote_argument(f'{folder}/experiment.toml')}"
        if not path.exists():
            what = "made by an older modnet, or not a run" if folder.is_dir() else "no such folder"
            advice = f": {again}" if (folder / "experiment.toml").is_file() else ""
            raise DataError(f"{folder}: there is no {RECEIPT}: {what}{advice}")
        try:
            table = read_json(path)
            if (found := table.get("format", FORMAT)) in READABLE:
                return _parse(table)
        except (DataError, SettingError) as error:
            what = error.mistakes[0] if isinstance(error, SettingError) else str(error).removeprefix(f"{path}: ")
            why = f"not a run's receipt, or damaged ({printable(what, 200)})"
            raise DataError(f"{path}: {why}: restore it from a copy, or {again}") from None
        advice = again if found == 1 else "install a newer one"
        raise DataError(f"{path}: of format {found!r:.40}, this modnet reads {FORMAT}: {advice}")

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
    def identity(self) -> dict[str, Any]:
        """The settings that a resumed run must share, but those of the data, which is compared itself."""
        return {key: value for key, value in self.settings.items() if not f"{key}.".startswith((*CHANGEABLE, "data."))}

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
        results = Results(run.status, run.iteration, hash_params(run.params), files, run.stop_reason)
        failed = run.status is Status.FAILED  # maybe before its first iteration in the last surroundings
        return attrs.evolve(self.until(run.iteration) if failed else self, results=results)

    def find_changed_files(self, folder: Path, names: Collection[str] | None = None) -> list[Difference]:
        """Return the files, or those of some names, that were changed since the run ended; the receipt in any case."""
        table = read_json(folder / RECEIPT)
        pairs = [(RECEIPT, table.pop("sha256"), _hash_table(table))]
        for name, then in self.results.files.items() if self.results else ():
            if names is None or name in names:
                path = folder / name
                pairs.append((name, then, hash_file(path) if path.is_file() else "missing"))
        return [Difference("file", name, then, now) for name, then, now in pairs if then != now]


_READER = Settings()


def _parse(table: Table) -> Receipt:
    """Return a receipt; raises SettingError where it is damaged."""
    if "format" not in table or not isinstance(table.pop("sha256", None), str):
        raise SettingError(["'sha256' is no digest" if "format" in table else "'format' is missing"])
    receipt = _READER.read(table, Receipt)
    starts = [segment.start for segment in receipt.segments]
    if starts[:1] != [0] or sorted(set(starts)) != starts:
        raise SettingError([f"its segments start at {starts!r:.40}"])
    if odd := [name for name in (receipt.results.files if receipt.results else ()) if Path(name).name != name]:
        raise SettingError([f"{quote(odd[0])} is no file of a run"])
    return receipt


def compare_settings(
    then: Table, now: Table, changeable: tuple[str, ...] = (), part: str = "setting"
) -> list[Difference]:
    """Return the settings that differ in two tables, nested or flat, but those that begin as some that may change.

    A part's name may be qualified, or of an older modnet. A setting that one table lacks, as it did not exist when that
    was written, has its default.

    >>> found = compare_settings({"seed": 1, "loss": {"eps": 0.1}}, {"seed": 2, "loss": {"eps": 0.2}}, ("seed.",))
    >>> [str(difference) for difference in found]
    ['setting loss.eps: 0.1 then, 0.2 now']
    """
    before, after = flatten(then), flatten(now)
    if before.keys() != after.keys():
        defaults = _find_defaults({**before, **after})
        for side, other in ((before, after), (after, before)):
            lacking = {key: value for key, value in other.items() if key in defaults.keys() - side.keys()}
            side |= {key: value if value == defaults[key] else defaults[key] for key, value in lacking.items()}
    found = compare_entries(part, before, after)
    found = [e for e in found if not f"{e.what}.".startswith(changeable)]
    return [e for e in found if e.what.split(".")[-1] != "name" or not get_host().registry.are_same(e.then, e.now)]


def _find_defaults(settings: Table) -> Table:
    """Return the defaults of training, and of the parts that these settings name, by their paths."""
    found, writer = flatten(MAIN_JOB["training"], "training"), make_settings_reader()
    components = get_host().registry.components()
    for key, name in settings.items():
        place, _, last = key.rpartition(".")
        named = [c for c in components if is_same_name(str(name), c.name) or name == c.qualified_name]
        for component in named if last == "name" else ():
            for setting, each in find_settings(component.cls).items():
                with suppress(SettingError):  # the built-in part comes first
                    found = {**flatten(writer.write(each.default), f"{place}.{setting}"), **found}
    return found


def flatten(value: Any, path: str = "") -> Table:
    """Return nested tables and lists as one table of paths.

    >>> flatten({"network": {"hidden": [50], "loss": {"name": "cross-entropy"}}})
    {'network.hidden.1': 50, 'network.loss.name': 'cross-entropy'}
    """
    if not isinstance(value, (dict, list)) or not value:
        plain = isinstance(value, (str, int, list, dict)) or (isinstance(value, float) and math.isfinite(value))
        return {path: value if plain else str(value)}  # JSON has neither infinities nor dates
    flat: Table = {}
    for key, item in value.items() if isinstance(value, dict) else enumerate(value, start=1):
        flat |= flatten(item, f"{path}.{key}" if path else str(key))
    return flat


def _hash_table(table: Mapping[str, Any]) -> str:
    return sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()

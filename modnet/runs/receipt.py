"""The receipt of a run: its origins, its results, and what has changed since."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.experiment import Experiment, find_parts
from modnet.compose.parts import find_name
from modnet.compose.plugins import get_host
from modnet.compose.settings import Settings, Table
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import code_fingerprint, data_fingerprint
from modnet.errors import DataError, ModnetError, PluginError, SettingError
from modnet.files import digest, write_atomically
from modnet.files.opening import read_json, read_plain
from modnet.host.entry_points import DISTRIBUTION
from modnet.host.registry import BUILT_IN
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import hash_params
from modnet.runs.environment import describe_machine, list_libraries
from modnet.text import printable, quote
from modnet.types import Status

RECEIPT = "receipt.json"
FORMAT = 1
FILE = "SHA-256 of the file"
CORE = "core"
# In the order in which differences are named: each may be the cause of those after it.
PARTS = ("file", "data", "setting", "plugin", "library", "platform")


@attrs.frozen
class Origin:
    """The origin of a part of an experiment: its distribution and its code."""

    kind: str
    """A kind of part, or "core": modnet itself."""
    name: str
    distribution: str
    version: str
    package: str
    code_sha256: str


@attrs.frozen
class Results:
    """The results of a run, and the SHA-256 of each file in its folder."""

    status: Status
    iterations: int
    params_sha256: str
    files: dict[str, str]


@attrs.frozen
class Difference:
    """An entry of a receipt that has changed, with both values."""

    part: str
    """One of PARTS."""
    what: str
    then: str = ""
    now: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.format()}"

    def format(self) -> str:
        """Return the difference without the part's name; digests are shortened."""
        if self.then == self.now:  # a mistake in words
            return self.what
        then, now = (re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1...", text) for text in (self.then, self.now))
        return f"{self.what}: {then or 'none'} then, {now or 'none'} now"


@attrs.frozen(kw_only=True)
class Receipt:
    """The origins of a run, and, once it has ended, its results."""

    format: int = FORMAT
    settings: dict[str, Any]
    """Each entry of experiment.toml by its path: {"optimizer.lr": 0.1}."""
    data: dict[str, Any]
    plugins: tuple[Origin, ...]
    libraries: dict[str, str]
    platform: dict[str, str]
    results: Results | None = None

    @classmethod
    def create(cls, experiment: Experiment, table: Table, data: Dataset) -> Receipt:
        """Return the receipt of a run that is about to begin; `table` is the experiment as it is written down."""
        path = experiment.data.path
        origins = _find_origins(experiment)
        third_parties = {origin.distribution: origin.package for origin in origins if origin.distribution != BUILT_IN}
        return cls(
            settings=_flatten(table),
            data={**data_fingerprint(data), **({FILE: digest(path)} if path and path.is_file() else {})},
            plugins=origins,
            libraries=list_libraries(third_parties),
            platform=describe_machine(),
        )

    @classmethod
    def read(cls, folder: Path) -> Receipt:
        """Return the receipt in a run's folder; raises DataError where there is none, or it cannot be read."""
        path = folder / RECEIPT
        if not path.exists():
            what = "made by an older modnet, or not a run" if folder.is_dir() else "no such folder"
            raise DataError(f"{folder}: there is no {RECEIPT}: {what}")
        try:
            table = read_json(path)
        except DataError as error:
            why = str(error).removeprefix(f"{path}: ")
            raise DataError(f"{path}: not a run's receipt, or damaged ({why})") from None
        if lacking := [key for key in ("sha256", "format") if key not in table]:
            raise DataError(f"{path}: not a run's receipt, or damaged ({lacking[0]!r} is missing)")
        if (known := table["format"]) != FORMAT:
            raise DataError(f"{path}: of format {known!r:.40}, this modnet reads {FORMAT}: install a newer one")
        del table["sha256"]
        try:
            receipt = Settings().read(table, cls)
        except SettingError as error:
            why = printable(error.mistakes[0], 200)
            raise DataError(f"{path}: not a run's receipt, or damaged ({why})") from None
        if odd := [name for name in (receipt.results.files if receipt.results else ()) if Path(name).name != name]:
            raise DataError(f"{path}: damaged, {quote(odd[0])} is no file of a run")
        return receipt

    def write(self, folder: Path) -> None:
        """Write it into a run's folder, with its own SHA-256."""
        table = attrs.asdict(self)
        text = json.dumps({**table, "sha256": _hash_table(table)}, indent=2)
        write_atomically(folder / RECEIPT, f"{text}\n".encode())

    def with_results(self, run: ObservedRun, folder: Path, names: Sequence[str]) -> Receipt:
        """Return the receipt with the results of the run and the digests of these files in its folder."""
        files = {name: sha256((folder / name).read_bytes()).hexdigest() for name in names}
        return attrs.evolve(self, results=Results(run.status, run.iteration, hash_params(run.params), files))

    @property
    def content(self) -> dict[str, Any]:
        """The fingerprint of the samples, in whatever file they stand."""
        return {key: value for key, value in self.data.items() if key != FILE}

    def find_changed_files(self, folder: Path) -> list[Difference]:
        """Return the files that were changed since the run ended, the receipt itself included."""
        found = []
        table = read_json(folder / RECEIPT)
        sealed, content = table.pop("sha256"), _hash_table(table)
        if content != sealed:
            found.append(Difference("file", RECEIPT, sealed, content))
        for name, then in self.results.files.items() if self.results else ():
            path = folder / name
            now = sha256(read_plain(path)).hexdigest() if path.is_file() else "missing"
            if now != then:
                found.append(Difference("file", name, then, now))
        return found

    def find_differences(self, now: Receipt) -> list[Difference]:
        """Return the differences of another receipt, in the order: data, setting, plugin, library, platform.

        The data's file may have been written again; only what is read from it counts.
        """
        data = _compare("data", self.data, now.data)
        if [difference.what for difference in data] == [FILE]:
            data = []
        return [
            *data,
            *_compare("setting", self.settings, now.settings),
            *_compare_plugins(self.plugins, now.plugins),
            *_compare("library", self.libraries, now.libraries),
            *_compare("platform", self.platform, now.platform),
        ]


@contextmanager
def name_missing_plugins(experiment: Path | None) -> Iterator[None]:
    """Replace an error inside the block by a PluginError that names the missing plugins, and what to install.

    They are known where the receipt of a run stands beside the experiment file.
    """
    try:
        yield
    except ModnetError:
        with suppress(DataError):
            origins = Receipt.read(experiment.parent).plugins if experiment else ()
            if lines := [line for origin in origins if (line := _advise(origin))]:
                raise PluginError("\n".join(lines)) from None
        raise


def _advise(origin: Origin) -> str:
    """Return how to get the plugin of a part that is not registered, or "" for one that is."""
    host = get_host()
    bare = origin.name.rpartition(":")[2]
    owners = {c.owner for c in host.registry.components() if (c.kind, c.name) == (origin.kind, bare)}
    if origin.kind == CORE or origin.distribution in owners or (owners and origin.name == bare):
        return ""
    reports = [report for report in host.plugins if report.distribution == origin.distribution]
    whose = f"the {origin.kind} {origin.name!r} comes from {origin.distribution} {origin.version}".rstrip()
    if unusable := next((report for report in reports if not report.works), None):
        return f"{whose}, which is {unusable.state}{': ' * bool(unusable.reason)}{unusable.reason}"
    if not origin.version:
        return f"{whose}, a module that was not installed as a plugin: load it with -p {origin.distribution}"
    distribution = DISTRIBUTION if origin.distribution == BUILT_IN else origin.distribution
    install = f"pip install {distribution}=={origin.version}"
    if reports:
        return f"{whose}; installed is {reports[0].version}, which has none of that name: {install}"
    return f"{whose}, which is not installed: {install}"


def _find_origins(experiment: Experiment) -> tuple[Origin, ...]:
    """Return the origins of modnet and of each part of an experiment, sorted by kind and name."""
    host = get_host()
    versions = {(report.distribution, report.name): report.version for report in host.plugins}
    core = next((version for (distribution, _), version in versions.items() if distribution == BUILT_IN), "")
    found = {Origin(CORE, BUILT_IN, BUILT_IN, core, *code_fingerprint(__name__))}
    for part in find_parts(experiment):
        if c := host.registry.component_of(part):
            version, code = versions.get((c.owner, c.plugin), ""), code_fingerprint(type(part).__module__)
            found.add(Origin(c.kind, find_name(part), c.owner, version, *code))
    return tuple(sorted(found, key=attrs.astuple))


def _compare_plugins(then: tuple[Origin, ...], now: tuple[Origin, ...]) -> list[Difference]:
    """Return the parts with another origin; added and removed parts are differences of the settings."""
    here = {(origin.kind, origin.name): origin for origin in now}
    found: dict[Difference, None] = {}
    for old in then:
        new = here.get((old.kind, old.name), old)
        if old.distribution != new.distribution:
            whose = [f"{origin.distribution} {origin.version}".rstrip() for origin in (old, new)]
            found[Difference("plugin", f"{old.kind} {old.name}", *whose)] = None
        elif old.version != new.version:
            found[Difference("plugin", old.distribution, old.version, new.version)] = None
        elif old.code_sha256 != new.code_sha256:
            what = f"{old.distribution} {old.version}, the code of {old.package}"
            found[Difference("plugin", what, old.code_sha256, new.code_sha256)] = None
    return list(found)


def _compare(part: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    pairs = [(key, *(json.dumps(side[key]) if key in side else "" for side in (then, now))) for key in {**then, **now}]
    return [Difference(part, key, old.strip('"'), new.strip('"')) for key, old, new in pairs if old != new]


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

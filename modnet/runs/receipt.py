"""A run's receipt: all that its numbers came from, and what they were; and what is another by now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.experiment import Experiment
from modnet.compose.parts import find_name
from modnet.compose.plugins import get_host
from modnet.compose.settings import Settings, Table, get_settings
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import code_fingerprint, data_fingerprint
from modnet.errors import DataError, ModnetError, PluginError, SettingError
from modnet.files import digest, write_atomically
from modnet.host.entry_points import BUILT_IN, DISTRIBUTION
from modnet.interfaces import ObservedRun, Part
from modnet.nn.checkpoint import params_sha256
from modnet.runs.environment import libraries, machine
from modnet.types import Status

RECEIPT = "receipt.json"
FORMAT = 1
FILE = "SHA-256 of the file"
CORE = "core"
# In the order in which a difference is looked for: what comes first decides what comes after it.
PARTS = ("file", "data", "setting", "plugin", "library", "platform")


@attrs.frozen
class Origin:
    """Where a part of an experiment came from: its distribution, and the code that it is."""

    kind: str
    """A kind of part, or "core": modnet itself."""
    name: str
    distribution: str
    version: str
    package: str
    code_sha256: str


@attrs.frozen
class Results:
    """What came of a run, and the SHA-256 of each file that it left."""

    status: Status
    iterations: int
    params_sha256: str
    files: dict[str, str]


@attrs.frozen
class Difference:
    """Something that is not as it was: of which part of the receipt, what, and both values."""

    part: str
    """One of PARTS."""
    what: str
    then: str = ""
    now: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.in_words()}"

    def in_words(self) -> str:
        """Return it without the part's name; digests are shortened."""
        if self.then == self.now:  # a mistake in words, which has no two values
            return self.what
        then, now = (re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1...", text) for text in (self.then, self.now))
        return f"{self.what}: {then or 'none'} then, {now or 'none'} now"


@attrs.frozen(kw_only=True)
class Receipt:
    """What a run came from, and, once it has ended, what came of it."""

    format: int = FORMAT
    settings: dict[str, Any]
    """Each entry of experiment.toml by its path: {"optimizer.lr": 0.1}."""
    data: dict[str, Any]
    plugins: tuple[Origin, ...]
    libraries: dict[str, str]
    platform: dict[str, str]
    results: Results | None = None

    @classmethod
    def of(cls, experiment: Experiment, table: Table, data: Dataset) -> Receipt:
        """Return the receipt of a run that is about to begin; `table` is the experiment as it is written down."""
        path = experiment.data.path
        origins = _origins(experiment)
        strangers = {origin.distribution for origin in origins} - {BUILT_IN}
        return cls(
            settings=_flat(table),
            data={**data_fingerprint(data), **({FILE: digest(path)} if path and path.is_file() else {})},
            plugins=origins,
            libraries=libraries(experiment.training.blas_threads, strangers),
            platform=machine(),
        )

    @classmethod
    def read(cls, folder: Path) -> Receipt:
        """Return the receipt in a run's folder; raises DataError where there is none, or it cannot be read."""
        path = folder / RECEIPT
        try:
            table = json.loads(path.read_bytes())
            table.pop("sha256")
            known = table["format"] == FORMAT
        except FileNotFoundError:
            what = "made by an older modnet, or not a run" if folder.is_dir() else "no such folder"
            raise DataError(f"{folder}: there is no {RECEIPT}: {what}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a run's receipt, or damaged ({error})") from None
        if not known:
            raise DataError(f"{path}: of format {table['format']}, this modnet reads {FORMAT}: take a newer modnet")
        try:
            return Settings().read(table, cls)
        except SettingError as error:
            raise DataError(f"{path}: not a run's receipt, or damaged ({error.mistakes[0]})") from None

    def write(self, folder: Path) -> None:
        """Write it into a run's folder, with its own SHA-256."""
        table = attrs.asdict(self)
        text = json.dumps({**table, "sha256": _sha256(table)}, indent=2)
        write_atomically(folder / RECEIPT, f"{text}\n".encode())

    def with_results(self, run: ObservedRun, folder: Path, names: Sequence[str]) -> Receipt:
        """Return it with what came of the run, and the files of these names in its folder."""
        files = {name: _file_sha256(folder / name) for name in names}
        return attrs.evolve(self, results=Results(run.status, run.iteration, params_sha256(run.params), files))

    @property
    def content(self) -> dict[str, Any]:
        """The fingerprint of the samples, in whatever file they stand."""
        return {key: value for key, value in self.data.items() if key != FILE}

    def changed_files(self, folder: Path) -> list[Difference]:
        """Return what is not as the run left it: its files, and the receipt itself."""
        found = []
        table = json.loads((folder / RECEIPT).read_bytes())
        sealed, content = table.pop("sha256"), _sha256(table)
        if content != sealed:
            found.append(Difference("file", RECEIPT, sealed, content))
        for name, then in self.results.files.items() if self.results else ():
            now = _file_sha256(folder / name) if (folder / name).is_file() else "missing"
            if now != then:
                found.append(Difference("file", name, then, now))
        return found

    def differences(self, now: Receipt) -> list[Difference]:
        """Return what is another now than it was for this run, in the order: data, setting, plugin, library, platform.

        The data's file may have been written anew; what counts is what was read from it.
        """
        data = _differences("data", self.data, now.data)
        if [difference.what for difference in data] == [FILE]:
            data = []
        return [
            *data,
            *_differences("setting", self.settings, now.settings),
            *_other_plugins(self.plugins, now.plugins),
            *_differences("library", self.libraries, now.libraries),
            *_differences("platform", self.platform, now.platform),
        ]


@contextmanager
def naming_plugins(experiment: Path | None) -> Iterator[None]:
    """Where reading an experiment file fails inside the block for want of a plugin, say which one.

    That is known where a run's receipt stands beside it. Raises PluginError then: what to install, a line a part.
    """
    try:
        yield
    except ModnetError:
        with suppress(DataError):
            origins = Receipt.read(experiment.parent).plugins if experiment else ()
            if lines := [line for origin in origins if (line := _wanted(origin))]:
                raise PluginError("\n".join(lines)) from None
        raise


def _wanted(origin: Origin) -> str:
    """Return what to do about a part that is not registered, or nothing where it is."""
    host = get_host()
    bare = origin.name.rpartition(":")[2]
    owners = {c.owner for c in host.registry.components() if (c.kind, c.name) == (origin.kind, bare)}
    if origin.kind == CORE or origin.distribution in owners or (owners and origin.name == bare):
        return ""
    reports = [report for report in host.reports if report.distribution == origin.distribution]
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


def _origins(experiment: Experiment) -> tuple[Origin, ...]:
    """Return where modnet and each part of an experiment come from, sorted by kind and name."""
    host = get_host()
    versions = {(report.distribution, report.name): report.version for report in host.reports}
    core = next((version for (distribution, _), version in versions.items() if distribution == BUILT_IN), "")
    found = {Origin(CORE, BUILT_IN, BUILT_IN, core, *code_fingerprint(__name__))}
    for part in parts_of(experiment):
        if c := host.registry.component_of(part):
            version, code = versions.get((c.owner, c.plugin), ""), code_fingerprint(type(part).__module__)
            found.add(Origin(c.kind, find_name(part), c.owner, version, *code))
    return tuple(sorted(found, key=attrs.astuple))


def parts_of(value: Any) -> Iterator[Any]:
    """Yield the parts among an object's fields, and theirs."""
    is_part = isinstance(value, Part)
    if is_part:
        yield value
    if is_part or attrs.has(type(value)):
        value = get_settings(value)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    for item in inner:
        yield from parts_of(item)


def _other_plugins(then: tuple[Origin, ...], now: tuple[Origin, ...]) -> list[Difference]:
    """Return where a part that was there then is another now; which parts there are is said by the settings."""
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


def _differences(part: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    pairs = [(key, *(json.dumps(side[key]) if key in side else "" for side in (then, now))) for key in {**then, **now}]
    return [Difference(part, key, old.strip('"'), new.strip('"')) for key, old, new in pairs if old != new]


def _flat(value: Any, path: str = "") -> Table:
    """Return nested tables and lists as one table of paths.

    >>> _flat({"network": {"hidden": [50], "loss": {"name": "cross-entropy"}}})
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
        flat |= _flat(item, f"{path}.{key}" if path else str(key))
    return flat


def _sha256(table: Mapping[str, Any]) -> str:
    return sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()

"""The surroundings of a run: its code, its libraries, its machine."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Container, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np
from threadpoolctl import ThreadpoolController

from modnet.compose.experiment import Experiment, find_parts
from modnet.compose.parts import OWN, find_name, make_part
from modnet.compose.plugins import get_host
from modnet.errors import ModnetError
from modnet.files.code import code_fingerprint, hash_class, list_code_files
from modnet.host.entry_points import DISTRIBUTION, Plugin
from modnet.host.modules import find_folder, find_imported, read_code
from modnet.host.registry import BUILT_IN
from modnet.interfaces import is_same_name
from modnet.nn.arrays import NUMPY, describe_arrays
from modnet.text import printable

CORE, OBSERVER = "core", "observer"
# In the order in which differences are named: each may be the cause of those after it.
PARTS = ("file", "data", "setting", "plugin", "library", "platform", "observer")
# The code and the libraries that all of a run, and all runs of a comparison, are to have alike.
STOPPING = ("plugin", "library")
LONGEST = 1000  # characters of an entry that are shown
# Those that every run uses; what plugins use besides is found from them, not from what happens to be imported.
LIBRARIES = ("numpy", "array-api-compat")
ARRAYS = "arrays"  # the entry of their library and device, where it is not NumPy
INSTRUCTIONS = "instructions"  # the entry with names by NumPy, which calls them otherwise in other versions

# By its name and whether it was named, the fingerprint of a module, and its specification as it was then.
_fingerprints: dict[tuple[str, bool], tuple[ModuleSpec | None, tuple[str, str]]] = {}


@attrs.frozen
class Origin:
    """The origin of a part of an experiment, or of an observer: its distribution and its code."""

    kind: str  # a kind of part, "core" for modnet itself, or "observer"
    name: str
    distribution: str
    version: str
    package: str
    code_sha256: str
    file: str = attrs.field(default="", eq=False)  # of a module that was named


@attrs.frozen
class Difference:
    """An entry of a receipt, or something in a run's folder, that is not what it was, with both values."""

    part: str  # one of PARTS, or the name of the file
    what: str
    then: str = ""
    now: str = ""

    def __str__(self) -> str:
        return f"{self.part}{'' if self.part in PARTS else ':'} {self.format()}"

    @property
    def stops(self) -> bool:
        """True where it must be accepted before anything is trained or compared; other data never are."""
        return self.part in {"data", *STOPPING}

    def format(self) -> str:
        """Return the difference without the part's name; digests are shortened."""
        what = printable(self.what, LONGEST)
        if self.then == self.now:  # a mistake in words
            return what
        then, now = shorten_digests(self.then), shorten_digests(self.now)
        return f"{what}: {then or 'none'} then, {now or 'none'} now"


@attrs.frozen
class Segment:
    """The surroundings that a run had from one of its iterations on."""

    start: int  # the iterations that had been made before
    plugins: tuple[Origin, ...]  # the origins of modnet and of each part, by kind and name
    observers: tuple[Origin, ...]
    """The origins of the plugins that followed it, in the order of their calls."""
    libraries: dict[str, str]
    platform: dict[str, str]

    @classmethod
    def create(cls, experiment: Experiment) -> Segment:
        """Return the surroundings of this process for an experiment."""
        named = experiment.plugins.modules
        plugins = _find_origins(experiment, named)
        third_parties = {o.package: o.distribution * bool(o.version) for o in plugins if o.distribution != BUILT_IN}
        observers = [_describe_plugin(OBSERVER, p.name, p, p.module, named) for p in get_host().list_followers()]
        wanted = experiment.network
        machine = describe_machine()
        if arrays := describe_arrays(wanted.array or NUMPY.name, wanted.device):
            machine[ARRAYS] = arrays
        return cls(0, plugins, tuple(observers), list_libraries(third_parties, experiment.network.array), machine)

    @property
    def distributions(self) -> frozenset[str]:
        """The distributions of the plugins, and what the arrays are where they are not NumPy's."""
        return frozenset([*(origin.distribution for origin in self.plugins), self.platform.get(ARRAYS, "")])

    @cached_property
    def entries(self) -> dict[tuple[str, str], str]:
        """All of it by part and name: {("plugin", "modnet-x, the code of modnet_x"): "1.0 (DIGEST)"}."""
        return {
            **{("plugin", f"{o.kind} {o.name}"): f"{o.distribution} ({o.package})" for o in self.plugins},
            **{("plugin", f"{o.distribution}, the code of {o.package}"): _format_version(o) for o in self.plugins},
            **{("library", name): version for name, version in self.libraries.items()},
            **{("platform", name): value for name, value in self.platform.items()},
            **{("observer", f"{o.distribution}:{o.name}"): _format_version(o) for o in self.observers},
        }

    def find_differences(self, now: Segment) -> list[Difference]:
        """Return what differs in others, in the order of PARTS.

        Parts that one lacks are a difference of settings; other versions of NumPy have other names of instructions.
        """
        now = attrs.evolve(now, plugins=tuple(map(self._find_as_then, now.plugins)))
        has_same_names = self.libraries.get("numpy") == now.libraries.get("numpy")
        found = []
        for part, what in {**self.entries, **now.entries}:
            values = [side.entries.get((part, what), "") for side in (self, now)]
            is_comparable = has_same_names if what == INSTRUCTIONS else part != "plugin" or all(values)
            if values[0] != values[1] and is_comparable:
                found.append(Difference(part, what, *values))
        return found

    def _find_as_then(self, now: Origin) -> Origin:
        """Return the origin that the same code had while it was installed, of a module that is named now; or `now`."""
        same = (o for o in self.plugins if now.file and o.version and (o.kind, o.package) == (now.kind, now.package))
        same = (o for o in same if o.code_sha256 == _find_code(now.package)[1] and is_same_name(o.name, now.name))
        return next(same, now)


def shorten_digests(text: str) -> str:
    """Return a text from a receipt for a message, with the first letters of each SHA-256 alone."""
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1...", printable(text, LONGEST))


def compare_entries(part: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return the entries of two tables that differ: a number and the same number with a point are two."""
    found = []
    for key in {**then, **now}:
        pair = [json.dumps(side[key]) if key in side else "" for side in (then, now)]
        if pair[0] != pair[1]:
            plain = [text.strip('"') for text in pair]
            found.append(Difference(part, key, *(plain if plain[0] != plain[1] else pair)))
    return found


def _find_origins(experiment: Experiment, named: Container[str]) -> tuple[Origin, ...]:
    """Return the origins of modnet and of each part of an experiment, sorted by kind and name."""
    host = get_host()
    plugins = {(plugin.distribution, plugin.name): plugin for plugin in host.plugins}
    core = next((plugin.version for plugin in host.plugins if plugin.built_in), "")
    found = {Origin(CORE, BUILT_IN, BUILT_IN, core, *_find_code(__name__))}
    own = [make_part("metric", name) for names in OWN.values() for name in names]  # whichever its task
    for part in (*find_parts(experiment), *own):
        if c := host.registry.component_of(part):
            module, what = type(part).__module__, (c.kind, find_name(part))
            if plugin := plugins.get((c.owner, c.plugin)):
                found.add(_describe_plugin(*what, plugin, module, named))
            else:  # a script holds more than the class, and a notebook has no file
                code = (module, hash_class(type(part))) if module == "__main__" else _find_code(module)
                found.add(Origin(*what, c.owner, "", *code))
    return tuple(sorted(found, key=attrs.astuple))


def _format_version(origin: Origin) -> str:
    return " ".join(filter(None, [origin.version, origin.code_sha256 and f"({origin.code_sha256})"])) or "unknown"


def _describe_plugin(kind: str, name: str, plugin: Plugin, module: str, named: Container[str]) -> Origin:
    """Return the origin of what a plugin provides, whose code is in a module of it.

    Where the experiment names the plugin's module, it is that module, whether it is installed as a plugin or not.
    """
    if plugin.value and plugin.module not in named:
        return Origin(kind, name, plugin.distribution, plugin.version, *_find_code(module))
    code, name = find_imported(plugin.module), plugin.module if kind == OBSERVER else name
    digest = code.digest if code else _find_code(plugin.module, plugin)[1]
    return Origin(kind, name, plugin.module, "", plugin.module, digest, str(Path(plugin.file).absolute()))


def _read_named(plugin: Plugin) -> tuple[str, str]:
    """Return the fingerprint of a module that Python found, and of what it imports from its folder and distribution."""
    beside: set[str] = set()
    with suppress(Exception):  # of metadata that are missing or damaged
        beside |= {str(file) for file in metadata.files(plugin.distribution) or ()}
    with suppress(ModnetError):
        if folder := find_folder(plugin.module):
            return plugin.module, read_code(plugin.module, folder, beside, is_to_be_imported=False).digest
    return code_fingerprint(plugin.module)


def _find_code(module: str, plugin: Plugin | None = None) -> tuple[str, str]:
    """Return the fingerprint of the code of a module, or of a named plugin, as it was loaded: files may change."""
    loaded = getattr(sys.modules.get(module), "__spec__", None)  # another one, once loaded again
    spec, found = _fingerprints.get((module, plugin is not None), (None, ("", "")))
    if spec is None or spec is not loaded:
        found = _read_named(plugin) if plugin else code_fingerprint(module)
        _fingerprints[module, plugin is not None] = loaded, found
    return found


def list_libraries(plugins: Mapping[str, str], array: str | None = None) -> dict[str, str]:
    """Return the versions of Python, of NumPy and its BLAS, and of what plugins require or import.

    `plugins` are the packages of third-party plugins, each with its distribution, or "" for a module that is not
    installed as one. The version of the BLAS includes the kernels that it has chosen for the processor. SciPy's own
    BLAS goes by SciPy's version.
    """
    found = {"python": f"{platform.python_version()} ({platform.python_implementation()})", "BLAS": _describe_blas()}
    used = {*LIBRARIES, *filter(None, [array]), *(name for item in plugins.items() for name in _find_used(*item))}
    own = {"modnet", DISTRIBUTION, *(distribution or package for package, distribution in plugins.items())}
    for name in sorted(used - own):
        with suppress(metadata.PackageNotFoundError, ValueError):  # of which the latter is of no name
            found[name] = metadata.version(name) or "unknown"
    return found


def _find_used(package: str, distribution: str) -> set[str]:
    """Return the names of what the code of a package imports, and its distribution requires but for its extras."""
    files = list_code_files(Path(getattr(sys.modules.get(package), "__file__", None) or ""))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.suffix == ".py"]
    found = {name for text in texts for name in re.findall(r"(?m)^\s*(?:import|from)\s+(\w+)", text)}
    with suppress(metadata.PackageNotFoundError, ValueError):
        required = [line.strip() for line in metadata.requires(distribution) or () if "extra ==" not in line]
        found |= {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in required}
    return found


def describe_machine() -> dict[str, str]:
    """Return the processor, the instructions of it that NumPy uses, and the system with its mathematical library."""
    simd = _read_numpy_config("SIMD Extensions")
    versions = *platform.libc_ver(), platform.mac_ver()[0], platform.win32_ver()[1]
    cpu = platform.processor()
    with suppress(OSError):  # Python does not know its name on Linux
        named = re.search(r"(?m)^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        cpu = " ".join(named[1].split()) if named else cpu
    return {
        "machine": platform.machine(),
        "CPU": cpu,
        INSTRUCTIONS: " ".join(sorted([*simd.get("baseline", ()), *simd.get("found", ())])),
        "system": " ".join([platform.system(), *filter(None, versions)]),
    }


def _describe_blas() -> str:
    """Return the BLAS that NumPy calls; processes have others beside it, as SciPy's, once these are imported."""
    every = [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]
    wheel = Path(np.__file__).resolve().parent.with_suffix(".libs")  # an environment may be a link
    # Outside of a wheel it is the first one loaded: whatever brings another BLAS imports NumPy before it.
    chosen = [library for library in every if wheel in Path(library.filepath).parents] or every[:1]
    found = set()
    for pool in (library.info() for library in chosen):
        kernels = f"{pool.get('architecture')}, {pool.get('threading_layer')}"
        found.add(f"{pool['internal_api']} {pool.get('version')} ({kernels})")
    # A BLAS without a number of threads to set, as Apple's, is known by the build of NumPy.
    return "; ".join(sorted(found)) or str(_read_numpy_config("Build Dependencies").get("blas", {}).get("name", ""))


def _read_numpy_config(section: str) -> dict[str, Any]:
    config = cast("dict[str, Any]", np.show_config(mode="dicts"))
    return config.get(section) or {}

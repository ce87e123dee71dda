"""Package metadata of installed plugins."""

from __future__ import annotations

import functools
import operator
import re
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from modnet.errors import PluginError, Problem
from modnet.files.code import list_code_files
from modnet.host.modules import Code, find_file
from modnet.host.registry import BUILT_IN, Component
from modnet.text import quote_argument

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from packaging.requirements import Requirement

ENTRY_POINTS = "modnet"
DISTRIBUTION = "modnet-workbench"
"""The name that pip knows modnet by: on the public index, `modnet` is another project's."""
EVERY_OTHER = "*"  # disables every installed plugin that is not built in
UNKNOWN = "unknown"

LOADED, READY, NOT_ASKED, DISABLED, BROKEN = "loaded", "ready", "not asked", "disabled", "broken"


@attrs.define(eq=False)
class Plugin:
    """A plugin: its entry point, a function that loads it, and its state."""

    name: str
    distribution: str
    version: str
    module: str
    load: Callable[[], object]
    value: str = ""  # the value of its entry point, `module` or `module:object`; "" where it has none
    unmet: Problem | None = None  # another version of modnet that its metadata require
    state: str = NOT_ASKED
    problem: Problem | None = None  # the reason why it is broken, and what to do
    components: tuple[Component, ...] = ()  # the parts that it provides
    follows: tuple[str, ...] = ()  # the lifecycle hooks by which it follows runs
    find: Callable[[bool], Code] | None = None  # finds the code of a module that was named
    changes: tuple[str, ...] = ()  # what of the process its import changes, in a few words each

    @property
    def key(self) -> str:
        """A name that cannot clash, `distribution:name`."""
        return f"{self.distribution}:{self.name}"

    @property
    def package(self) -> str:
        """The outermost package, or the module, that its code is in."""
        return self.module.partition(".")[0]

    @property
    def built_in(self) -> bool:
        """True for the plugins that come with modnet."""
        return self.distribution == BUILT_IN

    @property
    def names(self) -> set[str]:
        """The names that disable it."""
        others = {EVERY_OTHER} if self.value and not self.built_in else set()
        return {self.name, self.distribution, self.key, self.module} | others

    @property
    def file(self) -> str:
        """The file of its module; nothing where there is none."""
        return find_file(self.module)

    @property
    def first_line(self) -> str:
        """The first line of its file, as a problem's `where`."""
        return f"{self.file}:1" if self.file else ""

    @property
    def reason(self) -> str:
        """Its problem in a line; nothing where it has none."""
        return str(self.problem or "")

    def update(
        self,
        state: str,
        problem: Problem | None = None,
        components: Iterable[Component] = (),
        follows: Iterable[str] = (),
        changes: Iterable[str] = (),
    ) -> None:
        """Enter a state, with all that belongs to it."""
        self.problem = problem
        self.components, self.follows, self.changes = tuple(components), tuple(follows), tuple(changes)
        self.state = state  # last, as other threads look at it first

    def raise_if_broken(self) -> None:
        """Raise PluginError with its problem, if it has one."""
        if self.problem:
            raise PluginError(f"plugin {self.name}: {self.problem.why}", self.problem.remedy, self.problem.where)


def find_installed() -> list[Plugin]:
    """Return the plugins of all installed distributions; warns of metadata that cannot be read."""
    import importlib.metadata  # a tenth of what `import modnet` would take

    found: dict[tuple[str, str, str], Plugin] = {}
    for distribution in importlib.metadata.distributions():
        try:
            points = distribution.entry_points.select(group=ENTRY_POINTS)
        except Exception as error:
            place = distribution.locate_file("")
            what = f"the entry points of a distribution in {place} cannot be read, install it again: {error}"
            warnings.warn(what, stacklevel=2)
            continue
        # It may be met twice on sys.path: its metadata beside an editable install, say.
        known = {plugin.distribution for plugin in found.values()} - {UNKNOWN}
        for plugin in _read_plugins(distribution, points) if points else ():
            if plugin.distribution not in known:
                found.setdefault((plugin.distribution, plugin.name, plugin.value), plugin)
    return list(found.values())


def _read_plugins(distribution: Distribution, points: Iterable[EntryPoint]) -> list[Plugin]:
    # The name and version are missing where an uninstallation stopped half-way.
    about: Any = {}
    with suppress(Exception):
        about = distribution.metadata
    name, version = (" ".join(str(about.get(key) or "").split()) for key in ("Name", "Version"))
    name = name or UNKNOWN
    if name == BUILT_IN:  # another distribution of that name: none of its parts may pass for a built-in
        return []
    name = BUILT_IN if name == DISTRIBUTION else name
    unmet = _find_unmet(name, about) if about and name != BUILT_IN else None
    return [create_plugin(point, name, version, unmet) for point in points]


def create_plugin(point: EntryPoint, distribution: str, version: str, unmet: Problem | None = None) -> Plugin:
    """Return the plugin of an entry point."""
    module = point.value.partition(":")[0].strip()
    return Plugin(point.name, distribution, version, module, point.load, point.value, unmet)


def _find_unmet(distribution: str, about: Any) -> Problem | None:
    """Return which other version of modnet a distribution's metadata require, and what to do; or None."""
    required = [each.specifier for each in find_requirements(about.get_all("Requires-Dist") or ())]
    if not any(required):
        return None
    from importlib.metadata import version

    needed, here = functools.reduce(operator.and_, required), version(DISTRIBUTION)
    if needed.contains(here, prereleases=True):
        return None
    why = f"it requires {BUILT_IN}{needed}, this is {BUILT_IN} {here}"
    fitting = quote_argument(f"{DISTRIBUTION}{needed}")
    return Problem(why, f"pip install {fitting}, or another version of {distribution}")


def make_plugin(name: str, find: Callable[[bool], Code] | None = None) -> Plugin:
    """Return the plugin in a module that is not installed as one, by default imported as Python finds it."""
    find = find or (lambda _: Code(name))
    return Plugin(name, name, "", name, lambda: find(False).load(), find=find)


def split_names(without: Iterable[str]) -> list[str]:
    """Return the names of plugins to leave out, each of which may be several joined by commas.

    >>> split_names(["cube, diary", "", "*"])
    ['cube', 'diary', '*']
    """
    return [name.strip() for names in without for name in names.split(",") if name.strip()]


def list_code(module: str) -> list[tuple[str, int, int]]:
    """Return path, size and time of each file of code in the outermost package of a module, or of the module."""
    file = Path(find_file(module.partition(".")[0]) or find_file(module))
    status = [(path, path.stat()) for path in list_code_files(file)]
    return [(str(path), found.st_size, found.st_mtime_ns) for path, found in status]


def find_requirements(texts: Iterable[str]) -> list[Requirement]:
    """Return what is required of modnet, also by its first name; what cannot be read requires nothing."""
    ours = [text for text in texts if re.match(r"modnet([-_.]+workbench)?(?![\w.-])", text, re.IGNORECASE)]
    if not ours:
        return []
    from packaging.requirements import InvalidRequirement, Requirement  # few plugins say which versions

    found: list[Requirement] = []
    for text in ours:
        with suppress(InvalidRequirement):
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate():
                found.append(requirement)
    return found

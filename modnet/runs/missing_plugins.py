"""Advice on plugins that a run needs and this installation lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modnet.compose.plugins import get_host
from modnet.errors import DataError, ModnetError, PluginError
from modnet.host.approval import name_module
from modnet.host.entry_points import BROKEN, DISTRIBUTION, LOADED, READY, Plugin
from modnet.host.kinds import KINDS
from modnet.host.modules import is_module_name, locate
from modnet.host.registry import BUILT_IN, SESSION
from modnet.runs.receipt import Receipt
from modnet.runs.surroundings import OBSERVER, Origin
from modnet.text import printable, quote, quote_argument

# Nothing else is advised to be installed: anybody may have written the receipt, and its advice goes into a shell.
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?==[0-9][A-Za-z0-9.!+_-]{0,98}")
_LONGEST = 100  # characters of a name or a version that are shown


@contextmanager
def name_missing_plugins(experiment: Path | None, kinds: Container[str] = KINDS) -> Iterator[None]:
    """Replace an error inside the block by a PluginError that names the missing plugins, and what to install.

    They are known where the receipt of a run stands beside the experiment file; only parts of `kinds` count. Otherwise
    the modules are named that could not be imported.
    """
    try:
        yield
    except ModnetError as error:
        if lines := _advise_on(_find_origins(experiment, kinds)):
            raise PluginError(lines) from None
        if reasons := [plugin.reason for plugin in get_host().list_in(BROKEN) if not plugin.value]:
            raise PluginError("\n".join([str(error), *reasons])) from None
        raise


def check_modules(experiment: Path, kinds: Container[str]) -> None:
    """Raise PluginError where a part comes from a module that was left out: no other of its name is taken instead."""
    left_out = {plugin.distribution for plugin in get_host().list_in(BROKEN) if not plugin.value}
    if left_out and (lines := _advise_on(o for o in _find_origins(experiment, kinds) if o.distribution in left_out)):
        raise PluginError(lines)


def make_finder(experiment: Path | None) -> Callable[[str], Plugin]:
    """Return how a module is found that an experiment file names; the receipt of a run beside it knows where it was."""
    origins = _find_origins(experiment, {*KINDS, OBSERVER})
    then = {origin.distribution: (origin.file, origin.code_sha256) for origin in origins if origin.file}
    return lambda module: name_module(module, experiment, then=then.get(module, ("", "")))


def _find_origins(experiment: Path | None, kinds: Container[str]) -> list[Origin]:
    """Return the origins of parts of some kinds; none where no receipt stands beside the experiment file."""
    with suppress(DataError):
        latest = Receipt.read(experiment.parent).latest if experiment else None
        return [o for o in (*latest.plugins, *latest.observers) if o.kind in kinds] if latest else []
    return []


def _advise_on(origins: Iterable[Origin]) -> str:
    """Return how to get the plugins of the parts that are not registered, in a line for each plugin; "" without any."""
    parts: dict[str, list[str]] = {}
    for origin in origins:
        if whence := _advise(origin):
            parts.setdefault(whence, []).append(f"the {printable(origin.kind, _LONGEST)} {quote(origin.name)}")
    return "\n".join(f"{', '.join(p)} come{'s' * (len(p) == 1)} from {whence}" for whence, p in parts.items())


def _advise(origin: Origin) -> str:
    """Return where a part comes from that is not registered, and how to get it, or "" for one that is."""
    host = get_host()
    whose = printable(f"{origin.distribution} {origin.version}".rstrip(), _LONGEST)
    reports = [report for report in host.plugins if report.distribution == origin.distribution]
    unusable = next((report for report in reports if report.state not in {LOADED, READY}), None)
    if unusable and not unusable.value:  # a module
        return f"{whose}: {unusable.reason or unusable.state}"
    bare = origin.name.rpartition(":")[2]
    owners = {c.owner for c in host.registry.components() if (c.kind, c.name) == (origin.kind, bare)}
    if origin.distribution in owners or (owners and origin.name == bare):
        return ""
    if unusable:
        return f"{whose}, which is {unusable.state}{': ' * bool(unusable.reason)}{unusable.reason}"
    if origin.distribution == SESSION:
        return "a program that registered it: do so before, by modnet.register, or make a plugin of it"
    if not origin.version:
        name, folders = origin.distribution, Path(origin.file).parents
        file = next((file for folder in folders[: name.count(".") + 2] if (file := locate(name, folder))), name)
        how = f": load it with -p {quote_argument(str(file))}" if is_module_name(name) else ""
        return f"{whose}, a module that was not installed as a plugin{how if how.isprintable() else ''}"
    other = f"; installed is {reports[0].version}, which has none of that name" if reports else ""
    wanted = f"{DISTRIBUTION if origin.distribution == BUILT_IN else origin.distribution}=={origin.version}"
    how = f": pip install {wanted}" if _PLAIN.fullmatch(wanted) else ""
    return f"{whose}{other or ', which is not installed'}{how}"

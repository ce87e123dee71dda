"""Which data source a file is for, by its suffix and content; never guessed where several would read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modnet.errors import DataError
from modnet.files import head_of
from modnet.host.registry import Component, Registry
from modnet.interfaces import DataSource

HEAD = 512


def recognise(path: Path, registry: Registry) -> str:
    """Return the name of the one source that recognises a file; raises DataError where none or several do.

    A file that a built-in recognises, or what the program itself registered, is no newcomer's.
    """
    if not path.exists():
        sources = registry.usable("data-source")
        names = ", ".join(registry.name_for(source) for source in sources if not source.cls.reads_files)
        raise DataError(f"{path}: no such file, and no data set of that name; there is: {names}")
    head = head_of(path, HEAD)
    for sources in _in_turn(registry):
        readers = [source for source in sources if source.cls.reads_files]
        if found := [registry.name_for(source) for source in readers if _recognises(source, path, head)]:
            break
    if len(found) == 1:
        return found[0]
    problem = f"{' and '.join(found)} all recognise it" if found else "no source recognises it"
    names = ", ".join(found or [registry.name_for(source) for source in readers])
    raise DataError(f"{path}: {problem}; name its source, one of: {names}")


def recognise_target(path: Path, registry: Registry) -> str:
    """Return the name of the one source that writes files named as this one, or fills this folder.

    Raises DataError where none or several do; what is in a file that is there already does not count.
    """
    for sources in _in_turn(registry):
        writers = [source for source in sources if source.cls.write is not DataSource.write]
        if found := [source for source in writers if _recognises(source, path, b"")]:
            break
    if len(found) == 1:
        return registry.name_for(found[0])
    names = [registry.name_for(source) for source in found or writers]
    if found:
        raise DataError(f"{path}: {' and '.join(names)} all write such files; name one by --to")
    suffixes = ", ".join(dict.fromkeys(suffix for source in writers for suffix in source.cls.suffixes))
    raise DataError(
        f"{path}: no source writes such files; known are {suffixes}; or name one by --to: {', '.join(names)}"
    )


def _in_turn(registry: Registry) -> Iterator[list[Component]]:
    """Yield the sources that are at hand, then all: no newcomer changes what is done with a file that was known."""
    yield registry.at_hand("data-source")
    yield registry.usable("data-source")


def _recognises(source: Component, path: Path, head: bytes) -> bool:
    """Ask a source; one that fails over a file that is not its own keeps nobody from reading it."""
    try:
        return bool(source.cls.recognises(path, head))
    except Exception:
        return False

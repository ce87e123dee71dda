"""Which data source a file is for, by its suffix and content; never guessed where several would read it."""

from __future__ import annotations

from pathlib import Path

from modnet.errors import DataError
from modnet.files import head_of
from modnet.registry import Component, Registry

HEAD = 512


def recognise(path: Path, registry: Registry) -> str:
    """Return the name of the one source that recognises a file; raises DataError where none or several do."""
    sources = registry.components("data-source")
    if not path.exists():
        names = ", ".join(registry.name_for(source) for source in sources if not source.cls.reads_files)
        raise DataError(f"{path}: no such file, and no data set of that name; there is: {names}")
    head = head_of(path, HEAD)
    readers = [source for source in sources if source.cls.reads_files]
    found = [registry.name_for(source) for source in readers if _recognises(source, path, head)]
    if len(found) == 1:
        return found[0]
    problem = f"{' and '.join(found)} all recognise it" if found else "no source recognises it"
    names = ", ".join(found or [registry.name_for(source) for source in readers])
    raise DataError(f"{path}: {problem}; name its source, one of: {names}")


def _recognises(source: Component, path: Path, head: bytes) -> bool:
    """Ask a source; one that fails over a file that is not its own keeps nobody from reading it."""
    try:
        return bool(source.cls.recognises(path, head))
    except Exception:
        return False

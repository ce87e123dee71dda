"""Which data source a file is for, by its suffix and content; never guessed where several would read it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from contextlib import suppress
from pathlib import Path

from modnet.errors import DataError
from modnet.registry import Component, Registry

HEAD = 512
_OPENERS = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ": lzma.LZMAFile}


def recognise(path: Path, registry: Registry) -> str:
    """Return the name of the one source that recognises a file; raises DataError where none or several do."""
    sources = registry.components("data-source")
    if not path.exists():
        names = ", ".join(registry.name_for(source) for source in sources if not source.cls.reads_files)
        raise DataError(f"{path}: no such file, and no data set of that name; there is: {names}")
    head = _head(path)
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


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, those inside if it is compressed, none of a folder."""
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            with suppress(OSError, EOFError, lzma.LZMAError), opener(path) as inside:
                return bytes(inside.read(HEAD))
    return head

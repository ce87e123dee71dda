"""A file that is yet to come: what its content must be, and what has come of it, kept beside it."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import attrs

from modnet.errors import DataError, MissingExtraError
from modnet.files import CHUNK, opened, reading, telling, write_atomically


@attrs.frozen
class PartFile:
    """A file by its path, and by the SHA-256 and the size of its content, unpacked if it comes compressed."""

    path: Path
    sha256: str
    size: int

    @property
    def part(self) -> Path:
        """Where what has come is."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def note(self) -> Path:
        """Where it says from where."""
        return self.path.with_name(f"{self.path.name}.part.json")

    @property
    def most(self) -> int:
        """More bytes than any compression makes of the content."""
        return self.size + self.size // 100 + 4096

    def origin(self) -> tuple[str, str]:
        """Return the URL that the part came from, and the server's mark of that very file; "" where there is none."""
        with suppress(OSError, ValueError):
            known = json.loads(self.note.read_bytes())
            if isinstance(known, list) and len(known) == 2 and self.part.is_file():
                return str(known[0]), str(known[1])
        return "", ""

    def begin(self, url: str, mark: str) -> None:
        """Forget what has come, and note from where the next bytes come, if the server gives a mark."""
        self.discard()
        if mark:
            write_atomically(self.note, json.dumps([url, mark]).encode())

    def discard(self) -> None:
        """Forget what has come."""
        self.note.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)

    def finish(self) -> None:
        """Have the part, which is right, take its place."""
        with self.part.open("rb+") as file:
            os.fsync(file.fileno())
        self.note.unlink(missing_ok=True)
        self.part.replace(self.path)

    def is_there(self) -> bool:
        """Say whether the file is there, and right."""
        return self._is_right(self.path)

    def is_complete(self) -> bool:
        """Say whether all of it has come, and right."""
        return self._is_right(self.part)

    def found(self) -> str:
        """Return the SHA-256 of what has come, or what is wrong with it in words."""
        return _content(self.part, self.size)

    def _is_right(self, path: Path) -> bool:
        return path.is_file() and _content(path, self.size) == self.sha256


def _content(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's content, unpacked; in words where it is longer, or cannot be unpacked."""
    found, left = hashlib.sha256(), size + 1
    try:
        with telling(lambda *_: None), reading(path), opened(path) as file:  # what is told is the download
            while left and (piece := file.read(min(CHUNK, left))):
                found.update(piece)
                left -= len(piece)
    except (DataError, MissingExtraError):
        with reading(path), path.open("rb") as file:
            return f"a damaged file with SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
    return found.hexdigest() if left else f"more than its {size:,} bytes"

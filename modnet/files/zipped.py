"""ZIP archives of one file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from modnet.errors import DataError
from modnet.text import list_some, printable

ZIP = b"PK\x03\x04"
HEADER = 30  # bytes before the name of the first member: PKWARE's APPNOTE.TXT, 4.3.7
MOST_NAMES = 4
UNSEEN = ("__MACOSX/", ".DS_Store", "Thumbs.db")  # the beginnings of names that programs add to an archive


def is_zip(head: bytes) -> bool:
    """Say whether a file begins as a ZIP archive does that holds no arrays of NumPy's (an .npz file)."""
    return head.startswith(ZIP) and not first_name(head).endswith(b".npy")


def first_name(head: bytes) -> bytes:
    """Return the name of the first file in an archive, by the first bytes of it."""
    return head[HEADER : HEADER + int.from_bytes(head[26:28], "little")]


@contextmanager
def open_zip(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Open the one file in an archive for reading, not extracted; raises DataError where there are none or several."""
    with zipfile.ZipFile(file) as archive, archive.open(find_member(archive, path)) as member:
        yield member


@contextmanager
def create_zip(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Create an archive of one file, to be written; the same content is the same archive."""
    info = zipfile.ZipInfo(name)  # of 1980
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive, archive.open(info, "w", force_zip64=True) as member:
        yield member


def find_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """Return the one file in an archive; raises DataError where there are none or several."""
    infos = [info for info in archive.infolist() if not info.is_dir() and not _is_unseen(info.filename)]
    names = [printable(info.filename, 40) for info in infos]
    if "[Content_Types].xml" in names:
        raise DataError(f"{path}: an Excel workbook or another Office document: save it as CSV", path=path)
    if len(infos) != 1:
        found = f"{len(infos)} files ({list_some(names, MOST_NAMES)})" if infos else "no file"
        raise DataError(f"{path}: a ZIP archive of {found}, expected one: unpack it", path=path)
    if infos[0].flag_bits & 1:
        raise DataError(f"{path}: an encrypted ZIP archive: unpack it", path=path)
    return infos[0]


def _is_unseen(name: str) -> bool:
    return name.startswith(UNSEEN) or name.rpartition("/")[2].startswith(UNSEEN)

"""Formats of files, by content and name: each has one built-in source."""

from __future__ import annotations

import re
from pathlib import Path

from modnet import DataError
from modnet.files import first_name, member_name, uncompressed_name
from modnet_data.names import NAMES

ARROW_SUFFIXES = (".arrow", ".feather")
SUFFIXES = {
    "csv": (".csv", ".tsv", ".txt", ".data"),
    "npy": (".npy",),
    "npz": (".npz",),
    "parquet": (".parquet", ".pq", *ARROW_SUFFIXES),
    "pickle": (".pkl", ".pickle", ".p"),
}
IDX_NAME = re.compile(r"[-.]idx\d-ubyte$")
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def format_of(path: Path, head: bytes) -> str | None:
    """Return the name of the source that reads the file at `path`, whose first bytes are `head`, or None.

    What the content says goes before what the name says. A folder, whose head is empty, is of the kind of files that
    are in it, if those are IDX or .npy files, but not both.

    >>> format_of(Path("iris.csv"), b"a,b,species"), format_of(Path("x"), b"a,b,species")
    ('csv', None)
    """
    name = uncompressed_name(path)
    return _by_content(head) or _by_name(name) or _by_member(path) or (None if head else _by_files(path))


def _by_content(head: bytes) -> str | None:
    if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:  # as no UTF-8 text begins
        return "pickle"
    if head.startswith(b"PK\x03\x04") and first_name(head).endswith(b".npy"):
        return "npz"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith((b"PAR1", b"ARROW1\0\0")):
        return "parquet"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 4:
        return "idx"
    return None


def _by_name(name: str) -> str | None:
    if IDX_NAME.search(name):
        return "idx"
    return next((source for source, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)


def _by_member(path: Path) -> str | None:
    """Return the source by the name of the one file in a ZIP archive."""
    if path.suffix.lower() != ".zip":
        return None
    try:
        return _by_name(member_name(path).lower())
    except (OSError, DataError):
        return None


def _by_files(folder: Path) -> str | None:
    try:
        names = [uncompressed_name(file) for file in folder.iterdir()]
    except (OSError, ValueError):
        return None
    idx = any(IDX_NAME.search(name) for name in names)
    npy = any(name.endswith(".npy") and name.removesuffix(".npy") in NAMES for name in names)
    return None if idx == npy else "idx" if idx else "npy"

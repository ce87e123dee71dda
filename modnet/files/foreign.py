"""Known formats of files that modnet does not read."""

from __future__ import annotations

import re

UNPACK = "unpack it"
SAVE = "save it as CSV"
TO_ARRAYS = "and give the arrays to modnet.Dataset.from_arrays"

FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (rb"(?i)(?:%[^\n]*\n|\s)*@relation\s", "an ARFF file", f"read it by scipy.io.arff {TO_ARRAYS}, or {SAVE}"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive", UNPACK),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook", SAVE),
    (rb"SQLite format 3\0", "an SQLite database", f"{SAVE}, a table a file"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", f"read it by h5py {TO_ARRAYS}"),
    (rb"MATLAB 5\.0 MAT-file", "a MATLAB file", f"read it by scipy.io.loadmat {TO_ARRAYS}"),
    (rb"\s*(\{\s*(\"|\}|$)|\[\s*[\[{])", "JSON", f"read it by pandas.read_json, and {SAVE}"),
    (rb"(?i)\s*<(!doctype\s+html|html)", "a web page", "is it an error page in place of a download?"),
    (rb"\s*<\?xml", "XML", SAVE),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF.{4}WEBP", "a picture", f"read it by Pillow {TO_ARRAYS}"),
    (rb"%PDF", "a PDF document", f"{SAVE} in the program that made it"),
    (rb"\x1f\x8b|BZh\d|\xfd7zXZ\0|\x28\xb5\x2f\xfd", "a compressed file in another one", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|.{257}ustar", "an archive", UNPACK),
)
"""The first bytes as a pattern, what the file is, and what to do."""


def describe_foreign(head: bytes) -> str | None:
    r"""Return what a file is that begins with these bytes, and what to do; None where it is nothing that is known.

    >>> describe_foreign(b"SQLite format 3\0")
    'an SQLite database: save it as CSV, a table a file'
    """
    found = (f"{what}: {hint}" for start, what, hint in FORMATS if re.compile(start, re.DOTALL).match(head))
    return next(found, None)

"""Files of data that modnet does not ship: found, and known by their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from modnet.cli.reproduce.results import DataFiles
from modnet.errors import DataError
from modnet.files.cache import DOWNLOADS, cache_folder
from modnet.files.opening import opened, reading
from modnet.text import list_some

PACKED = ("", ".gz", ".bz2", ".xz")


def find_data(name: str, wanted: DataFiles, given: Path | None) -> Path:
    """Return the first of a data set's files, whose content is what was published; raises DataError.

    Of a file that is named as it was packed, the packed bytes are; of others, what is packed in them.
    They are in the folder that is `given`, in one of the data set's name there, or in that of downloads in the cache;
    the one file of a data set may be given itself, under any name.
    """
    folder = given or cache_folder() / DOWNLOADS / name
    folder = folder / name if (folder / name).is_dir() else folder
    if len(wanted.files) == 1 and folder.is_file():
        found = {next(iter(wanted.files)): [folder]}
    else:
        found = {each: [p for end in PACKED if (p := folder / f"{each}{end}").is_file()] for each in wanted.files}
    if missing := [each for each, paths in found.items() if not paths]:
        raise DataError(_ask(name, wanted, missing, given))
    for each, paths in found.items():
        for path in paths:
            content = _hash_bytes(path) if Path(each).suffix in PACKED[1:] else _hash_content(path)
            if content != wanted.files[each]:
                what = f"not the published {each}: its SHA-256 is {content[:16]}..., expected {wanted.files[each]}"
                raise DataError(f"{path}: {what}\nget it again from {wanted.where}", path=path)
    return next(iter(found.values()))[0]


def _ask(name: str, wanted: DataFiles, missing: list[str], given: Path | None) -> str:
    first = missing[0]
    place = f"there is no {list_some(missing, 4)} in {given}" if given else f"{name} ({wanted.title}) is not here"
    what = "folder" if len(wanted.files) > 1 else "file"
    get = f"; or run: {wanted.get}" if wanted.get else ""
    digest = f"{first} has the SHA-256 {wanted.files[first]}" + ", unpacked" * (Path(first).suffix not in PACKED[1:])
    return f"{place}: get it from {wanted.where}, and give its {what} by --data{get}\n{digest}"


def _hash_bytes(path: Path) -> str:
    """Return the SHA-256 of a file as it is, in hex; raises DataError where it cannot be read."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_content(path: Path) -> str:
    """Return the SHA-256 of what is in a file, decompressed, in hex; raises DataError where it cannot be read."""
    with reading(path), opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]

"""Files of a package or of a module."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path

CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def list_code_files(file: Path) -> list[Path]:
    """Return all files of code of a package, by its `__init__.py`, or the file of a module; those that are there."""
    is_package = file.stem == "__init__"
    files = [path for path in file.parent.rglob("*") if path.name.endswith(CODE)] if is_package else [file]
    return sorted(path for path in files if path.is_file())

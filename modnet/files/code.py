"""Fingerprints of code, and the files and lines that it is in."""

from __future__ import annotations

import inspect
import re
import sys
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from operator import attrgetter
from pathlib import Path
from types import CodeType

CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def list_code_files(file: Path) -> list[Path]:
    """Return all files of code of a package, by its `__init__.py`, or the file of a module; those that are there."""
    is_package = file.stem == "__init__"
    files = [path for path in file.parent.rglob("*") if path.name.endswith(CODE)] if is_package else [file]
    return sorted((path for path in files if path.is_file()), key=attrgetter("parts"))  # also where case is ignored


def find_line(cls: type, name: str = "") -> str:
    """Return file and line of a class, or of an attribute or a setting in it; nothing where that is not found."""
    try:
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError):  # its source is not there
        return ""
    wanted = re.compile(rf"(^|[(,])\s*{name}\s*[:=]" if name else "")
    number = next((number for number, line in enumerate(lines, first) if wanted.search(line)), 0)
    return f"{inspect.getsourcefile(cls)}:{number}" if number else ""


def code_fingerprint(module: str) -> tuple[str, str]:
    """Return the outermost package, or the module, that an imported module belongs to, and the SHA-256 of its code.

    Of a package that is every Python file and every extension in it. Without a file the SHA-256 is "".

    >>> code_fingerprint("json.decoder")[0]
    'json'
    """
    parts = module.split(".")
    for name in (".".join(parts[: i + 1]) for i in range(len(parts))):
        # A namespace package has no file, and is shared by distributions: it is left out.
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_file():
            return name, _code_sha256(Path(file))
    return module, ""


def _code_sha256(file: Path) -> str:
    folder = file.parent
    digest = sha256()
    for path in list_code_files(file):
        content = unify_lines(path.read_bytes()) if path.suffix in SOURCE_SUFFIXES else path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def unify_lines(content: bytes) -> bytes:
    r"""Return a source file with line feeds alone: what it does is the same, and git may write others on Windows.

    >>> unify_lines(b"x = 1\r\n")
    b'x = 1\n'
    """
    return content.replace(b"\r\n", b"\n")


def hash_class(cls: type) -> str:
    """Return the SHA-256 of what a class of a script or a notebook does: its functions and plain values, no comments.

    >>> def make(factor):
    ...     return type("Scaled", (), {"factor": factor, "__call__": lambda self, a: a * self.factor})
    >>> hash_class(make(2)) == hash_class(make(2)), hash_class(make(2)) == hash_class(make(3))
    (True, False)
    """
    digest = sha256()
    for base in (base for base in cls.__mro__ if base.__module__ == cls.__module__):
        for name, value in sorted(vars(base).items()):
            function = getattr(value, "__func__", getattr(value, "fget", value))
            plain = function.__wrapped__ if getattr(function, "takes_typed", False) is True else function
            if code := getattr(plain, "__code__", None):
                digest.update(f"{name}\0{_describe_code(code)}\0".encode())
            elif isinstance(value, (bool, int, float, str, tuple)) and not name.startswith("__"):
                digest.update(f"{name}\0{value!r}\0".encode())
    return digest.hexdigest()


def _describe_code(code: CodeType) -> str:
    """Return the instructions of a function with all names and constants, without the place where it was written."""
    constants = []
    for each in code.co_consts:
        plain = sorted(each, key=repr) if isinstance(each, frozenset) else each  # the order of a set is by chance
        constants.append(_describe_code(each) if isinstance(each, CodeType) else repr(plain))
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"

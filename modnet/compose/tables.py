"""Tables of settings: read from TOML, merged and changed."""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from numbers import Number
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
import tomli_w

from modnet.errors import DataError, SettingError
from modnet.files.opening import read_plain
from modnet.interfaces import is_same_name
from modnet.text import printable

Table = dict[str, Any]

NONE: Final = "none"  # None, which TOML does not have, in a setting that cannot be this text
NO_VALUE: Final = {"none": True}  # None in any setting that may be None
LARGEST = 2**20  # bytes of an experiment file
ESCAPES = "in double quotes, a backslash begins an escape; write paths with /, or in single quotes"
LONGEST_KEY = 64  # parts; what tomllib takes for a key of n is n * n
_KEY_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_NUMBER = re.compile(r"[0-9a-fA-F_]{1000}")
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_KEY_PART}){{{LONGEST_KEY}}}")


def read_toml(path: Path) -> Table:
    """Return an experiment file's table, paths in it made relative to the file; raises SettingError."""
    try:
        table = parse_toml(read_plain(path, LARGEST))
    except DataError as error:
        why = str(error).removeprefix(f"{path}: ")
        what = "no such experiment file" if why == "no such file" else f"not an experiment file: {why}"
        raise SettingError([what], str(path)) from None
    except SettingError as error:
        hint = "" if path.suffix == ".toml" else f"; for a file with data, write --data {printable(path.name, 80)}"
        raise SettingError([f"not an experiment file: {error}{hint}"], str(path)) from None
    data = table.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        if any(letter < " " for letter in data["path"]):
            raise SettingError([f"data: 'path' has a control character: {ESCAPES}"], str(path))
        data["path"] = str(path.parent / data["path"])
    return table


def parse_toml(content: bytes) -> Table:
    """Return the table in a file as editors on Windows write it, too: in UTF-8 or UTF-16, with a byte order mark.

    Raises SettingError.
    """
    utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        text = content.decode("utf-16") if utf16 else content.removeprefix(BOM_UTF8).decode("utf-8")
        if long := _LONG_KEY.search(text):
            line = text.count("\n", 0, long.start()) + 1
            why = f"a name of more than {LONGEST_KEY} parts (at line {line})"
        elif _LONG_NUMBER.search(text):
            why = "a number has thousands of digits"
        else:
            return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        why = f"line {line} is not {error.encoding.upper()} text: save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        is_escape = place and "\\" in text.split("\n")[int(place[1]) - 1]
        why = printable(f"{error}; {ESCAPES}" if is_escape else str(error), 200)
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError:
        why = "a number has thousands of digits"  # as far as Python reads them
    raise SettingError([why])


def is_no_value(value: object) -> bool:
    """Say whether a value of a table stands for None."""
    return isinstance(value, dict) and value == NO_VALUE


class Unquoted(str):
    """The word `none` without quotes on the command line: None, or a text."""


def is_text(kind: type) -> bool:
    """Say whether objects of a class are written as their text, of which the class makes them again."""
    return issubclass(kind, (PurePath, np.dtype, Number)) and not issubclass(kind, (int, float, np.generic))


def to_plain(value: Any) -> Any:
    """Return a value that is neither list nor table as TOML holds it; raises SettingError where it cannot.

    >>> to_plain(np.float32(0.5)), to_plain(np.dtype("int8")), to_plain(1j), to_plain(None)
    (0.5, 'int8', '1j', {'none': True})
    """
    if type(value) in {bool, float}:
        return value
    if value is None:
        return dict(NO_VALUE)
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, (str, int, float)) else value.name
    value = value.item() if isinstance(value, np.generic) else value
    value = str(value) if is_text(type(value)) else value
    with suppress(ValueError, TypeError):
        tomllib.loads(tomli_w.dumps({"value": value}).encode().decode())
        return value
    remedy = "declare a tuple" if isinstance(value, np.ndarray) else "declare numbers or text"
    raise SettingError([f"cannot be written down, TOML has no such {type(value).__name__}: {remedy}"])


def find_member(value: Any, kind: type[Enum]) -> Enum:
    """Return the member that is written so, or has that name; raises ValueError or TypeError where there is none."""
    known = {repr(name): member for name, member in kind.__members__.items()}
    known |= {repr(to_plain(member)): member for member in kind}
    if repr(value) in known:
        return known[repr(value)]
    return kind(str(value) if isinstance(value, bool) else value)  # several flags, or what the class makes of others


def merge(base: Table, change: Table) -> Table:
    """Return `base` changed by `change`, table by table; a table whose name or path changes starts afresh.

    Items of a list are changed by their numbers, from 0 on.

    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 0}, {"optimizer": {"lr": 1.0}})
    {'optimizer': {'name': 'sgd', 'lr': 1.0}, 'seed': 0}
    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer": "adam"})
    {'optimizer': {'name': 'adam'}}
    >>> merge({"callbacks": ["time-limit"]}, {"callbacks": {"0": {"seconds": 60}}})
    {'callbacks': [{'name': 'time-limit', 'seconds': 60}]}
    """
    result = dict(base)
    for key, new in change.items():
        old = result.get(key)
        if (isinstance(old, str) and old == NONE) or is_no_value(old) or is_no_value(new):
            old = None
        if isinstance(old, dict) and isinstance(new, str) and "name" in old:
            new = {"name": new}  # the short form of the same table
        if isinstance(old, str) and isinstance(new, dict):
            old = {"name": old}
        if isinstance(old, list) and isinstance(new, dict) and new.keys() <= set(map(str, range(len(old)))):
            result[key] = [*merge({str(i): item for i, item in enumerate(old)}, new).values()]
        elif isinstance(old, dict) and isinstance(new, dict):
            renamed = "name" in new and not is_same_name(str(new["name"]), str(old.get("name")))
            another = renamed or ("path" in new and new["path"] != old.get("path"))
            result[key] = dict(new) if another else merge(old, new)
        else:
            result[key] = new
    return result


def put(table: Table, place: Sequence[str], value: Any) -> None:
    """Put a value into a table, at a path of keys; a name on the way becomes the table that it is short for.

    A number finds an item of a list; raises SettingError where there is none.

    >>> table = {"loss": "cross-entropy"}
    >>> put(table, ("loss", "eps"), 0.0)
    >>> table
    {'loss': {'name': 'cross-entropy', 'eps': 0.0}}
    """
    inside: Any = table
    for key in place[:-1]:
        at = _find_key(inside, key, place)
        inner = inside[at] if isinstance(inside, list) else inside.setdefault(at, {})
        inside[at] = inside = inner if isinstance(inner, (dict, list)) else {"name": inner}
    inside[_find_key(inside, place[-1], place)] = value


def _find_key(inside: Any, key: str, place: Sequence[str]) -> Any:
    if not isinstance(inside, list):
        return key
    if key.isdecimal() and int(key) < len(inside):
        return int(key)
    raise SettingError([f"{key!r} is no item of {len(inside)}, which are counted from 0"], ".".join(place))

"""TOML files of experiments."""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from modnet.compose.tables import Table
from modnet.errors import DataError, SettingError
from modnet.files.opening import read_plain
from modnet.text import printable

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

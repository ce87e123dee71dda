"""Values and assignments as options write them: units of layers, lists, KEY=VALUE."""

from __future__ import annotations

import re
import sys
import tomllib
from typing import Any

from modnet.compose.tables import NONE, Table, Unquoted
from modnet.errors import SettingError
from modnet.text import format_value, printable

MOST_UNITS = 10**9


def read_units(text: str, joined_by: str = ",") -> list[int]:
    """Return the numbers of units of hidden layers; raises SettingError."""
    items = [item.strip() for item in text.split(joined_by)]
    wrong = [item for item in items if not item.isdecimal()]
    how = "commas" if joined_by == "," else "hyphens"
    if wrong:
        found = f"found {text!r}" if wrong[0] in {text, ""} else f"found {wrong[0]!r} in {text!r}"
        numbers = re.findall(r"\d+", text)
        meant = re.fullmatch(r"[\[( ]*\d+([-;, x]+\d+)*[\]), ]*", text) and joined_by.join(numbers)
        advice = f": write --hidden {meant}" if meant else ""
        raise SettingError([f"expected whole numbers joined by {how}, {found}{advice}"], "--hidden")
    if large := [item for item in items if len(item) > 4000 or int(item) > MOST_UNITS]:  # digits that Python reads
        raise SettingError([f"a layer has {MOST_UNITS:,} units at most, found {printable(large[0], 40)}"], "--hidden")
    return [int(item) for item in items]


def read_list(text: str, flag: str) -> Any:
    """Return the one name, or the list, that the option --FLAG holds; raises SettingError."""
    if flag == "hidden":
        return read_units(text)
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise SettingError([f"expected names joined by commas, found one that is empty in {text!r}"], f"--{flag}")
    return items if len(items) != 1 else items[0]


def parse_assignments(assignments: tuple[str, ...]) -> Table:
    """Return the keys and values of `KEY=VALUE` options; a value is TOML, or else text."""
    table: Table = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key):
            raise SettingError([f"expected KEY=VALUE, found {assignment!r}"], "--set")
        table[key] = _parse_value(value)
    return table


def format_assignment(key: str, value: Any) -> str:
    """Return a setting as `KEY=VALUE`, which `parse_assignments` reads back.

    >>> format_assignment("label", "kind"), format_assignment("label", "1"), format_assignment("label", [2, 3])
    ('label=kind', 'label="1"', 'label=[2, 3]')
    """
    plain = isinstance(value, str) and value.isprintable() and repr(_parse_value(value)) == repr(value) != repr(NONE)
    text = str(value) if plain else format_value(value)
    if not plain and sys.platform != "win32" and '"' not in text and "\\" not in text:
        text = text.replace("'", '"')  # a shell has the whole in single quotes, on Windows in double ones
    return f"{key}={text}"


def _parse_value(text: str) -> Any:
    if text.strip() == NONE:
        return Unquoted(NONE)
    try:
        (value,) = tomllib.loads(f"value = {text}").values()  # a second line could be another entry
    except (ValueError, RecursionError):
        return text
    return value


def split_values(value: Any) -> list[Any]:
    """Return the values between commas, unless the whole is a TOML value: [0.8, 0.9] for "0.8,0.9"."""
    if not isinstance(value, str) or "," not in value:
        return [value]
    values = _parse_value(f"[{value}]")
    return values if isinstance(values, list) else [_parse_value(item) for item in _split_at_commas(value)]


def _split_at_commas(text: str) -> list[str]:
    """Return the texts between commas, but for those inside lists, tables and quotes."""
    items, left = [], text.split(",")
    while left:
        begun = [",".join(left[:count]).strip() for count in range(1, len(left) + 1)]
        is_plain = not begun[0].startswith(("[", "{", '"', "'"))
        count = 1 if is_plain else next((n for n, item in enumerate(begun, start=1) if _is_toml(item)), 1)
        items.append(begun[count - 1])
        left = left[count:]
    return items


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return False
    return True

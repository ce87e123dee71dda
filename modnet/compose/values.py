"""Single values of settings, and how TOML holds them."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from enum import Enum
from numbers import Number
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import tomli_w

from modnet.errors import SettingError

NONE: Final = "none"  # None, which TOML does not have, in a setting that cannot be this text
NO_VALUE: Final = {"none": True}  # None in any setting that may be None


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

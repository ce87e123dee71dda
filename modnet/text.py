"""Text for people: tables, sizes, quotations; CSV and settings."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from types import SimpleNamespace
from typing import Any, TextIO

__all__ = [
    "describe_unknown", "escape", "format_column", "format_count", "format_duration", "format_error", "format_metric",
    "format_size", "format_table", "list_some", "measure_width", "printable", "quote", "quote_argument", "to_csv",
    "wrap", "write_csv",
]  # fmt: skip

_BOTH = "\r\n"
_ESCAPES = {"\n": r"\n", "\r": r"\r"}
LONGEST_QUOTE = 40
GAP = 2  # blanks between the columns of a table
JOINERS = "\u200c\u200d"  # characters without a width within words of Persian, Hindi and others, and within emoji
_FILL = "\ufdd0"  # a character that no text has: a wide one is two characters with it, as it is two columns
_RAW = f"\n\t\u00a0\u3000{JOINERS}"  # what is not printable, and harmless


def format_table(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return the lines of a table: the first `left` columns to the left, the others to the right.

    The last cell of a row that is shorter than the first row is a remark: it may be of any width.

    >>> format_table([["class", "rows", "share"], ["b", "10", "100 %"], ["c", "none here"]])
    ['class  rows  share', 'b        10  100 %', 'c      none here']
    """
    count = len(rows[0])
    split = [(row, ()) if len(row) == count else (row[:-1], row[-1:]) for row in rows]
    widths = [max(measure_width(cells[i]) for cells, _ in split if i < len(cells)) for i in range(count)]
    lines = ([*(fit(cell, widths[i], i >= left) for i, cell in enumerate(cells)), *remark] for cells, remark in split)
    return [(" " * GAP).join(line).rstrip() for line in lines]


def fit(text: str, width: int, right: bool = False) -> str:
    """Return text filled up with blanks, or cut, so that it takes `width` columns."""
    if measure_width(text) > width:
        dots = "..."[: max(0, width - 1)]
        while text and measure_width(text) + len(dots) > width:
            text = text[:-1]
        text += dots
    blanks = " " * (width - measure_width(text))
    return blanks + text if right else text + blanks


def measure_width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> measure_width("iris"), measure_width("붓꽃")
    (4, 4)
    """
    drawn = [letter for letter in text if not unicodedata.combining(letter) and letter not in JOINERS]
    return len(drawn) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in drawn)


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Break a text between words into lines of a terminal that are `width` columns wide at most.

    >>> wrap("붓꽃 세 종류", 8, rest="  ")
    ['붓꽃 세', '  종류']
    """
    filled = "".join(letter + _FILL * (measure_width(letter) - 1) for letter in text)
    lines = textwrap.wrap(filled, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [line.replace(_FILL, "") for line in lines]


def format_size(size: int) -> str:
    """Return a number of bytes in words.

    >>> format_size(500), format_size(54_951_002), format_size(3 * 10**9)
    ('500 bytes', '55.0 MB', '3.0 GB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def format_metric(value: float) -> str:
    """Return a metric with four digits: a place for each, unless its unit is far smaller or larger.

    >>> format_metric(0.98), format_metric(50.94213), format_metric(1.23456e-6), format_metric(9.64e61)
    ('0.9800', '50.9421', '1.235e-06', '9.64e+61')
    """
    return f"{value:.4f}" if value == 0 or 0.01 <= abs(value) < 1e6 else f"{value:.4g}"


def format_duration(seconds: float) -> str:
    """Return a time in words, in its two largest units.

    >>> [format_duration(seconds) for seconds in (0.0025, 0.25, 75, 7500, 180000)]
    ['2.5 ms', '0.2 s', '1 min 15 s', '2 h 5 min', '2 d 2 h']
    """
    if seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    for name, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def printable(text: str, longest: int, keep: str = "") -> str:
    r"""Return text from a file so that it can stand in a message: no control characters, and cut where it is long.

    Line ends are shown as `\n` and `\r`, others as a question mark, but what is to be kept.

    >>> printable("pixel" + chr(7) + "123456789", 8)
    'pixel?12...'
    """
    shown = (c if c.isprintable() or c in keep else _ESCAPES.get(c, "?") for c in text[:longest])
    return "".join(shown) + "..." * (len(text) > longest)


def escape(text: str) -> str:
    r"""Return text in which no character is raw that a terminal obeys or hides; line ends and tabs stay as they are.

    >>> escape("a" + chr(27) + "[2J" + chr(0x202E) + "b\n")
    'a\\x1b[2J\\u202eb\n'
    """
    return "".join(c if c in _RAW or c.isprintable() else ascii(c)[1:-1] for c in text)


def quote(text: str, form: Callable[[str], str] = repr) -> str:
    r"""Return text from a file in quotes, in which no character is raw that cannot be seen, and cut where it is long.

    `form` may be `ascii`, so that characters that look alike are told apart.

    >>> quote("a" + chr(0)), quote("b" * 50)
    ("'a\\x00'", "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...'")
    """
    return form(text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}...")


def quote_argument(text: str, *, windows: bool = sys.platform == "win32") -> str:
    r"""Return an argument of a command as a shell takes it; on Windows both of its shells do.

    >>> quote_argument("my run", windows=False), quote_argument("my run", windows=True)
    ("'my run'", '"my run"')
    """
    if not windows:
        return shlex.quote(text)
    from subprocess import list2cmdline

    return text if re.fullmatch(r"[\w.:=/\\-]+", text) else f'"{list2cmdline([f" {text}"])[2:]}'


def list_some(items: Iterable[str], most: int) -> str:
    """Return items in a row, only the first ones of many.

    >>> list_some(["a", "b"], 2), list_some("abc", 2)
    ('a, b', 'a, b, ...')
    """
    first = list(islice(items, most + 1))
    return ", ".join(first if len(first) <= most else [*first[:most], "..."])


def format_error(error: BaseException) -> str:
    r"""Return an error of another program in one line: its class, and the first line of its text.

    >>> format_error(ValueError("too large\nand more")), format_error(RecursionError())
    ('ValueError: too large', 'RecursionError')
    """
    try:
        text = str(error).strip().partition("\n")[0]
    except BaseException:  # a third party's __str__ may fail, too, in any way
        text = ""
    return type(error).__name__ + (f": {printable(text, 200)}" if text else "")


def format_count(count: int, one: str, many: str = "") -> str:
    """Return a number of things in words.

    >>> format_count(1, "class", "classes"), format_count(1200, "sample")
    ('1 class', '1,200 samples')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def format_column(name: str, metrics: Iterable[Any]) -> str:
    """Return the name of a history's column in words, with the title of that of `metrics` which it is of.

    >>> from modnet_metrics import R2
    >>> format_column("test_r2", [R2()]), format_column("train_top_3", [R2()])
    ('test R²', 'train top 3')
    """
    part, _, column = name.partition("_")
    title = next((metric.title for metric in metrics if metric.column == column), "")
    return f"{part} {title}" if title else name.replace("_", " ")


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV."""
    out = io.StringIO()
    write_csv(out, rows)
    return out.getvalue()


def write_csv(file: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    r"""Write rows as CSV, each ended by a line feed.

    >>> file = io.StringIO()
    >>> write_csv(file, [[1, "x\ry"], [2, "x, y"]])
    >>> file.getvalue()
    '1,"x\ry"\n2,"x, y"\n'
    """
    # Until Python 3.13, csv quotes a carriage return only if rows end in one.
    lines: Any = SimpleNamespace(write=lambda row: file.write(row.removesuffix(_BOTH) + "\n"))
    csv.writer(lines, delimiter=delimiter, lineterminator=_BOTH).writerows(rows)


def format_setting(key: str, value: Any) -> str:
    """Return a setting as it stands in an experiment file (TOML).

    >>> format_setting("label", "kind"), format_setting("missing_values", {"label": [], "my age": ["?"]})
    ("label = 'kind'", "missing_values = {label = [], 'my age' = ['?']}")
    """
    return f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else format_value(key)} = {format_value(value)}"


def format_value(value: Any) -> str:
    r"""Return a value of a setting as it stands in an experiment file (TOML).

    >>> format_value(True), format_value("it's"), format_value([1, 0.5])
    ('true', '"it\'s"', '[1, 0.5]')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = value.isprintable() and not set(value) & {"'", "\\"}
        return f"'{value}'" if plain else format_text(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(format_setting(str(key), inside) for key, inside in value.items())}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(format_value, value))}]"
    return repr(value)


def format_text(text: str) -> str:
    r"""Return text as a string of TOML in double quotes, in which no character is raw that cannot be seen.

    >>> format_text("it's" + chr(0x202E))
    '"it\'s\\U0000202e"'
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def describe_unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """Return the message for a name that is none of the choices.

    >>> describe_unknown("no activation", "relo", ["relu", "tanh"])
    "no activation 'relo', did you mean 'relu'?; available: relu, tanh"
    """
    known = list(choices)
    return f"{what} {name!r}{did_you_mean(name, known)}; available: {', '.join(known) or 'none'}"


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return `", did you mean 'relu'?"`, or nothing where no choice is near.

    >>> did_you_mean("AdamW", ["adam", "adamw"])
    ", did you mean 'adamw'?"
    >>> did_you_mean("mse", ["huber", "mean-squared-error"])
    ", did you mean 'mean-squared-error'?"
    """
    known = {choice.lower(): choice for choice in choices}
    initials = ["".join(word[:1] for word in choice.split("-")) for choice in known]
    short = [choice for choice, letters in zip(known, initials, strict=True) if letters == name.lower() and name[1:]]
    begun = [choice for choice in known if choice.startswith(name.lower()) and name[2:]]
    near = get_close_matches(name.lower(), known, n=1) or short or begun
    return f", did you mean {known[near[0]]!r}?" if near else ""

"""Mutated CSV files: as an independent reader reads them, or refused."""

from __future__ import annotations

import codecs
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import feed, make_files, mutate

import modnet

SETTINGS: list[dict[str, Any]] = [
    {},
    {"label": "kind"},
    {"label": "last"},
    {"label": 0, "header": False},
    {"label": "kind", "header": True, "delimiter": ","},
    {"label": "last", "dtype": "uint8"},
    {"label": "last", "dtype": "float32", "leave_out": (0,)},
    {"label": "kind", "missing": 0},
    {"label": "kind", "missing": "drop"},
    {"label": "kind", "comment": "#"},
    {"label": "kind", "delimiter": "|"},
    {"label": "last", "delimiter": ";", "decimal": ","},
    {"label": "kind", "thousands": ","},
    {"label": "kind", "thousands": ".", "decimal": ",", "delimiter": ";"},
    {"label": "kind", "encoding": "latin-1"},
    {"label": "kind", "encoding": "cp949"},
    {"label": "kind", "encoding": "utf-16"},
    {"label": "kind", "encoding": "utf-16-le"},
]
WHOLE = ["0", "7", "12", "128", "255"]
NUMBERS = [*WHOLE, "-3", "1.5", "5.1e-3", "300", "-0", "+5", " 2 ", ".5", "5.", "1E+05", str(2**53), "0.1"]
LABELS = [
    ["setosa", "virginica"],
    ["0", "1", "2"],
    ["한국", "일본", "중국"],
    ["é", "ä", "New\nYork", 'say "x"'],
    ["01", "1"],
    ["NA", "EU", "-"],
    ["x" * 31, "x" * 32, "x" * 33],
    ["1", "other"],
]
TOKENS = [
    *[
        "",
        "?",
        "NA",
        "nan",
        "inf",
        "-",
        "None",
        "1e400",
        "9" * 17,
        "0x10",
        "1_0",
        "1,5",
        "1.5",
        "256",
        "x",
        "5\0",
        "\0",
    ],
    *[
        "٣",
        "５",
        "²",
        "5월",
        "水",
        "\U000f0000",
        "乐",
        "\u00a05",
        "5\u3000",
        "\ufeff",
        "\u200b",
        "\x1b[2J",
        "\x85",
        "\u2028",
        "e\u0301",
    ],
    *[
        '"',
        '""',
        '"a""b"',
        '"a\nb"',
        '"a',
        "\n",
        "\r",
        "\r\n",
        ",",
        ";",
        "\t",
        "|",
        "#",
        "sep=;",
        " ",
        "kind",
        "e",
        ".",
    ],
]
MISSING = {"", "?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"}
NUMBER = re.compile(r"[-+0-9.eE]+")


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return a table in one of many dialects, some of its cells and bytes changed; its name says its settings."""
    i = draw.randrange(len(SETTINGS))
    chosen = SETTINGS[i]
    delimiter, end = chosen.get("delimiter") or draw.choice(",,,;\t"), draw.choice(["\n", "\n", "\r\n", "\r"])
    rows = table(draw, draw.choice([1, 2, 3, 8, 20, 150]), draw.randint(1, 5), chosen)
    for _ in range(draw.choice([0, 0, 0, 1, 1, 3])):
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = draw.choice(TOKENS)
    lines = [delimiter.join(quote_cell(draw, cell, delimiter) for cell in row) for row in rows]
    if draw.random() < 0.1:
        lines.insert(draw.randrange(len(lines)), draw.choice(["", "# no row", "  ", delimiter]))
    text = end.join(lines) + draw.choice(["", end])
    encoding = chosen.get("encoding") or draw.choice(["utf-8"] * 8 + ["utf-8-sig", "cp949", "utf-16"])
    content = text.encode(encoding, "replace")
    if draw.random() < 0.3:
        content = mutate(draw, content, tokens=[token.encode(encoding, "replace") for token in TOKENS])
    return f"{i}.csv", content


def table(draw: random.Random, count: int, features: int, chosen: Mapping[str, Any]) -> list[list[str]]:
    """Return the cells of a header, most often, and of so many rows."""
    numbers = [*NUMBERS, "1,234"] if "thousands" in chosen else NUMBERS
    kinds = [draw.choice([WHOLE, WHOLE, numbers]) for _ in range(features)]
    labels = draw.choice(LABELS[:3] if draw.random() < 0.6 else LABELS)
    kinds.insert(0 if chosen.get("label") == 0 else features, labels)
    rows = [[draw.choice(kind) for kind in kinds] for _ in range(count)]
    if chosen.get("decimal") == "," or draw.random() < 0.05:
        rows = [[cell.replace(".", ",") for cell in row] for row in rows]
    names = [*(f"x{i}" for i in range(features)), "kind"]
    return rows if chosen.get("header") is False or draw.random() < 0.05 else [names, *rows]


def quote_cell(draw: random.Random, cell: str, delimiter: str) -> str:
    if draw.random() < 0.03 or (draw.random() < 0.95 and set(cell) & {*'"\r\n', delimiter}):
        return '"' + cell.replace('"', '""') + '"'
    return cell


# The independent reader


def cells_of(text: str, delimiter: str, comment: str | None) -> Iterator[list[str]]:
    """Yield the cells of each row, character by character; a quote stands around a cell, or doubled in it."""
    row, cell, state, at = list[str](), "", "start", 0
    text = text.removeprefix("\ufeff")
    text = re.sub(r"\Asep=.(\r\n|\r|\n)", "", text, count=1, flags=re.IGNORECASE)
    while at <= len(text):
        letter = text[at] if at < len(text) else ""
        at += 1
        if state == "start" and not row and comment and letter == comment:
            at = (re.compile(r"\r\n|\r|\n|\Z").search(text, at) or re.match("", "")).end()  # type: ignore[union-attr]
        elif state == "quoted":
            assert letter, "an open quote"
            cell, state = (cell, "closed") if letter == '"' else (cell + letter, state)
        elif letter == '"':
            assert state != "plain", "a stray quote"
            cell, state = (cell + '"' if state == "closed" else cell), "quoted"
        elif letter in {delimiter, "\n", "\r", ""}:
            if letter == delimiter or row or state != "start":
                row.append(cell)
            cell, state = "", "start"
            if letter != delimiter:
                at += text.startswith("\r\n", at - 1)
                if row:
                    yield row
                row = []
        else:
            assert state != "closed", "text behind a quote"
            cell, state = cell + letter, "plain"


def number_of(cell: str, decimal: str, thousands: str | None) -> float | None:
    """Return the number in a cell, if it is one."""
    text = cell.strip()
    if thousands and re.fullmatch(rf"[-+]?[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+([^0-9].*)?", text):
        text = text.replace(thousands, "")
    if decimal == ",":
        text = text.replace(".", "_").replace(",", ".")
    try:
        return float(text) if NUMBER.fullmatch(text) else None
    except ValueError:
        return None


def judge(path: Path) -> str:
    """Read a file, and compare it with what the independent reader reads."""
    chosen = SETTINGS[int(path.stem)]
    source = modnet.source("csv", test="", test_fraction=0, scale=1, **chosen)
    data = source.read(path)
    data.check()
    known = {**chosen, **data.settings}
    if known["delimiter"] not in set(",;\t|"):
        return "read, not compared"
    rows = list(cells_of(text_of(path.read_bytes(), known), known["delimiter"], known.get("comment")))
    names = [name.strip() for name in rows[0]] if known["header"] else None
    rows = rows[known["header"] :]
    label, *out = [
        (names or []).index(column) if isinstance(column, str) else column
        for column in (known["label"], *known.get("leave_out", ()))
    ]
    count = data.features + 1 + len(out)
    assert all(len(row) >= count and not any(map(str.strip, row[count:])) for row in rows), "ragged rows"
    label %= count
    features = [i for i in range(count) if i != label and i not in out]
    if known.get("missing") == "drop":
        if any(row[label].strip() in MISSING for row in rows):
            return "read, not compared"
        rows = [row for row in rows if not any(row[i].strip() in MISSING for i in features)]
    compare(data, [[row[i] for i in features] for row in rows], [row[label].strip() for row in rows], known)
    return "read"


def text_of(content: bytes, known: Mapping[str, Any]) -> str:
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_LE: "utf-16", codecs.BOM_BE: "utf-16", codecs.BOM_UTF8: "utf-8"}
    marked = next((encoding for mark, encoding in marks.items() if content.startswith(mark)), None)
    given = known.get("encoding", "utf-8")
    return content.decode(marked if marked and given == "utf-8" else given)


def compare(data: modnet.Dataset, features: list[list[str]], labels: list[str], known: Mapping[str, Any]) -> None:
    """Check features and labels cell by cell."""
    dtype = np.dtype(known.get("dtype") or np.float64).type
    marks = known["decimal"], known.get("thousands")
    assert data.train.x.shape == (len(features), len(features[0]))
    for row, cells in zip(data.train.x.tolist(), features, strict=True):
        for value, cell in zip(row, cells, strict=True):
            expected = number_of(cell, *marks)
            if expected is None:
                assert "missing" in known, f"{cell!r} is no number"
                assert cell.strip() in MISSING, f"{cell!r} is neither missing nor a number"
                expected = known["missing"]
            assert value == float(dtype(expected)), f"{cell!r} became {value}"
    for index, label in zip(data.train.t.tolist(), labels, strict=True):
        found = data.classes[index]
        assert found == (label if isinstance(found, str) else number_of(label, *marks)), f"{label!r}: {found!r}"


@pytest.mark.check
def test_mutated_csv_files_are_read_as_they_are_or_refused(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_csv:judge", make_files(5000, 0, make), tmp_path)
    assert not faults
    assert counts["read"] > 1000
    assert counts["refused"] > 1000

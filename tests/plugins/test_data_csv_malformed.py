"""Malformed CSV files: each is refused, by line and column."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError

HEADER = "a,b,label\n"
ROWS = "1.5,2,x\n3,4,y\n"
TABLE = HEADER + ROWS
FEATURES, CLASSES = [[1.5, 2], [3, 4]], ("x", "y")
WIDE = 100_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def load(path: Path, content: str | bytes, **options: Any) -> modnet.Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return modnet.load(path, **{"test_fraction": 0.0, "standardize": False, **options})


def words_of(path: Path, content: str | bytes, **options: Any) -> str:
    """Return the words of the error, less the folder."""
    with pytest.raises(DataError) as caught:
        load(path, content, **options)
    assert caught.value.__cause__ is None
    words = str(caught.value).replace(f"{path.parent}/", "")
    assert words.count("\n") <= 1
    assert len(words) < 700
    return words


# One cell


@pytest.mark.parametrize("before", [0, 500])
@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1e5", 1e5),
        ("1E+05", 1e5),
        ("+5", 5),
        (".5", 0.5),
        ("5.", 5),
        ("-0", -0.0),
        ("007", 7),
        ("5e-324", 5e-324),
        ("2.2250738585072011e-308", 2.225073858507201e-308),
        ("1e-400", 0),
        ("1e17", 1e17),
        (str(2**53), 2**53),
        (str(2**60), 2**60),  # which float64 holds
        ("0." + "3" * 5000, 1 / 3),
        ("0" * 5000 + "1", 1),
        (" " * 5000 + "5", 5),
        ("5\t", 5),
        ("\u00a05\u00a0", 5),
        ("5\f", 5),
        ('"5"', 5),
        ('"5\n"', 5),
        ("-999", -999),
    ],
)
def test_cells_that_are_numbers(path, cell, number, before):
    data = load(path, HEADER + "1.5,2,x\n" * before + f"1.5,{cell},y\n")
    assert data.train.x[-1].tobytes() == np.array([1.5, number]).tobytes()
    assert len(data.train) == before + 1


MISSING = ": set impute = 'median' or missing = 'drop'"
TOO_LONG = " has more digits than a float64 can hold: is it an identifier? Set leave_out = ['b']"


def _describe_advice(cell: str) -> str:
    """Return how a message ends about a cell that is a word: one for a missing value, it seems, or any."""
    if not cell.isprintable():
        return ""
    quoted = f'"{cell}"' if "'" in cell else f"'{cell}'"
    quoted = '"5\\\\"' if cell == "5\\" else quoted
    word = f"missing_values = {{b = [{quoted}]}}"
    if cell not in {".", "#DIV/0!", "#NAME?", "na", "N.A.", "--"}:
        return f": set encode = {{b = 'one-hot'}}, {word} with impute = 'median' or leave_out = ['b']"
    return f": set {word} with impute = 'median' or {word} with missing = 'drop'"


@pytest.mark.parametrize("before", [1, 500])
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        *[
            (cell, f"expected a number, found {cell!r}{_describe_advice(cell)}")
            for cell in (
                "0x1F",
                "1d5",
                "1_000",
                "1__0",
                "- 5",
                "--5",
                "5-",
                "1e",
                "1e+",
                "e5",
                ".",
                "1.2.3",
                "5\u066b5",
                "\u200b5",
                "5\u200b",
                "\ufeff5",
                "\u202e5",
                "\uff15",
                "\u0663",
                "\u22125",
                "\u00bd",
                "5\u00b2",
                "\u221e",
                "$5",
                "5€",
                "5%",
                "5 kg",
                "2024-01-01",
                "12:30",
                "1/2",
                "TRUE",
                "FALSE",
                "#DIV/0!",
                "#NAME?",
                "=1+2",
                "1.#IND",
                "nan(123)",
                "1j",
                "(5)",
                "5L",
                "5f",
                "5\\",
                "'5'",
                "5\0",
                "\x1b[31m5",
                "4 # x",
                "1 2",
                "1+2j",
                "na",
                "N.A.",
                "--",
                "None!",
            )
        ],
        ("", f"expected a number, found an empty cell{MISSING}"),
        ("\f", f"expected a number, found an empty cell{MISSING}"),
        ("#N/A", f"expected a number, found '#N/A'{MISSING}"),
        ("?", f"expected a number, found '?'{MISSING}"),
        ("NULL", f"expected a number, found 'NULL'{MISSING}"),
        ("+nan", "expected a finite number, found '+nan'"),
        ("-Infinity", "expected a finite number, found '-Infinity'"),
        ("x" * 1000, f"expected a number, found '{'x' * 40}...'"),
        ("1e400", "expected a finite number, found '1e400'"),
        ("-1e99999999999999999999", "expected a finite number, found '-1e99999999999999999999'"),
        (str(2**53 + 1), f"'9007199254740993'{TOO_LONG}"),
        ("12345678901234567891", f"'12345678901234567891'{TOO_LONG}"),
        ("1" * 400, f"expected a finite number, found '{'1' * 40}...': set leave_out = ['b']"),
        ("1" * 100_000, f"expected a finite number, found '{'1' * 40}...': set leave_out = ['b']"),
        ('"1,000"', "expected a number, found '1,000': set thousands = ','"),
        ('"1,234,567.5"', "expected a number, found '1,234,567.5': set thousands = ','"),
        ("1\u2009000", "expected a number, found '1\\u2009000': set thousands = ' '"),
        ("1\u00a0000", "expected a number, found '1\\xa0000': set thousands = ' '"),
        ("1'000", 'expected a number, found "1\'000": set thousands = "\'"'),
        ('"5\n6"', "expected a number, found 3 characters in quotes; is a quote left open?"),
        ('"""5"""', "expected a number, found '\"5\"'" + _describe_advice('"5"')),
        ('""5""', "text behind a closing quote; a quote within quotes is written twice"),
        ('"5"x', "text behind a closing quote; a quote within quotes is written twice"),
        ('"5" ', "text behind a closing quote; a quote within quotes is written twice"),
        (' "5"', "a quote that is neither around the cell nor doubled in it"),
        ('5"', "a quote that is neither around the cell nor doubled in it"),
        ('5"6', "a quote that is neither around the cell nor doubled in it"),
    ],
)
def test_cells_that_are_none(path, cell, words, before):
    text = HEADER + "1.5,2,x\n" * before + f"1.5,{cell},y\n" + "1.5,2,x\n1.5,2,y\n"
    assert words_of(path, text) == f"table.csv, line {before + 2}, column 2 ('b'): {words}"


@pytest.mark.parametrize("after", [0, 1, 500])
def test_a_quote_that_is_never_closed(path, after):
    text = TABLE + '5,"6,x\n' + "1,2,y\n" * after
    place = "table.csv, line 4, column 2 ('b'): a quote in this cell is never closed"
    assert words_of(path, text) == place


# Right in spite of everything


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (TABLE.replace("\n", "\r\n"), {}),
        (TABLE.replace("\n", "\r"), {}),
        ("a,b,label\r\n1.5,2,x\n3,4,y\r", {}),
        (TABLE.replace("\n", "\r\r\n"), {}),
        (TABLE.rstrip("\n"), {}),
        ("\n\r\n\n" + TABLE.replace("\n", "\n\n\n"), {}),
        (TABLE.replace("\n", " \n"), {}),
        (TABLE.replace(",", " ,\t"), {"delimiter": ","}),
        ("\ufeff" + TABLE, {}),
        ('\ufeff"a","b","label"\n' + ROWS, {}),
        ("\ufeff" + TABLE, {"encoding": "utf-8-sig"}),
        ("\ufeff" + TABLE, {"encoding": "U8"}),
        *[(TABLE.encode(name), {"encoding": name}) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500")],
        (("\ufeff" + TABLE).encode("utf-16-le"), {"encoding": "utf-16-le"}),
        *[(("\ufeff" + TABLE).encode(name), {}) for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")],
        ("sep=;\n" + TABLE.replace(",", ";"), {}),
        ("SEP=|\r\n" + TABLE.replace(",", "|"), {}),
        ("sep=;\n1,5;2;x\n3;4;y\n", {}),
        (TABLE.replace(",", ";").replace(".", ","), {}),
        (TABLE.replace(",", "\t").replace(".", ","), {}),
        (TABLE.replace(",", "^"), {"delimiter": "^"}),
        (TABLE.replace("\n", ",\n"), {"leave_out": [3]}),
        (ROWS.replace("\n", ",\n"), {"leave_out": [3], "label": 2}),
        ("# made by hand\n#,,\n" + TABLE, {"comment": "#"}),
        (TABLE.replace("a,b", "1,2"), {}),
        (TABLE.replace("a,b", "400.5,401"), {}),
        (TABLE.replace("a,b", "a,A"), {}),
        (TABLE.replace("label", "\u00a0Label "), {}),
        (TABLE.replace("label", "\u200blabel"), {}),
        (TABLE.replace("a,", "x" * 5000 + ","), {}),
        (TABLE.replace("label", '"la""b,el"'), {}),
        ('"a","b","label"\r\n"1.5","2","x"\r\n"3","4","y"\r\n', {}),
    ],
)
def test_files_that_are_right_in_spite_of_everything(path, content, options):
    data = load(path, content, **options)
    np.testing.assert_array_equal(data.train.x, FEATURES)
    np.testing.assert_array_equal(data.train.t, [0, 1])
    assert data.classes == CLASSES
    again = modnet.source("csv", **{"test_fraction": 0.0, **options, **data.settings}).read(path)
    np.testing.assert_array_equal(again.train.x, FEATURES)
    assert (again.classes, again.settings) == (CLASSES, data.settings)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["1.0", "2e0"], (1, 2)),
        (["-1", "1"], (-1, 1)),
        (["0.5e1", "7"], (5, 7)),
        (["0", "1000000"], (0, 1_000_000)),
        (["x", "x"], ("x",)),
        ([" x", "X "], ("X", "x")),
        (['"x,y"', '"z;w"'], ("x,y", "z;w")),
        (['"say ""x"""', "'y'"], ("'y'", 'say "x"')),
        (["“x”", "y"], ("y", "“x”")),
        (["x" * 999, "x" * 998], ("x" * 998, "x" * 999)),
        (["x" * 31 + " a", "x" * 31 + " b"], ("x" * 31 + " a", "x" * 31 + " b")),
        (["e\u0301", "u\u0308"], ("e\u0301", "u\u0308")),
        (["می\u200cخواهم", "क्\u200dष"], ("می\u200cخواهم", "क्\u200dष")),
        (['"New\nYork"', "York"], ("New\nYork", "York")),
        (['"New\r\nYork, NY"', '"\nYork\n\n"'], ("New\r\nYork, NY", "York")),
        (['"a\rb"', '"1\n2"'], ("1\n2", "a\rb")),
        (["=cmd|' /C calc'!A0", "y"], ("=cmd|' /C calc'!A0", "y")),
    ],
)
def test_labels(path, labels, classes):
    data = load(path, HEADER + "".join(f"1,2,{label}\n" for label in labels))
    assert data.classes == classes
    assert all(type(name) is type(classes[0]) for name in data.classes)


def test_many_columns_take_no_time(path):
    names = [f"c{i}" for i in range(WIDE)]
    cells = [str(i % 7) for i in range(WIDE)]
    data = load(path, "\n".join([",".join([*names, "label"]), ",".join([*cells, "x"]), ",".join([*cells, "y"])]))
    np.testing.assert_array_equal(data.train.x, np.tile(np.arange(WIDE) % 7, (2, 1)))
    words = words_of(path, "\n".join([",".join([*names, "label"]), ",".join([*cells[1:], "x"])]))
    assert words.startswith(f"table.csv, line 2, column {WIDE + 1} ('label'): {WIDE} columns, expected {WIDE + 1}")


def test_many_columns_of_text_take_no_time(path):
    row = [*["x"] * 5000, *["1"] * 5]
    names = [f"c{i}" for i in range(len(row))]
    before = time.process_time()
    text = "\n".join(",".join(cells) for cells in [[*names, "label"], *[[*row, "u"], [*row, "v"]] * 10])
    assert len(load(path, text).settings["encode"]) == 5000
    assert time.process_time() - before < 10  # a minute, where each column is compared with all cells


# Refused


def pack_with(pack: Callable[[Any, str, bytes], None]) -> bytes:
    buffer = io.BytesIO()
    pack(buffer, "table.csv", TABLE.encode())
    return buffer.getvalue()


def tar_of(buffer: io.BytesIO, name: str, content: bytes) -> None:
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


ASKED = "Set header = true or header = false"
EMPTY = "table.csv: the file is empty"
NUL = "is no name; is it text at all?"
ONE_COLUMN = "table.csv: 1 column, expected a label and one or more features; is the delimiter right?"
ONE_HOT = "the one-hot columns from here on are not one 1 and otherwise 0"
UTF_8 = "is not UTF-8 text"
CUT = "the compressed file is damaged or cut off"


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        # Nothing in it
        ("", {}, EMPTY),
        ("\ufeff", {}, EMPTY),
        ("\n\r\n\r", {}, EMPTY),
        ("\n" * 200, {}, EMPTY),
        ("  \t \n \n", {}, EMPTY),
        (",,\n,,\n", {}, EMPTY),
        ("# a comment\n", {"comment": "#"}, EMPTY),
        ("# a comment\n", {}, "table.csv: a header and no rows"),
        (HEADER, {}, "table.csv: a header and no rows"),
        (f"{HEADER.strip()}\r\n\r\n", {}, "table.csv: a header and no rows"),
        ("sep=,\n" + HEADER, {}, "table.csv: a header and no rows"),
        ("x", {}, "table.csv: a header and no rows"),
        ("5", {}, ONE_COLUMN),
        ("label\nx\ny\n", {}, f"{ONE_COLUMN} line 1 is 'label'"),
        # The header
        ("a,a,label\n1,2,x\n", {}, "table.csv, line 1, column 2: 'a' is the name of column 1 already; rename one"),
        (
            "a,,label\n1,2,x\n",
            {},
            "table.csv, line 1: column 2 has no name in the header (a saved row index?): set leave_out =",
        ),
        ("a,label\n" + ROWS, {}, "table.csv, line 1: the header has 2 columns, and the rows from line 2 on have 3"),
        ("a,b,c,label\n1,2,3\n", {}, "table.csv, line 2, column 4 ('label'): 3 columns, expected 4, as the header"),
        (TABLE + TABLE, {}, "table.csv, line 4, column 1 ('a'): expected a number, found 'a'"),
        ("a,b,label\ncm,kg,\n1,2,x\n", {}, "table.csv, line 2, column 1 ('a'): expected a number, found 'cm'"),
        ("1,2,y\n3,4,n\n", {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        ("0,1,2,x\n3,4,5,y\n", {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        ("?,x\n1,y\n", {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        ("400,410,kind\n" + "1,2,x\n" * 5, {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        (
            "My table\n" + TABLE,
            {},
            "line 1: 1 column, 'My table', and 3 in line 2 and on: set skip_rows = 1",
        ),
        ("# by hand\n" + TABLE, {}, "and 3 in line 2 and on: set comment = '#' or skip_rows = 1"),
        ("My table\n" + TABLE.replace(",", ";"), {}, "table.csv, line 1: 1 column, 'My table', and 3 in line 2"),
        ("My table,,\n" + TABLE, {}, "line 1: a title, 'My table', and 3 in line 2 and on: set skip_rows = 1"),
        ('"a","b","label"\n"1",1,2,"x"\n', {}, "table.csv, line 2, column 4: 4 columns, expected 3, as the header has"),
        ('a"b,c,label\n1,2,x\n', {}, "table.csv, line 1, column 1: a quote that is neither around the name nor"),
        ('"a,b,label\n1,2,x\n', {}, "table.csv, line 1, column 1: a quote in this cell is never closed"),
        ('"a\nb",c,label\n1,2,x\n', {}, "table.csv, line 1, column 1: 'a\\nb' is no name; is a quote left open?"),
        ('"a\rb",c,label\n1,2,x\n', {}, "table.csv, line 1, column 1: 'a\\rb' is no name; is a quote left open?"),
        ("a\0,b,label\n1,2,x\n", {}, f"table.csv, line 1, column 1: 'a\\x00' {NUL}"),
        ("\x1b[2J,b,c\n1,2,3\n", {}, "line 1, column 1: '\\x1b[2J' has a control character (U+001B): take it out"),
        ('a,"b\tc",label\n1,2,x\n', {}, "line 1, column 2: 'b\\tc' has a control character (U+0009): take it out"),
        ("\n\na,b\x85c,label\n1,2,x\n", {}, "line 3, column 2: 'b\\x85c' has a control character (U+0085)"),
        ("\ufeff\ufeff" + TABLE, {}, "table.csv, line 1: two byte order marks; take one out"),
        # The label
        (TABLE, {"label": "klass"}, "table.csv: no column 'klass'; available: a, b, label"),
        (TABLE, {"label": "Label"}, "table.csv: no column 'Label', did you mean 'label'?; available: a, b, label"),
        (TABLE, {"label": 3}, "table.csv: no column 3; available: a, b, label"),
        (TABLE, {"label": -4}, "table.csv: no column -4; available: a, b, label"),
        (TABLE, {"label": ""}, "table.csv: no column ''; available: a, b, label"),
        (ROWS, {"label": "label"}, "table.csv: no column 'label': without a header, columns are numbered from 0 to 2"),
        ("label,a\n1e300,1\n1,2\n", {}, "labels must be classes (whole numbers or text), found '1e300'"),
        (f"a,label\n1,{'x' * 2000}\n", {}, "found 2000 characters in quotes"),
        (f"a,label\n1,{'x' * 200_000}\n", {}, "line 2, column 2 ('label'): a cell of more than 131,072 characters"),
        (
            "a,label\n1,0.5\n2,1\n",
            {},
            "table.csv, line 2, column 2 ('label'): labels must be classes (whole numbers or text), found '0.5'",
        ),
        ("a,label\n1,inf\n2,1\n", {}, "table.csv, line 2, column 2 ('label'): expected a finite number, found 'inf'"),
        ("a,label\n1,\n2,1\n", {}, "table.csv, line 2, column 2 ('label'): expected a label, found an empty cell"),
        ("a,label\n1,x\n2,1\n", {}, "table.csv, line 2, column 2 ('label'): expected a number, found 'x'"),
        ("a,label\n1,0\n" + "2,1\n" * 200 + "3,x\n", {}, "line 203, column 2 ('label'): expected a number, found 'x'"),
        ("a,label\n1,x\n2,\n", {}, "table.csv, line 3, column 2 ('label'): expected a label, found an empty cell"),
        (
            "a,label\n1,x\n2,NA\n",
            {},
            "line 3, column 2 ('label'): is 'NA' a class, or a missing label? Set missing_values = {label = []}",
        ),
        ("a,label\n1,x\n2,nan\n", {"label": 1}, "line 3, column 2 ('label'): is 'nan' a class, or a missing label?"),
        (
            "a,label\n" + "1,x\n" * 200 + "2,7\n",
            {},
            "line 202, column 2 ('label'): expected text as in the first rows, found '7': set text_labels = true",
        ),
        (
            "a,label\n1,x\n2,y\0\n",
            {},
            "line 3, column 2 ('label'): the label 'y\\x00' has a control character",
        ),
        ('a,label\n1,"x\n2,y"\n3,z\n', {}, "line 2, column 2 ('label'): rows within quotes; is a quote left open?"),
        ('label,a\nz,1\n"x,1\r\ny",2\n', {}, "line 3, column 1 ('label'): rows within quotes; is a quote left open?"),
        (
            'a;c;d\n1,5;0;"x\n2,5;1;y"\n',
            {"leave_out": ["d"], "label": "c"},
            "line 2, column 3 ('d'): rows within",
        ),
        ('a,label\n1,"x\\"y"\n2,z\n', {}, "table.csv, line 2, column 2 ('label'): text behind a closing quote"),
        ('1,"x\\"y"\n2,z\n3,w\n', {}, "table.csv, line 1, column 2: text behind a closing quote"),
        (
            f"a,label\n1,{2**53 + 1}\n2,1\n",
            {},
            "column 2 ('label'): the label '9007199254740993' has more digits than a float64 can hold: set text_labels",
        ),
        ("a,c,d\n1,1,1\n2,0,1\n", {"label": ["c", "d"]}, f"table.csv, line 2, column 2 ('c'): {ONE_HOT}"),
        ("a,c,d\n1,0,1\n2,0,0\n", {"label": ["c", "d"]}, f"table.csv, line 3, column 2 ('c'): {ONE_HOT}"),
        ("a,c,d\n1,.5,.5\n2,0,1\n", {"label": ["c", "d"]}, f"table.csv, line 2, column 2 ('c'): {ONE_HOT}"),
        ("a,c,d,e\n1,1,1,-1\n", {"label": ["c", "d", "e"]}, f"table.csv, line 2, column 2 ('c'): {ONE_HOT}"),
        ("a,c,d\n1,x,0\n", {"label": ["c", "d"]}, "table.csv, line 2, column 2 ('c'): expected a number, found 'x'"),
        # Rows
        (HEADER + "1,2,x\n  \n3,4,y\n", {}, "line 3, column 2 ('b'): 1 column, expected 3, as the header has"),
        (HEADER + "1,2,x\n\f\n3,4,y\n", {}, "line 3, column 2 ('b'): 1 column, expected 3, as the header has"),
        (
            HEADER + "1,2,x\n,,\n3,4,y\n",
            {},
            "table.csv, line 3, column 1 ('a'): expected a number, found an empty cell",
        ),
        (HEADER + "1,2,x,\n3,4,y,5\n", {}, "table.csv, line 1: the header has 3 columns, and the rows from line 2 on"),
        (TABLE + "\x1a", {}, "line 4, column 2 ('b'): 1 column, expected 3, as the header has"),
        (HEADER + "1.5,2\r,x\n3,4,y\n", {}, "table.csv, line 2, column 3 ('label'): 2 columns, expected 3"),
        (TABLE + "5,6", {}, "table.csv, line 4, column 3 ('label'): 2 columns, expected 3, as the header has"),
        (TABLE + "5,6,", {}, "table.csv, line 4, column 3 ('label'): expected a label, found an empty cell"),
        (TABLE + '5,6,"x', {}, "table.csv, line 4, column 3 ('label'): a quote in this cell is never closed"),
        (f"1,2,{'x' * 5 * 2**20}\n", {}, "table.csv, line 1: more than 4194304 characters in a line"),
        (HEADER + "1,2,x\n" * 200 + f"1,2,{'x' * 5 * 2**20}\n", {}, "line 202: more than 4,194,304 characters in a"),
        (HEADER + "1,2,x\n" * 150 + "300,2,y\n", {"dtype": "uint8"}, "line 152, column 1 ('a'): expected"),
        ("a,label\n1,x\n1e39,y\n", {"dtype": "float32"}, "line 3, column 1 ('a'): expected a number that float32 can"),
        ("x,1,2\ny,3,4,5\n", {"label": 0}, "table.csv, line 2, column 4: 4 columns, expected 3, as the first row has"),
        ("5.1,x,3.5\n1,2,3\n", {"label": 2}, "table.csv, line 1, column 2: expected a number, found 'x'"),
        # Decimal marks
        (
            "a;b;label\n1,5;2.5;x\n3;4;y\n",
            {},
            "table.csv, line 2, column 1 ('a'): expected a number, found '1,5'",
        ),
        (
            "a;label\n" + "1;x\n" * 200 + "1,5;x\n",
            {},
            "line 202, column 1 ('a'): expected a number, found '1,5'; is the comma a decimal mark? Set decimal = ','",
        ),
        (
            "a;label\n1,5;x\n" + "1;x\n" * 200 + "1.5;x\n",
            {},
            "line 203, column 1 ('a'): expected a number, found '1.5'",
        ),
        ("a;label\n1.000,5;x\n", {}, "table.csv, line 2, column 1 ('a'): expected a number, found '1.000,5'"),
        (
            "a\tlabel\n1,500\tx\n",
            {},
            "'1,500'; is the comma a decimal mark, or between thousands? Set decimal = ',' or thousands = ','",
        ),
        ("a,label\n1,5,x\n3,5,y\n", {}, "line 1: the header has 2 columns, and the rows from line 2 on have 3"),
        ("1,5;3,5\n1,5;3,5\n", {}, "is the delimiter a comma or a semicolon? Set delimiter = ',' or delimiter = ';'"),
        # Encodings
        (
            TABLE.encode("utf-16-le"),
            {},
            "table.csv, line 1: NUL bytes as UTF-16 text has them: set encoding = 'utf-16-le'",
        ),
        (
            TABLE.encode("utf-16-be"),
            {},
            "table.csv, line 1: NUL bytes as UTF-16 text has them: set encoding = 'utf-16-be'",
        ),
        (
            "\ufeff" + TABLE,
            {"encoding": "latin-1"},
            "line 1: begins as UTF-8 text does, not as LATIN-1: set encoding = 'utf-8'",
        ),
        ("\ufeff" + TABLE, {"encoding": "ascii"}, "table.csv, line 1: byte 0xef is not ASCII text"),
        (
            TABLE.replace("y", "é").encode("latin-1"),
            {},
            f"table.csv, line 3: byte 0xe9 {UTF_8}: set encoding = 'cp1252'",
        ),
        (TABLE.replace("y\n", "é").encode()[:-1], {}, f"table.csv, line 3: byte 0xc3 {UTF_8}"),
        (
            "\ufeff".encode() + TABLE.replace("y", "é").encode("latin-1"),
            {},
            "line 3: byte 0xe9 is not UTF-8 text; save it as",
        ),
        (TABLE.encode() * 40_000 + b"\xff\n", {}, f"table.csv, line 120001: byte 0xff {UTF_8}"),
        (TABLE.encode("utf-16")[:-1], {"encoding": "utf-16"}, "table.csv"),
        # Other files that are named so
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {}, "table.csv: an Excel workbook: save it as CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1", {}, "table.csv: a picture: read it by Pillow"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", {}, "table.csv: a PDF document: save it as CSV in the program that made it"),
        (pack_with(tar_of), {}, "table.csv: an archive: unpack it"),
        (gzip.compress(pack_with(tar_of), mtime=0), {}, "table.csv: an archive: unpack it"),
        (bytes(1000), {}, f"{NUL}"),
        (b"\x7fELF\2\1\1" + bytes(50), {}, f"{NUL}"),
        (bytes(range(256)) * 4, {}, UTF_8),
        (pickle.dumps([1, 2], 0), {}, ONE_COLUMN),
        (pickle.dumps([1, 2]), {}, "table.csv: no rows and labels in a pickle of list"),
        (pickle.dumps([1, 2]), {"source": "csv"}, f"table.csv, line 1: byte 0x80 {UTF_8}"),
        (
            '{"a": 1, "label": "x"}\n{"a": 3, "label": "y"}\n',
            {},
            "table.csv: JSON: read it by pandas.read_json, and save it as CSV",
        ),
        (json.dumps([{"a": 1, "b": 2}] * 2, indent=1), {}, "table.csv: JSON: read it by pandas.read_json"),
        ('[1, 2, "x"]\n[3, 4, "y"]\n', {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        ("<!DOCTYPE html>\n<title>404</title>\n", {}, "table.csv: a web page: is it an error page"),
        ("<html>\n<p>Sorry, not found</p>\n", {}, "table.csv: a web page: is it an error page"),
        ('<?xml version="1.0"?>\n<r><a>1</a></r>\n', {}, "table.csv: XML: save it as CSV"),
        ("| a | b | label |\n|---|---|---|\n| 1 | 2 | x |\n", {}, "between cells: set delimiter = '|'"),
        (
            "| a | b |\n|---|---|\n| 1 | x |\n",
            {"delimiter": "|"},
            "table.csv, line 1: column 1 has no name in the header",
        ),
        (
            "a | b | label\n---|:--:|---\n1 | 2 | x\n2 | 3 | y\n",
            {"delimiter": "|"},
            "table.csv, line 2: a line below the header ('---'), no row: take it out",
        ),
        ('"a" "b" "label"\n"1" 1.5 2 "x"\n"2" 2.5 3 "y"\n', {}, "name the first one (row names of R?)"),
        ('"a";"b";"label"\n"1";1,5;2;"x"\n"2";2,5;3;"y"\n', {}, "name the first one (row names of R?)"),
        ("2019,2020,2021,2022\n1.5,2,3,0\n2.5,3,4,1\n", {}, f"table.csv, line 1: a header, or a row of data? {ASKED}"),
        ("400,402.5,405,407.5\n1.5,2,3,0\n2.5,3,4,1\n", {}, f"line 1: a header, or a row of data? {ASKED}"),
        ("a  b  label\n1  2  x\n", {"delimiter": " "}, "table.csv, line 1: column 2 has no name in the header"),
        ("a|b|label\n1|2|x\n", {}, "table.csv: neither commas, semicolons nor tabs between cells: set delimiter = '|'"),
    ],
)
def test_files_that_are_refused(path, content, options, words):
    assert words in words_of(path, content, **options)


@pytest.mark.parametrize(
    ("content", "given"),
    [("a;label\n1,5;x\n1.5;x\n", {"decimal": ","}), ('a,label\n1,x\n",5",x\n', {"thousands": ","})],
)
def test_no_notation_is_advised_that_the_settings_rule_out(path, content, given):
    with pytest.raises(DataError, match=r"line 3, column 1 .*: expected a number, found") as caught:
        load(path, content, label="label", **given)
    assert not any({"decimal", "thousands"} & advised.keys() for advised in caught.value.advice)


WRONG = [("x,1\n", 3), ('x,"1\nr",2\n', 2), ('"x"y,1,2\n', 1), ("\u200b,1,2\n", 1), ("x,1,2,3\n", 4), ("x,s,2\n", 2)]
"""Rows, and the column of the mistake in each."""


def places_in(words: str) -> list[tuple[int, int]]:
    return [(int(line), int(column)) for line, column in re.findall(r"line (\d+), column (\d+)", words)]


@pytest.mark.parametrize("size", [64, 2**17])
@pytest.mark.parametrize("start", range(len(WRONG)))
def test_mistakes_come_in_the_order_of_the_file(path, monkeypatch, size, start):
    monkeypatch.setattr("modnet_data.csv.blocks.BLOCK", size)
    text, places = "label,a,b\n" + "x,1,2\n" * 300, []
    for row, column in WRONG[start:] + WRONG[:start]:
        places.append((text.count("\n") + 1, column))
        text += row + "x,1,2\n" * 50
    assert places_in(words_of(path, text)) == places[:3]


def test_the_mistakes_of_a_row_come_by_column(path):
    assert places_in(words_of(path, "label,a,b\nx,1,2\n\u200b,p,q\n")) == [(3, 1), (3, 2), (3, 3)]


UNSEEN = [
    ("\ufeffcat", "an invisible character (U+FEFF)"),
    ("ca\u200bt", "an invisible character (U+200B)"),
    ("cat\u200d", "an invisible character (U+200D)"),
    ("\u202ecat", "an invisible character (U+202E)"),
    ("c\u00adat", "an invisible character (U+00AD)"),
    ("\u3164", "an invisible character (U+3164)"),
    ("c\x1b[31mat", "a control character (U+001B)"),
    ("c\tat", "a control character (U+0009)"),
]


@pytest.mark.parametrize("before", [1, 500])
@pytest.mark.parametrize(("label", "what"), UNSEEN)
def test_labels_that_nobody_sees_are_refused(path, label, what, before):
    words = words_of(path, HEADER + "1,2,cat\n" * before + f"3,4,{label}\n")
    where = f"table.csv, line {before + 2}, column 3 ('label')"
    assert words == f"{where}: the label {label!r} has {what}: take it out"


@pytest.mark.parametrize("before", [1, 20_000])
@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("\u00e9t\u00e9", "e\u0301te\u0301", r"'\xe9t\xe9' and 'e\u0301te\u0301'"),
        ("\ud55c", "\u1112\u1161\u11ab", r"'\ud55c' and '\u1112\u1161\u11ab'"),
        ("New York", "New\u00a0York", r"'New York' and 'New\xa0York'"),
        ('"a\nb"', '"a\r\nb"', r"'a\nb' and 'a\r\nb'"),
        ("می‌خواهم", "میخواهم", "look alike"),
    ],
)
def test_labels_that_look_alike_are_refused(path, one, other, shown, before):
    words = words_of(path, HEADER + "1,2,x\n" * before + f"1,2,{one}\n3,4,{other}\n")
    line = before + 3 + one.count("\n")
    assert words.startswith(f"table.csv, line {before + 2}, column 3 ('label'): the labels ")
    assert shown in words
    assert words.endswith(f" Unicode's form NFC (the other one is in line {line})")


def test_labels_of_the_test_file_that_look_alike_are_refused(tmp_path):
    (tmp_path / "a_test.csv").write_text(HEADER + "1,2,e\u0301\n", encoding="utf-8")
    words = words_of(tmp_path / "a_train.csv", HEADER + "1,2,\u00e9\n3,4,x\n")
    assert r"a_test.csv: the labels 'e\u0301' and '\xe9' look alike" in words


# Compressed files

LONG = (HEADER + (ROWS + "3,4,x\n1.5,2,y\n") * 1500).encode()


def zst(content: bytes) -> bytes:
    """Return it as the program zstd packs it: with a checksum."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    module = pytest.importorskip(name, reason="needs the extra zst")
    packed: bytes = module.compress(content, options={module.CompressionParameter.checksum_flag: 1})
    return packed


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zst], ids=["gz", "bz2", "xz", "zst"])
class TestCompressed:
    def test_two_behind_each_other_are_one_file(self, path, pack):
        data = load(path, pack(TABLE.encode()) + pack(b"5,6,x\n"))
        np.testing.assert_array_equal(data.train.x, [*FEATURES, [5, 6]])

    def test_a_plain_file_that_is_named_so(self, path, pack):
        for suffix in (".gz", ".bz2", ".xz", ".zst"):
            np.testing.assert_array_equal(load(path.with_name(f"a.csv{suffix}"), TABLE).train.x, FEATURES)

    def test_cut_off_anywhere(self, path, pack):
        packed = pack(LONG)
        for size in {3 * len(packed) // 4, len(packed) - 9, len(packed) - 1}:
            assert words_of(path, packed[:size]).startswith(f"table.csv: {CUT}: ")
        for size in range(1, 12):
            words_of(path, packed[:size])

    def test_a_changed_byte_is_no_other_array(self, path, pack):
        packed = pack(LONG)
        right = load(path, packed)
        for place in np.linspace(0, len(packed) - 1, 60).astype(int).tolist():
            changed = bytearray(packed)
            changed[place] ^= 0x10
            try:
                data = load(path, bytes(changed))
            except DataError:
                continue
            np.testing.assert_array_equal(data.train.x, right.train.x)  # a byte that says nothing of the content
            np.testing.assert_array_equal(data.train.t, right.train.t)
            assert data.classes == right.classes

    def test_garbage_behind_its_end(self, path, pack):
        content = pack(LONG) + b"garbage"
        if pack in {bz2.compress, lzma.compress}:  # in which Python's own modules end with the last good stream
            assert len(load(path, content).train) == 6000
        else:
            assert words_of(path, content).startswith(f"table.csv: {CUT}: ")

    def test_one_in_another(self, path, pack):
        assert "a compressed file in another one: unpack it" in words_of(path, pack(pack(LONG)))

    def test_nothing_in_it(self, path, pack):
        assert words_of(path, pack(b"")) == EMPTY

    def test_a_mistake_in_it(self, path, pack):
        words = words_of(path, pack(LONG + b"1,?,x\n"))
        assert words.startswith("table.csv, line 6002, column 2 ('b'): expected a number, found '?'")


# What is no file


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv: a folder, expected a file"):
        modnet.load(tmp_path / "folder.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe\.csv: a device or a pipe, expected a file"):
        modnet.load(tmp_path / "pipe.csv")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_device_without_an_end(tmp_path):
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="a device or a pipe, expected a file"):
        modnet.load(tmp_path / "zero.csv")


def test_a_link_to_nothing_and_a_ring_of_links(tmp_path):
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    (tmp_path / "ring.csv").symlink_to(tmp_path / "ring.csv")
    for name in ("gone.csv", "ring.csv"):
        with pytest.raises(DataError, match=rf"{name}: no such file"):
            modnet.load(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(path):
    path.write_text(TABLE)
    path.chmod(0)
    with pytest.raises(DataError, match=r"table\.csv: cannot be read: Permission denied"):
        modnet.load(path)


# The command line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (HEADER.encode() + b"1,\xef\xbc\x95,x\n" * 2, "line 2, column 2 ('b'): expected a number or a word, found '"),
        (TABLE.encode("utf-16-le"), "line 1: NUL bytes as UTF-16 text has them: set encoding = 'utf-16-le'"),
        (gzip.compress(LONG, mtime=0)[:-20], CUT),
        (b"a,b,label\n1,\x1b[31m2,x\n", r"line 2, column 2 ('b'): the word '\x1b[31m2' has a control character"),
    ],
)
def test_the_command_line_says_it_in_words(path, content, words, call):
    path.write_bytes(content)
    done = call("train", "--data", str(path), "--out", "run", cwd=path.parent)
    assert done.returncode == 1
    assert done.stderr.startswith(f"modnet: {path}")
    assert words in done.stderr
    assert done.stderr.replace("\n", "").isprintable()
    assert not (path.parent / "run").exists()

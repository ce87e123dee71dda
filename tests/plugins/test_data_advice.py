"""Advice that works when it is obeyed to the letter.

Every setting that an error about a file names leads on to a data set, by `modnet.load` and on the command line.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from processes import Call

import modnet
from modnet import DataError, Dataset

CASES = Path(__file__).parents[3] / "shared" / "cases"
STEPS = 8
"""Errors on the way to a data set, at most."""

KINDS = ("fir", "oak", "yew")
TREES = "height,width,kind\n" + "".join(f"{i % 7}.5,{i % 5}.25,{KINDS[i % 3]}\n" for i in range(40))

ROWS = TREES.split("\n", 1)[1]


def table(head: str, row: str, rows: int = 40) -> str:
    """Return a table whose rows are made by a format, with the number `i` and its remainders `a` to `e`."""
    names = {"a": 2, "b": 3, "c": 5, "d": 7, "e": 11}
    return head + "".join(
        row.format(i=i, f=i * 0.37 - 3, **{name: i % base for name, base in names.items()}) for i in range(rows)
    )


FILES: dict[str, str | bytes] = {
    "good": TREES,
    # The label
    "several that could be the label": table("Survived,Pclass,Sex,Age\n", "{a},{b},s{c},{f}\n"),
    "several, text among them": table("Survived,Pclass,Sex,Age\n", "{a},{b},s{c},{f}\n"),
    "small counts": table("", "{c},{d},{b},{a}\n"),
    "one-hot at the end": table("", "{f},{d}.5,1,0,0\n{d}.5,{f},0,1,0\n{f},{f},0,0,1\n", 14),
    "the label twice": table("f,class,class_id\n", "{f},k{b},{b}\n"),
    "two names of labels": table("f,label,class\n", "{f},{a},{b}\n"),
    # Labels and missing values
    "NA is a continent": TREES.replace("fir", "NA"),
    "None is a degree": TREES.replace("yew", "None"),
    "plus and minus": TREES.replace("yew", "+").replace("fir", "-"),
    "leading zeros": TREES.replace("fir", "01").replace("oak", "02").replace("yew", "010"),
    "leading zeros late": table("f,g,label\n", "{f},{d},{b}\n", 300) + "1.5,2,02\n",
    "one and 01": TREES.replace("fir", "01").replace("oak", "1").replace("yew", "2"),
    "numbers and text": TREES.replace("fir", "1").replace("oak", "2"),
    "text late": table("f,g,label\n", "{f},{d},{b}\n", 300) + "1.5,2,other\n",
    "a number late": TREES * 1 + "1.5,2.5,7\n",
    "missing here and there": TREES.replace("3.5,", ",").replace(",2.25", ",NA"),
    "missing in all rows of a class": re.sub(r"^[\d.]+,([\d.]+,yew)", r",\1", TREES, flags=re.MULTILINE),
    "a dash for missing": TREES.replace("3.5,", "--,"),
    "missing labels": TREES.replace("fir\n6.5", "\n6.5"),
    "a column of nothing": table("f,empty,kind\n", "{f},,k{a}\n"),
    # The layout
    "cp949": f"높이,너비,품종\n{ROWS.replace('fir', '소나무')}".encode("cp949"),
    "shift_jis": f"高さ,幅,種類\n{ROWS.replace('fir', 'もみの木')}".encode("shift_jis"),
    "cp1252": TREES.replace("fir", "épicéa").encode("cp1252"),
    "utf-16": TREES.encode("utf-16"),
    "utf-16 without a mark": TREES.encode("utf-16-le"),
    "semicolons": TREES.replace(",", ";"),
    "decimal commas": TREES.replace(",", ";").replace(".", ","),
    "decimal commas or thousands": table("f;g;kind\n", "1,{a}5{b};2,{c}37;k{a}\n"),
    "two delimiters": table("a;b,c;d\n", "{d};{a},{b};{c}\n"),
    "thousands": table("income,age,kind\n", '"{d},{a}9{b}",{e},k{a}\n'),
    "title lines": "Trees of the park\nexported 3 May\n\n" + TREES,
    "comments": "# trees\n# 3 May\n" + TREES,
    "a trailing delimiter in rows": TREES.replace("\n", ",\n").replace("kind,", "kind", 1),
    "a trailing delimiter in the header": TREES.replace("kind", "kind,", 1),
    "a trailing delimiter in all lines": TREES.replace("\n", ",\n"),
    "names in a comment": table("# f e a\n", "{f:.6e} {e:.6e} {a:.6e}\n"),
    "runs of spaces": table("", "   {f:7.2f}  {e}.5   {a}\n"),
    "all text without a header": table("", "{a},{d},{b}\n").translate(str.maketrans("0123456", "xobqrst")),
    "text features": table("class,shape,color\n", "k{a},s{b},c{c}\n"),
    "a text feature": table("f,color,label\n", "{f},c{c},{a}\n"),
    "a saved index": table(",f,g,kind\n", "{i},{f},{c}.5,k{a}\n"),
    "an identifier": table("id,f,kind\n", "patient{i},{f},k{a}\n"),
    "long identifiers": table("id,f,kind\n", "900719925474099{i:03d},{f},k{a}\n"),
    "points between thousands": table("income;age;kind\n", "{d}1.{a}9{b};{e};k{a}\n", 9),
    "a header of years": table("2019,2020,2021,2022\n", "{f},{f},{c}.5,{a}\n"),
    "a header of numbers": table("0,1,2,3\n", "{f},{f},{c}.5,{a}\n"),
    "no header": ROWS,
    # Text among the features, and numbers to be predicted
    "Titanic": "Survived,Name,Sex,Age,Ticket,Cabin\n"
    + "".join(
        f'{i % 2},"N{i}, Mr",{"fm"[i % 3 > 0]},{"" if i % 7 == 3 else 20 + i % 9},{"PC " * (i % 4 == 1)}{1000 + i},'
        f"{'C' + str(i) if i % 5 == 0 else ''}\n"
        for i in range(60)
    ),
    "a word among numbers": table("f,g,label\n", "{f},{d},k{b}\n", 300) + "1.5,many,k1\n",
    "words among numbers": table("f,grade,label\n", "{f},{d},k{a}\n", 30) + "1,A,k0\n2,B,k1\n3,C,k0\n" * 4,
    "a question mark among words": table("f,root,label\n", "{f},r{b},k{a}\n").replace("r0", "?"),
    "missing words": table("f,root,label\n", "{f},r{b},k{a}\n").replace("r0", ""),
    "missing numbers and words": table("f,root,label\n", "{f},r{b},k{a}\n").replace("r0", "").replace("0.37", ""),
    "a column of nothing and a gap": table("f,empty,kind\n", "{f},,k{a}\n").replace("0.37", ""),
    "percentages": table("f,share,label\n", "{f},{e}%,k{a}\n"),
    "dates": table("f,day,label\n", "{f},2024-01-1{c},k{a}\n"),
    "fractions as labels": table("f,g,target\n", "{d},{e},{f}\n"),
    "single quotes": table("f,g,kind\n", "'{f}','{d}','k{a}'\n"),
    "lines below the table": TREES + "\n3 rows were left out\n(source: the park)\n",
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / f"{name}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def outcomes(
    path: Path, settings: Mapping[str, Any], steps: int = STEPS
) -> Iterator[tuple[Mapping[str, Any], Dataset | DataError]]:
    """Yield what becomes of a file, whichever advice is taken: a data set, or an error that advises no setting."""
    found = read(path, settings)
    if isinstance(found, Dataset) or not found.advice:
        yield settings, found
        return
    for advised in found.advice:
        new = {**settings, **advised}
        assert new != settings, f"{found}\nadvises what is set: {settings}"
        assert steps, f"no end of advice: {found}"
        yield from outcomes(path, new, steps - 1)


def read(path: Path, settings: Mapping[str, Any]) -> Dataset | DataError:
    try:
        data = modnet.load(path, **settings)
    except DataError as error:
        check_words(path, error)
        return error
    data.check()
    return data


def check_words(path: Path, error: DataError) -> None:
    """A setting that a message names is in its advice, so that it is tried here."""
    text = re.sub(r"\{.*?\}", "{}", str(error).replace(str(path), ""))  # inside are words for each column
    known = {field.name for field in attrs.fields(type(modnet.source("csv")))}
    named = {name for name in re.findall(r"\b(\w+) = ", text) if name in known}
    assert named == {key for advised in error.advice for key in advised}, text
    assert text.count("\n") <= 1, text
    assert len(error.advice) <= 6


@pytest.mark.parametrize("name", FILES)
def test_every_way_that_is_advised_ends_in_a_data_set(name: str, write: Any) -> None:
    for settings, found in outcomes(write(name, FILES[name]), {}):
        assert isinstance(found, Dataset), f"{settings}: {found}"
        assert len(found.classes) != 1, f"{settings} removes a class"


TABLES = [
    *("good", "several that could be the label", "several, text among them", "one-hot at the end", "the label twice"),
    *("two names of labels", "NA is a continent", "plus and minus", "numbers and text", "missing here and there"),
    *("missing in all rows of a class", "missing labels", "a column of nothing", "text features", "a text feature"),
    *("an identifier", "a saved index", "words among numbers", "a question mark among words", "missing words"),
    *("missing numbers and words", "dates", "fractions as labels", "long identifiers", "a dash for missing"),
]
"""The tables that pandas reads as they are meant."""


@pytest.mark.parametrize("kind", ["frame", "nullable", pytest.param("parquet", marks=pytest.mark.check)])
@pytest.mark.parametrize("name", TABLES)
def test_tables_with_types_are_advised_as_well(name: str, kind: str, tmp_path: Path) -> None:
    text = FILES[name]
    assert isinstance(text, str)
    frame = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    given: Any = frame.convert_dtypes() if kind == "nullable" else frame
    if kind == "parquet":
        given = tmp_path / "table.parquet"
        frame.to_parquet(given)
    for settings, found in outcomes(given, {}):
        assert isinstance(found, Dataset), f"{settings}: {found}"
        assert len(found.classes) != 1, f"{settings} removes a class"


@pytest.mark.parametrize("name", FILES)
def test_the_option_that_the_command_line_names_does_as_well(name: str, write: Any, call: Call) -> None:
    path, options, target = write(name, FILES[name]), list[str](), "out.npz"
    for _ in range(STEPS):
        done = call("data", "convert", path.name, target, "--overwrite", *options, cwd=path.parent)
        if not done.returncode or "several targets are not written" in done.stderr:
            return
        if "write a CSV or a Parquet file" in done.stderr:
            target = "out.csv"
            continue
        asked, *how = done.stderr.splitlines()
        found = next((line for line in how if line.startswith("as an option: ")), None)
        assert found, asked
        options += shlex.split(found.removeprefix("as an option: "))
    pytest.fail(f"no end of advice: {options}")


def cases() -> list[Path]:
    if not CASES.is_dir():
        return []
    found = [path for path in CASES.rglob("*") if path.is_file() and path.name != "README" and path.suffix != ".py"]
    return sorted(found)


@pytest.mark.skipif(not cases(), reason="the files of other people are not on this machine")
@pytest.mark.parametrize("path", cases() or [CASES], ids=lambda path: os.fspath(path.relative_to(CASES)))
def test_files_of_other_people(path: Path) -> None:
    for _, found in outcomes(path, {}):
        assert isinstance(found, Dataset | DataError)


@pytest.mark.sweep(every=4)
@pytest.mark.parametrize("name", FILES)
def test_the_block_that_data_show_prints_trains_when_it_is_pasted(
    name: str, write: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnet.cli.train._draw", lambda *_: "")  # 120 pictures that nobody looks at
    path = write(name.replace(" ", "-"), FILES[name])
    shown = call("data", "show", path.name, cwd=path.parent)
    assert shown.returncode == 0, shown.stderr
    block = re.search(r"^\[data\]\n(.+\n)+", shown.stdout, re.MULTILINE)
    assert block, shown.stdout
    (path.parent / "pasted.toml").write_text(block[0], encoding="utf-8")
    quick = ("--gradient", "backpropagation", "--iterations", "2", "--out", "run")
    done = call("train", "pasted.toml", *quick, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    command = next(line for line in shown.stdout.splitlines() if line.startswith("or modnet train "))
    words = shlex.split(command.removeprefix("or modnet "))
    done = call(*words, *quick, "--overwrite", cwd=path.parent)
    assert done.returncode == 0, done.stderr

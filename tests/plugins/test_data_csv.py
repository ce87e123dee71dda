"""CSV files: what is inferred, what is asked for, and where a mistake is."""

from __future__ import annotations

import csv
import gzip
import io
import re
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from processes import run_modnet

import modnet
from modnet import DataError, SettingError

IRIS = "5.1,3.5,setosa\n6.3,3.3,virginica\n5.0,3.6,setosa\n"
HEADED = "length,width,species\n" + IRIS
ALL = {"test_fraction": 0.0, "standardize": False}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowers.csv"


def load(path: Path, text: str | bytes, **options: Any) -> modnet.Dataset:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return modnet.load(path, source="csv", **ALL | options)


def words_of(path: Path, text: str | bytes, **options: Any) -> str:
    """Return the words of the error, less the folder, in one line."""
    with pytest.raises(DataError) as caught:
        load(path, text, **options)
    assert caught.value.__cause__ is None
    words = str(caught.value)
    assert "\n" not in words
    return words.replace(f"{path.parent}/", "")


# What is inferred


@pytest.mark.parametrize(
    ("text", "inferred"),
    [
        (HEADED, {"label": "species", "delimiter": ",", "header": True}),
        (HEADED.replace(",", ";"), {"label": "species", "delimiter": ";", "header": True}),
        (HEADED.replace(",", "\t"), {"label": "species", "delimiter": "\t", "header": True}),
        (IRIS, {"label": 2, "delimiter": ",", "header": False}),
        ("\n" * 150 + HEADED, {"label": "species", "delimiter": ",", "header": True}),
        ('"length","width","species"\n' + IRIS.replace("setosa", '"setosa"'), {"label": "species", "header": True}),
        (HEADED.replace("species", "kind"), {"label": "kind"}),
        (HEADED.replace("species", " Class "), {"label": "Class"}),
        (HEADED.replace(",", " , "), {"label": "species"}),
        ("species,length,width\nsetosa,5.1,3.5\nvirginica,6.3,3.3\nsetosa,5,3.6\n", {"label": "species"}),
    ],
)
def test_layouts(path, text, inferred):
    data = load(path, text)
    np.testing.assert_array_equal(data.train.x, [[5.1, 3.5], [6.3, 3.3], [5.0, 3.6]])
    np.testing.assert_array_equal(data.train.t, [0, 1, 0])
    assert data.classes == ("setosa", "virginica")
    assert inferred.items() <= data.settings.items()
    assert data.settings["test"] == ""


@pytest.mark.parametrize(
    ("text", "label", "classes"),
    [
        ("label,a,b\n7,1.5,2\n3,1,2\n", "label", (3, 7)),
        ("a,b,y\n1.5,2,0\n1,2,1\n1,2,1\n", "y", (0, 1)),
        ("y,a,b\n0,1.5,2\n1,1,.2\n", "y", (0, 1)),
        ("0,1.5,2.5\n1,1,2\n2,1,2\n", 0, (0, 1, 2)),
        ("1,1.5,2.5\n2,1,2\n2,1,2\n", 0, (1, 2)),
        ("1.5,2.5,0\n1,2,1\n", 2, (0, 1)),
        ("a,label\n1.5,1.0\n2,-1.0\n", "label", (-1, 1)),
        ("label,0,1,2\nx,5,6,7\ny,5,6,8\n", "label", ("x", "y")),
        ("1,2,3,species\n5,6,7,0\n5,6,8,1\n", "species", (0, 1)),
    ],
)
def test_labels_of_numbers(path, text, label, classes):
    data = load(path, text)
    assert (data.settings["label"], data.classes) == (label, classes)


def test_a_second_read_infers_nothing(path):
    data = load(path, HEADED)
    source = modnet.source("csv", **data.settings)
    path.with_name("flowers_test.csv").write_text("not used")
    assert source.read(path).settings == data.settings


def test_the_label_by_number_and_from_the_end(path):
    assert load(path, HEADED, label=2).settings["label"] == "species"
    assert load(path, HEADED, label=-1).settings["label"] == "species"
    assert load(path, IRIS, label="2").settings["label"] == 2
    np.testing.assert_array_equal(load(path, "0,7,1.5\n1,7,2\n", label=1).train.x, [[0, 1.5], [1, 2]])


def test_other_delimiters_are_taken_when_named(path):
    assert load(path, HEADED.replace(",", "|"), delimiter="|").train.x.shape == (3, 2)
    assert load(path, IRIS.replace(".", "_").replace(",", " ").replace("_", "."), delimiter=" ").train.x.shape == (3, 2)


def test_a_header_of_numbers_is_taken_when_named(path):
    assert load(path, "0,1,2,3\n5,6,7,8\n5,6,7,9\n", header=True, label="3").classes == (8, 9)


# The test part


def test_the_test_file_beside_it(tmp_path):
    (tmp_path / "iris_train.csv").write_text(HEADED)
    (tmp_path / "iris_test.csv").write_text("length,width,species\n1,2,virginica\n")
    data = modnet.load(tmp_path / "iris_train.csv", standardize=False)
    assert data.settings["test"] == "iris_test.csv"
    assert data.classes == ("setosa", "virginica")
    np.testing.assert_array_equal(data.test.x, [[1, 2]])
    np.testing.assert_array_equal(data.test.t, [1])
    assert modnet.load(tmp_path / "iris_train.csv", test="", test_fraction=0.0).test.x.shape == (0, 2)
    assert modnet.load(tmp_path / "iris_test.csv", test_fraction=0.0).settings["test"] == ""


def test_a_named_test_file_is_relative_to_the_folder(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_text(HEADED)
    (tmp_path / "sub" / "b.csv").write_text(HEADED)
    monkeypatch.chdir("/")
    assert modnet.load(tmp_path / "a.csv", test="sub/b.csv").test.x.shape == (3, 2)
    assert modnet.load(tmp_path / "a.csv", test=str(tmp_path / "sub" / "b.csv")).test.x.shape == (3, 2)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (None, "b.csv: no such file"),
        ("length,width\n1,2\n", "b.csv: 2 columns, expected 3 as in the training file"),
        (
            "width,length,species\n1,2,setosa\n",
            "b.csv, line 1: column 1 is 'width', in the training file it is 'length'",
        ),
        ("1,2,setosa\n", "b.csv: a header and no rows"),
        ("1,2,setosa\n1,2,setosa\n", "b.csv, line 1: column 1 is '1', in the training file it is 'length'"),
        ("length,width,species\n1,x,setosa\n", "b.csv, line 2, column 2 ('width'): expected a number, found 'x'"),
        ("", "b.csv: the file is empty"),
    ],
)
def test_a_test_file_that_does_not_fit(path, test, words):
    if test is not None:
        path.with_name("b.csv").write_text(test)
    assert words in words_of(path, HEADED, test="b.csv")


def test_a_label_of_numbers_and_a_test_file_with_text(path):
    path.with_name("b.csv").write_text("a,label\n1,x\n")
    words = words_of(path, "a,label\n1,0\n2,1\n", test="b.csv")
    assert words == "b.csv, line 2, column 2 ('label'): expected a number, found 'x': set text_labels = true"


# Rows to predict


@pytest.mark.parametrize(
    ("text", "labels", "options"),
    [
        ("length,width\n1,2\n3,4\n", None, {}),
        ("1,2\n3,4\n", None, {"header": True, "label": "species"}),
        ("length;width\n1;2\n3;4\n", None, {}),
        ("length,width,species\n1,2,a\n3,4,b\n", ["a", "b"], {"header": True, "label": "species"}),
        ("species,length,width\na,1,2\nb,3,4\n", ["a", "b"], {}),
        ("7,1,2\n8,3,4\n", [7, 8], {"label": 0, "header": False}),
        ("1,2,a\n3,4,b\n", ["a", "b"], {"label": "species", "header": True}),
        ("length,width,digit\n1,2,7\n3,4,8\n", [7, 8], {"label": "gone"}),
    ],
)
def test_rows_to_predict(path, text, labels, options):
    path.write_text(text)
    rows, found = modnet.source("csv", **options).read_rows(path, 2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    assert rows.dtype == np.float64
    assert found is labels if labels is None else found.tolist() == labels


def test_rows_to_predict_are_not_scaled(path):
    path.write_text(",".join(["255"] * 20) + "\n")
    rows, labels = modnet.source("csv", scale=255.0).read_rows(path, 20)
    assert (rows[0, 0], labels) == (255.0, None)


def test_rows_of_another_width(path):
    path.write_text("1,2\n3,4\n")
    with pytest.raises(DataError, match=r"2 columns, expected 784 \(the features\), or 785 with a label"):
        modnet.source("csv").read_rows(path, 784)


def test_rows_that_may_begin_with_a_header_use_the_setting(path):
    path.write_text("0,1,2\n5,6,7\n")
    assert len(modnet.source("csv", header=True).read_rows(path, 3)[0]) == 1
    assert len(modnet.source("csv", header=False).read_rows(path, 3)[0]) == 2
    with pytest.raises(DataError, match="a header, or a row of data"):
        modnet.source("csv").read_rows(path, 3)


def test_the_command_line_gives_labels_of_text_back(call, tmp_path):
    names = ['say "x", y', "Ärger", "=1+1", "a;b", "New\nYork", "می\u200cخواهم"]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["u", "v", "kind"], *([k % 3, k % 6 // 3, names[k % 6]] for k in range(120))])
    train = ["train", "--data", "a.csv", "--set", "data.label=kind", "--hidden", "9", "--optimizer", "adam"]
    for arguments in (
        [*train, "--gradient", "backpropagation", "--iterations", "2000", "--out", "run"],
        ["predict", "run", "a.csv"],
    ):
        done = call(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    table = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert table[0] == ["row", "prediction", "label"]
    assert [row[1] for row in table[1:121]] == names * 20
    shown = run_modnet("data", "show", "a.csv", "--set", "label=kind", cwd=tmp_path)
    assert r"New\nYork" in shown.stdout
    assert "می\u200cخواهم" in shown.stdout


# Mistakes and their places

ROWS = [f"{i % 3},{i},{i / 2}" for i in range(300)]
NUMBERS = "\n".join(["label,a,b", *ROWS]) + "\n"
WORD = (
    ": set encode = {{{1} = 'one-hot'}}, missing_values = {{{1} = ['x']}} with impute = 'median' or leave_out = [{0}]"
)
MISSING = ": set impute = 'median' or missing = 'drop'"


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("x", "expected a number, found 'x'{WORD}"),
        ("", f"expected a number, found an empty cell{MISSING}"),
        ("nan", f"expected a finite number, found 'nan'{MISSING}"),
    ],
)
@pytest.mark.parametrize(("row", "column", "name"), [(0, 1, "a"), (1, 2, "b"), (250, 1, "a")])
def test_a_cell_that_is_no_number_is_found(path, cell, found, row, column, name):
    rows = [line.split(",") for line in ROWS]
    rows[row][column] = cell
    text = "\n".join(["label,a,b", *map(",".join, rows)])
    expected = f"flowers.csv, line {row + 2}, column {column + 1} ({name!r}): {found}"
    assert words_of(path, text) == expected.format(WORD=WORD.format(repr(name), name))
    without = expected.replace(f"line {row + 2}", f"line {row + 1}").replace(f" ({name!r})", "")
    without = without.format(WORD=WORD.format(column, column))
    if row:  # without a header, a first line of text may be one
        assert words_of(path, "\n".join(map(",".join, rows)), label=0) == without


@pytest.mark.parametrize("row", [0, 5, 299])
@pytest.mark.parametrize(
    ("line", "found", "hint"),
    [
        ("1,2", "column 3 ('b'): 2 columns", ""),
        ("1", "column 2 ('a'): 1 column", ""),
        ("1,2,3,4", "column 4: 4 columns", ""),
        ("1,2,3,", "column 4: 4 columns", ""),
        ("   ", "column 2 ('a'): 1 column", ""),
        ("x", "column 2 ('a'): 1 column", ""),
        ("1,x", "column 3 ('b'): 2 columns", ""),
        ("1,2.5.5", "column 3 ('b'): 2 columns", "; is a delimiter missing in column 2 ('a'), '2.5.5'?"),
        ("1,2;5", "column 3 ('b'): 2 columns", "; is a delimiter missing in column 2 ('a'), '2;5'?"),
        ("1;2;3", "column 2 ('a'): 1 column", "; is a delimiter missing in column 1 ('label'), '1;2;3'?"),
        ("1;2;x", "column 2 ('a'): 1 column", ""),
        ("1,,2,3", "column 4: 4 columns", "; is there one delimiter too many at column 2 ('a')?"),
        ("1,,2,x", "column 4: 4 columns", ""),
        ("1,a,2,3", "column 4: 4 columns", ""),
        ("1,2,3,4,5", "column 4: 5 columns", ""),
    ],
)
def test_ragged_rows_are_found(path, row, line, found, hint):
    lines = ["label,a,b", *ROWS]
    lines[row + 1] = line
    words = words_of(path, "\n".join(lines), delimiter=",")
    assert words == f"flowers.csv, line {row + 2}, {found}, expected 3, as the header has{hint}"


@pytest.mark.parametrize(
    ("line", "found", "hint"),
    [
        ("2,Al,5", "column 4 ('kind'): 3 columns", ""),
        ("2,Al5,x", "column 4 ('kind'): 3 columns", ""),  # is the name lacking, or a number?
        ("2,Al,5x", "column 4 ('kind'): 3 columns", "; is a delimiter missing in column 3 ('b'), '5x'?"),
        (
            "2,Smith, Al,5,x",
            "column 5: 5 columns",
            "; is column 3 ('b'), ' Al', part of the text before? Put it in quotes",
        ),
        (
            "2,S, Al,Jr,5,x",
            "column 5: 6 columns",
            "; is column 3 ('b'), ' Al', part of the text before? Put it in quotes",
        ),
        ('2,"Al\n3,Bo,5,y"', "column 3 ('b'): 2 columns", "; is a quote left open in column 2?"),
        ('2,"New\nYork",x', "column 4 ('kind'): 3 columns", ""),
    ],
)
def test_ragged_rows_of_text_and_numbers_are_found(path, line, found, hint):
    text = "a,name,b,kind\n" + "1,Bo,2,x\n3,Cy,4.5,y\n" * 20 + line + "\n5,Di,6,x\n"
    words = words_of(path, text, label="kind", leave_out=["name"])
    assert words == f"flowers.csv, line 42, {found}, expected 4, as the header has{hint}"


def test_settings_are_checked():
    for settings_, words in [
        ({"delimiter": "ab"}, "'delimiter' must be one character"),
        ({"delimiter": "5"}, "'delimiter' must be one character"),
        ({"delimiter": ""}, "'delimiter' must be one character"),
        ({"header": "yes"}, "'header' must be"),
        ({"label": 1.5}, "'label' must be"),
        ({"test_fraction": -0.1}, "'test_fraction' must be >= 0 and < 1: -0.1"),
        ({"scale": "big"}, "'scale' must be"),
    ]:
        with pytest.raises(SettingError, match=words):
            modnet.source("csv", **settings_)


# Compression


def test_a_file_cut_off_beyond_its_first_lines(tmp_path):
    rng = np.random.default_rng(0)
    text = "label,a\n" + "".join(f"{i % 2},{v!r}\n" for i, v in enumerate(rng.normal(size=20_000).tolist()))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode())[:-1000])
    with pytest.raises(DataError, match="the compressed file is damaged or cut off"):
        modnet.load(tmp_path / "a.csv.gz")


# Round trips

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=8)
MISSING = {"", "?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"}
ODD = re.compile(r"[+-]?(nan|inf|infinity|\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)", re.ASCII | re.IGNORECASE)


def can_stand_in_a_file(label: str) -> bool:
    """Say whether a label is still the same text when it is read: no number, no missing value, all of it printed."""
    if label != label.strip() or modnet.find_unclear_labels([label]) or len(label) > 999:
        return False
    return label not in MISSING and not ODD.fullmatch(label.replace(",", ".", 1))


def are_clear(labels: list[str]) -> bool:
    """Say whether people can tell the labels apart."""
    return modnet.find_unclear_labels({*labels}) is None


letters = st.characters(exclude_categories=["C", "Zl", "Zp"])
clear = st.text(letters | st.just("\n"), max_size=40)
labels = words.filter(lambda word: can_stand_in_a_file(word.strip()))


@given(
    rows=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53), labels),
        min_size=1,
        max_size=150,
    ),
    delimiter=st.sampled_from(",;\t|"),
    header=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@example(rows=[(0.5, 1, "a" * 40), (0.5, 1, "b")], delimiter=",", header=True, newline="\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_comes_back(tmp_path, rows, delimiter, header, newline):
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=newline)
        writer.writerows([["a", "b", "class"]] * header)
        writer.writerows(rows)
    options = {"delimiter": delimiter, "header": header, "standardize": False}
    data = modnet.load(path, label=2, test_fraction=0.0, **options)
    np.testing.assert_array_equal(data.train.x, [[a, float(b)] for a, b, _ in rows])
    assert [data.classes[i] for i in data.train.t] == [label.strip() for *_, label in rows]


@st.composite
def data_sets(draw: st.DrawFn) -> modnet.Dataset:
    """Features of several dtypes, every finite number among them, and labels of any text or of whole numbers."""
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 5)))
    dtype, elements = draw(
        st.sampled_from(
            [
                (np.float64, st.floats(allow_nan=False, allow_infinity=False)),
                (np.float32, st.floats(allow_nan=False, allow_infinity=False, width=32)),
                (np.uint8, st.integers(0, 255)),
                (np.int64, st.integers(-(2**53), 2**53)),
            ]
        )
    )
    x = draw(arrays.arrays(dtype, shape, elements=elements))
    text = clear | st.sampled_from(["007", "nan", "NA", "1,5", 'a"b', "x" * 1000, " a", "\ud800", "été"])
    texts = st.lists(text, min_size=1, max_size=5).filter(are_clear)
    names = draw(texts | st.lists(st.integers(1 - 2**53, 2**53 - 1), min_size=1))
    return modnet.Dataset.from_arrays((x, np.array(list(islice(cycle(names), len(x))))), test_fraction=0.0, scale=1.0)


@given(data=data_sets(), delimiter=st.sampled_from(",;\t| .-+:~^€\x1f"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_bit_for_bit_or_refused(tmp_path, data, delimiter):
    source, path = modnet.source("csv", delimiter=delimiter, test_fraction=0.0, scale=1.0), tmp_path / "w.csv"
    path.unlink(missing_ok=True)
    if not all(isinstance(name, int) or can_stand_in_a_file(name) for name in data.classes):
        with pytest.raises(DataError, match="cannot be written"):
            source.write(data, path)
        assert list(tmp_path.iterdir()) == []
        return
    source.write(data, path)
    read = attrs.evolve(source, label="label", header=True).read(path)
    assert read.train.x.tobytes() == data.train.x.tobytes()
    assert read.train.t.tobytes() == data.train.t.tobytes()
    assert read.classes == data.classes


@given(
    x=arrays.arrays(np.float64, (20, 3), elements=st.floats(allow_nan=False, allow_infinity=False)),
    names=st.lists(  # without line ends: csv does not put a name in quotes for one of another kind
        st.text(letters, max_size=40).map(str.strip).filter(can_stand_in_a_file), min_size=1, max_size=20
    ).filter(are_clear),
    dialect=st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from(",;\t|"),
            "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
            "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        }
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_csv_module_writes_is_read_bit_for_bit(tmp_path, x, names, dialect):
    names = list(islice(cycle(names), len(x)))
    with (tmp_path / "m.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, **dialect)
        writer.writerow(["a", "b", "c", "kind"])
        writer.writerows([*row, name] for row, name in zip(x.tolist(), names, strict=True))
    data = modnet.load(tmp_path / "m.csv", delimiter=dialect["delimiter"], label="kind", scale=1.0, test_fraction=0.0)
    assert data.train.x.tobytes() == x.tobytes()
    assert [data.classes[i] for i in data.train.t] == names
    assert data.classes == tuple(sorted({*names}))


@given(
    table=st.lists(st.lists(st.integers(0, 255), min_size=5, max_size=5), min_size=1, max_size=130),
    late=st.sampled_from(["7", "300", "-1", "0.5", "1e3"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_small_whole_numbers_until_one_is_not(tmp_path, table, late):
    table = [*map(list, table), [0, 0, 0, 0, float(late)]]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join(map(str, row[:4])) + "," + str(row[4]) for row in table).replace(".0\n", "\n"))
    data = modnet.load(path, label=0, header=False, test_fraction=0.0, scale=1.0)
    np.testing.assert_array_equal(data.train.x, np.array(table)[:, 1:])


@given(st.text(max_size=200) | st.text('01.,;"\n\r\tab#', max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings.default.max_examples * 3)
def test_any_text_is_read_or_refused(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        data = modnet.load(path, test_fraction=0.0)
    except DataError:
        pass
    else:
        assert np.isfinite(data.train.x).all()
        assert len(data.train.x) == len([row for row in csv.reader(text.splitlines()) if row]) - data.settings["header"]

"""Labels, classes and missing values of tables, none of which is lost silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modnet
from modnet import DataError, Dataset, SettingError

Rows = Sequence[Sequence[Any]]
WORDS = ["", "?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"]
FORMATS = ["csv", "parquet"]


def save(folder: Path, rows: Rows, kind: str = "csv", names: Sequence[str] = ("a", "b", "label")) -> Path:
    """Write rows of features and a label; a cell of features that is "" is missing."""
    path = folder / f"table.{kind}"
    if kind == "csv":
        path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
        return path
    pa = pytest.importorskip("pyarrow")
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [pa.array([None if value == "" else float(value) for value in column]) for column in columns[:-1]]
    pytest.importorskip("pyarrow.parquet").write_table(
        pa.table([*arrays, pa.array(columns[-1])], names=list(names)), path
    )
    return path


def load(path: Path, **options: Any) -> Dataset:
    return modnet.load(path, **{"test_fraction": 0.0, "label": "label", "standardize": False, **options})


def labels_of(data: Dataset) -> list[Any]:
    return [data.classes[i] for i in data.train.t]


def ask(path: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        load(path, **options)
    return caught.value


class StuckError(Exception):
    """An error without advice."""


def obey(path: Path, depth: int = 6, **options: Any) -> Iterator[tuple[Dataset, Mapping[str, Any]]]:
    """Yield what is read, and with which settings, by following each advice to the letter."""
    try:
        yield load(path, **options), options
    except DataError as error:
        if not error.advice or not depth:
            raise StuckError(f"{error} ({options})") from error
        for advice in error.advice:
            yield from obey(path, depth - 1, **{**options, **advice})


# Words for missing values among labels


@pytest.mark.parametrize(
    ("kind", "word"), [*(("csv", word) for word in WORDS if word), ("parquet", "NA"), ("parquet", "nan")]
)
def test_a_word_among_labels_of_text_is_asked_about(tmp_path, kind, word):
    rows = [(1, 2, "mild"), (3, 4, word), (5, 6, "severe"), (7, 8, word)]
    path = save(tmp_path, rows, kind)
    for missing in ("refuse", "drop", 0):
        error = ask(path, missing=missing)
        place = "line 3" if kind == "csv" else "row 2"
        assert f", {place}, column 3 ('label'): is {word!r} a class, or a missing label?" in str(error)
        assert error.advice == ({"missing_values": {"label": []}},)
    assert labels_of(load(path, missing_values={"label": []})) == ["mild", word, "severe", word]
    assert labels_of(load(path, missing_values={"label": [word]}, missing="drop")) == ["mild", "severe"]
    assert labels_of(load(path, missing_values=[word], missing="drop")) == ["mild", "severe"]
    assert labels_of(load(path, missing_values=["x"], missing="drop")) == ["mild", word, "severe", word]
    assert labels_of(load(path, classes=["severe", word, "mild"])) == ["mild", word, "severe", word]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_minus_is_a_class_beside_a_plus(tmp_path, kind):
    path = save(tmp_path, [(1, 2, "-"), (3, 4, "+"), ("", 6, "-"), (7, 8, "+")], kind)
    data = load(path, missing="drop")
    assert data.classes == ("+", "-")
    assert data.settings["missing_values"] == {"label": []}  # so that a file with minuses alone is read alike
    alone = save(tmp_path, [(1, 2, "-"), (3, 4, "-")], kind)
    assert modnet.source(kind, **data.settings, text_labels=True).read_rows(alone, 2)[1].tolist() == ["-", "-"]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_empty_label_is_missing(tmp_path, kind):
    path = save(tmp_path, [(1, 2, "x"), (3, 4, ""), (5, 6, "y")], kind)
    assert ask(path, missing_values={"label": []}).advice == ({"missing": "drop"},)
    assert ask(path, missing=0).advice == ({"missing": "drop"},)
    assert labels_of(load(path, missing="drop")) == ["x", "y"]


def test_a_class_that_is_empty_cells_is_not_given_up(tmp_path):
    error = ask(save(tmp_path, [(1, 2, "yes"), (3, 4, ""), (5, 6, "yes"), (7, 8, "")]))
    assert "line 3, column 3 ('label'): expected a label, found an empty cell\n" in str(error)
    assert error.advice == ()


@pytest.mark.parametrize("word", ["NA", "nan", "?", "-", "None"])
def test_a_word_among_labels_that_are_numbers_is_asked_about(tmp_path, word):
    path = save(tmp_path, [(1, 2, 0), (3, 4, word), (5, 6, 1), (7, 8, 1)])
    for missing in ("refuse", "drop"):
        assert f"line 3, column 3 ('label'): is {word!r} a missing label, or a class?" in str(
            ask(path, missing=missing)
        )
    found = [labels_of(data) for data, _ in obey(path)]
    assert found == [[0, 1, 1], ["0", word, "1", "1"]]


def test_one_word_alone_is_no_class_by_advice(tmp_path):
    path = save(tmp_path, [(1, 2, "null"), (3, 4, "null")])
    assert ask(path).advice == ask(path, text_labels=True).advice == ()


def test_words_alone_are_classes_if_that_is_said(tmp_path):
    path = save(tmp_path, [(1, 2, "-"), (3, 4, "None"), (5, 6, "-")])
    assert [labels_of(data) for data, _ in obey(path)] == [["-", "None", "-"]]
    assert labels_of(load(path, missing_values={"label": []})) == ["-", "None", "-"]


@given(
    kind=st.sampled_from(["csv"] * 9 + ["parquet"]),
    rows=st.lists(
        st.tuples(
            st.sampled_from(["", "1", "2.5"]),
            st.sampled_from(["", "7", "8", "9"]),
            st.sampled_from([*WORDS, "+", "a", "b", "0", "1"]),
        ),
        min_size=1,
        max_size=12,
    ),
    options=st.fixed_dictionaries(
        {}, optional={"missing": st.sampled_from(["drop", 0]), "missing_values": st.just({"label": []})}
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_no_class_is_lost_without_an_error(tmp_path, kind, rows, options):
    path = save(tmp_path, rows, kind)
    known = {row[2] for row in rows} - {""}
    try:
        found = list(obey(path, **options))
    except StuckError:  # nothing is read
        return
    for data, followed in found:
        listed = followed.get("missing_values")
        listed = listed.get("label", ()) if isinstance(listed, Mapping) else ()
        kept = {float(label) if isinstance(data.classes[0], int) else label for label in known - {*listed}}
        assert {*data.classes} == kept
        assert not listed or not any(label.isalpha() for label in kept if isinstance(label, str))


# Missing values of features


@pytest.mark.parametrize("kind", FORMATS)
def test_rows_are_not_left_out_where_a_class_would_go_with_them(tmp_path, kind):
    path = save(tmp_path, [(1, 2, "x"), ("", 3, "y"), ("", "", "y"), (4, 5, "x")], kind)
    error = ask(path)
    assert error.advice == ({"impute": "median"}, {"leave_out": ["a"]})
    for data, _ in obey(path):
        assert data.classes == ("x", "y")
    lost = ask(path, missing="drop")
    assert "each row of the class 'y' has a missing value, so that missing = 'drop' leaves none of it" in str(lost)
    assert lost.advice == ({"missing": "refuse", "impute": "median"}, {"leave_out": ["a"]})
    meant = load(path, missing="drop", classes=["x", "y"])
    assert (labels_of(meant), meant.classes) == (["x", "x"], ("x", "y"))
    assert meant.notes[1:] == ("no row is left of the class 'y'",)


@pytest.mark.parametrize("kind", FORMATS)
def test_rows_are_left_out_where_each_class_has_others(tmp_path, kind):
    path = save(tmp_path, [(1, 2, "x"), ("", 3, "y"), (4, 5, "y"), (4, 5, "x")], kind)
    assert ask(path).advice == ({"impute": "median"}, {"missing": "drop"})


@pytest.mark.parametrize("labels", [(3, 4, 4, 3), ("3.0", "4", "4", "3")])
def test_classes_that_are_numbers_are_not_lost_either(tmp_path, labels):
    rows = [(1, 2, labels[0]), ("", 3, labels[1]), ("", 5, labels[2]), (4, 5, labels[3])]
    path = save(tmp_path, rows)
    assert "each row of the class '4' has a missing value" in str(ask(path, missing="drop"))
    assert ask(path).advice[0] == {"impute": "median"}


def test_one_hot_classes_are_not_lost_either(tmp_path):
    names = ("a", "b", "cat", "dog")
    path = save(tmp_path, [(1, 2, 1, 0), ("", 3, 0, 1), (4, 5, 1, 0), (4, "NA", 0, 1)], names=names)
    assert "each row of the class 'dog' has a missing value" in str(
        ask(path, label=["cat", "dog"], missing="drop"),
    )
    for data, _ in obey(path, label=["cat", "dog"]):
        assert np.bincount(data.train.t).min() > 0


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_that_is_left_out_joins_those_that_were(tmp_path, kind):
    rows = [(1, 2, 9, "x"), ("", 3, 9, "y"), ("", 4, 9, "y"), (4, 5, 9, "x")]
    path = save(tmp_path, rows, kind, ("a", "b", "id", "label"))
    assert ask(path, leave_out=["id"]).advice[1] == {"leave_out": ["id", "a"]}
    assert ask(path, features=["a", "b"]).advice == ({"impute": "median"}, {"features": ["b"]})


@pytest.mark.parametrize("word", ["--", ".", "n.a.", "N.A.", "missing", "Unknown", "#DIV/0!", "<NA>", "na", "*", "\\N"])
def test_a_word_that_is_not_in_the_list(tmp_path, word):
    rows = [(1, 2, "x"), (word, 3, "y"), (4, "NA", "y"), (4, 5, "x"), (4, 5, "y"), ("NA", 5, "x")]
    path = save(tmp_path, rows)
    listed = {"missing_values": {"a": [word, "NA"]}}
    error = ask(path)
    assert f"line 3, column 1 ('a'): expected a number, found {word!r}" in str(error)
    assert error.advice == ({**listed, "impute": "median"}, {**listed, "missing": "drop"})
    assert ask(path, missing="drop").advice == (listed,)
    assert [len(data.train) for data, _ in obey(path)] == [6, 3]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_number_that_stands_for_a_missing_value(tmp_path, kind):
    path = save(tmp_path, [(1, 2, "x"), (-999, 3, "y"), (4, 5, "y"), (6, 2, "x")], kind)
    assert load(path).train.x.min() == -999
    data = load(path, missing_values=["-999"], missing="drop")
    np.testing.assert_array_equal(data.train.x, [[1, 2], [4, 5], [6, 2]])
    assert load(path, missing_values={"b": ["2"]}, missing=7).train.x[:, 1].tolist() == [7, 3, 5, 7]
    assert ask(path, missing_values=["-999"]).advice == ({"impute": "median"}, {"missing": "drop"})


def test_a_number_that_bytes_do_not_hold(tmp_path):
    path = save(tmp_path, [(1, 2, "x"), (-999, 3, "y"), (4, 5, "y"), (6, 2, "x")])
    assert ask(path, dtype="uint8").advice == ({"dtype": "float64"},)


@pytest.mark.parametrize("words", [["255"], {"1": ["255"]}, {"a": ["255.0"]}, {"last": ["1"]}])
def test_numbers_are_found_in_blocks_that_are_read_at_once(tmp_path, words):
    path = save(tmp_path, [(0, 255, 7, 1), *[(1, 2, 3, 0)] * 300], names=("label", "a", "b", "c"))
    assert len(load(path, missing_values=words, missing="drop", classes=[0, 1]).train) == 300


def test_the_first_of_several_words_is_asked_about(tmp_path):
    for kind, place in (("csv", "line 3"), ("parquet", "row 2")):
        path = save(tmp_path, [(1, 2, "x"), (3, 4, "null"), (5, 6, "-"), (7, 8, "NA")], kind)
        assert f", {place}, column 3 ('label'): is 'null' a class" in str(ask(path))
        path = save(tmp_path, [(1, 2, "x"), ("", 4, "null"), (5, 6, "y"), (7, 8, "null")], kind)
        assert f", {place}, column 3 ('label'): is 'null' a class" in str(ask(path, missing="drop"))


def test_a_word_of_a_feature_that_is_a_class_stays_one(tmp_path):
    path = save(tmp_path, [(1, 2, "x"), ("--", 4, "--"), (5, "NA", "--"), (7, 8, "x"), (7, 8, "--")])
    for data, _ in obey(path, missing_values=["NA"]):
        assert data.classes == ("--", "x")
    assert ask(path, missing_values=["NA"], missing=-1).advice == (
        {"missing_values": {"a": ["NA", "--"], "b": ["NA"], "label": ["NA"]}},
    )


def test_missing_values_by_column(tmp_path):
    path = save(tmp_path, [(1, "-", "x"), ("-", 2, "y"), (3, 4, "y"), (5, 6, "x")])
    assert "expected a number, found '-'" in str(ask(path, missing="drop", missing_values={"a": []}))
    assert len(load(path, missing="drop", missing_values={"a": ["-"]}).train) == 2
    assert len(load(path, missing="drop", missing_values=[" - "]).train) == 2
    with pytest.raises(DataError, match=r"no column 'c'; available: a, b, label"):
        load(path, missing_values={"c": []})


def test_no_row_to_predict_is_advised_to_be_left_out(tmp_path):
    path = save(tmp_path, [(1, "", "x"), (3, 4, "y"), (1, 2, "x")])
    with pytest.raises(DataError) as caught:
        modnet.source("csv", label="label").read_rows(path, 2)
    assert {"missing": "drop"} not in caught.value.advice
    assert caught.value.advice[0] == {"missing": 0}


# Text or numbers


@pytest.mark.sweep(every=7)
@pytest.mark.parametrize(
    "labels", [("01", "1", "02"), ("1", "+1", "-1"), ("7", "007", "8"), ("0", "00", "1"), ("1", " 02", "3")]
)
@pytest.mark.parametrize(
    ("feature", "column", "before"),
    [
        *((feature, column, 1) for feature in ("5", "0.5", "1,5", '"5"') for column in (0, 1, 2)),
        *((feature, column, 40_000) for feature in ("5", "0.5") for column in (0, 1, 2)),
    ],
)
def test_labels_that_may_be_text(tmp_path, labels, feature, column, before):
    rows = [[feature, feature] for _ in range(before + 3)]
    written = [*["3"] * before, *labels]
    for row, label in zip(rows, written, strict=True):
        row.insert(column, label)
    names = ["a", "b"]
    names.insert(column, "label")
    path = tmp_path / "t.csv"
    path.write_text("\n".join(";".join(row) for row in [names, *rows]) + "\n")
    error = ask(path)
    assert error.advice == ({"text_labels": True}, {"text_labels": False})
    odd = next(i for i, label in enumerate(written) if label.strip() != str(int(label)))
    assert (error.line, error.column) == (odd + 2, column + 1)
    assert labels_of(load(path, text_labels=True)) == [label.strip() for label in written]
    assert labels_of(load(path, text_labels=False)) == [int(label) for label in written]


def test_labels_of_numbers_and_text(tmp_path):
    rows = [(1, 2, 1), (3, 9, 2), (5, 6, "other"), (1, 7, 2)]
    for path in (save(tmp_path, rows), save(tmp_path, [(1, 2, "other")] * 150 + rows)):
        assert [data.classes for data, _ in obey(path)] == [("1", "2", "other")]
        with pytest.raises(DataError, match="expected a number, found 'other'"):
            load(path, text_labels=False)


def test_labels_of_text_in_parquet(tmp_path):
    path = save(tmp_path, [(1, 2, 1), (3, 4, 2), (5, 6, 2)], "parquet")
    assert labels_of(load(path, text_labels=True)) == ["1", "2", "2"]
    path = save(tmp_path, [(1, 2, "01"), (3, 4, "1"), (5, 6, "1")], "parquet")
    assert labels_of(load(path)) == ["01", "1", "1"]
    assert ask(path, text_labels=False).advice == ({"text_labels": True},)
    assert [labels_of(data) for data, _ in obey(path, classes=[1, 2])] == [["01", "1", "1"]]


# Classes


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "b"], ["c", "b", "a"]),
        ([2, 1, 2], [3, 2, 1]),
        (["b", "a", "b"], ["b", "a"]),
    ],
)
def test_classes_and_their_order(tmp_path, kind, labels, classes):
    path = save(tmp_path, [(1, 2, label) for label in labels], kind)
    data = load(path, classes=classes)
    assert (labels_of(data), data.classes) == (labels, tuple(classes))
    data.check()
    again = modnet.source(kind, **data.settings, classes=classes).read(path)
    assert again.classes == data.classes


@pytest.mark.parametrize("kind", FORMATS)
def test_a_test_file_has_the_same_classes(tmp_path, kind):
    train = save(tmp_path, [(1, 2, "b"), (3, 4, "c")], kind).rename(tmp_path / f"train.{kind}")
    save(tmp_path, [(1, 2, "a"), (3, 4, "c")], kind).rename(tmp_path / f"test.{kind}")
    data = load(train, classes=["d", "c", "b", "a"])
    assert (data.train.t.tolist(), data.test.t.tolist()) == ([2, 1], [3, 1])
    assert f"test.{kind}, " in str(ask(train, classes=["b", "c"]))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("before", [1, 3000])
@pytest.mark.parametrize(
    ("classes", "label"), [(["x", "y"], "z"), (["x", "y"], "X"), ([1, 2], 3), ([1, 200], 2), ([0, 1], -1)]
)
def test_a_label_outside_of_the_classes(tmp_path, kind, before, classes, label):
    path = save(tmp_path, [*[(1, 2, classes[0])] * before, (1, 2, label)], kind)
    error = ask(path, classes=classes)
    place = f"line {before + 2}" if kind == "csv" else f"row {before + 1}"
    listed = ", ".join(map(repr, classes))
    assert f", {place}, column 3 ('label'): the label '{label}' is none of 'classes' ({listed})" in str(error)
    assert [data.classes for data, _ in obey(path, classes=classes)] == [(*classes, label)]


def test_classes_of_text_and_of_numbers_in_csv(tmp_path):
    path = save(tmp_path, [(1, 2, "01"), (3, 4, "1"), (5, 6, "1")])
    assert labels_of(load(path, classes=["1", "01"])) == ["01", "1", "1"]
    assert labels_of(load(path, classes=[2, 1])) == [1, 1, 1]


def test_classes_of_one_hot_labels(tmp_path):
    names = ("a", "cat", "dog")
    path = save(tmp_path, [(1, 0, 1), (2, 1, 0)], names=names)
    data = load(path, label=["cat", "dog"], classes=["dog", "cat"])
    assert (data.classes, data.train.t.tolist()) == (("dog", "cat"), [0, 1])
    assert ask(path, label=["cat", "dog"], classes=["dog", "bird"]).advice == ({"classes": ["cat", "dog"]},)
    path.write_text("1,0,1\n2,1,0\n")
    data = load(path, label=[1, 2], header=False, classes=["dog", "cat"])
    assert (data.classes, data.train.t.tolist()) == (("dog", "cat"), [1, 0])


@pytest.mark.parametrize("suffix", ["npz", "npy", "pkl"])
def test_classes_of_arrays(tmp_path, suffix):
    path, rows, labels = tmp_path / f"a.{suffix}", np.eye(4, 3), np.array(["b", "a", "b", "c"])
    if suffix == "npy":
        np.save(tmp_path / "x.npy", rows)
        np.save(tmp_path / "t.npy", labels)
        path = tmp_path / "x.npy"
    else:
        modnet.source({"pkl": "pickle"}.get(suffix, suffix)).write(
            Dataset.from_arrays((rows, labels), test_fraction=0), path
        )
    data = modnet.load(path, test_fraction=0, classes=["d", "c", "b", "a"])
    assert (data.classes, data.train.t.tolist()) == (("d", "c", "b", "a"), [2, 3, 2, 1])
    with pytest.raises(DataError, match=r"training row 4: the label 'c' is none of 'classes': 'a', 'b'") as caught:
        modnet.load(path, test_fraction=0, classes=["a", "b"])
    assert caught.value.path == path


# Settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"missing_values": "NA"}, "'missing_values' must be a list or a table or none, not 'NA'"),
        ({"missing_values": 5}, "'missing_values' must be a list or a table or none, not 5"),
        ({"missing_values": ["NA", 5]}, "missing_values: item 2 must be text, not 5"),
        ({"missing_values": {"label": "NA"}}, "missing_values: 'label' must be a list, not 'NA'"),
        ({"missing_values": {"label": [5]}}, "missing_values.label: item 1 must be text, not 5"),
        ({"text_labels": "yes"}, "'text_labels' must be true or false or none, not 'yes'"),
        ({"classes": ["a"]}, "'classes' must be two or more different texts, or whole numbers"),
        ({"classes": ["a", "b", "a"]}, "'classes' must be two or more different texts, or whole numbers"),
        ({"classes": ["a", 1]}, "'classes' must be two or more different texts, or whole numbers"),
        ({"classes": [True, False]}, "classes: item 1 must be text or a whole number, not True"),
        ({"classes": [0.5, 1.5]}, "classes: item 1 must be text or a whole number, not 0.5"),
        ({"classes": ["a", "b"], "text_labels": False}, "'classes' must be whole numbers as 'text_labels' says"),
        ({"classes": [1, 2], "text_labels": True}, "'classes' must be text as 'text_labels' says"),
    ],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_settings_that_cannot_be(kind, options, words):
    with pytest.raises(SettingError) as caught:
        modnet.source(kind, **options)
    assert words in str(caught.value)


def test_the_command_line_and_the_file_of_a_run(call, tmp_path):
    rows = [(i, i % 7, ["NA", "SA", "EU"][i % 3]) for i in range(60)]
    save(tmp_path, rows, names=("a", "my b", "label"))
    asked = call("data", "convert", "table.csv", "table.npz", cwd=tmp_path)
    assert asked.returncode == 1
    assert "missing_values={label = []}" in asked.stderr
    shown = call("data", "show", "table.csv", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "is 'NA' a class, or a missing label?" in " ".join(shown.stdout.split())
    assert "missing_values = {label = []}" in shown.stdout
    train = ["train", "--data", "table.csv", "--gradient", "backpropagation", "--iterations", "20", "--out", "run"]
    options = ["data.missing_values={label = [], 'my b' = ['?', '--']}", "data.classes=['SA', 'NA', 'OC', 'EU']"]
    done = call(*train, *(word for option in options for word in ("--set", option)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = call("train", "run/experiment.toml", "--out", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    read = [(tmp_path / name / "experiment.toml").read_text() for name in ("run", "again")]
    assert read[0] == read[1]
    predicted = call("predict", "run", "table.csv", "--probabilities", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert predicted.stdout.splitlines()[0] == "row,prediction,label,output SA,output NA,output OC,output EU"
    assert predicted.stdout.splitlines()[1].split(",")[2] == "NA"

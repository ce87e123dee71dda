"""`modnet predict`: features found by name or by position."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from processes import Call

import modnet
from modnet.cli.show.class_report import find_majority, format_class_report, score_classes
from modnet.compose.sources import read_rows
from modnet.runs.model import TrainedModel

ROWS = [(0.5, 9.0), (3.5, 8.0), (9.0, 0.5), (6.0, 7.0)]
KINDS = ["fir", "fir", "yew", "fir"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """Return a folder of runs: `named` with feature names, `plain` without a header, `arrays` trained on NPZ.

    `unprepared` is as an older version would have trained it, on features as they are.
    """
    folder = tmp_path_factory.mktemp("predict")
    x = np.random.default_rng(0).uniform(0, 10, (200, 2)).round(2)
    kinds = np.where(x[:, 0] > x[:, 1], "yew", "fir")
    lines = [f"{i},{height},{width},{kind}" for i, ((height, width), kind) in enumerate(zip(x, kinds, strict=True))]
    (folder / "named.csv").write_text("\n".join(["id,height,width,kind", *lines]) + "\n")
    (folder / "plain.csv").write_text("\n".join(line.split(",", 1)[1] for line in lines) + "\n")
    np.savez(folder / "arrays.npz", x=x, t=kinds)
    for name, file, options in (
        ("named", "named.csv", ("--set", "data.label=kind", "--set", 'data.leave_out=["id"]')),
        ("plain", "plain.csv", ("--set", "data.label=last")),
        ("arrays", "arrays.npz", ()),
        (
            "unprepared",
            "named.csv",
            ("--set", "data.label=kind", "--set", 'data.leave_out=["id"]', "--set", "data.scale=1"),
        ),
    ):
        short = ("--gradient", "backpropagation", "--hidden", "5", "--iterations", "300", "--lr", "0.5")
        done = call("train", *short, "--data", file, *options, "--out", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def table(columns: str, rows: list[tuple[float, float]] = ROWS, kinds: list[str] = KINDS) -> str:
    """Return a CSV file with these columns, of which `height`, `width`, `id` and `kind` have values that are known."""
    names = columns.split(",")
    known = [
        {"height": height, "width": width, "id": 100 + i, "kind": kind, "remark": ["nice", " or not"][i % 2]}
        for i, ((height, width), kind) in enumerate(zip(rows, kinds, strict=True))
    ]
    return "\n".join([columns, *(",".join(str(row.get(name, 7)) for name in names) for row in known)]) + "\n"


def write(folder: Path, name: str, content: str) -> Path:
    """Write a file of a case; Parquet is made of the CSV text."""
    path = folder / name
    if path.suffix == ".csv":
        path.write_text(content)
        return path
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    csv = pytest.importorskip("pyarrow.csv")
    parquet.write_table(csv.read_csv(pyarrow.py_buffer(content.encode())), path)
    return path


FOUND = [
    ("height,width", ""),
    ("width,height", ""),
    ("id,height,width", ""),
    ("width,kind,id,height", ""),
    ("kind,height,width", ""),
    ("depth,width,height", "'depth'"),
    ("remark,height,,width", "'remark', column 3"),
    ("a,b,c,height,d,e,f,g,width", "'a', 'b', 'c', 'd', 'e', 'f' and 1 more"),
]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("columns", "ignored"), FOUND, ids=[columns for columns, _ in FOUND])
def test_features_are_found_by_name(runs, tmp_path, call, columns, ignored, suffix):
    path = write(tmp_path, f"rows{suffix}", table(columns))
    done = call("predict", "named", str(path), "--json", cwd=runs)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row["prediction"] for row in answer["rows"]] == KINDS
    assert answer["accuracy"] == (1.0 if "kind" in columns else None)
    notes = [f"columns ignored that the run was not trained on: {ignored}"] if ignored else []
    assert answer["notes"] == notes
    assert [line for line in done.stderr.splitlines() if line.startswith("note")] == [f"note: {n}" for n in notes]


REFUSED = [
    ("width,depth", "the column 'height' is missing: the run was trained on height, width; the file has width, depth"),
    ("hieght,width", "the column 'height' is missing (did you mean 'hieght'?): the run was trained on height, width"),
    ("Height,Width", "2 columns are missing (height, width) (did you mean 'Height' and 'Width'?)"),
    ("a,b", "2 columns are missing (height, width): the run was trained on height, width; the file has a, b"),
    ("kind,height", "the column 'width' is missing"),
]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("columns", "problem"), REFUSED, ids=[columns for columns, _ in REFUSED])
def test_missing_features_are_refused_by_name(runs, tmp_path, call, columns, problem, suffix):
    path = write(tmp_path, f"rows{suffix}", table(columns))
    done = call("predict", "named", str(path), cwd=runs)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}: {problem}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def without_header(text: str) -> str:
    return text.split("\n", 1)[1]


BY_POSITION = [
    ("named", without_header(table("height,width")), None, "the file has no header"),
    ("named", without_header(table("height,width,kind")), 1.0, "the file has no header"),
    ("named", without_header(table("kind,height,width")), 1.0, "the file has no header"),
    ("plain", table("height,width"), None, "the run keeps no feature names"),
    ("plain", table("height,width,kind").replace("height,width", "a,b"), 1.0, "the run keeps no feature names"),
    ("plain", without_header(table("height,width,kind")), 1.0, ""),
    ("plain", without_header(table("height,width")), None, ""),
    ("arrays", table("height,width"), None, "the run keeps no feature names"),
    ("arrays", table("height,width,class", kinds=KINDS).replace(",7\n", ",fir\n"), 0.75, "no feature names"),
    ("arrays", without_header(table("height,width,kind")), 1.0, ""),
]


@pytest.mark.parametrize(("run", "text", "accuracy", "note"), BY_POSITION)
def test_without_names_columns_go_by_position(runs, tmp_path, call, run, text, accuracy, note):
    path = write(tmp_path, "rows.csv", text)
    done = call("predict", run, str(path), "--json", cwd=runs)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row["prediction"] for row in answer["rows"]] == KINDS
    assert answer["accuracy"] == accuracy
    (found,) = answer["notes"] or [""]
    assert found.startswith("columns are taken by position" if note else "")
    assert note in found


@pytest.mark.parametrize(
    ("run", "text", "problem"),
    [
        ("named", "1\n2\n", "1 column, expected 2 (the features), or 3 with a label; the run was trained on height"),
        ("named", "1,2,4,3\n5,6,7,8\n", "4 columns, expected 2"),
        ("plain", table("a,b,c,d"), "4 columns, expected 2 (the features), or 3 with a label"),
        (
            "named",
            "1,2,4\n4,5,6\n",
            "which one is the label, or to be left out? Set label = 0, label = 2,",
        ),
        ("named", "1,2,4\n4,5,6\n", "as an option: --set data.label=0"),
        (
            "arrays",
            table("a,b,c"),
            "which one is the label, or to be left out? Set label = 'a', label = 'c',",
        ),
    ],
)
def test_by_position_the_number_must_fit(runs, tmp_path, call, run, text, problem):
    path = write(tmp_path, "rows.csv", text)
    done = call("predict", run, str(path), cwd=runs)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr


@pytest.mark.parametrize(("run", "text"), [("named", "1,2,4\n4,5,6\n"), ("arrays", table("a,b,c"))])
def test_each_advice_about_the_number_of_columns_works(runs, tmp_path, run, text):
    path = write(tmp_path, "rows.csv", text)
    names = TrainedModel.read(runs / run).feature_names
    with pytest.raises(modnet.DataError) as caught:
        read_rows(modnet.source("csv"), path, 2, names)
    assert len(caught.value.advice) == 4
    for settings in caught.value.advice:
        found = read_rows(modnet.source("csv", **settings), path, 2, names)
        assert (found.labels is None) == ("leave_out" in settings)


def test_arrays_go_by_position_with_a_note(runs, tmp_path, call):
    np.savez(tmp_path / "rows.npz", x=np.array(ROWS), t=np.array(KINDS))
    for run, note in (
        ("named", "note: columns are taken by position, as height, width: the source npz knows no names\n"),
        ("arrays", ""),
    ):
        done = call("predict", run, str(tmp_path / "rows.npz"), cwd=runs)
        assert done.returncode == 0, done.stderr
        assert done.stderr == (
            f"{note}class  precision  recall      F1  rows\n"
            "fir       1.0000  1.0000  1.0000     3\n"
            "yew       1.0000  1.0000  1.0000     1\n"
            "accuracy 1.0000 on 4 rows (majority 0.7500)\n"
        )


def test_names_that_are_positions_need_no_note(tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.array(ROWS))
    source = modnet.source("npz")
    assert source.read_named_rows(tmp_path / "rows.npz", 2, ["pixel0", "pixel1"]).notes == ()
    assert source.read_named_rows(tmp_path / "rows.npz", 2, ["height0", "width0"]).notes != ()


def test_a_first_line_of_the_names_is_a_header_whatever_they_are(tmp_path, call):
    x = np.random.default_rng(0).integers(0, 2, (100, 2))
    lines = [f"{a},{b},{'odd' if a != b else 'even'}" for a, b in x]
    (tmp_path / "train.csv").write_text("\n".join(["0,1,kind", *lines]) + "\n")
    (tmp_path / "rows.csv").write_text("1,0\n1,1\n0,0\n")
    settings = ["--set", "data.header=true", "--set", "data.label=kind"]
    done = call("train", "--iterations", "5", "--data", "train.csv", *settings, "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = call("predict", "r", "rows.csv", "--json", cwd=tmp_path)
    assert (len(json.loads(done.stdout)["rows"]), json.loads(done.stdout)["notes"]) == (2, [])
    (tmp_path / "rows.csv").write_text("1,1\n0,0\n")
    done = call("predict", "r", "rows.csv", "--json", cwd=tmp_path)
    assert len(json.loads(done.stdout)["rows"]) == 2
    assert "by position" in done.stderr


# The training file's columns, their settings, the columns of the file to predict; then the feature columns that are
# found in it and the label's, or None where two readings are possible.
BY_NUMBER = [
    ("i a b t", {"label": 3, "leave_out": (0,)}, "i a b t", "ab", "t"),
    ("i a b t", {"label": 3, "leave_out": (0,)}, "a b", "ab", ""),
    ("i a b t", {"label": 3, "leave_out": (0,)}, "i a b", None, ""),
    ("t a b i", {"label": 0, "leave_out": (3,)}, "a b i", None, ""),
    ("t i a b", {"label": 0, "leave_out": (1,)}, "i a b", "ab", ""),
    ("t i a b", {"label": 0, "leave_out": (1,)}, "t a b", "ab", ""),
    ("i j a b t", {"label": 4, "leave_out": (0, 1)}, "a b t", "ab", "t"),
    ("i j a b t", {"label": 4, "leave_out": (0, 1)}, "i j a b", "ab", ""),
    ("t i j a b", {"label": 0, "leave_out": (1, 2)}, "i j a b", "ab", ""),
    ("a i b t", {"label": 3, "features": (0, 2)}, "a i b t", "ab", "t"),
    ("a i b t", {"label": 3, "features": (0, 2)}, "a b", "ab", ""),
    ("a i b t", {"label": 3, "features": (0, 2)}, "a b t", None, ""),
    ("t a b i", {"label": 0, "features": (1, 2)}, "t a b", "ab", "t"),
]


@pytest.mark.parametrize(("trained", "settings", "columns", "features", "label"), BY_NUMBER)
def test_columns_by_number_are_those_of_the_training_file(tmp_path, trained, settings, columns, features, label):
    values = {"a": 1.5, "b": 2.5, "i": 7, "j": 8, "t": 1}
    path = write(tmp_path, "rows.csv", ",".join(str(values[name]) for name in columns.split()) + "\n")
    source = modnet.source("csv", header=False, **settings)
    if features is None:
        with pytest.raises(modnet.DataError, match="is the label one of them") as caught:
            read_rows(source, path, 2, ())
        assert len(caught.value.advice) == 2
        return
    found = read_rows(source, path, 2, ())
    assert found.x.tolist() == [[values[name] for name in features]], trained
    assert (found.labels is None) == (not label)


def test_each_advice_about_columns_by_number_works(tmp_path, call):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, (100, 2)).round(2)
    t = (x[:, 0] > x[:, 1]).astype(int)
    lines = [f"{i},{a},{b},{label}" for i, ((a, b), label) in enumerate(zip(x, t, strict=True))]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    settings = ("--set", "data.header=false", "--set", "data.label=3", "--set", "data.leave_out=[0]")
    short = ("--gradient", "backpropagation", "--hidden", "5", "--iterations", "300", "--lr", "0.5")
    done = call("train", *short, "--data", "train.csv", *settings, "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for cut, option in (
        (lambda line: line.split(",", 1)[1], "label=2"),
        (lambda line: line.rsplit(",", 1)[0], "leave_out=[0]"),
    ):
        (tmp_path / "rows.csv").write_text("\n".join(map(cut, lines)) + "\n")
        done = call("predict", "r", "rows.csv", cwd=tmp_path)
        assert (done.returncode, "Set label = 2 or leave_out = [0]" in done.stderr) == (1, True), done.stderr
        done = call("predict", "r", "rows.csv", "--json", "--set", option, cwd=tmp_path)
        answer = json.loads(done.stdout)
        assert np.mean([row["prediction"] for row in answer["rows"]] == t) > 0.9
        assert (answer["accuracy"] is None) == ("leave_out" in option)


def test_columns_that_training_gave_by_number_are_found_by_name(tmp_path, call):
    path = write(tmp_path, "train.csv", "id,height,width,kind\n" + "1,2,3,a\n2,3,5,b\n3,2,5,a\n4,3,3,a\n" * 10)
    data = modnet.load(path, label=3, leave_out=[0], missing_values={"1": ["-9"]})
    assert (data.settings["label"], data.settings["leave_out"]) == ("kind", ("id",))
    assert data.settings["missing_values"] == {"height": ("-9",)}
    assert modnet.load(path, label=-1, features=[2, 1]).settings["features"] == ("width", "height")
    settings = ("--set", "data.label=3", "--set", "data.leave_out=[0]")
    done = call("train", "--iterations", "5", "--data", "train.csv", *settings, "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    write(tmp_path, "rows.csv", "kind,height,width\na,2,3\n")
    done = call("predict", "r", "rows.csv", "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert (answer["rows"][0]["label"], answer["notes"]) == ("a", [])


@pytest.mark.parametrize(("mark", "option"), [(";", "delimiter=;"), ("\t", 'delimiter="\\t"')])
def test_another_delimiter_than_in_training_is_advised_and_works(runs, tmp_path, call, mark, option):
    path = write(tmp_path, "rows.csv", table("width,height,kind").replace(",", mark))
    done = call("predict", "named", str(path), cwd=runs)
    assert done.returncode == 1
    assert f"as an option: --set 'data.{option}'" in done.stderr
    done = call("predict", "named", str(path), "--set", option, cwd=runs)
    assert "accuracy 1.0000" in done.stderr


def test_features_that_are_divided_already_are_noted(tmp_path, call):
    x = np.random.default_rng(0).integers(0, 256, (40, 20), dtype=np.uint8)
    np.savez(tmp_path / "train.npz", x=x, t=np.arange(40) % 2)
    done = call("train", "--iterations", "5", "--data", "train.npz", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for rows, are_noted in ((x, False), (x / 255, True)):
        np.savez(tmp_path / "rows.npz", x=rows)
        done = call("predict", "r", "rows.npz", cwd=tmp_path)
        assert ("the run divides features by 255, and none of these is above 1" in done.stderr) == are_noted


@pytest.mark.parametrize("first", ["0,1,2", "1,2,3"])
def test_a_first_line_that_counts_may_be_a_header_without_the_names(tmp_path, call, first):
    rows = "".join(f"{i % 5},{i % 7},{i % 3},{'ab'[i % 2]}\n" for i in range(40))
    write(tmp_path, "train.csv", "x,y,z,kind\n" + rows)
    done = call(
        "train", "--iterations", "5", "--data", "train.csv", "--set", "data.label=kind", "--out", "r", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    write(tmp_path, "rows.csv", f"{first}\n3,5,1\n")
    done = call("predict", "r", "rows.csv", cwd=tmp_path)
    assert (done.returncode, "line 1: a header, or a row of data? Set header = false\n" in done.stderr) == (1, True)
    done = call("predict", "r", "rows.csv", "--set", "header=false", cwd=tmp_path)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)


def test_columns_that_are_listed_have_other_names(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", "\n".join(["w,h", *(f"{width},{height}" for height, width in ROWS)]) + "\n")
    done = call("predict", "named", str(path), "--set", 'features=["h","w"]', cwd=runs)
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[1] for line in done.stdout.splitlines()[1:]] == KINDS


def test_columns_that_are_listed_have_to_be_there(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", "w,h\n1,2\n")
    for run in ("named", "arrays"):
        done = call("predict", run, str(path), "--set", 'features=["h","x"]', cwd=runs)
        assert (done.returncode, "no column 'x'" in done.stderr) == (1, True), done.stderr


def test_a_data_set_of_another_width_is_refused_by_its_name(runs, call):
    done = call("predict", "named", "mnist-small", cwd=runs)
    assert (done.returncode, "784 columns" in done.stderr) == (1, True)


def test_an_option_with_text_stands_in_one_pair_of_quotes(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", table("height,width,kind", kinds=["fir", "", "yew", "fir"]))
    done = call("predict", "named", str(path), cwd=runs)
    assert done.stderr.splitlines()[-1] == """as an option: --set 'data.leave_out=["id", "kind"]'"""
    done = call("predict", "named", str(path), "--set", 'leave_out=["id", "kind"]', cwd=runs)
    assert done.returncode == 0, done.stderr


def test_a_label_that_is_left_out_is_not_compared(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", table("height,width,kind"))
    done = call("predict", "named", str(path), "--set", 'leave_out=["kind"]', cwd=runs)
    assert (done.stdout.splitlines()[0], done.stderr) == ("row,prediction", "")


def test_missing_values_are_refused_or_filled_in(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", "height,width\n1,\n2,3\n")
    done = call("predict", "named", str(path), cwd=runs)
    assert (done.returncode, "line 2, column 2" in done.stderr) == (1, True)
    done = call("predict", "named", str(path), "--set", "missing=0", cwd=runs)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)
    assert "note: 1 missing value filled in with 0" in done.stderr


def test_labels_that_are_no_class_of_the_run_are_named(runs, tmp_path, call):
    path = write(tmp_path, "rows.csv", table("height,width,kind", kinds=["fir", "oak", "yew", "FIR"]))
    done = call("predict", "named", str(path), cwd=runs)
    assert "note: the run knows no class 'oak', 'FIR': such rows count as wrong" in done.stderr
    assert "accuracy 0.5000" in done.stderr


def test_a_run_of_an_older_version_has_no_names(runs, tmp_path, call):
    old = tmp_path / "old"
    old.mkdir()
    for name in ("experiment.toml", "params.npz"):
        (old / name).write_bytes((runs / "unprepared" / name).read_bytes())
    with np.load(old / "params.npz") as file:
        params = dict(file)
    about = json.loads(str(params.pop("about")))
    assert about.pop("features") == ["height", "width"]
    assert len(about.pop("sha256")) == 64
    np.savez(old / "params.npz", about=np.array(json.dumps(about)), **params)
    experiment = (old / "experiment.toml").read_text()
    for columns, left_out in (
        ("height,width", '["id"]'),
        ("id,height,width,kind", '["id"]'),
        ("id,height,width,kind", "[0]"),
    ):
        (old / "experiment.toml").write_text(re.sub(r"leave_out = \[[^\]]*\]", f"leave_out = {left_out}", experiment))
        path = write(tmp_path, "rows.csv", table(columns))
        done = call("predict", str(old), str(path), cwd=runs)
        assert done.returncode == 0, done.stderr
        assert [line.split(",")[1] for line in done.stdout.splitlines()[1:]] == KINDS
        assert "note: columns are taken by position: the run keeps no feature names" in done.stderr
        assert ("accuracy 1.0000" in done.stderr) == ("kind" in columns)


def test_a_source_of_an_older_version_reads_by_position():
    source = modnet.source("npz")
    assert type(source).read_named_rows is modnet.DataSource.read_named_rows


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (([[1.0, 2.0]], None), "rows that are a list"),
        ((np.array([["a", "b"]]), None), "rows that are a ndarray of <U1"),
        ((np.ones((3, 5)), None), "rows of shape (3, 5)"),
        ((np.ones(2), None), "rows of shape (2,)"),
        ((np.ones((3, 2)), np.ones(4)), "3 rows with labels of shape (4,)"),
        ((np.full((3, 2), np.nan), None), "a number that is not finite"),
    ],
)
def test_what_a_source_returns_is_checked(tmp_path, found, problem):
    class Odd(modnet.DataSource):
        def read(self, path):
            raise NotImplementedError

        def read_rows(self, path, features):
            return found

    with pytest.raises(modnet.PluginError, match="the source odd returned") as caught:
        read_rows(Odd(), tmp_path / "x", 2, ("a", "b"))
    assert problem in str(caught.value)


def test_of_very_many_classes_the_largest_and_the_worst_are_reported():
    labels = [f"c{i:02d}" for i in range(40) for _ in range(i + 1)]
    predictions = ["c39" if label == "c07" else label for label in labels]
    lines = format_class_report(score_classes(predictions, labels))
    assert lines[0] == "the 10 largest of 40 classes:"
    assert lines[2].split() == ["c39", "0.8333", "1.0000", "0.9091", "40"]
    assert lines[12] == "the worst of the others, by F1:"
    assert lines[14].split() == ["c07", "-", "0.0000", "0.0000", "8"]
    assert lines[-1] == "and 20 more classes"
    assert max(map(len, lines)) <= 80


def test_precision_recall_and_f1_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, predictions = rng.choice(list("abcd"), 300), rng.choice(list("abc"), 300)
    expected = metrics.precision_recall_fscore_support(labels, predictions, zero_division=0.0)
    scores = score_classes(predictions.tolist(), labels.tolist())
    found = [(score.precision or 0.0, score.recall, score.f1, score.rows) for score in scores]
    np.testing.assert_allclose(found, np.transpose(expected))
    assert find_majority(labels.tolist()) == max(expected[3]) / 300


def test_several_targets_are_predicted_and_compared(tmp_path, call):
    rows = [(i % 7, i % 5, 2 * (i % 7) + 1, 3 - (i % 5)) for i in range(35)]
    write(tmp_path, "both.csv", "\n".join(["a,b,u,v", *(",".join(map(str, row)) for row in rows)]) + "\n")
    settings = ("--set", "data.task=regression", "--set", 'data.label=["u","v"]', "--iterations", "500")
    assert call("train", "--data", "both.csv", *settings, "--out", "r", cwd=tmp_path).returncode == 0
    done = call("predict", "r", "both.csv", cwd=tmp_path)
    header, first = done.stdout.splitlines()[:2]
    assert (header, first.split(",")[3:]) == ("row,prediction 1,prediction 2,label 1,label 2", ["1.0", "3.0"])
    assert re.search(r"R² 0\.9\d+, RMSE .* on 35 rows", done.stderr)
    answer = json.loads(call("predict", "r", "both.csv", "--json", cwd=tmp_path).stdout)
    assert answer["rows"][0]["label"] == [1.0, 3.0]
    done = call("predict", "r", "both.csv", "--set", "data.label=u", cwd=tmp_path)
    assert (done.stdout.splitlines()[0], done.returncode) == ("row,prediction 1,prediction 2", 0)
    assert "each row has 1 label, and the run predicts 2 numbers: they are not compared" in done.stderr

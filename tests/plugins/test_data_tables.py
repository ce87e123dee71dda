"""Tables: which column is the label, and which features give it away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import modnet
from modnet import DataError

N = 60
RNG = np.random.default_rng(0)
Table = dict[str, Sequence[Any]]
FRACTIONS, OTHER_FRACTIONS = RNG.normal(size=(2, N)).round(3).tolist()
FLAGS, KINDS, COUNTS, AGES = (RNG.integers(0, most, N).tolist() for most in (2, 3, 30, 50))
IDS = [700 + 13 * i for i in range(N)]
SEX = ["male" if n else "female" for n in RNG.integers(0, 2, N)]
NAMES = [f"person {i}" for i in range(N)]
TREES = [("fir", "oak", "yew")[n] for n in KINDS]
CODES = [2 * n + 2 for n in FLAGS]
HOT = [[int(n == k) for n in KINDS] for k in range(3)]
ONE = [7] * N


def write_csv(folder: Path, table: Table) -> Path:
    path = folder / "table.csv"
    rows = zip(*table.values(), strict=True)
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [tuple(table), *rows]))
    return path


def write_bare(folder: Path, table: Table) -> Path:
    path = write_csv(folder, table)
    path.write_text(path.read_text().split("\n", 1)[1])
    return path


def write_parquet(folder: Path, table: Table) -> Path:
    pa.parquet.write_table(pa.table(dict(table)), folder / "table.parquet")
    return folder / "table.parquet"


def load(path: Path, **options: Any) -> modnet.Dataset:
    return modnet.load(path, **{"test_fraction": 0.0, "scale": 1.0, "standardize": False, **options})


def ask(path: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        load(path, **options)
    return caught.value


def obey(path: Path, **options: Any) -> modnet.Dataset:
    """Return the data set that is read once the first advice of each error is followed."""
    for _ in range(5):
        try:
            return load(path, **options)
        except DataError as error:
            options.update(error.advice[0])
    raise AssertionError("the advice leads nowhere")


LAYOUTS: list[tuple[Table, Any]] = [
    # One column could be the label.
    ({"length": FRACTIONS, "width": OTHER_FRACTIONS, "kind": TREES}, "kind"),
    ({"kind": TREES, "length": FRACTIONS}, "kind"),
    ({"length": FRACTIONS, "stage": KINDS, "width": OTHER_FRACTIONS}, "stage"),
    ({"code": CODES, "length": FRACTIONS}, "code"),
    ({"number": IDS, "length": FRACTIONS, "kind": TREES}, "kind"),
    # Several could, or none.
    ({"Survived": FLAGS, "Pclass": KINDS, "Sex": SEX, "Fare": FRACTIONS}, ["Survived", "Sex", "Pclass"]),
    ({"Sex": SEX, "length": FRACTIONS, "rings": COUNTS}, ["Sex", "rings"]),
    ({"age": AGES, "length": FRACTIONS, "kind": TREES}, ["kind", "age"]),
    ({"clump": COUNTS, "size": KINDS, "kind": CODES}, ["kind", "clump", "size"]),
    ({"length": FRACTIONS, "kind": ONE}, ["kind"]),
    ({"length": FRACTIONS, "width": OTHER_FRACTIONS}, []),
    ({"number": IDS, "length": FRACTIONS}, []),
    ({"length": FRACTIONS, "age": AGES, "price": OTHER_FRACTIONS}, ["age"]),
    # One-hot columns go first.
    ({"length": FRACTIONS, "a": HOT[0], "b": HOT[1], "c": HOT[2]}, [["a", "b", "c"]]),
    ({"a": HOT[0], "b": HOT[1], "c": HOT[2], "n": COUNTS, "f": FRACTIONS}, [["a", "b", "c"], "n"]),
]

NAMED: list[tuple[Table, Any]] = [
    ({"length": FRACTIONS, "Class": KINDS, "n": COUNTS}, "Class"),
    ({"target": KINDS, "a": HOT[0], "n": COUNTS}, "target"),
    ({"x": COUNTS, "y": FLAGS}, "y"),
    ({"y": FLAGS, "f": FRACTIONS}, "y"),
    ({"a": COUNTS, "y": FRACTIONS, "kind": KINDS}, ["kind", "a"]),
    ({"x": COUNTS, "y": AGES, "colour": TREES}, ["colour", "x", "y"]),
    ({"colour": TREES, "x": COUNTS, "y": AGES}, ["colour", "x", "y"]),
    ({"y": FLAGS, "t": KINDS, "f": FRACTIONS}, ["y", "t"]),
    ({"cluster": KINDS, "x": COUNTS, "y": AGES}, ["cluster", "x", "y"]),
    ({"x1": KINDS, "x2": COUNTS, "y": CODES}, "y"),
    ({"class": KINDS, "n": COUNTS, "species": TREES}, ["class", "species", "n"]),
    ({"target": FRACTIONS, "class": KINDS, "n": COUNTS}, ["class", "n"]),
]


@pytest.mark.parametrize("write", [write_csv, write_bare, write_parquet])
@pytest.mark.parametrize(("table", "expected"), LAYOUTS)
def test_a_label_is_inferred_where_one_column_could_be_it(
    tmp_path: Path, write: Callable[..., Path], table: Table, expected: Any
) -> None:
    path, names = write(tmp_path, table), list(table)
    options: dict[str, Any] = {"header": write is write_csv} if write is not write_parquet else {}

    def to_name(label: Any) -> Any:
        return [*map(to_name, label)] if isinstance(label, list) else label if isinstance(label, str) else names[label]

    if isinstance(expected, str):
        assert to_name(load(path, **options).settings["label"]) == expected
        return
    error = ask(path, **options)
    assert "which column is the label" in str(error)
    assert [to_name(way["label"]) for way in error.advice] == expected
    for way in error.advice if write is not write_parquet else ():
        load(path, **options, **way)


@pytest.mark.parametrize(("table", "expected"), NAMED)
def test_names_of_labels(tmp_path: Path, table: Table, expected: Any) -> None:
    path = write_csv(tmp_path, table)
    if isinstance(expected, str):
        assert load(path).settings["label"] == expected
    else:
        assert [way["label"] for way in ask(path).advice] == expected


def test_the_question_says_what_must_be_left_out(tmp_path: Path) -> None:
    table = {"Name": NAMES, "Survived": FLAGS, "Sex": SEX, "": FRACTIONS, "Fare": FRACTIONS, "Age": AGES}
    path = write_csv(tmp_path, table)
    error = ask(path, leave_out=["Age"])
    assert error.advice == (
        {"label": "Survived", "leave_out": ["Age", 3]},
        {"label": "Sex", "leave_out": ["Age", 3]},
    )
    assert str(error).endswith(
        "? Set label = 'Survived' with leave_out = ['Age', 3] or label = 'Sex' with leave_out = ['Age', 3]"
    )
    for way in error.advice:
        (leave_out, encode) = ask(path, **way).advice
        assert leave_out == {"leave_out": ["Age", 3, "Name"]}
        assert load(path, **{**way, **leave_out}).feature_names[-1] == "Fare"
        assert load(path, **{**way, **encode}).feature_names[0] == "Name"
    assert ask(path, features=["Fare"]).advice == ({"label": "Survived"}, {"label": "Sex"}, {"label": "Age"})


def test_the_question_counts_those_that_it_does_not_name(tmp_path: Path) -> None:
    error = ask(write_csv(tmp_path, {f"n{i}": RNG.integers(0, 5, N).tolist() for i in range(9)}))
    assert "which column is the label, of 9 that it could be? Set label = " in str(error)
    assert len(error.advice) == 6


def test_a_table_of_very_many_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path, {f"n{i}": RNG.integers(0, 5, 12).tolist() for i in range(20_000)})
    assert len(ask(path).advice) == 6


def test_the_rows_that_are_left_of_an_index(tmp_path: Path) -> None:
    lacking = ["" if i in {3, 30} else value for i, value in enumerate(FRACTIONS)]
    table = {"number": range(N), "f": lacking, "class": sorted(TREES)}
    assert ask(write_csv(tmp_path, table), missing="drop").advice == ({"leave_out": ["number"]},)


def test_a_table_of_text_alone(tmp_path: Path) -> None:
    path = write_csv(tmp_path, {"shape": TREES, "colour": SEX})
    error = ask(path)
    assert error.advice == ({"label": "colour"}, {"label": "shape"})
    assert load(path, label="shape").settings["encode"] == {"colour": "one-hot"}


@pytest.mark.parametrize("write", [write_csv, write_parquet])
@pytest.mark.parametrize("header", ["", "__index_level_0__", "Sex"])
def test_columns_that_are_no_features_are_left_out_at_once(
    tmp_path: Path, write: Callable[..., Path], header: str
) -> None:
    table = {
        "f": FRACTIONS,
        "Name": NAMES,
        "g": OTHER_FRACTIONS,
        "label": FLAGS,
        header: SEX if header == "Sex" else IDS,
    }
    path = write(tmp_path, table)
    data = obey(path, leave_out=["g"])
    index = write is write_csv and header == "__index_level_0__"  # pandas names no column so in a CSV file
    kept = [header] if index or header == "Sex" else []
    assert data.feature_names == ("f", *kept)
    encode = {"encode": {"Name": "one-hot"}}
    assert ask(path, features=["Name", "f"], label="label").advice == ({"features": ["f"]}, encode)
    assert ask(path, features=["Name"], label="label").advice == (encode,)


@pytest.mark.parametrize("first", [True, False])
def test_one_hot_columns_of_which_a_class_comes_later(tmp_path: Path, first: bool) -> None:
    hot = {name: [int(n == k) for n in range(3) for _ in range(60)] for k, name in enumerate("abc")}
    rest = {"f": RNG.normal(size=180).tolist(), "zero": [0] * 180}
    path = write_csv(tmp_path, {**hot, **rest} if first else {**rest, **hot})
    ways = [way["label"] for way in ask(path).advice]
    assert ["a", "b", "c"] in ways
    assert load(path, label=("a", "b", "c")).classes == ("a", "b", "c")


# Features that give the label away

LEAKS: list[tuple[Table, list[str]]] = [
    ({"f": FRACTIONS, "class_id": KINDS, "class": TREES}, ["class_id"]),
    ({"code": [9 - n for n in KINDS], "f": FRACTIONS, "class": TREES}, ["code"]),
    ({"class": KINDS, "f": FRACTIONS, "score": [n * 0.37 - 1 for n in KINDS]}, ["score"]),
    ({"f": FRACTIONS, "a": HOT[2], "b": HOT[0], "c": HOT[1], "class": TREES}, ["a", "b", "c"]),
    ({"f": FRACTIONS, "b": HOT[1], "c": HOT[2], "class": TREES}, ["b", "c"]),
    ({"f": FRACTIONS, "a": HOT[0], "class": HOT[1], "c": HOT[2]}, ["a", "c"]),
    ({"f": FRACTIONS, "class": HOT[0], "b": HOT[1], "c": HOT[2]}, ["b", "c"]),
    ({"f": FRACTIONS, "not": [1 - n for n in FLAGS], "class": FLAGS}, ["not"]),
    ({"number": range(N), "f": FRACTIONS, "class": sorted(KINDS)}, ["number"]),
    ({"f": FRACTIONS, "number": range(1, N + 1), "class": sorted(TREES)}, ["number"]),
    ({"number": range(842, N + 842), "f": FRACTIONS, "class": sorted(KINDS)}, ["number"]),
    ({"Id": range(1, N + 1), "f": FRACTIONS, "class": KINDS}, ["Id"]),
    ({"f": FRACTIONS, "index": range(N), "class": KINDS}, ["index"]),
    ({"RowNumber": range(1, N + 1), "f": FRACTIONS, "class": KINDS}, ["RowNumber"]),
    ({"f": FRACTIONS, "S.No.": range(1, N + 1), "class": KINDS}, ["S.No."]),
    ({"CustomerId": IDS, "f": FRACTIONS, "class": sorted(KINDS)}, ["CustomerId"]),
    ({"f": FRACTIONS, "idx": IDS, "class": sorted(TREES)}, ["idx"]),
    ({"번호": range(1, N + 1), "f": FRACTIONS, "class": KINDS}, ["번호"]),
]


@pytest.mark.parametrize(("table", "leaks"), LEAKS)
def test_what_gives_the_label_away_is_no_feature(tmp_path: Path, table: Table, leaks: list[str]) -> None:
    path = write_csv(tmp_path, {**table, "g": OTHER_FRACTIONS})
    error = ask(path, leave_out=["g"])
    assert error.advice == ({"leave_out": ["g", *leaks]},)
    assert error.column == list(table).index(leaks[0]) + 1
    assert load(path, leave_out=["g", *leaks]).feature_names == ("f",)
    assert load(path, features=["f", *leaks]).feature_names == ("f", *leaks)


@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_begin_a_table_without_names(tmp_path: Path, start: int) -> None:
    path = write_bare(tmp_path, {"n": range(start, start + N), "f": FRACTIONS, "kind": TREES})
    assert ask(path).advice == ({"leave_out": [0]},)
    assert obey(path).features == 1
    assert load(write_bare(tmp_path, {"n": range(5, N + 5), "f": FRACTIONS, "kind": TREES})).features == 2


def test_the_message_names_the_column_and_the_label(tmp_path: Path) -> None:
    path = write_csv(tmp_path, {"f": FRACTIONS, "class_id": KINDS, "class": TREES})
    what = "column 2 ('class_id') gives the label (column 3 ('class')) away: each of its values stands for one class"
    assert (
        str(ask(path)) == f"{path}: {what} (to keep it all the same, list the features): set leave_out = ['class_id']"
    )


def test_the_only_feature_is_kept_on_demand(tmp_path: Path) -> None:
    path = write_csv(tmp_path, {"x": KINDS, "class": TREES})
    error = ask(path)
    assert error.advice == ({"features": ["x"]},)
    assert obey(path).feature_names == ("x",)


@pytest.mark.parametrize(
    "table",
    [
        {"a": FLAGS, "b": FLAGS[::-1], "class": [x ^ y for x, y in zip(FLAGS, FLAGS[::-1], strict=True)]},
        {"a": [0, 1, 0, 1], "class": [0, 1, 0, 1]},
        {"a": KINDS, "f": FRACTIONS, "class": ONE},
        {"a": ONE, "f": FRACTIONS, "class": TREES},
        {"x": range(N), "class": sorted(TREES)},
        {"x": range(N), "f": FRACTIONS, "class": TREES},
        {"a": HOT[0], "b": HOT[1], "c": HOT[2], "class": FLAGS},
        {"a": [*KINDS[:-1], 5], "f": FRACTIONS, "class": TREES},
        {"is_a": HOT[0], "f": FRACTIONS, "class": TREES},
        {"n": IDS, "f": FRACTIONS, "class": TREES},
        {"age": IDS, "f": FRACTIONS, "class": sorted(TREES)},
        {"time": range(N), "f": FRACTIONS, "class": TREES},
        {"f": FRACTIONS, "acid": IDS, "class": TREES},
        {"Id": range(842, N + 842), "f": FRACTIONS, "class": TREES},
    ],
)
def test_no_other_feature_is_refused(tmp_path: Path, table: Table) -> None:
    assert load(write_csv(tmp_path, table)).feature_names == tuple(table)[:-1]


def test_chance_in_a_short_and_wide_table_is_no_leak(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        table = {f"b{i}": rng.integers(0, 2, 12).tolist() for i in range(400)}
        assert load(write_csv(tmp_path, {**table, "label": [0, 1] * 6})).features == 400


def test_a_leak_is_checked_in_all_rows_of_a_long_file(tmp_path: Path) -> None:
    t = np.arange(40_000) % 5
    copy, spoilt = 5 - t, (5 - t).copy()
    spoilt[20_001] = 9
    f = np.random.default_rng(1).normal(size=40_000)
    path = write_parquet(tmp_path, {"f": f, "copy": copy, "spoilt": spoilt, "class": t})
    assert ask(path).advice == ({"leave_out": ["copy"]},)
    assert obey(path).feature_names == ("f", "spoilt")
    path = write_parquet(tmp_path, {"zero": 0 * t, "f": f, "copy": np.sort(copy), "class": np.sort(t)[::-1]})
    assert obey(path).feature_names == ("zero", "f")


@st.composite
def make_table(draw: st.DrawFn) -> tuple[Table, bool]:
    """Return a table with a label, and whether features give it away."""
    count, classes = draw(st.integers(20, 80)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    t = np.concatenate([np.arange(count // 2) % classes, rng.integers(0, classes, count - count // 2)])
    rng.shuffle(t)
    features: list[Any] = [draw(st.sampled_from([rng.normal(size=count), rng.integers(0, 9, count)])) for _ in range(3)]
    kind = draw(st.sampled_from(["nothing", "copy", "permutation", "fractions", "one-hot"]))
    order = rng.permutation(classes)
    made: dict[str, list[Any]] = {
        "nothing": [],
        "copy": [t],
        "permutation": [order[t]],
        "fractions": [rng.normal(size=classes)[t]],
        "one-hot": [*np.eye(classes, dtype=int)[order[t]].T],
    }
    place = draw(st.integers(0, 3))
    columns = [*features[:place], *made[kind], *features[place:]]
    label = draw(st.integers(0, len(columns)))
    columns.insert(label, t if draw(st.booleans()) else np.array(list("abcde"))[t])
    names = [f"c{i}" for i in range(len(columns))]
    names[label] = "label"
    return {name: column.tolist() for name, column in zip(names, columns, strict=True)}, kind != "nothing"


@given(make_table(), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_obeying_the_advice_leaves_no_feature_that_holds_the_label(
    tmp_path: Path, case: tuple[Table, bool], named: bool
) -> None:
    table, leaks = case
    path = write_csv(tmp_path, table)
    options = {} if named else {"label": "label"}
    if not leaks:
        assert load(path, **options).features == len(table) - 1
        return
    assert "away" in str(ask(path, **options))
    data = obey(path, **options)
    assert 3 <= data.features < len(table) - 1
    for column in data.train.x.T:
        pairs = {*zip(column.tolist(), data.train.t.tolist(), strict=True)}
        assume(len(pairs) < len(data.train))
        assert not len(pairs) == len({*column.tolist()}) == len(data.classes)


# Obeyed advice

COLUMNS: dict[str, Callable[[np.random.Generator, int], list[Any]]] = {
    "fractions": lambda rng, n: rng.normal(size=n).round(2).tolist(),
    "flags": lambda rng, n: rng.integers(0, 2, n).tolist(),
    "codes": lambda rng, n: (2 * rng.integers(0, 4, n)).tolist(),
    "ages": lambda rng, n: rng.integers(0, 60, n).tolist(),
    "trees": lambda rng, n: np.array(["fir", "oak", "yew"])[rng.integers(0, 3, n)].tolist(),
    "mixed": lambda rng, n: rng.permutation(np.resize(["1", "2", "other"], n)).tolist(),
    "regions": lambda rng, n: np.array(["NA", "EU", "SA"])[rng.integers(0, 3, n)].tolist(),
    "lacking": lambda rng, n: np.array(["", "0.5", "1.25"])[rng.integers(0, 3, n)].tolist(),
    "names": lambda _, n: [f"person {i}" for i in range(n)],
    "numbers": lambda _, n: [i + 1 for i in range(n)],
    "long": lambda _, n: [10**17 + 7919 * i + 1 for i in range(n)],
    "constant": lambda _, n: [7] * n,
}


@given(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6), st.integers(0, 2**32), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_advice_leads_to_a_data_set(tmp_path: Path, kinds: list[str], seed: int, data: st.DataObject) -> None:
    rng, count = np.random.default_rng(seed), data.draw(st.sampled_from([12, 150]))
    columns = ["fractions", *kinds, "flags"]  # a feature and a label are among them
    table = {f"{kind} {i}": COLUMNS[kind](rng, count) for i, kind in enumerate(columns)}
    path, options = write_csv(tmp_path, table), dict[str, Any]()
    advice: Sequence[Any] = [{}]
    for _ in range(8):
        options.update(data.draw(st.sampled_from(advice)))
        try:
            found = load(path, **options)
        except DataError as error:
            advice = error.advice
        else:
            assert len(found.classes) > 1 or options["label"].startswith("constant")
            return
    raise AssertionError("the advice leads nowhere")


LOOK = """
import sys
from pathlib import Path
import numpy as np
import numpy.ma  # which NumPy imports when it is first needed; where nobody has compiled it yet, that takes 9 MiB
from modnet_data.table.columns import Columns
from modnet_data.table.leaks import Features, refuse_leaks

x = np.memmap(sys.argv[1], np.uint8, "r", shape=(2**18, 2**10))
t = np.arange(len(x)) % 2
table = Columns(Path("big.csv"), None, 2**10 + 1, frozenset())
features = Features(table, tuple(range(2**10)), (2**10,), (), 0)

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = peak()
refuse_leaks(features, x, t)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has taken")
def test_a_table_larger_than_memory_is_searched_without_being_kept_in_it(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(np.random.default_rng(0).integers(0, 9, 2**28, np.uint8).tobytes())
    done = subprocess.run([sys.executable, "-c", LOOK, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2**18 / 10  # a tenth of the file's 256 MiB, in KiB

"""Data frames and bunches as data sets."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import datasets

import modnet

LENGTH = [1.5, 2.5, 1.0, 3.5] * 5
LEGS = [2, 4, 3, 4] * 5
KIND = ["bird", "cat", "bird", "cat"] * 5
COLUMNS = {"length": LENGTH, "legs": LEGS, "kind": KIND}


def raw(data: modnet.Dataset) -> np.ndarray:
    return data.train.unscaled(slice(None))


def load(given: Any, **settings: Any) -> modnet.Dataset:
    return modnet.load(given, test_fraction=0, **settings)


FRAMES = {
    "pandas": pd.DataFrame(COLUMNS),
    "pandas-object": pd.DataFrame(COLUMNS, dtype=object),
    "pandas-nullable": pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas-categorical": pd.DataFrame(COLUMNS).astype({"kind": "category"}),
    "pandas-float32": pd.DataFrame(COLUMNS).astype({"length": "float32", "legs": "uint8"}),
    "pandas-arrow": pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame(COLUMNS),
    "polars-categorical": pl.DataFrame(COLUMNS, schema_overrides={"kind": pl.Categorical}),
    "polars-lazy": pl.DataFrame(COLUMNS).lazy(),
    "pyarrow": pa.table(COLUMNS),
    "pyarrow-dictionary": pa.table({**COLUMNS, "kind": pa.array(KIND).dictionary_encode()}),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_each_kind_of_frame_is_the_same_data_set(frame):
    data = load(frame, label="kind")
    np.testing.assert_array_equal(raw(data), np.column_stack([LENGTH, LEGS]))
    assert [data.classes[i] for i in data.train.t] == KIND
    assert data.feature_names == ("length", "legs")


def test_frames_stay_as_they_are():
    frame = pd.DataFrame(COLUMNS)
    before = frame.copy(deep=True)
    data = load(frame, label="kind")
    pd.testing.assert_frame_equal(frame, before)
    frame.loc[0, "length"] = -1.0
    assert raw(data)[0, 0] == LENGTH[0]


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(KIND, name="kind"),
        pd.DataFrame({"kind": KIND}),
        pl.Series("kind", KIND),
        np.array(KIND),
        np.array(KIND)[:, None],
        KIND,
        pd.Categorical(KIND),
    ],
    ids=["series", "frame", "polars", "array", "column", "list", "categorical"],
)
def test_labels_may_stand_beside_the_frame(labels):
    data = load((pd.DataFrame(COLUMNS)[["length", "legs"]], labels))
    assert [data.classes[i] for i in data.train.t] == KIND
    assert data.feature_names == ("length", "legs")


def test_the_index_is_ignored_unless_it_says_another_order():
    rows = pd.DataFrame({"length": LENGTH}, index=range(100, 120))
    assert [*load((rows, pd.Series(KIND))).train.t] == [*load((rows.reset_index(drop=True), KIND)).train.t]
    with pytest.raises(modnet.DataError, match=r"the same index in another order: bring them into one"):
        load((rows, pd.Series(KIND, index=rows.index[::-1])))


CELLS: list[Any] = [
    (pd.Series([1, None, 3] * 5, dtype="Int64"), [1, np.nan, 3]),
    (pd.Series([True, None, False] * 5, dtype="boolean"), [1, np.nan, 0]),
    (pd.Series([True, False, False] * 5), [1, 0, 0]),
    (pd.Series([True, None, False] * 5, dtype=object), [1, np.nan, 0]),
    (pd.Series([1, None, 2.5] * 5, dtype=object), [1, np.nan, 2.5]),
    (pd.Series([pd.NA, 2, 3] * 5, dtype=object), [np.nan, 2, 3]),
    (pd.Series([Decimal("0.5"), None, Decimal(2)] * 5), [0.5, np.nan, 2]),
    (pd.Series([np.nan, 1.5, 2] * 5, dtype="float32"), [np.nan, 1.5, 2]),
    (pl.Series([1, None, 3] * 5), [1, np.nan, 3]),
    (pl.Series([1.5, float("nan"), None] * 5), [1.5, np.nan, np.nan]),
    (pl.Series([True, None, False] * 5), [1, np.nan, 0]),
    (pl.Series([Decimal("0.5"), None, Decimal(2)] * 5), [0.5, np.nan, 2]),
]


@pytest.mark.parametrize(("cells", "expected"), CELLS, ids=map(str, range(len(CELLS))))
def test_numbers_and_missing_values_of_each_kind(cells, expected):
    frame = type(cells)(cells).to_frame("cells")
    label = [0, 1, 1, 1, 0] * 3
    data = load((frame, label), missing=-7)
    np.testing.assert_array_equal(raw(data)[:3, 0], np.nan_to_num(expected, nan=-7))
    if np.isnan(expected).any():
        with pytest.raises(modnet.DataError, match=r"data frame, row \d, column 1 \('cells'\): a missing value"):
            load((frame, label))


REFUSED: list[Any] = [
    (
        {"day": pd.date_range("2020-01-01", periods=20)},
        r"column 1 \('day'\) is of type datetime.*set leave_out = \['day'\]",
    ),
    ({"gap": [pd.Timedelta(1, "D")] * 20}, r"column 1 \('gap'\) is of type duration.*set leave_out = \['gap'\]"),
    ({"mix": [1, "x"] * 10}, r"column 1 \('mix'\) is of type int and text.*set leave_out = \['mix'\]"),
    ({"list": [[1, 2]] * 20}, r"column 1 \('list'\) is of type.*set leave_out = \['list'\]"),
    ({"big": [2**60] + [0] * 19}, r"row 1, column 1 \('big'\): 1152921504606846976 has more digits.*leave_out"),
    ({"inf": [np.inf] + [0.0] * 19}, r"row 1, column 1 \('inf'\): expected a finite number, found inf"),
]


@pytest.mark.parametrize(("column", "problem"), REFUSED, ids=[next(iter(column)) for column, _ in REFUSED])
def test_columns_that_are_no_features(column, problem):
    frame = pd.DataFrame({**column, **COLUMNS})
    with pytest.raises(modnet.DataError, match=problem) as caught:
        load(frame, label="kind")
    for settings in caught.value.advice:
        assert load(frame, label="kind", **settings).feature_names == ("length", "legs")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named 'a': rename one of them"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "two columns are named '1': rename one of them"),
        (pd.DataFrame(COLUMNS)["length"], "a series alone, expected a data frame"),
        ((pd.DataFrame(COLUMNS), KIND[:3]), "20 rows need 20 labels, found 3"),
        ((pd.DataFrame(COLUMNS), pd.Series(KIND, name="kind")), "the labels are named 'kind', and so is a column"),
        ((pd.DataFrame(COLUMNS), 7), "expected labels as a series, an array or a list, found a int"),
        ({"data": ["some", "text"], "target": [0, 1]}, "expected a Bunch whose 'data' is an array"),
        ({"a": [1, 2]}, "no source accepts an object of type dict.*modnet.Dataset.from_arrays"),
        (np.zeros((3, 3)), "no source accepts an object of type ndarray"),
        (pd.DataFrame({"a": [1.0], "label": [1]})[:0], "no rows"),
    ],
)
def test_what_is_no_data_set(given, problem):
    with pytest.raises(modnet.DataError, match=problem):
        modnet.load(given)


def test_columns_called_by_numbers_are_called_so_in_settings():
    frame = pd.DataFrame({3: LENGTH, 0: LEGS, 1: KIND})
    assert load(frame, label=1).feature_names == ("3", "0")
    assert load(frame, label=1, leave_out=[0]).feature_names == ("3",)


def test_columns_of_several_levels_have_all_of_their_names():
    frame = pd.DataFrame(COLUMNS)
    frame.columns = pd.MultiIndex.from_tuples([("size", "length"), ("size", "legs"), ("label", "")])
    assert load(frame).feature_names == ("size length", "size legs")


def test_a_label_that_a_feature_gives_away_is_asked_about():
    frame = pd.DataFrame({"length": LENGTH, "code": [7, 9, 7, 9] * 5, "kind": KIND})
    with pytest.raises(modnet.DataError, match=r"column 2 \('code'\) gives the label .* away.*leave_out = \['code'\]"):
        load(frame, label="kind")


BUNCHES = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast-cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("fetch", BUNCHES.values(), ids=BUNCHES)
def test_bunches_of_classes(fetch, as_frame):
    bunch = fetch(as_frame=as_frame)
    data = load(bunch)
    np.testing.assert_array_equal(raw(data), np.asarray(bunch.data))
    names = [bunch.target_names[i] for i in bunch.target]
    assert [data.classes[i] for i in data.train.t] == names
    assert data.feature_names == tuple(bunch.feature_names)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    return done.stdout + done.stderr


def block(*names: str) -> str:
    return f"import sys\nfor name in {names!r}: sys.modules[name] = None\nimport modnet, pandas as pd, numpy as np\n"


def test_pandas_goes_without_pyarrow():
    code = """
frame = pd.DataFrame({"a": [1.5, None, 2.0] * 4, "b": pd.array([1, None, 3] * 4, dtype="Int64"),
                      "c": pd.Series(["x", None, "y"] * 4), "label": pd.Categorical(["u", "v", "u"] * 4)})
data = modnet.load(frame, leave_out=["c"], missing=0)
print(data)
"""
    assert "of 2 features in 2 classes" in run(block("pyarrow") + code)


def test_the_extra_is_named_where_it_is_not_installed():
    out = run(block("narwhals") + "modnet.load(pd.DataFrame({'a': [1]}))")
    assert "a data frame needs an extra that is not installed: pip install 'modnet-workbench[frames]'" in out


def test_no_library_of_frames_is_loaded_before_it_is_needed():
    out = run("import sys, modnet; modnet.load('moons'); print({'narwhals', 'pandas', 'polars'} & {*sys.modules})")
    assert out.strip() == "set()"


def test_files_are_read_by_other_sources(tmp_path):
    (tmp_path / "a.csv").write_text("a,label\n1,2\n")
    with pytest.raises(modnet.DataError, match=r"the source 'frame' reads data frames in Python, no files"):
        modnet.load(tmp_path / "a.csv", source="frame")


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("fetch", [datasets.load_diabetes, datasets.load_linnerud], ids=["diabetes", "linnerud"])
def test_bunches_of_numbers_to_predict(fetch, as_frame):
    bunch = fetch(as_frame=as_frame)
    data = load(bunch)
    targets = np.asarray(bunch.target, np.float64).reshape(len(bunch.target), -1)
    np.testing.assert_allclose(data.to_unit(data.train.t), targets)
    np.testing.assert_array_equal(raw(data), np.asarray(bunch.data))
    assert (data.task, data.settings["task"], data.outputs) == ("regression", "regression", targets.shape[1])
    assert "targets are floats, which scikit-learn has for a regression" in data.notes
    assert load(datasets.load_diabetes(), task="classification").task == "classification"


SIZES = ["small", "medium", "large"]
TEXTS = {
    "age": [30.0, None, 50.0, 40.0, 20.0] * 4,
    "port": ["S", "Q", None, "S", "S"] * 4,
    "size": ["medium", "small", "large", "small", "medium"] * 4,
    "label": ["yes", "no", "no", "yes"] * 5,
}
TEXT_FRAMES = {
    "pandas": pd.DataFrame(TEXTS),
    "pandas-object": pd.DataFrame(TEXTS, dtype=object),
    "pandas-nullable": pd.DataFrame(TEXTS).convert_dtypes(),
    "pandas-categorical": pd.DataFrame(TEXTS).astype({"port": "category", "size": pd.CategoricalDtype(SIZES)}),
    "polars": pl.DataFrame(TEXTS),
    "polars-enum": pl.DataFrame(TEXTS, schema_overrides={"size": pl.Enum(SIZES)}),
    "pyarrow": pa.table(TEXTS),
}


@pytest.mark.parametrize("frame", TEXT_FRAMES.values(), ids=TEXT_FRAMES)
def test_columns_of_text_and_gaps_are_features(frame):
    with pytest.raises(
        modnet.DataError, match=r"row 2, column 1 \('age'\): a missing value: set impute = 'median'"
    ) as e:
        load(frame)
    for advice in e.value.advice:
        load(frame, **advice)
    data = load(frame, impute="median", encode={"size": SIZES, "port": "one-hot"}, standardize=False)
    assert data.preparation.feature_names == ("age", "port=S", "port=Q", "size") or (
        data.preparation.feature_names == ("age", "port=Q", "port=S", "size")  # in the order of the categories
    )
    places = [data.preparation.feature_names.index(name) for name in ("age", "port=S", "port=Q", "size")]
    expected = [[30, 1, 0, 1], [35, 0, 1, 0], [50, 1, 0, 2], [40, 1, 0, 0], [20, 1, 0, 1]]
    np.testing.assert_array_equal(data.train.x[:5][:, places], expected)


def test_the_order_of_categories_is_that_of_the_features():
    names = load(TEXT_FRAMES["pandas-categorical"], impute="median").preparation.feature_names
    assert names[-3:] == ("size=small", "size=medium", "size=large")


@pytest.mark.parametrize("frame", TEXT_FRAMES.values(), ids=TEXT_FRAMES)
def test_new_rows_are_prepared_as_the_training_rows_were(frame):
    data = load(frame, impute="median")
    np.testing.assert_array_equal(data.prepare(frame), data.train.x)


def test_new_rows_may_be_in_another_frame_or_an_array():
    data = load(TEXT_FRAMES["polars"], impute="median")
    new = pd.DataFrame({"size": ["large", "huge"], "more": [1, 2], "port": ["S", None], "age": [30, 20]}, index=[7, 5])
    found = data.prepare(new)
    np.testing.assert_array_equal(found, data.prepare([[30.0, "S", "large"], [20.0, None, "huge"]]))
    sizes = [data.preparation.feature_names.index(f"size={size}") for size in SIZES]
    assert found[:, sizes].tolist() == [[0, 0, 1], [0, 0, 0]]
    with pytest.raises(modnet.DataError, match="the rows have no column 'port'; they have age, size"):
        data.prepare(new[["age", "size"]])
    with pytest.raises(modnet.DataError, match="rows have 2 columns, expected 3"):
        data.prepare([[30.0, "S"]])
    with pytest.raises(modnet.DataError, match="expected a finite number, found inf"):
        data.prepare([[np.inf, "S", "large"]])


def test_a_network_trains_on_a_frame_and_predicts_another():
    iris = datasets.load_iris(as_frame=True)
    data = modnet.load(iris)
    run = modnet.train(modnet.Network.for_data(data, hidden=[10]), data, iterations=300)
    predicted = [data.classes[i] for i in run.network.predict(data.prepare(iris.data)).argmax(axis=1)]
    assert np.mean(np.array(predicted) == iris.target_names[iris.target]) > 0.9


@pytest.mark.parametrize(
    "frame", [FRAMES["pandas"], FRAMES["pandas-nullable"], FRAMES["polars"]], ids=["pandas", "nullable", "polars"]
)
def test_arrays_from_a_frame_keep_its_names(frame):
    data = modnet.Dataset.from_arrays(frame[["length", "legs"]], np.array(KIND), test_fraction=0)
    assert data.feature_names == ("length", "legs")
    np.testing.assert_array_equal(raw(data), np.column_stack([LENGTH, LEGS]))


def test_settings_of_weights_and_tasks_are_those_of_tables():
    frame = pd.DataFrame({"x": LENGTH, "price": np.arange(20.0) ** 1.5, "many": LEGS})
    data = load(frame, label="price", task="regression", weights="many")
    assert (data.task, data.feature_names) == ("regression", ("x",))
    np.testing.assert_array_equal(data.train.weights, LEGS)

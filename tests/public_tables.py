"""Small tables with the columns of well-known public ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

MUSHROOM = {
    "cap-shape": "bcxfks", "cap-surface": "fgys", "cap-color": "nbcgrpuewy", "bruises": "tf", "odor": "alcyfmnps",
    "gill-attachment": "af", "gill-spacing": "cw", "gill-size": "bn", "gill-color": "knbhgropuewy",
    "stalk-shape": "et", "stalk-root": "bcer?", "stalk-surface-above-ring": "fyks", "stalk-surface-below-ring": "fyks",
    "stalk-color-above-ring": "nbcgopewy", "stalk-color-below-ring": "nbcgopewy", "veil-type": "p",
    "veil-color": "nowy", "ring-number": "not", "ring-type": "eflnp", "spore-print-color": "knbhrouwy",
    "population": "acnsvy", "habitat": "glmpuwd",
}  # fmt: skip
"""The letters of each column of mushrooms.csv."""

WORDS = {
    "workclass": ["Private", "Self-emp-not-inc", "Local-gov", "State-gov", "?"],
    "education": ["HS-grad", "Some-college", "Bachelors", "Masters", "11th"],
    "marital.status": ["Married-civ-spouse", "Never-married", "Divorced", "Widowed"],
    "occupation": ["Prof-specialty", "Craft-repair", "Exec-managerial", "Adm-clerical", "Sales", "?"],
    "relationship": ["Husband", "Not-in-family", "Own-child", "Unmarried", "Wife"],
    "race": ["White", "Black", "Asian-Pac-Islander"],
    "sex": ["Male", "Female"],
    "native.country": ["United-States", "Mexico", "?", "Philippines"],
}


def write_titanic(folder: Path, rows: int = 891) -> None:
    """Write train.csv, and test.csv without the label, as Kaggle has them."""
    rng = np.random.default_rng(0)
    head = [
        "PassengerId",
        "Survived",
        "Pclass",
        "Name",
        "Sex",
        "Age",
        "SibSp",
        "Parch",
        "Ticket",
        "Fare",
        "Cabin",
        "Embarked",
    ]
    table = []
    for i in range(1, rows + 419):
        sex, place = rng.choice(["male", "female"], p=[0.65, 0.35]), int(rng.choice([1, 2, 3], p=[0.24, 0.21, 0.55]))
        age = "" if rng.random() < 0.2 else f"{rng.uniform(1, 75):.1f}".removesuffix(".0")
        survived = int(rng.random() < (0.75 if sex == "female" else 0.2) - 0.12 * (place - 2))
        cabin = f"C{rng.integers(1, 140)}" if rng.random() < 0.23 else ""
        port = "" if i % 400 == 0 else rng.choice(["S", "C", "Q"], p=[0.72, 0.19, 0.09])
        name = f"Name{i}, {'Mr.' if sex == 'male' else 'Mrs.'} First{i % 90}"
        counts = [int(rng.poisson(0.5)), int(rng.poisson(0.4))]
        table.append([i, survived, place, name, sex, age, *counts, f"A/5 {2000 + i}", f"{rng.gamma(2, 16):.4f}"])
        table[-1] += [cabin, port]
    write(folder / "train.csv", head, table[:rows])
    write(folder / "test.csv", [head[0], *head[2:]], [[row[0], *row[2:]] for row in table[rows:]])


def write_penguins(folder: Path, rows: int = 344) -> None:
    """Write penguins.csv, in which a few measures and some sexes are NA."""
    rng = np.random.default_rng(1)
    means = {"Adelie": (38.8, 18.3, 190, 3700), "Gentoo": (47.5, 15, 217, 5076), "Chinstrap": (48.8, 18.4, 196, 3733)}
    head = ["species", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year"]
    table = []
    for i in range(rows):
        species = list(means)[i * 3 // rows]
        length, depth, flipper, mass = (rng.normal(mean, 0.06 * mean) for mean in means[species])
        measures = [f"{length:.1f}", f"{depth:.1f}", round(flipper), 25 * round(mass / 25)]
        island = {"Gentoo": "Biscoe", "Chinstrap": "Dream"}.get(species) or rng.choice(["Torgersen", "Biscoe", "Dream"])
        sex = "NA" if i % 31 == 0 else rng.choice(["male", "female"])
        table.append([species, island, *(measures if i % 150 != 3 else ["NA"] * 4), sex, 2007 + i % 3])
    write(folder / "penguins.csv", head, table)


def write_adult(folder: Path, rows: int = 1500) -> None:
    """Write adult.csv, in which a question mark stands for a missing word."""
    rng = np.random.default_rng(2)
    head = [
        "age",
        "workclass",
        "fnlwgt",
        "education",
        "education.num",
        "marital.status",
        "occupation",
        "relationship",
        "race",
        "sex",
    ]
    head += ["capital.gain", "capital.loss", "hours.per.week", "native.country", "income"]
    table = []
    for _ in range(rows):
        row = {name: rng.choice(words) for name, words in WORDS.items()}
        row |= {"age": int(rng.integers(17, 90)), "fnlwgt": int(rng.integers(12285, 900000)), "capital.loss": 0}
        row |= {
            "education.num": WORDS["education"].index(row["education"]) + 7,
            "hours.per.week": int(rng.integers(1, 99)),
        }
        row["capital.gain"] = int(rng.choice([0, 7298, 15024], p=[0.9, 0.05, 0.05]))
        score = (
            (row["marital.status"] == "Married-civ-spouse") * 2 + row["education.num"] / 4 + row["hours.per.week"] / 40
        )
        row["income"] = ">50K" if score + rng.normal(0, 0.5) > 5 else "<=50K"
        table.append([row[name] for name in head])
    write(folder / "adult.csv", head, table)


def write_mushrooms(folder: Path, rows: int = 1200) -> None:
    """Write mushrooms.csv: words of a letter in all columns, the class first."""
    rng = np.random.default_rng(3)
    table = []
    for _ in range(rows):
        row = [rng.choice(list(letters)) for letters in MUSHROOM.values()]
        table.append(["p" if row[4] in "cfmpsy" else "e", *row])
    write(folder / "mushrooms.csv", ["class", *MUSHROOM], table)


def write_wine(folder: Path, rows: int = 1599) -> None:
    """Write winequality-red.csv, with semicolons between the cells and names in quotes."""
    rng = np.random.default_rng(4)
    head = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide"]
    head += ["total sulfur dioxide", "density", "pH", "sulphates", "alcohol", "quality"]
    means = [8.3, 0.53, 0.27, 2.5, 0.087, 15.9, 46.5, 0.9967, 3.31, 0.66, 10.4]
    spreads = [1.7, 0.18, 0.19, 1.4, 0.047, 10.5, 32.9, 0.0019, 0.15, 0.17, 1.07]
    lines = [";".join(f'"{name}"' for name in head)]
    for _ in range(rows):
        z = rng.normal(size=11)
        numbers = [f"{abs(mean + spread * each):.5g}" for mean, spread, each in zip(means, spreads, z, strict=True)]
        quality = int(np.clip(round(5.6 + 0.6 * z[10] - 0.4 * z[1] + rng.normal(0, 0.4)), 3, 8))
        lines.append(";".join([*numbers, str(quality)]))
    (folder / "winequality-red.csv").write_text("\n".join(lines) + "\n")


def write_digits(folder: Path, rows: int = 1000) -> None:
    """Write train.csv and, without the label, test.csv, as Kaggle has its digits: from those that modnet ships."""
    import modnet

    data = modnet.load("mnist-small")
    head = [f"pixel{i}" for i in range(784)]
    x, t = data.train.unscaled(slice(rows)), data.train.t[:rows]
    write(folder / "train.csv", ["label", *head], np.column_stack([t, x]).tolist())
    write(folder / "test.csv", head, data.test.unscaled(slice(200)).tolist())


def write(path: Path, head: list[str], rows: list[list[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])

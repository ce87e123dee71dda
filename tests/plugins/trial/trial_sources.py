"""Sources of a file, of a folder and of nothing at all."""

import json
from typing import Literal

import attrs
import numpy as np
from attrs.validators import ge

import modnet


@attrs.frozen
class JsonLines(modnet.DataSource):
    """A JSON object a line: one entry is the label, the others are the features."""

    suffixes = (".jsonl",)

    label: str = "label"
    scale: float | Literal["auto"] = "auto"
    test_fraction: float = 0.2
    split_seed: int = 0

    def read(self, path):
        x, t = self.parse(path)
        return modnet.Dataset.from_arrays(
            (x, t), scale=self.scale, test_fraction=self.test_fraction, split_seed=self.split_seed
        )

    def read_rows(self, path, features):
        x, t = self.parse(path)
        if len(x[0]) != features:
            raise modnet.DataError(f"{path}: rows of {len(x[0])} features, expected {features}", path=path)
        return np.array(x, dtype=np.float64), np.array(t)

    def parse(self, path):
        x, t = [], []
        for number, line in enumerate(modnet.files.read_bytes(path).splitlines(), start=1):
            try:
                row = json.loads(line)
                t.append(row.pop(self.label))
                x.append([float(value) for value in row.values()])
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                message = f"{path}, line {number}: no row with a {self.label!r} ({error})"
                raise modnet.DataError(message, path=path, line=number) from None
        if not x:
            raise modnet.DataError(f"{path}: there are no rows", path=path)
        return x, t


@attrs.frozen
class FolderOfText(modnet.DataSource):
    """A file for each class, a sample a line; recognised by a file with the names of the classes."""

    test_fraction: float = 0.0
    split_seed: int | None = None

    @classmethod
    def recognises(cls, path, head):
        return (path / "classes.txt").is_file()

    def read(self, path):
        x, t = [], []
        for name in modnet.files.read_bytes(path / "classes.txt").decode("utf-8", "replace").split():
            file = path / f"{name}.txt"
            for number, line in enumerate(modnet.files.read_bytes(file).splitlines(), start=1):
                try:
                    x.append([float(word) for word in line.split()])
                except ValueError:
                    raise modnet.DataError(f"{file}, line {number}: no numbers", path=file, line=number) from None
                t.append(name)
        if not x or len({len(row) for row in x}) > 1 or not x[0]:
            raise modnet.DataError(f"{path}: there are no samples, or their lengths differ", path=path)
        return modnet.Dataset.from_arrays(
            (x, t), scale=1.0, test_fraction=self.test_fraction, split_seed=self.split_seed or 0
        )

    def read_rows(self, path, features):
        data = attrs.evolve(self, test_fraction=0.0).read(path)
        if data.features != features:
            raise modnet.DataError(f"{path}: rows of {data.features} features, expected {features}", path=path)
        return data.train.unscaled(slice(None)), np.array(data.classes)[data.train.t]

    def write(self, data, path):
        path.mkdir()
        for index, name in enumerate(data.classes):
            rows = data.train.x[data.train.t == index].tolist()
            (path / f"{name}.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows), encoding="utf-8")
        (path / "classes.txt").write_text(" ".join(data.classes), encoding="utf-8")
        return [path]


@attrs.frozen
class Rings(modnet.DataSource):
    """A data set by name, made when it is asked for."""

    samples: int = attrs.field(default=60, validator=ge(4))
    noise: float = attrs.field(default=0.1, validator=ge(0))
    seed: int = 0

    reads_files = False

    def read(self, path):
        draw = modnet.Stream(self.seed, ("rings",)).generator()
        t = np.arange(self.samples) % 2
        angle = draw.uniform(0, 2 * np.pi, self.samples)
        radius = 1.0 + t + self.noise * draw.standard_normal(self.samples)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return modnet.Dataset.from_arrays((x, t), scale=1.0, test_fraction=0.25)


@modnet.hookimpl
def register_data_sources(register):
    register(JsonLines)
    register(FolderOfText)
    register(Rings)

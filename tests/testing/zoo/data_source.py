"""Data sources, broken and odd."""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs
import numpy as np

import modnet
from zoo import Cage

CAGE = Cage("data-source")
TREES = Path(__file__).with_name("trees.jsonl")


@attrs.frozen
class JsonLines(modnet.DataSource):
    """A right one, for others to spoil: an object a line, one entry of which is the label."""

    suffixes = (".jsonl",)

    label: str = "label"
    scale: float = 1.0
    test_fraction: float = 0.25

    def read(self, path):
        return self.dataset(*self.parse(path))

    def parse(self, path):
        if path is None:
            raise modnet.DataError("a file is needed")
        x, t = [], []
        for number, line in enumerate(modnet.files.read_bytes(path).splitlines(), start=1):
            try:
                row = json.loads(line)
                t.append(row.pop(self.label))
                x.append([float(value) for value in row.values()])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise modnet.DataError(f"{path}, line {number}: no row with a {self.label!r} ({error})") from None
        if not x:
            raise modnet.DataError(f"{path}: there are no rows")
        return x, t

    def dataset(self, x, t):
        return modnet.Dataset.from_arrays((x, t), scale=self.scale, test_fraction=self.test_fraction)

    def read_rows(self, path, features):
        x, t = self.parse(path)
        if len(x[0]) != features:
            raise modnet.DataError(f"{path}: {len(x[0])} features, expected {features}")
        return np.array(x), np.array(t)


@CAGE.add_broken("dataset", file=TREES)
class GivesTuples(JsonLines):
    def dataset(self, x, t):
        return np.array(x), np.array(t)


@CAGE.add_broken("dataset", file=TREES)
class LabelsBeyondTheClasses(JsonLines):
    def dataset(self, x, t):
        data = JsonLines.dataset(self, x, t)
        return attrs.evolve(data, classes=data.classes[:-1])


@CAGE.add_broken("dataset", file=TREES)
class LabelsOfText(JsonLines):
    def dataset(self, x, t):
        samples = modnet.Samples(np.array(x), np.array(t))
        return modnet.Dataset(samples, samples, tuple(sorted(set(t))), {"scale": 1.0})


@CAGE.add_broken("dataset", file=TREES)
class HolesInTheData(JsonLines):
    def dataset(self, x, t):
        data = JsonLines.dataset(self, x, t)
        table = data.train.x.copy()
        table[0, 0] = np.nan
        return attrs.evolve(data, train=modnet.Samples(table, data.train.t))


@CAGE.add_broken("inferred", file=TREES)
class InfersWhatIsNoSetting(JsonLines):
    def dataset(self, x, t):
        data = JsonLines.dataset(self, x, t)
        return attrs.evolve(data, settings={**data.settings, "rows": len(x)})


@CAGE.add_broken("empty", file=TREES)
class MakesUpRows(JsonLines):
    def read(self, path):
        if path is not None and path.is_file() and not path.stat().st_size:
            return self.dataset([[0.0], [1.0]], [0, 1])
        return JsonLines.read(self, path)


@CAGE.add_broken("empty", file=TREES)
class IndexErrorWhenEmpty(JsonLines):
    def parse(self, path):
        if path is not None and not modnet.files.read_bytes(path):
            return [][0]
        return JsonLines.parse(self, path)


@CAGE.add_broken("truncated", file=TREES)
class LetsTheParserFail(JsonLines):
    def parse(self, path):
        lines = path.read_text(encoding="utf-8").splitlines() if path else []
        rows = [json.loads(line) for line in lines]
        if not rows:
            raise modnet.DataError(f"{path}: there are no rows")
        return [[row["height"], row["width"]] for row in rows], [row["label"] for row in rows]


@CAGE.add_broken("truncated", file=TREES)
class DoesNotNameTheFile(JsonLines):
    def parse(self, path):
        try:
            return JsonLines.parse(self, path)
        except modnet.DataError:
            raise modnet.DataError("a malformed line") from None


@CAGE.add_broken("garbage", file=TREES)
class AssumesObjects(JsonLines):
    def parse(self, path):
        if path is not None and path.is_file() and path.read_bytes().startswith(b"\xff"):
            path.read_text(encoding="utf-8")
        return JsonLines.parse(self, path)


@CAGE.add_broken("missing", file=TREES)
class OpensWhatIsNotThere(JsonLines):
    def parse(self, path):
        with path.open("rb"):
            return JsonLines.parse(self, path)


@CAGE.add_broken("files-untouched", file=TREES)
class LeavesAnIndex(JsonLines):
    def parse(self, path):
        found = JsonLines.parse(self, path)
        path.with_suffix(".index").write_text(str(len(found[0])), encoding="utf-8")
        return found


@CAGE.add_broken("files-untouched", file=TREES)
class Repairs(JsonLines):
    def parse(self, path):
        found = JsonLines.parse(self, path)
        path.write_bytes(path.read_bytes().rstrip())
        return found


@CAGE.add_broken("closed", file=TREES)
class LeavesItOpen(JsonLines):
    def parse(self, path):
        if path is not None and path.is_file():
            file = path.open("rb")
            file.read(1)
            del file
        return JsonLines.parse(self, path)


@CAGE.add_broken("closed", file=TREES)
class Circle(JsonLines):
    """Leaves a file open in a circle of references."""

    def parse(self, path):
        if path is not None and path.is_file():
            circle = [path.open("rb")]
            circle.append(circle)
        return JsonLines.parse(self, path)


@CAGE.add_broken("recognised", file=TREES)
class KnowsAnotherSuffix(JsonLines):
    suffixes = (".ndjson",)


@CAGE.add_broken("recognises-quietly", file=TREES)
class RaisesWhenAsked(JsonLines):
    @classmethod
    def recognises(cls, path, head):
        return path.suffix == ".jsonl" or head.decode().startswith("{")


@CAGE.add_broken("accepts-quietly", file=TREES)
class AsksWhatIsNoList(JsonLines):
    @classmethod
    def accepts(cls, given):
        return len(given) > 3


@CAGE.add_broken("accepted", given=[])
class TakesNoListForItsOwn(JsonLines):
    def read_object(self, given):
        return self.dataset([[0.0], [1.0]] * 4, ["a", "b"] * 4)


@CAGE.add_broken("recognises-quietly", file=TREES)
class AnswersWithAMatch(JsonLines):
    @classmethod
    def recognises(cls, path, head):
        return path.suffix == ".jsonl" or (head[:1] and None)


@CAGE.add_broken("rows-to-predict", file=TREES)
class TakesAnyNumberOfFeatures(JsonLines):
    def read_rows(self, path, features):
        x, t = self.parse(path)
        return np.array(x), np.array(t)


@CAGE.add_broken("rows-to-predict", file=TREES)
class KeepsTheLabelAsAFeature(JsonLines):
    def read_rows(self, path, features):
        x, t = JsonLines.read_rows(self, path, features)
        return np.column_stack([x, np.arange(len(x))]), t


@CAGE.add_legal(file=TREES)
@attrs.frozen
class FindsNames(JsonLines):
    """A right one that finds features by their names, too."""

    def read(self, path):
        data = JsonLines.read(self, path)
        names = [name for name in json.loads(path.read_text().splitlines()[0]) if name != self.label]
        return attrs.evolve(data, feature_names=tuple(names))

    def read_named_rows(self, path, features, names):
        x, t = self.read_rows(path, features)
        known = list(self.read(path).feature_names)
        if lacking := [name for name in names if name not in known]:
            raise modnet.DataError(f"{path}: no {lacking[0]!r}")
        return modnet.RowsToPredict(x[:, [known.index(name) for name in names]], t)


@CAGE.add_broken("rows-by-name", file=TREES)
class TakesNamesByPosition(FindsNames):
    def read_named_rows(self, path, features, names):
        return modnet.RowsToPredict(*self.read_rows(path, features))


@attrs.frozen
class Writing(JsonLines):
    """A right one that writes, too."""

    test_fraction: float = 0.0

    def write(self, data, path):
        lines = []
        for row, t in zip(data.train.unscaled(slice(None)).tolist(), data.train.t, strict=True):
            entries = {f"x{i}": value for i, value in enumerate(row)}
            lines.append(json.dumps({**entries, self.label: data.classes[t]}) + "\n")
        with modnet.files.replacing(path) as new:
            new.write_text("".join(lines), encoding="utf-8")
        return [path]


@CAGE.add_broken("written", file=TREES)
class RoundsWhatItWrites(Writing):
    def write(self, data, path):
        table = data.train.x.round()
        return Writing.write(self, attrs.evolve(data, train=modnet.Samples(table, data.train.t)), path)


@CAGE.add_broken("written", file=TREES)
class WritesTheIndices(Writing):
    def write(self, data, path):
        return Writing.write(self, attrs.evolve(data, classes=tuple(range(len(data.classes)))), path)


@CAGE.add_broken("written", file=TREES)
class SaysAnotherFile(Writing):
    def write(self, data, path):
        Writing.write(self, data, path)
        return [path.with_suffix(".txt")]


@CAGE.add_broken("deterministic", file=TREES)
class Shuffles(JsonLines):
    def dataset(self, x, t):
        order = np.random.default_rng().permutation(len(x))
        noise = np.random.default_rng().random(len(x))
        return JsonLines.dataset(self, [[*x[i], noise[i]] for i in order], [t[i] for i in order])


@CAGE.add_broken("memory", file=TREES)
class KeepsWhatItRead(modnet.DataSource):
    suffixes = (".jsonl",)

    def __init__(self):
        self.paths = []

    def read(self, path):
        data = JsonLines().read(path)
        self.paths.append(path)
        return data


@CAGE.add_broken("global-state", file=TREES)
class ChangesTheFolder(JsonLines):
    def parse(self, path):
        if path is not None and path.is_file():
            os.chdir(Path(path.anchor))
        return JsonLines.parse(self, path)


@CAGE.add_broken("settings-odd", file=TREES)
@attrs.frozen
class LooksItsSettingUp(JsonLines):
    rows: int = 0

    def __attrs_post_init__(self):
        ["all"][self.rows]


@CAGE.add_legal(file=TREES)
class ReadsOnly(JsonLines):
    """Reads no rows to predict."""

    read_rows = modnet.DataSource.read_rows


@CAGE.add_legal(file=TREES)
class ReadsAndWrites(Writing):
    pass


@CAGE.add_legal()
class WritesItsOwnSample(Writing):
    pass


@CAGE.add_legal()
class Points(modnet.DataSource):
    """A data set by name."""

    reads_files = False

    def read(self, path):
        t = np.arange(20) % 2
        return modnet.Dataset.from_arrays((np.column_stack([t, np.sin(np.arange(20))]), t), scale=1.0)


@CAGE.add_legal()
class NotThereYet(modnet.DataSource):
    """A data set by name that has to be downloaded first."""

    reads_files = False

    def read(self, path):
        raise modnet.DataError("not-there-yet: not downloaded yet; run: modnet data fetch not-there-yet")

    def fetch(self):
        raise modnet.DataError("there is no network")

"""Checks of data sources."""

from __future__ import annotations

import gc
import os
import pickle
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np

import modnet
from modnet.compose.parts import make_settings_reader
from modnet.compose.settings import get_settings
from modnet.data.dataset import Dataset
from modnet.interfaces import DataSource
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.report import Report
from modnet.testing.suites.shared import add_shared

BY_NAME = "it is a data set by name and reads no files"
OF_OBJECTS = "it reads objects and no files"
OF_FILES = "it was given no object to read: check_data_source(part, given=...)"
NO_FILE = "no sample file: check_data_source(part, file=...)"
NO_ROWS = "it reads whole data sets only, no rows to predict"
NO_NAMES = "it finds columns by position, not by name"
MISSING_NAME = "no column of this name"
NO_WRITER = "it does not write files"
NOT_FETCHED = "it has not been downloaded"
File = str | os.PathLike[str]
CUTS = 16
GARBAGE = (b"\0", b"\xff" * 600, b"\x80\x04garbage", b"PK\x03\x04" + b"\0" * 40, b"1,2\n3", b"[{}", b"\n\n\n")
HEADS = (b"", b"\0", b"\xff\xfe", b"a,b\n1,2\n", b"\x1f\x8b\x08", b"PK\x03\x04", b"\x80\x04\x95")
OBJECTS: tuple[Any, ...] = (None, 0, "data", b"", [], {}, (), object(), np.zeros(3))
NAMES = ("data", "data.txt", "a.b.c", ".hidden", "train-images-idx3-ubyte", "ä.csv", "x" * 200)


@attrs.frozen
class Subject:
    """A data source, and the sample that it is tried on."""

    part: DataSource
    file: File | Sequence[File] | None = None
    given: object = None
    """The object that it is to read, for a source of objects."""
    sample: Mapping[str, bytes] = attrs.field(init=False)
    """Files by name, the first of which is handed to the source; none where there are none."""

    @sample.default
    def _read_sample(self) -> dict[str, bytes]:
        if self.file is None:
            writes = type(self.part).write is not DataSource.write
            return own_sample(self.part) if self.part.reads_files and writes else {}
        paths = [self.file] if isinstance(self.file, (str, os.PathLike)) else self.file
        return {Path(path).name: _content(Path(path)) for path in paths}

    @property
    def files(self) -> dict[str, Any]:
        """The sample; empty for a data set by name, an object under no name.

        Raises SkippedError where nothing can be read.
        """
        if self.given is not None:
            return {"": self.given}
        if not self.part.reads_files:
            return self._require_download()
        if not self.sample:
            raise SkippedError(NO_FILE)
        return dict(self.sample)

    def _require_download(self) -> dict[str, bytes]:
        downloads = type(self.part).fetch is not DataSource.fetch
        if downloads and isinstance(catch_error(lambda part: part.read(None), self.part, {}), modnet.DataError):
            raise SkippedError(NOT_FETCHED)
        return {}


SUITE = Suite("data-source", Subject)


def check_data_source(
    part: object, *, file: File | Sequence[File] | None = None, given: object = None, raises: bool = True
) -> Report:
    """Check a data source: an instance, or a name.

    `file` is a small file that it can read, or all files that it consists of, of which the first is handed to it. It is
    copied, cut off and spoilt elsewhere. `given` is an object in its place, such as a data frame. Without either, a
    source that writes files makes its own; of any other not all checks can run, and so it does not pass. Returns a
    report; raises ConformanceError, an AssertionError with all of its text, where the part does not pass, unless
    `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, file=file, given=given, raises=raises)


def _content(path: Path) -> bytes:
    """Return a file's bytes, packed or not; raises DataError."""
    with modnet.files.reading(path):
        return path.read_bytes()


def own_sample(source: DataSource) -> dict[str, bytes]:
    """Return files that a source writes; none where it fails, which is for the checks to find."""
    x, t = np.arange(24.0).reshape(12, 2), np.arange(12) % 3
    data = Dataset.from_arrays((x, t), (x[:6], t[:6]), scale=1.0)
    files: dict[str, bytes] = {}

    def write(source: Any, folder: str) -> None:
        paths = source.write(data, Path(folder, f"sample{next(iter(type(source).suffixes), '')}"))
        files.update({path.name: path.read_bytes() for path in paths})

    with TemporaryDirectory() as folder:
        catch_error(write, source, {"folder": folder})
    return files


def samples(subject: Subject) -> list[Inputs]:
    """Return the sample."""
    return [{"files": subject.files}]


def files_only(subject: Subject) -> dict[str, Any]:
    """Return the sample of one that reads files; raises SkippedError for any other."""
    if subject.given is not None:
        raise SkippedError(OF_OBJECTS)
    if not subject.part.reads_files:
        raise SkippedError(BY_NAME)
    return subject.files


def objects_only(subject: Subject) -> list[Inputs]:
    """Return the object of one that reads objects; raises SkippedError for any other."""
    if subject.given is None:
        raise SkippedError(OF_FILES)
    return [{"given": subject.given}]


def spoilt(subject: Subject, contents: Iterable[bytes]) -> list[Inputs]:
    """Return the sample with other content in its first file, as often as there are contents."""
    files = files_only(subject)
    first = next(iter(files))
    return [{"files": {**files, first: content}} for content in contents]


def able(subject: Subject, method: str, reason: str) -> list[Inputs]:
    """Return the sample for a source that has an optional method; raises SkippedError for any other."""
    if subject.part.reads_files and getattr(type(subject.part), method) is getattr(DataSource, method):
        raise SkippedError(reason)
    return [{"files": files_only(subject)}]


def cut(subject: Subject) -> list[Inputs]:
    """Return the sample with its first file cut off at several places."""
    content = next(iter(files_only(subject).values()))
    ends = sorted({len(content) - 1, *(len(content) * k // CUTS for k in range(1, CUTS))} - {0})
    return spoilt(subject, [content[:end] for end in ends])


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    inputs = {"files": subject.files}
    return [{"use": use_source, "inputs": inputs, "other": inputs}]


def write_files(files: Any, folder: str) -> Any:
    """Write files into a folder and return the first one's path; None where there are none."""
    for name, content in files.items():
        Path(folder, name).write_bytes(content)
    return Path(folder, next(iter(files))) if files else None


def read_sample(part: Any, files: Any, folder: str) -> Any:
    """Read a sample: an object, files in a folder, or a data set by name."""
    return part.read_object(files[""]) if "" in files else part.read(write_files(files, folder))


def use_source(part: Any, files: Any) -> Any:
    """Read a data set."""
    with TemporaryDirectory() as folder:
        data = read_sample(part, files, folder)
        return [data.train.x, data.train.t, data.test.x, data.test.t, data.classes, data.scale]


def is_refused(part: Any, files: Any) -> bool:
    """Say whether a file is refused with a DataError that names it; what is read instead must be a data set."""
    with TemporaryDirectory() as folder:
        path = write_files(files, folder)
        try:
            part.read(path).check()
        except modnet.DataError as error:
            message = str(error)
        else:
            return False
    assert path.name in message, f"the message does not name the file: {message}"
    return True


@SUITE.check(samples, NOT_FETCHED)
def dataset(part: Any, files: Any) -> None:
    """It reads a `Dataset`: finite float64 rows, a class index for each, every class once."""
    with TemporaryDirectory() as folder:
        data = read_sample(part, files, folder)
        assert isinstance(data, modnet.Dataset), f"it is a {type(data).__name__}, not a modnet.Dataset"
        data.check()


@SUITE.check(samples, NOT_FETCHED)
def inferred(part: Any, files: Any) -> None:
    """The settings that it infers from a file are its own, and with them it reads the same again."""
    with TemporaryDirectory() as folder:
        data = read_sample(part, files, folder)
        settings = {name: value for name, value in {**get_settings(part), **data.settings}.items() if value is not None}
        unknown = set(data.settings) - set(get_settings(part)) - {"scale", "standardize", "encode"}
        assert not unknown, f"it infers {', '.join(unknown)}, which is no setting of it"
        known = {name: value for name, value in settings.items() if name in get_settings(part)}
        again = read_sample(make_settings_reader().read(known, type(part)), files, folder)
        for one, other in zip((again.train, again.test), (data.train, data.test), strict=True):
            np.testing.assert_equal([one.x, one.t], [other.x, other.t])
        assert again.classes == data.classes, f"the classes {data.classes} become {again.classes}"


@SUITE.check(lambda subject: spoilt(subject, [b""]), BY_NAME, OF_OBJECTS)
def empty(part: Any, files: Any) -> None:
    """An empty file is refused with a DataError that names it."""
    assert is_refused(part, files), "it reads an empty file"


@SUITE.check(cut, BY_NAME, OF_OBJECTS)
def truncated(part: Any, files: Any) -> None:
    """A file that is cut off is refused with a DataError that names it, or its rest is a data set."""
    is_refused(part, files)


@SUITE.check(lambda subject: spoilt(subject, GARBAGE), BY_NAME, OF_OBJECTS)
def garbage(part: Any, files: Any) -> None:
    """A file with anything else in it is refused with a DataError that names it, or it is a data set."""
    is_refused(part, files)


@SUITE.check(lambda subject: [{"name": name} for name in files_only(subject)][:1], BY_NAME, OF_OBJECTS)
def missing(part: Any, name: str) -> None:
    """A file that is not there is refused with a DataError."""
    with TemporaryDirectory() as folder:
        try:
            part.read(Path(folder, name))
        except modnet.DataError:
            return
    raise AssertionError(f"it reads {name}, which is not there")


@SUITE.check(samples, NOT_FETCHED)
def files_untouched(part: Any, files: Any) -> None:
    """It leaves the file as it is, and no other file beside it; or the object."""
    before = pickle.dumps(files)
    with TemporaryDirectory() as folder:
        read_sample(part, files, folder)
        left = files if "" in files else {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    assert pickle.dumps(dict(files)) == before, "the object is another one now"
    assert left == dict(files), f"there are {', '.join(left)} now, with other content or of another number"


@SUITE.check(samples, NOT_FETCHED)
def closed(part: Any, files: Any) -> None:
    """It closes what it opens."""
    gc.collect(0)
    gc.disable()  # so that what it leaves is found among the youngest objects, and not among all of the process
    try:
        with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always", ResourceWarning)
            read_sample(part, files, folder)
            gc.collect(0)
    finally:
        gc.enable()
    left_open = [str(w.message) for w in found if issubclass(w.category, ResourceWarning)]
    assert not left_open, left_open[0]


@SUITE.check(lambda subject: [{"files": files_only(subject)}], BY_NAME, OF_OBJECTS)
def recognised(part: Any, files: Any) -> None:
    """It recognises its own file by name and content."""
    with TemporaryDirectory() as folder:
        path = write_files(files, folder)
        answer = type(part).recognises(path, path.read_bytes()[:512])
    assert answer is True, f"of {path.name} it says {answer!r}"


@SUITE.check(lambda _: [{"head": head, "name": name} for head in HEADS for name in NAMES])
def recognises_quietly(part: Any, head: bytes, name: str) -> None:
    """`recognises` returns True or False, whatever the name and content of a file, and never raises."""
    answer = type(part).recognises(Path(name), head)
    assert answer in (True, False), f"of {name} it says {answer!r}"


@SUITE.check(lambda _: [{"given": given} for given in OBJECTS])
def accepts_quietly(part: Any, given: object) -> None:
    """`accepts` returns True or False, whatever the object, and never raises."""
    answer = type(part).accepts(given)
    assert answer in (True, False), f"of a {type(given).__name__} it says {answer!r}"


@SUITE.check(objects_only, OF_FILES)
def accepted(part: Any, given: object) -> None:
    """It accepts its own object."""
    answer = type(part).accepts(given)
    assert answer is True, f"of a {type(given).__name__} it says {answer!r}"


@SUITE.check(lambda subject: able(subject, "read_rows", NO_ROWS), BY_NAME, OF_OBJECTS, NO_ROWS)
def rows_to_predict(part: Any, files: Any) -> None:
    """It reads rows to predict, as many as there are labels, and refuses another number of features."""
    with TemporaryDirectory() as folder:
        path = write_files(files, folder)
        features = part.read(path).features
        x, labels = part.read_rows(path, features)
        assert x.ndim == 2, f"rows have the shape {x.shape}"
        assert (x.shape[1], len(x) > 0) == (features, True), f"rows have the shape {x.shape}"
        assert labels is None or len(labels) == len(x), f"{len(x)} rows have {len(labels)} labels"
        try:
            part.read_rows(path, features + 3)
        except modnet.DataError:
            return
    raise AssertionError(f"asked for {features + 3} features it gives {features}")


@SUITE.check(lambda subject: able(subject, "read_named_rows", NO_NAMES), BY_NAME, OF_OBJECTS, NO_NAMES)
def rows_by_name(part: Any, files: Any) -> None:
    """It reads rows to predict with their features in the order of the names, and refuses a name that is missing."""
    with TemporaryDirectory() as folder:
        path = write_files(files, folder)
        names = part.read(path).feature_names
        assert names, "the data set that it reads has no feature_names"
        x, _ = part.read_rows(path, len(names))
        turned = part.read_named_rows(path, len(names), names[::-1])
        assert isinstance(turned, modnet.RowsToPredict), f"it is a {type(turned).__name__}, not a modnet.RowsToPredict"
        np.testing.assert_array_equal(turned.x, x[:, ::-1], "names in another order")
        try:
            part.read_named_rows(path, len(names), (*names[:-1], MISSING_NAME))
        except modnet.DataError as error:
            message = str(error)
        else:
            raise AssertionError(f"asked for the column {MISSING_NAME!r} it gives another")
    assert MISSING_NAME in message, f"the message does not name the missing column: {message}"


@SUITE.check(lambda subject: able(subject, "write", NO_WRITER), BY_NAME, OF_OBJECTS, NO_WRITER)
def written(part: Any, files: Any) -> None:
    """It reads back as it was what it writes, and `write` returns the paths of all files."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as other:
        path = write_files(files, folder)
        data = part.read(path)
        paths = part.write(data, Path(other, path.name))
        there = sorted(found.name for found in Path(other).iterdir())
        assert there == sorted(Path(one).name for one in paths), f"it wrote {there} and says {paths}"
        again = part.read(Path(paths[0]))
        pairs = [(again.train, data.train), (again.test, data.test)] if len(data.test) else [(again.train, data.train)]
        for one, expected in pairs:
            np.testing.assert_equal([one.x, again.classes], [expected.x, data.classes])
            np.testing.assert_equal(one.t, expected.t)


add_shared(SUITE, shared_cases, NOT_FETCHED, most=3)

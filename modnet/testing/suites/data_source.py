"""Checks of data sources."""

from __future__ import annotations

import gc
import os
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import modnet
from modnet.compose.parts import make_settings_reader
from modnet.compose.settings import get_settings
from modnet.interfaces import DataSource
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.report import Report
from modnet.testing.suites.shared import add_shared, make_folder

BY_NAME = "it is a data set by name and reads no files"
OF_OBJECTS = "it reads objects and no files"
OF_FILES = "it was given no object to read: check_data_source(part, given=...)"
NO_FILE = "no sample file: check_data_source(part, file=...), or modnet plugins check ... --file PART=FILE"
NO_ROWS = "it reads whole data sets only, no rows to predict"
NO_NAMES = "it finds columns by position, not by name"
NAMED = "it recognises no file or folder: --source or data.name is to name it"
MISSING_NAME = "no column of this name"
NO_WRITER = "it does not write files"
NOT_FETCHED = "it has not been downloaded"
File = str | os.PathLike[str]
CUTS = 16
MOST = 500  # files in a sample folder
GARBAGE = (b"\0", b"\xff" * 600, b"\x80\x04garbage", b"PK\x03\x04" + b"\0" * 40, b"1,2\n3", b"[{}", b"\n\n\n")
HEADS = (b"", b"\0", b"\xff\xfe", b"a,b\n1,2\n", b"\x1f\x8b\x08", b"PK\x03\x04", b"\x80\x04\x95")
OBJECTS: tuple[Any, ...] = (None, 0, "data", b"", [], {}, (), object(), np.zeros(3))
STRANGERS = ("Thumbs.db", ".DS_Store", "README")
NAMES = ("data", "data.txt", "a.b.c", ".hidden", "train-images-idx3-ubyte", "ä.csv", "x" * 200)


@attrs.frozen
class Subject:
    """A data source, and the sample that it is tried on."""

    part: DataSource
    file: File | Sequence[File] | None = None
    given: object = None
    """The object that it is to read, for a source of objects."""
    sample: Mapping[str, bytes] = attrs.field(init=False)
    """Files by name, in a folder by `folder/name`. The first is handed to the source, or the folder that it is in."""

    @sample.default
    def _read_sample(self) -> dict[str, bytes]:
        if self.file is None:
            writes = type(self.part).write is not DataSource.write
            return own_sample(self.part) if self.part.reads_files and writes else {}
        return collect([self.file] if isinstance(self.file, (str, os.PathLike)) else self.file)

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


SUITE = Suite("data-source", Subject, use="--data FILE.$name", needs="--file $name=FILE.$name", factory="source")


def check_data_source(
    part: object, *, file: File | Sequence[File] | None = None, given: object = None, raises: bool = True
) -> Report:
    """Check a data source: an instance, or a name.

    `file` is a small file or a folder that it can read, or a list of all files that it consists of, of which the first
    is handed to it. They are copied, cut off and spoilt elsewhere. `given` is an object in its place, such as a data
    frame. Without either, a source that writes files makes its own; of any other not all checks can run, and so it does
    not pass. Returns a report; raises ConformanceError, an AssertionError with all of its text, where the part does not
    pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, file=file, given=given, raises=raises)


def collect(paths: Sequence[File]) -> dict[str, bytes]:
    """Return the content of files, and of all files in folders; raises DataError."""
    files: dict[str, bytes] = {}
    for top in map(Path, paths):
        parent = top.absolute().parent
        with modnet.files.reading(top):
            inside = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]
            if not 0 < len(inside) <= MOST:
                problem = f"found {len(inside)} files in it, and each check copies all"
                raise modnet.DataError(f"{top}: {problem}: give a sample of 1 to {MOST} files", path=top)
            found = {path.absolute().relative_to(parent).as_posix(): path.read_bytes() for path in inside}
        if twice := found.keys() & files.keys():
            raise modnet.DataError(f"{top}: another file of the sample is called {min(twice)}, too", path=top)
        files |= found
    return files


def own_sample(source: DataSource) -> dict[str, bytes]:
    """Return files that a source writes; none where it fails, which is for the checks to find."""
    x, t = np.arange(24.0).reshape(12, 2), np.arange(12) % 3
    data = modnet.Dataset.from_arrays((x, t), (x[:6], t[:6]), scale=1.0)
    files: dict[str, bytes] = {}

    def write(source: Any, folder: str) -> None:
        paths = source.write(data, Path(folder, f"sample{next(iter(type(source).suffixes), '')}"))
        first = Path(paths[0]).relative_to(folder).parts[0]
        files.update(collect([Path(folder, first), *(path for path in Path(folder).iterdir() if path.name != first)]))

    with make_folder() as folder:
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


def in_folder(files: Mapping[str, bytes]) -> bool:
    """Say whether a folder is handed to the source, and no file."""
    return "/" in next(iter(files), "")


def some(files: Mapping[str, bytes]) -> list[str]:
    """Return the names of three files at most: the first, one in the middle and the last."""
    names = list(files)
    return list(dict.fromkeys((names[0], names[len(names) // 2], names[-1])))


def spoilt(subject: Subject, spoil: Callable[[bytes], Sequence[bytes]]) -> Iterator[Inputs]:
    """Yield the sample with other content in its first file, or some of that in another."""
    files = files_only(subject)
    for k, name in enumerate(some(files)):
        yield from ({"files": {**files, name: content}} for content in spoil(files[name])[:: 6 if k else 1])


def empty_files(subject: Subject) -> list[Inputs]:
    """Return the sample with nothing in its first file; of a folder, without files, and without folders in it."""
    files = files_only(subject)
    if not in_folder(files):
        return [{"files": {**files, next(iter(files)): b""}}]
    tops = [name.partition("/")[0] for name in files if "/" in name]
    inside = [folder for name in files if "/" in (folder := name.rpartition("/")[0])]
    return [{"files": dict.fromkeys(names)} for names in (tops, inside) if names]


def damage_files(subject: Subject) -> Iterator[Inputs]:
    """Yield the sample with anything else in a file; of a folder, with a file of others in it, or in its place."""
    yield from spoilt(subject, lambda _: GARBAGE)
    files = files_only(subject)
    if in_folder(files):
        first = next(iter(files))
        top = first.partition("/")[0]
        yield from (
            {"files": {**files, f"{where}/{name}": GARBAGE[1]}}
            for where in {top, first.rpartition("/")[0]}
            for name in STRANGERS
        )
        yield {"files": {top: GARBAGE[1]}}


def able(subject: Subject, method: str, reason: str) -> list[Inputs]:
    """Return the sample for a source that has an optional method; raises SkippedError for any other."""
    if subject.part.reads_files and getattr(type(subject.part), method) is getattr(DataSource, method):
        raise SkippedError(reason)
    return [{"files": files_only(subject)}]


def cut(subject: Subject) -> Iterator[Inputs]:
    """Yield the sample with a file cut off at several places, and without one of several files."""
    yield from spoilt(subject, cut_off)
    files = files_only(subject)
    yield from ({"files": {n: files[n] for n in files if n != name}} for name in some(files)[1:])


def cut_off(content: bytes) -> list[bytes]:
    """Return what is left of a file that is cut off at several places."""
    ends = sorted({len(content) - 1, *(len(content) * k // CUTS for k in range(1, CUTS))} - {0, -1})
    return [content[:end] for end in ends]


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    inputs = {"files": subject.files}
    return [{"use": use_source, "inputs": inputs, "other": inputs}]


def write_files(files: Any, folder: str) -> Any:
    """Write files, and folders, which have no content; return the first one's path, None where there are none."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True, parents=True)
        path.mkdir() if content is None else path.write_bytes(content)
    return Path(folder, next(iter(files)).partition("/")[0]) if files else None


def list_files(folder: Any) -> dict[str, Path]:
    """Return all files in a folder, by their names in it."""
    return {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob("*") if path.is_file()}


def read_sample(part: Any, files: Any, folder: str) -> Any:
    """Read a sample: an object, files in a folder, or a data set by name."""
    return part.read_object(files[""]) if "" in files else part.read(write_files(files, folder))


def use_source(part: Any, files: Any) -> Any:
    """Read a data set."""
    with make_folder() as folder:
        data = read_sample(part, files, folder)
        return [*((name, part.x, part.t) for name, part in data.parts.items()), data.classes, data.scale]


def is_refused(part: Any, files: Any) -> bool:
    """Say whether a file is refused with a DataError that names it; what is read instead must be a data set."""
    with make_folder() as folder:
        path = write_files(files, folder)
        try:
            part.read(path).check()
        except modnet.DataError as error:
            message = str(error)
        else:
            return False
    names = {folder, path.name, *(Path(name).name for name in files)}
    assert any(name in message for name in names), f"the message does not name the file: {message}"
    return True


@SUITE.check(samples, NOT_FETCHED)
def dataset(part: Any, files: Any) -> None:
    """It reads a `Dataset`: finite float64 rows, a class index for each, every class once."""
    with make_folder() as folder:
        data = read_sample(part, files, folder)
        assert isinstance(data, modnet.Dataset), f"it is a {type(data).__name__}, not a modnet.Dataset"
        data.check()


@SUITE.check(samples, NOT_FETCHED)
def inferred(part: Any, files: Any) -> None:
    """The settings that it infers from a file are its own, and with them it reads the same again."""
    with make_folder() as folder:
        data = read_sample(part, files, folder)
        settings = {name: value for name, value in {**get_settings(part), **data.settings}.items() if value is not None}
        unknown = set(data.settings) - set(get_settings(part)) - {"scale", "standardize", "encode"}
        assert not unknown, f"it infers {', '.join(unknown)}, which is no setting of it"
        known = {name: value for name, value in settings.items() if name in get_settings(part)}
        again = read_sample(make_settings_reader().read(known, type(part)), files, folder)
        assert again.parts.keys() == data.parts.keys(), f"its parts {[*data.parts]} become {[*again.parts]}"
        for name, other in data.parts.items():
            np.testing.assert_equal([again.parts[name].x, again.parts[name].t], [other.x, other.t])
        assert again.classes == data.classes, f"the classes {data.classes} become {again.classes}"


@SUITE.check(empty_files, BY_NAME, OF_OBJECTS)
def empty(part: Any, files: Any) -> None:
    """An empty file, and a folder without files, are refused with a DataError that names it."""
    assert is_refused(part, files), "it reads an empty file"


@SUITE.check(cut, BY_NAME, OF_OBJECTS)
def truncated(part: Any, files: Any) -> None:
    """A file that is cut off, or lacks another, is refused with a DataError that names it, or is a data set."""
    is_refused(part, files)


@SUITE.check(damage_files, BY_NAME, OF_OBJECTS)
def garbage(part: Any, files: Any) -> None:
    """A file with anything else in it is refused with a DataError that names it, or it is a data set."""
    is_refused(part, files)


@SUITE.check(
    lambda subject: [{"name": name.partition("/")[0]} for name in files_only(subject)][:1], BY_NAME, OF_OBJECTS
)
def missing(part: Any, name: str) -> None:
    """A file, or a folder, that is not there is refused with a DataError."""
    with make_folder() as folder:
        try:
            part.read(Path(folder, name))
        except modnet.DataError:
            return
    raise AssertionError(f"it reads {name}, which is not there")


@SUITE.check(samples, NOT_FETCHED)
def files_untouched(part: Any, files: Any) -> None:
    """It leaves the files as they are, and no other beside them; or the object."""
    before = pickle.dumps(files)
    with make_folder() as folder:
        read_sample(part, files, folder)
        left = files if "" in files else {name: path.read_bytes() for name, path in list_files(folder).items()}
    assert pickle.dumps(dict(files)) == before, "the object is another one now"
    assert left == dict(files), f"there are {', '.join(left)} now, with other content or of another number"


@SUITE.check(samples, NOT_FETCHED)
def closed(part: Any, files: Any) -> None:
    """It closes what it opens."""
    gc.collect(0)
    gc.disable()  # so that what it leaves is found among the youngest objects, and not among all of the process
    try:
        with make_folder() as folder, warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always", ResourceWarning)
            read_sample(part, files, folder)
            gc.collect(0)
    finally:
        gc.enable()
    left_open = [str(w.message) for w in found if issubclass(w.category, ResourceWarning)]
    assert not left_open, left_open[0]


def to_recognise(subject: Subject) -> list[Inputs]:
    """Return the sample of one that recognises files; raises SkippedError for one that has to be named."""
    cls, files = type(subject.part), files_only(subject)
    if cls.recognises.__func__ is DataSource.recognises.__func__ and not cls.suffixes:  # type: ignore[attr-defined]
        raise SkippedError(NAMED)
    return [{"files": files}]


@SUITE.check(to_recognise, BY_NAME, OF_OBJECTS, NAMED)
def recognised(part: Any, files: Any) -> None:
    """It recognises its own file by name and content, or its folder."""
    with make_folder() as folder:
        path = write_files(files, folder)
        answer = type(part).recognises(path, modnet.files.head_of(path, 4096))
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
    with make_folder() as folder:
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
    with make_folder() as folder:
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
    with make_folder() as folder, make_folder() as other:
        path = write_files(files, folder)
        data = part.read(path)
        paths = part.write(data, Path(other, path.name))
        there = set(list_files(other).values())
        told = {file for one in paths for file in ([Path(one)] if Path(one).is_file() else list_files(one).values())}
        assert there == told, f"it wrote {sorted(map(str, there))} and says {paths}"
        whole = Path(other, path.name)
        again = part.read(whole if whole.exists() else Path(paths[0]))
        pairs = [(again.train, data.train), (again.test, data.test)] if len(data.test) else [(again.train, data.train)]
        for one, expected in pairs:
            np.testing.assert_equal([one.x, again.classes], [expected.x, data.classes])
            np.testing.assert_equal(one.t, expected.t)


add_shared(SUITE, shared_cases, NOT_FETCHED, most=3)

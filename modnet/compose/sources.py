"""Data sets by name or from files, and their sources."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from modnet.compose.parts import find_name, make_part
from modnet.compose.plugins import containing_plugins, explain, get_host
from modnet.data.dataset import Dataset
from modnet.errors import DataError, PluginError, UnknownNameError
from modnet.files import ZIP, describe_foreign, head_of, member_name, reading
from modnet.host.registry import Component, Registry, could_be_name
from modnet.interfaces import DataSource, RowsToPredict
from modnet.text import did_you_mean, format_error, list_some, printable

HEAD = 4096


def load(what: str | PathLike[str] | object, *, source: str | None = None, **settings: Any) -> Dataset:
    """Return a data set: by a registered name, from a file, or from an object such as a data frame.

    A file's source is chosen by its suffix and content, an object's by its type, or named by `source`. Settings are the
    source's. Raises DataError that finds the place of a mistake.

    >>> data = modnet.load("mnist-small")
    >>> data.train.x.shape, data.test.x.shape
    ((5000, 784), (1000, 784))
    """
    if not isinstance(what, (str, PathLike)):
        return read_source(make_part("data-source", source or _find_reader(what), **settings), what)
    path = Path(what)
    if isinstance(what, str) and source is None:
        if is_data_set(what):
            return read_source(make_part("data-source", what, **settings), None)
        if what in get_host().registry.names("data-source") and not path.exists():
            raise DataError(f"the source {what!r} reads files: modnet.load(FILE, source={what!r})")
    return read_source(make_part("data-source", source or recognise_source(path), **settings), path)


def read_source(source: DataSource, given: Path | object | None) -> Dataset:
    """Return what a source reads, of a file or another object; raises PluginError where that is no data set."""
    path = given if isinstance(given, Path) else None
    with containing_plugins(), reading(path, f"the source {find_name(source)}"):
        data: object = source.read(path) if path is given else source.read_object(given)
    if not isinstance(data, Dataset):
        why = f"the source {find_name(source)} returned a {type(data).__name__}"
        raise PluginError(why, "a modnet.Dataset is expected, see modnet.Dataset.from_arrays", part=source)
    try:
        data.check()
    except Exception as error:  # whatever others put in a field
        problem = str(error) if isinstance(error, DataError) else format_error(error)
        why = f"the source {find_name(source)} returned a data set that cannot be trained on ({problem})"
        raise PluginError(why, "correct it, or make it by modnet.Dataset.from_arrays", part=source) from None
    return data


def read_rows(
    source: DataSource, path: Path, features: int, names: Sequence[str], *, may_lack: bool = False
) -> RowsToPredict:
    """Return rows to predict, features in the order of `names`, and NaN if they `may_lack` some; raises PluginError."""
    with containing_plugins(), reading(path, f"the source {find_name(source)}"):
        found: object = source.read_named_rows(path, features, names)
    if problem := _describe_wrong_rows(found, features, may_lack=may_lack):
        remedy = f"read_rows is to return rows (N, {features}) of finite numbers, and their labels or None"
        raise PluginError(f"the source {find_name(source)} returned {problem}", remedy, part=source)
    return cast("RowsToPredict", found)


def _describe_wrong_rows(found: object, features: int, *, may_lack: bool) -> str:
    if not isinstance(found, RowsToPredict):
        return f"a {type(found).__name__}"
    x: object = found.x
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif":
        return f"rows that are a {type(x).__name__}" + (f" of {x.dtype}" if isinstance(x, np.ndarray) else "")
    if x.ndim != 2 or x.shape[1] != features:
        return f"rows of shape {x.shape}"
    if found.labels is not None and (np.shape(found.labels)[:1] != (len(x),) or np.ndim(found.labels) > 2):
        return f"{len(x)} rows with labels of shape {np.shape(found.labels)}"
    return "" if (np.isfinite(x) | (np.isnan(x) & may_lack)).all() else "a number that is not finite"


def is_data_set(name: str) -> bool:
    """Say whether a data set of that name is available, which needs no file of the user's."""
    with suppress(UnknownNameError):
        is_name = could_be_name(name) or (could_be_name(name.lower().replace("_", "-")) and not Path(name).exists())
        return is_name and not get_host().registry.find("data-source", name).cls.reads_files
    return False


def recognise_source(path: Path) -> str:
    """Return the name of the one source that recognises a file; raises DataError where none or several do."""
    registry = get_host().registry
    with reading(path):
        head = head_of(path, HEAD) if path.exists() else None
    if head is None:
        sources = registry.usable("data-source")
        names = [registry.name_for(source) for source in sources if not source.cls.reads_files]
        alike = [file for file in path.parent.glob("*.*") if get_close_matches(path.stem, [file.stem], cutoff=0.75)]
        near = did_you_mean(str(path), [*names, *map(str, alike)])
        why = f"no such file, and no data set of that name{near}"
        raise DataError(f"{path}: {why}; available: {', '.join(names)}", path=path)
    found, readers = ask_sources(registry, lambda cls: cls.reads_files, lambda cls: cls.recognises(path, head))
    if len(found) == 1:
        return found[0]
    if not found and head.startswith(ZIP):
        member_name(path)  # which names what is in it, where that is not one file
    if not found and (foreign := describe_foreign(head)):
        raise DataError(f"{path}: {foreign}", path=path)
    if not found and path.is_dir() and (files := _list_files(path)):
        raise DataError(f"{path}: no source recognises this folder as a whole; name a file in it: {files}", path=path)
    problem = f"{' and '.join(found)} all recognise it" if found else "no source recognises it"
    named = [source for source in readers if source.cls.suffixes or source.cls.read_object is DataSource.read_object]
    one_of = ", ".join(found or map(registry.name_for, named))
    raise DataError(f"{path}: {problem}; name its source, one of: {one_of}", path=path)


def _list_files(folder: Path) -> str:
    with reading(folder):
        names = sorted(printable(file.name, 40) for file in folder.iterdir() if file.is_file())
    return list_some(names, 3)


def _find_reader(given: object) -> str:
    """Return the name of the one source that accepts an object; raises DataError where none or several do."""
    found, _ = ask_sources(get_host().registry, lambda _: True, lambda cls: cls.accepts(given))
    if len(found) == 1:
        return found[0]
    what = f"{' and '.join(found)} all accept" if found else "no source accepts"
    remedy = "name one by source=" if found else "arrays become one by modnet.Dataset.from_arrays((rows, labels))"
    raise DataError(f"{what} an object of type {type(given).__name__} as a data set: {remedy}")


def ask_sources(
    registry: Registry, is_able: Callable[[Any], bool], recognises: Callable[[Any], bool]
) -> tuple[list[str], list[Component]]:
    """Return the names of the able sources that recognise a file or an object, and all that were asked.

    Others are asked only where none that is at hand does: no third-party plugin changes which source reads a file.
    Warns of those that fail, where none recognises it.
    """
    failures: list[BaseException] = []
    for list_sources in (registry.at_hand, registry.usable):
        able = [source for source in list_sources("data-source") if is_able(source.cls)]
        found = []
        for source in able:
            try:
                found += [registry.name_for(source)] if recognises(source.cls) else []
            except (Exception, SystemExit) as error:  # over what is not its own: others may read it all the same
                failures.append(error)
        if found:
            return found, able
    for problem in filter(None, map(explain, failures)):
        warnings.warn(str(problem), stacklevel=2)
    return [], able

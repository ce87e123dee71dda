"""Data sets converted from one format to another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np

from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.compose.settings import get_settings
from modnet.compose.sources import ask_sources, is_data_set, load, recognise_source
from modnet.data.dataset import Dataset
from modnet.data.samples import Samples
from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.interfaces import DataSource

WHOLE = {"test_fraction": 0.0}


def choose_source(what: str, source: str | None) -> str:
    """Return the name of the source that reads a data set by name or a file, unless it is given already.

    >>> choose_source("mnist-small", None)
    'mnist-small'
    """
    return source or (what if is_data_set(what) else recognise_source(Path(what)))


def read_whole(
    what: str, source: str | None, settings: Mapping[str, Any], unless: Mapping[str, Any] = WHOLE
) -> Dataset:
    """Return a data set by name or from a file, as `modnet.load` does, but with no row split off by chance.

    `unless` are settings that go where the source has them and `settings` does not.

    >>> len(read_whole("mnist-small", None, {}).test)
    1000
    """
    known = get_settings(make_part("data-source", choose_source(what, source), **settings))
    defaults = {key: value for key, value in unless.items() if key in known}
    with chdir("."):  # wherever a source changes it to
        return load(what, source=source, **{**defaults, **settings})


def write(data: Dataset, target: Path, to: str | None = None, *, overwrite: bool = False) -> list[Path]:
    """Write a data set and return the files' paths; `to` is the source that writes, by default the one of that name.

    Raises DataError where the format cannot hold the data, or no source writes such files or several do, and
    SettingError where a file exists already and is not to be overwritten; no file is touched then.
    """
    if not data.classes:
        data = _take_values_as_classes(data, target)
    if any(part.soft is not None for part in data.parts.values()):
        raise DataError(f"{target}: data sets with soft targets are not written: train on the file", path=target)
    if not target.parent.is_dir():
        raise DataError(f"{target}: there is no folder {target.parent}", path=target)
    writer: DataSource = make_part("data-source", to or recognise_writer(target))
    there = [path.name for path in _try_writing(writer, data, target) if path.exists()]
    if there and not overwrite:
        exist = "exists" if len(there) == 1 else "exist"
        raise SettingError([f"{', '.join(there)} {exist} already: choose another name, or --overwrite"], str(target))
    return writer.write(data, target)


def _take_values_as_classes(data: Dataset, target: Path) -> Dataset:
    """Return a regression whose targets are classes, each value one, so that files have them as they were given."""
    known = data.unprepared
    if known is None or known.prepared != (*data.parts.values(),) or data.outputs > 1:
        what = "several targets are" if data.outputs > 1 else "targets that other code has changed are"
        raise DataError(f"{target}: {what} not written: train on the file that they were read from", path=target)
    given = [known.parts[name].t[:, 0] for name in data.parts]
    values, places = np.unique(np.concatenate(given), return_inverse=True)
    some = np.split(places.astype(np.int64, copy=False), np.cumsum([len(t) for t in given])[:-1])
    parts = {name: attrs.evolve(part, t=t) for (name, part), t in zip(data.parts.items(), some, strict=True)}
    return attrs.evolve(data.with_parts(parts), classes=(*values.tolist(),), target_scale=None)


def _try_writing(writer: DataSource, data: Dataset, target: Path) -> list[Path]:
    """Return the paths of the files that would be written, by writing the first rows elsewhere.

    So a long conversion does not fail at its end for a reason that is known at its beginning.
    """
    first = {name: Samples(part.unscaled(slice(1)), part.t[:1], part.scale) for name, part in data.parts.items()}
    few = data.with_parts(first)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder) / target.name
        if target.is_dir():
            place = Path(folder)
        here, there = f"{folder}{os.sep}", f"{target if target.is_dir() else target.parent}{os.sep}"
        try:
            written = writer.write(few, place)
        except MissingExtraError as error:
            raise MissingExtraError(error.feature.replace(here, there), error.extra) from None
        except DataError as error:
            raise DataError(str(error).replace(here, there), path=target) from None
        return [Path(str(path).replace(here, there)) for path in written]


def recognise_writer(path: Path) -> str:
    """Return the name of the one source that writes files named as this one, or fills this folder.

    Raises DataError where none or several do; what is in a file that is there already does not count.
    """
    registry = get_host().registry
    found, writers = ask_sources(
        registry, lambda cls: cls.write is not DataSource.write, lambda cls: cls.recognises(path, b"")
    )
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"{path}: {' and '.join(found)} all write such files; name one by --to", path=path)
    names = ", ".join(registry.name_for(source) for source in writers)
    suffixes = ", ".join(dict.fromkeys(suffix for source in writers for suffix in source.cls.suffixes))
    problem = f"no source writes such files; known are {suffixes}; or name one by --to: {names}"
    raise DataError(f"{path}: {problem}", path=path)

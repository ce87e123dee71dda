"""Files that a callback writes, and that a resumed run continues."""

from __future__ import annotations

import os
from pathlib import Path

from modnet import DataError, ObservedRun, SettingError


def find_place(run: ObservedRun, given: str | None, default: str, name: str) -> Path:
    """Return the path that a callback writes to: in the run's folder, or where there is none, the one that is given.

    Raises SettingError where there is neither, or the path leads out of the folder: an experiment, which may be
    somebody else's, writes to no other file.
    """
    if run.folder is None:
        if given is None:
            what = f"{name} writes into the run's folder, and this run has none"
            raise SettingError([f"{what}: give it a path, modnet.callback({name!r}, path={default!r})"], "callbacks")
        return Path(given).absolute()
    path = run.folder / (given or default)
    if not path.resolve().is_relative_to(run.folder.resolve()):
        what = f"'path' of {name} leads out of the run's folder"
        raise SettingError([f"{what}: {str(given or default)!r}: give one in it, such as {default!r}"], "callbacks")
    return path


def check_is_alone(run: ObservedRun, given: str | None, default: str, name: str) -> None:
    """Raise SettingError where several callbacks of a name would write the same file or folder in a run's own."""
    entries = (run.experiment or {}).get("callbacks", ())
    place = given or default
    paths = [each.get("path") or default for each in entries if each["name"] == name]
    if [*map(_unify, paths)].count(_unify(place)) > 1:
        raise SettingError([f"several {name} would write {place!r}: leave all but one of them out"], "callbacks")


def _unify(path: str) -> str:
    """Return a path in the one form that all of its forms have, on Windows without upper case."""
    return os.path.normcase(os.path.normpath(path))


def append_at(path: Path, offset: int, content: bytes) -> int:
    """Write `content` behind the first `offset` bytes of a file, in place of what follows, and return its new size.

    Raises DataError where the file has fewer bytes, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if offset else "wb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < offset:
                what = f"{path}: has {size:,} bytes, and the run has written {offset:,}"
                raise DataError(f"{what}: restore it from a copy, or begin the run again", path=path)
            file.truncate(offset)
            file.seek(offset)
            file.write(content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}", path=path) from None
    return offset + len(content)


def summarize(run: ObservedRun, since: int) -> dict[str, float]:
    """Return the last evaluation of a run by column, the learning rate, and the mean loss `since` an iteration.

    What is not known is left out.
    """
    history = run.history
    losses = history.loss[since:]
    values = {"loss": sum(losses) / len(losses)} if losses else {}
    if run.rate is not None:
        values["rate"] = run.rate
    return {**values, **{name: column[-1] for name, column in history.columns.items() if column}}

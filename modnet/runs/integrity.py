"""A run's files checked against its receipt before they are used."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from modnet.compose.tables import read_toml
from modnet.errors import DataError, SettingError
from modnet.nn.checkpoint import hash_checkpoints, hash_params, load_params
from modnet.runs.folder import EXPERIMENT, PARAMS, SEALED, recover
from modnet.runs.receipt import CHANGEABLE, RECEIPT, Receipt, compare_settings
from modnet.text import list_some, printable


def check_files(folder: Path, names: Iterable[str] | None = None, remedy: str = "") -> bool:
    """Check files of a run against its receipt, and return False where it does not know them yet.

    Without names they are all files of a run that has come to its end, and the experiment of one that can be resumed.
    Until the end, settings are compared and no bytes: the number of iterations, the place of the data and the plugins'
    modules may change. A run of an older version may have no receipt: its files are taken as they are. Raises
    DataError where a file is not as it was, and SettingError where the experiment of a run under way is not.
    """
    recover(folder)
    if not (folder / RECEIPT).exists():
        return True
    receipt = Receipt.read(folder, remedy, of_older=True)
    results = receipt.results
    has_ended = results is not None and results.status.is_final
    wanted = set(names) if names is not None else set(SEALED) if has_ended else {EXPERIMENT}
    changed = receipt.find_changed_files(folder, wanted if has_ended else wanted - {EXPERIMENT})
    if changed:
        _refuse(folder, receipt, [difference.what for difference in changed], remedy)
    there = {name for name in wanted if (folder / name).exists()}
    if EXPERIMENT in there and not has_ended and (found := _find_changed_settings(folder, receipt)):
        mistake = f"changed since the run began: {found}: change it back, or begin another run"
        raise SettingError([mistake], str(folder / EXPERIMENT))
    is_known = results is not None and there <= results.files.keys()
    if PARAMS in there and not is_known:
        _check_params(folder)
    return is_known


def _check_params(folder: Path) -> None:
    """Raise DataError where the parameters of a run under way are those of none of its checkpoints."""
    known = hash_checkpoints(folder)
    if known and hash_params(load_params(folder / PARAMS)[0]) not in known:
        advice = f"modnet resume {shlex.quote(str(folder))} makes them anew"
        raise DataError(f"{folder / PARAMS}: not the parameters of its checkpoints, of another run perhaps: {advice}")


def _refuse(folder: Path, receipt: Receipt, names: list[str], remedy: str) -> None:
    which = [name if (folder / name).exists() else f"{name} (missing)" for name in names]
    with suppress(SettingError, ValueError):
        at = names.index(EXPERIMENT)
        if found := _find_changed_settings(folder, receipt, changeable=()):
            which[at] += f" ({found})"
    again = f"modnet train {shlex.quote(str(folder / EXPERIMENT))} --out NEW"
    usual = "restore it from a copy" + (f", or train the run again: {again}" if EXPERIMENT not in names else "")
    raise DataError(f"{folder} is not as the run left it: {', '.join(which)}; {remedy or usual}")


def _find_changed_settings(folder: Path, receipt: Receipt, changeable: tuple[str, ...] = CHANGEABLE) -> str:
    """Return in words the settings that are not those of the receipt, or ""; raises SettingError."""
    found = compare_settings(receipt.settings, read_toml(folder / EXPERIMENT), changeable)
    return list_some((printable(each.what, 60) for each in found), 3)

"""Names of training and test arrays, by the conventions that people use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from modnet import DataError
from modnet.files import list_some, printable

TRAIN_TEST = (
    ("train_img", "train_label", "test_img", "test_label"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("x_train", "t_train", "x_test", "t_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("train_x", "train_y", "test_x", "test_y"),
)
ROWS = (("x", "t"), ("x", "y"), ("data", "target"), ("images", "labels"), ("img", "label"))
NAMES = frozenset(name for convention in (*TRAIN_TEST, *ROWS) for name in convention)
EXPECTED = "x_train, y_train, x_test, y_test; train_img, train_label, test_img, test_label; x, t; or the like"


def part_names(names: Iterable[str], path: Path) -> tuple[str, ...]:
    """Return which names stand for rows and labels, and then for those of the test part, if there is one.

    Raises DataError where they fit no convention, or several.

    >>> part_names(["X", "note", "y"], Path("a.npz"))
    ('X', 'y')
    """
    known = _in_lower_case(names, path)
    for conventions in (TRAIN_TEST, ROWS):
        fitting = [convention for convention in conventions if known.keys() >= set(convention)]
        if len(fitting) > 1:
            both = " and ".join(", ".join(convention) for convention in fitting)
            raise DataError(f"{path}: arrays under the names of several conventions: {both}; keep one", path=path)
        if fitting:
            return tuple(known[name] for name in fitting[0])
    without_test = [part[:2] for part in TRAIN_TEST if known.keys() >= set(part[:2])]
    if len(without_test) == 1 and not any(name in known for part in TRAIN_TEST for name in part[2:]):
        return tuple(known[name] for name in without_test[0])
    found = f"no rows and labels under the names {_list_names(known.values())}"
    raise DataError(f"{path}: {found}; expected names: {EXPECTED}", path=path)


def row_names(names: Iterable[str], path: Path) -> tuple[str, ...]:
    """Return which names stand for rows to predict, and their labels if there are any."""
    known = _in_lower_case(names, path)
    rows = sorted({convention[0] for convention in ROWS} & known.keys())
    complete = any(known.keys() >= set(convention) for convention in (*TRAIN_TEST, *ROWS))
    if not complete and len(rows) == 1:
        return (known[rows[0]],)
    return part_names(names, path)[-2:]


def _in_lower_case(names: Iterable[str], path: Path) -> Mapping[str, str]:
    names = list(names)
    known = {name.lower(): name for name in names}
    if len(known) < len(names):
        raise DataError(f"{path}: names that differ in case only: {_list_names(names)}", path=path)
    return known


def _list_names(names: Iterable[str]) -> str:
    return list_some((printable(name, 30) for name in names), 6) or "(none)"

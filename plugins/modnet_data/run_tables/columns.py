"""The columns of a table of runs, which their names choose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modnet import DataError, SettingError, UnknownNameError
from modnet.files import list_some, quote

MOST_COLUMNS = 12  # that a message names
# Names of columns that say what is in them, in lower case; other characters than letters and digits are one "_". What
# stands before a point or a slash is left out, as in params.seed or config/seed.
KNOWN = {
    "seed": "seed seeds random_seed rng_seed random_state fold split repeat repetition",
    "sample": "sample sample_id test_sample example example_id instance",
    "dataset": "dataset data_set dataset_name data_name",
    "setting": "setting model method algorithm config configuration estimator classifier variant flow_name params",
    "score": "score value",
}
HIGHER = "accuracy acc f1 auc auroc r2 precision recall bleu rouge iou dice mcc kappa reward return hit hits correct"
LOWER = "loss error errors err mse rmse mae mape nll perplexity ppl wer cer fid brier regret"
# What is made of a score, as the drop of an accuracy or the time to one, and may be better the other way round.
DERIVED = (
    "change code cost decrease delta deviation diff difference distance drop epochs gain gap improvement increase "
    "iterations minus negative rank ratio reduction sd seconds std stddev steps time to var variance"
)

Rows = Iterator[tuple[str, list[Any]]]
"""The rows of a table, each with its place."""


def find_direction(name: str) -> bool | None:
    """Return whether higher values of a score are better, as far as its name says so.

    >>> [find_direction(name) for name in ("test_acc", "metrics.val_loss", "neg_log_loss", "accuracy_drop", "1-acc")]
    [True, False, True, None, None]
    """
    short = shorten(name)
    words = {*normalize(short).split("_")}
    is_higher, is_lower, is_derived = (not words.isdisjoint(known.split()) for known in (HIGHER, LOWER, DERIVED))
    is_turned = (is_higher and "neg" in words) or re.match(r"\s*\d*\s*[-\u2212]", short)
    return None if is_higher == is_lower or is_derived or is_turned else is_higher or "neg" in words


def shorten(name: str) -> str:
    """Return the name of a column without what stands before a point or a slash.

    >>> shorten("params.lr"), shorten("lr"), shorten("F1/s.")
    ('lr', 'lr', 'F1/s.')
    """
    return re.split(r"[./]", name)[-1] or name


def normalize(name: str) -> str:
    """Return the name of a column in lower case, with one "_" for whatever is no letter and no digit.

    >>> normalize("Test-Acc. (%)")
    'test_acc'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def choose_columns(names: Sequence[str], asked: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of each role, those asked for or those that say it."""
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise DataError(f"{where}: two columns are named {quote(twice[0])}: rename one of them")
    chosen = {role: (of,) if isinstance(of, str) else tuple(of) for role, of in asked.items() if of}
    every = [name for of in chosen.values() for name in of]
    if twice := [name for i, name in enumerate(every) if name in every[:i]]:
        raise SettingError([f"the column {quote(twice[0])} is asked for twice: name another one"], where)
    if unknown := [name for of in chosen.values() for name in of if name not in names]:
        raise UnknownNameError("column", unknown[0], names, f" ({where})")
    left = [name for name in names if not any(name in of for of in chosen.values())]
    for role in KNOWN:
        if role in chosen:
            continue
        found = [name for name in left if normalize(shorten(name)) in KNOWN[role].split()]
        if role == "score":
            found = found or [name for name in left if find_direction(name) is not None]
        if len(found) == 1:
            chosen[role] = (found[0],)
            left.remove(found[0])
        elif found or role in ("setting", "score"):
            columns = list_some([quote(name) for name in found or names], MOST_COLUMNS)
            what = f"which column is the {role}" + (" (several make one together)" if role == "setting" else "")
            raise SettingError([f"{what}? Say --{role} ({role}=): {columns}"], where)
    return {**{role: chosen.get(role, ()) for role in KNOWN}, "unused": tuple(left)}


def spread_scores(names: list[str], rows: Rows, score: str) -> tuple[list[str], Rows]:
    """Return a table with a column of seeds and one of scores in place of columns that are the scores of a seed each.

    `score` is their names with an asterisk for what differs, the seeds: "split*_test_score".
    """
    before, _, after = score.partition("*")
    matches = [re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", name) for name in names]
    of_seeds = {i: match[1] for i, match in enumerate(matches) if match}
    if not of_seeds:
        raise UnknownNameError("column", score, names)
    kept = [i for i in range(len(names)) if i not in of_seeds]
    every = ((place, row, i) for place, row in rows for i in of_seeds)
    spread = ((place, [*(row[k] for k in kept), of_seeds[i], row[i]]) for place, row, i in every)
    return [*(names[i] for i in kept), before.strip(" _-.") or "seed", score], spread

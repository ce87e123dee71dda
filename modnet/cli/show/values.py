"""Numbers, durations, settings, titles and JSON as the commands print them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modnet.compose.defaults import MAIN_JOB, merge_job
from modnet.compose.tables import Table
from modnet.text import printable

LONGEST_TITLE = 500


def format_number(value: float, digits: int = 4) -> str:
    """Return a number with so many digits, or all that it has before its point; "-" where it is none.

    >>> [format_number(x) for x in (255.0, 0.1 + 0.2, -0.0, 123456.7, float("nan"))]
    ['255', '0.3', '0', '123457', '-']
    """
    if not math.isfinite(value):
        return "-"
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 10**digits):
        return str(round(value))
    return f"{value:.{digits}g}"


def format_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as they would be given behind --set.

    >>> format_settings({"label": "species", "header": True})
    'label="species", header=true'
    """
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in settings.items())


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON, which has no NaN and no infinity: they become null.

    >>> to_json({"accuracy": [0.5, float("nan")]})
    '{"accuracy": [0.5, null]}'
    """
    plain = json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
    return json.dumps(plain, indent=indent)


def format_title(table: Table) -> str:
    """Return an experiment's table in one line, for a plot; no part of it is made.

    >>> format_title({"network": {"hidden": [30], "activation": {"name": "relu"}}})
    'mnist-small · 30 hidden units · relu, softmax, cross-entropy · central-difference, sgd · 2,000 × 100 · seed 0'
    """

    def list_names(entry: Any) -> str:
        if isinstance(entry, (list, tuple)):
            return ", ".join(map(list_names, entry))
        return str(entry.get("name") if isinstance(entry, Mapping) else entry)

    whole = merge_job(MAIN_JOB, table)
    entries = (whole[key] for key in ("data", "network", "training"))
    data, network, training = (entry if isinstance(entry, Mapping) else {} for entry in entries)
    source = Path(str(data.get("path") or list_names(whole["data"]))).name
    layers, parts = network.get("layers"), [network.get(key) for key in ("activation", "output", "loss")]
    hidden = f"{list_names(network.get('hidden')) or 'no'} hidden units · {list_names(parts)}"
    iterations = training.get("iterations")
    count = f"{iterations:,}" if isinstance(iterations, int) else iterations
    title = (
        f"{source} · {f'{list_names(layers)} · {list_names(parts[-1])}' if layers else hidden} · "
        f"{list_names(whole['gradient'])}, {list_names(whole['optimizer'])} · "
        f"{count} × {training.get('batch_size')} · seed {whole['seed']}"
    )
    return printable(title, LONGEST_TITLE)

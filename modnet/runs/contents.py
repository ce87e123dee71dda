"""The contents of a run's files, for whoever writes or verifies them."""

from __future__ import annotations

import io
import json
import math
import platform
from typing import Any

import numpy as np

from modnet.compose.experiment import Experiment
from modnet.compose.parts import find_name
from modnet.compose.plugins import get_host
from modnet.data.dataset import Dataset
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import hash_params
from modnet.types import Array


def describe_params(data: Dataset) -> dict[str, Any]:
    """Return what it takes, besides the parameters, to predict from raw rows."""
    return {"classes": list(data.classes), "scale": data.scale, "features": list(data.feature_names)}


def pack_hits(hits: Array | None) -> bytes:
    """Return the content of hits.npy, or nothing where there are no test samples."""
    if hits is None or not len(hits):
        return b""
    content = io.BytesIO()
    np.save(content, hits, allow_pickle=False)
    return content.getvalue()


def summarize(run: ObservedRun, experiment: Experiment) -> dict[str, Any]:
    """Return the summary of a run that has ended."""
    history = run.history
    return {
        "status": run.status,
        "iterations": run.iteration,
        "final_loss": history.loss[-1] if history.loss else None,
        **{name: _find_last(values) for name, values in history.columns.items()},
        "gradient": find_name(experiment.gradient),
        "seed": experiment.seed,
        "seconds": round(run.seconds, 3),
        "params_sha256": hash_params(run.params),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **_list_versions()},
    }


def pack_summary(summary: dict[str, Any]) -> bytes:
    """Return the content of summary.json."""
    return (json.dumps(summary, indent=2) + "\n").encode()


def _find_last(values: list[float]) -> float | None:
    return values[-1] if values and not math.isnan(values[-1]) else None


def _list_versions() -> dict[str, str]:
    """Return the versions of the installed distributions whose plugins are loaded, modnet among them."""
    loaded = [report for report in get_host().plugins if report.state == "loaded" and report.version]
    return {report.distribution: report.version for report in sorted(loaded, key=lambda report: report.distribution)}

"""Forecast of a network of layers."""

from __future__ import annotations

from pathlib import Path

import pytest

DENSE = '{name="dense",units=100},"relu",{name="dense",units=10},"softmax"]'
SIMPLE = 'network.layers=[{name="convolution",filters=10,size=5},"relu",{name="max-pool",size=2},"flatten",' + DENSE
WIDE = 'network.layers=["flatten",{name="dense",units=500},"batch-norm","relu",{name="dense",units=10},"softmax"]'


def forecast(call, layers: str, folder: Path) -> dict[str, str]:
    done = call("train", "--set", layers, "--gradient", "backpropagation", "--dry-run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}


@pytest.mark.check
def test_each_estimator_is_timed_where_none_takes_long(call, tmp_path: Path) -> None:
    assert "not timed" not in "".join(forecast(call, SIMPLE, tmp_path).values())


def test_what_would_take_minutes_for_one_iteration_is_not_timed(call, tmp_path: Path) -> None:
    rows = forecast(call, WIDE, tmp_path)
    assert "not timed" in rows["richardson"], rows
    assert "not timed" not in rows["backpropagation"] + rows["spsa"]

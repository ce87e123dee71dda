"""Forecast of a network of layers."""

from __future__ import annotations

from pathlib import Path

LAYERS = (
    'network.layers=[{name="convolution",filters=30,size=5},"relu",{name="max-pool",size=2},"flatten",'
    '{name="dense",units=100},"relu",{name="dense",units=10},"softmax"]'
)


def test_what_would_take_minutes_for_one_iteration_is_not_timed(call, tmp_path: Path) -> None:
    done = call("train", "--set", LAYERS, "--gradient", "backpropagation", "--dry-run", cwd=tmp_path)
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert done.returncode == 0, done.stderr
    assert "not timed" in rows["richardson"], rows
    assert "not timed" not in rows["backpropagation"] + rows["spsa"]

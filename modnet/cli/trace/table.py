"""The table of a traced update, for JSON."""

from __future__ import annotations

from typing import Any

from modnet_trace.update import UpdateTrace


def to_table(found: UpdateTrace) -> dict[str, Any]:
    """Return an update as a table of numbers and lists."""
    return {
        "network": found.network,
        "forward": [{"name": s.name, "formula": s.formula, "value": s.value.tolist()} for s in found.forward],
        "target": found.target.tolist(),
        "losses": found.losses.tolist(),
        "loss": found.loss,
        "estimators": found.estimators,
        "gradient": [
            {
                "name": each.name,
                "value": each.value.tolist(),
                "other": None if each.other is None else each.other.tolist(),
            }
            for each in found.gradient
        ],
        "difference": found.difference,
        "optimizer": found.optimizer,
        "params": {name: value.tolist() for name, value in found.params.items()},
        "new_params": {name: value.tolist() for name, value in found.new_params.items()},
        "new_loss": found.new_loss,
        "notes": found.notes,
    }

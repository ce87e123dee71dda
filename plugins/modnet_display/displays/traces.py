"""The display of one update: arrays with formulas, shapes and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from modnet import Array, UpdateTrace
from modnet_display.displays.drawing import note
from modnet_display.html import Html, element, table


def describe(trace: UpdateTrace) -> Iterator[Html]:
    """Yield what a notebook shows of an update."""
    yield element("b", repr(trace)[1:-1])
    steps = [[step.name, step.formula, *_list_cells(trace, step.value)] for step in trace.forward]
    yield table(["array", "is", "shape", "numbers"], steps, caption="forward pass")
    losses = [["t", "targets", *_list_cells(trace, trace.target)], ["L", trace.loss_formula, "", f"{trace.loss:.6g}"]]
    yield table(["", "is", "shape", "numbers"], losses, caption="loss")
    first, *others = trace.estimators
    heads = ["parameter", "before", f"gradient by {first}", *(f"difference to {name}" for name in others), "after"]
    rows = [
        [
            each.name,
            _write(trace, trace.params[each.name]),
            _write(trace, each.value),
            *([f"{each.difference:.1e}"] * len(others)),
            _write(trace, trace.new_params[each.name]),
        ]
        for each in trace.gradient
    ]
    yield table(heads, rows, caption=f"gradient, and update by {trace.optimizer}")
    yield element("div", f"new loss of the same batch: {trace.new_loss:.6g}, {trace.new_loss - trace.loss:+.3g}")
    for each in trace.notes:
        yield note(each)


def _list_cells(trace: UpdateTrace, value: Array) -> list[Html | str]:
    return [str(value.shape), _write(trace, value)]


def _write(trace: UpdateTrace, value: Array) -> Html:
    return element("pre", "\n".join(trace.write_numbers(value)), style="margin:0;text-align:left")

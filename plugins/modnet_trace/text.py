"""A traced update as text in lines of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from modnet import Array

if TYPE_CHECKING:
    from modnet_trace.update import UpdateTrace

WIDTH = 80
WHOLE = 40  # numbers of an array that is shown whole
MANY = 8  # arrays of parameters, beyond which only those of few numbers are shown whole
INDENT, LEFT, SHAPE = 2, 30, 10  # columns


def to_text(trace: UpdateTrace) -> str:
    """Return an update as text, the arrays of small networks whole."""
    whole = WHOLE if len(trace.params) <= MANY else WHOLE // 8
    lines = [*textwrap.wrap(f"One update of {trace.network[1:-1]}", WIDTH, subsequent_indent="  "), "", "forward pass"]
    for step in trace.forward:
        lines += _write(f"{step.name} = {step.formula}" if step.formula else step.name, step.value, whole)
    first, *others = trace.estimators
    lines += ["", "loss", *_write("t", trace.target, whole)]
    lines.append(f"  L = {trace.loss_formula} = {trace.loss:.6g}")
    against = f", beside {others[0]}: at most {trace.difference:.1e} apart" if others else ""
    lines += ["", f"gradient by {first}{against}"]
    for each in trace.gradient:
        lines += _write(f"dL/d{each.name}" + (f" ({each.difference:.0e} apart)" if others else ""), each.value, whole)
    lines += ["", f"update by {trace.optimizer}"]
    for name, value in trace.params.items():
        lines += [*_write(f"{name} before", value, whole), *_write(f"{name} after", trace.new_params[name], whole)]
    change = trace.new_loss - trace.loss
    lines += ["", f"new loss of the same batch: {trace.new_loss:.6g}, {change:+.3g}"]
    for note in trace.notes:
        lines += textwrap.wrap(note, WIDTH, initial_indent="note: ", subsequent_indent="  ")
    return "\n".join(lines)


def _write(name: str, value: Array, whole: int) -> Iterator[str]:
    """Yield the lines of an array: its name, its shape and its numbers, beside them or below."""
    head = f"{'':{INDENT}}{name:<{LEFT - INDENT}}{describe_shape(value):<{SHAPE}}"
    numbers = write_numbers(value, whole)
    room = WIDTH - len(head) - 1
    if max(map(len, numbers)) <= room:
        yield f"{head} {numbers[0]}".rstrip()
        yield from (f"{'':{len(head)}} {line}" for line in numbers[1:])
    else:
        yield head.rstrip()
        yield from (f"{'':{2 * INDENT}}{line}" for line in numbers)


def describe_shape(value: Array) -> str:
    """Return the shape of an array, as NumPy writes it.

    >>> describe_shape(np.zeros((2, 3))), describe_shape(np.zeros(3))
    ('(2, 3)', '(3,)')
    """
    return str(value.shape)


def write_numbers(value: Array, whole: int = WHOLE) -> list[str]:
    """Return the lines of an array's numbers, or, where there are many, what they range over.

    >>> write_numbers(np.array([[0.5, -1.0], [0.25, 0.0]]))
    ['[[ 0.5  -1.  ]', ' [ 0.25  0.  ]]']
    >>> write_numbers(np.arange(100.0))
    ['from 0 to 99, mean 49.5']
    """
    if value.size > whole:
        return [f"from {value.min():.4g} to {value.max():.4g}, mean {value.mean():.4g}"]
    largest = float(np.max(np.abs(value), initial=0.0))
    is_plain = value.dtype.kind != "f" or largest == 0 or 1e-3 <= largest < 1e4
    text = np.array2string(
        value, precision=4, suppress_small=is_plain, max_line_width=WIDTH - 2 * INDENT, separator=" ", legacy=False
    )
    return [line for line in text.splitlines() if line.strip()]

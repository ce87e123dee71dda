"""The picture of gradient estimators compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modnet_figures.figures import create_panels, drawing

from modnet.testing.gradcheck.estimators import EstimatorRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Errors below this are drawn here: a logarithm has no place for 0.
_NOTHING = 1e-17


@drawing()
def draw_estimators(rows: Sequence[EstimatorRow], title: str) -> Figure:
    """Return the error of gradient estimators against what they cost: evaluations of the loss, and seconds.

    A line is the spread of the repeats. Raises MissingExtraError.
    """
    figure, left, right = create_panels((9, 4), title, sharey=True)
    for i, row in enumerate(sorted((row for row in rows if not row.problem), key=lambda row: -row.error)):
        style: Any = {"color": f"C{i % 10}", "marker": "osD^vP"[i % 6], "linestyle": "none"}
        spread = [max(bound, _NOTHING) for bound in (min(row.errors), max(row.errors))]
        for axes, cost in ((left, row.evaluations), (right, row.seconds)):
            if cost is not None:
                axes.plot([cost] * 2, spread, color=style["color"], linewidth=1.5)
                axes.plot(cost, max(row.error, _NOTHING), **style)
        right.plot([], [], **style, label=row.name)
    left.set(xlabel="evaluations of the loss, as a black box", ylabel="error, relative to the gradient")
    right.set(xlabel="seconds for one estimate")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log")
        axes.margins(0.1)
    figure.legend(loc="outside right center", frameon=False)
    return figure

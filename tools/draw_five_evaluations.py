"""Picture of why five evaluations of the loss are enough.

One digit, one hidden unit of a trained network: the loss as the unit's pre-activation is moved. Left, with a step so
large that the curve bends; right, how far the curve through the nodes is from the loss, step by step.

python tools/draw_five_evaluations.py [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from modnet_figures.figures import COLORS, GREY, create_panels, drawing, save_figure

import modnet

OUT = Path(__file__).parents[1] / "docs" / "five-evaluations.png"
NODES, CHECK = np.array([-1, -0.5, 0.5, 1]), -(0.5**0.5)
BIG, BOOK = 2.0, 1e-4
BLUE, ORANGE, GREEN, *_ = COLORS


class Cell:
    """One sample and one hidden unit of a two-layer network: the loss where the unit's pre-activation is moved."""

    def __init__(self, network: modnet.TwoLayerNet, x: np.ndarray, t: int, unit: int) -> None:
        self.x, self.t, self.unit, self.weights = x, t, unit, network.params["W2"][unit]
        self.a = x @ network.params["W1"] + network.params["b1"]
        self.scores = 1 / (1 + np.exp(-self.a)) @ network.params["W2"] + network.params["b2"]

    def losses(self, moves: np.ndarray) -> np.ndarray:
        """Return the loss (M,) for each move (M,)."""
        a = self.a[self.unit]
        changes = 1 / (1 + np.exp(-(a + moves))) - 1 / (1 + np.exp(-a))
        scores = self.scores + changes[:, np.newaxis] * self.weights
        scores -= scores.max(axis=1, keepdims=True)
        return np.log(np.exp(scores).sum(axis=1)) - scores[:, self.t]

    def interpolate(self, moves: np.ndarray, h: float) -> np.ndarray:
        """Return the losses (M,) by the curve through the loss as it stands and at the four nodes."""
        at = np.append(NODES, 0.0)
        powers = np.arange(5)
        coefficients = np.linalg.solve(at[:, np.newaxis] ** powers, self.losses(at * h))
        return (moves[:, np.newaxis] / h) ** powers @ coefficients


def choose_cell() -> Cell:
    """Return a cell whose curve is seen to bend, of a network that has learned for a while."""
    data = modnet.load("mnist-small")
    network = modnet.TwoLayerNet(784, 50, 10, seed=0)
    run = modnet.train(network, data, gradient="backpropagation", iterations=1000, seed=0)
    cells = [Cell(run.network, data.train.x[n], int(data.train.t[n]), unit) for n in range(50) for unit in range(50)]
    return max(cells, key=lambda cell: abs(cell.losses(np.array([-BIG, 0, BIG])) @ [1, -2, 1]))


@drawing()
def draw(cell: Cell) -> Any:
    """Return the picture."""
    distinct = np.unique(np.concatenate([cell.x, -cell.x]))
    title = f"one digit, one hidden unit: its 784 weights make {len(distinct) - 1} different moves along one curve"
    figure, left, right = create_panels((9, 4), title)
    fine = np.linspace(-1.08, 1.08, 200) * BIG
    left.plot(fine, cell.interpolate(fine, BIG), color=GREY, linewidth=1.5, zorder=1)
    moves = distinct[distinct != 0] * BIG
    left.plot(
        moves, cell.losses(moves), "|", color=BLUE, markersize=11, markeredgewidth=0.8, label="moves of the weights"
    )
    style = {"linestyle": "none", "markersize": 9, "markeredgecolor": "white"}
    left.plot(0, cell.losses(np.zeros(1)), "s", color="black", label="the loss as it stands", **style)
    left.plot(NODES * BIG, cell.losses(NODES * BIG), "o", color=ORANGE, label="4 nodes: they give the curve", **style)
    check = np.array([CHECK * BIG])
    left.plot(check, cell.losses(check), "D", color=GREEN, label="1 node more: it checks the curve", **style)
    left.set(xlabel="move of the unit's pre-activation", ylabel="loss of the digit")
    left.set_title(f"with a step of {BIG:g}, to see it bend")
    left.legend(frameon=False, fontsize=9)
    steps = np.logspace(-5, np.log10(BIG), 60)
    off = [abs(cell.losses(distinct * h) - cell.interpolate(distinct * h, h)).max() for h in steps]
    rounding = np.finfo(float).eps * cell.losses(np.zeros(1))[0]
    right.loglog(steps, off, color=BLUE, linewidth=2)
    right.axhline(rounding, color=GREY, linestyle="--", linewidth=1)
    right.text(steps[-1], rounding / 2, "rounding of the loss itself", color=GREY, ha="right", va="top", fontsize=9)
    right.axvline(BOOK, color=ORANGE, linewidth=1.5)
    right.text(BOOK * 1.3, 3e-2, "the book's step", color=ORANGE, va="top", fontsize=9)
    right.set(xlabel="step h", ylabel="largest distance of the curve from the loss", ylim=(1e-17, 1e-1))
    right.set_title("at the book's step the curve is exact")
    return figure


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    save_figure(draw(choose_cell()), parser.parse_args().out)


if __name__ == "__main__":
    main()

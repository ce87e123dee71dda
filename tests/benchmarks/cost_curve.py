"""Accuracy against seconds for five gradient estimators on two networks, as a picture.

Usage: python tests/benchmarks/cost_curve.py [--measured FILE] [--seconds S] [--out PICTURE]

784-50-10 with sigmoid, as by default, and 784-200-200-10 with relu, on the digits that ship with modnet; batches of
100, `sgd` with each estimator's own learning rate, one seed. Seconds are those of the processor, without evaluations.
Curves that FILE (JSON) has are drawn as they are, others are measured and added to it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import attrs
from modnet_figures.figures import COLORS, drawing

import modnet

NETWORKS: dict[str, dict[str, Any]] = {
    "784-50-10": {"layers": (784, 50, 10)},
    "784-200-200-10": {"layers": (784, 200, 200, 10), "hidden": "relu", "weight_init_std": "he"},
}
# The estimator, its name in the picture, and its learning rate for each network.
CURVES = {
    "backpropagation": ("backpropagation", (0.1, 0.1)),
    "direct-feedback-alignment": ("direct feedback alignment", (0.1, 0.1)),
    "node-perturbation": ("node perturbation, 10 directions", (0.1, 0.02)),
    "central-difference": ("central differences", (0.1, 0.1)),
    "spsa": ("SPSA, 10 directions", (0.1, 0.002)),
}
OUT = Path(__file__).parents[2] / "docs" / "cost-curve.png"


@attrs.frozen
class Clock(modnet.Callback):
    """A column of the seconds that the iterations so far have taken, and the end of a run after so many."""

    seconds: float
    repeatable = False

    def init(self, run: modnet.ObservedRun) -> Any:
        """Return the points so far, and the second at which the epoch began."""
        return {"points": [], "spent": 0.0, "began": time.process_time()}

    def on_iteration(self, run: modnet.ObservedRun, state: Any) -> Any:
        """Return the state with the seconds so far."""
        now = time.process_time()
        return {**state, "spent": state["spent"] + now - state["began"], "began": now}, None

    def on_epoch(self, run: modnet.ObservedRun, state: Any) -> Any:
        """Return the state with another point, and whether it is enough; the evaluation costs nothing."""
        point = (state["spent"], run.history.test_accuracy[-1])
        stop = modnet.Stop("the time is up") if state["spent"] > self.seconds else None
        return {**state, "points": [*state["points"], point], "began": time.process_time()}, stop


def measure(network: dict[str, Any], name: str, lr: float, seconds: float) -> list[tuple[float, float]]:
    """Return the seconds and accuracies at the ends of epochs."""
    data = modnet.load("mnist-small")
    net = modnet.Network(**network, seed=0)
    parts = {"gradient": modnet.gradient(name), "optimizer": modnet.optimizer("sgd", lr=lr)}
    run = modnet.train(net, data, **parts, batch_size=100, iterations=20_000, callbacks=[Clock(seconds)])
    return run.callbacks.last[0]["points"]


def draw(measured: dict[str, dict[str, list[tuple[float, float]]]], out: Path) -> None:
    """Draw a panel for each network."""
    with drawing():
        from matplotlib import pyplot as plt

        figure, panels = plt.subplots(1, 2, figsize=(9.6, 3.9), dpi=110, sharey=True, layout="constrained")
        for panel, (title, curves) in zip(panels, measured.items(), strict=True):
            for (name, points), color in zip(curves.items(), COLORS, strict=False):
                panel.plot(*zip(*points, strict=True), color=color, linewidth=1.6, label=CURVES[name][0])
            panel.set(title=title, xscale="log", ylim=(0, 1), xlabel="seconds of one processor")
            panel.grid(color="0.9")
            panel.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylabel("test accuracy")
        panels[0].legend(frameon=False, loc="lower right", fontsize=8.5)
        figure.savefig(out, metadata={"Software": None})
        plt.close(figure)


def main() -> None:
    """Measure what is not there yet, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    measured = json.loads(given.measured.read_text()) if given.measured and given.measured.exists() else {}
    for place, (title, network) in enumerate(NETWORKS.items()):
        for name, (_, rates) in CURVES.items():
            if name not in measured.setdefault(title, {}):
                measured[title][name] = measure(network, name, rates[place], given.seconds)
                print(title, name, measured[title][name][-1], flush=True)
                if given.measured:
                    given.measured.write_text(json.dumps(measured))
        measured[title] = {name: measured[title][name] for name in CURVES}
    draw(measured, given.out)


if __name__ == "__main__":
    main()

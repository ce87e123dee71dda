"""Pictures of the README: what its commands write, made smaller.

python tools/draw_readme.py [NAME...]

Writes docs/pictures/NAME.png.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

OUT = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, COLORS = 960, 256
WEIGHTS = """
import modnet
data = modnet.load("mnist-small")
net = modnet.TwoLayerNet(784, 50, 10, seed=0)
run = modnet.train(net, data, gradient="backpropagation", optimizer=modnet.optimizer("sgd", lr=0.5), iterations=1000)
modnet.figures.weights.from_estimator(run, most=12).savefig("weights.png")
"""
# By name, the command or the lines of Python that make a picture, and its file.
PICTURES = {
    "curves": ("modnet train --out runs/demo", "runs/demo/curves.png"),
    "estimators": ("modnet gradient-check --hidden 10 --out estimators.png", "estimators.png"),
    "weights": (WEIGHTS, "weights.png"),
    "comparison": (
        "modnet compare --gradient backpropagation --hidden 5,50 --iterations 400 --seeds 5 --out runs/hidden",
        "runs/hidden/comparison.png",
    ),
}


def draw(name: str) -> Path:
    """Make one picture in an empty folder, and return where it stands."""
    step, file = PICTURES[name]
    command = ["-m", *shlex.split(step)] if step.startswith("modnet ") else ["-c", step]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        picture = Image.open(Path(folder) / file).convert("RGB")
    width = min(WIDTH, picture.width)
    picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    OUT.mkdir(exist_ok=True)
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(OUT / f"{name}.png", optimize=True)
    return OUT / f"{name}.png"


def main() -> None:
    """Make the pictures that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        path = draw(name)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

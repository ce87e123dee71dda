"""Reading, training and predicting from a CSV file without pickle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = '''
import json
import sys
import traceback

import numpy  # imports pickle itself

BANNED = {"pickle", "_pickle", "cPickle", "pickletools", "shelve", "dill", "cloudpickle", "joblib"}
asked = []


class Ban:
    """Refuses some modules, and notes who asked for them."""

    def find_spec(self, name, *_):
        if name.partition(".")[0] in BANNED:
            callers = [line.filename for line in traceback.extract_stack() if "importlib" not in line.filename]
            asked.append([name, callers[-2] if len(callers) > 1 else ""])
            raise ImportError(f"{name} is banned")


for name in BANNED & {*sys.modules}:
    del sys.modules[name]
sys.meta_path.insert(0, Ban())


def told():
    print(json.dumps({"asked": asked, "loaded": sorted(BANNED & {*sys.modules})}))

'''

READ = """
import gzip
import pathlib

import modnet

folder = pathlib.Path.cwd()
rows = "".join(f"{i % 7}.5,{i},{'xyz'[i % 3]}\\n" for i in range(300))
text = "a,b,label\\n" + rows
(folder / "plain.csv").write_text(text)
(folder / "packed.csv.gz").write_bytes(gzip.compress(text.encode()))
(folder / "quoted.csv").write_text('"a","b","label"\\n"1.5","2","x,""y"\\n"3","4","z"\\n')
(folder / "lacking.csv").write_text(text + ",1,x\\n")
(folder / "wrong.csv").write_text(text + "1,one,x\\n")
(folder / "comma.csv").write_text(text.replace(",", ";").replace(".", ","))
(folder / "long.csv").write_text(text + rows * 2000)
assert (folder / "long.csv").stat().st_size > 2**22

data = modnet.load(folder / "plain.csv")
for name in ("packed.csv.gz", "comma.csv"):
    assert (modnet.load(folder / name).train.x == data.train.x).all()
assert modnet.load(folder / "quoted.csv", test_fraction=0.0).classes == ('x,"y', "z")
assert modnet.load(folder / "lacking.csv", missing="drop").notes
for _ in "converted", "kept":
    assert len(modnet.load(folder / "long.csv", test_fraction=0.0).train) == 300 * 2001
assert list((folder / "cache" / "arrays").iterdir())
try:
    modnet.load(folder / "wrong.csv")
except modnet.DataError as error:
    assert "line 302, column 2 ('b'): expected a number, found 'one'" in str(error)
modnet.source("csv").write(data, folder / "written.csv")
"""

TRAIN = """
network = modnet.TwoLayerNet(2, 5, 3, seed=0)
run = modnet.train(network, data, iterations=5, batch_size=10)
assert run.network.predict(data.test.x).shape[0] == len(data.test.x)
"""

COMMANDS = """
import modnet.cli.main


def command(*arguments):
    sys.argv = ["modnet", *arguments]
    try:
        modnet.cli.main.main()
    except SystemExit as done:
        return done.code or 0
    return 0


sys.stdout, stdout = open("output.txt", "w"), sys.stdout
train = ["train", "--data", "plain.csv", "--gradient", "backpropagation", "--iterations", "5", "--out", "run"]
statuses = [
    command(*train),
    command("predict", "run", "plain.csv"),
    command("data", "show", "plain.csv"),
    command("data", "convert", "plain.csv", "plain.npz"),
    command(*train[:2], "wrong.csv"),
]
sys.stdout.close()
sys.stdout = stdout
assert statuses == [0, 0, 0, 0, 1], statuses
"""


LISTING = """
import contextlib
import io

import modnet.cli.main

sys.argv = ["modnet", "plugins", "-p", "needs_pickle"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    modnet.cli.main.main()
"""


def run_program(folder: Path, *parts: str) -> dict[str, Any]:
    """Run a program in a process of its own, and return what it has to report."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([PROGRAM, *parts, "told()"])],
        cwd=folder,
        env={**os.environ, "MODNET_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("parts", [(READ,), (READ, TRAIN), (READ, COMMANDS)], ids=["read", "train", "commands"])
def test_pickle_is_not_imported_on_the_way_of_a_csv_file(tmp_path: Path, parts: tuple[str, ...]) -> None:
    assert run_program(tmp_path, *parts) == {"asked": [], "loaded": []}


@pytest.mark.parametrize("name", ["pickle", "_pickle", "joblib", "shelve", "pickletools"])
def test_an_import_would_be_noticed(tmp_path: Path, name: str) -> None:
    program = f"try:\n    import {name}\nexcept ImportError:\n    pass\nelse:\n    raise SystemExit('imported')"
    [[asked, _]] = run_program(tmp_path, program)["asked"]
    assert asked == name


def test_a_plugin_that_needs_pickle_would_be_noticed(tmp_path: Path) -> None:
    """Though modnet does without it."""
    (tmp_path / "needs_pickle.py").write_text("import pickle\n")
    [[asked, caller], *_] = run_program(tmp_path, LISTING)["asked"]
    assert (asked, Path(caller).name) == ("pickle", "needs_pickle.py")

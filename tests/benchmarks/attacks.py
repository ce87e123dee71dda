"""Attacks on what modnet promises: a table of those tried and those that succeeded.

Usage: python tests/benchmarks/attacks.py [--quick] [--only NAME[,NAME]] [--files NAME[,NAME]] [--edits N] [--seed N]

kills: processes killed at random instants and resumed; operations: one operation on a file at a time fails or ends the
process; edits: each file of a run changed in many ways, of which each command gives the right answer or a short error;
forgeries: runs that were changed and sealed again; threads: runs side by side in one process. The exit status is 1
where one succeeded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from edits import list_edits, list_forgeries, reseal

import modnet.nn.training
from modnet.cli.main import main as run_command
from modnet.compose.plugins import get_host
from modnet.nn.checkpoint import hash_params, load_params
from modnet.runs.recorder import RunRecorder

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS), str(TESTS / "nn"), str(TESTS / "runs")]  # whose faults and matrix are tried here, too
LIMIT = 60.0  # seconds for a command that takes one; more is a hang
MEMORY = 2 * 2**30  # bytes beyond what the process has
RAW = {chr(code) for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F))} - {"\n", "\t"}
TRAIN = ["--gradient", "backpropagation", "--hidden", "4", "--lr", "0.5", "--batch-size", "10", "--iterations", "60"]
COMPARE = [*TRAIN[:2], "--hidden", "3,4", *TRAIN[4:], "--seeds", "2", "--workers", "1", "--out", "grid"]
FILES = ("experiment.toml", "history.csv", "summary.json", "params.npz", "hits.npy", "receipt.json", "curves.png")
OPEN = {"curves.png", "checkpoint.npz", "checkpoint.previous.npz"}  # files that no answer but the picture comes from


@attrs.frozen
class Outcome:
    """The end of a command: its exit status, or None where it hung or was killed; and what it printed."""

    status: int | None
    out: str
    err: str

    def find_fault(self) -> str:
        """Return what no command may do, or "": hang, die, print a traceback, a long error, or what is not text."""
        if self.status is None:
            return "hung, or was killed"
        if self.status not in {0, 1, 2}:
            return f"ended with status {self.status}"
        printed = self.out + self.err
        if "Traceback (most recent" in printed:
            return "a traceback: " + printed.strip().splitlines()[-1][:200]
        if odd := RAW.intersection(printed):
            return f"printed {sorted(odd)!r}"
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        if self.status and len(lines) > 2:
            return f"an error of {len(lines)} lines: {lines[0][:100]}"
        return "" if not self.status or printed.strip() else "no word of an error"


@attrs.define
class Table:
    """The attacks that were tried and those that succeeded."""

    tried: Counter[str] = attrs.field(factory=Counter)
    failed: list[tuple[str, str]] = attrs.field(factory=list)

    def add(self, attack: str, case: str, fault: str) -> None:
        """Count an attack; one with a fault has succeeded."""
        self.tried[attack] += 1
        if fault:
            self.failed.append((attack, f"{case}: {fault}"))
            print(f"{attack}: {case}: {fault}".encode(errors="replace").decode(), file=sys.stderr)

    def show(self) -> None:
        """Print the table; each attack that succeeded is named as it does."""
        counts = Counter(attack for attack, _ in self.failed)
        print(f"{'attack':<46}{'tried':>8}{'failed':>8}")
        for attack, tried in self.tried.items():
            print(f"{attack:<46}{tried:>8}{counts[attack]:>8}")


def call(*arguments: str, cwd: Path, prepare: Callable[[], object] = lambda: None) -> Outcome:
    """Call modnet in a child of this process, which has imported everything, within limits of time and memory."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            _become_command(arguments, cwd, (out.fileno(), err.fileno()), prepare)
        status = _wait(child)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read(10**6).decode(errors="surrogateescape"))
    return Outcome(status, *texts)


def _become_command(
    arguments: tuple[str, ...], cwd: Path, files: tuple[int, int], prepare: Callable[[], object]
) -> None:
    status: Any = 70
    try:
        with Path(os.devnull).open(encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 0)
        for file, end in zip(files, (1, 2), strict=True):
            os.dup2(file, end)
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
        os.chdir(cwd)
        sys.argv = ["modnet", *arguments]
        prepare()
        run_command()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        status = 1
    else:
        status = 0
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _wait(child: int) -> int | None:
    end, pause = time.monotonic() + LIMIT, 0.001
    while True:
        done, how = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(how) if os.WIFEXITED(how) else None
        if time.monotonic() > end:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return None
        time.sleep(pause := min(0.05, pause * 1.5))


# ---- a place with runs


def warm_up() -> None:
    """Import and prepare once what every child would."""

    from modnet_figures.figures import create_figure, render

    get_host().registry.names("loss")
    figure = create_figure((1, 1))
    figure.suptitle("text")
    for kind in ("png", "svg"):
        render(figure, kind)


def build_place(place: Path) -> None:
    """Make data, a finished run, one of another seed, one that was killed, and a comparison."""
    chance = np.random.default_rng(0)
    rows = (chance.normal(size=(90, 3)) + np.arange(90)[:, np.newaxis] % 3).round(3).tolist()
    lines = [f"{a},{b},{c},{'xyz'[i % 3]}" for i, (a, b, c) in enumerate(rows)]
    (place / "points.csv").write_text("\n".join(["p,q,r,kind", *lines]) + "\n")
    data = ("--data", "points.csv", "--set", "data.label=kind")
    expect(call("train", *data, *TRAIN, "--out", "run", cwd=place))
    expect(call("train", *data, *TRAIN, "--seed", "3", "--out", "twin", cwd=place))
    expect(call("compare", *data, *COMPARE, cwd=place))
    killed = call("train", *data, *TRAIN, "--out", "killed", cwd=place, prepare=die_later)
    if killed.status != 9 or not (place / "killed" / "checkpoint.npz").exists():
        raise SystemExit(f"no run was killed: {killed}")


def expect(outcome: Outcome) -> Outcome:
    """Return the outcome of a command that must work."""
    if outcome.status or outcome.find_fault():
        raise SystemExit(f"an untouched run: {outcome}")
    return outcome


def die_later() -> None:
    """End this process in the midst of training, after some checkpoints."""
    modnet.nn.training.CHECKPOINT_EVERY, modnet.nn.training.CHECKPOINT_SHARE = 0.0, 1e9
    save = RunRecorder.save

    def save_and_die(self: RunRecorder, checkpoint: Any) -> None:
        save(self, checkpoint)
        if checkpoint.iteration == 40:
            os._exit(9)

    RunRecorder.save = save_and_die  # type: ignore[method-assign]


@contextlib.contextmanager
def copy_place(place: Path) -> Iterator[Path]:
    """Copy a place for one attack."""
    memory = Path("/dev/shm")  # noqa: S108 - if there is one
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(shutil.copytree(place, Path(folder) / "place"))


# ---- the attacks


def try_edits(table: Table, place: Path, options: argparse.Namespace) -> None:
    """Edit each file of a finished and of a killed run; each answer is the right one or a short error."""
    for run in ("run", "killed"):
        with copy_place(place) as here:
            right = {name: answer(name, run, here)[1] for name in commands_of(run)}
        names = [name for name in dict.fromkeys((*FILES, *sorted(OPEN))) if (place / run / name).exists()]
        for name in [name for name in names if name in options.files.split(",")]:
            siblings = [place / run / other for other in names if other != name]
            twin = place / "twin" / name if (place / "twin" / name).exists() else siblings[0]
            for what, edit in list_edits(place / run / name, siblings, twin, options.edits, options.seed):
                with copy_place(place) as here:
                    try_edit(table, here, run, name, what, edit, right)


def commands_of(run: str) -> tuple[str, ...]:
    """Return the commands that are tried on a run; the last ones may write into it."""
    return ("predict", "plot", "verify", "resume", "compare") if run == "run" else ("predict", "plot", "resume")


def try_edit(
    table: Table, here: Path, run: str, name: str, what: str, edit: Callable[[Path], object], right: dict[str, str]
) -> None:
    """Try all commands on a run with an edit."""
    before = fingerprint(here / run / name)
    edit(here / run / name)
    first = next(path for path in sorted((here / "grid").iterdir()) if path.is_dir() and not path.name.startswith("."))
    if (first / name).exists():
        edit(first / name)
    same = name in OPEN or fingerprint(here / run / name) == before
    for command in commands_of(run):
        outcome, found = answer(command, run, here)
        fault = outcome.find_fault()
        if not fault and outcome.status == 0:
            if command == "verify":
                fault = "" if same else "an edited run is called identical"
            elif found != right[command] and not (command == "plot" and f"/{name}: " in outcome.err):
                fault = "silently another answer"  # a picture of the checkpoint before a damaged one says so
        table.add(f"edits, {'finished' if run == 'run' else run} run: {command}", f"{name}: {what}", fault)


def fingerprint(path: Path) -> str:
    """Return the digest of a regular file, "" of anything else."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 2**30:
        return ""
    return sha256(path.read_bytes()).hexdigest()


def answer(command: str, run: str, here: Path) -> tuple[Outcome, str]:
    """Call a command on a run, and return what it gives: what is printed, or what it leaves."""
    if command == "predict":
        outcome = call("predict", run, "points.csv", cwd=here)
        return outcome, outcome.out
    if command == "plot":
        (here / "plot.svg").unlink(missing_ok=True)
        outcome = call("plot", run, "--out", "plot.svg", cwd=here)
        return outcome, fingerprint(here / "plot.svg")
    if command == "compare":
        outcome = call("compare", "--data", "points.csv", "--set", "data.label=kind", *COMPARE, cwd=here)
        return outcome, fingerprint(here / "grid" / "pairs.csv") + fingerprint(here / "grid" / "runs.csv")
    outcome = call(command, run, cwd=here)
    return outcome, "" if command == "verify" or outcome.status else read_results(here / run)


def read_results(folder: Path) -> str:
    """Return what a run has learned, and how."""
    try:
        return hash_params(load_params(folder / "params.npz")[0]) + (folder / "history.csv").read_text()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def try_forgeries(table: Table, place: Path, options: argparse.Namespace) -> None:
    """Change a run and seal it again: nothing but training it again can tell, and it must."""
    forgeries = list_forgeries(place / "twin")
    with copy_place(place) as here:
        reseal(here / "run")
        expect(call("verify", "run", cwd=here))
    for what, forge in forgeries[:: 3 if options.quick else 1]:
        with copy_place(place) as here:
            forge(here / "run")
            reseal(here / "run")
            outcome = call("verify", "run", cwd=here)
            called = outcome.status == 0 or "\nidentical" in outcome.out
            table.add("resealed forgeries: verify", what, outcome.find_fault() or "called identical" * called)


def try_kills(table: Table, _: Path, options: argparse.Namespace) -> None:
    """Kill processes at random instants, for every optimizer with every estimator."""
    kills = 12 if options.quick else 54
    script = [sys.executable, str(TESTS / "benchmarks" / "kills.py"), "--kills", str(kills), "--jobs", "1"]
    done = subprocess.run([*script, "--seed", str(options.seed)], capture_output=True, text=True, check=False)
    last = next((line for line in done.stdout.splitlines() if " kills in " in line), done.stderr[-500:])
    for i in range(kills):
        table.add("kills at random instants, and a resume", last, last if done.returncode and not i else "")


def try_operations(table: Table, place: Path, options: argparse.Namespace) -> None:
    """Let each operation on a file fail, or end the process, and resume."""
    import test_resume_faults as faults  # it imports pytest

    from modnet.compose.experiment import create_experiment, read_data

    settings = {"data": {"path": str(place / "points.csv"), "label": "kind"}, "network": {"hidden": [3]}}
    training = {"batch_size": 8, "iterations": faults.ITERATIONS}
    table_of = {**settings, "gradient": "backpropagation", "optimizer": {"name": "adam"}, "training": training}
    data, experiment = read_data(create_experiment(table_of))
    of = experiment, data
    modnet.nn.training.CHECKPOINT_EVERY, modnet.nn.training.CHECKPOINT_SHARE = 0.0, 1e9
    for kind, act in {"fail": faults.fails, "kill": faults.is_killed}.items():
        attack = "I/O errors at single operations" if kind == "fail" else "kills at single operations"
        with copy_place(place) as here:
            faults.begin(here / "new", of)
            expected = faults.content(here / "new")
        for at in range(1, 1000, 13 if options.quick else 1):
            with copy_place(place) as here:
                fault, happened = "", True
                try:
                    happened = act(here / "new", of, faults.Faults(here / "new", at, kind))
                    faults.resume(here / "new", of)
                    if faults.content(here / "new") != expected:
                        fault = "other files, bits or history"
                except BaseException as error:
                    fault = f"{type(error).__name__}: {str(error)[:200]}"
                if not happened:
                    break
                table.add(attack, f"operation {at}", fault)


def try_threads(table: Table, _: Path, options: argparse.Namespace) -> None:
    """Train runs of several widths side by side in one process, and compare their bits with those of runs alone."""
    from test_blas import try_matrix

    widths = (20, 50, 100) if options.quick else (20, 30, 50, 70, 100, 150, 200, 300, 400)
    for variables in ({}, {"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}):
        for number in (2, 4, 8):
            fault = ""
            try:
                try_matrix(widths, (number,), **variables)
            except AssertionError as error:
                fault = str(error)[:300]
            for i in range(2 * len(widths)):  # with one BLAS thread and with two
                table.add("runs side by side in threads", f"{number} at once, {variables}", fault if not i else "")


ATTACKS = {
    "kills": try_kills, "operations": try_operations, "edits": try_edits, "forgeries": try_forgeries,
    "threads": try_threads,
}  # fmt: skip


def main() -> None:
    """Try the attacks, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer of each kind")
    parser.add_argument("--only", default=",".join(ATTACKS), help="some of: %(default)s")
    parser.add_argument("--files", default=",".join((*FILES, *sorted(OPEN))), help="to edit, some of: %(default)s")
    parser.add_argument("--edits", type=int, help="of each file (default: 100)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.edits = options.edits or (8 if options.quick else 100)
    if unknown := set(options.only.split(",")) - set(ATTACKS):
        parser.error(f"no attack {', '.join(unknown)}; available: {', '.join(ATTACKS)}")
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MODNET_CACHE"], os.environ["MODNET_CONFIG"] = f"{folder}/cache", f"{folder}/config"
        place = Path(folder) / "place"
        place.mkdir()
        warm_up()
        build_place(place)
        for name in options.only.split(","):
            ATTACKS[name](table, place, options)
    table.show()
    sys.exit(bool(table.failed))


if __name__ == "__main__":
    main()

"""Plugins and observers that follow runs, broken and odd."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np

import modnet
from zoo import Cage

CAGE = Cage("observer")


class Diary(modnet.Observer):
    """A right one, for others to spoil."""

    def epoch_ended(self, run):
        for name, values in run.history.columns.items():
            print(f"{run.iteration}: {name} {values[-1]:.3f}")

    def run_ended(self, run):
        print(f"{run.status} after {run.seconds:.1f} s")


@CAGE.add_broken("finished")
class ReadsTheLossBeforeTheFirst(Diary):
    def run_started(self, run):
        print(run.history.loss[-1])


@CAGE.add_broken("finished")
class DividesByTheIterations(Diary):
    def epoch_ended(self, run):
        print(f"{100 * run.iteration // run.iterations} %")


@CAGE.add_broken("endings")
class ExpectsAnEvaluation(Diary):
    def run_ended(self, run):
        print(run.history.test_accuracy[-1])


@CAGE.add_broken("endings")
class EndsTheProgram(Diary):
    def run_ended(self, run):
        if run.status is modnet.Status.INTERRUPTED:
            raise SystemExit


@CAGE.add_broken("resumed")
class BeginsAtTheBeginning(Diary):
    def run_started(self, run):
        if run.iteration:
            raise ValueError("a run begins with iteration 0")


@CAGE.add_broken("regression")
class KnowsHitsOnly(Diary):
    def epoch_ended(self, run):
        print(run.hits.sum())


class OneRunOnly(Diary):
    """Keeps the run that it follows, and forgets it when any run ends."""

    def run_started(self, run):
        self.losses = []

    def epoch_ended(self, run):
        self.losses.append(run.history.loss[-1:])

    def run_ended(self, run):
        del self.losses


CAGE.add_broken("several-runs")(OneRunOnly)


@CAGE.add_broken("unchanged")
class ResetsTheBiases(Diary):
    def epoch_ended(self, run):
        run.params["b1"][...] = 0.0


@CAGE.add_broken("global-state")
class DrawsAfresh(Diary):
    def run_started(self, run):
        np.random.random()


@CAGE.add_broken("closed")
class LeavesAThread(Diary):
    def run_started(self, run):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@CAGE.add_legal()
class Follows(Diary):
    pass


@CAGE.add_legal()
class KnowsAccuraciesOnly(Diary):
    """As the documentation of `epoch_ended` has it: for classification alone."""

    def epoch_ended(self, run):
        print(run.history.test_accuracy[-1])


@CAGE.add_legal()
class Nothing(modnet.Observer):
    pass


@CAGE.add_legal()
class HooksOfAPlugin:
    """An object with marked methods, as an entry point may name one; only two of the hooks."""

    def __init__(self):
        self.files = WeakKeyDictionary()

    @modnet.hookimpl(tryfirst=True)
    def run_started(self, run):
        self.files[run] = Path(f"run-{run.iterations}.jsonl").open("a", encoding="utf-8")  # noqa: SIM115

    @modnet.hookimpl
    def run_ended(self, run):
        with self.files.pop(run) as file:
            json.dump({"status": run.status, "loss": run.history.loss[-1:], "seconds": run.seconds}, file)


@CAGE.add_legal()
class Watches(modnet.Observer):
    """Reads all that there is, from a thread of its own as well."""

    def epoch_ended(self, run):
        thread = threading.Thread(target=self.look, args=(run,))
        thread.start()
        thread.join()

    def look(self, run):
        seen = [run.hits, run.errors, run.epoch, run.seconds, repr(run), run.status.is_final]
        sizes = {name: float(np.linalg.norm(value)) for name, value in run.params.items()}
        assert all(np.isfinite(size) for size in sizes.values())
        assert len(seen) == 6


@CAGE.add_legal()
class ReportsToAServer(modnet.Observer):
    """Catches what the connection raises."""

    def run_ended(self, run):
        try:
            raise ConnectionRefusedError
        except OSError as error:
            print(f"not reported: {error}")

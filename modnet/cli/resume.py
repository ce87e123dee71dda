"""`modnet resume`: a run continued where it stopped."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import attrs
import click
from modnet_progress.terminal import file_progress

import modnet
from modnet.cli.options.groups import check_progress, plugin_options, progress_options
from modnet.cli.options.loading import load_all_plugins
from modnet.cli.options.parameters import RunPath
from modnet.cli.output import Command, echo, tell
from modnet.cli.train import describe, run_to_end
from modnet.compose.experiment import read_data
from modnet.compose.tables import read_toml
from modnet.errors import DataError, SettingError
from modnet.interfaces import Optimizer
from modnet.nn.checkpoint import CHECKPOINT
from modnet.nn.schedules import set_horizon
from modnet.runs.folder import EXPERIMENT, PARAMS, check_files, check_is_run, claim, read_ending, read_experiment
from modnet.runs.receipt import Receipt, Results
from modnet.runs.recorder import RunRecorder, begin_run
from modnet.runs.surroundings import OBSERVER
from modnet.text import printable, quote_argument
from modnet.types import Status


@click.command(cls=Command)
@click.argument("run", type=RunPath())
@click.option("--iterations", type=click.IntRange(0), help="Iterations in all: a finished run is lengthened.")
@click.option("--accept", is_flag=True, help="Continue by other code or libraries; the receipt records them.")
@progress_options
@plugin_options
def resume(
    run: Path,
    iterations: int | None,
    *,
    accept: bool,
    every: int | None,
    quiet: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Continue RUN from its last checkpoint.

    RUN was interrupted, was killed or failed; with --iterations it may have finished. The parameters are the same, to
    the last bit, as if it had never stopped, if code and libraries are; where they are not, it stops and says what
    differs.
    """
    check_progress(every, quiet=quiet)
    check_is_run(run)
    with claim(run):
        check_files(run)
        if (run / PARAMS).exists():
            Receipt.read(run)  # a network without one, as of best-checkpoint, is not trained over
        ended = read_ending(run)
        if ended and not _can_be_lengthened(run, ended, iterations):
            echo(f"{run} has finished: there is nothing to resume")
            return
        load_all_plugins(read_toml(run / EXPERIMENT), run / EXPERIMENT, without, modules)
        if not quiet:
            tell(f"modnet {modnet.__version__}")
        wanted = read_experiment(run)
        with file_progress():
            data, wanted = read_data(wanted)
        changes = iterations is not None and iterations != wanted.training.iterations
        if iterations is not None:
            _check_schedule(run, wanted.optimizer, iterations)
            wanted = attrs.evolve(wanted, training=attrs.evolve(wanted.training, iterations=iterations))
        recorder = RunRecorder(run, wanted, data)
        start = recorder.load_checkpoint(accept=accept)
        if start and wanted.training.iterations < start.iteration:
            _refuse_fewer(run, start.iteration)
        if not quiet:
            describe(wanted, data)
            made = f"{start.iteration:,} of {wanted.training.iterations:,}" if start else "no"
            tell(f"resumes after {made} iterations")
        for difference in recorder.new_surroundings:
            if difference.part != OBSERVER:
                echo(f"changed since the run began, so the last bits may differ: {difference}", err=True)
        with begin_run(recorder) if changes else nullcontext():
            run_to_end(wanted, data, recorder, start, every=every, quiet=quiet)


def _can_be_lengthened(run: Path, ended: Results, iterations: int | None) -> bool:
    """Return whether so many iterations are more than an ended run has; raises where it cannot have more."""
    made = ended.iterations
    if ended.status is Status.DIVERGED:
        raise DataError(f"{run} has diverged after {made:,} iterations, and would again: try a smaller learning rate")
    if iterations is None or iterations == made:
        return False
    if ended.stop_reason:
        words = quote_argument(str(run / EXPERIMENT)), "--set", quote_argument("callbacks=[]")
        again = f"modnet train {' '.join(words)} --iterations {iterations}"
        why = f"was stopped after {made:,} iterations, {printable(ended.stop_reason, 200)}, and would be again"
        raise DataError(f"{run} {why}: train it without callbacks, {again}")
    if iterations < made:
        _refuse_fewer(run, made)
    if not (run / CHECKPOINT).is_file():
        why = "it has no checkpoint, as it is of an older modnet or one of many in a comparison"
        source, target = (quote_argument(str(path)) for path in (run / EXPERIMENT, f"{run}-{iterations}"))
        again = f"modnet train {source} --iterations {iterations} --out {target}"
        raise DataError(f"{run} cannot be lengthened: {why}: train it from the start, {again}")
    return True


def _check_schedule(run: Path, optimizer: Optimizer, iterations: int) -> None:
    """Raise SettingError where the learning rate of a run comes to 0 before so many iterations."""
    try:
        set_horizon(optimizer, iterations)
    except SettingError as error:
        why = error.mistakes[0].partition(":")[0]
        horizon = f"--set optimizer.lr.iterations={iterations} --iterations {iterations}"
        again = f"train it from the start, modnet train {quote_argument(str(run / EXPERIMENT))} {horizon}"
        raise SettingError([f"{why}: {again}"], "--iterations") from None


def _refuse_fewer(run: Path, made: int) -> NoReturn:
    raise SettingError([f"{run} has made {made:,} iterations already: give more"], "--iterations")

"""`modnet resume`: a run continued where it stopped."""

from __future__ import annotations

from pathlib import Path

import click

import modnet
from modnet.cli.options import load_all_plugins, plugin_options
from modnet.cli.output import echo
from modnet.cli.train import describe, run_to_end
from modnet.compose.experiment import read_data
from modnet.compose.toml import read_toml
from modnet.display.progress import file_progress
from modnet.errors import DataError
from modnet.runs.folder import EXPERIMENT, check_is_run, claim, read_ending, read_experiment
from modnet.runs.integrity import check_files
from modnet.runs.recorder import RunRecorder
from modnet.runs.surroundings import OBSERVER
from modnet.types import Status


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--accept", is_flag=True, help="Continue by other code or libraries; the receipt records them.")
@plugin_options
def resume(run: Path, *, accept: bool, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Continue RUN from its last checkpoint.

    RUN was interrupted, was killed or failed. The parameters are the same, to the last bit, as if it had never stopped,
    if code and libraries are; where they are not, it stops and says what differs.
    """
    check_is_run(run)
    with claim(run):
        ended = read_ending(run)
        check_files(run)
        if ended:
            if ended["status"] == Status.DIVERGED:
                made = ended["iterations"]
                raise DataError(
                    f"{run} has diverged after {made} iterations, and would again: try a smaller learning rate"
                )
            echo(f"{run} has finished: there is nothing to resume")
            return
        load_all_plugins(read_toml(run / EXPERIMENT), run / EXPERIMENT, without, modules)
        echo(f"modnet {modnet.__version__}")
        wanted = read_experiment(run)
        with file_progress():
            data, wanted = read_data(wanted)
        recorder = RunRecorder(run, wanted, data)
        start = recorder.load_checkpoint(accept=accept)
        describe(wanted, data)
        made = f"{start.iteration:,} of {wanted.training.iterations:,}" if start else "no"
        echo(f"resumes after {made} iterations")
        for difference in recorder.new_surroundings:
            if difference.part != OBSERVER:
                echo(f"changed since the run began, so the last bits may differ: {difference}", err=True)
        run_to_end(wanted, data, recorder, start)

"""The progress of runs, on a terminal and elsewhere."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import attrs
import modnet_progress.terminal
import pytest
from click.testing import CliRunner
from modnet_progress.rows import format_epoch
from modnet_progress.terminal import RunProgress
from processes import wait_until

from modnet import History, Status
from modnet.cli.main import modnet_command
from modnet.interfaces import Metric
from modnet.text import format_duration, format_metric, measure_width


@attrs.define
class Run:
    iteration: int = 0
    iterations: int = 1000
    epoch: float = 0.0
    seconds: float = 12.0
    status: Status = Status.RUNNING
    params: Any = None
    history: History = attrs.field(factory=History)
    metrics: tuple[Metric, ...] = ()

    @property
    def loss(self) -> float | None:
        return self.history.loss[-1] if self.history.loss else None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_first_epoch() -> Run:
    return Run(
        600,
        epoch=1.0,
        history=History([2.0, 1.0] * 300, [600], {"train_accuracy": [0.9012], "test_accuracy": [0.9054]}),
    )


def test_the_row_is_the_books_line_in_a_table() -> None:
    assert format_epoch(at_first_epoch()) == (
        "epoch 1.0  iteration   600  loss 1.5000  train acc, test acc | 0.9012, 0.9054"
    )


def test_the_rows_loss_is_the_mean_since_the_row_before() -> None:
    run = at_first_epoch()
    run.history.loss += [0.5, 0.25]
    run.history.record(602, {"train_accuracy": 0.5, "test_accuracy": 0.5})
    assert "loss 0.3750" in format_epoch(run)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.0 ms"),
        (0.04, "40.0 ms"),
        (9.94, "9.9 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (172800, "2 d"),
        (119.6, "2 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_elsewhere_than_on_a_terminal_there_are_plain_lines_only() -> None:
    out = io.StringIO()
    with RunProgress(out) as report:
        run = at_first_epoch()
        report.run_started(run)
        report.epoch_ended(run)
    assert out.getvalue() == format_epoch(run) + "\n"


def test_a_long_epoch_gives_signs_of_life_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modnet_progress.terminal, "SIGN_OF_LIFE", 0.05)
    out = io.StringIO()
    with RunProgress(out) as report:
        report.run_started(Run(10, seconds=20.0, history=History([2.3])))
        wait_until(lambda: "iteration 10" in out.getvalue())
    assert "\niteration 10 of 1,000  loss 2.3000  33 min left\n" in out.getvalue()


def print_start_of(run: Run, expected: str = "") -> str:
    out = io.StringIO()
    with RunProgress(out) as report:
        report.run_started(run)
        wait_until(lambda: expected in out.getvalue())
        time.sleep(0.3)  # for what is not expected
    return out.getvalue()


def test_a_run_longer_than_a_minute_says_so_at_its_beginning_and_once() -> None:
    expected = "this will take about 33 min, 2.0 s for each iteration\n"
    assert print_start_of(Run(10, seconds=20.0), expected) == expected


@pytest.mark.parametrize("run", [Run(100, seconds=5.0), Run(2, seconds=0.5), Run(0, seconds=90.0)])
def test_a_short_run_says_nothing_nor_one_that_has_only_just_begun(run: Run) -> None:
    assert print_start_of(run) == ""


def test_on_a_terminal_a_bar_shows_the_time_left_and_rows_stay() -> None:
    out = Terminal()
    with RunProgress(out) as report:
        run = at_first_epoch()
        report.run_started(run)
        wait_until(lambda: "600/1000" in out.getvalue())
        report.epoch_ended(run)
    shown = out.getvalue()
    assert "600/1000" in shown
    assert "time left" in shown
    assert format_epoch(run) in shown


def test_no_thread_is_left_when_the_run_fails() -> None:
    report = RunProgress(io.StringIO())
    with pytest.raises(ZeroDivisionError), report:  # noqa: PT012 - the run is what fails
        report.run_started(Run())
        raise ZeroDivisionError
    assert report._thread
    assert not report._thread.is_alive()


def train_on_a_table(folder: Path, *options: str) -> str:
    path = folder / "table.csv"
    path.write_text("a,b,label\n" + "".join(f"{i},{-i % 7},{'xy'[i % 2]}\n" for i in range(40)))
    done = CliRunner().invoke(modnet_command, ["train", "--data", str(path), "--out", str(folder / "run"), *options])
    assert done.exit_code == 0
    return done.output


def list_epochs(shown: str) -> list[float]:
    return [float(line.split()[1]) for line in shown.splitlines() if line.startswith("epoch")]


def test_a_small_table_has_no_row_for_each_of_its_hundreds_of_epochs(tmp_path: Path) -> None:
    epochs = list_epochs(train_on_a_table(tmp_path))
    assert (epochs[0], epochs[-1]) == (3.1, 1562.5)  # a batch takes each of 32 samples about three times
    assert 20 <= len(epochs) <= 42
    assert [epoch // 50 for epoch in epochs[1:-1]] == [*range(1, 32)]


def test_every_says_which_epochs_have_a_row(tmp_path: Path) -> None:
    assert list_epochs(train_on_a_table(tmp_path, "--iterations", "15", "--every", "20")) == [21.9, 40.6, 46.9]


def test_a_quiet_run_prints_how_it_ended_alone(tmp_path: Path) -> None:
    lines = train_on_a_table(tmp_path, "--iterations", "25", "--quiet").splitlines()
    assert [line.split()[0] for line in lines] == ["finished", "only", "saved"]  # a diagnosis is no progress


@pytest.mark.parametrize("column", ["accuracy", "r2", "mean_absolute_percentage_error", "비율의_제곱근_평균"])
@pytest.mark.parametrize("value", [0.98, -1.23456e-300, 9.64e61, float("nan")])
@pytest.mark.parametrize("scale", [1, 1000, 10**9])
def test_a_row_fits_into_79_columns_whatever_is_in_it(column: str, value: float, scale: int) -> None:
    history = History([1e30] * 6, [3, 6], {f"train_{column}": [value] * 2, f"validation_{column}": [value] * 2})
    row = format_epoch(Run(6 * scale, 9 * scale, epoch=0.1 * scale, history=history))
    assert measure_width(row) <= 79
    assert f"{value:.3g}" in row or format_metric(value) in row

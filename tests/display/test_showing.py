"""Progress of training in Python, in a notebook, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import modnet_progress.line
import modnet_progress.notebook
import modnet_progress.showing
import numpy as np
import pytest
from modnet_progress.showing import find_place, follow
from processes import wait_until

import modnet

DATA = modnet.Dataset.from_arrays(np.eye(4)[[0, 1, 2, 3] * 5], [0, 1, 2, 3] * 5, test_fraction=0.2)


class Patient(modnet.Observer):
    """An observer that waits at the end of an epoch until the run is shown, however busy the machine is."""

    def __init__(self, is_shown: Callable[[], object]) -> None:
        self._is_shown = is_shown

    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        wait_until(lambda: bool(self._is_shown()))


def train(progress: Any = None, **given: Any) -> modnet.Run:
    settings: dict[str, Any] = {"iterations": 12, "batch_size": 4, **given}
    return modnet.train(modnet.Network([4, 3, 4], seed=0), DATA, progress=progress, **settings)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def has_values(self) -> bool:
        return "loss" in self.getvalue()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal()
    # Tests themselves have another stderr in each of their phases.
    monkeypatch.setattr(modnet_progress.showing, "sys", SimpleNamespace(stderr=found, modules=sys.modules))
    monkeypatch.setattr(modnet_progress.showing, "_is_test", lambda: False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(modnet_progress.line, "PATIENCE", 0.01)
    monkeypatch.setattr(modnet_progress.line, "EVERY", 0.01)
    return found


class Notebook:
    """The outputs of a notebook, each with what it showed one after the other."""

    def __init__(self) -> None:
        self.outputs: list[list[dict[str, str]]] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        self.outputs.append([bundle])
        return SimpleNamespace(update=self.update)

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.outputs[-1].append(bundle)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    found = Notebook()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=found.display))
    monkeypatch.setattr(modnet_progress.showing, "_is_test", lambda: False)
    monkeypatch.setattr(modnet_progress.notebook, "PATIENCE", 0.01)
    monkeypatch.setattr(modnet_progress.notebook, "EVERY", 0.01)
    return found


def test_tests_and_pipes_show_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert find_place(None) == "nowhere"
    train()
    assert capfd.readouterr() == ("", "")


def test_a_pipe_has_lines_where_they_are_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    train(True)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("epoch 3.0")


def test_a_terminal_has_a_line_that_ends_with_the_results(terminal: Terminal) -> None:
    run = train(observer=Patient(terminal.has_values), iterations=24)
    lines = terminal.getvalue().split("\r")
    assert any("━" in line and "loss" in line for line in lines)
    assert lines[-1].startswith("trained 24 iterations in ")
    assert f"test accuracy {run.history.test_accuracy[-1]:.4f}" in lines[-1]
    assert lines[-1].endswith("\n")
    assert terminal.getvalue().count("\n") == 1


def test_a_terminal_shows_nothing_of_a_run_that_is_over_in_a_moment(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_place(False) == "nowhere"
    train(False)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(modnet_progress.line, "PATIENCE", 60)
    train(iterations=1)
    assert terminal.getvalue() == ""


def test_a_terminal_without_utf_8_has_a_plain_bar(terminal: Terminal) -> None:
    terminal.encoding = "cp1252"
    train(True, observer=Patient(lambda: "###" in terminal.getvalue()))
    assert "━" not in terminal.getvalue()
    assert "###." in terminal.getvalue()


def test_a_terminal_that_is_gone_ends_no_run(terminal: Terminal) -> None:
    terminal.close()
    assert train(True).iteration == 12


def test_threads_and_shells_that_only_seem_to_be_terminals_show_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_place(None) == "terminal"
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(find_place(None)))
    thread.start()
    thread.join()
    with monkeypatch.context() as changed:
        changed.setitem(sys.modules, "idlelib.run", SimpleNamespace())
        found.append(find_place(None))
    with monkeypatch.context() as changed:
        changed.setenv("TERM", "dumb")
        found.append(find_place(None))
    with monkeypatch.context() as changed:
        changed.setattr(modnet_progress.showing.sys, "stderr", None)
        found.append(find_place(None))
    assert found == ["nowhere"] * 4


def test_a_notebook_has_one_output_that_is_updated_and_stays(notebook: Notebook) -> None:
    run = train(observer=Patient(lambda: notebook.outputs), iterations=40)
    assert len(notebook.outputs) == 1
    first, *_, last = notebook.outputs[0]
    assert 'class="bar"' in first["text/html"]
    assert 'class="bar"' not in last["text/html"]
    assert "<polyline" in last["text/html"]
    assert f"{run.history.test_accuracy[-1]:.4f}" in last["text/html"]
    assert last["text/plain"].startswith("trained 40 iterations in ")


def test_a_notebook_shows_a_short_run_only_where_it_is_asked_for(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modnet_progress.notebook, "PATIENCE", 60)
    train(iterations=1)
    assert notebook.outputs == []
    train(True, iterations=1)
    assert notebook.outputs[0][-1]["text/plain"].startswith("trained 1 iteration in ")


def test_an_interrupted_run_leaves_its_display_whole(notebook: Notebook) -> None:
    class Impatient(modnet.Observer):
        def epoch_ended(self, run: modnet.ObservedRun) -> None:
            wait_until(lambda: bool(notebook.outputs))
            raise KeyboardInterrupt

    with pytest.raises(modnet.TrainingInterrupted):
        train(observer=Impatient())
    assert notebook.outputs[0][-1]["text/plain"].startswith("interrupted after 4 of 12 iterations")
    assert not [thread for thread in threading.enumerate() if thread.name == "modnet progress"]


def test_a_notebook_that_refuses_a_display_ends_no_run(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the frontend is gone")

    monkeypatch.setattr(notebook, "display", refuse)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=refuse))
    assert train(True).iteration == 12


def test_the_names_of_metrics_are_text_in_a_notebook(notebook: Notebook) -> None:
    run = SimpleNamespace(
        iteration=4,
        iterations=4,
        epoch=1.0,
        seconds=1.0,
        status=modnet.Status.FINISHED,
        history=modnet.History([1.0], [4], {"test_accuracy": [0.5]}),
        metrics=(SimpleNamespace(column="accuracy", title="<script>"),),
    )
    shown = modnet_progress.notebook.NotebookProgress(at_once=True)
    shown.run_started(run)  # type: ignore[arg-type]
    shown.run_ended(run)  # type: ignore[arg-type]
    assert "<script>" not in notebook.outputs[0][-1]["text/html"]
    assert "&lt;script&gt;" in notebook.outputs[0][-1]["text/html"]


def test_an_observer_takes_the_place_of_what_is_shown(notebook: Notebook) -> None:
    class Counting:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def epoch_ended(self, run: modnet.ObservedRun) -> None:
            self.seen.append(f"epoch {run.epoch:.0f}")

        def run_ended(self, run: modnet.ObservedRun) -> None:
            self.seen.append(str(run.status))

    counting = Counting()
    train(counting)
    assert counting.seen == ["epoch 1", "epoch 2", "epoch 3", "finished"]
    assert notebook.outputs == []


def test_what_is_no_progress_is_refused() -> None:
    with pytest.raises(modnet.SettingError, match=r"progress: must be True, False, None or an observer.*: 'yes'"):
        train("yes")
    with pytest.raises(modnet.SettingError, match="progress: must be True, False, None or an object with the methods"):
        modnet.compare({"training": {"iterations": 1}}, {"hidden": [2]}, seeds=1, progress=3)  # type: ignore[arg-type]


def test_progress_changes_no_bit_of_a_run(notebook: Notebook) -> None:
    shown, silent = train(True), train(False)
    assert all(np.array_equal(shown.params[name], silent.params[name]) for name in silent.params)


def test_many_runs_are_shown_in_a_notebook(notebook: Notebook) -> None:
    quick = {"gradient": "backpropagation", "training": {"iterations": 2, "batch_size": 5}}
    with modnet.train_grid(quick, {"hidden": [2, 3]}, seeds=1, workers=1):
        pass
    assert len(notebook.outputs) == 1
    assert notebook.outputs[0][0]["text/plain"] == "0 of 2 runs"
    assert notebook.outputs[0][-1]["text/plain"].startswith("2 of 2 runs, in ")
    assert "hidden 3, seed 0: test accuracy" in notebook.outputs[0][-1]["text/html"]


def test_a_failure_of_the_observer_ends_the_display(notebook: Notebook) -> None:
    class Broken(modnet.Observer):
        def run_started(self, run: modnet.ObservedRun) -> None:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        train(True, observer=Broken())
    assert not [thread for thread in threading.enumerate() if thread.name == "modnet progress"]


def test_follow_returns_the_observer_itself_where_nothing_is_shown() -> None:
    observer = modnet.Observer()
    assert follow(observer, None) is observer

"""The built-in callbacks: what they decide, record and write, and what they refuse."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import modnet
from modnet import Callback, Dataset, Record, ScaleRate, SettingError, Stop
from modnet.nn.checkpoint import Checkpoint, Checkpoints, hash_params, load_params
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network

T = np.arange(60) % 3
X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[T] + 0.4 * np.sin(np.arange(120)).reshape(60, 2)
BLOBS = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:])).with_validation(0.25)
SGD = modnet.optimizer("momentum", lr=0.1)
EPOCH = 4  # 36 training rows in batches of 9


def train(*callbacks: Callback, iterations: int = 43, optimizer: Any = SGD, **given: Any) -> Any:
    given = {"metrics": [modnet.metric("accuracy")], **given}
    net = modnet.Network([2, 6, 3], hidden="tanh", weight_init_std=0.5, seed=3)
    settings, estimator = TrainingSettings(batch_size=9, iterations=iterations), modnet.gradient("backpropagation")
    return train_network(net, BLOBS, estimator, optimizer, settings, callbacks=callbacks, **given)


def from_disk(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Return a checkpoint as another process reads it."""
    folder.mkdir(exist_ok=True)
    Checkpoints(folder).save(checkpoint)
    found = Checkpoints(folder).load()
    assert found
    return found[0]


class Seen(NamedTuple):
    """A run as a callback sees it whose column takes the values of a list, one an epoch."""

    history: modnet.History
    iteration: int
    rate: float | None
    params: dict[str, Any]
    data: Dataset = BLOBS
    grads: Any = None
    optimizer: Any = SGD
    metrics: tuple[Any, ...] = (modnet.metric("accuracy"), modnet.metric("log-loss"))


def follow(callback: Callback, values: list[float], column: str = "validation_loss", rate: float = 1.0) -> list[Any]:
    """Return what a callback decides after each value, and at last what it returns at the end."""
    history = modnet.History(columns={column: []})
    state = callback.init(Seen(history, 0, None, {}))  # type: ignore[arg-type]
    decisions: list[Any] = []
    for epoch, value in enumerate(values, start=1):
        history.record(epoch, {column: value})
        run: Any = Seen(history, epoch, rate, {"W1": np.array([float(epoch)])})
        state, decision = callback.on_epoch(run, state)
        rate *= decision.factor if isinstance(decision, ScaleRate) else 1
        decisions.append(decision)
    end = callback.on_end(run, state)
    return [*decisions, end and float(end["W1"][0])]


def best_of(values: list[float], patience: int, min_delta: float, sign: int) -> tuple[int | None, int | None]:
    """Return after how many epochs a run is to be stopped, and the best epoch until then."""
    best: tuple[float, int | None] = (math.nan, None)
    for epoch, value in enumerate(values, start=1):
        if not math.isnan(value) and (best[1] is None or sign * (value - best[0]) > min_delta):
            best = value, epoch
        elif epoch - (best[1] or 0) >= patience:
            return epoch, best[1]
    return None, best[1]


class TestEarlyStopping:
    @pytest.mark.parametrize("column", ["validation_loss", "validation_accuracy", "train_log_loss"])
    @pytest.mark.parametrize("patience", [1, 2, 4])
    @pytest.mark.parametrize("min_delta", [0.0, 0.3])
    def test_it_stops_after_the_epochs_without_a_better_value(
        self, column: str, patience: int, min_delta: float
    ) -> None:
        draw = np.random.default_rng(patience)
        for _ in range(20):
            values = draw.choice([0.0, 0.1, 0.5, 0.7, 1.0, math.nan], size=9).tolist()
            callback = modnet.callback("early-stopping", monitor=column, patience=patience, min_delta=min_delta)
            epoch, _ = best_of(values, patience, min_delta, 1 if column.endswith("accuracy") else -1)
            *decisions, _ = follow(callback, values, column)
            stops = [number for number, decision in enumerate(decisions, start=1) if isinstance(decision, Stop)]
            assert stops[:1] == ([epoch] if epoch else [])

    @pytest.mark.parametrize(
        ("values", "restore_best", "end"),
        [
            ([3.0, 1.0, 2.0, 2.0], True, 2.0),
            ([3.0, 1.0, 2.0, 2.0], False, None),
            ([3.0, 2.0, 1.0], True, None),  # the last parameters are the best
            ([math.nan, math.nan], True, None),
            ([math.nan, 1.0, 1.0], True, 2.0),
        ],
    )
    def test_a_run_ends_with_the_best_parameters(
        self, values: list[float], restore_best: bool, end: float | None
    ) -> None:
        callback = modnet.callback("early-stopping", patience=9, restore_best=restore_best)
        assert follow(callback, values)[-1] == end

    def test_it_says_why(self) -> None:
        callback = modnet.callback("early-stopping", patience=2)
        said = [follow(callback, values)[-2] for values in ([0.25, 0.5, 0.5], [math.nan, math.nan])]
        assert [stop.reason for stop in said] == [
            "validation_loss was best at iteration 1, 0.25, 2 epochs ago",
            "validation_loss was no number in 2 epochs",
        ]

    def test_a_run_that_it_stops_has_finished_with_the_best_parameters(self) -> None:
        run = train(modnet.callback("early-stopping", patience=2), iterations=2000)
        column, at = run.history.validation_loss, run.history.evaluated_at
        best = int(np.argmin(column[:-1]))
        assert run.status == "finished"
        assert run.iteration == at[-1] == at[-2] == at[best] + 2 * EPOCH < 2000
        assert column[-1] == column[best]
        assert hash_params(run.params) == hash_params(train(iterations=at[best]).params)

    def test_a_run_may_end_with_better_parameters_than_those_of_any_epoch(self) -> None:
        run = train(modnet.callback("early-stopping"), iterations=EPOCH + 3)
        assert run.history.validation_loss[1] < run.history.validation_loss[0]
        assert run.history.evaluated_at == [EPOCH, EPOCH + 3]

    @pytest.mark.parametrize(
        ("monitor", "said"),
        [
            ("test_loss", "no decision may look at: choose validation_loss"),
            ("test_accuracy", "no decision may look at: choose validation_accuracy"),
            ("loss", "must begin with validation_ or train_"),
            ("validation_r2", "the history has no 'validation_r2': available: "),
            ("train_loss", "the history has no 'train_loss': available: .*validation_loss"),
        ],
    )
    @pytest.mark.parametrize("name", ["early-stopping", "reduce-on-plateau"])
    def test_other_columns_are_refused_at_the_start(self, name: str, monitor: str, said: str) -> None:
        with pytest.raises(SettingError, match=said):
            train(modnet.callback(name, monitor=monitor), iterations=0)

    def test_it_takes_a_validation_part_where_its_column_is_of_that(self) -> None:
        data = BLOBS.with_parts({name: BLOBS.parts[name] for name in ("train", "test")})
        net = modnet.Network([2, 3, 3])
        with pytest.raises(SettingError, match=r"with_validation\(0\.1\)"):
            modnet.train(net, data, callbacks=["early-stopping"])
        by_training = modnet.callback("early-stopping", monitor="train_accuracy", patience=1)
        assert modnet.train(net, data, callbacks=[by_training], iterations=20, batch_size=8).status == "finished"


class TestReduceOnPlateau:
    @pytest.mark.parametrize(
        ("settings", "values", "rates"),
        [
            ({"patience": 2}, [1, 1, 1, 1, 1], [1, 1, 0.1, 0.1, 0.01]),
            ({"patience": 2}, [1, 1, 0.5, 1, 1], [1, 1, 1, 1, 0.1]),
            ({"patience": 1, "factor": 0.5, "cooldown": 1}, [1, 1, 1, 1, 1], [1, 0.5, 0.5, 0.25, 0.25]),
            ({"patience": 1, "cooldown": 2}, [1, 1, 0.5, 1, 1], [1, 0.1, 0.1, 0.1, 0.01]),
            ({"patience": 1, "factor": 0.5, "minimum": 0.3}, [1, 1, 1, 1], [1, 0.5, 0.3, 0.3]),
            ({"patience": 1, "minimum": 2.0}, [1, 1, 1], [1, 1, 1]),
            ({"patience": 1, "min_delta": 0.2}, [1, 0.9, 0.7], [1, 0.1, 0.1]),
            ({"patience": 1, "monitor": "validation_accuracy"}, [0.5, 0.6, 0.6], [1, 1, 0.1]),
        ],
    )
    def test_the_rate_follows_the_column(
        self, settings: dict[str, Any], values: list[float], rates: list[float]
    ) -> None:
        callback = modnet.callback("reduce-on-plateau", **settings)
        decisions = follow(callback, values, settings.get("monitor", "validation_loss"))[:-1]
        factors = [decision.factor if decision else 1.0 for decision in decisions]
        assert np.cumprod(factors) == pytest.approx(rates)

    def test_a_run_continues_at_the_smaller_rate(self) -> None:
        run = train(modnet.callback("reduce-on-plateau", min_delta=10.0, patience=3), iterations=40)
        assert run.rate == pytest.approx(0.001)

    def test_the_rate_never_vanishes(self) -> None:
        factors = follow(modnet.callback("reduce-on-plateau", patience=1), [1.0] * 400)[:-1]
        assert np.prod([decision.factor for decision in factors if decision]) == pytest.approx(1e-8)

    def test_an_optimizer_without_a_rate_is_refused_at_the_start(self) -> None:
        class NoRate(modnet.Optimizer):
            def init(self, params: Any) -> None: ...

            def step(self, params: Any, grads: Any, state: Any) -> Any: ...

        with pytest.raises(SettingError, match="this optimizer has none: choose another"):
            train(modnet.callback("reduce-on-plateau"), optimizer=NoRate(), iterations=0)


class TestGradientReport:
    def test_norms_and_the_share_above_a_threshold_are_columns(self) -> None:
        norms: list[float] = []

        class Look(Callback):
            def on_iteration(self, run: Any, state: Any) -> Any:
                norms.append(float(np.sqrt(sum((g**2).sum() for g in run.grads.values()))))
                return state, None

        threshold = 0.5
        run = train(Look(), modnet.callback("gradient-report", threshold=threshold))
        rows = [norms[k - EPOCH : k] for k in run.history.evaluated_at[:-1]]
        assert run.history.gradient_norm[:-1] == pytest.approx([np.mean(row) for row in rows])
        assert run.history.gradient_norm_max[:-1] == pytest.approx([max(row) for row in rows])
        shares = [np.mean(np.array(row) > threshold) for row in rows]
        assert run.history.clipping_share[:-1] == shares
        assert 0 < np.mean(shares) < 1
        assert math.isnan(run.history.gradient_norm[-1])  # the end of the run is no end of an epoch

    def test_an_epoch_whose_gradient_overflows_has_no_norm(self) -> None:
        history, report = modnet.History(columns={}), modnet.callback("gradient-report")
        overflown: Any = Seen(history, 1, 0.1, {}, grads={"W1": np.array([math.inf])})
        state, _ = report.on_iteration(overflown, report.init(overflown))
        assert report.on_epoch(overflown, state) == (report.init(overflown), None)

    def test_without_a_threshold_there_is_no_share(self) -> None:
        assert "clipping_share" not in train(modnet.callback("gradient-report")).history.columns


class TestLossReport:
    @pytest.mark.parametrize("rows", [None, 5])
    @pytest.mark.parametrize("weight_decay", [0.0, 0.3])
    def test_it_records_the_loss_of_each_part_by_the_parameters_after_the_epoch(
        self, rows: int | None, weight_decay: float
    ) -> None:
        report = modnet.callback("loss-report", rows=rows, weight_decay=weight_decay)
        run, some = train(report, iterations=2 * EPOCH), slice(rows)
        net = run.network
        penalty = weight_decay / 2 * sum((net.params[name] ** 2).sum() for name in ("W1", "W2"))
        for name in ("train", "test"):
            part = BLOBS.parts[name]
            wanted = net.loss(part.x[some], part.t[some]) + penalty
            assert run.history.columns[f"{name}_loss"][-1] == pytest.approx(wanted, rel=1e-12)
        assert len(run.history.train_loss) == 2

    def test_rows_and_classes_have_their_weights_in_the_loss_of_training(self) -> None:
        weights = np.arange(48.0)
        data = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:]), class_weight={1: 5}, weights=[weights, None])
        net = modnet.Network([2, 6, 3], hidden="tanh", weight_init_std=0.5, seed=3)
        run = modnet.train(net, data, iterations=4, batch_size=12, callbacks=["loss-report"])
        wanted = run.network.loss(data.train.x, data.train.t, weights * np.where(T[:48] == 1, 5, 1))
        assert run.history.train_loss[-1] == pytest.approx(wanted, rel=1e-12)
        assert run.history.test_loss[-1] == pytest.approx(run.network.loss(data.test.x, data.test.t), rel=1e-12)

    def test_a_part_without_rows_and_a_loss_that_is_not_finite_have_no_column(self) -> None:
        data = Dataset.from_arrays(X, T, test_fraction=0)
        net = modnet.Network([2, 3], output="softmax", loss=modnet.loss("cross-entropy", eps=0))
        run = modnet.train(net, data, iterations=5, batch_size=30, callbacks=["loss-report"])
        assert "test_loss" not in run.history.columns
        assert math.isfinite(run.history.train_loss[0])
        net.params["W1"] = np.full((2, 3), np.nan)
        seen: Any = SeenNetwork(net, data)
        assert modnet.callback("loss-report").on_epoch(seen, None) == (None, None)


class SeenNetwork(NamedTuple):
    """A run as far as the report of losses sees it."""

    network: Any
    data: Dataset


class TestStopOnPlateau:
    @pytest.mark.parametrize(
        ("losses", "epochs"),
        [
            ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], None),
            ([1.0, 0.95, 0.91, 0.87, 0.86], 3),  # each by less than 0.1, though more in all
            ([1.0, 1.2, 0.85, 0.84, 0.7, 0.69, 0.75], 7),
        ],
    )
    def test_it_counts_epochs_without_progress(self, losses: list[float], epochs: int | None) -> None:
        stop, history = modnet.callback("stop-on-plateau", tol=0.1 - 1e-9, patience=2), modnet.History()
        run = Seen(history, 0, None, {})
        state, stopped = stop.init(run), None  # type: ignore[arg-type]
        for epoch, loss in enumerate(losses, start=1):
            history.loss += [loss - 0.5, loss + 0.5]
            state, decision = stop.on_epoch(run._replace(iteration=2 * epoch), state)  # type: ignore[arg-type]
            stopped = stopped or (epoch if decision else None)
        assert stopped == epochs

    def test_it_stops_a_run_and_says_why(self) -> None:
        run = train(modnet.callback("stop-on-plateau", tol=10.0, patience=3), iterations=100)
        assert run.iteration == 4 * EPOCH
        assert run.stop_reason == "the training loss fell by less than 10 in each of 3 epochs"


class TestTimeLimit:
    def test_it_stops_a_run_and_counts_the_time_before(self) -> None:
        run = train(modnet.callback("time-limit", seconds=0.05), iterations=10**7)
        assert run.stop_reason == "0.05 seconds are over"
        again = train(modnet.callback("time-limit", seconds=0.05), iterations=10**7, start=run.checkpoint)
        assert again.iteration == run.iteration


def read_lines(path: Path) -> list[dict[str, Any]]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


class TestJsonLog:
    def test_epochs_and_the_end_are_lines(self, tmp_path: Path) -> None:
        run = train(modnet.callback("json-log"), iterations=10, folder=tmp_path)
        lines = read_lines(tmp_path / "log.jsonl")
        assert [(line["event"], line["iteration"]) for line in lines] == [("epoch", 4), ("epoch", 8), ("end", 10)]
        loss = run.history.loss
        means = [np.mean(part) for part in (loss[:4], loss[4:8], loss[8:])]
        assert [line["loss"] for line in lines] == pytest.approx(means)
        for name, values in run.history.columns.items():
            assert [line[name] for line in lines] == values
        assert {line["rate"] for line in lines} == {0.1}
        assert lines[-1]["stop_reason"] == ""

    def test_iterations_are_lines_on_request_and_no_number_is_null(self, tmp_path: Path) -> None:
        class Half(Callback):
            def on_epoch(self, run: Any, state: Any) -> Any:
                return state, Record({"odd": 1.0})

        path = tmp_path / "new" / "lines.jsonl"
        train(Half(), modnet.callback("json-log", path=str(path), iterations=True), iterations=6)
        lines = read_lines(path)
        assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 4, 5, 6, 6]
        assert (lines[4]["odd"], lines[-1]["odd"]) == (1.0, None)

    @pytest.mark.parametrize("stop", [0, 3, 4, 7, 12, 20])
    def test_a_resumed_run_continues_it(self, tmp_path: Path, stop: int) -> None:
        log = modnet.callback("json-log", iterations=True)
        train(log, iterations=20, folder=tmp_path / "whole")
        first = train(log, iterations=stop, folder=tmp_path / "half")
        with (tmp_path / "half" / "log.jsonl").open("a") as file:
            file.write('{"torn": ')  # by a process that was killed
        train(log, iterations=20, folder=tmp_path / "half", start=from_disk(first.checkpoint, tmp_path / "half"))
        whole, half = (read_lines(tmp_path / name / "log.jsonl") for name in ("whole", "half"))
        assert [{**line, "seconds": 0} for line in whole] == [{**line, "seconds": 0} for line in half]

    def test_a_log_that_has_lost_lines_is_not_continued(self, tmp_path: Path) -> None:
        log = modnet.callback("json-log")
        start = train(log, iterations=10, folder=tmp_path).checkpoint
        (tmp_path / "log.jsonl").write_text("")
        with pytest.raises(modnet.DataError, match="has 0 bytes, and the run has written"):
            train(log, iterations=20, folder=tmp_path, start=start)

    @pytest.mark.parametrize("name", ["json-log", "tensorboard"])
    def test_a_run_without_a_folder_needs_a_path(self, name: str) -> None:
        pytest.importorskip("tensorboard")
        with pytest.raises(SettingError, match=rf"give it a path, modnet\.callback\('{name}', path="):
            train(modnet.callback(name), iterations=0)

    @pytest.mark.parametrize("path", ["../log.jsonl", "{folder}/../log.jsonl", "link/log.jsonl"])
    def test_nothing_is_written_out_of_a_runs_folder(self, tmp_path: Path, path: str) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "link").symlink_to(tmp_path)
        log = modnet.callback("json-log", path=path.format(folder=tmp_path / "run"))
        with pytest.raises(SettingError, match="leads out of the run's folder"):
            train(log, folder=tmp_path / "run")
        assert not (tmp_path / "log.jsonl").exists()

    def test_only_lines_of_json_have_such_a_name(self) -> None:
        with pytest.raises(SettingError, match=r"'path' must end in \.jsonl"):
            modnet.callback("json-log", path="params.npz")


class TestBestCheckpoint:
    def test_the_best_parameters_are_in_a_folder_of_their_own(self, tmp_path: Path) -> None:
        (tmp_path / "experiment.toml").write_text("# of the run\n")
        run = train(modnet.callback("best-checkpoint"), iterations=200, folder=tmp_path)
        column, at = run.history.validation_loss, run.history.evaluated_at
        best = int(np.argmin(column))
        assert best < len(column) - 1
        params, about = load_params(tmp_path / "best" / "params.npz")
        assert hash_params(params) == hash_params(train(iterations=at[best]).params)
        assert about["classes"] == [0, 1, 2]
        assert (tmp_path / "best" / "experiment.toml").read_text() == "# of the run\n"

    def test_it_predicts(self, tmp_path: Path, call: Any) -> None:
        job = ("--data", "wine", "--iterations", "30", "--callback", "best-checkpoint")
        assert call("train", *job, "--out", "run", cwd=tmp_path).returncode == 0
        rows = modnet.load("wine").test.table[:3]
        np.savetxt(tmp_path / "rows.csv", rows, delimiter=",")
        done = call("predict", "run/best", "rows.csv", cwd=tmp_path)
        labels = [line.split(",")[1] for line in done.stdout.splitlines()[1:]]
        found = modnet.open_run(tmp_path / "run/best").predict(rows)
        assert labels == [str(label) for label in found] != []

    def test_a_resumed_run_saves_the_same(self, tmp_path: Path) -> None:
        callback, found = modnet.callback("best-checkpoint", monitor="validation_accuracy"), []
        for stop in (40, 1, 4, 21):
            first = train(callback, iterations=stop, folder=tmp_path)
            train(callback, iterations=40, folder=tmp_path, start=first.checkpoint)
            found.append((tmp_path / "best" / "params.npz").read_bytes())
        assert len(set(found)) == 1

    def test_a_run_without_a_folder_learns_what_to_do(self) -> None:
        with pytest.raises(SettingError, match="this run has none: train it by the command, modnet train, or choose"):
            train(modnet.callback("best-checkpoint"), iterations=0)

    @pytest.mark.parametrize("name", ["best-checkpoint", "json-log"])
    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path, name: str) -> None:
        for there in ("best", "log.jsonl"):
            (tmp_path / there / "params.npz").mkdir(parents=True)
        with pytest.raises(modnet.DataError, match="cannot be written: Is a directory"):
            train(modnet.callback(name), folder=tmp_path)


@pytest.fixture(scope="module")
def accumulator() -> Any:
    name = "tensorboard.backend.event_processing.event_accumulator"
    return pytest.importorskip(name, reason="tensorboard is not installed").EventAccumulator


def read_scalars(accumulator: Any, folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the scalars in a folder by tag, as TensorBoard shows them."""
    found = accumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


@pytest.mark.check
class TestTensorboard:
    BOARD = modnet.callback("tensorboard")

    def test_the_history_the_rate_and_the_loss_are_scalars(self, accumulator: Any, tmp_path: Path) -> None:
        run = train(self.BOARD, iterations=10, folder=tmp_path)
        scalars = read_scalars(accumulator, tmp_path / "tensorboard")
        assert scalars.keys() == {"loss", "rate", *run.history.columns}
        for name, values in run.history.columns.items():
            assert [step for step, _ in scalars[name]] == run.history.evaluated_at == [EPOCH, 2 * EPOCH, 10]
            assert [value for _, value in scalars[name]] == pytest.approx(values)
        assert [value for _, value in scalars["rate"]] == pytest.approx([0.1] * 3)
        assert scalars["loss"][-1][1] == pytest.approx(sum(run.history.loss[8:]) / 2)

    @pytest.mark.parametrize("torn", [False, True])
    @pytest.mark.parametrize("stop", [0, 3, 4, 7, 9, 20])
    def test_a_resumed_run_shows_each_step_once(self, accumulator: Any, tmp_path: Path, stop: int, torn: bool) -> None:
        whole, half = tmp_path / "whole", tmp_path / "half"
        train(self.BOARD, iterations=20, folder=whole)
        start = from_disk(train(self.BOARD, iterations=stop, folder=half).checkpoint, half)
        train(self.BOARD, iterations=20, until=stop + EPOCH, folder=half, start=start)  # whose checkpoint is lost
        if torn:
            last = max((half / "tensorboard").glob("*tfevents*"))
            last.write_bytes(last.read_bytes()[:-3])
        train(self.BOARD, iterations=20, folder=half, start=start)
        found, wanted = (read_scalars(accumulator, folder / "tensorboard") for folder in (half, whole))
        assert found == wanted
        (one,), (other,) = ([*(folder / "tensorboard").iterdir()] for folder in (half, whole))
        assert one.stat().st_size == other.stat().st_size


def test_without_the_extra_a_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(modnet.MissingExtraError, match=r"pip install 'modnet-workbench\[tensorboard\]'"):
        train(modnet.callback("tensorboard"), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []

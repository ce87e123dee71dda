"""The command line, as a process where that matters."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import Call, run_forked, run_modnet, run_on_terminal

import modnet

EXACT = ("--gradient", "backpropagation")
EXPLOSIVE = (
    *EXACT, "--iterations", "60", "--lr", "1e6",
    "--activation", "identity", "--output", "identity", "--loss", "mean-squared-error",
)  # fmt: skip
QUICK = ("--iterations", "5")

STEPS = """
import enum
import attrs
import modnet

class Pace(enum.Enum):
    SLOW = "slow"

@attrs.frozen
class Steps(modnet.Optimizer):
    pace: Pace = Pace.SLOW
    lr: float = 0.1

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        return {name: value - self.lr * grads[name] for name, value in params.items()}, state

@modnet.hookimpl
def register_optimizers(register):
    register(Steps)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """Return a folder that holds a finished run, `first`."""
    folder = tmp_path_factory.mktemp("cli")
    done = call("train", *EXACT, "--iterations", "600", "--out", "first", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_an_error_about_a_file_says_which_option_mends_it(tmp_path: Path, call: Call) -> None:
    (tmp_path / "table.csv").write_text("1,2,y\n3,4,n\n")
    for command, option in (
        (("train", "--data", "table.csv"), "data.header=true"),
        (("compare", "--data", "table.csv", "--hidden", "3,4"), "data.header=true"),
        (("data", "convert", "table.csv", "table.npz"), "data.header=true"),
    ):
        done = call(*command, cwd=tmp_path)
        asked, how = done.stderr.splitlines()
        assert asked.endswith("a header, or a row of data? Set header = true or header = false")
        assert how == f"as an option: --set {option}"
        again = call(*command, "--set", option, cwd=tmp_path)
        assert "a header, or a row of data?" not in again.stderr


class TestTrain:
    def test_the_main_job_needs_no_options(self, tmp_path: Path) -> None:
        done = run_forked("train", "--iterations", "60", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "5,000 training and 1,000 test samples, 784 features, 10 classes, features divided by 255" in done.stdout
        assert "784 -> 50 -> 10: sigmoid, softmax, cross-entropy; 39,760 parameters" in done.stdout
        rows = [line for line in done.stdout.splitlines() if "train acc, test acc | 0." in line]
        assert len(rows) == 2
        (folder,) = (tmp_path / "runs").iterdir()
        assert f"saved in {folder.relative_to(tmp_path)}" in done.stdout

    def test_the_headline_has_settings_as_they_are_written(self, tmp_path: Path, call: Call) -> None:
        (tmp_path / "my_steps.py").write_text(STEPS)
        done = call(
            "train", "-p", "my_steps", "--optimizer", "steps", "--iterations", "1", "--hidden", "2", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert ", steps(pace=slow, lr=0.1), 1 mini-batches" in done.stdout

    def test_a_dry_run_tells_the_time_for_every_estimator_and_writes_nothing(self, tmp_path: Path, call: Call) -> None:
        done = call("train", "--dry-run", "--activation", "gelu", "--hidden", "3", "--iterations", "900", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        summary, forecast, notes = done.stdout.split("\n\n")
        assert "dense(units=3)   3       W1 784x3, b1 3" in summary
        head, *rows = forecast.splitlines()
        assert head.split("  ")[0] == "gradient"
        assert "900 iterations" in head
        assert rows[0].startswith("central-difference *")
        assert sorted(row.split()[0] for row in rows) == modnet.compose.plugins.get_host().registry.names("gradient")
        assert next(r for r in rows if r.startswith("complex-step")).endswith("not here")
        assert "complex-step: the activation Gelu" in notes
        assert max(map(len, notes.splitlines())) <= 80
        assert not list(tmp_path.iterdir())

    def test_same_call_same_bits(self, tmp_path: Path, call: Call) -> None:
        digests = set()
        for name, process in (("a", run_forked), ("b", call)):
            assert process("train", *QUICK, "--out", name, cwd=tmp_path).returncode == 0
            digests.add(json.loads((tmp_path / name / "summary.json").read_text())["params_sha256"])
        assert len(digests) == 1

    def test_a_runs_experiment_file_makes_the_same_run_again(self, trained: Path, call: Call) -> None:
        assert call("train", "first/experiment.toml", "--out", "again", "--overwrite", cwd=trained).returncode == 0
        first, again = (json.loads((trained / n / "summary.json").read_text()) for n in ("first", "again"))
        assert first["params_sha256"] == again["params_sha256"]

    def test_options_change_single_entries_of_a_file(self, tmp_path: Path, call: Call) -> None:
        (tmp_path / "mine.toml").write_text(
            'seed = 3\n[network]\nhidden = [8, 6]\nactivation = ["relu", "tanh"]\n[optimizer]\nname = "adam"\n'
        )
        done = call(
            "train", "mine.toml", *QUICK, "--lr", "0.01", "--set", "optimizer.beta1=0.8", "--set", "loss.eps=1",
            "--out", "r", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 2
        assert "unknown setting 'loss'" in done.stderr
        done = call(
            "train", "mine.toml", *QUICK, "--lr", "0.01", "--set", "optimizer.beta1=0.8",
            "--set", "network.loss.eps=0.5", "--sampling", "shuffle", "--out", "r", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "784 -> 8 -> 6 -> 10: relu, tanh, softmax, cross-entropy" in done.stdout
        assert "adam(lr=0.01, beta1=0.8," in done.stdout
        written = (tmp_path / "r/experiment.toml").read_text()
        assert "eps = 0.5" in written
        assert 'sampling = "shuffle"' in written
        assert "seed = 3" in written

    def test_a_part_by_name_takes_its_settings_besides(self, tmp_path: Path, call: Call) -> None:
        arguments = ("--activation", "leaky-relu", "--set", "network.activation.slope=0.25", "--out", "r")
        done = call("train", *QUICK, *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "slope = 0.25" in (tmp_path / "r/experiment.toml").read_text()

    def test_a_module_beside_the_user_is_a_plugin(self, tmp_path: Path) -> None:
        (tmp_path / "beside.py").write_text(
            "import modnet\nclass Mine(modnet.DataSource):\n    reads_files = False\n"
            "    def read(self, path):\n        return modnet.load('mnist-small')\n"
            "@modnet.hookimpl\ndef register_data_sources(register):\n    register(Mine)\n"
        )
        done = run_forked("train", *QUICK, "-p", "beside", "--data", "mine", "--out", "r", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        done = run_forked("train", "r/experiment.toml", "--out", "again", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_all_mistakes_of_a_file_are_reported_at_once(self, tmp_path: Path, call: Call) -> None:
        (tmp_path / "bad.toml").write_text(
            'sed = 1\n[training]\nbatch_size = 0\niterations = "many"\n'
            '[network]\nhidden = [50]\nactivation = "sigmod"\n'
            '[optimizer]\nname = "sgd"\nlr = -1\n'
        )
        done = call("train", "bad.toml", cwd=tmp_path)
        assert done.returncode == 2
        for words in (
            "unknown setting 'sed', did you mean 'seed'?",
            "'batch_size' must be >= 1: 0",
            "'iterations' must be a whole number, not 'many'",
            "no activation 'sigmod', did you mean 'sigmoid'?",
            "'lr' must be > 0: -1",
        ):
            assert words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "runs").exists()

    @pytest.mark.parametrize(
        ("arguments", "words", "status"),
        [
            (("--data", "missing.csv"), "missing.csv: no such file, and no data set of that name", 2),
            (("--hidden", "50,x"), "--hidden: expected whole numbers joined by commas, found 'x'", 2),
            (("--gradient", "backprop"), "no gradient 'backprop', did you mean 'backpropagation'?", 2),
            (("--set", "lr"), "--set: expected KEY=VALUE, found 'lr'", 2),
            (
                ("--activation", "gelu", "--gradient", "complex-step"),
                "the activation Gelu(approximate=False) of layer 1",
                1,
            ),
            (("nowhere.toml",), "nowhere.toml: no such experiment file", 2),
            (("--iteration", "5"), "train: no option '--iteration', did you mean '--iterations'?", 2),
            (EXPLOSIVE, "learning rate", 1),
        ],
    )
    def test_a_mistake_is_a_line_on_standard_error(self, tmp_path: Path, arguments, words, status, call: Call) -> None:
        done = call("train", *QUICK, "--out", "r", *arguments, cwd=tmp_path)
        assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
        assert words in done.stderr

    def test_a_diverged_run_is_saved_as_such(self, tmp_path: Path, call: Call) -> None:
        assert call("train", *EXPLOSIVE, "--out", "r", cwd=tmp_path).returncode == 1
        assert json.loads((tmp_path / "r/summary.json").read_text())["status"] == "diverged"

    def test_ctrl_c_saves_what_was_learned(self, tmp_path: Path, call: Call) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "modnet", "train", "--iterations", "10000000", "--out", "r", *EXACT],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if "train acc" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert "interrupted after" in out
        summary = json.loads((tmp_path / "r/summary.json").read_text())
        assert summary["status"] == "interrupted"
        assert summary["iterations"] >= 50
        assert call("plot", "r", cwd=tmp_path).returncode == 0

    def test_on_a_terminal_there_is_a_bar_with_the_time_left(self, tmp_path: Path) -> None:
        shown = run_on_terminal("-m", "modnet", "train", "--iterations", "1000", "--out", "r", *EXACT, cwd=tmp_path)
        assert "/1000" in shown
        assert "time left" in shown
        assert "train acc, test acc | 0." in shown


class TestPredict:
    @pytest.fixture
    def digits(self, trained: Path) -> Path:
        data = modnet.load("mnist-small")
        path = trained / "digits.csv"
        rows = (data.test.x[:20] * 255).round().astype(int)
        path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
        return path

    def test_a_prediction_for_each_row(self, trained: Path, digits: Path, call: Call) -> None:
        done = call("predict", "first", digits.name, cwd=trained)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == "row,prediction"
        truth = modnet.load("mnist-small").test.t[:20]
        hits = sum(int(line.split(",")[1]) == t for line, t in zip(lines[1:], truth, strict=True))
        assert hits >= 12

    def test_labels_in_the_file_are_compared(self, trained: Path, call: Call) -> None:
        data = modnet.load("mnist-small")
        rows = (data.test.x[:50] * 255).round().astype(int)
        lines = ["label," + ",".join(f"pixel{i}" for i in range(784))]
        lines += [f"{t}," + ",".join(map(str, row)) for t, row in zip(data.test.t, rows, strict=False)]
        (trained / "labelled.csv").write_text("\n".join(lines) + "\n")
        done = call("predict", "first", "labelled.csv", "--json", "--probabilities", cwd=trained)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        first = answer["rows"][0]
        assert answer["accuracy"] == sum(r["prediction"] == r["label"] for r in answer["rows"]) / 50
        assert sum(first[f"output {k}"] for k in range(10)) == pytest.approx(1)

    def test_the_label_is_in_the_column_it_was_in(self, tmp_path: Path, call: Call) -> None:
        rows = [f"{k % 2},{i},{3 * (k % 2) + i / 9}" for k in range(30) for i in range(3)]
        (tmp_path / "train.csv").write_text("\n".join(["kind,shade,size", *rows]) + "\n")
        done = call("train", *QUICK, "--data", "train.csv", "--set", "data.label=kind", "--out", "r", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (tmp_path / "new.csv").write_text("kind,shade,size\n1,2,3.1\n0,1,0.2\n")
        done = call("predict", "r", "new.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "row,prediction,label"
        assert [line.split(",")[2] for line in done.stdout.splitlines()[1:]] == ["1", "0"]

    def test_a_file_of_another_width(self, trained: Path, call: Call) -> None:
        (trained / "narrow.csv").write_text("1,2,3\n4,5,6\n")
        done = call("predict", "first", "narrow.csv", "--set", "header=false", cwd=trained)
        assert done.returncode == 1
        assert "narrow.csv" in done.stderr
        assert "784" in done.stderr
        assert "Traceback" not in done.stderr

    def test_what_is_no_run(self, tmp_path: Path, call: Call) -> None:
        done = call("predict", "nothing", "digits.csv", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (
            1, "modnet: nothing: not the folder of a run, there is no experiment.toml in it\n"
        )  # fmt: skip


class TestPlot:
    @pytest.mark.parametrize("name", ["c.svg", "c.png", "c.pdf"])
    def test_curves_are_drawn_as_asked(self, trained: Path, name: str, call: Call) -> None:
        done = call("plot", "first", "--out", name, cwd=trained)
        assert (done.returncode, done.stdout) == (0, f"drawn in {name}\n")
        assert (trained / name).stat().st_size > 5000

    def test_another_format(self, trained: Path, call: Call) -> None:
        done = call("plot", "first", "--out", "c.bmp", cwd=trained)
        assert done.returncode == 2
        assert "a plot is written as png, svg, pdf, not 'bmp'" in done.stderr


class TestOthers:
    def test_the_entrances_agree(self, tmp_path: Path) -> None:
        script = Path(sys.executable).with_name("modnet")
        by_script = subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
        assert by_script == run_modnet("--version", cwd=tmp_path).stdout == f"modnet, version {modnet.__version__}\n"

    def test_help_names_every_command_and_train_every_part(self, tmp_path: Path, call: Call) -> None:
        out = call("--help", cwd=tmp_path).stdout
        assert all(command in out for command in ("train", "predict", "plot", "plugins"))
        out = "".join(call("train", "--help", cwd=tmp_path).stdout.split())  # however the lines are broken
        assert all(name in out for name in ("leaky-relu", "mean-squared-error", "central-difference", "nesterov"))

    def test_help_fits_into_80_columns_with_whole_summaries(self, tmp_path: Path, call: Call) -> None:
        pages = [()]
        for page in pages:
            lines = call(*page, "--help", cwd=tmp_path, COLUMNS="80").stdout.splitlines()
            assert max(map(len, lines)) <= 80
            listed = lines[lines.index("Commands:") + 1 :] if "Commands:" in lines else []
            assert not [line for line in listed if line.endswith("...")]
            pages += [(*page, line.split()[0]) for line in listed]
        assert {("train",), ("data", "show"), ("plugins", "doctor")} <= set(pages)

    def test_plugins_are_listed_as_json_too(self, tmp_path: Path) -> None:
        rows = json.loads(run_forked("plugins", "--json", cwd=tmp_path).stdout)
        built_in = {row["name"]: row for row in rows if row["distribution"] == "modnet"}
        assert {row["state"] for row in built_in.values()} == {"loaded"}
        assert {"kind": "optimizer", "name": "adam"} in built_in["optimizers"]["provides"]

    def test_a_plugin_can_be_left_out(self, tmp_path: Path) -> None:
        done = run_forked("train", "--without", "optimizers", *QUICK, cwd=tmp_path)
        assert done.returncode == 2
        assert "no optimizer 'sgd'" in done.stderr

    def test_output_cut_off_by_its_reader_is_no_traceback(self, trained: Path) -> None:
        command = f"{sys.executable} -m modnet plugins | head -n 1"
        done = subprocess.run(command, shell=True, cwd=trained, capture_output=True, text=True, check=True)  # noqa: S602
        assert done.stderr == ""

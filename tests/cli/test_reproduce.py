"""`modnet reproduce`: published results, their data and the verdicts on them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from processes import Call

from modnet.cli.reproduce.data import find_data
from modnet.cli.reproduce.results import DataFiles, Figure, create_published, find_published, list_published
from modnet.cli.reproduce.verdicts import judge
from modnet.comparison.grid import create_settings
from modnet.compose.tables import read_toml
from modnet.errors import DataError, ModnetError

MNIST = Path(__file__).parents[3] / "shared/data/mnist"
NAMES = list(list_published())
QUICK = """
title = "Points in two classes"
source = "A table of this test"
seconds = 1
seeds = 3

[experiment]
data = {{ path = "points.csv" }}
gradient = "backpropagation"
training = {{ iterations = 20 }}

[[figures]]
what = "test accuracy"
measure = "test_accuracy"
published = "{published}"
{within}
"""


@pytest.fixture
def write(points: Callable[..., Path], tmp_path: Path) -> Callable[..., None]:
    """Return a function that writes a result of points in two classes."""
    points(tmp_path / "points.csv")

    def write(published: str, within: str = "", more: str = "") -> None:
        text = QUICK.format(published=published, within=within) + more
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")

    return write


class TestResultsThatShip:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_can_be_read_and_run(self, name: str) -> None:
        path = find_published(name)
        result = create_published(read_toml(path), path)
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", result.name)
        assert re.search(r"[A-Z].*\(\d{4}[a-z]?\)", result.source)
        assert all(len(figure.what) <= 28 for figure in result.figures), "the table has 80 columns"
        if result.experiment is None:
            assert len(result.functions) == len(result.figures)
            assert all(figure.prints or result.seeds > 1 for figure in result.figures)
            return
        given = result.experiment.get("data", {})
        assert ("path" in given) <= (result.data is None)
        experiment = {**result.experiment, "data": {**given, **({"path": "found"} if result.data else {})}}
        labels = [setting.label for setting in create_settings(experiment, result.grid)]
        for figure in result.figures:
            assert len(labels) == 1 or figure.of in labels
            assert figure.minus in {None, *labels}
            assert figure.measure == "loss" or figure.measure.startswith(("train_", "test_", "validation_"))
            assert not figure.prints
            assert result.seeds > 1

    @pytest.mark.parametrize("name", ["book-derivatives", "squire-trapp"])
    def test_those_that_train_nothing_agree(self, call: Call, tmp_path: Path, name: str) -> None:
        done = call("reproduce", name, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith(f"{name}: all agree\n")
        assert "0.1999999999990898  0.1999999999990898  agrees" in done.stdout or name == "squire-trapp"
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert not list(tmp_path.iterdir())

    @pytest.mark.check
    @pytest.mark.skipif(not MNIST.is_dir(), reason="there are no files of MNIST")
    def test_one_that_trains(self, call: Call, tmp_path: Path) -> None:
        done = call("reproduce", "book-relu", "--seeds", "2", "--data", str(MNIST), "--json", cwd=tmp_path)
        assert done.returncode in {0, 1}, done.stderr
        figures = json.loads(done.stdout)[0]["figures"]
        assert {figure["verdict"] for figure in figures} <= {"agrees", "undecided"}
        assert figures[-1]["values"] == pytest.approx([0.969] * 2, abs=0.005)

    def test_intervals_need_an_extra(self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "scipy", None)
        monkeypatch.setitem(sys.modules, "scipy.special", None)
        assert call("reproduce", "squire-trapp", cwd=tmp_path).returncode == 0
        done = call("reproduce", "forward-gradient-descents", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert "pip install 'modnet-workbench[compare]'" in done.stderr

    def test_each_is_in_the_table_of_the_page(self) -> None:
        page = (Path(__file__).parents[2] / "docs/published.md").read_text(encoding="utf-8")
        assert re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE) != []
        assert (
            sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", page.split("## Results")[1].split("\n## ")[0], re.M)) == NAMES
        )

    def test_the_list(self, call: Call, tmp_path: Path) -> None:
        done = call("reproduce", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(line.split()[0] for line in done.stdout.split("\n\n")[0].splitlines()[1:]) == NAMES
        assert max(map(len, done.stdout.splitlines())) <= 80
        advised = done.stdout.splitlines()[-1].split()
        assert call(*advised[1:], cwd=tmp_path).returncode == 0
        listed = json.loads(call("reproduce", "--list", "--json", cwd=tmp_path).stdout)
        assert [each["name"] for each in listed] == NAMES

    def test_digits_that_are_others_differ(self, call: Call, tmp_path: Path) -> None:
        text = find_published("squire-trapp").read_text(encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text.replace("18.6008127342598", "18.6008127342599"), encoding="utf-8")
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert done.returncode == 1
        assert "18.6008127342599  18.6008127342598  differs" in done.stdout
        assert done.stdout.endswith("mine: 1 of 2 figures differs\n")


class TestResultsOfOnesOwn:
    def test_one_agrees(self, call: Call, tmp_path: Path, write: Callable[..., None]) -> None:
        write("> 0.5")
        done = call("reproduce", "mine.toml", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 of 3" in done.stdout
        assert re.search(r"test accuracy +> 0.5 +0\.\d+ \(0\.\d+ to [01]\.\d+\) +agrees", done.stdout)
        assert {path.name for path in tmp_path.iterdir()} == {"mine.toml", "points.csv"}

    def test_another_differs(self, call: Call, tmp_path: Path, write: Callable[..., None]) -> None:
        write("0.1000", "within = 0.2")
        done = call("reproduce", "mine.toml", "--json", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 1
        (result,) = json.loads(done.stdout)
        (figure,) = result["figures"]
        assert figure["verdict"] == "differs"
        assert len(figure["values"]) == 3
        assert figure["low"] > 0.1

    def test_a_wide_interval_decides_nothing(self, call: Call, tmp_path: Path, write: Callable[..., None]) -> None:
        write("0.9000", "within = 0.2")
        done = call("reproduce", "mine.toml", "--seeds", "1", "--workers", "1", "--out", "runs", cwd=tmp_path)
        assert done.returncode == 1
        assert "More seeds decide what is undecided: --seeds 5\nmine: undecided\n" in done.stdout
        again = call("reproduce", "mine.toml", "--seeds", "2", "--workers", "1", "--out", "runs", cwd=tmp_path)
        assert "1 of 2 runs are finished already" in again.stdout
        assert (tmp_path / "runs/mine/as-it-is/seed-1/params.npz").is_file()

    def test_as_many_seeds_are_advised_as_the_result_has(
        self, call: Call, tmp_path: Path, write: Callable[..., None]
    ) -> None:
        write("0.9000", "within = 0.2")
        text = (tmp_path / "mine.toml").read_text()
        (tmp_path / "mine.toml").write_text(text.replace("seeds = 3", "seeds = 9"))
        done = call("reproduce", "mine.toml", "--seeds", "1", "--workers", "1", cwd=tmp_path)
        assert "More seeds decide what is undecided: --seeds 9\n" in done.stdout

    def test_settings_of_a_grid_are_subtracted(self, call: Call, tmp_path: Path, write: Callable[..., None]) -> None:
        write("> 0", 'over = 20\nof = "lr 0.001"\nminus = "lr 0.01"', "[grid]\nlr = [0.001, 0.01]\n")
        text = (tmp_path / "mine.toml").read_text().replace('"test_accuracy"', '"loss"')
        (tmp_path / "mine.toml").write_text(text)
        done = call("reproduce", "mine.toml", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (('measure = "test_accuracy"', 'measure = "test_recall"'), "have no 'test_recall'; available: loss,"),
            (('measure = "test_accuracy"', 'measure = "test_accuracy"\nat = 21'), "measured at 21; available: "),
            (('measure = "test_accuracy"', 'measure = "loss"\nover = 30'), "there are no 30 of 20 losses before 20"),
            (('measure = "test_accuracy"', 'measure = "loss"\nat = 21'), "there are no 1 of 20 losses before 21"),
            (('measure = "test_accuracy"', 'measure = "loss"\nat = 5\nover = 6'), "no 6 of 20 losses before 5"),
            (('measure = "test_accuracy"', 'measure = "loss"\nat = "lowest"'), "'at' of a loss must be a number of"),
            (('measure = "test_accuracy"', 'measure = "test_accuracy"\nover = 2'), "'over' goes with the measure"),
            (('measure = "test_accuracy"', 'measure = "loss - test_recall"'), "have no 'test_recall'; available: loss"),
            (('published = "> 0.5"', 'published = "> 0.5"\nfunction = {}'), "'function' goes with a table [function]"),
            (('published = "> 0.5"', 'published = "> 0.5"\nof = "lr 1"'), "no setting 'lr 1'; available: as it is"),
            (('published = "> 0.5"', 'published = "0.5"'), "takes 'within' with a number, and none with a bound"),
            (('published = "> 0.5"', 'published = "half"'), "'published' must be a number as it was printed"),
            (('published = "> 0.5"', ""), "takes one of 'published' and 'prints'"),
            (('published = "> 0.5"', 'published = "1e999"\nwithin = 1'), "'published' must be a number"),
            (('what = "test accuracy"', 'what = "test\\naccuracy"'), "'what' must be a line of text"),
            (('what = "test accuracy"', f'what = "{"x" * 29}"'), "'what' must be"),
            (("seconds = 1", "second = 1"), "unknown setting 'second', did you mean 'seconds'?"),
            (("seconds = 1", 'seconds = 1\ndata = "mnits"'), "no data set 'mnits', did you mean 'mnist'?"),
            (("[experiment]", "[function]"), "unknown setting 'data'"),
            (("seeds = 3", 'seeds = 3\ngrid = {lr = []}\nfunction = 1'), "has one of the tables 'experiment' and"),
            (("[experiment]", "[experiments]"), "a result has one of the tables 'experiment' and 'function'"),
            (('"backpropagation"', '"backprop"'), "no gradient 'backprop', did you mean 'backpropagation'?"),
        ],
    )  # fmt: skip
    def test_mistakes_are_named(
        self, call: Call, tmp_path: Path, write: Callable[..., None], change: tuple[str, str], message: str
    ) -> None:
        write("> 0.5")
        text = (tmp_path / "mine.toml").read_text()
        assert change[0] in text
        (tmp_path / "mine.toml").write_text(text.replace(*change))
        done = call("reproduce", "mine.toml", "--seeds", "1", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == "", "nothing has been run"

    @pytest.mark.parametrize(("callback", "is_run"), [("loss-report", False), ("time-limit", True)])
    def test_what_is_measured_between_epochs_only_where_a_callback_may_end_the_run_there(
        self, call: Call, tmp_path: Path, write: Callable[..., None], callback: str, is_run: bool
    ) -> None:
        write("> 0.5", more='[[figures]]\nwhat = "early"\npublished = "> 0"\nat = 13\nmeasure = "test_accuracy"\n')
        asked = f"[experiment]\ncallbacks = [{{ name = '{callback}'{', seconds = 1e9' * is_run} }}]"
        text = (tmp_path / "mine.toml").read_text().replace("[experiment]", asked)
        (tmp_path / "mine.toml").write_text(text.replace("iterations = ", "batch_size = 10, iterations = "))
        done = call("reproduce", "mine.toml", "--seeds", "1", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 2
        assert "nothing is measured at 13; available: 5, 10, 15, 20" in done.stderr
        assert ("1 of 1" in done.stdout) == is_run

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ("at = 21", "nothing is measured at 21; available: "),
            ('measure = "test_recall"', "the runs have no 'test_recall'; available: loss, train_accuracy, "),
        ],
    )
    def test_callbacks_may_record_any_column(
        self, call: Call, tmp_path: Path, write: Callable[..., None], more: str, message: str
    ) -> None:
        lines = 'what = "test loss"\npublished = "> 0"\n' + more
        write("> 0.5", more="[[figures]]\n" + (lines if "measure" in more else lines + '\nmeasure = "test_loss"'))
        text = (tmp_path / "mine.toml").read_text()
        (tmp_path / "mine.toml").write_text(text.replace("[experiment]", '[experiment]\ncallbacks = ["loss-report"]'))
        done = call("reproduce", "mine.toml", "--seeds", "1", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert message in done.stderr
        assert ("finished" in done.stdout or "1 of 1" in done.stdout) == ("measure" in more)

    def test_the_labels_are_those_of_the_comparison(
        self, call: Call, tmp_path: Path, write: Callable[..., None]
    ) -> None:
        write("> 0", 'of = "optimizer sgd"', '[grid]\noptimizer = ["sgd", "adam"]\n')
        text = (tmp_path / "mine.toml").read_text()
        (tmp_path / "mine.toml").write_text(text.replace("[experiment]", "[experiment]\noptimizer = { lr = 0.1 }"))
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert done.returncode == 2
        assert "no setting 'optimizer sgd'; available: optimizer sgd, lr 0.1, optimizer adam, lr 0.1" in done.stderr

    def test_two_of_a_name_would_have_one_folder(self, call: Call, tmp_path: Path, write: Callable[..., None]) -> None:
        write("> 0.5")
        (tmp_path / "other").mkdir()
        (tmp_path / "other/mine.toml").write_text((tmp_path / "mine.toml").read_text())
        done = call("reproduce", "mine.toml", "other/mine.toml", "--out", "runs", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--out: two results are called 'mine', and would share runs" in done.stderr
        assert not (tmp_path / "runs").exists()

    @pytest.mark.parametrize("key", ["title", "seconds", "seeds", "data", "experiment", "grid", "figures", "function"])
    @pytest.mark.parametrize("value", [[1], True, "x", -1])
    def test_values_of_another_type_are_refused(self, key: str, value: object) -> None:
        for name in ("book-initial-weights", "forward-gradient-descents"):
            path = find_published(name)
            with pytest.raises(ModnetError):
                create_published({"title": "-", **read_toml(path), key: [value] if key == "title" else value}, path)

    def test_a_module_that_a_file_names_is_approved_first(
        self, call: Call, tmp_path: Path, write: Callable[..., None]
    ) -> None:
        write("> 0.5", more='[experiment.plugins]\nmodules = ["helpers"]\n')
        (tmp_path / "helpers.py").write_text("raise SystemExit('imported')")
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert done.returncode == 1
        assert "helpers" in done.stderr
        assert "imported" not in done.stderr

    def test_a_function_that_is_not_there(self, call: Call, tmp_path: Path) -> None:
        text = find_published("squire-trapp").read_text(encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text.replace('"power"', '"powers"'), encoding="utf-8")
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert done.returncode == 2
        assert "no function 'powers', did you mean 'power'?" in done.stderr

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("over = 2", "'over' goes with an experiment, and not with a function: take it out"),
            ('minus = "lr 1"', "'minus' goes with an experiment, and not with a function: take it out"),
            ('measure = "slope"', "no 'slope'; available: gradient, point, value"),
        ],
    )
    def test_what_a_function_does_not_have(self, call: Call, tmp_path: Path, line: str, message: str) -> None:
        text = find_published("squire-trapp").read_text(encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text + line + "\n", encoding="utf-8")
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr

    @pytest.mark.parametrize("start", ["[1.0, 2.0]", "[]"])
    def test_a_start_that_does_not_suit_its_function(self, call: Call, tmp_path: Path, start: str) -> None:
        text = find_published("squire-trapp").read_text(encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text.replace("start = 1.5", f"start = {start}"), encoding="utf-8")
        done = call("reproduce", "mine.toml", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "'power' cannot be evaluated at 'start': [" in done.stderr


class TestNamesAndData:
    def test_an_unknown_name(self, call: Call, tmp_path: Path) -> None:
        done = call("reproduce", "squire", cwd=tmp_path)
        assert done.returncode == 2
        assert "no published result 'squire', did you mean 'squire-trapp'?; available: book-" in done.stderr
        assert call("reproduce", "squire.toml", cwd=tmp_path).stderr == "modnet: squire.toml: no such experiment file\n"

    def test_missing_data_is_asked_for(self, call: Call, tmp_path: Path) -> None:
        done = call("reproduce", "book-relu", cwd=tmp_path, MODNET_CACHE=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        first, second = done.stderr.splitlines()
        assert first.startswith("modnet: mnist (MNIST, by LeCun, Cortes and Burges) is not here: get it from https://")
        assert first.endswith("and give its folder by --data; or run: modnet data fetch mnist")
        assert second.startswith("train-images-idx3-ubyte has the SHA-256 ba891046")

    def test_data_that_nobody_asked_for(self, call: Call, tmp_path: Path) -> None:
        done = call("reproduce", "squire-trapp", "--data", ".", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "squire-trapp needs no data that modnet does not ship: leave it out" in done.stderr

    def test_a_file_of_data_is_known_by_its_content(
        self, call: Call, tmp_path: Path, write: Callable[..., None]
    ) -> None:
        content = (tmp_path / "points.csv").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        asked = f'[data]\ntitle = "Points"\nwhere = "https://example.org"\nfiles = {{ "p.csv" = "{digest}" }}\n'
        write("> 0.5", more=asked)
        text = (tmp_path / "mine.toml").read_text().replace('data = { path = "points.csv" }', 'data = { name = "csv" }')
        (tmp_path / "mine.toml").write_text(text)
        (tmp_path / "points.csv").unlink()
        missing = call("reproduce", "mine.toml", "--data", ".", cwd=tmp_path)
        assert "there is no p.csv in .: get it from https://example.org, and give its file by --data" in missing.stderr
        (tmp_path / "p.csv.gz").write_bytes(gzip.compress(content))
        done = call("reproduce", "mine.toml", "--data", ".", "--workers", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        (tmp_path / "other.csv").write_bytes(content.replace(b"up", b"no"))
        damaged = call("reproduce", "mine.toml", "--data", "other.csv", cwd=tmp_path)
        assert (damaged.returncode, damaged.stdout) == (1, "")
        assert re.match(
            r"modnet: other.csv: not the published p.csv: its SHA-256 is \w{16}\.\.\., expected", damaged.stderr
        )
        assert digest in damaged.stderr

    def test_a_file_that_is_named_as_it_was_packed_is_known_by_its_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "p.csv.gz"
        path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wanted = DataFiles(title="Points", where="https://example.org", files={"p.csv.gz": digest})
        assert find_data("points", wanted, tmp_path) == path
        path.write_bytes(gzip.compress(b"a,b\n1,2\n", compresslevel=1))
        with pytest.raises(DataError, match=r"not the published p.csv.gz: its SHA-256 is"):
            find_data("points", wanted, tmp_path)
        path.unlink()
        with pytest.raises(DataError, match=f"p.csv.gz has the SHA-256 {digest}$"):
            find_data("points", wanted, tmp_path)


class TestVerdicts:
    """Intervals against what they promise, by simulation."""

    @pytest.mark.parametrize("published", [1, 3])
    def test_of_the_same_distribution_one_in_twenty_differs(self, published: int) -> None:
        draw = np.random.default_rng(0)
        differ = 0
        for _ in range(2000):
            texts = tuple(f"{x:.6f}" for x in draw.normal(5, 1, published))
            figure = Figure(what="x", measure="loss", published=texts, within=9.0)
            (found,) = judge(figure, draw.normal(5, 1, (5, 1)), 1)
            differ += found.verdict == "differs"
        assert 0.035 < differ / 2000 < 0.065

    def test_several_figures_share_the_level(self) -> None:
        values = np.array([[1.0], [2.0], [3.0], [4.0]])
        figure = Figure(what="x", measure="loss", published="2.5", within=100.0)
        widths = [one.high - one.low for count in (1, 10) for one in judge(figure, values, count)]
        assert widths[1] > 1.8 * widths[0]

    def test_what_was_rounded_may_be_half_a_unit_away(self) -> None:
        same = np.full((3, 1), 0.96949)
        verdicts = [
            judge(Figure(what="x", measure="loss", published=text, within=0.001), same, 1)[0].verdict
            for text in ("0.969", "0.970", "0.9690")
        ]
        assert verdicts == ["agrees", "differs", "differs"]

    def test_a_bound_takes_the_mean_beyond_it(self) -> None:
        values = np.array([[1.0], [1.1], [0.9], [1.0]])
        verdicts = [
            judge(Figure(what="x", measure="loss", published=text), values, 1)[0].verdict
            for text in ("> 0.5", "< 0.5", "> 1", "< 1.5")
        ]
        assert verdicts == ["agrees", "differs", "undecided", "agrees"]

    def test_a_run_that_diverged_differs(self) -> None:
        figure = Figure(what="x", measure="loss", published="1.0", within=1.0)
        (found,) = judge(figure, np.array([[1.0], [np.nan]]), 1)
        assert (found.verdict, found.ours) == ("differs", "diverged")

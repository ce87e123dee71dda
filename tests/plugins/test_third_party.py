"""Real distributions, modnet's and third-party ones, in a clean environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from environments import SMALLEST, Environment, wheel_of

ROOT = Path(__file__).parents[2]
MISTAKEN = Path(__file__).parent / "third_party" / "modnet-mistaken"
PACKAGES = ["modnet", *sorted(path.name for path in (ROOT / "plugins").glob("modnet_*") if path.is_dir())]
OF_PARTS = [p for p in PACKAGES[1:] if "@hookimpl" in (ROOT / "plugins" / p / "__init__.py").read_text("utf-8")]

PART = """
import modnet

class {name}(modnet.Activation):
    def __call__(self, a, axis=-1):
        return {z}
    def backward(self, a, z, dz, axis=-1):
        return dz

@modnet.hookimpl
def register_activations(register):
    register({name})
"""
ACTIVATION = PART.format(name="Shift", z="a + 1")
# distribution -> source, what the reason says and the line that it ends in
BROKEN = {
    "modnet-raising": ("raise RuntimeError('no licence')", "RuntimeError: no licence", 1),
    "modnet-leaving": ("import sys\nsys.exit('bye')", "it ends the program (bye)", 2),
    "modnet-unparsable": ("import modnet\ndef (:", "SyntaxError: invalid syntax", 2),
    "modnet-misspelt": (
        ACTIVATION.replace("register_activations", "register_activation"),
        "modnet has no hook 'register_activation', did you mean 'register_activations'?",
        10,
    ),
    "modnet-misled": (
        ACTIVATION.replace("modnet.Activation", "object"),
        '"type[Shift]"; expected "type[Activation]": derive it from modnet.Activation',
        12,
    ),
    "modnet-half": (ACTIVATION + "    register(Shift, 'half')\n    1 / 0\n", "ZeroDivisionError", 14),
    "modnet-lacking": ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found': install what it needs", 1),
    "modnet-ending": ("import os\nos._exit(3)", "it ends the program (exit status 3): put that under if __name__", 1),
    "modnet-crashing": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        "it crashes while it is imported",
        1,
    ),
    "modnet-hanging": ("import time\ntime.sleep(1000)", "it did not answer within 4 s of being imported", 1),
}
NEWER = "it requires modnet>=99, this is modnet"
RIVALS = {
    "modnet-left": PART.format(name="Rival", z="a"),
    "modnet-right": PART.format(name="Rival", z="a * 1"),
    "modnet-usurper": PART.format(name="Sigmoid", z="a"),
    "modnet-noisy": "print('row,prediction')\n" + PART.format(name="Noisy", z="a"),
    "modnet-diary": """
import modnet

@modnet.hookimpl
def run_ended(run):
    with open("diary", "a") as file:
        print(run.status, file=file)
""",
}
TRAIN = ("train", "--gradient", "backpropagation", "--iterations", "1000")


@pytest.fixture(scope="session")
def crowd(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return that environment with eleven broken plugins and a few that work besides, which have all been asked."""
    folder = tmp_path_factory.mktemp("crowd")
    sources = {name: source for name, (source, _, _) in BROKEN.items()} | RIVALS
    wheels = [wheel_of(folder, name, source) for name, source in sources.items()]
    wheels.append(wheel_of(folder, "modnet-newer", "raise RuntimeError('imported')", "modnet-workbench>=99"))
    environment.pip("install", "--no-deps", "--no-compile", "--target", folder / "site", *wheels)
    crowd = attrs.evolve(environment, beside=folder / "site")
    (folder / "doctor.json").write_text(
        crowd.modnet("plugins", "doctor", "--timeout", "4", "--json", cwd=folder).stdout, encoding="utf-8"
    )
    return crowd


@pytest.fixture(scope="session")
def listed(crowd: Environment) -> dict[str, dict[str, Any]]:
    """Return the listing of the plugins of that crowd."""
    return crowd.plugins(cwd=crowd.folder)


@pytest.fixture(scope="session")
def checked() -> dict[str, tuple[str, str]]:
    """Return what the type checker says of each module: the message, and file and line."""
    command = [sys.executable, "-m", "mypy", "--output", "json", "--cache-dir", os.devnull, "modnet_mistaken"]
    done = subprocess.run(command, cwd=MISTAKEN, capture_output=True, text=True, timeout=300, check=False)
    errors = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1, done.stderr
    return {Path(e["file"]).stem: (e["message"], f"{Path(e['file']).name}:{e['line']}") for e in errors}


@pytest.fixture(scope="session")
def diagnosed(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what the doctor says of each module, installed from the project's wheel."""
    folder = tmp_path_factory.mktemp("mistaken")
    sources = shutil.copytree(MISTAKEN, folder / "sources")
    environment.pip("install", "--no-deps", "--no-compile", "--target", folder / "site", sources)
    done = attrs.evolve(environment, beside=folder / "site").modnet("plugins", "doctor", "--json", cwd=folder)
    assert done.returncode == 1, done.stderr
    mistaken = [record for record in json.loads(done.stdout) if record["distribution"] == "modnet-mistaken"]
    return {record["name"].replace("-", "_"): record for record in mistaken}


class TestWheel:
    def test_it_holds_the_packages_their_types_and_nothing_else(self, environment: Environment) -> None:
        names = zipfile.ZipFile(environment.wheel).namelist()
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {*PACKAGES, "modnet_start.py"}
        assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
        assert not [name for name in names if "__pycache__" in name or "test" in Path(name).stem.split("_")]

    def test_it_holds_the_data_and_the_licences(self, environment: Environment) -> None:
        with zipfile.ZipFile(environment.wheel) as wheel:
            names = wheel.namelist()
            licence = next(name for name in names if name.endswith(".dist-info/licenses/LICENSE"))
            assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
            data = [name for name in names if name.startswith("modnet_data/") and not name.endswith((".py", ".typed"))]
        plugins = ROOT / "plugins"
        files = (path for path in (plugins / "modnet_data").rglob("*") if path.is_file() and path.parent.name[0] != "_")
        here = {path.relative_to(plugins).as_posix() for path in files if path.suffix != ".py"}
        assert set(data) == here - {"modnet_data/py.typed"}
        assert any("mnist_small" in name for name in data)
        assert any(name.endswith("licenses/plugins/modnet_data/MNIST-LICENSE.md") for name in names)

    def test_its_entry_points_are_the_list_of_built_ins(self, environment: Environment) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        with zipfile.ZipFile(environment.wheel) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
            written = wheel.read(name).decode()
        for plugin, module in project["entry-points"]["modnet"].items():
            assert f"{plugin} = {module}\n" in written
        assert set(project["entry-points"]["modnet"].values()) == set(OF_PARTS)


class TestInstalled:
    def test_both_ways_to_call_it_tell_the_same_version(self, environment: Environment, tmp_path: Path) -> None:
        script = environment.modnet("--version", cwd=tmp_path)
        module = environment.python("-m", "modnet", "--version", cwd=tmp_path)
        code = "from importlib.metadata import version; print('modnet, version', version('modnet-workbench'))"
        metadata = environment.python("-c", code, cwd=tmp_path)
        assert script.returncode == 0
        assert script.stdout == module.stdout == metadata.stdout

    def test_all_built_ins_are_loaded_from_the_environment(self, environment: Environment, tmp_path: Path) -> None:
        plugins = environment.plugins(cwd=tmp_path)
        built_in = {key: record for key, record in plugins.items() if record["distribution"] == "modnet"}
        assert {record["state"] for record in built_in.values()} == {"loaded"}
        assert len(built_in) == len(OF_PARTS)
        for record in built_in.values():
            assert Path(record["file"]).is_relative_to(environment.folder)

    def test_importing_modnet_loads_no_plugin_and_no_command_line(
        self, environment: Environment, tmp_path: Path
    ) -> None:
        done = environment.python("-c", "import modnet, sys; print(*sys.modules, sep='\\n')", cwd=tmp_path)
        packages = {line.partition(".")[0] for line in done.stdout.splitlines()}
        assert {"modnet", "numpy"} <= packages
        assert not packages & {*PACKAGES[1:], "modnet_softsign", "click", "rich", "matplotlib"}

    def test_the_main_job_needs_no_extra(self, environment: Environment, tmp_path: Path) -> None:
        done = environment.modnet("train", "--iterations", "2", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "run" / "params.npz").is_file()


class TestSmallestPlugin:
    ARGUMENTS = ("train", "--activation", "softsign", "--gradient", "central-difference", "--hidden", "1")

    def test_it_is_eight_lines_of_python_and_eight_of_toml_at_most(self) -> None:
        def lines(name: str) -> int:
            return sum(bool(line.strip()) for line in (SMALLEST / name).read_text(encoding="utf-8").splitlines())

        assert lines("modnet_softsign.py") <= 8
        assert lines("pyproject.toml") <= 8
        assert {path.name for path in SMALLEST.iterdir() if path.is_file()} == {"modnet_softsign.py", "pyproject.toml"}

    def test_it_is_listed(self, environment: Environment, tmp_path: Path) -> None:
        record = environment.plugins(cwd=tmp_path)["modnet-softsign:softsign"]
        file = Path(record.pop("file"))
        assert record == {
            "name": "softsign",
            "distribution": "modnet-softsign",
            "version": "1.0",
            "state": "ready",
            "changes": [],
            "reason": "",
            "provides": [{"kind": "activation", "name": "softsign"}],
            "follows": [],
            "refused": [],
        }
        assert file.name == "modnet_softsign.py"
        assert "softsign  (modnet-softsign 1.0)  ready" in environment.modnet("plugins", cwd=tmp_path).stdout

    def test_it_trains_by_its_name(self, environment: Environment, tmp_path: Path) -> None:
        done = environment.modnet(*self.ARGUMENTS, "--iterations", "20", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        written = tomllib.loads((tmp_path / "run" / "experiment.toml").read_text(encoding="utf-8"))
        assert written["network"]["activation"] == [{"name": "softsign"}]
        again = environment.modnet("train", "run/experiment.toml", "--out", "again", cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        history = [(tmp_path / run / "history.csv").read_bytes() for run in ("run", "again")]
        assert history[0] == history[1]

    @pytest.mark.parametrize("how", ["command line", "experiment file", "environment"])
    def test_it_is_disabled_by_name(self, environment: Environment, tmp_path: Path, how: str) -> None:
        (tmp_path / "without.toml").write_text("[plugins]\nwithout = ['softsign']\n", encoding="utf-8")
        ways: dict[str, tuple[list[str], dict[str, str]]] = {
            "command line": (["--without", "softsign"], {}),
            "experiment file": (["without.toml"], {}),
            "environment": ([], {"MODNET_WITHOUT": "modnet-softsign"}),
        }
        arguments, variables = ways[how]
        done = environment.modnet(*self.ARGUMENTS, *arguments, cwd=tmp_path, **variables)
        assert done.returncode == 2
        assert "no activation 'softsign'" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "runs").exists()

    def test_disabled_it_is_listed_as_disabled(self, environment: Environment, tmp_path: Path) -> None:
        for arguments, variables in ((["--without", "softsign"], {}), ([], {"MODNET_WITHOUT": "softsign"})):
            record = environment.plugins(*arguments, cwd=tmp_path, **variables)["modnet-softsign:softsign"]
            assert (record["state"], record["provides"]) == ("disabled", [])
            assert record["file"].endswith("modnet_softsign.py")

    def test_a_misspelt_name_to_disable_is_a_warning(self, environment: Environment, tmp_path: Path) -> None:
        for arguments, variables in ((["--without", "softsgin"], {}), ([], {"MODNET_WITHOUT": "softsgin"})):
            done = environment.modnet("plugins", *arguments, cwd=tmp_path, **variables)
            assert done.returncode == 0
            assert done.stderr == "modnet: warning: no plugin 'softsgin' to disable, did you mean 'softsign'?\n"
            assert "softsign  (modnet-softsign 1.0)  ready" in done.stdout


@pytest.mark.check
class TestMistaken:
    """A project with fourteen mistakes that those who write a plugin make, one a module."""

    @pytest.mark.parametrize("module", sorted(path.stem for path in (MISTAKEN / "modnet_mistaken").glob("[!_]*.py")))
    def test_it_is_reported_when_it_runs_as_by_the_type_checker(
        self, module: str, checked: dict[str, tuple[str, str]], diagnosed: dict[str, dict[str, Any]]
    ) -> None:
        message, where = checked[module]
        record = diagnosed[module]
        assert (record["state"], record["why"]) == ("broken", message)
        assert Path(record["where"]).name == where
        assert record["remedy"]

    def test_no_other_is_found_by_either(
        self, checked: dict[str, tuple[str, str]], diagnosed: dict[str, dict[str, Any]]
    ) -> None:
        assert set(checked) == set(diagnosed)
        assert len(diagnosed) == 14


@pytest.mark.check
class TestUninstalled:
    """A run keeps in mind whose its parts were."""

    def test_it_says_which_distribution_and_version_to_install(self, environment: Environment, tmp_path: Path) -> None:
        environment.pip("install", "--no-deps", wheel_of(tmp_path, "modnet-fleeting", ACTIVATION))
        try:
            arguments = ("--activation", "shift", "--hidden", "2", "--iterations", "20", "--out", "run")
            done = environment.modnet("train", *arguments, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            done = environment.modnet("verify", "run", cwd=tmp_path)
            assert (done.returncode, "identical: 20 iterations" in done.stdout) == (0, True), done.stdout + done.stderr
        finally:
            environment.pip("uninstall", "--yes", "modnet-fleeting")
        line = (
            "the activation 'shift' comes from modnet-fleeting 1.0, which is not installed: "
            "pip install modnet-fleeting==1.0"
        )
        for call in (("predict", "run", "rows.csv"), ("train", "run/experiment.toml")):
            done = environment.modnet(*call, cwd=tmp_path)
            assert (done.returncode, done.stderr) == (1, f"modnet: {line}\n")
        assert "shift" not in environment.modnet("plot", "run", cwd=tmp_path).stderr  # which needs no part
        done = environment.modnet("verify", "run", cwd=tmp_path)
        assert done.returncode == 1
        assert f"plugin    cannot be loaded: {line}\n" in done.stdout


class TestModule:
    def test_a_module_beside_the_user_is_a_plugin_with_p(self, environment: Environment, tmp_path: Path) -> None:
        (tmp_path / "shifting.py").write_text(ACTIVATION, encoding="utf-8")
        arguments = (
            "train",
            "-p",
            "shifting",
            "--activation",
            "shift",
            "--hidden",
            "1",
            "--iterations",
            "5",
            "--out",
            "run",
        )
        done = environment.modnet(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert environment.plugins("-p", "shifting", cwd=tmp_path)["shifting:shifting"]["state"] == "loaded"
        again = environment.modnet("train", "run/experiment.toml", "--out", "again", cwd=tmp_path)
        assert again.returncode == 0, again.stderr

    def test_a_broken_module_is_a_failure_of_the_work_in_a_line(self, environment: Environment, tmp_path: Path) -> None:
        (tmp_path / "shifting.py").write_text("\n1 / 0\n", encoding="utf-8")
        done = environment.modnet("plugins", "-p", "shifting", cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("modnet: plugin shifting: ZeroDivisionError: division by zero")
        assert done.stderr.endswith("shifting.py:2)\n")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.check
class TestCrowd:
    """Eleven broken plugins, rivals, one that prints and one that follows runs are installed: all the rest works."""

    @pytest.mark.parametrize("distribution", BROKEN)
    def test_a_broken_plugin_is_listed_with_its_reason_and_line(
        self, listed: dict[str, dict[str, Any]], distribution: str
    ) -> None:
        _, reason, line = BROKEN[distribution]
        record = listed[f"{distribution}:plugin"]
        assert (record["state"], record["provides"]) == ("broken", [])
        assert reason in record["reason"]
        assert record["reason"].endswith(f"{distribution.replace('-', '_')}.py:{line})")
        assert record["file"].endswith(f"{distribution.replace('-', '_')}.py")

    def test_one_for_a_newer_modnet_says_so(self, listed: dict[str, dict[str, Any]]) -> None:
        record = listed["modnet-newer:plugin"]
        assert (record["state"], record["provides"]) == ("broken", [])
        assert record["reason"].startswith(NEWER)
        assert "pip install 'modnet-workbench>=99'" in record["reason"]

    def test_all_others_are_there(self, listed: dict[str, dict[str, Any]]) -> None:
        built_in = {f"modnet:{package.removeprefix('modnet_')}" for package in OF_PARTS}
        assert {key for key, record in listed.items() if record["state"] == "loaded"} == built_in
        ready = {key for key, record in listed.items() if record["state"] == "ready"}
        assert ready == {f"{name}:plugin" for name in RIVALS} | {"modnet-softsign:softsign"}

    def test_the_listing_is_readable(self, crowd: Environment, tmp_path: Path) -> None:
        done = crowd.modnet("plugins", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("  broken  ") == len(BROKEN) + 1
        assert "    RuntimeError: no licence: correct it, or disable the plugin (" in done.stdout

    def test_the_doctor_tells_why_where_and_what_to_do(self, crowd: Environment) -> None:
        records = json.loads((crowd.beside.parent / "doctor.json").read_text(encoding="utf-8"))  # type: ignore[union-attr]
        broken = {record["distribution"]: record for record in records if record["state"] == "broken"}
        assert set(broken) == {*BROKEN, "modnet-newer"}
        assert all(record["why"] and record["why"] in record["reason"] for record in broken.values())
        assert all(record["where"] for name, record in broken.items() if name != "modnet-newer")
        unhelped = {name for name, record in broken.items() if not record["remedy"]}
        assert unhelped <= {"modnet-misspelt"}, "which says what was meant"

    def test_the_doctor_says_what_to_do_and_ends_with_1(self, crowd: Environment, tmp_path: Path) -> None:
        without = ",".join({*BROKEN, *RIVALS, "modnet-newer"} - {"modnet-raising", "modnet-diary"})
        done = crowd.modnet("plugins", "doctor", "--without", without, cwd=tmp_path, MODNET_CACHE=str(tmp_path / "new"))
        assert (done.returncode, done.stderr) == (1, "")
        assert "    why:         RuntimeError: no licence\n" in done.stdout
        assert "    remedy:      correct it, or disable the plugin\n" in done.stdout
        assert done.stdout.endswith("until they work: --without modnet-raising, or MODNET_WITHOUT=modnet-raising\n")
        done = crowd.modnet("plugins", "doctor", "--without", f"{without},modnet-raising", cwd=tmp_path)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"0 of {len(OF_PARTS) + 17} plugins broken")

    def test_every_core_command_works(self, crowd: Environment, tmp_path: Path) -> None:
        def works(*arguments: str) -> str:
            done = crowd.modnet(*arguments, cwd=tmp_path)
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
            return done.stdout

        works("data", "convert", "mnist-small", "all.csv")
        works("train", "--data", "all_train.csv", "--iterations", "2", "--out", "run")
        works("train", "--activation", "noisy", "--hidden", "2", "--iterations", "2", "--out", "noisy")
        assert json.loads(works("predict", "noisy", "all_train.csv", "--json"))["rows"], "it prints to standard error"
        works("verify", "run")
        works("resume", "run")
        works("data", "show", "all_train.csv")
        works("gradient-check", "--hidden", "2", "--estimator", "central-difference", "--batch-size", "2")
        works("train", "--help")
        assert (tmp_path / "diary").read_text() == "finished\n" * 2, "those that follow runs do"

    def test_all_are_left_out_at_once(self, crowd: Environment, tmp_path: Path) -> None:
        (tmp_path / "bare.toml").write_text(
            "[plugins]\nwithout = ['*']\n[training]\niterations = 1\n", encoding="utf-8"
        )
        for arguments, variables in ((["--without", "*"], {}), ([], {"MODNET_WITHOUT": "*"})):
            records = crowd.plugins(*arguments, cwd=tmp_path, **variables)
            states = {(record["distribution"] == "modnet", record["state"]) for record in records.values()}
            assert states == {(True, "loaded"), (False, "disabled")}
        done = crowd.modnet("train", "bare.toml", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "diary").exists()

    def test_several_are_left_out_by_one_option(self, crowd: Environment, tmp_path: Path) -> None:
        records = crowd.plugins("--without", "modnet-left, modnet-raising", cwd=tmp_path)
        disabled = {record["distribution"] for record in records.values() if record["state"] == "disabled"}
        assert disabled == {"modnet-left", "modnet-raising"}

    def test_half_a_plugin_is_no_plugin(self, crowd: Environment, tmp_path: Path) -> None:
        done = crowd.modnet("train", "--activation", "half", cwd=tmp_path)
        assert done.returncode == 2
        assert "no activation 'half'" in done.stderr
        assert "broken, see 'modnet plugins doctor'" in done.stderr

    def test_two_third_parties_are_refused_by_the_bare_name_and_had_by_the_full_one(
        self, crowd: Environment, tmp_path: Path
    ) -> None:
        refused = crowd.modnet("train", "--activation", "rival", cwd=tmp_path)
        assert refused.returncode == 2
        assert "'rival' alone is ambiguous between modnet-left:rival and modnet-right:rival" in refused.stderr
        for owner in ("modnet-left", "modnet-right"):
            arguments = ("--activation", f"{owner}:rival", "--hidden", "1", "--iterations", "2", "--out", owner)
            done = crowd.modnet("train", *arguments, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            written = tomllib.loads((tmp_path / owner / "experiment.toml").read_text(encoding="utf-8"))
            assert written["network"]["activation"] == [{"name": f"{owner}:rival"}]

    def test_a_third_party_does_not_take_the_place_of_a_built_in(
        self, crowd: Environment, listed: dict[str, dict[str, Any]], tmp_path: Path
    ) -> None:
        code = "import modnet; print(type(modnet.activation('sigmoid')).__module__)"
        assert crowd.python("-c", code, cwd=tmp_path).stdout == "modnet_activations.sigmoid\n"
        record = listed["modnet-usurper:plugin"]
        assert record["provides"] == [{"kind": "activation", "name": "modnet-usurper:sigmoid"}]
        assert record["refused"] == ["the activation name 'sigmoid' is also modnet's; use 'modnet-usurper:sigmoid'"]

    def test_without_one_rival_the_other_has_the_name(self, crowd: Environment, tmp_path: Path) -> None:
        plugins = crowd.plugins("--without", "modnet-left", cwd=tmp_path)
        assert plugins["modnet-right:plugin"]["provides"] == [{"kind": "activation", "name": "rival"}]


@pytest.mark.check
class TestNewPlugin:
    """From an empty folder to a trained network: begin, build, install, list, check, train."""

    def test_it_is_begun_built_installed_listed_checked_and_trained_with(
        self, environment: Environment, tmp_path: Path
    ) -> None:
        begun = environment.modnet("plugins", "new", "soft-cap", "--kind", "activation", cwd=tmp_path)
        assert begun.returncode == 0, begun.stderr
        environment.pip("wheel", "--no-deps", "--wheel-dir", tmp_path / "dist", tmp_path / "modnet-soft-cap")
        (wheel,) = (tmp_path / "dist").iterdir()
        assert wheel.name == "modnet_soft_cap-0.1.0-py3-none-any.whl"
        files = {name.partition("/")[2] or name for name in zipfile.ZipFile(wheel).namelist()}
        assert files == {"modnet_soft_cap.py", "METADATA", "WHEEL", "entry_points.txt", "licenses/LICENSE", "RECORD"}
        environment.pip("install", "--no-index", "--no-compile", wheel)  # what it needs is there
        try:
            record = environment.plugins(cwd=tmp_path)["modnet-soft-cap:soft-cap"]
            assert (record["state"], record["version"]) == ("ready", "0.1.0")
            assert record["provides"] == [{"kind": "activation", "name": "soft-cap"}]
            done = environment.modnet("plugins", "check", "modnet-soft-cap", cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            assert "23 checks: 21 passed, 0 failed, 2 skipped" in done.stdout
            done = environment.modnet(*TRAIN, "--activation", "soft-cap", "--out", "run", cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
            assert summary["test_accuracy"] > 0.8
            again = environment.modnet("plugins", "new", "soft-cap", "--kind", "loss", "--out", "other", cwd=tmp_path)
            assert "modnet-soft-cap is installed already: choose another name" in again.stderr
        finally:
            environment.pip("uninstall", "--yes", "modnet-soft-cap")

    def test_so_is_one_that_follows_runs(self, environment: Environment, tmp_path: Path) -> None:
        begun = environment.modnet("plugins", "new", "journal", "--kind", "observer", cwd=tmp_path)
        assert begun.returncode == 0, begun.stderr
        environment.pip("wheel", "--no-deps", "--wheel-dir", tmp_path / "dist", tmp_path / "modnet-journal")
        environment.pip("install", "--no-index", "--no-compile", *(tmp_path / "dist").iterdir())
        try:
            record = environment.plugins(cwd=tmp_path)["modnet-journal:journal"]
            assert (record["state"], record["follows"]) == ("ready", ["epoch_ended", "run_ended"])
            done = environment.modnet("plugins", "check", "modnet-journal", cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == "observer modnet_journal: 8 checks: 8 passed, 0 failed\n"
            assert not (tmp_path / "journal.jsonl").exists()
            done = environment.modnet(*TRAIN, "--out", "run", cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            last = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()[-1]
            assert json.loads(last)["status"] == "finished"
            assert "identical" in environment.modnet("verify", "run", cwd=tmp_path).stdout
        finally:
            environment.pip("uninstall", "--yes", "modnet-journal")

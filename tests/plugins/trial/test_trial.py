"""Plugins of every kind, before, while and after they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from environments import Environment
from processes import wait_until

pytestmark = pytest.mark.check
HERE = Path(__file__).parent
LETTERS = Path(__file__).parents[2] / "testing" / "zoo" / "samples" / "letters"
ENTRY_POINTS = {
    "trial-activations": {"activations": "trial_activations"},
    "trial-layers": {"layers": "trial_layers"},
    "trial-losses": {"losses": "trial_losses"},
    "trial-gradients": {"gradients": "trial_gradients"},
    "trial-optimizers": {"optimizers": "trial_optimizers"},
    "trial-metrics": {"metrics": "trial_metrics"},
    "trial-sources": {"sources": "trial_sources"},
    "trial-callbacks": {"callbacks": "trial_callbacks"},
    "trial-diary": {"diary": "trial_diary"},
    "trial-all": {"all": "trial_all"},
    "trial-object": {"parts": "trial_object:parts", "steps": "trial_object:steps"},
}
PYPROJECT = """
[project]
name = "{name}"
version = "1.0"
dependencies = ["modnet-workbench"]
[project.entry-points.modnet]
{entry_points}
[tool.setuptools]
{kind} = ["{module}"]
"""
MODULES = [name.replace("-", "_") for name in ENTRY_POINTS if name != "trial-object"]
ALL = (
    "--activation gaussian --set network.activation.side=-1 --loss log-cosh --optimizer lion --set optimizer.lr=0.02 "
    "--metric sureness"
)
LAYERS = (
    '{name="residual",inner={name="book-scale",start="halves"}},"running-scale","jitter",{name="dense",units=6},'
    '{name="gated",gate="tanh"},{name="dense",units=3},"softmax"'
)
# what a run is called -> the module that it needs, and the options of its training
RUNS = {
    "cube": ("trial_activations", "--activation cube"),
    "bend": (
        "trial_activations",
        "--activation bend --set network.activation.shape=steep --set network.activation.order=SECOND",
    ),
    "clamp": ("trial_activations", "--activation clamp --set network.activation.limits.high=3.0"),
    "capped": ("trial_activations", "--activation capped --set network.activation.cap=none"),
    "scaled": ("trial_activations", "--activation scaled --set network.activation.inner=bend"),
    "prelu": ("trial_activations", "--activation prelu --set network.activation.slope=0.1"),
    "mean": ("trial_activations", "--activation with-mean --set network.activation.weights=[1.0,0.25]"),
    "gated": ("trial_layers", f"--set network.layers=[{LAYERS}]"),
    "shifted": ("trial_all", '--set network.layers=["shift",{name="dense",units=3},"softmax"]'),
    "winsorized": ("trial_losses", "--loss winsorized --set network.loss.delta=none"),
    "likelihood": ("trial_losses", "--loss log-likelihood"),
    "hinge": ("trial_losses", "--loss hinge --output identity"),
    "exact": ("trial_gradients", "--gradient exact"),
    "two-points": ("trial_gradients", "--gradient two-points --set gradient.size=0.01"),
    "feedback": ("trial_gradients", "--gradient fixed-feedback"),
    "clipped": ("trial_gradients", "--gradient clipped --set gradient.length=none"),
    "plain": ("trial_optimizers", "--optimizer plain --lr 0.05 --set optimizer.clip=0.5"),
    "sign": ("trial_optimizers", "--optimizer sign-momentum"),
    "norm": ("trial_optimizers", "--optimizer adagrad-norm"),
    "scheduled": (
        "trial_optimizers",
        "--optimizer scheduled --set optimizer.schedule=falling --set optimizer.horizons={short=5,long=10}",
    ),
    "recall": ("trial_metrics", "--metric recall --metric brier-score --set metrics.0.average=worst"),
    "within": (
        "trial_metrics",
        "--data targets.csv --set data.label=y --set data.task=regression --metric within --metric pinball",
    ),
    "trees": ("trial_sources", "--data trees.jsonl --set data.test_fraction=0.25"),
    "letters": ("trial_sources", "--data letters --set data.test_fraction=0.25 --set data.split_seed=3"),
    "rings": ("trial_sources", "--data rings --set data.noise=0.2"),
    "slowing": ("trial_callbacks", "--callback slowing --set callbacks.0.measure=ACCURACY"),
    "averaging": ("trial_callbacks", "--callback weight-averaging --callback lines"),
    "diary": ("trial_diary", ""),
    "all": ("trial_all", "--data half-circles --set data.origin=[0.0,1.0] --gradient sparse " + ALL),
}
OBJECT = "--activation softsign --set network.activation.sharpness=2.0 --optimizer careful"
ONE_OF_EACH = (
    "bend",
    "cube",
    "gated",
    "winsorized",
    "clipped",
    "scheduled",
    "recall",
    "letters",
    "slowing",
    "diary",
    "all",
)
ROWS = {"trees": "trees.jsonl", "letters": "letters", "rings": "pairs.csv", "within": "targets.csv", "all": "pairs.csv"}
DYING = ("cube", "gated", "scheduled", "norm", "recall", "all", "averaging")


def copy_module(name: str, folder: Path) -> Path:
    """Copy a module, or a package, into a folder."""
    package = HERE / name
    if package.is_dir():
        return shutil.copytree(package, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Path(shutil.copy(HERE / f"{name}.py", folder))


def write_project(name: str, folder: Path) -> Path:
    """Write the project of a distribution, with the pyproject.toml of the docs."""
    project = folder / name
    project.mkdir(parents=True)
    module = name.replace("-", "_")
    kind = "packages" if copy_module(module, project).is_dir() else "py-modules"
    lines = "\n".join(f'{plugin} = "{target}"' for plugin, target in ENTRY_POINTS[name].items())
    text = PYPROJECT.format(name=name, entry_points=lines, kind=kind, module=module)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    return project


@attrs.frozen
class Trial:
    """An environment, the folder in which the plugins were written, and another one."""

    environment: Environment
    author: Path
    elsewhere: Path
    wheels: Path

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.environment.modnet(*arguments, cwd=cwd or self.elsewhere)

    def expect_success(self, commands: Iterable[list[str | Path]], cwd: Path | None = None) -> None:
        """Run commands side by side; all of them have to work."""
        listed = list(commands)
        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(lambda command: self.run(*command, cwd=cwd), listed))
        failed = [f"{' '.join(map(str, r.args[1:]))}\n{r.stdout[-400:]}{r.stderr[-800:]}" for r in done if r.returncode]
        assert not failed, "\n\n".join(failed)

    def train(self, name: str, run: str, iterations: int = 30, given: bool = True) -> list[str | Path]:
        """Return the command of a training, with `-p` where the module is to be given."""
        module, options = RUNS[name]
        data = [] if "--data" in options else ["--data", "iris"]
        plugin = ["-p", f"./{module}.py" if name == "bend" else module] if given else []
        return ["train", *data, *options.split(), *plugin, "--iterations", str(iterations), "--out", f"runs/{run}"]

    def uses(self, prefix: str, names: Iterable[str] = tuple(RUNS)) -> Iterator[list[str | Path]]:
        """Return what is done with finished runs: they are predicted with, verified and drawn."""
        for name in names:
            run = self.author / "runs" / f"{prefix}-{name}"
            yield ["predict", run, self.author / ROWS.get(name, "flowers.csv")]
            yield ["verify", run]
            yield ["plot", run]

    def kill(self, command: list[str | Path]) -> None:
        """Begin a training, and kill it once it has a checkpoint."""
        environment = {**os.environ, "MODNET_CACHE": str(self.environment.folder / "cache")}
        environment["MODNET_CONFIG"] = str(self.environment.folder / "config")
        program = [str(self.environment.scripts / "modnet"), *map(str, command)]
        with subprocess.Popen(
            program, cwd=self.author, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            wait_until((self.author / str(command[-1]) / "checkpoint.npz").exists, process)
            process.kill()


@pytest.fixture(scope="module")
def trial(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Return a clean environment with modnet's wheel, and a folder with the plugins' modules and some data."""
    folder = tmp_path_factory.mktemp("trial")
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    clean = attrs.evolve(environment, folder=folder / "venv")
    clean.pip("install", "--no-compile", f"{environment.wheel}[plot,compare]")
    author, elsewhere = folder / "author", folder / "elsewhere"
    author.mkdir()
    elsewhere.mkdir()
    for module in (*MODULES, "trial_object"):
        copy_module(module, author)
    shutil.copytree(LETTERS, author / "letters")
    rows = [(i + 0.5, 1.0, "fir") for i in range(9)] + [(0.1 * i, 2.0 + i, "yew") for i in range(9)]
    lines = [f'{{"height": {height}, "width": {width}, "label": "{label}"}}\n' for height, width, label in rows]
    (author / "trees.jsonl").write_text("".join(lines), encoding="utf-8")
    (author / "flowers.csv").write_text("5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n", encoding="utf-8")
    values = "".join(f"{i % 7},{i % 5},{i % 7 - 2 * (i % 5)}\n" for i in range(40))
    (author / "targets.csv").write_text(f"a,b,y\n{values}", encoding="utf-8")
    (author / "pairs.csv").write_text("1.0,0.5\n-0.3,2.0\n", encoding="utf-8")
    projects = [write_project(name, folder / "projects") for name in ENTRY_POINTS]
    clean.pip("wheel", "--no-deps", "--wheel-dir", folder / "wheels", *projects)
    return Trial(clean, author, elsewhere, folder / "wheels")


@pytest.fixture(scope="module")
def given(trial: Trial) -> Trial:
    """Return the trial after each part was trained with by `-p`, and some trainings were killed."""
    trial.expect_success((trial.train(name, f"given-{name}") for name in RUNS), trial.author)
    for name in DYING:
        trial.kill(trial.train(name, f"killed-{name}", 2000))
    return trial


@pytest.fixture(scope="module")
def installed(given: Trial) -> Trial:
    """Return the trial after the wheels were installed, and each part was trained with, without `-p`."""
    given.environment.pip("install", "--no-index", "--no-deps", *sorted(given.wheels.glob("*.whl")))
    given.expect_success((given.train(name, f"installed-{name}", given=False) for name in ONE_OF_EACH), given.author)
    return given


@pytest.fixture(scope="module")
def uninstalled(installed: Trial) -> Trial:
    """Return the trial after all of the wheels were uninstalled."""
    installed.environment.pip("uninstall", "--yes", *ENTRY_POINTS)
    return installed


class TestGiven:
    def test_each_module_is_listed(self, given: Trial) -> None:
        listed = given.environment.plugins(*(word for m in MODULES for word in ("-p", m)), cwd=given.author)
        assert set(MODULES) <= {name.split(":")[-1] for name in listed}

    def test_settings_of_every_sort_are_read_again(self, given: Trial) -> None:
        """Runs with settings of every sort are trained again, to the same bits."""
        given.expect_success(["verify", given.author / "runs" / f"given-{name}"] for name in RUNS)

    def test_runs_are_predicted_verified_and_drawn_from_any_folder(self, given: Trial) -> None:
        given.expect_success(given.uses("given", ONE_OF_EACH))

    def test_a_killed_run_is_resumed_from_any_folder_to_the_same_bits(self, given: Trial) -> None:
        runs = [given.author / "runs" / f"killed-{name}" for name in DYING[:2]]
        given.expect_success(["resume", run] for run in runs)
        given.expect_success(["verify", run] for run in runs)

    def test_workers_compare_them(self, given: Trial) -> None:
        command = ["compare", "--data", "iris", "--activation", "cube,bend", "-p", "trial_activations"]
        options = ["--seeds", "3", "--iterations", "30", "--workers", "2", "--out", "runs/compared"]
        given.expect_success([[*command, *options]], given.author)


class TestInstalled:
    def test_each_is_ready_and_the_doctor_has_nothing_to_note(self, installed: Trial) -> None:
        listed = installed.environment.plugins(cwd=installed.elsewhere)
        expected = {f"{name}:{plugin}" for name, plugins in ENTRY_POINTS.items() for plugin in plugins}
        assert {name: listed[name]["state"] for name in expected} == dict.fromkeys(expected, "ready")
        done = installed.run("plugins", "doctor")
        assert done.returncode == 0
        assert "note" not in done.stdout

    def test_each_passes_its_checks(self, installed: Trial) -> None:
        files = ["--file", "json-lines=trees.jsonl", "--file", "folder-of-text=letters"]
        commands = [["plugins", "check", name, *(files if name == "trial-sources" else [])] for name in ENTRY_POINTS]
        installed.expect_success(commands, installed.author)

    def test_runs_made_by_either_way_are_used_from_any_folder(self, installed: Trial) -> None:
        installed.expect_success(installed.uses("given", ONE_OF_EACH))
        installed.expect_success(installed.uses("installed", ONE_OF_EACH))

    def test_a_run_that_was_killed_before_is_resumed(self, installed: Trial) -> None:
        runs = [installed.author / "runs" / f"killed-{name}" for name in DYING[2:]]
        installed.expect_success(["resume", run] for run in runs)
        installed.expect_success(["verify", run] for run in runs)

    def test_objects_of_a_module_are_plugins(self, installed: Trial) -> None:
        train = ["train", "--data", "iris", *OBJECT.split(), "--iterations", "30", "--out", "runs/installed-object"]
        installed.expect_success([train], installed.author)
        installed.expect_success(installed.uses("installed", ["object"]))

    def test_module_and_plugin_are_one_where_both_are_there(self, installed: Trial) -> None:
        names = ("cube", "all", "diary", "letters")
        installed.expect_success((installed.train(n, f"both-{n}") for n in names), installed.author)
        done = installed.run("train", "runs/both-diary/experiment.toml", "--out", "runs/once", cwd=installed.author)
        assert done.returncode == 0
        assert done.stderr.count("diary: finished") == 1

    def test_workers_compare_them(self, installed: Trial) -> None:
        options = ["--seeds", "2", "--iterations", "30", "--workers", "2", "--out", "runs/compared-installed"]
        command = ["compare", "--data", "iris", "--optimizer", "plain,scheduled", *options]
        installed.expect_success([[*command, "--callback", "slowing", "--metric", "brier-score"]], installed.author)

    def test_without_them_a_callback_and_a_metric_are_not_available(self, installed: Trial) -> None:
        for kind, name in {"callback": "slowing", "metric": "brier-score"}.items():
            done = installed.run("train", "--data", "iris", f"--{kind}", name, "--without", f"trial-{kind}s")
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 1
            assert f"no {kind} {name!r}; available: " in done.stderr


class TestUninstalled:
    def test_runs_made_with_the_modules_are_used_as_before(self, uninstalled: Trial) -> None:
        uninstalled.expect_success(uninstalled.uses("given", ONE_OF_EACH))

    def test_runs_made_with_the_wheels_say_what_to_install(self, uninstalled: Trial) -> None:
        for name in ("cube", "all", "letters", "scheduled", "recall"):
            run = uninstalled.author / "runs" / f"installed-{name}"
            done = uninstalled.run("train", run / "experiment.toml", "--out", "runs/never")
            assert done.returncode == 1
            assert len(done.stderr.splitlines()) <= 2
            assert f"pip install {RUNS[name][0].replace('_', '-')}==1.0" in done.stderr

    def test_what_they_say_is_enough(self, uninstalled: Trial) -> None:
        name = "trial-activations==1.0"
        uninstalled.environment.pip("install", "--no-index", "--no-deps", "--find-links", uninstalled.wheels, name)
        uninstalled.expect_success(uninstalled.uses("installed", ["cube", "bend"]))

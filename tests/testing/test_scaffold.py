"""The repository of a new plugin: complete, clean and working."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from processes import Call

import modnet
from modnet.cli.plugins import new
from modnet.host.kinds import KINDS, OBSERVER
from modnet.testing import scaffold as new_plugin
from modnet.testing.scaffold import NewPlugin

YEAR = datetime.now().astimezone().year
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=9)
# A name whose class's kebab case is another one, and the longest.
NAMES = {
    "activation": "relu-6",
    "layer": "scale-and-shift",
    "loss": "a-b-c",
    "gradient": "x" * 30,
    "optimizer": "steady",
    "metric": "sure-hits",
    "data-source": "trees",
    "callback": "low-loss",
    "observer": "journal",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a new plugin of each kind."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in NAMES.items():
        NewPlugin(kind, name).write(folder / kind)
    return folder


@pytest.fixture(params=list(NAMES))
def plugin(request: pytest.FixtureRequest, written: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewPlugin]:
    """Load a new plugin of each kind from its repository, as `-p` does."""
    plugin = NewPlugin(request.param, NAMES[request.param])
    monkeypatch.syspath_prepend(written / plugin.kind)
    importlib.invalidate_caches()
    modnet.compose.plugins.load_plugins(modules=[plugin.module])
    yield plugin
    sys.modules.pop(plugin.module)
    modnet.compose.plugins.load_plugins()


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(new, [str(argument) for argument in arguments])


def test_the_help_shows_the_next_commands_a_line_each() -> None:
    lines = call("--help").output.splitlines()
    assert "    modnet plugins" in lines
    assert "    pytest modnet-NAME" in lines


class TestWhatIsWritten:
    def test_a_repository_has_all_that_it_needs(self, written: Path) -> None:
        found = {path.relative_to(written / "optimizer").as_posix() for path in (written / "optimizer").rglob("*.*")}
        assert found | {"LICENSE"} == {
            ".github",
            ".github/workflows/test.yml",
            ".gitignore",
            "LICENSE",
            "README.md",
            "modnet_steady.py",
            "pyproject.toml",
            "tests/test_steady.py",
        }

    @pytest.mark.parametrize("kind", NAMES)
    def test_no_word_of_a_template_is_left(self, written: Path, kind: str) -> None:
        for path in filter(Path.is_file, (written / kind).rglob("*")):
            text = path.read_text(encoding="utf-8").replace("${{ matrix.", "")
            assert not re.search(r"\$\w|\$\{|TODO|\bNAME\b", text), path

    def test_the_metadata_is_complete(self, written: Path) -> None:
        table = tomllib.loads((written / "activation" / "pyproject.toml").read_text(encoding="utf-8"))
        project = table["project"]
        assert (project["name"], project["license"]) == ("modnet-relu-6", "MIT")
        assert project["entry-points"] == {"modnet": {"relu-6": "modnet_relu_6"}}
        needed = {r.name: r for r in map(Requirement, [*project["dependencies"], *table["dependency-groups"]["dev"]])}
        assert {op.operator for r in needed.values() for op in r.specifier} == {">="}
        assert str(needed["modnet-workbench"].specifier) == f">={modnet.__version__}"

    def test_the_licence_is_of_this_year_and_its_authors(self, written: Path) -> None:
        lines = (written / "loss" / "LICENSE").read_text(encoding="utf-8").splitlines()
        assert lines[2] == f"Copyright (c) {YEAR} the modnet-a-b-c authors"
        assert lines[-1].endswith("SOFTWARE.")

    def test_each_class_is_held_to_its_contract_in_a_line(self, written: Path) -> None:
        checks = {
            "activation": "check_activation(Relu6())",
            "layer": "check_layer(ScaleAndShift())",
            "loss": "check_loss(ABC())",
            "gradient": f"check_gradient_estimator(X{'x' * 29}())",
            "optimizer": "check_optimizer(Steady())",
            "metric": "check_metric(SureHits())",
            "data-source": "check_data_source(Trees(), file=file)",
            "callback": "check_callback(LowLoss())",
            "observer": "check_observer(plugin)",
        }
        for kind, line in checks.items():
            (tests,) = (written / kind / "tests").iterdir()
            assert f"    {line}\n" in tests.read_text(encoding="utf-8")

    @pytest.mark.parametrize("what", [("check",), ("format", "--check", "--diff")], ids=["check", "format"])
    def test_it_pleases_ruff_as_it_comes(self, written: Path, what: tuple[str, ...]) -> None:
        for kind in NAMES:
            done = run("ruff", *what, "--isolated", "--no-cache", cwd=written / kind)
            assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.check
    def test_it_pleases_a_strict_type_checker(self, written: Path) -> None:
        modules = [written / kind / f"{NewPlugin(kind, name).module}.py" for kind, name in NAMES.items()]
        done = run("mypy", "--strict", "--config-file", "", *modules, cwd=written)
        assert done.returncode == 0, done.stdout + done.stderr


class TestAtWork:
    def test_it_is_had_by_its_name(self, plugin: NewPlugin) -> None:
        if plugin.kind == OBSERVER.name:
            followers = modnet.compose.plugins.get_host().list_followers()
            assert plugin.module in [follower.name for follower in followers]
            return
        part = modnet.compose.parts.make_part(plugin.kind, plugin.name)
        assert isinstance(part, KINDS[plugin.kind].interface)
        assert type(part).__name__ == plugin.class_name

    def test_its_example_is_right(self, plugin: NewPlugin) -> None:
        outcome = doctest.testmod(importlib.import_module(plugin.module))
        assert (outcome.failed, outcome.attempted > 0) == (0, True)

    def test_it_trains(self, plugin: NewPlugin, tmp_path: Path, call: Call) -> None:
        rows = [f"{'fir' if i % 3 else 'yew'} {i % 3}.5 {i % 5}" for i in range(40)]
        (tmp_path / "some.trees").write_text("\n".join(rows), encoding="utf-8")
        options = {
            "data-source": ("--data", "some.trees"),
            "gradient": ("--gradient", plugin.name, "--hidden", "1"),
            "layer": (
                "--set",
                f'network.layers=["{plugin.name}", "flatten", {{name = "dense", units = 10}}, "softmax"]',
            ),
            "observer": (),
        }.get(plugin.kind, (f"--{plugin.kind}", plugin.name))
        exact = () if plugin.kind == "gradient" else ("--gradient", "backpropagation")
        size = "3" if plugin.kind == "gradient" else "300"
        arguments = ("-p", plugin.module, *options, *exact, "--iterations", size, "--out", "run")
        done = call("train", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        with (tmp_path / "run" / "history.csv").open(encoding="utf-8") as history:
            losses = [float(line.split(",")[1]) for line in history.readlines()[1:]]
        assert np.mean(losses[-3:]) < losses[0]
        if plugin.kind == OBSERVER.name:
            lines = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
            assert (json.loads(lines[-1])["iteration"], json.loads(lines[-1])["status"]) == (300, "finished")

    @pytest.mark.parametrize(
        "plugin",
        [
            kind if kind in {"activation", "data-source"} else pytest.param(kind, marks=pytest.mark.check)
            for kind in NAMES
        ],
        indirect=True,
    )
    def test_its_own_tests_pass(self, plugin: NewPlugin, written: Path) -> None:
        conftest = f"import modnet.compose.plugins\nmodnet.compose.plugins.load_plugins(modules=[{plugin.module!r}])\n"
        (written / plugin.kind / "conftest.py").write_text(conftest, encoding="utf-8")  # as it is not installed
        done = run("pytest", "-q", "-p", "no:cacheprovider", cwd=written / plugin.kind)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 passed" in done.stdout

    def test_a_mistake_in_a_file_is_found_by_its_line(self, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(written / "data-source")
        source = importlib.import_module("modnet_trees").Trees()
        file = written / "bad.trees"
        for text, words in {
            "fir 1 2\nyew 1\n": "line 2: expected a label and 2 numbers, found 1 numbers",
            "fir\n": "line 1: expected a label and some numbers, found 0 numbers",
            "fir 1\n\nyew one\n": "line 3: could not convert string to float: 'one'",
            "\n": "there is no sample in it",
        }.items():
            file.write_text(text, encoding="utf-8")
            with pytest.raises(modnet.DataError, match=words) as caught:
                source.read(file)
            line = re.match(r"line (\d)", words)
            assert (caught.value.path, caught.value.line) == (file, int(line[1]) if line else None)


class TestNames:
    @given(st.lists(WORDS, min_size=1, max_size=3).map("-".join), st.sampled_from(list(KINDS)))
    def test_whatever_may_be_a_name_makes_a_module_that_registers_it(self, name: str, kind: str) -> None:
        plugin = NewPlugin(kind, name)
        try:
            plugin.check()
        except modnet.ModnetError:
            return
        assert f"{plugin.module}.{plugin.class_name}".replace(".", "_").isidentifier()
        files = plugin.files()
        namespace: dict[str, object] = {"__name__": plugin.module}
        sys.modules[plugin.module] = new_plugin  # what attrs looks names up in
        try:
            exec(compile(files[f"{plugin.module}.py"], plugin.module, "exec"), namespace)  # noqa: S102
        finally:
            del sys.modules[plugin.module]
        found: list[str] = []
        namespace[KINDS[kind].hook](  # type: ignore[operator]
            lambda cls, name=None: found.append(name or modnet.interfaces.kebab_case(cls))
        )
        assert found == [name]
        assert max(map(len, files[f"{plugin.module}.py"].splitlines())) <= 100

    @pytest.mark.parametrize(
        ("name", "words"),
        {
            "Soft": "NAME: expected lower-case words joined by hyphens, a letter first, at most 30 characters, found '",
            "soft_cap": "found 'soft_cap'",
            "6-relu": "found '6-relu'",
            "soft--cap": "found 'soft--cap'",
            "../soft": "found '../soft'",
            "": "found ''",
            "x" * 31: "at most 30 characters",
            "sóft": "found 'sóft'",
            "none": "the class None would hide Python's own",
            "value-error": "the class ValueError would hide Python's own",
            "modnet-soft": "NAME: the prefix 'modnet-' is added automatically: give 'soft'",
            "relu": "the activation name 'relu' is modnet's: choose another",
            "leaky-relu": "is modnet's",
        }.items(),
    )
    def test_what_cannot_be_one_is_refused(self, name: str, words: str, tmp_path: Path) -> None:
        with pytest.raises(modnet.ModnetError) as refused:
            NewPlugin("activation", name).write(tmp_path / "new")
        assert words in str(refused.value)
        assert list(tmp_path.iterdir()) == []

    def test_another_kind_may_have_the_name(self) -> None:
        NewPlugin("loss", "relu").check()

    def test_an_unknown_kind_is_refused(self) -> None:
        with pytest.raises(modnet.UnknownNameError, match="no kind of part 'lost', did you mean 'loss'"):
            NewPlugin("lost", "some").check()

    def test_what_is_registered_here_is_refused_too(self) -> None:
        class Some(modnet.Activation):
            def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
                return a

        undo = modnet.register(Some)
        try:
            with pytest.raises(modnet.PluginError, match="'some' is session's"):
                NewPlugin("activation", "some").check()
        finally:
            undo()


class TestFolder:
    def test_what_is_there_is_left_alone(self, tmp_path: Path) -> None:
        for there in ("folder", "file", "link"):
            path = tmp_path / there
            {"folder": path.mkdir, "file": path.touch, "link": lambda p=path: p.symlink_to("nowhere")}[there]()
            with pytest.raises(modnet.DataError, match=f"{there}: it exists already: choose another folder with --out"):
                NewPlugin("activation", "some").write(path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]
        assert list((tmp_path / "folder").iterdir()) == []

    def test_its_parent_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(modnet.DataError, match="there is no folder"):
            NewPlugin("activation", "some").write(tmp_path / "nowhere" / "some")

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_nothing_half_written_is_left(
        self, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, written = Path.write_text, []

        def failing(path: Path, *arguments: str, **settings: str) -> int:
            if len(written) == 4:
                raise error
            written.append(path)
            return real(path, *arguments, **settings)

        monkeypatch.setattr(Path, "write_text", failing)
        with pytest.raises(type(error)):
            NewPlugin("activation", "some").write(tmp_path / "some")
        assert len(written) == 4
        assert list(tmp_path.iterdir()) == []


class TestCommand:
    def test_it_writes_and_tells_what_comes_next(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        done = call("soft-cap", "--kind", "activation")
        assert done.exit_code == 0, done.output
        assert (tmp_path / "modnet-soft-cap" / "modnet_soft_cap.py").is_file()
        lines = done.output.splitlines()
        assert f"  {Path('modnet-soft-cap', 'pyproject.toml')}" in lines
        assert lines[-1] == (
            "SoftCap in modnet_soft_cap.py is the activation 'soft-cap'; install it: pip install -e modnet-soft-cap"
        )

    def test_it_writes_into_the_folder_that_is_given(self, tmp_path: Path) -> None:
        assert call("soft-cap", "--kind", "loss", "--out", tmp_path / "mine").exit_code == 0
        assert (tmp_path / "mine" / "modnet_soft_cap.py").is_file()

    def test_a_kind_must_be_given_and_be_one(self) -> None:
        for arguments in (("some",), ("some", "--kind", "lost")):
            done = call(*arguments)
            assert done.exit_code == 2
            assert all(kind in done.output for kind in NAMES)

    def test_mistakes_are_modnets_own(self, tmp_path: Path) -> None:
        done = call("relu", "--kind", "activation", "--out", tmp_path / "mine")
        assert isinstance(done.exception, modnet.PluginError)
        assert isinstance(new, click.Command)

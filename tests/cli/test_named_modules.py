"""Modules named by -p or by runs, and installed as plugins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest
from environments import Environment, wheel_of
from processes import run_warm

from modnet.cli.given import find_given, give_modules
from modnet.errors import PluginError
from modnet.runs.missing_plugins import make_finder
from modnet.runs.receipt import Receipt

QUICK = ("--gradient", "backpropagation", "--hidden", "2", "--iterations", "3")
CUBE = """
import sys
import modnet
from my_power import power

class Cube(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return power(a)

    def backward(self, a, z, dz, axis=-1):
        return dz * 3 * a**2

@modnet.hookimpl
def register_activations(register):
    register(Cube)

hooks = sys.modules[__name__]
"""
POWER = "def power(a):\n    return a**3\n"


@attrs.frozen
class Place:
    """A user's folders: a project with a module, another folder to be in, site-packages, config and cache."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def elsewhere(self) -> Path:
        return self.root / "else where"

    @property
    def run(self) -> Path:
        return self.project / "runs/r"

    @property
    def environment(self) -> dict[str, str]:
        paths = f"{self.root / 'site'}:{self.root / 'linked'}"
        own = {"PYTHONPATH": paths, "MODNET_CONFIG": f"{self.root}/config", "MODNET_CACHE": f"{self.root}/cache"}
        return {**os.environ, **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def write_module(self, folder: Path, name: str = "my_cube", *, power: str = POWER) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(CUBE)
        (folder / "my_power.py").write_text(power)

    def install(self, value: str = "my_cube", *, is_editable: bool = False, power: str = POWER) -> None:
        """Install the project's module as a wheel leaves it, or as an editable install does."""
        site, info = self.root / "site", self.root / "site/modnet_cube-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modnet-cube\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[modnet]\ncube = {value}\n")
        if is_editable:
            (self.root / "linked").symlink_to(self.project)
        else:
            self.write_module(site, power=power)

    def uninstall(self) -> None:
        shutil.rmtree(self.root / "site")
        (self.root / "linked").unlink(missing_ok=True)

    def modnet(self, folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = run_warm(*arguments, cwd=folder, environment=self.environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def shell(self, folder: Path, line: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["sh", "-c", line], cwd=folder, env=self.environment, capture_output=True, text=True, timeout=200
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def list_cubes(self, folder: Path, *arguments: str) -> list[tuple[str, str]]:
        """Return the distribution and the state of each plugin that may provide the cube."""
        done = self.modnet(folder, "plugins", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        others = [each for each in json.loads(done.stdout) if each["distribution"] != "modnet"]
        return [(each["distribution"], each["state"]) for each in others]


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("named"))
    place.write_module(place.project)
    place.elsewhere.mkdir()
    done = place.modnet(place.project, "train", "-p", "my_cube", "--activation", "cube", *QUICK, "--out", place.run)
    assert done.returncode == 0, done.stderr
    (place.project / "x.csv").write_text(",".join(["0"] * 784) + "\n")
    return place


@pytest.fixture
def place(_made: Place, tmp_path: Path) -> Place:
    """Return a user who has made a run with -p; the folders were moved since, and the module was approved again."""
    moved = Place(Path(shutil.copytree(_made.root, tmp_path / "user")).resolve())
    approvals = json.loads((moved.root / "config/approved.json").read_bytes())
    for approval in approvals["modules"]:
        approval["folder"] = str(moved.project)
    (moved.root / "config/approved.json").write_text(json.dumps(approvals))
    for path in (moved.run / "receipt.json",):
        receipt = Receipt.read(path.parent)
        plugins = [
            attrs.evolve(each, file=each.file and str(moved.project / "my_cube.py")) for each in receipt.latest.plugins
        ]
        attrs.evolve(receipt, segments=(attrs.evolve(receipt.latest, plugins=tuple(plugins)),)).write(path.parent)
    return moved


def commands(place: Place) -> list[list[Any]]:
    """Return the commands that follow a run; each ends with status 0."""
    run, project = place.run, place.project
    return [
        ["predict", run, project / "x.csv"],
        ["predict", run, project / "x.csv", "-p", project / "my_cube.py"],
        ["verify", run],
        ["verify", run, "-p", project / "my_cube.py"],
        ["plot", run, "-p", project / "my_cube.py"],
        ["resume", place.root / "longer", "--iterations", "5"],
        ["verify", place.root / "longer"],
        ["train", run / "experiment.toml", "--out", place.root / "again", "--overwrite"],
        ["compare", run / "experiment.toml", "--hidden", "2,3", "--seeds", "1", "--workers", "2", "--out",
         place.root / "compared"],
        ["gradient-check", run / "experiment.toml"],
        ["plugins", "check", "my_cube", "-p", project / "my_cube.py"],
    ]  # fmt: skip


def check_commands(place: Place, folder: Path) -> None:
    shutil.copytree(place.run, place.root / "longer")
    for command in commands(place):
        done = place.modnet(folder, *command)
        assert done.returncode == 0, (folder, command, done.stdout + done.stderr)
        assert "is taken, and not" not in done.stderr
        assert command[0] != "verify" or "identical: " in done.stdout


class TestInstalled:
    """A module that -p names and the plugin that is installed from the same code are one."""

    @pytest.mark.parametrize(
        ("value", "is_editable"),
        [
            ("my_cube", False),
            pytest.param("my_cube:hooks", False, marks=pytest.mark.check),
            pytest.param("my_cube", True, marks=pytest.mark.check),
            pytest.param("my_cube : hooks", True, marks=pytest.mark.check),
        ],
    )
    def test_it_is_listed_once(self, place: Place, value: str, is_editable: bool) -> None:
        place.install(value, is_editable=is_editable)
        assert place.list_cubes(place.project, "-p", "my_cube", "-p", "./my_cube.py") == [("modnet-cube", "loaded")]
        assert place.list_cubes(place.elsewhere, "-p", "my_cube") == [("modnet-cube", "loaded")]
        assert place.list_cubes(place.elsewhere, "--without", "my_cube") == [("modnet-cube", "disabled")]

    def test_a_run_made_before_is_verified_after(self, place: Place) -> None:
        """Also where the project is gone, and with what the module imports from its folder."""
        place.install()
        place.project.joinpath("my_cube.py").unlink()
        done = place.modnet(place.elsewhere, "verify", place.run)
        assert "plugin    as it was" in done.stdout
        assert "identical: 3 iterations" in done.stdout, done.stdout + done.stderr

    @pytest.mark.check
    @pytest.mark.parametrize(
        ("value", "is_editable", "folder"),
        [
            (None, False, "else where"),
            ("my_cube", False, "project"),
            ("my_cube", False, "else where"),
            ("my_cube", True, "project"),
            ("my_cube:hooks", False, "project"),
            ("my_cube:hooks", True, "else where"),
        ],
    )
    def test_every_command_works_before_and_after(
        self, place: Place, value: str | None, is_editable: bool, folder: str
    ) -> None:
        if value:
            place.install(value, is_editable=is_editable)
        check_commands(place, place.root / folder)

    @pytest.mark.check
    def test_a_comparison_is_continued_after(self, place: Place) -> None:
        """Also where -p names what its file names already."""
        compare = ("compare", place.run / "experiment.toml", "--hidden", "2,3", "--workers", "2", "--out", "compared")
        for given in ((), ("-p", place.project / "my_cube.py")):
            assert place.modnet(place.elsewhere, *compare, "--seeds", "1", *given).returncode == 0
        place.install()
        done = place.modnet(place.elsewhere, *compare, "--seeds", "2")
        assert done.returncode == 0, done.stderr

    @pytest.mark.check
    def test_a_package(self, place: Place) -> None:
        for folder in (place.project / "my_pack", place.root / "site/my_pack"):
            place.write_module(folder, "deep")
            (folder / "deep.py").write_text(CUBE.replace("my_power", ".my_power"))
            (folder / "__init__.py").write_text("")
        made = place.modnet(
            place.project, "train", "-p", "my_pack/deep.py", "--activation", "cube", *QUICK, "--out", "q"
        )
        assert made.returncode == 0, made.stderr
        assert '"my_pack.deep"' in (place.project / "q/experiment.toml").read_text()
        info = place.root / "site/modnet_cube-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modnet-cube\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[modnet]\ncube = my_pack.deep\n")
        assert place.list_cubes(place.project, "-p", "my_pack.deep") == [("modnet-cube", "loaded")]
        for folder in (place.project, place.elsewhere):
            done = place.modnet(folder, "verify", place.project / "q")
            assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.check
    def test_a_run_made_by_the_installed_plugin_says_what_it_lacks_or_works(self, place: Place) -> None:
        place.install()
        made = place.modnet(place.elsewhere, "train", "--activation", "cube", *QUICK, "--out", "q")
        assert made.returncode == 0, made.stderr
        place.uninstall()
        rows = place.project / "x.csv"
        done = place.modnet(place.elsewhere, "predict", "q", rows)
        assert "comes from modnet-cube 1.0, which is not installed: pip install modnet-cube==1.0" in done.stderr
        given = ("-p", place.project / "my_cube.py")
        assert place.modnet(place.elsewhere, "predict", "q", rows, *given).returncode == 0
        done = place.modnet(place.elsewhere, "verify", "q", *given)
        assert "\nplugin    as it was\n" in done.stdout  # the same code
        assert done.returncode == 0
        assert "identical: 3 iterations" in done.stdout
        (place.project / "my_cube.py").write_text(f"{CUBE}# other code\n")
        done = place.modnet(place.elsewhere, "verify", "q", *given)
        assert done.returncode == 1
        assert "activation cube: modnet-cube (my_cube) then, my_cube (my_cube) now" in done.stdout
        done = place.modnet(place.elsewhere, "verify", "q", *given, "--accept")
        assert "identical: 3 iterations" in done.stdout

    @pytest.mark.check
    def test_a_qualified_name_still_finds_it(self, place: Place) -> None:
        other = place.root / "site/other_cube-1.0.dist-info"
        other.mkdir(parents=True)
        (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other-cube\nVersion: 1.0\n")
        (other / "entry_points.txt").write_text("[modnet]\nother = other_cube\n")
        (place.root / "site/other_cube.py").write_text(CUBE.replace("from my_power", "from other_power"))
        (place.root / "site/other_power.py").write_text(POWER)
        assert place.list_cubes(place.project) == [("other-cube", "ready")]  # by now it has said what it provides
        made = place.modnet(
            place.project, "train", "-p", "my_cube", "--activation", "my_cube:cube", *QUICK, "--out", "q"
        )
        assert made.returncode == 0, made.stderr
        place.install()
        for folder in (place.project, place.elsewhere):
            done = place.modnet(folder, "verify", place.project / "q")
            assert "identical: 3 iterations" in done.stdout, done.stdout + done.stderr
            assert place.modnet(folder, "predict", place.project / "q", place.project / "x.csv").returncode == 0

    @pytest.mark.check
    def test_a_real_wheel(self, environment: Environment, tmp_path: Path) -> None:
        source = CUBE.replace("from my_power import power", POWER)
        (tmp_path / "modnet_cubed.py").write_text(source)
        made = environment.modnet(
            "train", "-p", "modnet_cubed", "--activation", "cube", *QUICK, "--out", "r", cwd=tmp_path
        )
        assert made.returncode == 0, made.stderr
        environment.pip("install", "--no-deps", wheel_of(tmp_path, "modnet-cubed", source))
        try:
            for folder in (tmp_path, environment.folder):
                for arguments in (("verify", tmp_path / "r"), ("plugins", "-p", "modnet_cubed")):
                    done = environment.modnet(*arguments, cwd=folder)
                    assert done.returncode == 0, done.stdout + done.stderr
        finally:
            environment.pip("uninstall", "--yes", "modnet-cubed")
        assert environment.modnet("verify", tmp_path / "r", cwd=environment.folder).returncode == 0


class TestOtherCode:
    """Of a module in a folder and an installed one of its name, it is said which is taken."""

    def test_the_one_that_is_named_is_taken(self, place: Place) -> None:
        place.install(power=POWER.replace("a**3", "a**3 + 1"))
        done = place.modnet(place.project, "plugins", "-p", "my_cube")
        taken, other = place.project / "my_cube.py", place.root / "site/my_cube.py"
        assert f"warning: {taken} is taken, and not {other}, which is other code" in done.stderr
        assert "cube  (modnet-cube 1.0)  disabled" in done.stdout
        assert "my_cube  (my_cube)  loaded" in done.stdout
        assert place.list_cubes(place.elsewhere, "-p", "my_cube") == [("modnet-cube", "loaded")]

    @pytest.mark.check
    def test_a_run_takes_the_approved_code_that_made_it_and_else_the_installed(self, place: Place) -> None:
        place.install(power=POWER.replace("a**3", "a**3 + 1"))
        done = place.modnet(place.elsewhere, "verify", place.run)
        assert "is taken, and not" in done.stderr
        assert "identical: 3 iterations" in done.stdout
        done = place.modnet(place.elsewhere, *commands(place)[8])
        assert (done.returncode, done.stderr.count("is taken, and not")) == (0, 1), done.stderr
        (place.root / "config/approved.json").unlink()
        done = place.modnet(place.elsewhere, "verify", place.run)
        assert "the first part that differs: plugin my_cube, the code of my_cube: (" in done.stdout

    @pytest.mark.check
    @pytest.mark.parametrize("folder", ["else where", "project"])
    def test_another_module_of_its_name_in_the_folder_is_said(self, place: Place, folder: str) -> None:
        where = place.root / folder
        another = where / "my_cube.py" if folder == "else where" else place.project / "sub/my_cube.py"
        another.parent.mkdir(exist_ok=True)
        another.write_text("import modnet\n")
        done = place.modnet(another.parent, "predict", place.run, place.project / "x.csv")
        assert f"{place.project / 'my_cube.py'} is taken, and not {another}, which is another" in done.stderr
        assert done.returncode == 0
        (place.root / "config/approved.json").unlink()
        done = place.modnet(another.parent, "predict", place.run, place.project / "x.csv")
        advice = done.stderr.rpartition("approve it: ")[2]
        assert place.shell(another.parent, advice).returncode == 0, advice  # it is the run's, and not the other one
        assert place.modnet(another.parent, "predict", place.run, place.project / "x.csv").returncode == 0


class TestPlaceOfTheModule:
    """A run knows where its module was; what its receipt says is believed of no file."""

    def test_the_receipt_has_it(self, place: Place) -> None:
        (origin,) = (each for each in Receipt.read(place.run).latest.plugins if each.name == "cube")
        assert origin.file == str(place.project / "my_cube.py")

    @pytest.mark.check
    def test_a_moved_module_is_approved_as_advised(self, place: Place) -> None:
        """And then it is found, whatever folder the user is in and the run lies in."""
        run = shutil.copytree(place.run, place.root / "it's moved/r")
        rows = shutil.copy(place.project / "x.csv", place.root / "x.csv")
        predict = ("predict", run, rows)
        assert place.modnet(place.elsewhere, *predict).returncode == 0
        moved = place.root / "new place;"
        place.project.rename(moved)
        done = place.modnet(place.elsewhere, *predict)
        assert f"which is not found; it was {place.project / 'my_cube.py'}: approve it where it is now" in done.stderr
        advice = done.stderr.strip().rpartition("in its folder: ")[2]
        assert place.shell(moved, advice).returncode == 0
        for folder in (place.elsewhere, moved):
            assert place.modnet(folder, *predict).returncode == 0

    @pytest.mark.check
    def test_the_advice_names_a_file_for_the_shell(self, place: Place) -> None:
        moved = place.root / "it's; $HOME"
        place.project.rename(moved)
        run, rows = moved / "runs/r", moved / "x.csv"
        done = place.modnet(place.elsewhere, "predict", run, rows)
        advice = done.stderr.strip().rpartition("approve it: ")[2]
        assert place.shell(place.elsewhere, advice).returncode == 0, advice
        assert place.modnet(place.elsewhere, "predict", run, rows).returncode == 0

    @pytest.mark.check
    def test_of_two_approved_ones_it_is_the_one_that_made_the_run(self, place: Place) -> None:
        changed = place.root / "changed"
        place.write_module(changed, power=POWER.replace("a**3", "a**3 + 1"))
        assert place.modnet(changed, "plugins", "-p", "my_cube").returncode == 0
        run = shutil.move(place.run, place.root / "r")
        for folder in (changed, place.elsewhere):
            done = place.modnet(folder, "verify", run)
            assert "identical: 3 iterations" in done.stdout, done.stdout + done.stderr
            assert ("is taken, and not" in done.stderr) == (folder == changed)

    @pytest.mark.parametrize(
        "file",
        ["my_cube.py", "/", "/my_cube.py", "/nowhere/my_cube.py", "/a\0/my_cube.py", f"/{'a' * 300}/my_cube.py",
         "/dev/fd/0/my_cube.py", "\x1b[31m/my_cube.py", "//evil/share/my_cube.py", "/x/$(touch ran)/my_cube.py"],
    )  # fmt: skip
    def test_a_forged_one_imports_nothing(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
    ) -> None:
        monkeypatch.setenv("MODNET_CONFIG", str(tmp_path / "none"))
        receipt = Receipt.read(place.run)
        plugins = tuple(attrs.evolve(each, file=each.file and file) for each in receipt.latest.plugins)
        attrs.evolve(receipt, segments=(attrs.evolve(receipt.latest, plugins=plugins),)).write(place.run)
        (place.project / "my_cube.py").unlink()
        monkeypatch.chdir(place.elsewhere)
        with pytest.raises(PluginError, match="names the module 'my_cube', which is not found") as caught:
            make_finder(place.run / "experiment.toml")("my_cube").load()
        assert str(caught.value).isprintable()
        assert "my_cube" not in sys.modules

    def test_older_receipts_have_none(self, place: Place) -> None:
        path = place.run / "receipt.json"
        table = json.loads(path.read_bytes())
        for origin in table["segments"][0]["plugins"]:
            del origin["file"]
        old = {**{key: value for key, value in table.items() if key != "sha256"}, "format": 2}
        path.write_text(json.dumps({**old, "sha256": sha256(json.dumps(old, sort_keys=True).encode()).hexdigest()}))
        done = place.modnet(place.elsewhere, "verify", place.run)
        assert "identical: 3 iterations" in done.stdout, done.stdout + done.stderr


class TestGiven:
    """Values of -p: the name of a module, its file, or the folder of its package."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("my_cube.py", "my-cube.py", "3d.py", "pack/__init__.py", "pack/deep/__init__.py", "bare/part.py",
                     "pack/deep/part.py", "my-pack/__init__.py", "sub/my_cube.py", "notes.txt"):  # fmt: skip
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize(
        ("given", "module", "folder"),
        [
            ("my_cube", "my_cube", "."),
            ("my_cube.py", "my_cube", "."),
            ("./my_cube.py", "my_cube", "."),
            ("{here}/my_cube.py", "my_cube", "."),
            ("sub/my_cube.py", "my_cube", "sub"),
            ("sub/../my_cube.py", "my_cube", "."),
            ("pack", "pack", "."),
            ("pack/", "pack", "."),
            ("./pack", "pack", "."),
            ("pack/__init__.py", "pack", "."),
            ("pack.deep.part", "pack.deep.part", "."),
            ("pack/deep/part.py", "pack.deep.part", "."),
            ("bare/part.py", "part", "bare"),
            ("bare.part", "bare.part", "."),
        ],
    )
    def test_names_and_files(self, tmp_path: Path, given: str, module: str, folder: str) -> None:
        assert find_given(given.format(here=tmp_path)) == (module, (tmp_path / folder).resolve())

    def test_a_package_from_within(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("pack")
        assert find_given(".") == ("pack", tmp_path.resolve())
        assert find_given("deep/part.py") == ("deep.part", tmp_path.resolve() / "pack")

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ("./my-cube.py", "'my-cube' cannot be a module's name: rename it, to 'my_cube'"),
            ("3d.py", "'3d' cannot be a module's name: rename it, to '_3d'"),
            ("my-pack", "'my-pack' cannot be a module's name: rename it, to 'my_pack'"),
            ("my-cube", "there is no module 'my-cube': give the name of a module, or its file"),
            ("gone.py", "there is no module 'gone.py': give the name of a module, or its file"),
            ("./gone", "there is no module './gone': give"),
            ("./notes.txt", "there is no module './notes.txt': give"),
            ("my_cube:hooks", "there is no module 'my_cube:hooks': give"),
            ("bare/", "bare/ is no package: it has no __init__.py: give"),
            (".", ". is no package: it has no __init__.py: give"),
            ("", "there is no module '': give"),
            ("a\0b", "there is no module 'a\\x00b': give"),
        ],
    )
    def test_what_is_none(self, given: str, words: str) -> None:
        with pytest.raises(PluginError) as caught:
            find_given(given)
        assert words in str(caught.value)

    def test_two_of_one_name(self) -> None:
        assert [plugin.module for plugin in give_modules(["my_cube", "./my_cube.py", "my_cube"])] == ["my_cube"]
        with pytest.raises(PluginError, match=r"two modules are named 'my_cube': in .*: rename one of the two"):
            give_modules(["my_cube", "sub/my_cube.py"])

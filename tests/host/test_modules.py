"""Modules that are imported as they were read, and other processes that import them."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modnet.errors import ModnetError, PluginError
from modnet.host.approval import list_granted, name_module
from modnet.host.discovery import PluginHost
from modnet.host.modules import Code, find_folder, find_imported, is_module_name, locate, read_code

PLUGIN = "import modnet\n@modnet.hookimpl\ndef run_ended(run):\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder to write modules into, which are forgotten at the end."""
    before, finders = set(sys.modules), list(sys.meta_path)
    yield tmp_path.resolve()
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path.resolve())):
            del sys.modules[name]


class TestWhatIsRead:
    """A module, and all that its import statements name in its folder."""

    @pytest.mark.parametrize(
        ("files", "module", "read"),
        [
            ({"td_a.py": ""}, "td_a", {"td_a.py"}),
            ({"td_a.py": "import td_b", "td_b.py": "", "td_c.py": ""}, "td_a", {"td_a.py", "td_b.py"}),
            ({"td_a.py": "from td_b import x", "td_b.py": "def f():\n import td_c", "td_c.py": ""}, "td_a",
             {"td_a.py", "td_b.py", "td_c.py"}),
            ({"td_a.py": "import td_p.x", "td_p/__init__.py": "", "td_p/x.py": "", "td_p/y/z.py": ""}, "td_a",
             {"td_a.py", "td_p/__init__.py", "td_p/x.py", "td_p/y/z.py"}),
            ({"td_p/__init__.py": "", "td_p/x.py": "import td_b", "td_b.py": ""}, "td_p",
             {"td_p/__init__.py", "td_p/x.py", "td_b.py"}),
            ({"td_p/__init__.py": "", "td_p/x.py": ""}, "td_p.x", {"td_p/__init__.py", "td_p/x.py"}),
            ({"td_n/x.py": "from . import y", "td_n/y.py": "from .z import w", "td_n/z.py": "", "td_n/o": ""}, "td_n.x",
             {"td_n/x.py", "td_n/y.py", "td_n/z.py"}),
            ({"td_a.py": "if:"}, "td_a", {"td_a.py"}),
            ({"td_a.py": "\x00"}, "td_a", {"td_a.py"}),
            ({"td_a.py": "import numpy, json, nowhere_at_all"}, "td_a", {"td_a.py"}),
        ],
    )  # fmt: skip
    def test_its_files(self, folder: Path, files: dict[str, str], module: str, read: set[str]) -> None:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        assert set(read_code(module, folder).files) == read

    @pytest.mark.parametrize("name", ["json", "numpy", "email"])
    def test_a_name_that_is_also_installed_is_asked_about(self, folder: Path, name: str) -> None:
        (folder / "td_a.py").write_text(f"from {name} import x")
        (folder / f"{name}.py").write_text("")
        with pytest.raises(PluginError, match=f"imports '{name}', which lies beside it and is .*: rename the one in "):
            read_code("td_a", folder)

    def test_a_device_or_a_pipe_is_no_module(self, folder: Path) -> None:
        (folder / "td_zero.py").symlink_to("/dev/zero")
        os.mkfifo(folder / "td_pipe.py")
        assert locate("td_zero", folder) is locate("td_pipe", folder) is None

    def test_a_large_file_is_refused(self, folder: Path) -> None:
        with (folder / "td_large.py").open("wb") as file:
            file.truncate(2**31)
        with pytest.raises(ModnetError, match="more than 16 MiB"):
            read_code("td_large", folder)

    def test_names(self) -> None:
        assert all(map(is_module_name, ["a", "a.b", "_x.y1", "값"]))
        assert not any(map(is_module_name, ["", ".a", "a.", "a..b", "../a", "a/b", "a b", "a" * 201, "1a", "a\n"]))

    def test_nothing_is_imported_to_find_it(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(folder)
        (folder / "td_p").mkdir()
        (folder / "td_p/__init__.py").write_text("raise RuntimeError")
        (folder / "td_p/x.py").write_text("raise RuntimeError")
        assert find_folder("td_p.x") == folder
        assert find_folder("td_nowhere.x") is find_folder("td_p.y") is find_folder("builtins") is None


class TestImport:
    def test_what_was_read_is_run_whatever_lies_there_now(self, folder: Path) -> None:
        (folder / "td_first.py").write_text("import td_second\nX = 1")
        (folder / "td_second.py").write_text("X = 1")
        code = read_code("td_first", folder)
        (folder / "td_first.py").write_text("X = 2")
        (folder / "td_second.py").unlink()
        module = code.load()
        assert (module.X, module.td_second.X, module.__file__) == (1, 1, str(folder / "td_first.py"))
        assert not (folder / "__pycache__").exists()

    def test_the_search_path_stays_as_it_is(self, folder: Path) -> None:
        (folder / "td_quiet.py").write_text("")
        before = list(sys.path)
        read_code("td_quiet", folder).load()
        assert sys.path == before
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("td_beside")

    def test_a_file_that_came_later_is_not_found_in_a_package(self, folder: Path) -> None:
        (folder / "td_pack").mkdir()
        (folder / "td_pack/__init__.py").write_text("")
        read_code("td_pack", folder).load()
        for name in ("late.py", "later.pyc"):
            (folder / "td_pack" / name).write_bytes(b"raise RuntimeError")
        for name in ("td_pack.late", "td_pack.later", "td_pack.json"):
            with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
                importlib.import_module(name)

    def test_a_namespace_package(self, folder: Path) -> None:
        (folder / "td_space").mkdir()
        (folder / "td_space/deep.py").write_text("from . import other\n")
        (folder / "td_space/other.py").write_text("X = 3")
        (folder / "td_space/unread.py").write_text("")
        assert read_code("td_space.deep", folder).load().other.X == 3
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("td_space.unread")

    def test_another_module_of_that_name_is_not_taken_instead(self, folder: Path) -> None:
        for name in ("a", "b"):
            (folder / name).mkdir()
            (folder / name / "td_twice.py").write_text("")
        read_code("td_twice", folder / "a").load()
        with pytest.raises(
            PluginError, match=r"the module 'td_twice' is imported already, from .*, or start Python anew"
        ):
            read_code("td_twice", folder / "b").load()


class TestOtherProcesses:
    """They import what this one has, as it was read, and nothing else."""

    @pytest.mark.parametrize("change", ["none", "another content", "removed"])
    def test_the_same_bytes_whatever_lies_there_now(self, folder: Path, change: str) -> None:
        (folder / "td_given.py").write_text("import td_beside\n" + PLUGIN)
        (folder / "td_beside.py").write_text("")
        host = PluginHost()
        host.load_module(name_module("td_given", None, [read_code("td_given", folder)]))
        sent = pickle.dumps(list_granted(host.plugins))
        for name in ("td_given", "td_beside"):
            del sys.modules[name]
            if change != "none":
                (folder / f"{name}.py").write_text("raise RuntimeError")
            if change == "removed":
                (folder / f"{name}.py").unlink()
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Code)]
        (granted,) = pickle.loads(sent)  # noqa: S301
        host = PluginHost()
        host.load_module(name_module("td_given", None, [granted]))
        assert [plugin.state for plugin in host.plugins] == ["loaded"]
        assert find_imported("td_given") == granted

    def test_a_module_that_the_program_imported_itself_goes_by_its_name(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "td_own.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(folder)
        host = PluginHost()
        host.load_module("td_own")
        (granted,) = list_granted(host.plugins)
        assert (granted.module, granted.files) == ("td_own", {})
        del sys.modules["td_own"]
        PluginHost().load_module(name_module("td_own", None, [granted]))
        assert find_imported("td_own") is None  # Python has found it, here too


def test_code_knows_the_digest_of_each_file() -> None:
    code = Code("a", Path("/x"), {"a.py": b""})
    assert code.digests == {"a.py": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

"""The catalogue of plugins that are asked once and not imported."""

from __future__ import annotations

import importlib
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_sources import CUBE
from processes import Call, wait_until

import modnet
from modnet import PluginError, UnknownNameError
from modnet.cli.data import clear_cache
from modnet.cli.plugins import format_json, format_not_asked, format_plugins
from modnet.compose import plugins
from modnet.compose.parts import find_name, list_usable_names
from modnet.compose.plugins import get_host
from modnet.compose.sources import is_data_set, recognise_source
from modnet.host import catalogue as asking
from modnet.host.catalogue import AT_ONCE, Answer, Catalogue
from modnet.host.discovery import PluginHost, answer
from modnet.host.entry_points import NOT_ASKED, Plugin, find_installed

TRACKER = """
import modnet

@modnet.hookimpl
def run_ended(run):
    run.append("{name}")
"""
SLEEPS = "import time\ntime.sleep({seconds})\n"
Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_hosts", [])


def a_host(*without: str) -> PluginHost:
    """Return a host as a new process has it."""
    host = PluginHost(without, Catalogue())
    host.load(find_installed())
    return host


def report_of(host: PluginHost, distribution: str) -> Plugin:
    (report,) = (report for report in host.plugins if report.distribution == distribution)
    return report


def is_alive(process: int) -> bool:
    """Say whether a process is there, and no zombie that nobody reaps."""
    status = Path(f"/proc/{process}/stat")
    if sys.platform == "linux":
        return status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class TestAsking:
    def test_nobody_is_asked_before_there_is_a_need(self, install: Install) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        host = a_host()
        assert report_of(host, "modnet-cubes").state == "not asked"
        assert host.registry.find("activation", "sigmoid").owner == "modnet"
        assert report_of(host, "modnet-cubes").state == "not asked"

    def test_what_no_built_in_has_is_found_in_the_catalogue_and_imported_when_its_class_is_asked_for(
        self, install: Install
    ) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        install("modnet-others", CUBE.format(name="Other"))
        host = a_host()
        found = host.registry.find("activation", "cube")
        assert (found.owner, "modnet_cubes" in sys.modules) == ("modnet-cubes", False)
        assert [report_of(host, f"modnet-{x}").state for x in ("cubes", "others")] == ["ready", "ready"]
        assert found.cls.__name__ == "Cube"
        assert [report_of(host, f"modnet-{x}").state for x in ("cubes", "others")] == ["loaded", "ready"]
        assert "modnet_others" not in sys.modules
        assert host.registry.name_for(found) == "cube", "also as it was before it was imported"

    def test_an_answer_holds_for_other_processes_until_the_code_is_another(self, install: Install) -> None:
        file = install("modnet-cubes", CUBE.format(name="Cube"))
        a_host().settle()
        assert report_of(a_host(), "modnet-cubes").state == "ready"
        file.write_text(CUBE.format(name="Quartic"))
        host = a_host()
        assert report_of(host, "modnet-cubes").state == "not asked"
        assert "quartic" in host.registry.names("activation")

    @pytest.mark.parametrize(
        ("ending", "state", "reason"),
        [
            ("__file__ = None", "ready", ""),
            ("import sys, types\nsys.modules[__name__] = types.SimpleNamespace(**globals())", "ready", ""),
            ("import sys\ndel sys.modules[__name__]", "broken", "KeyError: "),
        ],
    )
    def test_an_answer_is_that_of_the_code_that_was_asked_whatever_becomes_of_its_module(
        self, install: Install, ending: str, state: str, reason: str
    ) -> None:
        install("modnet-cubes", CUBE.format(name="Cube") + ending + "\n")
        a_host().settle()
        report = report_of(a_host(), "modnet-cubes")
        assert report.state == state
        assert report.reason.startswith(reason)

    @pytest.mark.parametrize("parts", [1, 2000])
    def test_an_answer_may_be_long(self, install: Install, parts: int) -> None:
        many = "".join(f"\n    register(Cube, 'cube-{i}')" for i in range(parts))
        install("modnet-cubes", CUBE.format(name="Cube") + many + "\n")
        host = a_host()
        host.settle()
        assert len(report_of(host, "modnet-cubes").components) == 1 + parts

    def test_a_broken_one_is_asked_again_when_something_was_installed(self, install: Install) -> None:
        install("modnet-cubes", "import modnet_support\n" + CUBE.format(name="Cube"))
        a_host().settle()
        assert "install what it needs" in report_of(a_host(), "modnet-cubes").reason
        install("modnet-support", TRACKER.format(name="support"))
        assert report_of(a_host(), "modnet-cubes").state == "not asked"
        host = a_host()
        host.settle()
        assert report_of(host, "modnet-cubes").state == "ready"

    @pytest.mark.parametrize("content", [b"", b"[]", b'{"answer": 1}', b'{"answer": {"provides": [1]}}', b"\xff"])
    def test_a_damaged_catalogue_is_no_catalogue(self, install: Install, tmp_path: Path, content: bytes) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        a_host().settle()
        (answer,) = (tmp_path / "cache" / "plugins").glob("*.json")
        answer.write_bytes(content)
        host = a_host()
        assert report_of(host, "modnet-cubes").state == "not asked"
        assert host.registry.find("activation", "cube").cls

    def test_without_a_folder_to_write_to_answers_hold_as_long_as_the_process(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "file"))
        install("modnet-cubes", CUBE.format(name="Cube"))
        host = a_host()
        assert host.registry.find("activation", "cube").cls
        assert report_of(a_host(), "modnet-cubes").state == "not asked"

    def test_a_flipped_bit_in_an_answer_is_found(self, install: Install, tmp_path: Path) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        a_host().settle()
        (answer,) = (tmp_path / "cache" / "plugins").glob("*.json")
        content = answer.read_bytes()
        for at in range(0, len(content), 50):
            answer.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert report_of(a_host(), "modnet-cubes").state == "not asked"

    def test_on_a_full_disk_answers_hold_as_long_as_the_process(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Full(io.BytesIO):
            def write(self, _: object) -> int:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
        install("modnet-cubes", CUBE.format(name="Cube"))
        assert a_host().registry.find("activation", "cube").cls
        assert report_of(a_host(), "modnet-cubes").state == "not asked"

    def test_who_cannot_be_asked_is_named_where_a_name_is_not_found(
        self, install: Install, monkeypatch: pytest.MonkeyPatch, call: Call
    ) -> None:
        monkeypatch.setattr(sys, "executable", "")
        file = install("modnet-cubes", CUBE.format(name="Cube"))
        with pytest.raises(UnknownNameError, match=r"no activation 'cube'.*see 'modnet plugins doctor': plugin"):
            modnet.activation("cube")
        done = call("plugins", "doctor", cwd=file.parent)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (
            1,
            f"0 of {len(find_installed())} plugins broken, 1 could not be asked",
        )

    def test_emptying_the_cache_forgets_the_answers(self, install: Install) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        a_host().settle()
        assert clear_cache() > 0
        assert report_of(a_host(), "modnet-cubes").state == "not asked"

    def test_two_that_ask_at_the_same_time_both_learn_it(self, install: Install) -> None:
        install("modnet-cubes", SLEEPS.format(seconds=0.3) + CUBE.format(name="Cube"))
        code = "import modnet; print(type(modnet.activation('cube')).__name__)"
        path = os.pathsep.join(sys.path)
        both = [
            subprocess.Popen(
                [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
            )
            for _ in range(2)
        ]
        assert [process.communicate()[0] for process in both] == ["Cube\n"] * 2

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
    def test_ctrl_c_ends_those_that_are_being_asked(self, install: Install, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        source = f"import os, pathlib, time\npathlib.Path({str(note)!r}).write_text(str(os.getpid()))\ntime.sleep(100)"
        install("modnet-hanging", source)
        command = [sys.executable, "-m", "modnet", "train", "--activation", "nothing"]
        path = os.pathsep.join(sys.path)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path})
        wait_until(lambda: note.exists() and bool(note.read_text()), process)
        process.send_signal(signal.SIGINT)
        assert (process.communicate()[1].strip(), process.returncode) == ("modnet: interrupted", 130)
        wait_until(lambda: not is_alive(int(note.read_text())))

    def test_it_goes_by_the_same_rules_as_a_plugin_that_is_imported(self, install: Install) -> None:
        """The reasons themselves are tested with the rules."""
        source = "import modnet\nmodnet.activation('relu')"
        file = install("modnet-broken", source)
        host = a_host()
        host.settle()
        reason = "it asks for or registers a part while it is imported: implement a register hook"
        assert report_of(host, "modnet-broken").reason == f"{reason} ({file}:2)"

    def test_what_it_prints_goes_to_standard_error(self, install: Install, capfd: pytest.CaptureFixture[str]) -> None:
        install("modnet-cubes", "print('hello')\n" + CUBE.format(name="Cube"))
        assert a_host().registry.find("activation", "cube").cls
        out, err = capfd.readouterr()
        assert (out, err) == ("", "hello\n")


class TestBroken:
    ENDS = (
        ("import os\nos._exit(0)", "it ends the program (exit status 0): put that under if __name__ == '__main__'"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "it crashes while it is imported (Killed)"),
        ("raise KeyboardInterrupt", "it ends the program (exit status 1): put that under"),
        (SLEEPS.format(seconds=100), "it did not answer within 0.6 s of being imported: have it wait for nothing"),
    )

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
    def test_one_that_takes_its_process_along_takes_nobody_else_along(self, install: Install) -> None:
        for number, (source, _) in enumerate(self.ENDS):
            install(f"modnet-broken{number}", source)
        install("modnet-cubes", CUBE.format(name="Cube"))
        host = a_host()
        host.ask(NOT_ASKED, limit=0.6)
        for number, (_, reason) in enumerate(self.ENDS):
            report = report_of(host, f"modnet-broken{number}")
            assert report.state == "broken"
            assert report.reason.startswith(reason)
        assert host.registry.find("activation", "cube").cls
        with pytest.raises(UnknownNameError):
            host.registry.find("activation", "nothing")

    @pytest.mark.parametrize("start", ["fork", "spawn"])
    def test_however_the_system_starts_processes(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
    ) -> None:
        if start not in multiprocessing.get_all_start_methods():
            pytest.skip(f"this system starts no process by {start}")
        install("modnet-cubes", CUBE.format(name="Cube"))
        install("modnet-ending", "import os\nos._exit(3)")
        install("modnet-waiting", SLEEPS.format(seconds=100))
        plugins = [c for c in find_installed() if not c.built_in]
        monkeypatch.setattr(asking, "START", start)
        (tmp_path / "answers").mkdir()
        asked = [(plugin.name, plugin.value, plugin.distribution, plugin.version) for plugin in plugins]
        asking.ask_each(answer, str(tmp_path / "answers"), asked, 5.0)
        catalogue = Catalogue(tmp_path / "answers")
        cubes, ending, waiting = (catalogue.find_answer(c) for c in sorted(plugins, key=lambda c: c.distribution))
        assert cubes == Answer([["activation", "cube", "modnet_cubes", "Cube"]], [], None, [])
        assert ending is not None
        assert str(ending.problem).startswith("it ends the program (exit status 3)")
        assert waiting is not None
        assert str(waiting.problem).startswith("it did not answer within 5 s")

    def test_one_for_a_newer_modnet_is_known_by_its_metadata(self, install: Install) -> None:
        install("modnet-newer", "raise SystemExit", requires="modnet >=99, <100; python_version > '3'")
        install("modnet-elsewhere", CUBE.format(name="Cube"), requires="modnet>=99; python_version < '3'")
        install("modnet-older", CUBE.format(name="Square"), requires="modnet[plot]>=0.0.1")
        host = a_host()
        report = report_of(host, "modnet-newer")
        assert report.reason.startswith(
            f"it requires modnet<100,>=99, this is modnet {modnet.__version__}: pip install"
        )
        assert {"cube", "square"} <= set(host.registry.names("activation"))

    def test_the_second_of_two_that_are_one_is_broken(self, install: Install) -> None:
        install("modnet-a", CUBE.format(name="Cube"))
        install("modnet-b", "", entry="plugin = modnet_a")
        host = a_host()
        host.settle()
        assert report_of(host, "modnet-a").state == "ready"
        assert (
            report_of(host, "modnet-b").reason == "it is loaded already, as modnet-a:plugin: uninstall one of the two"
        )

    def test_one_that_breaks_only_here_is_an_error_and_leaves_nothing(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = install("modnet-moody", "import os\nif 'MOODY' in os.environ: 1 / 0\n" + CUBE.format(name="Cube"))
        a_host().settle()
        monkeypatch.setenv("MOODY", "yes")
        with pytest.raises(PluginError, match=r"^plugin plugin: ZeroDivisionError: division by zero.*:2\)$") as error:
            modnet.activation("cube")
        assert str(file) in str(error.value)
        with pytest.raises(
            UnknownNameError, match=r"no activation 'cube'.*broken, see 'modnet plugins doctor': plugin"
        ):
            modnet.activation("cube")
        assert modnet.activation("sigmoid")

    @pytest.mark.parametrize("end", ["", "    if 'CTRL_C' in os.environ: raise KeyboardInterrupt\n"])
    def test_one_whose_import_was_interrupted_is_imported_later(
        self, install: Install, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        begin = "import os\n" + "if 'CTRL_C' in os.environ: raise KeyboardInterrupt\n" * (not end)
        install("modnet-cubes", begin + CUBE.format(name="Cube") + end)
        host = a_host()
        host.settle()
        monkeypatch.setenv("CTRL_C", "yes")
        with pytest.raises(KeyboardInterrupt):
            _ = host.registry.find("activation", "cube").cls
        monkeypatch.delenv("CTRL_C")
        assert host.registry.find("activation", "cube").cls.__name__ == "Cube"
        assert report_of(host, "modnet-cubes").state == "loaded"

    def test_where_all_of_a_kind_are_wanted_one_that_breaks_is_left_out(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("modnet-moody", "import os\nif 'MOODY' in os.environ: 1 / 0\n" + CUBE.format(name="Cube"))
        a_host().settle()
        monkeypatch.setenv("MOODY", "yes")
        assert "cube" not in list_usable_names("activation")
        assert "sigmoid" in list_usable_names("activation")


class TestDoctor:
    def test_it_asks_again_what_was_broken_for_another_reason_than_its_code(
        self, install: Install, monkeypatch: pytest.MonkeyPatch, call: Call, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MOODY", "yes")
        source = "import os\nif 'MOODY' in os.environ: 1 / 0\n" + CUBE.format(name="Cube")
        file = install("modnet-moody", source, requires="modnet-workbench")
        done = call("plugins", "doctor", cwd=tmp_path)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-6:] == [
            f"plugin  (modnet-moody 1.0)  broken  {file}",
            "    why:         ZeroDivisionError: division by zero",
            f"    where:       {file}:2",
            "    remedy:      correct it, or disable the plugin",
            f"1 of {len(find_installed())} plugins broken",
            "until they work: --without modnet-moody, or MODNET_WITHOUT=modnet-moody",
        ]
        monkeypatch.delenv("MOODY")
        assert "  broken  " in call("plugins", cwd=tmp_path).stdout, "it is believed until somebody asks"
        done = call("plugins", "doctor", "--json", cwd=tmp_path)
        assert done.returncode == 0
        assert json.loads(done.stdout)[-1]["state"] == "ready"
        assert "  ready  " in call("plugins", cwd=tmp_path).stdout

    def test_an_error_of_modnets_own_is_shown_whole(self, install: Install, call: Call, tmp_path: Path) -> None:
        file = install("modnet-broken", "import modnet\nraise modnet.DataError('data.csv: no such file')")
        record = json.loads(call("plugins", "doctor", "--json", cwd=tmp_path).stdout)[-1]
        assert record["why"] == "DataError: data.csv: no such file"
        assert (record["remedy"], record["where"]) == ("correct it, or disable the plugin", f"{file}:2")

    def test_an_error_that_names_its_remedy_keeps_it_apart(self, install: Install, call: Call, tmp_path: Path) -> None:
        source = "import modnet\nraise modnet.PluginError('no key: none set', 'set KEY: any', 'modnet.ini:3')"
        install("modnet-broken", source)
        record = json.loads(call("plugins", "doctor", "--json", cwd=tmp_path).stdout)[-1]
        assert [record[name] for name in ("why", "remedy", "where")] == [
            "no key: none set",
            "set KEY: any",
            "modnet.ini:3",
        ]

    def test_one_that_needs_longer_is_given_longer(self, install: Install, call: Call, tmp_path: Path) -> None:
        install("modnet-slow", SLEEPS.format(seconds=0.8) + CUBE.format(name="Cube"))
        assert call("plugins", "doctor", "--timeout", "0.2", cwd=tmp_path).returncode == 1
        assert call("plugins", "doctor", "--timeout", "20", cwd=tmp_path).returncode == 0

    def test_a_plugin_that_metadata_rule_out_is_broken_for_the_doctor_too(
        self, install: Install, call: Call, tmp_path: Path
    ) -> None:
        install("modnet-first", CUBE.format(name="Cube"), module="cubes")
        install("modnet-later", CUBE.format(name="Cube"), module="cubes")
        install("modnet-newer", CUBE.format(name="Square"), requires="modnet-workbench>=99")
        for command in (["plugins", "--json"], ["plugins", "doctor", "--json"]):
            first, later, newer = json.loads(call(*command, cwd=tmp_path).stdout)[-3:]
            assert first["state"] == "ready"
            assert later["reason"] == "it is loaded already, as modnet-first:plugin: uninstall one of the two"
            assert newer["reason"].startswith("it requires modnet>=99, this is modnet")
            assert [each["provides"] for each in (later, newer)] == [[], []]

    def test_another_distribution_that_is_called_modnet_is_noted(
        self, install: Install, call: Call, tmp_path: Path
    ) -> None:
        assert "note:" not in call("plugins", "doctor", cwd=tmp_path).stdout
        install("modnet", "raise SystemExit", version="0.4.5", module="materials")
        done = call("plugins", "doctor", cwd=tmp_path)
        assert (done.returncode, "materials" in sys.modules) == (0, False)
        what = "the distribution modnet 0.4.5 is installed, which is not modnet-workbench; both own the folder modnet"
        assert done.stdout.splitlines()[-2] == (
            f"note: {what}: "
            f"pip uninstall modnet, then pip install --force-reinstall modnet-workbench ({tmp_path / 'site'})"
        )

    def test_a_plugin_that_requires_that_distribution_is_noted(
        self, install: Install, call: Call, tmp_path: Path
    ) -> None:
        install("modnet-first", CUBE.format(name="Cube"), requires="modnet>=0.1")
        install("modnet-second", CUBE.format(name="Square"), requires="modnet_workbench>=0.1")
        install("modnet-third", CUBE.format(name="Quartic"), requires="modnet-first>=0.1")
        done = call("plugins", "doctor", "--json", cwd=tmp_path)
        first, second, third = json.loads(done.stdout)[-3:]
        assert [record["state"] for record in (first, second, third)] == ["ready"] * 3
        (note,) = first["notes"]
        assert note["why"] == "it requires modnet, which on the package index is another distribution"
        assert note["remedy"] == 'in dependencies under [project], write "modnet-workbench" instead'
        assert second["notes"] == []
        assert [note["why"] for note in third["notes"]] == ["it does not require modnet-workbench"]

    @pytest.mark.parametrize("arguments", [["--json", "doctor"], ["doctor", "--timeout", "0"], ["nothing"]])
    def test_a_wrong_call_is_one(self, call: Call, tmp_path: Path, arguments: list[str]) -> None:
        assert call("plugins", *arguments, cwd=tmp_path).returncode == 2


class TestNames:
    def test_an_instance_of_a_class_that_is_imported_by_hand_is_known_by_its_name(self, install: Install) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        cube = importlib.import_module("modnet_cubes").Cube
        assert find_name(cube()) == "cube"

    def test_two_third_parties_with_one_name_are_both_refused_it_without_an_import(self, install: Install) -> None:
        for x in "ab":
            install(f"modnet-{x}", CUBE.format(name="Cube"))
        host = a_host()
        with pytest.raises(UnknownNameError, match="ambiguous between modnet-a:cube and modnet-b:cube"):
            host.registry.find("activation", "cube")
        assert not {"modnet_a", "modnet_b"} & set(sys.modules)

    def test_a_file_that_a_built_in_recognises_is_not_a_third_partys(self, install: Install, tmp_path: Path) -> None:
        source = """
        import modnet

        class Greedy(modnet.DataSource):
            suffixes = (".csv", ".own")
            def read(self, path):
                return None

        @modnet.hookimpl
        def register_data_sources(register):
            register(Greedy)
        """
        install("modnet-greedy", source)
        (tmp_path / "some.csv").write_text("a,label\n1,0\n2,1\n")
        (tmp_path / "some.own").write_text("what is in it")
        assert recognise_source(tmp_path / "some.csv") == "csv"
        assert "modnet_greedy" not in sys.modules
        assert recognise_source(tmp_path / "some.own") == "greedy"

    @pytest.mark.parametrize("without", [["*"], ["modnet-a, modnet-b:plugin"], ["modnet-a", "modnet-b"]])
    def test_several_or_all_are_left_out(self, install: Install, without: list[str]) -> None:
        for x in "ab":
            install(f"modnet-{x}", "raise SystemExit")
        states = {report.distribution: report.state for report in a_host(*without).plugins}
        assert states == {"modnet": "loaded", "modnet-a": "disabled", "modnet-b": "disabled"}


class TestFollowing:
    def test_one_that_follows_runs_is_asked_and_imported_when_a_run_begins(self, install: Install) -> None:
        for name in ("b", "a"):
            install(f"modnet-{name}", TRACKER.format(name=name))
        install("modnet-cubes", CUBE.format(name="Cube"))
        told: list[str] = []
        a_host().relay().run_ended(run=told)
        assert told == ["b", "a"], "the last that was registered first, as pluggy does"
        assert "modnet_cubes" not in sys.modules

    def test_one_that_has_not_answered_in_time_is_named(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("modnet.host.discovery.PATIENCE", 0.05)
        install("modnet-slow", SLEEPS.format(seconds=0.5) + TRACKER.format(name="slow"))
        host, told = a_host(), list[str]()
        with pytest.warns(
            UserWarning, match=r"^1 plugin not asked yet whether to follow runs.*: modnet-slow; run 'mod"
        ):
            host.relay().run_ended(run=told)
        with warnings.catch_warnings(action="error"):
            host.relay().run_ended(run=told)
        assert told == []
        wait_until(lambda: report_of(a_host(), "modnet-slow").state != "not asked")
        a_host().relay().run_ended(run=told)
        assert told == ["slow"], "it went on answering, and is known from then on"

    def test_one_that_breaks_when_a_run_begins_is_a_warning(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("modnet-moody", "import os\nif 'MOODY' in os.environ: 1 / 0\n" + TRACKER.format(name="moody"))
        a_host().settle()
        monkeypatch.setenv("MOODY", "yes")
        with pytest.warns(UserWarning, match="plugin plugin does not follow this run: ZeroDivisionError"):
            a_host().relay()


def test_a_wait_for_many_says_what_for(install: Install) -> None:
    for number in range(AT_ONCE + 1):
        install(f"modnet-part{number}", CUBE.format(name=f"Part{number}"))
    host = a_host()
    with pytest.warns(UserWarning, match=f"^asking {AT_ONCE + 1} plugins what they provide, once: it may"):
        assert host.registry.find("activation", "part3").owner == "modnet-part3"
    assert not host.list_in(NOT_ASKED)


class TestCrowd:
    """A hundred plugins that sleep for a second when they are imported."""

    @pytest.fixture
    def crowd(self, install: Install) -> None:
        for number in range(100):
            install(f"modnet-part{number}", SLEEPS.format(seconds=1) + CUBE.format(name=f"Part{number}"))

    @pytest.mark.usefixtures("crowd")
    def test_built_in_parts_wait_for_none_of_them(self, tmp_path: Path) -> None:
        began = time.perf_counter()
        data = modnet.load("mnist-small")
        with pytest.warns(
            UserWarning, match=r"^100 plugins not asked yet .*: modnet-part0, modnet-part1, modnet-part10, "
        ):
            modnet.train(modnet.TwoLayerNet(784, 5, 10), data, iterations=2)
        assert is_data_set("mnist-small")
        assert time.perf_counter() - began < 5
        assert len(get_host().list_in(NOT_ASKED)) == 100

    @pytest.mark.usefixtures("crowd")
    def test_the_listing_shows_them_at_once_and_says_what_to_do(self) -> None:
        host = a_host()
        began = time.perf_counter()
        host.ask_a_few()
        assert time.perf_counter() - began < 0.5
        assert format_plugins(host).count("  not asked  ") == 100
        assert [record["state"] for record in json.loads(format_json(host))].count("not asked") == 100
        assert format_not_asked(host).startswith("100 not asked yet what they provide; modnet plugins doctor asks them")

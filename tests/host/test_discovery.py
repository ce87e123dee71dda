"""The plugin host: each plugin works, or is a row with a reason."""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from plugin_sources import CUBE

import modnet
from modnet import Activation, Array, Loss, PluginError, UnknownNameError
from modnet.cli.plugins import format_json
from modnet.compose import plugins
from modnet.compose.plugins import get_host, load_plugins
from modnet.host.discovery import PluginHost
from modnet.host.entry_points import Plugin, find_installed

Install = Callable[..., Path]


def third_parties() -> list[Plugin]:
    return [candidate for candidate in find_installed() if candidate.distribution != "modnet"]


def host_of_all(**settings: list[str]) -> PluginHost:
    """Return a host that imports every plugin at once."""
    host = PluginHost(**settings)
    host.load(find_installed())
    return host


def reports_of(host: PluginHost) -> dict[str, Plugin]:
    return {report.distribution: report for report in host.plugins if report.distribution != "modnet"}


class TestFinding:
    def test_metadata_alone_tells_what_there_is(self, install: Install) -> None:
        install("modnet-cubes", "raise RuntimeError('imported')", version="2.1")
        (found,) = third_parties()
        assert (found.name, found.distribution, found.version) == ("plugin", "modnet-cubes", "2.1")
        assert "modnet_cubes" not in sys.modules

    def test_the_built_ins_are_found_as_a_third_party_plugin_is(self) -> None:
        names = {candidate.name for candidate in find_installed() if candidate.distribution == "modnet"}
        assert names == {"activations", "callbacks", "data", "gradients", "layers", "losses", "metrics", "optimizers"}

    def test_a_distribution_met_twice_is_one(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        monkeypatch.syspath_prepend(tmp_path / "site" / "." / ".." / "site")
        assert [candidate.distribution for candidate in third_parties()] == ["modnet-cubes"]
        assert host_of_all().list_in("broken") == []

    def test_one_entry_point_read_twice_is_one_plugin(self, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        every = list(importlib.metadata.distributions())
        monkeypatch.setattr(importlib.metadata, "distributions", lambda: every + every)
        assert [candidate.distribution for candidate in third_parties()] == ["modnet-cubes"]

    def test_what_an_unfinished_uninstallation_left_does_no_harm(self, install: Install, tmp_path: Path) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        (tmp_path / "site" / "modnet_cubes-1.0.dist-info" / "METADATA").unlink()
        (report,) = reports_of(host_of_all()).values()
        assert (report.distribution, report.state) == ("unknown", "loaded")

    def test_damaged_metadata_harm_no_other_plugin(self, install: Install, tmp_path: Path) -> None:
        install("modnet-cubes", CUBE.format(name="Cube"))
        install("modnet-damaged", "", entry="no entry point")
        with pytest.warns(
            UserWarning, match=r"^the entry points of a distribution in .*site cannot be read, install it"
        ):
            assert reports_of(host_of_all())["modnet-cubes"].state == "loaded"
        (tmp_path / "site" / "modnet_damaged-1.0.dist-info" / "entry_points.txt").unlink()
        (tmp_path / "site" / "modnet_cubes-1.0.dist-info" / "METADATA").write_bytes(b"Name: \xff\xfe")
        (report,) = reports_of(host_of_all()).values()
        assert report.state == "loaded"


class TestOrder:
    def test_built_in_plugins_come_first_and_the_others_by_distribution_and_name(self) -> None:
        def candidate(distribution: str, name: str) -> Plugin:
            return Plugin(name, distribution, "", "nowhere", lambda: None)

        wanted = [("modnet", "z"), ("a", "b"), ("a", "c"), ("b", "a")]
        for order in itertools.permutations([candidate(*each) for each in wanted]):
            host = PluginHost()
            host.load(order)
            assert [(report.distribution, report.name) for report in host.plugins] == wanted

    def test_nothing_depends_on_the_order_found(self, install: Install) -> None:
        for distribution in ("modnet-a", "modnet-b"):
            install(distribution, CUBE.format(name="Cube"))
        install("modnet-c", "1 / 0")
        found = find_installed()
        listings = set()
        for order in (found, found[::-1]):
            host = PluginHost()
            host.load(order)
            listings.add(format_json(host))
        assert len(listings) == 1


class TestNames:
    def test_two_distributions_may_give_their_plugins_the_same_name(self, install: Install) -> None:
        install("modnet-a", CUBE.format(name="Cube"))
        install("modnet-b", CUBE.format(name="Quartic"))
        host = host_of_all()
        assert [report.state for report in reports_of(host).values()] == ["loaded", "loaded"]
        assert {"cube", "quartic"} <= set(host.registry.names("activation"))

    def test_one_module_in_two_distributions_is_loaded_once(self, install: Install) -> None:
        install("modnet-a", CUBE.format(name="Cube"), module="cubes")
        install("modnet-b", CUBE.format(name="Cube"), module="cubes")
        host = host_of_all()
        first, second = reports_of(host).values()
        assert (first.state, second.state) == ("loaded", "broken")
        assert second.reason.startswith("it is loaded already, as modnet-a:plugin: uninstall one of the two")
        assert host.registry.find("activation", "cube").owner == "modnet-a"

    def test_one_distribution_that_names_two_plugins_alike_has_the_first(self, install: Install) -> None:
        install("modnet-a", CUBE.format(name="Quartic"), entry="")
        file = install("modnet-b", CUBE.format(name="Cube"), entry="plugin = modnet_b\nplugin = modnet_a")
        host = PluginHost()
        host.load(candidate for candidate in third_parties() if candidate.distribution == "modnet-b")
        first, second = host.plugins
        assert (first.state, first.file, second.state) == ("loaded", str(file), "broken")
        assert second.reason.startswith("it is loaded already, as modnet-b:plugin")
        assert host.registry.names("activation") == ["cube"]
        assert [impl.plugin_name for impl in host.relay().register_activations.get_hookimpls()] == ["modnet-b:plugin"]


BROKEN = {
    "raises": ("import math\nraise RuntimeError('no licence')", "RuntimeError: no licence: correct it, or disable", 2),
    "needs what is not there": ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found': install what", 1),
    "imports a name that is none": (
        "from modnet import Activatoin",
        "cannot import name 'Activatoin' from 'modnet'",
        1,
    ),
    "is no Python": ("import modnet\ndef f(:\n    pass", "SyntaxError: invalid syntax: correct it", 2),
    "ends the program": ("import sys\n\nsys.exit(3)", "it ends the program (3): put that under if __name__", 3),
    "raises what is no exception": ("class Odd(BaseException): pass\nraise Odd('odd')", "Odd: odd: correct it", 2),
    "raises what cannot be told": (
        "class Odd(Exception):\n    def __str__(self): return 1\nraise Odd",
        "Odd: no message: correct it",
        3,
    ),
    "raises an error of its own": (
        "import modnet\nclass Own(modnet.PluginError):\n    def __init__(self): pass\nraise Own",
        "Own: no message: correct it",
        4,
    ),
    "fails in another library": ("import json\njson.loads('{')", "JSONDecodeError: Expecting property name", 2),
    "has no hook": ("def register_activations(register):\n    pass", "it implements no hook: mark its functions", 1),
    "misspells a hook": (
        "import modnet\n\n@modnet.hookimpl\ndef register_activation(register):\n    pass",
        "modnet has no hook 'register_activation', did you mean 'register_activations'?",
        3,
    ),
    "invents a hook": (
        "import modnet\n\n@modnet.hookimpl\ndef zzz(register):\n    pass",
        "modnet has no hook 'zzz': available: epoch_ended, register_activations, ",
        3,
    ),
    "misnames an argument": (
        "import modnet\n@modnet.hookimpl\ndef register_losses(registry):\n    pass",
        "the hook is register_losses(register), not register_losses(registry) Argument(s) {'registry'}",
        2,
    ),
    "registers an instance": (
        CUBE.format(name="Cube").replace("(Cube)", "(Cube())"),
        '"Register" has incompatible type "Cube"; expected "type[Activation]": register the class itself',
        10,
    ),
    "registers no part": (
        "import modnet\n@modnet.hookimpl\ndef register_activations(register):\n    register(int)",
        'incompatible type "type[int]"; expected "type[Activation]": derive it from modnet.Activation',
        4,
    ),
    "registers a part of another kind": (
        CUBE.format(name="Cube").replace("register_activations", "register_losses"),
        'type "type[Cube]"; expected "type[Loss]": register it in register_activations',
        10,
    ),
    "registers an unfinished class": (
        CUBE.format(name="Cube").replace("    def __call__(self, a, axis=-1):\n        return a**3", "    pass\n"),
        'Only concrete class can be given where "type[Activation]" is expected: define __call__ in Cube',
        10,
    ),
    "registers a name twice": (
        CUBE.format(name="Cube") + "    register(Cube)",
        "registers the activation 'cube' twice",
        11,
    ),
    "registers half and fails": (
        CUBE.format(name="Cube") + "    register(Cube, 'other')\n    1 / 0",
        "ZeroDivisionError",
        12,
    ),
    "registers while it is imported": (
        CUBE.format(name="Cube") + "\nmodnet.register(Cube, 'third')",
        "it asks for or registers a part while it is imported: implement a register hook",
        12,
    ),
}


class TestBroken:
    @pytest.mark.parametrize("kind", BROKEN)
    def test_a_plugin_that(self, install: Install, kind: str) -> None:
        """... is a row that says why and where, is rolled back whole, and takes nothing along."""
        source, reason, line = BROKEN[kind]
        file = install("modnet-broken", source)
        install("modnet-works", CUBE.format(name="Fine"))
        host = host_of_all()
        broken, works = reports_of(host).values()
        assert broken.state == "broken"
        assert reason in broken.reason
        assert broken.reason.endswith(f"({file}:{line})")
        assert "\n" not in broken.reason
        assert broken.file == str(file)
        assert broken.components == ()
        assert works.state == "loaded"
        assert host.list_in("broken") == [broken]
        assert {c.owner for c in host.registry.components()} == {"modnet", "modnet-works"}
        assert host.relay().register_activations.get_hookimpls()
        assert all(
            impl.plugin_name != "modnet-broken:plugin"
            for caller in vars(host.relay()).values()
            if hasattr(caller, "get_hookimpls")
            for impl in caller.get_hookimpls()
        )

    def test_an_entry_point_without_its_module_asks_for_another_installation(self, install: Install) -> None:
        install("modnet-broken", "").unlink()
        (report,) = host_of_all().list_in("broken")
        assert report.reason.startswith("there is no module 'modnet_broken': install it again, or ")
        assert report.file == ""

    def test_an_entry_point_to_a_name_that_is_not_there(self, install: Install) -> None:
        file = install("modnet-broken", "", entry="plugin = modnet_broken:plugin")
        (report,) = host_of_all().list_in("broken")
        assert report.reason.startswith("AttributeError: ")
        assert "has no attribute 'plugin'" in report.reason
        assert report.reason.endswith(f"({file}:1)")

    def test_the_line_is_the_authors_own_however_deep_it_fails(self, install: Install) -> None:
        install("modnet-broken", "import attrs\n\nattrs.make_class('A', 3)")
        (report,) = host_of_all().list_in("broken")
        assert report.reason.endswith("modnet_broken.py:3)")

    def test_any_object_can_be_a_plugin(self, install: Install) -> None:
        source = CUBE.format(name="Cube").replace("register_activations(", "register_activations(self, ")
        source = (
            source.replace("@modnet", "class Plugin:\n  @modnet").replace("\ndef reg", "\n  def reg")
            + "\nit = Plugin()"
        )
        install("modnet-cubes", source, entry="plugin = modnet_cubes:it")
        host = host_of_all()
        assert reports_of(host)["modnet-cubes"].state == "loaded"
        assert "cube" in host.registry.names("activation")

    def test_an_interrupt_is_no_mistake_of_the_plugin(self, install: Install) -> None:
        install("modnet-broken", "raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            host_of_all()

    def test_asking_for_parts_while_plugins_are_loaded_anew_is_one_too(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not answered from the host that is about to be replaced."""
        monkeypatch.setattr(plugins, "_hosts", [PluginHost()])
        install("modnet-broken", "import modnet\nmodnet.activation('relu')")
        (report,) = host_of_all().list_in("broken")
        assert report.reason.startswith("it asks for or registers a part while it is imported")


class TestDisabling:
    @pytest.mark.parametrize("name", ["plugin", "modnet-cubes", "modnet-cubes:plugin"])
    def test_a_plugin_is_disabled_by_its_name_its_distribution_or_both(self, install: Install, name: str) -> None:
        file = install("modnet-cubes", "raise RuntimeError('imported')")
        host = host_of_all(without=[name])
        report = reports_of(host)["modnet-cubes"]
        assert (report.state, report.reason, report.file) == ("disabled", "", str(file))
        assert "modnet_cubes" not in sys.modules

    def test_built_ins_can_be_disabled_too(self) -> None:
        host = host_of_all(without=["losses"])
        assert host.registry.components("loss") == []
        assert host.registry.components("activation") != []

    def test_a_misspelt_name_is_a_warning(self) -> None:
        with pytest.warns(UserWarning, match=r"^no plugin 'loses' to disable, did you mean 'losses'\?$"):
            host = host_of_all(without=["loses"])
        assert host.registry.components("loss") != []

    def test_the_environment_disables_besides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plugins, "_hosts", [])
        monkeypatch.setenv("MODNET_WITHOUT", "losses, ,data")
        host = load_plugins(without=["gradients"])
        disabled = {report.name for report in host.plugins if report.state == "disabled"}
        assert disabled == {"losses", "data", "gradients"}

    def test_a_misspelt_name_in_the_environment_is_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plugins, "_hosts", [])
        monkeypatch.setenv("MODNET_WITHOUT", "optimiser")
        with pytest.warns(UserWarning, match="no plugin 'optimiser' to disable, did you mean 'optimizers'"):
            get_host()


class TestModules:
    def test_a_module_is_a_plugin_that_needs_no_installation(self, install: Install, tmp_path: Path) -> None:
        file = tmp_path / "site" / "cubes_here.py"
        file.write_text(CUBE.format(name="Cube"))
        host = PluginHost()
        host.load_module("cubes_here")
        (report,) = host.plugins
        assert (report.name, report.distribution, report.version) == ("cubes_here", "cubes_here", "")
        assert (report.state, report.file) == ("loaded", str(file))
        assert host.registry.find("activation", "cubes_here:cube").plugin == "cubes_here"

    def test_loading_it_twice_is_loading_it_once(self, install: Install, tmp_path: Path) -> None:
        (tmp_path / "site" / "cubes_here.py").write_text(CUBE.format(name="Cube"))
        host = PluginHost()
        host.load([], ["cubes_here", "cubes_here"])
        host.load_module("cubes_here")
        assert [report.name for report in host.plugins] == ["cubes_here"]
        assert host.registry.names("activation") == ["cube"]
        assert len(host.relay().register_activations.get_hookimpls()) == 1

    def test_an_installed_plugin_may_be_asked_for_as_a_module(self) -> None:
        host = host_of_all()
        before = list(host.plugins)
        host.load_module("modnet_losses")
        assert host.plugins == before

    def test_a_broken_module_is_an_error_and_leaves_nothing(self, install: Install, tmp_path: Path) -> None:
        file = tmp_path / "site" / "cubes_here.py"
        file.write_text(CUBE.format(name="Cube") + "    1 / 0")
        host = PluginHost()
        with pytest.raises(PluginError, match="plugin cubes_here: ZeroDivisionError: division by zero") as error:
            host.load_module("cubes_here")
        assert str(error.value).endswith(f"({file}:11)")
        assert host.plugins == []
        assert host.registry.components() == []

    def test_a_module_is_imported_by_the_rule_of_all_plugins(self, install: Install, tmp_path: Path) -> None:
        (tmp_path / "site" / "cubes_here.py").write_text("import modnet\nmodnet.activation('relu')")
        with pytest.raises(PluginError, match="it asks for or registers a part while it is imported"):
            get_host().load_module("cubes_here")

    @pytest.mark.parametrize("name", ["nowhere_to_be_found", "nowhere_to_be_found.py", "json.nothing"])
    def test_a_module_that_is_not_there(self, name: str) -> None:
        with pytest.raises(PluginError, match="there is no module"):
            PluginHost().load_module(name)

    def test_an_experiment_may_load_a_module_and_a_flag_disable_it(self, install: Install, tmp_path: Path) -> None:
        (tmp_path / "site" / "cubes_here.py").write_text("raise RuntimeError('imported')")
        host = PluginHost(without=["cubes_here"])
        host.load([], ["cubes_here", "cubes_here"])
        assert [report.state for report in host.plugins] == ["disabled"]


@attrs.frozen
class Cube(Activation):
    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a**3


class TestRegister:
    """`modnet.register` adds a class for this process."""

    def test_it_returns_its_undo(self) -> None:
        host = PluginHost()
        undo = host.add_class(Cube)
        assert host.registry.find("activation", "cube").cls is Cube
        undo()
        undo()
        assert host.registry.components() == []

    def test_the_undo_takes_its_own_class_only(self) -> None:
        host = PluginHost()
        undo = host.add_class(Cube)
        host.add_class(Cube, "other")
        undo()
        assert host.registry.names("activation") == ["other"]

    def test_a_name_that_is_taken_is_refused(self) -> None:
        host = host_of_all()
        before = host.registry.components()
        with pytest.raises(
            PluginError, match=r"the activation name 'sigmoid' is modnet's: give another, register\(cls"
        ):
            host.add_class(Cube, "sigmoid")
        undo = host.add_class(Cube)
        with pytest.raises(PluginError, match="the activation name 'cube' is registered already: give another"):
            host.add_class(Cube)
        undo()
        assert host.registry.components() == before

    def test_what_is_no_part_is_refused(self) -> None:
        class Both(Activation, Loss):
            pass

        for wrong in (int, Both, Cube()):
            with pytest.raises(PluginError, match="exactly one of modnet's"):
                PluginHost().add_class(wrong)

    def test_the_public_function_does_it_for_the_process(self) -> None:
        undo = modnet.register(Cube, "a-cube-of-this-test")
        try:
            assert modnet.activation("a-cube-of-this-test") == Cube()
            assert modnet.activation("session:a-cube-of-this-test") == Cube()
        finally:
            undo()
        with pytest.raises(UnknownNameError):
            modnet.activation("a-cube-of-this-test")


class TestObservers:
    def test_a_relay_tells_its_own_observers_and_all_plugins(self, install: Install) -> None:
        install("modnet-tracker", "import modnet\n@modnet.hookimpl\ndef run_started(run):\n    run.append('plugin')")

        class Follower:
            def __init__(self, name: str) -> None:
                self.name = name

            @modnet.hookimpl
            def run_started(self, run: list[str]) -> None:
                run.append(self.name)

        host = host_of_all()
        one, other = host.relay(Follower("one")), host.relay(Follower("other"))
        told: list[str] = []
        one.run_started(run=told)
        assert told == ["one", "plugin"]
        other.run_started(run=told)
        assert told[2:] == ["other", "plugin"]
        host.relay().run_started(run=told)
        assert told[4:] == ["plugin"]

    def test_a_plugin_that_only_follows_runs_says_so(self, install: Install) -> None:
        install("modnet-tracker", "import modnet\n@modnet.hookimpl\ndef run_ended(run):\n    run.append('ended')")
        host = host_of_all()
        report = reports_of(host)["modnet-tracker"]
        assert (report.state, report.components, report.follows) == ("loaded", (), ("run_ended",))
        told: list[str] = []
        host.relay().run_ended(run=told)
        assert told == ["ended"]


def test_importing_modnet_loads_no_plugin_and_nothing_heavy() -> None:
    code = (
        "import json, sys, modnet\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
        "modnet.activation('sigmoid'); print('modnet_activations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    loaded = set(json.loads(first))
    assert {"modnet", "numpy", "pluggy"} <= loaded
    assert not {name for name in loaded if name.startswith("modnet_")}
    assert not loaded & {"click", "rich", "matplotlib", "scipy", "pandas"}
    assert second == "True", "a plugin is loaded when the first part is asked for"

"""The listing of `modnet plugins`, as text and as JSON."""

from __future__ import annotations

import json
import sys
import types
from typing import Any

import attrs
import pytest

import modnet
from modnet import Activation, Array, hookimpl
from modnet.cli.plugins import format_json, format_plugins
from modnet.host.discovery import PluginHost
from modnet.host.entry_points import Plugin


@attrs.frozen
class Sigmoid(Activation):
    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a


@attrs.frozen
class Cube(Sigmoid):
    pass


def plugin(*classes: type) -> object:
    class Plugin:
        @hookimpl
        def register_activations(self, register: modnet.Register) -> None:
            for cls in classes:
                register(cls)

    return Plugin()


class Tracker:
    @hookimpl
    def run_ended(self, run: object) -> None:
        pass

    @hookimpl
    def epoch_ended(self, run: object) -> None:
        pass


def fails() -> object:
    raise RuntimeError("no\nlicence")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> PluginHost:
    for name in ("activations", "cubes", "follower", "costly", "unwanted"):
        module = types.ModuleType(f"{name}_module")
        module.__file__ = f"/site/{name}.py"
        monkeypatch.setitem(sys.modules, module.__name__, module)
    found = [
        Plugin("unwanted", "z", "4", "unwanted_module", fails),
        Plugin("costly", "y", "3", "costly_module", fails),
        Plugin("follower", "x", "", "follower_module", Tracker),
        Plugin("cubes", "modnet-cubes", "2", "cubes_module", lambda: plugin(Cube, Sigmoid)),
        Plugin("activations", "modnet", "1", "activations_module", lambda: plugin(Sigmoid)),
    ]
    result = PluginHost(without=["unwanted"])
    result.load(found)
    return result


def test_the_table_shows_names_versions_states_files_parts_and_reasons(host: PluginHost) -> None:
    assert format_plugins(host).splitlines() == [
        "activations  (modnet 1)  loaded  /site/activations.py",
        "    activation:  sigmoid",
        "cubes  (modnet-cubes 2)  loaded  /site/cubes.py",
        "    activation:  cube, modnet-cubes:sigmoid",
        "    the activation name 'sigmoid' is also modnet's; use 'modnet-cubes:sigmoid'",
        "follower  (x)  loaded  /site/follower.py",
        "    follows:     epoch_ended, run_ended",
        "costly  (y 3)  broken  /site/costly.py",
        "    RuntimeError: no licence: correct it, or disable the plugin (/site/costly.py:1)",
        "unwanted  (z 4)  disabled  /site/unwanted.py",
    ]


def test_json_holds_the_same(host: PluginHost) -> None:
    records: list[dict[str, Any]] = json.loads(format_json(host))
    assert records[1] == {
        "name": "cubes",
        "distribution": "modnet-cubes",
        "version": "2",
        "state": "loaded",
        "changes": [],
        "reason": "",
        "provides": [
            {"kind": "activation", "name": "cube"},
            {"kind": "activation", "name": "modnet-cubes:sigmoid"},
        ],
        "follows": [],
        "refused": ["the activation name 'sigmoid' is also modnet's; use 'modnet-cubes:sigmoid'"],
        "file": "/site/cubes.py",
    }
    assert [record["state"] for record in records] == ["loaded", "loaded", "loaded", "broken", "disabled"]
    assert records[2]["follows"] == ["epoch_ended", "run_ended"]
    assert "no licence" in records[3]["reason"]


def test_every_name_in_the_listing_finds_its_part(host: PluginHost) -> None:
    for record in json.loads(format_json(host)):
        for part in record["provides"]:
            assert host.registry.find(part["kind"], part["name"]).owner == record["distribution"]


def test_all_others_of_a_name_are_named(host: PluginHost) -> None:
    host.load_module(Plugin("shapes", "a-shape", "1", "shapes_module", lambda: plugin(Cube, Sigmoid)))
    cubes, shapes = (each for each in json.loads(format_json(host)) if each["name"] in {"cubes", "shapes"})
    assert cubes["refused"] == [
        "the activation name 'cube' is also a-shape's; use 'modnet-cubes:cube'",
        "the activation name 'sigmoid' is also a-shape and modnet's; use 'modnet-cubes:sigmoid'",
    ]
    assert [part["name"] for part in shapes["provides"]] == ["a-shape:cube", "a-shape:sigmoid"]


def test_no_plugins_are_a_sentence_and_an_empty_list() -> None:
    assert format_plugins(PluginHost()) == "no plugins are installed"
    assert json.loads(format_json(PluginHost())) == []

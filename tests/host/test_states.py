"""States of plugins: the same whoever asks, whenever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from plugin_sources import CUBE

UNMET = "it requires modnet{}, this is modnet 0.1.0: pip install 'modnet-workbench{}', or another version of modnet-{}"


def unmet(name: str, needed: str = ">=9") -> str:
    return UNMET.format(needed, needed, name)


@attrs.frozen
class Case:
    """An installed plugin: what its metadata say, its code, and the state that it has."""

    state: str
    reason: str = ""
    about: str = ""
    source: str = ""
    entry: str = ""

    @property
    def is_decided_by_metadata(self) -> bool:
        return self.reason.startswith(("it requires", "it is loaded already"))


CASES = {
    "met": Case("ready", about="Requires-Dist: modnet-workbench>=0.1,<1"),
    "unmet": Case("broken", unmet("unmet"), about="Requires-Dist: modnet-workbench>=9"),
    "first-name": Case("broken", unmet("first-name"), about="Requires-Dist: modnet>=9"),
    "spelling": Case("broken", unmet("spelling"), about="Requires-Dist: ModNet_Workbench (>=9)"),
    "second": Case(
        "broken", unmet("second"), about="Requires-Dist: modnet-workbench\nRequires-Dist: modnet-workbench>=9"
    ),
    "unmet-and-fails": Case("broken", unmet("unmet-and-fails"), "Requires-Dist: modnet-workbench>=9", "1 / 0"),
    "before-release": Case("ready", about="Requires-Dist: modnet-workbench>=0.1.0a1"),
    "after-release": Case(
        "broken", unmet("after-release", ">=0.2rc1"), about="Requires-Dist: modnet-workbench>=0.2rc1"
    ),
    "unreadable": Case("ready", about="Requires-Dist: modnet-workbench ~~ 9"),
    "by-an-extra": Case("ready", about="Requires-Dist: modnet-workbench>=9; extra == 'fast'"),
    "new-python": Case("ready", about="Requires-Python: >=3.99"),  # pip decides
    "met-twin": Case("broken", "it is loaded already, as modnet-met:met: uninstall one of the two", entry="modnet_met"),
    "unmet-twin": Case("ready", entry="modnet_unmet"),
    "left-out": Case("disabled"),
    "left-out-everywhere": Case("disabled", about="Requires-Dist: modnet-workbench>=9"),
    "fails": Case("broken", "ZeroDivisionError: division by zero: correct it, or disable", source="\n1 / 0"),
    "fails-twin": Case("broken", "it is loaded already, as modnet-fails:fails", entry="modnet_fails"),
    "misspelt": Case(
        "broken",
        "modnet has no hook 'register_activation', did you mean 'register_activations'?",
        source=CUBE.format(name="Misspelt").replace("activations", "activation"),
    ),
    "clash": Case("ready", source=CUBE.format(name="Sigmoid")),
    "late": Case("broken", "it did not answer within 3 s", source="import time\ntime.sleep(600)"),
}
BROKEN = [name for name, case in CASES.items() if case.state == "broken"]
States = dict[str, tuple[str, str]]
Call = Callable[..., subprocess.CompletedProcess[str]]
SHOW_UNASKED = """
import json
from pathlib import Path
from modnet.host.catalogue import Catalogue
from modnet.host.discovery import PluginHost
from modnet.host.entry_points import find_installed
host = PluginHost(["left-out", "left-out-everywhere"], Catalogue(Path("nowhere")))
host.load(find_installed())
print(json.dumps({p.name: (p.state, p.reason) for p in host.plugins if not p.built_in}))
"""
WANT = """
import json, sys
import modnet
from modnet.testing import check_distribution
reported = {}
for name in sys.argv[1:]:
    try:
        modnet.activation("nothing")
    except modnet.UnknownNameError as error:
        hint = str(error).partition("broken, see 'modnet plugins doctor': ")[2].split(", ")
    try:
        check_distribution(f"modnet-{name}")
    except modnet.PluginError as error:
        reported[name] = str(error), name in hint
print(json.dumps(reported))
"""


def install(site: Path, name: str, case: Case) -> None:
    module = f"modnet_{name.replace('-', '_')}"
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: modnet-{name}\nVersion: 1.0\n{case.about}\n")
    (info / "entry_points.txt").write_text(f"[modnet]\n{name} = {case.entry or module}\n")
    cls = "".join(word.capitalize() for word in name.split("-"))
    (site / f"{module}.py").write_text(case.source or CUBE.format(name=cls))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all of them installed beside it."""
    folder = tmp_path_factory.mktemp("states")
    for name, case in CASES.items():
        install(folder / "site", name, case)
    return folder


@pytest.fixture(scope="module")
def call(place: Path) -> Call:
    """Return a function that calls Python where they are installed: `-m modnet` with arguments, or a script."""
    paths = os.pathsep.join(filter(None, (str(place / "site"), os.environ.get("PYTHONPATH"))))
    variables = {"PYTHONPATH": paths, "MODNET_CACHE": str(place / "cache"), "MODNET_WITHOUT": "left-out-everywhere"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *(() if arguments[0] == "-m" else ("-c",)), *arguments]
        environment = {**os.environ, **variables}
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120)

    return run


def states_of(records: list[dict[str, Any]]) -> States:
    return {each["name"]: (each["state"], each["reason"]) for each in records if each["distribution"] != "modnet"}


def states_in(text: str) -> dict[str, str]:
    words = [line.split() for line in text.splitlines() if line.startswith(tuple(CASES)) and "(modnet-" in line]
    return {line[0]: line[3] if line[3] != "not" else "not asked" for line in words}


@pytest.fixture(scope="module")
def doctor(call: Call) -> subprocess.CompletedProcess[str]:
    """Return what the doctor says, who asks them all for the first time."""
    return call("-m", "modnet", "plugins", "doctor", "--json", "--timeout", "3", "--without", "left-out")


def test_the_doctor_decides_by_metadata_answer_and_import(doctor: subprocess.CompletedProcess[str]) -> None:
    found = states_of(json.loads(doctor.stdout))
    assert {name: state for name, (state, _) in found.items()} == {name: case.state for name, case in CASES.items()}
    assert {name for name, (_, reason) in found.items() if not reason.startswith(CASES[name].reason)} == set()
    assert doctor.returncode == 1


def test_the_listing_says_the_same_as_text_and_as_json(doctor: subprocess.CompletedProcess[str], call: Call) -> None:
    expected = states_of(json.loads(doctor.stdout))
    listing = call("-m", "modnet", "plugins", "--json", "--without", "left-out")
    assert states_of(json.loads(listing.stdout)) == expected
    text = call("-m", "modnet", "plugins", "--without", "left-out")
    assert states_in(text.stdout) == {name: state for name, (state, _) in expected.items()}
    assert [line for line in expected.values() if line[1] and f"    {line[1]}\n" not in text.stdout] == []
    assert (listing.returncode, text.returncode) == (0, 0)


def test_before_they_are_asked_metadata_alone_decide(call: Call) -> None:
    """They say nothing else, and nothing that is otherwise later."""
    table = json.loads(call(SHOW_UNASKED).stdout)
    assert {name for name, (state, _) in table.items() if state == "not asked"} == {
        name for name, case in CASES.items() if case.state != "disabled" and not case.is_decided_by_metadata
    }
    decided = {name: found for name, found in table.items() if found[0] != "not asked"}
    assert {name for name, (state, _) in decided.items() if state != CASES[name].state} == set()
    assert {name for name, (_, reason) in decided.items() if not reason.startswith(CASES[name].reason)} == set()


def test_whoever_wants_a_part_gets_the_same_reason(doctor: subprocess.CompletedProcess[str], call: Call) -> None:
    reasons = states_of(json.loads(doctor.stdout))
    done = call(WANT, *BROKEN)
    assert done.stdout, done.stderr
    reported = json.loads(done.stdout)
    assert reported == {name: [f"plugin modnet-{name}: {reasons[name][1]}", True] for name in BROKEN}
    done = call("-m", "modnet", "plugins", "check", "modnet-unmet")
    assert (done.returncode, done.stderr) == (1, f"modnet: plugin modnet-unmet: {reasons['unmet'][1]}\n")
    done = call("-m", "modnet", "train", "-p", "modnet_unmet", "--iterations", "1", "--out", "run")
    assert (done.returncode, done.stderr) == (1, f"modnet: plugin unmet: {reasons['unmet'][1]}\n")

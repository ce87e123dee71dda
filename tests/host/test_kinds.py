"""The table of kinds: a new kind of part is a row."""

from __future__ import annotations

import string
from abc import abstractmethod
from pathlib import Path

import attrs
import pytest

import modnet
from modnet import UnknownNameError
from modnet.cli.plugins import format_plugins
from modnet.compose.parts import make_part
from modnet.compose.plugins import load_plugins
from modnet.host import kinds
from modnet.host.kinds import KINDS, Kind, Register, find_kind
from modnet.interfaces import Part
from modnet.testing import scaffold
from modnet.testing.kit import find_suite

SHARE = """
import attrs, modnet
from {interfaces} import Penalty

@attrs.frozen
class Share(Penalty):
    rest: float = 0.0

    def __call__(self, y, t):
        return float((y == t).mean()) + self.rest

@modnet.hookimpl
def register_penalties(register):
    register(Share)
"""


class Penalty(Part):
    """A new kind of part."""

    @abstractmethod
    def __call__(self, y: modnet.Array, t: modnet.Array) -> float: ...


@kinds.hookspec
def register_penalties(register: Register[Penalty]) -> None: ...


@pytest.fixture
def penalty(monkeypatch: pytest.MonkeyPatch) -> Kind:
    kind = Kind("penalty", Penalty, register_penalties)
    monkeypatch.setitem(KINDS, kind.name, kind)
    monkeypatch.setattr(kinds, "register_penalties", register_penalties, raising=False)
    monkeypatch.setattr("modnet.compose.plugins._hosts", [])
    return kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_needs_is_found_by_its_name(kind: str) -> None:
    assert (scaffold.TEMPLATES / f"{kind}.py.template").is_file()
    suite = find_suite(kind)
    assert callable(getattr(modnet, suite.factory))
    assert callable(getattr(modnet.testing, f"check_{KINDS[kind].words.replace(' ', '_')}"))
    for options in (suite.use, suite.needs):
        assert set(string.Template(options).get_identifiers()) <= {"name"}


def test_an_unknown_kind() -> None:
    with pytest.raises(UnknownNameError, match="no kind of part 'optimiser', did you mean 'optimizer'"):
        find_kind("optimiser")


def test_a_new_kind_is_registered_made_and_listed(
    penalty: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share_here.py").write_text(SHARE.format(interfaces=__name__))
    monkeypatch.syspath_prepend(tmp_path)
    host = load_plugins(modules=["share_here"])
    assert attrs.asdict(make_part("penalty", "share", rest=1)) == {"rest": 1.0}
    with pytest.raises(modnet.SettingError, match="'rest' must be a number"):
        make_part("penalty", "share", rest="much")
    assert format_plugins(host).endswith("    penalty:     share")
    assert host.registry.components()[-1].kind == "penalty"


def test_a_new_kind_is_registered_by_a_program(penalty: Kind) -> None:
    class Last(Penalty):
        def __call__(self, y: modnet.Array, t: modnet.Array) -> float:
            return 1.0

    undo = modnet.register(Last)
    assert isinstance(make_part("penalty", "last"), Last)
    undo()

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

SHARE = """
import attrs, modnet
from {interfaces} import Metric

@attrs.frozen
class Share(Metric):
    rest: float = 0.0

    def __call__(self, y, t):
        return float((y == t).mean()) + self.rest

@modnet.hookimpl
def register_metrics(register):
    register(Share)
"""


class Metric(Part):
    """A sixth kind of part."""

    @abstractmethod
    def __call__(self, y: modnet.Array, t: modnet.Array) -> float: ...


@kinds.hookspec
def register_metrics(register: Register[Metric]) -> None: ...


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> Kind:
    kind = Kind("metric", Metric, register_metrics, use="--iterations 200")
    monkeypatch.setitem(KINDS, kind.name, kind)
    monkeypatch.setattr(kinds, "register_metrics", register_metrics, raising=False)
    monkeypatch.setattr("modnet.compose.plugins._hosts", [])
    return kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_needs_is_found_by_its_name(kind: str) -> None:
    assert (scaffold.TEMPLATES / f"{kind}.py.template").is_file()
    assert callable(getattr(modnet, KINDS[kind].factory))
    assert callable(getattr(modnet.testing, f"check_{KINDS[kind].words.replace(' ', '_')}"))
    for options in (KINDS[kind].use, KINDS[kind].check):
        assert set(string.Template(options).get_identifiers()) <= {"name"}


def test_an_unknown_kind() -> None:
    with pytest.raises(UnknownNameError, match="no kind of part 'optimiser', did you mean 'optimizer'"):
        find_kind("optimiser")


def test_a_sixth_kind_is_registered_made_and_listed(
    metric: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share_here.py").write_text(SHARE.format(interfaces=__name__))
    monkeypatch.syspath_prepend(tmp_path)
    host = load_plugins(modules=["share_here"])
    assert attrs.asdict(make_part("metric", "share", rest=1)) == {"rest": 1.0}
    with pytest.raises(modnet.SettingError, match="'rest' must be a number"):
        make_part("metric", "share", rest="much")
    assert format_plugins(host).endswith("    metric:      share")
    assert host.registry.components()[-1].kind == "metric"


def test_a_sixth_kind_is_registered_by_a_program(metric: Kind) -> None:
    class Last(Metric):
        def __call__(self, y: modnet.Array, t: modnet.Array) -> float:
            return 1.0

    undo = modnet.register(Last)
    assert isinstance(make_part("metric", "last"), Last)
    undo()

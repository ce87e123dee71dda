"""Settings of every type that a saved run can hold: made, saved, read again."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict

import attrs
import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet import Activation, Optimizer, Params, SettingError, State
from modnet.cli.options.changes import read_alternatives
from modnet.cli.options.language import parse_assignments
from modnet.comparison.grid import create_settings
from modnet.compose.experiment import PLACES, create_experiment, to_file, to_table
from modnet.compose.parts import make_settings_reader
from modnet.compose.settings import is_same
from modnet.compose.tables import merge, parse_toml, put
from modnet.nn.checkpoint import Checkpoint
from modnet.runs.receipt import CHANGEABLE, compare_settings, flatten
from modnet.testing.suites.shared import settings_kept
from modnet.types import History

NAN, INF = float("nan"), float("inf")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ODD = {"a.b": 1, "c d": 2, "": 3, "ü\n": 4, "1": 5}


class Mode(enum.Enum):
    FAST = "fast"
    EXACT = "exact"
    NONE = "none"
    QUICK = "fast"  # noqa: PIE796 - an alias


class Text(enum.StrEnum):
    LOW = enum.auto()
    HIGH = enum.auto()


class Level(enum.IntEnum):
    ONE = 1
    TWO = 2


class Pair(enum.Enum):
    NEAR = (1, 2)
    FAR = (3.0, "x")


class Rate(enum.Enum):
    SMALL = 0.1
    NEVER = NAN


class Norms(enum.Flag):
    L1 = enum.auto()
    L2 = enum.auto()


class Span(NamedTuple):
    first: int
    mode: Mode = Mode.FAST


class Options(TypedDict):
    level: Level
    path: NotRequired[Path]


@attrs.frozen
class Inner:
    _hidden: int = 1
    rate: float = attrs.field(default=0.5, alias="speed")
    half: float = attrs.field(init=False, default=attrs.Factory(lambda self: self.rate / 2, takes_self=True))
    clip: float | None = 6.0


@attrs.define(kw_only=True)
class Other:
    words: list[str] = attrs.field(factory=list, on_setattr=attrs.setters.frozen)


@dataclass(frozen=True)
class Data:
    modes: list[Mode] = field(default_factory=lambda: [Mode.FAST])
    inner: Inner = field(default_factory=Inner)
    none: bool = False


Rare = NewType("Rare", float)

# The type, a value of it, and how TOML holds that.
CASES: dict[str, tuple[Any, Any, Any]] = {
    "enum": (Mode, Mode.EXACT, "exact"),
    "enum: alias": (Mode, Mode.QUICK, "fast"),
    "enum: text": (Text, Text.HIGH, "high"),
    "enum: whole numbers": (Level, Level.TWO, 2),
    "enum: numbers": (Rate, Rate.SMALL, 0.1),
    "enum: NaN": (Rate, Rate.NEVER, NAN),
    "enum: tuples": (Pair, Pair.FAR, "FAR"),
    "enum: flags": (Norms, Norms.L1 | Norms.L2, 3),
    "enum: no flag": (Norms, Norms(0), 0),
    "enum: optional": (Optional[Mode], Mode.NONE, "none"),  # noqa: UP045 - the older spelling
    "enum: or text": (Mode | str, Mode.FAST, "fast"),
    "enum: or text, a text": (Text | str, "other", "other"),
    "enum: in a list": (list[Level], [Level.TWO, Level.ONE], [2, 1]),
    "enum: in a dict": (dict[Text, Level], {Text.LOW: Level.ONE}, {"low": 1}),
    "enum: in a literal": (Literal[Mode.FAST, 3], Mode.FAST, "fast"),
    "enum: in a set": (frozenset[Mode], frozenset([Mode.FAST, Mode.EXACT]), ["exact", "fast"]),
    "attrs": (Inner, Inner(2, 0.1, None), {"hidden": 2, "speed": 0.1, "clip": "none"}),
    "attrs: either": (Inner | Other, Other(words=["a"]), {"words": ["a"]}),
    "attrs: optional": (Inner | None, None, "none"),
    "attrs: nested": (
        dict[str, tuple[Inner, ...]],
        {"a": (Inner(),)},
        {"a": [{"hidden": 1, "speed": 0.5, "clip": 6.0}]},
    ),
    "dataclass": (
        Data,
        Data([Mode.EXACT], Inner(3)),
        {"modes": ["exact"], "inner": {"hidden": 3, "speed": 0.5, "clip": 6.0}, "none": False},
    ),
    "named tuple": (Span, Span(2, Mode.EXACT), [2, "exact"]),
    "typed dict": (Options, {"level": Level.ONE, "path": Path("a")}, {"level": 1, "path": "a"}),
    "typed dict: less": (Options, {"level": Level.ONE}, {"level": 1}),
    "path": (Path, Path("a/b"), "a/b"),
    "path: pure": (PurePath, PurePath("a"), "a"),
    "path: posix": (PurePosixPath, PurePosixPath("a/b"), "a/b"),
    "date": (date, date(2026, 1, 2), date(2026, 1, 2)),
    "datetime": (datetime, NOW, NOW),
    "datetime: local": (datetime, NOW.replace(tzinfo=None), NOW.replace(tzinfo=None)),
    "time": (time, time(1, 2, 3), time(1, 2, 3)),
    "decimal": (Decimal, Decimal("0.10"), "0.10"),
    "fraction": (Fraction, Fraction(1, 3), "1/3"),
    "complex": (complex, complex(-0.0, 1.5), "(-0+1.5j)"),
    "complex: NaN": (complex, complex(NAN, 1), "(nan+1j)"),
    "numpy: float32": (np.float32, np.float32(0.1), float(np.float32(0.1))),
    "numpy: float64": (np.float64, np.float64(0.1), 0.1),
    "numpy: int64": (np.int64, np.int64(-3), -3),
    "numpy: bool": (np.bool_, np.True_, True),
    "numpy: text": (np.str_, np.str_("a"), "a"),
    "numpy: complex64": (np.complex64, np.complex64(1 + 2j), "(1+2j)"),
    "numpy: dtype": (np.dtype[Any], np.dtype("float32"), "float32"),
    "NaN": (float, NAN, NAN),
    "inf": (float, -INF, -INF),
    "-0.0": (float, -0.0, -0.0),
    "subnormal": (float, 5e-324, 5e-324),
    "largest": (float, 1.7976931348623157e308, 1.7976931348623157e308),
    "whole float": (float, 1.0, 1.0),
    "whole float or int": (float | int, 1.0, 1.0),
    "int or float": (float | int, 1, 1),
    "huge int": (int, 2**200, 2**200),
    "bool or int": (int | bool, True, True),
    "empty list": (list[float], [], []),
    "empty tuple": (tuple[float, ...], (), []),
    "empty table": (dict[str, float], {}, {}),
    "empty text": (str, "", ""),
    "odd text": (str, "\n\"'\\\0\r\t\x7f ü 😀 = # [", "\n\"'\\\0\r\t\x7f ü 😀 = # ["),
    "text: a number": (str, "1", "1"),
    "text: long": (str, "0123456789abcdef" * 60, "0123456789abcdef" * 60),
    "odd keys": (dict[str, int], ODD, ODD),
    "whole keys": (dict[int, str], {1: "a", -2: "b"}, {"1": "a", "-2": "b"}),
    "float keys": (dict[float, int], {0.5: 1, INF: 2}, {"0.5": 1, "Infinity": 2}),
    "bool keys": (dict[bool, int], {True: 1}, {"true": 1}),
    "path keys": (dict[Path, int], {Path("a"): 1}, {"a": 1}),
    "tuples of tuples": (tuple[tuple[int, float], ...], ((1, 2.0), (3, 4.0)), [[1, 2.0], [3, 4.0]]),
    "deque": (deque[int], deque([1, 2]), [1, 2]),
    "ordered dict": (OrderedDict[str, int], OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "mapping": (Mapping[str, Sequence[int]], {"a": (1,)}, {"a": [1]}),
    "set": (set[int], {3, 1, 2}, [1, 2, 3]),
    "frozenset": (frozenset[str], frozenset("bca"), ["a", "b", "c"]),
    "None": (float | None, None, "none"),
    "None: enum": (Level | None, None, "none"),
    "None: list": (list[int] | None, None, "none"),
    "None: table": (dict[str, int] | None, None, "none"),
    "None: text": (str | None, None, {"none": True}),
    "None: not a text": (str | None, "none", "none"),
    "None: path": (Path | None, None, {"none": True}),
    "None: literal": (Literal["none", "low"] | None, None, {"none": True}),
    "None: not a literal": (Literal["none", "low"] | None, "none", "none"),
    "None: in a literal": (Literal[None, "low"], None, {"none": True}),  # noqa: PYI061 - the older spelling
    "None: enum of none": (Mode | None, None, {"none": True}),
    "None: anything": (Any, None, {"none": True}),
    "None: in a list": (list[float | None], [None, 1.0], [{"none": True}, 1.0]),
    "None: in a table": (dict[str, str | None], {"a": None, "b": "none"}, {"a": {"none": True}, "b": "none"}),
    "None: a part": (Activation | None, None, "none"),
    "literal": (Literal["a", 1, True], True, True),
    "either": (int | list[int], [1], [1]),
    "new type": (Rare, Rare(0.5), 0.5),
    "final": (Final[int], 3, 3),
    "anything": (Any, {"a": [1, "x", {"b": 1.0}]}, {"a": [1, "x", {"b": 1.0}]}),
    "part": (Activation, modnet.activation("relu"), {"name": "relu"}),
    "parts": (
        dict[str, tuple[Activation, ...]],
        {"a": (modnet.activation("leaky-relu", slope=0.5), modnet.activation("relu"))},
        {"a": [{"name": "leaky-relu", "slope": 0.5}, {"name": "relu"}]},
    ),
}  # fmt: skip

NOTHING: Any = object()


class Rule(Optimizer):
    """The methods of an optimizer, for classes with one setting."""

    def init(self, params: Params) -> State:
        return {}

    def step(self, params: Params, grads: Params, state: State) -> tuple[Params, State]:
        return params, state


def optimizer_of(table: dict[str, Any]) -> Any:
    return create_experiment(table).optimizer


def make_rule(**settings: Any) -> Any:
    return modnet.optimizer("typed", **settings)


def with_attrs(wanted: Any, default: Any) -> Any:
    defaults: dict[str, Any] = {} if default is NOTHING else {"factory": lambda: default}
    value: Any = attrs.field(type=wanted, **defaults)
    return attrs.make_class("Typed", {"value": value}, bases=(Rule,), frozen=True)


def with_dataclass(wanted: Any, default: Any) -> Any:
    value = field() if default is NOTHING else field(default_factory=lambda: default)
    return make_dataclass("Typed", [("value", wanted, value)], bases=(Rule,), frozen=True)


def with_init(wanted: Any, default: Any) -> Any:
    class Typed(Rule):
        def __init__(self, value=default):  # type: ignore[no-untyped-def]
            self.value = value

    Typed.__init__.__annotations__["value"] = wanted
    if default is NOTHING:
        Typed.__init__.__defaults__ = None
    return Typed


@pytest.fixture
def registered() -> Iterator[Callable[[type], None]]:
    undo: list[Callable[[], None]] = [lambda: None]

    def register(cls: type[Optimizer]) -> None:
        undo.pop()()
        undo.append(modnet.register(cls, "typed"))

    yield register
    undo.pop()()


def inline(value: Any) -> str:
    """Return a value of TOML in one line, as a user writes it on the command line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()


def assert_is(found: Any, value: Any) -> None:
    assert type(found) is type(value)
    assert is_same(found, value)
    assert isinstance(value, (dict, frozenset)) or repr(found) == repr(value)


@pytest.mark.parametrize("make", [with_attrs, with_dataclass, with_init])
@pytest.mark.parametrize("case", CASES)
def test_a_setting_is_made_saved_and_read_again(make: Any, case: str, registered: Callable[[type], None]) -> None:
    wanted, value, written = CASES[case]
    registered(cls := make(wanted, NOTHING))

    part = make_rule(value=value)
    assert_is(part.value, value)
    experiment = create_experiment({"optimizer": part})
    table = to_table(experiment)
    assert flatten(table["optimizer"]) == flatten({"name": "typed", "value": written})

    content = to_file(experiment)
    again = create_experiment(parse_toml(content))
    assert_is(optimizer_of(parse_toml(content)).value, value)
    assert to_file(again) == content
    receipt = json.loads(json.dumps(flatten(parse_toml(content))))
    assert compare_settings(receipt, to_table(again)) == []

    assignments = parse_assignments((f"optimizer.value={inline(written)}",))
    given_by_hand: dict[str, Any] = {"optimizer": {"name": "typed"}}
    put(given_by_hand, ("optimizer", "value"), assignments["optimizer.value"])
    assert_is(optimizer_of(given_by_hand).value, value)

    settings_kept(cls(value))


@pytest.mark.parametrize("case", CASES)
def test_a_default_of_any_type_and_without_one_is_kept(case: str, registered: Callable[[type], None]) -> None:
    wanted, value, _ = CASES[case]
    for make, annotation in ((with_attrs, wanted), (with_init, Any), (with_init, wanted)):
        registered(make(annotation, value))
        experiment = create_experiment({"optimizer": "typed"})
        assert_is(optimizer_of(parse_toml(to_file(experiment))).value, value)


# The type, a value that no experiment file can hold, and why.
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "function": (Callable[[float], float], math.sin, "TOML has no such builtin_function_or_method"),
    "class": (Any, Data, "TOML has no such type"),
    "array": (np.ndarray, np.ones(2), "TOML has no such ndarray: declare a tuple"),
    "bytes": (bytes, b"a", "TOML has no such bytes: declare numbers or text"),
    "range": (range, range(3), "TOML has no such range"),
    "longdouble": (np.longdouble, np.longdouble(1), "TOML has no such longdouble"),
    "surrogates": (str, "\ud800", "TOML has no such str"),
    "time of a zone": (time, time(1, tzinfo=UTC), "TOML has no such time"),
    "a thousand digits": (int, 10**1500, "a number has thousands of digits"),
    "text of a thousand digits": (str, "7" * 1500, "a number has thousands of digits"),
    "deep": (Any, json.loads("[" * 400 + "]" * 400), "nested too deeply"),
    "long": (list[float], [0.1] * 2**17, "more than 1,048,576 bytes"),
    "tuple as a key": (dict[tuple[int, int], int], {(1, 2): 3}, "cannot be saved: optimizer.value: '(1, 2)' must"),
    "enum without a type": (Any, Mode.EXACT, "(value=<Mode.EXACT: 'exact'>), read again as Typed(value='exact')"),
    "path or text": (str | Path, Path("a"), "read again as Typed(value='a'): annotate"),
    "table like none": (dict[str, bool] | None, {"none": True}, "read again as Typed(value=None)"),
    "structured dtype": (np.dtype[Any], np.dtype([("a", "i4")]), "'value' must be of type dtype"),
    "whole number as text": (dict[str, int], {1: 2}, "read again as Typed(value={'1': 2})"),
    "another part": (Activation, with_attrs(int, 3)(), "Typed is not registered"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_file_can_hold_is_refused_by_its_place_before_anything_is_trained(
    case: str, registered: Callable[[type], None]
) -> None:
    wanted, value, reason = REFUSED[case]
    registered(make := with_attrs(wanted, NOTHING))
    experiment = create_experiment({"optimizer": make(value)})
    with pytest.raises(SettingError) as error:
        to_file(experiment)
    assert reason in str(error.value)
    assert str(error.value).startswith("the experiment cannot be saved: ")


@pytest.mark.parametrize("case", ["function", "class", "array", "bytes", "range", "surrogates"])
def test_a_default_that_no_file_can_hold_is_left_out(case: str, registered: Callable[[type], None]) -> None:
    _, value, _ = REFUSED[case]
    registered(with_init(Any, value))
    experiment = create_experiment({"optimizer": "typed"})
    assert "value" not in to_table(experiment)["optimizer"]
    assert optimizer_of(parse_toml(to_file(experiment))).value is value


def test_a_ready_array_is_taken_where_nothing_is_saved(registered: Callable[[type], None]) -> None:
    for make, wanted in ((with_init, Any), (with_attrs, np.ndarray | None), (with_attrs, np.ndarray | str | None)):
        for default in (NOTHING, 1.0, np.zeros(3)):
            registered(make(wanted, default))
            weights = np.ones(3)
            assert make_rule(value=weights).value is weights


def test_a_setting_that_is_kept_otherwise_than_given_is_refused(registered: Callable[[type], None]) -> None:
    class Doubled(Rule):
        def __init__(self, rate: float = 0.5) -> None:
            self.rate = 2 * rate

    registered(Doubled)
    with pytest.raises(
        SettingError, match=r"saved: optimizer = Doubled\(rate=1\.0\), read again as Doubled\(rate=2\.0\)"
    ):
        to_file(create_experiment({"optimizer": "typed"}))
    with pytest.raises(AssertionError, match=r"rate = 1\.0, read again as 2\.0"):
        settings_kept(Doubled())


def test_a_setting_named_as_the_entry_of_the_part_itself_is_refused(registered: Callable[[type], None]) -> None:
    registered(attrs.make_class("Named", {"name": attrs.field(type=str, default="a")}, bases=(Rule,), frozen=True))
    with pytest.raises(SettingError, match=r"optimizer = Named\(name='b'\), read again as Named\(name='a'\)"):
        to_file(create_experiment({"optimizer": type(make_rule())("b")}))


def test_a_setting_that_its_converter_does_not_take_again_is_refused(registered: Callable[[type], None]) -> None:
    def percent(text: str) -> float:
        return float(text.removesuffix("%")) / 100

    registered(attrs.make_class("P", {"rate": attrs.field(converter=percent)}, bases=(Rule,), frozen=True))
    with pytest.raises(SettingError, match=r"cannot be saved: optimizer: 'rate' must be text, not 0\.1"):
        to_file(create_experiment({"optimizer": {"name": "typed", "rate": "10%"}}))


class TestNone:
    """TOML has no null: `none` stands for it, and where that may be a text, {none = true}."""

    @pytest.fixture(autouse=True)
    def rule(self, registered: Callable[[type], None]) -> None:
        @attrs.frozen
        class Choosy(Rule):
            clip: float | None = 6.0
            tag: str | None = "a"
            schedule: Literal["none", "cosine"] = "cosine"
            free: Any = 1
            inner: Inner | None = Inner()

        registered(Choosy)

    @pytest.mark.parametrize(
        ("assignment", "key", "value"),
        [
            ("clip=none", "clip", None),
            ('clip="none"', "clip", None),
            ("clip={none = true}", "clip", None),
            ('tag="none"', "tag", "none"),
            ("tag={none=true}", "tag", None),
            ("schedule=none", "schedule", "none"),
            ("free={none=true}", "free", None),
            ("free='none'", "free", "none"),
            ("inner=none", "inner", None),
            ("inner.clip=none", "inner", Inner(clip=None)),
        ],
    )
    def test_on_the_command_line(self, assignment: str, key: str, value: object) -> None:
        table: dict[str, Any] = {"optimizer": {"name": "typed"}}
        for path, given_value in parse_assignments((f"optimizer.{assignment}",)).items():
            put(table, path.split("."), given_value)
        experiment = create_experiment(table)
        assert getattr(experiment.optimizer, key) == value
        assert getattr(optimizer_of(parse_toml(to_file(experiment))), key) == value

    @pytest.mark.parametrize("key", ["tag", "free"])
    def test_of_two_readings_the_one_that_is_meant_is_asked_for(self, key: str) -> None:
        found = parse_assignments((f"{key}=none",))
        with pytest.raises(SettingError) as error:
            make_rule(**found)
        advice = "must be {none=true} for none, or 'none' in quotes for the text: it may be either"
        assert str(error.value) == f"typed: {key!r} {advice}"

    def test_what_else_is_written_is_no_none(self) -> None:
        for word in ("None", "null", "nan-"):
            with pytest.raises(SettingError, match=f"'clip' must be a number or none, not '{word}'"):
                make_rule(clip=word)

    def test_none_is_written_only_where_the_default_is_another(self) -> None:
        written = to_table(make_rule(clip=None, tag=None, inner=None))
        assert written == {
            "name": "typed",
            "clip": "none",
            "tag": {"none": True},
            "schedule": "cosine",
            "free": 1,
            "inner": "none",
        }
        assert "threads" not in to_table(modnet.gradient("central-difference"))

    def test_in_a_comparison(self) -> None:
        settings = create_settings({"optimizer": "typed"}, {"optimizer.clip": [None, 6.0, 0.5]})
        assert [setting.label for setting in settings] == [f"optimizer.clip {word}" for word in ("none", "6", "0.5")]
        written = [to_table(setting.experiment.optimizer)["clip"] for setting in settings]
        assert written == ["none", 6.0, 0.5]

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("none,6.0", [None, 6.0]),
            ("none,{none=true}", [None, None]),
            ("6,none,1e-3", [6.0, None, 0.001]),
        ],
    )
    def test_in_a_comparison_on_the_command_line(self, text: str, values: list[Any]) -> None:
        _, grid = read_alternatives({**dict.fromkeys(FLAGS), "assignments": (f"optimizer.clip={text}",)})
        rules = [make_rule(clip=value).clip for value in grid["optimizer.clip"]]
        assert rules == values

    def test_an_entry_of_a_saved_run_that_is_none_is_changed_as_any_other(self) -> None:
        saved = parse_toml(to_file(create_experiment({"optimizer": {"name": "typed", "inner": None, "tag": None}})))
        changed = optimizer_of(merge(saved, {"optimizer": {"inner": {"hidden": 3}, "tag": "b"}}))
        assert (changed.inner, changed.tag) == (Inner(3), "b")
        none = {"optimizer": {"inner": "none", "tag": {"none": True}}}
        back = optimizer_of(merge({"optimizer": to_table(changed)}, none))
        assert (back.inner, back.tag) == (None, None)


FLAGS = (*PLACES, "data", "callback", "metric")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast,exact", ["fast", "exact"]),
        ("0.1,he", [0.1, "he"]),
        ('"a,b",c', ["a,b", "c"]),
        ("[1, 2],[3]", [[1, 2], [3]]),
        ("[1, 2],x", [[1, 2], "x"]),
        ("{a = 1, b = 2},none", [{"a": 1, "b": 2}, "none"]),
        ("it's,b", ["it's", "b"]),
        ("[1,b", ["[1", "b"]),
        ("2026-01-02,x", [date(2026, 1, 2), "x"]),
    ],
)
def test_values_to_compare_are_each_of_its_own_type(text: str, values: list[Any]) -> None:
    _, grid = read_alternatives({**dict.fromkeys(FLAGS), "assignments": (f"optimizer.x={text}",)})
    assert grid["optimizer.x"] == values


def test_values_to_compare_are_saved_with_the_grid(registered: Callable[[type], None]) -> None:
    registered(with_attrs(Mode | float, NOTHING))
    settings = create_settings({"optimizer": "typed"}, {"optimizer.value": [Mode.EXACT, "fast", NAN, 1, -0.0, 0.0]})
    assert [setting.folder for setting in settings] == [
        f"optimizer.value-{word}" for word in ("exact", "fast", "nan", "1", "-0", "0")
    ]
    with pytest.raises(SettingError, match=r"twice the same: optimizer\.value nan"):
        create_settings({"optimizer": "typed"}, {"optimizer.value": [NAN, float("nan")]})


Leaf = float | int | bool | date | Mode | None
Nested = Leaf | list[Leaf] | dict[str, Leaf | list[Leaf] | dict[str, Leaf]]


@given(st.data())
def test_nested_values_are_read_again_as_they_were(data: st.DataObject) -> None:
    leaves = st.floats() | st.integers(-(2**70), 2**70) | st.booleans() | st.dates() | st.sampled_from(Mode) | st.none()
    lists = st.lists(leaves, max_size=3)
    keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    tables = st.dictionaries(keys, leaves | lists | st.dictionaries(keys, leaves, max_size=2), max_size=3)
    value = data.draw(leaves | lists | tables)
    reader = make_settings_reader()
    written = parse_toml(tomli_w.dumps({"value": reader.write(value)}).encode())
    again = reader.read_value(written["value"], Nested)
    assert is_same(value, again)
    assert type(again) is type(value)


def test_what_may_change_is_no_setting_that_only_begins_so() -> None:
    then, now = ({"data": {"path": text, "path_column": text}, "plugins": {"modules": [text]}} for text in "ab")
    assert [each.what for each in compare_settings(then, now, CHANGEABLE)] == ["data.path_column"]


def test_names_that_an_older_modnet_gave_are_the_same_in_receipts_and_checkpoints() -> None:
    then, now = ({"activation": {"name": name}, "seed": 0} for name in ("pre-lu", "prelu"))
    assert compare_settings(then, now) == []
    for key in ("tag", "filename", "host_name"):
        assert [each.what for each in compare_settings({key: "pre-lu"}, {key: "prelu"})] == [key]
    params = {"W1": np.zeros((1, 1))}
    checkpoint = Checkpoint(1, params, (("s-gd", (["dict", []], [])),), History(), 0.0)
    checkpoint.check(params, modnet.optimizer("sgd"))
    with pytest.raises(SettingError, match="the checkpoint is of the optimizer s-gd, not adam"):
        checkpoint.check(params, modnet.optimizer("adam"))


def test_a_value_of_two_lines_is_text() -> None:
    assert parse_assignments(("label=1\nother = 2",)) == {"label": "1\nother = 2"}

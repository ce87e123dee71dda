"""Tables to objects and back: strict, and with all mistakes at once."""

from __future__ import annotations

import operator
import string
import tomllib
from collections import OrderedDict, abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import attrs
import numpy as np
import pytest
import tomli_w
from attrs.validators import and_, deep_iterable, ge, gt, in_, instance_of, lt, optional
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet import Activation, Array, Optimizer, SettingError
from modnet.compose.defaults import MAIN_JOB
from modnet.compose.experiment import create_experiment, to_table
from modnet.compose.parts import make_settings_reader, read_part
from modnet.compose.settings import Settings, get_settings
from modnet.compose.tables import merge, put
from modnet.host.discovery import PluginHost

if TYPE_CHECKING:
    from nowhere import Unknown


class Span(NamedTuple):
    first: int
    share: float = 1.0


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


@attrs.frozen
class Plain:
    """Settings of every simple kind."""

    whole: int = 1
    number: float = 1.0
    flag: bool = False
    text: str = ""
    path: Path = Path("here")


@attrs.frozen
class Rich(Plain):
    """Settings of every compound kind, too."""

    choice: Literal["low", "high", 3] = "low"
    std: float | Literal["he", "xavier"] = 0.1
    maybe: float | None = None
    label: str | int | None = None
    amount: float | int = 0
    effort: Mode | float = 1.0
    many: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "a")
    rest: list[float] = attrs.field(factory=list)
    some: Sequence[str] = ()
    names: frozenset[str] = frozenset()
    labels: abc.Set[str] = frozenset()
    lines: abc.MutableSet[int] = attrs.field(factory=set)
    by_name: dict[str, float] = attrs.field(factory=dict)
    mode: Mode = Mode.FAST
    inner: Plain = attrs.field(factory=Plain)
    inners: tuple[Plain, ...] = ()
    anything: Any = None


@attrs.frozen
class Checked:
    """Settings with ranges."""

    lr: float = attrs.field(validator=gt(0))
    beta: float = attrs.field(default=0.5, validator=and_(ge(0), lt(1)))
    sizes: tuple[int, ...] = attrs.field(default=(1,), validator=deep_iterable(ge(1)))
    kind: str = attrs.field(default="a", validator=in_(["a", "b"]))
    step: float | None = attrs.field(default=None, validator=optional(gt(0)))


def read(cls: type, **table: Any) -> Any:
    return Settings().read(table, cls)


def mistakes(cls: type, **table: Any) -> list[str]:
    with pytest.raises(SettingError) as error:
        read(cls, **table)
    return list(error.value.mistakes)


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "value", "read_as"),
        [
            ("whole", 3, 3),
            ("number", 3, 3.0),
            ("number", 3.5, 3.5),
            ("flag", True, True),
            ("text", "3", "3"),
            ("path", "a/b", Path("a/b")),
            ("path", Path("a"), Path("a")),
            ("whole", np.int64(3), 3),
            ("number", np.float64(0.5), 0.5),
            ("number", np.float32(0.5), 0.5),
            ("text", np.str_("a"), "a"),
            ("choice", "high", "high"),
            ("choice", 3, 3),
            ("std", 1, 1.0),
            ("std", "he", "he"),
            ("maybe", 2, 2.0),
            ("maybe", None, None),
            ("label", 4, 4),
            ("label", "x", "x"),
            ("amount", 3, 3),
            ("amount", 3.0, 3.0),
            ("effort", "exact", Mode.EXACT),
            ("effort", 3, 3.0),
            ("many", [1, 2], (1, 2)),
            ("many", (), ()),
            ("pair", [2, "b"], (2, "b")),
            ("rest", [1, 2.5], [1.0, 2.5]),
            ("some", ["a"], ("a",)),
            ("names", ["a", "b", "a"], frozenset("ab")),
            ("labels", ["a", "b"], frozenset("ab")),
            ("lines", [1, 2, 1], {1, 2}),
            ("by_name", {"a": 1}, {"a": 1.0}),
            ("mode", "exact", Mode.EXACT),
            ("inner", {"whole": 2}, Plain(whole=2)),
            ("inner", Plain(whole=2), Plain(whole=2)),
            ("inners", [{}, {"whole": 2}], (Plain(), Plain(whole=2))),
            ("anything", {"a": [1]}, {"a": [1]}),
        ],
    )
    def test_a_value_of_the_type_is_taken_as_plain_python(self, name: str, value: object, read_as: object) -> None:
        found = getattr(read(Rich, **{name: value}), name)
        assert found == read_as
        assert type(found) is type(read_as)

    def test_an_ordered_dict_is_made_of_a_table(self) -> None:
        class Ordered:
            def __init__(self, by_name: OrderedDict[str, float]) -> None:
                self.by_name = by_name

        found = read(Ordered, by_name={"b": 1, "a": 2}).by_name
        assert (type(found), list(found.items())) == (OrderedDict, [("b", 1.0), ("a", 2.0)])

    @pytest.mark.parametrize(
        ("name", "value", "mistake"),
        [
            ("whole", 3.7, "'whole' must be a whole number, not 3.7"),
            ("whole", 3.0, "'whole' must be a whole number, not 3.0"),
            ("whole", True, "'whole' must be a whole number, not True"),
            ("whole", "3", "'whole' must be a whole number, not '3'"),
            ("number", True, "'number' must be a number, not True"),
            ("number", "0.1", "'number' must be a number, not '0.1'"),
            ("number", None, "'number' must be a number, not None"),
            ("number", 10**400, f"'number' must be a number that fits into 64 bits, not {10**400}"),
            ("flag", "false", "'flag' must be true or false, not 'false'"),
            ("flag", 0, "'flag' must be true or false, not 0"),
            ("text", 3, "'text' must be text, not 3"),
            ("path", 3, "'path' must be a path, not 3"),
            ("choice", "hihg", "'choice' must be 'low' or 'high' or 3, not 'hihg', did you mean 'high'?"),
            ("choice", 3.0, "'choice' must be 'low' or 'high' or 3, not 3.0"),
            ("std", "hee", "'std' must be a number or 'he' or 'xavier', not 'hee'"),
            ("std", True, "'std' must be a number or 'he' or 'xavier', not True"),
            ("maybe", "x", "'maybe' must be a number or none, not 'x'"),
            ("label", 1.5, "'label' must be text or a whole number or none, not 1.5"),
            ("many", "12", "'many' must be a list, not '12'"),
            ("many", 1, "'many' must be a list, not 1"),
            ("many", [1, 2.5], "many: item 2 must be a whole number, not 2.5"),
            ("pair", [1], "'pair' must be a list of 2, not [1]"),
            ("pair", ["b", "b"], "pair: item 1 must be a whole number, not 'b'"),
            ("rest", "ab", "'rest' must be a list, not 'ab'"),
            ("some", "ab", "'some' must be a list, not 'ab'"),
            ("some", {"ab"}, "'some' must be a list, not {'ab'}"),
            ("names", {"a": 1}, "'names' must be a list, not {'a': 1}"),
            ("by_name", [1], "'by_name' must be a table, not [1]"),
            ("by_name", {"a": "x"}, "by_name: 'a' must be a number, not 'x'"),
            ("mode", "slow", "'mode' must be 'fast' or 'exact', not 'slow'"),
            ("inner", 3, "'inner' must be a table, not 3"),
            ("inner", {"whole": "x"}, "inner: 'whole' must be a whole number, not 'x'"),
            ("inners", [{}, {"whole": "x"}], "inners: item 2: 'whole' must be a whole number, not 'x'"),
        ],
    )
    def test_a_value_of_another_type_is_not_bent(self, name: str, value: object, mistake: str) -> None:
        assert mistakes(Rich, **{name: value}) == [mistake]

    def test_what_no_table_can_hold_is_taken_as_a_keyword_argument(self) -> None:
        @attrs.frozen
        class Special:
            weights: np.ndarray[Any, Any]
            function: Callable[[float], float]
            day: date

        weights = np.ones(3)
        special = read(Special, weights=weights, function=abs, day=date(2026, 1, 2))
        assert special.weights is weights
        assert special.function is abs
        assert mistakes(Special, weights=[1.0], function=3, day="today") == [
            "'weights' must be of type ndarray, not [1.0]",
            "'function' must be a function, not 3",
            "'day' must be of type date, not 'today'",
        ]

    def test_a_named_tuple_is_read_from_a_list(self) -> None:
        @attrs.frozen
        class Spanned:
            span: Span

        span = read(Spanned, span=[2, 1]).span
        assert span == Span(2, 1.0)
        assert type(span) is Span
        assert type(span.share) is float
        assert mistakes(Spanned, span=[2.5, "x"]) == [
            "span: item 1 must be a whole number, not 2.5",
            "span: item 2 must be a number, not 'x'",
        ]
        assert mistakes(Spanned, span=[2]) == ["'span' must be a list of 2, not [2]"]

    def test_a_mistake_under_a_key_that_is_no_text_has_its_place(self) -> None:
        assert mistakes(Rich, by_name={1: "x"}) == ["by_name: '1' must be a number, not 'x'"]


class TestKeys:
    def test_an_unknown_key_is_reported_with_the_available_ones(self) -> None:
        assert mistakes(Plain, nmuber=1.0) == [
            "unknown setting 'nmuber', did you mean 'number'?; available: whole, number, flag, text, path"
        ]

    def test_a_class_without_settings_says_so(self) -> None:
        @attrs.frozen
        class Empty:
            pass

        assert mistakes(Empty, slope=1.0) == ["unknown setting 'slope'; available: none"]

    def test_a_missing_key_is_reported(self) -> None:
        assert mistakes(Checked) == ["'lr' is missing"]


class TestRanges:
    @pytest.mark.parametrize(
        ("table", "mistake"),
        [
            ({"lr": -1}, "'lr' must be > 0: -1.0"),
            ({"beta": 1}, "'beta' must be < 1: 1.0"),
            ({"sizes": [3, 0]}, "'sizes' must be >= 1: 0"),
            ({"kind": "c"}, "'kind' must be in ['a', 'b'] (got 'c')"),
            ({"step": 0.0}, "'step' must be > 0: 0.0"),
        ],
    )
    def test_a_value_out_of_range_is_reported_with_field_bound_and_value(self, table: Any, mistake: str) -> None:
        assert mistakes(Checked, **{"lr": 1, **table}) == [mistake]

    def test_an_absent_optional_value_is_not_out_of_range(self) -> None:
        assert read(Checked, lr=1, step=None) == Checked(lr=1.0)


@attrs.frozen
class Interval:
    low: float
    high: float = attrs.field()

    @high.validator
    def _above(self, attribute: object, high: float) -> None:
        if high <= self.low:
            raise ValueError(f"'high' must be above 'low': {high} <= {self.low}")


@attrs.frozen
class Two:
    first: Interval
    second: Interval


@attrs.frozen
class Loss:
    loss: float = attrs.field(validator=gt(0))


@attrs.frozen
class Network:
    loss: Loss


@attrs.frozen
class Middle:
    inner: Rich


@attrs.frozen
class Outer:
    middle: Middle


class TestAllAtOnce:
    def test_every_mistake_is_reported_in_order(self) -> None:
        assert mistakes(Checked, bета=1, beta=2, sizes="x", kind="c") == [
            "unknown setting 'bета'; available: lr, beta, sizes, kind, step",
            "'lr' is missing",
            "'beta' must be < 1: 2.0",
            "'sizes' must be a list, not 'x'",
            "'kind' must be in ['a', 'b'] (got 'c')",
        ]

    def test_every_mistake_of_an_experiment_is_reported_with_its_path(self) -> None:
        table = {
            "seeed": 1,
            "seed": -1,
            "network": {
                "hidden": [0, 5],
                "activation": "sigmod",
                "loss": {"name": "cross-entropy", "eps": "x"},
                "output": 3,
            },
            "gradient": {"name": "central-difference", "h": 0},
            "optimizer": {"name": "sgd", "lr": -1, "momentum": 0.9},
            "training": {"batch_size": 0, "iterations": 1.5, "sampling": "shufle", "dtype": "float16"},
            "plugins": "none",
        }
        with pytest.raises(SettingError) as error:
            create_experiment(table)
        found = sorted(error.value.mistakes)
        wanted = [
            "'plugins' must be a table, not 'none'",
            "'seed' must be >= 0: -1",
            "gradient: 'h' must be > 0: 0.0",
            "network.activation: no activation 'sigmod', did you mean 'sigmoid'?",
            "network.loss: 'eps' must be a number, not 'x'",
            "network: 'hidden' must be >= 1: 0",
            "network: 'output' must be a name or a table with a name, not 3",
            "optimizer: 'lr' must be > 0: -1.0",
            "optimizer: unknown setting 'momentum'; available: lr",
            "training: 'batch_size' must be >= 1: 0",
            "training: 'dtype' must be 'float64' or 'float32', not 'float16', did you mean 'float64'?",
            "training: 'iterations' must be a whole number, not 1.5",
            "training: 'sampling' must be 'replacement' or 'shuffle', not 'shufle', did you mean 'shuffle'?",
            "unknown setting 'seeed', did you mean 'seed'?",
        ]
        assert len(found) == len(wanted)
        assert all(mistake.startswith(start) for mistake, start in zip(found, wanted, strict=True)), found
        assert str(error.value).startswith(f"{len(wanted)} mistakes\n  ")

    def test_a_check_of_two_settings_waits_until_each_is_right(self) -> None:
        assert read(Interval, low=1, high=2) == Interval(1.0, 2.0)
        assert mistakes(Interval, low="x", high=0) == ["'low' must be a number, not 'x'"]
        upside_down, wrong = {"low": 1, "high": 0}, {"low": "x", "high": 0}
        assert mistakes(Two, first=upside_down, second=wrong) == [
            "first: 'high' must be above 'low': 0.0 <= 1.0",
            "second: 'low' must be a number, not 'x'",
        ]

    def test_a_setting_named_as_the_table_it_is_in_has_a_path_of_its_own(self) -> None:
        assert mistakes(Network, loss={"loss": -1}) == ["loss: 'loss' must be > 0: -1.0"]

    def test_a_path_grows_from_within(self) -> None:
        table = {"inner": {"inner": {"whole": "x"}, "many": [1, "x"]}}
        assert mistakes(Outer, middle=table) == [
            "middle.inner.many: item 2 must be a whole number, not 'x'",
            "middle.inner.inner: 'whole' must be a whole number, not 'x'",
        ]

    def test_a_file_name_in_a_message_is_not_taken_for_a_path(self) -> None:
        def fail(_: object) -> object:
            raise modnet.DataError("mnist.pkl: no such file")

        settings = Settings()
        settings.on(Plain, fail)
        with pytest.raises(SettingError) as error:
            settings.read({"inner": {}}, Rich)
        assert error.value.mistakes == ("inner: mnist.pkl: no such file",)


class TestAttrsClasses:
    """Third-party attrs classes work as attrs says."""

    def test_private_names_aliases_keywords_factories_and_constants(self) -> None:
        @attrs.frozen(kw_only=True)
        class ThirdParty:
            _private: int = attrs.field(validator=gt(0))
            renamed: str = attrs.field(alias="called")
            made: list[int] = attrs.field(factory=lambda: [1])
            computed: int = attrs.field(init=False, default=7)
            constant: ClassVar[int] = 8

        third_party = read(ThirdParty, private=3, called="x")
        assert third_party == ThirdParty(private=3, called="x")
        assert get_settings(third_party) == {"private": 3, "called": "x", "made": [1]}
        assert mistakes(ThirdParty, private=0, renamed="x", computed=3) == [
            "unknown setting 'renamed'; available: private, called, made",
            "unknown setting 'computed'; available: private, called, made",
            "'private' must be > 0: 0",
            "'called' is missing",
        ]

    def test_a_subclass_has_the_settings_of_its_bases(self) -> None:
        @attrs.frozen
        class Derived(Checked):
            extra: int = 0

        assert read(Derived, lr=1, extra=2) == Derived(lr=1.0, extra=2)
        assert mistakes(Derived, lr=0, extra="x") == [
            "'lr' must be > 0: 0.0",
            "'extra' must be a whole number, not 'x'",
        ]

    def test_an_easy_converter_does_not_make_a_setting_easy(self) -> None:
        @attrs.frozen
        class ThirdParty:
            lr: float = attrs.field(converter=float, validator=gt(0))
            sizes: tuple[int, ...] = attrs.field(converter=tuple, default=())

        assert read(ThirdParty, lr=1, sizes=[1, 2]) == ThirdParty(1.0, (1, 2))
        assert mistakes(ThirdParty, lr="0.1", sizes="12") == [
            "'lr' must be a number, not '0.1'",
            "'sizes' must be a list, not '12'",
        ]
        assert mistakes(ThirdParty, lr=-1) == ["'lr' must be > 0: -1.0"]

    def test_a_converter_is_given_what_it_says_it_takes(self) -> None:
        def percent(value: str) -> float:
            return float(value.removesuffix("%")) / 100

        @attrs.frozen
        class ThirdParty:
            rate: float = attrs.field(converter=percent, validator=lt(1))
            mode: Mode = attrs.field(converter=Mode, default=Mode.FAST)
            free: bytes = attrs.field(converter=lambda text: text.encode(), default="")

        assert read(ThirdParty, rate="10%", mode="exact", free="x") == ThirdParty("10%", "exact", "x")
        assert mistakes(ThirdParty, rate=0.1, mode="slow") == [
            "'rate' must be text, not 0.1",
            "mode: 'slow' is not a valid Mode",
        ]
        assert mistakes(ThirdParty, rate="120%") == ["'rate' must be < 1: 1.2"]

    def test_a_converter_that_needs_the_object_is_asked_by_the_object(self) -> None:
        @attrs.frozen
        class ThirdParty:
            base: float
            scaled: float = attrs.field(
                converter=attrs.Converter(lambda value, self: value * self.base, takes_self=True), validator=lt(10)
            )

        assert read(ThirdParty, base=2, scaled=3).scaled == 6
        assert mistakes(ThirdParty, base=2, scaled=5) == ["'scaled' must be < 10: 10.0"]

    def test_words_of_attrs_carry_no_baggage(self) -> None:
        @attrs.frozen
        class ThirdParty:
            value: Any = attrs.field(validator=instance_of(int))

        assert mistakes(ThirdParty, value="x") == ["'value' must be <class 'int'> (got 'x' that is a <class 'str'>)."]

    def test_a_type_for_type_checkers_only_leaves_the_others_strict(self) -> None:
        @attrs.frozen
        class ThirdParty:
            unknown: Unknown = None
            lr: float = 0.1

        assert read(ThirdParty, unknown="anything", lr=1) == ThirdParty("anything", 1.0)
        assert mistakes(ThirdParty, lr="x") == ["'lr' must be a number, not 'x'"]

    def test_a_field_without_a_type_takes_anything(self) -> None:
        third_party = attrs.make_class("ThirdParty", {"free": attrs.field(default=None)})
        assert read(third_party, free=[1]).free == [1]


class TestOtherClasses:
    """A plugin's class need not be an attrs class."""

    class Scaled:
        def __init__(self, factor: float, *, name: str = "x", free=None) -> None:  # type: ignore[no-untyped-def]
            if factor == 0:
                raise ValueError("must be something")
            self.factor, self.name, self.free = factor, name, free

    def test_its_arguments_are_its_settings(self) -> None:
        scaled = read(self.Scaled, factor=2, free=[1])
        assert get_settings(scaled) == {"factor": 2.0, "name": "x", "free": [1]}

    def test_they_are_as_strict(self) -> None:
        assert mistakes(self.Scaled, factor="2", nmae="y") == [
            "unknown setting 'nmae', did you mean 'name'?; available: factor, name, free",
            "'factor' must be a number, not '2'",
        ]
        assert mistakes(self.Scaled) == ["'factor' is missing"]
        assert mistakes(self.Scaled, factor=0) == ["must be something"]

    def test_a_class_without_arguments_has_no_settings(self) -> None:
        class Bare:
            pass

        assert get_settings(read(Bare)) == {}
        assert mistakes(Bare, lr=1) == ["unknown setting 'lr'; available: none"]

    def test_a_dataclass_is_one(self) -> None:
        @dataclass(frozen=True)
        class Data:
            lr: float = 0.1
            inner: Plain = Plain()

        data = read(Data, lr=1, inner={"whole": 2})
        assert data == Data(1.0, Plain(whole=2))
        assert to_table(data)["inner"]["whole"] == 2
        assert mistakes(Data, lr="x") == ["'lr' must be a number, not 'x'"]

    def test_a_part_may_be_a_dataclass_whose_default_is_made_anew(self) -> None:
        @dataclass(frozen=True)
        class Mixture(Activation):
            weights: list[float] = field(default_factory=list)

            def __call__(self, a: Array, axis: int = -1) -> Array:
                return a

        undo = modnet.register(Mixture)
        assert modnet.activation("mixture") == Mixture([])
        assert modnet.activation("mixture", weights=[1]) == Mixture([1.0])
        undo()

    def test_a_setting_that_the_object_does_not_keep_cannot_be_written_down(self) -> None:
        class Forgetful:
            def __init__(self, factor: float = 2.0) -> None:
                self._factor = factor

        with pytest.raises(
            SettingError, match=r"Forgetful: keep the setting 'factor' as self\.factor, to be written down"
        ):
            get_settings(Forgetful())


@attrs.frozen
class Mixed(Activation):
    """A part made of parts."""

    inner: Activation
    others: tuple[Activation, ...] = ()
    rule: Optimizer | None = None
    either: Activation | Literal["none"] = "none"

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self.inner(a, axis)


class TestParts:
    def test_a_part_is_a_name_a_table_or_ready(self) -> None:
        sigmoid = modnet.activation("sigmoid")
        for inner in ("sigmoid", {"name": "sigmoid"}, sigmoid):
            assert make_settings_reader().read({"inner": inner}, Mixed) == Mixed(sigmoid)

    def test_parts_within_lists_and_choices(self) -> None:
        table = {
            "inner": "relu",
            "others": ["relu", {"name": "leaky-relu", "slope": 1}],
            "rule": "sgd",
            "either": "relu",
        }
        mixed = make_settings_reader().read(table, Mixed)
        assert [type(part).__name__ for part in (*mixed.others, mixed.rule, mixed.either)] == [
            "Relu",
            "LeakyRelu",
            "Sgd",
            "Relu",
        ]
        assert make_settings_reader().read({"inner": "relu", "either": "none"}, Mixed).either == "none"

    def test_mistakes_within_parts_keep_their_words(self) -> None:
        table = {
            "inner": {"name": "leaky-relu", "slope": -1},
            "others": ["relu", {"name": "leaky-relu", "slop": 1}, "rellu"],
            "rule": {"name": "sgd", "lr": 0},
            "either": "rellu",
        }
        with pytest.raises(SettingError) as error:
            make_settings_reader().read(table, Mixed)
        wanted = [
            "inner: 'slope' must be >= 0: -1.0",
            "others: item 2: unknown setting 'slop', did you mean 'slope'?",
            "others: item 3: no activation 'rellu', did you mean 'relu'?",
            "rule: 'lr' must be > 0: 0.0",
            "either: no activation 'rellu', did you mean 'relu'?",
        ]
        found = error.value.mistakes
        assert len(found) == len(wanted)
        assert all(mistake.startswith(start) for mistake, start in zip(found, wanted, strict=True)), found

    def test_a_table_without_a_name_is_a_mistake(self) -> None:
        with pytest.raises(SettingError, match=r"^'name' must say which optimizer it is$"):
            read_part("optimizer", {"lr": 0.1})

    @pytest.mark.parametrize("kind", ["activation", "loss", "gradient", "optimizer", "data-source"])
    def test_every_registered_part_is_made_from_the_table_that_it_gives(self, kind: str) -> None:
        host: PluginHost = modnet.compose.plugins.get_host()
        for name in host.registry.names(kind):
            part = read_part(kind, name)
            table = tomllib.loads(tomli_w.dumps(to_table(part)))
            assert table.pop("name") == name
            assert read_part(kind, {"name": name, **table}) == part
            assert set(table) == {key for key, value in get_settings(part).items() if value is not None}


plain_texts = st.text(string.printable, max_size=8)
numbers = st.floats(allow_nan=False)
wholes = st.integers(-(2**63), 2**63 - 1)
plain_tables = st.fixed_dictionaries(
    {
        "whole": wholes,
        "number": numbers,
        "flag": st.booleans(),
        "text": plain_texts,
        "path": st.sampled_from(["a", "a/b.csv", "/c"]),
    }
)
compound_tables = st.fixed_dictionaries(
    {
        "choice": st.sampled_from(["low", "high", 3]),
        "amount": numbers | wholes,
        "std": numbers | st.sampled_from(["he", "xavier"]),
        "many": st.lists(wholes),
        "pair": st.tuples(wholes, plain_texts).map(list),
        "rest": st.lists(numbers),
        "some": st.lists(plain_texts),
        "names": st.sets(plain_texts).map(lambda names: sorted(names, key=repr)),
        "by_name": st.dictionaries(plain_texts, numbers),
        "labels": st.sets(plain_texts).map(lambda labels: sorted(labels, key=repr)),
        "lines": st.sets(wholes).map(lambda lines: sorted(lines, key=repr)),
        "mode": st.sampled_from(["fast", "exact"]),
        "effort": st.sampled_from(["fast", "exact"]) | numbers,
        "inner": plain_tables,
        "inners": st.lists(plain_tables, max_size=3),
    },
    optional={"maybe": numbers, "label": wholes | plain_texts, "anything": wholes | plain_texts},
)
rich_tables = st.builds(operator.or_, plain_tables, compound_tables)


class TestRoundTrip:
    @given(rich_tables)
    def test_table_to_object_to_table_is_the_identity_and_so_is_object_to_toml_to_object(
        self, table: Mapping[str, Any]
    ) -> None:
        thing = Settings().read(table, Rich)
        assert to_table(thing) == table
        assert Settings().read(tomllib.loads(tomli_w.dumps(table)), Rich) == thing

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(0, 2**31),
                "gradient": st.sampled_from(["backpropagation", "central-difference"]),
                "optimizer": st.fixed_dictionaries(
                    {"name": st.sampled_from(["sgd", "momentum", "adam"])},
                    optional={"lr": st.floats(1e-9, 10)},
                ),
                "network": st.fixed_dictionaries(
                    {},
                    optional={
                        "hidden": st.lists(st.integers(1, 500), min_size=1, max_size=3),
                        "activation": st.sampled_from(["relu", {"name": "leaky-relu", "slope": 0.5}]),
                        "weight_init_std": st.floats(0, 1) | st.sampled_from(["he", "xavier"]),
                    },
                ),
                "training": st.fixed_dictionaries(
                    {}, optional={"batch_size": st.integers(1, 1000), "sampling": st.just("shuffle")}
                ),
            },
        )
    )
    def test_an_experiment_written_and_read_again_is_the_same(self, table: dict[str, Any]) -> None:
        experiment = create_experiment(table)
        written = tomli_w.dumps(to_table(experiment))
        again = create_experiment(tomllib.loads(written))
        assert again == experiment
        assert tomli_w.dumps(to_table(again)) == written

    def test_the_main_job_is_complete(self) -> None:
        written = to_table(create_experiment({}))
        tables = {key: set(value) for key, value in MAIN_JOB.items() if isinstance(value, dict)}
        parts = {key for key, names in tables.items() if "name" in names}  # whose own settings have their defaults
        found = {
            key: set(value) & tables[key] if key in parts else set(value)
            for key, value in written.items()
            if isinstance(value, dict)
        }
        assert found == tables


class TestMerging:
    @pytest.mark.parametrize(
        ("base", "change", "result"),
        [
            ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
            ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
            ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
            ({"o": {"name": "sgd", "lr": 1}}, {"o": {"name": "sgd", "x": 2}}, {"o": {"name": "sgd", "lr": 1, "x": 2}}),
            ({"o": {"name": "sgd", "lr": 1}}, {"o": {"name": "adam"}}, {"o": {"name": "adam"}}),
            ({"o": {"name": "sgd", "lr": 1}}, {"o": "adam"}, {"o": {"name": "adam"}}),
            ({"o": {"name": "sgd", "lr": 1}}, {"o": "sgd"}, {"o": {"name": "sgd", "lr": 1}}),
            ({"o": "sgd"}, {"o": {"lr": 1}}, {"o": {"name": "sgd", "lr": 1}}),
            ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
        ],
    )
    def test_tables_are_merged_and_a_new_name_starts_afresh(self, base: Any, change: Any, result: Any) -> None:
        before = repr((base, change))
        assert merge(base, change) == result
        assert repr((base, change)) == before


class TestItemsOfLists:
    """Items are found by their numbers, from 0 on, as in `--set callbacks.0.patience=5`."""

    @pytest.mark.parametrize(
        ("place", "value", "expected"),
        [
            (("callbacks", "0", "patience"), 5, [{"name": "a", "patience": 5}, {"name": "b", "seconds": 1}]),
            (("callbacks", "1", "seconds"), 2, ["a", {"name": "b", "seconds": 2}]),
            (("callbacks", "0"), "c", ["c", {"name": "b", "seconds": 1}]),
        ],
    )
    def test_a_value_is_put_there_or_changes_what_is_there(self, place: Any, value: Any, expected: Any) -> None:
        table: Any = {"callbacks": ["a", {"name": "b", "seconds": 1}]}
        change: Any = {}
        put(change, place, value)
        assert merge(table, change)["callbacks"] == expected
        assert table == {"callbacks": ["a", {"name": "b", "seconds": 1}]}
        put(table, place, value)
        assert table["callbacks"] == expected

    @pytest.mark.parametrize("number", ["2", "-1", "first", ""])
    def test_there_is_none_of_that_number(self, number: str) -> None:
        with pytest.raises(
            SettingError, match=rf"^callbacks\.{number}\.lr: '{number}' is no item of 2, which are counted"
        ):
            put({"callbacks": ["a", "b"]}, ("callbacks", number, "lr"), 1)
        assert merge({"callbacks": ["a"]}, {"callbacks": {number: "x"}})["callbacks"] == {number: "x"}

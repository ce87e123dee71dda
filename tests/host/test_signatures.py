"""Type mistakes of a class, found when it is registered."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar
from unittest.mock import Mock

import attrs
import numpy as np
import pytest

import modnet
from modnet import Activation, Array, DataSource, Loss, Optimizer, Params, SettingError
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS
from modnet.host.signatures import find_type_mistakes

if TYPE_CHECKING:
    from nowhere import Tensor

T = TypeVar("T")


def name_again(function):  # type: ignore[no-untyped-def]
    @functools.wraps(function)
    def wrapper(*args, **kwargs):  # type: ignore[no-untyped-def]
        return function(*args, **kwargs)

    return wrapper


class Untyped(Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return a


class Anything(Activation):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return args[0]


class OtherNames(Activation):
    def __call__(self, x: Array, axis: int = 0, *, more: bool = False) -> Array:
        return x


class Decorated(Activation):
    @name_again
    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a


class Generic(Activation):
    def __call__(self, a: T, axis: int = -1) -> T:
        return a


class ForTypeCheckersOnly(Activation):
    def __call__(self, a: Tensor, axis: int = -1) -> Tensor:
        return a


class AsGiven(Activation):
    def __init__(self, elementwise: bool = False) -> None:
        self._elementwise = elementwise

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        return self._elementwise

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a


@attrs.frozen
class Settings(Activation):
    whole: float = 1
    implicit: float = None  # type: ignore[assignment]
    none: float | None = None
    choice: Literal["a", "b"] | float = "a"
    many: list[int] = attrs.Factory(list)
    brought: float = attrs.field(default="1.0", converter=float)
    scalar: float = np.float64(2.0)
    _private: int = 3

    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a


class Counted(NamedTuple):
    steps: int


class WithState(Optimizer):
    def init(self, params: Params) -> Counted:
        return Counted(0)

    def step(self, params: Params, grads: Params, state: Counted) -> tuple[dict[str, Array], Counted]:
        return dict(params), state


class Quiet(DataSource):
    @staticmethod
    def recognises(path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path | None) -> modnet.Dataset:
        raise modnet.DataError(str(path))


LEGAL = [
    (Untyped, Activation),
    (Anything, Activation),
    (OtherNames, Activation),
    (Decorated, Activation),
    (Generic, Activation),
    (ForTypeCheckersOnly, Activation),
    (AsGiven, Activation),
    (Settings, Activation),
    (WithState, Optimizer),
    (Quiet, DataSource),
    (type(Mock(spec=Loss)), Loss),
]


@pytest.mark.parametrize(("cls", "interface"), LEGAL, ids=lambda cls: cls.__name__)
def test_what_is_odd_but_legal_is_taken(cls: type, interface: type) -> None:
    assert find_type_mistakes(cls, interface) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_the_built_ins_make_no_such_mistake(kind: str) -> None:
    """They are not looked at when they are loaded, so that no command waits for it."""
    classes = [component.cls for component in get_host().registry.at_hand(kind)]
    assert len(classes) > 1
    assert [mistake for cls in classes for mistake in find_type_mistakes(cls, KINDS[kind].interface)] == []


class FourMistakes(Activation):
    computes = b"softmax"  # type: ignore[assignment]

    def __init__(self, cap: int | None = 1.5) -> None:  # type: ignore[assignment]
        self.cap = cap

    def __call__(self, a: Array, dim: int = -1) -> list[float]:  # type: ignore[override]
        return list(a)


CALL = "def __call__(self, a: Array, dim"
SUPERTYPE = 'supertype "modnet.interfaces.functions.Activation"'
MISTAKES = {
    f'Signature of "__call__" incompatible with {SUPERTYPE}': CALL,
    'Return type "list[float]" of "__call__" incompatible with return type '
    f'"ndarray[tuple[Any, ...], dtype[Any]]" in {SUPERTYPE}': CALL,
    'Incompatible types in assignment (expression has type "bytes", base class "Activation" defined the type as '
    '"str")': "computes = b",
    'Incompatible default for parameter "cap" (default has type "float", parameter has type "int | None")': "cap: int",
}


def test_all_mistakes_of_a_class_are_reported_each_with_its_place() -> None:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    places = {
        why: next(number for number, line in enumerate(lines, start=1) if text in line)
        for why, text in MISTAKES.items()
    }
    found = {mistake.why: mistake.where for mistake in find_type_mistakes(FourMistakes, Activation)}
    assert found == {why: f"{__file__}:{line}" for why, line in places.items()}


class TestAtTheDoor:
    def test_a_method_in_place_of_a_promise_is_refused(self) -> None:
        class Method(Untyped):
            def kinks(self) -> tuple[float, ...]:  # type: ignore[override]
                return ()

        with pytest.raises(SettingError, match="kinks is <function"):
            modnet.TwoLayerNet(3, 2, 2, hidden=Method())

    def test_a_promise_that_is_none_is_refused(self) -> None:
        class Misspelt(modnet.GradientEstimator):
            promises = "directon"  # type: ignore[assignment]

            def __call__(self, objective: Any, params: Params, stream: modnet.Stream) -> Params:
                return params

        with pytest.raises(modnet.PluginError, match="promises is 'directon'"):
            modnet.register(Misspelt)

    def test_a_ready_part_is_refused_with_all_that_is_wrong(self) -> None:
        with pytest.raises(SettingError, match="activation: 4 mistakes\n  Signature of") as error:
            modnet.TwoLayerNet(3, 2, 2, hidden=FourMistakes())
        assert "FourMistakes.__call__(a, dim=-1) does not take (a, axis=-1)" in error.value.mistakes[0]

    def test_a_class_is_not_registered(self) -> None:
        with pytest.raises(modnet.PluginError, match="does not take"):
            modnet.register(FourMistakes)
        assert "four-mistakes" not in get_host().registry.names("activation")

    @pytest.mark.parametrize(
        ("kind", "function", "words"),
        [
            ("hidden", lambda: 1, r"<lambda>\(\) does not take \(a\)"),
            ("loss", lambda y: y, r"<lambda>\(y\) does not take \(y, t\)"),
            ("loss", lambda y, t, weights: y, r"<lambda>\(y, t, weights\) does not take \(y, t\)"),
        ],
    )
    def test_a_function_that_takes_other_arguments(self, kind: str, function: Any, words: str) -> None:
        with pytest.raises(SettingError, match=words):
            modnet.TwoLayerNet(3, 2, 2, **{kind: function})

    def test_a_function_that_tells_nothing_of_its_arguments(self) -> None:
        assert modnet.TwoLayerNet(3, 2, 2, hidden=np.tanh).layers[0].activation is not None

"""The registry: no name depends on the order of registration."""

from __future__ import annotations

import itertools
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import attrs
import pytest

from modnet import Activation, Array, Loss, PluginError, UnknownNameError
from modnet.host.registry import Component, Registry, create_component, determine_kind


@attrs.frozen
class Cube(Activation):
    def __call__(self, a: Array, axis: int = -1) -> Array:
        return a**3


class OtherCube(Cube):
    pass


class Distance(Loss):
    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        return abs(y - t).sum(axis)


class Unfinished(Activation):
    pass


class NoAxis(Activation):
    def __call__(self, a: Array) -> Array:  # type: ignore[override]
        return a


def component(owner: str, name: str = "cube", kind: str = "activation", cls: type = Cube) -> Component:
    return Component(kind, name, cls, owner, "plugin")


def registry(*components: Component) -> Registry:
    result = Registry()
    for each in components:
        result.add(each)
    return result


BUILT_IN = component("modnet")
CUBES = component("modnet-cubes")
ANOTHER = component("another")


def test_a_component_is_found_by_its_name_and_by_its_full_name() -> None:
    one = registry(CUBES)
    assert one.find("activation", "cube") is CUBES
    assert one.find("activation", "modnet-cubes:cube") is CUBES
    assert one.names("activation") == ["cube"]


def test_the_same_name_may_stand_for_two_kinds() -> None:
    loss = component("modnet-cubes", kind="loss", cls=Distance)
    both = registry(CUBES, loss)
    assert both.find("activation", "cube") is CUBES
    assert both.find("loss", "cube") is loss


@pytest.mark.parametrize("order", list(itertools.permutations([BUILT_IN, CUBES, ANOTHER])))
def test_a_built_in_keeps_its_bare_name_in_whatever_order_they_come(order: tuple[Component, ...]) -> None:
    three = registry(*order)
    assert three.find("activation", "cube") is BUILT_IN
    assert three.find("activation", "modnet:cube") is BUILT_IN
    assert three.find("activation", "modnet-cubes:cube") is CUBES
    assert three.find("activation", "another:cube") is ANOTHER
    assert three.names("activation") == ["cube", "another:cube", "modnet-cubes:cube"]
    assert [three.name_for(c) for c in (BUILT_IN, CUBES)] == ["cube", "modnet-cubes:cube"]


@pytest.mark.parametrize("order", [(CUBES, ANOTHER), (ANOTHER, CUBES)])
def test_two_third_parties_are_both_refused_by_the_bare_name(order: tuple[Component, ...]) -> None:
    both = registry(*order)
    with pytest.raises(UnknownNameError, match="ambiguous between another:cube and modnet-cubes:cube"):
        both.find("activation", "cube")
    assert both.find("activation", "another:cube") is ANOTHER
    assert both.find("activation", "modnet-cubes:cube") is CUBES
    assert both.names("activation") == ["another:cube", "modnet-cubes:cube"]


def test_a_bare_name_is_free_again_when_the_rival_goes() -> None:
    both = registry(CUBES, ANOTHER)
    both.discard([CUBES])
    assert both.find("activation", "cube") is ANOTHER
    assert both.components() == [ANOTHER]


def test_discarding_twice_takes_nothing_else_along() -> None:
    both = registry(CUBES, ANOTHER)
    both.discard([CUBES])
    both.discard([CUBES])
    assert both.components() == [ANOTHER]


def test_one_owner_registers_a_name_once() -> None:
    one = registry(CUBES)
    with pytest.raises(PluginError, match="modnet-cubes registers the activation 'cube' twice: give one another name"):
        one.add(component("modnet-cubes", cls=OtherCube))
    assert one.components() == [CUBES]


def test_an_unknown_name_is_reported_with_the_available_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"no activation 'cub', did you mean 'cube'.*available: cube"):
        registry(CUBES).find("activation", "cub")
    with pytest.raises(UnknownNameError, match="available: none"):
        registry(CUBES).find("loss", "cube")


def test_plugins_are_asked_once_for_a_name_that_is_not_found() -> None:
    asked: list[int] = []
    with pytest.raises(UnknownNameError, match="available: none"):
        Registry(lambda: asked.append(1)).find("activation", "cube")
    assert asked == [1]


def test_components_are_listed_built_in_first_then_by_kind_name_and_owner() -> None:
    a, b = component("another", "b"), component("modnet-cubes", "a")
    loss, own = component("another", "a", "loss", Distance), component("modnet", "z")
    for order in itertools.permutations([a, b, loss, own]):
        assert registry(*order).components() == [own, b, a, loss]


def test_a_class_leads_back_to_its_component() -> None:
    one = registry(CUBES)
    assert one.component_of(Cube()) is CUBES
    assert one.component_of(OtherCube()) is None


def test_a_class_that_is_registered_by_two_names_is_known_by_the_first() -> None:
    new, old = component("me", "better"), component("me", "a-name-of-old")
    assert registry(new, old).component_of(Cube()) is new
    assert registry(old, new).component_of(Cube()) is old
    assert registry(new, rival := component("another", "cube")).component_of(Cube()) is rival


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("LeakyRelu", "leaky-relu"),
        ("PReLU", "prelu"),
        ("LeakyReLU", "leaky-relu"),
        ("ReLU6", "relu6"),
        ("GELU", "gelu"),
        ("SiLU", "silu"),
        ("SwiGLU", "swiglu"),
        ("LogSoftmax", "log-softmax"),
        ("Softplus2", "softplus2"),
        ("RMSProp", "rmsprop"),
        ("RMSprop", "rmsprop"),
        ("AdamW", "adamw"),
        ("NAdam", "nadam"),
        ("SGD", "sgd"),
        ("LBFGS", "lbfgs"),
        ("KLDivergence", "kldivergence"),
        ("L1Loss", "l1-loss"),
        ("SmoothL1Loss", "smooth-l1-loss"),
        ("MSELoss", "mseloss"),
        ("HTTPSource", "httpsource"),
        ("IDXFile", "idxfile"),
        ("Conv2D", "conv2d"),
        ("Tanh_", "tanh"),
        ("_Private", "private"),
        ("my_cube", "my-cube"),
        ("My_Cube", "my-cube"),
        ("X", "x"),
    ],
)
def test_a_class_has_a_name_as_the_field_writes_it(cls: str, name: str) -> None:
    assert create_component("activation", type(cls, (Cube,), {}), None, "me", "plugin").name == name


@pytest.mark.parametrize("cls", ["Äctivation", "_", "Größe"])
def test_a_class_of_other_letters_is_given_a_name(cls: str) -> None:
    with pytest.raises(PluginError, match=r"is none: register\(cls, name\)"):
        create_component("activation", type(cls, (Cube,), {}), None, "me", "plugin")


def test_a_name_of_an_older_modnet_differs_in_hyphens_at_most_and_is_found() -> None:
    prelu, other, another = component("me", "prelu"), component("me", "ada-max"), component("you", "adamax")
    found = registry(prelu, other, another)
    assert found.find("activation", "pre-lu") is prelu
    assert found.find("activation", "me:pre-lu") is prelu
    assert found.find("activation", "ada-max") is other
    assert found.find("activation", "adamax") is another
    with pytest.raises(UnknownNameError):  # of two that it could be
        found.find("activation", "a-damax")


def test_a_class_is_named_in_kebab_case_or_by_the_name_that_is_given() -> None:
    assert create_component("activation", OtherCube, None, "me", "plugin").name == "other-cube"
    assert create_component("activation", OtherCube, "cubic-2", "me", "plugin").qualified_name == "me:cubic-2"


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (Cube(), 'incompatible type "Cube"; expected "type[Activation]": register the class itself'),
        (
            abs,
            '"builtin_function_or_method"; expected "type[Activation]": register a class derived from modnet',
        ),
        (
            None,
            'incompatible type "None"; expected "type[Activation]": register a class derived from modnet',
        ),
        (Distance, 'incompatible type "type[Distance]"; expected "type[Activation]": register it in register_losses'),
        (int, 'incompatible type "type[int]"; expected "type[Activation]": derive it from modnet.Activation'),
        (Unfinished, 'Only concrete class can be given where "type[Activation]" is expected: define __call__ in Unfin'),
        (Activation, 'Only concrete class can be given where "type[Activation]" is expected: define __call__ in Activ'),
        (
            NoAxis,
            (
                'incompatible with supertype "modnet.interfaces.functions.Activation": '
                "NoAxis.__call__(a) does not take (a, axis=-1)"
            ),
        ),
    ],
)
def test_what_is_no_class_of_the_kind_is_refused(cls: object, reason: str) -> None:
    with pytest.raises(PluginError) as error:
        create_component("activation", cls, None, "me", "plugin")
    assert reason in str(error.value)


@pytest.mark.parametrize("name", ["Cube", "my_cube", "", "-cube", "cube-", "a:b", "a b", "würfel", 3])
def test_a_name_is_lower_case_words_joined_by_hyphens(name: str) -> None:
    with pytest.raises(PluginError, match="lower-case words joined by hyphens"):
        create_component("activation", Cube, name, "me", "plugin")


def test_a_class_is_of_exactly_one_kind() -> None:
    class Both(Activation, Loss):
        pass

    assert determine_kind(Cube) == "activation"
    assert determine_kind(Distance) == "loss"
    for wrong in (Both, int, Cube()):
        with pytest.raises(
            PluginError, match="must be a subclass of exactly one of modnet's Activation, Layer, Loss, "
        ):
            determine_kind(wrong)


def test_an_error_carries_what_is_wrong_from_process_to_process() -> None:
    error = PluginError("it is: odd", "mend it", "odd.py:1")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (again.problem, str(again)) == (error.problem, "it is: odd: mend it (odd.py:1)")


def test_one_thread_may_change_it_while_another_reads_it() -> None:
    registry, own = Registry(), [component(f"owner-{i}", f"name-{i % 7}") for i in range(200)]
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for each in own:
                registry.add(each)
            registry.discard(own)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(change)
            try:
                for _ in range(300):
                    registry.components("activation")
                    registry.component_of(Cube())
                    with suppress(UnknownNameError):
                        registry.find("activation", "name-3")
            finally:
                done.set()
            changing.result()
    finally:
        sys.setswitchinterval(before)
    assert registry.components() == []

"""One update, step by step: numbers computed by hand, text, HTML, JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import modnet
from modnet.cli.main import modnet_command


def make_net() -> modnet.Network:
    """Return 2 -> 2 -> 1 units with sigmoid, identity and the squared error."""
    net = modnet.Network([2, 2, 1], output="identity", loss="mean-squared-error")
    net.params["W1"], net.params["b1"] = np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2)
    net.params["W2"], net.params["b2"] = np.array([[1.0], [2.0]]), np.array([0.5])
    return net


def test_every_number_of_a_tiny_network_is_that_computed_by_hand() -> None:
    trace = make_net().trace_update([0.0, 0.0], 1.0, lr=0.5)
    # a1 = 0, z1 = 1/2; a2 = y = 1/2 + 2/2 + 1/2 = 2; L = (2 - 1)²; dL/dy = 2; dL/dz1 = 2 W2; z' = 1/4
    assert [step.name for step in trace.forward] == ["x", "a1", "z1", "a2", "y"]
    assert [step.formula for step in trace.forward[1:]] == ["x W1 + b1", "sigmoid(a1)", "z1 W2 + b2", "identity(a2)"]
    assert trace["z1"].tolist() == [[0.5, 0.5]]
    assert (trace["y"].tolist(), trace.loss) == ([[2.0]], 1.0)
    found = {each.name: each.value.tolist() for each in trace.gradient}
    assert found == {"W1": [[0, 0], [0, 0]], "b1": [0.5, 1.0], "W2": [[1.0], [1.0]], "b2": [2.0]}
    assert {name: value.tolist() for name, value in trace.new_params.items()} == {
        "W1": [[1, 0], [0, 1]],
        "b1": [-0.25, -0.5],
        "W2": [[0.5], [1.5]],
        "b2": [-0.5],
    }
    assert trace.update["b2"].tolist() == [-1.0]
    y = 0.5 / (1 + math.exp(0.25)) + 1.5 / (1 + math.exp(0.5)) - 0.5
    assert trace.new_loss == pytest.approx((y - 1) ** 2, rel=1e-12)
    assert trace.estimators == ("backpropagation", "central-difference")
    assert trace.difference < 1e-8


def test_the_book_s_numbers_are_the_example_s() -> None:
    out = CliRunner().invoke(modnet_command, ["trace"]).output
    # chapter 3.4.2: z1 = [0.57444252, 0.66818777, 0.75026011], a2 = [0.51615984, 1.21402696]
    for line in (
        "  z1 = sigmoid(a1)            (1, 3)     [[0.5744 0.6682 0.7503]]",
        "  a2 = z1 W2 + b2             (1, 2)     [[0.5162 1.214 ]]",
        f"  L = cross-entropy(y, t) = {math.log(1 + math.exp(1.21402696 - 0.51615984)):.5f}",
    ):
        assert line in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_network_and_the_arrays_given_stay_as_they_are() -> None:
    net = make_net()
    before, x = {name: value.copy() for name, value in net.params.items()}, np.ones((3, 2))
    trace = net.trace_update(x, [1, 2, 3], optimizer="adam", gradient="forward-difference", against=None)
    assert all(np.array_equal(net.params[name], before[name]) for name in before)
    assert trace.optimizer.startswith("adam(lr=")
    assert math.isnan(trace.difference)
    trace["x"][0] = 9
    assert x[0].tolist() == [1, 1]
    with pytest.raises(KeyError, match="a3: available: x, a1, z1, a2, y"):
        trace["a3"]
    with pytest.raises(modnet.SettingError, match="'lr' goes with an optimizer's name"):
        net.trace_update(x, [1, 2, 3], lr=0.1, optimizer=modnet.optimizer("sgd", lr=0.1))


def test_any_layers_go_by_their_names_and_those_that_draw_are_said() -> None:
    layers = [("convolution", {"filters": 2, "size": 3}), "relu", "flatten", "batch-norm", "relu", "dropout", "dense"]
    layers = [*layers[:-1], ("dense", {"units": 3}), "softmax"]
    net = modnet.Network(layers, shape=(1, 4, 4))
    x = np.random.default_rng(0).normal(size=(4, 1, 4, 4))
    trace = net.trace_update(x, [0, 1, 2, 0], gradient="spsa")
    names = ["x", "convolution", "relu1", "flatten", "batch-norm", "relu2", "dropout", "a2", "y"]
    assert [step.name for step in trace.forward] == names
    assert trace.forward[1].formula == "convolution(x, W1, b1)"
    text = str(trace)
    assert max(map(len, text.splitlines())) <= 80
    for note in ("(batch-norm) computes with numbers of this batch", "(dropout) draws at random", "spsa and central"):
        assert note in text
    assert "from " in text


def test_html_is_one_page_in_which_what_is_written_is_escaped(tmp_path: Path) -> None:
    out = tmp_path / "update.html"
    result = CliRunner().invoke(modnet_command, ["trace", "--x", "1,0.5;0,1", "--t", "0,1", "--out", str(out)])
    assert result.exit_code == 0, result.output
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    for part in ("forward pass", "a1", "2 -&gt; 3 -&gt; 2", "0.5744", "backpropagation"):
        assert part in page
    assert make_net().trace_update([0, 0], 1)._repr_html_().startswith('<div class="modnet-display">')


def test_rows_of_an_experiment_and_of_a_run(tmp_path: Path) -> None:
    invoke = CliRunner().invoke
    of_data = ["--data", "mnist-small", "--hidden", "5"]
    result = invoke(modnet_command, ["trace", *of_data, "--rows", "0,3", "--against", "backpropagation", "--json"])
    found = json.loads(result.output)
    assert np.shape(found["forward"][0]["value"]) == (2, 784)
    assert found["difference"] == 0
    run = tmp_path / "run"
    trained = invoke(modnet_command, ["train", *of_data, "--iterations", "3", "--out", str(run), "-q"])
    assert trained.exit_code == 0, trained.output
    shown = invoke(modnet_command, ["trace", str(run), "--json", "--against", "backpropagation"])
    params = json.loads(shown.output)["params"]
    assert np.array_equal(params["W2"], modnet.open_run(run).params["W2"])
    refused = invoke(modnet_command, ["trace", str(run), "--hidden", "7"])
    assert isinstance(refused.exception, modnet.SettingError)


def test_rows_count_by_their_weights_as_in_training() -> None:
    of_data = ["--data", "iris", "--hidden", "3", "--rows", "0,40,60,90", "--json"]
    options = ["--set", "data.class_weight={setosa=5.0, virginica=1.0, versicolor=1.0}"]
    found = json.loads(CliRunner().invoke(modnet_command, ["trace", *of_data, *options]).output)
    weights = np.where(np.array(found["target"]) == 0, 5.0, 1.0)
    assert len({*weights}) == 2
    assert math.isclose(found["loss"], np.average(found["losses"], weights=weights))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", "1"], "samples and their targets go together"),
        (["--x", "a", "--t", "0"], "expected numbers joined by commas"),
        (["--x", "1,2", "--t", "0", "--rows", "0"], "leave out one of the two"),
        (["--rows", "0"], "the example has one sample"),
        (["--out", "x.png"], "written as .html"),
        (["--out", "nowhere/x.html"], "there is no folder nowhere"),
        (["--x", "1,2", "--t", "5"], "target 5.0 of sample 0 is not one of the 2 classes"),
        (["--data", "mnist-small", "--rows", "9999"], "no row '9999': the training part has the rows 0 to 4999"),
        (["--against", "nosuch"], "no gradient 'nosuch'"),
    ],
)
def test_a_careless_call_ends_with_a_line(arguments: list[str], message: str) -> None:
    error = CliRunner().invoke(modnet_command, ["trace", *arguments]).exception
    assert isinstance(error, modnet.ModnetError)
    assert message in str(error)


def test_the_path_of_a_descent_has_every_point() -> None:
    path = modnet.gradient_descent(lambda x: (x**2).sum(), [-3.0, 4.0], lr=0.1, step_num=5, history=True)
    assert path.shape == (6, 2)
    end = modnet.gradient_descent(lambda x: (x**2).sum(), [-3.0, 4.0], lr=0.1, step_num=5)
    assert np.array_equal(path[-1], end)
    assert np.shape(modnet.gradient_descent(lambda x: x**2, 3, step_num=2, history=True)) == (3,)
    assert [*np.array(modnet.gradient_descent(lambda x: x**2, 3.0, step_num=0, history=True))] == [3.0]


def test_a_deep_network_is_shortened() -> None:
    net = modnet.Network([4, *[5] * 12, 3], seed=0)
    text = str(net.trace_update(np.ones((3, 4)), [0, 1, 2]))
    assert len(text.splitlines()) < 200  # two for each array at most
    assert "(5, 5)     from" in text


def test_samples_that_are_not_finite_are_refused() -> None:
    with pytest.raises(modnet.DataError, match="x has numbers that are not finite"):
        modnet.TwoLayerNet(2, 2, 2).trace_update([np.nan, 1.0], 1)

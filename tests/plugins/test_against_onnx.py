"""Comparison with ONNX: test vectors of its operators, reference evaluator for optimizers.

The vectors are float32 files inside the wheel of `onnx`, computed by its authors' formulas in NumPy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modnet

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")
numpy_helper = pytest.importorskip("onnx.numpy_helper")

VECTORS = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
TRAINING = "ai.onnx.preview.training"
EPS = 2.0**-23  # of float32

ACTIVATIONS = {
    "elu": ["test_elu", "test_elu_default", "test_elu_example"],
    "gelu": ["test_gelu_default_1", "test_gelu_default_2", "test_gelu_tanh_1", "test_gelu_tanh_2"],
    "identity": ["test_identity"],
    "leaky-relu": ["test_leakyrelu", "test_leakyrelu_default", "test_leakyrelu_example"],
    "relu": ["test_relu"],
    "sigmoid": ["test_sigmoid", "test_sigmoid_example"],
    "softmax": [
        "test_softmax_axis_0",
        "test_softmax_axis_1",
        "test_softmax_axis_2",
        "test_softmax_default_axis",
        "test_softmax_example",
        "test_softmax_large_number",
        "test_softmax_negative_axis",
    ],
    "softplus": ["test_softplus", "test_softplus_example"],
    "swish": ["test_swish"],
    "tanh": ["test_tanh", "test_tanh_example"],
}
LOG_SOFTMAX = [
    "test_logsoftmax_axis_0",
    "test_logsoftmax_axis_1",
    "test_logsoftmax_axis_2",
    "test_logsoftmax_default_axis",
    "test_logsoftmax_example_1",
    "test_logsoftmax_large_number",
    "test_logsoftmax_negative_axis",
]
# Those without class weights and ignored classes, which modnet has not.
SOFTMAX_CROSS_ENTROPY = [
    "test_sce_none",
    "test_sce_none_log_prob",
    "test_sce_mean",
    "test_sce_mean_log_prob",
    "test_sce_mean_3d",
    "test_sce_mean_3d_log_prob",
    "test_sce_sum",
    "test_sce_sum_log_prob",
    "test_sce_NCd1d2d3d4d5_none_no_weight",
    "test_sce_NCd1d2d3d4d5_none_no_weight_log_prob",
]
NEGATIVE_LOG_LIKELIHOOD = [
    "test_nllloss_NC",
    "test_nllloss_NCd1d2",
    "test_nllloss_NCd1d2_reduction_mean",
    "test_nllloss_NCd1d2_reduction_sum",
    "test_nllloss_NCd1d2d3d4d5_none_no_weight",
]
REDUCTIONS = {"none": lambda losses: losses, "mean": np.mean, "sum": np.sum}


def case(name: str) -> tuple[dict, list[np.ndarray], list[np.ndarray]]:
    """Return a vector's attributes, inputs and outputs."""
    (node,) = onnx.load(VECTORS / name / "model.onnx").graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    folder = VECTORS / name / "test_data_set_0"
    inputs, outputs = (
        [
            numpy_helper.to_array(onnx.load_tensor(folder / f"{side}_{i}.pb"))
            for i in range(len(list(folder.glob(f"{side}_*.pb"))))
        ]
        for side in ("input", "output")
    )
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}, inputs, outputs


def near(found: np.ndarray, expected: np.ndarray, ulps: float) -> None:
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=ulps * EPS, atol=ulps * EPS)


@pytest.mark.parametrize(
    ("name", "vector"), [(name, vector) for name, vectors in ACTIVATIONS.items() for vector in vectors]
)
def test_activations_give_the_vectors_outputs(name, vector):
    attributes, (a,), (expected,) = case(vector)
    axis = attributes.pop("axis", -1)
    if name == "gelu":
        settings = {"approximate": attributes.pop("approximate", "none") == "tanh"}
    else:
        ours = {"elu": "alpha", "leaky-relu": "slope", "swish": "beta"}
        settings = {ours[name]: attributes.pop("alpha")} if "alpha" in attributes else {}
    assert not attributes
    near(modnet.activation(name, **settings)(a, axis=axis), expected, ulps=4)


@pytest.mark.parametrize("vector", LOG_SOFTMAX)
def test_the_fused_cross_entropy_of_each_class_is_its_log_softmax(vector):
    attributes, (a,), (expected,) = case(vector)
    axis = attributes.get("axis", -1)
    fused = modnet.loss("cross-entropy", eps=0).fused(modnet.activation("softmax"))
    shape = np.delete(a.shape, axis)
    found = [-fused(a, np.full(shape, c), axis=axis)[0] for c in range(a.shape[axis])]
    near(np.stack(found, axis=axis), expected, ulps=4)


@pytest.mark.parametrize("vector", SOFTMAX_CROSS_ENTROPY)
def test_the_fused_cross_entropy_gives_the_vectors_outputs(vector):
    attributes, (a, t), (expected, *log_probabilities) = case(vector)
    fused = modnet.loss("cross-entropy", eps=0).fused(modnet.activation("softmax"))
    losses, y = fused(a, t, axis=1)
    near(REDUCTIONS[attributes["reduction"]](losses), expected, ulps=4)
    for expected_log in log_probabilities:
        near(np.log(y), expected_log, ulps=4)


@pytest.mark.parametrize("vector", NEGATIVE_LOG_LIKELIHOOD)
def test_the_cross_entropy_gives_the_vectors_outputs(vector):
    attributes, (log_y, t), (expected,) = case(vector)
    losses = modnet.loss("cross-entropy", eps=0)(np.exp(log_y), t, axis=1)
    near(REDUCTIONS[attributes["reduction"]](losses), expected, ulps=4)


def columns(values: list[np.ndarray], count: int) -> list[list[np.ndarray]]:
    """Cut ONNX's flat list, all parameters and then all gradients and so on, into those groups."""
    size = len(values) // count
    return [values[i * size : (i + 1) * size] for i in range(count)]


def name_weights(values: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"w{i}": value for i, value in enumerate(values)}


def add_penalty(attributes: dict, w: list[np.ndarray], g: list[np.ndarray]) -> dict[str, np.ndarray]:
    """ONNX adds the gradient of a penalty, which is the objective's business in modnet."""
    penalty = np.float32(attributes["norm_coefficient"])
    return name_weights([penalty * w_i + g_i for w_i, g_i in zip(w, g, strict=True)])


def near_each(found: dict[str, np.ndarray], expected: list[np.ndarray]) -> None:
    for value, expected_value in zip(found.values(), expected, strict=True):
        near(value, expected_value, ulps=4)


@pytest.mark.parametrize("vector", ["test_adagrad", "test_adagrad_multiple"])
def test_adagrad_gives_the_vectors_outputs(vector):
    attributes, (rate, steps, *values), outputs = case(vector)
    assert steps == 0  # otherwise the rate would decay
    w, g, h = columns(values, 3)
    optimizer = modnet.optimizer("adagrad", lr=float(rate), eps=attributes["epsilon"])
    new, state = optimizer.step(name_weights(w), add_penalty(attributes, w, g), {"square_sum": name_weights(h)})
    expected_w, expected_h = columns(outputs, 2)
    near_each(new, expected_w)
    near_each(state["square_sum"], expected_h)


@pytest.mark.parametrize("vector", ["test_momentum", "test_momentum_multiple", "test_nesterov_momentum"])
def test_momentum_gives_the_vectors_outputs(vector):
    attributes, (rate, steps, *values), outputs = case(vector)
    assert steps == 0  # otherwise `beta` would damp the gradient
    name = {"standard": "momentum", "nesterov": "nesterov"}[attributes["mode"]]
    w, g, v = columns(values, 3)
    # ONNX's velocity points uphill and has the learning rate outside.
    velocity = {key: -rate * value for key, value in name_weights(v).items()}
    optimizer = modnet.optimizer(name, lr=float(rate), momentum=attributes["alpha"])
    new, state = optimizer.step(name_weights(w), add_penalty(attributes, w, g), {"velocity": velocity})
    expected_w, expected_v = columns(outputs, 2)
    near_each(new, expected_w)
    near_each(state["velocity"], [-rate * value for value in expected_v])


@pytest.mark.parametrize("vector", ["test_adam", "test_adam_multiple"])
def test_adam_gives_the_vectors_outputs(vector):
    attributes, (rate, steps, *values), outputs = case(vector)
    assert steps == 0  # by which ONNX means: without bias correction, as after very many steps
    w, g, m, v = columns(values, 4)
    # The second vector was computed with 0.01, which its authors' script forgot to write into the file.
    eps = attributes.get("epsilon", 0.01)
    settings = {"beta1": attributes["alpha"], "beta2": attributes["beta"], "eps": eps}
    optimizer = modnet.optimizer("adam", lr=float(rate), **settings)
    state = {"steps": 10**6, "mean": name_weights(m), "mean_square": name_weights(v)}
    new, state = optimizer.step(name_weights(w), add_penalty(attributes, w, g), state)
    expected_w, expected_m, expected_v = columns(outputs, 3)
    near_each(new, expected_w)
    near_each(state["mean"], expected_m)
    near_each(state["mean_square"], expected_v)


def evaluator(op_type: str, count: int, **attributes) -> onnx.reference.ReferenceEvaluator:
    """Return the reference evaluator of one step: rate, steps, parameters, gradients, state -> the new ones."""
    inputs = ["R", "T", "X", "G", *(f"S{i}" for i in range(count))]
    outputs = ["X_new", *(f"S{i}_new" for i in range(count))]
    node = onnx.helper.make_node(op_type, inputs, outputs, domain=TRAINING, norm_coefficient=0.0, **attributes)

    def tensor(name: str) -> onnx.ValueInfoProto:
        kind = onnx.TensorProto.INT64 if name == "T" else onnx.TensorProto.DOUBLE
        return onnx.helper.make_tensor_value_info(name, kind, None)

    graph = onnx.helper.make_graph([node], "step", [tensor(n) for n in inputs], [tensor(n) for n in outputs])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid(TRAINING, 1)])
    return onnx.reference.ReferenceEvaluator(model)


# An eps of 1e-12 is nothing beside these gradients: where it stands is the one thing in which ONNX's Adam differs.
ADAM_EPS = 1e-12
EVALUATORS = {
    "momentum": ("Momentum", {"alpha": 0.75, "beta": 1.0, "mode": "standard"}, {"momentum": 0.75}, 1, 0),
    "nesterov": ("Momentum", {"alpha": 0.75, "beta": 1.0, "mode": "nesterov"}, {"momentum": 0.75}, 1, 0),
    "adagrad": ("Adagrad", {"epsilon": 0.125, "decay_factor": 0.0}, {"eps": 0.125}, 1, 0),
    "adam": (
        "Adam",
        {"alpha": 0.75, "beta": 0.875, "epsilon": ADAM_EPS, "norm_coefficient_post": 0.0},
        {"beta1": 0.75, "beta2": 0.875, "eps": ADAM_EPS},
        2,
        1,  # ONNX counts from 0, where it leaves out the correction
    ),
}


@pytest.mark.parametrize("name", EVALUATORS)
def test_many_steps_lead_where_the_reference_evaluator_goes(name):
    op_type, attributes, settings, count, first = EVALUATORS[name]
    theirs = evaluator(op_type, count, **attributes)
    optimizer, rate = modnet.optimizer(name, lr=0.1, **settings), np.float64(0.1)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20)
    state_theirs = [np.zeros(20) for _ in range(count)]
    params = {"w": x.copy()}
    state = optimizer.init(params)
    for k in range(50):
        g = rng.standard_normal(20)
        inputs = {f"S{i}": s for i, s in enumerate(state_theirs)}
        x, *state_theirs = theirs.run(None, {"R": rate, "T": np.int64(k + first), "X": x, "G": g, **inputs})
        params, state = optimizer.step(params, {"w": g}, state)
    assert np.abs(x).max() > 0.5  # they have travelled
    np.testing.assert_allclose(params["w"], x, rtol=1e-9 if name == "adam" else 1e-13, atol=1e-13)

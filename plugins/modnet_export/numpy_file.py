"""Trained models as one file of Python that needs NumPy alone."""

from __future__ import annotations

import base64
import inspect
import io
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

import modnet
from modnet import DataError, PluginError
from modnet_export import standalone
from modnet_export.examples import make_examples
from modnet_export.operators import OPERATORS
from modnet_export.program import Batch, Program, list_values, trace_network
from modnet_export.tracing import Step, Value

WIDTH = 100  # of a line with a formula
IMAGES, ROWS = 256, 4096  # samples that are evaluated at once
_INFIX = {
    "add": "+", "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^", "divide": "/", "equal": "==",
    "floor_divide": "//", "greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<=", "matmul": "@",
    "multiply": "*", "not_equal": "!=", "pow": "**", "remainder": "%", "subtract": "-",
}  # fmt: skip
_CALLS = {
    "acos": "np.arccos({x})", "acosh": "np.arccosh({x})", "asin": "np.arcsin({x})", "asinh": "np.arcsinh({x})",
    "astype": "{x}.astype({dtype})", "atan": "np.arctan({x})", "atan2": "np.arctan2({x}, {y})",
    "atanh": "np.arctanh({x})", "concat": "np.concatenate({arrays}, axis={axis})",
    "cumulative_sum": "np.cumsum({x}, axis={axis})", "getitem": "{x}[{key}]",
    "matrix_transpose": "np.swapaxes({x}, -1, -2)", "permute_dims": "np.transpose({x}, {axes})",
    "reshape": "np.reshape({x}, {shape})",
}  # fmt: skip
"""The functions that NumPy has by another name."""
_RENAMED = {"correction": "ddof"}
# A file is in UTF-8 on all systems, and so is what is piped.
START = """if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8-sig")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:]))"""


def write_numpy(model: Any) -> bytes:
    """Return a trained model as a file of Python; raises PluginError for a part that has no steps, by its name."""
    program = trace_network(model.network)
    examples = make_examples(model)
    is_prepared = model.preparation is not None
    helpers = [OPERATORS[name][0] for name in sorted({step.function for step in program.steps} & OPERATORS.keys())]
    prepare = [standalone.prepare, standalone.to_word] if is_prepared else [standalone.divide]
    answers = [standalone.predict_proba] if examples.are_probabilities and model.classes else []
    functions = [*prepare, *helpers, standalone.find_columns, standalone.predict_outputs, *answers, standalone.predict]
    functions += [standalone.read_csv, standalone.to_cell, standalone.to_number]
    sections = [
        _introduce(model, has_probabilities=bool(answers)),
        "import base64\nimport csv\nimport io\nimport os\nimport sys\n\nimport numpy as np",
        _assign(model),
        _write_forward(program),
        *(_take_source(function) for function in [*functions, standalone.main]),
        START,
    ]
    compile("\n".join(sections), "model.py", "exec", dont_inherit=True)  # is it Python? It is not run here.
    sections.insert(-1, _write_params(program.constants))
    return ("\n\n\n".join(sections) + "\n").encode("ascii")


def _introduce(model: Any, *, has_probabilities: bool) -> str:
    first = f"Predictions of a neural network that was trained with modnet {modnet.__version__}; NumPy alone is needed."
    lines = [first, ""]
    if model.classes:
        lines.append("predict(rows) returns the label of each raw row, (N,).")
        lines += ["predict_proba(rows) returns the probability of each class, (N, classes)."] * has_probabilities
        lines.append("predict_outputs(rows) returns the outputs of the network.")
    else:
        lines.append("predict(rows) returns the numbers for each raw row.")
    lines += ["From a shell: python THIS_FILE.py ROWS.csv"]
    return '"""' + "\n".join(lines) + '\n"""'


def _assign(model: Any) -> str:
    """Return the constants of the file, all as literals in ASCII: no text of others is code; raises DataError."""
    network, targets = model.network, model.target_scale
    values: dict[str, tuple[Any, str]] = {
        "CLASSES": (_to_plain(model.classes), "the labels, in the order of the outputs"),
        "NAMES": (tuple(model.feature_names), "of the columns of raw rows"),
        "SHAPE": (tuple(network.shape), "of one sample"),
        "DTYPE": (str(network.dtype), "of the network"),
        "BLOCK": (ROWS if len(network.shape) == 1 else IMAGES, "samples that are evaluated at once"),
        "MISSING": (_list_missing(model), "what stands for a missing value in a file, in each column or in all"),
        "TARGETS": ((targets.mean, targets.deviation) if targets else None, "mean and deviation"),
    }
    if model.preparation is None:
        values["SCALE"] = (float(model.scale), "what numbers are divided by")
    else:
        values["UNSEEN"] = (str(model.preparation.unseen), "what becomes of words that training has not seen")
        columns = tuple(_describe_column(*each) for each in enumerate(model.preparation.columns, start=1))
        values["COLUMNS"] = (columns, "name, words, is one-hot, fill, has indicator, mean, deviation")
    return "\n".join(_write_value(name, *value) for name, value in values.items())


def _list_missing(model: Any) -> tuple[tuple[Any, ...], ...]:
    """Return the words and numbers for a missing value of each column, as the source of the training data has them."""
    given = model.find_shared_settings("csv").get("missing_values")
    columns = model.preparation.columns if model.preparation else ()
    found = []
    for place in range(model.columns):
        name = model.feature_names[place] if model.feature_names else ""
        words = given.get(name) if isinstance(given, Mapping) else given
        own = standalone.USUAL if words is None else tuple(dict.fromkeys(["", *(word.strip() for word in words)]))
        numbers = [standalone.to_number(word) for word in own if not columns or columns[place].words is None]
        found.append((*own, *(number for number in numbers if number is not None and math.isfinite(number))))
    return tuple(found[:1] if len({*found}) == 1 else found)


def _describe_column(place: int, column: Any) -> tuple[Any, ...]:
    fill = None if column.fill != column.fill else column.fill  # NaN
    name = column.name or f"feature {place}"
    return name, column.words, column.encode == "one-hot", fill, column.indicator, column.mean, column.deviation


def _to_plain(labels: Any) -> tuple[Any, ...]:
    """Return labels as plain values; raises DataError for others, which no literal stands for."""
    for label in labels:
        if type(label) not in {str, int, float, bool} or label in {math.inf, -math.inf} or label != label:
            raise DataError(f"the label {label!r:.80} cannot be written down: name the classes by texts or numbers")
    return tuple(labels)


def _write_value(name: str, value: Any, what: str) -> str:
    """Return an assignment; long ones have a line for each entry."""
    text = f"{name} = {value!a}"
    if len(text) <= WIDTH or not isinstance(value, tuple):
        return f"{text}  # {what}"
    if all(isinstance(each, tuple) for each in value):
        return f"{name} = (  # {what}\n" + "".join(f"    {each!a},\n" for each in value) + ")"
    lines = _fill([f"{each!a}," for each in value])
    return f"{name} = (  # {what}\n" + "".join(f"    {line}\n" for line in lines) + ")"


def _fill(words: list[str]) -> list[str]:
    """Return words in lines; none is broken, whatever spaces it has."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _take_source(function: Any) -> str:
    """Return the code of a function, without types: the file begins with none of their imports."""
    name = "prepare" if function is standalone.divide else function.__name__
    parameters = ", ".join(inspect.signature(function).parameters)
    body = inspect.getsource(function).strip().partition(":\n")[2]
    body = re.sub(r"^(\s+\w+): np\.ndarray = ", r"\1 = ", body, flags=re.MULTILINE)
    return f"def {name}({parameters}):\n{body}"


def _write_forward(program: Program) -> str:
    """Return the function that computes a network's outputs, a line or more for each layer."""
    return "\n".join(
        ["def forward(x):", '    """Return the outputs of the network for samples."""', *_Lines(program).write()]
    )


class _Lines:
    """The lines of a program: a step that is used once, by its own layer, stands in the line of that."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses = Counter(value.name for step in program.steps for value in list_values(step.arguments))
        self.users = {value.name: step.layer for step in program.steps for value in list_values(step.arguments)}
        self.texts = {name: (f"PARAMS[{name!a}]", TIGHT) for name in program.constants}  # and how they bind
        self.texts["x"] = "x", TIGHT
        self.count = 0

    def write(self) -> list[str]:
        """Return all lines of the function's body."""
        lines, layer = list[str](), 0
        for step in self.program.steps:
            if step.layer != layer:
                layer = step.layer
                lines.append(f"    # {layer}: {re.sub(r'[^A-Za-z0-9_]', '', self.program.parts[layer - 1])}")
            text, binding = self._write_step(step)
            name = step.result
            is_own = self.uses[name] == 1 and self.users[name] == step.layer and name != self.program.output
            if is_own and len(text) < WIDTH // 2:
                self.texts[name] = text, binding
                continue
            self.count += 1
            self.texts[name] = f"z{self.count}", TIGHT
            lines.append(f"    z{self.count} = {text}")
        return [*lines, f"    return {self.texts[self.program.output][0]}"]

    def _write_step(self, step: Step) -> tuple[str, int]:
        """Return a formula, and how tightly its operator binds."""
        given = step.arguments
        if step.function in _INFIX:
            sign = _INFIX[step.function]
            binding = _BINDING.get(sign, LOOSE)
            left = self._write(given["x"], binding if sign in _FROM_LEFT else binding + 1)
            return f"{left} {sign} {self._write(given['y'], binding + 1)}", binding
        if step.function in {"negative", "bitwise_invert"}:
            sign = "-" if step.function == "negative" else "~"
            return f"{sign}{self._write(given['x'], TIGHT)}", _BINDING["*"]
        key = given.get("key")
        least = TIGHT if step.function in {"astype", "getitem"} else 0
        texts = {name: self._write(value, least) for name, value in given.items() if name != "key"}
        if step.function == "getitem":
            texts["key"] = ", ".join(self._write_key(each) for each in (key if isinstance(key, tuple) else (key,)))
        if step.function == "sort":
            found = f"np.sort({texts['x']}, axis={texts.get('axis', '-1')})"
            return (f"np.flip({found}, axis={texts.get('axis', '-1')})" if given.get("descending") else found), TIGHT
        if step.function in _CALLS:
            return _CALLS[step.function].format(**{"axis": 0, **texts}), TIGHT
        named = [f"{_RENAMED.get(key, key)}={texts[key]}" for key in texts if key in _NAMED]
        arguments = ", ".join([*(texts[key] for key in texts if key not in _NAMED), *named])
        return f"{'' if step.function in OPERATORS else 'np.'}{step.function}({arguments})", TIGHT

    def _write_key(self, item: Any) -> str:
        if isinstance(item, slice):
            ends = ["" if n is None else self._write(n) for n in (item.start, item.stop, item.step)]
            return ":".join(ends[: 3 if ends[2] else 2])
        return "..." if item is ... else self._write(item)

    def _write(self, item: Any, least: int = 0) -> str:
        """Return a value as it stands in a formula, in parentheses where it does not bind as tightly as is needed."""
        match item:
            case Value():
                text, binding = self.texts[item.name]
                return text if binding >= least else f"({text})"
            case Batch():
                return "len(x)" if item.factor == 1 else f"({item.factor} * len(x))"
            case np.dtype():
                return "bool" if item.kind == "b" else f"np.{item.name}"
            case tuple():
                return f"({', '.join(map(self._write, item))}{',' * (len(item) == 1)})"
            case float() if not np.isfinite(item):
                return {"inf": "np.inf", "-inf": "(-np.inf)", "nan": "np.nan"}[repr(item)]
            case int() | float() if item < 0 and least:
                return f"({item!r})"
            case None | bool() | int() | float():
                return repr(item)
        raise PluginError(f"a network cannot be exported with a {type(item).__name__} in it", "report it")


LOOSE, TIGHT = 1, 9
_BINDING = {"+": 3, "-": 3, "*": 4, "/": 4, "//": 4, "%": 4, "@": 4, "**": 6}
_FROM_LEFT = {"+", "-", "*", "/", "//", "%", "@"}
_NAMED = {"axis", "axes", "correction", "dtype", "keepdims"}


def _write_params(constants: Any) -> str:
    """Return the parameters as text that NumPy reads back, without pickle."""
    file = io.BytesIO()
    arrays: Any = {name: np.array(value, order="C") for name, value in constants.items()}
    np.savez(file, **arrays)  # weights are as good as random: to compress them takes long, and saves little
    data = base64.b64encode(file.getvalue()).decode("ascii")
    text = "\n".join(data[n : n + 120] for n in range(0, len(data), 120))
    load = "PARAMS = dict(np.load(io.BytesIO(base64.b64decode(DATA)), allow_pickle=False))"
    return f'# The parameters, as the files of an .npz archive.\nDATA = """\n{text}\n"""\n{load}'

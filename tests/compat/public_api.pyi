# What is promised to those who use modnet: `make api` writes it, tests/test_public_api.py holds it.

from abc import abstractmethod

class Activation:
    @abstractmethod
    def __call__(self, a: Array, axis: int = -1) -> Array: ...
    array_library = None
    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array: ...
    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array: ...
    computes = ''
    elementwise = False
    kinks = None

Array: npt.NDArray[Any]

class Callback:
    def __init__(self): ...
    array_library = None
    def init(self, run: ObservedRun) -> State: ...
    needs_validation = False
    def on_end(self, run: ObservedRun, state: State) -> Params | None: ...
    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | Record | None]: ...
    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | None]: ...
    repeatable = True

class Checkpoint:
    def __init__(
        self,
        iteration: int,
        params: Params,
        states: tuple[tuple[str, Flattened], ...],
        history: History,
        seconds: float,
        factor: float = 1.0,
        gradient: tuple[str, Flattened] | None = None,
    ): ...
    def check(self, params: Params, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> None: ...
    factor: float
    gradient: tuple[str, Flattened] | None
    history: History
    iteration: int
    params: Params
    def restore(self, number: int, first: State, library: Library = ...) -> State: ...
    def restore_gradient(self, estimator: GradientEstimator, first: State, library: Library = ...) -> State: ...
    seconds: float
    states: tuple[tuple[str, Flattened], ...]

class Column:
    def __init__(self, name: str = '', words: Sequence[Any] | None = None): ...
    name: str
    words: tuple[str, ...] | None

class Comparison:
    def __init__(
        self,
        settings: tuple[SettingResult, ...],
        seeds: tuple[int, ...],
        rope: float = 0.001,
        mixtures: tuple[Mixture, ...] = (),
        baseline: float | None = None,
        metrics: tuple[Metric, ...] = (),
    ): ...
    def as_json(self) -> dict[str, Any]: ...
    baseline: float | None
    def figure(self, title: str = '') -> Figure: ...
    def markdown(self) -> str: ...
    @property
    def measure(self) -> Measure: ...
    metrics: tuple[Metric, ...]
    mixtures: tuple[Mixture, ...]
    pairs = ...
    def pairs_csv(self) -> str: ...
    rope: float
    def runs_csv(self) -> str: ...
    @property
    def samples(self) -> int: ...
    seeds: tuple[int, ...]
    settings: tuple[SettingResult, ...]
    def show(self, out: str | PathLike[str] | None = None, *, language: str | None = None) -> Any: ...

class DataError(ModnetError):
    ...

class DataSource:
    @classmethod
    def accepts(cls, given: object) -> bool: ...
    array_library = None
    def fetch(self) -> Path: ...
    @abstractmethod
    def read(self, path: Path | None) -> Dataset: ...
    def read_columns(self, path: Path, cells: int) -> Sequence[tuple[str, str, Sequence[Any]]]: ...
    def read_named_rows(self, path: Path, features: int, names: Sequence[str]) -> RowsToPredict: ...
    def read_object(self, given: object) -> Dataset: ...
    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]: ...
    reads_files = True
    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool: ...
    suffixes = ()
    def write(self, data: Any, path: Path) -> list[Path]: ...

class Dataset:
    def __init__(
        self,
        train: Samples,
        test: Samples,
        classes: tuple[Any, ...],
        settings: dict[str, Any] = ...,
        feature_names: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        more_parts: Mapping[str, Samples] = ...,
        target_scale: TargetScale | None = None,
        *,
        shape: Shape = (),
        unprepared: Unprepared | None = None,
    ): ...
    def check(self) -> None: ...
    classes: tuple[Any, ...]
    @property
    def columns(self) -> tuple[Column, ...]: ...
    feature_names: tuple[str, ...]
    @property
    def features(self) -> int: ...
    def format_sizes(self) -> str: ...
    @classmethod
    def from_arrays(
        cls,
        train: Any,
        test: Any = None,
        *,
        classes: Sequence[Any] | None = None,
        columns: Sequence[Column] = (),
        feature_names: Sequence[str] = (),
        weights: Any = None,
        validation: Any = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        **preparation: Any,
    ) -> Dataset: ...
    @property
    def is_prepared(self) -> bool: ...
    more_parts: Mapping[str, Samples]
    notes: tuple[str, ...]
    @property
    def outputs(self) -> int: ...
    @property
    def parts(self) -> dict[str, Samples]: ...
    @property
    def preparation(self) -> Preparation | None: ...
    def prepare(self, rows: Any) -> Array: ...
    @property
    def scale(self) -> float: ...
    settings: dict[str, Any]
    @property
    def shape(self) -> Shape: ...
    target_scale: TargetScale | None
    @property
    def task(self) -> Task: ...
    test: Samples
    def to_unit(self, targets: Array) -> Array: ...
    train: Samples
    unprepared: Unprepared | None
    def with_changed_rows(self, change: Callable[[Samples], dict[str, Samples]]) -> Self: ...
    def with_first_rows(self, rows: int) -> Self: ...
    def with_parts(self, parts: Mapping[str, Samples]) -> Self: ...
    def with_soft_targets(self, train: Any, validation: Any = None) -> Self: ...
    def with_validation(self, fraction: float, *, seed: int = 0, stratified: bool | None = None) -> Self: ...

class Decision:
    def __init__(
        self,
        claim: Claim,
        p_different: float,
        p_equivalent: float,
        looked_after: int,
        forecast: dict[int, float] = ...,
        smallest_rope: float = 0.0,
    ): ...
    claim: Claim
    forecast: dict[int, float]
    looked_after: int
    p_different: float
    p_equivalent: float
    @property
    def seeds_needed(self) -> int | None: ...
    smallest_rope: float
    @property
    def soonest(self) -> tuple[int, float]: ...

class DenseLayer:
    def __init__(self, number: int, inputs: int, outputs: int, activation: Activation): ...
    activation: Activation
    @property
    def bias(self) -> str: ...
    inputs: int
    number: int
    outputs: int
    @property
    def weight(self) -> str: ...

class DerivativeCheck:
    def __init__(
        self,
        *,
        verdicts: tuple[Verdict, ...],
        entries: tuple[Verdict, ...] = (),
        shapes: Mapping[str, Shape],
        fixed: tuple[str, ...] = (),
        dtype: str = 'float64',
        evaluations: int = 0,
    ): ...
    dtype: str
    entries: tuple[Verdict, ...]
    evaluations: int
    fixed: tuple[str, ...]
    @property
    def passed(self) -> bool: ...
    shapes: Mapping[str, Shape]
    @property
    def verdict(self) -> str: ...
    verdicts: tuple[Verdict, ...]
    @property
    def worst(self) -> Verdict: ...

class DivergedError(ModnetError):
    ...

class Estimate:
    def __init__(
        self,
        mean: float,
        standard_error: float,
        df: float,
        hits: RareHits | None = None,
        samples: RareSamples | None = None,
        limits: tuple[float, float] = ...,
        caution: float = 1.0,
        rounding: float = 0.0,
    ): ...
    caution: float
    df: float
    hits: RareHits | None
    def interval(self, level: float = 0.95) -> tuple[float, float]: ...
    limits: tuple[float, float]
    mean: float
    def p_behind(self, side: int, correct: Callable[[Any], Any] = ...) -> Any: ...
    def p_different(self) -> Any: ...
    def p_equivalent(self, rope: float, correct: Callable[[Any], Any] = ...) -> Any: ...
    rounding: float
    samples: RareSamples | None
    def smallest_rope(self, error: float) -> float: ...
    standard_error: float

class EstimatorRow:
    def __init__(
        self,
        *,
        name: str,
        error: float = nan,
        errors: tuple[float, ...] = (),
        cosine: float = nan,
        variance: float = nan,
        evaluations: int | None = None,
        uses_backward: bool = False,
        seconds: float = nan,
        kinks: tuple[Verdict, ...] = (),
        bias: float = nan,
        problem: str = '',
        reason: str = '',
    ): ...
    bias: float
    cosine: float
    error: float
    errors: tuple[float, ...]
    evaluations: int | None
    kinks: tuple[Verdict, ...]
    name: str
    problem: str
    reason: str
    seconds: float
    uses_backward: bool
    variance: float

class FusedLoss:
    @abstractmethod
    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]: ...
    @abstractmethod
    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array: ...
    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array: ...
    def changes_along(self, a: Array, y: Array, t: Array, directions: Array, steps: Array) -> Array: ...
    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array: ...

class GradientCheck:
    def __init__(
        self,
        *,
        verdicts: tuple[Verdict, ...],
        without: tuple[str, ...],
        estimators: tuple[EstimatorRow, ...],
    ): ...
    estimators: tuple[EstimatorRow, ...]
    @property
    def passed(self) -> bool: ...
    verdicts: tuple[Verdict, ...]
    without: tuple[str, ...]

class GradientError(ModnetError):
    ...

class GradientEstimator:
    @abstractmethod
    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads: ...
    array_library = None
    def estimate(self, objective: Callable[[Params], float], params: Params, stream: Stream, state: State) -> tuple[Grads, State]: ...
    def evaluations(self, params: Params) -> int | None: ...
    def init(self, params: Params, stream: Stream) -> State: ...
    promises = 'gradient'

Grads: Mapping[str, Array]

class GridRuns:
    def __init__(
        self,
        settings: tuple[SettingRuns, ...],
        seeds: tuple[int, ...],
        folder: Path,
        name: str,
        rope: float | None,
        mixtures: tuple[Mixture, ...],
        baseline: float | None,
        metrics: tuple[Metric, ...],
    ): ...
    baseline: float | None
    folder: Path
    metrics: tuple[Metric, ...]
    mixtures: tuple[Mixture, ...]
    name: str
    rope: float | None
    seeds: tuple[int, ...]
    settings: tuple[SettingRuns, ...]

class History:
    def __init__(
        self,
        loss: list[float] = ...,
        evaluated_at: list[int] = ...,
        columns: dict[str, list[float]] = ...,
    ): ...
    def amend(self, values: Mapping[str, float]) -> None: ...
    columns: dict[str, list[float]]
    def copy(self) -> History: ...
    evaluated_at: list[int]
    @property
    def iterations(self) -> list[int]: ...
    loss: list[float]
    def record(self, iteration: int, values: Mapping[str, float]) -> None: ...
    def until(self, iteration: int, wanted: Callable[[int], bool] | None = None) -> History: ...

class Judgement:
    def __init__(
        self,
        settings: tuple[JudgedSetting, ...],
        pairs: tuple[PairResult, ...],
        score: str,
        higher_is_better: bool,
        rope: float,
        notes: tuple[str, ...],
    ): ...
    def as_json(self) -> dict[str, Any]: ...
    def figure(self, title: str = '') -> Figure: ...
    @classmethod
    def from_samples(
        cls,
        values: Mapping[tuple[str, ...], Array],
        heads: Sequence[str],
        *,
        rope: float | None = None,
        notes: Sequence[str] = (),
    ) -> Judgement: ...
    @classmethod
    def from_scores(
        cls,
        scores: Mapping[tuple[str, ...], Blocks],
        heads: Sequence[str],
        *,
        seeds: Sequence[str],
        score: str,
        higher_is_better: bool,
        rope: float | None = None,
        notes: Sequence[str] = (),
    ) -> Judgement: ...
    higher_is_better: bool
    def markdown(self) -> str: ...
    notes: tuple[str, ...]
    pairs: tuple[PairResult, ...]
    def pairs_csv(self) -> str: ...
    rope: float
    score: str
    settings: tuple[JudgedSetting, ...]

class Layer:
    @property
    def activation(self) -> Activation | None: ...
    array_library = None
    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array: ...
    def buffers(self, inputs: Shape) -> tuple[Param, ...]: ...
    def change(
        self,
        params: Params,
        x: Array,
        z: Array,
        memo: Any,
        dx: Array,
        channels: slice,
        mode: Mode,
        stream: Stream,
    ) -> Array: ...
    @property
    def couples_samples(self) -> bool: ...
    @property
    def elementwise(self) -> bool: ...
    @abstractmethod
    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]: ...
    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads: ...
    is_dense = False
    @property
    def kinks(self) -> tuple[float, ...] | None: ...
    def params(self, inputs: Shape) -> tuple[Param, ...]: ...
    def reach(self, inputs: Shape, channels: slice) -> slice: ...
    def shape(self, inputs: Shape) -> Shape: ...
    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array: ...
    def update(self, params: Params, x: Array, memo: Any) -> Mapping[str, Array]: ...

LearningRate: float | Schedule | Callable[[int], float]

class Loss:
    @abstractmethod
    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array: ...
    array_library = None
    def backward(self, y: Array, t: Array, axis: int = -1) -> Array: ...
    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array: ...
    def fused(self, activation: Activation) -> FusedLoss | None: ...
    is_binary = False
    smooth = False
    task = None
    def to_classes(self, t: Array) -> Array: ...

class Metric:
    @abstractmethod
    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float: ...
    array_library = None
    @property
    def column(self) -> str: ...
    larger_is_better = True
    task: ClassVar[Task]
    title = ''

class MissingExtraError(ModnetError):
    ...

class Mixture:
    def __init__(self, part: str, what: str, values: dict[str, tuple[str, ...]]): ...
    part: str
    values: dict[str, tuple[str, ...]]
    what: str

Mode: Literal['train', 'predict']

class ModnetError(Exception):
    ...

class Network:
    def __call__(self, x: Any) -> Array: ...
    def __init__(
        self,
        layers: Sequence[object],
        *,
        shape: int | Sequence[int] | None = None,
        hidden: object = None,
        output: object = None,
        loss: Any = 'cross-entropy',
        weight_init_std: WeightInitStd = 0.01,
        seed: int = 0,
        dtype: str = 'float64',
        array: str = 'numpy',
        device: str | None = None,
        weight_init: WeightInit | Sequence[WeightInit] | None = None,
        bias_init: float | Sequence[float] | None = None,
        bias_init_std: float | None = None,
    ): ...
    def accuracy(self, x: Any, t: Any) -> float: ...
    @property
    def array(self) -> str: ...
    @property
    def arrays(self) -> dict[str, Array]: ...
    @property
    def dense_layers(self) -> tuple[DenseLayer, ...]: ...
    @property
    def device(self) -> str | None: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @staticmethod
    def for_data(
        data: Dataset,
        *,
        hidden: int | Sequence[int] | None = None,
        layers: Sequence[object] | None = None,
        **settings: Any,
    ) -> Network: ...
    def gradient(
        self,
        x: Any,
        t: Any,
        estimator: object = 'backpropagation',
        stream: Stream | None = None,
        weights: Any = None,
    ) -> Grads: ...
    def hits(self, x: Any, t: Any) -> Array: ...
    @property
    def inputs(self) -> int: ...
    @property
    def is_binary(self) -> bool: ...
    @property
    def layers(self) -> tuple[DenseLayer | PlacedLayer, ...]: ...
    @property
    def library(self) -> Library: ...
    def loss(self, x: Any, t: Any, weights: Any = None) -> float: ...
    def numerical_gradient(self, x: Any, t: Any) -> Grads: ...
    def objective(
        self,
        x: Any,
        t: Any,
        weights: Any = None,
        *,
        mode: Mode = 'train',
        stream: Stream | None = None,
    ) -> NetworkObjective: ...
    @property
    def outputs(self) -> int: ...
    def predict(self, x: Any) -> Array: ...
    def predict_scores(self, x: Any) -> Array: ...
    @property
    def rows_at_once(self) -> int: ...
    def set_arrays(self, arrays: Params) -> None: ...
    @property
    def shape(self) -> Shape: ...
    def summary(self) -> str: ...
    def take_params(self, arrays: Params) -> dict[str, Array]: ...
    def trace_update(self, x: Any, t: Any, lr: float | None = None, **settings: Any) -> UpdateTrace: ...
    def with_arrays(self, arrays: Params) -> Self: ...

class NoDerivativeError(ModnetError):
    ...

class Objective:
    @abstractmethod
    def __call__(self, params: Params) -> float: ...
    @abstractmethod
    def backward(self, params: Params) -> Grads: ...
    buffers = ...
    def dense_tail(self, params: Params) -> tuple[int, Objective]: ...
    @property
    def layers(self) -> tuple[DenseLayer, ...]: ...
    loss_function: Loss
    def match(self, like: Array) -> Objective: ...
    mode = 'train'
    @abstractmethod
    def output_error(self, params: Params) -> Array: ...
    placed = ()
    stream = ...
    t: Array
    @abstractmethod
    def trace(self, params: Params) -> Trace: ...
    weights = None
    def with_batch(self, x: Array, t: Array, weights: Array | None = None) -> Objective: ...
    x: Array

class ObservedRun:
    data: Dataset
    epoch: float
    errors: Array | None
    experiment: Mapping[str, Any] | None
    folder: Path | None
    gradient: GradientEstimator
    gradient_state: State
    grads: Grads | None
    history: History
    hits: Array | None
    iteration: int
    iterations: int
    loss: float | None
    metrics: tuple[Metric, ...]
    network: Any
    optimizer: Optimizer
    params: Params
    rate: float | None
    seconds: float
    seed: int
    status: Status
    stop_reason: str

class Observer:
    def __init__(self): ...
    def epoch_ended(self, run: ObservedRun) -> None: ...
    def run_ended(self, run: ObservedRun) -> None: ...
    def run_started(self, run: ObservedRun) -> None: ...

class Optimizer:
    array_library = None
    @abstractmethod
    def init(self, params: Params) -> State: ...
    @abstractmethod
    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]: ...

class PairResult:
    def __init__(
        self,
        *,
        first: str,
        second: str,
        seeds: int,
        difference: float,
        on_such_samples: Estimate | None,
        on_these_samples: Estimate | None,
        decision: Decision,
        decision_here: Decision,
        samples: int,
        rope: float,
        measure: Measure = 'accuracy',
    ): ...
    decision: Decision
    decision_here: Decision
    difference: float
    first: str
    measure: Measure
    on_such_samples: Estimate | None
    on_these_samples: Estimate | None
    rope: float
    samples: int
    second: str
    seeds: int
    @property
    def verdict(self) -> str: ...

class Param:
    def __init__(
        self,
        name: str,
        shape: Shape,
        init: Any = None,
        channel_axis: int | None = None,
        linear: bool = False,
        fan_in: int | None = None,
    ): ...
    channel_axis: int | None
    fan_in: int | None
    init: Any
    @property
    def is_weight(self) -> bool: ...
    linear: bool
    name: str
    shape: Shape

Params: Mapping[str, Array]

class PlacedLayer:
    def __init__(
        self,
        index: int,
        number: int,
        label: str,
        layer: Layer,
        inputs: Shape,
        outputs: Shape,
        params: tuple[Param, ...] = (),
        buffers: tuple[Param, ...] = (),
    ): ...
    buffers: tuple[Param, ...]
    index: int
    inputs: Shape
    label: str
    layer: Layer
    def name(self, param: str) -> str: ...
    number: int
    outputs: Shape
    params: tuple[Param, ...]
    def take(self, params: Params, buffers: Params) -> Params: ...

class PluginError(ModnetError):
    ...

class PrecisionWarning(UserWarning):
    ...

class Preparation:
    def __init__(self, columns: tuple[PreparedColumn, ...], unseen: Literal['zeros', 'refuse'] = 'zeros'): ...
    columns: tuple[PreparedColumn, ...]
    def describe_unseen(self, blocks: Iterable[Array], columns: Sequence[Column]) -> list[str]: ...
    digest = ...
    feature_names = ...
    @property
    def features(self) -> int: ...
    @classmethod
    def fit(
        cls,
        table: Array | Callable[[], Iterable[Array]],
        columns: Sequence[Column] = (),
        settings: modnet.PreparationSettings | None = None,
        weights: Array | None = None,
    ) -> Preparation: ...
    @classmethod
    def from_dict(cls, table: object) -> Self: ...
    def to_dict(self) -> dict[str, Any]: ...
    def transform(self, table: Any, columns: Sequence[Column] | None = None) -> Array: ...
    unseen: Literal['zeros', 'refuse']

class PreparationSettings:
    def __init__(
        self,
        *,
        standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
        scale: float | Literal['auto'] = 'auto',
        encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
        impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
        missing_indicator: bool = False,
        unseen: Literal['zeros', 'refuse'] = 'zeros',
        test_fraction: float = 0.2,
        task: Task | None = None,
        class_weight: Literal['balanced'] | dict[str, float] | None = None,
        stratified: bool = False,
        split_seed: int = 0,
        shape: tuple[int, ...] | None = None,
    ): ...
    class_weight: Literal['balanced'] | dict[str, float] | None
    encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]]
    impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None
    missing_indicator: bool
    scale: float | Literal['auto']
    shape: tuple[int, ...] | None
    split_seed: int
    standardize: Literal['auto'] | bool | tuple[Key, ...]
    stratified: bool
    task: Task | None
    test_fraction: float
    unseen: Literal['zeros', 'refuse']

class ProgressObserver:
    def advance(self, result: str) -> None: ...
    def start(self, total: int, finished: int, measure: Callable[[], float]) -> None: ...

class Record:
    def __init__(self, values: Mapping[str, Any]): ...
    values: Mapping[str, float]

class Register:
    def __call__(self, cls: type[Interface], name: str | None = None) -> None: ...

class RowsToPredict:
    def __init__(
        self,
        x: Array,
        labels: Array | None = None,
        notes: tuple[str, ...] = (),
        columns: tuple[Column, ...] = (),
    ): ...
    columns: tuple[Column, ...]
    labels: Array | None
    notes: tuple[str, ...]
    x: Array

class Run:
    def __init__(
        self,
        network: LayeredNetwork,
        data: Dataset,
        gradient: GradientEstimator,
        optimizer: Optimizer,
        settings: TrainingSettings,
        seed: int,
        metrics: tuple[Metric, ...] = (),
        experiment: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        iteration: int = 0,
        status: Status = ...,
        of_samples: Array | None = None,
        stop_reason: str = '',
        grads: Grads | None = None,
        gradient_state: State = None,
        seconds_before: float = 0.0,
    ): ...
    after: tuple[State, tuple[State, ...], float, State]
    batches: Batches
    callbacks: Callbacks
    @property
    def checkpoint(self) -> Checkpoint: ...
    @property
    def classes(self) -> tuple[Any, ...]: ...
    data: Dataset
    def end(self) -> None: ...
    @property
    def epoch(self) -> float: ...
    @property
    def errors(self) -> Array | None: ...
    experiment: Mapping[str, Any] | None
    @property
    def final(self) -> Checkpoint: ...
    folder: Path | None
    gradient: GradientEstimator
    gradient_state: State
    grads: Grads | None
    history: History
    def history_of_epochs(self, iteration: int) -> History: ...
    @property
    def hits(self) -> Array | None: ...
    def init_gradient(self, params: Params) -> State: ...
    iteration: int
    @property
    def iterations(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    metrics: tuple[Metric, ...]
    @property
    def model(self) -> TrainedModel: ...
    network: LayeredNetwork
    of_samples: Array | None
    optimizer: Optimizer
    @property
    def params(self) -> Params: ...
    def predict(self, rows: Any) -> Array: ...
    def predict_proba(self, rows: Any) -> Array: ...
    @property
    def rate(self) -> float | None: ...
    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> None: ...
    @property
    def seconds(self) -> float: ...
    seconds_before: float
    seed: int
    settings: TrainingSettings
    def show(self, out: str | PathLike[str] | None = None, *, language: str | None = None) -> Any: ...
    sound: tuple[int, Params, State, tuple[State, ...], float, State]
    status: Status
    stop_reason: str

class RunSchedule:
    @abstractmethod
    def __call__(self, iteration: int) -> float: ...
    @abstractmethod
    def over(self, iterations: int, *, is_resumed: bool = False) -> RunSchedule: ...

class Samples:
    def __init__(
        self,
        x: Array,
        t: Array,
        scale: float = 1.0,
        chosen: Array | None = None,
        *,
        is_finite: bool = False,
        columns: tuple[Column, ...] = (),
        preparation: Preparation | None = None,
        weights: Array | None = None,
        soft: Array | None = None,
    ): ...
    def blocks(self) -> Iterator[slice]: ...
    def choose(self, rows: Array) -> Samples: ...
    chosen: Array | None
    columns: tuple[Column, ...]
    @property
    def features(self) -> int: ...
    def has_made(self, rows: Any) -> bool: ...
    is_finite: bool
    preparation: Preparation | None
    def rows(self, which: slice | Any, dtype: Any = ...) -> Array: ...
    scale: float
    soft: Array | None
    def split(self, fraction: float, stream: Stream, *, stratified: bool, one_of_each: bool = False) -> tuple[Samples, Samples]: ...
    t: Array
    table: Array
    def targets(self, which: slice | Any, outputs: int) -> Array: ...
    def unscaled(self, which: slice | Any) -> Array: ...
    weights: Array | None
    @property
    def x(self) -> Array: ...

class SavedRun:
    def __init__(
        self,
        *,
        folder: Path,
        experiment: Table,
        history: History,
        status: Status,
        stop_reason: str,
        iteration: int,
    ): ...
    @property
    def checkpoint(self) -> Checkpoint: ...
    @property
    def classes(self) -> tuple[Any, ...]: ...
    data = ...
    experiment: Table
    folder: Path
    history: History
    iteration: int
    model = ...
    @property
    def network(self) -> LayeredNetwork: ...
    @property
    def params(self) -> Params: ...
    def predict(self, rows: Any) -> Array: ...
    def predict_proba(self, rows: Any) -> Array: ...
    def show(self, out: str | PathLike[str] | None = None, *, language: str | None = None) -> Any: ...
    status: Status
    stop_reason: str

class ScaleRate:
    def __init__(self, factor: float): ...
    factor: float

class Schedule(RunSchedule):
    def __call__(self, iteration: int) -> float: ...
    def __init__(
        self,
        name: Literal['constant', 'step', 'linear', 'cosine', 'exponential'] = 'constant',
        *,
        initial: float,
        warmup: int = 0,
        final: float | None = None,
        every: int | None = None,
        factor: float | None = None,
        iterations: int | None = None,
    ): ...
    every: int | None
    factor: float | None
    final: float | None
    initial: float
    iterations: int | None
    name: Literal['constant', 'step', 'linear', 'cosine', 'exponential']
    @property
    def needs_horizon(self) -> bool: ...
    def over(self, iterations: int, *, is_resumed: bool = False) -> Schedule: ...
    warmup: int

class Setting:
    def __init__(self, entries: dict[str, str], experiment: Experiment, is_alike: bool = False): ...
    entries: dict[str, str]
    experiment: Experiment
    @property
    def folder(self) -> str: ...
    is_alike: bool
    @property
    def label(self) -> str: ...

class SettingError(ModnetError, ValueError):
    ...

class SettingResult:
    def __init__(
        self,
        setting: Setting,
        hits: Array | None,
        histories: tuple[History, ...],
        statuses: tuple[Status, ...],
        errors: Array | None = None,
    ): ...
    @property
    def accuracies(self) -> Array: ...
    @property
    def accuracy(self) -> float: ...
    collapsed = ...
    @property
    def deviation(self) -> float: ...
    @property
    def entries(self) -> dict[str, str]: ...
    errors: Array | None
    def find_last(self, name: str) -> Array: ...
    @classmethod
    def from_runs(cls, runs: SettingRuns) -> SettingResult: ...
    @property
    def has_r2(self) -> bool: ...
    histories: tuple[History, ...]
    hits: Array | None
    @property
    def label(self) -> str: ...
    @property
    def measure(self) -> Measure: ...
    @property
    def of_samples(self) -> Array | None: ...
    on_such_samples = ...
    on_these_samples = ...
    @property
    def score(self) -> float: ...
    @property
    def scores(self) -> Array: ...
    setting: Setting
    statuses: tuple[Status, ...]

class SettingRuns:
    def __init__(
        self,
        setting: Setting,
        of_samples: Array,
        histories: tuple[History, ...],
        statuses: tuple[Status, ...],
    ): ...
    histories: tuple[History, ...]
    of_samples: Array
    setting: Setting
    statuses: tuple[Status, ...]

Shape: tuple[int, ...]

class ShapeError(ModnetError, ValueError):
    ...

class State:
    def __init__(self, *args, **kwargs): ...

class Status(str):
    DIVERGED = ...
    FAILED = ...
    FINISHED = ...
    INTERRUPTED = ...
    RUNNING = ...
    @property
    def is_final(self) -> bool: ...

class Stop:
    def __init__(self, reason: str): ...
    reason: str

class Stream:
    def __init__(self, seed, path: tuple[str | int, ...] = ()): ...
    def child(self, *path: str | int) -> Stream: ...
    def generator(self) -> np.random.Generator: ...
    path: tuple[str | int, ...]
    seed: int

Task: Literal['classification', 'regression']

class Trace:
    def __init__(
        self,
        inputs: tuple[Array, ...],
        pre_activations: tuple[Array, ...],
        output: Array,
        losses: Array,
        loss: float,
        values: tuple[Array, ...] = (),
        memos: tuple[Any, ...] = (),
    ): ...
    inputs: tuple[Array, ...]
    loss: float
    losses: Array
    memos: tuple[Any, ...]
    output: Array
    pre_activations: tuple[Array, ...]
    values: tuple[Array, ...]

class TrainingInterrupted(KeyboardInterrupt):
    ...

class TwoLayerNet(Network):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        weight_init_std: Any = 0.01,
        **settings: Any,
    ): ...

class UnknownNameError(ModnetError):
    ...

class UpdateTrace:
    def __init__(
        self,
        network: str,
        forward: tuple[TracedArray, ...],
        target: Array,
        loss_formula: str,
        losses: Array,
        loss: float,
        params: Mapping[str, Array],
        estimators: tuple[str, ...],
        gradient: tuple[TracedGradient, ...],
        optimizer: str,
        new_params: Mapping[str, Array],
        new_loss: float,
        notes: tuple[str, ...] = (),
    ): ...
    @property
    def difference(self) -> float: ...
    estimators: tuple[str, ...]
    forward: tuple[TracedArray, ...]
    gradient: tuple[TracedGradient, ...]
    loss: float
    loss_formula: str
    losses: Array
    network: str
    new_loss: float
    new_params: Mapping[str, Array]
    notes: tuple[str, ...]
    optimizer: str
    params: Mapping[str, Array]
    target: Array
    def to_html(self) -> str: ...
    @property
    def update(self) -> Mapping[str, Array]: ...
    @staticmethod
    def write_numbers(value: Array) -> list[str]: ...

class Verdict:
    def __init__(
        self,
        *,
        verdict: str,
        part: str,
        layer: int | None = None,
        label: str | None = None,
        unit: int | None = None,
        sample: int | None = None,
        parameter: str | None = None,
        index: tuple[int, ...] | None = None,
        size: float,
        explanation: str,
        left_out: str | None = None,
        output: tuple[int, ...] | None = None,
        given: float | None = None,
        slope: float | None = None,
        step: float | None = None,
    ): ...
    explanation: str
    given: float | None
    index: tuple[int, ...] | None
    @property
    def is_failure(self) -> bool: ...
    label: str | None
    layer: int | None
    @property
    def layer_label(self) -> str: ...
    left_out: str | None
    output: tuple[int, ...] | None
    parameter: str | None
    part: str
    @property
    def place(self) -> str: ...
    sample: int | None
    size: float
    slope: float | None
    step: float | None
    unit: int | None
    verdict: str

def activation(name: str, **settings: Any) -> Activation: ...

class book:
    class TwoLayerNet(TwoLayerNet):
        def __init__(self, input_size: int, hidden_size: int, output_size: int, weight_init_std: float = 0.01): ...
        def gradient(self, x: Any, t: Any, *estimator: Any, **settings: Any) -> Any: ...
        def loss(self, x: Any, t: Any, weights: Any = None) -> float: ...
    def cross_entropy_error(y: Any, t: Any) -> Any: ...
    def function_1(x: Any) -> Any: ...
    def function_2(x: Any) -> Any: ...
    def gradient_descent(f: Callable[[Any], Any], init_x: Any, lr: float = 0.01, step_num: int = 100) -> Any: ...
    def identity_function(x: Any) -> Any: ...
    def load_mnist(
        normalize: bool = True,
        flatten: bool = True,
        one_hot_label: bool = False,
        *,
        data: str | PathLike[str] = 'mnist',
    ) -> tuple[Pair, Pair]: ...
    def mean_squared_error(y: Any, t: Any) -> Any: ...
    def numerical_diff(f: Callable[[Any], Any], x: Any) -> Any: ...
    def numerical_gradient(f: Callable[[Any], Any], x: Any) -> Any: ...
    def relu(x: Any) -> Any: ...
    def sigmoid(x: Any) -> Any: ...
    def sigmoid_grad(x: Any) -> Any: ...
    def softmax(x: Any) -> Array: ...
    def step_function(x: Any) -> Array: ...
    def sum_squared_error(y: Any, t: Any) -> Any: ...

class cached:
    def arrays_of(path: Path, recipe: str, convert: Callable[[Put], Facts]) -> tuple[Mapping[str, Array], Facts]: ...

def callback(name: str, **settings: Any) -> Callback: ...

def check_derivative(f: Callable[..., Any], grad: Any, params: Any, *, rtol: float = 0.0, seed: int = 0) -> DerivativeCheck: ...

def check_gradient(
    network: LayeredNetwork,
    x: Any,
    t: Any,
    *,
    estimators: Iterable[object] | None = None,
    gradient: object = None,
    repeats: int = 5,
    seed: int = 0,
    weights: Any = None,
    mode: Mode = 'train',
) -> GradientCheck: ...

def compare(
    experiment: Mapping[str, Any] | str | PathLike[str],
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | None = None,
    rope: float | None = None,
    out: str | PathLike[str] | None = None,
    workers: int | None = None,
    executor: Executor | Any | None = None,
    progress: bool | ProgressObserver | None = None,
    accept: bool = False,
) -> Comparison: ...

class data:
    class PreparedColumn(Column):
        def __init__(
            self,
            name: str = '',
            words: Sequence[Any] | None = None,
            encode: Literal['one-hot', 'ordinal'] | None = None,
            fill: float | str | None = None,
            indicator: bool = False,
            mean: float = 0.0,
            deviation: float = 1.0,
        ): ...
        deviation: float
        encode: Literal['one-hot', 'ordinal'] | None
        fill: float | str | None
        @property
        def fill_number(self) -> float: ...
        indicator: bool
        mean: float
    class TargetScale:
        def __init__(self, mean, deviation): ...
        deviation: tuple[float, ...]
        @classmethod
        def fit(cls, targets: Array, weights: Array | None = None) -> Self: ...
        mean: tuple[float, ...]
        def restore(self, outputs: Array) -> Array: ...
        def standardize(self, targets: Array) -> Array: ...
    class Unprepared:
        classes: tuple[Any, ...]
        parts: Mapping[str, Samples]
        @abstractmethod
        def prepare(self, data: AnyDataset, parts: Mapping[str, Samples]) -> AnyDataset: ...
        prepared: tuple[Samples, ...]
        @abstractmethod
        @property
        def weighs_classes(self) -> bool: ...
    def check_classes(classes: Sequence[Any]) -> None: ...
    def check_feature_names(names: Sequence[str], features: int) -> None: ...
    def describe_column(name: str, place: int) -> str: ...
    def describe_part(part: str) -> str: ...
    def encode_tables(tables: Sequence[Array], columns: Sequence[Column], listed: Container[int]) -> tuple[list[Array], tuple[Column, ...]]: ...
    def find_features(rows: Any, names: Sequence[str]) -> Any: ...
    def find_places(codes: Array, words: Sequence[str], own: Sequence[str]) -> Array: ...
    def infer_scale(samples: Samples) -> float | None: ...
    def is_missing(label: object) -> bool: ...
    def list_names(rows: Any) -> list[str]: ...
    def make_samples(parts: Mapping[str, Array], columns: tuple[Column, ...], may_lack: Sequence[bool]) -> list[Samples]: ...
    def read_tables(parts: Mapping[str, Any]) -> list[Array]: ...
    def to_float64(numbers: Array) -> Array: ...

def default_step(dtype: Any) -> float: ...

class download:
    def fetch(
        urls: Sequence[str],
        path: Path,
        sha256: str,
        size: int,
        *,
        advice: str = '',
        timeout: float = 30.0,
        pause: float = 1.0,
    ) -> bool: ...
    def is_web_address(url: str) -> bool: ...

def export(
    run: Run | SavedRun | str | PathLike[str],
    path: str | PathLike[str],
    *,
    to: Format | None = None,
    overwrite: bool = False,
) -> Path: ...

class figures:
    COLORS: tuple
    FORMATS: tuple
    GREY: str
    class activations:
        def from_estimator(estimator: Any, x: Any = None, *, ax: Any = None) -> Figure: ...
    class comparison:
        def from_comparison(comparison: Comparison | Any, *, title: str = '', ax: Any = None) -> Figure: ...
        def from_judgement(judgement: Judgement | Any, *, title: str = '', ax: Any = None) -> Figure: ...
    class confusion_matrix:
        def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure: ...
        def from_predictions(t: Any, y: Any, *, classes: Sequence[Any] | None = None, ax: Any = None) -> Figure: ...
    class contour:
        def from_function(
            f: Callable[[Array], Any],
            path: Any = None,
            *,
            xlim: Limits | None = None,
            ylim: Limits | None = None,
            names: Sequence[str] = ...,
            title: str = '',
            ax: Any = None,
        ) -> Figure: ...
    def create_figure(size: tuple[float, float]) -> Figure: ...
    def create_panels(size: tuple[float, float], title: str, count: int = 2, **options: Any) -> tuple[Figure, *tuple[Any, ...]]: ...
    class decision_boundary:
        def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure: ...
    def drawing(ax: Any = None) -> Iterator[None]: ...
    def escape(text: str) -> str: ...
    def find_ink(ax: Any) -> Any: ...
    class gradient_check:
        def from_check(check: Any, *, title: str = '', ax: Any = None) -> Figure: ...
    class gradient_sizes:
        def from_estimator(
            estimator: Any,
            x: Any = None,
            t: Any = None,
            *,
            gradient: object = 'backpropagation',
            ax: Any = None,
        ) -> Figure: ...
    class learning_curves:
        def from_history(history: History, title: str = '', metrics: Sequence[Metric] = (), *, ax: Any = None) -> Figure: ...
        def from_run(run: Run | SavedRun, *, title: str = '', ax: Any = None) -> Figure: ...
    class mistakes:
        def from_estimator(
            estimator: Any,
            x: Any = None,
            t: Any = None,
            *,
            shape: Shape | None = None,
            most: int = 16,
            ax: Any = None,
        ) -> Figure: ...
        def from_predictions(
            x: Any,
            t: Any,
            y: Any,
            *,
            classes: Sequence[Any] | None = None,
            shape: Shape | None = None,
            most: int = 16,
            ax: Any = None,
        ) -> Figure: ...
    class network:
        def from_network(network: Any, *, title: str = '', ax: Any = None) -> Figure: ...
    def render(figure: Figure, kind: str, *, transparent: bool = False) -> bytes: ...
    class residuals:
        def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure: ...
        def from_predictions(t: Any, y: Any, *, names: Sequence[str] = (), ax: Any = None) -> Figure: ...
    class samples:
        def from_dataset(data: Dataset | Any, *, most: int | None = None, title: str = '', ax: Any = None) -> Figure: ...
    def save_figure(figure: Figure, path: Path) -> None: ...
    class several_runs:
        def from_histories(
            groups: Mapping[str, Sequence[History]],
            title: str,
            metrics: Sequence[Metric] = (),
            *,
            ax: Any = None,
        ) -> Figure: ...
        def from_runs(runs: Mapping[str, Any] | Sequence[Run | SavedRun], *, title: str = '', ax: Any = None) -> Figure: ...
    def try_to_draw(draw: Callable[[], Figure], path: Path) -> str: ...
    class weights:
        def from_estimator(estimator: Any, *, shape: Shape | None = None, most: int = 25, ax: Any = None) -> Figure: ...

class files:
    ABOUT: str
    ARRAYS: str
    CHUNK: int
    COMPRESSED: tuple
    LIMIT: int
    ZIP: bytes
    def cache_folder() -> Path: ...
    def compression(path: Path) -> str: ...
    def created(path: Path, named: Path | None = None) -> Iterator[IO[bytes]]: ...
    def describe_foreign(head: bytes) -> str | None: ...
    def digest(path: Path) -> str: ...
    def first_name(head: bytes) -> bytes: ...
    def format_size(size: int) -> str: ...
    def hash_file(path: Path) -> str: ...
    def head_of(path: Path, size: int) -> bytes: ...
    def hold_lock(path: Path, *, wait: bool = False, patience: float = 0.1) -> Iterator[bool]: ...
    def list_some(items: Iterable[str], most: int) -> str: ...
    def member_name(path: Path) -> str: ...
    def opened(path: Path) -> Iterator[IO[bytes]]: ...
    def part_paths(path: Path, other: str = 'test') -> tuple[Path, Path]: ...
    def printable(text: str, longest: int, keep: str = '') -> str: ...
    def quote(text: str, form: Callable[[str], str] = ...) -> str: ...
    def read_bytes(path: Path, most: int | None = None) -> bytes: ...
    def read_note(path: Path) -> Any: ...
    def reading(path: Path | None, reader: str = '') -> Iterator[None]: ...
    def remove(path: Path) -> None: ...
    def replacing(path: Path) -> Iterator[Path]: ...
    def sweep(path: Path) -> None: ...
    def sync_folder(folder: Path) -> None: ...
    def tell_progress(path: Path, done: int, total: int) -> None: ...
    def telling(tell: Callable[[Path, int, int], object]) -> Iterator[None]: ...
    def uncompressed_name(path: Path) -> str: ...
    def write_atomically(path: Path, content: bytes) -> None: ...
    def write_csv(file: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ',') -> None: ...
    def write_note(path: Path, value: Any) -> None: ...

def find_name(value: object) -> str: ...

def find_unclear_labels(labels: Iterable[str]) -> tuple[str, tuple[str, ...]] | None: ...

def gradient(name: str, **settings: Any) -> GradientEstimator: ...

def gradient_descent(
    f: Callable[[X], Any],
    init_x: X,
    lr: float = 0.01,
    step_num: int = 100,
    *,
    history: bool = False,
) -> X: ...

hookimpl: HookimplMarker

class html:
    class Html(str):
        def __init__(self, written: str): ...
    def display(thing: object) -> Html: ...
    def element(name: str, *children: object, **attributes: object) -> Html: ...
    def escape(value: object, longest: int = 2000) -> Html: ...
    def frame(*children: object, class_: str = '') -> Html: ...
    def join(parts: Iterable[object], between: object = '') -> Html: ...
    def picture(figure: Figure, alt: str | None, *, key: str = '', largest: int = 400000, box: Any = None) -> Html: ...
    def table(
        heads: Sequence[object],
        rows: Iterable[Sequence[object]],
        *,
        caption: object = '',
        row_heads: bool = True,
        class_: str | None = None,
        totals: int = 0,
    ) -> Html: ...

def is_numpy(value: object) -> bool: ...

def is_weight(name: str) -> bool: ...

def judge(
    runs: Any,
    *,
    setting: str | Sequence[str] | None = None,
    seed: str | None = None,
    score: str | None = None,
    sample: str | None = None,
    dataset: str | None = None,
    higher_is_better: bool | None = None,
    rope: float | None = None,
    diverged: float | None = None,
    paired: bool | None = None,
) -> Judgement: ...

def layer(name: str, **settings: Any) -> Layer: ...

def limit_blas_threads(count: int) -> Iterator[None]: ...

def load(what: str | PathLike[str] | object, *, source: str | None = None, **settings: Any) -> Dataset: ...

def loss(name: str, **settings: Any) -> Loss: ...

def match_array(values: Any, like: Array) -> Array: ...

def metric(name: str, **settings: Any) -> Metric: ...

def numerical_gradient(f: Callable[[X], Any], x: X, h: float = 0.0001, *, in_place: bool = False) -> X: ...

def one_hot(t: Any, like: Any, axis: int = -1) -> Array: ...

def open_run(folder: str | PathLike[str]) -> SavedRun: ...

def optimizer(name: str, **settings: Any) -> Optimizer: ...

def register(cls: type, name: str | None = None) -> Callable[[], None]: ...

def save_params(path: Path, params: Params, data: Dataset) -> None: ...

class sklearn:
    class ModnetClassifier:
        def __init__(
            self,
            hidden_layer_sizes: Any = ...,
            *,
            activation: Any = 'relu',
            output: Any = None,
            layers: Any = None,
            shape: Any = None,
            loss: Any = None,
            gradient: Any = 'backpropagation',
            optimizer: Any = 'adam',
            learning_rate_init: Any = None,
            weight_decay: float | None = None,
            weight_init: Any = 'xavier',
            bias_init: Any = None,
            standardize: bool = True,
            class_weight: Any = None,
            batch_size: Any = 'auto',
            sampling: str = 'shuffle',
            max_iter: Any = None,
            tol: float | None = 0.0001,
            n_iter_no_change: int = 10,
            early_stopping: bool = False,
            validation_fraction: float = 0.1,
            callbacks: Any = (),
            metrics: Any = (),
            dtype: str = 'float64',
            array: str = 'numpy',
            device: str | None = None,
            blas_threads: int = 1,
            warm_start: bool = False,
            random_state: Any = None,
            verbose: bool = False,
        ): ...
        best_validation_score_: float
        classes_: Array
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        loss_curve_: list[float]
        n_iter_: int
        network_: Network
        def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self: ...
        def predict(self, X: Any) -> Array: ...
        def predict_log_proba(self, X: Any) -> Array: ...
        def predict_proba(self, X: Any) -> Array: ...
        preparation_: modnet.Preparation | None
        def prepare(self, X: Any) -> Array: ...
        @property
        def run_(self) -> Run: ...
        set_fit_request = ...
        def set_params(self, **params: Any) -> Self: ...
        set_partial_fit_request = ...
        set_score_request = ...
        target_scale_: Any
        validation_scores_: list[float] | None
    class ModnetRegressor:
        def __init__(
            self,
            hidden_layer_sizes: Any = ...,
            *,
            activation: Any = 'relu',
            output: Any = None,
            layers: Any = None,
            shape: Any = None,
            loss: Any = None,
            gradient: Any = 'backpropagation',
            optimizer: Any = 'adam',
            learning_rate_init: Any = None,
            weight_decay: float | None = None,
            weight_init: Any = 'xavier',
            bias_init: Any = None,
            standardize: bool = True,
            batch_size: Any = 'auto',
            sampling: str = 'shuffle',
            max_iter: Any = None,
            tol: float | None = 0.0001,
            n_iter_no_change: int = 10,
            early_stopping: bool = False,
            validation_fraction: float = 0.1,
            callbacks: Any = (),
            metrics: Any = (),
            dtype: str = 'float64',
            array: str = 'numpy',
            device: str | None = None,
            blas_threads: int = 1,
            warm_start: bool = False,
            random_state: Any = None,
            verbose: bool = False,
        ): ...
        best_validation_score_: float
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        loss_curve_: list[float]
        n_iter_: int
        network_: Network
        def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self: ...
        def predict(self, X: Any) -> Array: ...
        preparation_: modnet.Preparation | None
        def prepare(self, X: Any) -> Array: ...
        @property
        def run_(self) -> Run: ...
        set_fit_request = ...
        def set_params(self, **params: Any) -> Self: ...
        set_partial_fit_request = ...
        set_score_request = ...
        target_scale_: Any
        validation_scores_: list[float] | None

def source(name: str, **settings: Any) -> DataSource: ...

class testing:
    class ConformanceError(AssertionError):
        ...
    class Outcome:
        def __init__(
            self,
            name: str,
            claim: str,
            state: str,
            message: str = '',
            cases: int = 0,
            excused: bool = False,
            example: str = '',
        ): ...
        cases: int
        claim: str
        example: str
        excused: bool
        message: str
        name: str
        state: str
    class Report:
        def __init__(self, kind: str, part: str, outcomes: tuple[Outcome, ...], checks: tuple[str, ...]): ...
        def as_json(self) -> str: ...
        checks: tuple[str, ...]
        @property
        def failed(self) -> tuple[Outcome, ...]: ...
        kind: str
        @property
        def missing(self) -> tuple[str, ...]: ...
        outcomes: tuple[Outcome, ...]
        part: str
        @property
        def passed(self) -> bool: ...
        def raise_if_failed(self) -> None: ...
        @property
        def ran(self) -> tuple[Outcome, ...]: ...
        @property
        def skipped(self) -> tuple[Outcome, ...]: ...
    class Snapshot:
        def __init__(
            self,
            *,
            registered: tuple[Component, ...],
            swapped: tuple[Override, ...],
            python_random: object,
            numpy_random: object,
            environment: dict[str, str],
            numpy_errors: dict[str, Any],
            warnings_filters: tuple[Any, ...],
            open_files: dict[int, str],
        ): ...
        environment: dict[str, str]
        def leaks(self) -> list[str]: ...
        numpy_errors: dict[str, Any]
        numpy_random: object
        open_files: dict[int, str]
        python_random: object
        registered: tuple[Component, ...]
        swapped: tuple[Override, ...]
        @classmethod
        def take(cls) -> Snapshot: ...
        warnings_filters: tuple[Any, ...]
    class Swap:
        def __init__(self, kind: str, name: str, instead: T, *, threads: bool = False): ...
    def assert_gradient(f: Callable[..., Any], grad: Any, x: Any, *, rtol: float = 0.0, seed: int = 0) -> None: ...
    def check_activation(part: object, *, width: int = 4, largest: float = 10000.0, raises: bool = True) -> Report: ...
    def check_callback(part: object, *, raises: bool = True) -> Report: ...
    def check_data_source(
        part: object,
        *,
        file: File | Sequence[File] | None = None,
        given: object = None,
        raises: bool = True,
    ) -> Report: ...
    def check_distribution(
        name: str,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        raises: bool = True,
    ) -> list[Report]: ...
    def check_gradient_estimator(
        part: object,
        *,
        promises: Promise | None = None,
        tolerance: float = 0.001,
        most: int = 2000,
        network: Mapping[str, Any] | None = None,
        raises: bool = True,
    ) -> Report: ...
    def check_layer(part: object, *, shape: Any = None, largest: float = 10000.0, raises: bool = True) -> Report: ...
    def check_loss(
        part: object,
        *,
        classes: int = 4,
        output: object = None,
        largest: float | None = None,
        raises: bool = True,
    ) -> Report: ...
    def check_metric(part: object, *, classes: int = 10, targets: int = 2, raises: bool = True) -> Report: ...
    def check_observer(part: object, *, raises: bool = True) -> Report: ...
    def check_optimizer(part: object, *, parabola: object = None, rosenbrock: object = None, raises: bool = True) -> Report: ...
    def conformance(part: object, **options: Any) -> type[unittest.TestCase]: ...
    def swap(kind: str, name: str, instead: T, *, threads: bool = False) -> Swap[T]: ...

class text:
    def describe_unknown(what: str, name: str, choices: Iterable[str]) -> str: ...
    def escape(text: str) -> str: ...
    def format_column(name: str, metrics: Iterable[Any]) -> str: ...
    def format_count(count: int, one: str, many: str = '') -> str: ...
    def format_duration(seconds: float) -> str: ...
    def format_error(error: BaseException) -> str: ...
    def format_metric(value: float) -> str: ...
    def format_size(size: int) -> str: ...
    def format_table(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]: ...
    def list_some(items: Iterable[str], most: int) -> str: ...
    def measure_width(text: str) -> int: ...
    def printable(text: str, longest: int, keep: str = '') -> str: ...
    def quote(text: str, form: Callable[[str], str] = ...) -> str: ...
    def quote_argument(text: str, *, windows: bool = False) -> str: ...
    def to_csv(rows: Iterable[Sequence[Any]]) -> str: ...
    def write_csv(file: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ',') -> None: ...

def to_executor(given: Any) -> Executor: ...

def to_numpy(array: Any) -> Array: ...

def train(
    network: LayeredNetwork,
    data: Dataset,
    *,
    gradient: object = 'backpropagation',
    optimizer: object = None,
    batch_size: int = 100,
    iterations: int | None = None,
    sampling: Sampling = 'replacement',
    seed: int = 0,
    blas_threads: int = 1,
    callbacks: Sequence[object] = (),
    metrics: Sequence[object] = (),
    observer: Observer | None = None,
    progress: bool | Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
) -> Run: ...

def train_grid(
    experiment: Mapping[str, Any] | str | PathLike[str],
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | None = None,
    rope: float | None = None,
    out: str | PathLike[str] | None = None,
    workers: int | None = None,
    executor: Executor | Any | None = None,
    progress: bool | ProgressObserver | None = None,
    accept: bool = False,
) -> Iterator[GridRuns]: ...

class hooks:
    def epoch_ended(self, run: ObservedRun) -> None: ...
    def register_activations(register: Register[Activation]) -> None: ...
    def register_callbacks(register: Register[Callback]) -> None: ...
    def register_data_sources(register: Register[DataSource]) -> None: ...
    def register_gradients(register: Register[GradientEstimator]) -> None: ...
    def register_layers(register: Register[Layer]) -> None: ...
    def register_losses(register: Register[Loss]) -> None: ...
    def register_metrics(register: Register[Metric]) -> None: ...
    def register_optimizers(register: Register[Optimizer]) -> None: ...
    def run_ended(self, run: ObservedRun) -> None: ...
    def run_started(self, run: ObservedRun) -> None: ...

class parts:
    class activations:
        def elu(self, alpha: float = 1.0): ...
        def gelu(self, approximate: bool = False): ...
        def identity(self): ...
        def leaky_relu(self, slope: float = 0.01): ...
        def relu(self): ...
        def sigmoid(self): ...
        def softmax(self): ...
        def softplus(self): ...
        def step(self): ...
        def swish(self, beta: float = 1.0): ...
        def tanh(self): ...
    class callbacks:
        def best_checkpoint(self, monitor: str = 'validation_loss', min_delta: float = 0.0): ...
        def early_stopping(
            self,
            monitor: str = 'validation_loss',
            min_delta: float = 0.0,
            patience: int = 5,
            restore_best: bool = True,
        ): ...
        def gradient_quality(self, rows: int = 100, repeats: int = 5, every: int = 1, per_array: bool = False): ...
        def gradient_report(self, threshold: float | None = None): ...
        def json_log(self, path: str | None = None, iterations: bool = False): ...
        def loss_report(self, rows: int | None = None, weight_decay: float = 0.0): ...
        def reduce_on_plateau(
            self,
            monitor: str = 'validation_loss',
            min_delta: float = 0.0,
            factor: float = 0.1,
            patience: int = 3,
            cooldown: int = 0,
            minimum: float = 1e-08,
        ): ...
        def stop_on_plateau(self, tol: float = 0.0001, patience: int = 10): ...
        def tensorboard(self, path: str | None = None): ...
        def time_limit(self, seconds=600.0): ...
    class data_sources:
        def circles(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
            samples: int = 1000,
            noise: float = 0.1,
            seed: int = 0,
        ): ...
        def csv(
            self,
            label: Column | tuple[Column, ...] | None = None,
            features: tuple[Column, ...] | None = None,
            leave_out: tuple[Column, ...] = (),
            missing: float | Literal['refuse', 'drop'] = 'refuse',
            missing_values: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None,
            text_labels: bool | None = None,
            classes: tuple[str | int, ...] | None = None,
            dtype: Literal['uint8', 'float32', 'float64'] | None = None,
            test: str | None = None,
            validation: str | None = None,
            weights: Column | None = None,
            delimiter: str | None = None,
            decimal: Literal['.', ','] | None = None,
            thousands: Literal[',', '.', ' ', "'"] | None = None,
            comment: str | None = None,
            encoding: str = 'utf-8',
            header: bool | None = None,
            skip_rows: int = 0,
            footer: int = 0,
            quotechar: Literal['"', "'", '`'] = '"',
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def frame(
            self,
            label: Column | tuple[Column, ...] | None = None,
            features: tuple[Column, ...] | None = None,
            leave_out: tuple[Column, ...] = (),
            missing: float | Literal['refuse', 'drop'] = 'refuse',
            missing_values: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None,
            text_labels: bool | None = None,
            classes: tuple[str | int, ...] | None = None,
            dtype: Literal['uint8', 'float32', 'float64'] | None = None,
            weights: Column | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def idx(
            self,
            classes: tuple[str | int, ...] | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def iris(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def mnist(self, scale: float | Literal['auto'] = 'auto', url: str | None = None): ...
        def mnist_small(self): ...
        def moons(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
            samples: int = 1000,
            seed: int = 0,
            noise: float = 0.2,
        ): ...
        def npy(
            self,
            classes: tuple[str | int, ...] | None = None,
            labels: str | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def npz(
            self,
            classes: tuple[str | int, ...] | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def parquet(
            self,
            label: Column | tuple[Column, ...] | None = None,
            features: tuple[Column, ...] | None = None,
            leave_out: tuple[Column, ...] = (),
            missing: float | Literal['refuse', 'drop'] = 'refuse',
            missing_values: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None,
            text_labels: bool | None = None,
            classes: tuple[str | int, ...] | None = None,
            dtype: Literal['uint8', 'float32', 'float64'] | None = None,
            test: str | None = None,
            validation: str | None = None,
            weights: Column | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def pickle(
            self,
            classes: tuple[str | int, ...] | None = None,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def spiral(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
            samples: int = 1000,
            seed: int = 0,
            noise: float = 0.05,
        ): ...
        def wine(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
        ): ...
        def xor(
            self,
            *,
            standardize: Literal['auto'] | bool | tuple[Key, ...] = 'auto',
            scale: float | Literal['auto'] = 'auto',
            encode: Literal['auto', 'one-hot'] | dict[str, Literal['one-hot'] | tuple[str, ...]] = 'auto',
            impute: Literal['mean', 'median', 'most-frequent'] | float | dict[str, float | str] | None = None,
            missing_indicator: bool = False,
            unseen: Literal['zeros', 'refuse'] = 'zeros',
            test_fraction: float = 0.2,
            task: Task | None = None,
            class_weight: Literal['balanced'] | dict[str, float] | None = None,
            stratified: bool = False,
            split_seed: int = 0,
            shape: tuple[int, ...] | None = None,
            samples: int = 1000,
            seed: int = 0,
            noise: float = 0.15,
        ): ...
    class gradient_estimators:
        def activity_perturbation(self, directions: int = 10): ...
        def backpropagation(self): ...
        def central_difference(
            self,
            h: float | Literal['measured'] | None = None,
            threads: int | None = None,
            evaluate: Evaluate | None = None,
        ): ...
        def complex_step(self, h: float = 1e-20, threads: int | None = None): ...
        def direct_feedback_alignment(self, std: float | None = None): ...
        def evolution_strategies(self, sigma: float = 0.01, directions: int = 10): ...
        def feedback_alignment(self, std: float | None = None): ...
        def forward_difference(
            self,
            h: float | None = None,
            threads: int | None = None,
            evaluate: Evaluate | None = None,
        ): ...
        def forward_gradient(self, directions: int = 10): ...
        def node_perturbation(self, h: float | None = None, directions: int = 10): ...
        def random_coordinates(self, coordinates: int = 100, h: float | None = None, rescale: bool = True): ...
        def richardson(
            self,
            h: float | None = None,
            threads: int | None = None,
            evaluate: Evaluate | None = None,
        ): ...
        def spsa(self, h: float | None = None, directions: int = 10): ...
        def torch_autograd(self): ...
    class layers:
        def activation(self, activation: Activation): ...
        def batch_norm(self, momentum: float = 0.9, eps: float = 1e-06): ...
        def convolution(self, filters: int, size: Any, stride: Any = 1, padding: Any = 0, bias: bool = True): ...
        def dense(self, units: int): ...
        def dropout(self, rate: float = 0.5): ...
        def flatten(self): ...
        def max_pool(self, size: Any = 2, stride: Any = None): ...
        def maxout(self, units: int, pieces: int = 2): ...
        def prelu(self, slope: float = 0.25): ...
    class losses:
        def binary_cross_entropy(self): ...
        def cross_entropy(self, eps: float = 1e-07): ...
        def huber(self, delta: float = 1.0): ...
        def mean_squared_error(self): ...
    class metrics:
        def accuracy(self): ...
        def balanced_accuracy(self): ...
        def log_loss(self): ...
        def macro_f1(self): ...
        def mae(self): ...
        def r2(self): ...
        def rmse(self): ...
        def top_k(self, k: int = 5): ...
    class optimizers:
        def adagrad(self, lr: LearningRate = 0.01, eps: float = 1e-07, *, weight_decay: float = 0.0): ...
        def adam(
            self,
            lr: LearningRate = 0.001,
            beta1: float = 0.9,
            beta2: float = 0.999,
            eps: float = 1e-08,
            *,
            weight_decay: float = 0.0,
        ): ...
        def adamw(
            self,
            lr: LearningRate = 0.001,
            beta1: float = 0.9,
            beta2: float = 0.999,
            eps: float = 1e-08,
            *,
            weight_decay: float = 0.01,
        ): ...
        def lion(
            self,
            lr: LearningRate = 0.0001,
            beta1: float = 0.9,
            beta2: float = 0.99,
            *,
            weight_decay: float = 0.0,
        ): ...
        def momentum(self, lr: LearningRate = 0.01, momentum: float = 0.9, *, weight_decay: float = 0.0): ...
        def nadam(
            self,
            lr: LearningRate = 0.002,
            beta1: float = 0.9,
            beta2: float = 0.999,
            eps: float = 1e-08,
            momentum_decay: float = 0.004,
            *,
            weight_decay: float = 0.0,
        ): ...
        def nesterov(self, lr: LearningRate = 0.01, momentum: float = 0.9, *, weight_decay: float = 0.0): ...
        def rmsprop(
            self,
            lr: LearningRate = 0.01,
            decay: float = 0.99,
            eps: float = 1e-07,
            *,
            weight_decay: float = 0.0,
        ): ...
        def sgd(self, lr: LearningRate = 0.01, *, weight_decay: float = 0.0): ...

class commands:
    def modnet(*, version=...): ...
    def modnet_compare(
        EXPERIMENT,
        *,
        accept=...,
        activation=...,
        array=...,
        batch_size=...,
        callback=...,
        dask=...,
        data=...,
        device=...,
        gradient=...,
        hidden=...,
        iterations=...,
        json=...,
        loss=...,
        lr=...,
        metric=...,
        optimizer=...,
        out=...,
        output=...,
        plugin=...,
        quiet=...,
        rope=...,
        sampling=...,
        seed=...,
        seeds=...,
        set=...,
        source=...,
        validation=...,
        without=...,
        workers=...,
        p=...,
        q=...,
    ): ...
    def modnet_data(): ...
    def modnet_data_cache(*, clear=..., json=...): ...
    def modnet_data_convert(
        SOURCE,
        TARGET,
        *,
        json=...,
        overwrite=...,
        plugin=...,
        set=...,
        source=...,
        to=...,
        without=...,
        p=...,
    ): ...
    def modnet_data_fetch(NAME, *, json=..., plugin=..., set=..., without=..., p=...): ...
    def modnet_data_show(
        WHAT,
        *,
        json=...,
        out=...,
        plugin=...,
        samples=...,
        set=...,
        source=...,
        without=...,
        p=...,
    ): ...
    def modnet_export(RUN, *, out=..., overwrite=..., plugin=..., to=..., without=..., p=...): ...
    def modnet_gradient_check(
        EXPERIMENT,
        *,
        activation=...,
        array=...,
        batch_size=...,
        callback=...,
        data=...,
        device=...,
        estimator=...,
        gradient=...,
        hidden=...,
        iterations=...,
        json=...,
        loss=...,
        lr=...,
        metric=...,
        optimizer=...,
        out=...,
        output=...,
        plugin=...,
        repeats=...,
        sampling=...,
        seed=...,
        set=...,
        source=...,
        validation=...,
        without=...,
        p=...,
    ): ...
    def modnet_judge(
        TABLE,
        *,
        dataset=...,
        diverged=...,
        higher_is_better=...,
        json=...,
        lower_is_better=...,
        markdown=...,
        plot=...,
        rope=...,
        sample=...,
        score=...,
        seed=...,
        setting=...,
    ): ...
    def modnet_plot(RUNS, *, out=..., plugin=..., without=..., p=...): ...
    def modnet_plugins(*, json=..., plugin=..., without=..., p=...): ...
    def modnet_plugins_check(NAME, *, file=..., json=..., option=..., plugin=..., set=..., without=..., p=...): ...
    def modnet_plugins_doctor(*, json=..., timeout=..., without=...): ...
    def modnet_plugins_forget(MODULE): ...
    def modnet_plugins_new(NAME, *, kind=..., out=...): ...
    def modnet_predict(
        RUN,
        FILE,
        *,
        json=...,
        plugin=...,
        probabilities=...,
        set=...,
        source=...,
        without=...,
        p=...,
    ): ...
    def modnet_reproduce(
        NAMES,
        *,
        accept=...,
        data=...,
        json=...,
        list=...,
        out=...,
        plugin=...,
        quiet=...,
        seeds=...,
        without=...,
        workers=...,
        p=...,
        q=...,
    ): ...
    def modnet_resume(
        RUN,
        *,
        accept=...,
        every=...,
        iterations=...,
        plugin=...,
        quiet=...,
        without=...,
        p=...,
        q=...,
    ): ...
    def modnet_show(RUNS, *, language=..., open=..., out=..., plugin=..., without=..., p=...): ...
    def modnet_trace(
        WHAT,
        *,
        activation=...,
        against=...,
        array=...,
        batch_size=...,
        callback=...,
        data=...,
        device=...,
        gradient=...,
        hidden=...,
        iterations=...,
        json=...,
        loss=...,
        lr=...,
        metric=...,
        optimizer=...,
        out=...,
        output=...,
        plugin=...,
        rows=...,
        sampling=...,
        seed=...,
        set=...,
        source=...,
        t=...,
        validation=...,
        without=...,
        x=...,
        p=...,
    ): ...
    def modnet_train(
        EXPERIMENT,
        *,
        activation=...,
        array=...,
        batch_size=...,
        callback=...,
        data=...,
        device=...,
        dry_run=...,
        every=...,
        gradient=...,
        hidden=...,
        iterations=...,
        loss=...,
        lr=...,
        metric=...,
        optimizer=...,
        out=...,
        output=...,
        overwrite=...,
        plugin=...,
        quiet=...,
        sampling=...,
        seed=...,
        set=...,
        source=...,
        validation=...,
        without=...,
        p=...,
        q=...,
    ): ...
    def modnet_verify(
        RUN,
        *,
        accept=...,
        data=...,
        dry_run=...,
        json=...,
        plugin=...,
        quiet=...,
        without=...,
        p=...,
        q=...,
    ): ...

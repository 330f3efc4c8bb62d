"""The configuration as typed objects, checked once before anything runs.

Every model forbids unknown keys. Defaults stand here and nowhere else: the JSON schema in
``workflow/schemas/config.schema.json`` is generated from these classes (``actsearch schema``),
and a test holds the two together. This module imports neither torch nor numpy, so that the
Snakefile can use it at no cost.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

STRATEGIES = (
    "random",
    "union-knr",
    "union-rf",
    "union-svr",
    "outputs-knr",
    "fisher-knr",
)
BUILT_IN_MODELS = {
    "digits-cnn": "actsearch.tasks.models.digits_cnn:DigitsCNN",
    "digits-resnet": "actsearch.tasks.models.digits_resnet:DigitsResNet",
    "digits-vit": "actsearch.tasks.models.digits_vit:DigitsViT",
    "all-cnn-c": "actsearch.tasks.models.all_cnn_c:AllCNNC",
    "resnet-56": "actsearch.tasks.models.cifar_resnet:CifarResNet",
}
"""Networks by name, as ``package.module:function``."""
N_BASELINES = 8


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the value and what is allowed."""


class Model(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


BUILT_IN_DATA = ("digits",)


def _model(name: str) -> str:
    return _named(name, BUILT_IN_MODELS, "torchvision:NAME, timm:NAME, package.module:function")


def _source(name: str) -> str:
    return _named(name, BUILT_IN_DATA, "npz:PATH, package.module:function")


def _named(name: str, built_in: Iterable[str], forms: str) -> str:
    """``name`` if it is built in or has one of the ``prefix:rest`` forms."""
    prefix, _, rest = name.partition(":")
    if name not in built_in and not (prefix and rest):
        raise ValueError(f"unknown {name!r}; allowed: {', '.join(built_in)}, {forms}")
    return name


def _unique_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"a seed appears twice in {list(seeds)}")
    return seeds


Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_unique_seeds)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class Split(Model):
    """How many examples go where. Stratified by class, drawn by ``seed``."""

    train: PositiveInt
    """Examples the weights are fitted on."""
    validation: PositiveInt
    """Examples that benchmark tables, surrogates and searches see."""
    test: PositiveInt
    """Examples that only the final comparison reads, once."""
    seed: NonNegativeInt = 0
    """Seed of the draw."""


class Data(Model):
    """One data set and its split."""

    source: Annotated[str, AfterValidator(_source)]
    """``digits``, ``npz:PATH`` (arrays ``x`` and ``y``) or ``package.module:function``."""
    split: Split
    """Sizes of the three parts."""


class Space(Model):
    """A set of activation functions: schemas over operators, whole or as a seeded sample."""

    schemas: tuple[str, ...] = ()
    """Shapes such as ``binary(unary(x),unary(x))``, or the name of a built-in space."""
    include: tuple[str, ...] = ()
    """Further functions by name; ``baselines`` stands for the eight standard ones."""
    unary: tuple[str, ...] | None = None
    """Unary operators that fill the schemas; the 27 of Act-Bench when left out."""
    binary: tuple[str, ...] | None = None
    """Binary operators that fill the schemas; the 7 of Act-Bench when left out."""
    nary: tuple[str, ...] | None = None
    """N-ary operators that fill the schemas; the 4 of Act-Bench when left out."""
    sample: PositiveInt | None = None
    """Number of distinct functions to draw; all of them when left out. ``include`` is always in."""
    seed: NonNegativeInt = 0
    """Seed of the draw."""
    finite_only: bool = False
    """Leave out functions that are not finite on every normal sample."""

    @model_validator(mode="after")
    def _not_empty(self) -> Space:
        if not self.schemas and not self.include:
            raise ValueError("the space is empty: give schemas, include, or both")
        return self


class Recipe(Model):
    """How a network is trained."""

    optimizer: Literal["sgd", "adamw"]
    """SGD with Nesterov momentum, or AdamW."""
    learning_rate: PositiveFloat
    """Peak learning rate."""
    epochs: PositiveInt
    """Passes over the training examples."""
    batch_size: PositiveInt
    """Examples a step, over all processes. A last incomplete batch is used too, unless it holds
    fewer examples than there are processes."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of SGD; AdamW uses betas (0.9, 0.999)."""
    weight_decay: NonNegativeFloat = 0.0
    """Decay of weight matrices and kernels; biases and norms are never decayed."""
    schedule: Literal["constant", "cosine", "one-cycle"] = "one-cycle"
    """Learning rate over the steps; one-cycle rises linearly for 30% and falls as a cosine."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Label smoothing of the training loss; reported losses are without it."""
    gradient_clip: PositiveFloat | None = None
    """Largest gradient norm, or none."""


class Replace(Model):
    """Which activations of a built network are replaced."""

    types: tuple[str, ...] = ()
    """Class names such as ``ReLU``; the ordinary activations when both are empty."""
    names: tuple[str, ...] = ()
    """Patterns of module names, as for a shell: ``blocks.*.mlp.act``."""


class Fisher(Model):
    """The spectrum of the Fisher information at initialisation, by K-FAC."""

    kind: Literal["true", "sampled", "empirical"] = "true"
    """Labels: exact expectation over the model's classes, one sample of it, or the data's own."""
    examples: PositiveInt = 128
    """Training examples the factors are averaged over."""
    seed: NonNegativeInt = 0
    """Seed of the initial weights, the choice of examples and, if sampled, the labels."""
    log_range: tuple[float, float] = (-100.0, 100.0)
    """First and last edge of the bins, in natural log."""
    weights_per_bin: PositiveInt = 100
    """A layer with w weights has floor(w / weights_per_bin) - 1 bins."""
    minimum_bins: PositiveInt = 1
    """Bins of a layer that would have fewer."""
    functions_per_job: PositiveInt = 250
    """Functions in one part file."""

    @model_validator(mode="after")
    def _ordered(self) -> Fisher:
        if not self.log_range[0] < self.log_range[1]:
            raise ValueError(f"log_range must rise, got {list(self.log_range)}")
        return self


class Map(Model):
    """The two-dimensional embedding of both features."""

    outputs_transform: Literal["identity", "arcsinh"] = "arcsinh"
    """Applied to outputs before the distance; arcsinh keeps a few huge functions from ruling it."""
    outputs_neighbors: Annotated[int, Field(ge=2)] = 15
    """UMAP neighbours for outputs (Euclidean)."""
    fisher_neighbors: Annotated[int, Field(ge=2)] = 3
    """UMAP neighbours for FIM features (Manhattan)."""
    seed: NonNegativeInt = 0
    """Seed of the layouts."""


class Benchmark(Model):
    """A table of every function of a space, trained on the task."""

    space: Name
    """Name of an entry of ``spaces``."""


class Search(Model):
    """A live search: the baselines as round 0, then rounds with fixed slots."""

    space: Name
    """Name of an entry of ``spaces``."""
    strategies: Annotated[tuple[str, ...], Field(min_length=1)] = ("union-knr",)
    """Who proposes; one independent search each."""
    rounds: PositiveInt = 4
    """Rounds after the baselines."""
    slots: Annotated[int, Field(ge=1, le=99)] = 8
    """Functions trained a round."""
    functions_per_job: PositiveInt = 4
    """Slots that share a job."""
    seed: NonNegativeInt = 0
    """Seed of random draws and of ties."""


class Final(Model):
    """The last comparison: new seeds, train + validation, test read once."""

    functions: PositiveInt = 5
    """Best functions by validation accuracy that meet the baselines."""
    seeds: Seeds = (100, 101, 102, 103, 104, 105, 106, 107, 108, 109)
    """Seeds that no earlier step used; with fewer than nine, few differences can be significant."""
    functions_per_job: PositiveInt = 4
    """Functions that share a job."""
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Corrected p-value under which a difference is called one."""

    @model_validator(mode="after")
    def _enough(self) -> Final:
        if len(self.seeds) < 2:
            raise ValueError(f"final needs at least two seeds, got {list(self.seeds)}")
        return self


class Resources(Model):
    """What one training job of the task asks for."""

    processes: PositiveInt = 1
    """Training processes, which share every batch; more than one are started through torchrun."""
    nodes: PositiveInt = 1
    """Nodes that the processes are spread over evenly; more than one need a SLURM job."""
    gpu: NonNegativeInt = 0
    """GPUs of the whole job: one for each process, or 0 to train on the CPU."""
    threads: PositiveInt = 1
    """CPU cores of each process, and the threads torch may use in it."""
    mem_mb: PositiveInt = 2000
    """Memory in MB on each node."""
    runtime: PositiveInt = 30
    """Wall-clock limit in minutes."""

    @model_validator(mode="after")
    def _spread(self) -> Resources:
        if self.gpu not in (0, self.processes):
            raise ValueError(
                f"gpu is {self.gpu} with processes {self.processes}; allowed: 0, or one for each "
                f"process (gpu: {self.processes}, or processes: {self.gpu})"
            )
        if self.processes % self.nodes:
            raise ValueError(
                f"{self.processes} processes cannot be spread evenly over {self.nodes} nodes"
            )
        return self


class Task(Model):
    """A network trained on data by a recipe: what activation functions are compared on."""

    data: Name
    """Name of an entry of ``data``."""
    model: Annotated[str, AfterValidator(_model)]
    """Built-in name, ``torchvision:NAME``, ``timm:NAME`` or ``package.module:function``."""
    recipe: Recipe
    """How it is trained."""
    seeds: Seeds = (0,)
    """One training each; a function's accuracy is the median."""
    replace: Replace = Replace()
    """Which activations give way."""
    deterministic: bool = True
    """Deterministic kernels on a GPU; a CPU is always deterministic."""
    functions_per_job: PositiveInt = 32
    """Functions that share a training job; changing it rebuilds nothing."""
    checkpoint_minutes: NonNegativeFloat = 10
    """Minutes of training between checkpoints, which a job that was stopped goes on from; 0 writes
    one after every epoch."""
    resources: Resources = Resources()
    """What a job asks for."""
    fisher: Fisher = Fisher()
    """FIM features."""
    map: Map = Map()
    """Embedding of the features."""
    benchmark: Benchmark | None = None
    """Table to build, if any."""
    search: Search | None = None
    """Live search to run, if any."""
    final: Final | None = None
    """Last comparison, if any; needs a benchmark or a search."""

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if self.recipe.batch_size < self.resources.processes:
            raise ValueError(
                f"recipe.batch_size is {self.recipe.batch_size}, but resources.processes is "
                f"{self.resources.processes}: each process needs an example of every batch"
            )
        if self.final and not (self.benchmark or self.search):
            raise ValueError("final needs a benchmark or a search to choose from")
        if self.final:
            used = {*self.seeds, self.fisher.seed} & set(self.final.seeds)
            if used:
                raise ValueError(
                    f"final.seeds must be new: {sorted(used)} stand in seeds or fisher.seed"
                )
        return self


class Surrogate(Model):
    """Cross-validation of the predictors."""

    folds: Annotated[int, Field(ge=2)] = 5
    """Folds."""
    repeats: PositiveInt = 4
    """Shuffled repetitions."""
    seed: NonNegativeInt = 0
    """Seed of the folds and of the random forest."""


class Simulation(Model):
    """Searches replayed on a benchmark table."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)] = ("random", "union-knr")
    """Strategies to compare."""
    runs: PositiveInt = 100
    """Independent runs a strategy."""
    evaluations: Annotated[int, Field(ge=N_BASELINES)] = 100
    """Functions evaluated a run, the baselines included."""
    seed: NonNegativeInt = 0
    """Seed of the first run; run k uses seed + k."""


class Config(Model):
    """The whole experiment."""

    data: dict[Name, Data]
    """Data sets by name."""
    spaces: dict[Name, Space]
    """Search spaces by name."""
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]
    """Tasks by name."""
    surrogate: Surrogate = Surrogate()
    """Cross-validation."""
    simulation: Simulation = Simulation()
    """Simulated searches."""
    operators: tuple[str, ...] = ()
    """Modules that register further operators when imported."""

    @model_validator(mode="after")
    def _references(self) -> Config:
        self._task_names()
        for name, task in self.tasks.items():
            _known(task.data, self.data, f"tasks.{name}.data")
            train = self.data[task.data].split.train
            if task.fisher.examples > train:
                raise ValueError(
                    f"tasks.{name}.fisher.examples is {task.fisher.examples}, "
                    f"but data {task.data!r} has {train} training examples"
                )
            if task.resources.processes > train:
                raise ValueError(
                    f"tasks.{name}.resources.processes is {task.resources.processes}, "
                    f"but data {task.data!r} has {train} training examples"
                )
            if task.benchmark:
                _known(task.benchmark.space, self.spaces, f"tasks.{name}.benchmark.space")
            if task.search:
                _known(task.search.space, self.spaces, f"tasks.{name}.search.space")
                for strategy in task.search.strategies:
                    _known(strategy, STRATEGIES, f"tasks.{name}.search.strategies")
        for strategy in self.simulation.strategies:
            _known(strategy, STRATEGIES, "simulation.strategies")
        return self

    def _task_names(self) -> None:
        """Names become folders beside ``spaces`` and, dashes made underscores, names of rules."""
        rules: dict[str, str] = {}
        for name in self.tasks:
            other = rules.setdefault(name.replace("-", "_"), name)
            if name == "spaces" or other != name:
                clash = "the folder of spaces" if name == "spaces" else f"task {other!r}"
                raise ValueError(f"tasks: the name {name!r} clashes with {clash}")

    def task(self, name: str) -> Task:
        """The task called ``name``; raises ConfigError listing the known ones."""
        try:
            _known(name, self.tasks, "task")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return self.tasks[name]

    def space(self, name: str) -> Space:
        """The space called ``name``; raises ConfigError listing the known ones."""
        try:
            _known(name, self.spaces, "space")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return self.spaces[name]


def _known(value: str, allowed: Iterable[str], where: str) -> None:
    names = sorted(allowed)
    if value not in names:
        close = difflib.get_close_matches(value, names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(f"{where}: unknown {value!r}{hint}; allowed: {', '.join(names)}")


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(_allowed_keys(problem["loc"][:-1]))
            message = f"unknown key; allowed: {allowed}"
        elif problem["type"] not in ("value_error", "missing"):
            message = f"{message}, got {problem['input']!r}"
        lines.append(f"{where}: {message}" if where else message)
    return "\n".join(lines)


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at ``location``, found by walking the models' annotations."""
    schema = Config.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        # A key is one the section names, or one of a mapping's own.
        named: dict[str, Any] = node.get("properties", {})
        free: dict[str, Any] = node.get("patternProperties", {})
        node = named[str(part)] if part in named else next(iter(free.values()), {})
        node = next((option for option in node.get("anyOf", []) if "$ref" in option), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return sorted(node.get("properties", {}))


def parse_config(values: Any, origin: str = "configuration") -> Config:
    """Check ``values`` (nested plain data) and return them typed.

    Raises:
        ConfigError: naming every offending value and what is allowed.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{origin}: expected a mapping, got {type(values).__name__}")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{origin}:\n{_explain(error)}") from None


def load_config(path: str | Path = "config.yaml") -> Config:
    """Read and check a YAML file.

    Raises:
        ConfigError: when the file is missing, is not YAML, or breaks the schema.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    return parse_config(values, origin=str(path))

"""Sections: tasks, and what is made for each."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, model_validator

from actsearch.config.base import (
    MOST,
    ClassNames,
    ConfigError,
    Model,
    Name,
    Path,
    Patterns,
    PositiveInt,
    Seed,
    Seeds,
    Strategies,
    named_source,
    unique,
)
from actsearch.config.plain import require_plain
from actsearch.config.recipes import Recipe, Resources
from actsearch.config.scores import SCORES
from actsearch.config.screen import Screen
from actsearch.config.stages import Stage, changed_recipe, check_stage_seeds, check_stage_sizes
from actsearch.config.strategies import DEFAULT_STRATEGY

BUILT_IN_MODELS = {
    "digits-cnn": "actsearch.networks.models.digits_cnn:DigitsCNN",
    "digits-resnet": "actsearch.networks.models.digits_resnet:DigitsResNet",
    "digits-vit": "actsearch.networks.models.digits_vit:DigitsViT",
    "all-cnn-c": "actsearch.networks.models.all_cnn_c:AllCNNC",
    "resnet-56": "actsearch.networks.models.cifar_resnet:CifarResNet",
    "mlp": "actsearch.networks.models.mlp:MLP",
    "conv1d": "actsearch.networks.models.conv1d:Conv1d",
    "transformer": "actsearch.networks.models.transformer:Transformer",
}
"""Networks by name, as ``package.module:function``."""
ACT_BENCH_TABLES = ("cnn", "resnet", "vit")
"""Public Act-Bench tables, by name."""
ACT_BENCH_SCORE = SCORES["accuracy"]
"""What tables in that format hold."""


def _model(name: str) -> str:
    forms = "torchvision:NAME, timm:NAME, package.module:function"
    kinds = {"torchvision": _of_library, "timm": _of_library, "folder": _none, "npz": _none}
    return named_source(name, BUILT_IN_MODELS, forms, kinds)


def _of_library(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", name) is not None


def _none(_: str) -> bool:
    """A kind of data, not of networks."""
    return False


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    require_plain(options)
    return options


class Replace(Model):
    """Which activations of a built network are replaced."""

    types: ClassNames = ()
    """Class names such as ``ReLU``, which means calls of ``relu`` too; the ordinary ones when both
    are empty."""
    names: Patterns = ()
    """Patterns of names, as for a shell: ``blocks.*.mlp.act``, ``blocks.*.relu()``."""


class Fisher(Model):
    """The spectrum of the Fisher information at initialisation, by K-FAC."""

    kind: Literal["true", "sampled", "empirical"] = "true"
    """Targets: exact expectation over what the model predicts, one sample of it, or the data's."""
    examples: PositiveInt = 128
    """Training examples over which the factors are averaged."""
    examples_at_once: PositiveInt = 128
    """Examples per pass: fewer need less memory, and change results by rounding alone."""
    seed: Seed = 0
    """Seed of the initial weights, the choice of examples and, if sampled, the labels."""
    log_range: tuple[float, float] = (-100.0, 100.0)
    """First and last edge of the bins, in natural log."""
    weights_per_bin: PositiveInt = 100
    """Decides the bins per layer: a layer with w weights has floor(w / weights_per_bin) - 1."""
    minimum_bins: PositiveInt = 1
    """Fewest bins of a layer."""
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
    """Applied to outputs before distances are computed; with arcsinh, a few functions with huge
    values do not decide them alone."""
    outputs_neighbors: Annotated[int, Field(ge=2, le=MOST)] = 15
    """UMAP neighbours for outputs (Euclidean)."""
    fisher_neighbors: Annotated[int, Field(ge=2, le=MOST)] = 3
    """UMAP neighbours for FIM features (Manhattan)."""
    seed: Seed = 0
    """Seed of the layouts."""


class Benchmark(Model):
    """A table of every function of a space, trained on the task or imported."""

    space: Name
    """Name of an entry of ``spaces``."""
    act_bench: Path | None = None
    """Import the table instead of training: ``cnn``, ``resnet`` or ``vit`` of the public Act-Bench,
    or the path of a file in that format."""
    published_features: bool = False
    """Take the FIM features of the imported file in place of computing them."""

    @model_validator(mode="after")
    def _imported(self) -> Benchmark:
        if self.published_features and self.act_bench is None:
            raise ValueError("published_features are those of an imported table: give act_bench")
        return self


class Search(Model):
    """A live search: the baselines as round 0, then rounds with fixed slots."""

    space: Name
    """Name of an entry of ``spaces``."""
    strategies: Strategies = (DEFAULT_STRATEGY,)
    """Strategies that propose functions; each has a search of its own."""
    rounds: Annotated[int, Field(ge=1, le=9999)] = 4
    """Rounds after the baselines."""
    slots: Annotated[int, Field(ge=1, le=99)] = 8
    """Functions trained per round."""
    functions_per_job: PositiveInt = 4
    """Slots that one job trains."""
    seed: Seed = 0
    """Seed of random draws and of ties."""
    screen: Screen | None = None
    """Screen the whole of ``space``, which then has no ``sample``; needs a benchmark."""


VALIDATION_IS_OPEN = (
    "the data give a validation part by itself, perhaps of another distribution than training: say "
    "fit_on: train, or fit_on: train-and-validation"
)
"""What is said of a last comparison that leaves it open."""


class Final(Model):
    """The last comparison: new seeds, test read once."""

    functions: PositiveInt = 5
    """Number of functions, the best by validation score, that are compared with the baselines: per
    task that they are taken from, or with ``stages`` in total."""
    candidates_from: tuple[Name, ...] = ()
    """Tasks whose best functions are compared here; this task's own when left out."""
    seeds: Seeds = (100, 101, 102, 103, 104, 105, 106, 107, 108, 109)
    """Seeds that no earlier step used; with fewer than nine, few differences can be significant."""
    fit_on: Literal["train", "train-and-validation"] | None = None
    """Parts that functions are fitted on: ``train-and-validation`` gives the network all there is;
    ``train`` is for validation examples of another distribution, or many more. Required where the
    data have a validation part of their own; elsewhere ``train-and-validation`` when left out.
    Functions of other tasks are always fitted on train alone: validation chooses among them."""
    functions_per_job: PositiveInt = 4
    """Functions that one job trains."""
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """A difference is called significant if its corrected p-value is below this."""
    stages: tuple[Stage, ...] = ()
    """Trainings before it that choose which functions and baselines are compared; without them, the
    scores of the table and of searches choose."""
    baselines: PositiveInt | None = None
    """Number of baselines in the comparison, the best of the last stage; all when left out."""

    compiled_costs: bool | None = None
    """Whether the time of compiled functions is measured though the recipe does not compile, which
    takes seconds per function; where it compiles, it always is."""

    @property
    def leaves_validation_open(self) -> bool:
        """Whether it is not said what becomes of a validation part that data give by itself."""
        return self.fit_on is None and not self.candidates_from

    @property
    def fitted_on(self) -> tuple[Literal["train", "validation"], ...]:
        """Parts that functions are fitted on, together."""
        alone = self.fit_on == "train" or self.candidates_from
        return ("train",) if alone else ("train", "validation")

    @model_validator(mode="after")
    def _enough(self) -> Final:
        if len(self.seeds) < 2:
            raise ValueError(f"final needs at least two seeds, got {list(self.seeds)}")
        if len(set(self.candidates_from)) != len(self.candidates_from):
            raise ValueError(f"a task appears twice in {list(self.candidates_from)}")
        if self.candidates_from and self.fit_on == "train-and-validation":
            raise ValueError(
                "fit_on is 'train-and-validation', but validation chooses among functions of other "
                "tasks; allowed with candidates_from: train"
            )
        check_stage_sizes(self.stages, self.functions, self.baselines)
        return self


class Task(Model):
    """A network trained on data by a recipe: what activation functions are compared on."""

    data: Name
    """Name of an entry of ``data``."""
    model: Annotated[str, AfterValidator(_model)]
    """Built-in name, ``torchvision:NAME``, ``timm:NAME`` or ``package.module:function``."""
    model_options: Annotated[dict[str, Any], AfterValidator(_plain)] = Field(default_factory=dict)
    """Further keyword arguments for the function that builds the network, such as
    ``{patch_size: 4}``: values that JSON can hold."""
    recipe: Recipe
    """How it is trained."""
    seeds: Seeds = (0,)
    """One training per seed; a function's score is the median over them."""
    replace: Replace = Replace()
    """Which activations of the network are replaced."""
    deterministic: bool = True
    """Deterministic kernels on a GPU, instead of the fastest; a CPU is always deterministic."""
    functions_per_job: PositiveInt = 32
    """Functions that one job trains; changing it makes nothing again."""
    checkpoint_minutes: NonNegativeFloat = 10
    """Minutes of training between checkpoints, from which a stopped job continues; 0 writes one
    after every epoch."""
    resources: Resources = Resources()
    """What a training job asks for."""
    fisher: Fisher = Fisher()
    """How the Fisher features are computed."""
    map: Map = Map()
    """Embedding of the features."""
    benchmark: Benchmark | None = None
    """Table to build, if any."""
    search: Search | None = None
    """Live search to run, if any."""
    prior_from: Annotated[tuple[Name, ...], AfterValidator(unique)] = ()
    """Other tasks whose rankings of functions strategies such as ``transfer`` use."""
    final: Final | None = None
    """Last comparison, if any; needs a benchmark or a search, here or in ``candidates_from``."""

    @property
    def has_trainings(self) -> bool:
        """Whether functions are trained on it, beside those of the last comparison."""
        table = self.benchmark
        return self.search is not None or (table is not None and table.act_bench is None)

    @property
    def has_spectra(self) -> bool:
        """Whether Fisher spectra of its network are computed."""
        table = self.benchmark
        return self.search is not None or (table is not None and not table.published_features)

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if self.recipe.batch_size < self.resources.processes:
            raise ValueError(
                f"recipe.batch_size is {self.recipe.batch_size}, but resources.processes is "
                f"{self.resources.processes}: each process needs an example of every batch"
            )
        if self.search and self.search.screen and not self.benchmark:
            raise ValueError(
                "search.screen predicts from the task's own table, but the task has none: give it "
                "a benchmark"
            )
        if self.final and not (self.benchmark or self.search or self.final.candidates_from):
            raise ValueError(
                "final needs a benchmark or a search to choose from, or candidates_from"
            )
        if self.final:
            used = {*self.seeds, self.fisher.seed} & set(self.final.seeds)
            if used:
                raise ValueError(
                    f"final.seeds must be new: {sorted(used)} are used in seeds or fisher.seed"
                )
            self._stages(self.final)
        return self

    def _stages(self, final: Final) -> None:
        taken = {
            "seeds": self.seeds,
            "fisher.seed": [self.fisher.seed],
            "final.seeds": final.seeds,
        }
        check_stage_seeds(final.stages, self.recipe, taken)
        for number in range(len(final.stages)):
            batch_size = self.in_stage(number).recipe.batch_size
            if batch_size < self.resources.processes:
                raise ValueError(
                    f"final.stages[{number}].recipe.batch_size is {batch_size}, but "
                    f"resources.processes is {self.resources.processes}: each process needs an "
                    "example of every batch"
                )

    def in_stage(self, number: int) -> Task:
        """The task as a stage of its last comparison trains it: with its recipe and seeds.

        Returns:
            A task.

        Raises:
            ConfigError: when there is no such stage.
        """
        stages = self.final.stages if self.final else ()
        if not 0 <= number < len(stages):
            allowed = ", ".join(map(str, range(len(stages)))) or "none"
            raise ConfigError(f"final has no stage {number}; stages: {allowed}")
        stage = stages[number]
        changes = {"recipe": changed_recipe(self.recipe, stage.recipe), "seeds": stage.seeds}
        return self.model_copy(update=changes)

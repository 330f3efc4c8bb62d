"""The configuration as typed objects, checked once before anything runs.

Every model forbids unknown keys. Defaults stand here and nowhere else: the JSON schema in
``workflow/schemas/config.schema.json`` is generated from these classes (``actsearch schema``),
and a test holds the two together. This module imports neither torch nor numpy, so that the
Snakefile can use it at no cost.
"""

from actsearch.config.base import ConfigError as ConfigError
from actsearch.config.base import Model as Model
from actsearch.config.baselines import BASELINE_SETS as BASELINE_SETS
from actsearch.config.baselines import FEWEST_TO_PREDICT as FEWEST_TO_PREDICT
from actsearch.config.data import BUILT_IN_DATA as BUILT_IN_DATA
from actsearch.config.data import TORCHVISION_DATA as TORCHVISION_DATA
from actsearch.config.data import Data as Data
from actsearch.config.data import Split as Split
from actsearch.config.experiment import Config as Config
from actsearch.config.experiment import Simulation as Simulation
from actsearch.config.experiment import Surrogate as Surrogate
from actsearch.config.faults import FAULTS as FAULTS
from actsearch.config.faults import describe_fault as describe_fault
from actsearch.config.faults import pass_on_ctrl_c as pass_on_ctrl_c
from actsearch.config.faults import place_in_code as place_in_code
from actsearch.config.loading import load_config as load_config
from actsearch.config.loading import parse_config as parse_config
from actsearch.config.reading import parse_values as parse_values
from actsearch.config.reading import read_values as read_values
from actsearch.config.reading import write_values as write_values
from actsearch.config.recipes import Augmentation as Augmentation
from actsearch.config.recipes import Recipe as Recipe
from actsearch.config.recipes import Resources as Resources
from actsearch.config.scores import SCORE_OF_TARGETS as SCORE_OF_TARGETS
from actsearch.config.scores import SCORES as SCORES
from actsearch.config.scores import Score as Score
from actsearch.config.scores import one_score as one_score
from actsearch.config.scores import score_called as score_called
from actsearch.config.screen import Screen as Screen
from actsearch.config.spaces import Space as Space
from actsearch.config.stages import Stage as Stage
from actsearch.config.strategies import BLIND_STRATEGIES as BLIND_STRATEGIES
from actsearch.config.strategies import BUILT_IN_STRATEGIES as BUILT_IN_STRATEGIES
from actsearch.config.strategies import DEFAULT_STRATEGY as DEFAULT_STRATEGY
from actsearch.config.strategies import PAPER_STRATEGY as PAPER_STRATEGY
from actsearch.config.strategies import STRATEGIES as STRATEGIES
from actsearch.config.strategies import asks_other_tasks as asks_other_tasks
from actsearch.config.strategies import named_strategy as named_strategy
from actsearch.config.strategies import users_strategy as users_strategy
from actsearch.config.tasks import ACT_BENCH_SCORE as ACT_BENCH_SCORE
from actsearch.config.tasks import ACT_BENCH_TABLES as ACT_BENCH_TABLES
from actsearch.config.tasks import BUILT_IN_MODELS as BUILT_IN_MODELS
from actsearch.config.tasks import VALIDATION_IS_OPEN as VALIDATION_IS_OPEN
from actsearch.config.tasks import Benchmark as Benchmark
from actsearch.config.tasks import Final as Final
from actsearch.config.tasks import Fisher as Fisher
from actsearch.config.tasks import Map as Map
from actsearch.config.tasks import Replace as Replace
from actsearch.config.tasks import Search as Search
from actsearch.config.tasks import Task as Task

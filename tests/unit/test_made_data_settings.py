"""Options of data that are made here: refused, told in settings, and in the place of the arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actsearch.config import ConfigError, Data, parse_config
from actsearch.data.sources import places
from actsearch.data.sources.places import place_of
from actsearch.plan.dependencies import step_settings

SMALL = {"train": 80, "validation": 30, "test": 20}
RECIPE = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4}
TASK = {"model": "mlp", "recipe": RECIPE, "fisher": {"examples": 2}}


def refused(source: str, options: Any) -> str:
    values = {
        "data": {"d": {"source": source, "split": SMALL, "options": options}},
        "spaces": {},
        "tasks": {"t": {**TASK, "data": "d"}},
    }
    with pytest.raises(ConfigError) as error:
        parse_config(values)
    [_, line] = str(error.value).splitlines()  # one error
    return line


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("digits", {}, "options: goes with mnist1d and extrapolation, not with 'digits'"),
        ("npz:a.npz", {"seed": 1}, "not with 'npz:a.npz'"),
        ("mnist1d", 3, "options: a mapping is needed"),
        ("mnist1d", {"noise": 1}, "mnist1d: unknown 'noise'; allowed: corr_noise_scale, "),
        ("mnist1d", {"iid_noise_scael": 1}, "did you mean 'iid_noise_scale'?"),
        ("mnist1d", {"seed": -1}, "options.seed: Input should be greater than or equal to 0"),
        ("mnist1d", {"padding": [9, 3]}, "padding must not be above the second, got [9, 3]"),
        ("mnist1d", {"padding": [0, 30]}, "max_translation is 48; allowed: 1 to 42"),
        ("mnist1d", {"shift": {"max_translation": 80}}, "shift: max_translation is 80"),
        ("mnist1d", {"shift": {"seed": 1}}, "shift.seed: unknown key; allowed: corr_noise_scale"),
        ("mnist1d", {"shuffle_seq": 1}, "options.shuffle_seq: Input should be a valid boolean"),
        ("extrapolation", {"family": "wave"}, "'polynomial', 'waves' or 'products', got 'wave'"),
        ("extrapolation", {"variables": 0}, "options.variables: Input should be greater than 0"),
        ("extrapolation", {"factors": 2}, "factors goes with family: products, not with poly"),
        ("extrapolation", {"frequency": 2}, "frequency goes with family: waves, not with poly"),
        ("extrapolation", {"family": "products", "variables": 1}, "2 different variables need"),
        ("extrapolation", {"range": [1, 1]}, "range: the first must be below the second"),
        ("extrapolation", {"wider": [-0.5, 2]}, "wider must hold range [-1.0, 1.0], got [-0.5, 2"),
        ("extrapolation", {"wider": [-1, 1.001]}, "outside of range [-1.0, 1.0]; allowed: 0.01"),
        ("extrapolation", {"range": [0, 1e-50], "wider": [0, 1e-49]}, "wide; allowed: 1e-09 and"),
        ("extrapolation", {"range": [1e8, 1e8 + 1], "wider": [1e8, 1e8 + 1.5]}, "allowed: 1e+05"),
        (
            "extrapolation",
            {"range": [1000, 1002], "wider": [1000, 1002.001], "variables": 1000},
            "adds 0.001 to range [1000.0, 1002.0]; allowed: 0.01 and more",
        ),
        ("extrapolation", {"wider": [-1e300, 1e300]}, "allowed: from -1e+09 to 1e+09"),
        ("extrapolation", {"wider": [-1e9, 1e9], "terms": 12}, "to the power of 12; allowed: 1e+1"),
        ("extrapolation", {"family": "waves", "frequency": 1e9}, "less than or equal to 1000"),
        ("extrapolation", {"noise": 1e300}, "options.noise: Input should be less than or equal"),
        ("mnist1d", {"shear_scale": 1e308}, "options.shear_scale: Input should be less than or"),
        ("mnist1d", {"shift": {"scale_coeff": 1e200}}, "scale_coeff: Input should be less than"),
        ("mnist1d", {"padding": [10**9, 10**9]}, "; allowed: at most 4096"),
        ("extrapolation", {"scale_coeff": 1}, "extrapolation: unknown 'scale_coeff'; allowed: fa"),
    ],
)
def test_bad_options_are_one_error(source: str, options: Any, expected: str) -> None:
    assert expected in refused(source, options)


def test_what_stands_in_no_configuration_is_in_no_digest() -> None:
    values = {
        "data": {
            "old": {"source": "digits", "split": SMALL},
            "new": {"source": "mnist1d", "split": SMALL, "options": {"seed": 1}},
        },
        "spaces": {},
        "tasks": {name: {**TASK, "data": name} for name in ("old", "new")},
    }
    config = parse_config(values)
    assert "options" not in step_settings("train", config, "old")["data"]["old"]
    assert step_settings("train", config, "new")["data"]["new"]["options"]["seed"] == 1
    fetched = step_settings("fetch", config, data="new")["data"]["new"]
    assert fetched["split"] == SMALL and fetched["options"]["iid_noise_scale"] == 0.02


def test_all_that_arrays_hang_on_is_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def place(**changes: Any) -> Path:
        found = place_of(Data(**{"source": "mnist1d", "split": SMALL, **changes}), "data")
        assert found is not None
        return found.folder

    first = place()
    assert first.parent == Path("data") and first.name.startswith("mnist1d-")
    # What is said, and is the default, changes nothing; nor does the seed of the split.
    assert place(options={"seed": 42}) == first
    assert place(split={**SMALL, "seed": 9}) == first
    others = [
        place(options={"seed": 43}),
        place(options={"shift": {"iid_noise_scale": 0.1}}),
        place(split={**SMALL, "test": 21}),
    ]
    with monkeypatch.context() as patched:
        patched.setattr(places, "code_digest", lambda *_: "sha256:other code")
        others.append(place())
    with monkeypatch.context() as patched:
        patched.setattr(places, "_version", lambda _: "0.0.3")
        others.append(place())
    assert len({first, *others}) == 6
    assert place() == first


@pytest.mark.parametrize(
    ("source", "one", "other"),
    [
        ("mnist1d", None, {}),
        ("mnist1d", None, {"seed": 42, "padding": [36, 60]}),
        ("mnist1d", None, {"shift": {}}),
        ("mnist1d", {"padding": [1, 50]}, {"padding": [1, 50], "shift": {"padding": [1, 50]}}),
        ("extrapolation", None, {}),
        ("extrapolation", {"family": "waves"}, {"family": "waves", "frequency": 3}),
        ("extrapolation", {"family": "products"}, {"family": "products", "factors": 2}),
    ],
)
def test_options_that_mean_the_same_are_the_same_settings_and_place(
    source: str, one: Any, other: Any
) -> None:
    found = []
    for options in (one, other):
        entry: dict[str, Any] = {"source": source, "split": SMALL}
        entry |= {} if options is None else {"options": options}
        config = parse_config(
            {"data": {"d": entry}, "spaces": {}, "tasks": {"t": {**TASK, "data": "d"}}}
        )
        steps = [step_settings(step, config, "t") for step in ("train", "fim")]
        fetched = step_settings("fetch", config, data="d")
        assert all(s["data"]["d"]["options"] == fetched["data"]["d"]["options"] for s in steps)
        found.append((*steps, fetched, place_of(config.data["d"], "data")))
    assert found[0] == found[1]

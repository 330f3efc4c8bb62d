"""Section: the screen of a live search."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actsearch.config.base import Model, PositiveInt, Seed


class Screen(Model):
    """A whole space screened by outputs, so that Fisher spectra are made of the most promising.

    What the task's table says of known functions predicts the score of every function of the space
    that is finite on the normal samples. Functions of the table itself are not listed again.
    """

    functions: PositiveInt = 2000
    """Functions that the screen lists for the search, including those that the space includes."""
    chance: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of the others that is drawn at random from what the prediction does not choose."""
    seed: Seed = 0
    """Seed of the predictor and of the draw."""

"""Sections: how a network is trained, and what a training job asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from actsearch.config.base import Model, NonNegativeInt, PositiveInt


class Augmentation(Model):
    """Random changes of training images, new ones every epoch."""

    flip: bool = False
    """Mirror half of the images left to right."""
    pad_crop: NonNegativeInt = 0
    """Pad by this many pixels and crop to the old size at a random place. They are zero after
    scaling: the mean of the channel, of image files to the nearest byte."""
    resized_crop: tuple[PositiveFloat, PositiveFloat] | None = None
    """Crop a random share of the area, from the first to the second number, with an aspect ratio of
    3/4 to 4/3, and resize it."""

    @model_validator(mode="after")
    def _one_crop(self) -> Augmentation:
        if self.resized_crop is None:
            return self
        if self.pad_crop:
            raise ValueError("pad_crop and resized_crop are two ways to crop: give one of them")
        low, high = self.resized_crop
        if not low <= high <= 1:
            raise ValueError(f"resized_crop must rise and end at 1 at most, got {[low, high]}")
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
    """Examples per step, over all processes. A last incomplete batch is used too; where it would
    leave a process fewer than two examples, it joins the batch before it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of SGD; AdamW uses betas (0.9, 0.999)."""
    weight_decay: NonNegativeFloat = 0.0
    """Decay of parameters with two axes or more, such as matrices and kernels; those with fewer,
    such as biases and the scales of norms, are never decayed."""
    schedule: Literal["constant", "cosine", "one-cycle", "step"] = "one-cycle"
    """Learning rate over the steps; one-cycle rises linearly for 30% and falls as a cosine, step
    falls to a tenth at every one of the ``milestones``."""
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of the training after which the schedule ``step`` falls, rising."""
    warmup_epochs: NonNegativeFloat = 0.0
    """Epochs in which the rate rises linearly from 0 first; not with ``one-cycle``."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Label smoothing of the training loss; reported losses are without it."""
    gradient_clip: PositiveFloat | None = None
    """Largest gradient norm, or none."""
    augmentation: Augmentation = Augmentation()
    """Random changes of training images; none when left out."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of the network: float32; tf32, which rounds the factors of a GPU's matrix products to 10 bits
    and is float32 on a CPU; bfloat16 for matrix products and what is kept between layers, functions
    being computed in float32 and rounded once. Weights and losses stay float32. (float16 is left
    out: many functions overflow its range.)"""
    channels_last: bool = False
    """Lay images out with channels last, which tensor cores prefer."""
    compile: Literal["none", "activations", "network"] = "none"
    """What is compiled for each function: the function itself (takes seconds; worth it where a
    training takes minutes), or the whole network (takes minutes; worth it where a training takes
    hours)."""

    @model_validator(mode="after")
    def _scheduled(self) -> Recipe:
        if (self.schedule == "step") != bool(self.milestones):
            raise ValueError(
                f"schedule is {self.schedule!r} with milestones {list(self.milestones)}; allowed: "
                "schedule step with one or more milestones, or another one without"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must rise, got {list(self.milestones)}")
        if self.warmup_epochs and self.schedule == "one-cycle":
            raise ValueError("schedule one-cycle has a rise of its own: leave warmup_epochs out")
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g} of only {self.epochs} epochs"
            )
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

"""Recording of what the `Trainer` of Transformers trains.

The trainer takes a callback::

    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    callback = infoplane.huggingface.Callback(inputs, labels, ["bert.encoder.layer.[0-9]"],
                                              positions=0, run="runs/mine",
                                              estimators=[infoplane.Kde(noise_variances=[0.1])])
    Trainer(model, arguments, train_dataset=dataset, callbacks=[callback]).train()
    callback.run.report()
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from . import torch as _torch
from ._errors import RecordError
from ._recorder import Positions, estimators_of, schedule_of
from ._runs import Run
from .loggers import loggers_of

try:
    from transformers import TrainerCallback, default_data_collator
except ImportError as _error:
    raise ImportError("infoplane.huggingface needs Transformers: pip install 'transformers[torch]'") from _error

__all__ = ["Callback"]

#: What data sets call the label of a sample.
_LABELS = ("labels", "label", "label_ids")

#: What is logged and is no statistic of a model.
_TIMES = ("runtime", "samples_per_second", "steps_per_second", "total_flos", "num_input_tokens_seen")


class Callback(TrainerCallback):
    """Records a model while `Trainer.train` trains it: as it is before, and after each epoch, or step, that the schedule wants.

    What is logged is kept as statistics. When the training ends, the run is complete. When an error or Ctrl-C ends it before, the
    run stays as it is, and ``train(resume_from_checkpoint=True)`` with the same directory goes on with it. Of processes that
    train together the first one measures.

    Parameters
    ----------
    inputs
        The arguments of the model by name, as a tokenizer gives them: a dictionary of tensors with a row for each sample; or a
        data set of dictionaries of one length, as for the `Trainer`.
    labels
        Y: the class of each sample; the labels among the inputs unless given.
    layers, run, estimators, target, positions, channels_last, name, background, loggers, x, batch_size, forward, keep_bytes, on_device
        As for :class:`infoplane.torch.Recorder`. A transformer has many modules with weights; patterns such as
        ``["bert.encoder.layer.[0-9]"]`` take blocks as a whole. A mean over positions is one over those of the padding, too.
    by
        ``"epochs"``, or ``"steps"`` of the optimizer: then what a run calls an epoch is a step, and the schedule counts steps,
        such as ``schedule=100`` or ``schedule="log-spaced"``.
    schedule
        As for :class:`infoplane.Recorder`.
    epochs
        How many epochs, or steps, will be trained; what the `Trainer` says unless given.

    Attributes
    ----------
    recorder
        The recorder, from the beginning of the training to its end.
    run
        The run, when the training has ended.
    """

    def __init__(
        self,
        inputs: Any,
        labels: Any = None,
        layers: str | Sequence[str] | None = None,
        *,
        run: str | os.PathLike[str],
        estimators: Any,
        target: Any = None,
        by: Literal["epochs", "steps"] = "epochs",
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        channels_last: bool = False,
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
        x: Any = None,
        batch_size: int = 64,
        forward: Callable[[Any, Any], Any] | None = None,
        keep_bytes: int = 2 << 30,
        on_device: bool | None = None,
    ) -> None:
        if by not in ("epochs", "steps"):
            raise RecordError(f"by = {by!r}; allowed are 'epochs' and 'steps'")
        self._by_steps = by == "steps"
        self._epochs = epochs
        arguments, found = _inputs(inputs)
        self._settings: dict[str, Any] = {
            "inputs": arguments,
            "labels": found if labels is None and target is None else labels,
            "target": target,
            "layers": layers,
            "run": run,
            "estimators": estimators_of(estimators),
            "schedule": schedule_of(schedule),
            "positions": positions,
            "channels_last": channels_last,
            "name": name,
            "background": background,
            "x": x,
            "batch_size": batch_size,
            "forward": forward,
            "keep_bytes": keep_bytes,
            "on_device": on_device,
        }
        if loggers is not None:
            self._settings["loggers"] = loggers_of(loggers)
        self.recorder: _torch.Recorder | None = None
        self.run: Run | None = None
        # What is logged of an epoch comes before and after its end.
        self._now: int | None = None
        self._logged: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure the model as it is."""
        if getattr(args, "deepspeed", None) or getattr(args, "fsdp", None):
            raise TypeError("DeepSpeed and FSDP keep parts of the model in different processes, which are not observed; take DDP")
        if self.recorder is not None:
            self.recorder.close()
        self.run, self._now, self._logged = None, None, {}
        epochs = self._epochs
        if epochs is None:
            epochs = state.max_steps if self._by_steps else math.ceil(state.num_train_epochs)
        self.recorder = _torch.Recorder(model, epochs=epochs, **self._settings)
        so_far = state.global_step if self._by_steps else state.epoch or 0
        # A checkpoint that was written within an epoch has no number of epochs.
        if so_far == int(so_far):
            self._measure(int(so_far))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep what was logged of the last epoch."""
        self._tell()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep what was logged of the last step."""
        if self._by_steps:
            self._tell()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the model, if steps count and the schedule wants this one."""
        if self._by_steps:
            self._measure(state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the model, if epochs count and the schedule wants this one."""
        if not self._by_steps:
            # The last epoch counts, though it may end before all of its steps.
            self._measure(math.ceil(state.epoch - 1e-6))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Take what is logged."""
        if logs and "train_runtime" not in logs:  # else of the training as a whole
            self._logged.update(_statistics(logs))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Complete the run."""
        if self.recorder is not None:
            self._tell()
            # The trainer may have loaded the best model, which is not that of the last epoch.
            self.run = self.recorder._complete(None)
            self.recorder = None

    def _measure(self, epoch: int) -> None:
        if self.recorder is not None:
            self.recorder.epoch(epoch)
            self._now = epoch

    def _tell(self) -> None:
        if self.recorder is not None and self._now is not None and self._logged:
            self.recorder.describe(self._now, **self._logged)
            self._logged = {}


def _inputs(given: Any) -> tuple[Any, Any]:
    """The arguments of the model, and the labels where they come with them."""
    if not isinstance(given, Mapping):
        if not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
            raise TypeError(
                f"inputs is a {type(given).__name__}; allowed are a dictionary of tensors, as of a tokenizer, and a data set"
            )
        samples = [given[place] for place in range(len(given))]
        if not samples or not isinstance(samples[0], Mapping):
            raise TypeError("inputs is a data set without samples, or its samples are no dictionaries")
        # Text beside the tokens is no argument.
        kept = [{k: v for k, v in sample.items() if not isinstance(v, str)} for sample in samples]
        try:
            given = default_data_collator(kept)
        except ValueError as error:
            raise ValueError(
                f"inputs is a data set whose samples differ in length: {error}; pad them, as "
                "DataCollatorWithPadding(tokenizer)(list(dataset)) does"
            ) from error
    labels = next((given[name] for name in _LABELS if name in given), None)
    return {name: value for name, value in given.items() if name not in _LABELS}, labels


def _statistics(logs: Mapping[str, Any]) -> dict[str, float]:
    """The statistics among what is logged: all that is a number."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        if name in ("self", "epoch", *_TIMES) or any(name == f"eval_{time}" for time in _TIMES):
            continue
        # Those of an evaluation are those of data that are not trained on.
        if name in ("eval_loss", "eval_accuracy"):
            name = f"test_{name[5:]}"
        with contextlib.suppress(TypeError, ValueError):
            found[name] = float(value)
    return found

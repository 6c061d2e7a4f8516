"""Recording of what Lightning trains, by the package `lightning` or `pytorch_lightning`.

The trainer takes a callback::

    callback = infoplane.lightning.Callback(inputs, labels, run="runs/mine",
                                            estimators=[infoplane.Kde(noise_variances=[1e-3])])
    Trainer(max_epochs=100, callbacks=[callback]).fit(module, loader)
    callback.run.report()
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import torch as _torch
from ._recorder import Positions, estimators_of, schedule_of
from ._runs import Run
from .loggers import MLflow, logger_of, several

__all__ = ["Callback"]


def _bases() -> tuple[Any, ...]:
    """The callbacks of those of the two packages that the program uses."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    found = [sys.modules[package] for package in packages if package in sys.modules]
    for package in packages:
        if not found:
            with contextlib.suppress(ModuleNotFoundError):
                found.append(importlib.import_module(package))
    if not found:
        raise ImportError("infoplane.lightning needs Lightning: pip install lightning")
    return tuple(package.Callback for package in found)


if TYPE_CHECKING:
    from lightning.pytorch import Callback as _Base
else:
    _Base = type("_Base", _bases(), {})

#: Statistics by the names that programs usually log them by.
_LOGGED = re.compile(r"(train|training|val|valid|validation|test)[_/](loss|acc|accuracy)")

#: Strategies that keep parts of a model in different processes.
_SHARDED = re.compile(r"FSDP|DeepSpeed|ModelParallel")


class Callback(_Base):
    """Records a module while `Trainer.fit` trains it: as it is before, and after each epoch that the schedule wants.

    What the module logs is kept as statistics of the epoch. When the training ends, the run is complete. When an error or Ctrl-C
    ends it before, the run stays as it is, and `fit` with the same directory goes on with it, such as that of a checkpoint with
    ``ckpt_path``. Of processes that train together the first one measures.

    Parameters
    ----------
    inputs, labels, layers, run, estimators, target, schedule, positions, channels_last, name, background, x, batch_size, keep_bytes,
    on_device
        As for :class:`infoplane.torch.Recorder`.
    epochs
        How many epochs will be trained; ``max_epochs`` of the trainer unless given.
    loggers
        As for :class:`infoplane.Recorder`, and loggers of Lightning: `TensorBoardLogger`, `WandbLogger`, `MLFlowLogger`. True takes
        those of the trainer.
    forward
        ``forward(module, batch)`` runs what is to be measured; of a module without a `forward` of its own
        ``lambda module, batch: module.network(batch)``.

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
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        channels_last: bool = False,
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
        x: Any = None,
        batch_size: int = 512,
        forward: Callable[[Any, Any], Any] | None = None,
        keep_bytes: int = 2 << 30,
        on_device: bool | None = None,
    ) -> None:
        super().__init__()
        self._epochs = epochs
        self._loggers: Any = loggers
        if loggers is not True:
            self._loggers = [logger_of(one) if _kind(one) is None else one for one in several(loggers)]
        self._path = os.path.abspath(os.fspath(run))
        self._settings: dict[str, Any] = {
            "inputs": inputs,
            "labels": labels,
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
        self.recorder: _torch.Recorder | None = None
        self.run: Run | None = None

    @property
    def state_key(self) -> str:
        """What tells several of these apart."""
        return f"infoplane {self._path}"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Refuse what cannot be observed."""
        strategy = type(trainer.strategy).__name__
        if stage == "fit" and _SHARDED.search(strategy):
            raise TypeError(f"{strategy} keeps parts of the model in different processes, which are not observed; take DDP")

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Measure the module before its first epoch."""
        # Not when `fit` starts: the number of epochs of a checkpoint is not known then.
        self._close()
        epochs = self._epochs
        if epochs is None and trainer.max_epochs is not None and trainer.max_epochs >= 0:
            epochs = trainer.max_epochs
        self.run = None
        settings = {**self._settings}
        if self._loggers and trainer.is_global_zero:
            given = [one for one in trainer.loggers if _kind(one)] if self._loggers is True else self._loggers
            settings["loggers"] = [_opened(one) for one in given]
        self.recorder = _torch.Recorder(pl_module, epochs=epochs, **settings)
        # A checkpoint that was written within an epoch has no number of epochs.
        if not getattr(trainer.fit_loop, "restarted_mid_epoch", False):
            self.recorder.epoch(_epochs(trainer))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure the module, if the schedule wants this epoch."""
        if self.recorder is not None:
            self.recorder.epoch(_epochs(trainer), None, **_statistics(trainer.callback_metrics))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Complete the run."""
        if self.recorder is not None:
            # Other callbacks may have put averaged weights into the module by now.
            self.run = self.recorder._complete(None)
            self.recorder = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Leave a run that can go on."""
        # What ended the training is told, not what this may find beside.
        with contextlib.suppress(Exception):
            self._close()

    def _close(self) -> None:
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close()


def _kind(logger: Any) -> str | None:
    """Which of the loggers of Lightning it is, if one whose product is known."""
    known = ("TensorBoardLogger", "WandbLogger", "MLFlowLogger")
    return next((base.__name__ for base in type(logger).__mro__ if base.__name__ in known), None)


def _opened(logger: Any) -> Any:
    """What a logger of Lightning writes to; others as they are."""
    kind = _kind(logger)
    if kind == "MLFlowLogger":
        return MLflow(logger.run_id, client=logger.experiment)
    return logger if kind is None else logger.experiment


def _epochs(trainer: Any) -> int:
    """The epochs that were trained so far."""
    return int(trainer.fit_loop.epoch_progress.current.processed)


def _statistics(logged: Mapping[str, Any]) -> dict[str, float]:
    """The statistics of an epoch among what a module logs: all that is a number, of steps and epochs that of epochs."""
    found: dict[str, float] = {}
    for name, value in logged.items():
        if name in ("self", "epoch", "activations") or (name.endswith("_step") and f"{name[:-5]}_epoch" in logged):
            continue
        if name.endswith("_epoch"):
            name = name[:-6]
        known = _LOGGED.fullmatch(name)
        if known is not None:
            of = "train" if known[1].startswith("train") else "test"
            name = f"{of}_{'loss' if known[2] == 'loss' else 'accuracy'}"
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            found[name] = float(value)
    return found

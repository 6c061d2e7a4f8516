"""Logging of what is recorded to TensorBoard, Weights & Biases and MLflow.

Recorders and callbacks take ``loggers``::

    recorder = infoplane.torch.Recorder(model, inputs, labels, run="runs/mine", loggers="wandb",
                                        estimators=[infoplane.Kde(noise_variances=[1e-3])])

They are one of these, or a list of several:

- ``"tensorboard"``, ``"wandb"``, ``"mlflow"``: as the classes below do without arguments;
- a `SummaryWriter` of PyTorch or of tensorboardX, a run of `wandb`, a run of `mlflow`;
- :class:`TensorBoard`, :class:`WeightsAndBiases`, :class:`MLflow`, for a choice of what is logged, and how often;
- any object with the methods of :class:`Logger`.

Logged of each measured epoch are ``infoplane/i_xt_bits/<layer>`` and ``infoplane/i_ty_bits/<layer>``, as in the table ``plane`` of the
run, with ``/<method>`` behind them where the layers are measured with several; and, where matplotlib is installed, as
``infoplane/plane`` the information plane up to then, with a panel for each method. The step is the epoch. A value that is missing in
the table is not logged.

What fails in a logger is a warning, and the training and the recording go on without it.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from ._errors import RecordError
from ._estimate import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Figures", "Logger", "MLflow", "TensorBoard", "WeightsAndBiases"]

#: How often the figure is logged: ``"auto"``; a number n for every n-th measured epoch; 0 for never.
Figures: TypeAlias = Literal["auto"] | int

_SEVERAL = (
    "allowed are 'tensorboard', 'wandb', 'mlflow', a SummaryWriter, a run of wandb or of mlflow, and objects with the methods "
    "begin, scalars, figure and finish, as those of infoplane.loggers"
)


@runtime_checkable
class Logger(Protocol):
    """What a recorder tells of the epochs that it measures. Any object with these four methods is a logger.

    `begin` is called in the thread that trains, `finish` too, the others in the one that measures. After an exception none of them is
    called any more. Attributes ``prefix``, ``figures`` and ``statistics``, where an object has them, mean what they mean for
    :class:`TensorBoard`.

    Examples
    --------
    >>> class Lines:
    ...     def begin(self, path, name):
    ...         print(name)
    ...     def scalars(self, epoch, values):
    ...         print(epoch, *(f"{name}={value:.2f}" for name, value in values.items()))
    ...     def figure(self, epoch, name, figure):
    ...         figure.savefig(f"plane-{epoch}.png")
    ...     def finish(self, complete):
    ...         print("complete" if complete else "stopped")
    >>> isinstance(Lines(), Logger)
    True
    """

    def begin(self, path: str, name: str) -> None:
        """Prepare: the first epoch is about to be measured. ``path`` is the directory of the run, ``name`` what figures call it."""

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        """Keep the finite numbers of an epoch by their names."""

    def figure(self, epoch: int, name: str, figure: Figure) -> None:
        """Keep a figure of matplotlib that shows the epochs up to this one.

        It is drawn already: ``numpy.asarray(figure.canvas.buffer_rgba())`` are its pixels.
        """

    def finish(self, complete: bool) -> None:
        """End: nothing more comes. ``complete`` is false for a training that was stopped and may go on in the same directory."""


class _Settings:
    """What all loggers of this module take."""

    def __init__(self, prefix: str, figures: Figures, statistics: bool) -> None:
        if not isinstance(prefix, str):
            raise TypeError(f"prefix is a {type(prefix).__name__}; allowed is text")
        parts = prefix.split("/")
        if not all(re.fullmatch(r"[A-Za-z0-9_\-. ]+", part) and part.strip(".") for part in parts) or len(prefix) > 40:
            raise RecordError(f"prefix = {prefix!r}; allowed are up to 40 letters, digits, spaces and _ - . in parts with / between them")
        self.prefix = prefix
        if figures != "auto" and (not isinstance(figures, int) or isinstance(figures, bool)):
            raise TypeError(f"figures = {figures!r}; allowed are 'auto', a number n for every n-th measured epoch, and 0 for none")
        self.figures: Figures = figures if isinstance(figures, str) else whole("figures", figures, 0)
        if self.figures not in ("auto", 0) and not can_draw():
            raise ImportError("figures need matplotlib: pip install matplotlib")
        if not isinstance(statistics, bool):
            raise TypeError(f"statistics is a {type(statistics).__name__}; allowed are true and false")
        self.statistics = statistics


class TensorBoard(_Settings):
    """Writes event files for TensorBoard.

    Parameters
    ----------
    writer
        A directory for an event file, which needs the package `tensorboard`, without TensorFlow or PyTorch; or a `SummaryWriter` of
        `torch.utils.tensorboard` or of `tensorboardX`, which stays open. Unless given: the folder ``tensorboard`` of the run, so that
        ``tensorboard --logdir runs`` shows all runs in ``runs``.
    prefix
        With what all names begin: two recorders of one training, such as of its own samples and of held-out ones, need two.
    figures
        How often the figure is logged. ``"auto"``: when there are a twentieth more epochs than in the last figure, and as long as
        drawing takes no more than a twentieth of the time since the recording began. A number n: at every n-th measured epoch. 0:
        never. The last epoch has a figure in both other cases.
    statistics
        Whether the statistics that are given to the recorder, as ``loss``, are logged, too: ``infoplane/train_loss``. Programs and
        frameworks mostly log them already.

    Examples
    --------
    >>> import numpy as np, infoplane, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine"
    >>> labels = np.repeat([0, 1], 50)
    >>> board = infoplane.loggers.TensorBoard(figures=10)                                       # doctest: +SKIP
    >>> with infoplane.Recorder(path, labels, ["plug-in"], loggers=board) as recorder:          # doctest: +SKIP
    ...     recorder.record(0, {"output": labels})
    """

    def __init__(self, writer: Any = None, *, prefix: str = "infoplane", figures: Figures = "auto", statistics: bool = False) -> None:
        super().__init__(prefix, figures, statistics)
        self._directory: str | None = None
        if writer is None or isinstance(writer, (str, os.PathLike)):
            self._directory = None if writer is None else os.fsdecode(writer)
            self._needs = _package("tensorboard.summary.writer.event_file_writer", "TensorBoard", "tensorboard")
            writer = None
        elif not _is_summary_writer(writer):
            raise TypeError(f"writer is a {type(writer).__name__}; allowed are a directory and a SummaryWriter")
        self._given = writer
        self._file: Any = None

    def begin(self, path: str, name: str) -> None:
        """Open an event file, unless a writer was given."""
        if self._given is None:
            self._file = self._needs.EventFileWriter(self._directory or os.path.join(path, "tensorboard"))

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write numbers."""
        if self._given is not None:
            for name, value in values.items():
                self._given.add_scalar(name, value, epoch)
            self._given.flush()
        else:
            self._add(epoch, [{"tag": name, "simple_value": value} for name, value in values.items()])

    def figure(self, epoch: int, name: str, figure: Figure) -> None:
        """Write an image."""
        pixels = _pixels(figure)
        if self._given is not None:
            self._given.add_image(name, pixels[:, :, :3], epoch, dataformats="HWC")
            self._given.flush()
        else:
            height, width, channels = pixels.shape
            encoded = {"height": height, "width": width, "colorspace": channels, "encoded_image_string": _png(pixels)}
            self._add(epoch, [{"tag": name, "image": encoded}])

    def _add(self, epoch: int, values: Sequence[Mapping[str, Any]]) -> None:
        event = importlib.import_module("tensorboard.compat.proto.event_pb2").Event
        self._file.add_event(event(wall_time=time.time(), step=epoch, summary={"value": values}))
        # Else TensorBoard shows it two minutes later.
        self._file.flush()

    def finish(self, complete: bool) -> None:
        """Close the file that `begin` opened."""
        if self._file is not None:
            self._file.close()
            self._file = None


class WeightsAndBiases(_Settings):
    """Logs to a run of Weights & Biases, online or offline.

    The horizontal axis is the epoch (``infoplane/epoch``), whatever the step of the run is. Values become part of the row that the
    run is at and do not end it, so that a program that logs with steps of its own loses none.

    Parameters
    ----------
    run
        A run, as `wandb.init` returns it, which stays open. Unless given: the one that is active when the first epoch is recorded, as
        that of a trainer; if there is none, one of the name of the recording, in the project that ``WANDB_PROJECT`` names, or
        ``infoplane``, which ends with the recording. A program with a `wandb.init` of its own calls it before.
    prefix, figures, statistics
        As for :class:`TensorBoard`.

    Examples
    --------
    >>> import infoplane.loggers, wandb                                                         # doctest: +SKIP
    >>> loggers = infoplane.loggers.WeightsAndBiases(wandb.init(project="mine"), figures=0)     # doctest: +SKIP
    """

    def __init__(self, run: Any = None, *, prefix: str = "infoplane", figures: Figures = "auto", statistics: bool = False) -> None:
        super().__init__(prefix, figures, statistics)
        if run is None:
            _package("wandb", "WeightsAndBiases", "wandb")
        elif not _is_run_of_wandb(run):
            raise TypeError(f"run is a {type(run).__name__}; allowed are runs that wandb.init returns")
        self._given = run
        self._run: Any = None
        self._ours = False
        #: The epoch, and the step of the run, of the values that were logged last.
        self._last: tuple[int, int] | None = None

    def begin(self, path: str, name: str) -> None:
        """Find a run, or make one, and tell it the axis."""
        self._run, self._last = self._given, None
        if self._run is None:
            import wandb

            self._ours = wandb.run is None
            project = os.environ.get("WANDB_PROJECT") or "infoplane"
            self._run = wandb.init(project=project, name=name) if self._ours else wandb.run
        axis = f"{self.prefix}/epoch"
        self._run.define_metric(axis)
        self._run.define_metric(f"{self.prefix}/*", step_metric=axis)

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        """Log numbers."""
        self._log(epoch, values)

    def figure(self, epoch: int, name: str, figure: Figure) -> None:
        """Log an image."""
        import wandb

        self._log(epoch, {name: wandb.Image(_pixels(figure))})

    def _log(self, epoch: int, values: Mapping[str, Any]) -> None:
        # To log with a step, or to end a row, would move the step of the run beyond that of a program which gives its own, whose next
        # values are then thrown away. So the row is left open. It is ended here only where nothing else has ended it since the
        # values of another epoch were put there.
        if self._last is not None and self._last[0] != epoch:
            # It fails for a run that has ended, of which nothing would tell the step.
            self._run.log({}, commit=False)
            if self._last[1] == self._run.step:
                self._run.log({}, commit=True)
        self._run.log({f"{self.prefix}/epoch": epoch, **values}, commit=False)
        self._last = epoch, self._run.step

    def finish(self, complete: bool) -> None:
        """End the run that `begin` made."""
        run, self._run = self._run, None
        if self._ours and run is not None:
            self._ours = False
            run.finish(exit_code=0 if complete else 1)


class MLflow(_Settings):
    """Logs to a run of MLflow, on whatever server or in whatever folder it is.

    Parameters
    ----------
    run
        A run, as `mlflow.start_run` returns it, or the id of one; it is not ended. Unless given: the one that is active in the thread
        that trains when the first epoch is recorded, as that of a trainer; if there is none, one of the name of the recording, in the
        experiment that ``MLFLOW_EXPERIMENT_NAME`` names, or ``infoplane``, which ends with the recording.
    client
        The `MlflowClient` of a run that is elsewhere than the program's own tracking.
    prefix, figures, statistics
        As for :class:`TensorBoard`.

    Examples
    --------
    >>> import infoplane.loggers, mlflow                                                        # doctest: +SKIP
    >>> loggers = infoplane.loggers.MLflow(mlflow.start_run(run_name="mine"), statistics=True)  # doctest: +SKIP
    """

    def __init__(
        self,
        run: Any = None,
        *,
        client: Any = None,
        prefix: str = "infoplane",
        figures: Figures = "auto",
        statistics: bool = False,
    ) -> None:
        super().__init__(prefix, figures, statistics)
        _package("mlflow", "MLflow", "mlflow-skinny")
        if not (run is None or isinstance(run, str) or _is_run_of_mlflow(run)):
            raise TypeError(f"run is a {type(run).__name__}; allowed are runs of mlflow and their ids")
        if client is not None and not hasattr(client, "log_batch"):
            raise TypeError(f"client is a {type(client).__name__}; allowed is an MlflowClient")
        self._given: str | None = run if run is None or isinstance(run, str) else run.info.run_id
        self._given_client = client
        self._client: Any = None
        self._run = ""
        self._ours = False

    def begin(self, path: str, name: str) -> None:
        """Find a run, or make one."""
        import mlflow

        # By the id of the run: which one is active is another question in every thread.
        self._client = mlflow.MlflowClient() if self._given_client is None else self._given_client
        active = mlflow.active_run() if self._given is None and self._given_client is None else None
        if self._given is not None:
            self._run = self._given
        elif active is not None:
            self._run = active.info.run_id
        else:
            of = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "infoplane"
            known = self._client.get_experiment_by_name(of)
            experiment = self._client.create_experiment(of) if known is None else known.experiment_id
            self._run = self._client.create_run(experiment, run_name=name).info.run_id
            self._ours = True

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        """Log numbers."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, epoch) for name, value in values.items()]
        # More at once are refused.
        for start in range(0, len(metrics), 1000):
            self._client.log_batch(self._run, metrics[start : start + 1000])

    def figure(self, epoch: int, name: str, figure: Figure) -> None:
        """Log an image."""
        self._client.log_image(self._run, _pixels(figure), key=name, step=epoch)

    def finish(self, complete: bool) -> None:
        """End the run that `begin` made."""
        if self._ours:
            self._ours = False
            self._client.set_terminated(self._run, "FINISHED" if complete else "KILLED")


def _package(module: str, name: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"infoplane.loggers.{name} needs a package: pip install {package}") from error


def _is_summary_writer(given: Any) -> bool:
    return _has(given, "add_scalar", "add_image", "flush")


def _is_run_of_wandb(given: Any) -> bool:
    return _has(given, "log", "define_metric", "finish")


def _is_run_of_mlflow(given: Any) -> bool:
    return hasattr(getattr(given, "info", None), "run_id")


def _has(given: Any, *methods: str) -> bool:
    return not isinstance(given, (type, ModuleType)) and all(callable(getattr(given, method, None)) for method in methods)


def can_draw() -> bool:
    return find_spec("matplotlib") is not None


def loggers_of(given: Any) -> list[Logger]:
    """Loggers from one or several names, writers, runs and loggers."""
    return [logger_of(one) for one in several(given)]


def several(given: Any) -> list[Any]:
    """What is given as nothing, as one thing or as a list of things."""
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]


def logger_of(given: Any) -> Logger:
    """A logger from a name, a writer, a run or a logger."""
    named: dict[str, Callable[[], Logger]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MLflow}
    if isinstance(given, str):
        if given not in named:
            raise RecordError(f"loggers = {given!r}; {_SEVERAL}")
        return named[given]()
    if not isinstance(given, (type, ModuleType)) and isinstance(given, Logger):
        return given
    if _is_summary_writer(given):
        return TensorBoard(given)
    if _is_run_of_wandb(given):
        return WeightsAndBiases(given)
    if _is_run_of_mlflow(given):
        return MLflow(given)
    kind = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
    raise TypeError(f"loggers has {kind}; {_SEVERAL}")


def _pixels(figure: Figure) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Rows of pixels of red, green, blue and opacity."""
    canvas: Any = figure.canvas
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)


def _png(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    # What matplotlib writes images with.
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "png")
    return encoded.getvalue()

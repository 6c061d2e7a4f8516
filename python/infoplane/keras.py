"""Recording of Keras models, with any backend.

`fit` takes a callback::

    callback = infoplane.keras.Callback(inputs, labels, run="runs/mine",
                                        estimators=[infoplane.Kde(noise_variances=[1e-3])])
    model.fit(x_train, y_train, epochs=100, callbacks=[callback])
    callback.run.report()

Where a program trains in a loop of its own, :class:`Recorder` does the same::

    recorder = infoplane.keras.Recorder(model, inputs, labels, run="runs/mine",
                                        estimators=[infoplane.Kde(noise_variances=[1e-3])])
    for epoch in range(epochs):
        recorder.epoch(epoch)          # before the first epoch: the untrained model
        train_one_epoch()
    recorder.epoch(epochs, loss=loss)
    recorder.finish()
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import os
import random
import re
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

try:
    import keras
except ImportError as _error:
    raise ImportError("infoplane.keras needs Keras 3 and a backend, such as JAX: pip install keras jax") from _error

from ._arrays import array_of, same_rows
from ._errors import InfoplaneError, RecordError
from ._recorder import Positions, estimators_of, schedule_of, vectors
from ._recorder import Recorder as _Recorder
from ._runs import Run
from .loggers import loggers_of

if int(keras.__version__.partition(".")[0]) < 3:
    raise ImportError(f"infoplane.keras needs Keras 3 and found {keras.__version__}: pip install 'keras>=3'")

__all__ = ["Callback", "Recorder"]

#: An array, several for a model of several inputs, or named ones.
Inputs: TypeAlias = "Any | Sequence[Any] | Mapping[str, Any]"

#: Functions, and layers of the same names, that make the output of a layer its activation, and what the layer is then called in a
#: run.
_NONLINEARITIES = {
    "relu": "relu",
    "re_lu": "relu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "log_softmax": "log-softmax",
    "leaky_relu": "leaky-relu",
    "leaky_re_lu": "leaky-relu",
    "p_re_lu": "prelu",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "relu6": "relu6",
    "exponential": "exponential",
    "hard_tanh": "hardtanh",
    "hard_silu": "hardswish",
    "hard_swish": "hardswish",
    "hard_sigmoid": "hardsigmoid",
    "glu": "glu",
    "log_sigmoid": "log-sigmoid",
    "tanh_shrink": "tanhshrink",
    "soft_shrink": "softshrink",
    "hard_shrink": "hardshrink",
    "threshold": "threshold",
    "sparsemax": "sparsemax",
    "sparse_plus": "sparseplus",
    "sparse_sigmoid": "sparsesigmoid",
    "squareplus": "squareplus",
}

#: Layers that leave a layer the same layer, beside norms: dropout, pools, other shapes in the same order.
_THROUGH = re.compile(r"dropout|gaussian_noise|identity|activity_regularization|pool|reshape|flatten")

#: Functions that do the same.
_FUNCTIONS_THROUGH = ("reshape", "squeeze", "expand_dims", "max_pool", "average_pool")

#: Layers of layers that are one layer.
_WHOLE = tuple(
    getattr(keras.layers, name)
    for name in ("RNN", "Bidirectional", "MultiHeadAttention", "GroupQueryAttention", "Wrapper")
    if hasattr(keras.layers, name)
)

#: Layers whose units are on the last axis, whatever the format of images is.
_UNITS_LAST = (keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Embedding)

#: Statistics of Keras that are an accuracy.
_ACCURACIES = {"sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy"}

#: What they return depends on the backend.
_ops: Any = keras.ops

#: One model at a time is followed.
_FOLLOWING = threading.RLock()


class Recorder(_Recorder):
    """Measures the layers of a Keras model while you train it, and writes a run directory.

    The model is run on the same inputs in the same order every time, with ``training=False``, and is left as it was: its weights,
    random generators, metrics, optimizer and compiled functions. One without weights yet is built on the inputs.

    Parameters
    ----------
    model
        The model: sequential, functional or a class of your own.
    inputs
        What the model is run on: an array ``(n_samples, …)``; of a model of several inputs a list of arrays, or a dictionary of
        named ones.
    labels
        Y: the class of each sample, or one-hot rows.
    layers
        Patterns of names of layers, as ``["conv*", "block/dense"]``, whose outputs are measured as they are. Unless given: every
        layer with weights, norms excepted, after the nonlinearity that all of its output goes through, be it an argument of the
        layer, a layer of its own, or a function of `keras.ops` or `keras.activations`.
    run
        The directory.
    estimators, target, quantities, schedule, epochs, positions, name, background, loggers
        As for :class:`infoplane.Recorder`. Whether channels are the first axis of a map or the last, the layers know.
    x
        X: which input each sample is; equal inputs are the same unless given.
    batch_size
        Samples that the model is run on at once.

    Notes
    -----
    Layers have their own names, with that of the model or layer around them, as ``"block/dense"``, where two have the same. Keras
    numbers layers without a name through all models of a program: a run that goes on keeps the names that it began with.
    """

    def __init__(
        self,
        model: Any,
        inputs: Inputs,
        labels: Any = None,
        layers: str | Sequence[str] | None = None,
        *,
        run: str | os.PathLike[str],
        estimators: Any,
        target: Any = None,
        quantities: Any = None,
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
        x: Any = None,
        batch_size: int = 512,
    ) -> None:
        if not isinstance(model, keras.Layer):
            raise TypeError(f"model is a {type(model).__module__}.{type(model).__name__}; allowed are models of Keras 3")
        self._model = model
        self._inputs_of_model = _inputs(inputs)
        self._n = _length(self._inputs_of_model)
        self._batch_size = _checked_batch_size(batch_size)
        self._patterns = _patterns(layers)
        super().__init__(
            run,
            labels,
            estimators,
            target=target,
            inputs=_same_inputs(self._inputs_of_model) if x is None else x,
            quantities=quantities,
            schedule=schedule,
            epochs=epochs,
            positions=positions,
            channels_last=keras.config.image_data_format() == "channels_last",
            chain=_is_chain(model),
            name=name,
            background=background,
            loggers=loggers,
        )
        _check_schedule(self._schedule)
        if self._n != self._n_samples:
            sizes = f"inputs has {self._n} samples and {self._y_name} has {self._n_samples}"
            raise RecordError(f"{sizes}; {self._each_needs('input')}")
        self._by = ("infoplane.keras.Recorder", type(model).__name__)
        #: The compiled pass of the JAX backend, with what it was compiled of.
        self._compiled: tuple[tuple[list[Any], str], Callable[[list[Any], Any], Any]] | None = None
        some = self._batch(slice(0, min(2, self._n)))
        if not model.built:
            # Weights are made, and nothing is assigned to them.
            with keras.StatelessScope():
                model(some, training=False)
        self._chosen = _Chosen(model, self._patterns)
        with _undisturbed():
            widths = self._find(some)
        #: What each layer is called in the run.
        self._called = dict(zip(widths, _names_as_before(self.path, list(widths)), strict=True))
        words = self._chosen.nonlinearity
        self._open(
            {self._called[part]: np.empty((0, width), dtype=np.float32) for part, width in widths.items()},
            {called: words.get(part, words.get(part.rpartition("[")[0], "")) for part, called in self._called.items()},
        )

    @property
    def layers(self) -> list[str]:
        """The names of what is measured, in the order in which the model runs it."""
        return list(self._names)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        if self._patterns is not None:
            settings["layers"] = self._patterns
        return settings

    def _batch(self, rows: slice) -> Any:
        given = self._inputs_of_model
        if isinstance(given, dict):
            return {name: array[rows] for name, array in given.items()}
        return [array[rows] for array in given] if isinstance(given, list) else given[rows]

    def _call(self, batch: Any) -> None:
        self._model(batch, training=False)

    def _rows(self, watch: _Watch) -> dict[str, Any]:
        """The rows of samples of each layer, as arrays of the backend where these can be cut."""
        found: dict[str, Any] = {}
        for key, tensor in watch.outputs.items():
            layer = self._chosen.name(*key)
            if keras.backend.standardize_dtype(tensor.dtype) not in ("float32", "float64"):
                tensor = _ops.cast(tensor, "float32")
            last = _channels_last(self._chosen.layers[key[0]])
            if not last and len(tensor.shape) == 3 and self._positions != "flatten":
                tensor, last = _ops.moveaxis(tensor, 1, -1), True
            if not hasattr(tensor, "reshape"):  # a tensor of TensorFlow
                tensor = _ops.convert_to_numpy(tensor)
            found.update(vectors(tensor, self._positions, last, layer))
        return found

    def _pass(self, batch: Any) -> dict[str, Any]:
        return self._rows(self._chosen.observe(lambda: self._call(batch)))

    def _find(self, batch: Any) -> dict[str, int]:
        """Finds the layers by running the model for the first time; returns the width of each."""
        found: dict[str, int] = {}

        def look(given: Any) -> None:
            watch = self._chosen.observe(lambda: self._call(given), first=True)
            found.update({part: int(row.shape[1]) for part, row in self._rows(watch).items()})

        if self._compiles():
            import jax

            try:
                # Shapes alone are needed, without numbers and the compilation of every operation by itself.
                jax.eval_shape(self._of_variables(look), self._values(), batch)
                return found
            except RecordError:
                raise
            except Exception:  # it needs the numbers
                found.clear()
        look(batch)
        return found

    def _compiles(self) -> bool:
        return keras.backend.backend() == "jax" and not getattr(self._model, "run_eagerly", False)

    def _values(self) -> list[Any]:
        return [variable.value for variable in self._model.variables]

    def _of_variables(self, function: Callable[[Any], Any]) -> Callable[[list[Any], Any], Any]:
        """A function of a batch as one of the variables, too, as JAX compiles functions."""
        variables = list(self._model.variables)

        def of_both(values: list[Any], batch: Any) -> Any:
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(batch)

        return of_both

    def _compile(self) -> Callable[[Any], dict[str, Any]] | None:
        """The pass as one compiled function, where the backend is JAX and the model can be compiled."""
        if not self._compiles():
            return None
        import jax

        values = self._values()
        try:
            run = self._of_variables(self._pass)
            # Settings of the model that are no variables may have changed since, and would not be seen in what is compiled
            # already: that is used again for the same computation alone.
            traced = jax.make_jaxpr(run)(values, self._batch(slice(0, min(self._n, self._batch_size))))
        except RecordError:
            raise
        except Exception:  # it needs the numbers
            return None
        computation = (list(self._model.variables), str(traced.jaxpr))
        if self._compiled is None or not _same(self._compiled[0], computation) or traced.consts:
            self._compiled = (computation, jax.jit(run))
        compiled = self._compiled[1]
        return lambda batch: dict(compiled(values, batch))

    def activations(self) -> dict[str, np.ndarray[Any, Any]]:
        """The layers on all inputs, as they are measured: rows of samples by name."""
        found: dict[str, np.ndarray[Any, Any]] = {}
        if hasattr(self._model, "jax_state_sync"):
            # During an epoch Keras keeps the weights elsewhere.
            self._model.jax_state_sync()
        with _undisturbed():
            compiled = self._compile() or self._pass
            for start in range(0, self._n, self._batch_size):
                rows = slice(start, min(self._n, start + self._batch_size))
                for part, row in compiled(self._batch(rows)).items():
                    values = _ops.convert_to_numpy(row)
                    if part not in found:
                        found[part] = np.empty((self._n, values.shape[1]), dtype=values.dtype)
                    found[part][rows] = values
        lacking = [part for part in self._called if part not in found]
        if lacking:
            raise RecordError(f"the model did not run {', '.join(lacking)} this time; name the layers that it always runs")
        return {called: found[part] for part, called in self._called.items()}

    def record(self, epoch: int, activations: Mapping[str, Any] | None = None, **statistics: float) -> None:
        """Run the model and measure its layers at an epoch, whether or not the schedule wants it.

        Parameters
        ----------
        epoch
            Epochs of training so far; 0 is the untrained network.
        activations
            The layers, where you have them already; see :meth:`activations`.
        **statistics
            ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, and any other numbers.
        """
        self._check()
        if activations is not None:
            super().record(epoch, activations, **statistics)
        else:
            self._room()
            self._record(int(epoch), self.activations(), statistics)

    def epoch(self, epoch: int, activations: Mapping[str, Any] | None = None, **statistics: float) -> bool:
        """Run the model and measure its layers if the schedule wants this epoch; returns whether it did.

        ``epoch`` is the number of epochs of training so far: 0 for the untrained model. Statistics, such as ``loss``,
        ``accuracy``, ``val_loss``, are kept in any case.
        """
        if self.wants(epoch):
            self.record(epoch, activations, **statistics)
            return True
        self.describe(epoch, **statistics)
        return False


if TYPE_CHECKING:

    class _Callback:
        """The class of Keras, whose type is hidden by a decorator."""

        model: Any
        params: Any
else:
    _Callback = keras.callbacks.Callback


class Callback(_Callback):
    """Records a model while `fit` trains it: the untrained model, and after each epoch that the schedule wants.

    The loss and all metrics of `fit` are kept as statistics. When `fit` returns, the run is complete. When an error or Ctrl-C
    ends it before, the run stays as it is, and another `fit` of the same model with the same directory goes on with it, such as
    that of a saved model with ``initial_epoch``, or with `keras.callbacks.BackupAndRestore`.

    Parameters
    ----------
    inputs, labels, layers, run, estimators, target, schedule, positions, name, background, loggers, x, batch_size
        As for :class:`Recorder`.
    epochs
        How many epochs will be trained; what `fit` says unless given.

    Attributes
    ----------
    recorder
        The recorder, from the beginning of the training on.
    run
        The run, when the training has ended.
    """

    def __init__(
        self,
        inputs: Inputs,
        labels: Any = None,
        layers: str | Sequence[str] | None = None,
        *,
        run: str | os.PathLike[str],
        estimators: Any,
        target: Any = None,
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
        x: Any = None,
        batch_size: int = 512,
    ) -> None:
        super().__init__()
        _check_schedule(schedule_of(schedule))
        self._epochs = epochs
        self._settings: dict[str, Any] = {
            "inputs": inputs,
            "labels": labels,
            "target": target,
            "layers": layers,
            "run": run,
            "estimators": estimators_of(estimators),
            "schedule": schedule,
            "positions": positions,
            "name": name,
            "background": background,
            "loggers": loggers_of(loggers),
            "x": x,
            "batch_size": _checked_batch_size(batch_size),
        }
        self.recorder: Recorder | None = None
        self.run: Run | None = None
        self._last: int | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Make the recorder."""
        if self.recorder is not None:
            self.recorder.close()
        epochs = self._epochs if self._epochs is not None else (self.params or {}).get("epochs")
        self.recorder = Recorder(self.model, epochs=epochs, **self._settings)
        self.run = self._last = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Measure the model before its first epoch."""
        # Not when the training begins: other callbacks may load weights then, and the number of the epoch is not told.
        if self._last is None and self.recorder is not None:
            self._last = int(epoch)
            self.recorder.epoch(self._last)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure the model, if the schedule wants this epoch."""
        if self.recorder is None:
            return
        self._last = int(epoch) + 1
        statistics = _statistics(logs or {})
        if getattr(self.model, "stop_training", False):
            # The last epoch is measured in any case, and now: when the training ends, other callbacks may set other weights.
            self.recorder.record(self._last, None, **statistics)
        else:
            self.recorder.epoch(self._last, None, **statistics)

    def on_train_end(self, logs: Any = None) -> None:
        """Complete the run."""
        if self.recorder is None:
            return
        if self._last is None:  # no epoch was to be trained
            self.recorder.close()
        else:
            self.run = self.recorder.finish(last=self._last)
        self.recorder = None


def _is_chain(model: Any) -> bool:
    """Whether each layer is computed from the one before it alone."""
    # Another layer with parts that are measured may use them as it likes.
    return isinstance(model, keras.Sequential) and all(
        _is_chain(layer) if isinstance(layer, keras.Model) else _is_whole(layer) or not _parts(layer) for layer in model.layers
    )


def _statistics(logs: Mapping[str, Any]) -> dict[str, float]:
    """The statistics of an epoch among what `fit` tells: all that is a number."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        metric = name.removeprefix("val_")
        if name in ("self", "epoch", "activations"):
            continue
        with contextlib.suppress(TypeError, ValueError):
            found[name.replace(metric, "accuracy") if metric in _ACCURACIES else name] = float(value)
    return found


def _checked_batch_size(batch_size: int) -> int:
    if batch_size < 1:
        raise ValueError(f"batch_size = {batch_size}; allowed are whole numbers above 0")
    return int(batch_size)


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    if schedule.get("kind") == "delta-exact":
        raise RecordError(
            "schedule = 'delta-exact' goes back to earlier epochs, whose weights are not kept; take 'delta-approximate'"
        )


def _patterns(layers: str | Sequence[str] | None) -> list[str] | None:
    return [layers] if isinstance(layers, str) else None if layers is None else list(layers)


def _inputs(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {str(name): _rows_of(value, f"inputs[{name!r}]") for name, value in given.items()}
    if isinstance(given, (list, tuple)) and given and all(hasattr(one, "shape") for one in given):
        return [_rows_of(one, f"inputs[{place}]") for place, one in enumerate(given)]
    return _rows_of(given, "inputs")


def _rows_of(given: Any, name: str) -> Any:
    try:
        array = array_of(given, name)
    except TypeError as error:
        raise TypeError(
            f"{name} is a {type(given).__name__}; allowed are an array, a list of arrays and a dictionary of arrays: of a data "
            "set give the samples to measure as arrays"
        ) from error
    if array.ndim == 0:
        raise ValueError(f"{name} is a single value; allowed are arrays of one row for each sample")
    return array


def _length(inputs: Any) -> int:
    lengths = {len(array) for array in _arrays(inputs)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"inputs differ in their number of samples, or have none: {sorted(lengths)}")
    return lengths.pop()


def _arrays(inputs: Any) -> list[Any]:
    return list(inputs.values()) if isinstance(inputs, dict) else inputs if isinstance(inputs, list) else [inputs]


def _same_inputs(inputs: Any) -> Any:
    """Which input each sample is: equal ones are the same."""
    return same_rows([_arrays(inputs)])


def _names_as_before(path: str, names: list[str]) -> list[str]:
    """The names that a run has for the layers, where they differ in the numbers of Keras alone."""

    def plain(name: str) -> str:
        return re.sub(r"_\d+(?=$|[\[#/])", "", name)

    try:
        before = [str(layer.get("name", "")) for layer in Run(path).manifest["layers"]]
    except (InfoplaneError, KeyError, TypeError, AttributeError):
        return names  # none, or one that is refused later
    return before if list(map(plain, before)) == list(map(plain, names)) else names


def _same(one: tuple[list[Any], str], other: tuple[list[Any], str]) -> bool:
    """Whether two computations are the same, on the same variables."""
    variables = len(one[0]) == len(other[0]) and all(a is b for a, b in zip(one[0], other[0], strict=True))
    return variables and one[1] == other[1]


def _snake(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()


def _word(function: Any) -> str | None:
    """The name of a nonlinearity; nothing for the identity, and an empty one for what has no name."""
    if function is None or function is keras.activations.linear:
        return None
    name = getattr(function, "__name__", None) or _snake(type(function).__name__)
    return _NONLINEARITIES.get(name, "" if name.startswith("<") else name.strip("_").replace("_", "-"))


def _is_norm(layer: Any) -> bool:
    return "norm" in type(layer).__name__.lower() and not _parts(layer)


def _is_nonlinearity(layer: Any) -> bool:
    if isinstance(layer, (keras.layers.Activation, keras.layers.PReLU)):
        return True
    return _snake(type(layer).__name__) in _NONLINEARITIES and not layer.weights


def _channels_last(layer: Any) -> bool:
    """Whether units are on the last axis of its output."""
    inner = layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
    if isinstance(inner, _UNITS_LAST):
        return True
    return bool((getattr(inner, "data_format", None) or keras.config.image_data_format()) == "channels_last")


def _is_whole(layer: Any) -> bool:
    """Whether what is in it belongs to it."""
    if isinstance(layer, keras.Model):
        return False
    return isinstance(layer, _WHOLE) or type(layer).__module__.partition(".")[0] == "keras"


def _parts(layer: Any) -> list[Any]:
    return list(layer.layers if isinstance(layer, keras.Model) else layer._flatten_layers(include_self=False, recursive=False))


def _walk(layer: Any, around: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The layers in a layer, with the names of those around them."""
    for one in _parts(layer):
        if not isinstance(one, keras.layers.InputLayer):
            names = (*around, one.name)
            yield names, one
            if not _is_whole(one):
                yield from _walk(one, names)


class _Chosen:
    """The layers of a model that are measured."""

    def __init__(self, model: Any, patterns: Sequence[str] | None) -> None:
        self.follows = patterns is None
        found: dict[int, tuple[tuple[str, ...], Any]] = {}
        for names, layer in [((model.name,), model)] if _is_whole(model) else _walk(model):
            found.setdefault(id(layer), (names, layer))
        short = [names[-1] for names, _ in found.values()]
        known = {names[-1] if short.count(names[-1]) == 1 else "/".join(names): layer for names, layer in found.values()}
        if patterns is None:
            self.layers = {name: layer for name, layer in known.items() if _is_layer(layer)}
            if not self.layers:
                raise RecordError("the model has no layer with weights; name its layers with layers")
        else:
            for pattern in patterns:
                if not any(fnmatch.fnmatchcase(name, pattern) for name in known):
                    raise RecordError(f"layers = {pattern!r} matches no layer; there are {', '.join(known)}")
            self.layers = {n: layer for n, layer in known.items() if any(fnmatch.fnmatchcase(n, pattern) for pattern in patterns)}
        self.names = {id(layer): name for name, layer in self.layers.items()}
        #: The nonlinearity of each.
        self.nonlinearity: dict[str, str] = {}
        self._calls: dict[str, int] = {}

    def name(self, name: str, call: int) -> str:
        """Of layers that are called several times each call has a number."""
        return f"{name}#{call + 1}" if self._calls.get(name, 1) > 1 else name

    def observe(self, run: Callable[[], None], first: bool = False) -> _Watch:
        """Runs the model once, and returns what its layers gave."""
        watch = _Watch(self)
        with watch.following():
            run()
        if not first:
            return watch
        self._calls = watch.counts
        lacking = [name for name in self.layers if name not in watch.counts]
        if lacking and not self.follows:
            raise RecordError(
                f"the model does not call the layer{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}, but uses the weights "
                "otherwise or not at all; name the layer around"
            )
        if not watch.outputs:
            raise RecordError("the model called no layer whose output is a tensor of rows of samples; name them with layers")
        self.nonlinearity = {self.name(*key): word for key, word in watch.words.items()}
        return watch


def _is_layer(layer: Any) -> bool:
    """Whether it has weights of its own, and is neither norm nor nonlinearity."""
    if _is_norm(layer) or _is_nonlinearity(layer) or not layer.weights:
        return False
    return _is_whole(layer) or not any(inner.weights for _, inner in _walk(layer))


class _Watch:
    """Follows outputs of layers through the layers and functions that are applied to them.

    Keras has no hooks. While the model runs, calls of layers go through here; those of other threads do not.
    """

    def __init__(self, chosen: _Chosen) -> None:
        self._chosen = chosen
        #: Calls of each layer.
        self.counts: dict[str, int] = {}
        # What each layer gave, by name and number of the call, in the order of the calls; then after one nonlinearity, after
        # two, each with its name.
        self._stages: dict[tuple[str, int], list[tuple[Any, str | None]]] = {}
        # The first of these that something else uses, too.
        self._used: dict[tuple[str, int], int] = {}
        # Tensors that are a layer's output by now, with its number of nonlinearities. They are held, so that no other takes
        # their place in memory.
        self._live: dict[int, tuple[Any, tuple[str, int], int]] = {}
        # Within a layer, or a function that is followed.
        self._inside = False

    @property
    def outputs(self) -> dict[tuple[str, int], Any]:
        """The layers, by name and number of the call, in the order of the calls."""
        return {key: stages[self._stage(key)][0] for key, stages in self._stages.items()}

    @property
    def words(self) -> dict[tuple[str, int], str]:
        """The nonlinearity of each, where there is one."""
        found = {key: stages[self._stage(key)][1] for key, stages in self._stages.items()}
        return {key: word for key, word in found.items() if word is not None}

    def _stage(self, key: tuple[str, int]) -> int:
        last = len(self._stages[key]) - 1
        return min(last, self._used.get(key, last))

    @contextlib.contextmanager
    def following(self) -> Generator[None]:
        """Follows what this thread computes."""
        thread = threading.get_ident()
        replaced: list[tuple[Any, str, Any]] = []

        def replace(owner: Any, name: str, follow: Callable[..., Any]) -> None:
            original = vars(owner)[name]

            @functools.wraps(original)
            def call(*args: Any, **kwargs: Any) -> Any:
                if self._inside or threading.get_ident() != thread:
                    return original(*args, **kwargs)
                return follow(original, args, kwargs)

            replaced.append((owner, name, original))
            setattr(owner, name, call)

        with _FOLLOWING:
            try:
                replace(keras.Layer, "__call__", self._of_layer)
                if self._chosen.follows:
                    replace(keras.Operation, "__call__", self._of_operation)
                    for module in _modules():
                        for name in (*_NONLINEARITIES, *_FUNCTIONS_THROUGH):
                            if callable(vars(module).get(name)):
                                replace(module, name, functools.partial(self._of_function, _NONLINEARITIES.get(name)))
                yield
            finally:
                for owner, name, original in reversed(replaced):
                    setattr(owner, name, original)
                self._live.clear()

    def _of_layer(self, original: Any, args: Any, kwargs: Any) -> Any:
        layer = args[0]
        name = self._chosen.names.get(id(layer))
        if not self._chosen.follows:
            result = original(*args, **kwargs)
            if name is not None:
                self._gave(name, result, None)
            return result
        if name is not None:
            self._uses(args, kwargs)
            result = self._within(original, args, kwargs)
            inner = layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
            # The activation of a recurrent layer is within.
            self._gave(name, result, None if isinstance(inner, _WHOLE) else _word(getattr(inner, "activation", None)))
            return result
        kind = _snake(type(layer).__name__)
        if _is_nonlinearity(layer):
            word = _word(layer.activation) if isinstance(layer, keras.layers.Activation) else _NONLINEARITIES[kind]
            return self._followed(word, original, args, kwargs)
        if _is_norm(layer) or (_THROUGH.search(kind) and not _parts(layer)):
            return self._followed(None, original, args, kwargs)
        if not _parts(layer):
            self._uses(args, kwargs)
        return original(*args, **kwargs)

    def _of_operation(self, original: Any, args: Any, kwargs: Any) -> Any:
        """Of the graph of a functional model."""
        if isinstance(args[0], keras.Layer):
            return original(*args, **kwargs)
        kind = _snake(type(args[0]).__name__)
        if kind in _NONLINEARITIES or _THROUGH.search(kind):
            return self._followed(_NONLINEARITIES.get(kind), original, args, kwargs)
        self._uses(args, kwargs)
        return original(*args, **kwargs)

    def _of_function(self, word: str | None, original: Any, args: Any, kwargs: Any) -> Any:
        return self._followed(word, original, (None, *args), kwargs, original_takes=1)

    def _followed(self, word: str | None, original: Any, args: Any, kwargs: Any, original_takes: int = 0) -> Any:
        """A nonlinearity, or what leaves a layer the same; the first of the arguments is its object."""
        result = self._within(original, args[original_takes:], kwargs)
        given = args[1] if len(args) > 1 else next(iter(kwargs.values()), None)
        known = self._live.get(id(given))
        # Dropout that is not training gives back what it was given.
        if known is not None and (result is not given or word is not None) and hasattr(result, "shape"):
            _, key, stage = known
            if word is not None:
                stage += 1
                # Of two nonlinearities that are applied to the same one, neither is the layer's.
                if stage < len(self._stages[key]):
                    self._use(key, stage - 1)
                else:
                    self._stages[key].append((result, word))
            self._live[id(result)] = (result, key, stage)
        return result

    def _within(self, original: Any, args: Any, kwargs: Any) -> Any:
        self._inside = True
        try:
            return original(*args, **kwargs)
        finally:
            self._inside = False

    def _gave(self, name: str, result: Any, word: str | None) -> None:
        tensor = _tensor_of(result)
        if tensor is not None:
            key = (name, self.counts.get(name, 0))
            self.counts[name] = key[1] + 1
            self._stages[key] = [(tensor, word)]
            self._live[id(tensor)] = (tensor, key, 0)

    def _uses(self, args: Any, kwargs: Any) -> None:
        """Something else than a nonlinearity takes these."""
        for given in keras.tree.flatten((args[1:], kwargs)):
            known = self._live.get(id(given))
            if known is not None:
                self._use(known[1], known[2])

    def _use(self, key: tuple[str, int], stage: int) -> None:
        self._used[key] = min(stage, self._used.get(key, stage))


def _modules() -> list[Any]:
    """Modules with the functions that are followed; those of the backend are beneath all others, however they are imported."""
    modules = [keras.ops, keras.activations]
    with contextlib.suppress(ImportError, AttributeError):
        from keras.src import backend

        modules += [backend.nn, backend.numpy]
    return modules


def _tensor_of(output: Any) -> Any:
    """The tensor of what a layer returns: itself, or the first one in a tuple or a dictionary."""
    if hasattr(output, "shape") and hasattr(output, "dtype"):
        if len(output.shape) == 0 or not keras.backend.standardize_dtype(output.dtype).startswith(("float", "bfloat")):
            return None
        return output
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return next((found for found in map(_tensor_of, output) if found is not None), None)
    return None


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Runs a model without leaving a trace in its variables or in random generators."""
    python, numpy_state = random.getstate(), np.random.get_state()
    try:
        with contextlib.ExitStack() as stack:
            if keras.backend.backend() == "torch":
                import torch

                devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
                stack.enter_context(torch.random.fork_rng(devices=devices))
                stack.enter_context(torch.no_grad())
            # What the model assigns to variables, such as the states of random generators and of metrics, is not kept.
            stack.enter_context(keras.StatelessScope())
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)

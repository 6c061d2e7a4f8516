"""Information planes of neural networks: what their layers know of the input and of the label while they learn.

Estimates of arrays are :func:`mutual_information` and its kin; :func:`layer_information` measures one layer. A network of PyTorch is
recorded by :class:`infoplane.torch.Recorder`, of Keras by :class:`infoplane.keras.Recorder`, and of anything else by
:class:`Recorder`; :func:`load` reads a run. A :class:`Sweep` computes many, here or on many machines.
"""

from __future__ import annotations

from . import estimators
from ._errors import (
    EstimateError,
    ExperimentError,
    InfoplaneError,
    InfoplaneWarning,
    RecordError,
    RunError,
    SweepError,
    UndeterminedError,
)
from ._estimate import (
    Estimator,
    conditional_mutual_information,
    entropy,
    lagged_information,
    layer_information,
    mutual_information,
    normalised_information,
    set_threads,
    total_correlation,
    transfer_entropy,
    unit_information,
)
from ._experiment import PooledNetworks, as_if_random, calibrate, experiment, resume, run, samples
from ._layers import (
    InputInformation,
    LayerPairs,
    effective_rank,
    input_information,
    layer_pair_information,
    linear_cka,
    participation_ratio,
)
from ._native import __version__
from ._rank import Ranking, rank
from ._recorder import Recorder, record
from ._results import Atom, Estimate, Information, Interval, LayerReading, LayerUnits, NormalisedInformation, UnitInformation
from ._runs import Run, Table, compare, load
from ._sweep import Sweep, SweepResult, load_sweep
from ._sweep_work import SweepCell
from .estimators import *  # noqa: F403

__all__ = [
    "Atom",
    "Estimate",
    "EstimateError",
    "Estimator",
    "ExperimentError",
    "InfoplaneError",
    "InfoplaneWarning",
    "Information",
    "InputInformation",
    "Interval",
    "LayerPairs",
    "LayerReading",
    "LayerUnits",
    "NormalisedInformation",
    "PooledNetworks",
    "Ranking",
    "RecordError",
    "Recorder",
    "Run",
    "RunError",
    "Sweep",
    "SweepCell",
    "SweepError",
    "SweepResult",
    "Table",
    "UndeterminedError",
    "UnitInformation",
    "__version__",
    "as_if_random",
    "calibrate",
    "compare",
    "conditional_mutual_information",
    "effective_rank",
    "entropy",
    "experiment",
    "input_information",
    "lagged_information",
    "layer_information",
    "layer_pair_information",
    "linear_cka",
    "load",
    "load_sweep",
    "mutual_information",
    "normalised_information",
    "participation_ratio",
    "rank",
    "record",
    "resume",
    "run",
    "samples",
    "set_threads",
    "total_correlation",
    "transfer_entropy",
    "unit_information",
]
__all__ += estimators.__all__

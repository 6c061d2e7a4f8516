"""Layers against layers, and a layer against the parts of the inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import Numbers, numbers
from ._estimate import Estimator, estimator_of, warn, whole

_LN_2 = math.log(2.0)


@dataclass(frozen=True, repr=False, eq=False)
class LayerPairs:
    """What one setting of an estimator says of all pairs of layers; see :func:`infoplane.layer_pair_information`."""

    #: The estimator.
    estimator: str
    #: The setting, as rows and figures print it.
    setting: str
    #: Of bounds: which.
    bound: Literal["lower", "upper"] | None
    #: I(Tᵢ;Tⱼ) in nats, a symmetric matrix; ``nan`` where there is none.
    nats: NDArray[np.float64]
    #: Its standard errors in nats; of ``noise`` and of corrected counts.
    standard_error: NDArray[np.float64] | None
    #: The same values with the rows of the later layer in another order, which is chance; of estimators that have cells.
    shuffled: NDArray[np.float64] | None
    #: How many cells of each layer hold a sample; of estimators that have cells.
    n_cells: tuple[int, ...] | None
    #: How many samples of each layer are alone in their cell.
    n_alone: tuple[int, ...] | None
    #: How many values of each layer lie outside the bins.
    out_of_range: tuple[int, ...] | None
    #: Why there is no value, by the places of the layers.
    missing: dict[tuple[int, int], str]

    @property
    def bits(self) -> NDArray[np.float64]:
        """I(Tᵢ;Tⱼ) in bits."""
        return self.nats / _LN_2

    def __repr__(self) -> str:
        setting = ", ".join(filter(None, [self.setting, self.bound and f"{self.bound} bound"]))
        return f"<I(Tᵢ;Tⱼ) of {len(self.nats)} layers by {self.estimator}{setting and f' ({setting})'}>"


@dataclass(frozen=True, repr=False, eq=False)
class InputInformation:
    """What a layer tells of each part of the inputs; see :func:`infoplane.input_information`."""

    #: The estimator.
    estimator: str
    #: Its setting.
    setting: str
    #: How many samples there are.
    n_samples: int
    #: How many of them are alone in their cell of the layer.
    n_alone: int
    #: H(T) of the cells, in nats.
    layer_entropy: float
    #: I(X_p;T) of each part, in nats.
    nats: NDArray[np.float64]
    #: The same with the rows of the layer in another order, which is chance.
    shuffled: NDArray[np.float64]
    #: H(X_p) of each part, in nats: the most that the layer can tell.
    entropy: NDArray[np.float64]
    #: How many different values each part has.
    n_values: NDArray[np.int64]

    @property
    def bits(self) -> NDArray[np.float64]:
        """I(X_p;T) in bits."""
        return self.nats / _LN_2

    def __repr__(self) -> str:
        setting = f" ({self.setting})" if self.setting else ""
        return f"<I(X_p;T) of {len(self.nats)} parts by {self.estimator}{setting}, n = {self.n_samples}>"


def layer_pair_information(
    layers: Sequence[Any], estimator: str | Estimator | Mapping[str, Any] = "binned", **settings: Any
) -> list[LayerPairs]:
    """Estimate I(Tᵢ;Tⱼ) of all pairs of the layers of a network.

    Parameters
    ----------
    layers
        The activations of each layer, ``(n_samples, width)``, of the same samples in the same order.
    estimator, **settings
        By cells (``"binned"``, ``"plug-in"`` and other counts) the values are those of counts, with H(Tᵢ) on the diagonal. With noise
        (``"noise"``, ``"kde"``) it is independent from layer to layer, and the diagonal is of two noisy copies; ``"kde"`` gives an upper
        and a lower bound. By others each pair is estimated as :func:`infoplane.mutual_information` does, and the diagonal is infinite.

    Returns
    -------
    list of LayerPairs
        One for each setting and bound: two for each noise variance of ``kde``.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> first = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    >>> pairs = infoplane.layer_pair_information([first, first[:, :1]], "plug-in")[0]
    >>> pairs.bits.round(6).tolist()
    [[2.0, 1.0], [1.0, 1.0]]
    """
    made = estimator_of(estimator, settings)
    if isinstance(layers, (np.ndarray, str)) or not isinstance(layers, Sequence):
        raise TypeError("layers is a list of arrays, one for each layer")
    rows = _same_length([numbers(layer, f"layers[{place}]") for place, layer in enumerate(layers)])
    found = _native.estimate_layer_pairs(made.name, made.settings, rows)
    warn(list(dict.fromkeys(word for reading in found for word in reading["warnings"])))
    return [_pairs_of(reading) for reading in found]


def input_information(
    inputs: Any,
    layer: Any,
    estimator: str | Estimator | Mapping[str, Any] = "binned",
    *,
    input_bins: int | None = None,
    groups: Sequence[Sequence[int]] | None = None,
    **settings: Any,
) -> InputInformation:
    """Estimate what a layer tells of each part of the inputs, I(X_p;T): of features, pixels or positions.

    Parameters
    ----------
    inputs
        The inputs, ``(n_samples, n_features)``. The distinct values of a column are its symbols. Images as ``(n, height, width)`` are
        reshaped by ``inputs.reshape(len(inputs), -1)``.
    layer
        The activations, ``(n_samples, width)``.
    estimator, **settings
        An estimator of bins or of counts, which makes cells of the layer.
    input_bins
        Columns with more values are cut into so many bins with equally many samples. Numbers that never repeat need it.
    groups
        Columns that are taken together, by their places: ``[[0, 1, 2], [3, 4, 5]]`` are two positions of three columns.

    Returns
    -------
    InputInformation
        With the values of the layer's rows in another order beside it, which are chance. Where nearly every sample is alone in its cell,
        both are H(X_p), whatever the network.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    >>> infoplane.input_information(x, 5.0 * x[:, 1], "plug-in").bits.round(6).tolist()
    [0.0, 1.0]
    """
    made = estimator_of(estimator, settings)
    x, t = numbers(inputs, "inputs"), numbers(layer, "layer")
    if len(x) != len(t):
        raise ValueError(f"inputs has {len(x)} samples and layer has {len(t)}; each row of one needs one of the other")
    bins = None if input_bins is None else whole("input_bins", input_bins, 2, 65536)
    width = x.shape[1]
    chosen = None if groups is None else [[whole("a column of groups", column, 0, width - 1) for column in group] for group in groups]
    found = _native.estimate_input_parts(made.name, made.settings, x, t, bins, chosen)
    return InputInformation(
        estimator=found["estimator"],
        setting=found["setting"],
        n_samples=found["n_samples"],
        n_alone=found["n_alone"],
        layer_entropy=found["layer_entropy_nats"],
        nats=np.array(found["nats"]),
        shuffled=np.array(found["shuffled_nats"]),
        entropy=np.array(found["entropy_nats"]),
        n_values=np.array(found["n_values"], dtype=np.int64),
    )


def linear_cka(a: Any, b: Any, unbiased: bool = False) -> float:
    """Compute the linear centred kernel alignment of two layers (Kornblith et al. 2019).

    With centred columns it is ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖), 1 for layers that differ by an orthogonal map, scale and shift. It is far above 0
    for independent layers with as many columns as samples: .67 for 512 columns and 256 samples.

    Parameters
    ----------
    a, b
        Activations of the same samples, ``(n_samples, width)``.
    unbiased
        Whether to use the unbiased estimate of each term (Song et al. 2012), which is about 0 for independent layers, and needs four
        samples.

    Raises
    ------
    UndeterminedError
        For a layer that never changes.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> x = np.arange(6.0)
    >>> round(infoplane.linear_cka(x, x**2), 6), round(infoplane.linear_cka(x, x**2, unbiased=True), 6)
    (0.921376, 0.950099)
    """
    first, second = numbers(a, "a"), numbers(b, "b")
    if len(first) != len(second):
        raise ValueError(f"a has {len(first)} samples and b has {len(second)}; each row of one needs one of the other")
    return _native.layer_similarity(first, second, bool(unbiased))


def effective_rank(layer: Any) -> float:
    """Compute the effective rank of a layer (Roy & Vetterli 2007).

    With the singular values σ of its centred columns and p = σ / Σσ it is exp(−Σ p ln p): k for k directions of equal size, and at most
    the rank.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> round(infoplane.effective_rank(np.array([[3, 1], [3, -1], [-3, 1], [-3, -1]])), 6)
    1.754765
    """
    return _native.layer_rank(numbers(layer, "layer"))[0]


def participation_ratio(layer: Any) -> float:
    """Compute the participation ratio of a layer with centred columns, (Σσ²)² / Σσ⁴ of its singular values.

    It is k for k directions of equal size, and at most the effective rank.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> round(infoplane.participation_ratio(np.array([[3, 1], [3, -1], [-3, 1], [-3, -1]])), 6)
    1.219512
    """
    return _native.layer_rank(numbers(layer, "layer"))[1]


def _same_length(layers: list[Numbers]) -> list[Numbers]:
    for place, layer in enumerate(layers):
        if len(layer) != len(layers[0]):
            raise ValueError(
                f"layers[{place}] has {len(layer)} samples and layers[0] has {len(layers[0])}; each layer needs a row of each sample"
            )
    return layers


def _pairs_of(found: dict[str, Any]) -> LayerPairs:
    n_layers = found["n_layers"]
    above = np.triu_indices(n_layers)

    def matrix(values: list[float | None]) -> NDArray[np.float64]:
        filled = np.full((n_layers, n_layers), np.nan)
        filled[above] = np.array(values, dtype=np.float64)
        filled.T[above] = filled[above]
        return filled

    def given(values: list[float | None]) -> NDArray[np.float64] | None:
        return None if all(value is None for value in values) else matrix(values)

    def of_layers(name: str) -> tuple[int, ...] | None:
        return None if found[name] is None else tuple(found[name])

    return LayerPairs(
        estimator=found["estimator"],
        setting=found["setting"],
        bound=found["bound"],
        nats=matrix(found["nats"]),
        standard_error=given(found["standard_error_nats"]),
        shuffled=given(found["shuffled_nats"]),
        n_cells=of_layers("n_cells"),
        n_alone=of_layers("n_alone"),
        out_of_range=of_layers("out_of_range"),
        missing={(first, second): reason for first, second, reason in found["missing"]},
    )

"""Sums over the pairs of rows of a layer, and its bins, by PyTorch in double precision on the device where the layer is.

What is computed here is all of `kde`, `noise` and `binned` that grows with the layer; the native code makes readings of it, as it
does of its own sums. Products are those of float64, which no setting of PyTorch makes less precise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from . import _native
from ._arrays import Codes, Numbers, numbers
from ._estimate import Estimator
from ._recorder import Elsewhere

#: Numbers of a block of pairs: 64 MiB in double precision.
_BLOCK = 1 << 23

#: Numbers of random draws that stay on a device: 256 MiB.
_KEPT = 1 << 25

#: Beyond it squares leave the range of double precision.
_LARGEST = 1e100

#: Up to this error of ‖tᵢ − tⱼ‖² / 2σ² squared distances come from products.
_ROUNDING = 1e-10


def computable(estimator: Estimator) -> bool:
    """Whether an estimator can be computed here."""
    settings = estimator.settings
    if estimator.name == "binned":
        ranged = settings.get("rule") in ("edges", "equal")
        of_numbers = isinstance(settings.get("range"), (list, tuple)) or settings.get("range") == "activation"
        return settings.get("rule") in ("floor", "exact") or (ranged and of_numbers)
    return estimator.name in ("kde", "noise")


def has_double_precision(device: torch.device) -> bool:
    """Whether a device computes in double precision; that of Apple does not."""
    return str(device.type) != "mps"


class Sums:
    """Computes what estimators need of layers that are observed on the same samples.

    With ``shuffled`` sums are also taken within the labels in random order.
    """

    def __init__(self, estimators: Sequence[Estimator], labels: Codes, inputs: Codes | None, shuffled: bool) -> None:
        self._estimators = list(estimators)
        codes = [np.arange(len(labels)) if inputs is None else inputs, labels]
        if shuffled:
            codes.append(_native.shuffled_labels(labels))
        self._labellings = [_Labelling(of) for of in codes]
        self._normals: dict[tuple[int, int, int, torch.device], torch.Tensor] = {}

    def source(self, t: torch.Tensor, nonlinearity: str, name: str) -> Numbers | Elsewhere:
        """What the native code takes in place of the values of a layer, ``(n_samples, width)``."""
        t = t.detach()
        computed = [self._computed(place, t, nonlinearity) for place in range(len(self._estimators))] if _ordinary(t) else []
        lacking = not computed or None in computed
        values = numbers(t, name) if lacking else None
        if values is not None and not any(computed):
            return values
        return Elsewhere((int(t.shape[0]), int(t.shape[1])), values, computed)

    def _computed(self, place: int, t: torch.Tensor, nonlinearity: str) -> dict[str, Any] | None:
        estimator = self._estimators[place]
        if not computable(estimator):
            return None
        if estimator.name == "binned":
            return _symbols(t, estimator.settings, nonlinearity)
        settings = estimator.settings
        variances = [float(variance) for variance in settings["noise_variances"]]
        pairs = _Pairs(t.double(), self._labellings, min(variances))
        kernels: Sequence[Any] = [None] * len(variances)
        if estimator.name == "kde" or settings.get("bounds"):
            kernels = pairs.kernel_means(variances)
        logarithms: Sequence[Any] = [[]] * len(variances)
        if estimator.name == "noise":
            points, draws = _native.noise_points(settings, len(t))
            normals = [self._draw(place, draw, points, t) for draw in range(draws)]
            logarithms = [pairs.noisy_logarithms(variance, points, normals) for variance in variances]
        return {
            "constant": bool((t == t[0]).all()),
            "variances": [{"kernels": of, "logarithms": noisy} for of, noisy in zip(kernels, logarithms, strict=True)],
        }

    def _draw(self, place: int, draw: int, points: Codes, t: torch.Tensor) -> torch.Tensor:
        """Standard normal numbers for the rows that get noise, the same as the native code's and at every epoch."""
        width = int(t.shape[1])
        key = (place, draw, width, t.device)
        found = self._normals.get(key)
        if found is None:
            normals = _native.noise_normals(self._estimators[place].settings, draw, points, width)
            found = torch.from_numpy(normals).to(t.device)
            if sum(kept.numel() for kept in self._normals.values()) + found.numel() <= _KEPT:
                self._normals[key] = found
        return found


class _Labelling:
    """Labels of samples, on the device that asks for them."""

    def __init__(self, codes: Codes) -> None:
        _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        self._codes = torch.from_numpy(inverse.reshape(-1).astype(np.int64))
        sizes = torch.from_numpy(counts.astype(np.float64))[self._codes]
        self._logarithms = torch.log(sizes)
        self.all_distinct = bool(counts.max() == 1)
        self.one_class = len(counts) == 1
        #: Mean of the logarithms of the sizes of classes, exactly that of the number of samples where there is one class.
        self.mean_logarithm = math.log(len(codes)) if self.one_class else float(self._logarithms.mean())

    def same(self, rows: torch.Tensor) -> torch.Tensor:
        """Whether samples have the label of these rows, ``(rows, n_samples)``."""
        codes = self._codes.to(rows.device)
        return codes[rows][:, None] == codes[None, :]

    def log_sizes(self, rows: torch.Tensor) -> torch.Tensor:
        """The logarithm of the number of samples that have the label of these rows."""
        return self._logarithms.to(rows.device)[rows]


class _Pairs:
    """The pairs of rows of a layer, in blocks of rows against all."""

    def __init__(self, t: torch.Tensor, labellings: Sequence[_Labelling], smallest: float) -> None:
        # Distances do not depend on where the origin is, but their rounding does.
        self._t = t - t.mean(0)
        self._labellings = labellings
        self._norms = (self._t * self._t).sum(1)
        rounding = 4.0 * float(self._norms.max()) * torch.finfo(torch.float64).eps
        self._by_products = rounding / (2.0 * smallest) <= _ROUNDING

    def _blocks(self, rows: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        size = max(1, _BLOCK // len(self._t))
        for start in range(0, len(rows), size):
            place = slice(start, min(len(rows), start + size))
            yield place, rows[place]

    def _squared(self, rows: torch.Tensor) -> torch.Tensor:
        """Squared distances of these rows from all, ``(rows, n_samples)``."""
        if self._by_products:
            squared = torch.mm(self._t[rows], self._t.T).mul_(-2.0)
            squared.add_(self._norms[None, :]).add_(self._norms[rows][:, None]).clamp_(min=0.0)
        else:
            distances = torch.cdist(self._t[rows], self._t, compute_mode="donot_use_mm_for_euclid_dist")
            squared = distances.mul_(distances)
        squared[torch.arange(len(rows), device=rows.device), rows] = 0.0
        return squared

    def kernel_means(self, variances: Sequence[float]) -> list[list[tuple[float, float]]]:
        """For each noise variance the means of the logarithms of both mean kernels: over all samples, and within each labelling."""
        n = len(self._t)
        within = [labelling for labelling in self._labellings if not (labelling.all_distinct or labelling.one_class)]
        sums = self._t.new_empty((len(variances), 1 + len(within), 2, n))
        for place, rows in self._blocks(torch.arange(n, device=self._t.device)):
            squared = self._squared(rows)
            same = [labelling.same(rows) for labelling in within]
            for sums_of, variance in zip(sums, variances, strict=True):
                for kernel, factor in enumerate((2.0, 8.0)):
                    values = torch.exp(squared * (-1.0 / (factor * variance)))
                    sums_of[0, kernel, place] = values.sum(1)
                    for sums_within, alike in zip(sums_of[1:], same, strict=True):
                        sums_within[kernel, place] = torch.where(alike, values, 0.0).sum(1)
        means = torch.log(sums).mean(-1).tolist()
        found = []
        for of_variance in means:
            every = (of_variance[0][0] - math.log(n), of_variance[0][1] - math.log(n))
            rest = iter(of_variance[1:])
            of_labellings = [every]
            for labelling in self._labellings:
                if labelling.all_distinct:
                    of_labellings.append((0.0, 0.0))
                elif labelling.one_class:
                    of_labellings.append(every)
                else:
                    first, second = next(rest)
                    of_labellings.append((first - labelling.mean_logarithm, second - labelling.mean_logarithm))
            found.append(of_labellings)
        return found

    def noisy_logarithms(self, variance: float, points: Codes, normals: Sequence[torch.Tensor]) -> list[np.ndarray[Any, Any]]:
        """For each labelling the logarithms of mean kernels around rows with noise, within labels less over all: ``(draws, points)``."""
        n = len(self._t)
        found = self._t.new_zeros((len(self._labellings), len(normals), len(points)))
        for place, rows in self._blocks(torch.from_numpy(points).to(self._t.device)):
            squared = self._squared(rows)
            own = torch.arange(len(rows), device=rows.device), rows
            same = [None if labelling.all_distinct or labelling.one_class else labelling.same(rows) for labelling in self._labellings]
            for draw, standard in enumerate(normals):
                z = standard[place] * math.sqrt(variance)
                # ‖z‖² − ‖tᵢ + z − tⱼ‖² = −‖tᵢ − tⱼ‖² − 2z·(tᵢ − tⱼ)
                shift = torch.mm(z, self._t.T).mul_(-1.0).add_((z * self._t[rows]).sum(1)[:, None])
                exponents = shift.mul_(2.0).add_(squared).mul_(-1.0 / (2.0 * variance))
                exponents[own] = 0.0
                every = torch.logsumexp(exponents, 1) - math.log(n)
                for of_labelling, labelling, alike in zip(found, self._labellings, same, strict=True):
                    if labelling.all_distinct:
                        of_labelling[draw, place] = -every
                    elif alike is not None:
                        among = torch.logsumexp(torch.where(alike, exponents, -math.inf), 1)
                        of_labelling[draw, place] = among - labelling.log_sizes(rows) - every
        return [of_labelling.cpu().numpy() for of_labelling in found]


def _ordinary(t: torch.Tensor) -> bool:
    """Whether all values are finite, and none so large that squares are not."""
    if not t.dtype.is_floating_point or t.numel() == 0:
        return False
    low, high = (float(value) for value in torch.aminmax(t))
    return -_LARGEST < low and high < _LARGEST


def _symbols(t: torch.Tensor, settings: dict[str, Any], nonlinearity: str) -> dict[str, Any] | None:
    """Which rows have the same bins, and how many values lie outside of these."""
    values = t.double()
    if settings["rule"] == "exact":
        cells, outside = (values + 0.0).view(torch.int64), 0
    elif settings["rule"] == "floor":
        bins = torch.floor(values / float(settings["bin_width"]))
        if float(bins.abs().max()) >= 2.0**52:
            return None
        cells, outside = bins.to(torch.int64), 0
    else:
        given = settings["range"]
        bounds = _native.activation_range(nonlinearity) if isinstance(given, str) else given
        if bounds is None:
            return None
        cells, outside = _even(values, float(bounds[0]), float(bounds[1]), int(settings["bins"]), settings["rule"] == "equal")
    return {"symbols": _by_appearance(_rows_alike(cells).cpu().numpy()), "out_of_range": outside}


def _even(t: torch.Tensor, low: float, high: float, bins: int, closed: bool) -> tuple[torch.Tensor, int]:
    """The bins of values between edges as those of `numpy.linspace`; the upper edge is in the last one if ``closed``."""
    top = float(bins if closed else bins - 1)
    step, scale = (high - low) / top, top / (high - low)
    guess = torch.floor((t - low) * scale).clamp_(0.0, top)

    def edge(place: torch.Tensor) -> torch.Tensor:
        # Two roundings, as everywhere else: a fused product and sum would have other edges.
        return torch.where(place == top, high, place * step + low)

    # Rounding may put a value beside an edge on its wrong side, so the edges themselves decide.
    found = torch.where(t >= edge(guess + 1.0), guess + 1.0, guess)
    found = torch.where(t < edge(guess), guess - 1.0, found)
    last = torch.where(t <= high, top - 1.0, top) if closed else torch.full_like(t, top)
    found = torch.where(t < low, -1.0, torch.minimum(found, last))
    return found.to(torch.int64), int(((t < low) | (t > high)).sum())


def _by_appearance(codes: Codes) -> Codes:
    """The codes 0, 1, … in the order in which they appear: as the native code numbers cells, so that its sums have the same bits."""
    _, first = np.unique(codes, return_index=True)
    numbers_of = np.empty(len(first), dtype=np.int64)
    numbers_of[np.argsort(first)] = np.arange(len(first))
    return np.asarray(numbers_of[codes])


def _rows_alike(cells: torch.Tensor) -> torch.Tensor:
    """One code for each row of whole numbers, the same for equal rows."""
    low, high = (int(value) for value in torch.aminmax(cells))
    if high - low >= 1 << 31:
        cells = torch.unique(cells, return_inverse=True)[1]
        low, high = 0, int(cells.max())
    span = high - low + 1
    n, width = cells.shape
    codes = torch.zeros(n, dtype=torch.int64, device=cells.device)
    # As many columns at once as fit into 62 bits beside the codes of those before.
    at_once = max(1, int((62 - n.bit_length()) // math.log2(max(2, span))))
    for start in range(0, width, at_once):
        for column in range(start, min(width, start + at_once)):
            codes = codes * span + (cells[:, column] - low)
        codes = torch.unique(codes, return_inverse=True)[1]
    return codes

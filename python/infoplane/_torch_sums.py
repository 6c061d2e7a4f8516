"""Sums over the pairs of rows of a layer, and its bins, by PyTorch in double precision on the device where the layer is.

What is computed here is all of `kde`, `noise` and `binned` that grows with the layer; the native code makes readings of it, as it
does of its own sums. Products are those of float64, which no setting of PyTorch makes less precise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
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

    With ``shuffled`` sums are also taken within the labels in random order; with ``values`` the values come along, for what is not
    computed of sums.
    """

    def __init__(
        self,
        estimators: Sequence[Estimator],
        labels: Codes,
        inputs: Codes | None,
        shuffled: bool,
        values: bool = False,
    ) -> None:
        self._estimators = list(estimators)
        self._values = values
        codes = [np.arange(len(labels)) if inputs is None else inputs, labels]
        if shuffled:
            codes.append(_native.shuffled_labels(labels))
        self._labellings = [_Labelling(of) for of in codes]
        self._normals: dict[tuple[int, int, int, int, torch.device], torch.Tensor] = {}

    def source(self, t: torch.Tensor, nonlinearity: str, name: str) -> Numbers | Elsewhere:
        """What the native code takes in place of the values of a layer, ``(n_samples, width)``."""
        t = t.detach()
        computed = [self._computed(place, t, nonlinearity) for place in range(len(self._estimators))] if _ordinary(t) else []
        lacking = self._values or not computed or None in computed
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
            if not pairs.by_products:
                return None
            points, draws = _native.noise_points(settings, len(t))

            def normals(draw: int, rows: slice) -> torch.Tensor:
                return self._draw(place, draw, rows.start, points[rows], t)

            logarithms = [pairs.noisy_logarithms(variance, points, draws, normals) for variance in variances]
        return {
            "constant": bool((t == t[0]).all()),
            "variances": [{"kernels": of, "logarithms": noisy} for of, noisy in zip(kernels, logarithms, strict=True)],
        }

    def _draw(self, place: int, draw: int, start: int, rows: Codes, t: torch.Tensor) -> torch.Tensor:
        """Standard normal numbers for some of the rows that get noise, the same as the native code's and at every epoch."""
        width = int(t.shape[1])
        key = (place, draw, width, start, t.device)
        found = self._normals.get(key)
        if found is None:
            normals = _native.noise_normals(self._estimators[place].settings, draw, rows, width)
            found = torch.from_numpy(normals).to(t.device)
            if sum(kept.numel() for kept in self._normals.values()) + found.numel() <= _KEPT:
                self._normals[key] = found
        return found


class _Labelling:
    """Labels of samples, on the device that asks for them."""

    def __init__(self, codes: Codes) -> None:
        _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        code = torch.from_numpy(inverse.reshape(-1).astype(np.int64))
        sizes = torch.from_numpy(counts.astype(np.float64))[code]
        #: The number of the label of each sample and the logarithm of its size, by device.
        self._there = {code.device: (code, torch.log(sizes))}
        self.all_distinct = bool(counts.max() == 1)
        self.one_class = len(counts) == 1
        #: Mean of the logarithms of the sizes of classes, exactly that of the number of samples where there is one class.
        self.mean_logarithm = math.log(len(codes)) if self.one_class else float(torch.log(sizes).mean())

    def _on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if device not in self._there:
            codes, logarithms = next(iter(self._there.values()))
            self._there[device] = codes.to(device), logarithms.to(device)
        return self._there[device]

    def same(self, rows: torch.Tensor) -> torch.Tensor:
        """Whether samples have the label of these rows, ``(rows, n_samples)``."""
        codes = self._on(rows.device)[0]
        return codes[rows][:, None] == codes[None, :]

    def log_sizes(self, rows: torch.Tensor) -> torch.Tensor:
        """The logarithm of the number of samples that have the label of these rows."""
        return self._on(rows.device)[1][rows]


class _Pairs:
    """The pairs of rows of a layer, in blocks of rows against all."""

    def __init__(self, t: torch.Tensor, labellings: Sequence[_Labelling], smallest: float) -> None:
        # Distances do not depend on where the origin is, but their rounding does, that of the centred rows, too.
        centred = t - t.mean(0)
        self._norms = (centred * centred).sum(1)
        rounding = 4.0 * float(self._norms.max()) * torch.finfo(torch.float64).eps
        #: Whether rows are near enough to each other, in units of the noise, for products in place of differences.
        self.by_products = rounding / (2.0 * smallest) <= _ROUNDING
        self._t = centred if self.by_products else t
        self._labellings = labellings

    def _blocks(self, rows: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        # Of a few very wide rows the rows themselves are larger than the block of their pairs.
        size = max(1, _BLOCK // max(self._t.shape))
        for start in range(0, len(rows), size):
            place = slice(start, min(len(rows), start + size))
            yield place, rows[place]

    def _squared(self, rows: torch.Tensor) -> torch.Tensor:
        """Squared distances of these rows from all, ``(rows, n_samples)``."""
        if self.by_products:
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

    def noisy_logarithms(
        self, variance: float, points: Codes, draws: int, normals: Callable[[int, slice], torch.Tensor]
    ) -> list[np.ndarray[Any, Any]]:
        """For each labelling the logarithms of mean kernels around rows with noise, within labels less over all: ``(draws, points)``.

        ``normals(draw, places)`` are the standard normal numbers for some of the points.
        """
        n = len(self._t)
        found = self._t.new_zeros((len(self._labellings), draws, len(points)))
        for place, rows in self._blocks(torch.from_numpy(points).to(self._t.device)):
            squared = self._squared(rows)
            own = torch.arange(len(rows), device=rows.device), rows
            same = [None if labelling.all_distinct or labelling.one_class else labelling.same(rows) for labelling in self._labellings]
            for draw in range(draws):
                z = normals(draw, place) * math.sqrt(variance)
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
    n, width = t.shape
    outside = 0
    cells: Callable[[torch.Tensor], torch.Tensor]
    if settings["rule"] == "exact":
        # Bits are too many to count with: the numbers of the different ones in a column take their place.
        span = n

        def numbers_of_bits(columns: torch.Tensor) -> torch.Tensor:
            return torch.unique((columns + 0.0).view(torch.int64), return_inverse=True)[1]

        cells = numbers_of_bits
    elif settings["rule"] == "floor":
        bin_width = float(settings["bin_width"])
        lowest, highest = (float(value) / bin_width for value in torch.aminmax(t))
        if max(abs(lowest), abs(highest)) >= 2.0**52:
            return None
        low, high = math.floor(lowest), math.floor(highest)
        span = high - low + 1

        def whole_widths(columns: torch.Tensor) -> torch.Tensor:
            return torch.floor(columns / bin_width).to(torch.int64) - low

        cells = whole_widths
    else:
        given = settings["range"]
        bounds = _native.activation_range(nonlinearity) if isinstance(given, str) else given
        if bounds is None:
            return None
        even = _Even(float(bounds[0]), float(bounds[1]), int(settings["bins"]), settings["rule"] == "equal")
        span = even.n_cells
        cells = even.cells
        outside = even.outside(t)
    at_once = 1 if settings["rule"] == "exact" else max(1, int((62 - n.bit_length()) // math.log2(max(2, span))))
    codes = torch.zeros(n, dtype=torch.int64, device=t.device)
    # As many columns at once as fit into 62 bits beside the codes of those before.
    for start in range(0, width, at_once):
        of_columns = cells(t[:, start : start + at_once].double())
        for column in of_columns.unbind(1):
            codes = codes * span + column
        codes = torch.unique(codes, return_inverse=True)[1]
    return {"symbols": _by_appearance(codes.cpu().numpy()), "out_of_range": outside}


class _Even:
    """Bins between edges as those of `numpy.linspace`; the upper edge is in the last one if ``closed``."""

    def __init__(self, low: float, high: float, bins: int, closed: bool) -> None:
        self._low, self._high, self._closed = low, high, closed
        self._top = float(bins if closed else bins - 1)
        self._step, self._scale = (high - low) / self._top, self._top / (high - low)
        #: With one below the range and one above it.
        self.n_cells = int(self._top) + 2

    def outside(self, t: torch.Tensor) -> int:
        """How many values lie outside the range."""
        # In double precision, as the range is; a part at a time.
        parts = torch.split(t, max(1, _BLOCK // t.shape[1]))
        return sum(int(((part.double() < self._low) | (part.double() > self._high)).sum()) for part in parts)

    def _edge(self, place: torch.Tensor) -> torch.Tensor:
        # Two roundings, as everywhere else: a fused product and sum would have other edges.
        return torch.where(place == self._top, self._high, place * self._step + self._low)

    def cells(self, t: torch.Tensor) -> torch.Tensor:
        """The numbers of the bins, from 0."""
        guess = torch.floor((t - self._low) * self._scale).clamp_(0.0, self._top)
        # Rounding may put a value beside an edge on its wrong side, so the edges themselves decide.
        found = torch.where(t >= self._edge(guess + 1.0), guess + 1.0, guess)
        found = torch.where(t < self._edge(guess), guess - 1.0, found)
        last = torch.full_like(t, self._top)
        if self._closed:
            last -= (t <= self._high).to(t.dtype)
        found = torch.where(t < self._low, -1.0, torch.minimum(found, last))
        return found.to(torch.int64) + 1


def _by_appearance(codes: Codes) -> Codes:
    """The codes 0, 1, … in the order in which they appear: as the native code numbers cells, so that its sums have the same bits."""
    _, first = np.unique(codes, return_index=True)
    numbers_of = np.empty(len(first), dtype=np.int64)
    numbers_of[np.argsort(first)] = np.arange(len(first))
    return np.asarray(numbers_of[codes])

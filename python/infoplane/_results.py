"""What estimates return."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

_LN_2 = math.log(2.0)


@dataclass(frozen=True, order=True, repr=False)
class Information:
    """An amount of information."""

    #: In nats; ``nan`` where it is not known.
    nats: float

    @property
    def bits(self) -> float:
        """In bits."""
        return self.nats / _LN_2

    def __eq__(self, other: object) -> bool:
        """Whether both are the same amount, or neither is known."""
        if not isinstance(other, Information):
            return NotImplemented
        return self.nats == other.nats or (math.isnan(self.nats) and math.isnan(other.nats))

    def __hash__(self) -> int:
        return hash(None if math.isnan(self.nats) else self.nats)

    def __repr__(self) -> str:
        return f"{self.nats:.6g} nats ({self.bits:.6g} bits)"


@dataclass(frozen=True, repr=False)
class Interval:
    """A 95 % interval."""

    #: The lower end.
    lower: Information
    #: The upper end.
    upper: Information

    def __contains__(self, value: Information | float) -> bool:
        """Whether an amount lies in it; a plain number is one in nats."""
        nats = value.nats if isinstance(value, Information) else float(value)
        return self.lower.nats <= nats <= self.upper.nats

    def __repr__(self) -> str:
        return f"{self.lower.nats:.6g} to {self.upper.nats:.6g} nats"


@dataclass(frozen=True, repr=False)
class Estimate:
    """An estimate with all that is known of it.

    Where only a bound can be given, :attr:`nats` and :attr:`bits` are ``nan`` and :attr:`limit` is the bound.
    """

    #: What was estimated: ``"I(X;Y)"``, ``"H(X)"``.
    quantity: str
    #: The value; ``nan`` where only a bound is known, or nothing.
    information: Information
    #: ``"lower"`` or ``"upper"`` where :attr:`limit` is all that is known.
    bound: Literal["lower", "upper"] | None
    #: The bound.
    limit: Information | None
    #: The standard error, where there is one.
    standard_error: Information | None
    #: The 95 % interval, where there is one.
    interval: Interval | None
    #: What the number is, in words: ``"consistent estimate"``.
    kind: str
    #: The estimator, by its name in configurations.
    estimator: str
    #: Its settings, as figures print them.
    setting: str
    #: Why ``auto`` chose it.
    reason: str | None
    #: How many samples were measured.
    n_samples: int
    #: The columns of each variable.
    dims: tuple[int, ...]
    #: How many samples coincide with another.
    ties: int
    #: How many samples were left out.
    dropped: int
    #: The largest value that the estimator can give for so many samples.
    ceiling: Information | None
    #: Caveats, in words.
    warnings: tuple[str, ...]
    #: How the value was made, by estimators that choose among several ways.
    notes: tuple[str, ...]
    #: Of a test for independence, if permutations were asked for.
    p_value: float | None = None
    #: The number of permutations of the test.
    permutations: int | None = None
    #: Why there is neither value nor bound.
    missing: str | None = None

    @property
    def nats(self) -> float:
        """The value in nats; ``nan`` where only a bound is known."""
        return self.information.nats

    @property
    def bits(self) -> float:
        """The value in bits; ``nan`` where only a bound is known."""
        return self.information.bits

    @property
    def linfoot_correlation(self) -> float:
        """Linfoot's coefficient of correlation, √(1 − e^−2I), of an information: that of two normal variables which share as much.

        ``nan`` where only a bound is known.
        """
        return math.sqrt(-math.expm1(-2.0 * max(self.nats, 0.0))) if not math.isnan(self.nats) else math.nan

    def __repr__(self) -> str:
        error = f" ± {self.standard_error.nats:.4g}" if self.standard_error is not None else ""
        if self.missing is not None:
            value = f": none, {self.missing}"
        elif self.limit is not None:
            least = "at least" if self.bound == "lower" else "at most"
            value = f": {least} {self.limit.nats:.4g}{error} nats ({self.limit.bits:.4g} bits)"
        else:
            value = f" = {self.nats:.4g}{error} nats ({self.bits:.4g} bits)"
        setting = f" ({self.setting})" if self.setting else ""
        test = f", p = {self.p_value:.3g}" if self.p_value is not None else ""
        n = len(self.warnings)
        warnings = f", {n} warning{'s' if n > 1 else ''}" if n else ""
        return f"<{self.quantity}{value} by {self.estimator}{setting}, n = {self.n_samples}{test}{warnings}>"


@dataclass(frozen=True, repr=False)
class NormalisedInformation:
    """The information of two variables of symbols as a share of their entropies; see :func:`infoplane.normalised_information`.

    A share is none where it would be divided by an entropy of 0: a variable that never changes.
    """

    #: I(X;Y).
    i_xy: Estimate
    #: H(X).
    h_x: Information
    #: H(Y).
    h_y: Information
    #: I / H(X,Y).
    joint: float | None
    #: I / max(H(X), H(Y)).
    max: float | None
    #: 2 I / (H(X) + H(Y)).
    sum: float | None
    #: I / √(H(X) H(Y)).
    sqrt: float | None
    #: I / min(H(X), H(Y)).
    min: float | None

    def __repr__(self) -> str:
        shares = {name: getattr(self, name) for name in ("joint", "max", "sum", "sqrt", "min")}
        told = ", ".join(f"{name} {'undefined' if share is None else f'{share:.4g}'}" for name, share in shares.items())
        return f"<{_in_bits(self.i_xy)}: {told}>"


def normalised_of(found: dict[str, Any]) -> NormalisedInformation:
    """From the fields of the native code."""
    return NormalisedInformation(
        i_xy=estimate_of(found["i_xy"]), h_x=Information(found["h_x_nats"]), h_y=Information(found["h_y_nats"]), **found["shares"]
    )


@dataclass(frozen=True, repr=False)
class LayerReading:
    """What one setting of an estimator says of a layer."""

    #: The setting, as rows and figures print it.
    setting: str
    #: Of readings that bound the information from one side: which.
    bound: Literal["lower", "upper"] | None
    #: I(X;T), what the layer tells of which input it was.
    i_xt: Estimate
    #: I(T;Y), what the layer tells of the label.
    i_ty: Estimate
    #: I(T;Y) of the labels in random order, which is bias; where the estimator measures it.
    i_ty_shuffled: Information | None
    #: How many samples are alone in their cell; of estimators with cells.
    alone: int | None
    #: How many values lie outside the bins.
    out_of_range: int

    def __repr__(self) -> str:
        setting = ", ".join(filter(None, [self.setting, self.bound and f"{self.bound} bound"]))
        by = f"{self.i_xt.estimator} ({setting})" if setting else self.i_xt.estimator
        return f"<{_in_bits(self.i_xt)}, {_in_bits(self.i_ty)} by {by}>"


@dataclass(frozen=True)
class Atom:
    """What an antichain of sets of units tells that none below it does."""

    #: Π = Π⁺ − Π⁻; below 0 where units mislead more than they inform.
    information: Information
    #: Π⁺.
    informative: Information
    #: Π⁻.
    misinformative: Information


@dataclass(frozen=True, repr=False)
class UnitInformation:
    """What the units of a layer tell of labels, alone, beyond the others and together; see :func:`infoplane.unit_information`."""

    #: I(T;Y), of all units together.
    i_ty: Information
    #: I(Tᵢ;Y), of each unit alone.
    alone: tuple[Information, ...]
    #: I(Tᵢ;Y | T without i), of each unit beyond all others.
    beyond_others: tuple[Information, ...]
    #: r̄ = Σ I(Tᵢ;Y) / I(T;Y), in how many units a bit is found alone; none where there is no information.
    redundancy_degree: float | None
    #: v̄ = Σ I(Tᵢ;Y | T without i) / I(T;Y), how many units a bit cannot do without; none where there is no information.
    vulnerability_degree: float | None
    #: How many units must be read for a bit; of layers of up to five units.
    representational_complexity: float | None
    #: I(T;Y) by the number of units that must be read at least, from 1 on; of layers of up to five units.
    by_degree_of_synergy: tuple[Information, ...] | None
    #: I(T;Y) taken apart by shared exclusions: ``atoms["{1}{23}"]`` is of unit 1, or units 2 and 3 together, counted from 1.
    atoms: dict[str, Atom] | None

    def __repr__(self) -> str:
        degrees = {
            "redundancy": self.redundancy_degree,
            "vulnerability": self.vulnerability_degree,
            "complexity": self.representational_complexity,
        }
        told = ", ".join(f"{name} {value:.4g}" for name, value in degrees.items() if value is not None)
        return f"<I(T;Y) = {self.i_ty.bits:.4g} bits in {len(self.alone)} units{told and ': '}{told}>"


@dataclass(frozen=True, repr=False)
class LayerUnits(UnitInformation):
    """What the units of a layer tell of the labels, with what they tell of shuffled ones beside it."""

    #: The estimator.
    estimator: str
    #: Its setting, as rows and figures print it.
    setting: str
    #: How many samples there are.
    n_samples: int
    #: How many of them are alone in their cell.
    n_alone: int
    #: Whether shuffled labels have nearly all of H(Y), too: then nothing here tells anything of the layer.
    is_all_bias: bool
    #: The same of the labels in random order, which is chance. It is no zero to subtract.
    shuffled: UnitInformation


def units_of(found: dict[str, Any]) -> LayerUnits:
    """From the fields of the native code."""

    def of(part: dict[str, Any]) -> dict[str, Any]:
        def each(nats: list[float]) -> tuple[Information, ...]:
            return tuple(Information(value) for value in nats)

        by_degree, atoms = part["by_degree_of_synergy_nats"], part["atoms"]
        return {
            "i_ty": Information(part["i_ty_nats"]),
            "alone": each(part["alone_nats"]),
            "beyond_others": each(part["beyond_others_nats"]),
            "redundancy_degree": part["redundancy_degree"],
            "vulnerability_degree": part["vulnerability_degree"],
            "representational_complexity": part["representational_complexity"],
            "by_degree_of_synergy": None if by_degree is None else each(by_degree),
            "atoms": None if atoms is None else {name: Atom(*each(parts)) for name, parts in atoms},
        }

    fields = {name: found[name] for name in ("estimator", "setting", "n_samples", "n_alone", "is_all_bias")}
    return LayerUnits(**of(found["labels"]), **fields, shuffled=UnitInformation(**of(found["shuffled"])))


def _in_bits(estimate: Estimate) -> str:
    if estimate.missing is not None:
        return f"{estimate.quantity}: none"
    if estimate.limit is not None:
        return f"{estimate.quantity} {'at least' if estimate.bound == 'lower' else 'at most'} {estimate.limit.bits:.4g} bits"
    return f"{estimate.quantity} = {estimate.bits:.4g} bits"


def _information(nats: float | None) -> Information | None:
    return None if nats is None else Information(nats)


def estimate_of(found: dict[str, Any]) -> Estimate:
    """From the fields of the native code."""
    interval = found["interval_nats"]
    value = found["nats"]
    return Estimate(
        quantity=found["quantity"],
        information=Information(math.nan if value is None else value),
        bound=found["bound"],
        limit=_information(found["limit_nats"]),
        standard_error=_information(found["standard_error_nats"]),
        interval=None if interval is None else Interval(Information(interval[0]), Information(interval[1])),
        kind=found["kind"],
        estimator=found["estimator"],
        setting=found["setting"],
        reason=found["reason"],
        n_samples=found["n_samples"],
        dims=tuple(found["dims"]),
        ties=found["ties"],
        dropped=found["dropped"],
        ceiling=_information(found["ceiling_nats"]),
        warnings=tuple(found["warnings"]),
        notes=tuple(found["notes"]),
        p_value=found["p_value"],
        permutations=found["permutations"],
        missing=found["missing"],
    )


def reading_of(found: dict[str, Any]) -> LayerReading:
    """From the fields of the native code."""
    return LayerReading(
        setting=found["setting"],
        bound=found["bound"],
        i_xt=estimate_of(found["i_xt"]),
        i_ty=estimate_of(found["i_ty"]),
        i_ty_shuffled=_information(found["i_ty_shuffled_nats"]),
        alone=found["alone"],
        out_of_range=found["out_of_range"],
    )

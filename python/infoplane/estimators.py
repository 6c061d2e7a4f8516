"""Every estimator as a class, with the names and settings of configuration files; `infoplane` has them all."""

# Written by python/generate_estimators.py; do not edit.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ._estimate import Estimator

__all__ = [
    "Auto",
    "BiKsg",
    "Binned",
    "ChaoShen",
    "ChaoWangJost",
    "Classifier",
    "Combined",
    "Critic",
    "CvKsg",
    "Edge",
    "ExtrapolatedKsg",
    "FrenzelPompe",
    "Gcmi",
    "Gknn",
    "Grassberger",
    "Kde",
    "Kl",
    "Klnn",
    "Ksg",
    "Ksg2",
    "Lgde",
    "Lnc",
    "MillerMadow",
    "MixedKsg",
    "MixtureKsg",
    "Noise",
    "Nsb",
    "PanzeriTreves",
    "PlugIn",
    "Renyi",
    "ResidualKsg",
    "Ross",
    "Shrinkage",
    "Sliced",
    "UntiedKsg",
]


class Auto(Estimator):
    """automatic: the quantity, by the method that fits the data; refuses where it is infinite.

    When: first; it says which method it took and why.
    Cost: that of the method.

    Reference: docs/choosing-an-estimator.md.

    Parameters
    ----------
    bin_width
        The width of a bin, if the question is asked in bins; in the layer's own units.
    bins
        The number of bins.
    noise_variance
        Variance of the Gaussian noise that is part of the question, above 0, in the squared unit of the layer.
    range
        The range of the bins.
    rule
        The binning rule; `floor` with `bin_width` and `equal` with `bins`, unless given.
    x_kind
        The kind of the first variable, if it is not to be found out; of labels it is always `names`.
    y_kind
        The kind of the second variable.
    z_symbols
        Of conditional information, the columns of Z that are symbols, numbered from 0; found out if not given.
    """

    name = "auto"
    _labels = "any"

    def __init__(
        self,
        *,
        bin_width: float | None = None,
        bins: int | None = None,
        noise_variance: float | None = None,
        range: Sequence[float] | Literal["activation", "run", "layer", "unit"] | None = None,
        rule: Literal["edges", "equal", "floor", "quantile", "exact"] | None = None,
        x_kind: Literal["names", "lattice", "mixed", "continuous"] | None = None,
        y_kind: Literal["names", "lattice", "mixed", "continuous"] | None = None,
        z_symbols: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            bin_width=bin_width, bins=bins, noise_variance=noise_variance, range=range, rule=rule, x_kind=x_kind, y_kind=y_kind,
            z_symbols=z_symbols,
        )


class PlugIn(Estimator):
    """plug-in: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: counts of all there is; many samples in every cell.
    Cost: O(n d).

    Reference: Shannon (1948).
    """

    name = "plug-in"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class MillerMadow(Estimator):
    """Miller–Madow: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: a few samples in every cell, and a correction that anyone can follow.
    Cost: O(n d).

    Reference: Miller (1955).
    """

    name = "miller-madow"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class Grassberger(Estimator):
    """Grassberger: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: some cells with few samples.
    Cost: O(n d).

    Reference: Grassberger (2003), arXiv:physics/0307138.
    """

    name = "grassberger"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class Shrinkage(Estimator):
    """shrinkage: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: cells known in number and nearly equally likely.
    Cost: O(n d).

    Reference: Hausser & Strimmer (2009), JMLR 10:1469.

    Parameters
    ----------
    cells
        Number of possible cells in the largest table of the quantity: symbols for H(X), pairs for I(X;Y).
    """

    name = "shrinkage"
    _labels = "any"

    def __init__(
        self,
        *,
        cells: int | None = None,
    ) -> None:
        super().__init__(cells=cells)


class PanzeriTreves(Estimator):
    """Panzeri–Treves: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: responses to stimuli, several samples for each.
    Cost: O(n d + cells²).

    Reference: Panzeri & Treves (1996), Network 7:87.
    """

    name = "panzeri-treves"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class ChaoShen(Estimator):
    """Chao–Shen: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: many cells unseen; cells of similar size.
    Cost: O(n d).

    Reference: Chao & Shen (2003), Environ. Ecol. Stat. 10:429.
    """

    name = "chao-shen"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class ChaoWangJost(Estimator):
    """Chao–Wang–Jost: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: discrete variables, with cells that samples do not reach.
    Cost: O(n d).

    Reference: Chao, Wang & Jost (2013), Methods Ecol. Evol. 4:1091.
    """

    name = "chao-wang-jost"
    _labels = "any"

    def __init__(self) -> None:
        super().__init__()


class Nsb(Estimator):
    """NSB: H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols.

    When: a known number of cells; tables that resemble Dirichlet ones.
    Cost: O(n d + counts).

    Reference: Nemenman, Shafee & Bialek (2002), NIPS 14.

    Parameters
    ----------
    cells
        Number of possible cells in the largest table of the quantity: symbols for H(X), pairs for I(X;Y).
    """

    name = "nsb"
    _labels = "any"

    def __init__(
        self,
        *,
        cells: int | None = None,
    ) -> None:
        super().__init__(cells=cells)


class Binned(Estimator):
    """binned: I(X;T) and I(T;Y) of T in bins.

    When: the planes of Shwartz-Ziv & Tishby (2017); a bin width is given.
    Cost: O(n d).

    Reference: Shwartz-Ziv & Tishby (2017), arXiv:1703.00810.

    Parameters
    ----------
    rule
        The rule that assigns values to bins.
    bin_width
        The width of a bin, for `floor`; in the layer's own units.
    bins
        The number of bins (or edges), 1 to 65,536; for `edges` at least 2.
    correction
        The correction of the entropies for cells that the samples did not reach.
    range
        The range of the bins, for `edges`, `equal` and `quantile`.
    """

    name = "binned"
    _labels = "any"

    def __init__(
        self,
        *,
        rule: Literal["edges", "equal", "floor", "quantile", "exact"],
        bin_width: float | None = None,
        bins: int | None = None,
        correction: Literal[
            "plug-in", "miller-madow", "grassberger", "shrinkage", "panzeri-treves", "chao-shen", "chao-wang-jost", "nsb",
        ] | None = None,
        range: Sequence[float] | Literal["activation", "run", "layer", "unit"] | None = None,
    ) -> None:
        super().__init__(rule=rule, bin_width=bin_width, bins=bins, correction=correction, range=range)


class Noise(Estimator):
    """noise: I(X; T + Gaussian noise) itself, with a standard error.

    When: layers of any width where a noise level is given; nothing else stays right in hundreds of dimensions.
    Cost: O(n² d).

    Reference: Kolchinsky & Tracey (2017), Entropy 19:361, for the mixture; Monte Carlo.

    Parameters
    ----------
    noise_variances
        Variances of the noise, above 0, in the squared unit of the activations.
    bounds
        Whether the two pairwise bounds are computed with every value.
    draws
        Noisy samples of every row that gets noise, at least 1.
    points
        Rows that get noise, 2 or more, chosen at random; every row remains a centre of the mixture.
    seed
        Seed of the random draws.
    """

    name = "noise"
    _labels = "at-most-one"

    def __init__(
        self,
        *,
        noise_variances: Sequence[float],
        bounds: bool | None = None,
        draws: int | None = None,
        points: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(noise_variances=noise_variances, bounds=bounds, draws=draws, points=points, seed=seed)


class Kde(Estimator):
    """KDE: upper and lower bound on I(X; T + Gaussian noise).

    When: the planes of Saxe et al. (2018); bounds beside the exact value of `noise`.
    Cost: O(n² d).

    Reference: Kolchinsky & Tracey (2017), Entropy 19:361.

    Parameters
    ----------
    noise_variances
        Variances of the noise, above 0, in the squared unit of the activations; all measured in one pass.
    """

    name = "kde"
    _labels = "at-most-one"

    def __init__(
        self,
        *,
        noise_variances: Sequence[float],
    ) -> None:
        super().__init__(noise_variances=noise_variances)


class Kl(Estimator):
    """Kozachenko–Leonenko: differential entropy; I(X;Y) as H(X) + H(Y) − H(X,Y).

    When: entropies of few continuous columns; for information prefer ksg.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Kozachenko & Leonenko (1987), Probl. Inf. Transm. 23:95.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    scaling
        Scaling applied to each column first; entropies are converted back to the units of the data. `none` gives the definition
        as published.
    """

    name = "kl"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class Ksg(Estimator):
    """KSG-1: I(X;Y), I(X;Y|Z) and total correlation of numbers.

    When: continuous data of at most about 4 columns in all.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    scaling
        Scaling applied to each column first. `none` gives the definition as published.
    """

    name = "ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class Ksg2(Estimator):
    """KSG-2: I(X;Y) and total correlation of numbers.

    When: few columns and strong dependence, beside ksg.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    scaling
        Scaling applied to each column first. `none` gives the definition as published.
    """

    name = "ksg2"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class BiKsg(Estimator):
    """BI-KSG: I(X;Y) of numbers.

    When: beside ksg, for 4 to 10 columns in all.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Gao, Oh & Viswanath (2018), IEEE Trans. Inf. Theory 64:5629.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    scaling
        Scaling applied to each column first. `none` gives the definition as published.
    """

    name = "bi-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 5,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class ExtrapolatedKsg(Estimator):
    """extrapolated KSG: I(X;Y) of numbers.

    When: continuous data of 2 to 4 columns in all, and sharp edges among them.
    Cost: 8 times the counting of `ksg`, one search.

    Reference: after Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138.

    Parameters
    ----------
    k
        The largest number of neighbours of each point, 5 to 80; the numbers 2, 3, 4, 5, 7, 10, 14, 20, … up to it are used.
    scaling
        Scaling applied to each column first.
    """

    name = "extrapolated-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 20,
        scaling: Literal["none", "standardized", "normal-scores"] = "normal-scores",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class CvKsg(Estimator):
    """control-variate KSG: I(X;Y) and total correlation of numbers.

    When: continuous data of more than 4 columns whose copula is not far from Gaussian.
    Cost: (1 + surrogates) times ksg.

    Reference: Kraskov et al. (2004) with the Gaussian copula of Ince et al. (2017) as control variate.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    seed
        Seed of the random numbers of the surrogates.
    surrogates
        Number of Gaussian samples for comparison, at least 1.
    """

    name = "cv-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        seed: int = 0,
        surrogates: int = 4,
    ) -> None:
        super().__init__(k=k, seed=seed, surrogates=surrogates)


class ResidualKsg(Estimator):
    """residual KSG: I(X;Y) of numbers.

    When: one side is nearly a function of the other: dependence near the ceiling of ksg.
    Cost: O(n log n), about 50 times ksg.

    Reference: a shear of Jacobian 1 before Kraskov, Stögbauer & Grassberger (2004).

    Parameters
    ----------
    k
        Number of neighbours of each point for the remainder, at least 1.
    seed
        Seed of the random numbers: the order of equal values, and comparison samples in more than four columns.
    """

    name = "residual-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(k=k, seed=seed)


class MixtureKsg(Estimator):
    """mixture KSG: I(X;Y) of numbers.

    When: continuous data of more than 4 columns with several modes or heavy tails.
    Cost: some forty fits of O(n c d²), and 10 times ksg.

    Reference: Kraskov et al. (2004) with a mixture of Gaussians as control variate.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    seed
        Seed of the random numbers: starts of the fits, folds, samples.
    surrogates
        Number of samples of the mixture for comparison, at least 2.
    """

    name = "mixture-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        seed: int = 0,
        surrogates: int = 4,
    ) -> None:
        super().__init__(k=k, seed=seed, surrogates=surrogates)


class Combined(Estimator):
    """combined KSG: I(X;Y) of numbers, by the method with the most evidence.

    When: continuous data of any dependence.
    Cost: that of the other KSG methods together.

    Reference: after Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    seed
        Seed of the random numbers of the methods that use some.
    """

    name = "combined"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(k=k, seed=seed)


class UntiedKsg(Estimator):
    """untied KSG: I(X;Y) and total correlation of numbers that may repeat.

    When: few columns that are rounded, counts of many values, or zero for many samples.
    Cost: draws times ksg.

    Reference: the distributional transform before Kraskov, Stögbauer & Grassberger (2004).

    Parameters
    ----------
    draws
        Number of random orders of equal values, at least 1.
    k
        Number of neighbours of each point, at least 1.
    seed
        Seed of the orders.
    """

    name = "untied-ksg"
    _labels = "none"

    def __init__(
        self,
        *,
        draws: int = 8,
        k: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(draws=draws, k=k, seed=seed)


class FrenzelPompe(Estimator):
    """Frenzel–Pompe of mixtures: I(X;Y) and I(X;Y|Z) of symbols and numbers in any mixture.

    When: at most about 4 columns of numbers in all, and any symbols.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Frenzel & Pompe (2007), Phys. Rev. Lett. 99:204101.

    Parameters
    ----------
    k
        Number of neighbours of each point among those with its symbols, at least 1; all others where there are fewer.
    scaling
        Scaling applied to each column of numbers first.
    seed
        Seed of the places at which values that repeat are put.
    x_symbols
        The columns of X that are symbols, numbered from 0; found out if not given.
    y_symbols
        The columns of Y that are symbols.
    z_symbols
        The columns of Z that are symbols.
    """

    name = "frenzel-pompe"
    _labels = "any"

    def __init__(
        self,
        *,
        k: int = 3,
        scaling: Literal["none", "standardized", "normal-scores"] = "normal-scores",
        seed: int = 0,
        x_symbols: Sequence[int] | None = None,
        y_symbols: Sequence[int] | None = None,
        z_symbols: Sequence[int] | None = None,
    ) -> None:
        super().__init__(k=k, scaling=scaling, seed=seed, x_symbols=x_symbols, y_symbols=y_symbols, z_symbols=z_symbols)


class MixedKsg(Estimator):
    """mixed KSG: I(X;Y) where samples may coincide.

    When: discrete and continuous columns mixed, saturated or dead units.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Gao, Kannan, Oh & Viswanath (2017), NeurIPS.

    Parameters
    ----------
    form
        The form in which counts enter, `code` or `paper`; they differ by O(1/n).
    k
        Number of neighbours of each point, at least 1.
    scaling
        Scaling applied to each column first. `none` gives the definition as published.
    """

    name = "mixed-ksg"
    _labels = "any"

    def __init__(
        self,
        *,
        form: Literal["code", "paper"] = "code",
        k: int = 5,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(form=form, k=k, scaling=scaling)


class Ross(Estimator):
    """Ross: I(T;Y) of numbers and labels.

    When: labels against continuous data of at most about 5 columns.
    Cost: O(n log n) for few columns, O(n² d) for many.

    Reference: Ross (2014), PLoS ONE 9:e87357.

    Parameters
    ----------
    k
        Number of neighbours of each point within its class, at least 1; all others in smaller classes.
    scaling
        Scaling applied to each column first. `none` gives the definition as published.
    """

    name = "ross"
    _labels = "one"

    def __init__(
        self,
        *,
        k: int = 3,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class Classifier(Estimator):
    """classifier: a lower bound on I(T;Y) of numbers and labels.

    When: a label and many columns.
    Cost: O(n d (d + 100 K)) for K labels, for each fold.

    Reference: Barber & Agakov (2003), NeurIPS 16.

    Parameters
    ----------
    folds
        Number of parts, each in turn left out, 2 to 20.
    seed
        Seed of the random parts.
    """

    name = "classifier"
    _labels = "one"

    def __init__(
        self,
        *,
        folds: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(folds=folds, seed=seed)


class Critic(Estimator):
    """neural critic: a lower bound on I(X;Y) of numbers, by a network trained on it.

    When: thousands of samples of a dependence that no other method resolves.
    Cost: at most 3000 training steps for each fold, whatever n.

    Reference: van den Oord et al. (2018); Nguyen et al. (2010); Song & Ermon (2020).

    Parameters
    ----------
    bound
        What is computed from the scores.
    folds
        Number of parts, each in turn left out, 2 to 20.
    hidden
        Units of each hidden layer, a multiple of 16 up to 256.
    layers
        Hidden layers of the network of each side, 1 to 4.
    seed
        Seed of the random numbers: parts, first weights, batches.
    """

    name = "critic"
    _labels = "none"

    def __init__(
        self,
        *,
        bound: Literal["infonce", "nwj", "smile"] = "infonce",
        folds: int = 5,
        hidden: int = 64,
        layers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(bound=bound, folds=folds, hidden=hidden, layers=layers, seed=seed)


class Lnc(Estimator):
    """LNC: I(X;Y), total correlation, consistent.

    When: strong dependence, when KSG is near its ceiling.
    Cost: that of KSG + O(n d³).

    Reference: Gao, Ver Steeg & Galstyan (2015), AISTATS.

    Parameters
    ----------
    alpha
        The ratio of the rotated box to the box along the columns below which the correction applies, 0 … 1; 0 turns the
        correction off.
    k
        Number of neighbours in a neighbourhood, at least twice the number of columns; by default that, and at least 4.
    scaling
        Scaling applied to each column first.
    """

    name = "lnc"
    _labels = "none"

    def __init__(
        self,
        *,
        alpha: float | None = None,
        k: int | None = None,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(alpha=alpha, k=k, scaling=scaling)


class Gknn(Estimator):
    """g-kNN: I(X;Y), H(X), without proof of consistency.

    When: strong dependence, up to 4 columns together; a second opinion beside LNC.
    Cost: O(n log n + n k d²).

    Reference: Lord, Sun & Bollt (2018), Chaos 28:033114.

    Parameters
    ----------
    k
        Number of neighbours that determine an ellipsoid, at least the columns of all variables together + 2.
    scaling
        Scaling applied to each column first.
    """

    name = "gknn"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int = 20,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(k=k, scaling=scaling)


class Klnn(Estimator):
    """KLNN: I(X;Y), H(X), consistent.

    When: strong dependence, up to 4 columns together.
    Cost: O(n log n + n m d²), m neighbours.

    Reference: Gao, Oh & Viswanath (2016), NIPS.

    Parameters
    ----------
    bandwidth
        The source of the bandwidth of the marginal densities.
    k
        The neighbour whose distance is the bandwidth, at least 5.
    neighbors
        Number of neighbours in a fit, at least 30 and three times the number of columns; by default all with a weight that is not
        negligible, see `Klnn`.
    order
        The order of the local polynomial of ln f: 0, 1 or 2.
    scaling
        Scaling applied to each column first.
    """

    name = "klnn"
    _labels = "none"

    def __init__(
        self,
        *,
        bandwidth: Literal["own", "joint"] = "own",
        k: int = 10,
        neighbors: int | None = None,
        order: int = 2,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
    ) -> None:
        super().__init__(bandwidth=bandwidth, k=k, neighbors=neighbors, order=order, scaling=scaling)


class Lgde(Estimator):
    """LGDE: I(X;Y), consistent.

    When: smooth dependence, weak or strong, up to 4 columns together.
    Cost: O(n log n + n m d² + n d⁶), m neighbours.

    Reference: Gao, Ver Steeg & Galstyan (2015), UAI.

    Parameters
    ----------
    k
        The neighbour whose distance is the bandwidth, at least 5; by default the larger of 15 + 5 × columns and n^(2/3)/5 in each
        space.
    neighbors
        Number of neighbours in a fit; by default all of a weight above a thousandth.
    scaling
        Scaling applied to each column first.
    """

    name = "lgde"
    _labels = "none"

    def __init__(
        self,
        *,
        k: int | None = None,
        neighbors: int | None = None,
        scaling: Literal["none", "standardized", "normal-scores"] = "normal-scores",
    ) -> None:
        super().__init__(k=k, neighbors=neighbors, scaling=scaling)


class Gcmi(Estimator):
    """GCMI: I(X;Y), I(X;Y|Z) and total correlation if the copula is Gaussian; labels against numbers.

    When: many columns, or as the first number beside any other.
    Cost: O(n d²).

    Reference: Ince et al. (2017), Hum. Brain Mapp. 38:1541.
    """

    name = "gcmi"
    _labels = "at-most-one"

    def __init__(self) -> None:
        super().__init__()


class Sliced(Estimator):
    """sliced information: the mean of I(a·X; b·Y) over random directions, not I(X;Y).

    When: many columns, to compare like with like.
    Cost: O(projections · n (log n + d)).

    Reference: Goldfeld & Greenewald (2021), NeurIPS.

    Parameters
    ----------
    k
        Number of neighbours of each point, at least 1.
    projections
        Number of random directions, at least 1.
    scaling
        Scaling applied to each column before projection.
    seed
        Seed of the random directions.
    """

    name = "sliced"
    _labels = "at-most-one"

    def __init__(
        self,
        *,
        k: int = 3,
        projections: int = 128,
        scaling: Literal["none", "standardized", "normal-scores"] = "standardized",
        seed: int = 0,
    ) -> None:
        super().__init__(k=k, projections=projections, scaling=scaling, seed=seed)


class Edge(Estimator):
    """EDGE: I(X;Y) at the resolution of its buckets.

    When: many samples, few dimensions, in linear time; figures made with EDGE.
    Cost: O(n d hashes).

    Reference: Noshad, Zeng & Hero (2019), arXiv:1801.09125.

    Parameters
    ----------
    bandwidth
        A factor on the width of the buckets, above 0.
    cap_bits
        The largest contribution of a bucket, in bits, with `plug-in` only.
    correction
        The correction of the counts of buckets; `plug-in` is the published form.
    hashes
        Number of hashes, each with other shifts; the result is their mean. 1 to 1000.
    seed
        Seed of the random shifts and directions.
    """

    name = "edge"
    _labels = "any"

    def __init__(
        self,
        *,
        bandwidth: float = 1.0,
        cap_bits: float | None = None,
        correction: Literal[
            "plug-in", "miller-madow", "grassberger", "shrinkage", "panzeri-treves", "chao-shen", "chao-wang-jost", "nsb",
        ] = "chao-wang-jost",
        hashes: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(bandwidth=bandwidth, cap_bits=cap_bits, correction=correction, hashes=hashes, seed=seed)


class Renyi(Estimator):
    """matrix Rényi: entropies of the eigenvalues of kernel matrices; not Shannon's.

    When: to follow published work with it; compares layers under one bandwidth rule, and bounds nothing.
    Cost: O(n² d) and O(n r²) at kernel rank r, up to O(n³); O(n² d) for α = 2.

    Reference: Giraldo, Rao & Principe (2015), IEEE Trans. Inf. Theory 61:535.

    Parameters
    ----------
    alpha
        The order α, above 0.
    bandwidth
        The width of the kernels: a number, a list of one for each variable, or `{ factor = 1.0 }` for the rule.
    batch
        Largest number of samples in a batch; the estimate is the mean over random batches.
    seed
        Seed of the random batches.
    """

    name = "renyi"
    _labels = "any"

    def __init__(
        self,
        *,
        alpha: float = 1.01,
        bandwidth: float | Sequence[float] | Mapping[str, float] | None = None,
        batch: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(alpha=alpha, bandwidth=bandwidth, batch=batch, seed=seed)

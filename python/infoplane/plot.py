"""Figures with matplotlib.

There is one function for each, axes in, axes out::

    infoplane.plot.plane(run)
    infoplane.plot.information(run, quantity="i_ty")
    infoplane.plot.training(run)
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ._runs import Run

__all__ = ["information", "plane", "training"]

_INK = "#1b1b1b"

#: As in the report: paths begin light, at the untrained network, and end dark.
_EPOCHS = "viridis_r"


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install matplotlib; run.figures() gives those of the report without it") from error
    _, axes = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
    return axes


class _Rows:
    """The rows of one method of a run, means over seeds."""

    def __init__(self, run: Run, method: str | None) -> None:
        table = run.repeats.to_dict()
        if len(table["epoch"]) == 0:
            raise ValueError(f"{run!r} holds no measurement")
        names = list(dict.fromkeys(table["method"]))
        if method is None:
            method = names[0]
        elif method not in names:
            raise ValueError(f"method = {method!r}; the run has {', '.join(names)}")
        chosen = np.array([name == method for name in table["method"]])
        first = int(np.flatnonzero(chosen)[0])
        bound = table["bound"][first]
        said = [table["estimator"][first], str(table["setting"][first]).replace("_", " ").replace("=", " "), bound and f"{bound} bound"]
        self.title = ", ".join(word for word in said if word)
        self.columns = {name: values[chosen] for name, values in table.items()}
        self.layers = list(dict.fromkeys(self.columns["layer_name"]))

    def of(self, layer: str) -> dict[str, Any]:
        chosen = np.array([name == layer for name in self.columns["layer_name"]])
        return {name: values[chosen] for name, values in self.columns.items()}


def plane(run: Run, method: str | None = None, *, axes: Any = None) -> Any:
    """Draw the information plane: I(X;T) against I(T;Y), a line for each layer, colours for epochs; dashed lines are H(X) and H(Y).

    Parameters
    ----------
    run
        A run.
    method
        One of ``run.methods["method"]``; the first unless given.
    axes
        Axes of matplotlib to draw into.

    Returns
    -------
    The axes.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LogNorm

    axes = _axes(axes)
    rows = _Rows(run, method)
    last = max(1.0, float(rows.columns["epoch"].max()))
    norm = LogNorm(1.0, last + 1.0)
    ends: list[tuple[str, Any]] = []
    drawn: Any = None
    for layer in rows.layers:
        of = rows.of(layer)
        x, y, epochs = of["i_xt_mean_bits"], of["i_ty_mean_bits"], of["epoch"].astype(float) + 1.0
        points = np.column_stack([x, y])
        if len(points) > 1:
            lines = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)), cmap=_EPOCHS, norm=norm, linewidths=0.8)
            lines.set_array(epochs[1:])
            axes.add_collection(lines)
        drawn = axes.scatter(x, y, c=epochs, cmap=_EPOCHS, norm=norm, s=12, zorder=3)
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if len(finite):
            ends.append((layer, points[finite[-1]]))
    data = run.manifest["data"]
    h_x, h_y = float(data["h_x_bits"]), float(data["h_y_bits"])
    axes.axvline(h_x, color=_INK, linewidth=0.7, linestyle="--")
    axes.axhline(h_y, color=_INK, linewidth=0.7, linestyle="--")
    _name(axes, ends, (h_x, h_y))
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.set_label("epoch + 1")
    axes.set_xlabel("I(X;T) in bits")
    axes.set_ylabel("I(T;Y) in bits")
    axes.set_title(f"{run.name}: {rows.title}", fontsize=9)
    return axes


def _name(axes: Any, ends: list[tuple[str, Any]], size: tuple[float, float]) -> None:
    """Names layers at the ends of their paths; those of ends that are close together stand one below the other."""
    from matplotlib.patheffects import withStroke

    taken: list[tuple[float, float, int]] = []
    for layer, (x, y) in ends:
        near = [step for (other_x, other_y, step) in taken if abs(other_x - x) < 0.06 * size[0] and abs(other_y - y) < 0.05 * size[1]]
        step = max(near) + 1 if near else 0
        taken.append((x, y, step))
        axes.annotate(
            layer,
            (x, y),
            xytext=(-6, -6 - 9 * step),
            textcoords="offset points",
            fontsize=8,
            color=_INK,
            ha="right",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def information(run: Run, method: str | None = None, *, quantity: Literal["i_xt", "i_ty"] = "i_xt", axes: Any = None) -> Any:
    """Draw I(X;T) or I(T;Y) of every layer over the epochs; a band is the standard error over seeds."""
    if quantity not in ("i_xt", "i_ty"):
        raise ValueError(f"quantity = {quantity!r}; allowed are 'i_xt' and 'i_ty'")
    axes = _axes(axes)
    rows = _Rows(run, method)
    for layer in rows.layers:
        of = rows.of(layer)
        epochs, mean = of["epoch"].astype(float), of[f"{quantity}_mean_bits"]
        (line,) = axes.plot(epochs, mean, linewidth=1.2, label=layer)
        error = of.get(f"{quantity}_standard_error_bits")
        if error is not None and np.isfinite(error).any():
            axes.fill_between(epochs, mean - error, mean + error, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{'I(X;T)' if quantity == 'i_xt' else 'I(T;Y)'} in bits")
    axes.set_title(f"{run.name}: {rows.title}", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    return axes


def training(run: Run, *, axes: Any = None) -> Any:
    """Draw losses over the epochs, and accuracies on a second axis."""
    axes = _axes(axes)
    table = run.training.to_dict()
    if len(table["epoch"]) == 0:
        raise ValueError(f"{run!r} holds no statistics of the training")
    epochs = table["epoch"].astype(float)
    for name in ("train_loss", "test_loss"):
        if name in table and np.isfinite(table[name]).any():
            axes.plot(epochs, table[name], linewidth=1.2, label=name.replace("_", " "))
    accuracies = [name for name in ("train_accuracy", "test_accuracy") if name in table and np.isfinite(table[name]).any()]
    if accuracies:
        right = axes.twinx()
        for name in accuracies:
            right.plot(epochs, table[name], linewidth=1.0, linestyle="--", label=name.replace("_", " "))
        right.set_ylim(0, 1)
        right.set_ylabel("accuracy")
        right.legend(fontsize=8, frameon=False, loc="center right")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title(run.name, fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    return axes

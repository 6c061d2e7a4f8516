/** The values of a figure as a table, for screens, readers and files. */

import { describedAs, panelName } from "./draw.js";
import { factorOf, unitOf } from "./view.js";

/** @typedef {import("./types.js").Figure} Figure */
/** @typedef {import("./view.js").View} View */

/** What series without a name are called. @type {Record<string, string>} */
const KINDS = { path: "path", line: "values", band: "band", ticks: "measured epochs", dots: "distances", points: "values", bars: "bars", cells: "cells" };

/** Where bands end. @type {Record<string, string>} */
export const RANGES = { "from5-to95": "5 to 95 %", "from25-to75": "25 to 75 %", "standard-error": "± standard error", bounds: "bounds" };

/**
 * The columns and the rows of a figure: what each value is of, and where it lies.
 *
 * @param {Figure} figure
 * @param {View} view
 * @param {number} [most] rows at most
 * @returns {{columns: string[], rows: (string | number)[][], count: number}}
 */
export function valuesOf(figure, view, most = Infinity) {
  const several = figure.panels.length > 1;
  const [first] = figure.panels;
  // A column has the name of a quantity where all panels have that on the axis.
  const column = (/** @type {"x" | "y"} */ axis) => {
    const names = new Set(figure.panels.map((panel) => columnName(panel[axis], view, axis)));
    return names.size === 1 ? columnName(first?.[axis], view, axis) : axis;
  };
  const [x, y] = [column("x"), column("y")];
  const columns = [...(several ? ["panel"] : []), "series", "seed", "at epoch", x, y, `standard error of ${x}`, `standard error of ${y}`];
  /** @type {(string | number)[][]} */
  const rows = [];
  let count = 0;
  const add = (/** @type {(string | number | null)[]} */ row) => {
    count++;
    if (rows.length < most) rows.push(row.map((value) => value ?? ""));
  };
  figure.panels.forEach((panel, index) => {
    const [fx, fy] = [factorOf(panel.x, view), factorOf(panel.y, view)];
    const axes = `${columnName(panel.y, view, "y")} against ${columnName(panel.x, view, "x")}`;
    const head = several ? [[panelName(figure, index), axes].filter(Boolean).join(": ")] : [];
    const scaled = (/** @type {number | null | undefined} */ value, /** @type {number} */ factor) => (value === null || value === undefined ? null : value * factor);
    for (const series of panel.series) {
      const name = describedAs(figure, series) || KINDS[series.kind];
      const seed = "of" in series ? (typeof series.of === "object" ? series.of.seed : series.of) : "seed" in series ? series.seed : "";
      switch (series.kind) {
        case "path":
          series.epochs.forEach((epoch, place) => {
            const errors = [scaled(series.x_error?.[place], fx), scaled(series.y_error?.[place], fy)];
            add([...head, name, seed, epoch, series.x[place] * fx, series.y[place] * fy, ...errors]);
          });
          break;
        case "line":
        case "dots":
          series.x.forEach((x, place) => {
            const epoch = panel.x.quantity === "epoch" ? x : "";
            add([...head, name, seed, epoch, x * fx, series.y[place] * fy, null, null]);
          });
          break;
        case "band":
          series.x.forEach((x, place) => {
            const epoch = panel.x.quantity === "epoch" ? x : "";
            add([...head, `${name}, lower end (${RANGES[series.range] ?? series.range})`, "", epoch, x * fx, series.low[place] * fy, null, null]);
            add([...head, `${name}, upper end (${RANGES[series.range] ?? series.range})`, "", epoch, x * fx, series.high[place] * fy, null, null]);
          });
          break;
        case "ticks":
          for (const epoch of series.epochs) add([...head, series.reason, seed, epoch, epoch, "", null, null]);
          break;
        case "points":
          for (const point of series.points) add([...head, point.label ?? name, seed, "", point.x * fx, point.y * fy, null, scaled(point.error, fy)]);
          break;
        case "bars":
          series.values.forEach((bar, place) => {
            if (bar) add([...head, `${panel.x.places?.[place] ?? place} (${series.style})`, "", "", place, bar.value * fy, null, scaled(bar.error, fy)]);
          });
          break;
        case "cells":
          series.cells.forEach((cell, place) => {
            const [across, down] = [panel.x.places ?? [], panel.y.places ?? []];
            add([...head, down[Math.floor(place / across.length)] ?? "", "", "", across[place % across.length] ?? "", cell.value ?? cell.text, null, null]);
          });
          break;
        default:
      }
    }
  });
  return { columns, rows, count };
}

/**
 * @param {import("./types.js").Axis | undefined} axis
 * @param {View} view
 * @param {string} otherwise the name of an axis without a quantity
 */
function columnName(axis, view, otherwise) {
  if (!axis?.quantity) return otherwise;
  const unit = unitOf(axis, view);
  return unit ? `${axis.quantity} [${unit}]` : axis.quantity;
}

/**
 * All values of a figure as a file of comma-separated values.
 *
 * @param {Figure} figure
 * @param {View} view
 */
export function csvOf(figure, view) {
  const { columns, rows } = valuesOf(figure, view);
  return [columns, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

/** @param {string | number} value */
function csvField(value) {
  if (typeof value === "number") return String(value);
  // What a spreadsheet would take for a formula stays a text.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

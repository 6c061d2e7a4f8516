/** Draws figures: places their panels, computes where the values of their series lie, and paints them. */

import { hex } from "./colors.js";
import { minus, scaleOf } from "./scales.js";
import { factorOf, unitOf } from "./view.js";

/** @typedef {import("./types.js").Figure} Figure */
/** @typedef {import("./types.js").Panel} Panel */
/** @typedef {import("./types.js").Series} Series */
/** @typedef {import("./surfaces.js").Surface} Surface */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./colors.js").Color} Color */

/**
 * Where the values of a series lie, in pixels.
 *
 * @typedef {object} Placed
 * @property {Series} series
 * @property {Float64Array} points x, y, x, y
 * @property {number} places how many values there are
 * @property {Float64Array | null} boxes left, top, right and bottom of each value that has an extent
 * @property {number[] | null} epochs
 * @property {string} name the layer or group, as the legend calls it; empty where a series has neither
 * @property {Color} color
 * @property {number[]} dashes
 * @property {number} rank the place of its layer or group
 * @property {number} count how many layers or groups there are
 *
 * @typedef {object} Box
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} PlacedPanel
 * @property {Panel} panel
 * @property {string} id
 * @property {string} name what tells it from its neighbours
 * @property {string} title what is written above it
 * @property {string} row the name of the row that begins with it, or nothing
 * @property {boolean} hidden whether a reader does not want to see it
 * @property {Box} box
 * @property {import("./scales.js").Scale} x
 * @property {import("./scales.js").Scale} y
 * @property {Placed[]} series
 *
 * @typedef {object} Layout
 * @property {Figure} figure
 * @property {number} width
 * @property {number} height
 * @property {PlacedPanel[]} panels
 * @property {import("./scales.js").Scale | null} epochs the scale of all epochs of paths
 */

const LETTERS = 12;
const MARGIN = { left: 62, right: 18, top: 30, bottom: 46 };
const DOTS = [1.2, 2.6];
export const DASHES = [4, 2.2];
/** The height of the name of a row. */
const ROW_HEADING = 20;
const LIMIT_DASHES = [5, 3.5];
/** The dashes of lines that others are compared with. @type {Record<string, number[]>} */
export const REFERENCES = { shuffled: DOTS, contiguous: DASHES, "one-network": LIMIT_DASHES, limit: [8, 3, 2, 3] };
/** Markers on a path are so far apart, at least. */
const MARKER_DISTANCE = 6.5;
const SHADES = 48;

/** @param {Figure} figure */
export function isPlane(figure) {
  return figure.panels.some((panel) => panel.series.some((series) => series.kind === "path"));
}

/**
 * What a series is of: a layer or a group, by its place; or neither.
 *
 * @param {Series} series
 * @returns {{layer: number} | {group: number} | null}
 */
function partOf(series) {
  if (series.kind === "path") return series.group === undefined ? { layer: series.layer } : { group: series.group };
  const role = "role" in series ? series.role : null;
  return role !== null && typeof role === "object" ? role : null;
}

/**
 * The layer or group that a series is of, as the figure names it; empty where it is of neither.
 *
 * @param {Figure} figure
 * @param {Series} series
 */
export function nameOf(figure, series) {
  const part = partOf(series);
  if (!part) return "";
  return "group" in part ? groupName(figure, part.group) : layerName(figure, part.layer);
}

/**
 * The name by which a legend hides a series in all figures: of a layer without what may differ from run to run.
 *
 * @param {Figure} figure
 * @param {Series} series
 */
export function calledAs(figure, series) {
  const part = partOf(series);
  if (!part) return "";
  return "group" in part ? groupName(figure, part.group) : (figure.layers.find((shown) => shown.layer === part.layer)?.called ?? layerName(figure, part.layer));
}

/**
 * What a series is, in the words of the legend: of lines with and without dashes, and of what is compared.
 *
 * @param {Figure} figure
 * @param {Series} series
 */
export function describedAs(figure, series) {
  const name = nameOf(figure, series);
  if ("name" in series && series.name) return [name, series.name].filter(Boolean).join(", ");
  const entry = figure.legend.find(({ key }) => {
    if (series.kind === "line" && series.reference) return key.reference === series.reference;
    if (series.kind === "line") return (key.line ?? key["layer-line"])?.dashed === series.dashed && (typeof series.role === "object") === ("layer-line" in key);
    if (series.kind === "ticks" || series.kind === "dots") return key.reason === series.reason;
    if (series.kind === "bars") return key.bars?.style === series.style && isRole(key.bars.role, series.role);
    if (series.kind === "points") return key.marks?.marks === series.marks && isRole(key.marks.role, series.role);
    return false;
  });
  return [name, entry?.name].filter(Boolean).join(", ");
}

/**
 * Whether an entry of a legend that is of one role, or of any, is of this one.
 *
 * @param {import("./types.js").Role | null | undefined} entry
 * @param {import("./types.js").Role} role
 */
function isRole(entry, role) {
  return entry === null || entry === undefined || JSON.stringify(entry) === JSON.stringify(role);
}

/**
 * @param {Figure} figure
 * @param {number} layer
 */
function layerName(figure, layer) {
  return figure.layers.find((shown) => shown.layer === layer)?.name ?? `layer ${layer}`;
}

/**
 * @param {Figure} figure
 * @param {number} group
 */
function groupName(figure, group) {
  return figure.groups?.[group] ?? `group ${group + 1}`;
}

/**
 * Whether the reader wants to see a series.
 *
 * @param {Figure} figure
 * @param {Series} series
 * @param {View} view
 */
export function isShown(figure, series, view) {
  if (view.hidden.has(calledAs(figure, series))) return false;
  if (!("of" in series) || view.seeds === "all") return true;
  const { of } = series;
  if (of === "theory") return true;
  const seeds = seedsOf(figure);
  if (view.seeds === "mean" || !seeds.has(Number(view.seeds))) return of === "mean";
  return typeof of === "object" && of.seed === Number(view.seeds);
}

/** @type {WeakMap<Figure, Set<number>>} */
const SEEDS = new WeakMap();

/**
 * The seeds that a figure shows one by one.
 *
 * @param {Figure} figure
 */
export function seedsOf(figure) {
  const known = SEEDS.get(figure);
  if (known) return known;
  const found = new Set();
  for (const panel of figure.panels) {
    for (const series of panel.series) {
      if ("of" in series && typeof series.of === "object") found.add(series.of.seed);
    }
  }
  SEEDS.set(figure, found);
  return found;
}

/**
 * Whether a figure has a mean, beside which single seeds are faint.
 *
 * @param {Figure} figure
 */
function hasMean(figure) {
  return figure.panels.some((panel) => panel.series.some((series) => "of" in series && series.of === "mean"));
}

/**
 * What tells a panel from its neighbours.
 *
 * @param {Figure} figure
 * @param {number} index
 */
export function panelName(figure, index) {
  const { name } = figure.panels[index];
  if (name || !figure.grid) return name ?? "";
  const { columns, rows } = figure.grid;
  const across = Math.max(1, columns.length);
  return [rows[Math.floor(index / across)]?.join(", "), columns[index % across]].filter(Boolean).join(": ");
}

/** Panels whose rows and columns mean something are at least so wide: of more columns than fit, the figure scrolls. */
const NARROWEST = 210;

/**
 * Whether the rows and columns of a figure stay as they are, however wide it is.
 *
 * @param {Figure} figure
 */
function isTable(figure) {
  return (figure.grid?.rows.length ?? 0) > 0 && (figure.grid?.columns.length ?? 0) > 2;
}

/**
 * How wide a figure is at least, in pixels.
 *
 * @param {Figure} figure
 */
export function leastWidth(figure) {
  return isTable(figure) ? NARROWEST * (figure.grid?.columns.length ?? 1) : 0;
}

/**
 * How wide and high the panels of a figure are, and where.
 *
 * @param {Figure} figure
 * @param {number} width
 * @returns {{columns: number, cell: number, height: number}}
 */
function gridOf(figure, width) {
  const least = isTable(figure) ? 1 : figure.grid ? 250 : 320;
  const wanted = figure.grid ? Math.max(1, figure.grid.columns.length) : figure.panels.length;
  const fitting = Math.max(1, Math.floor(width / least));
  const columns = Math.max(1, Math.min(wanted, fitting));
  const cell = width / columns;
  const cells = figure.panels.find((panel) => panel.series.some((series) => series.kind === "cells"));
  if (cells) {
    const [across, down] = [cells.x.places?.length ?? 1, cells.y.places?.length ?? 1];
    const numbers = figure.panels.some((panel) => panel.series.some((one) => one.kind === "cells" && one.cells.some(({ text }) => text)));
    // Without numbers cells are square, and as small as the room for them.
    const high = numbers ? 26 : Math.min(26, Math.max(4, (cell - MARGIN.left - MARGIN.right) / across));
    return { columns, cell, height: MARGIN.top + MARGIN.bottom + high * down };
  }
  // Panels one above the other are flatter, so that two of them are about as high as a plane.
  const share = isPlane(figure) ? 0.76 : columns < figure.panels.length ? 0.46 : 0.6;
  const heading = isTable(figure) ? ROW_HEADING : 0;
  return { columns, cell, height: heading + Math.max(isPlane(figure) ? (heading ? 210 : 260) : 200, Math.min(cell * share, 560)) };
}

/**
 * How high a figure of a width in pixels is.
 *
 * @param {Figure} figure
 * @param {number} width
 */
export function heightOf(figure, width) {
  const { columns, height } = gridOf(figure, width);
  return Math.ceil(figure.panels.length / columns) * height;
}

/**
 * Places a figure of a width in pixels.
 *
 * @param {Figure} figure
 * @param {number} width
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 * @param {string} [of] what tells figures with one id apart: the run
 * @returns {Layout}
 */
export function place(figure, width, view, colors, of = "") {
  const { columns, cell, height } = gridOf(figure, width);
  const heading = isTable(figure) ? ROW_HEADING : 0;
  let [low, high] = [Infinity, -Infinity];
  const panels = figure.panels.map((panel, index) => {
    const longest = Math.max(0, ...(panel.y.places ?? []).map((name) => name.length));
    const left = Math.min(cell / 2, Math.max(MARGIN.left, 14 + 6.2 * longest));
    /** @type {Box} */
    const box = {
      left: (index % columns) * cell + left,
      top: Math.floor(index / columns) * height + heading + MARGIN.top,
      width: cell - left - MARGIN.right,
      height: height - heading - MARGIN.top - MARGIN.bottom,
    };
    const id = `${of}${figure.id}/${index}`;
    const zoom = view.zooms.get(id);
    const [fx, fy] = [factorOf(panel.x, view), factorOf(panel.y, view)];
    const x = scaleOf(panel.x, zoom ? [zoom[0] * fx, zoom[1] * fx] : null, fx);
    const y = scaleOf(panel.y, zoom ? [zoom[2] * fy, zoom[3] * fy] : null, fy);
    const series = panel.series.map((series) => placed(figure, panel, series, { box, x, y }, [fx, fy], colors));
    for (const one of panel.series) {
      if (one.kind !== "path" || !one.epochs.length) continue;
      low = Math.min(low, one.epochs[0]);
      high = Math.max(high, one.epochs[one.epochs.length - 1]);
    }
    const name = panelName(figure, index);
    const title = heading ? (figure.grid?.columns[index % columns] ?? name) : name;
    const row = heading && index % columns === 0 ? (figure.grid?.rows[Math.floor(index / columns)]?.join(", ") ?? "") : "";
    const group = figure.grid?.columns[index % Math.max(1, figure.grid.columns.length)] || panel.name || "";
    return { panel, id, name, title, row, hidden: isHiddenPanel(group, view), box, x, y, series };
  });
  const epochs = low < high ? scaleOf({ quantity: "epoch", unit: "", scale: "log-one-plus", low, high }, null, 1) : null;
  return { figure, width, height: heightOf(figure, width), panels, epochs };
}

/** What a legend says of a group beside its name. */
const OF_SEEDS = /^( \((mean of \d+ of )?\d+ seeds\))?$/;

/**
 * Whether a panel is of a group that is hidden. A group is called the same in it, but for its seeds.
 *
 * @param {string} group
 * @param {View} view
 */
function isHiddenPanel(group, view) {
  const isIts = (/** @type {string} */ name) => name.startsWith(group) && OF_SEEDS.test(name.slice(group.length));
  return group !== "" && [...view.hidden].some(isIts);
}

/**
 * @param {Figure} figure
 * @param {Panel} panel
 * @param {Series} series
 * @param {{box: Box, x: import("./scales.js").Scale, y: import("./scales.js").Scale}} scales
 * @param {[number, number]} factors
 * @param {import("./colors.js").Colors} colors
 * @returns {Placed}
 */
function placed(figure, panel, series, { box, x, y }, [fx, fy], colors) {
  /** @type {[number, number]} */
  const across = [box.left, box.left + box.width];
  /** @type {[number, number]} */
  const up = [box.top + box.height, box.top];
  /** @type {Float64Array} */
  let points = new Float64Array(0);
  /** @type {number[] | null} */
  let epochs = null;
  const put = (/** @type {ArrayLike<number>} */ atX, /** @type {ArrayLike<number>} */ atY) => {
    points = new Float64Array(2 * atX.length);
    x.place(atX, fx, across, points, 0);
    y.place(atY, fy, up, points, 1);
  };
  if (series.kind === "path" || series.kind === "line" || series.kind === "dots") {
    put(series.x, series.y);
    epochs = series.kind === "path" ? series.epochs : panel.x.quantity === "epoch" ? series.x : null;
  } else if (series.kind === "points") {
    put(series.points.map((point) => point.x), series.points.map((point) => point.y));
  } else if (series.kind === "band") {
    // Along the upper end, and back along the lower one.
    put([...series.x, ...series.x.toReversed()], [...series.high, ...series.low.toReversed()]);
  }
  const boxes = boxesOf(panel, series, { box, x, y }, fy);
  if (boxes) {
    // A bar is pointed at by its end, a cell or a tick by its middle.
    points = new Float64Array(boxes.length / 2);
    for (let place = 0; 4 * place < boxes.length; place++) {
      const [left, top, right, bottom] = boxes.subarray(4 * place, 4 * place + 4);
      points[2 * place] = (left + right) / 2;
      points[2 * place + 1] = series.kind === "bars" ? y.up(series.values[place]?.value ?? NaN, fy, box) : (top + bottom) / 2;
    }
    epochs = series.kind === "ticks" ? series.epochs : null;
  }
  const isGroup = series.kind === "path" ? series.group !== undefined : "role" in series && typeof series.role === "object" && "group" in series.role;
  const role = series.kind === "path" ? (series.group === undefined ? { layer: series.layer } : { group: series.group }) : "role" in series ? series.role : "network";
  const { color, dashes } = colors.role(figure, role);
  const layer = series.kind === "path" ? series.layer : typeof role === "object" && "layer" in role ? role.layer : -1;
  const rank = isGroup ? /** @type {{group: number}} */ (role).group : figure.layers.findIndex((shown) => shown.layer === layer);
  const count = isGroup ? (figure.groups?.length ?? 1) : figure.layers.length;
  const places = series.kind === "band" ? series.x.length : points.length / 2;
  return { series, points, places, boxes, epochs, name: nameOf(figure, series), color, dashes, rank: Math.max(0, rank), count };
}

/**
 * The extents of bars, cells and ticks: left, top, right and bottom of each.
 *
 * @param {Panel} panel
 * @param {Series} series
 * @param {{box: Box, x: import("./scales.js").Scale, y: import("./scales.js").Scale}} scales
 * @param {number} factor of the left axis
 * @returns {Float64Array | null}
 */
function boxesOf(panel, series, { box, x, y }, factor) {
  if (series.kind === "bars") {
    const kinds = panel.series.filter((other) => other.kind === "bars" && other.style !== "open");
    const all = panel.series.filter((other) => other.kind === "bars");
    const index = series.style === "open" ? Math.max(0, all.indexOf(series) - 1) : kinds.indexOf(series);
    const slot = box.width / (series.values.length || 1);
    const width = (0.72 * slot) / Math.max(1, kinds.length);
    const zero = y.up(0, factor, box);
    return Float64Array.from(series.values.flatMap((bar, place) => {
      const left = box.left + place * slot + 0.14 * slot + Math.min(index, Math.max(0, kinds.length - 1)) * width;
      const end = bar ? y.up(bar.value, factor, box) : NaN;
      if (series.style === "open") return [left + width / 2 - 4, end - 4, left + width / 2 + 4, end + 4];
      return [left, Math.min(end, zero), left + width, Math.max(end, zero)];
    }));
  }
  if (series.kind === "cells") {
    const [across, down] = [Math.max(1, panel.x.places?.length ?? 0), Math.max(1, panel.y.places?.length ?? 0)];
    const [wide, high] = [box.width / across, box.height / down];
    return Float64Array.from(series.cells.flatMap((_, index) => {
      const [left, top] = [box.left + (index % across) * wide, box.top + Math.floor(index / across) * high];
      return [left, top, left + wide, top + high];
    }));
  }
  if (series.kind === "ticks") {
    const [top, bottom] = laneOf(panel, series.seed, box);
    return Float64Array.from(series.epochs.flatMap((epoch) => {
      const at = box.left + x.share(epoch) * box.width;
      return [at, top, at, bottom];
    }));
  }
  return null;
}

/**
 * The upper and the lower end of the ticks of a seed.
 *
 * @param {Panel} panel
 * @param {number} seed
 * @param {Box} box
 * @returns {[number, number]}
 */
function laneOf(panel, seed, box) {
  const seeds = laneSeeds(panel);
  const high = box.height / Math.max(1, seeds.length);
  const top = box.top + seeds.indexOf(seed) * high;
  return [top + 0.15 * high, top + 0.85 * high];
}

/**
 * The seeds that have ticks, the first at the top.
 *
 * @param {Panel} panel
 */
function laneSeeds(panel) {
  return [...new Set(panel.series.flatMap((series) => (series.kind === "ticks" ? [series.seed] : [])))];
}

/**
 * How many of ascending epochs are not after one.
 *
 * @param {ArrayLike<number>} epochs
 * @param {number | null} epoch
 */
export function countUntil(epochs, epoch) {
  if (epoch === null) return epochs.length;
  let [low, high] = [0, epochs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (epochs[middle] <= epoch) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Paints a figure.
 *
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
export function paint(surface, layout, view, colors) {
  for (const placed of layout.panels) {
    const { panel, box } = placed;
    const table = panel.series.find((series) => series.kind === "cells");
    if (table && table.kind === "cells") {
      paintCells(surface, placed, table, colors);
      continue;
    }
    if (placed.row) surface.text(4, box.top - MARGIN.top - 2, placed.row, { size: LETTERS + 0.5, color: colors.palette.ink, bold: true });
    grid(surface, placed, colors);
    if (placed.hidden) {
      axes(surface, placed, view, colors);
      title(surface, placed, colors);
      surface.text(box.left + box.width / 2, box.top + box.height / 2, "hidden", { size: 11, color: colors.palette.quiet, anchor: "middle" });
      continue;
    }
    surface.inside(box.left - 5, box.top - 5, box.width + 10, box.height + 10, () => {
      limits(surface, placed, view, colors);
      const shown = placed.series.filter(({ series }) => isShown(layout.figure, series, view));
      for (const one of shown) if (one.series.kind === "band") band(surface, one, one.series);
      for (const one of shown) paintSeries(surface, layout, placed, one, view, colors);
      limitNames(surface, placed, view, colors);
    });
    axes(surface, placed, view, colors);
    title(surface, placed, colors);
  }
}

/**
 * Paints a line at an epoch where an axis has epochs.
 *
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {number | null} epoch
 * @param {import("./colors.js").Colors} colors
 */
export function paintEpoch(surface, layout, epoch, colors) {
  if (epoch === null) return;
  for (const { panel, box, x } of layout.panels) {
    const share = x.share(epoch);
    if (panel.x.quantity !== "epoch" || share < 0 || share > 1) continue;
    const at = box.left + share * box.width;
    surface.line([at, box.top, at, box.top + box.height], { color: colors.palette.ink, width: 1, opacity: 0.7 });
  }
}

/**
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {PlacedPanel} panel
 * @param {Placed} placed
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function paintSeries(surface, layout, panel, placed, view, colors) {
  const { series } = placed;
  switch (series.kind) {
    case "path":
      return path(surface, layout, placed, series, view, colors);
    case "line":
      return line(surface, layout, placed, series, view, colors);
    case "ticks":
      return ticks(surface, placed, series, colors);
    case "dots": {
      const color = series.spacing === "beyond" ? colors.beyond() : colors.reason(series.reason);
      for (let place = 0; place < placed.points.length; place += 2) {
        const open = series.spacing === "adjacent";
        surface.circle(placed.points[place], placed.points[place + 1], 2.4, open ? null : color, open ? { color, width: 1 } : undefined);
      }
      return;
    }
    case "points": {
      const color = hex(placed.color);
      series.points.forEach((point, index) => {
        const [x, y] = [placed.points[2 * index], placed.points[2 * index + 1]];
        errorBar(surface, panel, x, [point.y, point.error ?? null], factorOf(panel.panel.y, view), color);
        surface.circle(x, y, 3.4, series.marks === "filled" ? color : colors.palette.paper, { color, width: 1.2 });
      });
      return;
    }
    case "bars":
      return bars(surface, panel, placed, series, view, colors);
    default:
  }
}

/**
 * @param {Surface} surface
 * @param {PlacedPanel} panel
 * @param {import("./colors.js").Colors} colors
 */
function grid(surface, { panel, box, x, y }, colors) {
  const stroke = { color: colors.palette.grid, width: 1 };
  for (const tick of x.ticks(box.width)) {
    const at = Math.round(box.left + x.share(tick.value) * box.width) + 0.5;
    if (tick.label !== null && at >= box.left && at <= box.left + box.width + 1) surface.line([at, box.top, at, box.top + box.height], stroke);
  }
  for (const tick of laneSeeds(panel).length ? [] : y.ticks(box.height)) {
    const at = Math.round(box.top + box.height - y.share(tick.value) * box.height) + 0.5;
    if (tick.label !== null && at >= box.top - 1 && at <= box.top + box.height + 1) surface.line([box.left, at, box.left + box.width, at], stroke);
  }
}

/**
 * @param {Surface} surface
 * @param {PlacedPanel} placed
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function axes(surface, { panel, box, x, y }, view, colors) {
  const { ink, quiet } = colors.palette;
  const [right, bottom] = [box.left + box.width, box.top + box.height];
  const stroke = { color: ink, width: 1 };
  surface.line([box.left, box.top, box.left, bottom, right, bottom], stroke);
  const small = { size: 11, color: ink };
  for (const tick of x.ticks(box.width)) {
    const share = x.share(tick.value);
    if (share < -1e-9 || share > 1 + 1e-9) continue;
    const at = box.left + share * box.width;
    surface.line([at, bottom, at, bottom + (tick.label === null ? 2.5 : 5)], stroke);
    if (tick.label !== null) surface.text(at, bottom + 17, tick.label, { ...small, anchor: "middle" });
  }
  const lanes = laneSeeds(panel);
  lanes.forEach((seed, place) => {
    if (lanes.length <= box.height / 13) surface.text(box.left - 8, box.top + ((place + 0.5) / lanes.length) * box.height + 4, `seed ${seed}`, { ...small, anchor: "end" });
  });
  for (const tick of lanes.length ? [] : y.ticks(box.height)) {
    const share = y.share(tick.value);
    if (share < -1e-9 || share > 1 + 1e-9) continue;
    const at = bottom - share * box.height;
    surface.line([box.left - (tick.label === null ? 2.5 : 5), at, box.left, at], stroke);
    if (tick.label !== null) surface.text(box.left - 8, at + 4, tick.label, { ...small, anchor: "end" });
  }
  const count = panel.x.places?.length ?? 0;
  panel.x.places?.forEach((name, place) => {
    const room = Math.max(3, Math.floor(box.width / count / 6.2));
    const text = name.length > room ? `${name.slice(0, room - 1)}…` : name;
    surface.text(box.left + ((place + 0.5) / count) * box.width, bottom + 17, text, { ...small, anchor: "middle" });
  });
  panel.y.places?.forEach((name, place, all) => {
    const at = box.top + ((place + 0.5) / all.length) * box.height;
    surface.text(box.left - 8, at + 4, name, { ...small, anchor: "end" });
  });
  const middle = box.left + box.width / 2;
  const named = (/** @type {import("./types.js").Axis} */ axis) => (unitOf(axis, view) ? `${axis.quantity}  [${unitOf(axis, view)}]` : axis.quantity);
  surface.text(middle, bottom + 36, named(panel.x), { size: LETTERS, color: ink, anchor: "middle" });
  const out = Math.max(14, box.left - Math.max(46, 6.2 * Math.max(0, ...(panel.y.places ?? []).map((name) => name.length)) + 10));
  surface.text(out, box.top + box.height / 2, named(panel.y), { size: LETTERS, color: ink, anchor: "middle", upright: true });
  if (panel.remark) surface.text(box.left + box.width / 2, box.top + 18, panel.remark, { size: 11, color: quiet, anchor: "middle" });
}

/**
 * @param {Surface} surface
 * @param {{box: Box, title: string}} placed
 * @param {import("./colors.js").Colors} colors
 */
function title(surface, { box, title }, colors) {
  // From the left edge of the panel to the next one.
  const room = Math.max(6, Math.floor((box.width + MARGIN.right) / 6.9));
  const text = title.length > room ? `${title.slice(0, room - 1)}…` : title;
  if (text) surface.text(box.left, box.top - 12, text, { size: LETTERS, color: colors.palette.ink, bold: true });
}

/**
 * H(X), H(Y), δ: lines across.
 *
 * @param {Surface} surface
 * @param {PlacedPanel} panel
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function limits(surface, panel, view, colors) {
  const { box } = panel;
  for (const limit of panel.panel.limits) {
    const at = limitAt(panel, limit, view);
    if (at === null) continue;
    const ends = limit.axis === "x" ? [at, box.top, at, box.top + box.height] : [box.left, at, box.left + box.width, at];
    surface.line(ends, { color: colors.palette.limit, width: 1.1, dashes: LIMIT_DASHES });
  }
}

/**
 * The names and values of these lines, above all else.
 *
 * @param {Surface} surface
 * @param {PlacedPanel} panel
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function limitNames(surface, panel, view, colors) {
  const { box } = panel;
  for (const limit of panel.panel.limits) {
    const at = limitAt(panel, limit, view);
    if (at === null) continue;
    const style = { size: 11, color: colors.palette.quiet, around: colors.palette.paper };
    const value = limitText(limit, factorOf(limit.axis === "x" ? panel.panel.x : panel.panel.y, view));
    const name = value ? `${limit.name} = ${value}` : limit.name;
    if (limit.axis === "x") surface.text(at - 5, box.top + box.height / 2, name, { ...style, anchor: "middle", upright: true });
    else surface.text(box.left + 6, at < box.top + 16 ? at + 14 : at - 5, name, style);
  }
}

/**
 * Where such a line is, in pixels; nothing where the axis does not reach it.
 *
 * @param {PlacedPanel} placed
 * @param {import("./types.js").Limit} limit
 * @param {View} view
 */
function limitAt({ panel, box, x, y }, limit, view) {
  const factor = factorOf(limit.axis === "x" ? panel.x : panel.y, view);
  const share = (limit.axis === "x" ? x : y).share(limit.value * factor);
  if (share < 0 || share > 1) return null;
  return limit.axis === "x" ? box.left + share * box.width : box.top + box.height - share * box.height;
}

/**
 * The value of a limit with as many decimals as it was given.
 *
 * @param {import("./types.js").Limit} limit
 * @param {number} factor
 */
export function limitText(limit, factor) {
  if (factor === 1 || !limit.text) return limit.text;
  return minus((limit.value * factor).toFixed(limit.text.split(".")[1]?.length ?? 0));
}

/**
 * @param {Surface} surface
 * @param {Placed} placed
 * @param {import("./types.js").Band} series
 */
function band(surface, placed, series) {
  if (placed.points.length < 6) return;
  surface.shape(placed.points, hex(placed.color), series.range === "from5-to95" ? 0.13 : 0.22);
}

/**
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {Placed} placed
 * @param {import("./types.js").Line} series
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function line(surface, layout, placed, series, view, colors) {
  const color = hex(placed.color);
  if (typeof series.of === "object" && view.seeds === "all") {
    const faint = hasMean(layout.figure) ? 0.3 : 0.85;
    const stroke = series.failed ? { color, width: 1.1, opacity: 0.8, dashes: DOTS } : { color, width: 0.8, opacity: faint };
    surface.line(placed.points, stroke);
    return;
  }
  // Where layers lie on one another at a limit, the earlier ones stay visible below.
  const wider = placed.count > 1 ? (1.6 * (placed.count - 1 - placed.rank)) / placed.count : 0;
  const reference = REFERENCES[series.reference ?? ""] ?? (series.reference ? LIMIT_DASHES : null);
  const dashes = series.failed ? DOTS : (reference ?? (series.dashed ? DASHES : placed.dashes));
  surface.line(placed.points, { color, width: 1.5 + wider, dashes });
  if (series.name && placed.points.length > 1) {
    const end = placed.points.length - 2;
    surface.text(placed.points[end] - 4, placed.points[end + 1] - 6, series.name, { size: 11, color: colors.palette.quiet, anchor: "end" });
  }
}

/**
 * @param {Surface} surface
 * @param {PlacedPanel} panel
 * @param {number} x in pixels
 * @param {[number, number | null]} value and error, in the units of the document
 * @param {number} factor
 * @param {string} color
 */
function errorBar(surface, { box, y }, x, [value, error], factor, color) {
  if (error === null || !(error > 0)) return;
  surface.line([x, y.up(value - error, factor, box), x, y.up(value + error, factor, box)], { color, width: 1.2 });
}

/**
 * The way of a layer up to the epoch of the view, over what is still to come.
 *
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {Placed} placed
 * @param {import("./types.js").Path} series
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function path(surface, layout, placed, series, view, colors) {
  const until = countUntil(series.epochs, view.epoch);
  const { points } = placed;
  if (typeof series.of === "object" && view.seeds === "all") {
    const many = seedsOf(layout.figure).size;
    const opacity = series.failed ? 0.9 : Math.max(0.14, Math.min(0.55, 1.3 / Math.sqrt(many)));
    const stroke = { color: hex(placed.color), width: series.failed ? 1.1 : 0.8, opacity, dashes: series.failed ? DOTS : [] };
    surface.line(points.subarray(0, 2 * until), stroke);
    if (until > 0 && (series.failed || until === 1)) end(surface, points[2 * until - 2], points[2 * until - 1], series.failed, hex(placed.color));
    return;
  }
  if (until < series.epochs.length) {
    surface.line(points.subarray(2 * Math.max(0, until - 1)), { color: hex(placed.color), width: 1, opacity: 0.22 });
  }
  const share = (/** @type {number} */ epoch) => layout.epochs?.share(epoch) ?? 1;
  const shade = (/** @type {number} */ step) => hex(view.color === "epoch" ? colors.epoch(step) : colors.shade(placed.color, step));
  const step = (/** @type {number} */ place) => Math.round(share(series.epochs[place]) * SHADES) / SHADES;
  let from = 0;
  while (from + 1 < until) {
    const of = step(from + 1);
    let to = from + 1;
    while (to + 1 < until && step(to + 1) === of) to++;
    surface.line(points.subarray(2 * from, 2 * to + 2), { color: shade(of), width: 1.8, dashes: placed.dashes });
    from = to;
  }
  // Wide layers lie on one another at the limit; the earlier ones are larger and show below the later.
  const radius = 3 + (1.6 * (placed.count - 1 - placed.rank)) / placed.count;
  let [lastX, lastY] = [NaN, NaN];
  for (let place = 0; place < until; place++) {
    const [x, y] = [points[2 * place], points[2 * place + 1]];
    if (place + 1 < until && Math.hypot(x - lastX, y - lastY) < MARKER_DISTANCE) continue;
    marker(surface, placed.rank, x, y, radius, shade(share(series.epochs[place])), colors.palette.ink);
    [lastX, lastY] = [x, y];
  }
  if (until > 0) now(surface, layout, placed, series, until - 1, view);
}

/**
 * The end of the path of a seed: a cross where it did not learn, a dot where it is all there is.
 *
 * @param {Surface} surface
 * @param {number} x
 * @param {number} y
 * @param {boolean} failed
 * @param {string} color
 */
function end(surface, x, y, failed, color) {
  if (failed) surface.line([x - 4, y - 4, x + 4, y + 4, NaN, NaN, x - 4, y + 4, x + 4, y - 4], { color, width: 1.5 });
  else surface.circle(x, y, 2, color);
}

/**
 * The point of the epoch, with its standard errors.
 *
 * @param {Surface} surface
 * @param {Layout} layout
 * @param {Placed} placed
 * @param {import("./types.js").Path} series
 * @param {number} place
 * @param {View} view
 */
function now(surface, layout, placed, series, place, view) {
  const panel = layout.panels.find((panel) => panel.series.includes(placed));
  if (!panel) return;
  const [x, y] = [placed.points[2 * place], placed.points[2 * place + 1]];
  const color = hex(placed.color);
  errorBar(surface, panel, x, [series.y[place], series.y_error?.[place] ?? null], factorOf(panel.panel.y, view), color);
  const error = series.x_error?.[place] ?? null;
  if (error !== null && error > 0) {
    const factor = factorOf(panel.panel.x, view);
    const at = (/** @type {number} */ value) => panel.box.left + panel.x.share(value * factor) * panel.box.width;
    surface.line([at(series.x[place] - error), y, at(series.x[place] + error), y], { color, width: 1.2 });
  }
  if (view.epoch !== null) surface.circle(x, y, 7.5, null, { color, width: 1.6 });
}

/**
 * The marker of the layer at a place among those of a figure.
 *
 * @param {Surface} surface
 * @param {number} rank
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} fill
 * @param {string} ink
 */
export function marker(surface, rank, x, y, radius, fill, ink) {
  const outline = { color: ink, width: 0.5 };
  /** @type {[number, number, number][]} */
  const shapes = [
    [0, 0, 1],
    [4, 0.125, 1.25],
    [3, 0, 1.4],
    [4, 0, 1.3],
    [3, 0.5, 1.4],
    [5, 0, 1.2],
  ];
  const [corners, turn, stretch] = shapes[rank % shapes.length];
  if (!corners) return surface.circle(x, y, radius, fill, outline);
  const points = [];
  for (let corner = 0; corner < corners; corner++) {
    const angle = 2 * Math.PI * (corner / corners + turn);
    points.push(x + radius * stretch * Math.sin(angle), y - radius * stretch * Math.cos(angle));
  }
  surface.shape([...points, points[0], points[1]], fill, 1, outline);
}

/**
 * @param {Surface} surface
 * @param {Placed} placed
 * @param {import("./types.js").Ticks} series
 * @param {import("./colors.js").Colors} colors
 */
function ticks(surface, { boxes }, series, colors) {
  if (!boxes) return;
  const points = [];
  for (let place = 0; place < boxes.length; place += 4) points.push(boxes[place], boxes[place + 1], boxes[place], boxes[place + 3], NaN, NaN);
  surface.line(points, { color: colors.reason(series.reason), width: 1 });
}

/**
 * @param {Surface} surface
 * @param {PlacedPanel} panel
 * @param {Placed} placed
 * @param {import("./types.js").Bars} series
 * @param {View} view
 * @param {import("./colors.js").Colors} colors
 */
function bars(surface, panel, { boxes, points, ...placed }, series, view, colors) {
  if (!boxes) return;
  const color = hex(placed.color);
  series.values.forEach((bar, place) => {
    if (!bar) return;
    const [left, top, right, bottom] = boxes.subarray(4 * place, 4 * place + 4);
    const [middle, end] = [points[2 * place], points[2 * place + 1]];
    if (series.style === "open") surface.circle(middle, end, 4, colors.palette.paper, { color, width: 1.4 });
    else surface.shape([left, bottom, left, top, right, top, right, bottom], color, series.style === "pale" ? 0.35 : 0.9);
    errorBar(surface, panel, middle, [bar.value, bar.error ?? null], factorOf(panel.panel.y, view), colors.palette.ink);
  });
}

/**
 * @param {Surface} surface
 * @param {PlacedPanel} placed
 * @param {import("./types.js").Cells} table
 * @param {import("./colors.js").Colors} colors
 */
function paintCells(surface, { panel, box, title: name }, table, colors) {
  const [names, rows] = [panel.x.places ?? [], panel.y.places ?? []];
  const [wide, high] = [box.width / Math.max(1, names.length), box.height / Math.max(1, rows.length)];
  const scale = scaleOf(table.values, null, 1);
  const { ink } = colors.palette;
  title(surface, { box, title: name }, colors);
  rows.forEach((word, row) => {
    surface.text(box.left - 8, box.top + (row + 0.5) * high + 4, word, { size: 11, color: ink, anchor: "end" });
  });
  names.forEach((word, column) => {
    const room = Math.max(3, Math.floor(wide / 6));
    const text = word.length > room ? `${word.slice(0, room - 1)}…` : word;
    surface.text(box.left + (column + 0.5) * wide, box.top + box.height + 16, text, { size: 11, color: ink, anchor: "middle" });
  });
  table.cells.forEach((cell, index) => {
    const [row, column] = [Math.floor(index / names.length), index % names.length];
    const [left, top] = [box.left + column * wide, box.top + row * high];
    const share = cell.value === undefined ? null : Math.max(0, Math.min(1, scale.share(cell.value)));
    const fill = share === null ? colors.palette.grid : hex(colors.epoch(share));
    // Between small cells there is no room for a gap.
    const gap = Math.min(wide, high) < 12 ? 0 : 1;
    const [right, bottom] = [left + wide - gap, top + high - gap];
    surface.shape([left + gap, top + gap, right, top + gap, right, bottom, left + gap, bottom], fill, 1);
    const light = share === null ? !colors.palette.dark : share > 0.55;
    surface.text(left + wide / 2, top + high / 2 + 4, cell.text, { size: 11, color: light ? "#111111" : "#ffffff", anchor: "middle", bold: cell.stands_out });
  });
}

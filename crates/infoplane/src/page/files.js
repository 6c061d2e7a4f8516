/** A figure as it is shown, as a file of its own: with its title, what marks stand for, what is hidden, and its notes. */

import { hex } from "./colors.js";
import { isPlane, isShown, leastWidth, nameOf, paint, paintEpoch, place, seedsOf } from "./draw.js";
import { KEY, paintKey } from "./keys.js";
import { shortNumber } from "./scales.js";
import { canvasSurface, svgSurface } from "./surfaces.js";

/** @typedef {import("./types.js").Figure} Figure */
/** @typedef {import("./draw.js").Layout} Layout */
/** @typedef {import("./surfaces.js").Surface} Surface */

/**
 * A figure with the view of it.
 *
 * @typedef {object} Shown
 * @property {Figure} figure
 * @property {string} of what tells its zoom from that of another run's figure
 * @property {import("./view.js").View} view
 * @property {number | null} epoch
 * @property {import("./colors.js").Colors} colors
 */

/** The width of a file, at least. */
const LEAST_WIDTH = 760;
const EDGE = 20;
/** A pixel of the screen has so many of a picture. */
const SCALE = 2;

/**
 * The notes of a figure, those that warn apart; and one of the page where the view needs it.
 *
 * @param {Figure} figure
 * @param {import("./view.js").View} view
 * @returns {{warnings: string[], others: string[]}}
 */
export function noteTexts(figure, view) {
  const of = (/** @type {boolean} */ warns) => figure.notes.filter((note) => (note.kind === "warning") === warns).map((note) => note.text);
  const others = of(false);
  if (view.unit === "nats" && figure.notes.some((note) => /\bbits?\b/.test(note.text))) others.push("Notes give values in bits.");
  return { warnings: of(true), others };
}

/** @param {Shown} shown */
export function svgOf(shown) {
  const made = svgSurface();
  const { width, height } = draw(shown, () => made);
  return made.document(width, height, `${shown.figure.title}: ${shown.figure.heading}`, shown.colors.palette.paper);
}

/** @param {Shown} shown */
export function canvasOf(shown) {
  const canvas = document.createElement("canvas");
  draw(shown, (width, height) => {
    canvas.width = width * SCALE;
    canvas.height = height * SCALE;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(SCALE, SCALE);
    context.fillStyle = shown.colors.palette.paper;
    context.fillRect(0, 0, width, height);
    return canvasSurface(context);
  });
  return canvas;
}

/**
 * Draws all of it, from the top; returns its size.
 *
 * @param {Shown} shown
 * @param {(width: number, height: number) => Surface} surfaceOf
 */
function draw({ figure, of, view, epoch, colors }, surfaceOf) {
  const { palette } = colors;
  const width = Math.max(LEAST_WIDTH, leastWidth(figure));
  const layout = place(figure, width, view, colors, of);
  /** @type {{height: number, paint: (surface: Surface, top: number) => void}[]} */
  const parts = [];
  const text = (/** @type {string} */ words, /** @type {import("./surfaces.js").TextStyle} */ style, /** @type {number} */ high, /** @type {number} */ letter) => {
    for (const line of wrapped(words, (width - 2 * EDGE) / letter)) parts.push({ height: high, paint: (surface, top) => surface.text(EDGE, top + high - 5, line, style) });
  };
  text(figure.title, { size: 16, color: palette.ink, bold: true }, 22, 9);
  text([...figure.facts, ...state(figure, view, epoch)].join(" · "), { size: 12, color: palette.quiet }, 17, 6.3);
  parts.push({
    height: layout.height + 8,
    paint: (surface, top) => {
      const lower = shifted(surface, top + 4);
      paint(lower, layout, view, colors);
      paintEpoch(lower, layout, epoch, colors);
    },
  });
  const entries = legendOf(layout, view, colors);
  for (const row of lines(entries.map(({ name }) => name), width - 2 * EDGE)) {
    parts.push({
      height: 18,
      paint: (surface, top) => {
        for (const [index, x] of row) {
          entries[index].paint(surface, EDGE + x, top + 9);
          surface.text(EDGE + x + KEY.width + 4, top + 13, entries[index].name, { size: 11.5, color: palette.ink });
        }
      },
    });
  }
  if (isPlane(figure) && layout.epochs) parts.push(scaleOfEpochs(layout.epochs, view, colors));
  parts.push({ height: 8, paint: () => {} });
  const { warnings, others } = noteTexts(figure, view);
  for (const words of warnings) text(words, { size: 11, color: palette.ink }, 15, 5.7);
  for (const words of others) text(words, { size: 11, color: palette.quiet }, 15, 5.7);
  const height = Math.ceil(parts.reduce((sum, part) => sum + part.height, 0) + 24);
  const surface = surfaceOf(width, height);
  let top = 12;
  for (const part of parts) {
    part.paint(surface, top);
    top += part.height;
  }
  return { width, height };
}

/**
 * What a reader chose, in words: a file has no controls that would say it.
 *
 * @param {Figure} figure
 * @param {import("./view.js").View} view
 * @param {number | null} epoch
 */
export function state(figure, view, epoch) {
  const names = new Set(figure.panels.flatMap((panel) => panel.series.filter((series) => !isShown(figure, series, view)).map((series) => nameOf(figure, series))));
  for (const panel of figure.panels) {
    for (const series of panel.series) if (isShown(figure, series, view)) names.delete(nameOf(figure, series));
  }
  names.delete("");
  const words = [];
  if (epoch !== null) words.push(isPlane(figure) ? `up to epoch ${epoch}` : `line at epoch ${epoch}`);
  if (names.size) words.push(`without ${[...names].join(", ")}`);
  // Where a figure has single seeds none but this is drawn; the others show means.
  if (seedsOf(figure).has(Number(view.seeds)) && /^\d+$/.test(view.seeds)) words.push(`seed ${view.seeds}`);
  return words;
}

/**
 * The layers and groups that are drawn, and what marks stand for.
 *
 * @param {Layout} layout
 * @param {import("./view.js").View} view
 * @param {import("./colors.js").Colors} colors
 */
function legendOf({ figure, panels }, view, colors) {
  /** @type {Map<string, {name: string, paint: (surface: Surface, left: number, middle: number) => void}>} */
  const found = new Map();
  for (const { series: all } of panels) {
    for (const { series, name, color, dashes } of all) {
      if (!name || found.has(name) || !isShown(figure, series, view)) continue;
      found.set(name, { name, paint: (surface, left, middle) => surface.line([left, middle, left + KEY.width - 4, middle], { color: hex(color), width: 2.2, dashes }) });
    }
  }
  const keys = figure.legend.map(({ key, name }) => ({
    name,
    paint: (/** @type {Surface} */ surface, /** @type {number} */ left, /** @type {number} */ middle) => {
      paintKey(surface, figure, key, [left, middle], colors);
    },
  }));
  return [...found.values(), ...keys];
}

/**
 * What colours mean in epochs.
 *
 * @param {import("./scales.js").Scale} epochs
 * @param {import("./view.js").View} view
 * @param {import("./colors.js").Colors} colors
 */
function scaleOfEpochs(epochs, view, colors) {
  const { palette } = colors;
  const [steps, width, left] = [40, 160, EDGE + 44];
  const step = width / steps;
  return {
    height: 22,
    paint: (/** @type {Surface} */ surface, /** @type {number} */ top) => {
      surface.text(EDGE, top + 15, "epoch", { size: 11, color: palette.ink });
      const first = shortNumber(epochs.low);
      const start = left + 7 * first.length;
      surface.text(left, top + 15, first, { size: 11, color: palette.ink });
      for (let place = 0; place < steps; place++) {
        const share = (place + 0.5) / steps;
        const color = hex(view.color === "epoch" ? colors.epoch(share) : colors.ofNoLayer(share));
        const [from, to] = [start + place * step, start + (place + 1) * step + 0.3];
        surface.shape([from, top + 7, to, top + 7, to, top + 15, from, top + 15], color, 1);
      }
      surface.text(start + width + 6, top + 15, shortNumber(epochs.high), { size: 11, color: palette.ink });
    },
  };
}

/**
 * Where names stand in lines of a width: for each its place and its distance from the left.
 *
 * @param {string[]} names
 * @param {number} width
 * @returns {[number, number][][]}
 */
function lines(names, width) {
  /** @type {[number, number][][]} */
  const found = [];
  let x = Infinity;
  names.forEach((name, index) => {
    const length = KEY.width + 6.6 * name.length + 18;
    if (x + length > width) {
      found.push([]);
      x = 0;
    }
    found[found.length - 1].push([index, x]);
    x += length;
  });
  return found;
}

/**
 * @param {string} text
 * @param {number} width in letters
 */
function wrapped(text, width) {
  const most = Math.max(1, Math.floor(width));
  /** @type {string[]} */
  const found = [];
  for (const word of text.split(" ").flatMap((word) => word.match(new RegExp(`.{1,${most}}`, "gu")) ?? [])) {
    const last = found[found.length - 1];
    if (last !== undefined && last.length + word.length + 1 <= most) found[found.length - 1] = `${last} ${word}`;
    else found.push(word);
  }
  return found;
}

/**
 * The same surface, further down.
 *
 * @param {Surface} surface
 * @param {number} by
 * @returns {Surface}
 */
function shifted(surface, by) {
  const down = (/** @type {ArrayLike<number>} */ points) => Float64Array.from(points, (value, place) => (place % 2 ? value + by : value));
  return {
    line: (points, stroke) => surface.line(down(points), stroke),
    shape: (points, fill, opacity, outline) => surface.shape(down(points), fill, opacity, outline),
    circle: (x, y, radius, fill, outline) => surface.circle(x, y + by, radius, fill, outline),
    text: (x, y, text, style) => surface.text(x, y + by, text, style),
    inside: (x, y, width, height, draw) => surface.inside(x, y + by, width, height, draw),
  };
}

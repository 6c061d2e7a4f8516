/** A figure on the page: its drawing, what a pointer and keys do in it, its notes, its table, its files. */

import { countUntil, describedAs, heightOf, isPlane, isShown, leastWidth, paint, paintEpoch, place, seedsOf } from "./draw.js";
import { activeIn, element, save } from "./element.js";
import { canvasOf, noteTexts, svgOf } from "./files.js";
import { KEY, paintKey } from "./keys.js";
import { scaleOf, told } from "./scales.js";
import { canvasSurface } from "./surfaces.js";
import { RANGES, csvOf, valuesOf } from "./values.js";
import { factorOf, unitOf } from "./view.js";

/** @typedef {import("./types.js").Figure} Figure */
/** @typedef {import("./draw.js").Layout} Layout */
/** @typedef {import("./draw.js").PlacedPanel} PlacedPanel */
/** @typedef {import("./draw.js").Placed} Placed */

/** How far a pointer may be from a value that it shows, in pixels. */
const REACH = 28;
/** The smallest part of an axis that is shown: of a smaller one ticks could not be told apart. */
const LEAST_SHOWN = 1e-4;
/** So many rows of a table are on the page; a file has all of them. */
const MOST_ROWS = 400;

export class Card {
  /**
   * @param {Figure} figure
   * @param {string} run the name of its run, or nothing
   * @param {import("./view.js").Store} store
   * @param {() => import("./colors.js").Colors} colors
   * @param {() => number | null} epoch the measured epoch that the page shows, or nothing for all of them
   */
  constructor(figure, run, store, colors, epoch) {
    this.figure = figure;
    this.run = run;
    this.store = store;
    this.colors = colors;
    this.epoch = epoch;
    /** What tells its zoom from that of another run's figure. */
    this.of = run ? `${run}/` : "";
    /** What is said of it where several figures have the same heading. */
    this.name = [run, figure.heading].filter(Boolean).join(": ");
    /** @type {Layout | null} */
    this.layout = null;
    /** @type {{panel: PlacedPanel, placed: Placed, place: number} | null} */
    this.at = null;
    /** The value that was shown before the keys went elsewhere, such as to a button that zooms.
     * @type {{panel: PlacedPanel, placed: Placed, place: number} | null} */
    this.last = null;
    /** The room that it was drawn in, in pixels. */
    this.room = 0;
    this.isVisible = false;
    this.isStale = true;
    this.canvas = element("canvas", { class: "marks" });
    this.overlay = element("canvas", {
      class: "overlay",
      tabindex: 0,
      // Screen readers leave the arrow keys to what has this role.
      role: "application",
      "aria-roledescription": "figure",
      "aria-label": `${this.name}. ${figure.facts.join(", ")}. Arrow keys move from value to value, plus and minus zoom, Shift with arrow keys moves what is shown; a table follows.`,
    });
    this.tip = element("div", { class: "tip", hidden: true });
    this.live = element("div", { class: "unseen", "aria-live": "polite" });
    this.stage = element("div", { class: "stage" }, this.canvas, this.overlay, this.tip);
    this.facts = element("p", { class: "facts" });
    this.words = element("div", {});
    this.element = element(
      "figure",
      { class: `figure ${(figure.grid?.columns.length ?? 1) > 1 ? "wide" : ""}`, id: `${run ? `${run}-` : ""}${figure.id}` },
      element("figcaption", {}, element(run ? "h3" : "h2", {}, figure.heading), this.facts),
      this.stage,
      this.live,
      this.words,
      this.buttons(),
    );
    this.say();
    this.listen();
  }

  /** Writes the facts, what marks stand for, and the notes. */
  say() {
    const { figure } = this;
    this.facts.textContent = figure.facts.join(" · ");
    const list = (/** @type {string} */ kind, /** @type {string[]} */ texts) => texts.length > 0 && element("ul", { class: kind }, ...texts.map((text) => element("li", {}, text)));
    const { warnings, others } = noteTexts(figure, this.store.view);
    const parts = [this.key(), list("notes warnings", warnings), list("notes", others)];
    this.words.replaceChildren(...parts.filter((part) => part !== null && part !== false));
  }

  /**
   * Shows newer values of the same figure; what a reader does with it goes on.
   *
   * @param {Figure} figure
   */
  replace(figure) {
    this.figure = figure;
    this.say();
    this.refresh();
  }

  /** What lines and marks stand for beside the layers. */
  key() {
    const { figure } = this;
    if (!figure.legend.length) return null;
    const entries = figure.legend.map(({ key, name }) => {
      const mark = element("canvas", { width: 2 * KEY.width, height: 2 * KEY.height, "aria-hidden": "true" });
      const context = /** @type {CanvasRenderingContext2D} */ (mark.getContext("2d"));
      context.scale(2, 2);
      const hasMark = paintKey(canvasSurface(context), figure, key, [1, KEY.height / 2], this.colors());
      return element("li", {}, hasMark && mark, name);
    });
    return element("ul", { class: "key" }, ...entries);
  }

  buttons() {
    const button = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => void} */ act) =>
      element("button", { type: "button", "aria-label": `${label}: ${this.name}`, title: label, click: act }, name);
    const table = element("details", { class: "values" }, element("summary", {}, "Values"));
    table.addEventListener("toggle", () => this.fill(table));
    this.table = table;
    return element(
      "div",
      { class: "tools" },
      button("+", "Zoom in", () => this.zoom(0.6)),
      button("−", "Zoom out", () => this.zoom(1 / 0.6)),
      button("Reset", "Reset zoom", () => this.unzoom()),
      button("SVG", "Save as SVG", () => this.saveSvg()),
      button("PNG", "Save as PNG", () => this.savePng()),
      button("CSV", "Save the values as CSV", () => this.saveCsv()),
      table,
    );
  }

  /** @param {HTMLDetailsElement} table */
  fill(table) {
    const before = table.querySelector("div");
    const [top, left, isActive] = [before?.scrollTop ?? 0, before?.scrollLeft ?? 0, before !== null && activeIn(table) === before];
    before?.remove();
    if (!table.open) return;
    const { columns, rows, count } = valuesOf(this.figure, this.store.view, MOST_ROWS);
    const cell = (/** @type {string | number} */ value) => element("td", {}, typeof value === "number" ? told(value) : value);
    const head = element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name))));
    const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell))));
    const caption = element("caption", {}, count > rows.length ? `${this.figure.heading}: the first ${rows.length} of ${count} values; the CSV file has all.` : `${this.figure.heading}: ${count} values.`);
    const scroll = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Values of ${this.name}` }, element("table", {}, caption, head, body));
    table.append(scroll);
    scroll.scrollTo(left, top);
    if (isActive) scroll.focus({ preventScroll: true });
  }

  /** Draws anew when the page shows it next, or now where it does. */
  refresh() {
    this.isStale = true;
    if (this.isVisible) this.draw();
    if (this.table?.open) this.fill(this.table);
  }

  /** Takes the room of the figure before it is drawn. */
  reserve() {
    const width = Math.floor(this.stage.clientWidth);
    if (width >= 40) this.stage.style.height = `${heightOf(this.figure, Math.max(width, leastWidth(this.figure)))}px`;
  }

  draw() {
    const room = Math.floor(this.stage.clientWidth);
    if (room < 40) return;
    this.room = room;
    const width = Math.max(room, leastWidth(this.figure));
    const colors = this.colors();
    const [at, last] = [this.where(this.at), this.where(this.last)];
    this.layout = place(this.figure, width, this.store.view, colors, this.of);
    [this.at, this.last] = [this.again(at), this.again(last)];
    if (!this.at) this.tip.hidden = true;
    this.stage.style.height = `${this.layout.height}px`;
    for (const canvas of [this.canvas, this.overlay]) this.size(canvas, width, this.layout.height);
    // Where a part is shown a finger moves it; else it moves the page.
    const isZoomed = this.layout.panels.some(({ id }) => this.store.view.zooms.has(id));
    this.overlay.style.touchAction = isZoomed ? "none" : "";
    this.isStale = false;
    this.paint();
  }

  /**
   * Which value it is, by places.
   *
   * @param {{panel: PlacedPanel, placed: Placed, place: number} | null} at
   */
  where(at) {
    if (!at || !this.layout) return null;
    const { panel, placed, place: point } = at;
    return { panel: this.layout.panels.indexOf(panel), series: panel.series.indexOf(placed), point };
  }

  /**
   * The value at these places in a new layout.
   *
   * @param {{panel: number, series: number, point: number} | null} at
   */
  again(at) {
    const panel = at ? this.layout?.panels[at.panel] : undefined;
    const placed = at ? panel?.series[at.series] : undefined;
    if (!at || !panel || !placed || at.point >= placed.places || !isShown(this.figure, placed.series, this.store.view)) return null;
    return { panel, placed, place: at.point };
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} width
   * @param {number} height
   */
  size(canvas, width, height) {
    const ratio = globalThis.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
  }

  /** @param {HTMLCanvasElement} canvas */
  context(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    return context;
  }

  paint() {
    if (!this.layout) return;
    paint(canvasSurface(this.context(this.canvas)), this.layout, this.store.view, this.colors());
    // The value that is shown may be another one now, or in another unit.
    if (this.at) this.show(this.at);
    else this.paintOver();
  }

  /** Follows the epoch of the page. */
  follow() {
    if (!this.isVisible) this.isStale = true;
    else if (this.isStale) this.draw();
    else if (isPlane(this.figure)) this.paint();
    else this.paintOver();
  }

  /** The epoch of the page where an axis has epochs, and the value at the pointer. */
  paintOver() {
    if (!this.layout) return;
    const surface = canvasSurface(this.context(this.overlay));
    const { palette } = this.colors();
    paintEpoch(surface, this.layout, this.epoch(), this.colors());
    if (!this.at) return;
    const { placed, place } = this.at;
    if (placed.series.kind === "cells" && placed.boxes) {
      const [left, top, right, bottom] = placed.boxes.subarray(4 * place, 4 * place + 4);
      surface.line([left, top, right, top, right, bottom, left, bottom, left, top], { color: palette.ink, width: 2 });
      return;
    }
    const [x, y] = this.pixel(this.at);
    surface.circle(x, y, 6, null, { color: palette.paper, width: 3.5 });
    surface.circle(x, y, 6, null, { color: palette.ink, width: 1.5 });
  }

  /**
   * @param {{placed: Placed, place: number}} at
   * @returns {[number, number]}
   */
  pixel({ placed, place }) {
    return [placed.points[2 * place], placed.points[2 * place + 1]];
  }

  listen() {
    const { overlay } = this;
    /** @type {{x: number, y: number, panel: PlacedPanel} | null} */
    let drag = null;
    /** Where a pointer is that moves what is shown. @type {{x: number, y: number, panel: PlacedPanel} | null} */
    let move = null;
    const where = (/** @type {PointerEvent | MouseEvent | WheelEvent} */ event) => {
      const edge = overlay.getBoundingClientRect();
      return [event.clientX - edge.left, event.clientY - edge.top];
    };
    overlay.addEventListener("pointerdown", (event) => {
      const [x, y] = where(event);
      const panel = this.panelAt(x, y);
      const isZoomed = panel !== null && this.store.view.zooms.has(panel.id);
      if (isZoomed && (event.pointerType !== "mouse" || (event.button === 0 && event.shiftKey))) {
        move = { x, y, panel };
        overlay.setPointerCapture(event.pointerId);
        if (event.pointerType !== "mouse") this.show(this.nearest(x, y));
      } else if (event.pointerType === "mouse" && event.button === 0 && panel) {
        drag = { x, y, panel };
        overlay.setPointerCapture(event.pointerId);
      } else if (event.pointerType !== "mouse") {
        this.show(this.nearest(x, y));
      }
    });
    overlay.addEventListener("pointermove", (event) => {
      const [x, y] = where(event);
      if (move) {
        const { box, id } = move.panel;
        // Some pixels at a time: each is a drawing.
        if (Math.hypot(x - move.x, y - move.y) < 3) return;
        this.show(null);
        this.pan((move.x - x) / box.width, (y - move.y) / box.height, move.panel);
        const panel = this.layout?.panels.find((panel) => panel.id === id);
        move = panel ? { x, y, panel } : null;
        return;
      }
      if (!drag) {
        if (event.pointerType === "mouse") this.show(this.nearest(x, y));
        return;
      }
      this.show(null);
      const { palette } = this.colors();
      const { box } = drag.panel;
      const isWide = Math.abs(x - drag.x) > 8;
      const isHigh = Math.abs(y - drag.y) > 8;
      if (!isWide && !isHigh) return;
      const [left, right] = isWide ? [Math.min(x, drag.x), Math.max(x, drag.x)] : [box.left, box.left + box.width];
      const [top, bottom] = isHigh ? [Math.min(y, drag.y), Math.max(y, drag.y)] : [box.top, box.top + box.height];
      const corners = [left, top, right, top, right, bottom, left, bottom, left, top];
      canvasSurface(this.context(overlay)).shape(corners, palette.ink, 0.12, { color: palette.ink, width: 1 });
    });
    overlay.addEventListener("pointerup", (event) => {
      move = null;
      if (!drag) return;
      const [x, y] = where(event);
      const { panel } = drag;
      const { box } = panel;
      // Along one axis alone, the other stays as it is.
      const isWide = Math.abs(x - drag.x) > 8;
      const isHigh = Math.abs(y - drag.y) > 8;
      const across = /** @type {[number, number]} */ (isWide ? [Math.min(x, drag.x), Math.max(x, drag.x)] : [box.left, box.left + box.width]);
      const up = /** @type {[number, number]} */ (isHigh ? [Math.max(y, drag.y), Math.min(y, drag.y)] : [box.top + box.height, box.top]);
      if (isWide || isHigh) this.setZooms([this.zoomOf(panel, across, up)]);
      else this.paintOver();
      drag = null;
    });
    // A finger that is lifted leaves the tip: a tap elsewhere closes it.
    overlay.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && !drag && this.show(null));
    const end = () => {
      drag = null;
      move = null;
      this.paintOver();
    };
    overlay.addEventListener("pointercancel", end);
    overlay.addEventListener("keydown", (event) => event.key === "Escape" && end());
    overlay.addEventListener("dblclick", () => this.unzoom());
    overlay.addEventListener("wheel", (event) => {
      // Without a key the page scrolls.
      const [x, y] = where(event);
      const panel = this.panelAt(x, y);
      if ((!event.ctrlKey && !event.metaKey) || !panel) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.8 : 1.25, panel, [x, y]);
    }, { passive: false });
    overlay.addEventListener("blur", () => {
      const at = this.at ?? this.last;
      this.show(null);
      this.last = at;
    });
    overlay.addEventListener("keydown", (event) => this.press(event));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = /** @type {Record<string, () => void>} */ ({
      ArrowRight: () => this.walk(1),
      ArrowLeft: () => this.walk(-1),
      ArrowDown: () => this.change(1),
      ArrowUp: () => this.change(-1),
      Home: () => this.walk(-Infinity),
      End: () => this.walk(Infinity),
      "+": () => this.zoom(0.6),
      "=": () => this.zoom(0.6),
      "-": () => this.zoom(1 / 0.6),
      0: () => this.unzoom(),
      Escape: () => this.show(null),
      Enter: () => this.take(),
    });
    const pans = /** @type {Record<string, () => void>} */ ({
      ArrowRight: () => this.pan(0.2, 0),
      ArrowLeft: () => this.pan(-0.2, 0),
      ArrowDown: () => this.pan(0, -0.2),
      ArrowUp: () => this.pan(0, 0.2),
    });
    const act = (event.shiftKey ? pans[event.key] : undefined) ?? steps[event.key];
    if (!act) return;
    event.preventDefault();
    // Keys may come before the figure was on the screen.
    if (this.isStale) this.draw();
    act();
  }

  /** Sets the epoch of the page to that of the value that is shown. */
  take() {
    const epoch = this.at?.placed.epochs?.[this.at.place];
    // What is a mean over epochs lies between two of them.
    if (epoch !== undefined) this.store.set("epoch", (view) => (view.epoch = Math.floor(epoch)));
  }

  /** The series that can be walked along. */
  walkable() {
    /** @type {{panel: PlacedPanel, placed: Placed}[]} */
    const found = [];
    for (const panel of this.layout?.panels ?? []) {
      for (const placed of panel.series) {
        const { series } = placed;
        if (panel.hidden || !isPointedAt(series) || !placed.places || !isShown(this.figure, series, this.store.view)) continue;
        if ("of" in series && typeof series.of === "object" && this.store.view.seeds === "all") continue;
        found.push({ panel, placed });
      }
    }
    return found;
  }

  /** @param {number} by */
  walk(by) {
    const all = this.walkable();
    if (!all.length) return;
    const at = this.at && all.some(({ placed }) => placed === this.at?.placed) ? this.at : { ...all[0], place: by > 0 ? -1 : all[0].placed.places };
    const { points, places } = at.placed;
    const last = places - 1;
    let place = Math.max(0, Math.min(last, at.place + by));
    // Past what has no value, such as a bar that is not there.
    const step = by < 0 ? (place === 0 ? 1 : -1) : place === last ? -1 : 1;
    while (place > 0 && place < last && Number.isNaN(points[2 * place + 1])) place += step;
    this.come({ ...at, place });
  }

  /**
   * Shows a value that keys chose, and moves what is shown to where it is.
   *
   * @param {{panel: PlacedPanel, placed: Placed, place: number}} at
   */
  come(at) {
    const { box } = at.panel;
    const [x, y] = this.pixel(at);
    const isWithin = (/** @type {number} */ value, /** @type {number} */ from, /** @type {number} */ length) => value >= from - 1 && value <= from + length + 1;
    const [across, up] = [isWithin(x, box.left, box.width) ? 0 : (x - box.left) / box.width - 0.5, isWithin(y, box.top, box.height) ? 0 : 0.5 - (y - box.top) / box.height];
    this.at = at;
    if (across || up) this.pan(across, up, at.panel);
    this.show(this.at, true);
  }

  /** @param {number} by */
  change(by) {
    const all = this.walkable();
    if (!all.length) return;
    const now = all.findIndex(({ placed }) => placed === this.at?.placed);
    const next = all[(Math.max(now, by < 0 ? 0 : -1) + by + all.length) % all.length];
    const epoch = this.at?.placed.epochs?.[this.at.place] ?? null;
    const last = next.placed.places - 1;
    const place = epoch !== null && next.placed.epochs ? countUntil(next.placed.epochs, epoch) - 1 : (this.at?.place ?? 0);
    this.come({ ...next, place: Math.max(0, Math.min(last, place)) });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  panelAt(x, y) {
    const beside = (/** @type {PlacedPanel} */ { box }) => x >= box.left - 8 && x <= box.left + box.width + 8 && y >= box.top - 8 && y <= box.top + box.height + 8;
    return this.layout?.panels.find(beside) ?? null;
  }

  /**
   * The value nearest to a place, of what is drawn.
   *
   * @param {number} x
   * @param {number} y
   */
  nearest(x, y) {
    const panel = this.panelAt(x, y);
    if (!panel || panel.hidden) return null;
    const { box } = panel;
    /** @type {{panel: PlacedPanel, placed: Placed, place: number} | null} */
    let best = null;
    let least = REACH * REACH;
    for (const placed of panel.series) {
      if (!isPointedAt(placed.series) || !isShown(this.figure, placed.series, this.store.view)) continue;
      const { points, boxes } = placed;
      const until = placed.series.kind === "path" ? countUntil(placed.series.epochs, this.store.view.epoch) : placed.places;
      for (let place = 0; place < until; place++) {
        const [atX, atY] = [points[2 * place], points[2 * place + 1]];
        // What lies outside of the axes is not drawn.
        if (atX < box.left - 1 || atX > box.left + box.width + 1 || atY < box.top - 1 || atY > box.top + box.height + 1) continue;
        const beyond = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low - value, 0, value - high);
        const distance = boxes
          ? beyond(x, boxes[4 * place], boxes[4 * place + 2]) ** 2 + beyond(y, boxes[4 * place + 1], boxes[4 * place + 3]) ** 2
          : (atX - x) ** 2 + (atY - y) ** 2;
        // Of equally near ones the last, which lies above the others.
        if (distance <= least) [best, least] = [{ panel, placed, place }, distance];
      }
    }
    return best;
  }

  /**
   * @param {{panel: PlacedPanel, placed: Placed, place: number} | null} at
   * @param {boolean} [aloud]
   */
  show(at, aloud = false) {
    this.last = null;
    if (at === null && this.at === null) return;
    this.at = at;
    this.paintOver();
    this.tip.hidden = !at;
    if (!at || !this.layout) return;
    const words = this.describe(at);
    this.tip.replaceChildren(...words.map((line, index) => element(index ? "span" : "strong", {}, line)));
    const [x, y] = this.pixel(at);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(this.layout.width - width, x + 14 + width > this.layout.width ? x - width - 14 : x + 14))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(this.layout.height - height, y - height / 2))}px`;
    if (aloud) this.live.textContent = words.join(", ");
  }

  /**
   * All that is known of a value, a line each.
   *
   * @param {{panel: PlacedPanel, placed: Placed, place: number}} at
   */
  describe({ panel: { panel, name: panelName }, placed, place }) {
    const { series } = placed;
    const { view } = this.store;
    const number = (/** @type {import("./types.js").Axis} */ axis, /** @type {number} */ value, /** @type {number | null | undefined} */ error) => {
      const factor = factorOf(axis, view);
      // Less than that is rounding.
      const beside = error && error > 1e-12 * Math.max(1, Math.abs(value)) ? ` ± ${told(error * factor)}` : "";
      return `${axis.quantity} = ${told(value * factor)}${beside} ${unitOf(axis, view)}`.trim();
    };
    const of = "of" in series ? (typeof series.of === "object" ? `seed ${series.of.seed}` : series.of === "mean" && this.hasSeeds() ? "mean" : "") : "";
    const name = [describedAs(this.figure, series), of, "failed" in series && series.failed ? "did not learn" : ""].filter(Boolean).join(", ");
    const words = [name || this.figure.heading];
    if (series.kind === "path") {
      words.push(`epoch ${series.epochs[place]}`, number(panel.x, series.x[place], series.x_error?.[place]), number(panel.y, series.y[place], series.y_error?.[place]));
    } else if (series.kind === "line" || series.kind === "dots") {
      words.push(number(panel.x, series.x[place], null), number(panel.y, series.y[place], null));
      if (series.kind === "line") words.push(...this.bandsAt(panel, series, series.x[place]));
    } else if (series.kind === "band") {
      words.push(number(panel.x, series.x[place], null), `${number(panel.y, series.low[place], null)} to ${number(panel.y, series.high[place], null).replace(/^.* = /, "")}`);
    } else if (series.kind === "points") {
      const point = series.points[place];
      if (point.label) words[0] = `${words[0]} ${point.label}`.trim();
      words.push(number(panel.x, point.x, null), number(panel.y, point.y, point.error));
    } else if (series.kind === "bars") {
      const bar = series.values[place];
      words[0] = [panel.x.places?.[place], describedAs(this.figure, series)].filter(Boolean).join(", ");
      words.push(bar ? number(panel.y, bar.value, bar.error) : "no value");
    } else if (series.kind === "cells") {
      const [across, down] = [panel.x.places ?? [], panel.y.places ?? []];
      const cell = series.cells[place];
      words[0] = [down[Math.floor(place / across.length)], across[place % across.length]].filter(Boolean).join(", ");
      words.push(`${series.values.quantity} ${cell.text} ${cell.remark ?? ""}`.trim());
    } else if (series.kind === "ticks") {
      words.push(`seed ${series.seed}`, `epoch ${series.epochs[place]}`);
    }
    if (panelName && this.figure.panels.length > 1) words.push(panelName);
    if (words[0] !== this.figure.heading) words.push(this.figure.facts[0] ?? "");
    return words.filter(Boolean);
  }

  /** Whether means are over several seeds: single ones, bands or errors are there, too. */
  hasSeeds() {
    const tells = (/** @type {import("./types.js").Series} */ series) => series.kind === "band" || (series.kind === "path" && series.y_error !== undefined);
    return seedsOf(this.figure).size > 0 || this.figure.panels.some((panel) => panel.series.some(tells));
  }

  /**
   * Where the bands of a mean end.
   *
   * @param {import("./types.js").Panel} panel
   * @param {import("./types.js").Line} line
   * @param {number} x
   */
  bandsAt(panel, line, x) {
    const factor = factorOf(panel.y, this.store.view);
    return panel.series.flatMap((series) => {
      if (series.kind !== "band" || line.of !== "mean" || JSON.stringify(series.role) !== JSON.stringify(line.role)) return [];
      const place = series.x.indexOf(x);
      return place < 0 ? [] : [`${RANGES[series.range] ?? series.range}: ${told(series.low[place] * factor)} to ${told(series.high[place] * factor)}`];
    });
  }

  /**
   * @param {number} by
   * @param {PlacedPanel | null} [only]
   * @param {[number, number]} [about]
   */
  zoom(by, only = null, about) {
    const panels = only ? [only] : (this.layout?.panels ?? []);
    const zooms = panels.map((panel) => {
      const { box } = panel;
      const at = this.at ?? this.last;
      const shown = !about && at?.panel.id === panel.id ? this.pixel(at) : null;
      const [x, y] = about ?? shown ?? [box.left + box.width / 2, box.top + box.height / 2];
      const across = /** @type {[number, number]} */ ([x - (x - box.left) * by, x + (box.left + box.width - x) * by]);
      const up = /** @type {[number, number]} */ ([y + (box.top + box.height - y) * by, y - (y - box.top) * by]);
      return this.zoomOf(panel, across, up);
    });
    this.setZooms(zooms);
  }

  /**
   * The ends of the axes that a part of a panel has; nothing for all of it, and for what cannot be zoomed.
   *
   * @param {PlacedPanel} panel
   * @param {[number, number]} across the left and the right end in pixels
   * @param {[number, number]} up the lower and the upper end in pixels
   * @returns {[string, [number, number, number, number] | null]}
   */
  zoomOf({ panel, id, box, x, y }, across, up) {
    const { view } = this.store;
    const kept = view.zooms.get(id) ?? null;
    if (panel.x.scale === "places" || panel.y.scale === "places") return [id, null];
    const [fx, fy] = [factorOf(panel.x, view), factorOf(panel.y, view)];
    const ends = [
      ...across.map((at) => x.value((at - box.left) / box.width) / fx),
      ...up.map((at) => y.value((box.top + box.height - at) / box.height) / fy),
    ];
    const whole = [panel.x.low, panel.x.high, panel.y.low, panel.y.high];
    // Not beyond the axes.
    const within = /** @type {[number, number, number, number]} */ (ends.map((end, place) => (place % 2 ? Math.min(end, whole[place]) : Math.max(end, whole[place]))));
    const isLong = (/** @type {import("./types.js").Axis} */ axis, /** @type {number} */ low, /** @type {number} */ high) => {
      const all = scaleOf(axis, null, 1);
      return all.share(high) - all.share(low) >= LEAST_SHOWN;
    };
    if (!within.every(Number.isFinite) || !isLong(panel.x, within[0], within[1]) || !isLong(panel.y, within[2], within[3])) return [id, kept];
    const isWhole = within.every((end, place) => Math.abs(end - whole[place]) <= 1e-9 * Math.max(1, Math.abs(end)));
    return [id, isWhole ? null : within];
  }

  /**
   * Shows these parts of its panels.
   *
   * @param {[string, [number, number, number, number] | null][]} zooms
   */
  setZooms(zooms) {
    this.store.set("zoom", ({ zooms: all }) => {
      for (const [id, ends] of zooms) {
        if (ends) all.set(id, ends);
        else all.delete(id);
      }
    });
    // The values in the table, and what is said, are the same.
    this.draw();
  }

  /**
   * Moves what is shown, where a part of the axes is.
   *
   * @param {number} across in shares of what is shown
   * @param {number} up
   * @param {PlacedPanel} [only]
   */
  pan(across, up, only) {
    const panels = (only ? [only] : (this.layout?.panels ?? [])).filter(({ id }) => this.store.view.zooms.has(id));
    const zooms = panels.map((panel) => {
      const { box, panel: { x: wholeX, y: wholeY } } = panel;
      // Not beyond the axes: what is shown keeps its size.
      const fits = (/** @type {import("./scales.js").Scale} */ scale, /** @type {import("./types.js").Axis} */ axis, /** @type {number} */ by) => {
        const factor = factorOf(axis, this.store.view);
        return Math.max(scale.share(axis.low * factor), Math.min(scale.share(axis.high * factor) - 1, by));
      };
      const [right, higher] = [fits(panel.x, wholeX, across) * box.width, fits(panel.y, wholeY, up) * box.height];
      return this.zoomOf(panel, [box.left + right, box.left + box.width + right], [box.top + box.height - higher, box.top - higher]);
    });
    if (zooms.length) this.setZooms(zooms);
  }

  unzoom() {
    this.setZooms((this.layout?.panels ?? []).map(({ id }) => [id, null]));
  }

  fileName(/** @type {string} */ ending) {
    return `${[this.run, this.figure.id].filter(Boolean).join("-").replaceAll(/[^\w.+-]+/g, "-")}.${ending}`;
  }

  /** The figure as it is shown, to be drawn in a file. */
  shown() {
    return { figure: this.figure, of: this.of, view: this.store.view, epoch: this.epoch(), colors: this.colors() };
  }

  saveSvg() {
    save(this.fileName("svg"), new Blob([svgOf(this.shown())], { type: "image/svg+xml" }));
  }

  savePng() {
    canvasOf(this.shown()).toBlob((blob) => blob && save(this.fileName("png"), blob), "image/png");
  }

  saveCsv() {
    save(this.fileName("csv"), new Blob([csvOf(this.figure, this.store.view)], { type: "text/csv" }));
  }
}

/**
 * Whether a pointer and keys find the values of a series. Bands around a mean are told with the mean; those between two bounds are all
 * there is.
 *
 * @param {import("./types.js").Series} series
 */
function isPointedAt(series) {
  return series.kind !== "band" || series.range === "bounds";
}

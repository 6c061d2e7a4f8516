/** What a reader has chosen: the epoch, units, colours, what is hidden. All figures of a page follow it, and a link holds it. */

/**
 * @typedef {object} View
 * @property {number | null} epoch the epoch of the slider; nothing stands for the last one
 * @property {"bits" | "nats"} unit
 * @property {"layer" | "epoch"} color
 * @property {string} seeds "all", "mean", or the number of one
 * @property {Set<string>} hidden the names of layers and groups that are not drawn
 * @property {string} show the method whose figures are shown, or "" for all of them
 * @property {"" | "light" | "dark"} theme
 * @property {Map<string, [number, number, number, number]>} zooms by figure and panel: the ends of the lower axis and of the left
 * axis, in the units of the document
 */

/**
 * What must be drawn anew: the epoch alone, nothing but the figure that a reader zooms, all marks, or which figures there are.
 *
 * @typedef {"epoch" | "zoom" | "look" | "figures"} Change
 */

/** @returns {View} */
function initial() {
  return { epoch: null, unit: "bits", color: "layer", seeds: "all", hidden: new Set(), show: "", theme: "", zooms: new Map() };
}

export class Store {
  constructor() {
    /** @type {View} */
    this.view = initial();
    /** @type {Set<(change: Change) => void>} */
    this.listeners = new Set();
  }

  /**
   * @param {Change} change
   * @param {(view: View) => void} apply
   */
  set(change, apply) {
    apply(this.view);
    for (const listener of [...this.listeners]) listener(change);
  }

  /** The view as the part of a link after the number sign. */
  hash() {
    const { view } = this;
    const words = new URLSearchParams();
    if (view.epoch !== null) words.set("epoch", String(view.epoch));
    if (view.unit !== "bits") words.set("unit", view.unit);
    if (view.color !== "layer") words.set("color", view.color);
    if (view.seeds !== "all") words.set("seeds", view.seeds);
    for (const name of [...view.hidden].sort()) words.append("hide", name);
    if (view.show) words.set("show", view.show);
    if (view.theme) words.set("theme", view.theme);
    for (const [id, ends] of view.zooms) words.append("zoom", `${ends.map((end) => Number(end.toPrecision(6))).join(",")},${id}`);
    return words.toString();
  }

  /**
   * Takes the view of a link; what it says of things that are not on the page is left alone.
   *
   * @param {string} hash
   */
  read(hash) {
    const words = new URLSearchParams(hash.replace(/^#/, ""));
    const view = initial();
    const epoch = words.get("epoch");
    if (epoch !== null && /^\d{1,15}$/.test(epoch)) view.epoch = Number(epoch);
    if (words.get("unit") === "nats") view.unit = "nats";
    if (words.get("color") === "epoch") view.color = "epoch";
    const seeds = words.get("seeds") ?? "";
    if (seeds === "mean" || /^\d{1,20}$/.test(seeds)) view.seeds = seeds;
    view.hidden = new Set(words.getAll("hide"));
    view.show = words.get("show") ?? "";
    const theme = words.get("theme");
    if (theme === "light" || theme === "dark") view.theme = theme;
    for (const zoom of words.getAll("zoom")) {
      const [ends, id] = [zoom.split(",", 4).map(Number), zoom.split(",").slice(4).join(",")];
      const [left, right, low, high] = ends;
      if (id && ends.every(Number.isFinite) && left < right && low < high) view.zooms.set(id, [left, right, low, high]);
    }
    this.view = view;
    for (const listener of [...this.listeners]) listener("figures");
  }
}

/**
 * What values of an axis are multiplied with in the unit that a reader chose.
 *
 * @param {import("./types.js").Axis} axis
 * @param {View} view
 */
export function factorOf(axis, view) {
  return axis.unit === "bits" && view.unit === "nats" ? Math.LN2 : 1;
}

/**
 * The unit of an axis in the view.
 *
 * @param {import("./types.js").Axis} axis
 * @param {View} view
 */
export function unitOf(axis, view) {
  return axis.unit === "bits" ? view.unit : axis.unit;
}

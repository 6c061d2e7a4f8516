/** Colours of layers, groups and epochs, those of the figures in files, and what they are on a dark page. */

/**
 * @typedef {object} Palette
 * @property {boolean} dark
 * @property {string} paper
 * @property {string} ink
 * @property {string} quiet
 * @property {string} grid
 * @property {string} limit
 */

/** @type {Palette} */
export const LIGHT = { dark: false, paper: "#ffffff", ink: "#222222", quiet: "#5f5f5f", grid: "#e9e9e9", limit: "#787878" };
/** @type {Palette} */
export const DARK = { dark: true, paper: "#16181c", ink: "#e6e6e6", quiet: "#a8adb5", grid: "#2c3036", limit: "#8d939c" };

/** @typedef {[number, number, number]} Color */

/**
 * @param {string} hex
 * @returns {Color}
 */
export function parts(hex) {
  return /** @type {Color} */ ([1, 3, 5].map((place) => Number.parseInt(hex.slice(place, place + 2), 16)));
}

/** @param {Color} color */
export function hex(color) {
  return `#${color.map((part) => Math.max(0, Math.min(255, Math.round(part))).toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @param {Color} from
 * @param {Color} to
 * @param {number} share
 * @returns {Color}
 */
function mixed(from, to, share) {
  return /** @type {Color} */ (from.map((part, place) => part + (to[place] - part) * share));
}

/** @param {Color} color */
function lightness([red, green, blue]) {
  return (0.3 * red + 0.59 * green + 0.11 * blue) / 255;
}

/**
 * A colour that was chosen for white paper, so that it stands out on a page.
 *
 * @param {Color} color
 * @param {Palette} palette
 * @returns {Color}
 */
export function onPage(color, palette) {
  if (!palette.dark) return color;
  const least = 0.52;
  const light = lightness(color);
  return light >= least ? color : mixed(color, [255, 255, 255], (least - light) / (1 - light));
}

const LAYER_DASHES = [5, 1.6];
const GROUP_DASHES = [[], [4, 2.2], [5, 3.5]];

/** Colours of one page: those of the theme, on light or dark paper. */
export class Colors {
  /**
   * @param {import("./types.js").Theme} theme
   * @param {Palette} palette
   */
  constructor(theme, palette) {
    this.palette = palette;
    this.paper = parts(palette.paper);
    this.layers = theme.layers.map(parts);
    this.groups = theme.groups.map(parts);
    this.map = theme.epochs.map(parts);
    this.reasons = theme.reasons;
  }

  /**
   * The colour and the dashes of the layer at a place among those of a figure.
   *
   * @param {number} place
   * @param {number} count
   * @returns {{color: Color, dashes: number[]}}
   */
  layer(place, count) {
    if (count <= this.layers.length) return { color: onPage(this.layers[place % this.layers.length], this.palette), dashes: [] };
    const color = this.epoch((0.93 * place) / (count - 1));
    return { color: onPage(color, this.palette), dashes: place % 2 ? LAYER_DASHES : [] };
  }

  /**
   * @param {number} group
   * @returns {{color: Color, dashes: number[]}}
   */
  group(group) {
    const color = onPage(this.groups[group % this.groups.length], this.palette);
    return { color, dashes: GROUP_DASHES[Math.floor(group / this.groups.length) % GROUP_DASHES.length] };
  }

  /**
   * The colour of what a series shows.
   *
   * @param {import("./types.js").Figure} figure
   * @param {import("./types.js").Role} role
   * @returns {{color: Color, dashes: number[]}}
   */
  role(figure, role) {
    if (typeof role === "object") {
      if ("group" in role) return this.group(role.group);
      const place = figure.layers.findIndex((shown) => shown.layer === role.layer);
      return this.layer(Math.max(0, place), figure.layers.length);
    }
    const named = { network: this.palette.ink, theory: this.palette.limit, input: "#0072b2", label: "#009e73" }[role];
    return { color: onPage(parts(named), this.palette), dashes: [] };
  }

  /** @param {import("./types.js").Reason} reason */
  reason(reason) {
    return hex(onPage(parts(this.reasons[reason]), this.palette));
  }

  /** The colour of neighbouring epochs that are too far apart. */
  beyond() {
    return hex(this.layer(5, 7).color);
  }

  /**
   * The colour at a share of all epochs, 0 to 1.
   *
   * @param {number} share
   * @returns {Color}
   */
  epoch(share) {
    const at = Math.max(0, Math.min(1, share)) * (this.map.length - 1);
    const below = Math.min(Math.floor(at), this.map.length - 2);
    return mixed(this.map[below], this.map[below + 1], at - below);
  }

  /**
   * What {@link shade} makes of no layer's colour: for a scale of epochs.
   *
   * @param {number} share
   */
  ofNoLayer(share) {
    return this.shade(this.palette.dark ? [205, 205, 205] : [70, 70, 70], share);
  }

  /**
   * A colour at a share of all epochs: from a tint of the paper to the colour itself.
   *
   * @param {Color} color
   * @param {number} share
   * @returns {Color}
   */
  shade(color, share) {
    const at = Math.max(0, Math.min(1, share));
    return mixed(color, this.paper, (this.palette.dark ? 0.66 : 0.78) * (1 - at) ** 1.2);
  }
}

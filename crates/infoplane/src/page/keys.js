/** What lines and marks of a figure stand for beside the layers: a small picture of each, for pages and files. */

import { hex } from "./colors.js";
import { DASHES, REFERENCES } from "./draw.js";

/** The size of a picture, in pixels. */
export const KEY = { width: 24, height: 14 };

/**
 * Paints the picture of an entry of a legend, from the left and around the middle of its height; returns whether there is one.
 *
 * @param {import("./surfaces.js").Surface} surface
 * @param {import("./types.js").Figure} figure
 * @param {any} key
 * @param {[number, number]} at its left end and its middle
 * @param {import("./colors.js").Colors} colors
 * @returns {boolean}
 */
export function paintKey(surface, figure, key, [left, middle], colors) {
  const [kind, what] = typeof key === "object" ? Object.entries(key)[0] : [key, {}];
  const { ink, quiet, paper } = colors.palette;
  const [right, center] = [left + KEY.width - 2, left + KEY.width / 2 - 1];
  const of = (/** @type {import("./types.js").Role | null | undefined} */ role) => (role ? hex(colors.role(figure, role).color) : quiet);
  const line = (/** @type {string} */ color, /** @type {number[]} */ dashes) => surface.line([left, middle, right, middle], { color, width: 1.8, dashes });
  switch (kind) {
    case "line":
      line(ink, what.dashed ? DASHES : []);
      return true;
    case "layer-line":
      line(quiet, what.dashed ? DASHES : []);
      return true;
    case "marked-line":
      line(quiet, what.dashed ? DASHES : []);
      surface.circle(center, middle, 3.4, what.marks === "filled" ? quiet : paper, { color: quiet, width: 1.2 });
      return true;
    case "reference":
      line(quiet, REFERENCES[what] ?? DASHES);
      return true;
    case "marks":
      surface.circle(center, middle, 3.6, what.marks === "filled" ? of(what.role) : paper, { color: of(what.role), width: 1.4 });
      return true;
    case "reason":
      surface.circle(center, middle, 3.6, colors.reason(what));
      return true;
    case "spacing": {
      const color = what === "beyond" ? colors.beyond() : quiet;
      surface.circle(center, middle, 3.2, what === "adjacent" ? null : color, { color, width: 1.2 });
      return true;
    }
    case "bars":
      if (what.style === "open") surface.circle(center, middle, 4, paper, { color: of(what.role), width: 1.4 });
      else surface.shape([left + 4, middle + 5, left + 4, middle - 5, right - 4, middle - 5, right - 4, middle + 5], of(what.role), what.style === "pale" ? 0.35 : 0.9);
      return true;
    default:
      return false;
  }
}

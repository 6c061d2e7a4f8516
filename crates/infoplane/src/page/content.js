/** The values of a page, as it is used: each series with its columns. */

/** @typedef {import("./types.js").Content} Content */

/**
 * Puts the columns, which a page stores once each, into the series that have them. Series share them: nobody changes one.
 *
 * @param {any} stored
 * @returns {Content}
 */
export function unpacked(stored) {
  const { columns, ...content } = stored;
  const figures = [...content.compared, ...content.runs.flatMap((/** @type {any} */ run) => run.figures)];
  for (const { panels } of figures) {
    for (const { series } of panels) {
      for (const one of series) {
        for (const name of ["epochs", "x", "y", "x_error", "y_error", "low", "high"]) {
          if (typeof one[name] === "number") one[name] = columns[one[name]];
        }
      }
    }
  }
  return content;
}

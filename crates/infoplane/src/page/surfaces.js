/** What figures are drawn on: a canvas, or an SVG document with the same marks. */

/**
 * @typedef {object} Stroke
 * @property {string} color
 * @property {number} width
 * @property {number[]} [dashes]
 * @property {number} [opacity]
 *
 * @typedef {object} TextStyle
 * @property {number} size
 * @property {string} color
 * @property {"start" | "middle" | "end"} [anchor]
 * @property {boolean} [bold]
 * @property {boolean} [upright] whether it runs from the bottom to the top
 * @property {string} [around] the colour of what keeps it apart from the lines below it
 *
 * @typedef {object} Surface
 * @property {(points: ArrayLike<number>, stroke: Stroke) => void} line x, y, x, y; a place that is not a number parts it
 * @property {(points: ArrayLike<number>, fill: string, opacity: number, outline?: Stroke) => void} shape
 * @property {(x: number, y: number, radius: number, fill: string | null, outline?: Stroke) => void} circle
 * @property {(x: number, y: number, text: string, style: TextStyle) => void} text
 * @property {(x: number, y: number, width: number, height: number, draw: () => void) => void} inside draws what is not to show
 * beyond a rectangle
 */

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/**
 * @param {CanvasRenderingContext2D} context
 * @returns {Surface}
 */
export function canvasSurface(context) {
  /** @param {Stroke} stroke */
  const strokeWith = (stroke) => {
    context.globalAlpha = stroke.opacity ?? 1;
    context.strokeStyle = stroke.color;
    context.lineWidth = stroke.width;
    context.setLineDash(stroke.dashes ?? []);
    context.stroke();
    context.globalAlpha = 1;
  };
  /** @param {ArrayLike<number>} points */
  const trace = (points) => {
    context.beginPath();
    let [lastX, lastY] = [NaN, NaN];
    const end = points.length - 2;
    for (let place = 0; place <= end; place += 2) {
      const x = points[place];
      const y = points[place + 1];
      // Not a number before it: the line begins anew.
      if (Number.isNaN(lastX) || Number.isNaN(lastY)) context.moveTo(x, y);
      // What lies on the point before it cannot be seen.
      else if (place < end && Math.abs(x - lastX) < 0.25 && Math.abs(y - lastY) < 0.25) continue;
      else if (!Number.isNaN(x) && !Number.isNaN(y)) context.lineTo(x, y);
      lastX = x;
      lastY = y;
    }
  };
  const write = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, /** @type {TextStyle} */ style) => {
    if (style.around) {
      context.strokeStyle = style.around;
      context.lineWidth = 3;
      context.setLineDash([]);
      context.strokeText(text, x, y);
    }
    context.fillText(text, x, y);
  };
  context.lineJoin = "round";
  context.lineCap = "butt";
  return {
    line(points, stroke) {
      trace(points);
      strokeWith(stroke);
    },
    shape(points, fill, opacity, outline) {
      trace(points);
      context.closePath();
      context.globalAlpha = opacity;
      context.fillStyle = fill;
      context.fill();
      context.globalAlpha = 1;
      if (outline) strokeWith(outline);
    },
    circle(x, y, radius, fill, outline) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      if (fill) {
        context.fillStyle = fill;
        context.fill();
      }
      if (outline) strokeWith(outline);
    },
    text(x, y, text, style) {
      context.font = `${style.bold ? "600 " : ""}${style.size}px ${FONT}`;
      context.fillStyle = style.color;
      context.textAlign = style.anchor === "middle" ? "center" : (style.anchor ?? "start");
      if (style.upright) {
        context.save();
        context.translate(x, y);
        context.rotate(-Math.PI / 2);
        write(text, 0, 0, style);
        context.restore();
      } else {
        write(text, x, y, style);
      }
    },
    inside(x, y, width, height, draw) {
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      draw();
      context.restore();
    },
  };
}

/** @typedef {Surface & {document: (width: number, height: number, title: string, background: string) => string}} SvgSurface */

/** @returns {SvgSurface} */
export function svgSurface() {
  /** @type {string[]} */
  const marks = [];
  /** @type {string[]} */
  const clips = [];
  const places = (/** @type {ArrayLike<number>} */ points, /** @type {boolean} */ closed) => {
    let path = "";
    let pen = false;
    for (let place = 0; place + 1 < points.length; place += 2) {
      const [x, y] = [points[place], points[place + 1]];
      if (Number.isNaN(x) || Number.isNaN(y)) {
        pen = false;
        continue;
      }
      path += `${pen ? "L" : "M"}${short(x)} ${short(y)}`;
      pen = true;
    }
    return closed ? `${path}Z` : path;
  };
  const stroked = (/** @type {Stroke | undefined} */ stroke) => {
    if (!stroke) return "";
    const dashes = stroke.dashes?.length ? ` stroke-dasharray="${stroke.dashes.join(" ")}"` : "";
    const opacity = stroke.opacity === undefined ? "" : ` stroke-opacity="${short(stroke.opacity)}"`;
    return ` stroke="${stroke.color}" stroke-width="${short(stroke.width)}"${dashes}${opacity}`;
  };
  return {
    line(points, stroke) {
      marks.push(`<path d="${places(points, false)}" fill="none"${stroked(stroke)}/>`);
    },
    shape(points, fill, opacity, outline) {
      marks.push(`<path d="${places(points, true)}" fill="${fill}" fill-opacity="${short(opacity)}"${stroked(outline)}/>`);
    },
    circle(x, y, radius, fill, outline) {
      const at = `cx="${short(x)}" cy="${short(y)}" r="${short(radius)}"`;
      marks.push(`<circle ${at} fill="${fill ?? "none"}"${stroked(outline)}/>`);
    },
    text(x, y, text, style) {
      const turned = style.upright ? ` transform="rotate(-90 ${short(x)} ${short(y)})"` : "";
      const anchor = style.anchor && style.anchor !== "start" ? ` text-anchor="${style.anchor}"` : "";
      const weight = style.bold ? ` font-weight="600"` : "";
      const at = `x="${short(x)}" y="${short(y)}" font-size="${style.size}" fill="${style.color}"`;
      const around = style.around ? ` stroke="${style.around}" stroke-width="3" paint-order="stroke"` : "";
      marks.push(`<text ${at}${anchor}${weight}${around}${turned}>${escaped(text)}</text>`);
    },
    inside(x, y, width, height, draw) {
      const id = `inside${clips.length}`;
      const rectangle = `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
      clips.push(`<clipPath id="${id}"><rect ${rectangle}/></clipPath>`);
      marks.push(`<g clip-path="url(#${id})">`);
      draw();
      marks.push("</g>");
    },
    document(width, height, title, background) {
      const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
      return (
        `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${escaped(FONT)}" stroke-linejoin="round">\n` +
        `<title>${escaped(title)}</title>\n<defs>${clips.join("")}</defs>\n` +
        `<rect width="${width}" height="${height}" fill="${background}"/>\n${marks.join("\n")}\n</svg>\n`
      );
    },
  };
}

/** @param {number} value */
function short(value) {
  return String(Math.round(value * 100) / 100);
}

/** @param {string} text */
export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

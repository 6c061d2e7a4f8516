/** How axes map values to shares of their length, and where their ticks stand. */

/** @typedef {{value: number, label: string | null}} Tick */

/**
 * @typedef {object} Scale
 * @property {number} low
 * @property {number} high
 * @property {(value: number) => number} share where a value lies, 0 to 1; beyond where it lies outside
 * @property {(share: number) => number} value
 * @property {(value: number, factor: number, box: {top: number, height: number}) => number} up where a value of the left axis lies in
 * pixels; not beyond the axis
 * @property {(values: ArrayLike<number>, factor: number, ends: [number, number], into: Float64Array, first: number) => void} place puts
 * where values, multiplied with a factor, lie between two ends in pixels into every other number, from one on
 * @property {(length: number) => Tick[]} ticks
 */

/**
 * The scale of an axis, all of it or the part that a reader chose.
 *
 * @param {import("./types.js").Axis} axis
 * @param {[number, number] | null} range
 * @param {number} factor what values are multiplied with, for another unit
 * @returns {Scale}
 */
export function scaleOf(axis, range, factor) {
  const [low, high] = range ?? [axis.low * factor, axis.high * factor];
  switch (axis.scale) {
    case "log-one-plus":
      return scaleBy(low, high, Math.log1p, Math.expm1, (length) => epochTicks(low, high, length));
    case "logarithmic":
      return scaleBy(low, high, Math.log, Math.exp, (length) => decadeTicks(low, high, length));
    case "doublings":
      return scaleBy(low, high, Math.log, Math.exp, (length) => doublingTicks(axis.high / 2, length));
    case "places":
      return scaleBy(low, high, same, same, () => []);
    default:
      return scaleBy(low, high, same, same, (length) => linearTicks(low, high, length));
  }
}

/** @param {number} value */
function same(value) {
  return value;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {(value: number) => number} forward
 * @param {(value: number) => number} back
 * @param {(length: number) => Tick[]} ticks
 * @returns {Scale}
 */
function scaleBy(low, high, forward, back, ticks) {
  const start = forward(low);
  const length = forward(high) - start || 1;
  return {
    low,
    high,
    share: (value) => (forward(value) - start) / length,
    value: (share) => back(start + share * length),
    up(value, factor, { top, height }) {
      return top + height - Math.max(0, Math.min(1, (forward(value * factor) - start) / length)) * height;
    },
    place(values, factor, [from, to], into, first) {
      const step = (to - from) / length;
      if (forward === same) {
        for (let place = 0; place < values.length; place++) into[first + 2 * place] = from + (values[place] * factor - start) * step;
      } else {
        for (let place = 0; place < values.length; place++) into[first + 2 * place] = from + (forward(values[place] * factor) - start) * step;
      }
    },
    ticks,
  };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} length
 * @returns {Tick[]}
 */
function linearTicks(low, high, length) {
  const rough = (high - low) / Math.max(2, length / 60);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  let step = niceStep(rough);
  // One value alone would be no scale.
  for (let tries = 0; tries < 4 && Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) < 1; tries++) step = niceStep(0.5 * step);
  const decimals = [...Array(13).keys()].find((digits) => isWhole(step * 10 ** digits)) ?? 12;
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index <= high / step + 1e-9; index++) {
    const value = index * step;
    const label = step >= 1e6 ? value.toExponential(1) : value.toFixed(decimals);
    ticks.push({ value, label: minus(Number(label) === 0 ? label.replace("-", "") : label) });
  }
  return ticks;
}

/**
 * The smallest step of 1, 2, 2.5, 5 and their tenfolds that is not below a value.
 *
 * @param {number} least
 */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= least * 0.999) ?? 10);
}

/** @param {number} value */
function isWhole(value) {
  return Math.abs(value - Math.round(value)) < 1e-6 * value;
}

/** @param {string} text */
export function minus(text) {
  return text.replaceAll("-", "−");
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} length
 * @returns {Tick[]}
 */
function epochTicks(low, high, length) {
  const scale = scaleBy(low, high, Math.log1p, Math.expm1, () => []);
  /** @type {Tick[]} */
  const ticks = [];
  /** @type {[number, number][]} */
  const taken = [];
  // Labels stand where they do not touch those before them.
  const label = (/** @type {number} */ value) => {
    const text = shortNumber(value);
    const half = 3.4 * text.length;
    const at = scale.share(value) * length;
    if (taken.some(([other, width]) => Math.abs(other - at) < half + width + 6)) return null;
    taken.push([at, half]);
    return text;
  };
  // The ends first: they say how far the axis goes.
  const ends = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)].filter((end) => end >= low - 1e-9 && end <= high + 1e-9);
  for (const end of new Set(ends)) ticks.push({ value: end, label: label(end) });
  for (let value = 1; value < high && value < 1e18; value *= 10) {
    if (value > low) ticks.push({ value, label: label(value) });
    for (let factor = 2; factor < 10; factor++) {
      const minor = factor * value;
      if (minor > low && minor < high) ticks.push({ value: minor, label: null });
    }
  }
  if (taken.length < 3 && high - low >= 4) {
    const middle = Math.round((low + high) / 2);
    if (middle > low && middle < high) ticks.push({ value: middle, label: label(middle) });
  }
  return ticks;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} length
 * @returns {Tick[]}
 */
function decadeTicks(low, high, length) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil(((last - first) * 26) / length));
  /** @type {Tick[]} */
  const ticks = [];
  for (let power = first - 1; power <= last; power++) {
    const value = 10 ** power;
    if (power >= first) ticks.push({ value, label: (power - first) % every === 0 ? `10${raised(power)}` : null });
    if ((last - first) * 24 >= length) continue;
    for (let factor = 2; factor < 10; factor++) {
      const minor = factor * value;
      if (minor >= low && minor <= high) ticks.push({ value: minor, label: null });
    }
  }
  // Less than a decade has few powers of ten, if any.
  return last - first < 1 ? linearTicks(low, high, length) : ticks;
}

/**
 * @param {number} most
 * @param {number} length
 * @returns {Tick[]}
 */
function doublingTicks(most, length) {
  const doublings = Math.max(0, Math.floor(Math.log2(most)));
  const every = Math.max(1, Math.ceil(((doublings + 2) * 30) / length));
  /** @type {Tick[]} */
  const ticks = [];
  for (let power = 0; power <= doublings; power++) {
    ticks.push({ value: 2 ** power, label: power % every === 0 ? String(2 ** power) : null });
  }
  ticks.push({ value: 2 * most, label: "∞" });
  return ticks;
}

/** @param {number} power */
function raised(power) {
  return [...String(power)].map((digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])).join("");
}

/**
 * A whole number; long ones by powers of ten.
 *
 * @param {number} value
 */
export function shortNumber(value) {
  const power = Math.round(Math.log10(value));
  if (value > 10000 && Math.abs(10 ** power - value) < 0.5) return `10${raised(power)}`;
  if (value < 1e7) return String(value);
  const below = Math.floor(Math.log10(value));
  return `${Number((value / 10 ** below).toFixed(2))}×10${raised(below)}`;
}

/**
 * A value as it is told: as many digits as matter beside an error, or four.
 *
 * @param {number} value
 */
export function told(value) {
  // Seeds and epochs are whole.
  if (!Number.isFinite(value) || Number.isInteger(value)) return minus(String(value));
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return minus(value.toExponential(3));
  return minus(String(Number(value.toFixed(size >= 100 ? 2 : 4))));
}

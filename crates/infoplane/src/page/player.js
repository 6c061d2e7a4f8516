/** The slider of epochs that all figures follow, and what plays it. */

import { countUntil } from "./draw.js";
import { element, choice } from "./element.js";

/** How many seconds all epochs take at speed 1. */
const WHOLE = 8;

export class Player {
  /**
   * @param {import("./view.js").Store} store
   * @param {number[]} epochs the measured epochs of all figures, ascending
   */
  constructor(store, epochs) {
    this.store = store;
    this.epochs = epochs;
    this.speed = 1;
    this.loops = false;
    this.isPlaying = false;
    this.slider = element("input", {
      type: "range",
      min: 0,
      max: Math.max(0, epochs.length - 1),
      step: 1,
      "aria-label": "Epoch",
      input: () => this.choose(Number(this.slider.value)),
    });
    this.ramp = element("div", { class: "ramp", "aria-hidden": "true" });
    this.told = element("output", { class: "epoch", "aria-live": "off" });
    this.button = element("button", { type: "button", class: "play", click: () => (this.isPlaying ? this.stop() : this.play()) });
    const speeds = /** @type {[string, string][]} */ (["0.25", "0.5", "1", "2", "4"].map((speed) => [speed, `${speed} ×`]));
    const loop = element("input", { type: "checkbox", change: () => (this.loops = loop.checked) });
    this.element = element(
      "div",
      { class: "player", role: "group", "aria-label": "Epochs" },
      this.button,
      element("div", { class: "track" }, this.slider, this.ramp),
      this.told,
      choice("speed", speeds, "1", (speed) => (this.speed = Number(speed))),
      element("label", { class: "choice" }, loop, " loop"),
    );
    this.follow();
  }

  /** Where the slider is. */
  get place() {
    return Math.max(0, countUntil(this.epochs, this.store.view.epoch) - 1);
  }

  /** The measured epoch that is shown; nothing where all of them are. */
  get epoch() {
    return this.store.view.epoch === null ? null : (this.epochs[this.place] ?? null);
  }

  /** @param {number} place */
  choose(place) {
    const last = this.epochs.length - 1;
    // The whole way is what a figure shows without a slider.
    const epoch = place >= last && !this.isPlaying ? null : this.epochs[Math.min(place, last)];
    this.store.set("epoch", (view) => (view.epoch = epoch));
  }

  /** @param {number[]} epochs */
  extend(epochs) {
    this.epochs = epochs;
    this.slider.max = String(Math.max(0, epochs.length - 1));
    this.follow();
  }

  follow() {
    this.element.hidden = this.epochs.length < 2;
    const { place } = this;
    this.slider.value = String(place);
    this.slider.setAttribute("aria-valuetext", `epoch ${this.epochs[place] ?? 0}`);
    this.told.textContent = `epoch ${this.epochs[place] ?? 0}`;
    this.button.textContent = this.isPlaying ? "❚❚" : "▶";
    this.button.setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
  }

  /**
   * Shows what colours mean in epochs.
   *
   * @param {string[]} colors from the first epoch to the last, evenly on the axis of epochs
   */
  color(colors) {
    const [first, last] = [this.epochs[0] ?? 0, this.epochs[this.epochs.length - 1] ?? 1];
    const count = Math.max(1, this.epochs.length - 1);
    const length = Math.log1p(last) - Math.log1p(first) || 1;
    const stops = Array.from({ length: 25 }, (_, step) => {
      // The slider has a place for each measured epoch, and colours are those of the epochs there.
      const epoch = this.epochs[Math.round((step / 24) * count)] ?? 0;
      const share = (Math.log1p(epoch) - Math.log1p(first)) / length;
      return colors[Math.round(share * (colors.length - 1))];
    });
    this.ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  }

  play() {
    if (this.epochs.length < 2) return;
    this.isPlaying = true;
    let place = this.place >= this.epochs.length - 1 ? 0 : this.place;
    let before = performance.now();
    let shown = -1;
    const step = (/** @type {number} */ time) => {
      if (!this.isPlaying) return;
      // Somebody moved the slider: it goes on from there.
      if (shown >= 0 && this.place !== shown) place = this.place;
      // Not back, and not far at once after a time in which nothing was drawn.
      const elapsed = Math.max(0, Math.min(0.25, (time - before) / 1000));
      place += (elapsed / WHOLE) * this.speed * this.epochs.length;
      before = time;
      if (place >= this.epochs.length - 1 && !this.loops) {
        this.stop();
        this.choose(this.epochs.length - 1);
        return;
      }
      // The last epoch has its time, too.
      if (place >= this.epochs.length) place = 0;
      if (Math.floor(place) !== this.place) this.choose(Math.floor(place));
      shown = this.place;
      requestAnimationFrame(step);
    };
    this.choose(place);
    requestAnimationFrame(step);
  }

  stop() {
    this.isPlaying = false;
    this.follow();
  }
}

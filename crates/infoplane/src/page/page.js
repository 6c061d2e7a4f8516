/** A page: the controls that all figures follow, the figures, and what must be known of the runs. */

import { Card } from "./card.js";
import { Colors, DARK, LIGHT, hex } from "./colors.js";
import { unpacked } from "./content.js";
import { calledAs, marker, nameOf, seedsOf } from "./draw.js";
import { choice, element, refill } from "./element.js";
import { Player } from "./player.js";
import { canvasSurface } from "./surfaces.js";
import { Store } from "./view.js";

/** @typedef {import("./types.js").Figure} Figure */

/** Figures are drawn when they are this near to the window, in pixels. */
const NEAR = "300px";

export class Page {
  /**
   * @param {HTMLElement} root
   * @param {object} content the values as a page stores them
   * @param {{usesHash?: boolean, isDark?: () => boolean | null}} [options] whether the address holds the view, and whether what is
   * around the page is dark
   */
  constructor(root, content, { usesHash = true, isDark = () => null } = {}) {
    this.root = root;
    this.content = unpacked(content);
    this.store = new Store();
    this.usesHash = usesHash;
    this.isDark = isDark;
    this.prints = false;
    /** Ends what the page listens to outside of its element. */
    this.closing = new AbortController();
    /** @type {Card[]} */
    this.cards = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.later = undefined;
    this.prefersDark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
    if (usesHash) this.store.read(location.hash);
    this.colors = this.makeColors();
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const card = this.cards.find((card) => card.element === entry.target);
        if (!card) continue;
        card.isVisible = entry.isIntersecting;
        if (!card.isVisible || !card.isStale) continue;
        // What is on the screen comes first.
        const { top } = entry.boundingClientRect;
        if (top < globalThis.innerHeight) card.draw();
        else setTimeout(() => card.isVisible && card.isStale && card.draw(), 100);
      }
    }, { rootMargin: NEAR });
    this.player = new Player(this.store, epochsOf(this.figures()));
    this.controls = element("div", { class: "controls" });
    this.legend = element("div", { class: "legend", role: "group", "aria-label": "Layers and groups: press to hide or show" });
    this.grid = element("div", { class: "grid" });
    this.facts = element("div", {});
    /** What a reader chose, for paper, which has no controls. */
    this.chosen = element("p", { class: "facts" });
    this.about = element("div", {});
    this.build();
    this.store.listeners.add((change) => this.follow(change));
    const { signal } = this.closing;
    this.prefersDark?.addEventListener("change", () => this.follow("look"), { signal });
    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(this.grid);
    if (usesHash) globalThis.addEventListener("hashchange", () => location.hash.slice(1) !== this.store.hash() && this.store.read(location.hash), { signal });
    // Paper is white.
    const print = (/** @type {boolean} */ prints) => {
      this.prints = prints;
      this.chosen.textContent = prints ? this.choices() : "";
      this.colors = this.makeColors();
      this.fillLegend();
      for (const card of this.cards) {
        card.say();
        card.draw();
      }
    };
    globalThis.addEventListener("beforeprint", () => print(true), { signal });
    globalThis.addEventListener("afterprint", () => print(false), { signal });
  }

  /** Leaves nothing behind outside of its element, which can be removed then. */
  close() {
    this.closing.abort();
    this.player.stop();
    this.observer.disconnect();
    this.resizes.disconnect();
    clearTimeout(this.later);
  }

  makeColors() {
    const { theme } = this.store.view;
    const dark = this.prints ? false : theme ? theme === "dark" : (this.isDark() ?? this.prefersDark?.matches ?? false);
    this.root.dataset.theme = dark ? "dark" : "light";
    return new Colors(this.content.theme, dark ? DARK : LIGHT);
  }

  /** All figures, each with the run that it is of. */
  figures() {
    const ofRuns = this.content.runs.flatMap((run) => run.figures.map((figure) => ({ figure, run: this.content.runs.length > 1 ? run.name : "" })));
    return [...this.content.compared.map((figure) => ({ figure, run: "" })), ...ofRuns];
  }

  build() {
    const { content } = this;
    this.root.classList.add("infoplane");
    this.root.replaceChildren(
      element("header", {}, element("h1", {}, content.title), this.facts, this.chosen),
      element("section", { class: "bar", "aria-label": "View" }, this.player.element, this.controls, this.legend),
      element("main", {}, this.grid, this.about, this.made()),
    );
    this.fillAbout();
    this.fillControls();
    this.fillGrid();
    this.fillRamp();
  }

  /** What is known of the runs, at the top and below the figures. */
  fillAbout() {
    const { runs, remarks } = this.content;
    const several = runs.length > 1;
    const words = several ? `${runs.length} runs` : shortFacts(runs[0]?.facts ?? []);
    const warnings = remarks.length > 0 ? [element("ul", { class: "notes warnings" }, ...remarks.map((text) => element("li", {}, text)))] : [];
    this.facts.replaceChildren(element("p", { class: "facts" }, words), ...warnings);
    this.about.replaceChildren(...runs.map((run) => about(run, several)));
  }

  /** What a reader chose, in words. */
  choices() {
    const { view } = this.store;
    const epoch = this.player.epoch;
    const words = [
      epoch === null ? "" : `up to epoch ${epoch}`,
      view.hidden.size ? `without ${[...view.hidden].join(", ")}` : "",
      /^\d+$/.test(view.seeds) ? `seed ${view.seeds}` : view.seeds === "mean" ? "means" : "",
      view.show ? `method: ${view.show}` : "",
    ];
    return words.filter(Boolean).join(" · ");
  }

  /** What colours mean in epochs, below the slider. */
  fillRamp() {
    const { colors } = this;
    const steps = Array.from({ length: 49 }, (_, step) => hex(this.store.view.color === "epoch" ? colors.epoch(step / 48) : colors.ofNoLayer(step / 48)));
    this.player.color(steps);
  }

  made() {
    const { command, version } = this.content;
    return element("footer", {}, element("p", {}, `infoplane ${version}`, command ? element("code", {}, command) : null));
  }

  /** The methods that a reader can choose among. */
  headings() {
    return [...new Set(this.figures().map(({ figure }) => methodOf(figure)).filter(Boolean))];
  }

  /** The seeds that figures show one by one, ascending. */
  seeds() {
    return [...new Set(this.figures().flatMap(({ figure }) => [...seedsOf(figure)]))].sort((a, b) => a - b);
  }

  /** The figures that the reader wants to see. */
  shown() {
    const { show } = this.store.view;
    const known = new Set(this.headings());
    return this.figures().filter(({ figure }) => !show || !known.has(show) || !methodOf(figure) || methodOf(figure) === show);
  }

  fillControls() {
    const { store } = this;
    const { view } = store;
    const seeds = this.seeds();
    // A link may name a seed that is not there.
    if (/^\d+$/.test(view.seeds) && !seeds.includes(Number(view.seeds))) view.seeds = "all";
    const options = /** @type {[string, string][]} */ ([["all", "mean and single seeds"], ["mean", "mean"], ...seeds.map((seed) => [String(seed), `seed ${seed}`])]);
    const headings = this.headings();
    const link = element("button", { type: "button", click: () => this.copyLink(link) }, "Copy link");
    refill(
      this.controls,
      [
        headings.length > 1 && choice("method", [["", "all"], ...headings.map((heading) => /** @type {[string, string]} */ ([heading, heading]))], view.show, (value) => store.set("figures", (view) => (view.show = value))),
        seeds.length > 0 && choice("seeds", options, view.seeds, (value) => store.set("look", (view) => (view.seeds = value))),
        choice("unit", [["bits", "bits"], ["nats", "nats"]], view.unit, (value) => store.set("look", (view) => (view.unit = value === "nats" ? "nats" : "bits"))),
        choice("colour by", [["layer", "layer"], ["epoch", "epoch"]], view.color, (value) => store.set("look", (view) => (view.color = value === "epoch" ? "epoch" : "layer"))),
        choice("theme", [["", "system"], ["light", "light"], ["dark", "dark"]], view.theme, (value) => store.set("look", (view) => (view.theme = value === "light" || value === "dark" ? value : ""))),
        this.usesHash && link,
      ].filter((child) => child !== false),
    );
  }

  /** @param {HTMLButtonElement} button */
  async copyLink(button) {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      // A page from a disk may not be allowed to; the address bar has the link.
      button.textContent = "Copy it from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  }

  fillGrid() {
    for (const card of this.cards) this.observer.unobserve(card.element);
    const shown = this.shown();
    this.cards = shown.map(({ figure, run }) => new Card(figure, run, this.store, () => this.colors, () => this.player.epoch));
    const parts = [];
    let run = "";
    for (const [place, card] of this.cards.entries()) {
      if (shown[place].run !== run) {
        run = shown[place].run;
        if (run) parts.push(element("h2", { class: "run" }, run));
      }
      parts.push(card.element);
    }
    if (!parts.length) parts.push(element("p", { class: "empty" }, "There is nothing to draw: no row of the run has values."));
    this.grid.replaceChildren(...parts);
    for (const card of this.cards) card.reserve();
    // What is on the screen is drawn now, not a frame later.
    const isOnScreen = (/** @type {DOMRect} */ { top, bottom }) => top < globalThis.innerHeight && bottom > 0;
    const seen = this.cards.filter((card) => isOnScreen(card.element.getBoundingClientRect()));
    for (const card of seen) card.draw();
    for (const card of this.cards) this.observer.observe(card.element);
    this.fillLegend();
  }

  /** Layers and groups, each with its colour, once for all figures. */
  fillLegend() {
    /** @type {Map<string, {name: string, rank: number, count: number, isGroup: boolean}>} */
    const found = new Map();
    for (const { figure } of this.cards) {
      for (const panel of figure.panels) {
        for (const series of panel.series) {
          const [called, name] = [calledAs(figure, series), nameOf(figure, series)];
          const known = found.get(called);
          // Layers of several runs may differ in what is beside their names.
          if (known && known.name !== name) known.name = called;
          if (!called || known) continue;
          const isGroup = figure.groups?.includes(name) ?? false;
          const rank = isGroup ? (figure.groups?.indexOf(name) ?? 0) : figure.layers.findIndex((shown) => shown.name === name);
          found.set(called, { name, rank, count: isGroup ? (figure.groups?.length ?? 1) : figure.layers.length, isGroup });
        }
      }
    }
    const buttons = [...found].map(([called, entry]) => this.legendButton(called, entry, [...found.keys()]));
    refill(this.legend, buttons);
    this.legend.hidden = buttons.length === 0;
  }

  /**
   * @param {string} called
   * @param {{name: string, rank: number, count: number, isGroup: boolean}} entry
   * @param {string[]} all
   */
  legendButton(called, { name, rank, count, isGroup }, all) {
    const { store } = this;
    const { color, dashes } = isGroup ? this.colors.group(rank) : this.colors.layer(rank, count);
    const mark = element("canvas", { width: 44, height: 28, "aria-hidden": "true" });
    const context = /** @type {CanvasRenderingContext2D} */ (mark.getContext("2d"));
    context.scale(2, 2);
    const surface = canvasSurface(context);
    surface.line([1, 7, 21, 7], { color: hex(color), width: 2, dashes });
    if (!isGroup) marker(surface, rank, 11, 7, 4, hex(color), this.colors.palette.ink);
    const toggle = () => store.set("look", ({ hidden }) => (hidden.has(called) ? hidden.delete(called) : hidden.add(called)));
    const alone = () =>
      store.set("look", ({ hidden }) => {
        const others = all.filter((other) => other !== called);
        const isAlone = others.every((other) => hidden.has(other)) && !hidden.has(called);
        hidden.clear();
        if (!isAlone) others.forEach((other) => hidden.add(other));
      });
    const click = (/** @type {Event} */ event) => (/** @type {MouseEvent} */ (event).shiftKey || /** @type {MouseEvent} */ (event).detail === 2 ? alone() : toggle());
    return element("button", { type: "button", title: "Press to hide or show; twice, or with Shift, to show it alone", "data-key": called, "aria-pressed": String(!store.view.hidden.has(called)), click }, mark, name);
  }

  resize() {
    for (const card of this.cards) {
      if (card.layout && Math.floor(card.stage.clientWidth) === card.room) continue;
      card.refresh();
    }
  }

  /** @param {import("./view.js").Change} change */
  follow(change) {
    this.player.follow();
    if (change === "epoch") {
      for (const card of this.cards) card.follow();
    } else if (change !== "zoom") {
      this.colors = this.makeColors();
      if (change === "figures") {
        this.fillControls();
        this.fillGrid();
      } else {
        this.fillLegend();
        for (const card of this.cards) {
          card.say();
          card.refresh();
        }
      }
      this.fillRamp();
    }
    if (this.usesHash) this.keepHash();
  }

  /** The address follows the view, a little later: browsers allow few changes a second. */
  keepHash() {
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      const hash = this.store.hash();
      if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    }, 250);
  }

  /**
   * Shows newer content in the same view. Where the figures are the same ones, what a reader does with them goes on.
   *
   * @param {object} content the values as a page stores them
   */
  update(content) {
    const signature = () => JSON.stringify([this.content.title, this.headings(), this.figures().map(({ figure, run }) => [run, figure.id])]);
    const seeds = this.seeds().length;
    const before = signature();
    this.content = unpacked(content);
    this.player.extend(epochsOf(this.figures()));
    if (signature() !== before) {
      this.build();
      return;
    }
    this.fillAbout();
    const shown = this.shown();
    this.cards.forEach((card, place) => card.replace(shown[place].figure));
    if (this.seeds().length !== seeds) this.fillControls();
    this.fillLegend();
    this.fillRamp();
  }
}

/**
 * The first facts in a line.
 *
 * @param {[string, string][]} facts
 */
function shortFacts(facts) {
  const words = (/** @type {[string, string]} */ [name, value]) => {
    if (name === "data" || name === "state") return value;
    return name === "seeds" ? `${value} ${value === "1" ? "seed" : "seeds"}` : `${name} = ${value}`;
  };
  return facts.slice(0, 6).map(words).join(" · ");
}

/**
 * The method that a figure is of, by which a reader chooses; nothing for what is of no method.
 *
 * @param {Figure} figure
 */
function methodOf(figure) {
  const isOfMethod = ["plane", "information", "planes", "comparison", "difference"].includes(figure.kind) && figure.heading.includes(": ");
  return isOfMethod ? figure.heading.replace(/^[^:]*: /, "") : "";
}

/**
 * The epochs of all paths, ascending.
 *
 * @param {{figure: Figure}[]} figures
 */
function epochsOf(figures) {
  // Most paths share their epochs.
  const columns = new Set();
  for (const { figure } of figures) {
    for (const panel of figure.panels) {
      for (const series of panel.series) if (series.kind === "path") columns.add(series.epochs);
    }
  }
  const found = new Set();
  for (const column of columns) for (const epoch of column) found.add(epoch);
  return Float64Array.from(found).sort().reduce((/** @type {number[]} */ all, epoch) => (all.push(epoch), all), []);
}

/**
 * Everything that must be known of a run.
 *
 * @param {import("./types.js").Run} run
 * @param {boolean} several
 */
function about(run, several) {
  const row = (/** @type {[string, string]} */ [name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
  const method = (/** @type {{title: string, settings: string}} */ { title, settings }) => element("tr", {}, element("th", { scope: "row" }, title), element("td", {}, settings));
  return element(
    "section",
    { class: "about", "aria-label": `About ${run.name}` },
    element("h2", {}, several ? run.name : "About this run"),
    run.remarks.length > 0 && element("ul", { class: "notes warnings" }, ...run.remarks.map((text) => element("li", {}, text))),
    element("table", { class: "facts" }, element("tbody", {}, ...run.facts.map(row))),
    run.methods.length > 0 && element("table", { class: "facts" }, element("caption", {}, "Measured with"), element("tbody", {}, ...run.methods.map(method))),
    run.settings !== "" && element("details", {}, element("summary", {}, "Settings"), element("pre", { tabindex: 0 }, run.settings)),
  );
}

// How fast pages draw: the first time, and at each step of the slider. With Plotly beside it, the same lines by that.
//
//     INFOPLANE_PAGES=target/page/pages node target/page/bench.mjs
//     npm install --no-save --prefix target/page plotly.js-dist-min    # before it, for the comparison

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PAGES, launch } from "./browser.mjs";

const RUNS = 9;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** From the start of the navigation until the frame after the figures are drawn. */
const firstDraw = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));

/** The time of each of so many steps of the slider, until the frame after it. */
const ownSteps = async (count) => {
  const { player, store } = globalThis.infoplane;
  const times = [];
  for (let step = 0; step < count; step++) {
    const epoch = player.epochs[Math.floor((step / count) * player.epochs.length)];
    const start = performance.now();
    store.set("epoch", (view) => (view.epoch = epoch));
    times.push(performance.now() - start);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return times;
};

const plotlySteps = async (count) => {
  const plot = document.getElementById("plot");
  const whole = globalThis.lines;
  const times = [];
  for (let step = 0; step < count; step++) {
    const part = (step + 1) / count;
    const cut = (values) => values.slice(0, Math.ceil(values.length * part));
    const start = performance.now();
    await globalThis.Plotly.restyle(plot, { x: whole.map((line) => cut(line.x)), y: whole.map((line) => cut(line.y)) });
    times.push(performance.now() - start);
  }
  return times;
};

/** A page of Plotly with the same lines as the first figure of a page. */
function plotlyPage(name) {
  const script = createRequire(import.meta.url).resolve("plotly.js-dist-min/plotly.min.js");
  const html = readFileSync(join(PAGES, name), "utf8");
  const content = JSON.parse(/id="document">(.*?)<\/script>/s.exec(html)[1]);
  const [figure] = content.compared.length ? content.compared : content.runs[0].figures;
  const lines = figure.panels[0].series.filter((series) => series.kind === "path").map(({ x, y }) => ({ x: content.columns[x], y: content.columns[y], type: "scattergl", mode: "lines+markers" }));
  const out = join(PAGES, `plotly-${name}.htm`);
  writeFileSync(out, `<!doctype html><meta charset="utf-8"><div id="plot" style="width:600px;height:450px"></div><script>${readFileSync(script, "utf8")}</script><script>globalThis.lines = ${JSON.stringify(lines)}; Plotly.newPlot("plot", lines.map((line) => ({...line})), {showlegend: false});</script>`);
  return out;
}

const context = await launch();
for (const name of ["run.html", "24000-points.html", "1000000-rows.html"]) {
  const candidates = [["infoplane", join(PAGES, name), ownSteps]];
  const hasPlotly = existsSync(join(import.meta.dirname, "node_modules/plotly.js-dist-min"));
  // Of a million rows Plotly draws nothing within 30 seconds.
  if (hasPlotly && !name.startsWith("1000000")) candidates.push(["Plotly", plotlyPage(name), plotlySteps]);
  for (const [program, file, steps] of candidates) {
    const [first, all] = [[], []];
    for (let run = 0; run < RUNS; run++) {
      const page = await context.newPage();
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(pathToFileURL(file).href);
      first.push(await page.evaluate(firstDraw));
      all.push(...(await page.evaluate(steps, 24)));
      await page.close();
    }
    const size = (statSync(file).size / 1e6).toFixed(1);
    console.log(`${name}, ${program}: first draw ${median(first).toFixed(0)} ms, a step of the slider ${median(all).toFixed(1)} ms (most ${Math.max(...all).toFixed(0)} ms), ${size} MB`);
  }
}
await context.close();

// Runs in a browser while the command writes them: the list, a run that is killed and resumed, several beside each other.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { drawn, launch } from "./browser.mjs";

const COMMAND = process.env.INFOPLANE_COMMAND ?? "infoplane";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @type {import("playwright-core").BrowserContext} */
let context;
let folder = "";
let address = "";
/** @type {import("node:child_process").ChildProcess} */
let server;

const run = (...words) => spawnSync(COMMAND, words, { cwd: folder, encoding: "utf8" });
const SHORT = ["--seeds", "1", "--quiet"];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "infoplane-live-"));
  mkdirSync(join(folder, "runs"));
  for (const name of ["tanh", "relu"]) {
    const made = run("run", "tishby2017", ...SHORT, "--set", "training.epochs=20", "--set", `name=${name}`, "--set", `network.nonlinearity=${name}`, "--out", `runs/${name}`);
    assert.equal(made.status, 0, made.stderr);
  }
  server = spawn(COMMAND, ["serve", "runs", "--port", "0"], { cwd: folder });
  address = await new Promise((done) => server.stdout.once("data", (text) => done(String(text).trim())));
  context = await launch();
});
after(async () => {
  server?.kill("SIGINT");
  await context?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(path, { width = 1280 } = {}) {
  const page = await context.newPage();
  const troubles = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && troubles.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("request", (request) => request.url().startsWith(address) || request.url().startsWith("blob:") || troubles.push(`request: ${request.url()}`));
  await page.setViewportSize({ width, height: 844 });
  await page.goto(address + path);
  return { page, troubles };
}

const faults = async (page) => {
  await page.evaluate(AXE);
  return page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations.map((fault) => `${fault.id}: ${fault.nodes[0].html.slice(0, 160)}`));
};

test("the list is searched, put in order, and leads to runs and comparisons", async () => {
  for (const width of [1280, 390]) {
    const { page, troubles } = await opened("", { width });
    await page.getByRole("link", { name: "tanh" }).waitFor();
    assert.deepEqual(await faults(page), []);
    const names = () => page.locator("tbody tr td:nth-child(2)").allInnerTexts();
    await page.getByRole("button", { name: "name" }).click();
    assert.deepEqual(await names(), ["relu", "tanh"]);
    await page.getByRole("button", { name: "name" }).click();
    assert.deepEqual(await names(), ["tanh", "relu"]);
    await page.getByRole("searchbox").fill("finished rel");
    assert.deepEqual(await names(), ["relu"]);
    await page.getByRole("searchbox").fill("");
    for (const box of await page.getByRole("checkbox").all()) await box.check();
    await page.getByRole("textbox", { name: "in groups by keys" }).fill("network.nonlinearity data.name");
    await page.getByRole("button", { name: "Compare" }).click();
    await page.waitForFunction(() => globalThis.infoplane?.content.runs.length === 2);
    // The data are the same.
    assert.match(await page.locator("h1").innerText(), /^(tanh, relu|relu, tanh)$/);
    assert.ok(page.url().endsWith("&by=network.nonlinearity&by=data.name"), page.url());
    assert.deepEqual(await faults(page), []);
    await page.getByRole("link", { name: "All runs" }).click();
    await page.getByRole("link", { name: "tanh" }).click();
    await page.waitForFunction(() => globalThis.infoplane?.content.title === "tanh");
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(beyond <= 0, `${beyond} pixels beyond the edge`);
    assert.deepEqual(troubles, []);
    await page.close();
  }
});

test("a sweep is shown with its cells and their failures, and its comparison grows", async () => {
  const sweep = `base = "tishby2017"\nname = "small sweep"\nseeds = 2\n[set]\n"training.epochs" = 6\n[axes]\n"dataset.split.train_fraction" = [0.5, 0.8, 0.00001]\n`;
  writeFileSync(join(folder, "sweep.toml"), sweep);
  const computed = (shard) => run("sweep", "run", "sweep.toml", "--store", "sweep", "--shard", shard, "--quiet");
  // Cells are dealt by their costs: one of each fraction that can be computed.
  for (const shard of ["1/6", "3/6"]) assert.equal(computed(shard).status, 0);
  const own = spawn(COMMAND, ["serve", "sweep", "--port", "0"], { cwd: folder });
  const before = address;
  try {
    address = await new Promise((done) => own.stdout.once("data", (text) => done(String(text).trim())));
    const { page, troubles } = await opened("");
    await page.getByRole("heading", { name: "small sweep" }).waitFor();
    assert.match(await page.locator(".sweep .facts").innerText(), /^6 cells: 2 complete, 4 missing$/);
    assert.deepEqual(await faults(page), []);
    const { page: compared, troubles: others } = await opened("sweep");
    await compared.waitForFunction(() => globalThis.infoplane?.content.title === "small sweep: 2 of 6 cells");
    assert.deepEqual(await faults(compared), []);
    // The cells that are left; those of the last fraction fail.
    assert.equal(computed("1/1").status, 5);
    await compared.waitForFunction(() => globalThis.infoplane?.content.title === "small sweep: 4 of 6 cells");
    await page.waitForFunction(() => document.querySelector(".sweep .facts")?.textContent === "6 cells: 4 complete, 2 failed");
    // What was opened stays open when the list is looked at again.
    await page.getByText("Failed cells").click();
    const failed = page.getByRole("cell", { name: "train_fraction 0.00001, seed 1", exact: true });
    await failed.waitFor();
    assert.match(await page.locator(".sweep details").innerText(), /allowed is a share that leaves at least one sample/);
    assert.deepEqual(await faults(page), []);
    const widths = await page.locator(".sweep .share span").evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width));
    assert.ok(widths.length === 2 && widths[0] > 1.8 * widths[1], `${widths}`);
    await page.getByRole("link", { name: "train_fraction 0.8, seed 0" }).click();
    await page.waitForFunction(() => globalThis.infoplane?.content.runs.length === 1);
    assert.deepEqual([troubles, others], [[], []]);
    await page.close();
    await compared.close();
  } finally {
    own.kill("SIGINT");
    address = before;
  }
});

test("a page follows a run that is written, killed and resumed, and loses nothing of it", async () => {
  const words = ["run", "tishby2017", ...SHORT, "--set", "training.epochs=3000", "--set", "schedule={kind=\"every\",interval=5}", "--set", "name=live", "--out", "runs/live"];
  let writer = spawn(COMMAND, words, { cwd: folder });
  const { page, troubles } = await opened("");
  await page.getByRole("link", { name: "live" }).waitFor();
  await page.getByRole("link", { name: "live" }).click();
  const epochs = () => page.evaluate(() => globalThis.infoplane?.player.epochs.length ?? 0);
  await page.waitForFunction(() => globalThis.infoplane?.player.epochs.length > 3);
  // The view stays as it was while the page grows: what is chosen, what is open, and where the keys are.
  await page.getByRole("combobox", { name: "unit" }).selectOption("nats");
  await page.locator("figure summary").first().click();
  await page.locator("figure tbody tr").first().waitFor();
  await page.locator("figure .overlay").first().focus();
  await drawn(page);
  await page.keyboard.press("ArrowRight");
  const rows = () => page.locator("figure").first().locator("tbody tr").count();
  const before = await rows();
  // Looked at after the rows were counted: the page may have grown in between.
  const some = await epochs();
  await page.waitForFunction((some) => globalThis.infoplane.player.epochs.length > some, some);
  assert.equal(await page.getByRole("combobox", { name: "unit" }).inputValue(), "nats");
  assert.ok((await rows()) > before, "the open table grows");
  assert.ok(await page.locator("figure .tip").first().isVisible());
  assert.equal(await page.evaluate(() => document.activeElement?.className), "overlay");
  assert.equal(await page.locator("nav").count(), 1);
  assert.match(await page.locator(".live").innerText(), /Live/);
  writer.kill("SIGKILL");
  await page.waitForFunction(() => globalThis.infoplane.content.runs[0].state === "interrupted");
  writer = spawn(COMMAND, ["resume", "runs/live", "--quiet"], { cwd: folder });
  const ended = await new Promise((done) => writer.once("exit", done));
  assert.equal(ended, 0);
  await page.waitForFunction(() => globalThis.infoplane.content.runs[0].state === "finished");
  const lines = readFileSync(join(folder, "runs/live/plane.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length > 10_000, `${lines.length} rows`);
  const figures = await page.evaluate(() => globalThis.infoplane.content.runs[0].figures.filter(({ kind }) => kind === "plane"));
  assert.ok(figures.length >= 3);
  for (const figure of figures) {
    const shown = figure.panels[0].series.filter((series) => series.kind === "path").flatMap((series) => series.epochs.map((epoch, place) => [series.layer, epoch, series.x[place], series.y[place]]));
    const method = figure.id.replace("plane-", "");
    const written = lines.filter((line) => line.method === method).map((line) => [line.layer, line.epoch, line.i_xt_bits, line.i_ty_bits]);
    const order = (a, b) => a[0] - b[0] || a[1] - b[1];
    shown.sort(order);
    written.sort(order);
    assert.deepEqual(shown.map(([layer, epoch]) => [layer, epoch]), written.map(([layer, epoch]) => [layer, epoch]));
    // A page has nine digits.
    shown.forEach((row, place) => row.forEach((value, column) => assert.ok(Math.abs(value - written[place][column]) <= 1e-8 * Math.abs(value), `${row} for ${written[place]}`)));
  }
  assert.deepEqual(troubles, []);
  // A run that is removed while it is shown is told, and stays on the page.
  rmSync(join(folder, "runs/live"), { recursive: true });
  await page.waitForFunction(() => /moved or removed/.test(document.querySelector(".live")?.textContent ?? ""));
  assert.equal(await page.locator("h1").innerText(), "live");
  await page.close();
});

test("a page goes on when the server does", async () => {
  const { page } = await opened("run?id=tanh");
  await page.waitForFunction(() => globalThis.infoplane?.content.title === "tanh");
  const port = new URL(address).port;
  server.kill("SIGINT");
  await new Promise((done) => server.once("exit", done));
  await page.waitForFunction(() => /does not answer/.test(document.querySelector(".live")?.textContent ?? ""));
  server = spawn(COMMAND, ["serve", "runs", "--port", port], { cwd: folder });
  await page.waitForFunction(() => !/does not answer/.test(document.querySelector(".live")?.textContent ?? ""), null, { timeout: 30_000 });
  assert.equal(await page.locator("h1").innerText(), "tanh");
  await page.close();
});

test("a run shows itself while it is written", async () => {
  const words = ["run", "tishby2017", "--seeds", "1", "--set", "training.epochs=2000", "--set", "schedule={kind=\"every\",interval=40}", "--out", "runs/own", "--serve"];
  const writer = spawn(COMMAND, words, { cwd: folder });
  let said = "";
  const own = await new Promise((done) => {
    writer.stderr.on("data", (text) => {
      said += text;
      const found = /live: (http:\S+)/.exec(said);
      if (found) done(found[1]);
    });
  });
  const page = await context.newPage();
  await page.goto(own);
  await page.waitForFunction(() => globalThis.infoplane?.player.epochs.length > 2);
  assert.equal(await page.evaluate(() => globalThis.infoplane.content.runs[0].state), "running");
  assert.equal(await new Promise((done) => writer.once("exit", done)), 0);
  await page.waitForFunction(() => /does not answer/.test(document.querySelector(".live")?.textContent ?? ""));
  assert.ok((await page.locator("figure").count()) > 5);
  await page.close();
});

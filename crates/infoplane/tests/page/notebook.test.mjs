// The widget of a run in JupyterLab: it follows while the cell that trains is busy, and is as dark as the notebook.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";

/** A Python with infoplane, jupyterlab and anywidget. */
const PYTHON = process.env.INFOPLANE_NOTEBOOK_PYTHON ?? "";
/** What a machine that does other things, too, may take to start a server or a kernel. */
const LONG = 180_000;
const TOKEN = "of-the-test";

// The training goes on until the test has seen that it is followed, or for some minutes where the test was ended.
const CELLS = [
  `import json, pathlib, time
import numpy as np
import infoplane

labels = np.arange(200) % 2
rng = np.random.default_rng(0)
recorder = infoplane.Recorder("runs/mine", labels, infoplane.Kde(noise_variances=[0.1]))

def epoch(number):
    hidden = rng.normal(size=(200, 3)) + 2 * number / (number + 9) * labels[:, None]
    recorder.record(number, {"hidden": hidden, "output": hidden[:, :1]}, loss=1 / (1 + number))

epoch(0)
infoplane.load("runs/mine").widget(interval=0.1)`,
  `number = 0
while number < 5000 and not pathlib.Path("enough").exists():
    number += 1
    epoch(number)
    time.sleep(0.1)
table = recorder.finish().plane
columns = ["layer_name", "bound", "epoch", "i_xt_bits", "i_ty_bits"]
print(json.dumps([list(row) for row in zip(*(table[column].tolist() for column in columns))]))`,
];

let folder = "";
let address = "";
let said = "";
/** @type {import("node:child_process").ChildProcess} */
let server;
/** @type {import("playwright-core").BrowserContext} */
let context;

const skip = PYTHON === "" && "INFOPLANE_NOTEBOOK_PYTHON names no Python with jupyterlab and anywidget";

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "infoplane-notebook-"));
  const inside = (/** @type {string} */ name) => join(folder, name);
  const write = (/** @type {string} */ name, /** @type {unknown} */ value) => writeFileSync(inside(name), JSON.stringify(value));
  for (const name of ["work", "runtime", "settings/@jupyterlab/apputils-extension"]) mkdirSync(inside(name), { recursive: true });
  // Nothing is asked of other machines, and no question is in the way.
  write("settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings", { fetchNews: "false", checkForUpdates: false, doNotDisturbMode: true });
  const cells = CELLS.map((source, place) => ({ cell_type: "code", id: `cell-${place}`, execution_count: null, metadata: {}, outputs: [], source }));
  const kernelspec = { name: "python3", display_name: "Python 3", language: "python" };
  write("work/training.ipynb", { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 });
  const words = ["-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", "--ServerApp.ip=127.0.0.1", `--ServerApp.port=${await freePort()}`, `--IdentityProvider.token=${TOKEN}`, `--ServerApp.root_dir=${inside("work")}`, "--LabApp.extension_manager=readonly"];
  // It ends by itself where this program was ended.
  words.push("--MappingKernelManager.cull_idle_timeout=300", "--ServerApp.shutdown_no_activity_timeout=300");
  // A container's user may be root.
  if (process.getuid?.() === 0) words.push("--allow-root");
  const places = { JUPYTER_CONFIG_DIR: "config", JUPYTER_DATA_DIR: "data", JUPYTER_RUNTIME_DIR: "runtime", IPYTHONDIR: "ipython", JUPYTERLAB_SETTINGS_DIR: "settings", JUPYTERLAB_WORKSPACES_DIR: "workspaces" };
  const env = { ...process.env, ...Object.fromEntries(Object.entries(places).map(([name, place]) => [name, inside(place)])) };
  server = spawn(PYTHON, words, { cwd: inside("work"), env });
  for (const stream of [server.stdout, server.stderr]) stream?.on("data", (text) => (said += text));
  address = await served();
  context = await launch();
});

after(async () => {
  await context?.close();
  if (server && server.exitCode === null && server.signalCode === null) {
    // It ends its kernels first.
    server.kill("SIGTERM");
    await new Promise((done) => server.once("exit", done));
  }
  if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

/** A port that nobody has; the server takes another one if it is taken meanwhile. */
async function freePort() {
  const probe = createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", () => done(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  await new Promise((done) => probe.close(done));
  return port;
}

/** The address, once the server answers. */
async function served() {
  for (const end = Date.now() + LONG; Date.now() < end; await new Promise((done) => setTimeout(done, 100))) {
    assert.equal(server.exitCode, null, said);
    const file = readdirSync(join(folder, "runtime")).find((name) => /^jpserver-\d+\.json$/.test(name));
    try {
      const { url } = JSON.parse(readFileSync(join(folder, "runtime", file ?? ""), "utf8"));
      if ((await fetch(`${url}api/status?token=${TOKEN}`)).ok) return url;
    } catch {
      // Not yet, or not all of the file is written.
    }
  }
  throw new Error(`JupyterLab does not answer: ${said}`);
}

async function opened() {
  const page = await context.newPage();
  page.setDefaultTimeout(LONG);
  /** @type {string[]} */
  const troubles = [];
  // JupyterLab has errors of its own; the scripts of a widget come from an address of the browser.
  const told = (/** @type {string} */ text) => /blob:|anywidget|infoplane/i.test(text) && troubles.push(text);
  page.on("console", (message) => message.type() === "error" && told(`console: ${message.text()} (${message.location().url})`));
  page.on("pageerror", (error) => told(`error: ${error.stack}`));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!["blob:", "data:"].includes(protocol) && hostname !== "127.0.0.1") troubles.push(`request: ${request.url()}`);
  });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.goto(`${address}lab/tree/training.ipynb?token=${TOKEN}`);
  await page.waitForFunction(() => globalThis.jupyterapp?.shell.currentWidget?.content?.widgets?.length === 2);
  return { page, troubles };
}

/** @param {import("playwright-core").Page} page @param {string} command @param {object} [options] */
const commanded = (page, command, options = {}) => page.evaluate(([command, options]) => globalThis.jupyterapp.commands.execute(command, options), /** @type {const} */ ([command, options]));

/** Lets all cells begin, and does not wait for their end. */
const started = async (/** @type {import("playwright-core").Page} */ page) => {
  await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.sessionContext.ready);
  await page.evaluate(() => void globalThis.jupyterapp.commands.execute("notebook:run-all-cells"));
};

test("a widget follows a training in JupyterLab while its cell is busy", { skip, timeout: 2 * LONG }, async () => {
  const { page, troubles } = await opened();
  await started(page);
  const widget = page.locator(".infoplane-widget");
  const slider = widget.getByRole("slider", { name: "Epoch" });
  await widget.locator("h1").waitFor();
  assert.equal(await widget.locator("h1").innerText(), "mine");
  assert.match(await widget.locator(".live").innerText(), /^Live/);
  // A figure is drawn: there is ink of more than one colour.
  const isDrawn = (/** @type {HTMLCanvasElement} */ canvas) => {
    const { width, height } = canvas;
    const pixels = width && height ? new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer) : [];
    return new Set(pixels).size > 20;
  };
  await page.waitForFunction(`(${isDrawn})(document.querySelector(".infoplane-widget figure canvas.marks"))`);
  // Epochs come while the second cell is at work.
  const count = async () => Number(await slider.getAttribute("max")) + 1;
  const more = (/** @type {number} */ epochs) => page.waitForFunction((epochs) => Number(document.querySelector(".infoplane-widget .player input")?.max) >= epochs, epochs);
  await more(4);
  const some = await count();
  await more(some + 3);
  const prompt = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-InputPrompt");
  assert.equal((await prompt.innerText()).trim(), "[*]:");

  // Keys of the figure are not those of the notebook, where B adds a cell and D twice deletes one.
  await widget.locator("figure .overlay").first().focus();
  for (const key of ["b", "ArrowRight", "d", "d"]) await page.keyboard.press(key);
  await widget.locator("figure .tip").first().waitFor();
  assert.match(await widget.locator("figure .tip").first().innerText(), /I\(X;T\)/);
  assert.equal(await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.content.widgets.length), 2);

  // It is as dark as the notebook, at once.
  const theme = () => widget.locator(".infoplane").getAttribute("data-theme");
  assert.equal(await theme(), "light");
  await commanded(page, "apputils:change-theme", { theme: "JupyterLab Dark" });
  await page.waitForFunction(() => document.querySelector(".infoplane-widget .infoplane")?.dataset.theme === "dark");
  await commanded(page, "apputils:change-theme", { theme: "JupyterLab Light" });
  await page.waitForFunction(() => document.querySelector(".infoplane-widget .infoplane")?.dataset.theme === "light");

  writeFileSync(join(folder, "work/enough"), "");
  await page.waitForFunction(() => document.querySelector(".infoplane-widget .live")?.textContent === "");
  const output = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea-output", { hasText: "[[" });
  await output.waitFor();
  /** @type {[string, string, number, number, number][]} */
  const rows = JSON.parse(await output.innerText());
  await more(new Set(rows.map(([, , epoch]) => epoch)).size - 1);
  // The values of the first plane, as they are saved, are those of the table.
  const saving = page.waitForEvent("download");
  await widget.locator("figure .tools button", { hasText: "CSV" }).first().click();
  const [head, ...lines] = readFileSync(await (await saving).path(), "utf8").trim().split("\r\n").map((line) => line.split(","));
  const [series, at, x, y] = ["series", "at epoch", "I(X;T) [bits]", "I(T;Y) [bits]"].map((name) => head.indexOf(name));
  assert.ok(Math.min(series, at, x, y) >= 0, head.join());
  // Behind the name of a layer is its width.
  const nameOf = (/** @type {string[]} */ line) => line[series].replace(/ \(\d+\)$/, "");
  const shown = new Map(lines.filter((line) => line[at] !== "").map((line) => [`${nameOf(line)} ${line[at]}`, [Number(line[x]), Number(line[y])]]));
  const bounds = [...new Set(rows.map(([, bound]) => bound))];
  const matches = (/** @type {string} */ bound) => {
    const expected = rows.filter((row) => row[1] === bound);
    return expected.length > 2 * some && expected.every(([layer, , epoch, xt, ty]) => shown.get(`${layer} ${epoch}`)?.every((value, place) => Math.abs(value - [xt, ty][place]) <= 1e-8 * Math.abs(value)));
  };
  assert.ok(bounds.some(matches), `${lines.slice(0, 3)} for ${rows.slice(0, 3)}`);
  assert.deepEqual(troubles, []);
  await page.close();
});

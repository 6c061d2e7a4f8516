// What a reader does with a page, in a browser.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { PAGES, drawn, launch, open } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ALL = readdirSync(PAGES).filter((name) => name.endsWith(".html"));

/** @type {import("playwright-core").BrowserContext} */
let context;
before(async () => {
  context = await launch();
});
after(() => context.close());

/** The values of a page, as the file has them, each series with its columns. */
function document_(name) {
  const html = readFileSync(`${PAGES}/${name}`, "utf8");
  const { columns, ...content } = JSON.parse(/<script type="application\/json" id="document">(.*?)<\/script>/s.exec(html)[1]);
  const figures = [...content.compared, ...content.runs.flatMap((run) => run.figures)];
  for (const series of figures.flatMap((figure) => figure.panels.flatMap((panel) => panel.series))) {
    for (const [key, place] of Object.entries(series)) {
      if (["epochs", "x", "y", "x_error", "y_error", "low", "high"].includes(key) && typeof place === "number") series[key] = columns[place];
    }
  }
  return content;
}

/** A path of the first figure: its place, and a value of it that no other path covers. */
const pathOfFirst = () => {
  const card = globalThis.infoplane.cards[0];
  card.element.scrollIntoView();
  const [panel] = card.layout.panels;
  const placed = panel.series.filter((one) => one.series.kind === "path" && one.series.of === "mean").at(-1);
  const place = Math.floor(placed.series.epochs.length / 2);
  const edge = card.overlay.getBoundingClientRect();
  const { epochs, x, y } = placed.series;
  return { left: edge.left + placed.points[2 * place], top: edge.top + placed.points[2 * place + 1], inFigure: placed.points[2 * place + 1], name: placed.name, epoch: epochs[place], x: x[place], y: y[place] };
};

for (const name of ALL) {
  for (const [width, dark] of [[1280, false], [390, true]]) {
    test(`${name}, ${width} pixels wide, ${dark ? "dark" : "light"}: no error, no request, nothing beyond the edge, no fault of accessibility`, async () => {
      const { page, troubles } = await open(context, name, { width, height: 844, dark });
      for (const summary of await page.locator("summary").all()) await summary.click();
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.waitForTimeout(150);
      assert.deepEqual(troubles, []);
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(beyond <= 0, `${beyond} pixels beyond the edge`);
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(" | ")}`));
      assert.deepEqual(found, []);
      await page.close();
    });
  }
}

test("names are shown as they are and run nowhere", async () => {
  const { page, troubles } = await open(context, "hostile.html");
  await page.locator("#page h1").waitFor();
  for (const button of await page.locator(".legend button").all()) await button.click();
  await page.locator("figure .tools button", { hasText: "SVG" }).first().click();
  assert.match(await page.locator("h1").innerText(), /<img src=x onerror="document.title = 'taken'">/);
  assert.equal(await page.evaluate(() => document.querySelectorAll("img, iframe, object, embed, #page script").length), 0);
  assert.doesNotMatch(await page.title(), /^taken$/);
  assert.deepEqual(troubles, []);
  await page.close();
});

test("the slider goes through the epochs by keys, and the link holds the place", async () => {
  const { page, troubles } = await open(context, "run.html");
  const slider = page.getByRole("slider", { name: "Epoch" });
  const epochs = await page.evaluate(() => globalThis.infoplane.player.epochs);
  assert.equal(epochs.at(-1), 120);
  assert.equal(await page.locator("output.epoch").innerText(), "epoch 120");
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.locator("output.epoch").innerText(), `epoch ${epochs.at(-2)}`);
  await page.keyboard.press("Home");
  assert.equal(await page.locator("output.epoch").innerText(), "epoch 0");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((epoch) => location.hash === `#epoch=${epoch}`, epochs[1]);
  await page.reload();
  await drawn(page);
  assert.equal(await page.locator("output.epoch").innerText(), `epoch ${epochs[1]}`);
  await page.keyboard.press("Tab");
  await slider.focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => location.hash === "");
  assert.deepEqual(troubles, []);
  await page.close();
});

test("playing goes to the end and stops there; with loop it begins again", async () => {
  const { page, troubles } = await open(context, "run.html");
  await page.getByRole("combobox", { name: "speed" }).selectOption("4");
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.waitForFunction(() => globalThis.infoplane.store.view.epoch > 0);
  await page.getByRole("button", { name: "Play" }).waitFor();
  assert.equal(await page.locator("output.epoch").innerText(), "epoch 120");
  await page.getByLabel("loop").check();
  await page.getByRole("button", { name: "Play" }).click();
  const seen = await page.evaluate(async () => {
    let [falls, before] = [0, -1];
    const end = performance.now() + 5000;
    while (performance.now() < end && falls < 2) {
      await new Promise((done) => requestAnimationFrame(done));
      const { epoch } = globalThis.infoplane.store.view;
      if (epoch !== null && epoch < before) falls++;
      before = epoch ?? before;
    }
    return falls;
  });
  assert.equal(seen, 2);
  await page.getByRole("button", { name: "Pause" }).click();
  const stopped = await page.locator("output.epoch").innerText();
  await page.waitForTimeout(300);
  assert.equal(await page.locator("output.epoch").innerText(), stopped);
  assert.deepEqual(troubles, []);
  await page.close();
});

test("a pointer over a value shows it as the table has it", async () => {
  const { page } = await open(context, "run.html");
  await page.getByRole("combobox", { name: "seeds" }).selectOption("mean");
  const at = await page.evaluate(pathOfFirst);
  await page.mouse.move(at.left, at.top);
  const tip = await page.locator("figure .tip").first().innerText();
  assert.ok(tip.includes(at.name), `${tip} without ${at.name}`);
  const shown = { epoch: Number(/epoch (\d+)/.exec(tip)[1]), x: Number(/I\(X;T\) = ([\d.]+)/.exec(tip)[1]), y: Number(/I\(T;Y\) = ([\d.]+)/.exec(tip)[1]) };
  const figure = document_("run.html").runs[0].figures[0];
  const series = figure.panels[0].series.filter((one) => one.kind === "path" && one.of === "mean");
  const exact = series.some((one) => one.epochs.some((epoch, place) => epoch === shown.epoch && Math.abs(one.x[place] - shown.x) <= 5e-5 && Math.abs(one.y[place] - shown.y) <= 5e-5));
  assert.ok(exact, tip);
  assert.match(tip, / ± [\d.]+ bits/);
  assert.ok(tip.includes(figure.facts[0]), "the method");
  await page.getByRole("combobox", { name: "unit" }).selectOption("nats");
  await page.mouse.move(at.left + 1, at.top);
  const nats = await page.locator("figure .tip").first().innerText();
  const inNats = Number(/I\(X;T\) = ([\d.]+)/.exec(nats)[1]);
  assert.ok(/nats/.test(nats) && Math.abs(inNats - shown.x * Math.LN2) < 2e-4, nats);
  await page.close();
});

/** Where a value of a series of one kind is on the screen, in the first figure that has one. */
const placeOf = async ([kind, place]) => {
  const card = globalThis.infoplane.cards.find(({ figure }) => figure.panels.some(({ series }) => series.some((one) => one.kind === kind)));
  card.element.scrollIntoView();
  card.draw();
  const placed = card.layout.panels.flatMap((panel) => panel.series).find((one) => one.series.kind === kind);
  const edge = card.overlay.getBoundingClientRect();
  return { left: edge.left + placed.points[2 * place], top: edge.top + placed.points[2 * place + 1], figure: card.figure.id };
};

test("a pointer over a bar, a cell or a tick tells its value", async () => {
  const { page, troubles } = await open(context, "bars-and-cells.html");
  const tip = async (kind, place, down = 0) => {
    const at = await page.evaluate(placeOf, [kind, place]);
    await page.mouse.move(at.left, at.top + down);
    return (await page.locator(`[id="${at.figure}"] .tip`).innerText()).split("\n");
  };
  // In the middle of the bar, too.
  assert.deepEqual((await tip("bars", 0, 30)).slice(0, 2), ["T₁, all networks", "I(X;T) = 3 ± 0.25 bits"]);
  assert.deepEqual((await tip("cells", 3)).slice(0, 2), ["B, b", "overlap 4.0 few"]);
  assert.deepEqual(troubles, []);
  await page.close();
  const other = await open(context, "run.html");
  const at = await other.page.evaluate(placeOf, ["ticks", 2]);
  await other.page.mouse.move(at.left, at.top);
  const words = await other.page.locator(`[id="${at.figure}"] .tip`).innerText();
  assert.match(words, /seed \d+\nepoch \d+/);
  await other.page.close();
});

test("keys go past a bar that is not there, and tell the others", async () => {
  const { page } = await open(context, "bars-and-cells.html");
  await page.locator("figure .overlay").first().focus();
  const live = page.locator("figure .unseen").first();
  const told = [];
  for (let step = 0; step < 2; step++) {
    await page.keyboard.press("ArrowRight");
    told.push(await live.innerText());
  }
  assert.match(told[0], /^T₁, all networks, I\(X;T\) = 3/);
  assert.match(told[1], /^T₃, all networks, I\(X;T\) = 1/);
  await page.close();
});

test("a figure says with pictures what its marks stand for", async () => {
  const { page } = await open(context, "bars-and-cells.html");
  const keys = page.locator("figure .key li");
  assert.deepEqual((await keys.allInnerTexts()).map((text) => text.trim()), ["all networks", "one network"]);
  const pixels = await page.evaluate(() => [...document.querySelectorAll("figure .key canvas")].map((canvas) => [...canvas.getContext("2d").getImageData(24, 14, 1, 1).data]));
  assert.equal(pixels.length, 2);
  assert.notDeepEqual(pixels[0], pixels[1]);
  assert.ok(pixels.every((pixel) => pixel[3] > 0));
  await page.close();
});

test("keys move what is shown, and a value that they reach is in sight", async () => {
  const { page } = await open(context, "run.html");
  const plane = page.locator("figure .overlay").first();
  const ends = () => page.evaluate(() => (({ x, y }) => [x.low, x.high, y.low, y.high])(globalThis.infoplane.cards[0].layout.panels[0]));
  await plane.focus();
  for (let step = 0; step < 4; step++) await page.keyboard.press("+");
  const zoomed = await ends();
  await page.keyboard.press("Shift+ArrowRight");
  const moved = await ends();
  assert.ok(moved[0] > zoomed[0] && Math.abs(moved[1] - moved[0] - (zoomed[1] - zoomed[0])) < 1e-6 * moved[1]);
  assert.deepEqual(moved.slice(2), zoomed.slice(2));
  // Not beyond the axes, and still as wide.
  for (let step = 0; step < 40; step++) await page.keyboard.press("Shift+ArrowRight");
  const last = await ends();
  assert.ok(last[1] <= (await page.evaluate(() => globalThis.infoplane.cards[0].figure.panels[0].x.high)) + 1e-9);
  assert.ok(Math.abs(last[1] - last[0] - (zoomed[1] - zoomed[0])) < 1e-6 * last[1]);
  for (const key of ["Home", "End", "ArrowDown", "ArrowLeft"]) {
    await page.keyboard.press(key);
    const isInSight = await page.evaluate(() => {
      const { at } = globalThis.infoplane.cards[0];
      const [x, y] = globalThis.infoplane.cards[0].pixel(at);
      const { left, top, width, height } = at.panel.box;
      return x >= left - 1 && x <= left + width + 1 && y >= top - 1 && y <= top + height + 1;
    });
    assert.ok(isInSight, key);
  }
  // As near as ticks can be told apart, and no nearer.
  for (let step = 0; step < 60; step++) await page.keyboard.press("+");
  const [low, high] = await ends();
  assert.ok(high - low > 5e-5 * (await page.evaluate(() => globalThis.infoplane.cards[0].figure.panels[0].x.high)));
  await page.close();
});

test("a layer has one button for runs in which it differs in other things", async () => {
  const { page } = await open(context, "compared.html");
  const names = (await page.locator(".legend button").allInnerTexts()).map((text) => text.trim());
  assert.equal(names.filter((name) => name.startsWith("T₁")).length, 1, names.join(", "));
  const button = page.locator(".legend button", { hasText: "T₁" });
  await button.click();
  const drawn = await page.evaluate(() => {
    const { cards, store } = globalThis.infoplane;
    return [cards.length > 2, [...store.view.hidden]];
  });
  assert.deepEqual(drawn, [true, ["T₁"]]);
  await page.close();
});

test("rows and columns of several keys stay, on any screen and in files", async () => {
  for (const width of [1280, 390]) {
    const { page, troubles } = await open(context, "grid.html", { width });
    const rows = await page.evaluate(() => {
      const card = globalThis.infoplane.cards[1];
      card.draw();
      return card.layout.panels.map(({ box, title, row }) => [Math.round(box.top), title, row]);
    });
    assert.equal(new Set(rows.slice(0, 3).map(([top]) => top)).size, 1);
    assert.ok(rows[3][0] > rows[0][0]);
    assert.deepEqual(rows.map(([, title]) => title), [...rows.slice(0, 3), ...rows.slice(0, 3)].map(([, title]) => title));
    assert.deepEqual([rows[0][2], rows[3][2]], ["tanh", "relu"]);
    assert.deepEqual(troubles, []);
    await page.close();
  }
});

test("a group that is hidden is gone from the planes, too", async () => {
  const { page } = await open(context, "compared.html");
  await page.locator(".legend button", { hasText: "tanh (2 seeds)" }).click();
  const hidden = () => page.evaluate(() => globalThis.infoplane.cards.slice(0, 2).map((card) => (card.draw(), card.layout.panels.filter((panel) => panel.hidden).length)));
  assert.deepEqual(await hidden(), [3, 1]);
  // Pressed twice, it is shown alone.
  await page.locator(".legend button", { hasText: "relu (2 seeds)" }).dblclick();
  assert.equal(await page.locator(".legend button[aria-pressed='true']").count(), 1);
  await page.close();
});

test("on a touch screen a value is enlarged, and what is shown moves with a finger", async () => {
  const { page } = await open(context, "run.html", { width: 390 });
  await page.getByRole("combobox", { name: "seeds" }).selectOption("mean");
  const at = await page.evaluate(pathOfFirst);
  const touch = (type, x, y) => page.evaluate(([type, x, y]) => {
    const { overlay } = globalThis.infoplane.cards[0];
    const edge = overlay.getBoundingClientRect();
    overlay.setPointerCapture = () => {};
    overlay.dispatchEvent(new PointerEvent(type, { pointerType: "touch", pointerId: 7, clientX: x, clientY: y, bubbles: true, isPrimary: true }));
    return [edge.left, edge.top];
  }, [type, x, y]);
  await touch("pointerdown", at.left, at.top);
  await touch("pointerup", at.left, at.top);
  const plus = page.locator("figure").first().getByRole("button", { name: "Zoom in" });
  for (let step = 0; step < 3; step++) await plus.click();
  const ends = () => page.evaluate(() => (({ x, y }) => [x.low, x.high, y.low, y.high])(globalThis.infoplane.cards[0].layout.panels[0]));
  const [low, high, bottom, top] = await ends();
  assert.ok(low < at.x && at.x < high && bottom < at.y && at.y < top, "the value is in sight");
  // It stays where it is however often.
  const share = await page.evaluate(([x, y]) => {
    const [panel] = globalThis.infoplane.cards[0].layout.panels;
    return [panel.box.left + panel.x.share(x) * panel.box.width, panel.box.top + panel.box.height - panel.y.share(y) * panel.box.height];
  }, [at.x, at.y]);
  const edge = await page.evaluate(() => (({ left, top }) => [left, top])(globalThis.infoplane.cards[0].overlay.getBoundingClientRect()));
  assert.ok(Math.hypot(edge[0] + share[0] - at.left, share[1] - at.inFigure) < 1, `${share} for ${at.left - edge[0]}, ${at.inFigure}`);
  assert.equal(await page.locator("figure .overlay").first().evaluate((overlay) => overlay.style.touchAction), "none");
  const middle = await page.locator("figure .overlay").first().boundingBox();
  const [x, y] = [middle.x + middle.width / 2, middle.y + middle.height / 2];
  await touch("pointerdown", x, y);
  await touch("pointermove", x + 40, y);
  await touch("pointerup", x + 40, y);
  const moved = await ends();
  assert.ok(moved[0] < low && Math.abs(moved[1] - moved[0] - (high - low)) < 1e-6 * high);
  await page.close();
});

test("what is between two bounds is told", async () => {
  const { page } = await open(context, "run.html");
  const figure = page.locator('[id^="bounds-"]');
  await figure.scrollIntoViewIfNeeded();
  await figure.locator(".overlay").focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await figure.locator(".unseen").innerText(), /epoch = 0, I\(X;T\) = [\d.]+ bits to [\d.]+ bits/);
  await page.close();
});

test("a seed that is not there is not shown, in links and in files", async () => {
  const { page } = await open(context, "run.html", { hash: "#seeds=77" });
  assert.equal(await page.getByRole("combobox", { name: "seeds" }).inputValue(), "all");
  assert.equal(await page.evaluate(() => globalThis.infoplane.store.view.seeds), "all");
  await page.close();
});

test("paper is white", async () => {
  const { page } = await open(context, "run.html", { dark: true });
  assert.equal(await page.locator("#page").getAttribute("data-theme"), "dark");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("#page").getAttribute("data-theme"), "light");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.locator("#page").getAttribute("data-theme"), "dark");
  await page.close();
});

test("the legend hides layers everywhere, and what is hidden is not found", async () => {
  const { page } = await open(context, "run.html");
  await page.getByRole("combobox", { name: "seeds" }).selectOption("mean");
  const at = await page.evaluate(pathOfFirst);
  const button = page.locator(".legend button", { hasText: at.name });
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  await page.mouse.move(at.left, at.top);
  const tip = page.locator("figure .tip").first();
  assert.ok(!(await tip.isVisible()) || !(await tip.innerText()).includes(at.name));
  await page.waitForFunction(() => location.hash.includes("hide="));
  await page.reload();
  await drawn(page);
  assert.equal(await page.locator(".legend button", { hasText: at.name }).getAttribute("aria-pressed"), "false");
  await page.locator(".legend button", { hasText: at.name }).click({ modifiers: ["Shift"] });
  const pressed = await page.locator(".legend button[aria-pressed='true']").allInnerTexts();
  assert.deepEqual(pressed.map((text) => text.trim()), [at.name]);
  await page.close();
});

test("zooming by keys, by dragging and back", async () => {
  const { page, troubles } = await open(context, "run.html");
  const plane = page.locator("figure .overlay").first();
  const ends = () => page.evaluate(() => (({ x, y }) => [x.low, x.high, y.low, y.high])(globalThis.infoplane.cards[0].layout.panels[0]));
  const whole = await ends();
  await plane.focus();
  await page.keyboard.press("+");
  const nearer = await ends();
  assert.ok(nearer[0] > whole[0] && nearer[1] < whole[1] && nearer[2] > whole[2] && nearer[3] < whole[3]);
  await page.waitForFunction(() => location.hash.includes("zoom="));
  await page.reload();
  await drawn(page);
  const again = await ends();
  again.forEach((end, place) => assert.ok(Math.abs(end - nearer[place]) < 1e-4 * Math.abs(whole[1])));
  await plane.focus();
  await page.keyboard.press("0");
  assert.deepEqual(await ends(), whole);
  const box = await plane.boundingBox();
  await page.mouse.move(box.x + 0.4 * box.width, box.y + 0.3 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.6 * box.width, box.y + 0.6 * box.height, { steps: 4 });
  await page.mouse.up();
  const dragged = await ends();
  assert.ok(dragged[1] - dragged[0] < 0.5 * (whole[1] - whole[0]));
  await plane.dblclick();
  assert.deepEqual(await ends(), whole);
  assert.deepEqual(troubles, []);
  await page.close();
});

test("arrow keys walk from value to value and say each", async () => {
  const { page } = await open(context, "run.html");
  const plane = page.locator("figure .overlay").first();
  await plane.focus();
  await page.keyboard.press("ArrowRight");
  const live = page.locator("figure .unseen").first();
  const first = await live.innerText();
  assert.match(first, /epoch 0, I\(X;T\) = [\d.]+ ± [\d.]+ bits|epoch 0, I\(X;T\) = [\d.]+ bits/);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await live.innerText(), first);
  const layer = first.split(",")[0];
  await page.keyboard.press("ArrowDown");
  assert.notEqual((await live.innerText()).split(",")[0], layer);
  await page.keyboard.press("Enter");
  assert.match(await page.locator("output.epoch").innerText(), /epoch \d+/);
  assert.notEqual(await page.evaluate(() => globalThis.infoplane.store.view.epoch), null);
  await page.keyboard.press("Escape");
  assert.ok(!(await page.locator("figure .tip").first().isVisible()));
  await page.close();
});

test("files of every figure hold what it shows", async () => {
  const { page, troubles } = await open(context, "run.html");
  const figures = document_("run.html").runs[0].figures;
  const saved = async (index, name) => {
    // The browser takes ten files at once from a page, and the next ones a little later.
    await page.waitForTimeout(250);
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("figure").nth(index).getByRole("button", { name }).click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  for (const [index, figure] of figures.entries()) {
    const svg = await saved(index, "Save as SVG");
    assert.equal(svg.name, `${figure.id}.svg`);
    const text = svg.bytes.toString("utf8");
    assert.ok(!/NaN|undefined|Infinity/.test(text), `${figure.id}.svg`);
    const fault = await page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").querySelector("parsererror")?.textContent ?? "", text);
    assert.equal(fault, "");
    assert.ok(text.includes(figure.title.replaceAll("&", "&amp;")));
    const png = await saved(index, "Save as PNG");
    assert.deepEqual([...png.bytes.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
    assert.equal(png.bytes.readUInt32BE(16), 1520);
    const csv = await saved(index, "Save the values as CSV");
    const lines = csv.bytes.toString("utf8").trimEnd().split("\r\n");
    const count = figure.panels.flatMap((panel) => panel.series).reduce((sum, one) => sum + (one.kind === "band" ? 2 * one.x.length : (one.epochs ?? one.x ?? one.points).length), 0);
    assert.equal(lines.length, count + 1, figure.id);
  }
  // What a reader chose is in the file.
  await page.evaluate(() => globalThis.infoplane.store.set("look", (view) => {
    view.epoch = globalThis.infoplane.player.epochs[3];
    view.unit = "nats";
    view.hidden.add("T₁");
  }));
  const chosen = (await saved(0, "Save as SVG")).bytes.toString("utf8");
  const epoch = await page.evaluate(() => globalThis.infoplane.player.epochs[3]);
  for (const words of [`up to epoch ${epoch}`, "without T₁ (10, tanh)", "[nats]", ">epoch<"]) assert.ok(chosen.includes(words), words);
  assert.ok(!chosen.includes(">T₁ (10, tanh)<"));
  await page.evaluate(() => globalThis.infoplane.store.read(""));
  const csv = (await saved(0, "Save the values as CSV")).bytes.toString("utf8");
  const path = figures[0].panels[0].series.find((one) => one.kind === "path");
  assert.ok(csv.includes(`,${path.epochs[0]},${path.x[0]},${path.y[0]},`));
  assert.deepEqual(troubles, []);
  await page.close();
});

test("one method, one seed, colours by epoch, another theme: each is in the link", async () => {
  const { page, troubles } = await open(context, "run.html");
  const all = await page.locator("figure").count();
  const method = await page.getByRole("combobox", { name: "method" }).locator("option").nth(1).innerText();
  await page.getByRole("combobox", { name: "method" }).selectOption(method);
  const some = await page.locator("figure").count();
  assert.ok(some < all && some >= 2);
  await page.getByRole("combobox", { name: "seeds" }).selectOption({ index: 2 });
  await page.getByRole("combobox", { name: "colour by" }).selectOption("epoch");
  await page.getByRole("combobox", { name: "theme" }).selectOption("dark");
  assert.equal(await page.evaluate(() => document.getElementById("page").dataset.theme), "dark");
  await page.waitForFunction(() => location.hash.includes("theme=dark"));
  await page.reload();
  await drawn(page);
  assert.equal(await page.locator("figure").count(), some);
  assert.equal(await page.getByRole("combobox", { name: "method" }).inputValue(), method);
  assert.equal(await page.evaluate(() => document.getElementById("page").dataset.theme), "dark");
  assert.equal(await page.evaluate(() => globalThis.infoplane.store.view.color), "epoch");
  assert.deepEqual(troubles, []);
  await page.close();
});

test("figures of several runs are told apart by their ids, and zoom alone", async () => {
  const { page } = await open(context, "compared.html");
  const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id));
  assert.equal(new Set(ids).size, ids.length);
  await page.locator("figure .overlay").nth(2).focus();
  await drawn(page, 2);
  await page.keyboard.press("+");
  assert.equal(await page.evaluate(() => globalThis.infoplane.store.view.zooms.size), await page.evaluate(() => globalThis.infoplane.cards[2].layout.panels.length));
  await page.close();
});

test("what has the keys keeps them when the page changes below it", async () => {
  const { page } = await open(context, "run.html");
  const layer = page.locator(".legend button").nth(1);
  await layer.focus();
  await page.keyboard.press("Space");
  assert.equal(await layer.getAttribute("aria-pressed"), "false");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-pressed")), "false");
  await page.getByRole("combobox", { name: "method" }).focus();
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SELECT");
  // A value that is shown follows the unit.
  await page.locator("figure .overlay").first().focus();
  await page.keyboard.press("End");
  const tip = page.locator("figure .tip").first();
  assert.match(await tip.innerText(), /bits/);
  await page.evaluate(() => globalThis.infoplane.store.set("look", (view) => (view.unit = "nats")));
  assert.match(await tip.innerText(), /nats/);
  await page.close();
});

test("training and test sets have their names in every way that values are told", async () => {
  const { page } = await open(context, "run.html");
  const training = page.locator("figure", { hasText: "Training" }).last();
  await training.scrollIntoViewIfNeeded();
  await training.locator("summary").click();
  await training.locator("tbody tr").first().waitFor();
  const series = new Set(await training.locator("tbody tr td:nth-child(2)").allInnerTexts());
  assert.ok(series.size >= 2 && ![...series].includes("line"), [...series].join(" | "));
  await page.close();
});

test("the slider during play goes on from where it was put", async () => {
  const { page } = await open(context, "run.html");
  await page.getByRole("combobox", { name: "speed" }).selectOption("0.25");
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("slider", { name: "Epoch" }).focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await page.waitForTimeout(300);
  const place = await page.evaluate(() => [globalThis.infoplane.player.place, globalThis.infoplane.player.epochs.length]);
  assert.ok(place[0] >= place[1] - 2, String(place));
  await page.close();
});

test("a link that says nonsense shows the page", async () => {
  const nonsense = "#epoch=-7&unit=miles&hide=nobody&seeds=all%00&show=<script>&zoom=1,0,x,y,plane&zoom=0,1,0,1,nowhere/0&theme=pink&__proto__=1";
  const { page, troubles } = await open(context, "run.html", { hash: nonsense });
  assert.ok((await page.locator("figure").count()) > 2);
  assert.equal(await page.locator("output.epoch").innerText(), "epoch 120");
  assert.deepEqual(troubles, []);
  await page.close();
});

test("a table behind a figure has its values", async () => {
  const { page } = await open(context, "run.html");
  const figure = page.locator("figure").first();
  await figure.locator("summary").click();
  await figure.locator("tbody tr").first().waitFor();
  const cells = await figure.locator("tbody tr").first().locator("td").allInnerTexts();
  const [series] = document_("run.html").runs[0].figures[0].panels[0].series;
  assert.equal(cells[2], String(series.epochs[0]));
  assert.ok(Math.abs(Number(cells[3]) - series.x[0]) < 1e-4);
  await page.close();
});

/** The list of runs: their states, a search, an order, and which to put beside each other. */

import { element, refill } from "/page.js";

/**
 * @typedef {object} Listed
 * @property {string} id
 * @property {string} name
 * @property {string} state
 * @property {number | null} measured
 * @property {number | null} planned
 * @property {number | null} seeds
 * @property {number | null} layers
 * @property {number | null} methods
 * @property {string} data
 * @property {number} modified
 */

/**
 * @typedef {object} Sweep
 * @property {string} name
 * @property {number} cells
 * @property {number} complete
 * @property {number} running
 * @property {number} failed
 * @property {number} interrupted
 * @property {number} missing
 * @property {boolean} compared
 * @property {string | null} note
 * @property {[string, string][]} failures
 * @property {[string, string][]} at_work
 */

const LOOK_EVERY = 2000;
/** More rows than that nobody reads; a search finds the others. */
const MOST_ROWS = 500;
/** @type {[keyof Listed, string][]} */
const COLUMNS = [["name", "name"], ["id", "folder"], ["state", "state"], ["data", "data"], ["seeds", "seeds"], ["layers", "layers"], ["planned", "epochs"], ["measured", "measured"], ["modified", "written"]];

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.className = "infoplane list";
/** @type {Listed[]} */
let runs = [];
/** @type {Set<string>} */
const chosen = new Set();
/** @type {keyof Listed} */
let order = "modified";
let descends = true;
let known = "";

const search = element("input", { type: "search", id: "search", placeholder: "name, folder, state, data", input: () => show() });
const by = element("input", { type: "text", id: "by", placeholder: "such as training.batch_size data.name", spellcheck: "false", autocomplete: "off" });
const words = (/** @type {string} */ name, /** @type {Iterable<string>} */ values) => [...values].map((value) => `${name}=${encodeURIComponent(value)}`);
const compare = element("button", { type: "button", disabled: true, click: () => (location.href = `/compare?${[...words("id", chosen), ...words("by", by.value.split(/\s+/).filter(Boolean))].join("&")}`) }, "Compare");
const status = element("p", { class: "facts", role: "status" });
const sweepPart = element("section", { class: "sweep", "aria-label": "Sweep" });
sweepPart.hidden = true;
const head = element("tr", {});
const body = element("tbody", {});
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (root.dataset.theme = dark.matches ? "dark" : "light");
dark.addEventListener("change", theme);
theme();
root.replaceChildren(
  element("header", {}, element("h1", {}, "Runs")),
  element("main", {}, sweepPart, element("div", { class: "controls" }, element("label", { class: "choice", for: "search" }, "search"), search, compare, element("label", { class: "choice", for: "by" }, "in groups by keys"), by), status, element("div", { class: "table" }, element("table", {}, element("thead", {}, head), body))),
);

/** @param {Listed} run @param {keyof Listed} column */
function cell(run, column) {
  const value = run[column];
  // What has no page of its own, as a pool of networks, has no link.
  if (column === "name" && run.id === "") return element("td", {}, run.name);
  if (column === "name") return element("td", {}, element("a", { "data-key": `open ${run.id}`, href: `/run?id=${encodeURIComponent(run.id)}` }, run.name || run.id));
  if (column === "modified") return element("td", {}, run.modified ? new Date(1000 * run.modified).toLocaleString() : "");
  if (column === "state") return element("td", { class: `state ${run.state}` }, run.state);
  return element("td", {}, value === null ? "" : String(value));
}

function show() {
  // Columns that say nothing of any run are left out: of the cells of a sweep less is read.
  const columns = COLUMNS.filter(([column]) => column === "name" || column === "state" || runs.some((run) => run[column] !== null && run[column] !== "" && run[column] !== 0));
  refill(head, [
    element("th", { scope: "col" }, element("span", { class: "unseen" }, "compare")),
    ...columns.map(([column, name]) => {
      const sorted = column === order ? (descends ? "descending" : "ascending") : "none";
      const sort = () => {
        descends = column === order ? !descends : column === "modified";
        order = column;
        show();
      };
      return element("th", { scope: "col", "aria-sort": sorted }, element("button", { type: "button", "data-key": column, click: sort }, name, column === order ? (descends ? " ↓" : " ↑") : ""));
    }),
  ]);
  const sought = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (/** @type {Listed} */ run) => `${run.name} ${run.id} ${run.state} ${run.data}`.toLowerCase();
  const found = runs.filter((run) => sought.every((word) => text(run).includes(word)));
  const sign = descends ? -1 : 1;
  const rank = (/** @type {Listed} */ a, /** @type {Listed} */ b) => {
    const [one, other] = [a[order] ?? -1, b[order] ?? -1];
    const by = typeof one === "string" && typeof other === "string" ? one.localeCompare(other, undefined, { numeric: true }) : Number(one) - Number(other);
    return sign * by || a.name.localeCompare(b.name, undefined, { numeric: true }) || a.id.localeCompare(b.id, undefined, { numeric: true });
  };
  found.sort(rank);
  refill(
    body,
    found.slice(0, MOST_ROWS).map((run) => {
      const box = element("input", { type: "checkbox", "data-key": `compare ${run.id}`, "aria-label": `Compare ${run.name} in ${run.id}`, checked: chosen.has(run.id) });
      box.addEventListener("change", () => {
        if (box.checked) chosen.add(run.id);
        else chosen.delete(run.id);
        tell(found.length);
      });
      return element("tr", {}, element("td", {}, ...(run.id === "" ? [] : [box])), ...columns.map(([column]) => cell(run, column)));
    }),
  );
  tell(found.length);
}

/** @param {number} shown */
function tell(shown) {
  compare.disabled = chosen.size < 2;
  const running = runs.filter((run) => run.state === "running").length;
  status.textContent = runs.length === 0 ? "There is no run in this folder yet." : `${shown} of ${runs.length} runs, ${running} running, ${chosen.size} chosen to compare${shown > MOST_ROWS ? `; the first ${MOST_ROWS} are listed, a search narrows them` : ""}`;
}

/** Where the cells of a sweep stand. @param {Sweep | null} sweep */
function showSweep(sweep) {
  sweepPart.hidden = sweep === null;
  if (sweep === null) return;
  const counts = /** @type {const} */ (["complete", "running", "failed", "interrupted", "missing"]);
  const told = counts.filter((name) => name === "complete" || sweep[name] > 0).map((name) => `${sweep[name]} ${name}`);
  const parts = counts.filter((name) => sweep[name] > 0).map((name) => {
    const part = element("span", { class: name });
    part.style.flexGrow = String(sweep[name]);
    return part;
  });
  const rows = (/** @type {[string, string][]} */ cells) => element("table", {}, element("tbody", {}, ...cells.map(([label, what]) => element("tr", {}, element("td", {}, label), element("td", {}, what)))));
  const folded = (/** @type {string} */ title, /** @type {[string, string][]} */ cells) => {
    if (cells.length === 0) return [];
    const part = element("details", {}, element("summary", { "data-key": title }, title), element("div", { class: "table" }, rows(cells)));
    part.open = /** @type {HTMLDetailsElement | null} */ (sweepPart.querySelector(`details[data-title="${title}"]`))?.open ?? false;
    part.dataset.title = title;
    return [part];
  };
  refill(sweepPart, [
    element("h2", {}, sweep.name),
    element("p", { class: "facts", role: "status" }, `${sweep.cells} cells: ${told.join(", ")}`),
    element("div", { class: "share", role: "img", "aria-label": `${sweep.complete} of ${sweep.cells} cells complete` }, ...parts),
    ...(sweep.compared ? [element("p", {}, element("a", { href: "/sweep", "data-key": "sweep" }, "Compare all complete cells"))] : []),
    ...(sweep.note === null ? [] : [element("p", { class: "facts" }, sweep.note)]),
    ...folded("Failed cells", sweep.failures),
    ...folded("Cells that are computed", sweep.at_work),
  ]);
}

async function load() {
  try {
    const answer = await fetch("/api/runs");
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    if (text === known) return;
    known = text;
    const found = JSON.parse(text);
    runs = found.runs;
    showSweep(found.sweep);
    for (const id of chosen) if (!runs.some((run) => run.id === id)) chosen.delete(id);
    show();
  } catch {
    known = "";
    status.textContent = "The server does not answer; the list is as it was.";
  }
}

load();
setInterval(() => document.visibilityState === "visible" && load(), LOOK_EVERY);

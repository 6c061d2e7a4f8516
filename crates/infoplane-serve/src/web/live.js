/** The page of a run, which follows while the run is written; of the cells of a sweep, which grows; or of several runs, as they are. */

import { Page, element } from "/page.js";

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
const query = location.search;
const isComparison = location.pathname === "/compare";
const isSweep = location.pathname === "/sweep";
/** @type {Page | null} */
let page = null;
let version = -1;
let isLoading = false;
let isStale = false;

const back = element("nav", {}, element("a", { href: "/" }, "All runs"));
const note = element("p", { class: "live", role: "status" });

// Until there is a page: its style, and the way back.
root.className = "infoplane";
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
root.replaceChildren(back, note);

/** @param {string} text */
function tell(text) {
  note.textContent = text;
  if (!note.isConnected) root.prepend(note);
}

async function load() {
  if (isLoading) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    const answer = await fetch(`/api/${isComparison ? "compare" : isSweep ? "sweep" : "run"}${query}`);
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    version = found.version;
    if (page) page.update(found.content);
    else page = new Page(root, found.content);
    document.title = `${found.content.title} – infoplane`;
    if (!back.isConnected) root.prepend(back);
    Object.assign(globalThis, { infoplane: page });
    const state = found.content.runs[0]?.state;
    if (isSweep) tell("Live: grows with the cells of the sweep.");
    else if (!isComparison) tell(state === "running" ? "Live: follows the run." : "");
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
  } finally {
    isLoading = false;
  }
  if (isStale) load();
}

/** @type {EventSource | null} */
let events = null;

function listen() {
  events?.close();
  events = new EventSource(`/api/events${isSweep ? "?sweep" : query}`);
  events.addEventListener("version", (event) => {
    if (Number(event.data) !== version) load();
  });
  events.addEventListener("gone", (event) => tell(event.data));
  events.addEventListener("error", () => tell("The server does not answer; the page is as it was. It goes on when the server does."));
  events.addEventListener("open", () => page && load());
}

load();
if (!isComparison) {
  listen();
  // Browsers keep few connections to one server: pages that nobody sees leave theirs to others.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") events?.close();
    else listen();
  });
}

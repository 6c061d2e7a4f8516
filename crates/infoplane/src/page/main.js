/** Shows the document that is in the page. */

import { Page } from "./page.js";

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
const content = JSON.parse(document.getElementById("document")?.textContent ?? "{}");
// In a frame, as in a notebook, there is no address that could hold the view.
const usesHash = globalThis.top === globalThis.self;
Object.assign(globalThis, { infoplane: new Page(root, content, { usesHash }) });

/** What the scripts of all pages have in one module, for the check of types. */

export { element, refill } from "../../../infoplane/src/page/element.js";
export { Page } from "../../../infoplane/src/page/page.js";

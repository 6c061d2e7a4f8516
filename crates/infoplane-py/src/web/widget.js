/** The page of a run as a widget of a notebook: it shows what the kernel says, and follows it. */

import { Page, element } from "/page.js";

/**
 * What a notebook gives a widget.
 *
 * @typedef {object} Model
 * @property {(name: "content" | "height" | "note") => any} get
 * @property {(event: string, act: () => void) => void} on
 * @property {(event: string, act: () => void) => void} off
 */

/** Whether the notebook is dark, or nothing where it does not say. */
function isDark() {
  const { body, documentElement } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.dataset.vscodeThemeKind) return !body.dataset.vscodeThemeKind.includes("light");
  for (const { classList } of [body, documentElement]) {
    if (classList.contains("dark") || classList.contains("dark-theme")) return true;
    if (classList.contains("light") || classList.contains("light-theme")) return false;
  }
  return null;
}

/** @param {{model: Model, el: HTMLElement}} shown */
function render({ model, el }) {
  const note = element("p", { class: "live", role: "status" });
  const root = element("div", {});
  // Keys are the page's here: those of JupyterLab would add, change and delete cells. It looks at what has the focus itself.
  const own = (/** @type {Event} */ { target }) => target instanceof HTMLElement && (target.dataset.lmSuppressShortcuts = "true");
  const frame = element("div", { class: "infoplane-widget", tabindex: 0, role: "region", focusin: own }, root);
  el.append(frame);
  const content = () => JSON.parse(model.get("content"));
  const page = new Page(root, content(), { usesHash: false, isDark });
  const tell = () => {
    frame.setAttribute("aria-label", page.content.title);
    note.textContent = model.get("note");
    if (!note.isConnected) root.prepend(note);
  };
  const fit = () => (frame.style.maxHeight = `${model.get("height")}px`);
  const follow = () => {
    page.update(content());
    tell();
  };
  fit();
  tell();
  model.on("change:content", follow);
  model.on("change:height", fit);
  model.on("change:note", tell);
  // Classes of a notebook change for other reasons, too.
  let dark = isDark();
  const themes = new MutationObserver(() => {
    if (isDark() === dark) return;
    dark = isDark();
    page.follow("look");
  });
  for (const node of [document.body, document.documentElement]) themes.observe(node, { attributes: true, attributeFilter: ["class", "data-jp-theme-light", "data-vscode-theme-kind"] });
  return () => {
    model.off("change:content", follow);
    model.off("change:height", fit);
    model.off("change:note", tell);
    themes.disconnect();
    page.close();
  };
}

export default { render };

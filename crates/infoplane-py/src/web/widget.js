/** The page of a run as a widget of a notebook: it shows what the kernel says, and follows it. */

import { Page, element } from "/page.js";

/**
 * What a notebook gives a widget.
 *
 * @typedef {object} Model
 * @property {(name: "content" | "height") => any} get
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
  const frame = element("div", { class: "infoplane-widget", tabindex: 0, role: "region" }, root);
  el.append(frame);
  const content = () => JSON.parse(model.get("content"));
  const page = new Page(root, content(), { usesHash: false, isDark });
  const tell = () => {
    const { title, runs } = page.content;
    frame.setAttribute("aria-label", title);
    note.textContent = runs[0]?.state === "running" ? "Live: follows the run." : "";
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
  const themes = new MutationObserver(() => page.follow("look"));
  for (const node of [document.body, document.documentElement]) themes.observe(node, { attributes: true, attributeFilter: ["class", "data-jp-theme-light", "data-vscode-theme-kind"] });
  return () => {
    model.off("change:content", follow);
    model.off("change:height", fit);
    themes.disconnect();
    page.close();
  };
}

export default { render };

/** Elements of a page, made without any text being read as HTML. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | EventListener | null | undefined>} [attributes] functions are listeners
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

/**
 * A choice among several.
 *
 * @param {string} label
 * @param {[string, string][]} options value and name of each
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function choice(label, options, chosen, choose) {
  const select = element("select", { "data-key": label, change: () => choose(select.value) });
  for (const [value, name] of options) select.append(element("option", { value, selected: value === chosen }, name));
  return element("label", { class: "choice" }, label, " ", select);
}

/**
 * What has the keys, where it is in an element; in a notebook that may be part of another tree than the document.
 *
 * @param {HTMLElement} parent
 */
export function activeIn(parent) {
  const { activeElement } = /** @type {Document | ShadowRoot} */ (parent.getRootNode());
  return /** @type {HTMLElement | null} */ (parent.contains(activeElement) ? activeElement : null);
}

/**
 * Puts other children into an element; the keys stay on the child with the same `data-key`.
 *
 * @param {HTMLElement} parent
 * @param {(Node | string)[]} children
 */
export function refill(parent, children) {
  const active = activeIn(parent);
  const key = active?.dataset.key;
  parent.replaceChildren(...children);
  if (key === undefined) return;
  for (const child of /** @type {NodeListOf<HTMLElement>} */ (parent.querySelectorAll("[data-key]"))) {
    if (child.dataset.key === key) child.focus({ preventScroll: true });
  }
}

/**
 * Lets the browser save a file.
 *
 * @param {string} name
 * @param {Blob} content
 */
export function save(name, content) {
  const link = element("a", { href: URL.createObjectURL(content), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A headless Chromium, and pages in it that are watched for errors and requests.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

/** The folder with the pages that `cargo test --test page` made. */
export const PAGES = process.env.INFOPLANE_PAGES ?? "";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), "infoplane-page-"));
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.INFOPLANE_CHROMIUM ?? "chromium",
    args: FLAGS,
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
  });
}

/**
 * Opens one of the pages, and keeps what goes wrong in `troubles`.
 *
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} name
 * @param {{hash?: string, width?: number, height?: number, dark?: boolean}} [options]
 */
export async function open(context, name, { hash = "", width = 1280, height = 900, dark = false } = {}) {
  const page = await context.newPage();
  /** @type {string[]} */
  const troubles = [];
  const address = pathToFileURL(join(PAGES, name)).href;
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && troubles.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const isOwn = request.url().split("#")[0] === address || request.url().startsWith("blob:") || request.url().startsWith("data:");
    if (!isOwn) troubles.push(`request: ${request.url()}`);
  });
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
  await page.goto(address + hash);
  await drawn(page);
  return { page, troubles };
}

/**
 * Returns when a figure is drawn, or there is none.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} [place]
 */
export async function drawn(page, place = 0) {
  await page.waitForFunction((place) => globalThis.infoplane && (!globalThis.infoplane.cards.length || globalThis.infoplane.cards[place].layout), place);
}

/** Single keys, by the letter and not by the place on the keyboard, only outside fields, and only while they are on. */

import { recalled, remember } from "./preferences.js";

/**
 * @param {HTMLInputElement} on the switch
 * @param {Record<string, () => void>} acts what each letter does
 */
export function listen(on, acts) {
  on.checked = recalled("keys", true);
  on.addEventListener("change", () => remember("keys", on.checked));
  document.addEventListener("keydown", (event) => {
    const field = event.target instanceof Element ? event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select") : null;
    if (event.key === "Escape" && field && !document.querySelector("dialog[open]")) /** @type {HTMLElement} */ (field).blur();
    if (!on.checked || field || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

// @ts-check
/**
 * Leaving in a hurry: a click, or three presses on Shift. The page is blank at once, and is replaced in the history of this
 * tab, so that the back button does not lead to it.
 */

import { countShifts } from "/static/kit/shift.js";

const link = /** @type {HTMLAnchorElement} */ (document.getElementById("exit"));
const announced = /** @type {HTMLElement} */ (document.getElementById("exit-status"));
const hint = /** @type {HTMLElement} */ (document.getElementById("exit-hint"));

/** Blanks the page and goes to the neutral site. */
function leave() {
  const overlay = document.createElement("div");
  overlay.className = "exit-overlay";
  overlay.setAttribute("role", "alert");
  overlay.textContent = link.dataset.leaving ?? "";
  document.body.append(overlay);
  document.body.classList.add("leaving");
  document.title = overlay.textContent;
  location.replace(link.href);
}

/** A page that comes back from the browser's own cache must not stay blank. */
function restore() {
  document.querySelector(".exit-overlay")?.remove();
  document.body.classList.remove("leaving");
}

link.addEventListener("click", (event) => {
  event.preventDefault();
  leave();
});
countShifts((left) => {
  const { twice, once, late } = link.dataset;
  announced.textContent = [undefined, once, twice, late][left] ?? "";
  if (!left) leave();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    restore();
  }
});
hint.hidden = false;

// @ts-check
/**
 * Leaving in a hurry: a click, or three presses on Shift within five seconds. The page is blank at once, and is
 * replaced in the history of this tab, so that the back button does not lead to it.
 */

const PRESSES = 3;
const WITHIN_MS = 5000;

const link = /** @type {HTMLAnchorElement} */ (document.getElementById("exit"));
const announced = /** @type {HTMLElement} */ (document.getElementById("exit-status"));
const hint = /** @type {HTMLElement} */ (document.getElementById("exit-hint"));

let presses = 0;
let alone = false;
/** @type {number | undefined} */
let timer;

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

/** Starts counting again, and says so when somebody had begun. */
function forget() {
  presses = 0;
  announced.textContent = link.dataset.late ?? "";
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  // with Alt or Ctrl it changes the layout of the keyboard
  alone = event.key === "Shift" && !event.altKey && !event.ctrlKey && (alone || !event.repeat);
  if (event.key !== "Shift") {
    presses = 0;
    window.clearTimeout(timer);
  }
}

/**
 * Counts a press of Shift alone: a capital letter is not a call for help.
 * @param {KeyboardEvent} event
 */
function onKeyUp(event) {
  if (event.key !== "Shift" || !alone) {
    return;
  }
  presses += 1;
  window.clearTimeout(timer);
  if (presses >= PRESSES) {
    leave();
    return;
  }
  announced.textContent = (presses === 1 ? link.dataset.twice : link.dataset.once) ?? "";
  timer = window.setTimeout(forget, WITHIN_MS);
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
document.addEventListener("keydown", onKeyDown);
document.addEventListener("keyup", onKeyUp);
document.addEventListener("pointerdown", () => {
  alone = false;
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    restore();
  }
});
hint.hidden = false;

export {};

/** Leaving in a hurry: a button that is always there, and Shift three times (each within five seconds of the last). */

const PRESSES = 3;
const WITHIN = 5000;

/**
 * @param {object} parts
 * @param {HTMLElement} parts.button
 * @param {HTMLElement} parts.status where the number of presses is announced
 * @param {(left: number) => string} parts.countdown
 * @param {() => void} parts.leave
 */
export function watchExit({ button, status, countdown, leave }) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    leave();
  });

  let presses = 0;
  let reset = 0;
  const count = (/** @type {number} */ to) => {
    presses = to;
    clearTimeout(reset);
    status.textContent = presses && presses < PRESSES ? countdown(PRESSES - presses) : "";
    if (presses) reset = setTimeout(() => count(0), WITHIN);
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Shift") return count(0);
    if (event.repeat) return;
    count(presses + 1);
    if (presses === PRESSES) leave();
  });
}

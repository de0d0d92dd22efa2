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
  let alone = false;
  const count = (/** @type {number} */ to) => {
    presses = to;
    clearTimeout(reset);
    status.textContent = presses && presses < PRESSES ? countdown(PRESSES - presses) : "";
    if (presses) reset = setTimeout(() => count(0), WITHIN);
  };
  document.addEventListener("keydown", (event) => {
    // with Alt or Ctrl it changes the layout of the keyboard
    alone = event.key === "Shift" && !event.altKey && !event.ctrlKey && (alone || !event.repeat);
    if (!alone && presses) count(0);
  });
  document.addEventListener("pointerdown", () => (alone = false));
  // a press of Shift alone: a capital letter is not a call for help
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift" || !alone) return;
    alone = false;
    count(presses + 1);
    if (presses === PRESSES) leave();
  });
}

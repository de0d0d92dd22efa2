/** Leaving in a hurry: a button that is always there, and Shift three times. */

import { countShifts } from "/static/kit/shift.js";

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

  countShifts((left) => {
    status.textContent = left === 1 || left === 2 ? countdown(left) : "";
    if (!left) leave();
  });
}

/** Three presses of Shift leave. The loader of the chat holds this too: its only import is written out when it is served. */

const PRESSES = 3;
const WITHIN = 5000;

/**
 * Counts presses of Shift alone, each within five seconds of the last: a capital letter is not a call for help, and with Alt or
 * Ctrl it changes the layout of the keyboard.
 *
 * @param {(left: number) => void} counted how many presses are left: none is to leave, all is that it starts anew
 */
export function countShifts(counted) {
  let left = PRESSES;
  let timer = 0;
  let alone = false;
  const count = (/** @type {number} */ to) => {
    clearTimeout(timer);
    left = to || PRESSES;
    if (to && to < PRESSES) timer = window.setTimeout(() => count(PRESSES), WITHIN);
    counted(to);
  };
  document.addEventListener("keydown", (event) => {
    alone = event.key === "Shift" && !event.altKey && !event.ctrlKey && (alone || !event.repeat);
    if (!alone && left < PRESSES) count(PRESSES);
  });
  document.addEventListener("pointerdown", () => (alone = false));
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift" || !alone) return;
    alone = false;
    count(left - 1);
  });
}

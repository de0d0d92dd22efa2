/**
 * How somebody waits, in words that promise nothing: the place in the queue, whether anybody is free, and how long it took
 * so far.
 */

import { hideNotice, showNotice } from "./notice.js";
import { dayAndTime, timeOfDay, worded, words } from "./words.js";

/** @typedef {import("./connection.js").Frame} Frame */

const SETTLES_WITHIN = 400;

const waited = /** @type {HTMLElement} */ (document.getElementById("waited"));
let since = 0;
let ahead = 0;
let counting = 0;
let settling = 0;
let closing = "";

/**
 * Somebody who did not start yet, and found or lost an operator.
 *
 * @param {boolean} staffed
 */
export function beforeStart(staffed) {
  if (closing) warn("danger");
  else if (staffed) hideNotice();
  else showNotice(words.absentTitle, words.absentText, "danger");
}

/**
 * @param {Frame} frame
 * @param {(text: string) => void} say
 */
export function waits(frame, say) {
  since = Date.parse(frame.since);
  ahead = Date.parse(frame.now) - Date.now();
  clearInterval(counting);
  counting = setInterval(count, 15000);
  count();
  clearTimeout(settling);
  settling = setTimeout(() => {
    say(place(frame));
    if (closing) warn("log");
    else if (!frame.staffed) showNotice(words.absentTitle, words.absentWait, "log");
    else if (!frame.available) showNotice(words.busyTitle, words.busyText, "log");
    else hideNotice();
  }, SETTLES_WITHIN);
}

/** The wait is over, whatever came after it. */
export function waitsNoLonger() {
  clearInterval(counting);
  clearTimeout(settling);
  waited.hidden = true;
  closing = "";
  hideNotice();
}

/**
 * @param {string} at
 * @param {"danger" | "log"} below
 */
export function closesSoon(at, below) {
  closing = at;
  warn(below);
}

/** @param {string | undefined} opens */
export function untilOpening(opens) {
  return opens ? worded("closedUntil", { when: dayAndTime(opens) }) : words.closedNow;
}

/** @param {"danger" | "log"} below */
function warn(below) {
  showNotice(worded("closingTitle", { time: timeOfDay(closing) }), words.closingText, below);
}

/** @param {Frame} frame */
function place({ position, available, staffed }) {
  if (!staffed) return worded("waitsAbsent", { position });
  return worded(available ? (position > 1 ? "waitsQueue" : "waitsFirst") : "waitsBusy", { position });
}

function count() {
  const minutes = Math.floor((Date.now() + ahead - since) / 60000);
  waited.hidden = minutes < 1;
  waited.textContent = worded("waited", { minutes });
}

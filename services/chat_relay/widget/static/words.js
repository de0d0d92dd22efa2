/** What the widget says: in the page itself, so that nothing has to be fetched before somebody can leave. */

const language = document.documentElement.lang;

/** @type {Record<string, string>} */
export const words = JSON.parse(document.body.dataset.words ?? "{}");

/**
 * @param {string} name
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function worded(name, values = {}) {
  return Object.entries(values).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, String(value)), words[name]);
}

/** @param {string} moment */
export function dayAndTime(moment) {
  return format(moment, { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
}

/** @param {string} moment */
export function timeOfDay(moment) {
  return format(moment, { hour: "2-digit", minute: "2-digit" });
}

/**
 * @param {string} moment
 * @param {Intl.DateTimeFormatOptions} parts
 */
function format(moment, parts) {
  return new Intl.DateTimeFormat(`${language}-BE`, { ...parts, timeZone: "Europe/Brussels" }).format(new Date(moment));
}

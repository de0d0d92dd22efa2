/** What this tab remembers of the operator's choices: nothing of anybody's conversation but how far it was read. */

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recalled(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(`chat-desk-${name}`) ?? "") ?? otherwise;
  } catch {
    return otherwise; // nothing kept, or storage is off
  }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function remember(name, value) {
  try {
    sessionStorage.setItem(`chat-desk-${name}`, JSON.stringify(value));
  } catch {
    return; // storage is off: the choice holds until the page is left
  }
}

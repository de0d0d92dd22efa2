/**
 * What a visitor may do instead of waiting: a notice with the way to the form. What was typed goes along in the body of a
 * POST to the form: it is stored nowhere, and stands in no address.
 */

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const notice = part("notice");
const kept = /** @type {HTMLTextAreaElement} */ (part("kept-text"));

/**
 * @param {string} title
 * @param {string} text
 * @param {"danger" | "log"} below where in the page it stands
 */
export function showNotice(title, text, below) {
  part("notice-title").textContent = title;
  part("notice-text").textContent = text;
  if (part(below).nextElementSibling !== notice) part(below).after(notice);
  notice.hidden = false;
}

export function hideNotice() {
  if (notice.contains(document.activeElement)) part("title").focus();
  notice.hidden = true;
}

/**
 * Shows what was not sent, to be taken along.
 *
 * @param {string} text
 */
export function keep(text) {
  kept.value = text;
  part("kept").hidden = !text;
}

/** @param {() => string} unsent what goes along when nothing is shown to be taken along */
export function beforeOnward(unsent) {
  part("onward").addEventListener("submit", () => {
    if (part("kept").hidden) kept.value = unsent();
  });
}

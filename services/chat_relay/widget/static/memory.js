/**
 * What the tab remembers so that a reload does not end a conversation: its id, its token and whether it was open, nothing that
 * was said.
 * Gone with the tab, on leaving and at the end of the conversation.
 *
 * @typedef {{conversation: string, token: string, shown?: boolean}} Talk
 */

const KEY = "chat";

/** Whether the browser lets the tab remember anything: in a frame on another site it may not. */
export function canRemember() {
  try {
    sessionStorage.setItem("try", "");
    sessionStorage.removeItem("try");
    return true;
  } catch {
    return false;
  }
}

/** @returns {Talk | null} */
export function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null; // the browser refuses storage: a reload then starts anew
  }
}

/** @param {Talk} talk */
export function remember({ conversation, token, shown }) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ conversation, token, shown }));
  } catch {
    // the browser refuses storage: the conversation lives as long as the page
  }
}

export function forget() {
  try {
    sessionStorage.clear();
  } catch {
    // nothing was stored
  }
}

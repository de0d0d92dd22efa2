/**
 * The site around the frame. The first message comes from its loader and tells the origin to answer to; which sites
 * may be around the frame at all is decided by frame-ancestors.
 */

const alone = window.parent === window;
let origin = "";
let fallback = 0;

/**
 * @param {string} exit where leaving leads to
 * @param {(act: string) => void} heard
 */
export function hearHost(exit, heard) {
  addEventListener("message", (event) => {
    if (event.source !== window.parent || alone || typeof event.data?.chat !== "string") return;
    origin = event.origin;
    if (event.data.chat === "leaving") clearTimeout(fallback);
    else heard(event.data.chat);
  });
  if (alone) heard("shown");
  // not yet known who is around: this says nothing of the visitor, and asks the loader to speak
  else window.parent.postMessage({ chat: "ready", to: exit }, "*");
}

/** @param {Record<string, unknown>} message */
export function tellHost(message) {
  if (!alone && origin) window.parent.postMessage(message, origin);
}

/**
 * Replaces the whole page, so that Back does not return here.
 *
 * @param {string} to
 */
export function leaveFor(to) {
  tellHost({ chat: "leave", to });
  if (alone) location.replace(to);
  // a site whose loader does not answer: the frame tries by itself
  else fallback = setTimeout(() => window.open(to, "_top"), 1000);
}

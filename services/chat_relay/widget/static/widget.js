/** The visitor's side of the chat. */

import { Connection } from "./connection.js";
import { watchExit } from "./exit.js";
import { hearHost, leaveFor, tellHost } from "./host.js";
import { canRemember, forget, recall, remember } from "./memory.js";
import { beforeOnward, keep, showNotice } from "./notice.js";
import { newId, Outbox } from "./outbox.js";
import { asText, hand } from "./transcript.js";
import { addEvent, addTurn } from "./turns.js";
import { beforeStart, closesSoon, untilOpening, waits, waitsNoLonger } from "./waiting.js";
import { timeOfDay, worded, words } from "./words.js";

/** @typedef {import("./connection.js").Frame} Frame */

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const text = /** @type {HTMLTextAreaElement} */ (part("text"));
const form = /** @type {HTMLFormElement} */ (part("write"));
const page = document.body.dataset;
const language = document.documentElement.lang;
const touch = matchMedia("(pointer: coarse)").matches;
const TYPING_EVERY = 3000;
const LONGEST = Number(page.longest);
const MOST_PARTS = 8;
const NEARLY = 80;
const MOST_BARS = 0.65;
const EDGE = 8;

/** @type {import("./memory.js").Talk | null} */
let talk = recall();
let started = talk !== null;
const remembers = canRemember();
/** the id in the outbox of the message that starts the conversation: the relay knows it by the conversation's id */
let opener = "";
let asked = false;
let ending = false;
let situation = "";
/** whether the conversation went on when this connection was made */
let goesOn = false;
let seen = -1;
let unread = 0;
let shown = false;
let lastTyped = 0;
let typingGone = 0;
let first = true;
let left = false;
/** whether the end of the conversation is in view, so that it stays in view while the page grows */
let following = true;
/** how far the page can be scrolled, when that was last looked at */
let room = 0;

const connection = new Connection("/chat/v1/visitor", {
  greet,
  heard,
  line: (up) => say(up ? words.restored : words.lost),
});
const outbox = new Outbox(words, post);

/** @returns {Frame} */
function greet() {
  goesOn = false;
  return started && talk ? { type: "resume", ...proof(talk), after: seen } : { type: "hello" };
}

/** @param {import("./memory.js").Talk} talk */
function proof({ conversation, token }) {
  return { conversation, token };
}

/** @param {import("./outbox.js").Letter} letter */
function post(letter) {
  if (started) return connection.send({ type: "say", message: letter.id, text: letter.text });
  if (!talk || outbox.waiting.find((waiting) => !waiting.stuck)?.id !== letter.id) return false;
  remembered();
  opener = letter.id;
  return connection.send({ type: "start", ...proof(talk), text: letter.text, language });
}

/** @param {string} message */
function ours(message) {
  return opener && message === talk?.conversation ? opener : message;
}

/** @param {Frame} frame */
function heard(frame) {
  switch (frame.type) {
    case "welcome":
      return welcomed(frame);
    case "staffed":
      say(frame.staffed ? words.open : words.absentTitle);
      return beforeStart(frame.staffed);
    case "waiting":
      return waits(frame, say);
    case "closing":
      say(worded("closingTitle", { time: timeOfDay(frame.at) }));
      return closesSoon(frame.at, started ? "log" : "danger");
    case "closed":
      return closed(frame);
    case "state":
      return became(frame);
    case "turn":
      return turn(frame);
    case "sent":
      seen = Math.max(seen, frame.sequence);
      outbox.arrived(ours(frame.message));
      return;
    case "failed":
      if (frame.message) outbox.failed(ours(frame.message), frame.retry);
      return say(words[frame.reason] ?? (frame.retry ? words.failed : words.refused));
    case "typing":
      return typing();
    case "error":
      return wrong(frame);
  }
}

/** @param {Frame} frame */
function welcomed(frame) {
  // a first message whose answer was lost is sent again as the same conversation
  if (!opener || !talk) talk = { conversation: frame.conversation, token: frame.token };
  setState("start");
  say(frame.staffed ? words.open : words.absentTitle);
  if (frame.closing) closesSoon(frame.closing, "danger");
  beforeStart(frame.staffed);
  outbox.flush();
}

/** @param {Frame} frame */
function closed(frame) {
  // the first message may have been stored before the doors closed, with its answer lost: ask once
  if (opener && !started && !asked && outbox.waiting.length) {
    asked = true;
    return outbox.flush();
  }
  showClosed(frame.nextOpening, Boolean(frame.conversation));
}

/** @param {Frame} frame */
function became(frame) {
  started = true;
  if (frame.status === "ended") return ended(frame.because);
  goesOn = true;
  setState("talking");
  remembered();
  if (!remembers && !situation) event(words.notRemembered);
  const now = `${frame.because} ${frame.operator ?? ""}`;
  if (now !== situation) tellSituation(frame);
  situation = now;
  if (ending) connection.send({ type: "end" });
  outbox.flush();
}

/** @param {Frame} frame */
function tellSituation({ status, because, operator }) {
  if (status === "assigned") {
    waitsNoLonger();
    say("");
    return event(worded(because === "handedOver" ? "handedOver" : "assigned", { name: operator ?? "" }));
  }
  part("typing").textContent = "";
  if (because === "vanished" || because === "givenBack") event(words[because]);
  say(words.waiting);
}

/** @param {Frame} frame */
function turn(frame) {
  seen = Math.max(seen, frame.sequence);
  const mine = frame.who === "visitor";
  if (mine && outbox.arrived(ours(frame.message))) return;
  const row = addTurn(part("turns"), { name: mine ? words.me : words.operator, text: frame.text, at: frame.at, mine });
  if (mine) row.mark(words.sent);
  else part("typing").textContent = "";
  if (!mine && (!shown || document.hidden)) tellHost({ chat: "unread", count: (unread += 1) });
  if (!mine && !follows()) part("newer").hidden = false;
}

function typing() {
  if (part("typing").textContent !== words.typing) part("typing").textContent = words.typing;
  clearTimeout(typingGone);
  typingGone = setTimeout(() => (part("typing").textContent = ""), 6000);
}

/** @param {Frame} frame */
function wrong(frame) {
  if (frame.code === "unknown" || frame.code === "forbidden") {
    if (started) event(words.unknown);
    reset();
    setState("connecting");
    return connection.send({ type: "hello" });
  }
  if (frame.message) {
    outbox.failed(ours(frame.message), true);
    return say(words[frame.code] ?? words.failed);
  }
  if (frame.code === "unavailable") return connection.renew();
}

function remembered() {
  if (talk) remember({ ...talk, shown });
  tellHost({ chat: "talking", count: started || opener ? 1 : 0 });
}

function reset() {
  forget();
  talk = null;
  started = asked = ending = false;
  opener = situation = "";
  seen = -1;
  tellHost({ chat: "talking", count: 0 });
}

/** @param {string} because */
function ended(because) {
  // the relay tells next when it opens again; after a reload it does not
  if (because === "closed") return setTimeout(() => started && showClosed(page.opens, true), 2000);
  // who waits and is connected all along left by another page
  over(because === "left" && !ending ? words[goesOn ? "endedElsewhere" : "left"] : words.ended, "ended");
  if (unsent()) showNotice(words.unsentTitle, words.unsentText, "log");
}

/**
 * @param {string | undefined} opens
 * @param {boolean} waited whether somebody waited until the doors closed
 */
function showClosed(opens, waited) {
  over(words.closedTitle, "closed");
  const parts = [untilOpening(opens), ...(waited ? [words.closedWaited] : []), words.closedForm];
  showNotice(words.closedTitle, parts.join(" "), "danger");
  following = false;
  scroller().scrollTop = 0;
  /** @type {HTMLDetailsElement} */ (part("help")).open = true;
}

/**
 * @param {string} said
 * @param {"closed" | "ended"} state
 */
function over(said, state) {
  keep(unsent());
  reset();
  connection.close();
  waitsNoLonger();
  part("typing").textContent = "";
  setState(state);
  say(said);
  for (const letter of outbox.waiting) outbox.failed(letter.id, false);
}

function unsent() {
  return [...outbox.waiting.map((letter) => letter.text), text.value].filter((said) => said.trim()).join("\n\n");
}

/** @param {string} state */
function setState(state) {
  page.state = state;
  const writing = form.contains(document.activeElement) || document.activeElement?.closest(".ending");
  const talking = state === "talking";
  const hasTurns = part("turns").childElementCount > 0;
  form.hidden = state !== "start" && !talking;
  part("languages").hidden = talking || state === "ended" || hasTurns;
  part("end").hidden = !talking || !part("end-sure").hidden;
  part("take").hidden = !hasTurns || state === "start" || !part("take-sure").hidden;
  part("again").hidden = state !== "ended";
  if (!talking) part("end-sure").hidden = true;
  if (talking || state === "closed") /** @type {HTMLDetailsElement} */ (part("about")).open = false;
  if (writing && form.hidden) part(state === "ended" ? "again" : "title").focus();
}

/** @param {string} what */
function say(what) {
  if (part("status").textContent !== what) part("status").textContent = what;
}

/** @param {string} what */
function event(what) {
  addEvent(part("turns"), what);
}

function isTight() {
  return document.body.classList.contains("tight");
}

/** What scrolls: the conversation, or the whole page where there is little room. */
function scroller() {
  return isTight() ? document.documentElement : part("scroll");
}

/** Between which heights the conversation is seen. */
function sight() {
  return isTight() ? { top: part("bar").offsetHeight, bottom: innerHeight } : part("scroll").getBoundingClientRect();
}

function isAtEnd() {
  return part("turns").getBoundingClientRect().bottom < sight().bottom + NEARLY;
}

/** Whether somebody does something below the conversation that has to stay in sight: they write, or are asked to be sure. */
function isBusyBelow() {
  const focused = document.activeElement;
  return focused === text ? text.value !== "" : part("ending").contains(focused);
}

/** Whether what is new is shown at once: not to who reads up there, and where there is little room not to who is busy below. */
function follows() {
  return following && !(isTight() && isBusyBelow());
}

/** Shows the whole last turn, and as much as there is room for of what stands below it. */
function showLast() {
  following = true;
  part("newer").hidden = true;
  const last = part("turns").lastElementChild?.getBoundingClientRect();
  const { top, bottom } = sight();
  if (last) scroller().scrollTop += Math.max(last.top - top - EDGE, last.bottom - bottom + EDGE);
}

/** The bars stay in view where there is room; what has the focus is never under them. */
function fit() {
  if (left) return;
  const bars = ["bar", "foot", "ending"].reduce((height, id) => height + part(id).offsetHeight, 0);
  document.body.classList.toggle("tight", bars > innerHeight * MOST_BARS);
  document.documentElement.style.scrollPaddingTop = `${part("bar").offsetHeight + EDGE}px`;
  if (follows()) showLast();
  else if (following && isBusyBelow()) document.activeElement?.scrollIntoView({ block: "nearest" });
  room = scrollRoom();
}

function scrollRoom() {
  const { scrollHeight, clientHeight } = scroller();
  return scrollHeight - clientHeight;
}

/** @param {string} what is wrong with what was typed; nothing when it is right again */
function object(what) {
  part("text-error").textContent = what;
  text.setAttribute("aria-invalid", String(Boolean(what)));
  if (what) text.focus();
}

/** @param {Event} event */
function submit(event) {
  event.preventDefault();
  const parts = inParts(text.value.trim());
  if (!parts.length) return object(words.empty);
  if (parts.length > MOST_PARTS) return object(worded("tooLong", { count: LONGEST * MOST_PARTS }));
  object("");
  text.value = "";
  lastTyped = 0; // whoever goes on writing is seen to
  for (const said of parts) {
    const row = addTurn(part("turns"), { name: words.me, text: said, at: null, mine: true });
    outbox.add(newId(), said, row);
  }
  // what could not start the conversation before goes first
  if (!started && outbox.waiting.length > parts.length) outbox.flush();
  showLast();
}

/**
 * A long story goes in several messages, broken between words where that can be.
 *
 * @param {string} story
 * @returns {string[]}
 */
function inParts(story) {
  const pattern = new RegExp(`[^]{1,${LONGEST}}(?=\\s|$)|[^]{1,${LONGEST}}`, "gu");
  return (story.match(pattern) ?? []).map((said) => said.trim()).filter(Boolean);
}

/** Tells that the conversation is over by a request that outlives the page; it says nothing else, and nobody waits for it. */
function tellGone() {
  if (!talk || !(started || opener)) return;
  const headers = { "Content-Type": "application/json" };
  const said = { method: "POST", body: JSON.stringify(proof(talk)), headers, keepalive: true, credentials: /** @type {const} */ ("omit") };
  fetch("/chat/v1/leave", said).catch(() => undefined);
}

/** Leaves nothing in the page, tells the relay when there is a line, and goes; none of it waits for an answer. */
function leave() {
  if (left) return;
  left = true;
  part("gone").textContent = words.leaving;
  document.body.classList.add("leaving");
  if (started || opener) connection.send({ type: "end" });
  tellGone();
  leaveFor(page.exit ?? "about:blank");
  reset();
  connection.close();
  text.value = "";
  keep("");
  document.querySelector("main")?.remove();
  document.querySelector("header")?.remove();
}

/**
 * Asks to be sure: the question stands where its button was, and the focus goes along.
 *
 * @param {"end" | "take"} act
 * @param {boolean} asking
 */
function askSure(act, asking) {
  part(`${act}-sure`).hidden = !asking;
  part(act).hidden = asking;
  part(asking ? `${act}-no` : act).focus();
}

/**
 * Whether a click is not the second of a double one: what is under the finger by then was not there at the first.
 *
 * @param {MouseEvent} event
 */
function isMeant(event) {
  return event.detail < 2;
}

/** @param {string} act */
function hostSaid(act) {
  if (act === "leave") return leave();
  // the page around was loaded anew while the chat was open in it
  if (first && act === "hidden" && talk?.shown) tellHost({ chat: "open" });
  first = false;
  shown = act !== "hidden";
  read();
  if (started) remembered();
  const over = page.state === "ended" || (page.state === "closed" && part("turns").childElementCount > 0);
  if ((shown || started) && !over) connection.open();
  if (act === "focus") part("title").focus();
}

function read() {
  if (!shown || document.hidden || !unread) return;
  unread = 0;
  tellHost({ chat: "unread", count: 0 });
}

form.addEventListener("submit", submit);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !touch) submit(event);
});
text.addEventListener("input", () => {
  if (part("text-error").textContent) object("");
  if (page.state === "start" && !part("turns").childElementCount) part("languages").hidden = text.value !== ""; // another language would lose it
  if (!started || Date.now() - lastTyped < TYPING_EVERY) return;
  lastTyped = Date.now();
  connection.send({ type: "typing" });
});
for (const act of /** @type {const} */ (["end", "take"])) {
  part(act).addEventListener("click", (event) => isMeant(event) && askSure(act, true));
  part(`${act}-no`).addEventListener("click", () => askSure(act, false));
}
part("end-yes").addEventListener("click", (event) => {
  if (!isMeant(event)) return;
  part("end-sure").hidden = true;
  ending = true;
  if (!connection.send({ type: "end" })) say(words.endLater);
  text.focus();
});
part("take-yes").addEventListener("click", (event) => {
  if (!isMeant(event)) return;
  hand(asText(part("turns"), words.sent));
  askSure("take", false);
  say(words.savedAs);
});
part("again").addEventListener("click", () => location.reload());
part("newer").addEventListener("click", () => {
  showLast();
  (follows() ? text : part("scroll")).focus({ preventScroll: true });
});
document.addEventListener(
  "scroll",
  () => {
    if (scrollRoom() !== room) return fit(); // the page grew or shrank: nobody scrolled
    following = isAtEnd();
    if (following && part("turns").getBoundingClientRect().bottom > sight().top) part("newer").hidden = true;
  },
  { capture: true, passive: true },
);
const grown = new ResizeObserver(fit);
for (const id of ["log", "notice", "about", "help", "foot", "ending"]) grown.observe(part(id));
// somebody who reads up there stays there
for (const id of ["about", "help"]) part(id).addEventListener("click", () => (following = false));
addEventListener("resize", fit);
part("minimise").addEventListener("click", () => tellHost({ chat: "close" }));
part("languages").addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("a");
  if (!link) return;
  event.preventDefault();
  location.replace(link.href); // no step in the history of the site
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  for (const act of /** @type {const} */ (["end", "take"])) if (!part(`${act}-sure`).hidden) return askSure(act, false);
  tellHost({ chat: "close" });
});
document.addEventListener("visibilitychange", read);
watchExit({
  button: part("exit"),
  status: part("exit-status"),
  countdown: (left) => words[`exitCount${3 - left}`],
  leave,
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// what cannot be remembered cannot be gone on with
addEventListener("pagehide", () => remembers || left || tellGone());

beforeOnward(unsent);
if (started) setState("connecting");
else if (page.state === "closed") showNotice(words.closedTitle, `${untilOpening(page.opens)} ${words.closedForm}`, "danger");
hearHost(page.exit ?? "", hostSaid);

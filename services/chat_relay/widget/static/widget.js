/** The visitor's side of the chat. */

import { Connection } from "./connection.js";
import { watchExit } from "./exit.js";
import { hearHost, leaveFor, tellHost } from "./host.js";
import { forget, recall, remember } from "./memory.js";
import { newId, Outbox } from "./outbox.js";
import { addTurn } from "./turns.js";

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const text = /** @type {HTMLTextAreaElement} */ (part("text"));
const form = /** @type {HTMLFormElement} */ (part("write"));
const page = document.body.dataset;
const language = document.documentElement.lang;
const touch = matchMedia("(pointer: coarse)").matches;
const TYPING_EVERY = 3000;

/** @type {Record<string, string>} */
const words = await (await fetch(`/static/chat/words/${language}.json`)).json();

/** @type {import("./memory.js").Talk | null} */
let talk = recall();
let started = talk !== null;
let knocked = false;
let asked = false;
let status = "";
let seen = -1;
let unread = 0;
let shown = false;
let lastTyped = 0;
let typingGone = 0;
let first = true;

const connection = new Connection("/chat/v1/visitor", {
  greet: () => (started && talk ? { type: "resume", ...proof(talk), after: seen } : { type: "hello" }),
  heard,
  line: (up) => say(up ? words.restored : words.lost),
});
const outbox = new Outbox(words, post);

/** @param {import("./memory.js").Talk} talk */
function proof({ conversation, token }) {
  return { conversation, token };
}

/** @param {import("./outbox.js").Letter} letter */
function post(letter) {
  if (started) return connection.send({ type: "say", message: letter.id, text: letter.text });
  const isFirst = outbox.waiting.length === 0 || outbox.waiting[0].id === letter.id;
  if (!talk || !isFirst) return false;
  keep();
  knocked = true;
  return connection.send({ type: "start", ...proof(talk), text: letter.text, language });
}

/** @param {import("./connection.js").Frame} frame */
function heard(frame) {
  switch (frame.type) {
    case "welcome":
      return welcomed(frame);
    case "closed":
      return closed(frame);
    case "state":
      return became(frame);
    case "turn":
      return turn(frame);
    case "sent":
      seen = Math.max(seen, frame.sequence);
      outbox.arrived(frame.message);
      return;
    case "failed":
      outbox.failed(frame.message, frame.retry);
      return say(words[frame.reason] ?? (frame.retry ? words.failed : words.refused));
    case "typing":
      return typing();
    case "error":
      return wrong(frame);
  }
}

/** @param {import("./connection.js").Frame} frame */
function welcomed(frame) {
  if (!outbox.waiting.length) talk = { conversation: frame.conversation, token: frame.token };
  setState("start");
  say(frame.staffed ? words.open : words.unstaffed);
  outbox.flush();
}

/** @param {import("./connection.js").Frame} frame */
function closed(frame) {
  // the first message may have been stored before the doors closed, with its answer lost: ask once
  if (knocked && !asked && outbox.waiting.length) {
    asked = true;
    return outbox.flush();
  }
  forget();
  talk = null;
  showClosed(frame.nextOpening);
}

/** @param {import("./connection.js").Frame} frame */
function became(frame) {
  started = true;
  if (frame.status === "ended") return ended();
  setState("talking");
  keep();
  if (frame.status !== status) {
    say(frame.status === "assigned" ? words.assigned.replace("{name}", frame.operator ?? "") : words.waiting);
  }
  status = frame.status;
  outbox.flush();
}

/** @param {import("./connection.js").Frame} frame */
function turn(frame) {
  seen = Math.max(seen, frame.sequence);
  const mine = frame.who === "visitor";
  if (mine && outbox.arrived(frame.message)) return;
  const reading = innerHeight + scrollY > document.documentElement.scrollHeight - 2 * form.offsetHeight;
  const row = addTurn(part("turns"), { name: mine ? words.me : words.operator, text: frame.text, at: frame.at, mine });
  if (mine) row.mark(words.sent);
  else part("typing").textContent = "";
  if (!mine && !shown) tellHost({ chat: "unread", count: (unread += 1) });
  if (reading) showLast();
}

function typing() {
  part("typing").textContent = words.typing;
  clearTimeout(typingGone);
  typingGone = setTimeout(() => (part("typing").textContent = ""), 6000);
}

/** @param {import("./connection.js").Frame} frame */
function wrong(frame) {
  if (frame.message) {
    outbox.failed(frame.message, true);
    return say(words[frame.code] ?? words.failed);
  }
  if (frame.code === "unknown" || frame.code === "forbidden") {
    reset();
    setState("connecting");
    return connection.send({ type: "hello" });
  }
  if (frame.code === "unavailable") return connection.renew();
}

function keep() {
  if (talk) remember({ ...talk, shown });
}

function reset() {
  forget();
  talk = null;
  started = knocked = asked = false;
  seen = -1;
  status = "";
}

function ended() {
  reset();
  connection.close();
  setState("ended");
  say(words.ended);
  for (const letter of outbox.waiting) outbox.failed(letter.id, false);
}

/** @param {string | undefined} opens */
function showClosed(opens) {
  const unsent = [...outbox.waiting.map((letter) => letter.text), text.value].filter((said) => said.trim());
  for (const letter of outbox.waiting) outbox.failed(letter.id, false);
  part("closed-until").textContent = opens ? words.closedUntil.replace("{when}", inWords(opens)) : words.closedNow;
  part("kept").hidden = !unsent.length;
  /** @type {HTMLTextAreaElement} */ (part("kept-text")).value = unsent.join("\n\n");
  /** @type {HTMLDetailsElement} */ (part("help")).open = true;
  connection.close();
  setState("closed");
  say(words.closedTitle);
}

/** @param {string} moment */
function inWords(moment) {
  const form = new Intl.DateTimeFormat(`${language}-BE`, {
    weekday: "long",
    day: "numeric",
    month: "long",
    hour: "2-digit",
    minute: "2-digit",
    timeZone: "Europe/Brussels",
  });
  return form.format(new Date(moment));
}

/** @param {string} state */
function setState(state) {
  page.state = state;
  const writing = form.contains(document.activeElement) || part("sure").contains(document.activeElement);
  part("closed").hidden = state !== "closed";
  form.hidden = state !== "start" && state !== "talking";
  part("end").hidden = state !== "talking";
  part("again").hidden = state !== "ended";
  if (state !== "talking") part("sure").hidden = true;
  if (state === "talking" || state === "closed") /** @type {HTMLDetailsElement} */ (part("about")).open = false;
  if (writing && form.hidden) part(state === "ended" ? "again" : "title").focus();
}

/** @param {string} what */
function say(what) {
  if (part("status").textContent !== what) part("status").textContent = what;
}

function showLast() {
  part("end").scrollIntoView({ block: "end" });
}

/** @param {Event} event */
function submit(event) {
  event.preventDefault();
  const said = text.value;
  if (!said.trim()) return text.focus();
  const id = started || outbox.waiting.length ? newId() : (talk?.conversation ?? newId());
  const row = addTurn(part("turns"), { name: words.me, text: said, at: null, mine: true });
  text.value = "";
  outbox.add(id, said, row);
  showLast();
}

function leave() {
  part("gone").textContent = words.leaving;
  document.body.classList.add("leaving");
  if (started) connection.send({ type: "end" });
  reset();
  connection.close();
  leaveFor(page.exit ?? "about:blank");
}

/** @param {boolean} asking */
function askSure(asking) {
  part("sure").hidden = !asking;
  part("end").hidden = asking;
  part(asking ? "end-no" : "end").focus();
}

form.addEventListener("submit", submit);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !touch) submit(event);
});
text.addEventListener("input", () => {
  if (!started || Date.now() - lastTyped < TYPING_EVERY) return;
  lastTyped = Date.now();
  connection.send({ type: "typing" });
});
part("end").addEventListener("click", () => askSure(true));
part("end-no").addEventListener("click", () => askSure(false));
part("end-yes").addEventListener("click", () => {
  part("sure").hidden = true;
  connection.send({ type: "end" });
  text.focus();
});
part("again").addEventListener("click", () => location.reload());
part("copy").addEventListener("click", () => {
  /** @type {HTMLTextAreaElement} */ (part("kept-text")).select();
  // the newer clipboard interface is closed to frames of another site
  if (document.execCommand("copy")) say(words.copied);
});
part("minimise").addEventListener("click", () => tellHost({ chat: "close" }));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) tellHost({ chat: "close" });
});
watchExit({
  button: part("exit"),
  status: part("exit-status"),
  countdown: (left) => words[`exitCount${3 - left}`],
  leave,
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

hearHost((act) => {
  if (act === "leave") return leave();
  // the page around was loaded anew while the chat was open in it
  if (first && act === "hidden" && talk?.shown) tellHost({ chat: "open" });
  first = false;
  shown = act !== "hidden";
  if (shown) unread = 0;
  if (started) keep();
  if (shown && page.state === "closed" && !started) showClosed(page.opens);
  else if (shown || started) connection.open();
  if (act === "focus") part("title").focus();
});

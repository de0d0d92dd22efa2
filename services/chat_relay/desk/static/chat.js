/** The operators' chat: the waiting list, and the conversations this operator took. */

import { Connection } from "/static/chat/connection.js";
import { Alerts } from "./alerts.js";
import { LANGUAGES, readAnswers } from "./answers.js";
import { Closing, Handing, inWords, Noting, talks as inTalks } from "./dialogs.js";
import { listen } from "./keys.js";
import { recalled, remember } from "./preferences.js";
import { rows } from "./rows.js";
import { Talk } from "./talk.js";

/** @typedef {import("/static/chat/connection.js").Frame} Frame */

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Record<string, string>} */
const BACK = { givenBack: "teruggegeven door een collega", vanished: "collega weggevallen" };
/** @type {Record<string, string>} */
const REASONS = {
  taken: "Dat gesprek is al bij een collega.",
  gone: "Dat gesprek bestaat niet meer.",
  absent: "Die collega is er niet meer.",
};

/** @type {Map<string, Talk>} */
const talks = new Map();
/** @type {Frame[]} */
let queue = [];
/** @type {Frame[]} */
let colleagues = [];
/** @type {import("./answers.js").Answers} */
let answers = {};
/** @type {Set<string>} */
let heardOf = new Set();
let clockAhead = 0;
let shown = "";
/** how present the operator is; a tab that does not know takes over what holds for their other tabs */
let availability = recalled("availability", "");

/** @type {import("./dialogs.js").Send} */
const send = (frame) => connection.send(frame);
const alerts = new Alerts(/** @type {HTMLInputElement} */ (part("sound")), /** @type {HTMLInputElement} */ (part("notify")));
const closing = new Closing("closing", send);
const handing = new Handing("handing", send);
const noting = new Noting("noting", (conversation, text) => talks.get(conversation)?.note(text));
const switches = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[name=availability]"));

const connection = new Connection("/chat/v1/operator", {
  greet: () => (availability ? { type: "attend", availability } : null),
  heard,
  line: (up) => say(up ? "De verbinding is er weer." : "De verbinding is weg. Wij proberen opnieuw; wat je schreef blijft staan."),
  before: renewSession,
});

/** The token in the cookie may be too old for a WebSocket handshake, which cannot renew it: ask for a fresh one first. */
async function renewSession() {
  const answer = await fetch("/chat/v1/operator/session", { headers: { accept: "application/json" } });
  if (answer.status === 401) {
    part("expired").hidden = false;
    say("Je bent niet meer aangemeld.");
    return false;
  }
  return answer.ok;
}

/** @param {Frame} frame */
function heard(frame) {
  switch (frame.type) {
    case "desk":
      return welcomed(frame);
    case "queue":
      return listed(frame.conversations);
    case "colleagues":
      return met(frame);
    case "suggestion":
      return closing.suggested(frame);
    case "expired":
      for (const talk of talks.values()) talk.live = false;
      return;
    case "failed":
      if (!frame.message) return refused(frame);
      break;
    case "error":
      for (const talk of talks.values()) if (frame.message) talk.failed(frame.message, true);
      return;
  }
  if (frame.type === "state" && frame.mine === false) return passedOn(frame);
  const talk = talks.get(frame.conversation) ?? (frame.type === "presence" || frame.type === "typing" ? null : begin(frame.conversation));
  talk?.heard(frame);
  if (frame.type === "state" && frame.status === "ended" && talk) ended(talk);
  if (frame.type === "turn" && frame.who === "visitor" && talk?.unread && (document.hidden || talk.panel.hidden)) alerts.tell("message");
  if (frame.type === "turn" || frame.type === "state") draw();
}

/** @param {Talk} talk */
function ended(talk) {
  for (const dialog of [closing, handing, noting]) if (dialog.isFor(talk.conversation)) dialog.close();
  say(`Gesprek ${talk.reference} is afgelopen.`);
  const focused = document.activeElement;
  if (talk.conversation === shown && (focused === document.body || !focused?.checkVisibility())) talk.title.focus();
}

/** @param {Frame} frame */
function welcomed(frame) {
  clockAhead = Date.parse(frame.now) - Date.now();
  say("Je bent verbonden.");
  for (const talk of talks.values()) {
    talk.live = false;
    if (!talk.isOver) connection.send({ type: "open", conversation: talk.conversation, after: talk.seen });
  }
}

/** @param {Frame[]} conversations */
function listed(conversations) {
  queue = conversations;
  const waiting = new Set(conversations.filter((entry) => entry.status === "waiting").map((entry) => entry.conversation));
  if ([...waiting].some((conversation) => !heardOf.has(conversation))) alerts.tell("waiting");
  heardOf = waiting;
  for (const entry of conversations) {
    const held = talks.get(entry.conversation);
    if (entry.mine && held?.isOver && !held.ended) drop(entry.conversation); // it came back: it is shown anew
    if (entry.mine && !talks.has(entry.conversation)) {
      begin(entry.conversation);
      send({ type: "open", conversation: entry.conversation, after: -1 });
      if (entry.because === "handedOver") say(`Een collega gaf je gesprek ${entry.reference} door.`);
    }
  }
  for (const talk of talks.values()) {
    const entry = conversations.find((found) => found.conversation === talk.conversation);
    if (entry && !entry.mine && talk.live) letGo(talk, whereTo(entry));
  }
  draw();
}

/** @param {Frame} frame */
function met(frame) {
  colleagues = frame.present;
  if (!availability) send({ type: "attend", availability: frame.availability });
  availability = frame.availability;
  remember("availability", availability);
  for (const one of switches) one.checked = one.value === availability;
  handing.show(colleagues);
  draw();
}

/** @param {Frame} frame */
function passedOn(frame) {
  if (handing.isFor(frame.conversation)) handing.close();
  if (closing.isFor(frame.conversation)) closing.close();
  const talk = talks.get(frame.conversation);
  if (talk) letGo(talk, whereTo(frame));
}

/** @param {Frame} frame */
function whereTo(frame) {
  if (frame.operator) return `ging naar ${frame.operator}.`;
  return frame.because === "vanished" ? "ging terug naar de wachtrij: je verbinding was weg." : "ging terug naar de wachtrij.";
}

/**
 * @param {Talk} talk
 * @param {string} where
 */
function letGo(talk, where) {
  const what = `Gesprek ${talk.reference} ${where}`;
  say(what);
  if (talk.unsent) talk.over(what);
  else drop(talk.conversation);
  draw();
}

/** @param {Frame} frame */
function refused(frame) {
  const what = REASONS[frame.reason] ?? "Dat is nu niet gelukt. Probeer opnieuw.";
  const open = [closing, handing].find((dialog) => dialog.isFor(frame.conversation));
  if (open) return open.wrong(what);
  say(what);
  const talk = talks.get(frame.conversation);
  if (talk && frame.reason === "taken") letGo(talk, talk.seen < 0 ? "is al bij een collega." : "is niet meer bij jou.");
  if (talk && frame.reason === "gone") letGo(talk, "bestaat niet meer.");
  return draw();
}

/** @param {string} conversation */
function begin(conversation) {
  const entry = queue.find((found) => found.conversation === conversation);
  const talk = new Talk(conversation, entry?.reference ?? "", send, {
    close: (which) => closing.open(which),
    handOver: (which) => handing.open(which),
    note: (which) => noting.open(which),
    away: drop,
  });
  talk.offer(answers, entry?.language ?? "nl");
  talks.set(conversation, talk);
  part("talks").append(talk.panel);
  if (!talks.has(shown)) shown = conversation;
  draw();
  return talk;
}

/** @param {string} conversation */
function drop(conversation) {
  const talk = talks.get(conversation);
  const focused = talk?.panel.contains(document.activeElement);
  talk?.panel.remove();
  talks.delete(conversation);
  if (shown === conversation) shown = talks.keys().next().value ?? "";
  draw();
  if (focused) (talks.get(shown)?.title ?? part("waiting-title")).focus();
}

/** @param {string} conversation */
function take(conversation) {
  if (!connection.send({ type: "take", conversation })) return say("Er is geen verbinding. Probeer het zo meteen opnieuw.");
  shown = conversation;
  const talk = talks.get(conversation) ?? begin(conversation);
  draw();
  talk.title.focus();
}

/** @param {string} conversation */
function show(conversation) {
  shown = conversation;
  draw();
  talks.get(conversation)?.text.focus();
}

function draw() {
  const waiting = inQueue();
  const others = queue.filter((entry) => entry.status === "assigned" && !entry.mine);
  part("waiting-count").textContent = String(waiting.length);
  part("nobody").hidden = waiting.length > 0;
  part("none").hidden = talks.size > 0;
  part("alone").hidden = colleagues.length > 0;
  rows(part("waiting"), waiting.map((entry) => ({
    key: entry.conversation,
    label: entry.reference,
    note: waits(entry),
    action: "Neem aan",
    act: () => take(entry.conversation),
  })));
  rows(part("colleagues"), colleagues.map(({ operator, name, availability, conversations }) => ({
    key: operator,
    label: name,
    note: `${inWords(availability)}, ${inTalks(conversations)}`,
  })));
  rows(part("others"), others.map((entry) => ({ key: entry.conversation, label: entry.reference, note: `bij ${entry.operator ?? ""}` })));
  part("others").hidden = others.length === 0;
  for (const talk of talks.values()) {
    talk.show(talk.conversation === shown);
    if (!talk.panel.hidden && !document.hidden) talk.isRead();
  }
  rows(part("mine"), [...talks.values()].map((talk) => ({
    key: talk.conversation,
    label: talk.title.textContent ?? "",
    note: talk.ended ? "afgelopen" : talk.unread ? `${talk.unread} ongelezen` : "",
    action: "Toon",
    current: talk.conversation === shown,
    act: () => show(talk.conversation),
  })));
  const unread = [...talks.values()].reduce((sum, talk) => sum + talk.unread, 0) + waiting.length;
  document.title = unread ? `(${unread}) Chat` : "Chat";
}

function inQueue() {
  return queue.filter((entry) => entry.status === "waiting" && !talks.get(entry.conversation)?.live);
}

/** @param {Frame} entry */
function waits(entry) {
  const facts = [`wacht ${since(entry.waitingSince)}`];
  if (entry.language) facts.push(LANGUAGES[entry.language] ?? entry.language);
  if (entry.because in BACK) facts.push(BACK[entry.because]);
  if (!entry.here) facts.push("nu niet verbonden");
  return facts.join(", ");
}

/** @param {string} moment */
function since(moment) {
  const minutes = Math.max(0, Math.floor((Date.now() + clockAhead - Date.parse(moment)) / 60000));
  if (minutes < 1) return "minder dan 1 minuut";
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} u ${minutes % 60} min`;
}

/** @param {string} what */
function say(what) {
  part("status").textContent = what;
}

/** @param {number} step */
function move(step) {
  const all = [...talks.keys()];
  if (all.length) show(all[(all.indexOf(shown) + step + all.length) % all.length]);
}

/** @param {(talk: Talk) => void} act */
const inShown = (act) => () => {
  const talk = talks.get(shown);
  if (talk && !talk.isOver) act(talk);
};

listen(/** @type {HTMLInputElement} */ (part("keys-on")), {
  n: () => {
    const [first] = inQueue();
    if (first) take(first.conversation);
    else say("Er wacht niemand.");
  },
  v: () => move(1),
  g: () => move(-1),
  o: () => {
    const unread = [...talks.values()].find((talk) => talk.unread);
    if (unread) show(unread.conversation);
    else say("Er zijn geen ongelezen berichten.");
  },
  r: inShown((talk) => talk.text.focus()),
  k: inShown((talk) => talk.answers.focus()),
  d: inShown((talk) => handing.open(talk.conversation)),
  t: inShown((talk) => noting.open(talk.conversation)),
  s: inShown((talk) => closing.open(talk.conversation)),
  h: showKeys,
});

function showKeys() {
  /** @type {HTMLDialogElement} */ (part("keys")).showModal();
}

part("show-keys").addEventListener("click", showKeys);
for (const one of switches) {
  one.addEventListener("change", () => {
    availability = one.value;
    remember("availability", availability);
    if (!send({ type: "attend", availability })) say("Er is geen verbinding. Wij proberen opnieuw.");
  });
}
document.addEventListener("visibilitychange", draw);
setInterval(draw, 15000);
readAnswers().then((found) => {
  answers = found;
  for (const talk of talks.values()) talk.offer(answers, queue.find((entry) => entry.conversation === talk.conversation)?.language ?? "nl");
});
connection.open();

/** The operators' chat: the waiting list, and the conversations this operator took. */

import { Connection } from "/static/chat/connection.js";
import { Talk } from "./talk.js";

/** @typedef {import("/static/chat/connection.js").Frame} Frame */

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Record<string, string>} */
const LANGUAGES = { nl: "Nederlands", fr: "Frans", en: "Engels", de: "Duits" };

/** @type {Map<string, Talk>} */
const talks = new Map();
/** @type {Frame[]} */
let queue = [];
let clockAhead = 0;
let shown = "";

const connection = new Connection("/chat/v1/operator", {
  greet: () => null,
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
    case "expired":
      for (const talk of talks.values()) talk.live = false;
      return;
    case "failed":
      if (!frame.message) return refused(frame);
      break;
    case "error":
      for (const talk of talks.values()) if (frame.message) talk.outbox.failed(frame.message, true);
      return;
  }
  const talk = talks.get(frame.conversation) ?? (frame.type === "presence" || frame.type === "typing" ? null : begin(frame.conversation));
  talk?.heard(frame);
  if (frame.type === "turn" || frame.type === "state") draw();
}

/** @param {Frame} frame */
function welcomed(frame) {
  clockAhead = Date.parse(frame.now) - Date.now();
  say("Je bent verbonden.");
  for (const talk of talks.values()) {
    talk.live = false;
    connection.send({ type: "open", conversation: talk.conversation, after: talk.seen });
  }
}

/** @param {Frame[]} conversations */
function listed(conversations) {
  queue = conversations;
  for (const entry of conversations) {
    if (entry.mine && !talks.has(entry.conversation)) {
      begin(entry.conversation);
      connection.send({ type: "open", conversation: entry.conversation, after: -1 });
    }
  }
  for (const talk of talks.values()) {
    const entry = conversations.find((found) => found.conversation === talk.conversation);
    if (entry ? !entry.mine && talk.live : false) drop(talk.conversation);
  }
  draw();
}

/** @param {Frame} frame */
function refused(frame) {
  /** @type {Record<string, string>} */
  const reasons = { taken: "Dat gesprek is al bij een collega.", gone: "Dat gesprek bestaat niet meer." };
  say(reasons[frame.reason] ?? "Dat is nu niet gelukt. Probeer opnieuw.");
  if (talks.has(frame.conversation) && frame.reason in reasons) drop(frame.conversation);
  draw();
}

/** @param {string} conversation */
function begin(conversation) {
  const reference = queue.find((entry) => entry.conversation === conversation)?.reference ?? "";
  const talk = new Talk(conversation, reference, (frame) => connection.send(frame), () => drop(conversation));
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
  const waiting = queue.filter((entry) => entry.status === "waiting" && !talks.get(entry.conversation)?.live);
  const others = queue.filter((entry) => entry.status === "assigned" && !entry.mine);
  part("waiting-count").textContent = String(waiting.length);
  part("nobody").hidden = waiting.length > 0;
  part("none").hidden = talks.size > 0;
  rows(part("waiting"), waiting.map((entry) => ({
    key: entry.conversation,
    label: entry.reference,
    note: `wacht ${since(entry.startedAt)}${entry.language ? `, ${LANGUAGES[entry.language] ?? entry.language}` : ""}`,
    action: "Neem aan",
    act: () => take(entry.conversation),
  })));
  rows(part("others"), others.map((entry) => ({ key: entry.conversation, label: entry.reference, note: entry.operator ?? "" })));
  for (const talk of talks.values()) {
    talk.panel.hidden = talk.conversation !== shown;
    if (!talk.panel.hidden) talk.unread = 0;
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

/**
 * Brings a list up to date in place: a row that stays keeps its button, and so the focus.
 *
 * @param {HTMLElement} list
 * @param {{key: string, label: string, note: string, action?: string, current?: boolean, act?: () => void}[]} wanted
 */
function rows(list, wanted) {
  const old = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.key, item]));
  for (const [place, row] of wanted.entries()) {
    const item = old.get(row.key) ?? makeRow(row);
    old.delete(row.key);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    const [label, note, button] = item.children;
    if (label.textContent !== row.label) label.textContent = row.label;
    if (note.textContent !== row.note) note.textContent = row.note;
    if (row.current) button?.setAttribute("aria-current", "true");
    else button?.removeAttribute("aria-current");
  }
  for (const item of old.values()) item.remove();
}

/** @param {{key: string, label: string, action?: string, act?: () => void}} row */
function makeRow(row) {
  const item = document.createElement("li");
  item.dataset.key = row.key;
  const label = document.createElement("strong");
  label.id = `row-${row.key}-${row.action ?? ""}`;
  item.append(label, document.createElement("span"));
  if (row.act) {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `act-${row.key}-${row.action}`;
    button.className = "button small";
    button.textContent = row.action ?? "";
    button.setAttribute("aria-labelledby", `${button.id} ${label.id}`);
    button.addEventListener("click", row.act);
    item.append(button);
  }
  return item;
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

setInterval(draw, 15000);
connection.open();

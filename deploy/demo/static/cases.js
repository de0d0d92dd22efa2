/**
 * The demo case service's page: asks for the board and draws it, again at each change.
 * What people wrote is only ever set as text.
 *
 * @typedef {{id: string, reference: string | null, version: number, status: string | null, channel: string,
 *   nature: string, kind: string, sector: string | null, open: boolean, reason: string | null,
 *   holiday: string | null, receivedAt: string, erased: boolean, subject: string | null, text: string | null,
 *   signals: string, events: number}} Case
 * @typedef {{total: number, channels: Record<string, number>, cases: Case[]}} Board
 */

const REASONS = { closure: "sluitingsdag", holiday: "feestdag", weekend: "weekend", outsideHours: "buiten de uren" };
const NATURES = { person: "persoon", machine: "automatisch bericht", spam: "spam", nonContact: "geen contact" };
const SIGNALS = { danger: "gevaar" };
const POLL_MS = 5000;

const moment = new Intl.DateTimeFormat("nl-BE", { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Brussels" });

/** @type {Map<string, {key: string, element: HTMLElement}>} */
const drawn = new Map();
let before = -1;
let asking = false;
let again = false;

/** @param {string} id @returns {HTMLElement} */
function part(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {string} name
 * @param {string} className
 * @param {(Node | string)[]} inside
 */
function element(name, className, ...inside) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...inside);
  return made;
}

/** @param {Record<string, string>} words @param {string} value */
function word(words, value) {
  return words[value] ?? value;
}

/** @param {Case} found */
function hours(found) {
  if (found.open) return element("li", "tag open", "open");
  const reason = word(REASONS, found.reason ?? "");
  return element("li", "tag closed", `gesloten: ${reason}${found.holiday ? ` (${found.holiday})` : ""}`);
}

/** @param {Case} found */
function tags(found) {
  const list = element("ul", "tags", element("li", `tag ${found.kind}`, found.kind), element("li", "tag", found.channel));
  list.append(hours(found), element("li", "tag", found.sector ?? "sector onbekend"));
  list.append(element("li", "tag", word(NATURES, found.nature)));
  for (const signal of JSON.parse(found.signals)) list.append(element("li", "tag urgent", word(SIGNALS, signal)));
  return list;
}

/** @param {Case} found */
function card(found) {
  const received = element("time", "", moment.format(new Date(found.receivedAt)));
  received.setAttribute("datetime", found.receivedAt);
  const title = element("h2", "", found.reference ?? "Gewist");
  const made = element("li", `case ${found.kind}`, element("div", "head", title, received), tags(found));
  if (found.erased) made.append(element("p", "text", "De inhoud van dit dossier is gewist."));
  if (found.subject) made.append(element("p", "subject", found.subject));
  if (found.text) made.append(element("p", "text", found.text));
  const count = found.events === 1 ? "1 gebeurtenis" : `${found.events} gebeurtenissen`;
  made.append(element("p", "meta", `${count} · versie ${found.version}${found.status === "completed" ? " · afgerond" : ""}`));
  return made;
}

/** @param {Board} board */
function drawCounters(board) {
  const total = element("div", "total", element("dt", "", "totaal"), element("dd", "", String(board.total)));
  const channels = Object.entries(board.channels).map(([channel, count]) =>
    element("div", "", element("dt", "", channel), element("dd", "", String(count))));
  part("counters").replaceChildren(total, ...channels);
}

/** @param {Board} board */
function drawCases(board) {
  const cards = board.cases.map((found) => {
    const key = JSON.stringify(found);
    const known = drawn.get(found.id);
    if (known?.key === key) return known.element;
    const made = card(found);
    if (before >= 0) made.classList.add("fresh");
    drawn.set(found.id, { key, element: made });
    return made;
  });
  const list = part("cases");
  const same = list.children.length === cards.length && cards.every((made, at) => list.children[at] === made);
  if (!same) list.replaceChildren(...cards);
  part("empty").hidden = board.total > 0;
}

/** @param {Board} board */
function draw(board) {
  drawCounters(board);
  drawCases(board);
  if (before >= 0 && board.total > before) {
    const more = board.total - before;
    part("news").textContent = more === 1 ? "1 nieuw dossier." : `${more} nieuwe dossiers.`;
  } else if (board.total > board.cases.length) {
    part("news").textContent = `De laatste ${board.cases.length} dossiers.`;
  }
  before = board.total;
}

/** Asks for the board; changes that come while it is being read ask for it once more. */
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch("/board");
    if (!answer.ok) throw new Error(`the board answered ${answer.status}`);
    draw(await answer.json());
  } catch {
    say("Geen verbinding. De pagina probeert het opnieuw.", false);
  } finally {
    asking = false;
  }
  if (again) {
    again = false;
    setTimeout(refresh, 150);
  }
}

/** @param {string} words @param {boolean} live */
function say(words, live) {
  const link = part("link");
  if (link.textContent !== words) link.textContent = words;
  link.classList.toggle("live", live);
}

/** @returns {EventSource} */
function listen() {
  const opened = new EventSource("/live");
  opened.addEventListener("open", () => say("Live: nieuwe dossiers verschijnen vanzelf", true));
  opened.addEventListener("changed", refresh);
  opened.addEventListener("error", () => say("Verbinding verbroken. De pagina vraagt geregeld naar nieuws.", false));
  return opened;
}

let stream = listen();
refresh();
setInterval(() => {
  if (stream.readyState === EventSource.OPEN) return;
  refresh();
  if (stream.readyState === EventSource.CLOSED) stream = listen();
}, POLL_MS);

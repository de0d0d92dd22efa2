/** One conversation on the operator's screen: its log, the answer being written, and its end. */

import { newId, Outbox } from "/static/chat/outbox.js";
import { addTurn } from "/static/chat/turns.js";

/** @typedef {import("/static/chat/connection.js").Frame} Frame */

export const WORDS = {
  sending: "Wordt verzonden",
  sent: "Verzonden",
  notSent: "Niet verzonden",
  retry: "Probeer opnieuw",
};
/** @type {Record<string, string>} */
const NAMES = { visitor: "Bezoeker", operator: "Medewerker", note: "Notitie" };
const TYPING_EVERY = 3000;

export class Talk {
  seen = -1;
  unread = 0;
  ended = false;
  /** whether the relay answered `open` on the present connection */
  live = false;
  #typed = 0;
  #typingGone = 0;

  /**
   * @param {string} conversation
   * @param {string} reference
   * @param {(frame: Frame) => boolean} send
   * @param {() => void} away takes the panel off the screen
   */
  constructor(conversation, reference, send, away) {
    this.conversation = conversation;
    this.send = send;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("talk"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.panel = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.title = this.part("h2");
    this.title.textContent = `Gesprek ${reference}`;
    this.title.id = `title-${conversation}`;
    this.panel.setAttribute("aria-labelledby", this.title.id);
    this.part(".log").setAttribute("aria-labelledby", this.title.id);
    this.text = /** @type {HTMLTextAreaElement} */ (this.part("textarea"));
    this.text.id = `text-${conversation}`;
    /** @type {HTMLLabelElement} */ (this.part("label")).htmlFor = this.text.id;
    this.outbox = new Outbox(WORDS, ({ id, text }) => this.live && send({ type: "say", conversation, message: id, text }));
    this.part("form").addEventListener("submit", (event) => this.#submit(event));
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
    });
    this.text.addEventListener("input", () => this.#tellTyping());
    for (const button of this.panel.querySelectorAll("[data-end]")) {
      const kind = button.getAttribute("data-end");
      button.addEventListener("click", () => send({ type: "end", conversation, ...(kind ? { kind } : {}) }));
    }
    this.part("[data-release]").addEventListener("click", () => send({ type: "release", conversation }));
    this.part("[data-away]").addEventListener("click", away);
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(selector));
  }

  /** @param {Frame} frame */
  heard(frame) {
    if (frame.type === "turn") this.#turn(frame);
    else if (frame.type === "sent") this.#sent(frame);
    else if (frame.type === "failed") this.outbox.failed(frame.message, frame.retry);
    else if (frame.type === "typing") this.#typing();
    else if (frame.type === "presence") this.part(".presence").textContent = frame.here ? "Bezoeker is verbonden" : "Bezoeker is niet verbonden";
    else if (frame.type === "state") this.#state(frame);
  }

  /** @param {Frame} frame */
  #turn(frame) {
    this.seen = Math.max(this.seen, frame.sequence);
    const mine = frame.who !== "visitor";
    if (mine && this.outbox.arrived(frame.message)) return;
    const row = addTurn(this.part("ol"), { name: NAMES[frame.who], text: frame.text, at: frame.at, mine, kind: frame.who });
    if (mine) row.mark(WORDS.sent);
    else this.part(".typing").textContent = "";
    if (!mine && this.panel.hidden) this.unread += 1;
    this.#showLast();
  }

  /** @param {Frame} frame */
  #sent(frame) {
    this.seen = Math.max(this.seen, frame.sequence);
    this.outbox.arrived(frame.message);
  }

  /** @param {Frame} frame */
  #state(frame) {
    this.live = true;
    this.ended = frame.status === "ended";
    this.part("form").hidden = this.part(".closing").hidden = this.ended;
    this.part(".over").hidden = !this.ended;
    if (this.ended) for (const letter of this.outbox.waiting) this.outbox.failed(letter.id, false);
    else this.outbox.flush();
  }

  #typing() {
    this.part(".typing").textContent = "De bezoeker is aan het typen.";
    clearTimeout(this.#typingGone);
    this.#typingGone = setTimeout(() => (this.part(".typing").textContent = ""), 6000);
  }

  #tellTyping() {
    if (Date.now() - this.#typed < TYPING_EVERY) return;
    this.#typed = Date.now();
    this.send({ type: "typing", conversation: this.conversation });
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const text = this.text.value;
    if (!text.trim()) return;
    const row = addTurn(this.part("ol"), { name: NAMES.operator, text, at: null, mine: true, kind: "operator" });
    this.text.value = "";
    this.outbox.add(newId(), text, row);
    this.#showLast();
  }

  #showLast() {
    const log = this.part(".log");
    log.scrollTop = log.scrollHeight;
  }
}

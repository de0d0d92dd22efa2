/** One conversation on the operator's screen: its log, the answer being written, and its end. */

import { newId, Outbox } from "/static/chat/outbox.js";
import { addTurn } from "/static/chat/turns.js";
import { offer } from "./answers.js";
import { recalled, remember } from "./preferences.js";

/** @typedef {import("/static/chat/connection.js").Frame} Frame */
/** @typedef {import("./answers.js").Answers} Answers */
/**
 * @typedef {object} TalkActions
 * @property {(conversation: string) => void} close
 * @property {(conversation: string) => void} handOver
 * @property {(conversation: string) => void} note
 * @property {(conversation: string) => void} away takes the panel off the screen
 */

export const WORDS = {
  sending: "Wordt verzonden",
  sent: "Verzonden",
  notSent: "Niet verzonden",
  retry: "Probeer opnieuw",
};
/** What becomes of a note: nobody may think that it goes to the visitor. */
const NOTE_WORDS = { sending: "Wordt bewaard", sent: "Bewaard", notSent: "Niet bewaard", retry: "Probeer opnieuw" };
/** @type {Record<string, string>} */
const NAMES = { visitor: "Bezoeker", operator: "Medewerker", note: "Notitie" };
const TYPING_EVERY = 3000;
const NEARLY = 80;

export class Talk {
  seen = -1;
  unread = 0;
  ended = false;
  /** whether nothing can be said here any more: it ended, or somebody else has it and this shows what was not sent */
  isOver = false;
  /** whether the relay answered `open` on the present connection */
  live = false;
  #read = -1;
  #typed = 0;
  #typingGone = 0;

  /**
   * @param {string} conversation
   * @param {string} reference
   * @param {(frame: Frame) => boolean} send
   * @param {TalkActions} acts
   */
  constructor(conversation, reference, send, acts) {
    this.conversation = conversation;
    this.reference = reference;
    this.send = send;
    this.#read = recalled("read", /** @type {Record<string, number>} */ ({}))[conversation] ?? -1;
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
    this.notes = new Outbox(NOTE_WORDS, ({ id, text }) => this.live && send({ type: "note", conversation, message: id, text }));
    this.answers = /** @type {HTMLSelectElement} */ (this.part(".ready select"));
    this.answers.id = `answers-${conversation}`;
    /** @type {HTMLLabelElement} */ (this.part(".ready label")).htmlFor = this.answers.id;
    this.part("form").addEventListener("submit", (event) => this.#submit(event));
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
    });
    this.text.addEventListener("input", () => this.#tellTyping());
    this.text.addEventListener("blur", () => setTimeout(() => this.#putAway()));
    // a button to try again makes the last turn higher
    new ResizeObserver(() => this.#isNearEnd && this.#showLast()).observe(this.part("ol"));
    this.part("[data-release]").addEventListener("click", () => send({ type: "release", conversation }));
    this.part("[data-hand-over]").addEventListener("click", () => acts.handOver(conversation));
    this.part("[data-note]").addEventListener("click", () => acts.note(conversation));
    this.part("[data-close]").addEventListener("click", () => acts.close(conversation));
    this.part("[data-away]").addEventListener("click", () => acts.away(conversation));
  }

  /**
   * @param {Answers} answers
   * @param {string} language
   */
  offer(answers, language) {
    offer(this.answers, /** @type {HTMLButtonElement} */ (this.part("[data-insert]")), this.text, answers, language);
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(selector));
  }

  /** @param {Frame} frame */
  heard(frame) {
    if (frame.type === "turn") this.#turn(frame);
    else if (frame.type === "sent") this.#sent(frame);
    else if (frame.type === "failed") this.failed(frame.message, frame.retry);
    else if (frame.type === "typing") this.#typing();
    else if (frame.type === "presence") this.#present(frame.here);
    else if (frame.type === "state") this.#state(frame);
  }

  /** @param {boolean} here */
  #present(here) {
    if (!this.isOver) this.part(".presence").textContent = here ? "Bezoeker is verbonden" : "Bezoeker is niet verbonden";
  }

  /** @param {Frame} frame */
  #turn(frame) {
    this.seen = Math.max(this.seen, frame.sequence);
    const mine = frame.who !== "visitor";
    if (mine && this.#arrived(frame.message)) return;
    const row = addTurn(this.part("ol"), { name: NAMES[frame.who], text: frame.text, at: frame.at, mine, kind: frame.who });
    if (mine) row.mark(frame.who === "note" ? NOTE_WORDS.sent : WORDS.sent);
    else this.part(".typing").textContent = "";
    if (!mine && frame.sequence > this.#read) this.unread += 1;
    this.#showLast();
  }

  /**
   * Shows the conversation, from its last turn on, or hides it.
   *
   * @param {boolean} shown
   */
  show(shown) {
    if (shown !== this.panel.hidden) return;
    this.panel.hidden = !shown;
    if (shown) this.#showLast();
  }

  /** Notes that everything was on the screen. */
  isRead() {
    this.unread = 0;
    if (this.#read === this.seen) return;
    this.#read = this.seen;
    remember("read", { ...recalled("read", {}), [this.conversation]: this.seen });
  }

  /** Whether something the operator wrote is not stored. */
  get unsent() {
    return Boolean(this.text.value.trim()) || this.outbox.waiting.length + this.notes.waiting.length > 0;
  }

  /**
   * Shows that nothing can be sent any more, and why; what was written stays to be copied.
   *
   * @param {string} why
   */
  over(why) {
    this.live = false;
    this.isOver = true;
    const closed = this.text.value.trim() ? `${why} Wat je nog schreef, is niet verzonden.` : why;
    /** @type {HTMLElement} */ (this.part(".over span")).textContent = closed;
    this.part(".over").hidden = false;
    this.part(".closing").hidden = true;
    this.part(".presence").textContent = "";
    this.text.readOnly = true;
    this.#putAway();
    this.part(".reply .actions").hidden = true;
    for (const letter of [...this.outbox.waiting, ...this.notes.waiting]) this.failed(letter.id, false);
  }

  /** Takes the field away once nothing stands in it and nobody is in it: keys meant for it must not become shortcuts. */
  #putAway() {
    this.part("form").hidden = this.isOver && !this.text.value.trim() && document.activeElement !== this.text;
  }

  /** @param {string} text */
  note(text) {
    const row = addTurn(this.part("ol"), { name: NAMES.note, text, at: null, mine: true, kind: "note" });
    this.notes.add(newId(), text, row);
    this.#showLast();
  }

  /** @param {Frame} frame */
  #sent(frame) {
    this.seen = Math.max(this.seen, frame.sequence);
    this.#arrived(frame.message);
  }

  /** @param {string} message */
  #arrived(message) {
    return this.outbox.arrived(message) || this.notes.arrived(message);
  }

  /**
   * @param {string} message
   * @param {boolean} again whether trying again may help
   */
  failed(message, again) {
    this.outbox.failed(message, again);
    this.notes.failed(message, again);
  }

  /** @param {Frame} frame */
  #state(frame) {
    if (frame.status === "ended") {
      this.ended = true;
      this.over(frame.because === "left" ? "De bezoeker is weg." : "Dit gesprek is afgelopen.");
    } else {
      this.live = true;
      this.outbox.flush();
      this.notes.flush();
    }
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
    this.#typed = 0; // whoever goes on writing is seen to
    this.outbox.add(newId(), text, row);
    this.#showLast();
  }

  get #isNearEnd() {
    const { scrollHeight, clientHeight, scrollTop } = this.part(".log");
    return scrollHeight - clientHeight - scrollTop < NEARLY;
  }

  #showLast() {
    const log = this.part(".log");
    log.scrollTop = log.scrollHeight;
  }
}

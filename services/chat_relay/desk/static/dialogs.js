/** The dialogs about one conversation: close it, hand it over, write a note. */

import { newId } from "/static/chat/outbox.js";
import { inPlace } from "./rows.js";

/** @typedef {import("/static/chat/connection.js").Frame} Frame */
/** @typedef {(frame: Frame) => boolean} Send */

const AVAILABILITY = /** @type {Record<string, string>} */ ({ available: "beschikbaar", busy: "bezig", away: "afwezig" });
const NO_LINE = "Er is geen verbinding. Probeer het zo meteen opnieuw.";

/** What every dialog does: open for a conversation, act, say what went wrong, close. */
class ConversationDialog {
  conversation = "";
  message = "";

  /**
   * @param {string} id
   * @param {Send} send
   */
  constructor(id, send) {
    this.dialog = /** @type {HTMLDialogElement} */ (document.getElementById(id));
    this.send = send;
    this.form = /** @type {HTMLFormElement} */ (this.dialog.querySelector("form"));
    /** @type {HTMLElement} */ (this.dialog.querySelector("[data-do]")).addEventListener("click", () => this.act());
    // Enter in a field would press the first button of the form, which goes back
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
    });
    // other words are another message: the same id would be refused
    this.form.addEventListener("input", () => {
      this.message = newId();
      this.wrong("");
    });
  }

  /** @param {string} conversation */
  open(conversation) {
    // what was typed stays until it is done with: Escape is pressed by mistake too
    if (this.conversation !== conversation) {
      this.conversation = conversation;
      this.message = newId();
      this.form.reset();
    }
    this.wrong("");
    this.dialog.showModal();
  }

  /** @param {string} conversation */
  isFor(conversation) {
    return this.dialog.open && this.conversation === conversation;
  }

  /** It is done. */
  close() {
    this.conversation = "";
    this.dialog.close();
  }

  /** @param {string} what */
  wrong(what) {
    const place = this.dialog.querySelector(".error");
    if (place) place.textContent = what;
  }

  /** @param {Frame} frame */
  ask(frame) {
    this.wrong(this.send({ ...frame, conversation: this.conversation }) ? "" : NO_LINE);
  }

  act() {}

  /**
   * @template {HTMLElement} T
   * @param {string} selector
   */
  part(selector) {
    return /** @type {T} */ (this.dialog.querySelector(selector));
  }

  /** @param {string} name */
  chosen(name) {
    return [.../** @type {NodeListOf<HTMLInputElement>} */ (this.dialog.querySelectorAll(`[name=${name}]:checked`))].map((one) => one.value);
  }
}

export class Closing extends ConversationDialog {
  /** @param {string} conversation */
  open(conversation) {
    this.part("#closing-kind").textContent = "Laat zoals het is";
    this.part("#closing-sector option").textContent = "Laat zoals het is";
    super.open(conversation);
    this.send({ type: "suggest", conversation });
  }

  /** @param {Frame} frame */
  suggested(frame) {
    if (!this.isFor(frame.conversation)) return;
    const by = frame.kindSource === "model" ? `voorstel van het systeem${frame.unsure ? ", niet zeker" : ""}` : "zo staat het nu";
    this.part("#closing-kind").textContent = `Laat zoals het is: ${frame.kind} (${by})`;
    if (frame.sector) this.part("#closing-sector option").textContent = `Laat zoals het is: ${frame.sector}`;
  }

  act() {
    const [kind] = this.chosen("kind");
    const sector = /** @type {HTMLSelectElement} */ (this.part("#closing-sector")).value;
    const summary = /** @type {HTMLTextAreaElement} */ (this.part("#closing-summary")).value.trim();
    const other = /** @type {HTMLInputElement} */ (this.part("#closing-other")).value.trim();
    const referral = [...this.chosen("referral"), ...(other ? [other] : [])];
    const note = summary || referral.length ? { message: this.message, referral, ...(summary ? { summary } : {}) } : {};
    this.ask({ type: "end", ...(kind ? { kind } : {}), ...(sector ? { sector } : {}), ...note });
  }
}

export class Handing extends ConversationDialog {
  /** @type {Frame[]} */
  #colleagues = [];

  /** @param {string} conversation */
  open(conversation) {
    super.open(conversation);
    this.show(this.#colleagues);
    this.#first.focus();
  }

  /** @param {Frame[]} colleagues */
  show(colleagues) {
    this.#colleagues = colleagues;
    if (!this.dialog.open) return;
    const list = this.part("#handing-colleagues");
    const chosen = /** @type {HTMLInputElement | null} */ (list.querySelector(":checked"));
    const somebody = colleagues.some(isPresent);
    this.part("#handing-nobody").hidden = somebody;
    this.part("#handing-choice").hidden = colleagues.length === 0;
    /** @type {HTMLButtonElement} */ (this.part("[data-do]")).disabled = !somebody;
    const lost = inPlace(list, colleagues.map((colleague) => ({ ...colleague, key: colleague.operator })), makeChoice, updateChoice);
    if (lost || document.activeElement?.matches(":disabled")) this.#first.focus();
    if (chosen && !(chosen.isConnected && chosen.checked)) {
      this.wrong(`${chosen.dataset.name} is niet meer aanwezig.${somebody ? " Kies een andere collega." : ""}`);
    }
  }

  /** What the keyboard begins with: who is chosen, or the first who can be. */
  get #first() {
    return this.part("#handing-colleagues :checked") ?? this.part("#handing-colleagues input:enabled") ?? this.part("[value=cancel]");
  }

  act() {
    const [operator] = this.chosen("colleague");
    const note = /** @type {HTMLTextAreaElement} */ (this.part("#handing-note")).value.trim();
    if (!operator) return this.wrong("Kies een collega.");
    return this.ask({ type: "handOver", operator, ...(note ? { note, message: this.message } : {}) });
  }
}

/** @param {Frame} colleague */
function isPresent({ availability }) {
  return availability !== "away";
}

/** @param {Frame} colleague */
function makeChoice({ operator, name }) {
  const label = document.createElement("label");
  label.className = "line";
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "colleague";
  input.value = operator;
  input.dataset.name = name;
  label.append(input, document.createElement("span"));
  return label;
}

/**
 * @param {HTMLElement} label
 * @param {Frame} colleague
 */
function updateChoice(label, colleague) {
  const [input, said] = /** @type {[HTMLInputElement, HTMLElement]} */ ([...label.children]);
  input.disabled = !isPresent(colleague);
  input.checked &&= !input.disabled;
  const words = `${colleague.name}: ${inWords(colleague.availability)}, ${talks(colleague.conversations)}`;
  if (said.textContent !== words) said.textContent = words;
}

export class Noting extends ConversationDialog {
  /**
   * @param {string} id
   * @param {(conversation: string, text: string) => void} write
   */
  constructor(id, write) {
    super(id, () => true);
    this.write = write;
  }

  act() {
    const text = /** @type {HTMLTextAreaElement} */ (this.part("#noting-text")).value;
    if (text.trim()) this.write(this.conversation, text);
    this.close();
  }
}

/** @param {number} count */
export function talks(count) {
  return count === 1 ? "1 gesprek" : `${count || "geen"} gesprekken`;
}

/** @param {string} availability */
export function inWords(availability) {
  return AVAILABILITY[availability] ?? availability;
}

/**
 * Messages on their way: each keeps its id through every retry, so that the store holds it once.
 *
 * @typedef {import("./turns.js").Row} Row
 * @typedef {{id: string, text: string, row: Row, timer: number, stuck: boolean}} Letter
 */

const ANSWER_WITHIN = 20000;

export class Outbox {
  /** @type {Map<string, Letter>} */
  #letters = new Map();
  #words;
  #post;

  /**
   * @param {Record<string, string>} words
   * @param {(letter: Letter) => boolean} post hands a message over; false when there is no line
   */
  constructor(words, post) {
    this.#words = words;
    this.#post = post;
  }

  /** @returns {Letter[]} what has no answer yet, oldest first */
  get waiting() {
    return [...this.#letters.values()];
  }

  /**
   * @param {string} id
   * @param {string} text
   * @param {Row} row
   */
  add(id, text, row) {
    const letter = { id, text, row, timer: 0, stuck: false };
    this.#letters.set(id, letter);
    this.#try(letter);
  }

  /** Sends everything that has no answer, in order. */
  flush() {
    for (const letter of this.waiting) if (!letter.stuck) this.#try(letter);
  }

  /**
   * @param {string} id
   * @returns {boolean} whether it was one of ours
   */
  arrived(id) {
    const letter = this.#letters.get(id);
    if (!letter) return false;
    clearTimeout(letter.timer);
    this.#letters.delete(id);
    letter.row.mark(this.#words.sent);
    return true;
  }

  /**
   * @param {string} id
   * @param {boolean} again whether trying again may help
   */
  failed(id, again) {
    const letter = this.#letters.get(id);
    if (!letter) return;
    clearTimeout(letter.timer);
    letter.stuck = !again;
    letter.row.mark(this.#words.notSent, again ? () => this.#try(letter) : null, this.#words.retry);
  }

  /** @param {Letter} letter */
  #try(letter) {
    clearTimeout(letter.timer);
    letter.row.mark(this.#words.sending);
    if (this.#post(letter)) letter.timer = setTimeout(() => this.failed(letter.id, true), ANSWER_WITHIN);
  }
}

/** @returns {string} an id that nobody else has */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * One WebSocket of the protocol onthaal.chat.v1, kept open: it comes back by itself after a break, and a line that
 * looks alive but is dead is found out by a ping that nobody answers.
 *
 * @typedef {{type: string, [name: string]: any}} Frame
 * @typedef {object} Ears
 * @property {() => Frame | null} greet the first frame of every connection, if there must be one
 * @property {(frame: Frame) => void} heard called for every frame
 * @property {(up: boolean) => void} line called when the line is lost for a while, and when it is back
 * @property {() => Promise<boolean>} [before] what must be done before connecting; false: do not connect
 */

const PROTOCOL = "onthaal.chat.v1";
const PING_EVERY = 25000;
const ANSWER_WITHIN = 10000;
const SAY_LOST_AFTER = 1500;
/** what the relay refuses in any text: NUL, and half of a pair */
const UNSENDABLE = /[\0\p{Surrogate}]/gu;

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  #path;
  #ears;
  #wanted = false;
  #attempt = 0;
  #told = true;
  #timers = { again: 0, ping: 0, answer: 0, lost: 0 };

  /**
   * @param {string} path
   * @param {Ears} ears
   */
  constructor(path, ears) {
    this.#path = path;
    this.#ears = ears;
    // a browser may be wrong about either: a ping tells
    for (const turned of ["online", "offline"]) addEventListener(turned, () => this.#hurry());
    addEventListener("pageshow", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /** Connects, and stays connected until `close`. */
  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  /** Ends the connection for good. */
  close() {
    this.#wanted = false;
    this.#clear();
    clearTimeout(this.#timers.lost);
    this.#timers.lost = 0;
    this.#socket?.close();
    this.#socket = null;
  }

  /** Breaks the connection and makes a new one: the way back from an answer that makes no sense. */
  renew() {
    this.#socket?.close();
    this.#lost();
  }

  get isUp() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} whether it could be handed over; whether it arrived is told by an answer only
   */
  send(frame) {
    if (!this.isUp) return false;
    /** @type {WebSocket} */ (this.#socket).send(JSON.stringify(frame, sendable));
    return true;
  }

  #connect() {
    if (!this.#wanted || this.#socket) return;
    clearTimeout(this.#timers.again);
    const socket = new WebSocket(this.#path.replace(/^(?=\/)/, location.origin.replace(/^http/, "ws")), PROTOCOL);
    this.#socket = socket;
    socket.addEventListener("open", () => socket === this.#socket && this.#up());
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#timers.answer);
      const frame = JSON.parse(event.data);
      if (frame.type !== "pong") this.#ears.heard(frame);
    });
  }

  #up() {
    this.#attempt = 0;
    clearTimeout(this.#timers.lost);
    this.#timers.lost = 0;
    this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY);
    const first = this.#ears.greet();
    if (first) this.send(first);
    if (!this.#told) this.#ears.line(true);
    this.#told = true;
  }

  #lost() {
    this.#socket = null;
    this.#clear();
    if (!this.#wanted) return;
    if (this.#told && !this.#timers.lost) {
      this.#timers.lost = setTimeout(() => {
        this.#told = false;
        this.#ears.line(false);
      }, SAY_LOST_AFTER);
    }
    this.#attempt += 1;
    const pause = Math.min(10000, 250 * 2 ** this.#attempt) * (0.5 + Math.random() / 2);
    this.#timers.again = setTimeout(() => this.#prepare(), pause);
  }

  async #prepare() {
    const { before } = this.#ears;
    try {
      if (before && !(await before())) return this.close();
    } catch {
      return this.#lost(); // no network: the next attempt tells
    }
    return this.#connect();
  }

  #ping() {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.#timers.answer);
    this.#timers.answer = setTimeout(() => this.renew(), ANSWER_WITHIN);
  }

  #hurry() {
    if (!this.#wanted) return;
    if (this.isUp) this.#ping();
    else if (!this.#socket) this.#prepare();
  }

  #clear() {
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.again);
    clearTimeout(this.#timers.answer);
  }
}

/**
 * @param {string} _
 * @param {unknown} value
 */
function sendable(_, value) {
  return typeof value === "string" ? value.replace(UNSENDABLE, "") : value;
}

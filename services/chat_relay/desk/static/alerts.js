/** Tells an operator who looks elsewhere that somebody waits or wrote: never who, never what. */

import { recalled, remember } from "./preferences.js";

const TEXTS = { waiting: "Er wacht iemand in de chat.", message: "Er is een nieuw bericht in een gesprek." };
const PAUSE = 3000;

export class Alerts {
  /** @type {AudioContext | null} */
  #audio = null;
  #last = 0;

  /**
   * @param {HTMLInputElement} sound
   * @param {HTMLInputElement} notify
   */
  constructor(sound, notify) {
    this.sound = sound;
    this.notify = notify;
    sound.checked = recalled("sound", false);
    notify.checked = recalled("notify", false) && "Notification" in window && Notification.permission === "granted";
    sound.addEventListener("change", () => {
      remember("sound", sound.checked);
      if (sound.checked) this.#ring(); // a browser lets a page make sound after the operator asked for it
    });
    notify.addEventListener("change", () => this.#ask());
  }

  /** @param {"waiting" | "message"} what */
  tell(what) {
    if (Date.now() - this.#last < PAUSE) return;
    this.#last = Date.now();
    if (this.sound.checked) this.#ring();
    if (this.notify.checked && document.hidden) new Notification("Chat", { body: TEXTS[what], tag: "chat" });
  }

  async #ask() {
    if (this.notify.checked) {
      this.notify.checked = "Notification" in window && (await Notification.requestPermission()) === "granted";
    }
    remember("notify", this.notify.checked);
  }

  #ring() {
    this.#audio ??= new AudioContext();
    const audio = this.#audio;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.15, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.4);
  }
}

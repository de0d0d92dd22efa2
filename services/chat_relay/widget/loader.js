/**
 * Adds the chat to a site: a button and a frame, apart from the page (its scripts cannot read what is said in there).
 *
 *     <script src="https://…/chat/widget.js" defer data-lang="nl"></script>
 */
(() => {
  "use strict";
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const origin = new URL(script.src).origin;
  /** @type {Record<string, string>} */
  const titles = { nl: "Chatvenster", fr: "Fenêtre de chat", en: "Chat window", de: "Chatfenster" };
  const wanted = script.dataset.lang ?? "";
  const language = wanted in titles ? wanted : "nl";

  const place = document.createElement("div");
  const root = place.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; }
    button { position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483000; min-width: 6rem; min-height: 3rem;
      padding: .5rem 1.25rem; border: 2px solid #fff; border-radius: 2rem; background: #0053c7; color: #fff;
      font: 600 1.0625rem/1.3 system-ui, sans-serif; cursor: pointer; }
    button:hover { background: #003d94; }
    button:focus-visible { outline: 3px solid #23272d; outline-offset: 2px; }
    iframe { position: fixed; right: 1rem; bottom: 5rem; z-index: 2147483001; width: 25rem;
      height: min(44rem, calc(100dvh - 6rem)); border: 1px solid #6b7684; background: #fff; color-scheme: light; }
    [hidden] { display: none; }
    @media (max-width: 32rem), (max-height: 32rem) { iframe { inset: 0; width: 100%; height: 100%; border: 0; } }
    div { position: fixed; inset: 0; z-index: 2147483002; background: #fff; }
  `);
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Chat";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "frame");

  const frame = document.createElement("iframe");
  frame.id = "frame";
  frame.title = titles[language];
  frame.hidden = true;
  frame.src = `${origin}/chat/widget?lang=${language}`;
  root.append(button, frame);
  document.body.append(place);

  let state = "hidden";

  /** @param {string} act */
  const tell = (act) => frame.contentWindow?.postMessage({ chat: act }, origin);

  /**
   * @param {boolean} shown
   * @param {boolean} focus whether the person asked for it, so that the focus goes along
   */
  const show = (shown, focus) => {
    frame.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
    if (shown) button.textContent = "Chat";
    if (focus) (shown ? frame : button).focus();
    state = shown ? (focus ? "focus" : "shown") : "hidden";
    tell(state);
  };

  /** @param {string} to */
  const leave = (to) => {
    const cover = document.createElement("div");
    cover.setAttribute("role", "alert");
    root.replaceChildren(cover);
    document.documentElement.style.background = "#fff";
    document.body.hidden = true;
    location.replace(to);
  };

  button.addEventListener("click", () => show(frame.hidden, true));

  let presses = 0;
  let last = 0;
  document.addEventListener("keydown", (event) => {
    if (frame.hidden || event.repeat) return;
    if (event.key === "Escape") show(false, true);
    presses = event.key === "Shift" ? (event.timeStamp - last < 5000 ? presses + 1 : 1) : 0;
    last = event.timeStamp;
    if (presses > 2) tell("leave");
  });

  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame.contentWindow) return;
    const { chat, to, count } = event.data ?? {};
    if (chat === "ready") tell(state);
    else if (chat === "close") show(false, true);
    else if (chat === "open") show(true, false);
    else if (chat === "unread" && frame.hidden) button.textContent = `Chat (${Number(count)})`;
    else if (chat === "leave" && /^https?:/.test(to)) leave(to);
  });
})();

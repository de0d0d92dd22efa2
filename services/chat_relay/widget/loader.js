/**
 * Adds the chat to a site: a button and a frame, apart from the page (its scripts cannot read what is said in there).
 *
 *     <script src="https://…/chat/widget.js" defer data-lang="nl"></script>
 */
import { countShifts } from "/static/kit/shift.js";

(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const origin = new URL(script.src).origin;
  /** @type {Record<string, [string, string, string, string]>} */
  const words = {
    nl: ["Chatvenster", "nieuw", "Laden…", "De chat laadt niet. Probeer opnieuw."],
    fr: ["Fenêtre de chat", "à lire", "Chargement…", "Le chat ne se charge pas. Réessaie."],
    en: ["Chat window", "new", "Loading…", "The chat does not load. Try again."],
    de: ["Chatfenster", "neu", "Laden…", "Der Chat lädt nicht. Versuche es noch einmal."],
  };
  const wanted = (script.dataset.lang ?? "").slice(0, 2).toLowerCase();
  const language = wanted in words ? wanted : "nl";
  const [title, fresh, loading, failed] = words[language];

  // a site may name the script twice: in its template and by a tag manager
  if (document.querySelector("[data-onthaal-chat]")) return;
  const place = document.createElement("div");
  place.dataset.onthaalChat = "";
  place.lang = language;
  const root = place.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  // in em of the reader's own size: a site may have set another size at its root
  style.replaceSync(`
    :host { all: initial; }
    button { position: fixed; right: 1em; bottom: 1em; z-index: 2147483000; min-width: 6em; min-height: 3em;
      padding: .5em 1.25em; border: 2px solid #fff; border-radius: 2em; background: #0053c7; color: #fff;
      font: 600 1em/1.3 system-ui, sans-serif; cursor: pointer; }
    button:hover { background: #003d94; }
    button:focus-visible { outline: 3px solid #23272d; outline-offset: 2px; }
    iframe { position: fixed; right: 1em; bottom: 5em; z-index: 2147483001; width: 26em; max-width: calc(100vw - 2em);
      height: min(46em, calc(100dvh - 6em)); border: 1px solid #6b7684; background: #fff; color-scheme: light; }
    [hidden] { display: none; }
    p { position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    @media (max-width: 32rem), (max-height: 32rem) {
      iframe { inset: 0; width: 100%; max-width: none; height: 100%; border: 0; }
    }
    div { position: fixed; inset: 0; z-index: 2147483002; padding: 2em; background: #fff; color: #23272d; font: 1em system-ui, sans-serif; }
  `);
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Chat";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "frame");

  const news = document.createElement("p");
  news.setAttribute("role", "status");

  const frame = document.createElement("iframe");
  frame.id = "frame";
  frame.title = title;
  frame.hidden = true;
  frame.src = `${origin}/chat/widget?lang=${language}`;
  root.append(button, frame, news);
  document.body.append(place);

  let state = "hidden";
  let exit = "";
  /** whether what is in the frame can be left again; how many pages were loaded in it that did not say that they can */
  let up = false;
  let silent = 0;
  let tried = false;
  let waiting = 0;
  let talking = false;
  let unread = 0;
  let named = "";

  /** @param {string} act */
  const tell = (act) => frame.contentWindow?.postMessage({ chat: act }, origin);

  /** @param {number} count says how many, never what */
  const show = (count) => {
    if (!unread) named = document.title;
    if (unread || count) document.title = count ? `(${count}) ${named}` : named;
    unread = count;
    button.textContent = count ? `Chat: ${count} ${fresh}` : "Chat";
    news.textContent = count ? button.textContent : "";
  };

  /**
   * @param {boolean} shown
   * @param {boolean} focus whether the person asked for it, so that the focus goes along
   */
  const turn = (shown, focus) => {
    state = shown ? (focus ? "focus" : "shown") : "hidden";
    // no empty frame, and no error of the browser, over the whole site
    frame.hidden = !shown || !up;
    button.setAttribute("aria-expanded", String(shown));
    show(shown ? 0 : unread);
    if (shown && !up) return knock();
    if (focus) (shown ? frame : button).focus();
    tell(state);
  };

  const knock = () => {
    news.textContent = button.textContent = loading;
    if (tried) frame.src += "";
    tried = false;
    giveUpIn(10000);
  };

  const giveUp = () => {
    if (up && silent < 1) return;
    tried = true;
    up = false;
    silent = 0;
    if (state === "hidden") return;
    turn(false, document.activeElement === place);
    news.textContent = button.textContent = failed;
  };
  /** @param {number} patience */
  const giveUpIn = (patience) => {
    clearTimeout(waiting);
    waiting = setTimeout(giveUp, patience);
  };
  // a browser's own error is loaded too
  frame.addEventListener("load", () => {
    silent += 1;
    giveUpIn(2000);
  });

  /** @param {string} to */
  const leave = (to) => {
    if (!/^https?:/.test(to) || root.querySelector("div")) return;
    tell("leaving");
    const cover = document.createElement("div");
    cover.setAttribute("role", "alert");
    cover.textContent = loading;
    // the frame stays until the other page is there: it still has to tell that somebody left
    frame.hidden = true;
    root.append(cover);
    document.documentElement.style.background = "#fff";
    document.title = " ";
    for (const part of [...document.body.children]) if (part !== place) part.remove();
    location.replace(to);
  };

  button.addEventListener("click", () => turn(state === "hidden", true));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state !== "hidden") turn(false, true);
  });
  countShifts((left) => {
    if (left || (frame.hidden && !talking)) return;
    tell("leave");
    leave(exit);
  });
  // back from the neutral page: the browser may have kept this one as it was left
  addEventListener("pageshow", (event) => event.persisted && root.querySelector("div") && location.reload());

  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame.contentWindow) return;
    const { chat, to, count } = event.data ?? {};
    if (chat === "ready") {
      exit = String(to);
      up = true;
      silent -= 1;
      if (state !== "hidden") turn(true, state === "focus");
      else tell(state);
    } else if (chat === "close") turn(false, true);
    else if (chat === "open") turn(true, false);
    else if (chat === "talking") talking = Boolean(count);
    else if (chat === "unread") show(Number(count));
    else if (chat === "leave") leave(String(to));
  });
})();

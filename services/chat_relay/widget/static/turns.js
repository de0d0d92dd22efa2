/**
 * The log of a conversation. Rows are only ever added; what is said goes in as text, never as markup.
 *
 * @typedef {object} Row
 * @property {HTMLLIElement} item
 * @property {(text: string, retry?: (() => void) | null, label?: string) => void} mark says how far sending it is
 */

const clock = new Intl.DateTimeFormat("nl-BE", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Brussels" });

/**
 * @param {HTMLElement} list
 * @param {{name: string, text: string, at: string | null, mine: boolean, kind?: string}} turn
 * @returns {Row}
 */
export function addTurn(list, { name, text, at, mine, kind = "" }) {
  const item = document.createElement("li");
  item.className = `turn ${mine ? "mine" : "theirs"} ${kind}`.trim();
  const moment = at ? new Date(at) : new Date();

  const head = paragraph("head", "");
  const who = document.createElement("strong");
  who.textContent = `${name}:`;
  const time = document.createElement("time");
  time.dateTime = moment.toISOString();
  time.textContent = clock.format(moment);
  head.append(who, " ", time);

  const mark = paragraph("mark", "");
  item.append(head, paragraph("said", text));
  if (mine) item.append(mark);
  list.append(item);

  return {
    item,
    mark(said, retry = null, label = "") {
      mark.textContent = said;
      item.classList.toggle("unsent", Boolean(retry));
      if (!retry) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button quiet small";
      button.textContent = label;
      button.addEventListener("click", retry);
      mark.append(" ", button);
    },
  };
}

/**
 * Tells in the log what became of the conversation.
 *
 * @param {HTMLElement} list
 * @param {string} text
 */
export function addEvent(list, text) {
  const item = document.createElement("li");
  item.className = "turn event";
  item.append(paragraph("said", text));
  list.append(item);
}

/**
 * @param {string} name
 * @param {string} text
 */
function paragraph(name, text) {
  const made = document.createElement("p");
  made.className = name;
  made.textContent = text;
  return made;
}

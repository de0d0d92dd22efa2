/**
 * Lists that are brought up to date in place: a row that stays keeps its button, and so the focus.
 *
 * @typedef {{key: string, label: string, note: string, action?: string, current?: boolean, act?: () => void}} Wanted
 */

/**
 * @param {HTMLElement} list
 * @param {Wanted[]} wanted
 */
export function rows(list, wanted) {
  const old = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.key, item]));
  for (const [place, row] of wanted.entries()) {
    const item = old.get(row.key) ?? makeRow(row);
    old.delete(row.key);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    const [label, note, button] = item.children;
    if (label.textContent !== row.label) label.textContent = row.label;
    if (note.textContent !== row.note) note.textContent = row.note;
    if (row.current) button?.setAttribute("aria-current", "true");
    else button?.removeAttribute("aria-current");
  }
  for (const item of old.values()) item.remove();
}

/** @param {Wanted} row */
function makeRow(row) {
  const item = document.createElement("li");
  item.dataset.key = row.key;
  const label = document.createElement("strong");
  label.id = `row-${row.key}-${row.action ?? ""}`;
  item.append(label, document.createElement("span"));
  if (row.act) {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `act-${row.key}-${row.action}`;
    button.className = "button small";
    button.textContent = row.action ?? "";
    button.setAttribute("aria-labelledby", `${button.id} ${label.id}`);
    // a double click is one: by then another row may stand here
    button.addEventListener("click", (event) => event.detail < 2 && row.act?.());
    item.append(button);
  }
  return item;
}

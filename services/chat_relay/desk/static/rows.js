/**
 * Lists that are brought up to date in place: a row that stays keeps its button, and so the focus.
 *
 * @typedef {{key: string, label: string, note: string, action?: string, current?: boolean, act?: () => void}} Wanted
 */

/**
 * @template {{key: string}} Entry
 * @param {HTMLElement} list
 * @param {Entry[]} entries
 * @param {(entry: Entry) => HTMLElement} make
 * @param {(item: HTMLElement, entry: Entry) => void} update
 * @returns {boolean} whether what had the focus is there no more
 */
export function inPlace(list, entries, make, update) {
  const focused = list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const before = /** @type {HTMLElement[]} */ ([...list.children]);
  const items = entries.map((entry) => before.find((item) => item.dataset.key === entry.key) ?? make(entry));
  for (const gone of before) if (!items.includes(gone)) gone.remove();
  for (const [place, item] of items.entries()) {
    item.dataset.key = entries[place].key;
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    update(item, entries[place]);
  }
  // what is moved loses it
  if (focused?.isConnected) focused.focus({ preventScroll: true });
  return Boolean(focused) && focused !== document.activeElement;
}

/**
 * @param {HTMLElement} list
 * @param {Wanted[]} wanted
 */
export function rows(list, wanted) {
  // to the heading and not to the next row: nobody takes another by a key that was meant for the one that went
  if (inPlace(list, wanted, makeRow, update)) /** @type {HTMLElement} */ (list.closest("section")?.querySelector("h2")).focus();
}

/**
 * @param {HTMLElement} item
 * @param {Wanted} row
 */
function update(item, row) {
  const [label, note, button] = item.children;
  if (label.textContent !== row.label) label.textContent = row.label;
  if (note.textContent !== row.note) note.textContent = row.note;
  if (row.current) button?.setAttribute("aria-current", "true");
  else button?.removeAttribute("aria-current");
}

/** @param {Wanted} row */
function makeRow(row) {
  const item = document.createElement("li");
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

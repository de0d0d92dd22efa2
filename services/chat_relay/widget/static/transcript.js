/** The conversation as text, made in the page and handed to the browser: no server keeps it or knows of it. */

const NAME = "tekst.txt";

/**
 * @param {HTMLElement} list the rows that turns.js made
 * @param {string} sent what the mark of a message that arrived says: the others tell that they did not
 * @returns {string}
 */
export function asText(list, sent) {
  const turns = [...list.children].map((row) => {
    const mark = row.querySelector(".mark")?.firstChild?.textContent ?? "";
    const parts = [...row.querySelectorAll(".head, .said")].map((part) => part.textContent);
    return [...parts, ...(mark && mark !== sent ? [`(${mark})`] : [])].join("\n");
  });
  return `${turns.join("\n\n")}\n`;
}

/** @param {string} text */
export function hand(text) {
  // lines as every system shows them, and a mark that tells old programs that this is UTF-8
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text.replace(/\n/g, "\r\n")], { type: "text/plain;charset=utf-8" }));
  link.download = NAME;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

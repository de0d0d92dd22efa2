/** Ready-made answers: put in the field to be changed, never sent by themselves. */

/** @typedef {Record<string, {name: string, text: string}[]>} Answers */

/** @type {Record<string, string>} */
export const LANGUAGES = { nl: "Nederlands", fr: "Frans", en: "Engels", de: "Duits" };

/** @returns {Promise<Answers>} */
export async function readAnswers() {
  const answer = await fetch("/chat/v1/operator/answers", { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : {};
}

/**
 * @param {HTMLSelectElement} select
 * @param {HTMLButtonElement} button
 * @param {HTMLTextAreaElement} field
 * @param {Answers} answers
 * @param {string} language the visitor's, which comes first
 */
export function offer(select, button, field, answers, language) {
  for (const old of select.querySelectorAll("optgroup")) old.remove();
  const languages = Object.keys(answers).sort((a, b) => Number(b === language) - Number(a === language));
  for (const code of languages) {
    const group = document.createElement("optgroup");
    group.label = LANGUAGES[code] ?? code;
    for (const { name, text } of answers[code]) group.append(new Option(name, text));
    select.append(group);
  }
  button.onclick = () => {
    if (!select.value) return;
    const before = field.value.slice(0, field.selectionStart);
    const text = (before && !/\s$/.test(before) ? " " : "") + select.value;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    select.value = "";
    field.focus();
  };
}

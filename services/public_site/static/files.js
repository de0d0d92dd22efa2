// @ts-check
/** Says that files are too many or too large before they are sent: the server says the same, after a long wait. */

const input = /** @type {HTMLInputElement} */ (document.getElementById("files"));

input.addEventListener("change", () => {
  const chosen = [...(input.files ?? [])];
  const size = chosen.reduce((sum, file) => sum + file.size, 0);
  const tooMuch = chosen.length > Number(input.dataset.count) || size > Number(input.dataset.size);
  input.setCustomValidity(tooMuch ? (input.dataset.message ?? "") : "");
  input.reportValidity();
});

export {};

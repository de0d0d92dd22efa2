/**
 * The desk, made quicker. Every page works without this file; with it, nothing typed is lost when the
 * connection drops, an empty end becomes now, and Ctrl + Enter saves.
 */

const MESSAGES = {
  offline: "Niet bewaard: er is geen verbinding. Wat je invulde staat hier nog. Druk zo dadelijk opnieuw op de knop.",
  unavailable: "Niet bewaard: het register antwoordt niet. Wat je invulde staat hier nog. Wacht even en druk opnieuw op de knop.",
  signedOut: "Niet bewaard: je bent niet meer aangemeld. Meld je aan in een ander tabblad en druk daarna hier opnieuw op de knop.",
};

/** Statuses whose page names the fields to repair. */
const REPAIRABLE = new Set([400, 403, 409, 413]);

/** @type {WeakSet<HTMLFormElement>} */
const changed = new WeakSet();

/**
 * Say why a form was not kept, above its button, where screen readers announce it too.
 * @param {HTMLFormElement} form
 * @param {string} text
 * @param {boolean} withSignIn
 */
function tell(form, text, withSignIn) {
  const notice = form.querySelector(".told") ?? document.createElement("p");
  notice.className = "told notice urgent";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  if (withSignIn) {
    const link = document.createElement("a");
    link.href = "/desk/sign-in";
    link.target = "_blank";
    link.textContent = "Aanmelden in een ander tabblad";
    notice.append(" ", link);
  }
  const button = form.querySelector("button:not([type=button])");
  (button?.closest(".save") ?? button)?.before(notice);
}

/**
 * Send a form and stay on the page until it is certainly stored.
 * @param {HTMLFormElement} form
 */
async function keep(form) {
  form.querySelector(".told")?.remove();
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual", headers: { Accept: "text/html" } });
    if (answer.type === "opaqueredirect") {
      changed.delete(form);
      location.assign(form.dataset.keep ?? "/desk");
    } else if (REPAIRABLE.has(answer.status)) {
      changed.delete(form);
      form.submit();
    } else {
      const signedOut = answer.status === 401;
      tell(form, signedOut ? MESSAGES.signedOut : MESSAGES.unavailable, signedOut);
    }
  } catch {
    tell(form, MESSAGES.offline, false);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/**
 * Say whether the chosen files are not larger than may be, and tell when they are.
 * @param {HTMLInputElement} input
 * @returns {boolean}
 */
function weigh(input) {
  const limit = Number(input.form?.dataset.limit ?? Infinity);
  const size = [...(input.files ?? [])].reduce((sum, file) => sum + file.size, 0);
  const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 100_000) / 10} MB`.replace(".", ",");
  input.setCustomValidity(size > limit ? `Samen ${megabytes(size)}; er mag ${megabytes(limit)}. Kies kleinere bestanden.` : "");
  return input.reportValidity();
}

/** The hour in Brussels, whatever the clock of this computer shows. */
function hour() {
  return new Intl.DateTimeFormat("nl-BE", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Brussels" }).format(new Date());
}

/**
 * Put a button beside the end of a call that fills in the present hour.
 * @param {HTMLInputElement} input
 */
function offerNow(input) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet small now";
  button.textContent = "Nu";
  button.setAttribute("aria-label", "Einde: nu");
  button.addEventListener("click", () => {
    input.value = hour();
  });
  const row = document.createElement("div");
  row.className = "beside";
  input.replaceWith(row);
  row.append(input, button);
}

for (const input of document.querySelectorAll("input[data-now]")) offerNow(/** @type {HTMLInputElement} */ (input));
for (const chord of document.querySelectorAll(".chord")) /** @type {HTMLElement} */ (chord).hidden = false;
for (const button of document.querySelectorAll("[data-print]")) {
  /** @type {HTMLElement} */ (button).hidden = false;
  button.addEventListener("click", () => window.print());
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.dataset.keep === undefined) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  const end = /** @type {HTMLInputElement | null} */ (form.querySelector("input[data-now]"));
  if (end && !end.value) end.value = hour();
  const files = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[type=file]"));
  if (![...files].every(weigh)) return;
  void keep(form);
});

document.addEventListener("input", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  if (field.type === "file") weigh(field);
  if (field.form?.dataset.keep !== undefined) changed.add(field.form);
});

document.addEventListener("keydown", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  if (event.key === "Enter" && event.ctrlKey && field.form) {
    event.preventDefault();
    field.form.requestSubmit();
  }
});

window.addEventListener("beforeunload", (event) => {
  if ([...document.forms].some((form) => changed.has(form))) event.preventDefault();
});

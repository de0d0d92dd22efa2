/**
 * Takes the one-time code from the fragment of the sign-in link, which never reaches a server's log,
 * wipes it from the address, and signs in.
 */

const code = decodeURIComponent(location.hash.slice(1));
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("sign-in"));
const field = /** @type {HTMLInputElement | null} */ (document.getElementById("code"));

if (code && form && field) {
  history.replaceState(null, "", location.pathname + location.search);
  field.value = code;
  form.requestSubmit();
}

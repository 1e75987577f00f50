// Signing in and out. The password is sent to the API once and stored nowhere.

import { request } from "./api.js";
import { el, show } from "./dom.js";
import { openDialog } from "./keyboard.js";
import { onSession, session, signIn, signOut } from "./session.js";

export function watchAccount(button) {
  const draw = () => {
    const who = session();
    button.textContent = who ? `${who.name} · sign out` : "Sign in";
  };
  button.addEventListener("click", () => (session() ? signOut() : askToSignIn()));
  onSession(draw);
  draw();
}

export function askToSignIn(why = "") {
  if (document.querySelector("dialog[data-role=sign-in]")) return;
  const fault = el("p", { class: "fault", role: "alert" });
  const name = el("input", { name: "username", autocomplete: "username", required: true, maxlength: 64 });
  const password = el("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const dialog = el("dialog", { "aria-label": "Sign in", data: { role: "sign-in" } });
  const form = el("form", { onsubmit: (event) => submit(event, dialog, fault, name, password) },
    el("label", {}, "Name", name), el("label", {}, "Password", password), fault,
    el("div", { class: "actions" }, el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() }), el("button", { class: "primary", text: "Sign in" })));
  show(dialog, el("h2", { text: "Sign in" }), why && el("p", { class: "soft small", text: why, style: { marginBottom: "12px" } }), form);
  openDialog(dialog);
  name.focus();
}

async function submit(event, dialog, fault, name, password) {
  event.preventDefault();
  fault.textContent = "";
  try {
    const body = new URLSearchParams({ username: name.value, password: password.value });
    const answer = await request("/v1/token", { method: "POST", body });
    signIn(await answer.json(), name.value.trim().toLowerCase());
    dialog.close();
  } catch (problem) {
    password.value = "";
    fault.textContent = problem.sentence ?? problem.message;
    password.focus();
  }
}

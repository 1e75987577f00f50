// Form to change your own password, or as an admin another user's.

import { request } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { openDialog } from "../core/keyboard.js";
import { signOut } from "../core/session.js";

export function passwordForm(name, isOwn, onDone = () => {}) {
  const current = el("input", { type: "password", autocomplete: "current-password", required: true });
  const next = el("input", { type: "password", autocomplete: "new-password", required: true, minlength: 12 });
  const said = el("p", { class: "fault", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    said.textContent = "";
    try {
      const json = { password: next.value, ...(isOwn ? { current: current.value } : {}) };
      await request(`/v1/users/${encodeURIComponent(name)}/password`, { method: "POST", json });
      onDone();
      if (isOwn) signOut(); // the tokens of the old password have ended
    } catch (problem) {
      said.textContent = problem.sentence ?? problem.message;
    }
  };
  return el("form", { class: "form body", onsubmit: submit }, isOwn && el("label", {}, "Current password", current), el("label", {}, "New password, at least 12 characters", next), said, el("div", { class: "actions" }, el("button", { class: "primary", text: isOwn ? "Change and sign in again" : "Change" })));
}

export function askPassword(name) {
  const dialog = el("dialog", { "aria-label": `Password of ${name}` });
  show(dialog, el("h2", { text: `Password of ${name}` }), passwordForm(name, false, () => dialog.close()));
  openDialog(dialog);
}

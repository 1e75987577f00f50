// Users: list, add, remove, change a password, import and export CSV.

import { get, request } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { moment } from "../core/format.js";
import { openDialog } from "../core/keyboard.js";
import { card, fillPanel, table } from "../core/panel.js";
import { session } from "../core/session.js";
import { askPassword } from "./password.js";

export class UsersPanel {
  constructor() {
    this.list = el("div", { class: "scroll", data: { role: "users" } });
    this.said = el("p", { class: "body fault", role: "alert" });
    const file = el("input", { type: "file", accept: ".csv,text/csv", hidden: true, "aria-label": "CSV of users", onchange: () => this.importFile(file) });
    const tools = [
      file, el("button", { type: "button", class: "small", text: "Import CSV", title: "Columns: username, role, password", onclick: () => file.click() }),
      el("button", { type: "button", class: "small", text: "Export CSV", onclick: () => this.exportFile() }),
      el("button", { type: "button", class: "small primary", text: "Add user", onclick: () => this.ask() }),
    ];
    this.root = card("Users", "", el("div", {}, this.list, this.said), ...tools);
  }

  load() {
    return fillPanel(this.list, () => get("/v1/users"), ({ data }) => {
      show(this.list, table([["Name", ""], ["Role", ""], ["Since", ""], ["", ""]], data.map((user) => this.row(user))));
    });
  }

  row(user) {
    const isSelf = user.username === session()?.name;
    return el("tr", { data: { user: user.username } },
      el("td", {}, el("span", { class: "strong", text: user.username }), isSelf && el("span", { class: "faint", text: "  you" })),
      el("td", {}, el("span", { class: user.role === "admin" ? "tag accent" : "tag", text: user.role })), el("td", { class: "soft nowrap", text: moment(user.created_ms) }),
      el("td", { class: "number" }, !isSelf && [el("button", { type: "button", class: "quiet small", text: "Password", onclick: () => askPassword(user.username) }), el("button", { type: "button", class: "quiet small danger", text: "Remove", onclick: () => this.confirmRemoval(user.username) })]));
  }

  async act(work, done) {
    this.said.className = "body fault";
    this.said.textContent = "";
    try {
      const words = await work();
      this.said.className = "body done";
      this.said.textContent = done(words);
    } catch (problem) {
      this.said.textContent = problem.sentence ?? problem.message;
    }
    await this.load();
  }

  confirmRemoval(name) {
    const dialog = el("dialog", { "aria-label": "Remove a user" });
    const remove = () => {
      dialog.close();
      this.act(() => request(`/v1/users/${encodeURIComponent(name)}`, { method: "DELETE" }), () => `${name} is removed, and their tokens have ended.`);
    };
    show(dialog, el("h2", { text: `Remove ${name}?` }), el("p", { class: "soft", text: "Their tokens end at once. This cannot be undone." }),
      el("div", { class: "actions" }, el("button", { type: "button", text: "Keep", onclick: () => dialog.close() }), el("button", { type: "button", class: "danger", text: "Remove", onclick: remove })));
    openDialog(dialog);
  }

  ask() {
    const name = el("input", { name: "username", required: true, autocomplete: "off", maxlength: 64 });
    const role = el("select", { name: "role" }, ["viewer", "operator", "admin"].map((each) => el("option", { value: each, text: each })));
    const password = el("input", { name: "password", type: "password", autocomplete: "new-password", required: true });
    const fault = el("p", { class: "fault", role: "alert" });
    const dialog = el("dialog", { "aria-label": "Add a user" });
    const submit = async (event) => {
      event.preventDefault();
      try {
        await request("/v1/users", { method: "POST", json: { username: name.value.trim(), role: role.value, password: password.value } });
        dialog.close();
        await this.load();
      } catch (problem) {
        fault.textContent = problem.sentence ?? problem.message;
      }
    };
    show(dialog, el("h2", { text: "Add a user" }), el("form", { onsubmit: submit }, el("label", {}, "Name", name), el("label", {}, "Role", role), el("label", {}, "Password, at least 12 characters", password), fault,
      el("div", { class: "actions" }, el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() }), el("button", { class: "primary", text: "Add" }))));
    openDialog(dialog);
  }

  /** Send a file as it is: read as text, bytes that are no UTF-8 would become other letters of a password. */
  async importFile(input) {
    const [body] = input.files;
    if (!body) return;
    input.value = ""; // the same file may be chosen again
    await this.act(async () => (await request("/v1/users/import", { method: "POST", body, headers: { "Content-Type": "text/csv" } })).json(), ({ created }) => `${created} users imported.`);
  }

  exportFile() {
    return this.act(async () => {
      const blob = await (await request("/v1/users/export")).blob();
      const link = el("a", { href: URL.createObjectURL(blob), download: "users.csv" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
    }, () => "Exported without passwords.");
  }
}

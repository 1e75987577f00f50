// Pages that need a role: users for admins, trainings for operators, the own password for everyone.

import { askToSignIn } from "../core/account.js";
import { el, show } from "../core/dom.js";
import { card } from "../core/panel.js";
import { onSession, session } from "../core/session.js";
import { passwordForm } from "./password.js";
import { TrainingPanel } from "./training.js";
import { UsersPanel } from "./users.js";

const RANK = { viewer: 0, operator: 1, admin: 2 };

export class AdminView {
  constructor(root, market) {
    this.root = root;
    this.market = market;
    this.panels = [];
    onSession(() => this.build());
    market.addEventListener("listing", () => this.training?.fillChoice());
    this.build();
  }

  build() {
    const who = session();
    this.panels = [];
    this.training = null;
    if (!who) return show(this.root, door());
    const rank = RANK[who.role] ?? 0;
    const users = rank >= RANK.admin && this.add(new UsersPanel());
    if (rank >= RANK.operator) this.training = new TrainingPanel(this.market);
    const training = this.training && this.add(this.training);
    show(this.root, el("div", { class: "page admin" }, users, training, card("Your password", `${who.name}, ${who.role}`, passwordForm(who.name, true))));
    return this.load();
  }

  add(panel) {
    this.panels.push(panel);
    return panel.root;
  }

  load() {
    if (this.root.hidden) return undefined;
    return Promise.all(this.panels.map((panel) => panel.load()));
  }
}

function door() {
  return el("div", { class: "card door" }, el("h2", { text: "Sign in to administer" }),
    el("p", { class: "soft", text: "Admins manage users, operators start trainings. Create the first admin with `candlewick users add --admin NAME`." }),
    el("button", { class: "primary", type: "button", text: "Sign in", onclick: () => askToSignIn() }));
}

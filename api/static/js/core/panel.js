// A part of a page that reads from the API: says that it waits, that there is nothing, or what went wrong.

import { el, show } from "./dom.js";

/** Read and draw; what was drawn before stays while reading, and goes when reading fails. */
export async function fillPanel(root, read, draw) {
  if (!root.dataset.filled) show(root, el("div", { class: "loading panel-wait", text: "loading" }));
  try {
    draw(await read());
    root.dataset.filled = "yes";
  } catch (problem) {
    delete root.dataset.filled;
    show(root, el("p", { class: "empty" }, el("span", { class: "bad", text: problem.sentence ?? problem.message }), " It is tried again every minute."));
  }
}

export function card(title, note, body, ...tools) {
  return el("section", { class: "card" }, el("header", {}, el("h2", { text: title }), note && el("span", { class: "faint small", text: note }), el("span", { class: "spacer" }), tools), body);
}

export function table(heads, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { class: kind, text, scope: "col" })))), el("tbody", {}, rows));
}

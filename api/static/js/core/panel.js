// A part of a page with data from the API: shows that it is loading, or what went wrong.

import { el, show } from "./dom.js";

/** Read and draw; the old drawing stays while reading, and is replaced if reading fails. */
export async function fillPanel(root, read, draw) {
  if (!root.dataset.filled) show(root, el("div", { class: "loading panel-wait", text: "loading" }));
  try {
    draw(await read());
    root.dataset.filled = "yes";
  } catch (problem) {
    delete root.dataset.filled;
    show(root, el("p", { class: "empty" }, el("span", { class: "bad", text: problem.sentence ?? problem.message }), " The page tries again every minute."));
  }
}

export function card(title, note, body, ...tools) {
  return el("section", { class: "card" }, el("header", {}, el("h2", { text: title }), note && el("span", { class: "faint small", text: note }), el("span", { class: "spacer" }), tools), body);
}

export function table(heads, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { class: kind, text, scope: "col" })))), el("tbody", {}, rows));
}

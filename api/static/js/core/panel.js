// A part of a page with data from the API: shows that it is loading, or what went wrong.

import { el, show } from "./dom.js";

/** Read and draw; the old drawing stays while reading, unless it is of another choice, and is replaced if reading fails. */
export async function fillPanel(root, read, draw, choice = "") {
  emptyPanel(root, choice);
  const isChosen = () => root.dataset.choice === choice;
  try {
    const answer = await read();
    if (!isChosen()) return; // a later choice was quicker
    draw(answer);
    root.dataset.filled = "yes";
  } catch (problem) {
    if (!isChosen()) return;
    delete root.dataset.filled;
    show(root, el("p", { class: "empty" }, el("span", { class: "bad", text: problem.sentence ?? problem.message }), " The page tries again every minute."));
  }
}

/** Take away what is drawn of another choice. */
export function emptyPanel(root, choice = "") {
  if (root.dataset.choice !== choice) delete root.dataset.filled;
  root.dataset.choice = choice;
  if (!root.dataset.filled) show(root, el("div", { class: "loading panel-wait", text: "loading" }));
}

export function card(title, note, body, ...tools) {
  return el("section", { class: "card" }, el("header", {}, el("h2", { text: title }), note && el("span", { class: "faint small", text: note }), el("span", { class: "spacer" }), tools), body);
}

export function table(heads, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { class: kind, text, scope: "col" })))), el("tbody", {}, rows));
}

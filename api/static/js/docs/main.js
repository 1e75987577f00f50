// The OpenAPI document for people: every endpoint with its parameters and answers, and a way to try it.

import { watchAccount } from "../core/account.js";
import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { endpoint } from "./endpoint.js";

const VERBS = ["get", "post", "delete"];

async function start() {
  watchAccount(document.querySelector("[data-action=account]"));
  const root = document.querySelector("[data-role=endpoints]");
  try {
    draw(root, await get("/openapi.json"));
  } catch (problem) {
    show(root, el("p", { class: "empty bad", text: problem.message }));
  }
}

function draw(root, spec) {
  const all = Object.entries(spec.paths).flatMap(([path, item]) => VERBS.filter((verb) => item[verb]).map((verb) => ({ path, verb, operation: item[verb], id: `${verb}${path}` })));
  const tags = [...new Set(all.map(({ operation }) => operation.tags?.[0] ?? "other"))];
  const of = (tag) => all.filter(({ operation }) => (operation.tags?.[0] ?? "other") === tag);
  show(document.querySelector(".contents"), tags.map((tag) => [el("h2", { text: tag }), of(tag).map((each) => link(each))]));
  const intro = el("div", { class: "intro" }, el("h1", { text: `${spec.info.title} API ${spec.info.version}` }), el("p", { class: "soft", text: spec.info.description }));
  show(root, intro, tags.flatMap((tag) => of(tag).map((each) => endpoint(spec, each))));
}

function link({ path, verb, id }) {
  const open = () => {
    const target = document.getElementById(id);
    target.open = true;
    target.scrollIntoView();
  };
  return el("a", { href: `#${id}`, onclick: open }, el("span", { class: `verb ${verb}`, text: verb.toUpperCase() }), el("span", { text: path }));
}

start();

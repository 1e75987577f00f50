// One endpoint: parameters as fields, the body as JSON, answers by status, and a trial request.

import { authorization, here } from "../core/api.js";
import { el, show } from "../core/dom.js";

const LONGEST = 20_000;
const FORM = "application/x-www-form-urlencoded";

export function endpoint(spec, { path, verb, operation, id }) {
  const inputs = new Map();
  const parameters = operation.parameters ?? [];
  const content = Object.entries(operation.requestBody?.content ?? {})[0];
  const body = content && el("textarea", { class: "json", spellcheck: "false", "aria-label": "Body" }, content[0] === FORM ? formText(spec, content[1]) : exampleText(spec, content[1]));
  const answer = el("div");
  const run = () => attempt({ path, verb, parameters, inputs, body: body?.value, type: content?.[0], answer });
  const isEndless = path === "/v1/stream";
  return el("details", { class: "card endpoint", id },
    el("summary", {}, el("span", { class: `verb ${verb}`, text: verb.toUpperCase() }), el("span", { class: "path", text: path }), el("span", { class: "soft", text: operation.description?.split("\n")[0] ?? operation.summary ?? "" })),
    el("div", { class: "inside" },
      parameters.length > 0 && el("table", { class: "parameters" }, el("tbody", {}, parameters.map((each) => parameter(spec, each, inputs)))),
      body && [el("h3", { text: `Body, ${content[0]}` }), body],
      el("h3", { text: "Answers" }), el("div", { class: "statuses" }, Object.entries(operation.responses).flatMap(([status, each]) => [el("b", { text: status }), el("span", { class: "soft", text: each.description })])),
      example(spec, operation),
      !isEndless && el("div", { class: "try" }, el("button", { type: "button", class: "primary", text: "Try it", onclick: run })), answer));
}

function parameter(spec, each, inputs) {
  const schema = resolve(spec, each.schema ?? {});
  const value = schema.examples?.[0] ?? schema.default ?? "";
  const input = el("input", { value: each.required ? (value || each.example || "BTCUSDT") : "", placeholder: String(value), "aria-label": each.name });
  inputs.set(each.name, { input, where: each.in });
  return el("tr", {}, el("td", { class: "nowrap" }, el("span", { class: "strong", text: each.name }), each.required && el("span", { class: "tag warning", text: "required", style: { marginLeft: "6px" } })),
    el("td", { class: "soft", text: each.description ?? schema.description ?? "" }), el("td", {}, input));
}

function example(spec, operation) {
  const success = Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1];
  const json = success?.content?.["application/json"] ?? success?.content?.["text/event-stream"];
  const text = json && exampleText(spec, json);
  return text ? [el("h3", { text: "Example" }), el("pre", { text })] : null;
}

function exampleText(spec, { schema, example: given }) {
  const value = given ?? sample(spec, schema ?? {}, 0);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function formText(spec, { schema }) {
  return String(new URLSearchParams(sample(spec, schema, 0)));
}

/** A value that matches a schema, built from its examples. */
function sample(spec, schema, depth) {
  const known = resolve(spec, schema);
  if (known.example !== undefined) return known.example;
  if (known.examples?.length) return known.examples[0];
  if (known.default !== undefined) return known.default;
  if (depth > 5) return null;
  if (known.type === "array") return [sample(spec, known.items ?? {}, depth + 1)];
  if (known.properties) return Object.fromEntries(Object.entries(known.properties).map(([name, each]) => [name, sample(spec, each, depth + 1)]));
  const choice = known.anyOf ?? known.oneOf ?? known.allOf;
  if (choice) return sample(spec, choice[0], depth + 1);
  return { string: known.enum?.[0] ?? "text", integer: 0, number: 0, boolean: true }[known.type] ?? null;
}

function resolve(spec, schema) {
  return schema.$ref ? schema.$ref.split("/").slice(1).reduce((at, name) => at[name], spec) : schema;
}

async function attempt({ path, verb, parameters, inputs, body, type, answer }) {
  show(answer, el("p", { class: "soft", text: "…" }));
  const value = (name) => inputs.get(name).input.value;
  const url = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value(name)));
  const query = new URLSearchParams(parameters.filter(({ name, in: where }) => where === "query" && value(name)).map(({ name }) => [name, value(name)]));
  const full = query.size ? `${url}?${query}` : url;
  const headers = { ...authorization(), ...(type ? { "Content-Type": type } : {}) };
  for (const { name } of parameters.filter((each) => each.in === "header" && value(each.name))) headers[name] = value(name);
  const began = performance.now();
  try {
    const got = await fetch(here(full), { method: verb.toUpperCase(), headers, body: verb === "get" ? undefined : body });
    const text = await got.text();
    show(answer, el("p", { class: "small soft", text: `${got.status} ${got.statusText} · ${(performance.now() - began).toFixed(0)} ms · ${full}` }), el("pre", { text: pretty(text) }));
  } catch (error) {
    show(answer, el("p", { class: "bad", text: error.message }));
  }
}

function pretty(text) {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, LONGEST);
  } catch {
    return cut;
  }
}

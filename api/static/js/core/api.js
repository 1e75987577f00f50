// Requests to the API. A refusal becomes a Problem with a sentence for people.

import { session, signOut } from "./session.js";

const PATIENCE_MS = 20_000;

export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title || `the server answered ${status}`);
    this.status = status;
    this.title = body.title ?? "";
    this.errors = body.errors ?? [];
    this.retryMs = (body.retry_after_s ?? 0) * 1000;
  }

  get sentence() {
    const places = this.errors.slice(0, 6).map((error) => `${error.place}: ${error.message}`);
    return [this.message, ...places].join(" · ");
  }
}

/** The address of a path, also where a proxy serves the page below a path of its own. */
export const here = (path) => `.${path}`;

export function authorization() {
  const who = session();
  return who ? { Authorization: `Bearer ${who.token}` } : {};
}

export async function request(path, { method = "GET", query, json, body, headers = {} } = {}) {
  const url = query ? `${path}?${new URLSearchParams(clean(query))}` : path;
  const sent = { ...authorization(), ...headers };
  if (json !== undefined) sent["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await reach(url, { method, headers: sent, body: json === undefined ? body : JSON.stringify(json), signal });
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

export async function get(path, query) {
  return (await request(path, { query })).json();
}

export async function problemOf(answer) {
  if (answer.status === 401 && session()) signOut();
  const body = await answer.json().catch(() => ({}));
  return new Problem(body, answer.status);
}

async function reach(url, options) {
  try {
    return await fetch(here(url), options);
  } catch {
    throw new Problem({ detail: "the server does not answer" }, 0);
  }
}

function clean(query) {
  return Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
}

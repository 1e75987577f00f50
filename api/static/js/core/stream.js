// The live stream: reconnects by itself and resumes after the last event. A tab that nobody sees lets go of it.

import { authorization, here, problemOf } from "./api.js";
import { now } from "./now.js";
import { events } from "./sse.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const UNSEEN_MS = 300_000; // a browser has six connections to a server, for all tabs together
const RESUME_WITHIN_MS = 60_000; // after longer breaks, reading over REST is quicker

export class Stream {
  constructor({ onEvent, onState }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.lastId = "";
    this.lastHeard = 0;
    this.began = 0;
    this.heartbeatMs = 15_000;
    this.waitMs = FIRST_WAIT_MS;
    this.generation = 0;
    this.isResting = false;
    document.addEventListener("visibilitychange", () => this.isResting && !document.hidden ? this.start() : this.restLater());
  }

  start() {
    this.stop();
    this.isResting = false;
    this.restLater();
    this.run(this.generation);
  }

  stop() {
    this.generation += 1;
    this.abort?.abort();
    this.wake?.();
  }

  /** Rest when this tab has not been seen for some minutes. */
  restLater() {
    clearTimeout(this.unseen);
    if (document.hidden && !this.isResting) this.unseen = setTimeout(() => this.rest(), UNSEEN_MS);
  }

  rest() {
    this.stop();
    this.isResting = true;
    this.onState({ open: false, isResting: true });
  }

  async run(generation) {
    while (generation === this.generation) {
      const reason = await this.follow(generation).catch((error) => error);
      if (generation !== this.generation) return;
      const needsLogin = reason?.status === 401;
      this.onState({ open: false, needsLogin, reason: reason?.status ? reason.message : "" });
      if (needsLogin) return;
      await this.pause(Math.max(this.waitMs, reason?.retryMs ?? 0));
      this.waitMs = Math.min(this.waitMs * 1.6, LONGEST_WAIT_MS);
    }
  }

  async follow(generation) {
    const abort = (this.abort = new AbortController());
    this.began = now();
    const resumes = this.lastId && now() - this.lastHeard < RESUME_WITHIN_MS;
    const headers = { Accept: "text/event-stream", ...authorization() };
    if (resumes) headers["Last-Event-ID"] = this.lastId;
    const silence = this.watch(abort);
    try {
      const answer = await fetch(here("/v1/stream"), { headers, signal: abort.signal, cache: "no-store" });
      if (!answer.ok) throw await problemOf(answer);
      for await (const event of events(answer.body)) {
        if (generation !== this.generation) return null;
        this.take(event, resumes);
      }
      return null;
    } finally {
      clearInterval(silence);
      abort.abort();
    }
  }

  take(event, resumed) {
    this.checkSilence(); // what waited in the socket while the machine slept is of the past
    this.lastHeard = now();
    if (event.id) this.lastId = event.id;
    if (event.name === "hello") {
      const hello = JSON.parse(event.data);
      this.heartbeatMs = hello.heartbeat_s * 1000;
      this.waitMs = FIRST_WAIT_MS;
      this.onState({ open: true, resumed, staleMs: (hello.stale_s ?? 30) * 1000 });
    } else if (event.name) {
      this.onEvent(event.name, JSON.parse(event.data));
    }
  }

  watch(abort) {
    return setInterval(() => {
      try {
        this.checkSilence();
      } catch (silence) {
        abort.abort(silence);
      }
    }, 1000);
  }

  checkSilence() {
    const quietMs = now() - Math.max(this.began, this.lastHeard);
    if (quietMs > this.heartbeatMs * 2.2) throw new Error("nothing arrived, not even a heartbeat");
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

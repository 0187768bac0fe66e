// What test_node.py has started for a suite, and how to look at it.

import { openSync } from "node:fs";
import { join } from "node:path";

const { gates, bodyLimit, crowd, sums, limited } = JSON.parse(process.env.ROUSE_WORLD);
export { bodyLimit, crowd, sums, limited };

export const BOUND = 60_000; // milliseconds: for a machine that is busy with other things
const BETWEEN_LOOKS = 10;

export function openGate(model) {
  openSync(join(gates, `gate-of-${model}`), "r+"); // for those who wait, and all who come later: it stays open
}

// The first true value of `condition()`.
export async function until(condition, what) {
  const deadline = Date.now() + BOUND;
  while (Date.now() < deadline) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
  }
  throw new Error(`not within ${BOUND} ms: ${what}`);
}

class Daemon {
  constructor(url) {
    this.url = url;
  }

  async json(path, options) {
    const answer = await fetch(this.url + path, options);
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(body)}`);
    return body;
  }

  model(name) {
    return this.json(`/rouse/v1/models/${name}`);
  }

  async loaded() {
    return (await this.json("/rouse/v1/models")).models.filter((model) => model.pid);
  }

  act(verb, name, how) {
    const headers = { "Content-Type": "application/json" };
    return this.json(`/rouse/v1/models/${name}/${verb}`, { method: "POST", headers, body: JSON.stringify(how) });
  }

  load(name) {
    return this.act("load", name, { wait: true });
  }

  unload(name) {
    return this.act("unload", name, {});
  }
}

export const varied = new Daemon(process.env.ROUSE_URL); // a model for each answer and each refusal
export const crowded = new Daemon(process.env.ROUSE_CROWDED_URL); // four models in a budget for two
export const keyed = new Daemon(process.env.ROUSE_KEYED_URL); // each key of `limited` once a minute

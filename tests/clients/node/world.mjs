// What test_node.py has started for a suite, and how to look at it.

const { gate, spoiler, bodyLimit, crowd, sums } = JSON.parse(process.env.ROUSE_WORLD);
export { gate, spoiler, bodyLimit, crowd, sums };

export const BOUND = 60_000; // milliseconds: for a machine that is busy with other things
const BETWEEN_LOOKS = 10;

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

  load(name) {
    const headers = { "Content-Type": "application/json" };
    return this.json(`/rouse/v1/models/${name}/load`, { method: "POST", headers, body: '{"wait": true}' });
  }
}

export const varied = new Daemon(process.env.ROUSE_URL); // a model for each answer and each refusal
export const crowded = new Daemon(process.env.ROUSE_CROWDED_URL); // four models in a budget for two

// What the suites ask, whatever their client, and how they look at what they get.

import assert from "node:assert/strict";

import { crowd, crowded, sums, until, varied } from "./world.mjs";

export const PROMPT = "What is 7 plus 5?";
export const ANSWER = "7 plus 5 is 12.";
export const FOR_EVER = 100_000_000; // tokens
export const ONLY_IF_READY = { "X-Rouse-Load": "only-if-ready" };

export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

// What a call ends with that must not be answered.
export async function failureOf(call) {
  return call.then(
    () => assert.fail("it was answered"),
    (failure) => failure,
  );
}

// Counts what really goes over the wire, retries too.
export function wire(onAnswer = async () => {}) {
  const statuses = [];
  const counting = async (...asked) => {
    const answer = await fetch(...asked);
    statuses.push(answer.status);
    await onAnswer(answer);
    return answer;
  };
  return { statuses, fetch: counting };
}

// For who has just left `endless`: its lease has ended, and its only slot is free for `next`.
export async function expectFreed(t, next) {
  const left = performance.now();
  const since = () => (performance.now() - left).toFixed(1);
  await until(async () => (await varied.model("endless")).leases === 0, "the lease has ended");
  const ended = since();
  await next();
  t.diagnostic(`the lease had ended after ${ended} ms, the next was answered after ${since()} ms`);
}

// 50 calls at once, half of each model's streamed. `ask(model, question, streamed)` gives the text of a whole answer.
export async function expectAllWhole(ask) {
  const answers = Promise.all(
    sums.map(([a, b], turn) => ask(crowd[turn % crowd.length], `What is ${a} plus ${b}?`, turn % 8 >= 4)),
  );
  let done = false;
  const end = () => (done = true);
  answers.then(end, end);
  const seen = [];
  await until(async () => {
    seen.push((await crowded.loaded()).length);
    return done;
  }, "all are answered");
  assert.deepEqual(await answers, sums.map(([a, b]) => `${a} plus ${b} is ${a + b}.`));
  assert.equal(sums.length, 50);
  assert.equal(Math.max(...seen), 2);
  for (const name of crowd) assert.ok((await crowded.model(name)).loads >= 1, name);
}

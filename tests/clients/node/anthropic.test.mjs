// Anthropic's own JavaScript client against the real daemon: what it gets, and which of its errors a refusal becomes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import Anthropic, {
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ContentTooLargeError,
  GatewayTimeoutError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  ServiceUnavailableError,
} from "@anthropic-ai/sdk";

import { all, ANSWER, expectAllWhole, expectFreed, failureOf } from "./asking.mjs";
import { FOR_EVER, ONLY_IF_READY, PROMPT, wire } from "./asking.mjs";
import { bodyLimit, BOUND, crowd, crowded, keyed, limited, openGate, sums, until, varied } from "./world.mjs";

const MESSAGES = [{ role: "user", content: PROMPT }];
const QUESTION = { model: "demo", messages: MESSAGES, temperature: 0, max_tokens: 40 };

function clientOf(daemon, options = {}) {
  return new Anthropic({ baseURL: daemon.url, apiKey: "none", timeout: BOUND, maxRetries: 0, ...options });
}

const client = clientOf(varied);

function textOf(message) {
  return message.content.map((block) => block.text).join("");
}

function textOfEvents(events) {
  return events.map((event) => event.delta?.text ?? "").join("");
}

describe("answers", () => {
  test("the list holds every model and alias", async () => {
    const models = await all(client.models.list());
    const ids = models.map((model) => model.id);
    for (const id of ["demo", "gpt-4o-mini", "org/plain", "embed", "huge"]) assert.ok(ids.includes(id), id);
    assert.equal(ids.length, new Set(ids).size);
    for (const { type, display_name, created_at } of models) {
      assert.deepEqual([type, display_name !== "", Number.isNaN(Date.parse(created_at))], ["model", true, false]);
    }
  });

  test("a model is retrieved by a name with a slash", async () => {
    const model = await client.models.retrieve("org/plain");
    assert.deepEqual([model.id, model.type], ["org/plain", "model"]);
  });

  test("a message at once", async () => {
    const { data, response, request_id } = await client.messages.create(QUESTION).withResponse();
    assert.deepEqual([data.type, data.role, data.model], ["message", "assistant", "demo"]);
    assert.deepEqual(data.content.map((block) => [block.type, block.text]), [["text", ANSWER]]);
    assert.equal(data.stop_reason, "end_turn");
    assert.ok(data.usage.output_tokens > 0);
    assert.ok(request_id);
    assert.match(response.headers.get("Server-Timing"), /^queue;dur=/);
  });

  test("an alias, content in blocks, and a system's word", async () => {
    const messages = [{ role: "user", content: [{ type: "text", text: PROMPT }] }];
    const asked = { ...QUESTION, model: "gpt-4o-mini", system: "Count well.", messages };
    assert.equal(textOf(await client.messages.create(asked)), ANSWER);
  });

  test("a message that is cut off by its limit", async () => {
    const message = await client.messages.create({ ...QUESTION, max_tokens: 2 });
    assert.deepEqual([message.stop_reason, message.usage.output_tokens], ["max_tokens", 2]);
    assert.ok(ANSWER.startsWith(textOf(message)));
  });

  test("a streamed message", async () => {
    const events = await all(await client.messages.create({ ...QUESTION, stream: true }));
    assert.equal(textOfEvents(events), ANSWER);
    assert.ok(events.filter((event) => event.type === "content_block_delta").length > 1);
    assert.deepEqual(
      events.map((event) => event.type).filter((type) => type !== "content_block_delta"),
      ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"],
    );
    assert.equal(events.at(-2).delta.stop_reason, "end_turn");
    assert.ok(events.at(-2).usage.output_tokens > 1);
  });

  test("the client's own assembly of a stream", async () => {
    const message = await client.messages.stream(QUESTION).finalMessage();
    assert.deepEqual([textOf(message), message.stop_reason], [ANSWER, "end_turn"]);
    assert.ok(message.usage.output_tokens > 1);
  });

  test("a stream begins while its model still loads", async () => {
    const stream = await client.messages.create({ ...QUESTION, model: "gated", stream: true });
    assert.equal((await varied.model("gated")).state, "loading");
    openGate("gated");
    assert.equal(textOfEvents(await all(stream)), ANSWER);
  });

  test("tokens are counted as the answer's usage counts them", async () => {
    const { input_tokens } = await client.messages.countTokens({ model: "demo", messages: MESSAGES });
    const { usage } = await client.messages.create(QUESTION);
    assert.ok(input_tokens > 3);
    assert.equal(input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
    const twice = [{ role: "user", content: PROMPT + PROMPT }];
    assert.ok((await client.messages.countTokens({ model: "demo", messages: twice })).input_tokens > input_tokens);
  });
});

describe("a deadline in the middle of an answer ends it with what there is", () => {
  const asked = { model: "endless", messages: MESSAGES, max_tokens: FOR_EVER };
  const headers = { "X-Rouse-Deadline": "3s" };

  for (const [how, ask] of Object.entries({
    "at once": () => client.messages.create(asked, { headers }),
    streamed: () => client.messages.stream(asked, { headers }).finalMessage(),
  })) {
    test(how, async () => {
      await client.messages.create({ ...asked, max_tokens: 1 }); // loaded
      const message = await ask();
      assert.equal(message.stop_reason, "max_tokens");
      assert.ok(textOf(message));
      assert.ok(message.usage.output_tokens > 0);
    });
  }
});

describe("tools", () => {
  const tool = (description) => ({
    name: "count",
    description,
    input_schema: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
  });

  for (const tool_choice of [{ type: "auto" }, { type: "none" }, { type: "any" }, { type: "tool", name: "count" }]) {
    test(`they pass with the choice ${tool_choice.type}`, async () => {
      const message = await client.messages.create({ ...QUESTION, tools: [tool("It counts.")], tool_choice });
      assert.equal(textOf(message), ANSWER);
    });
  }

  const asked = { ...QUESTION, model: "tools", messages: [{ role: "user", content: "Count for me." }] };

  test("the engine sees them", async () => {
    assert.equal(textOf(await client.messages.create({ ...asked, tools: [tool(PROMPT)] })), ANSWER);
    assert.equal(textOf(await client.messages.stream({ ...asked, tools: [tool(PROMPT)] }).finalMessage()), ANSWER);
    assert.notEqual(textOf(await client.messages.create(asked)), ANSWER);
  });

  test("they are counted", async () => {
    const { model, messages } = asked;
    const without = await client.messages.countTokens({ model, messages });
    const counted = await client.messages.countTokens({ model, messages, tools: [tool(PROMPT.repeat(3))] });
    assert.ok(counted.input_tokens > without.input_tokens);
  });

  test("what one said passes", async () => {
    const messages = [
      ...MESSAGES,
      { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "count", input: { a: 7 } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "12" }] },
    ];
    const message = await client.messages.create({ ...QUESTION, messages, tools: [tool("It counts.")] });
    assert.equal(textOf(message), ANSWER);
  });
});

describe("leaving", () => {
  const endless = { model: "endless", messages: MESSAGES, max_tokens: FOR_EVER };
  const next = async () => {
    assert.equal((await client.messages.create({ ...endless, max_tokens: 3 })).usage.output_tokens, 3);
  };

  test("a stream aborted in the middle stops the engine", async (t) => {
    const stream = await client.messages.create({ ...endless, stream: true });
    let deltas = 0;
    for await (const event of stream) {
      if (event.type !== "content_block_delta" || ++deltas < 5) continue;
      if (deltas === 5) assert.equal((await varied.model("endless")).leases, 1);
      stream.controller.abort();
    }
    assert.ok(deltas >= 5);
    await expectFreed(t, next);
  });

  test("an assembly aborted in the middle stops the engine", async (t) => {
    const stream = client.messages.stream(endless);
    const failure = assert.rejects(stream.done(), APIUserAbortError);
    await stream.emitted("text");
    stream.abort();
    await failure;
    await expectFreed(t, next);
  });

  test("a stream that nobody reads to its end stops the engine", async (t) => {
    for await (const event of await client.messages.create({ ...endless, stream: true })) {
      if (event.type === "content_block_delta") break;
    }
    await expectFreed(t, next);
  });

  test("a cancelled call stops the engine", async (t) => {
    const aborter = new AbortController();
    const failure = assert.rejects(client.messages.create(endless, { signal: aborter.signal }), APIUserAbortError);
    await until(async () => (await varied.model("endless")).leases === 1, "it is admitted");
    aborter.abort();
    await failure;
    await expectFreed(t, next);
  });

  test("a call that the client gives up stops the engine", async (t) => {
    await next(); // and loaded: the second is for the answer
    await assert.rejects(client.messages.create(endless, { timeout: 1000 }), APIConnectionTimeoutError);
    await expectFreed(t, next);
  });
});

// The error that a call ends with: of this very class, with this status and this type.
async function refused(kind, status, type, call) {
  const error = await failureOf(call);
  assert.equal(error.constructor, kind, error.stack);
  assert.deepEqual([error.status, error.type], [status, type]);
  assert.ok(error.requestID);
  assert.equal(error.error.request_id, error.requestID);
  return error;
}

describe("refusals", () => {
  const ask = (model, headers = {}) => client.messages.create({ ...QUESTION, model }, { headers });
  const count = (model) => client.messages.countTokens({ model, messages: MESSAGES });

  test("an unknown model is not found, with the nearest names", async () => {
    for (const call of [ask, count]) {
      assert.match((await refused(NotFoundError, 404, "not_found_error", call("dmeo"))).apiMessage, /"demo"/);
    }
    const error = await refused(NotFoundError, 404, "not_found_error", client.models.retrieve("org/plian"));
    assert.match(error.apiMessage, /"org\/plain"/);
  });

  const malformed = {
    "no model": [{ messages: MESSAGES }, /model/],
    "a model that is a number": [{ ...QUESTION, model: 7 }, /"model" must be a string/],
    "a stream that is a word": [{ ...QUESTION, stream: "yes" }, /"stream" must be/],
    "no object": [["demo"], /object/],
  };
  for (const [what, [body, message]] of Object.entries(malformed)) {
    for (const path of ["/v1/messages", "/v1/messages/count_tokens"]) {
      test(`${what} is a bad request to ${path}`, async () => {
        const error = await refused(BadRequestError, 400, "invalid_request_error", client.post(path, { body }));
        assert.match(error.apiMessage, message);
      });
    }
  }

  const refusedByTheEngine = {
    "a temperature that is a word": [{ ...QUESTION, temperature: "hot" }, /temperature/],
    "a question too long for its context": [
      { ...QUESTION, messages: [{ role: "user", content: "x ".repeat(3000) }] },
      /context/,
    ],
  };
  for (const [what, [body, message]] of Object.entries(refusedByTheEngine)) {
    test(`${what} is a bad request`, async () => {
      const error = await refused(BadRequestError, 400, "invalid_request_error", client.post("/v1/messages", { body }));
      assert.match(error.apiMessage, message);
    });
  }

  test("broken JSON is a bad request", async () => {
    const body = new TextEncoder().encode('{"model": "demo", "messages": [}');
    const headers = { "Content-Type": "application/json" };
    await refused(BadRequestError, 400, "invalid_request_error", client.post("/v1/messages", { body, headers }));
  });

  test("a header that makes no sense is a bad request", async () => {
    const call = ask("demo", { "X-Rouse-Keep": "a while" });
    assert.match((await refused(BadRequestError, 400, "invalid_request_error", call)).apiMessage, /X-Rouse-Keep/);
  });

  for (const size of [bodyLimit, 8 * bodyLimit]) {
    test(`a body of ${size} bytes is too large`, async () => {
      const messages = [{ role: "user", content: "x".repeat(size) }];
      const large = { model: "demo", messages };
      await refused(ContentTooLargeError, 413, "request_too_large", client.messages.create({ ...QUESTION, ...large }));
      await refused(ContentTooLargeError, 413, "request_too_large", client.messages.countTokens(large));
    });
  }

  test("another site's page is denied", async () => {
    await refused(PermissionDeniedError, 403, "permission_error", ask("demo", { Origin: "http://elsewhere.example" }));
  });

  test("a stranger is not authenticated, and who asks too often is limited", async () => {
    const ask = (apiKey) => clientOf(keyed, { apiKey }).messages.countTokens({ model: "plain", messages: MESSAGES });
    await refused(AuthenticationError, 401, "authentication_error", ask("none"));
    assert.ok((await ask(limited[0])).input_tokens);
    const error = await refused(RateLimitError, 429, "rate_limit_error", ask(limited[0]));
    assert.ok(Number(error.headers.get("Retry-After")) >= 1);
  });

  test("a model that cannot be loaded is 502", async () => {
    for (const call of [ask, count]) await refused(InternalServerError, 502, "api_error", call("broken"));
  });

  test("a cold model stays cold for who wants it only if ready", async () => {
    const error = await refused(ServiceUnavailableError, 503, "overloaded_error", ask("untouched", ONLY_IF_READY));
    assert.ok(Number(error.headers.get("Retry-After")) >= 1);
    const { state, loads } = await varied.model("untouched");
    assert.deepEqual([state, loads], ["cold", 0]);
  });

  test("a deadline that passes is 504", async () => {
    await refused(GatewayTimeoutError, 504, "timeout_error", ask("stuck", { "X-Rouse-Deadline": "300ms" }));
    assert.equal((await varied.model("stuck")).waiting, 0);
  });

  test("a failure after a stream has begun is an error in it", async () => {
    const stream = await client.messages.create({ ...QUESTION, model: "spoilt", stream: true });
    openGate("spoilt");
    const error = await failureOf(all(stream));
    assert.equal(error.constructor, APIError, error.stack);
    assert.deepEqual([error.status, error.type], [undefined, "api_error"]);
    assert.equal(error.error.request_id, error.requestID);
  });
});

describe("trying again", () => {
  test("what can never fit is 507, and not tried again", async () => {
    const { statuses, fetch } = wire();
    const patient = clientOf(varied, { maxRetries: 2, fetch });
    const call = patient.messages.create({ ...QUESTION, model: "huge" });
    assert.match((await refused(InternalServerError, 507, "api_error", call)).apiMessage, /9 GiB.*8 GiB/);
    assert.deepEqual(statuses, [507]);
  });

  test("what is not ready is tried again, and answered once it is", async () => {
    const { statuses, fetch } = wire(async (answer) => {
      if (answer.status === 503) await varied.load("later");
    });
    const patient = clientOf(varied, { maxRetries: 2, fetch });
    const asked = { model: "later", messages: MESSAGES, max_tokens: 3 };
    const message = await patient.messages.create(asked, { headers: ONLY_IF_READY });
    assert.equal(message.usage.output_tokens, 3);
    assert.deepEqual(statuses, [503, 200]);
  });
});

describe("many at once", () => {
  test("50 calls over four models in a budget for two are all answered whole", async () => {
    const client = clientOf(crowded);
    await expectAllWhole(async (model, content, streamed) => {
      const asked = { ...QUESTION, model, messages: [{ role: "user", content }] };
      const message = streamed
        ? await client.messages.stream(asked).finalMessage()
        : await client.messages.create(asked);
      assert.equal(message.stop_reason, "end_turn");
      return textOf(message);
    });
  });

  test("50 counts over four models in a budget for two are all right", async () => {
    const client = clientOf(crowded);
    const turns = sums.map((_, turn) => turn + 1);
    const counts = await Promise.all(
      turns.map(async (turn) => {
        const messages = [{ role: "user", content: PROMPT.repeat(turn) }];
        const asked = { model: crowd[turn % crowd.length], messages };
        return (await client.messages.countTokens(asked)).input_tokens;
      }),
    );
    const [once, twice] = counts;
    assert.deepEqual(counts, turns.map((turn) => once + (turn - 1) * (twice - once)));
  });
});

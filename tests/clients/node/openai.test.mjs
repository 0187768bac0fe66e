// OpenAI's own JavaScript client against the real daemon: what it gets, and which of its errors a refusal becomes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import OpenAI, {
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";

import { all, ANSWER, expectAllWhole, expectFreed, failureOf } from "./asking.mjs";
import { FOR_EVER, ONLY_IF_READY, PROMPT, wire } from "./asking.mjs";
import { bodyLimit, BOUND, crowded, keyed, limited, openGate, until, varied } from "./world.mjs";

const QUESTION = [{ role: "user", content: PROMPT }];

function clientOf(daemon, options = {}) {
  return new OpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "none", timeout: BOUND, maxRetries: 0, ...options });
}

const client = clientOf(varied);

function said(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

describe("answers", () => {
  test("the list holds every model and alias", async () => {
    const ids = (await all(client.models.list())).map((model) => model.id);
    for (const id of ["demo", "gpt-4o-mini", "org/plain", "embed", "huge"]) assert.ok(ids.includes(id), id);
    assert.equal(ids.length, new Set(ids).size);
  });

  test("a model is retrieved by a name with a slash", async () => {
    const model = await client.models.retrieve("org/plain");
    assert.deepEqual([model.id, model.object, model.owned_by], ["org/plain", "model", "rouse"]);
  });

  test("one-shot chat", async () => {
    const asked = { model: "demo", messages: QUESTION, temperature: 0, max_tokens: 40 };
    const { data, response, request_id } = await client.chat.completions.create(asked).withResponse();
    assert.equal(data.choices.length, 1);
    assert.equal(data.choices[0].message.content, ANSWER);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.equal(data.model, "demo");
    assert.ok(data.usage.completion_tokens > 0);
    assert.ok(request_id);
    assert.match(response.headers.get("Server-Timing"), /^queue;dur=/);
  });

  test("an alias, and content in parts", async () => {
    const messages = [{ role: "user", content: [{ type: "text", text: "What is 7 plus 5?" }] }];
    const asked = { model: "gpt-4o-mini", messages, temperature: 0, max_tokens: 40 };
    assert.equal((await client.chat.completions.create(asked)).choices[0].message.content, ANSWER);
  });

  test("streamed chat", async () => {
    const asked = { model: "demo", messages: QUESTION, temperature: 0, max_tokens: 40 };
    const more = { stream: true, stream_options: { include_usage: true } };
    const chunks = await all(await client.chat.completions.create({ ...asked, ...more }));
    assert.equal(said(chunks), ANSWER);
    assert.ok(chunks.filter((chunk) => chunk.choices[0]?.delta.content).length > 1);
    assert.equal(chunks.filter((chunk) => chunk.choices.length).at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.at(-1).usage.completion_tokens > 1);
  });

  test("the client's own assembly of a stream", async () => {
    const asked = { model: "demo", messages: QUESTION, temperature: 0, max_tokens: 40 };
    const answer = await client.chat.completions.stream(asked).finalChatCompletion();
    assert.equal(answer.choices[0].message.content, ANSWER);
  });

  test("completions are the same at once and streamed", async () => {
    const asked = { model: "org/plain", prompt: "Once", max_tokens: 12, temperature: 0 };
    const answer = await client.completions.create(asked);
    assert.equal(answer.usage.completion_tokens, 12);
    assert.equal(answer.choices[0].finish_reason, "length");
    const chunks = await all(await client.completions.create({ ...asked, stream: true }));
    assert.ok(chunks.length > 1);
    assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(""), answer.choices[0].text);
  });

  test("embeddings are the same packed and plain", async () => {
    const asked = { model: "embed", input: ["one model", "two models", "a heap of bytes"] };
    const packed = await client.embeddings.create(asked); // the client asks for base64 and unpacks it
    const plain = await client.embeddings.create({ ...asked, encoding_format: "float" });
    const furthest = (one, other) => Math.max(...one.map((value, i) => Math.abs(value - other[i])));
    assert.deepEqual(packed.data.map((row) => row.index), [0, 1, 2]);
    packed.data.forEach((row, i) => {
      assert.equal(row.embedding.length, 64);
      assert.ok(furthest(row.embedding, plain.data[i].embedding) < 1e-4);
    });
    assert.ok(furthest(packed.data[0].embedding, packed.data[2].embedding) > 1e-2);
  });

  test("a stream begins while its model still loads", async () => {
    const asked = { model: "gated", messages: QUESTION, temperature: 0, max_tokens: 40, stream: true };
    const stream = await client.chat.completions.create(asked);
    assert.equal((await varied.model("gated")).state, "loading");
    openGate("gated");
    assert.equal(said(await all(stream)), ANSWER);
  });
});

describe("tools", () => {
  const tool = (description) => ({
    type: "function",
    function: {
      name: "count",
      description,
      parameters: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
    },
  });

  for (const tool_choice of ["auto", "none", "required", { type: "function", function: { name: "count" } }]) {
    test(`they pass with the choice ${JSON.stringify(tool_choice)}`, async () => {
      const asked = { model: "demo", messages: QUESTION, temperature: 0, max_tokens: 40 };
      const answer = await client.chat.completions.create({ ...asked, tools: [tool("It counts.")], tool_choice });
      assert.equal(answer.choices[0].message.content, ANSWER);
    });
  }

  test("the engine sees them", async () => {
    const messages = [{ role: "user", content: "Count for me." }];
    const asked = { model: "tools", messages, temperature: 0, max_tokens: 40 };
    const seen = await client.chat.completions.create({ ...asked, tools: [tool("What is 7 plus 5?")] });
    assert.equal(seen.choices[0].message.content, ANSWER);
    const without = await client.chat.completions.create(asked);
    assert.notEqual(without.choices[0].message.content, ANSWER);
  });

  test("what one said passes", async () => {
    const call = { id: "call-1", type: "function", function: { name: "count", arguments: '{"a": 7}' } };
    const messages = [
      ...QUESTION,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call-1", content: "12" },
    ];
    const asked = { model: "demo", messages, tools: [tool("It counts.")], temperature: 0, max_tokens: 40 };
    assert.equal((await client.chat.completions.create(asked)).choices[0].message.content, ANSWER);
  });
});

describe("leaving", () => {
  const next = async () => {
    const answer = await client.chat.completions.create({ model: "endless", messages: QUESTION, max_tokens: 3 });
    assert.equal(answer.usage.completion_tokens, 3);
  };

  const endless = { model: "endless", messages: QUESTION, max_tokens: FOR_EVER };

  test("a stream aborted in the middle stops the engine", async (t) => {
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    let chunks = 0;
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      if (++chunks < 5) continue;
      if (chunks === 5) assert.equal((await varied.model("endless")).leases, 1);
      stream.controller.abort();
    }
    assert.ok(chunks >= 5);
    await expectFreed(t, next);
  });

  test("a stream that nobody reads to its end stops the engine", async (t) => {
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
    await expectFreed(t, next);
  });

  test("a cancelled call stops the engine", async (t) => {
    const aborter = new AbortController();
    const call = client.chat.completions.create(endless, { signal: aborter.signal });
    const failure = assert.rejects(call, APIUserAbortError);
    await until(async () => (await varied.model("endless")).leases === 1, "it is admitted");
    aborter.abort();
    await failure;
    await expectFreed(t, next);
  });

  test("a call that the client gives up stops the engine", async (t) => {
    await next(); // and loaded: the second is for the answer
    await assert.rejects(client.chat.completions.create(endless, { timeout: 1000 }), APIConnectionTimeoutError);
    await expectFreed(t, next);
  });
});

// The error that a call ends with: of this very class, with this status.
async function refused(kind, status, call) {
  const error = await failureOf(call);
  assert.equal(error.constructor, kind, error.stack);
  assert.equal(error.status, status);
  assert.ok(error.requestID);
  return error;
}

describe("refusals", () => {
  const chat = (model, headers = {}) => client.chat.completions.create({ model, messages: QUESTION }, { headers });

  test("an unknown model is not found, with the nearest names", async () => {
    const error = await refused(NotFoundError, 404, chat("dmeo"));
    assert.match(error.message, /"demo"/);
    assert.deepEqual([error.code, error.param, error.type], ["model_not_found", "model", "invalid_request_error"]);
    await refused(NotFoundError, 404, client.embeddings.create({ model: "dmeo", input: "x" }));
    assert.match((await refused(NotFoundError, 404, client.models.retrieve("org/plian"))).message, /"org\/plain"/);
  });

  const malformed = {
    "no model": [{ messages: QUESTION }, /model/],
    "a model that is a number": [{ model: 7, messages: QUESTION }, /"model" must be a string/],
    "a stream that is a word": [{ model: "demo", messages: QUESTION, stream: "yes" }, /"stream" must be/],
    "no messages": [{ model: "demo" }, /messages/], // the engine's own refusal
    "a temperature that is a word": [{ model: "demo", messages: QUESTION, temperature: "hot" }, /temperature/],
    "no object": [["demo"], /object/],
  };
  for (const [what, [body, message]] of Object.entries(malformed)) {
    test(`${what} is a bad request`, async () => {
      const error = await refused(BadRequestError, 400, client.post("/chat/completions", { body }));
      assert.match(error.message, message);
      assert.equal(error.type, "invalid_request_error");
    });
  }

  test("broken JSON is a bad request", async () => {
    const body = new TextEncoder().encode('{"model": "demo", "messages": [}');
    const headers = { "Content-Type": "application/json" };
    const error = await refused(BadRequestError, 400, client.post("/chat/completions", { body, headers }));
    assert.equal(error.code, "invalid_request");
  });

  test("a header that makes no sense is a bad request", async () => {
    const error = await refused(BadRequestError, 400, chat("demo", { "X-Rouse-Keep": "a while" }));
    assert.match(error.message, /X-Rouse-Keep/);
  });

  for (const size of [bodyLimit, 8 * bodyLimit]) {
    test(`a body of ${size} bytes is too large`, async () => {
      const messages = [{ role: "user", content: "x".repeat(size) }];
      const error = await refused(APIError, 413, client.chat.completions.create({ model: "demo", messages }));
      assert.equal(error.code, "request_too_large");
    });
  }

  test("another site's page is denied", async () => {
    await refused(PermissionDeniedError, 403, chat("demo", { Origin: "http://elsewhere.example" }));
  });

  test("a stranger is not authenticated, and who asks too often is limited", async () => {
    const asked = { model: "plain", prompt: "x", max_tokens: 1 };
    const ask = (apiKey) => clientOf(keyed, { apiKey }).completions.create(asked);
    assert.equal((await refused(AuthenticationError, 401, ask("none"))).code, "invalid_api_key");
    assert.equal((await ask(limited[0])).usage.completion_tokens, 1);
    const error = await refused(RateLimitError, 429, ask(limited[0]));
    assert.equal(error.code, "rate_limit_exceeded");
    assert.ok(Number(error.headers.get("Retry-After")) >= 1);
  });

  test("a model that cannot be loaded is 502", async () => {
    assert.equal((await refused(InternalServerError, 502, chat("broken"))).code, "model_load_failed");
  });

  test("a cold model stays cold for who wants it only if ready", async () => {
    const error = await refused(InternalServerError, 503, chat("untouched", ONLY_IF_READY));
    assert.ok(Number(error.headers.get("Retry-After")) >= 1);
    const { state, loads } = await varied.model("untouched");
    assert.deepEqual([state, loads], ["cold", 0]);
  });

  test("a deadline that passes is 504", async () => {
    const error = await refused(InternalServerError, 504, chat("stuck", { "X-Rouse-Deadline": "300ms" }));
    assert.equal(error.code, "deadline_exceeded");
    assert.equal((await varied.model("stuck")).waiting, 0);
  });

  test("a failure after a stream has begun is an error in it", async () => {
    const stream = await client.chat.completions.create({ model: "spoilt", messages: QUESTION, stream: true });
    openGate("spoilt");
    await assert.rejects(all(stream), (error) => {
      assert.equal(error.constructor, APIError);
      assert.equal(error.code, "model_load_failed");
      return true;
    });
  });
});

describe("trying again", () => {
  test("what can never fit is 507, and not tried again", async () => {
    const { statuses, fetch } = wire();
    const patient = clientOf(varied, { maxRetries: 2, fetch });
    const call = patient.chat.completions.create({ model: "huge", messages: QUESTION });
    const error = await refused(InternalServerError, 507, call);
    assert.equal(error.code, "model_too_large");
    assert.match(error.message, /9 GiB.*8 GiB/);
    assert.deepEqual(statuses, [507]);
  });

  test("what is not ready is tried again, and answered once it is", async () => {
    const { statuses, fetch } = wire(async (answer) => {
      if (answer.status === 503) await varied.load("later");
    });
    const patient = clientOf(varied, { maxRetries: 2, fetch });
    const asked = { model: "later", messages: QUESTION, max_tokens: 3 };
    const answer = await patient.chat.completions.create(asked, { headers: ONLY_IF_READY });
    assert.equal(answer.usage.completion_tokens, 3);
    assert.deepEqual(statuses, [503, 200]);
  });
});

describe("many at once", () => {
  test("50 calls over four models in a budget for two are all answered whole", async () => {
    const client = clientOf(crowded);
    await expectAllWhole(async (model, content, streamed) => {
      const asked = { model, messages: [{ role: "user", content }], temperature: 0, max_tokens: 40 };
      if (!streamed) {
        const answer = await client.chat.completions.create(asked);
        assert.equal(answer.choices[0].finish_reason, "stop");
        return answer.choices[0].message.content;
      }
      const chunks = await all(await client.chat.completions.create({ ...asked, stream: true }));
      assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
      return said(chunks);
    });
  });
});

// Vercel's AI SDK against the real daemon, by OpenAI's dialect and by Anthropic's: what it gets, and which of its
// errors a refusal becomes. It has no list of models, and takes no notice of `x-should-retry`: 507 too it tries again.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, jsonSchema, streamText, tool } from "ai";

import { all, ANSWER, expectAllWhole, expectFreed, failureOf } from "./asking.mjs";
import { FOR_EVER, ONLY_IF_READY, PROMPT, wire } from "./asking.mjs";
import { BOUND, bodyLimit, crowded, keyed, limited, openGate, until, varied } from "./world.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // of what a provider cannot do

function providerOf(create, daemon, options = {}) {
  return create({ name: "rouse", baseURL: `${daemon.url}/v1`, apiKey: "none", ...options });
}

const openai = (daemon, options) => providerOf(createOpenAICompatible, daemon, { includeUsage: true, ...options });
const anthropic = (daemon, options) => providerOf(createAnthropic, daemon, options);

const QUESTION = { prompt: PROMPT, temperature: 0, maxOutputTokens: 40, maxRetries: 0 };

function generate(model, more = {}) {
  return generateText({ ...QUESTION, abortSignal: AbortSignal.timeout(BOUND), ...more, model });
}

// The text of a stream, why it ended and what it took.
async function stream(model, more = {}) {
  const failures = [];
  const onError = ({ error }) => failures.push(error);
  const result = streamText({ ...QUESTION, abortSignal: AbortSignal.timeout(BOUND), onError, ...more, model });
  const pieces = await all(result.textStream);
  if (failures.length) throw failures[0];
  return { pieces, text: pieces.join(""), finishReason: await result.finishReason, usage: await result.usage };
}

const count = (description) =>
  tool({
    description,
    inputSchema: jsonSchema({ type: "object", properties: { a: { type: "integer" } }, required: ["a"] }),
  });

function speaks({ provider, typesOf, failureInStream, gated, spoilt, key }) {
  const models = provider(varied);

  describe("answers", () => {
    test("at once", async () => {
      const { text, finishReason, usage, response } = await generate(models("demo"));
      assert.deepEqual([text, finishReason, response.modelId], [ANSWER, "stop", "demo"]);
      assert.ok(usage.inputTokens > 3 && usage.outputTokens > 3);
      assert.ok(response.headers["x-request-id"]);
      assert.match(response.headers["server-timing"], /^queue;dur=/);
    });

    test("by an alias, a name with a slash, and messages in parts", async () => {
      const messages = [{ role: "user", content: [{ type: "text", text: PROMPT }] }];
      assert.equal((await generate(models("gpt-4o-mini"), { prompt: undefined, messages })).text, ANSWER);
      assert.ok((await generate(models("org/plain"))).text);
    });

    test("cut off by its limit", async () => {
      const { text, finishReason, usage } = await generate(models("demo"), { maxOutputTokens: 2 });
      assert.deepEqual([finishReason, usage.outputTokens], ["length", 2]);
      assert.ok(ANSWER.startsWith(text));
    });

    test("streamed", async () => {
      const { pieces, text, finishReason, usage } = await stream(models("demo"));
      assert.deepEqual([text, finishReason], [ANSWER, "stop"]);
      assert.ok(pieces.length > 1);
      assert.ok(usage.outputTokens > 1);
    });

    test("a stream begins while its model still loads", async () => {
      const { statuses, fetch } = wire(async () => {
        assert.equal((await varied.model(gated)).state, "loading");
        openGate(gated);
      });
      assert.equal((await stream(provider(varied, { fetch })(gated))).text, ANSWER);
      assert.deepEqual(statuses, [200]);
    });
  });

  describe("tools", () => {
    for (const toolChoice of ["auto", "none"]) {
      test(`they pass with the choice ${toolChoice}`, async () => {
        const { text } = await generate(models("demo"), { tools: { count: count("It counts.") }, toolChoice });
        assert.equal(text, ANSWER);
      });
    }

    test("the engine sees them", async () => {
      const asked = { prompt: "Count for me." };
      const tools = { count: count(PROMPT) };
      assert.equal((await generate(models("tools"), { ...asked, tools })).text, ANSWER);
      assert.equal((await stream(models("tools"), { ...asked, tools })).text, ANSWER);
      assert.notEqual((await generate(models("tools"), asked)).text, ANSWER);
    });

    test("what one said passes", async () => {
      const called = { toolCallId: "call-1", toolName: "count" };
      const messages = [
        { role: "user", content: PROMPT },
        { role: "assistant", content: [{ type: "tool-call", ...called, input: { a: 7 } }] },
        { role: "tool", content: [{ type: "tool-result", ...called, output: { type: "text", value: "12" } }] },
      ];
      const asked = { prompt: undefined, messages, tools: { count: count("It counts.") } };
      assert.equal((await generate(models("demo"), asked)).text, ANSWER);
    });
  });

  describe("leaving", () => {
    const next = async () => {
      assert.equal((await generate(models("endless"), { maxOutputTokens: 3 })).usage.outputTokens, 3);
    };

    test("a stream aborted in the middle stops the engine", async (t) => {
      const aborter = new AbortController();
      const asked = { ...QUESTION, maxOutputTokens: FOR_EVER, abortSignal: aborter.signal };
      const kinds = [];
      for await (const { type } of streamText({ ...asked, model: models("endless") }).fullStream) {
        kinds.push(type);
        if (kinds.filter((kind) => kind === "text-delta").length !== 5 || aborter.signal.aborted) continue;
        assert.equal((await varied.model("endless")).leases, 1);
        aborter.abort();
      }
      assert.equal(kinds.at(-1), "abort");
      await expectFreed(t, next);
    });

    test("a cancelled call stops the engine", async (t) => {
      const aborter = new AbortController();
      const asked = { maxOutputTokens: FOR_EVER, abortSignal: aborter.signal };
      const failure = assert.rejects(generate(models("endless"), asked), { name: "AbortError" });
      await until(async () => (await varied.model("endless")).leases === 1, "it is admitted");
      aborter.abort();
      await failure;
      await expectFreed(t, next);
    });

    test("a call that the client gives up stops the engine", async (t) => {
      await next(); // and loaded: the second is for the answer
      const asked = { maxOutputTokens: FOR_EVER, timeout: 1000 };
      await assert.rejects(generate(models("endless"), asked), { name: "TimeoutError" });
      await expectFreed(t, next);
    });
  });

  // The error that a call ends with: the client's own, with this status, read as the dialect has it.
  async function refused(status, call) {
    const error = await failureOf(call);
    assert.ok(APICallError.isInstance(error), error.stack);
    assert.equal(error.statusCode, status);
    assert.equal(error.data.error.type, typesOf[status]);
    assert.equal(error.message, error.data.error.message);
    assert.ok(error.responseHeaders["x-request-id"]);
    return error;
  }

  describe("refusals", () => {
    test("an unknown model is not found, with the nearest names", async () => {
      for (const ask of [generate, stream]) assert.match((await refused(404, ask(models("dmeo")))).message, /"demo"/);
    });

    test("a question too long for its context is a bad request", async () => {
      const call = generate(models("demo"), { prompt: "x ".repeat(3000) });
      const error = await failureOf(call); // in the engine's words
      assert.ok(APICallError.isInstance(error), error.stack);
      assert.deepEqual([error.statusCode, error.isRetryable], [400, false]);
      assert.match(error.message, /context/);
    });

    test("a header that makes no sense is a bad request", async () => {
      const call = generate(models("demo"), { headers: { "X-Rouse-Keep": "a while" } });
      assert.match((await refused(400, call)).message, /X-Rouse-Keep/);
    });

    test("no model is a bad request", async () => {
      assert.match((await refused(400, generate(models("")))).message, /model/);
    });

    for (const size of [bodyLimit, 8 * bodyLimit]) {
      test(`a body of ${size} bytes is too large`, async () => {
        await refused(413, generate(models("demo"), { prompt: "x".repeat(size) }));
      });
    }

    test("another site's page is denied", async () => {
      await refused(403, generate(models("demo"), { headers: { Origin: "http://elsewhere.example" } }));
    });

    test("a stranger is not authenticated, and who asks too often is limited", async () => {
      const ask = (apiKey) => generate(provider(keyed, { apiKey })("plain"), { maxOutputTokens: 1 });
      await refused(401, ask("none"));
      assert.equal((await ask(key)).usage.outputTokens, 1);
      const error = await refused(429, ask(key));
      assert.equal(error.isRetryable, true);
      assert.ok(Number(error.responseHeaders["retry-after"]) >= 1);
    });

    test("a model that cannot be loaded is 502", async () => {
      await refused(502, generate(models("broken")));
    });

    test("what can never fit is 507", async () => {
      assert.match((await refused(507, generate(models("huge")))).message, /9 GiB.*8 GiB/);
    });

    test("a cold model stays cold for who wants it only if ready", async () => {
      const error = await refused(503, generate(models("untouched"), { headers: ONLY_IF_READY }));
      assert.equal(error.isRetryable, true);
      assert.ok(Number(error.responseHeaders["retry-after"]) >= 1);
      const { state, loads } = await varied.model("untouched");
      assert.deepEqual([state, loads], ["cold", 0]);
    });

    test("a deadline that passes is 504", async () => {
      await refused(504, generate(models("stuck"), { headers: { "X-Rouse-Deadline": "300ms" } }));
      assert.equal((await varied.model("stuck")).waiting, 0);
    });

    test("a failure after a stream has begun is an error in it", async () => {
      const { statuses, fetch } = wire(() => openGate(spoilt));
      const error = await failureOf(stream(provider(varied, { fetch })(spoilt)));
      assert.deepEqual(statuses, [200]);
      assert.match(error.message, /"spoilt.*could not be loaded/);
      failureInStream(error);
    });
  });

  test("what is not ready is tried again, and answered once it is", async () => {
    await varied.unload("later");
    const { statuses, fetch } = wire(async (answer) => {
      if (answer.status === 503) await varied.load("later");
    });
    const asked = { headers: ONLY_IF_READY, maxRetries: 2, maxOutputTokens: 3 };
    assert.equal((await generate(provider(varied, { fetch })("later"), asked)).usage.outputTokens, 3);
    assert.deepEqual(statuses, [503, 200]);
  });

  test("50 calls over four models in a budget for two are all answered whole", async () => {
    const models = provider(crowded);
    await expectAllWhole(async (model, prompt, streamed) => {
      const { text, finishReason } = await (streamed ? stream : generate)(models(model), { prompt });
      assert.equal(finishReason, "stop");
      return text;
    });
  });
}

describe("by OpenAI's dialect", () => {
  const invalid = "invalid_request_error";
  const server = "server_error";
  speaks({
    provider: openai,
    typesOf: {
      400: invalid, 401: invalid, 403: invalid, 404: invalid, 413: invalid, 429: "rate_limit_error",
      502: server, 503: server, 504: server, 507: server,
    },
    failureInStream: ({ name, type, code }) => {
      assert.deepEqual([name, type, code], ["AI_StreamProviderError", server, "model_load_failed"]);
    },
    gated: "gated",
    spoilt: "spoilt",
    key: limited[0],
  });

  test("completions", async () => {
    const model = openai(varied).completionModel("org/plain");
    const asked = { prompt: "Once", maxOutputTokens: 12 };
    const { text, finishReason, usage } = await generate(model, asked);
    assert.deepEqual([finishReason, usage.outputTokens], ["length", 12]);
    assert.equal((await stream(model, asked)).text, text);
  });

  test("embeddings", async () => {
    const model = openai(varied).embeddingModel("embed");
    const { embeddings, usage } = await embedMany({ model, values: ["one model", "two models"], maxRetries: 0 });
    assert.deepEqual(embeddings.map((row) => row.length), [64, 64]);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    assert.ok(usage.tokens > 1);
  });
});

describe("by Anthropic's dialect", () => {
  speaks({
    provider: anthropic,
    typesOf: {
      400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
      413: "request_too_large", 429: "rate_limit_error", 502: "api_error", 503: "overloaded_error",
      504: "timeout_error", 507: "api_error",
    },
    failureInStream: (error) => {
      assert.ok(APICallError.isInstance(error), error.stack);
      assert.equal(JSON.parse(error.responseBody).type, "api_error");
    },
    gated: "gated-too",
    spoilt: "spoilt-too",
    key: limited[1],
  });
});

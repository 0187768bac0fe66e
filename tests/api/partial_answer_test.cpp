#include "api/partial_answer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>

#include "api/event_splitter.hpp"

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

constexpr Spent kSpent{.queue = 1ms, .load = 2ms, .prompt = 3ms, .generation = 4ms};
constexpr std::string_view kNote =
    R"("rouse":{"deadline_passed":true,"queue_ms":1,"load_ms":2,"prompt_ms":3,"generation_ms":4})";

std::unique_ptr<PartialAnswer> after(AnswerForm form, Usage usage, std::initializer_list<std::string_view> events) {
  auto answer = begin_partial_answer(form, usage);
  for (const std::string_view data : events) answer->take(data);
  return answer;
}

std::string chunk(std::string_view choices, std::string_view more = "") {
  return std::string(R"({"choices":[)")
      .append(choices)
      .append(R"(],"created":7,"id":"c1","model":"m","object":"chat.completion.chunk")")
      .append(more)
      .append("}");
}

// --- chat ---------------------------------------------------------------------------------------------------

TEST_CASE("a chat that came to its end is what it would have been without a stream") {
  const auto answer = after(
      AnswerForm::chat, Usage::reported,
      {chunk(R"({"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}})"),
       chunk(R"({"finish_reason":null,"index":0,"delta":{"reasoning_content":"hm"}})"),
       chunk(R"({"finish_reason":null,"index":0,"delta":{"content":"Rou"},"logprobs":{"content":[{"token":"Rou"}]}})"),
       chunk(R"({"finish_reason":null,"index":0,"delta":{"content":"se"},"logprobs":{"content":[{"token":"se"}]}})"),
       chunk(R"({"finish_reason":"stop","index":0,"delta":{}})"), chunk("", R"(,"usage":{"completion_tokens":2})"),
       "[DONE]"});
  CHECK(answer->tokens() == 3);
  CHECK(answer->whole(nullptr) ==
        R"({"created":7,"id":"c1","model":"m","object":"chat.completion","usage":{"completion_tokens":2},)"
        R"("choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Rouse",)"
        R"("reasoning_content":"hm"},"logprobs":{"content":[{"token":"Rou"},{"token":"se"}]}}]})");
}

TEST_CASE("calls of tools grow by their index") {
  const auto answer = after(
      AnswerForm::chat, Usage::reported,
      {chunk(
           R"({"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}})"),
       chunk(R"({"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}})"),
       chunk(
           R"({"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}})"),
       chunk(R"({"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}})")});
  CHECK(answer->whole(nullptr).contains(
      R"("tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
      R"({"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}])"));
}

TEST_CASE("a chat that is cut says length, why, and what it knows of its tokens") {
  const std::string_view timings = R"(,"timings":{"cache_n":5,"prompt_n":1,"predicted_n":2})";
  const std::string_view first_timings = R"(,"timings":{"cache_n":0,"prompt_n":6,"predicted_n":1})";
  const auto answer =
      after(AnswerForm::chat, Usage::reported,
            {chunk(R"({"finish_reason":null,"index":0,"delta":{"role":"assistant","content":"a"}})", first_timings),
             chunk(R"({"finish_reason":"stop","index":1,"delta":{"content":"b"}})", timings)});
  const std::string whole = answer->whole(&kSpent);
  CHECK(whole.contains(R"({"index":0,"finish_reason":"length","message":{"role":"assistant","content":"a"}})"));
  CHECK(whole.contains(R"({"index":1,"finish_reason":"stop","message":{"content":"b"}})"));
  CHECK(whole.contains(R"("usage":{"completion_tokens":3,"prompt_tokens":6,"total_tokens":9})"));
  CHECK(whole.contains(kNote));
  CHECK(answer->ending(kSpent) ==
        std::string(R"(data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"m",)")
            .append(R"("choices":[{"index":0,"delta":{},"finish_reason":"length"}],)")
            .append(kNote)
            .append("}\n\n")
            .append(R"(data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],)")
            .append(R"("usage":{"completion_tokens":3,"prompt_tokens":6,"total_tokens":9}})")
            .append("\n\ndata: [DONE]\n\n"));
}

TEST_CASE("without the engine's count, the events are counted, and the prompt is not guessed at") {
  const auto answer = after(AnswerForm::chat, Usage::unasked, {chunk(R"({"index":0,"delta":{"content":"a"}})")});
  CHECK(answer->whole(&kSpent).contains(R"("usage":{"completion_tokens":1})"));
  CHECK_FALSE(answer->ending(kSpent).contains("usage"));
}

TEST_CASE("a role alone is no token") {
  const auto answer = after(AnswerForm::chat, Usage::unasked,
                            {chunk(R"({"index":0,"delta":{"role":"assistant","content":""}})"), "[DONE]", "nonsense",
                             "[1]", R"({"choices":{}})", R"({"choices":[7]})"});
  CHECK(answer->tokens() == 0);
  CHECK(answer->has_begun());
}

// --- completions --------------------------------------------------------------------------------------------

TEST_CASE("a completion grows, and is cut, as text") {
  const auto answer = after(
      AnswerForm::completion, Usage::unasked,
      {R"({"choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":null}],"object":"text_completion"})",
       R"({"choices":[{"text":"b","index":0,"logprobs":null,"finish_reason":null}],"object":"text_completion"})"});
  CHECK(answer->tokens() == 2);
  CHECK(answer->whole(&kSpent).starts_with(
      R"({"object":"text_completion","choices":[{"index":0,"text":"ab","logprobs":null,"finish_reason":"length"}])"));
  CHECK(answer->ending(kSpent).contains(R"("choices":[{"index":0,"text":"","finish_reason":"length"}])"));
}

TEST_CASE("choices stand in their order, whichever comes first") {
  const auto answer = after(AnswerForm::completion, Usage::unasked,
                            {R"({"choices":[{"text":"c","index":2}]})", R"({"choices":[{"text":"a","index":0}]})",
                             R"({"choices":[{"text":"b","index":1}]})", R"({"choices":[{"text":"c","index":2}]})"});
  CHECK(answer->whole(nullptr) ==
        R"({"choices":[{"index":0,"text":"a"},{"index":1,"text":"b"},{"index":2,"text":"cc"}]})");
}

// --- messages -----------------------------------------------------------------------------------------------

constexpr std::string_view kStart =
    R"({"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","content":[],"stop_reason":null,)"
    R"("stop_sequence":null,"usage":{"input_tokens":6,"output_tokens":0}}})";

TEST_CASE("a message that came to its end is what it would have been without a stream") {
  const auto answer = after(
      AnswerForm::message, Usage::reported,
      {kStart, R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}})",
       R"({"type":"ping"})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}})",
       R"({"type":"content_block_stop","index":0})",
       R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})",
       R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}})",
       R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}})",
       R"({"type":"content_block_stop","index":1})",
       R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})",
       R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}})",
       R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}})",
       R"({"type":"content_block_stop","index":2})",
       R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}})",
       R"({"type":"message_stop"})"});
  CHECK(
      answer->whole(nullptr) ==
      R"({"id":"m1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},)"
      R"({"type":"text","text":"ab"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],"stop_reason":"tool_use",)"
      R"("stop_sequence":null,"usage":{"input_tokens":6,"output_tokens":9}})");
}

TEST_CASE("a message that is cut says max_tokens, and half a tool's input is left out") {
  const auto answer = after(
      AnswerForm::message, Usage::reported,
      {kStart, R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}})",
       R"({"type":"content_block_stop","index":0})",
       R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})",
       R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}})"});
  const std::string whole = answer->whole(&kSpent);
  CHECK(whole.contains(R"("content":[{"type":"text","text":"a"}],"stop_reason":"max_tokens")"));
  CHECK(whole.contains(R"("usage":{"input_tokens":6,"output_tokens":2})"));
  CHECK(whole.contains(kNote));
  const std::string ending = answer->ending(kSpent);
  CHECK(ending.starts_with("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n"));
  CHECK(ending.contains(
      R"("delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":2},"rouse":{)"));
  CHECK(ending.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

// --- both ---------------------------------------------------------------------------------------------------

TEST_CASE("why an engine broke off is heard") {
  for (const AnswerForm form : {AnswerForm::chat, AnswerForm::completion, AnswerForm::message}) {
    const auto answer = after(form, Usage::unasked, {R"({"error":{"message":"context is full","code":500}})"});
    CHECK(answer->error() == "context is full");
  }
}

std::string asked(AnswerForm form, std::string_view body, std::string_view counts, Usage expected) {
  auto request = read_json_body(body);
  REQUIRE(request);
  CHECK(ask_for_stream(form, body, counts, *request) == expected);
  return request->edits.made_in(body);
}

TEST_CASE("an engine is asked to stream, and to count, by edits of the body") {
  using enum AnswerForm;
  CHECK(asked(message, R"({"a":1})", "n", Usage::reported) == R"({"stream":true,"a":1})");
  CHECK(asked(message, R"({"stream":true})", "n", Usage::reported) == R"({"stream":true})");
  CHECK(asked(chat, R"({"stream":false,"a":1,"deadline":3})", "", Usage::reported) ==
        R"({"stream_options":{"include_usage":true},"stream":true,"a":1})");
  CHECK(asked(chat, R"({"stream":null,"stream_options":null,"n":false})", "n", Usage::reported) ==
        R"({"stream":true,"stream_options":{"include_usage":true},"n":true})");
  CHECK(asked(completion, R"({"stream":true})", "n", Usage::unasked) == R"({"stream":true})");
  CHECK(asked(completion, R"({"stream":true,"stream_options":{"include_usage":true}})", "n", Usage::reported) ==
        R"({"n":true,"stream":true,"stream_options":{"include_usage":true}})");
}

// --- responses ----------------------------------------------------------------------------------------------

constexpr std::string_view kCreated =
    R"({"type":"response.created","response":{"id":"r1","object":"response","status":"in_progress"}})";

TEST_CASE("a response that came to its end is what its last event says") {
  const auto answer = after(
      AnswerForm::response, Usage::reported,
      {kCreated, R"({"type":"response.output_item.added","item":{"id":"m1","type":"message","content":[]}})",
       R"({"type":"response.content_part.added","item_id":"m1","part":{"type":"output_text","text":""}})",
       R"({"type":"response.output_text.delta","item_id":"m1","delta":"Rouse"})",
       R"({"type":"response.completed","response":{"id":"r1","object":"response","status":"completed","output":[1]}})"});
  CHECK(answer->tokens() == 1);
  CHECK(answer->whole(nullptr) == R"({"id":"r1","object":"response","status":"completed","output":[1]})");
}

TEST_CASE("a response that is cut keeps its texts and what is done, and no half call of a tool") {
  const auto answer = after(
      AnswerForm::response, Usage::reported,
      {kCreated,
       R"({"type":"response.output_item.added","item":{"id":"t1","type":"reasoning","content":[]},"output_index":0})",
       R"({"type":"response.content_part.added","item_id":"t1","part":{"type":"reasoning_text","text":""}})",
       R"({"type":"response.reasoning_text.delta","item_id":"t1","delta":"hm"})",
       R"({"type":"response.output_item.done","item":{"id":"t1","type":"reasoning","status":"completed"}})",
       R"({"type":"response.output_item.added","item":{"id":"m1","type":"message","content":[],"status":"in_progress"},"output_index":1})",
       R"({"type":"response.content_part.added","item_id":"m1","part":{"type":"output_text","text":""}})",
       R"({"type":"response.output_text.delta","item_id":"m1","delta":"Rou"})",
       R"({"type":"response.output_text.delta","item_id":"m1","delta":"se","sequence_number":8})",
       R"({"type":"response.output_item.added","item":{"id":"f1","type":"function_call","name":"f"},"sequence_number":9})",
       R"({"type":"response.function_call_arguments.delta","item_id":"f1","delta":"{\"x\":","sequence_number":10})"});
  CHECK(answer->tokens() == 4);
  const std::string message =
      R"({"id":"m1","type":"message","content":[{"type":"output_text","text":"Rouse"}],"status":"incomplete"})";
  const std::string response =
      R"({"id":"r1","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},)"
      R"("output":[{"id":"t1","type":"reasoning","status":"completed"},)" +
      message + "]," + std::string(kNote) + "}";
  CHECK(answer->whole(&kSpent) == response);
  CHECK(answer->ending(kSpent) == "event: response.output_item.done\ndata: {\"output_index\":1,\"item\":" + message +
                                      ",\"type\":\"response.output_item.done\",\"sequence_number\":11}\n\n"
                                      "event: response.incomplete\ndata: {\"response\":" +
                                      response + ",\"type\":\"response.incomplete\",\"sequence_number\":12}\n\n");
}

TEST_CASE("a response that failed says why") {
  const auto answer = after(AnswerForm::response, Usage::reported,
                            {kCreated, R"({"type":"response.failed","response":{"error":{"message":"no room"}}})"});
  CHECK(answer->error() == "no room");
}

}  // namespace
}  // namespace rouse::api

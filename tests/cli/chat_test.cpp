#include <catch2/catch_test_macros.hpp>

#include "cli/commands.hpp"
#include "fake_daemon.hpp"

namespace rouse::cli {
namespace {

using test::asking;
using test::Canned;
using test::FakeDaemon;
using test::Ran;
using test::Run;
using test::Then;

constexpr auto kChat = "POST /v1/chat/completions";

std::string says(std::string_view text) {
  return "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + std::string(text) + "\"}}]}\n\n";
}
const std::string kStop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

TEST_CASE("an answer is printed as it comes and ends with a line") {
  FakeDaemon fake;
  fake.answer(kChat, Canned{200, {says("Rouse wakes "), says("models."), kStop}});
  const Ran ran = asking(fake)({"run", "chat", "What", "is", "Rouse?", "--keep", "5m", "--deadline", "30s",
                                "--max-tokens", "9", "--system", "Be brief."});
  CHECK(ran.exit == 0);
  CHECK(ran.out == "Rouse wakes models.\n");
  CHECK(ran.err.empty());
  const auto seen = fake.seen();
  REQUIRE(seen.size() == 1);
  CHECK(
      seen[0].body ==
      R"({"model":"chat","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is Rouse?"}],)"
      R"("stream":true,"max_tokens":9})");
  CHECK(seen[0].fields.at("X-Rouse-Keep") == "5m");
  CHECK(seen[0].fields.at("X-Rouse-Deadline") == "30s");
  CHECK_FALSE(seen[0].fields.contains("X-Rouse-Priority"));
}

TEST_CASE("a person sees the progress of loading, and it is gone before the answer") {
  FakeDaemon fake;
  fake.answer(kChat, Canned{200, {": loading 43 % eta 1.2 s\n\n", says("hi"), kStop}});
  Run run = asking(fake);
  run.look = {.out_is_terminal = true, .err_is_terminal = true};
  const Ran ran = run({"run", "chat", "hello"});
  CHECK(ran.exit == 0);
  CHECK(ran.out == "hi\n");
  CHECK(ran.err.contains("waiting for chat"));
  CHECK(ran.err.contains("loading 43 % eta 1.2 s"));
  CHECK(ran.err.ends_with("\r\x1b[K"));
}

TEST_CASE("an error inside the stream is a failure after what there was") {
  FakeDaemon fake;
  fake.answer(kChat,
              Canned{200, {says("half"), "data: {\"error\":{\"message\":\"the engine broke\",\"code\":502}}\n\n"}});
  const Ran ran = asking(fake)({"run", "chat", "hello"});
  CHECK(ran.exit == code(Exit::failed));
  CHECK(ran.out == "half\n");
  CHECK(ran.err == "rouse: the engine broke.\n");
}

TEST_CASE("an answer that ends without saying so broke off") {
  FakeDaemon fake;
  fake.answer(kChat, Canned{200, {says("half")}});
  fake.answer(kChat, Canned{200, {says("half")}, Then::cut});
  for (int i = 0; i < 2; ++i) {
    const Ran ran = asking(fake)({"run", "chat", "hello"});
    CHECK(ran.exit == code(Exit::failed));
    CHECK(ran.out == "half\n");
    CHECK(ran.err.contains("broke off"));
  }
}

TEST_CASE("a conversation remembers what was said, and forgets a question that failed") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models/chat", "{}");
  fake.answer(kChat, Canned{200, {says("one"), kStop}});
  fake.answer(kChat, Canned{503, {R"({"error":{"message":"the queue is full","code":"unavailable"}})"}});
  fake.answer(kChat, Canned{200, {says("three"), kStop}});
  Run run = asking(fake);
  run.input = "first\n\nsecond\nthird";
  run.look = {.in_is_terminal = true, .err_is_terminal = true};
  const Ran ran = run({"run", "chat"});
  CHECK(ran.exit == 0);
  CHECK(ran.out == "one\nthree\n");
  CHECK(ran.err.contains("the queue is full"));
  const auto seen = fake.seen();
  REQUIRE(seen.size() == 4);
  CHECK(seen[3].body ==
        R"({"model":"chat","messages":[{"role":"user","content":"first"},{"role":"assistant","content":"one"},)"
        R"({"role":"user","content":"third"}],"stream":true})");
}

TEST_CASE("questions from a pipe end with the first that fails") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models/chat", "{}");
  fake.answer(kChat, Canned{503, {R"({"error":{"message":"the queue is full","code":"unavailable"}})"}});
  Run run = asking(fake);
  run.input = "first\nsecond\n";
  const Ran ran = run({"run", "chat"});
  CHECK(ran.exit == code(Exit::refused));
  CHECK(ran.err == "rouse: the queue is full.\n");
  CHECK(fake.seen().size() == 2);
}

TEST_CASE("Ctrl-C stops the answer, and the daemon notices") {
  FakeDaemon fake;
  fake.answer(kChat, Canned{200, {says("never ending")}, Then::hang_and_interrupt});
  const Ran ran = asking(fake)({"run", "chat", "hello"});
  CHECK(ran.exit == code(Exit::interrupted));
  CHECK(ran.err.empty());
  CHECK(fake.client_left());
}

TEST_CASE("Ctrl-C in a conversation stops that answer alone") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models/chat", "{}");
  fake.answer(kChat, Canned{200, {says("never ending")}, Then::hang_and_interrupt});
  fake.answer(kChat, Canned{200, {says("second"), kStop}});
  Run run = asking(fake);
  run.input = "one\ntwo\n";
  run.look = {.in_is_terminal = true, .err_is_terminal = true};
  const Ran ran = run({"run", "chat"});
  CHECK(ran.exit == 0);
  CHECK(ran.out.ends_with("second\n"));
  CHECK(fake.client_left());
}

TEST_CASE("thinking is shown to a person and kept out of a pipe") {
  FakeDaemon fake;
  fake.answer(kChat,
              Canned{200, {"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n", says("42"), kStop}});
  CHECK(asking(fake)({"run", "chat", "hello"}).out == "42\n");
  Run run = asking(fake);
  run.look.out_is_terminal = true;
  CHECK(run({"run", "chat", "hello"}).out == "hm\n\n42\n");
}

TEST_CASE("a model cannot move the cursor of a terminal") {
  FakeDaemon fake;
  fake.answer(kChat, Canned{200, {says("a\\u001b[2Jb"), kStop}});
  Run run = asking(fake);
  run.look.out_is_terminal = true;
  CHECK(run({"run", "chat", "hello"}).out == "a[2Jb\n");
}

}  // namespace
}  // namespace rouse::cli

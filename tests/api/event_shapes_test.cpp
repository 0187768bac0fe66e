#include "api/event_shapes.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

constexpr daemon::WallTime kTime{1'700'000'000'123ms};

TEST_CASE("a frame is an id, a name and one line of data") {
  CHECK(event_frame(7, "model", R"({"a":1})") == "id: 7\nevent: model\ndata: {\"a\":1}\n\n");
}

TEST_CASE("a transition tells stage and bytes before and after, and why it stops") {
  const core::Announce stops{.model = ModelId{1},
                             .worker = WorkerId{3},
                             .from = core::Stage::ready,
                             .trigger = core::Trigger::stop,
                             .to = core::Stage::stopping,
                             .before = Bytes{10},
                             .after = Bytes{10},
                             .reason = core::StopReason::idle};
  CHECK(event_json_of(stops, "chat", "", kTime) ==
        R"({"at":"2023-11-14T22:13:20.123Z","model":"chat","from":"ready","to":"stopping","trigger":"stop",)"
        R"("reason":"idle","worker":3,"bytes_before":10,"bytes_after":10,"error":null})");
}

TEST_CASE("an error is one line of valid JSON, whatever the engine wrote") {
  core::Announce fails{};
  fails.from = core::Stage::loading;
  fails.trigger = core::Trigger::exited;
  fails.to = core::Stage::failed;
  const std::string json = event_json_of(fails, "chat", "exit 1:\nid: 9\n\xfe", kTime);
  CHECK(json.contains("\"error\":\"exit 1:\\nid: 9\\n\xEF\xBF\xBD\""));
  CHECK_FALSE(json.contains('\n'));
}

TEST_CASE("a request tells what is known at each step") {
  daemon::RequestNews news{};
  news.id = "req-1";
  news.client = "127.0.0.1";
  CHECK(
      event_json_of(news, "chat", "", kTime) ==
      R"({"at":"2023-11-14T22:13:20.123Z","id":"req-1","model":"chat","asked":null,"client":"127.0.0.1","step":"queued",)"
      R"("outcome":null,"reason":null,"queue_ms":null,"load_ms":null,"first_byte_ms":null,"total_ms":null,"bytes":0})");
  news.step = daemon::RequestStep::ended;
  news.ending = daemon::Ending::ok;
  news.started = true;
  news.waited = {.queue = 1ms, .load = 2ms};
  news.first_byte = 3ms;
  news.whole = 9ms;
  news.bytes = 77;
  CHECK(event_json_of(news, "chat", "", kTime)
            .ends_with(R"("step":"ended","outcome":"ok","reason":null,"queue_ms":1,"load_ms":2,"first_byte_ms":3,)"
                       R"("total_ms":9,"bytes":77})"));
}

TEST_CASE("a request tells for whom its model stands in") {
  CHECK(event_json_of(daemon::RequestNews{}, "small", "big", kTime).contains(R"("model":"small","asked":"big",)"));
}

TEST_CASE("a circuit that opens tells what happened last, and the state that the model is in all the while") {
  daemon::ModelStatus far{};
  far.name = "far";
  far.stage = core::Stage::ready;
  far.circuit = daemon::CircuitBreaker::State::open;
  far.error = "it answered 503";
  CHECK(circuit_event_json(far, kTime) ==
        R"({"at":"2023-11-14T22:13:20.123Z","model":"far","from":"ready","to":"ready","trigger":"circuit opened",)"
        R"("reason":null,"worker":0,"bytes_before":0,"bytes_after":0,"error":"it answered 503"})");
  far.circuit = daemon::CircuitBreaker::State::closed;
  far.error.clear();
  CHECK(circuit_event_json(far, kTime).contains(R"("trigger":"circuit closed",)"));
}

TEST_CASE("a refused request tells why") {
  daemon::RequestNews news{};
  news.step = daemon::RequestStep::ended;
  news.ending = daemon::Ending::refused;
  news.reason = core::Reason::queue_full;
  CHECK(
      event_json_of(news, "chat", "", kTime).contains(R"("outcome":"refused","reason":"queue full","queue_ms":null)"));
}

TEST_CASE("a snapshot is models and devices together") {
  CHECK(snapshot_event_json({}, {}, kTime) == R"({"at":"2023-11-14T22:13:20.123Z","models":[],"devices":[]})");
}

TEST_CASE("a device is worth an event when ours changed, or others moved by a hundredth") {
  const daemon::DeviceStatus before{"host",   Bytes{1000}, Bytes{800}, Bytes{0}, Bytes{800},
                                    Bytes{0}, Bytes{50},   Bytes{0},   Bytes{0}, Bytes{0}};
  daemon::DeviceStatus now = before;
  CHECK_FALSE(differs(before, now));
  now.used_by_others = Bytes{60};
  now.effective = Bytes{799};
  CHECK_FALSE(differs(before, now));
  now.used_by_others = Bytes{61};
  CHECK(differs(before, now));
  now = before;
  now.used_by_models = Bytes{1};
  CHECK(differs(before, now));
  now = before;
  now.limit = Bytes{801};
  CHECK(differs(before, now));
}

}  // namespace
}  // namespace rouse::api

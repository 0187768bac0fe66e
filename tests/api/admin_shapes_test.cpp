#include "api/admin_shapes.hpp"

#include <catch2/catch_test_macros.hpp>

#include "api/admin_bodies.hpp"

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

constexpr daemon::WallTime kTime{1'700'000'000'123ms};

daemon::ModelStatus model_named(std::string name) {
  daemon::ModelStatus model{};
  model.name = std::move(name);
  model.engine = "llama";
  return model;
}

TEST_CASE("a cold model shows every field, empty where nothing is known") {
  CHECK(
      admin_json_of(model_named("chat")) ==
      R"({"id":"chat","aliases":[],"engine":"llama","group":null,"state":"cold","progress":null,"eta_ms":null,"bytes":null,"drains_for":null,"leases":0,"waiting":0,"footprint":{},)"
      R"("footprint_source":null,"configured":null,"estimated":null,"learnt":null,"file_pages":0,"pid":null,"duplicates":null,"loads":0,"last_load_ms":null,"last_used":null,"expires_at":null,)"
      R"("keep_forever":false,"pinned":false,"removed":false,"error":null,"retry_at":null,"circuit":null})");
}

TEST_CASE("a busy model shows what it holds and where") {
  daemon::ModelStatus busy = model_named("chat");
  busy.aliases = {"gpt-4o-mini"};
  busy.group = "pictures";
  busy.stage = core::Stage::ready;
  busy.leases = 2;
  busy.waiting = 3;
  busy.footprint = {{kHost, Bytes{100}}, {DeviceId{1}, gib(4)}};
  busy.footprint_source = core::SizeSource::measured;
  busy.configured = {{kHost, Bytes{90}}};
  busy.estimated = {{kHost, Bytes{95}}};
  busy.learnt = daemon::LearntRecord{.footprint = {{"host", Bytes{100}}},
                                     .peak = {{"host", Bytes{120}}},
                                     .needed = {},
                                     .load = {.cold = 2s, .cached = 500ms},
                                     .wake = {},
                                     .loads = 5,
                                     .wakes = 1,
                                     .failures = 2,
                                     .out_of_memory = 1};
  busy.pid = 4711;
  busy.duplicates = {3, kib(1)};
  busy.loads = 5;
  busy.last_load = 1234567us;
  busy.last_used = kTime;
  busy.expires_at = kTime + 5min;
  busy.pinned = true;
  CHECK(
      admin_json_of(busy) ==
      R"({"id":"chat","aliases":["gpt-4o-mini"],"engine":"llama","group":"pictures","state":"ready","progress":null,"eta_ms":null,"bytes":null,"drains_for":null,"leases":2,"waiting":3,)"
      R"("footprint":{"gpu0":4294967296,"host":100},"footprint_source":"learnt","configured":{"host":90},"estimated":{"host":95},)"
      R"("learnt":{"footprint":{"host":100},"peak":{"host":120},"needed":{},"load_ms":{"disk":2000,"page_cache":500,"wake":null},"loads":5,"wakes":1,"failures":2,"out_of_memory":1},)"
      R"("file_pages":0,"pid":4711,"duplicates":{"processes":3,"bytes_each":1024},"loads":5,"last_load_ms":1234.567,)"
      R"("last_used":"2023-11-14T22:13:20.123Z","expires_at":"2023-11-14T22:18:20.123Z","keep_forever":false,"pinned":true,)"
      R"("removed":false,"error":null,"retry_at":null,"circuit":null})");
}

TEST_CASE("a draining model says for whom") {
  daemon::ModelStatus draining = model_named("chat");
  draining.stage = core::Stage::draining;
  draining.drains_for = "model big";
  CHECK(admin_json_of(draining).contains(R"("drains_for":"model big")"));
}

TEST_CASE("a remote model says whether its server is asked") {
  daemon::ModelStatus remote = model_named("far");
  remote.circuit = daemon::CircuitBreaker::State::half_open;
  CHECK(admin_json_of(remote).ends_with(R"("circuit":"half_open"})"));
}

TEST_CASE("a failed model says why, whatever bytes the reason holds") {
  daemon::ModelStatus failed = model_named("chat");
  failed.stage = core::Stage::failed;
  failed.footprint = {{kHost, Bytes{1}}};
  failed.footprint_source = core::SizeSource::configured;
  failed.error = "exit 1:\n\xfe";
  failed.retry_at = kTime;
  const std::string json = admin_json_of(failed);
  CHECK(json.contains("\"error\":\"exit 1:\\n\xEF\xBF\xBD\""));
  CHECK(json.contains(R"("retry_at":"2023-11-14T22:13:20.123Z")"));
  CHECK(json.contains(R"("footprint_source":"configured")"));
}

TEST_CASE("what a reload has changed is told by name") {
  CHECK(admin_json_of(config::Changes{{"new"}, {"chat"}, {}, {"budgets"}, {"listen"}}) ==
        R"({"added":["new"],"changed":["chat"],"removed":[],"settings":["budgets"],"needs_restart":["listen"]})");
  CHECK(read_reload_request("").has_value());
  CHECK(read_reload_request("{}").has_value());
  CHECK_FALSE(read_reload_request(R"({"file":"/etc/passwd"})").has_value());
}

TEST_CASE("lists are objects with one member") {
  CHECK(admin_json_of(std::vector<daemon::ModelStatus>{}) == R"({"models":[]})");
  CHECK(admin_json_of(std::vector{model_named("a"), model_named("b")}).starts_with(R"({"models":[{"id":"a",)"));
  const daemon::DeviceStatus host{"host",   Bytes{8}, Bytes{7}, Bytes{1}, Bytes{6},
                                  Bytes{5}, Bytes{4}, Bytes{3}, Bytes{2}, Bytes{1}};
  CHECK(
      admin_json_of(std::vector{host}) ==
      R"({"devices":[{"id":"host","total":8,"limit":7,"reserve":1,"effective":6,"used_by_models":5,"used_by_others":4,)"
      R"("unconfirmed":3,"kept_warm":2,"reserved":1,)"
      R"("uuid":null,"product":null,"unavailable":null,"attributed":true,"shared":false,"file_pages":0,)"
      R"("pressure":null}]})");
}

TEST_CASE("a reservation is asked for with its size in either form, and with an end") {
  const auto read = [](const char* body) { return read_reservation_request(body); };
  const auto words = read(R"({"device":"gpu0","bytes":"8GiB","seconds":1.5,"priority":"high","wait":false})");
  REQUIRE(words);
  CHECK(words->device == "gpu0");
  CHECK(words->bytes == gib(8));
  CHECK(words->lasts == 1500ms);
  CHECK(words->priority == core::Priority::high);
  CHECK_FALSE(words->wait);
  const auto number = read(R"({"device":"host","bytes":1024,"pid":7})");
  REQUIRE(number);
  CHECK(number->bytes == kib(1));
  CHECK(number->pid == 7);
  CHECK(number->wait);
  CHECK_FALSE(read(R"({"device":"host","bytes":"8GiB"})"));               // it would never end
  CHECK_FALSE(read(R"({"device":"host","bytes":0,"seconds":1})"));        // of nothing
  CHECK_FALSE(read(R"({"device":"host","bytes":"lots","seconds":1})"));   // of what?
  CHECK_FALSE(read(R"({"device":"host","bytes":1,"seconds":-1})"));       // over before it begins
  CHECK_FALSE(read(R"({"bytes":1,"seconds":1,"device":"host","x":1})"));  // misspelt
  CHECK_FALSE(read(R"({"device":"host","bytes":1,"seconds":1,"priority":"highest"})"));
}

TEST_CASE("a reservation shows whether it is granted, and when it ends") {
  daemon::ReservationStatus reservation{.id = 3,
                                        .device = "gpu0",
                                        .bytes = Bytes{8},
                                        .holder = "lab",
                                        .pid = 7,
                                        .asked_at = kTime,
                                        .granted_at = {},
                                        .expires_at = {}};
  CHECK(admin_json_of(reservation) ==
        R"({"id":3,"device":"gpu0","bytes":8,"state":"waiting","priority":"normal","holder":"lab","pid":7,)"
        R"("asked_at":"2023-11-14T22:13:20.123Z","granted_at":null,"expires_at":null})");
  reservation.granted_at = reservation.expires_at = kTime;
  const std::string list = admin_json_of(std::vector{reservation}, daemon::WallTime(1s));
  CHECK(list.starts_with(R"({"daemon_started_at":"1970-01-01T00:00:01.000Z","reservations":[{)"));
  CHECK(list.contains(R"("state":"granted")"));
}

TEST_CASE("groups stand beside devices, not among them") {
  CHECK(admin_json_of(std::vector<daemon::DeviceStatus>{}, std::vector{daemon::GroupStatus{"pictures", 2, 1}}) ==
        R"({"devices":[],"groups":[{"name":"pictures","max_loaded":2,"loaded":1}]})");
}

TEST_CASE("a request shows where it stands, and its place only while it waits") {
  daemon::RequestStatus waiting{};
  waiting.id = "req-1";
  waiting.model = "chat";
  waiting.client = "127.0.0.1";
  waiting.waited = 1500us;
  waiting.position = 3;
  CHECK(
      admin_json_of(std::vector{waiting}) ==
      R"({"requests":[{"id":"req-1","model":"chat","asked":null,"client":"127.0.0.1","origin":"client","phase":"queued",)"
      R"("waited":1.5,"position":3,"bytes":0}]})");
  waiting.by_operator = true;
  waiting.phase = daemon::RequestPhase::streaming;
  waiting.position.reset();
  waiting.bytes = 77;
  CHECK(
      admin_json_of(waiting) ==
      R"({"id":"req-1","model":"chat","asked":null,"client":"127.0.0.1","origin":"operator","phase":"streaming","waited":1.5,)"
      R"("position":null,"bytes":77})");
}

TEST_CASE("the receipt of an unload says what came back, and whether that was seen") {
  const daemon::Receipt receipt{
      .freed = {{kHost, mib(1)}}, .missing = {{DeviceId{1}, mib(2)}}, .took = 41500us, .reason = "unloaded"};
  CHECK(
      admin_json_of(receipt) ==
      R"({"freed":{"host":1048576},"missing":{"gpu0":2097152},"confirmed":false,"took_ms":41.5,"reason":"unloaded"})");
  CHECK(admin_json_of(daemon::Receipt{}) == R"({"freed":{},"missing":{},"confirmed":true,"took_ms":0,"reason":""})");
}

TEST_CASE("an error has our code, and its context") {
  CHECK(admin_error(Fault({Code::conflict, "pinned", "since\tnoon"})) ==
        R"({"error":{"code":"conflict","message":"pinned","context":"since\tnoon"}})");
}

TEST_CASE("times are RFC 3339 in UTC") {
  CHECK(rfc3339(kTime) == "2023-11-14T22:13:20.123Z");
  CHECK(rfc3339(daemon::WallTime{1'700'000'000s}) == "2023-11-14T22:13:20.000Z");
}

TEST_CASE("a load waits and an unload is gentle unless the body says otherwise") {
  CHECK(read_load_request("")->wait);
  CHECK(read_load_request("{}")->wait);
  CHECK_FALSE(read_load_request(R"({"wait":false})")->wait);
  CHECK_FALSE(read_unload_request("")->force);
  CHECK(read_unload_request(R"( {"force" : true} )")->force);
}

TEST_CASE("a body that is no such object is refused") {
  for (const char* body : {"[]", "{", "{\"wait\":1}", "{\"wait\":\"true\"}", "{\"wiat\":true}", "{\"wait\":true}x",
                           "null", " ", "true", "{\"wait\":true,}"}) {
    CAPTURE(body);
    const auto request = read_load_request(body);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Code::malformed);
    CHECK(request.error().message.contains("byte"));
  }
}

}  // namespace
}  // namespace rouse::api

#include "api/gauges.hpp"

#include <prometheus/text_serializer.h>

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace rouse::api {
namespace {

daemon::ModelStatus model(std::string name, core::Stage stage, std::uint64_t leases = 0, std::uint64_t waiting = 0) {
  daemon::ModelStatus status{};
  status.name = std::move(name);
  status.stage = stage;
  status.leases = leases;
  status.waiting = waiting;
  status.footprint = {{kHost, Bytes{1000}}};
  return status;
}

daemon::DeviceStatus device(std::string name, Bytes effective, Bytes held) {
  return {std::move(name), Bytes{100}, Bytes{80}, Bytes{10}, effective, held, Bytes{5}, Bytes{0}, Bytes{0}, Bytes{0}};
}

bool has_line(const Families& families, const std::string& line) {
  const std::string text = prometheus::TextSerializer().Serialize(families);
  UNSCOPED_INFO(text);
  return ("\n" + text).contains("\n" + line + "\n");
}

TEST_CASE("a model is in one state, and holds memory only while it has a worker") {
  Families families;
  append_gauges(families, std::vector{model("chat", core::Stage::ready, 2, 3), model("cold", core::Stage::cold)});
  CHECK(has_line(families, R"(rouse_model_state{model="chat",state="ready"} 1)"));
  CHECK(has_line(families, R"(rouse_model_state{model="chat",state="cold"} 0)"));
  CHECK(has_line(families, R"(rouse_model_requests_running{model="chat"} 2)"));
  CHECK(has_line(families, R"(rouse_model_requests_waiting{model="chat"} 3)"));
  CHECK(has_line(families, R"(rouse_model_bytes{model="chat",device="host"} 1000)"));
  CHECK_FALSE(has_line(families, R"(rouse_model_bytes{model="cold",device="host"} 1000)"));
}

TEST_CASE("a circuit is a remote model's, and open until its server has answered") {
  daemon::ModelStatus far = model("far", core::Stage::ready);
  for (const auto& [state, value] :
       {std::pair{daemon::CircuitBreaker::State::closed, "0"}, std::pair{daemon::CircuitBreaker::State::open, "1"},
        std::pair{daemon::CircuitBreaker::State::half_open, "1"}}) {
    far.circuit = state;
    Families families;
    append_gauges(families, std::vector{far, model("chat", core::Stage::ready)});
    CHECK(has_line(families, std::string(R"(rouse_remote_circuit_open{model="far"} )") + value));
    CHECK_FALSE(prometheus::TextSerializer().Serialize(families).contains(R"(circuit_open{model="chat"})"));
  }
}

TEST_CASE("a device's row is its own") {
  Families families;
  append_gauges(families, std::vector{device("host", Bytes{70}, Bytes{30})});
  CHECK(has_line(families, R"(rouse_device_size_bytes{device="host"} 100)"));
  CHECK(has_line(families, R"(rouse_device_effective_bytes{device="host"} 70)"));
  CHECK(has_line(families, R"(rouse_device_models_bytes{device="host"} 30)"));
}

TEST_CASE("a counter is a counter") {
  Families families;
  append_counts(families, {.connections = 3, .requests = 9});
  CHECK(has_line(families, "# TYPE rouse_http_requests_total counter"));
  CHECK(has_line(families, "rouse_http_requests_total 9"));
  CHECK(has_line(families, "rouse_http_connections 3"));
}

TEST_CASE("routers see who waits, how full it is, and which models are resident under every name") {
  std::vector models{model("chat", core::Stage::ready, 2, 1), model("drains", core::Stage::draining, 1),
                     model("loads", core::Stage::loading, 0, 4), model("cold", core::Stage::cold)};
  models[0].aliases = {"gpt-4o-mini"};
  const std::vector devices{device("host", Bytes{70}, Bytes{35}), device("gpu0", Bytes{40}, Bytes{30})};
  Families families;
  append_router_gauges(families, models, devices, std::chrono::system_clock::time_point(std::chrono::seconds(12)));
  CHECK(has_line(families, "vllm:num_requests_waiting 5"));
  CHECK(has_line(families, "vllm:num_requests_running 3"));
  CHECK(has_line(families, "vllm:kv_cache_usage_perc 0.75"));
  CHECK(has_line(families, R"(vllm:lora_requests_info{max_lora="4",running_lora_adapters="chat,gpt-4o-mini,drains",)"
                           R"(waiting_lora_adapters="loads"} 12)"));
}

TEST_CASE("a device that can offer nothing is full") {
  Families families;
  append_router_gauges(families, {}, std::vector{device("host", Bytes{0}, Bytes{0})}, {});
  CHECK(has_line(families, "vllm:kv_cache_usage_perc 1"));
}

}  // namespace
}  // namespace rouse::api

#include "api/gauges.hpp"

#include <algorithm>
#include <format>
#include <string>
#include <string_view>
#include <utility>

namespace rouse::api {
namespace {

using Label = prometheus::ClientMetric::Label;

class Family {
 public:
  Family(Families& families, std::string name, std::string help,
         prometheus::MetricType type = prometheus::MetricType::Gauge)
      : families_(families) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = type;
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() {
    if (!family_.metric.empty()) families_.push_back(std::move(family_));
  }

  void add(double value, std::vector<Label> labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = metric.counter.value = value;  // the type says which of them counts
    family_.metric.push_back(std::move(metric));
  }

 private:
  Families& families_;
  prometheus::MetricFamily family_;
};

double bytes(Bytes value) { return static_cast<double>(value.count); }

constexpr bool has_worker(core::Stage stage) { return stage != core::Stage::cold && stage != core::Stage::failed; }

void append_names(std::string& list, const daemon::ModelStatus& model) {
  const auto append = [&](std::string_view name) { list.append(list.empty() ? "" : ",").append(name); };
  append(model.name);
  for (const std::string& alias : model.aliases) append(alias);
}

// The fullest device's: the next model has to fit there, too.
double fullest(std::span<const daemon::DeviceStatus> devices) {
  double fullest = 0;
  for (const daemon::DeviceStatus& device : devices) {
    const double held = bytes(device.used_by_models + device.unconfirmed);
    const double offered = bytes(device.effective);
    fullest = std::max(fullest, offered > 0 ? std::min(1.0, held / offered) : 1.0);
  }
  return fullest;
}

}  // namespace

void append_gauges(Families& families, std::span<const daemon::ModelStatus> models) {
  using enum core::Stage;
  Family state(families, "rouse_model_state", "1 for the state a model is in, 0 for the others");
  Family running(families, "rouse_model_requests_running", "Requests that a model is answering");
  Family waiting(families, "rouse_model_requests_waiting", "Requests that wait for a model");
  Family held(families, "rouse_model_bytes", "Memory that a model's worker holds, by device");
  Family pinned(families, "rouse_model_pinned", "1 for a model that is never evicted");
  Family circuit(families, "rouse_remote_circuit_open",
                 "1 while the server behind a remote model is not asked, since it has failed again and again");
  Family progress(families, "rouse_model_load_progress", "How far a model's load is, from 0 to 1");
  Family left(families, "rouse_model_load_eta_seconds",
              "How long a model's load will still take, as far as can be told");
  for (const daemon::ModelStatus& model : models) {
    for (const core::Stage stage : {cold, loading, ready, draining, sleeping, asleep, waking, stopping, failed})
      state.add(model.stage == stage ? 1 : 0, {{"model", model.name}, {"state", std::string(core::name(stage))}});
    running.add(static_cast<double>(model.leases), {{"model", model.name}});
    waiting.add(static_cast<double>(model.waiting), {{"model", model.name}});
    pinned.add(model.pinned ? 1 : 0, {{"model", model.name}});
    if (model.progress) progress.add(*model.progress, {{"model", model.name}});
    if (model.time_left) left.add(std::chrono::duration<double>(*model.time_left).count(), {{"model", model.name}});
    if (model.circuit)
      circuit.add(model.circuit == daemon::CircuitBreaker::State::closed ? 0 : 1, {{"model", model.name}});
    if (!has_worker(model.stage)) continue;
    for (const core::DeviceBytes& share : model.footprint)
      held.add(bytes(share.bytes), {{"model", model.name}, {"device", daemon::device_name(share.device)}});
  }
}

void append_gauges(Families& families, std::span<const daemon::DeviceStatus> devices) {
  struct Row {
    const char* name;
    const char* help;
    Bytes daemon::DeviceStatus::* value;
  };
  static constexpr Row kRows[] = {
      {"rouse_device_size_bytes", "Size of a device's memory", &daemon::DeviceStatus::total},
      {"rouse_device_limit_bytes", "What models may hold there at most", &daemon::DeviceStatus::limit},
      {"rouse_device_reserve_bytes", "What stays free for others", &daemon::DeviceStatus::reserve},
      {"rouse_device_effective_bytes", "What models may hold now, with what others use",
       &daemon::DeviceStatus::effective},
      {"rouse_device_models_bytes", "Held by models", &daemon::DeviceStatus::used_by_models},
      {"rouse_device_reserved_bytes", "Reserved for programs outside", &daemon::DeviceStatus::reserved},
      {"rouse_device_others_bytes", "Used by other programs", &daemon::DeviceStatus::used_by_others},
      {"rouse_device_unconfirmed_bytes", "Of workers that are gone, and not seen back",
       &daemon::DeviceStatus::unconfirmed},
      {"rouse_device_kept_warm_bytes", "Files of cold models that are held in memory",
       &daemon::DeviceStatus::kept_warm},
      {"rouse_device_file_pages_bytes", "File pages that models' workers map", &daemon::DeviceStatus::file_pages},
  };
  for (const Row& row : kRows) {
    Family family(families, row.name, row.help);
    for (const daemon::DeviceStatus& device : devices) family.add(bytes(device.*row.value), {{"device", device.name}});
  }
  Family available(families, "rouse_device_available", "0 for a GPU that cannot be used now");
  Family pressure(families, "rouse_memory_pressure_ratio",
                  "Share of the last ten seconds in which programs have waited for memory");
  for (const daemon::DeviceStatus& device : devices) {
    available.add(device.unavailable.empty() ? 1 : 0, {{"device", device.name}});
    if (device.pressure) pressure.add(*device.pressure / 100, {{"device", device.name}});
  }
}

void append_build(Families& families, std::string_view version) {
  Family(families, "rouse_build_info", "1, with the version that runs").add(1, {{"version", std::string(version)}});
}

void append_counts(Families& families, const http::Server::Counts& counts) {
  const auto one = [&](const char* name, const char* help, auto value, prometheus::MetricType type) {
    Family(families, name, help, type).add(static_cast<double>(value));
  };
  using enum prometheus::MetricType;
  one("rouse_http_connections", "Connections that are open", counts.connections, Gauge);
  one("rouse_http_idle_connections", "Of them, between requests", counts.idle, Gauge);
  one("rouse_http_buffered_bytes", "Of request bodies held now", counts.buffered_bytes, Gauge);
  one("rouse_http_accepted_total", "Connections accepted", counts.accepted, Counter);
  one("rouse_http_requests_total", "HTTP requests on any path", counts.requests, Counter);
  one("rouse_http_refused_heads_total", "Requests whose head made no sense or was too large", counts.refused_heads,
      Counter);
  one("rouse_http_refused_connections_total", "Connections refused because there were too many",
      counts.refused_connections, Counter);
  one("rouse_http_timed_out_total", "Connections closed because nothing moved", counts.timed_out, Counter);
  one("rouse_http_clients_gone_total", "Clients that left in the middle of a request", counts.clients_gone, Counter);
}

void append_router_gauges(Families& families, std::span<const daemon::ModelStatus> models,
                          std::span<const daemon::DeviceStatus> devices, std::chrono::system_clock::time_point now) {
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::string resident;
  std::string wanted;
  for (const daemon::ModelStatus& model : models) {
    waiting += model.waiting;
    running += model.leases;
    if (model.stage == core::Stage::ready || model.stage == core::Stage::draining)
      append_names(resident, model);
    else if (model.waiting > 0 || model.stage == core::Stage::loading || model.stage == core::Stage::waking)
      append_names(wanted, model);
  }
  Family(families, "vllm:num_requests_waiting", "Requests that wait, for any model").add(static_cast<double>(waiting));
  Family(families, "vllm:num_requests_running", "Requests that are being answered").add(static_cast<double>(running));
  Family(families, "vllm:kv_cache_usage_perc", "How full the fullest device's budget is, from 0 to 1")
      .add(fullest(devices));
  Family(families, "vllm:lora_requests_info", "Resident models as adapters; the value is the time of the scrape")
      .add(std::chrono::duration<double>(now.time_since_epoch()).count(), {{"max_lora", std::to_string(models.size())},
                                                                           {"running_lora_adapters", resident},
                                                                           {"waiting_lora_adapters", wanted}});
}

}  // namespace rouse::api

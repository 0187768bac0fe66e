#include "api/access_log.hpp"

#include <algorithm>
#include <array>
#include <format>

namespace rouse::api {
namespace {

double seconds(std::optional<Duration> duration) {
  return std::chrono::duration<double>(duration.value_or(Duration{})).count();
}

}  // namespace

AccessLine::~AccessLine() {
  if (parts_.access_log == AccessLog::off) return;
  const http::Exchange& exchange = reply_.exchange();
  const Timing& timing = reply_.timing;
  const double total = seconds(parts_.clock.now() - exchange.arrived());
  const double queue = seconds(timing.queue);
  const double load = seconds(timing.load);
  const double prompt = seconds(timing.first);
  const double generation = timing.first ? std::max(0.0, total - queue - load - prompt) : 0;
  const std::string_view model = reply_.model ? parts_.daemon.name_of(*reply_.model) : "";
  const std::string_view gone = exchange.client_gone() ? ", client gone" : "";

  std::string line = std::format("{} {} {} {}, {} B in {:.3f} s", reply_.client_name(), exchange.method(),
                                 exchange.path(), exchange.status(), exchange.body_bytes(), total);
  if (timing.load) {
    line +=
        std::format(" (queue {:.3f}, load {:.3f}, prompt {:.3f}, generation {:.3f})", queue, load, prompt, generation);
  }
  line += std::format("{}{}, {}{}", model.empty() ? "" : ", ", model, reply_.id(), gone);
  const std::array<system::LogField, 13> fields{{{"event", "access"},
                                                 {"client", reply_.client_name()},
                                                 {"method", exchange.method()},
                                                 {"path", exchange.path()},
                                                 {"status", std::int64_t{exchange.status()}},
                                                 {"bytes", static_cast<std::int64_t>(exchange.body_bytes())},
                                                 {"seconds", total},
                                                 {"queue_seconds", queue},
                                                 {"load_seconds", load},
                                                 {"prompt_seconds", prompt},
                                                 {"generation_seconds", generation},
                                                 {"model", model},
                                                 {"request", reply_.id()}}};
  parts_.log.write(system::Level::info, line, fields);
}

}  // namespace rouse::api

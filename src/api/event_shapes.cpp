#include "api/event_shapes.hpp"

#include <format>
#include <optional>
#include <utility>
#include <vector>

#include "api/admin_shapes.hpp"
#include "api/json.hpp"
#include "api/utf8.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names them.
namespace event_json {

struct Come {
  std::int64_t present = 0;
  std::int64_t needed = 0;
};

struct Transition {
  std::string at;
  std::string_view model;
  std::string_view from;
  std::string_view to;
  std::string_view trigger;
  std::optional<std::string_view> reason;
  std::uint64_t worker = 0;
  std::int64_t bytes_before = 0;
  std::int64_t bytes_after = 0;
  std::optional<std::string> error;
};

struct Progress {
  std::string at;
  std::string_view model;
  std::string_view state;
  std::optional<double> progress;
  std::optional<double> eta_ms;
  std::optional<Come> bytes;
};

struct Request {
  std::string at;
  std::string_view id;
  std::string_view model;
  std::optional<std::string_view> asked;
  std::string_view client;
  std::string_view step;
  std::optional<std::string_view> outcome;
  std::optional<std::string_view> reason;
  std::optional<double> queue_ms;
  std::optional<double> load_ms;
  std::optional<double> first_byte_ms;
  std::optional<double> total_ms;
  std::uint64_t bytes = 0;
};

struct Config {
  std::string at;
  std::vector<std::string_view> models;
};

}  // namespace event_json

namespace {

std::string_view step_name(daemon::RequestStep step) {
  switch (step) {
    case daemon::RequestStep::queued: return "queued";
    case daemon::RequestStep::started: return "started";
    case daemon::RequestStep::ended: return "ended";
  }
  std::unreachable();
}

std::int64_t distance(Bytes a, Bytes b) { return a > b ? (a - b).count : (b - a).count; }

// {"at":…} before the members of an object that is written elsewhere.
std::string dated(daemon::WallTime at, std::string_view object) {
  return std::format(R"({{"at":"{}",{})", rfc3339(at), object.substr(1));
}

}  // namespace

std::string event_frame(std::uint64_t id, std::string_view name, std::string_view json) {
  return std::format("id: {}\nevent: {}\ndata: {}\n\n", id, name, json);
}

std::string event_json_of(const core::Announce& transition, std::string_view model, std::string_view error,
                          daemon::WallTime at) {
  const bool stops = transition.reason != core::StopReason::none;
  return to_json(event_json::Transition{
      .at = rfc3339(at),
      .model = model,
      .from = core::name(transition.from),
      .to = core::name(transition.to),
      .trigger = core::name(transition.trigger),
      .reason = stops ? std::optional(core::name(transition.reason)) : std::nullopt,
      .worker = transition.worker.value,
      .bytes_before = transition.before.count,
      .bytes_after = transition.after.count,
      .error = error.empty() ? std::nullopt : std::optional(as_utf8(error)),
  });
}

std::string receipt_event_json(const daemon::Receipt& receipt, std::string_view model, WorkerId worker,
                               daemon::WallTime at) {
  const std::string named = std::format(R"({{"model":{},"worker":{},)", to_json(model), worker.value);
  return dated(at, named + admin_json_of(receipt).substr(1));
}

std::string circuit_event_json(const daemon::ModelStatus& model, daemon::WallTime at) {
  const bool closed = model.circuit == daemon::CircuitBreaker::State::closed;
  return to_json(event_json::Transition{
      .at = rfc3339(at),
      .model = model.name,
      .from = core::name(model.stage),
      .to = core::name(model.stage),
      .trigger = closed ? "circuit closed" : "circuit opened",
      .reason = {},
      .error = model.error.empty() ? std::nullopt : std::optional(as_utf8(model.error)),
  });
}

std::string event_json_of(const daemon::RequestNews& news, std::string_view model, std::string_view asked,
                          daemon::WallTime at) {
  const bool ended = news.step == daemon::RequestStep::ended;
  event_json::Request request{.at = rfc3339(at),
                              .id = news.id,
                              .model = model,
                              .asked = asked.empty() ? std::nullopt : std::optional(asked),
                              .client = news.client,
                              .step = step_name(news.step),
                              .outcome = {},
                              .reason = {},
                              .queue_ms = {},
                              .load_ms = {},
                              .first_byte_ms = {},
                              .total_ms = {},
                              .bytes = news.bytes};
  if (ended) request.outcome = daemon::name(news.ending);
  if (news.ending == daemon::Ending::refused) request.reason = core::name(news.reason);
  if (news.started) {
    request.queue_ms = milliseconds(news.waited.queue);
    request.load_ms = milliseconds(news.waited.load);
  }
  if (news.first_byte) request.first_byte_ms = milliseconds(*news.first_byte);
  if (ended) request.total_ms = milliseconds(news.whole);
  return to_json(request);
}

std::string progress_event_json(const daemon::ModelStatus& model, daemon::WallTime at) {
  return to_json(event_json::Progress{
      .at = rfc3339(at),
      .model = model.name,
      .state = core::name(model.stage),
      .progress = model.progress,
      .eta_ms = model.time_left.transform(milliseconds),
      .bytes = model.come.transform([](const daemon::Come& come) {
        return event_json::Come{.present = come.present.count, .needed = come.needed.count};
      }),
  });
}

std::string snapshot_event_json(const std::vector<daemon::ModelStatus>& models,
                                const std::vector<daemon::DeviceStatus>& devices, daemon::WallTime at) {
  std::string both = admin_json_of(models);
  both.back() = ',';
  both += std::string_view(admin_json_of(devices)).substr(1);
  return dated(at, both);
}

std::string event_json_of(const daemon::DeviceStatus& device, daemon::WallTime at) {
  return dated(at, admin_json_of(device));
}

std::string event_json_of(const daemon::ReservationStatus& reservation, daemon::ReservationStep step,
                          daemon::WallTime at) {
  const std::string named = std::format(R"({{"step":"{}",)", daemon::name(step));
  return dated(at, named + admin_json_of(reservation).substr(1));
}

std::string config_event_json(const std::vector<daemon::ModelStatus>& models, daemon::WallTime at) {
  event_json::Config config{.at = rfc3339(at), .models = {}};
  for (const daemon::ModelStatus& model : models) config.models.emplace_back(model.name);
  return to_json(config);
}

bool differs(const daemon::DeviceStatus& before, const daemon::DeviceStatus& now) {
  const bool ours = before.used_by_models != now.used_by_models || before.unconfirmed != now.unconfirmed ||
                    before.kept_warm != now.kept_warm || before.reserved != now.reserved;
  const bool budget = before.total != now.total || before.limit != now.limit || before.reserve != now.reserve;
  const bool state =
      before.unavailable != now.unavailable || before.shared != now.shared || before.pressed != now.pressed;
  return ours || budget || state || distance(before.used_by_others, now.used_by_others) > now.total.count / 100;
}

}  // namespace rouse::api

#include "api/admin_shapes.hpp"

#include <cstdint>
#include <format>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "api/json.hpp"
#include "api/utf8.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names them.
namespace admin_json {

using ByDevice = std::map<std::string, std::int64_t>;

struct ErrorObject {
  std::string_view code;
  std::string message;
  std::string context;
};
struct ErrorBody {
  ErrorObject error;
};

struct Duplicates {
  int processes = 0;
  std::int64_t bytes_each = 0;
};

struct LearntTimes {
  std::optional<double> disk;
  std::optional<double> page_cache;
  std::optional<double> wake;
};

struct Learnt {
  ByDevice footprint;
  ByDevice peak;
  ByDevice needed;
  LearntTimes load_ms;
  std::uint64_t loads = 0;
  std::uint64_t wakes = 0;
  std::uint64_t failures = 0;
  std::uint64_t out_of_memory = 0;
};

struct Come {
  std::int64_t present = 0;
  std::int64_t needed = 0;
};

struct Model {
  std::string_view id;
  std::span<const std::string> aliases;
  std::string_view engine;
  std::optional<std::string_view> group;
  std::string_view state;
  std::optional<double> progress;
  std::optional<double> eta_ms;
  std::optional<Come> bytes;
  std::optional<std::string_view> drains_for;
  std::uint64_t leases = 0;
  std::uint64_t waiting = 0;
  ByDevice footprint;
  std::optional<std::string_view> footprint_source;
  std::optional<ByDevice> configured;
  std::optional<ByDevice> estimated;
  std::optional<Learnt> learnt;
  std::int64_t file_pages = 0;
  std::optional<int> pid;
  std::optional<Duplicates> duplicates;
  std::uint64_t loads = 0;
  std::optional<double> last_load_ms;
  std::optional<std::string> last_used;
  std::optional<std::string> expires_at;
  bool keep_forever = false;
  bool pinned = false;
  bool removed = false;
  std::optional<std::string> error;
  std::optional<std::string> retry_at;
  std::optional<std::string_view> circuit;
};
struct ModelList {
  std::vector<Model> models;
};

struct Device {
  std::string_view id;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t reserve = 0;
  std::int64_t effective = 0;
  std::int64_t used_by_models = 0;
  std::int64_t used_by_others = 0;
  std::int64_t unconfirmed = 0;
  std::int64_t kept_warm = 0;
  std::int64_t reserved = 0;
  std::optional<std::string_view> uuid;
  std::optional<std::string_view> product;
  std::optional<std::string_view> unavailable;
  bool attributed = true;
  bool shared = false;
  std::int64_t file_pages = 0;
  std::optional<double> pressure;
};
struct DeviceList {
  std::vector<Device> devices;
};

struct Group {
  std::string_view name;
  std::uint32_t max_loaded = 0;
  std::uint32_t loaded = 0;
};
struct Memory {
  std::vector<Device> devices;
  std::vector<Group> groups;
};

struct Request {
  std::string_view id;
  std::string_view model;
  std::optional<std::string_view> asked;
  std::string_view client;
  std::string_view origin;
  std::string_view phase;
  double waited = 0;  // ms
  std::optional<std::uint64_t> position;
  std::uint64_t bytes = 0;
};
struct RequestList {
  std::vector<Request> requests;
};

struct Health {
  std::string_view status;
  std::span<const std::string> stuck;
};

struct Reservation {
  std::uint64_t id = 0;
  std::string_view device;
  std::int64_t bytes = 0;
  std::string_view state;
  std::string_view priority;
  std::string_view holder;
  std::optional<int> pid;
  std::string asked_at;
  std::optional<std::string> granted_at;
  std::optional<std::string> expires_at;
};
struct ReservationList {
  std::string daemon_started_at;
  std::vector<Reservation> reservations;
};

struct Receipt {
  ByDevice freed;
  ByDevice missing;
  bool confirmed = true;
  double took_ms = 0;
  std::string_view reason;
};

}  // namespace admin_json

namespace {

admin_json::ByDevice by_device(const core::Placement& placement) {
  admin_json::ByDevice bytes;
  for (const core::DeviceBytes& share : placement) bytes.emplace(daemon::device_name(share.device), share.bytes.count);
  return bytes;
}

std::optional<std::string> time_text(const std::optional<daemon::WallTime>& time) {
  return time ? std::optional(rfc3339(*time)) : std::nullopt;
}

std::string_view source_name(core::SizeSource source) {
  switch (source) {
    case core::SizeSource::configured: return "configured";
    case core::SizeSource::estimated: return "estimated";
    case core::SizeSource::measured: return "learnt";
  }
  std::unreachable();
}

std::optional<std::string_view> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

admin_json::Learnt shape_of_learnt(const daemon::LearntRecord& record) {
  const auto counts = [](const daemon::BytesByDevice& bytes) {
    admin_json::ByDevice named;
    for (const auto& [device, each] : bytes) named.emplace(device, each.count);
    return named;
  };
  return {
      .footprint = counts(record.footprint),
      .peak = counts(record.peak),
      .needed = counts(record.needed),
      .load_ms = {.disk = record.load.cold.transform(milliseconds),
                  .page_cache = record.load.cached.transform(milliseconds),
                  .wake = record.wake.transform(milliseconds)},
      .loads = record.loads,
      .wakes = record.wakes,
      .failures = record.failures,
      .out_of_memory = record.out_of_memory,
  };
}

admin_json::Model shape(const daemon::ModelStatus& model) {
  const bool sized = !model.footprint.empty();
  return {
      .id = model.name,
      .aliases = model.aliases,
      .engine = model.engine,
      .group = unless_empty(model.group),
      .state = core::name(model.stage),
      .progress = model.progress,
      .eta_ms = model.time_left.transform(milliseconds),
      .bytes = model.come.transform([](const daemon::Come& come) {
        return admin_json::Come{.present = come.present.count, .needed = come.needed.count};
      }),
      .drains_for = unless_empty(model.drains_for),
      .leases = model.leases,
      .waiting = model.waiting,
      .footprint = by_device(model.footprint),
      .footprint_source = sized ? std::optional(source_name(model.footprint_source)) : std::nullopt,
      .configured = model.configured.empty() ? std::nullopt : std::optional(by_device(model.configured)),
      .estimated = model.estimated.empty() ? std::nullopt : std::optional(by_device(model.estimated)),
      .learnt = model.learnt.transform(shape_of_learnt),
      .file_pages = model.file_pages.count,
      .pid = model.pid,
      .duplicates = model.duplicates.transform([](const system::Duplicates& found) {
        return admin_json::Duplicates{.processes = found.processes, .bytes_each = found.each.count};
      }),
      .loads = model.loads,
      .last_load_ms = model.last_load ? std::optional(milliseconds(*model.last_load)) : std::nullopt,
      .last_used = time_text(model.last_used),
      .expires_at = time_text(model.expires_at),
      .keep_forever = model.keep_forever,
      .pinned = model.pinned,
      .removed = model.removed,
      .error = model.error.empty() ? std::nullopt : std::optional(as_utf8(model.error)),
      .retry_at = time_text(model.retry_at),
      .circuit = model.circuit ? std::optional(daemon::name(*model.circuit)) : std::nullopt,
  };
}

std::string_view word(core::Priority priority) {
  switch (priority) {
    case core::Priority::low: return "low";
    case core::Priority::normal: return "normal";
    case core::Priority::high: return "high";
  }
  std::unreachable();
}

admin_json::Reservation shape(const daemon::ReservationStatus& reservation) {
  return {
      .id = reservation.id,
      .device = reservation.device,
      .bytes = reservation.bytes.count,
      .state = reservation.granted_at ? "granted" : "waiting",
      .priority = word(reservation.priority),
      .holder = reservation.holder,
      .pid = reservation.pid,
      .asked_at = rfc3339(reservation.asked_at),
      .granted_at = time_text(reservation.granted_at),
      .expires_at = time_text(reservation.expires_at),
  };
}

admin_json::Device shape(const daemon::DeviceStatus& device) {
  return {
      .id = device.name,
      .total = device.total.count,
      .limit = device.limit.count,
      .reserve = device.reserve.count,
      .effective = device.effective.count,
      .used_by_models = device.used_by_models.count,
      .used_by_others = device.used_by_others.count,
      .unconfirmed = device.unconfirmed.count,
      .kept_warm = device.kept_warm.count,
      .reserved = device.reserved.count,
      .uuid = unless_empty(device.uuid),
      .product = unless_empty(device.product),
      .unavailable = unless_empty(device.unavailable),
      .attributed = device.attributed,
      .shared = device.shared,
      .file_pages = device.file_pages.count,
      .pressure = device.pressure,
  };
}

admin_json::Request shape(const daemon::RequestStatus& request) {
  return {.id = request.id,
          .model = request.model,
          .asked = request.asked,
          .client = request.client,
          .origin = request.by_operator ? "operator" : "client",
          .phase = daemon::name(request.phase),
          .waited = milliseconds(request.waited),
          .position = request.position,
          .bytes = request.bytes};
}

}  // namespace

std::string health_json(std::span<const std::string> stuck) {
  return to_json(admin_json::Health{stuck.empty() ? "ok" : "stuck", stuck});
}

double milliseconds(Duration duration) {
  return static_cast<double>(std::chrono::round<std::chrono::microseconds>(duration).count()) / 1000;
}

std::string admin_error(const Fault& fault) {
  return to_json(
      admin_json::ErrorBody{{kind(fault.error.code).name, as_utf8(fault.error.message), as_utf8(fault.error.context)}});
}

std::string admin_json_of(const daemon::ModelStatus& model) { return to_json(shape(model)); }

std::string admin_json_of(const std::vector<daemon::ModelStatus>& models) {
  admin_json::ModelList list;
  list.models.reserve(models.size());
  for (const daemon::ModelStatus& model : models) list.models.push_back(shape(model));
  return to_json(list);
}

std::string admin_json_of(const std::vector<daemon::DeviceStatus>& devices) {
  admin_json::DeviceList list;
  for (const daemon::DeviceStatus& device : devices) list.devices.push_back(shape(device));
  return to_json(list);
}

std::string admin_json_of(const std::vector<daemon::DeviceStatus>& devices,
                          const std::vector<daemon::GroupStatus>& groups) {
  admin_json::Memory memory;
  for (const daemon::DeviceStatus& device : devices) memory.devices.push_back(shape(device));
  for (const daemon::GroupStatus& group : groups)
    memory.groups.push_back({.name = group.name, .max_loaded = group.max_loaded, .loaded = group.loaded});
  return to_json(memory);
}

std::string admin_json_of(const daemon::DeviceStatus& device) { return to_json(shape(device)); }

std::string admin_json_of(const daemon::RequestStatus& request) { return to_json(shape(request)); }

std::string admin_json_of(const std::vector<daemon::RequestStatus>& requests) {
  admin_json::RequestList list;
  list.requests.reserve(requests.size());
  for (const daemon::RequestStatus& request : requests) list.requests.push_back(shape(request));
  return to_json(list);
}

std::string admin_json_of(const daemon::Receipt& receipt) {
  return to_json(admin_json::Receipt{by_device(receipt.freed), by_device(receipt.missing), receipt.confirmed(),
                                     milliseconds(receipt.took), receipt.reason});
}

std::string admin_json_of(const daemon::ReservationStatus& reservation) { return to_json(shape(reservation)); }

std::string admin_json_of(const std::vector<daemon::ReservationStatus>& reservations, daemon::WallTime started) {
  admin_json::ReservationList list{.daemon_started_at = rfc3339(started), .reservations = {}};
  for (const daemon::ReservationStatus& reservation : reservations) list.reservations.push_back(shape(reservation));
  return to_json(list);
}

std::string admin_json_of(const config::Changes& changes) { return to_json(changes); }

std::string rfc3339(daemon::WallTime time) {
  return std::format("{:%FT%TZ}", std::chrono::floor<std::chrono::milliseconds>(time));
}

}  // namespace rouse::api

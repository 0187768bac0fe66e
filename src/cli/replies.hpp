// What the daemon's JSON says, as far as the commands use it, and what they send. Unknown keys are ignored, and what
// may be missing or null is optional, so that a newer or older daemon can be talked to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/exit.hpp"

namespace rouse::cli {

using Footprint = std::map<std::string, std::int64_t>;  // bytes by device

struct ErrorReply {
  std::string message;
  std::optional<std::variant<std::string, double>> code;  // a name; engines have numbers
  std::string context = {};                               // for an administrator
};

struct DuplicatesReply {
  int processes = 0;
  std::int64_t bytes_each = 0;
};

struct LearntTimesReply {
  std::optional<double> disk;
  std::optional<double> page_cache;
  std::optional<double> wake;
};

struct LearntReply {
  Footprint footprint;
  Footprint peak;
  Footprint needed;
  LearntTimesReply load_ms;
  std::uint64_t loads = 0;
  std::uint64_t wakes = 0;
  std::uint64_t failures = 0;
  std::uint64_t out_of_memory = 0;
};

struct ModelReply {
  std::string id;
  std::string engine;
  std::optional<std::string> group;
  std::string state;
  std::optional<std::vector<std::string>> aliases;
  std::uint64_t leases = 0;
  std::uint64_t waiting = 0;
  std::optional<Footprint> footprint;
  std::optional<std::string> footprint_source;
  std::optional<Footprint> configured;
  std::optional<Footprint> estimated;
  std::optional<LearntReply> learnt;
  std::optional<std::int64_t> file_pages;
  std::optional<std::int64_t> pid;
  std::optional<DuplicatesReply> duplicates;
  std::uint64_t loads = 0;
  std::optional<double> last_load_ms;
  std::optional<std::string> last_used;
  std::optional<std::string> expires_at;
  std::optional<bool> pinned;
  std::optional<bool> removed;     // no longer configured, still there
  std::optional<double> progress;  // 0 … 1, while loading or waking
  std::optional<double> eta_ms;    // until it is ready
  std::optional<std::string> drains_for;
  std::optional<std::string> error;
  std::optional<std::string> retry_at;
  std::optional<std::string> circuit;  // of a remote one
};

struct ModelsReply {
  std::vector<ModelReply> models;
};

struct RequestReply {
  std::string id;
  std::string model;
  std::optional<std::string> asked;  // for which it stands in
  std::string client;
  std::string phase;
  double waited = 0;  // ms
  std::optional<std::uint64_t> position;
  std::uint64_t bytes = 0;
};

struct RequestsReply {
  std::vector<RequestReply> requests;
};

struct ChangesReply {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
  std::vector<std::string> settings;
  std::vector<std::string> needs_restart;
};

struct DeviceReply {
  std::string id;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t reserve = 0;
  std::int64_t effective = 0;
  std::int64_t used_by_models = 0;
  std::int64_t reserved = 0;
  std::int64_t used_by_others = 0;
  std::int64_t unconfirmed = 0;
  std::optional<std::int64_t> kept_warm;
  std::optional<std::string> uuid;
  std::optional<std::string> product;
  std::optional<std::string> unavailable;
  std::optional<bool> attributed;
  std::optional<bool> shared;
  std::optional<std::int64_t> file_pages;
  std::optional<double> pressure;
};

struct GroupReply {
  std::string name;
  std::uint32_t max_loaded = 0;
  std::uint32_t loaded = 0;
};

struct DevicesReply {
  std::vector<DeviceReply> devices;
  std::optional<std::vector<GroupReply>> groups;
};

struct ReceiptReply {
  Footprint freed;
  std::optional<Footprint> missing;
  bool confirmed = false;
  double took_ms = 0;
};

struct ReservationReply {
  std::uint64_t id = 0;
};
struct ReservationsReply {
  std::string daemon_started_at;
};

// One event of a streamed chat answer.
struct ChatDelta {
  std::optional<std::string> content;
  std::optional<std::string> reasoning_content;
};
struct ChatChoice {
  std::optional<ChatDelta> delta;
  std::optional<std::string> finish_reason;
};
struct ChatChunk {
  std::optional<std::vector<ChatChoice>> choices;
  std::optional<ErrorReply> error;
};

struct ChatMessage {
  std::string role;
  std::string content;
};
struct ChatRequest {
  std::string model;
  std::vector<ChatMessage> messages;
  bool stream = true;
  std::optional<std::uint32_t> max_tokens;
  std::optional<double> temperature;
};

// An answer that is not what it should be is a failure that says so.
Outcome<ModelsReply> read_models(std::string_view json);
Outcome<ModelReply> read_model(std::string_view json);
Outcome<DevicesReply> read_devices(std::string_view json);
Outcome<ReceiptReply> read_receipt(std::string_view json);
Outcome<ReservationReply> read_reservation(std::string_view json);
Outcome<ReservationsReply> read_reservations(std::string_view json);
Outcome<RequestsReply> read_requests(std::string_view json);
Outcome<ChangesReply> read_changes(std::string_view json);
Outcome<ChatChunk> read_chunk(std::string_view json);

// The failure in an error answer; without Rouse's error in it, one that doubts that it came from Rouse.
Failure read_refusal(int status, std::string_view json);
Failure failure_of(int status, const ErrorReply& error);

std::string written(const ChatRequest& request);

}  // namespace rouse::cli

#include "api/lifecycle_options.hpp"

#include <array>
#include <format>

#include "base/duration.hpp"

namespace rouse::api {
namespace {

constexpr std::string_view kPrefix = "X-Rouse-";

// Each reads one header's value into the options; false if it makes no sense.
bool read_keep(std::string_view value, LifecycleOptions& options) {
  if (value == "forever") {
    options.keep = core::Keep::forever();
    return true;
  }
  const auto duration = parse_duration(value);
  if (duration) options.keep = core::Keep{*duration};
  return duration.has_value();
}

bool read_priority(std::string_view value, LifecycleOptions& options) {
  if (value == "low") return options.priority = core::Priority::low, true;
  if (value == "normal") return options.priority = core::Priority::normal, true;
  if (value == "high") return options.priority = core::Priority::high, true;
  return false;
}

bool read_deadline(std::string_view value, LifecycleOptions& options) {
  options.deadline = parse_duration(value);
  return options.deadline && *options.deadline > Duration::zero();
}

bool read_load(std::string_view value, LifecycleOptions& options) {
  options.patience = core::Patience::only_if_ready;
  return value == "only-if-ready";
}

struct Header {
  std::string_view name;  // behind X-Rouse-
  std::string_view expected;
  bool (*read)(std::string_view value, LifecycleOptions& options);
};
constexpr std::array kHeaders{
    Header{"Keep", "0, a duration such as 5m, or forever", read_keep},
    Header{"Priority", "low, normal or high", read_priority},
    Header{"Deadline", "a duration such as 30s", read_deadline},
    Header{"Load", "only-if-ready", read_load},
};

}  // namespace

Result<LifecycleOptions> read_lifecycle_options(const http::RequestHead& head) {
  LifecycleOptions options;
  std::array<bool, kHeaders.size()> seen{};
  for (const http::Field& field : head.fields) {
    if (field.name.size() <= kPrefix.size() || !http::same_name(field.name.substr(0, kPrefix.size()), kPrefix))
      continue;
    const std::string_view name = field.name.substr(kPrefix.size());
    for (std::size_t i = 0; i < kHeaders.size(); ++i) {
      const Header& header = kHeaders[i];
      if (!http::same_name(name, header.name)) continue;
      if (seen[i]) return fail(Code::malformed, std::format("X-Rouse-{} is given twice", header.name));
      seen[i] = true;
      if (!header.read(field.value, options)) {
        return fail(Code::malformed, std::format("X-Rouse-{} must be {}", header.name, header.expected));
      }
    }
  }
  return options;
}

}  // namespace rouse::api

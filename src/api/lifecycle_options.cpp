#include "api/lifecycle_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
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
  options.priority = parse_priority(value);
  return options.priority.has_value();
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

// A plain number, of seconds.
std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<Duration> seconds(double number) {
  constexpr double kMost = 9.2e9;  // 292 years: what a Duration holds
  if (!(number < kMost)) return std::nullopt;
  return std::chrono::round<Duration>(std::chrono::duration<double>(number));
}

bool read_keep_alive(std::string_view value, LifecycleOptions& options) {
  if (value.starts_with('-')) {  // Ollama's "for ever": -1, "-1m"
    value.remove_prefix(1);
    options.keep = core::Keep::forever();
    return number(value) || parse_duration(value);
  }
  const auto plain = number(value);
  if (!plain) return read_keep(value, options);
  const auto idle = seconds(*plain);
  options.keep = idle ? core::Keep{*idle} : core::Keep::forever();
  return true;
}

bool read_deadline_field(std::string_view value, LifecycleOptions& options) {
  const auto plain = number(value);
  if (!plain) return read_deadline(value, options);
  options.deadline = seconds(*plain);
  return options.deadline && *options.deadline > Duration::zero();
}

struct Field {
  std::string_view expected;
  bool (*read)(std::string_view value, LifecycleOptions& options);
};
constexpr std::array<Field, kLifecycleFields.size()> kFields{{
    {"a number of seconds, a duration such as \"5m\", or \"forever\"", read_keep_alive},
    {"\"low\", \"normal\" or \"high\"", read_priority},
    {"a number of seconds or a duration such as \"30s\"", read_deadline_field},
}};

}  // namespace

std::optional<core::Priority> parse_priority(std::string_view text) {
  if (text == "low") return core::Priority::low;
  if (text == "normal") return core::Priority::normal;
  if (text == "high") return core::Priority::high;
  return std::nullopt;
}

Result<bool> read_lifecycle_field(std::string_view name, std::string_view value, LifecycleOptions& into) {
  if (name == "priority" && number(value)) return false;  // vLLM has one of that name
  const Field& field =
      kFields[static_cast<std::size_t>(std::ranges::find(kLifecycleFields, name) - kLifecycleFields.begin())];
  if (field.read(value, into)) return true;
  return fail(Code::malformed, std::format("\"{}\" must be {}", name, field.expected));
}

Result<LifecycleOptions> combined(const LifecycleOptions& headers, const LifecycleOptions& body) {
  LifecycleOptions both = headers;
  std::string_view differs;
  const auto join = [&](auto member, std::string_view name) {
    if (!(body.*member)) return;
    if (both.*member && both.*member != body.*member) differs = name;
    both.*member = body.*member;
  };
  join(&LifecycleOptions::keep, "X-Rouse-Keep and \"keep_alive\"");
  join(&LifecycleOptions::priority, "X-Rouse-Priority and \"priority\"");
  join(&LifecycleOptions::deadline, "X-Rouse-Deadline and \"deadline\"");
  if (!differs.empty()) return fail(Code::malformed, std::format("{} in the body say different things", differs));
  return both;
}

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

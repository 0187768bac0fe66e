#include "cli/values.hpp"

#include "base/bytes.hpp"
#include "base/duration.hpp"

namespace rouse::cli {

std::string wrong_keep(const std::string& text) {
  return text == "forever" || parse_duration(text) ? "" : "write 0, forever, or a time such as 90s, 5m or 1h30m";
}

std::string wrong_time(const std::string& text) {
  return parse_duration(text) ? "" : "write a time such as 90s, 5m or 1h30m";
}

std::string wrong_interval(const std::string& text) {
  const auto interval = parse_duration(text);
  return interval && *interval > Duration::zero() ? "" : "write a time such as 500ms, 2s or 1m";
}

std::string wrong_bytes(const std::string& text) {
  const auto bytes = parse_bytes(text);
  return bytes && *bytes > Bytes{} ? "" : "write a size such as 512MiB or 8GiB";
}

std::string wrong_priority(const std::string& text) {
  return text == "low" || text == "normal" || text == "high" ? "" : "write low, normal or high";
}

std::string wrong_role(const std::string& text) { return text == "use" || text == "admin" ? "" : "write use or admin"; }

std::string wrong_log_format(const std::string& text) {
  return text == "text" || text == "json" ? "" : "write text or json";
}

std::string wrong_shell(const std::string& text) {
  return text == "bash" || text == "zsh" || text == "fish" ? "" : "write bash, zsh or fish";
}

std::string wrong_count(const std::string& text) {
  return text.starts_with('-') || text == "0" ? "write a number of tokens, 1 or more" : "";
}

std::string wrong_temperature(const std::string& text) {
  return text.starts_with('-') ? "write a number, 0 or more" : "";
}

}  // namespace rouse::cli

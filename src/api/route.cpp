#include "api/route.hpp"

#include <cstdint>

#include "api/utf8.hpp"

namespace rouse::api {
namespace {

constexpr std::string_view kHole = "{id}";
constexpr std::string_view kRest = "{rest}";
constexpr std::string_view kAnyMethod = "*";

// What stands in place of {id}, empty for a pattern without; nothing if the path does not fit.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  const std::size_t hole = pattern.find(kHole);
  if (hole == std::string_view::npos) return path == pattern ? std::optional(std::string_view()) : std::nullopt;
  const std::string_view before = pattern.substr(0, hole);
  const std::string_view behind = pattern.substr(hole + kHole.size());
  if (behind.ends_with(kRest)) {
    if (path.size() <= before.size() || !path.starts_with(before)) return std::nullopt;
    const std::size_t end = path.find(behind.substr(0, behind.size() - kRest.size()), before.size() + 1);
    if (end == std::string_view::npos) return std::nullopt;
    return path.substr(before.size(), end - before.size());
  }
  const bool fits = path.size() > before.size() + behind.size() && path.starts_with(before) && path.ends_with(behind);
  if (!fits) return std::nullopt;
  return path.substr(before.size(), path.size() - before.size() - behind.size());
}

// The more of a pattern is fixed, the more exact it is.
std::size_t exactness(std::string_view pattern) {
  if (pattern.ends_with(kRest)) return SIZE_MAX - 1;
  return pattern.contains(kHole) ? pattern.size() - kHole.size() : SIZE_MAX;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::expected<Matched, Unmatched> match(std::span<const Route> routes, std::string_view method, std::string_view path) {
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  std::string_view best;
  std::string_view id;
  for (const Route& route : routes) {
    const auto found = fit(route.pattern, path);
    if (!found || (!best.empty() && exactness(route.pattern) <= exactness(best))) continue;
    best = route.pattern;
    id = *found;
  }
  Unmatched none;
  if (best.empty()) return std::unexpected(none);
  for (const Route& route : routes) {
    if (route.pattern != best) continue;
    if (route.method == asked || route.method == kAnyMethod) return Matched{&route, id};
    if (!none.allow.empty()) none.allow += ", ";
    none.allow += route.method;
    if (route.method == "GET") none.allow += ", HEAD";
  }
  return std::unexpected(none);
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    const char c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    out += c;
    i += 2;
  }
  if (out.contains('\0') || !is_utf8(out)) return std::nullopt;
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return percent_decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace rouse::api

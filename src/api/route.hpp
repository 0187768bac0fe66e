// Which handler answers a method and a path. Paths are compared as they were sent; `{id}` stands for one or more bytes,
// slashes included (models may be called "org/name"), and only then is it percent-decoded.
//
// `{rest}` at the end of a pattern stands for anything; the first place where it fits counts, and such a pattern goes
// before all others with {id}: /models/a/app/load is the application's own.
//
// A path that fits several patterns belongs to the most exact one: /models/a/load is the load of "a" and never a
// model called "a/load" (that one is /models/a%2Fload). Pure.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/key.hpp"
#include "http/task.hpp"

namespace rouse::api {

struct Dialect;
struct Parts;
class Reply;

using RouteHandler = http::Task<void> (*)(const Parts& parts, Reply& reply, std::string_view id);

enum class Guard : std::uint8_t {
  none,    // for probes: any Host, no key
  reads,   // Host, Origin and key
  acts,    // and the content type, JSON, and the key's limits
  takes,   // the same, but a form may come too
  passes,  // Host, Origin and key, and its limits; whatever comes
};

struct Route {
  std::string_view method;   // "*": any
  std::string_view pattern;  // "/v1/models/{id}"
  Guard guard;
  const Dialect* dialect;  // its errors
  RouteHandler run;
  std::optional<config::Role> role = {};  // that a key must have; otherwise admin under /rouse/, use elsewhere

  config::Role needs() const {
    return role.value_or(pattern.starts_with("/rouse/") ? config::Role::admin : config::Role::use);
  }
};

struct Matched {
  const Route* route;
  std::string_view id;  // not decoded
};
// Why there is none: no such path, or (405) what could be asked there: "GET, HEAD".
struct Unmatched {
  std::string allow;
};

std::expected<Matched, Unmatched> match(std::span<const Route> routes, std::string_view method, std::string_view path);

// Nothing for a broken escape, NUL, or what is no UTF-8.
std::optional<std::string> percent_decoded(std::string_view text);

// The value of `name` in "a=1&b=2", decoded; nothing if it is not there, or broken.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace rouse::api

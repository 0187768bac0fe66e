#include "engine/program_estimate.hpp"

#include <algorithm>
#include <format>
#include <glaze/json/read.hpp>
#include <map>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "config/names.hpp"

namespace rouse::engine {
namespace {

using Size = std::variant<double, std::string>;

struct ReadOptions : glz::opts {
  bool validate_trailing_whitespace = true;  // nothing may follow
};
constexpr ReadOptions kReadOptions = [] {
  ReadOptions options;
  options.null_terminated = false;
  return options;
}();

constexpr double kMostBytes = 1LL << 50U;  // of one device: beyond that it is a slip

std::optional<Bytes> bytes_of(const Size& size) {
  if (const auto* text = std::get_if<std::string>(&size)) return parse_bytes(*text);
  const double count = std::get<double>(size);
  if (!(count >= 0 && count <= kMostBytes)) return std::nullopt;
  return Bytes{static_cast<std::int64_t>(count)};
}

auto misread(std::string_view what) {
  return fail(Code::upstream_failed,
              std::format("{}; expected sizes by device, such as {{\"host\": 2147483648, \"gpu0\": \"6GiB\"}}", what));
}

}  // namespace

Result<core::Placement> read_program_estimate(std::string_view json) {
  std::map<std::string, Size> sizes;
  if (glz::read<kReadOptions>(sizes, json)) return misread("it is no such JSON");
  core::Placement placement;
  for (const auto& [name, size] : sizes) {
    const auto device = config::parse_device(name);
    if (!device) return misread(std::format("\"{}\" is no device", name));
    const auto bytes = bytes_of(size);
    if (!bytes) return misread(std::format("what it says of {} is no size", name));
    placement.push_back({*device, *bytes});
  }
  std::ranges::sort(placement, {}, &core::DeviceBytes::device);
  return placement;
}

}  // namespace rouse::engine

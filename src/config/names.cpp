#include "config/names.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <format>

namespace rouse::config {
namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::uint64_t kGpus = 64;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_model_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || !is_letter_or_digit(name[0])) return false;
  const auto allowed = [](char c) { return is_letter_or_digit(c) || std::string_view("._-:/").contains(c); };
  if (!std::ranges::all_of(name, allowed)) return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || !is_letter_or_digit(name[0])) return false;
  return std::ranges::all_of(name,
                             [](char c) { return is_letter_or_digit(c) || std::string_view("._-@").contains(c); });
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || !is_letter_or_digit(name[0])) return false;
  return std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || std::string_view(".-_").contains(c); });
}

std::optional<DeviceId> parse_device(std::string_view name) {
  if (name == "host") return kHost;
  if (!name.starts_with("gpu")) return std::nullopt;
  name.remove_prefix(3);
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool canonical = name.size() == 1 || !name.starts_with('0');
  if (error != std::errc{} || rest != name.data() + name.size() || !canonical || number >= kGpus) return std::nullopt;
  return DeviceId{number + 1};
}

std::string device_name(DeviceId device) { return device == kHost ? "host" : std::format("gpu{}", device.value - 1); }

}  // namespace rouse::config

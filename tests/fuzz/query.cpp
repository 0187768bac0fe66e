// Paths and queries: what is decoded was encoded so, a broken escape is nothing, and a path leads to one route whatever
// stands in it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <format>
#include <string>
#include <string_view>

#include "api/route.hpp"
#include "api/utf8.hpp"

namespace {

using namespace rouse::api;

void must(bool condition) {
  if (!condition) std::abort();
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) out += std::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  return out;
}

constexpr std::array kRoutes{
    Route{"GET", "/models", Guard::reads, nullptr, nullptr},
    Route{"GET", "/models/{id}", Guard::reads, nullptr, nullptr},
    Route{"POST", "/models/{id}/load", Guard::acts, nullptr, nullptr},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool is_text = is_utf8(text) && !text.contains('\0');
  must(percent_decoded(encoded(text)).has_value() == is_text);
  if (is_text) must(percent_decoded(encoded(text)) == text);
  if (const auto decoded = percent_decoded(text)) {
    must(is_utf8(*decoded) && !decoded->contains('\0') && decoded->size() <= text.size());
    must(text.contains('%') || *decoded == text);
  }

  const std::size_t cut = text.find('&');
  const auto value = query_value(text, "a");
  if (value) must(is_utf8(*value));
  if (text.starts_with("a="))
    must(value == percent_decoded(text.substr(2, cut == std::string_view::npos ? cut : cut - 2)));
  if (is_text) must(query_value("b=1&c&a=" + encoded(text) + "&a=2", "a") == text);

  const std::string path = "/models/" + std::string(text);
  const auto found = match(kRoutes, "GET", path);
  const bool loads = text.size() > 5 && text.ends_with("/load");
  must(found.has_value() == (!text.empty() && !loads));
  if (found) must(found->id == text && found->route == &kRoutes[1]);
  if (loads) must(found.error().allow == "POST");
  return 0;
}

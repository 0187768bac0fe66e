#include "config/placeholders.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace rouse::config {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// The name behind "{" up to "}"; empty if there is none.
std::string_view name_in_braces(std::string_view text) {
  const std::size_t close = text.find('}');
  if (close == std::string_view::npos) return {};
  const std::string_view name = text.substr(1, close - 1);
  const bool is_name = !name.empty() && is_letter(name[0]) &&
                       std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  return is_name ? name : std::string_view();
}

std::optional<Placeholder> placeholder(std::string_view name) {
  if (name == "socket") return Placeholder::socket;
  if (name == "port") return Placeholder::port;
  if (name == "model") return Placeholder::model;
  if (name == "gpus") return Placeholder::gpus;
  return std::nullopt;
}

const std::string& value_of(Placeholder placeholder, const Filling& filling) {
  switch (placeholder) {
    case Placeholder::socket: return filling.socket;
    case Placeholder::port: return filling.port;
    case Placeholder::model: return filling.model;
    case Placeholder::gpus: return filling.gpus;
  }
  std::unreachable();
}

}  // namespace

std::expected<Template, std::string> parse_template(std::string_view text) {
  Template parsed;
  std::string literal;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '{') {
      literal += text[i++];
    } else if (text.substr(i).starts_with("{{")) {
      literal += '{';
      i += 2;
    } else if (const std::string_view name = name_in_braces(text.substr(i)); name.empty()) {
      literal += text[i++];
    } else {
      const auto known = placeholder(name);
      if (!known) return std::unexpected(std::string(name));
      if (!literal.empty()) parsed.emplace_back(std::exchange(literal, {}));
      parsed.emplace_back(*known);
      i += name.size() + 2;
    }
  }
  if (!literal.empty()) parsed.emplace_back(std::move(literal));
  return parsed;
}

bool has(const Template& text, Placeholder placeholder) {
  return std::ranges::any_of(text, [&](const auto& piece) { return piece == Template::value_type(placeholder); });
}

std::string filled(const Template& text, const Filling& filling) {
  std::string whole;
  for (const auto& piece : text) {
    const auto* place = std::get_if<Placeholder>(&piece);
    whole += place ? value_of(*place, filling) : std::get<std::string>(piece);
  }
  return whole;
}

}  // namespace rouse::config

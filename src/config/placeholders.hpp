// Texts with places that are filled in when a program is started: "--port={port}". Pure.
//
// A place is a name in braces; {{ stands for {, and braces around anything but a name stand for themselves, so that
// JSON needs no care.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rouse::config {

enum class Placeholder : std::uint8_t {
  socket,  // the path of the Unix socket to listen on
  port,    // the number of the port of 127.0.0.1 to listen on
  model,   // the path of the model's source
  gpus,    // the numbers of the GPUs that it may use: "0,1"; empty if none
};

using Template = std::vector<std::variant<std::string, Placeholder>>;

// The error is the name in braces that is none of theirs.
std::expected<Template, std::string> parse_template(std::string_view text);

bool has(const Template& text, Placeholder placeholder);

// What stands in the places.
struct Filling {
  std::string socket;
  std::string port;
  std::string model;
  std::string gpus;
};
std::string filled(const Template& text, const Filling& filling);

}  // namespace rouse::config

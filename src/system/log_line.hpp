// How a fact becomes one line of the log: nobody can forge a second one, or hide in the first. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace rouse::system {

// The same fact for programs; its name is a word of ours.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double> value;
};

// The message as it is shown: what is not plain is written as \n, \x1b or \xe2\x80\xae.
std::string text_line(std::string_view message);

// The inside of a JSON object: "message":"…","name":…. Line ends and the like become JSON's escapes.
std::string json_members(std::string_view message, std::span<const LogField> fields);

}  // namespace rouse::system

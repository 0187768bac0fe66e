// Text from outside, before it goes into JSON: JSON holds nothing but UTF-8. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rouse::api {

// No overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The same text with U+FFFD for what is not UTF-8.
std::string as_utf8(std::string_view text);

}  // namespace rouse::api

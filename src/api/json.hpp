// Writing JSON by reflection, one way for all of api/: every field is there (null where there is nothing), control
// characters are escaped. Include it in .cpp files alone: it is heavy.
#pragma once

#include <cassert>
#include <glaze/core/reflect.hpp>
#include <glaze/json/write.hpp>
#include <string>

namespace rouse::api {

struct WriteOptions : glz::opts {
  bool escape_control_characters = true;
};

inline constexpr WriteOptions kWriteOptions = [] {
  WriteOptions options;
  options.skip_null_members = false;
  return options;
}();

// The strings in `value` are valid UTF-8 (see utf8.hpp).
template <class T>
std::string to_json(const T& value) {
  std::string out;
  const glz::error_ctx failure = glz::write<kWriteOptions>(value, out);
  assert(!failure);
  return out;
}

}  // namespace rouse::api

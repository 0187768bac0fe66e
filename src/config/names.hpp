// What models, keys and devices may be called.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace rouse::config {

inline constexpr std::string_view kModelNameRule =
    "at most 200 letters, digits and . _ - : /, beginning with a letter or digit, without an empty part, \".\" or "
    "\"..\" between slashes";

// Whether a model or an alias may be called so. Names stand in URLs, in file names of logs and in terminals.
bool is_model_name(std::string_view name);

inline constexpr std::string_view kKeyNameRule =
    "at most 64 letters, digits and . _ - @, beginning with a letter or digit";

// Whether a key may be called so. Names stand in logs.
bool is_key_name(std::string_view name);

// A name by which a machine is addressed: letters, digits, '.', '-' and '_'.
bool is_host_name(std::string_view name);

// host, gpu0, gpu1, … gpu63
std::optional<DeviceId> parse_device(std::string_view name);
std::string device_name(DeviceId device);

}  // namespace rouse::config

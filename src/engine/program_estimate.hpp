// What a program says, once it is ready, that its model will take at most.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "core/model.hpp"

namespace rouse::engine {

// Reads a program's answer: a JSON object of devices and sizes, {"host": 2147483648, "gpu0": "6GiB"}; a number counts
// bytes. Ascending by device. Fails with upstream_failed and what was expected. Pure.
Result<core::Placement> read_program_estimate(std::string_view json);

}  // namespace rouse::engine

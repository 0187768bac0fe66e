// Whether a worker ended because memory ran out, and whose, told from how it ended and what it wrote last. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "core/model.hpp"

namespace rouse::daemon {

// `words`: how it ended, and its last lines: the kernel's kill, or what CUDA, ROCm, ggml, PyTorch, Python and the C++
// library say. A SIGKILL is somebody's who kills where memory is short, if it `is_short`. Of a GPU's memory: every GPU
// that it was given, as none of them says which. Empty: that is not why.
std::vector<DeviceId> ran_out(std::string_view words, const core::Placement& placement, bool is_short);

}  // namespace rouse::daemon

// Which Rouse this is. The number itself stands in the root CMakeLists.txt.
#pragma once

#include <string_view>

namespace rouse {

std::string_view version();  // "0.1.0"

}  // namespace rouse

#include "base/version.hpp"

namespace rouse {

std::string_view version() { return ROUSE_VERSION; }

}  // namespace rouse

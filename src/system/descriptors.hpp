// How many file descriptors this process may have (RLIMIT_NOFILE, getrlimit(2)).
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace rouse::system {

// Raises the limit to the most that is allowed. Gives what it was.
rlimit raise_descriptor_limit();

std::size_t descriptor_limit();

}  // namespace rouse::system

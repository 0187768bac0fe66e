// The supervisor's program (main.cpp beside this), as bytes inside our own.
#pragma once

#include <cstddef>
#include <span>

namespace rouse::system {

std::span<const std::byte> supervisor_image();

}  // namespace rouse::system

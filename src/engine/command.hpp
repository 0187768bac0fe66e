// The command engine: any program that serves HTTP, started as the configuration says and left as it is.
#pragma once

#include "engine/engine.hpp"

namespace rouse::engine {

extern const Engine kCommand;

}  // namespace rouse::engine

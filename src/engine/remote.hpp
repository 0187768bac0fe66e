// The remote engine: another server, which runs the model. It has no process here, holds no bytes and is always ready.
#pragma once

#include "engine/engine.hpp"

namespace rouse::engine {

extern const Engine kRemote;

}  // namespace rouse::engine

// Events and effects as one readable line each, for failing histories.
#pragma once

#include <string>

#include "core/effects.hpp"
#include "core/events.hpp"
#include "core/view.hpp"

namespace rouse::core::testing {

std::string show(TimePoint time);  // seconds
std::string show(const Placement& placement);
std::string show(const ModelSpec& spec);
std::string show(const Event& event);
std::string show(const Effect& effect);
std::string show(const Plan& plan);
std::string show(Reason reason);

}  // namespace rouse::core::testing

// Whether a model's files are read ahead while its worker starts. docs/adr/0016-warming.md has the figures. Pure.
#pragma once

#include "config/config.hpp"
#include "system/page_cache.hpp"

namespace rouse::daemon {

bool worth_warming(const config::Model& model, const system::PageCache& cache);

}  // namespace rouse::daemon

// Sleep: a worker that keeps its process and gives up most of its bytes. Who can, and whether that is enough.
//
// Free functions over a const view; nothing here changes anything.
#pragma once

#include "core/view.hpp"

namespace rouse::core {

// What the row gives on a device when its worker has gone: all of it, or what it does not keep if it is going to sleep.
Bytes given_on(const View& view, const Row& row, DeviceId device);

// Whether the ready, or drained, worker can sleep, and every plan is still met by what it then gives and takes. A plan
// counts on all that a victim holds; asleep it may keep some, and may hold more on another device than it did.
bool sleep_suffices(const View& view, const Model& model);

}  // namespace rouse::core

// Faults that tests switch on to prove that their oracle can see them. In the product every one is `false`.
//
// Each spoils one invariant (DESIGN calls them mutants); tests/core compiles the core a second time with
// ROUSE_CORE_FAULTS and expects every fault to be caught.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rouse::core {

enum class Fault : std::uint8_t {
  none,
  starts_twice,         // 1: a second worker for a model that has one
  ignores_budget,       // 2: starts without looking at what is free
  frees_on_exit,        // 3: the bytes leave the ledger with the process, not when they are seen back
  evicts_leased,        // 4: a worker with leases is stopped for another
  forgets_refusal,      // 5: a request that is expired gets no answer
  waits_past_deadline,  // 6: deadlines of waiters are not looked at
  no_residency,         // 7: a worker may be evicted the moment it is ready
  refuses_shortage,     // 8: a shortage of the moment is called permanent
  cancels_wanted_load,  // 9: a load that somebody waits for is cancelled for another
  no_backoff,           // 10: a failed model starts again at once
  evicts_pinned,        // 11: a pin does not protect
  forgets_waiter,       // 12: a plan whose victims have gone is never looked at again
  wakes_without_room,   // 2: a sleeping worker is woken without looking at what is free
  frees_on_sleep,       // 3: the bytes leave the ledger when it is told to sleep, not when they are seen back
  sleeps_leased,        // 4: a worker with leases is put to sleep
  forgets_sleeper,      // 12: nobody wants a model that sleeps
  frees_on_lapse,       // 3: the bytes of a reservation leave the ledger with it, not with the next sample
  takes_reserved,       // 4: who waits long enough may have what is reserved
  reserves_for_ever,    // 6: a reservation outlasts its time
  believes_at_once,     // 2: what others give back counts with the first sample
  tries_for_ever,       // 10: a load whose memory runs out is tried again and again
  trims_for_ever,       // 12: who has dropped its caches is told to once more
  sleeps_again,         // 10: who could not sleep or wake is put to sleep once more
};

#ifdef ROUSE_CORE_FAULTS
inline thread_local Fault active_fault = Fault::none;
#define ROUSE_FAULT(name) (::rouse::core::active_fault == ::rouse::core::Fault::name)
#else
#define ROUSE_FAULT(name) false
#endif

}  // namespace rouse::core

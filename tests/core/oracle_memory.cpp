// What must hold when a step is over: the ledger's figures, budgets, and plans.
#include <algorithm>
#include <format>

#include "oracle.hpp"
#include "show.hpp"

namespace rouse::core::testing {

void Oracle::check_memory() const {
  const auto& rows = view_->ledger.rows();
  for (const auto& [worker, holding] : account_.holdings()) {
    const auto it = rows.find(worker);
    if (it == rows.end())
      violate(3, std::format("w{}'s {} have left the ledger though nobody has seen them back", worker.value,
                             show(holding.bytes)));
    if (it->second.bytes != holding.bytes)
      violate(3, std::format("w{} holds {} by the ledger and {} by what has happened", worker.value,
                             show(it->second.bytes), show(holding.bytes)));
    if (it->second.phase != holding.phase)
      violate(3, std::format("w{}'s bytes are in phase {} and should be in {}", worker.value,
                             static_cast<int>(it->second.phase), static_cast<int>(holding.phase)));
  }
  for (const auto& [worker, row] : rows) {
    if (!account_.holdings().contains(worker))
      violate(3, std::format("w{} holds {} by the ledger though they are gone", worker.value, show(row.bytes)));
  }
  for (const auto& [device, pool] : account_.pools()) {
    if (view_->ledger.effective(device) != account_.effective(device) ||
        view_->ledger.free(device) != account_.free(device))
      violate(2, std::format("d{} has an effective budget of {} and {} free by the ledger, {} and {} by the samples",
                             device.value, to_string(view_->ledger.effective(device)),
                             to_string(view_->ledger.free(device)), to_string(account_.effective(device)),
                             to_string(account_.free(device))));
    Bytes leaves = account_.coming(device);
    for (const auto& [id, process] : processes_) {
      const auto it = account_.holdings().find(id);
      if (process.draining && !process.stopped && it != account_.holdings().end())
        leaves += bytes_on(it->second.bytes, device);
    }
    if (account_.held(device) - leaves <= account_.effective(device)) continue;
    for (const auto& [id, process] : processes_) {
      const auto it = account_.holdings().find(id);
      const bool idle = process.ready && !process.stopped && !process.draining && process.leases.empty() &&
                        (process.rest == Rest::none || process.rest == Rest::asleep);
      if (idle && it != account_.holdings().end() && !entry(process.model).pinned &&
          bytes_on(it->second.bytes, device) > Bytes{})
        violate(2, std::format("d{} is over its budget and idle w{} is kept", device.value, id.value));
    }
  }
}

// Free bytes plus its victims sum to a plan's placement on each device, whatever the others are promised.
void Oracle::check_plans() const {
  std::set<WorkerId> taken;
  std::map<DeviceId, Bytes> promised;
  for (const auto& [id, plan] : view_->plans) {
    if (plan.waiter != id) violate(0, "a plan is kept under another model's name");
    if (!may_evict(entry(id)) && !since(entry(id), entry(id).longest) && plan.until <= now_)
      violate(0, std::format("a plan is kept for m{}, for which nobody waits", id.value));
    for (const WorkerId victim : plan.victims) {
      if (!taken.insert(victim).second) violate(0, std::format("w{} is counted for two plans", victim.value));
      const auto it = account_.holdings().find(victim);
      if (it == account_.holdings().end()) continue;
      const auto process = processes_.find(victim);
      const bool leaves = process == processes_.end() || process->second.stopped || process->second.draining ||
                          process->second.rest == Rest::falling_asleep;
      if (!leaves) violate(0, std::format("w{} is a victim and does not leave", victim.value));
      if (it->second.phase == Phase::unconfirmed || it->second.phase == Phase::stuck)
        violate(0, std::format("m{}'s plan counts on the bytes of w{}, which may never come", id.value, victim.value));
    }
    for (const DeviceBytes& share : plan.placement)
      promised[share.device] += std::max(Bytes{}, share.bytes - gain(plan, share.device));
  }
  for (const auto& [id, plan] : view_->plans) {
    for (const DeviceBytes& share : plan.placement) {
      const Bytes gained = gain(plan, share.device);
      const Bytes free = account_.free(share.device);
      if (share.bytes > free + gained)
        violate(0, std::format("m{}'s plan is {} short on d{}", id.value, to_string(share.bytes - free - gained),
                               share.device.value));
      if (share.bytes > gained && promised[share.device] > free)
        violate(0, std::format("plans on d{} are promised {} of {} free", share.device.value,
                               to_string(promised[share.device]), to_string(free)));
    }
  }
}

// No more victims than needed: whoever has just been chosen cannot be spared. Nobody but the core can tell while caches
// are dropped: a plan that waits for that, and is not there yet, is promised bytes that look free.
void Oracle::check_spared() const {
  if (trims_now_) return;
  for (const auto& [id, plan] : view_->plans) {
    const auto before = plans_.find(id);
    for (const WorkerId victim : plan.victims) {
      if (before != plans_.end() && before->second.victims.contains(victim)) continue;
      const auto process = processes_.find(victim);
      const bool sleeps_now = process != processes_.end() && process->second.rest == Rest::falling_asleep &&
                              process->second.rest_since == now_ && !process->second.stopped;
      const bool chosen_now =
          process != processes_.end() && (process->second.stopped == now_ || process->second.draining || sleeps_now);
      if (!chosen_now || !account_.holdings().contains(victim)) continue;
      const bool spared = std::ranges::all_of(plan.placement, [&](const DeviceBytes& share) {
        Bytes others;
        for (const auto& [other, promised] : view_->plans) {
          const Bytes wants = bytes_on(promised.placement, share.device) - gain(promised, share.device);
          if (other != id) others += std::max(Bytes{}, wants);
        }
        const Holding& holding = account_.holdings().at(victim);
        const Bytes gives = sleeps_now ? Account::gives(holding, share.device) : bytes_on(holding.bytes, share.device);
        const Bytes without = gain(plan, share.device) - gives;
        return share.bytes <= account_.free(share.device) - others + without;
      });
      if (spared) violate(0, std::format("w{} is a victim of m{}'s plan that is not needed", victim.value, id.value));
    }
  }
}

}  // namespace rouse::core::testing

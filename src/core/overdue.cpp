#include "core/overdue.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/eviction.hpp"
#include "core/placement.hpp"

namespace rouse::core {
namespace {

// What the model's own process stands in.
std::optional<Overdue> of_worker(const Model& model) {
  struct Visitor {
    ModelId id;
    std::optional<Overdue> operator()(const Cold&) const { return std::nullopt; }
    std::optional<Overdue> operator()(const Ready&) const { return std::nullopt; }
    std::optional<Overdue> operator()(const Failed&) const { return std::nullopt; }
    std::optional<Overdue> operator()(const Loading& s) const {
      return Overdue{Standing::loading, id, s.since, s.until};
    }
    std::optional<Overdue> operator()(const Asleep&) const { return std::nullopt; }
    std::optional<Overdue> operator()(const Sleeping& s) const {
      return Overdue{Standing::sleeping, id, s.since, s.until};
    }
    std::optional<Overdue> operator()(const Waking& s) const { return Overdue{Standing::waking, id, s.since, s.until}; }
    std::optional<Overdue> operator()(const Stopping& s) const {
      return Overdue{Standing::stopping, id, s.since, s.until};
    }
    std::optional<Overdue> operator()(const Draining& s) const {
      TimePoint until = s.was.worker.leases.empty() ? std::max(s.since, s.was.last_used) : kNever;
      if (const auto* by = std::get_if<DrainedByUnload>(&s.cause)) until = std::min(until, by->deadline);
      if (const auto* by = std::get_if<DrainedByShutdown>(&s.cause)) until = std::min(until, by->deadline);
      return Overdue{Standing::draining, id, s.since, until};
    }
  };
  return std::visit(Visitor{model.spec.id}, model.state);
}

// Since when nothing has moved: no lease, no load, nothing on its way out. Nothing while something does.
std::optional<TimePoint> quiet_since(const View& view) {
  TimePoint since{};
  for (const auto& [id, model] : view.models) {
    const Stage at = stage(model.state);
    const bool moves = at == Stage::loading || at == Stage::draining || at == Stage::sleeping || at == Stage::waking ||
                       at == Stage::stopping;
    if (moves) return std::nullopt;
    if (const auto* asleep = std::get_if<Asleep>(&model.state)) since = std::max(since, asleep->since);
    if (const auto* failed = std::get_if<Failed>(&model.state); failed && failed->retry_at != kNever)
      since = std::max(since, failed->retry_at);
    const auto* ready = std::get_if<Ready>(&model.state);
    if (!ready) continue;
    if (!ready->worker.leases.empty()) return std::nullopt;
    since = std::max({since, ready->since, ready->last_used});
  }
  return since;
}

// Whether the model would fit if every worker that may be made to leave had left.
bool could_have_room(const View& view, const Placement& placement) {
  return std::ranges::all_of(placement, [&](const DeviceBytes& share) {
    Bytes room = view.ledger.effective(share.device);
    for (const auto& [worker, row] : view.ledger.rows()) {
      const auto model = view.models.find(row.model);
      const bool leaves = row.phase == Phase::live && model != view.models.end() && !model->second.pinned;
      if (!leaves) room -= bytes_on(row.bytes, share.device);
    }
    return share.bytes <= room;
  });
}

// After how long without any movement a waiter's turn must have come: patience over the highest priority, what a worker
// is left at least, what a patient waiter's worker is left.
Duration turn_comes_after(const View& view) {
  Duration longest = view.policy.slice;
  for (const auto& [id, model] : view.models) longest = std::max(longest, residency(model));
  return 4 * view.policy.patience + longest;
}

// What a model's waiting requests stand in.
std::optional<Overdue> of_queue(const View& view, const Model& model) {
  if (model.queue.empty()) return std::nullopt;
  const TimePoint since = model.queue.waiters().front().since;
  const TimePoint deadline = std::ranges::min(model.queue.waiters(), {}, &Waiter::deadline).deadline;
  Overdue waiting{Standing::waiting, model.spec.id, since, deadline};
  if (const auto* ready = std::get_if<Ready>(&model.state)) {
    const bool full = ready->worker.leases.size() >= ready->worker.concurrency;
    if (!full) waiting.explained_until = std::min(deadline, std::max({since, ready->since, ready->last_used}));
    return waiting;
  }
  const auto* asleep = std::get_if<Asleep>(&model.state);
  if (worker(model.state) && !asleep) return waiting;  // it loads or wakes, or is on its way out
  const auto quiet = quiet_since(view);
  if (!quiet) return waiting;
  const auto has_room = [&](const Placement& placement) { return could_have_room(view, placement); };
  const auto size = [&](const Placement& placement) { return size_in(model, placement); };
  if (asleep ? has_room(asleep->live) : std::ranges::any_of(model.spec.placements, has_room, size))
    waiting.explained_until = std::min(deadline, later(std::max(since, *quiet), turn_comes_after(view)));
  return waiting;
}

}  // namespace

std::string_view name(Standing standing) {
  switch (standing) {
    case Standing::loading: return "loading";
    case Standing::draining: return "draining";
    case Standing::sleeping: return "going to sleep";
    case Standing::waking: return "waking";
    case Standing::stopping: return "stopping";
    case Standing::returning: return "its memory has not been seen back";
    case Standing::waiting: return "a request waits";
  }
  std::unreachable();
}

std::vector<Overdue> overdue(const View& view, TimePoint now) {
  std::vector<Overdue> found;
  const auto consider = [&](const std::optional<Overdue>& standing) {
    if (standing && now > later(standing->explained_until, kOverdueMargin)) found.push_back(*standing);
  };
  for (const auto& [id, model] : view.models) {
    consider(of_worker(model));
    consider(of_queue(view, model));
    for (const auto& [worker, row] : view.ledger.rows()) {
      if (row.model == id && row.phase == Phase::owed)
        consider(Overdue{Standing::returning, id, row.until - view.policy.return_bound, row.until});
    }
  }
  return found;
}

}  // namespace rouse::core

#include "show.hpp"

#include <format>

namespace rouse::core::testing {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::string gib_of(Bytes bytes) { return std::format("{:.2f}G", static_cast<double>(bytes.count) / (1 << 30)); }

std::string keep_of(const Keep& keep) {
  if (keep.is_forever()) return "forever";
  return std::format("{}s", std::chrono::duration<double>(keep.idle).count());
}

std::string short_of(const std::vector<DeviceId>& devices) {
  std::string text;
  for (const DeviceId device : devices) text += std::format(" short of d{}", device.value);
  return text;
}

const char* word(Priority priority) {
  switch (priority) {
    case Priority::low: return "low";
    case Priority::normal: return "normal";
    case Priority::high: return "high";
  }
  return "?";
}

const char* word(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::failed: return "failed";
    case Outcome::unused: return "unused";
  }
  return "?";
}

const char* word(SizeSource source) {
  switch (source) {
    case SizeSource::configured: return "configured";
    case SizeSource::estimated: return "estimated";
    case SizeSource::measured: return "measured";
  }
  return "?";
}

}  // namespace

std::string show(TimePoint time) {
  if (time == kNever) return "never";
  return std::format("{:.3f}s", std::chrono::duration<double>(time.time_since_epoch()).count());
}

std::string show(const Placement& placement) {
  std::string text = "{";
  for (const DeviceBytes& share : placement) text += std::format(" d{}:{}", share.device.value, gib_of(share.bytes));
  return text + " }";
}

std::string show(const ModelSpec& spec) {
  std::string text =
      std::format("m{} rev {} {} {}", spec.id.value, spec.revision, word(spec.size_source), word(spec.priority));
  for (const Placement& placement : spec.placements) text += " " + show(placement);
  text += std::format(" keep {} conc {} queue {} residency {}", keep_of(spec.keep), spec.concurrency, spec.queue_limit,
                      spec.min_residency ? keep_of(Keep{*spec.min_residency}) : "unsaid");
  if (spec.asleep) text += " asleep " + show(*spec.asleep) + " for " + keep_of(spec.keep_asleep);
  if (spec.learnt.footprint) text += " learnt " + show(*spec.learnt.footprint);
  if (spec.learnt.needed) text += " needed " + show(*spec.learnt.needed);
  if (spec.trims) text += " trims";
  if (spec.pinned) text += " pinned";
  if (spec.preload) text += " preload";
  return text;
}

std::string show(Reason reason) {
  switch (reason) {
    case Reason::unknown_model: return "unknown_model";
    case Reason::queue_full: return "queue_full";
    case Reason::deadline: return "deadline";
    case Reason::not_ready: return "not_ready";
    case Reason::unloading: return "unloading";
    case Reason::load_failed: return "load_failed";
    case Reason::will_not_die: return "will_not_die";
    case Reason::too_large: return "too_large";
    case Reason::taken_by_pins: return "taken_by_pins";
    case Reason::shutting_down: return "shutting_down";
    case Reason::loading: return "loading";
    case Reason::pinned: return "pinned";
  }
  return "?";
}

std::string show(const Event& event) {
  return std::visit(
      Overloaded{
          [](const Submit& e) {
            std::string text = std::format("Submit r{} m{} client {} {} deadline {}", e.request.value, e.model.value,
                                           e.client.value, word(e.priority), show(e.deadline));
            if (e.keep) text += " keep " + keep_of(*e.keep);
            if (e.patience == Patience::only_if_ready) text += " only-if-ready";
            if (e.origin == Origin::operator_) text += " operator";
            return text;
          },
          [](const Abandon& e) { return std::format("Abandon r{}", e.request.value); },
          [](const Finish& e) { return std::format("Finish r{} {}", e.request.value, word(e.outcome)); },
          [](const Loaded& e) { return std::format("Loaded w{}", e.worker.value); },
          [](const LoadFailed& e) { return std::format("LoadFailed w{}{}", e.worker.value, short_of(e.short_of)); },
          [](const Exited& e) { return std::format("Exited w{}{}", e.worker.value, short_of(e.short_of)); },
          [](const BytesReturned& e) {
            return std::format("BytesReturned w{} {}", e.worker.value, e.devices.empty() ? "" : "in part");
          },
          [](const Slept& e) { return std::format("Slept w{}", e.worker.value); },
          [](const Woken& e) { return std::format("Woken w{}", e.worker.value); },
          [](const SleepFailed& e) { return std::format("SleepFailed w{}", e.worker.value); },
          [](const EffectFailed& e) { return std::format("EffectFailed w{}", e.worker.value); },
          [](const EffectTimedOut& e) { return std::format("EffectTimedOut w{}", e.worker.value); },
          [](const Trimmed& e) { return std::format("Trimmed w{}", e.worker.value); },
          [](const Reserve& e) {
            return std::format("Reserve r{} m{} d{}:{} {} deadline {} for {}s", e.request.value, e.reservation.value,
                               e.device.value, gib_of(e.bytes), word(e.priority), show(e.deadline),
                               std::chrono::duration<double>(e.lasts).count());
          },
          [](const FootprintMeasured& e) {
            return std::format("FootprintMeasured w{} {}", e.worker.value, show(e.bytes));
          },
          [](const DeviceMeasured& e) {
            std::string text =
                std::format("DeviceMeasured d{} total {} used {}", e.device.value, gib_of(e.total), gib_of(e.used));
            if (e.shared) text += " shared";
            if (!e.trees) return text + " unattributed";
            for (const TreeBytes& tree : *e.trees)
              text += std::format(" w{}:{}", tree.worker.value, gib_of(tree.bytes));
            return text;
          },
          [](const Preload& e) {
            return std::format("Preload m{}{}", e.model.value, e.evicts == Evicts::yes ? " evicting" : "");
          },
          [](const Unload& e) {
            return std::format("Unload r{} m{}{}", e.request.value, e.model.value,
                               e.force == Force::yes ? " forced, deadline " + show(e.deadline) : std::string());
          },
          [](const Pin& e) { return std::format("{} m{}", e.pinned ? "Pin" : "Unpin", e.model.value); },
          [](const Forget& e) { return std::format("Forget m{}", e.model.value); },
          [](const CatalogueChanged& e) {
            std::string text = "CatalogueChanged";
            for (const ModelSpec& spec : e.changed) text += "\n                   + " + show(spec);
            for (const ModelId id : e.removed) text += std::format("\n                   - m{}", id.value);
            for (const Budget& b : e.budgets)
              text += std::format("\n                   d{} total {} limit {} reserve {}", b.device.value,
                                  gib_of(b.total), gib_of(b.limit), gib_of(b.reserve));
            return text;
          },
          [](const Shutdown& e) { return "Shutdown deadline " + show(e.deadline); },
          [](const Tick&) { return std::string("Tick"); },
      },
      event);
}

std::string show(const Effect& effect) {
  return std::visit(
      Overloaded{
          [](const StartWorker& e) {
            return std::format("StartWorker w{} m{} rev {} {}", e.worker.value, e.model.value, e.revision,
                               show(e.placement));
          },
          [](const StopWorker& e) { return std::format("StopWorker w{}", e.worker.value); },
          [](const KillWorker& e) { return std::format("KillWorker w{}", e.worker.value); },
          [](const TrimWorker& e) { return std::format("TrimWorker w{}", e.worker.value); },
          [](const SleepWorker& e) { return std::format("SleepWorker w{}", e.worker.value); },
          [](const WakeWorker& e) { return std::format("WakeWorker w{}", e.worker.value); },
          [](const Admit& e) { return std::format("Admit r{} w{}", e.request.value, e.worker.value); },
          [](const Refuse& e) {
            return std::format("Refuse r{} {} needed {} available {} on d{} retry {}", e.request.value,
                               show(e.refusal.reason), gib_of(e.refusal.needed), gib_of(e.refusal.available),
                               e.refusal.device.value, show(e.refusal.retry_at));
          },
          [](const CutLease& e) { return std::format("CutLease r{}", e.request.value); },
          [](const Unloaded& e) {
            return std::format("Unloaded r{} {}{}", e.request.value, show(e.freed),
                               e.missing.empty() ? "" : " missing " + show(e.missing));
          },
          [](const Returned& e) {
            return std::format("Returned w{} {}{} after {}s: {}", e.worker.value, show(e.freed),
                               e.missing.empty() ? "" : " missing " + show(e.missing),
                               std::chrono::duration<double>(e.took).count(), name(e.reason));
          },
          [](const WakeAt& e) { return "WakeAt " + show(e.time); },
          [](const Announce& e) {
            return std::format("m{} w{}: {} --{}-> {} ({} -> {})", e.model.value, e.worker.value, name(e.from),
                               name(e.trigger), name(e.to), gib_of(e.before), gib_of(e.after));
          },
          [](const ShutdownComplete&) { return std::string("ShutdownComplete"); },
      },
      effect);
}

std::string show(const Plan& plan) {
  std::string text = std::format("for m{} {} of", plan.waiter.value, show(plan.placement));
  for (const WorkerId victim : plan.victims) text += std::format(" w{}", victim.value);
  return plan.until == kNever ? text : text + std::format(" until {}", show(plan.until));
}

}  // namespace rouse::core::testing

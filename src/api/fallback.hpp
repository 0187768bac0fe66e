// Which models may answer a request, one after another, and what its client is told when none of them does.
//
//   not ready, and `fallback_while_loading` names some → those that can answer at once, while it is loaded
//   then the model itself
//   when it has refused or failed before any work had begun → its `fallback`, and theirs, each model once
//
// Lives in the coroutine of the request. Owner thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/fault.hpp"
#include "api/parts.hpp"
#include "base/clock.hpp"
#include "config/config.hpp"
#include "core/effects.hpp"
#include "daemon/daemon.hpp"

namespace rouse::api {

inline bool has_fallbacks(const config::Model& model) {
  return !model.fallback.empty() || !model.fallback_while_loading.empty();
}

// Whether another model may be asked when the core has refused for this reason: not for what is the client's own doing,
// and not at the end of its time or ours.
bool may_pass_on(core::Reason reason);

// What another server answers for want of itself, before any work has begun.
inline bool is_no_answer(int status) { return status >= 502 && status <= 504; }

class Fallback {
 public:
  // `deadline`: of the request; nobody else is asked after it.
  Fallback(const Parts& parts, ModelId asked, core::Patience patience, TimePoint deadline);

  // Who is to be asked next; nothing when nobody is left. The first time there is somebody.
  std::optional<ModelId> next();
  // Fits the options of a request for the model that next() gave last: what its client wishes of the model it named is
  // not wished of another.
  void fit(daemon::RequestOptions& options) const;
  // The model that next() gave last has refused or failed.
  void failed(Fault why);
  // Of the model that was asked for, with what became of the others.
  Fault told();

 private:
  struct Tried {
    ModelId model;
    Fault why;
  };
  std::optional<ModelId> take(std::vector<ModelId>& from);
  void add_fallbacks_of(ModelId model);

  const Parts& parts_;
  ModelId asked_;
  TimePoint deadline_;
  std::vector<ModelId> stand_ins_;  // while it loads; the last one first, like the next
  std::vector<ModelId> chain_;
  std::vector<ModelId> named_;          // by next()
  std::optional<daemon::StandsIn> as_;  // what the latest one is
  std::vector<Tried> tried_;
};

}  // namespace rouse::api

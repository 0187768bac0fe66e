// Where a wanted model could go: the order of wants, what can never be, what fits, and plans for what does not.
//
// Free functions over a const view; nothing here changes anything.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "core/effects.hpp"
#include "core/eviction.hpp"
#include "core/view.hpp"

namespace rouse::core {

// What a worker takes in that place: as learnt or seen, whichever is more, else as its entry says; at least what is
// configured.
Placement size_in(const Model& model, const Placement& placement);

// Bytes by device: what stronger wants hold of the free ones.
using Holds = std::map<DeviceId, Bytes>;

// The want of a model that may be started now; nothing if it may not, or nobody wants it.
std::optional<Want> want_of(const View& view, const Model& model);

// Strongest first: those past patience by age, then by priority, then by age; preloads last.
void sort_by_strength(const View& view, std::vector<Want>& wants);

// Where a model could go; an estimate that is too large is clamped to what pins leave.
struct Candidate {
  Placement placement;
  bool clamped = false;
};

// What is to become of a want.
struct Waits {};  // no placement can be planned completely, so it holds nothing
struct Decision {
  Want want;
  std::variant<Waits, Refusal, Candidate, Plan> then;  // wait, be refused, be started there, give others their notice
};
// One for each want, in their order, strongest first. Nothing is done yet; each sees what the stronger would hold.
std::vector<Decision> decide(const View& view, std::span<const Want> wants);

bool fits(const View& view, const Placement& placement, const Holds& stronger);

// Who could give way, in the order in which they should. Worked out once for all wants of the same priority and
// patience, until a plan claims some of them.
class Offers {
 public:
  struct Victim {
    int tier;  // 0: already on its way, 1: idle or an unwanted load, 2: busy
    double value;
    const Row* row;
  };
  struct List {
    std::vector<Victim> victims;
    Holds sum;  // of their bytes
  };
  explicit Offers(const View& view);
  const List& to(const Want& want);
  void claim(const Plan& plan);
  void claim(WorkerId worker);  // that is to wake
  bool is_claimed(WorkerId worker) const { return claimed_.contains(worker); }

 private:
  const View& view_;
  std::set<WorkerId> claimed_;  // by a plan, so that nobody else counts on them
  std::map<std::array<int, 6>, List> lists_;
};

// A plan for the want: its free bytes and victims sum to a placement on every device. Keeps what `old` has got so far
// and drops victims that are no longer needed. Nothing if no placement can be planned completely.
std::optional<Plan> make_plan(const View& view, Offers& offers, const Want& want,
                              const std::vector<Candidate>& candidates, const Holds& stronger, const Plan* old);

// What the plan's victims give once they have gone, or sleep.
Bytes expected_of(const View& view, const Plan& plan, DeviceId device);
// The bytes a plan still waits for, on one device.
Bytes coming(const View& view, const Plan& plan, DeviceId device);
// All bytes on their way back on a device, whoever waits for them.
Bytes coming(const View& view, DeviceId device);

}  // namespace rouse::core

// Holds the one completion handler that waits for something, in place. A suspended coroutine is a pointer or two;
// boost::asio::any_completion_handler would allocate for it on each wait, which is on the path of every request.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace rouse::http {

class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { drop(); }

  explicit operator bool() const { return finish_ != nullptr; }

  template <class Handler>
  void hold(Handler&& handler) {
    using Held = std::decay_t<Handler>;
    static_assert(sizeof(Held) <= sizeof place_ && alignof(Held) <= alignof(std::max_align_t));
    drop();
    ::new (static_cast<void*>(place_)) Held(std::forward<Handler>(handler));
    finish_ = [](void* place, Finish how) {
      Held* held = std::launder(static_cast<Held*>(place));
      Held moved(std::move(*held));
      std::destroy_at(held);
      if (how == Finish::call) std::move(moved)();
    };
  }

  void call() { finish(Finish::call); }
  void drop() {
    if (finish_ != nullptr) finish(Finish::drop);
  }

 private:
  enum class Finish { call, drop };

  // The place is free before the handler runs: it may well wait again.
  void finish(Finish how) { std::exchange(finish_, nullptr)(place_, how); }

  alignas(std::max_align_t) std::byte place_[64];
  void (*finish_)(void*, Finish) = nullptr;
};

}  // namespace rouse::http

// Many deadlines on one timer. The timer is set for no later than the earliest; an entry that comes or goes
// costs a list link, and a system call only if it is the new earliest.
//
// Owned by a pool; owner thread only. An entry leaves by itself when it is destroyed.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <memory>

#include "base/clock.hpp"
#include "http/task.hpp"

namespace rouse::http {

class Deadlines {
 public:
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  class Entry : public Hook {
   public:
    virtual void on_deadline() = 0;  // the entry is not in the list any more; it may set itself again

   protected:
    ~Entry() = default;

   private:
    friend class Deadlines;
    TimePoint at_ = kNever;
  };

  explicit Deadlines(boost::asio::io_context& io) : timer_(io.get_executor()) {}

  // Calls entry.on_deadline() once, at that time or up to a few milliseconds later; never for kNever.
  void set(Entry& entry, TimePoint at);
  void clear(Entry& entry) { entry.unlink(); }

 private:
  void arm(TimePoint at);
  void fire();

  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      timer_;
  boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>> entries_;
  TimePoint armed_ = kNever;
  // Says to a timer callback that was already queued whether we still are. Owners: this, weakly the callback.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace rouse::http

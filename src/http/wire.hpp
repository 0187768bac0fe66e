// The pool's and a call's insides, shared by call.cpp, pool.cpp and relay.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/buffer.hpp"
#include "http/call.hpp"
#include "http/chunked.hpp"
#include "http/deadlines.hpp"
#include "http/stream.hpp"
#include "http/tls.hpp"

namespace rouse::http {

inline constexpr std::size_t kSmallBuffer = std::size_t{8} << 10;
inline constexpr std::size_t kLargeBuffer = std::size_t{64} << 10;
inline constexpr int kQuickAcks = 16;  // for each answer as many as Linux gives a connection at its begin

// One connection to an upstream with the memory that its messages need.
struct Link final : Stream::Watcher {
  Link(PoolCore& of, StreamPtr connected, std::uint64_t begun_in);
  ~Link();
  void on_unawaited_read() override;

  PoolCore* pool;
  StreamPtr stream;
  Buffer in;
  std::string out;         // the request's head
  std::string head_bytes;  // what `head` points into
  ResponseHead head;
  const LinkOwner* owner = nullptr;
  const Address* upstream = nullptr;  // while it idles: the pool's key
  std::uint64_t era;                  // close_idle() began a new one: older links are not kept
  TimePoint idle_since{};
  bool filled = false;  // the last read took all the space there was
  bool kept = false;    // it was used again: its server is one that keeps connections
};

class PoolCore final : public std::enable_shared_from_this<PoolCore>, public Deadlines::Entry {
 public:
  PoolCore(boost::asio::io_context& context, PoolLimits chosen) : io(context), limits(chosen), deadlines(context) {}

  // Of the owner's (nobody's, that is) the connection that was used last, or nothing.
  std::unique_ptr<Link> take(const Address& upstream, const LinkOwner* owner);
  void put(const Address& upstream, std::unique_ptr<Link> link);
  void drop(Link& idle);  // one that idles
  void make_room();       // for one more connection
  std::uint64_t era(const Address& upstream);
  void close_idle(const Address& upstream);
  void close_idle_of(const LinkOwner& owner);
  std::size_t idle(const Address& upstream) const;
  void on_deadline() override;  // closes what has idled too long

  // A request that waits for its answer, and after a while for no good reason. On a kept connection: the end of that
  // may have come in one with the answer before. On a fresh one: a server that serves few at a time may be waiting for
  // more on those that we keep. They are closed then, and none is kept until this request's wait has ended.
  class Queued final : public Deadlines::Entry {
   public:
    Queued(PoolCore& core, const Address& upstream, Link& link);
    ~Queued();
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;
    void on_deadline() override;

   private:
    PoolCore& core_;
    const Address& upstream_;
    Link& link_;
    bool patient_ = true;
  };

  boost::asio::io_context& io;
  const PoolLimits limits;
  Deadlines deadlines;
  TlsTrust trust;
  std::size_t connections = 0;  // that there are, idle or not

 private:
  struct Shelf {
    std::vector<std::unique_ptr<Link>> links;
    std::uint64_t era = 0;
    std::size_t impatient = 0;  // requests that have waited long: nothing is kept
    bool serves_one = false;    // at a time, perhaps: there were such requests
  };
  using Shelves = std::map<Address, Shelf>;
  Shelves::iterator shelf_of(const Link& link, const Address& upstream);  // the end: the link's era is over

  Shelves shelves_;
  std::uint64_t last_era_ = 0;
  bool pruning_ = false;  // the timer is set
};

class Call::Wire final : public Deadlines::Entry {
 public:
  enum class Progress { bytes, starved, whole, broken };

  Wire(std::shared_ptr<PoolCore> core, Address address, TimePoint deadline)
      : core_(std::move(core)), address_(std::move(address)) {
    set_deadline(deadline);
  }
  ~Wire();

  Task<Result<const ResponseHead*>> send(Outgoing request);

  // The body without waiting: `piece` is set for `bytes`. When starved: arm(), co_await stream().read_done(),
  // absorb(), and again.
  Progress advance(std::string_view& piece);
  void arm();
  void absorb();
  Stream& stream() { return *link_->stream; }
  // After a 101: bytes of the new protocol. False: the upstream takes no more.
  Task<bool> write(std::string_view bytes);

  void stop();
  void on_deadline() override;
  void set_deadline(TimePoint deadline) {
    deadline_ = deadline;
    core_->deadlines.set(*this, deadline);
  }

  const ResponseHead& head() const { return link_->head; }
  bool unseen() const { return !was_seen_; }
  bool met_the_end() const { return met_the_end_; }
  bool nobody_listens() const { return nobody_listens_; }
  bool has_head() const { return has_head_; }
  bool bodiless() const { return framing_ == Framing::none; }
  bool whole() const { return whole_; }
  bool ended_by_us() const { return ended_ != Ended::no; }
  TimePoint head_arrived() const { return head_arrived_; }
  Error error() const;  // why it is broken

 private:
  enum class Ended { no, stopped, deadline };
  enum class Framing { none, length, chunked, until_close };
  enum class Sent { all, early_answer, broken };

  Task<bool> make_link(Duration connect_time);
  Task<Sent> push(std::span<iovec> pieces);
  void expect_more();
  bool parse_head(const Outgoing& request);  // true when the head is there, or nonsense (then error_ is set)
  void begin_body(const Outgoing& request);
  void end(Ended how);
  void broke(Error why);
  void broke(std::string_view why);

  std::shared_ptr<PoolCore> core_;
  Address address_;
  std::unique_ptr<Link> link_;
  ChunkedDecoder decoder_;
  std::uint64_t left_ = 0;
  int quick_acks_ = kQuickAcks;
  std::size_t seen_ = 0;  // of a head that has not all arrived
  TimePoint deadline_ = kNever;
  TimePoint head_arrived_ = kNever;
  Error error_;
  Framing framing_ = Framing::none;
  Ended ended_ = Ended::no;
  bool has_head_ = false;
  bool was_seen_ = false;  // the request, perhaps
  bool met_the_end_ = false;
  bool nobody_listens_ = false;
  bool whole_ = false;
  bool broken_ = false;
  bool reusable_ = false;
};

// Appends the head of `request` as it goes to `upstream`. False if something in it would split a line.
bool compose_head(std::string& out, const Outgoing& request, const Address& upstream);

}  // namespace rouse::http

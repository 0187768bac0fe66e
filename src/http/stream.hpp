// One connected socket, TCP or Unix, with at most one read under way and writes that are tried at once.
//
// The read is separate from the wait for it: it may stay armed while nobody waits, which is how a server notices
// that a client has left and a pool that an upstream has closed, at no cost, since the next message needs that
// read anyway. Reference-counted, because a read under way needs it until Asio lets go: its owners are the
// connection (or call, or pool) that uses it, and that read. Owner thread only.
#pragma once

#include <sys/uio.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "http/task.hpp"
#include "http/waiter.hpp"

namespace rouse::http {

class TlsSession;
class Turns;

enum class Written { all, some, broken };

class Stream final : public boost::intrusive_ref_counter<Stream, boost::thread_unsafe_counter> {
 public:
  // Told when a read completes for which nobody waits.
  class Watcher {
   public:
    virtual void on_unawaited_read() = 0;

   protected:
    ~Watcher() = default;
  };

  // Takes over a connected socket.
  Stream(boost::asio::io_context& io, int family, int socket);

  ~Stream();

  void watch_for(Watcher* watcher) { watcher_ = watcher; }

  // Agrees with the other side on encryption, which everything from then on is under. Fails with untrusted or
  // upstream_failed; the stream is of no more use then.
  Task<Result<void>> encrypt(std::unique_ptr<TlsSession> tls);

  // Starts the read. `space` must stay until it has completed or the stream is closed.
  void arm(std::span<char> space) { start(space, Asks::now); }
  // Likewise, where nothing is expected yet: does not ask the socket, which costs a system call, but waits for its next
  // arrival. If the other side's end came together with what was read last, only look() notices.
  void arm_lazily(std::span<char> space) { start(space, Asks::later); }
  bool armed() const { return armed_; }
  // Whether the other side is still there, as far as can be told. Of one that is not, a read that is armed completes.
  bool look();

  // co_await stream.read_done(): returns when the armed read has completed. Cancellation of the coroutine closes
  // the stream. Only while armed, and for one waiter.
  auto read_done() {
    return boost::asio::async_initiate<const boost::asio::deferred_t, void()>(Wait{this}, boost::asio::deferred);
  }
  void resume();  // whoever waits for a read that has completed: for Turns
  // What the last completed read brought; 0 is the end, or an error. Gives it once.
  std::size_t take_received();
  bool clean_end() const { return clean_end_; }  // the other side has closed its, in order

  // Writes what the socket takes, and moves `pieces` on behind it.
  Written try_write(std::span<iovec>& pieces);
  // Waits until the socket takes more; false if the wait was broken off.
  Task<bool> writable();
  void cancel_waits();  // also an armed read's

  // Acknowledges at once what has come. The kernel waits up to 40 ms for bytes of ours to go with it, and whoever
  // writes in pieces, without TCP_NODELAY, waits for that before the next.
  void acknowledge();

  // Of a Unix socket: the other side has read all that was written.
  bool was_read();

  void close();
  bool is_open() const { return open_; }
  void shutdown_send();

 private:
  struct Wait {
    Stream* stream;
    template <class WaitHandler>
    void operator()(WaitHandler&& handler) const {
      auto slot = boost::asio::get_associated_cancellation_slot(handler);
      if (slot.is_connected()) {
        slot.assign([stream = stream](boost::asio::cancellation_type) { stream->close(); });
      }
      stream->waiter_.hold(std::forward<WaitHandler>(handler));
    }
  };
  struct ReadHandler;

  enum class Asks { now, later };
  void start(std::span<char> space, Asks asks);
  void read(std::span<char> space, Asks asks);
  void on_read(boost::system::error_code error, std::size_t received);
  bool decrypted(boost::system::error_code& error, std::size_t& received);  // false: more has to arrive
  void read_encrypted(Asks asks);
  Written try_write_encrypted(std::span<iovec>& pieces);
  Written try_send_outgoing(TlsSession& tls);

  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor> socket_;
  Turns& turns_;
  Waiter waiter_;
  Watcher* watcher_ = nullptr;
  std::unique_ptr<TlsSession> tls_;  // nothing: plain
  std::span<char> space_;            // for what is decrypted, while a read is armed
  std::size_t received_ = 0;
  std::size_t room_ = 0;  // of the read under way
  bool emptied_ = false;  // the last read took less than it had room for: Asio waits for the next arrival
  bool unsure_ = false;   // it was armed then, and the socket not asked
  bool over_ = false;     // the end was seen, and the read completes of it
  bool armed_ = false;
  bool arrived_ = false;  // the read that is waited for has completed
  bool clean_end_ = false;
  bool open_ = true;
};

using StreamPtr = boost::intrusive_ptr<Stream>;

}  // namespace rouse::http

#include "http/turns.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace rouse::http;

namespace {

// Streams that somebody else writes to.
struct Mail {
  explicit Mail(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::array<int, 2> ends{};
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
      streams.emplace_back(new Stream(io, AF_UNIX, ends[0]));
      senders.push_back(ends[1]);
    }
    spaces.resize(count);
  }
  ~Mail() {
    for (const int sender : senders) ::close(sender);
  }

  void send_to_all() {
    for (const int sender : senders) REQUIRE(::write(sender, "x", 1) == 1);
  }

  // Reads from one of them, time and again, and notes how many of all had been taken in as it went on.
  Task<void> read(std::size_t which, int times) {
    while (times-- > 0) {
      Stream& mine = *streams[which];
      mine.arm(spaces[which]);
      co_await mine.read_done();
      CHECK(mine.take_received() == 1);
      std::size_t taken_in = 0;
      for (const StreamPtr& stream : streams) taken_in += stream->armed() ? 0 : 1;
      seen.push_back(taken_in);
    }
  }

  boost::asio::io_context io{1};
  std::vector<StreamPtr> streams;
  std::vector<int> senders;
  std::vector<std::array<char, 8>> spaces;
  std::vector<std::size_t> seen;
};

std::vector<std::size_t> read_by_all(std::size_t count, int times) {
  Mail mail(count);
  for (std::size_t i = 0; i < count; ++i)
    boost::asio::co_spawn(mail.io.get_executor(), mail.read(i, times), boost::asio::detached);
  mail.io.poll();  // all wait
  for (int i = 0; i < times; ++i) {
    mail.send_to_all();
    mail.io.poll();
  }
  return mail.seen;
}

}  // namespace

TEST_CASE("what arrives alone is gone on with at once", "[http]") {
  CHECK(read_by_all(1, 3) == std::vector<std::size_t>{1, 1, 1});
}

TEST_CASE("of what arrives together all is taken in before anybody goes on", "[http]") {
  // They wait again as they go on, one after the other.
  // The third turn is counted. They wait again as they go on, one after the other, but for the last time.
  std::vector<std::size_t> expected(24, 1);
  for (std::size_t i = 8; i > 0; --i) expected.push_back(i);
  expected.insert(expected.end(), 8, 8);
  CHECK(read_by_all(8, 5) == expected);
}

TEST_CASE("who is cancelled after the arrival that they wait for goes on once", "[http]") {
  Mail mail(8);
  boost::asio::cancellation_signal cancel;
  const auto cancels = [&]() -> Task<void> {
    co_await mail.read(0, 4);
    CHECK_FALSE(mail.streams[1]->armed());
    cancel.emit(boost::asio::cancellation_type::terminal);
  };
  boost::asio::co_spawn(mail.io.get_executor(), cancels(), boost::asio::detached);
  bool broken_off = false;
  boost::asio::co_spawn(mail.io.get_executor(), mail.read(1, 5),
                        boost::asio::bind_cancellation_slot(
                            cancel.slot(), [&](const std::exception_ptr& thrown) { broken_off = thrown != nullptr; }));
  for (std::size_t i = 2; i < 8; ++i)
    boost::asio::co_spawn(mail.io.get_executor(), mail.read(i, 4), boost::asio::detached);
  mail.io.poll();
  for (int i = 0; i < 4; ++i) {
    mail.send_to_all();
    mail.io.poll();
  }
  CHECK(broken_off);
  CHECK(mail.seen.size() == 32);
}

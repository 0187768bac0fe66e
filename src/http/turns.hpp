// How the owner thread goes on with what has arrived: in turns, where it is more than one thing.
//
// A turn first takes in what has come, for all connections, and only then resumes whoever waits for it. What those
// write follows in quick succession, so that its readers wake once for much of it and not for each message; on a busy
// machine they and we get more done so. Where things arrive one by one, each is resumed at once.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <vector>

#include "http/stream.hpp"

namespace rouse::http {

class Turns final : public boost::asio::execution_context::service {
 public:
  using key_type = Turns;
  static inline boost::asio::execution_context::id id;

  explicit Turns(boost::asio::execution_context& io);

  // Somebody waits for what `stream` has read: resumes them, now or as the turn ends.
  void arrived(Stream& stream);

 private:
  void shutdown() override { late_.clear(); }
  void end();

  boost::asio::io_context& io_;
  std::vector<StreamPtr> late_;  // to be resumed as the turn ends
  std::vector<StreamPtr> resumed_;
  bool counting_ = false;  // the arrivals of a turn
  bool crowded_ = false;   // the last one that was counted had many
  std::size_t arrivals_ = 0;
  std::size_t uncounted_ = 0;
};

}  // namespace rouse::http

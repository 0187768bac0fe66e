// Where a command reads and writes, and what it may do there: live lines and colours only where a person looks.
//
// Made once by run() for the process, or by a test around its own streams, which outlive it. Owner thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/cli.hpp"

namespace rouse::cli {

enum class Style : std::uint8_t { plain, strong, good, notable, bad, faint };

class Terminal {
 public:
  struct Streams {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
  };
  // What is connected to a terminal, and how that one is.
  struct Look {
    bool in_is_terminal = false;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool colour = false;
    std::size_t columns = 80;
    std::size_t rows = 24;
  };
  Terminal(Streams streams, Look look) : streams_(streams), look_(look) {}

  std::istream& in() { return streams_.in; }
  std::ostream& out() { return streams_.out; }
  std::ostream& err() { return streams_.err; }
  const Look& look() const { return look_; }

  // Somebody sits there: types questions, sees answers.
  bool is_conversation() const { return look_.in_is_terminal && look_.err_is_terminal; }

  // The text in that style, where colours are wanted; otherwise as it is.
  std::string painted(Style style, std::string_view text) const;

 private:
  Streams streams_;
  Look look_;
};

// The process's own. NO_COLOR and TERM=dumb turn colours off.
Terminal process_terminal(const Environment& environment);

// One line on standard error that is overwritten as things go on, and gone at the end. Writes nothing where standard
// error is no terminal.
class LiveLine {
 public:
  explicit LiveLine(Terminal& terminal) : terminal_(terminal) {}
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void show(std::string_view text);
  void clear();

 private:
  Terminal& terminal_;
  std::string shown_;
};

}  // namespace rouse::cli

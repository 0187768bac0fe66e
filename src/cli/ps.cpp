// ps: the models that are up to something, once or again and again.
#include <algorithm>
#include <chrono>
#include <format>
#include <optional>
#include <thread>

#include "cli/commands.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

constexpr std::string_view kNothing = "Nothing is loaded. To see the models there are: rouse list\n";

Outcome<std::string> table_now(Session session) {
  const auto json = session.daemon.get("/rouse/v1/models");
  if (!json) return std::unexpected(json.error());
  const auto reply = read_models(*json);
  if (!reply) return std::unexpected(reply.error());
  return loaded_models(*reply, session.terminal, std::chrono::system_clock::now());
}

// Lines on a terminal that take the place of those shown before; on anything else, blocks with an empty line between.
class Repainted {
 public:
  explicit Repainted(Terminal& terminal) : terminal_(terminal) {}

  void show(std::string_view text) {
    if (!terminal_.look().out_is_terminal) {
      terminal_.out() << (begun_ ? "\n" : "") << text;
    } else {
      if (lines_ > 0) terminal_.out() << std::format("\x1b[{}A", lines_);
      const std::string_view seen = first_lines(text, terminal_.look().rows - 1);
      terminal_.out() << "\r\x1b[J" << seen;
      lines_ = std::ranges::count(seen, '\n');
    }
    terminal_.out() << std::flush;
    begun_ = true;
  }

 private:
  static std::string_view first_lines(std::string_view text, std::size_t most) {
    std::size_t end = 0;
    for (std::size_t line = 0; line < most && end < text.size(); ++line)
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    return text.substr(0, end);
  }

  Terminal& terminal_;
  std::ptrdiff_t lines_ = 0;
  bool begun_ = false;
};

// Ends with Ctrl-C, which ends the process; with the reader of a pipe; or with a failure that will not pass. A daemon
// that is gone may come back.
Outcome<Exit> watch(Session session, Duration every) {
  Repainted shown(session.terminal);
  for (bool seen_before = false; session.terminal.out(); seen_before = true) {
    const auto table = table_now(session);
    if (table) {
      shown.show(table->empty() ? kNothing : *table);
    } else if (!seen_before || table.error().exit != Exit::unreachable) {
      return std::unexpected(table.error());
    } else {
      shown.show(fit(one_line(table.error().message), session.terminal.look().columns - 1) + "\n");
    }
    std::this_thread::sleep_for(every);
  }
  return Exit::ok;
}

}  // namespace

Outcome<Exit> ps(Session session, const PsOptions& options) {
  const bool watches = options.watching == Watching::yes;
  if (watches && options.format == Format::json)
    return failure(Exit::usage, "--watch shows a table; for programs there is GET /rouse/v1/events");
  if (options.format == Format::json) {
    const auto json = session.daemon.get("/rouse/v1/models");
    if (!json) return std::unexpected(json.error());
    return print_json(session.terminal, *json), Exit::ok;
  }
  if (watches) return watch(session, options.every);
  const auto table = table_now(session);
  if (!table) return std::unexpected(table.error());
  if (table->empty()) {
    session.terminal.err() << kNothing;
  } else {
    session.terminal.out() << *table;
  }
  return Exit::ok;
}

}  // namespace rouse::cli

// How a command ends: the one table of exit codes, which `rouse --help` prints, and a failure in words.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>

namespace rouse::cli {

enum class Exit : int {
  ok = 0,
  failed = 1,
  usage = 2,
  unreachable = 3,
  unknown_model = 4,
  refused = 5,
  too_big = 6,
  deadline = 7,
  not_allowed = 8,
  interrupted = 130,
};

struct ExitMeaning {
  Exit exit;
  std::string_view meaning;
};

inline constexpr std::array kExits{
    ExitMeaning{Exit::ok, "done"},
    ExitMeaning{Exit::failed, "tried, and failed: a load that broke, an answer that broke off, bytes not seen back"},
    ExitMeaning{Exit::usage, "the command line or the configuration file is wrong"},
    ExitMeaning{Exit::unreachable, "no daemon answers"},
    ExitMeaning{Exit::unknown_model, "the daemon has no such model"},
    ExitMeaning{Exit::refused, "refused for now: busy, queue full, pinned, draining; may work later"},
    ExitMeaning{Exit::too_big, "the model is larger than its devices can ever offer"},
    ExitMeaning{Exit::deadline, "the deadline passed before there was an answer"},
    ExitMeaning{Exit::not_allowed, "the daemon does not let this client do it"},
    ExitMeaning{Exit::interrupted, "interrupted with Ctrl-C"},
};

constexpr int code(Exit exit) { return static_cast<int>(exit); }

// Why a command did not do what it was asked, and what to do next.
struct Failure {
  Exit exit = Exit::failed;
  std::string message;      // a sentence for standard error, without a newline
  std::string detail = {};  // lines that say more, the last ones of an engine say; may be empty
};

template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> failure(Exit exit, std::string message) {
  return std::unexpected(Failure{exit, std::move(message)});
}

// From what the daemon answered: an HTTP status (0 inside a stream) and the error's own code ("" where it has none).
Exit exit_of(int status, std::string_view error_code);

}  // namespace rouse::cli

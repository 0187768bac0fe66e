#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <format>
#include <iostream>

#include "cli/text.hpp"

namespace rouse::cli {
namespace {

std::string_view escape(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::strong: return "\x1b[1m";
    case Style::good: return "\x1b[32m";
    case Style::notable: return "\x1b[33m";
    case Style::bad: return "\x1b[31m";
    case Style::faint: return "\x1b[2m";
  }
  return "";
}

// Of the terminal behind the descriptor, where it says so.
void measure(int descriptor, Terminal::Look& look) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return;
  if (size.ws_col > 0) look.columns = size.ws_col;
  if (size.ws_row > 0) look.rows = size.ws_row;
}

}  // namespace

std::string Terminal::painted(Style style, std::string_view text) const {
  if (!look_.colour || style == Style::plain || text.empty()) return std::string(text);
  return std::format("{}{}\x1b[0m", escape(style), text);
}

Terminal process_terminal(const Environment& environment) {
  Terminal::Look look;
  look.in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  look.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  look.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  look.colour = look.out_is_terminal && environment("NO_COLOR").value_or("").empty() && environment("TERM") != "dumb";
  measure(look.out_is_terminal ? STDOUT_FILENO : STDERR_FILENO, look);
  return Terminal({std::cin, std::cout, std::cerr}, look);
}

void LiveLine::show(std::string_view text) {
  if (!terminal_.look().err_is_terminal || text == shown_) return;
  terminal_.err() << "\r\x1b[K" << fit(text, terminal_.look().columns - 1) << std::flush;
  shown_ = text;
}

void LiveLine::clear() {
  if (shown_.empty()) return;
  terminal_.err() << "\r\x1b[K" << std::flush;
  shown_.clear();
}

}  // namespace rouse::cli

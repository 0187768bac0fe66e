// rouse(1): the commands from the table, and around them what no table knows.
#include <format>

#include "cli/described.hpp"
#include "cli/exit.hpp"

namespace rouse::cli {
namespace {

// Text as roff shows it: nothing in it is an instruction, and a "-" can be copied.
std::string plain(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    if (c == '-') {
      out += "\\-";
    } else if (c == '\\') {
      out += "\\e";
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(std::string_view text) { return std::format("\\fB{}\\fR", plain(text)); }
std::string italic(std::string_view text) { return std::format("\\fI{}\\fR", plain(text)); }

std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text.ends_with('.') || text.ends_with('?') ? text : text + ".";
}

std::string words_of(const DescribedCommand& command) {
  return command.word.empty() ? command.name : command.name + " " + command.word;
}

std::string synopsis(const DescribedCommand& command) {
  std::string line = bold("rouse " + words_of(command));
  if (!command.options.empty()) line += " [" + italic("option") + " ...]";
  for (const DescribedArgument& argument : command.arguments)
    line += argument.required ? " " + italic(argument.name) : " [" + italic(argument.name) + "]";
  return line;
}

std::string described(const DescribedCommand& command) {
  std::string text =
      std::format(".SS {}\n{}\n.PP\n{}\n", plain(words_of(command)), synopsis(command), plain(sentence(command.about)));
  for (const DescribedArgument& argument : command.arguments) {
    if (!argument.about.empty())
      text += std::format(".TP\n{}\n{}\n", italic(argument.name), plain(sentence(argument.about)));
  }
  for (const DescribedOption& option : command.options) {
    std::string names;
    for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
    if (!option.value.empty()) names += " " + italic(option.value);
    text += std::format(".TP\n{}\n{}\n", names, plain(sentence(option.about)));
  }
  return text;
}

constexpr std::string_view kHead = R"(.\" Made by: rouse __man
.TH ROUSE 1 "" Rouse "User commands"
.SH NAME
rouse \- wakes the models of this machine when somebody asks for them
.SH SYNOPSIS
.B rouse
.I command
.RI [ argument " ...]"
.SH DESCRIPTION
.B rouse serve
is a daemon that owns this machine's memory on behalf of every model on it.
It starts with nothing loaded, loads a model when somebody first asks for it, and gives the memory back when it no
longer pays to keep it.
The other commands ask that daemon over HTTP.
.SH COMMANDS
)";

constexpr std::string_view kEnvironment = R"(.SH ENVIRONMENT
.TP
.B ROUSE_HOST
Where the daemon is, for commands without \fB\-\-host\fR:
.IR HOST : PORT ,
.RI http:// HOST : PORT
or
.RI unix:/ PATH .
Otherwise 127.0.0.1:11450.
.TP
.B ROUSE_API_KEY
The key that is shown to the daemon, if it wants one.
.TP
.B NO_COLOR
No colours when it is set.
.TP
.BR XDG_CONFIG_HOME ", " HOME
Where the configuration is looked for.
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " LISTEN_FDS
Of systemd; see
.BR sd_notify (3)
and
.BR sd_listen_fds (3).
.SH FILES
.TP
.I ~/.config/rouse/rouse.yaml
The configuration, if none is named.
.B rouse init
writes one that explains itself.
.SH SIGNALS
What the daemon does on
.TP
.B SIGHUP
It reads its configuration again, as
.B rouse reload
has it do.
.TP
.BR SIGTERM ", " SIGINT
It accepts nothing more, lets running answers end (for limits.drain at most), stops its workers and ends.
A second one does not wait.
.SH EXIT STATUS
)";

constexpr std::string_view kEnd = R"(.PP
.B rouse reserve
ends with its command's own exit status, with 128 and the number of the signal that ended that, with 127 if there is no
such command, or with 126 if it could not be run.
.SH SEE ALSO
.BR llama\-server (1),
.BR systemd.service (5)
)";

}  // namespace

std::string manual_page(Described commands) {
  std::string text(kHead);
  for (const DescribedCommand& command : commands) text += described(command);
  text += kEnvironment;
  for (const ExitMeaning& line : kExits)
    text += std::format(".TP\n.B {}\n{}\n", code(line.exit), plain(sentence(std::string(line.meaning))));
  return text.append(kEnd);
}

}  // namespace rouse::cli

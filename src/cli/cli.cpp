#include "cli/cli.hpp"

#include <cstdlib>
#include <exception>
#include <format>
#include <ranges>
#include <utility>
#include <variant>
#include <vector>

#include "base/version.hpp"
#include "cli/commands.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

Outcome<Exit> print_version(Terminal& terminal, const VersionOptions& options) {
  const bool json = options.format == Format::json;
  terminal.out() << (json ? std::format(R"({{"version":"{}"}})", version()) : std::format("rouse {}", version()))
                 << '\n';
  return Exit::ok;
}

Outcome<Exit> print_completions(Terminal& terminal, const CompletionsOptions& options) {
  const auto commands = described_commands();
  switch (options.shell) {
    case Shell::bash: terminal.out() << bash_completions(commands); break;
    case Shell::zsh: terminal.out() << zsh_completions(commands); break;
    case Shell::fish: terminal.out() << fish_completions(commands); break;
  }
  return Exit::ok;
}

Outcome<Exit> print_manual(Terminal& terminal) {
  terminal.out() << manual_page(described_commands());
  return Exit::ok;
}

int report(Terminal& terminal, const Failure& failure) {
  terminal.out() << std::flush;
  terminal.err() << "rouse: " << with_full_stop(failure.message) << '\n';
  for (const auto line : std::views::split(failure.detail, '\n')) {
    if (!line.empty()) terminal.err() << "  " << one_line(std::string_view(line)) << '\n';
  }
  return code(failure.exit);
}

int finished(Terminal& terminal, const Outcome<Exit>& outcome) {
  if (!outcome) return report(terminal, outcome.error());
  terminal.out() << std::flush;
  if (terminal.out()) return code(*outcome);
  return report(terminal, {Exit::failed, "standard output cannot be written"});
}

// Does what needs a daemon.
template <class Options>
int ask(const Invocation& invocation, const Environment& environment, Terminal& terminal, const Options& options,
        Outcome<Exit> (*command)(Session, const Options&)) {
  auto place = find_daemon(invocation.host, environment);
  if (!place) return report(terminal, place.error());
  Client daemon(std::move(*place), environment("ROUSE_API_KEY").value_or(""));
  return finished(terminal, command({daemon, terminal}, options));
}

int obey(const Invocation& invocation, const Environment& environment, Terminal& terminal, const Serve& serve,
         const Check& check, const MakeKey& make_key) {
  const auto with_daemon = [&]<class Options>(const Options& options,
                                              Outcome<Exit> (*command)(Session, const Options&)) {
    return ask(invocation, environment, terminal, options, command);
  };
  return std::visit(
      Overloaded{
          [&](const ServeOptions& options) { return serve(options); },
          [&](const InitOptions& options) { return finished(terminal, init(terminal, options)); },
          [&](const CheckOptions& options) { return check(options.file); },
          [&](const KeyOptions& options) { return make_key(options); },
          [&](const ReloadOptions& options) { return with_daemon(options, reload); },
          [&](const VersionOptions& options) { return finished(terminal, print_version(terminal, options)); },
          [&](const CompletionsOptions& options) { return finished(terminal, print_completions(terminal, options)); },
          [&](const ManualOptions&) { return finished(terminal, print_manual(terminal)); },
          [&](const NamesOptions& options) { return with_daemon(options, names); },
          [&](const ListOptions& options) { return with_daemon(options, list); },
          [&](const ShowOptions& options) { return with_daemon(options, show); },
          [&](const PsOptions& options) { return with_daemon(options, ps); },
          [&](const DevicesOptions& options) { return with_daemon(options, devices); },
          [&](const RequestsOptions& options) { return with_daemon(options, requests); },
          [&](const CancelOptions& options) { return with_daemon(options, cancel); },
          [&](const ReserveOptions& options) { return with_daemon(options, reserve); },
          [&](const RunOptions& options) { return with_daemon(options, chat); },
          [&](const LoadOptions& options) { return with_daemon(options, load); },
          [&](const UnloadOptions& options) { return with_daemon(options, unload); },
          [&](const PinOptions& options) { return with_daemon(options, pin); },
          [&](const UnpinOptions& options) { return with_daemon(options, unpin); },
          [&](const ForgetOptions& options) { return with_daemon(options, forget); },
          [&](const TrimOptions& options) { return with_daemon(options, trim); },
          [&](const LogsOptions& options) { return with_daemon(options, logs); },
      },
      invocation.command);
}

}  // namespace

int run(std::span<const std::string> arguments, const Environment& environment, Terminal& terminal, const Serve& serve,
        const Check& check, const MakeKey& make_key) {
  const auto invocation = parse(arguments, environment);
  if (invocation) return obey(*invocation, environment, terminal, serve, check, make_key);
  const Notice& notice = invocation.error();
  (notice.exit == Exit::ok ? terminal.out() : terminal.err()) << notice.text << std::flush;
  return code(notice.exit);
}

int run(int argc, char** argv, const Serve& serve, const Check& check, const MakeKey& make_key) {
  const Environment environment = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  Terminal terminal = process_terminal(environment);
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc), environment, terminal, serve, check, make_key);
  } catch (const std::exception& error) {  // out of memory or descriptors
    return report(terminal, {Exit::failed, error.what()});
  }
}

}  // namespace rouse::cli

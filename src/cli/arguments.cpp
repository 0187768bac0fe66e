// Over 400 lines: the only file that sees CLI11, which takes its time to compile.
#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <format>
#include <memory>
#include <ranges>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/nearest.hpp"
#include "cli/values.hpp"

namespace rouse::cli {
namespace {

constexpr auto kAbout =
    "Rouse wakes the models of this machine when somebody asks for them, and gives the memory back.\n"
    "`rouse serve` is the daemon; the other commands ask it over HTTP.";

std::string footer() {
  std::string text =
      "The daemon is asked at --host, else at $ROUSE_HOST, else at 127.0.0.1:11450:\n"
      "  HOST:PORT, http://HOST:PORT or unix:/PATH\n"
      "with the key in $ROUSE_API_KEY, if it needs one.\n"
      "No colours when NO_COLOR is set.\n\nExit codes:\n";
  for (const ExitMeaning& line : kExits) text += std::format("  {:>3}  {}\n", code(line.exit), line.meaning);
  return text;
}

struct Parser {
  CLI::App app{kAbout, "rouse"};
  Invocation invocation;
};

// A subcommand and its options, which become the invocation's command when it is the one that was given.
template <class Options>
struct Sub {
  CLI::App* app;
  std::shared_ptr<Options> options;  // owners: the subcommand's callback, and this while options are added

  Sub(Parser& parser, const char* name, const char* about)
      : app(parser.app.add_subcommand(name, about)), options(std::make_shared<Options>()) {
    app->footer("\nExit codes: rouse --help\n");
    app->final_callback([into = &parser.invocation, from = options] { into->command = *from; });
  }
  void text(const char* name, std::string Options::* member, const char* about, const char* value) {
    app->add_option(name, (*options).*member, about)->type_name(value);
  }
  void model() {
    app->add_option("MODEL", options->model, "a configured model or one of its aliases")->required()->type_name("");
  }
  void asks_the_daemon(Parser& parser) {
    app->add_option("--host", parser.invocation.host, "where the daemon is (default: $ROUSE_HOST)")->type_name("HOST");
  }
  void prints_json() {
    app->add_flag_callback(
        "--json", [from = options] { from->format = Format::json; }, "print the daemon's JSON as it is");
  }
};

void add_serve(Parser& parser) {
  const Sub<ServeOptions> sub(parser, "serve", "run the daemon");
  auto* config = sub.app->add_option("-c,--config", sub.options->config,
                                     "the configuration (default: rouse/rouse.yaml in $XDG_CONFIG_HOME)");
  auto* models =
      sub.app->add_option("-m,--models", sub.options->models,
                          "instead of a configuration: serve the GGUF models in this folder, as they come and go");
  config->type_name("FILE")->excludes(models);
  models->type_name("FOLDER");
  sub.app->add_option("--listen", sub.options->listen, "listen here instead of where the configuration says")
      ->type_name("HOST:PORT");
  sub.app->add_option("--log-format", sub.options->log_format, "how the log is written: text, json")
      ->type_name("FORMAT")
      ->check(wrong_log_format);
  sub.app->add_flag_callback(
      "-v,--verbose", [from = sub.options] { from->verbosity = Verbosity::verbose; }, "log more");
}

void add_check(Parser& parser) {
  const Sub<CheckOptions> sub(parser, "check", "look for mistakes in a configuration, without starting anything");
  sub.app->add_option("FILE", sub.options->file, "the configuration (default: rouse/rouse.yaml in $XDG_CONFIG_HOME)")
      ->type_name("");
}

void add_init(Parser& parser) {
  const Sub<InitOptions> sub(parser, "init", "write a configuration to begin with, every setting explained");
  sub.app->add_option("FILE", sub.options->file, "where (default: rouse/rouse.yaml in $XDG_CONFIG_HOME)")
      ->type_name("");
  sub.app->add_flag_callback(
      "-f,--force", [from = sub.options] { from->force = Force::yes; }, "in place of the file that is there");
}

void add_ps(Parser& parser) {
  Sub<PsOptions> sub(parser, "ps", "the models that are loaded, loading, waited for or broken");
  sub.app->add_flag_callback(
      "-w,--watch", [from = sub.options] { from->watching = Watching::yes; }, "again and again, until Ctrl-C");
  sub.app
      ->add_option_function<std::string>(
          "--every",
          [from = sub.options](const std::string& time) { from->every = parse_duration(time).value_or(from->every); },
          "how often --watch looks (default: 1s)")
      ->type_name("TIME")
      ->check(wrong_interval);
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_cancel(Parser& parser) {
  Sub<CancelOptions> sub(parser, "cancel", "end a request, whether it waits or is being answered");
  sub.app->add_option("REQUEST", sub.options->request, "its id: of rouse requests, or X-Request-Id of its answer")
      ->required()
      ->type_name("");
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_reserve(Parser& parser) {
  Sub<ReserveOptions> sub(parser, "reserve", "keep memory free of models for as long as a command runs");
  sub.app
      ->add_option_function<std::string>(
          "BYTES",
          [from = sub.options](const std::string& bytes) { from->bytes = parse_bytes(bytes).value_or(Bytes{}); },
          "how much: 8GiB")
      ->required()
      ->type_name("")
      ->check(wrong_bytes);
  sub.app->add_option("COMMAND", sub.options->command, "what to run, behind --; it ends as this does")
      ->required()
      ->type_name("");
  sub.app->add_option("--gpu", sub.options->gpu, "of this GPU's memory (default: of the host's)")->type_name("N");
  sub.app->add_option("--priority", sub.options->priority, "who goes first: low, normal, high")
      ->type_name("P")
      ->check(wrong_priority);
  sub.asks_the_daemon(parser);
}

template <class Options>
void add_for_model(Parser& parser, const char* name, const char* about) {
  Sub<Options> sub(parser, name, about);
  sub.model();
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_run(Parser& parser) {
  Sub<RunOptions> sub(parser, "run", "ask a model; without a PROMPT, hold a conversation: a line a question");
  sub.model();
  auto words = std::make_shared<std::vector<std::string>>();
  sub.app->add_option("PROMPT", *words, "the question; several words are joined by spaces")->type_name("");
  sub.text("--system", &RunOptions::system, "what the model is told before everything else", "TEXT");
  sub.app->add_option("--max-tokens", sub.options->max_tokens, "the longest answer")
      ->type_name("N")
      ->check(wrong_count);
  sub.app->add_option("--temperature", sub.options->temperature, "how freely the model chooses")
      ->type_name("X")
      ->check(wrong_temperature);
  sub.app->add_option("--keep", sub.options->keep, "how long the model stays loaded afterwards: 0, 5m, forever")
      ->type_name("TIME")
      ->check(wrong_keep);
  sub.app->add_option("--priority", sub.options->priority, "who goes first: low, normal, high")
      ->type_name("P")
      ->check(wrong_priority);
  sub.app->add_option("--deadline", sub.options->deadline, "how long to wait at most")
      ->type_name("TIME")
      ->check(wrong_time);
  sub.asks_the_daemon(parser);
  sub.app->parse_complete_callback([from = sub.options, words] {
    for (const std::string& word : *words) from->prompt += (from->prompt.empty() ? "" : " ") + word;
  });
}

void add_load(Parser& parser) {
  Sub<LoadOptions> sub(parser, "load", "load a model now, and wait until it is ready");
  sub.model();
  sub.app->add_flag_callback("--no-wait", [from = sub.options] { from->wait = Wait::no; }, "only begin it");
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_unload(Parser& parser) {
  Sub<UnloadOptions> sub(parser, "unload", "stop a model and say what memory came back");
  sub.model();
  sub.app->add_flag_callback(
      "-f,--force", [from = sub.options] { from->force = Force::yes; },
      "also when it is pinned or loading; refuse who waits, cut who is not done in time");
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_logs(Parser& parser) {
  Sub<LogsOptions> sub(parser, "logs", "what a model's engine has written");
  sub.model();
  sub.app->add_flag_callback(
      "-f,--follow", [from = sub.options] { from->follow = Follow::yes; }, "and go on as it writes more");
  sub.app->add_option("-n,--lines", sub.options->lines, "how many of the last lines (default: 100)")->type_name("N");
  sub.asks_the_daemon(parser);
}

template <class Options>
void add_plain(Parser& parser, const char* name, const char* about) {
  Sub<Options> sub(parser, name, about);
  sub.prints_json();
  sub.asks_the_daemon(parser);
}

void add_key(Parser& parser) {
  CLI::App* key = parser.app.add_subcommand("key", "keys that clients show to be let in");
  key->require_subcommand(1);
  const auto options = std::make_shared<KeyOptions>();  // owners: the subcommand's callback, and this
  CLI::App* make = key->add_subcommand("new", "make a key: print it once, and the line for the configuration");
  make->add_option("NAME", options->name, "who will hold it")->required()->type_name("");
  make->add_option("--role", options->role, "use: ask models; admin: steer them too (default: use)")
      ->type_name("ROLE")
      ->check(wrong_role);
  make->final_callback([into = &parser.invocation, options] { into->command = *options; });
}

void add_completions(Parser& parser) {
  const Sub<CompletionsOptions> sub(parser, "completions", "what a shell needs to complete these commands");
  sub.app
      ->add_option_function<std::string>(
          "SHELL",
          [from = sub.options](const std::string& shell) {
            from->shell = shell == "bash" ? Shell::bash : shell == "zsh" ? Shell::zsh : Shell::fish;
          },
          "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(wrong_shell);
}

template <class Options>
void add_hidden(Parser& parser, const char* name) {
  Sub<Options> sub(parser, name, "");
  sub.app->group("");
}

void add_version(Parser& parser) {
  Sub<VersionOptions> sub(parser, "version", "which Rouse this is");
  sub.prints_json();
}

void add_all(Parser& parser) {
  parser.app.require_subcommand(1);
  parser.app.set_help_flag("-h,--help", "this help");
  parser.app.footer(footer());
  const auto formatter = parser.app.get_formatter();
  formatter->column_width(28);
  formatter->enable_description_formatting(false);
  formatter->enable_footer_formatting(false);
  add_serve(parser);
  add_init(parser);
  add_check(parser);
  add_plain<ReloadOptions>(parser, "reload", "have the daemon read its configuration again; running answers go on");
  add_plain<ListOptions>(parser, "list", "the models that are configured");
  add_for_model<ShowOptions>(parser, "show", "all there is to know of a model");
  add_ps(parser);
  add_plain<DevicesOptions>(parser, "devices", "memory: budgets, and who holds it");
  add_plain<RequestsOptions>(parser, "requests", "who waits, and who is being answered");
  add_cancel(parser);
  add_reserve(parser);
  add_run(parser);
  add_load(parser);
  add_unload(parser);
  add_for_model<PinOptions>(parser, "pin", "keep a model, once it is loaded, whatever others need");
  add_for_model<UnpinOptions>(parser, "unpin", "let a pinned model go when its time comes");
  add_for_model<TrimOptions>(parser, "trim", "have a loaded model drop its caches and keep its weights");
  add_for_model<ForgetOptions>(parser, "forget", "forget what loads of a model have shown: sizes, times, failures");
  add_logs(parser);
  add_key(parser);
  add_completions(parser);
  add_version(parser);
  add_hidden<NamesOptions>(parser, "__models");
  add_hidden<ManualOptions>(parser, "__man");
}

DescribedCommand described(const CLI::App& sub) {
  if (const auto below = sub.get_subcommands([](const CLI::App*) { return true; }); !below.empty()) {
    DescribedCommand command = described(*below.front());
    command.word = std::exchange(command.name, sub.get_name());
    return command;
  }
  DescribedCommand command{sub.get_name(), {}, sub.get_description(), {}, {}};
  for (const CLI::Option* option : sub.get_options()) {
    if (option->get_positional()) {
      command.arguments.push_back({option->get_name(true), option->get_required(), option->get_description()});
      continue;
    }
    DescribedOption described{{}, option->get_type_name(), option->get_description()};
    for (const std::string& name : option->get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) described.names.push_back("--" + name);
    if (option->get_items_expected_max() == 0) described.value.clear();
    command.options.push_back(std::move(described));
  }
  return command;
}

// As people like to read it: without the parser's trailing spaces and its runs of empty lines.
std::string tidied(std::string_view help) {
  std::string text;
  for (const auto part : std::views::split(help, '\n')) {
    std::string_view line(part);
    line = line.substr(0, line.find_last_not_of(' ') + 1);
    if (line.empty() && (text.empty() || text.ends_with("\n\n"))) continue;
    text.append(line).append("\n");
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

Notice usage(std::string_view what, std::string_view subcommand) {
  return {Exit::usage, std::format("rouse: {}\nTo see what there is: rouse {}{}--help\n", what, subcommand,
                                   subcommand.empty() ? "" : " ")};
}

// The command that was meant, when the first argument is none.
std::optional<Notice> unknown_command(const CLI::App& app, std::span<const std::string> arguments) {
  if (arguments.empty()) return usage("what should it do? A command is missing", "");
  const std::string& first = arguments.front();
  if (first.starts_with('-')) return std::nullopt;
  std::vector<std::string_view> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  if (std::ranges::contains(names, first)) return std::nullopt;
  const std::string guess = did_you_mean(first, names);
  return usage(std::format("there is no command \"{}\"{}{}", first, guess.empty() ? "" : "; ", guess), "");
}

std::string chosen(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? "" : given.front()->get_name();
}

std::optional<Notice> without_config(std::string& config, const Environment& environment, std::string_view command) {
  config = default_config(environment);
  std::error_code ignored;
  if (!config.empty() && std::filesystem::exists(config, ignored)) return std::nullopt;
  return usage(std::format("no configuration was named, and there is none at {}; rouse init writes one to begin with",
                           config.empty() ? "~/.config/rouse/rouse.yaml" : config),
               command);
}

std::optional<Notice> complete(Command& command, const Environment& environment) {
  if (auto* serve = std::get_if<ServeOptions>(&command);
      serve != nullptr && serve->config.empty() && serve->models.empty()) {
    return without_config(serve->config, environment, "serve");
  }
  if (auto* init = std::get_if<InitOptions>(&command); init != nullptr && init->file.empty()) {
    init->file = default_config(environment);
    init->is_default = true;
    if (init->file.empty()) return usage("neither HOME nor XDG_CONFIG_HOME is set; name the file", "init");
  }
  if (auto* check = std::get_if<CheckOptions>(&command); check != nullptr && check->file.empty()) {
    return without_config(check->file, environment, "check");
  }
  return std::nullopt;
}

}  // namespace

std::vector<DescribedCommand> described_commands() {
  Parser parser;
  add_all(parser);
  std::vector<DescribedCommand> commands;
  for (const CLI::App* sub : parser.app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) commands.push_back(described(*sub));
  }
  return commands;
}

std::string default_config(const Environment& environment) {
  std::string folder = environment("XDG_CONFIG_HOME").value_or("");
  if (!folder.starts_with('/')) {  // the specification wants relative ones ignored
    const std::string home = environment("HOME").value_or("");
    folder = home.empty() ? "" : home + "/.config";
  }
  return folder.empty() ? "" : folder + "/rouse/rouse.yaml";
}

std::expected<Invocation, Notice> parse(std::span<const std::string> arguments, const Environment& environment) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  if (!words.empty() && words.front() == "--version") words.front() = "version";
  Parser parser;
  try {
    add_all(parser);
    if (auto notice = unknown_command(parser.app, words)) return std::unexpected(std::move(*notice));
    std::ranges::reverse(words);  // as CLI11 wants them
    parser.app.parse(std::move(words));
  } catch (const CLI::Success& help) {
    std::ostringstream out;
    parser.app.exit(help, out, out);
    return std::unexpected(Notice{Exit::ok, tidied(out.str())});
  } catch (const CLI::Error& error) {
    return std::unexpected(usage(error.what(), chosen(parser.app)));
  }
  if (auto notice = complete(parser.invocation.command, environment)) return std::unexpected(std::move(*notice));
  return std::move(parser.invocation);
}

}  // namespace rouse::cli

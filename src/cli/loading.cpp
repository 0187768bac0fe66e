// load, unload, logs: one model and its worker.
#include <chrono>
#include <format>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

class Stopwatch {
 public:
  Duration elapsed() const { return std::chrono::steady_clock::now() - start_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string progress_line(const ModelReply& model, Duration elapsed) {
  if (model.state != "loading" && model.state != "waking")
    return std::format("{} is waiting for room  {}", model.id, in_words(elapsed));
  const std::string far = how_far(model);
  return std::format("{} {}  {}{}{}", model.state, model.id, far, far.empty() ? "" : "  ", in_words(elapsed));
}

std::string in_words(const ReceiptReply& receipt, std::string_view model) {
  Footprint freed = receipt.freed;
  std::erase_if(freed, [](const auto& device) { return device.second == 0; });
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(receipt.took_ms));
  if (!receipt.confirmed) {
    return std::format(
        "{} has ended, but not all of its memory was seen coming back: {} still missing, {} came back. `rouse devices` "
        "shows what is unconfirmed",
        model, in_words(receipt.missing.value_or(Footprint{})), freed.empty() ? "nothing" : in_words(freed));
  }
  if (receipt.freed.empty()) return std::format("{} held no memory: it was not loaded", model);
  return std::format("unloaded {}: {} came back in {}", model, freed.empty() ? "nothing" : in_words(freed),
                     in_words(took));
}

Outcome<Exit> load(Session session, const LoadOptions& options) {
  const Stopwatch watch;
  const std::string target = model_target(options.model, "/load");
  Outcome<std::string> json;
  if (options.wait == Wait::no) {
    json = session.daemon.post(target, R"({"wait":false})");
  } else if (!session.terminal.look().err_is_terminal) {
    json = session.daemon.post(target, R"({"wait":true})");
  } else {
    LiveLine line(session.terminal);
    json = session.daemon.post(target, R"({"wait":true})",
                               {.target = model_target(options.model), .seen = [&](std::string_view body) {
                                  if (const auto model = read_model(body))
                                    line.show(progress_line(*model, watch.elapsed()));
                                }});
  }
  if (!json) {
    Failure why = std::move(json.error());
    if (why.exit == Exit::failed)
      why.message = std::format("{} What its engine wrote: rouse logs {}", with_full_stop(why.message), options.model);
    return std::unexpected(std::move(why));
  }
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  if (options.wait == Wait::no) {
    session.terminal.out() << options.model << " was asked to load. To watch it: rouse ps\n";
  } else {
    session.terminal.out() << std::format("{} is ready ({})\n", options.model, in_words(watch.elapsed()));
  }
  return Exit::ok;
}

Outcome<Exit> unload(Session session, const UnloadOptions& options) {
  const bool force = options.force == Force::yes;
  auto json = session.daemon.post(model_target(options.model, "/unload"), std::format(R"({{"force":{}}})", force));
  if (!json) {
    Failure refusal = std::move(json.error());
    if (refusal.exit == Exit::refused && !force) {
      refusal.message = std::format("{} To do it all the same: rouse unload --force {}",
                                    with_full_stop(refusal.message), options.model);
    }
    return std::unexpected(std::move(refusal));
  }
  const auto receipt = read_receipt(*json);
  if (!receipt) return std::unexpected(receipt.error());
  if (options.format == Format::json) {
    print_json(session.terminal, *json);
  } else {
    session.terminal.out() << in_words(*receipt, options.model) << '\n';
  }
  return receipt->confirmed ? Exit::ok : Exit::failed;
}

Outcome<Exit> logs(Session session, const LogsOptions& options) {
  Visible visible;
  const bool to_person = session.terminal.look().out_is_terminal;
  const auto end = session.daemon.stream(
      {.target = model_target(options.model,
                              std::format("/logs?lines={}&follow={}", options.lines, options.follow == Follow::yes))},
      [&](std::string_view piece) {
        session.terminal.out() << (to_person ? visible(piece) : std::string(piece)) << std::flush;
      });
  if (!end) return std::unexpected(end.error());
  return Exit::ok;
}

}  // namespace rouse::cli

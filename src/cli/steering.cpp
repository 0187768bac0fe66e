// show, pin, unpin, trim, cancel, reload: looking closely, and steering.
#include <chrono>
#include <format>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

// Two columns without titles; what has no value is left out.
class Facts {
 public:
  void add(std::string name, std::string value, Style style = Style::plain) {
    if (value.empty()) return;
    widest_ = std::max(widest_, name.size());
    facts_.push_back({std::move(name), std::move(value), style});
  }
  bool empty() const { return facts_.empty(); }
  void print(Terminal& terminal) const {
    for (const Fact& fact : facts_) {
      terminal.out() << std::format("{:<{}}  ", fact.name, widest_)
                     << terminal.painted(fact.style, one_line(fact.value)) << '\n';
    }
  }

 private:
  struct Fact {
    std::string name;
    std::string value;
    Style style;
  };
  std::vector<Fact> facts_;
  std::size_t widest_ = 0;
};

std::string time_of(const std::optional<std::string>& text, WallTime now) {
  const auto time = parse_time(text.value_or(""));
  return time ? relative(*time, now) : "";
}

std::string load_in_words(const ModelReply& model) {
  if (!model.last_load_ms) return "";
  const auto took =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(*model.last_load_ms));
  return std::format("{}, the last in {}", model.loads, in_words(took));
}

Outcome<Exit> set_pin(Session session, const std::string& model, Format format, bool pinned) {
  const auto json = session.daemon.post(model_target(model, pinned ? "/pin" : "/unpin"), "{}");
  if (!json) return std::unexpected(json.error());
  if (format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto reply = read_model(*json);
  if (!reply) return std::unexpected(reply.error());
  if (!pinned) {
    session.terminal.out() << reply->id << " is no longer pinned\n";
  } else if (reply->state == "ready") {
    session.terminal.out() << reply->id << " is pinned: it stays loaded until it is unpinned\n";
  } else {
    session.terminal.out() << std::format(
        "{} is pinned, but not loaded: once it is, it stays. To load it now: rouse "
        "load {}\n",
        reply->id, reply->id);
  }
  return Exit::ok;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return count == 0 ? "" : std::format(", {} {}", count, what);
}

// What this life and earlier ones have shown.
void add_learnt(Facts& facts, const LearntReply& learnt) {
  std::string sizes = in_words(learnt.footprint);
  if (!learnt.peak.empty() && learnt.peak != learnt.footprint)
    sizes += std::format("{}at most {}", sizes.empty() ? "" : ", ", in_words(learnt.peak));
  if (!learnt.needed.empty())
    sizes += std::format("{}{} since its memory ran out", sizes.empty() ? "" : ", ", in_words(learnt.needed));
  facts.add("learnt", sizes);
  std::vector<std::string> times;
  const auto add = [&](const std::optional<double>& ms, std::string_view from) {
    if (!ms) return;
    const std::chrono::duration<double, std::milli> took(*ms);
    times.push_back(std::format("{} {}", in_words(std::chrono::duration_cast<Duration>(took)), from));
  };
  add(learnt.load_ms.page_cache, "from the page cache");
  add(learnt.load_ms.disk, "from a disk");
  add(learnt.load_ms.wake, "to wake");
  facts.add("load times", joined(times));
  facts.add("history", std::format("{} loaded{}{}{}", learnt.loads, counted(learnt.wakes, "woken"),
                                   counted(learnt.failures, "failed"), counted(learnt.out_of_memory, "out of memory")));
}

}  // namespace

Outcome<Exit> show(Session session, const ShowOptions& options) {
  const auto json = session.daemon.get(model_target(options.model));
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto model = read_model(*json);
  if (!model) return std::unexpected(model.error());
  const WallTime now = std::chrono::system_clock::now();
  Facts facts;
  facts.add("model", model->id, Style::strong);
  facts.add("aliases", joined(model->aliases.value_or(std::vector<std::string>{})));
  facts.add("engine", model->engine);
  if (model->group) facts.add("group", *model->group);
  facts.add("state", model->state, style_of_state(*model));
  facts.add("progress", how_far(*model));
  facts.add("error", model->error.value_or(""), Style::bad);
  facts.add("next try", time_of(model->retry_at, now));
  facts.add("pinned", model->pinned.value_or(false) ? "yes" : "no");
  facts.add("answering", std::to_string(model->leases));
  facts.add("waiting", std::to_string(model->waiting));
  facts.add("memory", std::format("{}{}", size_in_words(*model),
                                  model->footprint_source ? std::format(" ({})", *model->footprint_source) : ""));
  if (model->file_pages.value_or(0) > 0)
    facts.add("file pages", to_string(Bytes{*model->file_pages}) + ", which it maps");
  if (model->configured) facts.add("configured", in_words(*model->configured));
  if (model->estimated) facts.add("estimated", in_words(*model->estimated));
  if (model->learnt) add_learnt(facts, *model->learnt);
  if (model->duplicates) facts.add("processes", in_words(*model->duplicates));
  facts.add("pid", model->pid ? std::to_string(*model->pid) : "");
  facts.add("loads", load_in_words(*model));
  facts.add("last used", time_of(model->last_used, now));
  facts.add("expires", expiry(*model, now));
  facts.print(session.terminal);
  return Exit::ok;
}

Outcome<Exit> pin(Session session, const PinOptions& options) {
  return set_pin(session, options.model, options.format, true);
}

Outcome<Exit> unpin(Session session, const UnpinOptions& options) {
  return set_pin(session, options.model, options.format, false);
}

Outcome<Exit> trim(Session session, const TrimOptions& options) {
  const auto json = session.daemon.post(model_target(options.model, "/trim"), "{}");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto receipt = read_receipt(*json);
  if (!receipt) return std::unexpected(receipt.error());
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(receipt->took_ms));
  const std::string freed = in_words(receipt->freed);
  session.terminal.out() << std::format("trimmed {}: {} came back in {}\n", options.model,
                                        freed.empty() ? "nothing" : freed, in_words(took));
  return Exit::ok;
}

Outcome<Exit> forget(Session session, const ForgetOptions& options) {
  const auto json = session.daemon.remove(model_target(options.model, "/learnt"));
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  session.terminal.out() << std::format("what loads of {} have shown is forgotten\n", one_line(options.model));
  return Exit::ok;
}

Outcome<Exit> cancel(Session session, const CancelOptions& options) {
  auto json = session.daemon.remove("/rouse/v1/requests/" + percent_encoded(options.request));
  if (!json) {
    Failure why = std::move(json.error());
    if (why.exit == Exit::failed)
      why.message = with_full_stop(why.message) + " To see the requests there are: rouse requests";
    return std::unexpected(std::move(why));
  }
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  session.terminal.out() << "cancelled " << one_line(options.request) << '\n';
  return Exit::ok;
}

Outcome<Exit> reload(Session session, const ReloadOptions& options) {
  const auto json = session.daemon.post("/rouse/v1/reload", "{}");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto changes = read_changes(*json);
  if (!changes) return std::unexpected(changes.error());
  Facts facts;
  facts.add("added", joined(changes->added));
  facts.add("changed", joined(changes->changed));
  facts.add("removed", joined(changes->removed));
  facts.add("settings", joined(changes->settings));
  facts.add("needs a restart", joined(changes->needs_restart), Style::notable);
  if (facts.empty()) {
    session.terminal.out() << "nothing has changed\n";
  } else {
    facts.print(session.terminal);
  }
  return Exit::ok;
}

}  // namespace rouse::cli

// list, devices, requests, and the table of ps: what there is to see.
#include <chrono>
#include <format>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

std::string number(std::uint64_t value) { return value == 0 ? "-" : std::to_string(value); }

std::string note(const ModelReply& model, WallTime now) {
  const bool is_barred = model.circuit.value_or("closed") != "closed";
  if (model.error || is_barred) {
    std::string why = is_barred ? "circuit open" : "";
    if (model.error)
      why += std::format("{}{}", why.empty() ? "" : ": ", model.error->substr(0, model.error->find('\n')));
    const auto retry = parse_time(model.retry_at.value_or(""));
    return retry && *retry > now ? std::format("{} (next try {})", why, relative(*retry, now)) : why;
  }
  if (std::string far = how_far(model); !far.empty()) return far;
  if (model.drains_for) return std::format("ends its answers for {}", *model.drains_for);
  if (model.removed.value_or(false)) return "no longer configured: ends when its answers have ended";
  std::string note = model.pinned.value_or(false) ? "pinned" : "";
  if (model.duplicates) note += (note.empty() ? "" : "; ") + in_words(*model.duplicates);
  return note;
}

constexpr double kMuch = 1;  // per cent

std::string note(const DeviceReply& device) {
  std::string note;
  const auto add = [&](std::string_view words) { note += std::format("{}{}", note.empty() ? "" : "; ", words); };
  if (device.unavailable) add("unavailable: " + *device.unavailable);
  if (device.product) add(*device.product);
  if (device.uuid) add(*device.uuid);
  if (device.shared.value_or(false)) add("other programs compute there");
  if (!device.attributed.value_or(true) && !device.unavailable) add("its driver does not say who holds what");
  if (device.pressure.value_or(0) >= kMuch) add(std::format("pressure {:.0f} %", *device.pressure));
  return note;
}

bool is_interesting(const ModelReply& model) { return model.state != "cold" || model.waiting > 0 || model.leases > 0; }

}  // namespace

Outcome<Exit> list(Session session, const ListOptions& options) {
  const auto json = session.daemon.get("/rouse/v1/models");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto reply = read_models(*json);
  if (!reply) return std::unexpected(reply.error());
  Table table({{"MODEL"}, {"ENGINE"}, {"SIZE", Align::right}, {"STATE"}, {"ALIASES", Align::left, Show::if_used}});
  for (const ModelReply& model : reply->models) {
    table.add({{model.id, Style::strong},
               model.engine,
               size_in_words(model),
               {model.state, style_of_state(model)},
               joined(model.aliases.value_or(std::vector<std::string>{}))});
  }
  if (table.empty()) {
    session.terminal.err() << "No models are configured.\n";
  } else {
    session.terminal.out() << table.rendered(session.terminal);
  }
  return Exit::ok;
}

Outcome<Exit> names(Session session, const NamesOptions&) {
  const auto json = session.daemon.get("/rouse/v1/models");
  if (!json) return std::unexpected(json.error());
  const auto reply = read_models(*json);
  if (!reply) return std::unexpected(reply.error());
  for (const ModelReply& model : reply->models) {
    session.terminal.out() << model.id << '\n';
    for (const std::string& alias : model.aliases.value_or(std::vector<std::string>{}))
      session.terminal.out() << alias << '\n';
  }
  return Exit::ok;
}

std::string loaded_models(const ModelsReply& reply, const Terminal& terminal, WallTime now) {
  Table table({{"MODEL"},
               {"GROUP", Align::left, Show::if_used},
               {"STATE"},
               {"LEASES", Align::right},
               {"WAITING", Align::right},
               {"FOOTPRINT", Align::right},
               {"FILE PAGES", Align::right, Show::if_used},
               {"PID", Align::right},
               {"EXPIRES"},
               {"NOTE", Align::left, Show::if_used}});
  for (const ModelReply& model : reply.models) {
    if (!is_interesting(model)) continue;
    table.add({{model.id, Style::strong},
               model.group.value_or(""),
               {model.state, style_of_state(model)},
               number(model.leases),
               number(model.waiting),
               size_in_words(model),
               model.file_pages.value_or(0) > 0 ? to_string(Bytes{*model.file_pages}) : "",
               model.pid ? std::to_string(*model.pid) : "-",
               expiry(model, now),
               note(model, now)});
  }
  return table.empty() ? "" : table.rendered(terminal);
}

Outcome<Exit> devices(Session session, const DevicesOptions& options) {
  const auto json = session.daemon.get("/rouse/v1/devices");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto reply = read_devices(*json);
  if (!reply) return std::unexpected(reply.error());
  Table table({{"DEVICE"},
               {"TOTAL", Align::right},
               {"LIMIT", Align::right},
               {"RESERVE", Align::right},
               {"MODELS", Align::right},
               {"RESERVED", Align::right},
               {"OTHERS", Align::right},
               {"UNCONFIRMED", Align::right},
               {"KEPT WARM", Align::right, Show::if_used},
               {"FOR MODELS NOW", Align::right},
               {"FILE PAGES", Align::right, Show::if_used},
               {"NOTE", Align::left, Show::if_used}});
  for (const DeviceReply& device : reply->devices) {
    const auto size = [](std::int64_t bytes) { return to_string(Bytes{bytes}); };
    table.add({{device.id, Style::strong},
               size(device.total),
               size(device.limit),
               size(device.reserve),
               size(device.used_by_models),
               size(device.reserved),
               size(device.used_by_others),
               {size(device.unconfirmed), device.unconfirmed > 0 ? Style::bad : Style::plain},
               device.kept_warm.value_or(0) > 0 ? size(*device.kept_warm) : "",
               size(device.effective),
               device.file_pages.value_or(0) > 0 ? size(*device.file_pages) : "",
               {note(device), device.unavailable ? Style::bad : Style::plain}});
  }
  session.terminal.out() << table.rendered(session.terminal);
  Table groups({{"GROUP"}, {"LOADED", Align::right}, {"MAX LOADED", Align::right}});
  for (const GroupReply& group : reply->groups.value_or(std::vector<GroupReply>{}))
    groups.add({{group.name, Style::strong}, std::to_string(group.loaded), std::to_string(group.max_loaded)});
  if (!groups.empty()) session.terminal.out() << '\n' << groups.rendered(session.terminal);
  return Exit::ok;
}

Outcome<Exit> requests(Session session, const RequestsOptions& options) {
  const auto json = session.daemon.get("/rouse/v1/requests");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto reply = read_requests(*json);
  if (!reply) return std::unexpected(reply.error());
  Table table({{"REQUEST"},
               {"MODEL"},
               {"CLIENT"},
               {"PHASE"},
               {"WAITED", Align::right},
               {"POSITION", Align::right, Show::if_used},
               {"SENT", Align::right}});
  for (const RequestReply& request : reply->requests) {
    const auto waited = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(request.waited));
    table.add({{request.id, Style::strong},
               request.asked ? std::format("{} (for {})", request.model, *request.asked) : request.model,
               request.client,
               request.phase,
               in_words(waited),
               request.position ? std::to_string(*request.position) : "",
               to_string(Bytes{static_cast<std::int64_t>(request.bytes)})});
  }
  if (table.empty()) {
    session.terminal.err() << "Nobody is asking anything.\n";
  } else {
    session.terminal.out() << table.rendered(session.terminal);
  }
  return Exit::ok;
}

}  // namespace rouse::cli

// list, ps, devices: what there is to see, as tables.
#include <chrono>
#include <format>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

Style style_of(const ModelReply& model) {
  if (model.state == "ready") return Style::good;
  if (model.state == "failed") return Style::bad;
  return model.state == "cold" ? Style::faint : Style::notable;
}

std::string size_of(const ModelReply& model) {
  if (!model.footprint || model.footprint->empty()) return "?";
  return (model.footprint_source == "estimated" ? "~" : "") + in_words(*model.footprint);
}

std::string number(std::uint64_t value) { return value == 0 ? "-" : std::to_string(value); }

std::string note(const ModelReply& model, WallTime now) {
  if (model.error) {
    const auto retry = parse_time(model.retry_at.value_or(""));
    return retry && *retry > now ? std::format("{} (next try {})", *model.error, relative(*retry, now)) : *model.error;
  }
  if (model.state == "loading" && model.progress) return std::format("{:.0f} %", *model.progress * 100);
  return model.pinned.value_or(false) ? "pinned" : "";
}

bool is_interesting(const ModelReply& model) { return model.state != "cold" || model.waiting > 0 || model.leases > 0; }

}  // namespace

void print_json(Terminal& terminal, std::string_view json) {
  terminal.out() << json << (json.ends_with('\n') ? "" : "\n");
}

std::string in_words(const Footprint& footprint) {
  if (footprint.size() == 1 && footprint.begin()->first == "host") return to_string(Bytes{footprint.begin()->second});
  std::vector<std::string> parts;
  for (const auto& [device, bytes] : footprint) parts.push_back(std::format("{} {}", device, to_string(Bytes{bytes})));
  return joined(parts);
}

std::string expiry(const ModelReply& model, WallTime now) {
  if (model.state != "ready") return "";
  if (model.leases > 0) return "in use";
  const auto expires = parse_time(model.expires_at.value_or(""));
  return expires ? relative(*expires, now) : "never";
}

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
               size_of(model),
               {model.state, style_of(model)},
               joined(model.aliases.value_or(std::vector<std::string>{}))});
  }
  if (table.empty()) {
    session.terminal.err() << "No models are configured.\n";
  } else {
    session.terminal.out() << table.rendered(session.terminal);
  }
  return Exit::ok;
}

Outcome<Exit> ps(Session session, const PsOptions& options) {
  const auto json = session.daemon.get("/rouse/v1/models");
  if (!json) return std::unexpected(json.error());
  if (options.format == Format::json) return print_json(session.terminal, *json), Exit::ok;
  const auto reply = read_models(*json);
  if (!reply) return std::unexpected(reply.error());
  Table table({{"MODEL"},
               {"STATE"},
               {"LEASES", Align::right},
               {"WAITING", Align::right},
               {"FOOTPRINT", Align::right},
               {"PID", Align::right},
               {"EXPIRES"},
               {"NOTE", Align::left, Show::if_used}});
  const WallTime now = std::chrono::system_clock::now();
  for (const ModelReply& model : reply->models) {
    if (!is_interesting(model)) continue;
    table.add({{model.id, Style::strong},
               {model.state, style_of(model)},
               number(model.leases),
               number(model.waiting),
               size_of(model),
               model.pid ? std::to_string(*model.pid) : "-",
               expiry(model, now),
               note(model, now)});
  }
  if (table.empty()) {
    session.terminal.err() << "Nothing is loaded. To see the models there are: rouse list\n";
  } else {
    session.terminal.out() << table.rendered(session.terminal);
  }
  return Exit::ok;
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
               {"OTHERS", Align::right},
               {"UNCONFIRMED", Align::right},
               {"FOR MODELS NOW", Align::right}});
  for (const DeviceReply& device : reply->devices) {
    const auto size = [](std::int64_t bytes) { return to_string(Bytes{bytes}); };
    table.add({{device.id, Style::strong},
               size(device.total),
               size(device.limit),
               size(device.reserve),
               size(device.used_by_models),
               size(device.used_by_others),
               {size(device.unconfirmed), device.unconfirmed > 0 ? Style::bad : Style::plain},
               size(device.effective)});
  }
  session.terminal.out() << table.rendered(session.terminal);
  return Exit::ok;
}

}  // namespace rouse::cli

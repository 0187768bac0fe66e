#include "api/access_log.hpp"

#include <algorithm>
#include <format>
#include <vector>

namespace rouse::api {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Part {
  std::string_view name;
  std::string_view field;
  double seconds;
};

// Where the time of a model's answer went, as far as that is known. One that came in one piece does not tell what of it
// its prompt took.
std::vector<Part> parts_of(const Reply& reply, double total) {
  std::vector<Part> parts;
  double rest = total;
  const auto add = [&](std::string_view name, std::string_view field, double part) {
    parts.push_back({name, field, part});
    rest = std::max(0.0, rest - part);
  };
  const Timing& timing = reply.timing;
  if (timing.load) {
    add("queue", "queue_seconds", seconds(timing.queue));
    add("load", "load_seconds", seconds(*timing.load));
  }
  if (timing.first && !reply.came_in_pieces()) {
    add("answer", "answer_seconds", rest);
  } else if (timing.first) {
    add("prompt", "prompt_seconds", seconds(timing.first_token.value_or(*timing.first)));
    add("generation", "generation_seconds", rest);
  }
  return parts;
}

}  // namespace

AccessLine::~AccessLine() {
  if (parts_.access_log == AccessLog::off) return;
  const http::Exchange& exchange = reply_.exchange();
  const double total = seconds(parts_.clock.now() - exchange.arrived());
  const std::string_view model = reply_.model ? parts_.daemon.name_of(*reply_.model) : "";
  const std::string_view server = reply_.served_by ? std::string_view(reply_.served_by->model.id) : "";
  const std::string by = server.empty() || server == model ? "" : std::format(" by {}", server);
  const std::string_view gone = exchange.client_gone() ? ", client gone" : "";

  std::vector<system::LogField> fields{{"event", "access"},
                                       {"client", reply_.client_name()},
                                       {"method", exchange.method()},
                                       {"path", exchange.path()},
                                       {"status", std::int64_t{exchange.status()}},
                                       {"bytes", static_cast<std::int64_t>(exchange.body_bytes())},
                                       {"seconds", total},
                                       {"model", model},
                                       {"served_by", server},
                                       {"request", reply_.id()}};
  std::string split;
  for (const Part& part : parts_of(reply_, total)) {
    split += std::format("{}{} {:.3f}", split.empty() ? " (" : ", ", part.name, part.seconds);
    fields.push_back({part.field, part.seconds});
  }
  if (!split.empty()) split += ")";
  const std::string line = std::format("{} {} {} {}, {} B in {:.3f} s{}{}{}{}, {}{}", reply_.client_name(),
                                       exchange.method(), exchange.path(), exchange.status(), exchange.body_bytes(),
                                       total, split, model.empty() ? "" : ", ", model, by, reply_.id(), gone);
  parts_.log.write(system::Level::info, line, fields);
}

void log_refused_head(const Parts& parts, const http::Handler::Unanswered& what, std::string_view id) {
  if (parts.access_log == AccessLog::off) return;
  const system::LogField fields[] = {{"event", "access"},
                                     {"client", what.peer},
                                     {"status", std::int64_t{what.status}},
                                     {"reason", what.error.message},
                                     {"request", id}};
  parts.log.write(system::Level::info, std::format("{} {}, {}, {}", what.peer, what.status, what.error.message, id),
                  fields);
}

}  // namespace rouse::api

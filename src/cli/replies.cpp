#include "cli/replies.hpp"

#include <format>
#include <glaze/json/read.hpp>
#include <glaze/json/write.hpp>

#include "cli/text.hpp"

namespace rouse::cli {
// Not in an unnamed namespace: reflection names it.
struct RefusalReply {
  ErrorReply error;
};

namespace {

constexpr glz::opts kLenient{.error_on_unknown_keys = false};

template <class T>
Outcome<T> read(std::string_view json, std::string_view what) {
  T value{};
  const auto error = glz::read<kLenient>(value, json);
  if (!error) return value;
  return failure(Exit::failed, std::format("the daemon's {} cannot be understood ({}). Are `rouse` and the daemon of "
                                           "the same version, and is it Rouse that answers there?",
                                           what, one_line(glz::format_error(error))));
}

std::string code_text(const ErrorReply& error) {
  if (!error.code) return "";
  const auto* text = std::get_if<std::string>(&*error.code);
  return text != nullptr ? *text : "";
}

// An error inside a stream has no status of its own: its code may be one, or a name.
int status_in(const ErrorReply& error) {
  if (!error.code) return 0;
  const auto* number = std::get_if<double>(&*error.code);
  return number != nullptr && *number >= 100 && *number < 600 ? static_cast<int>(*number) : 0;
}

}  // namespace

Outcome<ModelsReply> read_models(std::string_view json) { return read<ModelsReply>(json, "list of models"); }
Outcome<ModelReply> read_model(std::string_view json) { return read<ModelReply>(json, "description of the model"); }
Outcome<DevicesReply> read_devices(std::string_view json) { return read<DevicesReply>(json, "list of devices"); }
Outcome<ReservationReply> read_reservation(std::string_view json) {
  return read<ReservationReply>(json, "reservation");
}
Outcome<ReservationsReply> read_reservations(std::string_view json) {
  return read<ReservationsReply>(json, "list of reservations");
}
Outcome<ReceiptReply> read_receipt(std::string_view json) { return read<ReceiptReply>(json, "receipt"); }
Outcome<RequestsReply> read_requests(std::string_view json) { return read<RequestsReply>(json, "list of requests"); }
Outcome<ChangesReply> read_changes(std::string_view json) { return read<ChangesReply>(json, "account of the reload"); }
Outcome<ChatChunk> read_chunk(std::string_view json) { return read<ChatChunk>(json, "answer"); }

Failure failure_of(int status, const ErrorReply& error) {
  if (status == 0) status = status_in(error);
  const Exit exit = exit_of(status, code_text(error));
  std::string message = one_line(error.message);
  if (message.empty()) message = status == 0 ? "the daemon reported an error" : std::format("HTTP status {}", status);
  if (exit == Exit::unknown_model) message = with_full_stop(message) + " To see the models there are: rouse list";
  if (status == 401)
    message = with_full_stop(message) +
              " The key belongs into ROUSE_API_KEY; on the daemon's own machine ROUSE_HOST=unix:/PATH needs none";
  const bool says_more = !message.contains(one_line(error.context));
  return {exit, std::move(message), says_more ? error.context : ""};
}

Failure read_refusal(int status, std::string_view json) {
  const auto refusal = read<RefusalReply>(json, "error");
  if (refusal) return failure_of(status, refusal->error);
  return {Exit::failed, std::format("HTTP status {} without a reason. Is it Rouse that answers there?", status)};
}

std::string written(const ChatRequest& request) {
  std::string json;
  [[maybe_unused]] const auto error = glz::write_json(request, json);  // cannot fail into a string that grows
  return json;
}

}  // namespace rouse::cli

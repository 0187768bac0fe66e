#include "api/openai_shapes.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include "api/json.hpp"
#include "api/utf8.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names them.
namespace openai_json {

struct ErrorObject {
  std::string message;
  std::string_view type;
  std::optional<std::string_view> param;
  std::string_view code;
};
struct ErrorBody {
  ErrorObject error;
};

struct Model {
  std::string_view id;
  std::string_view object = "model";
  std::int64_t created = 0;
  std::string_view owned_by = "rouse";
};
struct ModelList {
  std::string_view object = "list";
  std::vector<Model> data;
};

}  // namespace openai_json

namespace {

openai_json::Model card(std::string_view name, std::chrono::system_clock::time_point since) {
  return {.id = name, .created = std::chrono::duration_cast<std::chrono::seconds>(since.time_since_epoch()).count()};
}

}  // namespace

std::string openai_error(const Fault& fault) {
  const FaultKind& row = kind(fault.error.code);
  const auto param = fault.param.empty() ? std::nullopt : std::optional(fault.param);
  return to_json(openai_json::ErrorBody{{as_utf8(fault.error.message), row.openai_type, param, row.openai_code}});
}

std::string openai_model_list(std::span<const daemon::ModelStatus> models,
                              std::chrono::system_clock::time_point since) {
  openai_json::ModelList list;
  for (const daemon::ModelStatus& model : models) {
    if (model.removed) continue;
    list.data.push_back(card(model.name, since));
    for (const std::string& alias : model.aliases) list.data.push_back(card(alias, since));
  }
  return to_json(list);
}

std::string openai_model_card(std::string_view name, std::chrono::system_clock::time_point since) {
  return to_json(card(name, since));
}

}  // namespace rouse::api

#include "api/anthropic_shapes.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <vector>

#include "api/json.hpp"
#include "api/utf8.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names them.
namespace anthropic_json {

struct ErrorObject {
  std::string_view type;
  std::string message;
};
struct ErrorBody {
  std::string_view type = "error";
  ErrorObject error;
  std::string_view request_id;
};

struct Model {
  std::string_view type = "model";
  std::string_view id;
  std::string_view display_name;
  std::string created_at;
};
struct ModelList {
  std::vector<Model> data;
  std::optional<std::string_view> first_id;
  bool has_more = false;
  std::optional<std::string_view> last_id;
};

}  // namespace anthropic_json

namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503:
    case 529: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

anthropic_json::Model card(std::string_view name, std::chrono::system_clock::time_point since) {
  return {.id = name,
          .display_name = name,
          .created_at = std::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(since))};
}

}  // namespace

std::string anthropic_error(int status, std::string_view message, std::string_view request_id) {
  return to_json(anthropic_json::ErrorBody{.error = {type_of(status), as_utf8(message)}, .request_id = request_id});
}

Result<std::string> anthropic_model_list(std::span<const daemon::ModelStatus> models,
                                         std::chrono::system_clock::time_point since, const ModelPage& page) {
  std::vector<std::string_view> names;
  for (const daemon::ModelStatus& model : models) {
    if (model.removed) continue;
    names.push_back(model.name);
    names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  }
  std::size_t begin = 0;
  std::size_t end = names.size();
  if (const auto& mark = page.before ? page.before : page.after) {
    const auto at = std::ranges::find(names, *mark);
    if (at == names.end())
      return fail(Code::malformed, std::format("\"{}\" names no model", page.before ? "before_id" : "after_id"));
    const auto index = static_cast<std::size_t>(at - names.begin());
    (page.before ? end : begin) = page.before ? index : index + 1;
  }
  anthropic_json::ModelList list;
  list.has_more = end - begin > page.limit;
  if (list.has_more) (page.before ? begin : end) = page.before ? end - page.limit : begin + page.limit;
  for (std::size_t i = begin; i < end; ++i) list.data.push_back(card(names[i], since));
  if (!list.data.empty()) {
    list.first_id = list.data.front().id;
    list.last_id = list.data.back().id;
  }
  return to_json(list);
}

std::string anthropic_model_card(std::string_view name, std::chrono::system_clock::time_point since) {
  return to_json(card(name, since));
}

}  // namespace rouse::api

#include "config/model_names.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/nearest.hpp"
#include "config/names.hpp"

namespace rouse::config {
namespace {

struct Named {
  Model* model;
  bool by_id;
};
using ByName = std::unordered_map<std::string_view, Named>;  // of names that the models hold

void read_aliases(Reading& reading, const std::vector<Entry>& written, Model& model, ByName& names) {
  model.aliases.reserve(written.size());  // `names` refers to them
  for (const Entry& item : written) {
    const auto alias = reading.scalar(item, "a name");
    if (!alias) continue;
    if (!is_model_name(*alias)) {
      reading.problem(*item.at, std::format("{} cannot be an alias; expected {}", in_quotes(*alias), kModelNameRule));
    } else if (const auto taken = names.find(*alias); taken != names.end()) {
      const auto [owner, by_id] = taken->second;
      reading.problem(*item.at, std::format("alias {} of model {} is {} of model {} already (line {})",
                                            in_quotes(*alias), in_quotes(model.id), by_id ? "the name" : "an alias",
                                            in_quotes(owner->id), owner->place.line));
    } else {
      names.emplace(model.aliases.emplace_back(*alias), Named{&model, false});
    }
  }
}

// What one of the two keys says of all models.
struct Fallbacks {
  std::string_view key;
  std::vector<Entry> NamesWritten::* written;
  std::vector<std::string> Model::* ids;
};

void read_fallbacks(Reading& reading, const std::vector<Entry>& written, const ByName& names, const Fallbacks& kind,
                    Model& model) {
  for (const Entry& item : written) {
    const auto name = reading.scalar(item, "the name of a model");
    if (!name) continue;
    const auto found = names.find(*name);
    if (found == names.end()) {
      std::vector<std::string_view> known;
      for (const auto& [each, _] : names) known.push_back(each);
      std::ranges::sort(known);
      const std::string hint = did_you_mean(*name, known);
      reading.problem(*item.value,
                      std::format("{} of model {}: there is no model {}; {}", kind.key, in_quotes(model.id),
                                  in_quotes(*name), hint.empty() ? "name one that stands under models" : hint));
    } else if (std::ranges::contains(model.*kind.ids, found->second.model->id)) {
      reading.problem(*item.value, std::format("{} of model {}: model {} stands there twice", kind.key,
                                               in_quotes(model.id), in_quotes(found->second.model->id)));
    } else {
      (model.*kind.ids).push_back(found->second.model->id);
    }
  }
}

// Finds the way from a model back to itself.
class Circle {
 public:
  Circle(const ByName& names, const Fallbacks& kind) : names_(names), kind_(kind) {}

  // The ids on it, the first one at both ends; empty if there is none.
  std::vector<std::string_view> from(const Model& model) {
    seen_.clear();
    way_ = {model.id};
    return leads_back(model) ? way_ : std::vector<std::string_view>{};
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): not deeper than there are models
  bool leads_back(const Model& model) {
    for (const std::string& next : model.*kind_.ids) {
      way_.push_back(next);
      if (next == way_.front()) return true;
      if (!std::ranges::contains(seen_, std::string_view(next))) {
        seen_.push_back(next);
        if (leads_back(*names_.at(next).model)) return true;
      }
      way_.pop_back();
    }
    return false;
  }

  const ByName& names_;
  const Fallbacks& kind_;
  std::vector<std::string_view> seen_;
  std::vector<std::string_view> way_;
};

// Each circle is told once, where the first of its models names the next.
void check_circles(Reading& reading, const std::vector<NamesWritten>& written, const ByName& names,
                   const Fallbacks& kind, const std::vector<Model>& models) {
  Circle circle(names, kind);
  std::vector<std::string_view> told;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if ((models[i].*kind.ids).empty() || std::ranges::contains(told, std::string_view(models[i].id))) continue;
    const auto way = circle.from(models[i]);
    if (way.empty()) continue;
    told.insert(told.end(), way.begin(), way.end());
    std::string text;
    for (const std::string_view id : way) text += std::format("{}{}", text.empty() ? "" : " → ", id);
    const Entry& first = (written[i].*kind.written).front();
    reading.problem(*first.at, std::format("{} of model {} leads back to it: {}; take one of them away", kind.key,
                                           in_quotes(models[i].id), text));
  }
}

}  // namespace

std::vector<Entry> names_in(Reading& reading, const Entry& entry) {
  if (entry.value->kind == yaml::Kind::scalar && !entry.value->is_nothing()) return {entry};
  return reading.items(entry, "the name of a model, or a list of names");
}

void read_model_names(Reading& reading, const std::vector<NamesWritten>& written, std::vector<Model>& models) {
  ByName names;
  names.reserve(models.size() * 2);
  for (Model& model : models) names.emplace(model.id, Named{&model, true});
  for (std::size_t i = 0; i < models.size(); ++i) read_aliases(reading, written[i].aliases, models[i], names);
  for (const Fallbacks& kind :
       {Fallbacks{"fallback", &NamesWritten::fallback, &Model::fallback},
        Fallbacks{"fallback_while_loading", &NamesWritten::fallback_while_loading, &Model::fallback_while_loading}}) {
    for (std::size_t i = 0; i < models.size(); ++i)
      read_fallbacks(reading, written[i].*kind.written, names, kind, models[i]);
    check_circles(reading, written, names, kind, models);
  }
}

}  // namespace rouse::config

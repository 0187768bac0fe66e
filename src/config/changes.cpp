#include "config/changes.hpp"

#include <algorithm>
#include <format>

namespace rouse::config {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Changes changes(const Config& before, const Config& after) {
  Changes found;
  for (const Model& model : after.models) {
    const auto was = std::ranges::find(before.models, model.id, &Model::id);
    if (was == before.models.end()) {
      found.added.push_back(model.id);
    } else if (*was != model) {
      found.changed.push_back(model.id);
    }
  }
  for (const Model& model : before.models) {
    if (!std::ranges::contains(after.models, model.id, &Model::id)) found.removed.push_back(model.id);
  }
  if (before.budgets != after.budgets) found.settings.emplace_back("budgets");
  if (before.groups != after.groups) found.settings.emplace_back("groups");
  if (before.deadline != after.deadline) found.settings.emplace_back("defaults.deadline");
  if (before.policy != after.policy) found.settings.emplace_back("policy");
  if (before.limits != after.limits) found.settings.emplace_back("limits");
  if (before.log != after.log) found.settings.emplace_back("log");
  if (before.keys != after.keys) found.settings.emplace_back("keys");
  if (before.hosts != after.hosts) found.settings.emplace_back("hosts");
  if (before.listen != after.listen) found.needs_restart.emplace_back("listen");
  if (before.admin_socket != after.admin_socket) found.needs_restart.emplace_back("admin_socket");
  if (before.state != after.state) found.needs_restart.emplace_back("state");
  return found;
}

std::string to_string(const Changes& changes) {
  std::string text;
  const auto say = [&](const std::string& sentence) { text += (text.empty() ? "" : "; ") + sentence; };
  if (!changes.added.empty()) say("added " + joined(changes.added));
  if (!changes.removed.empty()) say("removed " + joined(changes.removed));
  std::vector<std::string> changed = changes.changed;
  changed.insert(changed.end(), changes.settings.begin(), changes.settings.end());
  if (!changed.empty()) say("changed " + joined(changed));
  if (!changes.needs_restart.empty()) say(joined(changes.needs_restart) + ": from the next start on");
  return text.empty() ? "nothing changed" : text;
}

}  // namespace rouse::config

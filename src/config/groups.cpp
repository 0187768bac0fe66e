#include "config/groups.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "base/nearest.hpp"
#include "config/names.hpp"

namespace rouse::config {

std::vector<Group> read_groups(Reading& reading, const Entry& entry) {
  constexpr std::array<std::string_view, 1> kKeys{"max_loaded"};
  std::vector<Entry> entries = reading.pairs(entry, {"groups"});
  std::ranges::sort(entries, {}, &Entry::key);
  std::vector<Group> groups;
  groups.reserve(entries.size());
  for (const Entry& pair : entries) {
    Group& group = groups.emplace_back(std::string(pair.key), 0, reading.place(*pair.at));
    bool has_number = false;
    reading.fields(pair, {"group", pair.key}, kKeys, [&](std::size_t, const Entry& value) {
      has_number = true;
      reading.integer(value, 1, 65'536, group.max_loaded);
    });
    if (!is_key_name(group.name))
      reading.problem(*pair.at,
                      std::format("{} cannot name a group; expected {}", in_quotes(group.name), kKeyNameRule));
    if (parse_device(group.name)) {
      reading.problem(*pair.at, std::format("{} is a device and cannot name a group; call it, for example, {}",
                                            in_quotes(group.name), in_quotes(group.name + "-models")));
    }
    const bool is_map = pair.value->kind == yaml::Kind::map || pair.value->is_nothing();
    if (is_map && !has_number) {
      reading.problem(*pair.at, std::format("group {} has no max_loaded; expected max_loaded: how many of its models "
                                            "may be loaded at once, such as 1",
                                            in_quotes(group.name)));
    }
  }
  return groups;
}

void read_group(Reading& reading, const Entry& entry, const std::vector<Group>& groups, std::string& into) {
  const auto name = reading.scalar(entry, "the name of a group");
  if (!name) return;
  if (std::ranges::contains(groups, *name, &Group::name)) {
    into = *name;
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(groups.size());
  for (const Group& group : groups) names.push_back(group.name);
  const std::string question = did_you_mean(*name, names);
  const std::string hint = !question.empty() ? question
                           : names.empty()   ? "there are none; expected groups: {NAME: {max_loaded: 1}}"
                                             : "expected " + alternatives(names);
  reading.problem(*entry.value, std::format("group: there is no group {}; {}", in_quotes(*name), hint));
}

}  // namespace rouse::config

#include "service/applications.hpp"

#include <algorithm>
#include <format>
#include <map>
#include <utility>

namespace rouse {

// Of this address, whosever it was; where any free port will do, the model's own.
Applications::Door& Applications::door_for(const config::Model& model) {
  for (const auto& door : doors_) {
    if (door->asked == *model.listen && (door->asked.port != 0 || door->model == model.id)) return *door;
  }
  return *doors_.emplace_back(std::make_unique<Door>(api_, *model.listen));
}

Result<void> Applications::change(const std::vector<config::Model>& models) {
  std::map<Door*, std::string> wanted;  // and whose they are from now on
  std::vector<Door*> opened;
  for (const config::Model& model : models) {
    if (!model.listen) continue;
    Door& door = door_for(model);
    wanted.emplace(&door, model.id);
    if (door.open) continue;
    auto bound = server_.listen(http::tcp_address(model.listen->host, model.listen->port), door);
    if (!bound) {
      for (const Door* each : opened) server_.stop_listening(each->bound);
      return fail(bound.error().code, std::format("model \"{}\": listen: {}", model.id, bound.error().message));
    }
    door.bound = std::move(*bound);
    opened.push_back(&door);
  }
  for (const auto& door : doors_) {
    if (const auto whose = wanted.find(door.get()); whose != wanted.end()) {
      door->model = whose->second;
    } else if (std::exchange(door->open, false)) {
      server_.stop_listening(door->bound);
      log_.info("{} is no longer on http://{}", door->model, to_string(door->bound));
    }
  }
  for (Door* door : opened) {
    door->open = true;
    log_.info("{} is on http://{}", door->model, to_string(door->bound));
  }
  return {};
}

}  // namespace rouse

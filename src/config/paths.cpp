#include "config/paths.hpp"

namespace rouse::config {

std::string joined_path(std::string_view folder, std::string_view path) {
  while (path.starts_with("./") && path.size() > 2) path.remove_prefix(2);
  if (folder.empty() || path.starts_with('/')) return std::string(path);
  std::string joined(folder);
  if (!joined.ends_with('/')) joined += '/';
  joined += path;
  return joined;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return path.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace rouse::config

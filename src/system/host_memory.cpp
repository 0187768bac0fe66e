#include "system/host_memory.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <format>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rouse::system {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepest = 64;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::int64_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// The number behind `key` ("MemTotal:", "oom_kill ") at the start of a line.
std::optional<std::int64_t> field(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with(key)) return number_at(line.substr(key.size()));
    at += line.size() + 1;
  }
  return std::nullopt;
}

// Where our cgroup's memory is accounted, and the names of the files there.
struct Cgroup {
  fs::path folder;
  fs::path top;  // no limit is to be found above
  const char* limit;
  const char* usage;
  const char* events;
};

std::optional<Cgroup> own_cgroup(const fs::path& root) {
  const std::string text = read_text(root / "proc/self/cgroup");
  const fs::path mount = root / "sys/fs/cgroup";
  std::optional<Cgroup> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = std::string_view(text).substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    const std::size_t first = line.find(':');  // "4:memory:/a/b" of version 1, "0::/a/b" of version 2
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos || second + 1 >= line.size()) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const fs::path path = fs::path(line.substr(second + 1)).relative_path();
    if (controllers == "memory" || controllers.starts_with("memory,") || controllers.contains(",memory")) {
      return Cgroup{mount / "memory" / path, mount / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                    "memory.oom_control"};
    }
    if (controllers.empty()) found = Cgroup{mount / path, mount, "memory.max", "memory.current", "memory.events"};
  }
  return found;
}

// Calls `look` for our cgroup's folder and those above it.
template <class Look>
void upwards(const Cgroup& group, Look look) {
  std::error_code ignored;
  fs::path folder = group.folder;
  // Inside a container the path may be one of the outside: what we see is then the mount itself.
  if (!fs::exists(folder, ignored)) folder = group.top;
  for (;; folder = folder.parent_path()) {
    look(folder);
    if (folder == group.top || !folder.has_relative_path()) return;
  }
}

template <class Each>
void each_number(std::string_view text, Each each) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int value = 0;
    const auto [rest, error] = std::from_chars(at, end, value);
    if (error == std::errc{}) each(value);
    at = error == std::errc{} ? rest : at + 1;
  }
}

// Of what /proc/PID/stat says: "pid (name) state parent …".
std::optional<int> parent_in(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos || name_end + 4 > stat.size()) return std::nullopt;
  const auto parent = number_at(stat.substr(name_end + 4));
  if (!parent) return std::nullopt;
  return static_cast<int>(*parent);
}

// Parent of each process, for kernels that do not list children.
std::unordered_map<int, std::vector<int>> families(const fs::path& root) {
  std::unordered_map<int, std::vector<int>> families;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "proc", ignored)) {
    const std::string name = entry.path().filename();
    const auto pid = number_at(name);
    if (!pid) continue;
    if (const auto parent = parent_in(read_text(entry.path() / "stat")))
      families[*parent].push_back(static_cast<int>(*pid));
  }
  return families;
}

// Of what /proc/PID/smaps says: locked pages of mapped files that are not shared memory.
Bytes locked_file_pages(std::string_view smaps) {
  Bytes sum;
  bool of_a_file = false;
  for (std::size_t at = 0; at < smaps.size();) {
    const std::string_view line = smaps.substr(at, smaps.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.empty() &&
        (std::isdigit(static_cast<unsigned char>(line[0])) || std::islower(static_cast<unsigned char>(line[0])))) {
      const std::size_t path = line.find('/');  // "55d0… r--p 00000000 08:01 131 /path"
      const std::string_view name = path == line.npos ? "" : line.substr(path);
      of_a_file = !name.empty() && !name.starts_with("/dev/shm/") && !name.starts_with("/memfd:") &&
                  !name.starts_with("/SYSV") && !name.starts_with("/dev/zero");
    } else if (of_a_file && line.starts_with("Locked:")) {
      sum += kib(number_at(line.substr(7)).value_or(0));
    }
  }
  return sum;
}

// "some avg10=1.23 avg60=…"
std::optional<double> pressure_in(std::string_view text) {
  constexpr std::string_view kBefore = "some avg10=";
  if (!text.starts_with(kBefore)) return std::nullopt;
  text.remove_prefix(kBefore.size());
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share, std::chars_format::fixed);
  return error == std::errc{} ? std::optional(share) : std::nullopt;
}

}  // namespace

Result<HostMemory> host_memory(const fs::path& root) {
  const std::string meminfo = read_text(root / "proc/meminfo");
  const auto total = field(meminfo, "MemTotal:");
  const auto available = field(meminfo, "MemAvailable:");
  if (!total || !available) {
    return fail(Code::internal, "The machine does not tell its memory.", (root / "proc/meminfo").string());
  }
  HostMemory memory{kib(*total), kib(*available)};
  const auto group = own_cgroup(root);
  if (!group) return memory;
  upwards(*group, [&](const fs::path& folder) {
    const auto limit = number_at(read_text(folder / group->limit));  // "max", or a huge number: no limit
    const auto usage = number_at(read_text(folder / group->usage));
    if (!limit || !usage || Bytes{*limit} >= kib(*total)) return;
    const std::string stat = read_text(folder / "memory.stat");
    const std::string_view prefix = field(stat, "total_inactive_file ") ? "total_" : "";
    const std::int64_t reclaimable = field(stat, std::format("{}inactive_file ", prefix)).value_or(0) +
                                     field(stat, std::format("{}active_file ", prefix)).value_or(0);
    const std::int64_t taken = std::max<std::int64_t>(*usage - reclaimable, 0);
    memory.total = std::min(memory.total, Bytes{*limit});
    memory.available = std::min(memory.available, Bytes{std::max<std::int64_t>(*limit - taken, 0)});
  });
  return memory;
}

std::vector<int> children(int pid, const fs::path& root) {
  std::vector<int> found;
  bool told = false;
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator(root / "proc" / std::to_string(pid) / "task", ignored)) {
    std::ifstream file(task.path() / "children");
    told = told || file.is_open();
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    each_number(text, [&](int child) { found.push_back(child); });
  }
  if (told) return found;
  const auto all = families(root);
  const auto own = all.find(pid);
  return own == all.end() ? found : own->second;
}

std::vector<int> descendants(int pid, const fs::path& root) {
  std::vector<int> found = children(pid, root);
  for (std::size_t next = 0; next < found.size(); ++next) {  // `found` grows on the way
    for (const int child : children(found[next], root)) {
      if (!std::ranges::contains(found, child)) found.push_back(child);
    }
  }
  return found;
}

std::vector<int> line_of(int pid, const fs::path& root) {
  std::vector<int> line;
  while (pid > 0 && line.size() < kDeepest) {  // a pid used anew meanwhile could lead in a circle
    const auto parent = parent_in(read_text(root / "proc" / std::to_string(pid) / "stat"));
    if (!parent) break;
    line.push_back(pid);
    pid = *parent;
  }
  return line;
}

TreeMemory tree_memory(int pid, const fs::path& root) {
  TreeMemory memory;
  std::vector<int> tree = descendants(pid, root);
  tree.insert(tree.begin(), pid);
  for (const int member : tree) {
    const std::string status = read_text(root / "proc" / std::to_string(member) / "status");
    const auto anonymous = field(status, "RssAnon:");
    if (!anonymous) continue;  // gone, or ended and not reaped yet: it holds nothing
    memory.anonymous += kib(*anonymous);
    memory.shared += kib(field(status, "RssShmem:").value_or(0));
    memory.file += kib(field(status, "RssFile:").value_or(0));
    ++memory.processes;
  }
  return memory;
}

TreeMemory exact_tree_memory(int pid, const fs::path& root) {
  TreeMemory memory;
  std::vector<int> tree = descendants(pid, root);
  tree.insert(tree.begin(), pid);
  for (const int member : tree) {
    const fs::path folder = root / "proc" / std::to_string(member);
    const std::string sums = read_text(folder / "smaps_rollup");
    const auto anonymous = field(sums, "Pss_Anon:");
    if (!anonymous) continue;
    const Bytes file = kib(field(sums, "Pss_File:").value_or(0));
    const bool locks = field(sums, "Locked:").value_or(0) > 0;
    const Bytes locked = locks ? std::min(file, locked_file_pages(read_text(folder / "smaps"))) : Bytes{};
    memory.anonymous += kib(*anonymous);
    memory.shared += kib(field(sums, "Pss_Shmem:").value_or(0));
    memory.locked += locked;
    memory.file += file - locked;
    ++memory.processes;
  }
  return memory;
}

std::optional<double> memory_pressure(const fs::path& root) {
  std::optional<double> most = pressure_in(read_text(root / "proc/pressure/memory"));
  const std::string groups = read_text(root / "proc/self/cgroup");
  const std::size_t at = groups.starts_with("0::") ? 0 : groups.find("\n0::");
  if (at == groups.npos) return most;
  const std::size_t begin = groups.find("::", at) + 2;
  const fs::path own = fs::path(groups.substr(begin, groups.find('\n', begin) - begin)).relative_path();
  for (const char* mount : {"sys/fs/cgroup", "sys/fs/cgroup/unified"}) {
    if (const auto here = pressure_in(read_text(root / mount / own / "memory.pressure")))
      most = std::max(most.value_or(0), *here);
  }
  return most;
}

std::int64_t oom_kills(const fs::path& root) {
  if (const auto group = own_cgroup(root)) {
    std::error_code ignored;
    const fs::path folder = fs::exists(group->folder, ignored) ? group->folder : group->top;
    if (const auto count = field(read_text(folder / group->events), "oom_kill ")) return *count;
  }
  return field(read_text(root / "proc/vmstat"), "oom_kill ").value_or(0);
}

}  // namespace rouse::system

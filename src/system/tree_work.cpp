#include "system/tree_work.hpp"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "system/host_memory.hpp"

namespace rouse::system {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Bytes bytes_read(const std::filesystem::path& process) {
  std::istringstream lines(read_text(process / "io"));
  std::string key;
  std::int64_t value = 0;
  while (lines >> key >> value) {
    if (key == "rchar:") return Bytes{value};
  }
  return {};
}

Duration processor_time(const std::filesystem::path& process) {
  const std::string stat = read_text(process / "stat");  // "pid (name) state …", user and system time 14th and 15th
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  static const std::int64_t a_second = ::sysconf(_SC_CLK_TCK);
  return std::chrono::milliseconds((user + system) * 1000 / a_second);
}

}  // namespace

TreeWork tree_work(int pid, const std::filesystem::path& root) {
  std::vector<int> tree = descendants(pid, root);
  tree.insert(tree.begin(), pid);
  TreeWork work;
  for (const int member : tree) {
    const std::filesystem::path process = root / "proc" / std::to_string(member);
    work.read += bytes_read(process);
    work.processor += processor_time(process);
  }
  return work;
}

}  // namespace rouse::system

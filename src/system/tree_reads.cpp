#include "system/tree_reads.hpp"

#include <charconv>
#include <fstream>
#include <string>
#include <vector>

#include "system/host_memory.hpp"

namespace rouse::system {

Bytes bytes_read(int pid, const std::filesystem::path& root) {
  constexpr std::string_view kKey = "rchar: ";
  std::vector<int> tree = descendants(pid, root);
  tree.insert(tree.begin(), pid);
  Bytes sum;
  for (const int member : tree) {
    std::ifstream file(root / "proc" / std::to_string(member) / "io");
    std::string line;
    while (std::getline(file, line) && !line.starts_with(kKey)) continue;
    if (!line.starts_with(kKey)) continue;
    std::int64_t count = 0;
    std::from_chars(line.data() + kKey.size(), line.data() + line.size(), count);
    sum += Bytes{count};
  }
  return sum;
}

}  // namespace rouse::system

#include "system/duplicates.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <fstream>
#include <functional>
#include <string>

#include "system/host_memory.hpp"

namespace rouse::system {
namespace {

constexpr Bytes kLarge = mib(64);

bool alike(Bytes larger, Bytes smaller) { return smaller.count >= larger.count / 10 * 9; }

}  // namespace

std::string to_string(const Duplicates& duplicates) {
  return std::format("{} processes hold {} each", duplicates.processes, rouse::to_string(duplicates.each));
}

std::optional<Duplicates> find_duplicates(std::span<const Bytes> private_bytes) {
  std::vector<Bytes> sizes(private_bytes.begin(), private_bytes.end());
  std::ranges::sort(sizes, std::greater{});
  if (sizes.empty()) return std::nullopt;
  const Bytes least = std::max(kLarge, Bytes{sizes.front().count / 2});
  std::erase_if(sizes, [&](Bytes size) { return size < least; });
  std::optional<Duplicates> found;
  for (auto first = sizes.begin(); first != sizes.end(); ++first) {
    const auto last = std::find_if_not(first, sizes.end(), [&](Bytes size) { return alike(*first, size); });
    const int processes = static_cast<int>(last - first);
    if (processes < 2 || (found && processes <= found->processes)) continue;
    Bytes sum;
    for (auto size = first; size != last; ++size) sum += *size;
    found = Duplicates{.processes = processes, .each = Bytes{sum.count / processes}};
  }
  return found;
}

std::vector<Bytes> private_bytes(int pid, const std::filesystem::path& root) {
  constexpr std::string_view kKey = "Private_Dirty:";
  std::vector<int> tree = descendants(pid, root);
  tree.insert(tree.begin(), pid);
  std::vector<Bytes> found;
  for (const int member : tree) {
    std::ifstream file(root / "proc" / std::to_string(member) / "smaps_rollup");
    std::string line;
    while (std::getline(file, line) && !line.starts_with(kKey)) continue;
    if (!line.starts_with(kKey)) continue;  // gone meanwhile
    const std::size_t at = std::min(line.find_first_not_of(" \t", kKey.size()), line.size());
    std::int64_t count = 0;
    std::from_chars(line.data() + at, line.data() + line.size(), count);
    found.push_back(kib(count));
  }
  return found;
}

}  // namespace rouse::system

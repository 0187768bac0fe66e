#include "system/listeners.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <format>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "system/host_memory.hpp"

namespace rouse::system {
namespace {

namespace fs = std::filesystem;

struct Listening {
  std::string host;
  std::string inode;
};

std::optional<unsigned> hex(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// "0100007F" or four of those, as the kernel's words stand in memory.
std::string host_of(std::string_view words) {
  std::array<std::uint32_t, 4> address{};
  for (std::size_t i = 0; i < address.size() && i * 8 + 8 <= words.size(); ++i)
    address[i] = hex(words.substr(i * 8, 8)).value_or(0);
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(words.size() > 8 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  const std::string_view host = text;
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return text;
}

// Of one table: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …". The kernel writes those
// that listen first, so that a busy machine's connections need not be read.
void add_listening(const char* table, std::uint16_t port, std::vector<Listening>& into) {
  constexpr std::string_view kListens = "0A";
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::array<std::string_view, 10> words;
    std::size_t at = 0;
    for (std::string_view& word : words) {
      at = std::min(line.find_first_not_of(' ', at), line.size());
      const std::size_t end = std::min(line.find(' ', at), line.size());
      word = std::string_view(line).substr(at, end - at);
      at = end;
    }
    if (words[3] != kListens) return;
    const std::size_t colon = words[1].find(':');
    if (colon == std::string_view::npos || hex(words[1].substr(colon + 1)) != port) continue;
    into.push_back({host_of(words[1].substr(0, colon)), std::string(words[9])});
  }
}

// Takes out of `sought` the sockets that a process of the tree has open.
void take_open_ones(int root, std::set<std::string>& sought) {
  for (const int pid : descendants(root)) {
    std::error_code error;
    for (fs::directory_iterator at(std::format("/proc/{}/fd", pid), error), end; !error && at != end;
         at.increment(error)) {
      std::error_code gone;
      sought.erase(fs::read_symlink(at->path(), gone).native());
      if (sought.empty()) return;
    }
  }
}

}  // namespace

Listener find_listener(std::uint16_t port, int root) {
  std::vector<Listening> all;
  add_listening("/proc/self/net/tcp", port, all);
  add_listening("/proc/self/net/tcp6", port, all);
  if (all.empty()) return {};
  std::set<std::string> others;
  for (const Listening& each : all) others.insert(std::format("socket:[{}]", each.inode));
  if (root > 0) take_open_ones(root, others);  // of 0 are all whose parents cannot be seen
  if (!others.empty()) return {Listener::Whose::of_others, {}};
  const auto plain = std::ranges::find(all, "127.0.0.1", &Listening::host);
  return {Listener::Whose::of_the_tree, plain == all.end() ? all.front().host : plain->host};
}

}  // namespace rouse::system

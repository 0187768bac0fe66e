// Who listens on a TCP port of this machine: a process tree, or somebody else. A number alone says nothing: another
// program may have come first, and must not be taken for our worker.
//
// Reads /proc of our own network namespace; any thread may call it. A descriptor that cannot be read, of a process of
// another user, counts as somebody else's.
#pragma once

#include <cstdint>
#include <string>

namespace rouse::system {

struct Listener {
  enum class Whose : std::uint8_t { nobodys, of_the_tree, of_others };
  Whose whose = Whose::nobodys;
  std::string host;  // of the tree's: the address to connect to
};

// `root`: the tree's, itself not among it (see Process::root). Others listen as soon as one of the port's listeners, on
// whatever address, is none of the tree's.
Listener find_listener(std::uint16_t port, int root);

}  // namespace rouse::system

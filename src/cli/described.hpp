// The commands as the argument parser knows them, described for whoever writes of them: completions and the manual page
// are made from this, so that they cannot say anything else. Plain values; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::cli {

struct DescribedOption {
  std::vector<std::string> names;  // "-c", "--config"
  std::string value;               // "FILE"; empty for a flag
  std::string about;
};

struct DescribedArgument {
  std::string name;  // "MODEL"
  bool required = false;
  std::string about;
};

struct DescribedCommand {
  std::string name;
  std::string word;  // that has to follow: "new" in `rouse key new`; empty for most. No name has several.
  std::string about;
  std::vector<DescribedArgument> arguments;
  std::vector<DescribedOption> options;
};

using Described = std::span<const DescribedCommand>;

std::string bash_completions(Described commands);
std::string zsh_completions(Described commands);
std::string fish_completions(Described commands);

// rouse(1), for man.
std::string manual_page(Described commands);

}  // namespace rouse::cli

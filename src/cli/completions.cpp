// What a shell needs to complete our command lines. Names of models come from the daemon: rouse __models.
#include <algorithm>
#include <format>

#include "cli/described.hpp"

namespace rouse::cli {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
  return text;
}

bool is_long(const std::string& name) { return name.starts_with("--"); }

// The words that can stand for a value, where there are few of them.
std::string_view words_for(std::string_view value) {
  if (!value.empty() && value.front() >= 'a' && value.front() <= 'z') return value;  // a word itself
  if (value == "P") return "low normal high";
  if (value == "SHELL") return "bash zsh fish";
  if (value == "ROLE") return "use admin";
  return "";
}

// What stands first behind the command: a word, or the kind of an argument; empty for nothing.
std::string_view first_of(const DescribedCommand& command) {
  if (!command.word.empty()) return command.word;
  return command.arguments.empty() ? std::string_view() : std::string_view(command.arguments.front().name);
}

// A text in single quotes, for a shell in which a quote ends them and is written as `quote`.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? quote : std::string_view(&c, 1));
  return out + "'";
}

// --- bash ---------------------------------------------------------------------------------------------------

std::string bash_action(std::string_view value) {
  if (value == "MODEL") return "words=$(rouse __models 2>/dev/null)";
  if (value == "FILE") return "COMPREPLY=($(compgen -f -- \"$cur\")); return";
  if (value == "FOLDER") return "COMPREPLY=($(compgen -d -- \"$cur\")); return";
  if (const std::string_view words = words_for(value); !words.empty()) return std::format("words='{}'", words);
  return "return";
}

// --- zsh ----------------------------------------------------------------------------------------------------

std::string zsh_action(std::string_view value) {
  if (value == "MODEL") return "_rouse_models";
  if (value == "FILE") return "_files";
  if (value == "FOLDER") return "_files -/";
  if (const std::string_view words = words_for(value); !words.empty()) return std::format("({})", words);
  return " ";
}

// In a specification of _arguments, brackets and colons mean something.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const DescribedOption& option) {
  const std::string rest =
      std::format("[{}]{}", zsh_escaped(option.about),
                  option.value.empty() ? "" : std::format(":{}:{}", option.value, zsh_action(option.value)));
  if (option.names.size() == 1) return quoted(option.names.front() + rest, "'\\''");
  return std::format("'({})'{{{}}}{}", joined(option.names, " "), joined(option.names, ","), quoted(rest, "'\\''"));
}

}  // namespace

std::string bash_completions(Described commands) {
  std::string names;
  std::string with_value;
  std::string values;
  std::string options;
  std::string arguments;
  for (const DescribedCommand& command : commands) {
    names += command.name + " ";
    std::string all;
    for (const DescribedOption& option : command.options) {
      for (const std::string& name : option.names) {
        if (is_long(name)) all += name + " ";
        if (option.value.empty()) continue;
        values += std::format("    {}:{}) {} ;;\n", command.name, name, bash_action(option.value));
        if (!with_value.contains(name + "|")) with_value += name + "|";
      }
    }
    options += std::format("      {}) words='{}' ;;\n", command.name, all.substr(0, all.size() - 1));
    if (const std::string_view first = first_of(command); !first.empty())
      arguments += std::format("      {}) {} ;;\n", command.name, bash_action(first));
  }
  if (!with_value.empty()) with_value.pop_back();
  names.pop_back();
  return std::format(R"bash(# Completions of rouse for bash: source <(rouse completions bash)
_rouse() {{
  local line=${{COMP_LINE:0:COMP_POINT}} command= given=0 words= i
  local -a typed # bash itself would also split them at colons
  read -ra typed <<<"$line"
  [[ $line == *[[:space:]] ]] && typed+=("")
  local last=$((${{#typed[@]}} - 1))
  local cur=${{typed[last]}}
  COMPREPLY=()
  for ((i = 1; i < last; i++)); do
    case ${{typed[i]}} in
      {}) ((++i)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=${{typed[i]}}; else ((++given)); fi ;;
    esac
  done
  case $command:${{typed[last - 1]}} in
{}    *) if [[ -z $command ]]; then
      words='{}'
    elif [[ $cur == -* ]]; then
      case $command in
{}      esac
    elif ((given == 0)); then
      case $command in
{}      esac
    fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  local before=${{cur%"${{cur##*:}}"}} # what bash does not replace
  COMPREPLY=("${{COMPREPLY[@]#"$before"}}")
}}
complete -o filenames -F _rouse rouse
)bash",
                     with_value, values, names, options, arguments);
}

std::string zsh_completions(Described commands) {
  std::string names;
  std::string cases;
  for (const DescribedCommand& command : commands) {
    names += std::format("    {}\n", quoted(command.name + ":" + zsh_escaped(command.about), "'\\''"));
    cases += std::format("    {})\n      _arguments -S :", command.name);
    for (const DescribedOption& option : command.options) cases += " \\\n        " + zsh_option(option);
    if (const std::string_view first = first_of(command); !first.empty())
      cases += std::format(" \\\n        '1:{}:{}'", first, zsh_action(first));
    cases += " ;;\n";
  }
  return std::format(R"zsh(#compdef rouse
# Completions of rouse for zsh: rouse completions zsh >~/.zfunc/_rouse, with ~/.zfunc in fpath
_rouse_models() {{
  local -a models=(${{(f)"$(rouse __models 2>/dev/null)"}})
  compadd -a models
}}
_rouse() {{
  local -a commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
{}  esac
}}
if [[ $funcstack[1] == _rouse ]]; then _rouse "$@"; else compdef _rouse rouse; fi
)zsh",
                     names, cases);
}

std::string fish_completions(Described commands) {
  std::string text =
      "# Completions of rouse for fish: rouse completions fish >~/.config/fish/completions/rouse.fish\n"
      "complete -c rouse -f\n";
  const auto fish_quoted = [](std::string_view words) { return quoted(words, "\\'"); };
  for (const DescribedCommand& command : commands) {
    text += std::format("complete -c rouse -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.about));
    const std::string begin = std::format("complete -c rouse -n '__fish_seen_subcommand_from {}'", command.name);
    const auto action = [&](std::string_view value) -> std::string {
      if (value == "MODEL") return " -a '(rouse __models 2>/dev/null)'";
      if (value == "FILE") return " -F";
      if (value == "FOLDER") return " -a '(__fish_complete_directories)'";
      const std::string_view words = words_for(value);
      return words.empty() ? "" : std::format(" -a '{}'", words);
    };
    for (const DescribedOption& option : command.options) {
      text += begin;
      for (const std::string& name : option.names)
        text += is_long(name) ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.value.empty()) text += (option.value == "FILE" ? " -r" : " -x") + action(option.value);
      text += std::format(" -d {}\n", fish_quoted(option.about));
    }
    if (const std::string first = action(first_of(command)); !first.empty()) text += begin + first + "\n";
  }
  return text;
}

}  // namespace rouse::cli

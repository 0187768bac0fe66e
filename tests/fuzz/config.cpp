// Any bytes as a configuration: it is read or refused with problems that point into the text, never anything else.
// What is read holds the promises of config.hpp.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "config/names.hpp"

namespace {

using namespace rouse;

void must(bool holds) {
  if (!holds) std::abort();
}

std::optional<std::string> variable(std::string_view name) {
  if (name == "HOME") return "/home/ada";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

void check_problems(const config::Problems& problems, std::string_view text) {
  must(!problems.empty());
  const auto lines =
      static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; })) + 1;
  for (const config::Problem& problem : problems) {
    must(problem.line >= 1 && problem.line <= lines && problem.column >= 1 && problem.column <= text.size() + 1);
    must(!problem.message.empty() && !problem.message.contains('\n'));
    must(!problem.message.starts_with("this is not YAML"));  // what libyaml says has words of ours
  }
}

void check_config(const config::Config& read) {
  std::set<std::string_view> names;
  const config::Model* before = nullptr;
  for (const config::Model& model : read.models) {
    must(before == nullptr || before->id < model.id);
    before = &model;
    must(config::is_model_name(model.id) && names.insert(model.id).second);
    for (const std::string& alias : model.aliases) must(config::is_model_name(alias) && names.insert(alias).second);
    must(model.concurrency >= 1 && model.keep.idle >= Duration::zero() &&
         model.min_residency.value_or(Duration{}) >= Duration::zero());
    must(model.group.empty() || std::ranges::contains(read.groups, model.group, &config::Group::name));
    for (const auto& share : model.footprint) must(share.bytes > Bytes{});
    if (const auto* llama = std::get_if<config::Llama>(&model.engine)) must(!llama->source.empty());
    if (const auto* command = std::get_if<config::Command>(&model.engine)) must(!command->argv.empty());
    if (const auto* remote = std::get_if<config::Remote>(&model.engine))
      must(remote->host.empty() != remote->socket.empty());
  }
  for (const config::Group& group : read.groups) must(group.max_loaded >= 1);
  must(config::why_too_open(read).empty() && read.deadline > Duration::zero());
  must(config::limit_on(read.budgets.host, gib(1)) <= gib(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = config::from_text(text, "rouse.yaml", variable);
  if (read) {
    check_config(*read);
    must(config::from_text(text, "rouse.yaml", variable) == read);
  } else {
    check_problems(read.error(), text);
  }
  return 0;
}

#include "engine/remote.hpp"

namespace rouse::engine {
namespace {

Result<Command> command(const config::Model&, const std::string&) {
  return fail(Code::internal, "a remote model has no process to start");
}
Result<Estimate> estimate(const config::Model&) { return Estimate{}; }
std::vector<std::filesystem::path> files(const config::Model&) { return {}; }

}  // namespace

const Engine kRemote{
    .name = "remote",
    .runs = Runs::nothing,
    .health_path = {},
    .counts_tokens = {},  // a strict one would refuse what it does not know
    .grace = {},
    .command = command,
    .estimate = estimate,
    .files = files,
};

}  // namespace rouse::engine

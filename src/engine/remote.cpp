#include "engine/remote.hpp"

namespace rouse::engine {
namespace {

Contract contract(const config::Model&) { return {}; }
Result<Command> command(const config::Model&, const Place&) {
  return fail(Code::internal, "a remote model has no process to start");
}
Result<Estimate> estimate(const config::Model&) { return Estimate{}; }
std::vector<std::filesystem::path> files(const config::Model&) { return {}; }

}  // namespace

const Engine kRemote{
    .name = "remote",
    .runs = Runs::nothing,
    .counts_tokens = {},        // a strict one would refuse what it does not know
    .stops_streams_alone = {},  // nobody knows
    .contract = contract,
    .command = command,
    .estimate = estimate,
    .files = files,
};

}  // namespace rouse::engine

// Where the daemon is reached: on the sockets that the service manager has passed, else at the configured address; and
// on the owner's Unix socket, where nobody needs a key.
#pragma once

#include <string>
#include <vector>

#include "api/api.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "http/server.hpp"
#include "system/logger.hpp"
#include "system/service_manager.hpp"

namespace rouse {

// Gives the public addresses, for people. With passed sockets `config.listen` becomes what they are bound to, as far as
// that is an address; one with the name "admin" is the owner's. Fails with forbidden if strangers could reach us
// without a key.
Result<std::string> open_doors(http::Server& server, api::Api& api, config::Config& config,
                               std::vector<system::PassedSocket> passed, system::Logger& log);

}  // namespace rouse

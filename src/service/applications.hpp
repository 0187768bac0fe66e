// The addresses that applications have of their own: `listen:` of each model, opened, handed on and closed as the
// configuration wants it.
//
// Owned by main; outlives the server, whose connections may still be on an address that is closed already: a door stays
// once it was made, and is used again for the same address. Owner thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "http/server.hpp"
#include "system/logger.hpp"

namespace rouse {

class Applications {
 public:
  Applications(http::Server& server, api::Api& api, system::Logger& log) : server_(server), api_(api), log_(log) {}

  // Listens where the models want it, and nowhere else. Fails with the address that cannot be had, and then all is as
  // it was.
  Result<void> change(const std::vector<config::Model>& models);

 private:
  class Door final : public http::Handler {
   public:
    Door(api::Api& api, config::Address address) : asked(std::move(address)), api_(api) {}
    http::Task<void> handle(http::Exchange& exchange) override { return api_.at_home(exchange, model); }
    Refusal refusal(const Unanswered& what) override { return api_.refusal(what); }

    const config::Address asked;  // as the configuration says it
    http::Address bound;
    std::string model;
    bool open = false;

   private:
    api::Api& api_;
  };

  Door& door_for(const config::Model& model);

  http::Server& server_;
  api::Api& api_;
  system::Logger& log_;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace rouse

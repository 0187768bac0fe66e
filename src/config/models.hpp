// Reads the entries under `models:`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

// What an entry has that does not say otherwise.
struct ModelDefaults {
  std::string engine;  // empty: each model must name its own
  core::Priority priority = core::Priority::normal;
  core::Keep keep;
  std::uint32_t queue_limit = 1024;
  std::optional<Duration> min_residency = {};
  MediaUrls media_urls = MediaUrls::refuse;
  Llama llama;
};

// Ascending by id.
// `config`: all the rest of it: the daemon's own address, which no model may have, and the groups that there are.
std::vector<Model> read_models(Reading& reading, const Entry& entry, const ModelDefaults& defaults,
                               const Config& config);

// Readers of single values that `defaults:` has in common with the models.
void read_priority(Reading& reading, const Entry& entry, core::Priority& into);
void read_keep(Reading& reading, const Entry& entry, core::Keep& into);
void read_min_residency(Reading& reading, const Entry& entry, std::optional<Duration>& into);
void read_media_urls(Reading& reading, const Entry& entry, MediaUrls& into);
void read_engine(Reading& reading, const Entry& entry, std::string& into);

}  // namespace rouse::config

// The names by which models are asked for and refer to one another, read once all of them are known.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

// What stands in an entry and can be understood only with all the others: names, where they stand.
struct NamesWritten {
  std::vector<Entry> aliases;
  std::vector<Entry> fallback;
  std::vector<Entry> fallback_while_loading;
};

// A list of names, or a single one.
std::vector<Entry> names_in(Reading& reading, const Entry& entry);

// Gives the models their aliases and their fallbacks, these by id. `written`: of each model. A name leads to one model,
// whether it is its id or an alias; a fallback is a model that is there, and does not lead back to where it came from.
void read_model_names(Reading& reading, const std::vector<NamesWritten>& written, std::vector<Model>& models);

}  // namespace rouse::config

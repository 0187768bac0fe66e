// Reads what is said of a model that another server runs.
#pragma once

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

// "http://host:8080", "http://host/prefix", "unix:/run/x.sock". A /v1 at its end is the one that requests' own paths
// begin with, as in the base URLs that clients are configured with.
void read_url(Reading& reading, const Entry& entry, Remote& into);

}  // namespace rouse::config

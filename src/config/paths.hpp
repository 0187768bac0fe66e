// Paths as text: joined without asking the file system, and without guessing what ".." means behind a link.
#pragma once

#include <string>
#include <string_view>

namespace rouse::config {

// The path as seen from the folder, which may be empty: where we are. An absolute path stays what it is.
std::string joined_path(std::string_view folder, std::string_view path);

// The folder part of a file's path; empty if it has none.
std::string_view folder_of(std::string_view path);

}  // namespace rouse::config

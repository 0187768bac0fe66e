// The values that options take: each function answers with what to write instead, or with nothing. Pure.
#pragma once

#include <string>

namespace rouse::cli {

std::string wrong_keep(const std::string& text);
std::string wrong_time(const std::string& text);
std::string wrong_interval(const std::string& text);
std::string wrong_bytes(const std::string& text);
std::string wrong_priority(const std::string& text);
std::string wrong_role(const std::string& text);
std::string wrong_log_format(const std::string& text);
std::string wrong_shell(const std::string& text);
std::string wrong_count(const std::string& text);
std::string wrong_temperature(const std::string& text);

}  // namespace rouse::cli

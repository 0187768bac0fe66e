// The kinds of PartialAnswer; partial_answer.cpp and their own files only.
#pragma once

#include <memory>

#include "api/partial_answer.hpp"

namespace rouse::api {

std::unique_ptr<PartialAnswer> begin_openai_answer(Usage usage);  // of chat and completions
std::unique_ptr<PartialAnswer> begin_anthropic_answer();
std::unique_ptr<PartialAnswer> begin_responses_answer();

}  // namespace rouse::api

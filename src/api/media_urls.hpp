// Pictures, sounds and files that a request names by URL instead of bringing them along. An engine would fetch them
// from wherever it stands: from this machine's files, from services that trust this machine. So they are refused unless
// the configuration says otherwise.
//
// Media stand, in every dialect, under keys such as image_url, input_audio or source: as a string, or in an object's
// url. There, only a data: URL or bare base64 may stand. URLs elsewhere (in texts, citations, what tools were
// called with) are nobody's to fetch.
//
// Pure; linear in the text; no recursion.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rouse::api {

// Whether a key, as it is written in the text without its quotes, may be one under which media stand. Without such a
// key find_media_url has nothing to find.
bool may_hold_media(std::string_view written_key);

// Where the first such URL begins in `text`, which scan_object has accepted.
std::optional<std::size_t> find_media_url(std::string_view text);

// The same of a field of a form that is no file: engines that take a picture, a mask or a recording as a file may take
// its URL instead.
bool is_media_url(std::string_view field, std::string_view value);

}  // namespace rouse::api

// What a dialect wants to know of a request's body before it goes to the engine: the model it names, whether it asks
// for a stream, and what it asks of the model's life. The last is for us alone and is taken out:
//
//   keep_alive   like Ollama's: seconds (negative: for ever), or "5m", "0", "forever"
//   priority     "low", "normal" or "high"; a number is the engine's own affair and stays
//   deadline     seconds, or "30s"
//
// JSON here, multipart/form-data in multipart_body.cpp. Pure.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/edits.hpp"
#include "api/lifecycle_options.hpp"
#include "base/result.hpp"

namespace rouse::api {

inline constexpr std::size_t kLongestModelName = 512;

enum class BodyForm : std::uint8_t { json, multipart };

struct RequestBody {
  BodyForm form = BodyForm::json;
  std::optional<std::string> model;
  bool stream = false;
  bool may_hold_media = false;  // find_media_url is worth its while
  LifecycleOptions lifecycle;
  Span model_place;       // the value of `model`, in JSON with its quotes; empty if there is none
  std::size_t front = 0;  // where a further field may be put: behind the brace, or at the first delimiter
  std::string boundary;   // multipart: between its parts
  std::optional<std::size_t> media_url;  // multipart: where the first field begins that names media by URL
  Edits edits;                           // our own fields, cut out

  // The engine hears this name instead.
  void rename_model(std::string_view name);
};

// A member that every engine of a dialect reads as an array. Some take its absence for a fault of their own (500),
// which clients try again; and no model should be loaded for a request that no engine can answer.
enum class Presence : std::uint8_t { required, optional };
struct ArrayMember {
  std::string_view name;
  Presence presence;
  std::string_view element = {};  // a member, of text, that each of its elements has; empty: none
};
inline constexpr std::size_t kMostArrays = 2;

// Fails with malformed, also for an array that is missing or none. A model's name is UTF-8, not empty and at most
// kLongestModelName bytes.
Result<RequestBody> read_json_body(std::string_view body, std::span<const ArrayMember> arrays = {});

// Whether the elements of these arrays have what they need. Reads the body anew: for when an engine says that a request
// broke it. Fails with malformed; a body of more than kMostBlamed bytes is given the benefit of the doubt.
inline constexpr std::size_t kMostBlamed = std::size_t{1} << 20;
Result<void> check_elements(std::string_view body, std::span<const ArrayMember> arrays);

// `boundary` as in the content type. Fails with malformed for what is not exactly RFC 7578, and for a field of ours or
// `model` or `stream` that stands there twice, is a file, or is longer than a name may be.
Result<RequestBody> read_multipart_body(std::string_view body, std::string_view boundary);

}  // namespace rouse::api

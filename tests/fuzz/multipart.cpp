// Forms, against a reader that knows nothing but where the delimiters are: what is accepted is those parts and nothing
// else, and cutting or renaming parts leaves all others as they were. Otherwise an engine might read a form as
// something else than what it was let in as.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "api/multipart.hpp"
#include "api/request_body.hpp"

namespace {

using namespace rouse::api;

constexpr std::string_view kBoundary = "XX";

void must(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string> split(std::string_view text, std::string_view by) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t at = text.find(by);
    pieces.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + by.size());
  }
}

void check_parts(std::string_view body, const std::vector<Part>& parts) {
  const auto pieces = split("\r\n" + std::string(body), "\r\n--XX");
  must(pieces.size() == parts.size() + 2 && pieces.front().empty());
  must(pieces.back() == "--" || pieces.back() == "--\r\n");
  std::string all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view piece = pieces[i + 1];
    const std::size_t head = piece.find("\r\n\r\n");
    must(piece.starts_with("\r\n") && head != std::string_view::npos);
    must(parts[i].content.in(body) == piece.substr(head + 4));
    must(piece.substr(0, head).contains(parts[i].name));
    all += parts[i].whole.in(body);
  }
  must(all + "--XX" + pieces.back() == body);
}

void check_cutting(std::string_view body, const std::vector<Part>& parts) {
  for (std::size_t cut = 0; cut < std::min<std::size_t>(parts.size(), 4); ++cut) {
    Edits edits;
    edits.cut(parts[cut].whole);
    const std::string left = edits.made_in(body);
    const auto others = scan_multipart(left, kBoundary);
    must(others && others->size() + 1 == parts.size());
    for (std::size_t i = 0, j = 0; i < parts.size(); ++i) {
      if (i == cut) continue;
      must((*others)[j].name == parts[i].name && (*others)[j].content.in(left) == parts[i].content.in(body));
      ++j;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto boundary = boundary_of(body)) {
    must(!boundary->empty() && boundary->size() <= 70);
    must(boundary_of("multipart/form-data; boundary=\"" + *boundary + "\"") == *boundary);
  }
  must(media_type(body).size() <= body.size());

  const auto parts = scan_multipart(body, kBoundary);
  auto request = read_multipart_body(body, kBoundary);
  must(parts || !request);
  if (!parts) return 0;
  check_parts(body, *parts);
  check_cutting(body, *parts);

  if (!request) return 0;
  request->rename_model("another");
  const std::string sent = request->edits.made_in(body);
  const auto again = read_multipart_body(sent, kBoundary);
  must(again && again->model == "another" && again->stream == request->stream && again->edits.empty());
  return 0;
}

#include "http/head.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace rouse::http {
namespace {

std::optional<std::string_view> find_field(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (same_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes one line off the front, without its CRLF. Nothing if it ends in a bare LF, or not at all.
std::optional<std::string_view> take_line(std::string_view& bytes) {
  const std::size_t lf = bytes.find('\n');
  if (lf == std::string_view::npos || lf == 0 || bytes[lf - 1] != '\r') return std::nullopt;
  const std::string_view line = bytes.substr(0, lf - 1);
  bytes.remove_prefix(lf + 1);
  return line;
}

constexpr HeadRefusal kBadLine{400, "a header line does not end in CRLF"};
constexpr HeadRefusal kBadName{400, "a header name holds what it must not"};
constexpr HeadRefusal kBadValue{400, "a header value holds control characters"};
constexpr HeadRefusal kTooManyFields{431, "too many header fields"};
constexpr HeadRefusal kBadLength{400, "Content-Length is not one plain number"};
constexpr HeadRefusal kBadEncoding{400, "Transfer-Encoding is not exactly chunked"};
constexpr HeadRefusal kBothFramings{400, "both Content-Length and Transfer-Encoding"};

// What both kinds of message say about their framing.
struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool close = false;
};

std::optional<HeadRefusal> read_length(std::string_view value, Framing& framing) {
  if (framing.content_length || value.empty() || value.size() > 18) return kBadLength;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return kBadLength;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  framing.content_length = length;
  return std::nullopt;
}

std::optional<HeadRefusal> read_framing(const Field& field, Framing& framing) {
  switch (field.name.size()) {
    case 10:
      if (same_name(field.name, "connection") && has_token(field.value, "close")) framing.close = true;
      return std::nullopt;
    case 14:
      if (same_name(field.name, "content-length")) return read_length(field.value, framing);
      return std::nullopt;
    case 17:
      if (!same_name(field.name, "transfer-encoding")) return std::nullopt;
      if (framing.chunked || !same_name(field.value, "chunked")) return kBadEncoding;
      framing.chunked = true;
      return std::nullopt;
    default: return std::nullopt;
  }
}

// The lines up to and with the empty one, which must be the last of `bytes`.
std::optional<HeadRefusal> parse_fields(std::string_view bytes, std::vector<Field>& fields, Framing& framing) {
  while (true) {
    const auto line = take_line(bytes);
    if (!line) return kBadLine;
    if (line->empty()) break;
    const std::size_t colon = line->find(':');
    // A space before the colon, and a folded line, which starts with one, are no tokens.
    if (colon == std::string_view::npos || !is_token(line->substr(0, colon))) return kBadName;
    const Field field{line->substr(0, colon), trimmed(line->substr(colon + 1))};
    if (!is_field_value(field.value)) return kBadValue;
    if (fields.size() == kMaxFields) return kTooManyFields;
    fields.push_back(field);
    if (auto refusal = read_framing(field, framing)) return refusal;
  }
  if (!bytes.empty()) return kBadLine;
  if (framing.chunked && framing.content_length) return kBothFramings;
  return std::nullopt;
}

// More than RFC 9112 has: some clients send a path's UTF-8 as it is, and servers take it.
bool is_target(std::string_view text) {
  const auto splits = [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '#'; };
  return !text.empty() && std::ranges::none_of(text, splits);
}

bool is_host(std::string_view text) {
  for (const char c : text) {
    const bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!name && !std::string_view("-._~:[]%").contains(c)) return false;
  }
  return true;
}

std::optional<HeadRefusal> read_target(std::string_view target, RequestHead& head) {
  if (!is_target(target)) return HeadRefusal{400, "the request target holds what it must not"};
  if (target == "*") {
    if (head.method != "OPTIONS") return HeadRefusal{400, "the target * is for OPTIONS alone"};
  } else if (!target.starts_with('/')) {
    // The absolute form, which proxies are sent. Its authority and Host must agree.
    const std::size_t scheme = target.starts_with("http://") ? 7 : target.starts_with("https://") ? 8 : 0;
    if (scheme == 0) return HeadRefusal{400, "the request target is no path"};
    target.remove_prefix(scheme);
    const std::size_t slash = target.find('/');
    const std::string_view authority = target.substr(0, slash);
    if (authority.empty() || !same_name(authority, head.host)) {
      return HeadRefusal{400, "the request target and Host name different hosts"};
    }
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  head.target = target;
  const std::size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  head.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return std::nullopt;
}

std::optional<HeadRefusal> read_host(RequestHead& head) {
  bool seen = false;
  for (const Field& field : head.fields) {
    if (field.name.size() == 4 && same_name(field.name, "host")) {
      if (seen) return HeadRefusal{400, "more than one Host"};
      seen = true;
      head.host = field.value;
    } else if (field.name.size() == 6 && same_name(field.name, "expect")) {
      if (!same_name(field.value, "100-continue")) return HeadRefusal{417, "only 100-continue can be expected"};
      head.expects_continue = !head.http_1_0;
    }
  }
  if (!seen && !head.http_1_0) return HeadRefusal{400, "no Host"};
  if (!is_host(head.host)) return HeadRefusal{400, "Host is no host name"};
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> RequestHead::field(std::string_view name) const { return find_field(fields, name); }
std::optional<std::string_view> ResponseHead::field(std::string_view name) const { return find_field(fields, name); }

std::size_t find_head_end(std::string_view bytes, std::size_t seen) {
  // Bare LFs end a head here too, so that it is refused at once and not when the client's time is up.
  std::size_t at = seen > 2 ? seen - 2 : 0;
  while (true) {
    at = bytes.find('\n', at);
    if (at == std::string_view::npos) return 0;
    ++at;
    if (at < bytes.size() && bytes[at] == '\n') return at + 1;
    if (at + 1 < bytes.size() && bytes[at] == '\r' && bytes[at + 1] == '\n') return at + 2;
  }
}

std::optional<HeadRefusal> parse_request_head(std::string_view bytes, RequestHead& head) {
  head.fields.clear();
  head.method = head.target = head.path = head.query = head.host = {};
  head.expects_continue = false;
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);  // left over behind some clients' bodies

  const auto line = take_line(bytes);
  if (!line) return HeadRefusal{400, "the request line does not end in CRLF"};
  const std::size_t first = line->find(' ');
  const std::size_t last = line->rfind(' ');
  if (first == std::string_view::npos || first == last) return HeadRefusal{400, "the request line has no three parts"};
  head.method = line->substr(0, first);
  if (head.method.size() > 32 || !is_token(head.method)) return HeadRefusal{400, "the method is no token"};
  const std::string_view version = line->substr(last + 1);
  head.http_1_0 = version == "HTTP/1.0";
  if (!head.http_1_0 && version != "HTTP/1.1") {
    return version.starts_with("HTTP/") ? HeadRefusal{505, "only HTTP/1.1 is spoken here"}
                                        : HeadRefusal{400, "the request line names no HTTP version"};
  }

  Framing framing;
  if (auto refusal = parse_fields(bytes, head.fields, framing)) return refusal;
  if (framing.chunked && head.http_1_0) return kBadEncoding;
  head.content_length = framing.content_length;
  head.chunked = framing.chunked;
  head.close = framing.close || head.http_1_0;
  if (auto refusal = read_host(head)) return refusal;
  return read_target(line->substr(first + 1, last - first - 1), head);
}

std::optional<HeadRefusal> parse_response_head(std::string_view bytes, ResponseHead& head) {
  head.fields.clear();
  head.status = 0;

  const auto line = take_line(bytes);
  if (!line) return HeadRefusal{502, "the status line does not end in CRLF"};
  const bool http_1_0 = line->starts_with("HTTP/1.0 ");
  if (!http_1_0 && !line->starts_with("HTTP/1.1 ")) return HeadRefusal{502, "the status line is not HTTP/1.1"};
  const std::string_view status = line->substr(9, 3);
  const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), head.status);
  const bool digits = error == std::errc{} && end == status.data() + 3 && head.status >= 100 && head.status < 1000;
  if (!digits || (line->size() > 12 && (*line)[12] != ' ') || !is_field_value(*line)) {
    return HeadRefusal{502, "the status line makes no sense"};
  }
  head.reason = line->substr(std::min<std::size_t>(line->size(), 13));

  Framing framing;
  if (auto refusal = parse_fields(bytes, head.fields, framing)) return HeadRefusal{502, refusal->reason};
  if (framing.chunked && http_1_0) return HeadRefusal{502, kBadEncoding.reason};
  head.content_length = framing.content_length;
  head.chunked = framing.chunked;
  head.close = framing.close || http_1_0;
  return std::nullopt;
}

}  // namespace rouse::http

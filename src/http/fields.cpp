#include "http/fields.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace rouse::http {
namespace {

constexpr bool is_token_char(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return kMarks.contains(static_cast<char>(c));
}

constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = is_token_char(static_cast<unsigned char>(c));
  return table;
}();

// Eight bytes at a time.
using Word = std::uint64_t;
constexpr Word kOnes = 0x0101010101010101;
constexpr Word kHigh = kOnes * 0x80;

Word word_at(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Of ASCII alone.
Word in_lower_case(Word word) {
  const Word low = word & ~kHigh;
  const Word from_a = low + kOnes * (0x80 - 'A');  // the high bit of each byte says so
  const Word beyond_z = low + kOnes * (0x7f - 'Z');
  return word | ((from_a & ~beyond_z & ~word & kHigh) >> 2);  // 0x80 becomes 0x20
}

constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool same_letters(const char* a, const char* b, std::size_t size) {
  for (; size >= sizeof(Word); a += sizeof(Word), b += sizeof(Word), size -= sizeof(Word)) {
    const Word left = word_at(a);
    const Word right = word_at(b);
    if (left != right && in_lower_case(left) != in_lower_case(right)) return false;
  }
  constexpr int kCase = 'a' ^ 'A';
  for (std::size_t i = 0; i < size; ++i) {
    const int difference = a[i] ^ b[i];
    if (difference == 0) continue;
    const int letter = a[i] | kCase;
    if (difference != kCase || letter < 'a' || letter > 'z') return false;
  }
  return true;
}

bool is_hop_by_hop(std::string_view name) {
  switch (name.size()) {
    case 2: return same_name(name, "te");
    case 7: return same_name(name, "upgrade") || same_name(name, "trailer");
    case 10: return same_name(name, "connection") || same_name(name, "keep-alive");
    case 14: return same_name(name, "content-length");
    case 16: return same_name(name, "proxy-connection");
    case 17: return same_name(name, "transfer-encoding");
    case 18: return same_name(name, "proxy-authenticate");
    case 19: return same_name(name, "proxy-authorization");
    default: return false;
  }
}

bool is_of_the_server(std::string_view name) {
  constexpr std::string_view kSharing = "access-control-";
  return same_name(name, "server") || same_name(name.substr(0, kSharing.size()), kSharing);
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view member = list.substr(0, comma);
    while (!member.empty() && is_space(member.front())) member.remove_prefix(1);
    while (!member.empty() && is_space(member.back())) member.remove_suffix(1);
    if (same_name(member, token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "";
  }
}

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!kTokenChars[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

bool is_field_value(std::string_view value) {
  // Some byte of a word is below 0x20 or is 0x7f: it is looked at byte by byte, for the tab.
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  while (value.size() >= sizeof(Word)) {
    const Word word = word_at(value.data());
    const Word deletes = word ^ (kOnes * 0x7f);
    if ((((word - kOnes * 0x20) & ~word) | ((deletes - kOnes) & ~deletes)) & kHigh) {
      for (std::size_t i = 0; i < sizeof(Word); ++i) {
        if (is_control(static_cast<unsigned char>(value[i]))) return false;
      }
    }
    value.remove_prefix(sizeof(Word));
  }
  for (const char c : value) {
    if (is_control(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace rouse::http

// Heads of requests and answers. What must hold for any bytes: the end of the head does not depend on how they
// were cut; a head that is accepted has one framing and no control characters; and written anew from what was
// understood, it is understood in the same way.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/head.hpp"

using namespace rouse::http;

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

std::size_t find_in_pieces(std::string_view bytes, std::size_t at_once) {
  std::size_t seen = 0;
  while (seen < bytes.size()) {
    const std::size_t now = std::min(bytes.size(), seen + at_once);
    if (const std::size_t end = find_head_end(bytes.substr(0, now), seen)) return end;
    seen = now;
  }
  return 0;
}

std::string fields_of(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    must(is_token(field.name));
    must(is_field_value(field.value));
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text + "\r\n";
}

void check_request(std::string_view bytes) {
  RequestHead head;
  if (parse_request_head(bytes, head)) return;
  must(!(head.chunked && head.content_length));
  must(!head.http_1_0 || head.close);
  must(head.target == "*" || head.target.starts_with('/'));
  must(head.path.size() + head.query.size() <= head.target.size());
  // UTF-8 as it is, but nothing that splits.
  for (const char c : head.target) must(c < '\0' || (c > ' ' && c < 0x7f));
  const std::string again = std::string(head.method) + ' ' + std::string(head.target) +
                            (head.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n") + fields_of(head.fields);
  must(find_head_end(again, 0) == again.size());
  RequestHead same;
  must(!parse_request_head(again, same));
  must(same.method == head.method && same.target == head.target && same.host == head.host);
  must(same.chunked == head.chunked && same.content_length == head.content_length && same.close == head.close);
  must(same.fields.size() == head.fields.size());
}

void check_response(std::string_view bytes) {
  ResponseHead head;
  if (parse_response_head(bytes, head)) return;
  must(!(head.chunked && head.content_length));
  must(head.status >= 100 && head.status < 1000);
  const std::string again = "HTTP/1.1 " + std::to_string(head.status) + " x\r\n" + fields_of(head.fields);
  ResponseHead same;
  must(!parse_response_head(again, same));
  must(same.chunked == head.chunked && same.content_length == head.content_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = find_head_end(bytes, 0);
  for (const std::size_t at_once : {1u, 2u, 3u, 16u}) must(find_in_pieces(bytes, at_once) == end);
  check_request(bytes.substr(0, end));
  check_response(bytes.substr(0, end));
  check_request(bytes);  // whoever calls with what is no single head is refused, not hurt
  check_response(bytes);
  return 0;
}

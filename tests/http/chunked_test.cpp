#include "http/chunked.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

using namespace rouse::http;

namespace {

struct Decoded {
  std::string body;
  std::string rest;  // behind the body's end
  bool done = false;
  bool failed = false;
};

// Feeds `bytes` in pieces of `at_once`.
Decoded decode(const std::string& bytes, std::size_t at_once) {
  ChunkedDecoder decoder;
  Decoded result;
  std::size_t at = 0;
  while (at < bytes.size() && !decoder.done() && !decoder.failed()) {
    std::string piece = bytes.substr(at, at_once);
    const auto step = decoder.decode(piece);
    result.body.append(piece, 0, step.decoded);
    at += step.consumed;
  }
  result.rest = bytes.substr(at);
  result.done = decoder.done();
  result.failed = decoder.failed();
  return result;
}

}  // namespace

TEST_CASE("a chunked body is the same in pieces of any size", "[http]") {
  const std::string bytes =
      "5\r\nhello\r\n1;name=\"value\"\r\n \r\n00a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\nX-Trailer: yes\r\nB: "
      "c\r\n\r\nGET /";
  for (std::size_t at_once = 1; at_once <= bytes.size(); ++at_once) {
    const Decoded decoded = decode(bytes, at_once);
    CHECK(decoded.done);
    CHECK(decoded.body == "hello 0123456789abcdefghij");
    CHECK(decoded.rest == "GET /");
  }
}

TEST_CASE("an empty chunked body ends", "[http]") {
  const Decoded decoded = decode("0\r\n\r\n", 100);
  CHECK(decoded.done);
  CHECK(decoded.body.empty());
}

TEST_CASE("chunks that could be read in two ways are refused", "[http]") {
  const auto [what, bytes] = GENERATE(table<std::string, std::string>({
      {"no size", "\r\n"},
      {"an extension alone", ";a\r\n"},
      {"a space before the size", " 1\r\na\r\n"},
      {"a space behind the size", "1 \r\na\r\n"},
      {"a sign", "+1\r\na\r\n"},
      {"0x", "0x1\r\na\r\n"},
      {"sixteen digits", "0000000000000001\r\na\r\n"},
      {"a bare LF behind the size", "1\na\r\n"},
      {"a bare CR behind the size", "1\ra\r\n"},
      {"a bare LF behind the data", "1\r\na\n"},
      {"data that is longer than its size", "1\r\nab\r\n"},
      {"data that is shorter than its size", "3\r\na\r\n0\r\n\r\n"},
      {"an LF in an extension", "1;a\nb\r\na\r\n"},
      {"a bare LF at the end", "0\r\n\n"},
      {"a bare LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n"},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"},
      {"a trailer without a name", "0\r\n: b\r\n\r\n"},
      {"a control character in a trailer", "0\r\nA: \x01\r\n\r\n"},
      {"endless extensions", "1;" + std::string(20000, 'a') + "\r\na\r\n"},
      {"endless trailers", "0\r\n" + std::string(20000, 'a') + "\r\n\r\n"},
  }));
  INFO(what);
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    const Decoded decoded = decode(bytes, at_once);
    CHECK(decoded.failed);
    CHECK_FALSE(decoded.done);
  }
}

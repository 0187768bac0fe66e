#include "http/head.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

using namespace rouse::http;

namespace {

std::optional<int> refused(const std::string& bytes) {
  RequestHead head;
  const auto refusal = parse_request_head(bytes, head);
  return refusal ? std::optional(refusal->status) : std::nullopt;
}

std::string get(const std::string& lines) { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"; }

}  // namespace

TEST_CASE("a request's head is taken apart", "[http]") {
  const std::string bytes =
      "POST /v1/chat?x=1&y=?2 HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 12\r\nX-Empty:\r\nX-Spaces: \t a b "
      "\t\r\n\r\n";
  RequestHead head;
  REQUIRE_FALSE(parse_request_head(bytes, head));
  CHECK(head.method == "POST");
  CHECK(head.target == "/v1/chat?x=1&y=?2");
  CHECK(head.path == "/v1/chat");
  CHECK(head.query == "x=1&y=?2");
  CHECK(head.host == "a.b:80");
  CHECK(head.content_length == 12);
  CHECK(head.field("x-empty") == "");
  CHECK(head.field("X-SPACES") == "a b");
  CHECK_FALSE(head.field("x-missing"));
  CHECK_FALSE(head.close);
  CHECK_FALSE(head.chunked);
}

TEST_CASE("a path in plain UTF-8 is taken as it is", "[http]") {
  RequestHead head;
  REQUIRE_FALSE(parse_request_head("GET /caf\xc3\xa9?q=\xff HTTP/1.1\r\nHost: a\r\n\r\n", head));
  CHECK(head.path == "/caf\xc3\xa9");
  CHECK(head.query == "q=\xff");
}

TEST_CASE("a head that is parsed again forgets the one before", "[http]") {
  RequestHead head;
  REQUIRE_FALSE(parse_request_head("POST /a?b HTTP/1.0\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", head));
  CHECK(head.http_1_0);
  CHECK(head.close);
  REQUIRE_FALSE(parse_request_head("GET /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", head));
  CHECK_FALSE(head.content_length);
  CHECK_FALSE(head.http_1_0);
  CHECK_FALSE(head.close);
  CHECK(head.expects_continue);
  CHECK(head.query.empty());
  CHECK(head.fields.size() == 2);
}

TEST_CASE("the absolute form is taken when it agrees with Host", "[http]") {
  RequestHead head;
  REQUIRE_FALSE(parse_request_head("GET http://a:1/x?y HTTP/1.1\r\nHost: A:1\r\n\r\n", head));
  CHECK(head.target == "/x?y");
  REQUIRE_FALSE(parse_request_head("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", head));
  CHECK(head.target == "/");
  CHECK(refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("a request that could be read in two ways is refused", "[http]") {
  const auto [what, lines] = GENERATE(table<std::string, std::string>({
      {"both framings", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"},
      {"both framings, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"},
      {"two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n"},
      {"two equal lengths", "Content-Length: 3\r\nContent-Length: 3\r\n"},
      {"a list of lengths", "Content-Length: 3, 3\r\n"},
      {"a signed length", "Content-Length: +3\r\n"},
      {"a negative length", "Content-Length: -3\r\n"},
      {"a hexadecimal length", "Content-Length: 0x3\r\n"},
      {"a length with a space inside", "Content-Length: 3 3\r\n"},
      {"an empty length", "Content-Length:\r\n"},
      {"a length beyond 64 bits", "Content-Length: 18446744073709551617\r\n"},
      {"gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"},
      {"chunked twice", "Transfer-Encoding: chunked, chunked\r\n"},
      {"two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
      {"identity", "Transfer-Encoding: identity\r\n"},
      {"an empty encoding", "Transfer-Encoding:\r\n"},
      {"a vertical tab before chunked", "Transfer-Encoding: \vchunked\r\n"},
      {"xchunked", "Transfer-Encoding: xchunked\r\n"},
      {"a quoted encoding", "Transfer-Encoding: \"chunked\"\r\n"},
      {"a space before the colon", "Content-Length : 3\r\n"},
      {"a tab before the colon", "Transfer-Encoding\t: chunked\r\n"},
      {"a folded line", "X-A: b\r\n c\r\n"},
      {"a folded line with a tab", "X-A: b\r\n\tTransfer-Encoding: chunked\r\n"},
      {"a bare LF", "X-A: b\nX-B: c\r\n"},
      {"a bare CR", "X-A: b\rX-B: c\r\n"},
      {"a CR before CRLF", "X-A: b\r\r\n"},
      {"a zero byte in a value", std::string("X-A: b\0c\r\n", 10)},
      {"a DEL in a value", "X-A: b\x7f\r\n"},
      {"an escape in a value", "X-A: \x1b[31m\r\n"},
      {"a control character in a name", "X\x01-A: b\r\n"},
      {"no colon", "X-A\r\n"},
      {"an empty name", ": b\r\n"},
      {"a second Host", "Host: b\r\n"},
      {"a second equal Host", "Host: a\r\n"},
  }));
  INFO(what);
  CHECK(refused(get(lines)) == 400);
}

TEST_CASE("a request line that is not one is refused", "[http]") {
  const auto [line, status] = GENERATE(table<std::string, int>({
      {"GET / HTTP/1.1\n", 400},
      {"GET /\r\n", 400},
      {"GET\r\n", 400},
      {"\r\n", 400},
      {"GET  HTTP/1.1\r\n", 400},
      {"GET  / HTTP/1.1\r\n", 400},
      {"GET / / HTTP/1.1\r\n", 400},
      {" GET / HTTP/1.1\r\n", 400},
      {"GET /\ta HTTP/1.1\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\n", 400},
      {"GET /a#b HTTP/1.1\r\n", 400},
      {"GET a HTTP/1.1\r\n", 400},
      {"GET * HTTP/1.1\r\n", 400},
      {"CONNECT a:1 HTTP/1.1\r\n", 400},
      {"G(T / HTTP/1.1\r\n", 400},
      {"GET / HTTP/1.1 \r\n", 400},
      {"GET / http/1.1\r\n", 400},
      {"GET / FTP\r\n", 400},
      {"GET / HTTP/2.0\r\n", 505},
      {"GET / HTTP/1.10\r\n", 505},
      {"GET / HTTP/0.9\r\n", 505},
      {std::string(33, 'A') + " / HTTP/1.1\r\n", 400},
  }));
  INFO(line);
  CHECK(refused(line + "Host: a\r\n\r\n") == status);
}

TEST_CASE("Host is asked for, and must be one", "[http]") {
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == 400);
  CHECK_FALSE(refused("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"));
  CHECK_FALSE(refused("GET / HTTP/1.0\r\n\r\n"));
}

TEST_CASE("an HTTP/1.0 request cannot be chunked", "[http]") {
  CHECK(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("nothing but 100-continue can be expected", "[http]") {
  CHECK(refused(get("Expect: coffee\r\n")) == 417);
  CHECK_FALSE(refused(get("Expect: 100-Continue\r\n")));
}

TEST_CASE("one empty line before a request is forgiven, two are not", "[http]") {
  CHECK_FALSE(refused("\r\n" + get("")));
  CHECK(refused("\r\n\r\n" + get("")) == 400);
}

TEST_CASE("too many fields are refused", "[http]") {
  std::string lines;
  for (std::size_t i = 0; i + 1 < kMaxFields; ++i) lines += "X: y\r\n";
  CHECK_FALSE(refused(get(lines)));
  CHECK(refused(get(lines + "X: y\r\n")) == 431);
}

TEST_CASE("the end of a head is found wherever the bytes are cut", "[http]") {
  const std::string whole = get("X-A: b\r\n");
  const std::string more = whole + "GET /next";
  for (std::size_t cut = 0; cut <= more.size(); ++cut) {
    const std::size_t first = find_head_end(more.substr(0, cut), 0);
    CHECK(first == (cut >= whole.size() ? whole.size() : 0));
    if (first == 0) CHECK(find_head_end(more, cut) == whole.size());
  }
}

TEST_CASE("a head of bare LFs ends too, so that it is refused at once", "[http]") {
  CHECK(find_head_end("GET / HTTP/1.1\nHost: a\n\n", 0) == 24);
  CHECK(refused("GET / HTTP/1.1\nHost: a\n\n") == 400);
}

TEST_CASE("an answer's head is taken apart", "[http]") {
  ResponseHead head;
  REQUIRE_FALSE(
      parse_response_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: Close\r\n\r\n", head));
  CHECK(head.status == 200);
  CHECK(head.chunked);
  CHECK(head.close);
  REQUIRE_FALSE(parse_response_head("HTTP/1.1 599\r\nContent-Length: 5\r\n\r\n", head));
  CHECK(head.status == 599);
  CHECK(head.content_length == 5);
  CHECK_FALSE(head.chunked);
  REQUIRE_FALSE(parse_response_head("HTTP/1.0 204 \r\n\r\n", head));
  CHECK(head.close);
}

TEST_CASE("an answer that makes no sense is refused", "[http]") {
  const std::string bytes = GENERATE(as<std::string>{}, "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
                                     "HTTP/1.1 -20 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
                                     "HTTP/1.1 200 O\x01K\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n", "\r\n",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                                     "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  INFO(bytes);
  ResponseHead head;
  const auto refusal = parse_response_head(bytes, head);
  REQUIRE(refusal);
  CHECK(refusal->status == 502);
}

#include "api/multipart.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "api/request_body.hpp"

namespace rouse::api {
namespace {

using namespace std::string_literals;

std::string field(std::string_view name, std::string_view value, std::string_view more = "") {
  return std::string("--XX\r\nContent-Disposition: form-data; name=\"")
      .append(name)
      .append("\"")
      .append(more)
      .append("\r\n\r\n")
      .append(value)
      .append("\r\n");
}

std::string form(std::initializer_list<std::string> parts) {
  std::string body;
  for (const std::string& part : parts) body += part;
  return body + "--XX--\r\n";
}

TEST_CASE("parts are found with their names, contents and whole places") {
  const std::string file = "RIFF\r\n--X\r\n\0 binary"s;
  const std::string body = form({field("file", file, "; filename=\"a.wav\""), field("model", "whisper")});
  const auto parts = scan_multipart(body, "XX");
  REQUIRE(parts);
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[0].name == "file");
  CHECK((*parts)[0].is_file);
  CHECK((*parts)[0].content.in(body) == file);
  CHECK((*parts)[1].name == "model");
  CHECK_FALSE((*parts)[1].is_file);
  CHECK((*parts)[1].content.in(body) == "whisper");
  CHECK((*parts)[1].whole.in(body) == field("model", "whisper"));
}

TEST_CASE("what may be understood in two ways is refused") {
  const std::string good = form({field("model", "m")});
  REQUIRE(scan_multipart(good, "XX"));
  REQUIRE(scan_multipart(good.substr(0, good.size() - 2), "XX"));
  for (const std::string& bad : {
           std::string(),
           std::string("--XX"),
           "\r\n" + good,                              // a preamble
           good + "more",                              // an epilogue
           good.substr(0, good.size() - 4),            // no last boundary
           std::string("--XX \r\n") + good.substr(6),  // padding
           form({field("model", "m\r\n--XXL")}),       // the beginning of a delimiter
           form({field("model", "--XX--")}),           // is the empty line's end the delimiter's?
           form({"--XX\r\n--XX: a\r\nContent-Disposition: form-data; name=a\r\n\r\nm\r\n"}),
           form({"--XX\r\n\r\nm\r\n"}),  // no header
           form({"--XX\r\nContent-Disposition: form-data\r\n\r\nm\r\n"}),
           form({"--XX\r\nContent-Disposition: attachment; name=model\r\n\r\nm\r\n"}),
           form({"--XX\r\nContent-Disposition: form-data;\r\n name=model\r\n\r\nm\r\n"}),  // folded
           form({"--XX\r\nContent-Disposition: form-data; name=a; name=model\r\n\r\nm\r\n"}),
           form({"--XX\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\nm\r\n"}),
           form({"--XX\r\nContent-Disposition: form-data; name=\"mod\\el\"\r\n\r\nm\r\n"}),
           form({field("file", "m", "; filename=\"a\\\"; name=\"model\"")}),
           form({"--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
                 "name=b\r\n\r\nm\r\n"}),
           form({"--XX\r\nContent-Disposition: form-data; name=\"a\nb\"\r\n\r\nm\r\n"}),
           form({field("a", "m", "; x=\"" + std::string(kLongestPartHead, 'x') + "\"")}),
       }) {
    CAPTURE(bad);
    const auto parts = scan_multipart(bad, "XX");
    REQUIRE_FALSE(parts);
    CHECK(parts.error().code == Code::malformed);
  }
}

TEST_CASE("there is a bound on the number of parts") {
  std::string body;
  for (std::size_t i = 0; i < kMostParts; ++i) body += field("a", "");
  CHECK(scan_multipart(body + "--XX--", "XX"));
  CHECK_FALSE(scan_multipart(body + field("a", "") + "--XX--", "XX"));
}

TEST_CASE("the boundary comes plain or in quotes") {
  CHECK(boundary_of("multipart/form-data; boundary=XX") == "XX");
  CHECK(boundary_of("multipart/form-data;charset=utf-8; Boundary=\"a b:c\"") == "a b:c");
  for (const std::string_view bad :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=a b", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a{b\""}) {
    CAPTURE(bad);
    CHECK_FALSE(boundary_of(bad));
  }
  CHECK_FALSE(boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')));
  CHECK(media_type("multipart/form-data ; boundary=x") == "multipart/form-data");
}

TEST_CASE("a form is read like an object, and our own fields are cut out of it") {
  const std::string body =
      form({field("keep_alive", "5m"), field("file", "bytes", "; filename=a"), field("model", "org/whisper"),
            field("priority", "high"), field("stream", "true"), field("deadline", "30")});
  const auto request = read_multipart_body(body, "XX");
  REQUIRE(request);
  CHECK(request->model == "org/whisper");
  CHECK(request->stream);
  CHECK(request->lifecycle.keep == core::Keep{std::chrono::minutes(5)});
  CHECK(request->lifecycle.priority == core::Priority::high);
  CHECK(request->lifecycle.deadline == std::chrono::seconds(30));
  CHECK(request->edits.made_in(body) ==
        form({field("file", "bytes", "; filename=a"), field("model", "org/whisper"), field("stream", "true")}));
}

TEST_CASE("the model in a form gets the name that the engine knows") {
  const std::string body = form({field("model", "a"), field("prompt", "model")});
  auto request = read_multipart_body(body, "XX");
  REQUIRE(request);
  request->rename_model("whisper-1");
  CHECK(request->edits.made_in(body) == form({field("model", "whisper-1"), field("prompt", "model")}));

  const std::string nameless = form({field("deadline", "3s"), field("prompt", "x")});
  request = read_multipart_body(nameless, "XX");
  REQUIRE(request);
  request->rename_model("whisper-1");
  CHECK(request->edits.made_in(nameless) == form({field("model", "whisper-1"), field("prompt", "x")}));
}

TEST_CASE("media that a form names by URL are found, and media that it brings are none") {
  const auto found = [](const std::string& part) {
    const std::string body = form({field("model", "a"), part});
    const auto request = read_multipart_body(body, "XX");
    REQUIRE(request);
    return request->media_url.has_value();
  };
  for (const char* name : {"image", "image[]", "image[1]", "mask", "file", "url", "image_url", "audio", "file_url"}) {
    CAPTURE(name);
    for (const char* url : {"http://x/y", "HTTPS://x", " \n\x01http://x", "file:///etc/passwd", "File:etc", "ftp://x",
                            "gopher+x://y", "//x/y", "http:x"}) {
      CAPTURE(url);
      CHECK(found(field(name, url)));
    }
    for (const char* brought : {"data:image/png;base64,AAAA", "iVBORw0KGgo=", "\x89PNG\r\n\x1a", "RIFF\x01 WAVE", ""})
      CHECK_FALSE(found(field(name, brought)));
    CHECK_FALSE(found(field(name, "http://what/a/file/holds", "; filename=a")));
  }
  CHECK_FALSE(found(field("prompt", "http://x/y")));
}

TEST_CASE("a field that is encoded once more cannot be judged, and is refused") {
  const std::string encoded = "--XX\r\nContent-Disposition: form-data; name=image\r\nContent-Transfer-Encoding: base64";
  CHECK_FALSE(read_multipart_body(form({encoded + "\r\n\r\naHR0cDovL3gveQ==\r\n"}), "XX"));
}

TEST_CASE("a field of ours that cannot be read in one way is refused") {
  for (const std::string& bad : {
           form({field("model", "a"), field("model", "a")}),
           form({field("model", "a", "; filename=x")}),
           form({"--XX\r\nContent-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: "
                 "base64\r\n\r\nYQ==\r\n"}),
           form({field("model", "")}),
           form({field("model", "\xC0\x80")}),
           form({field("model", std::string(kLongestModelName + 1, 'm'))}),
           form({field("deadline", "soon")}),
       }) {
    CAPTURE(bad);
    const auto request = read_multipart_body(bad, "XX");
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Code::malformed);
  }
}

}  // namespace
}  // namespace rouse::api

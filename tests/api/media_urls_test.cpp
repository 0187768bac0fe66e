#include "api/media_urls.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <random>
#include <string>

#include "api/request_body.hpp"

namespace rouse::api {
namespace {

// As a request is looked at: well formed, and looked into only if a key says that it may be worth it.
bool refused(const std::string& body) {
  INFO(body);
  const auto request = read_json_body(body);
  REQUIRE(request);
  const auto found = find_media_url(body);
  if (found) {
    CHECK(request->may_hold_media);  // or it would never have been looked for
    CHECK(body.at(*found) == '"');
  }
  return found.has_value();
}

std::string chat_with(std::string_view part) {
  return std::format(
      R"({{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"what?"}},{}]}}]}})", part);
}

std::string picture(std::string_view url) {
  return chat_with(std::format(R"({{"type":"image_url","image_url":{{"detail":"low","url":"{}"}}}})", url));
}

TEST_CASE("media by URL are found in every dialect's form") {
  for (const char* part : {
           R"({"type":"image_url","image_url":{"url":"http://169.254.169.254/latest"}})",
           R"({"type":"image_url","image_url":"https://evil.example/x.png"})",
           R"({"image_url":{"url":"file:///etc/passwd"},"type":"image_url"})",
           R"({"type":"input_image","image_url":"http://localhost:11450/rouse/v1/models"})",
           R"({"type":"input_file","file_url":"https://evil.example/x.pdf"})",
           R"({"type":"input_audio","input_audio":{"url":"https://evil.example/x.wav"}})",
           R"({"type":"input_audio","input_audio":{"data":"http://evil.example/x.wav","format":"wav"}})",
           R"({"type":"video_url","video_url":{"url":"https://evil.example/x.mp4"}})",
           R"({"type":"audio_url","audio_url":{"url":"https://evil.example/x.mp3"}})",
           R"({"type":"image","source":{"type":"url","url":"https://evil.example/x.png"}})",
           R"({"type":"document","source":{"type":"url","url":"https://evil.example/x.pdf"}})",
           R"({"type":"image_url","image_url":[{"url":"data:,"},{"url":"http://evil.example"}]})",
           R"({"type":"image","image":"http://evil.example/x.png"})",
           R"({"type":"tool_result","content":[{"type":"image","source":{"type":"url","url":"http://evil.example"}}]})",
       }) {
    CHECK(refused(chat_with(part)));
  }
  for (const char* member :
       {R"("mask":"http://x/")", R"("images":["http://x/"])", R"("image[]":["http://x/"])",
        R"("input_images":[{"image_url":"http://x/"}])", R"("init_image":"http://x/")",
        R"("reference_images":["http://x/"])", R"("control_image":"http://x/")", R"("ref_audio":"http://x/")"}) {
    CHECK(refused(std::format(R"({{"model":"m","prompt":"p",{}}})", member)));
  }
  CHECK(
      refused(R"({"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"http://x/"}]}]})"));
}

TEST_CASE("whatever scheme, case or white space a URL comes with, it is one") {
  for (const char* url : {"http://x",
                          "HTTP://x",
                          "hTTps://x",
                          " http://x",
                          "\\n\\thttp://x",
                          "\xC2\xA0http://x",
                          "\xEF\xBB\xBFhttp://x",
                          "ftp://x",
                          "gopher://x",
                          "s3://x",
                          "file:/etc/passwd",
                          "FILE:etc",
                          "http:x",
                          "http:\\\\\\\\x",
                          "x.example/picture.png",
                          "httpd/picture",
                          "fileserver",
                          "/etc/passwd.png",
                          "jar:data:x",
                          " data:image/png;base64,AAAA",
                          "view-source:data:",
                          "C:\\\\picture"}) {
    CHECK(refused(picture(url)));
  }
}

TEST_CASE("what a request brings along passes") {
  for (const char* url : {"data:image/png;base64,iVBORw0KGgo=", "DATA:image/png;base64,AAAA",
                          "data:image\\/png;base64,\\/9j\\/", "iVBORw0KGgoAAAANSUhEUg==", "\\/9j\\/4AAQ",
                          "//uQxAAAAAAA", "_-8=", "AAAA\\nBBBB\\r\\n", "", "\\u0064ata:,x", "d\\u0041ta:,x"}) {
    CHECK_FALSE(refused(picture(url)));
  }
}

TEST_CASE("URLs that nobody fetches pass") {
  for (
      const char* part : {
          R"({"type":"text","text":"look at http://example.com, {\"image_url\":\"http://x\"} and \"url\": \"http://x\""})",
          R"({"type":"web_search_result","url":"https://example.com","title":"t"})",
          R"({"type":"document","source":{"type":"text","data":"see http://example.com: it is \"there\""}})",
          R"({"type":"search_result","source":"https://example.com","content":[]})",
          R"({"type":"text","citations":[{"type":"web_search_result_location","url":"https://example.com"}]})",
          R"({"id":"1","input":{"image_url":"https://example.com","url":"http://x"},"name":"see","type":"tool_use"})",
          R"({"type":"server_tool_use","input":{"source":{"url":"https://example.com"}}})",
          R"({"image_url":{"detail":"http"}})",
          R"({"image_url":{"more":{"url":"http://example.com"}}})",
      }) {
    CHECK_FALSE(refused(chat_with(part)));
  }
  CHECK_FALSE(refused(
      R"({"model":"m","tools":[{"function":{"parameters":{"properties":{"image_url":{"type":"string"},"url":{"type":"string"}}}}}]})"));
}

TEST_CASE("nothing passes for a tool call that is none") {
  for (const char* part : {
           R"({"type":"image","input":{"image_url":"http://x"}})",
           R"({"input":{"image_url":"http://x"}})",
           R"({"type":"tool_use","type":"image","input":{"image_url":"http://x"}})",
           R"({"type":"tool_use","input":{"image_url":"http://x"},"type":"tool_use"})",
           R"({"type":"tool_use","input":{},"image_url":"http://x"})",
           R"({"type":"tool_use","image_url":{"input":0,"url":"http://x"}})",
           R"({"type":["tool_use"],"input":{"image_url":"http://x"}})",
           R"({"kind":"tool_use","input":{"image_url":"http://x"}})",
       }) {
    CHECK(refused(chat_with(part)));
  }
  CHECK(refused(R"({"type":"tool_use","input":{"image_url":"http://x"},"model":"m"})"));
  CHECK_FALSE(refused(chat_with(R"({"type":"tool_use","input":{"input":{"image_url":"http://x"}}})")));
}

TEST_CASE("however its characters are escaped, a URL is found") {
  const std::string plain = R"({"type":"image_url","image_url":{"url":"http://evil.example/x"}})";
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same every time
  for (int round = 0; round < 2000; ++round) {
    std::string spelt;
    bool inside = false;
    for (const char c : plain) {
      if (c == '"') inside = !inside;
      const bool can = inside && c != '"';
      if (can && random() % 3 == 0) {
        spelt += random() % 2 == 0 ? std::format("\\u{:04x}", static_cast<unsigned>(c))
                                   : std::format("\\u{:04X}", static_cast<unsigned>(c));
      } else if (can && c == '/' && random() % 2 == 0) {
        spelt += "\\/";
      } else {
        spelt += c;
        if (!inside && random() % 4 == 0) spelt += " \t\r\n"[random() % 4];
      }
    }
    CHECK(refused(chat_with(spelt)));
  }
}

TEST_CASE("quotes and backslashes at the end of strings hide nothing") {
  for (const char* text : {R"(\\)", R"(\")", R"(\\\")", R"(\\\\)", R"(\"\\)", R"(\u0022)", R"(\u005c)"}) {
    const std::string before = std::format(R"({{"type":"text","text":"{0}","{0}":"{0}"}},)", text);
    CHECK(refused(chat_with(before + R"({"image_url":"http://x"})")));
    CHECK_FALSE(refused(chat_with(before + std::format(R"({{"text":"{0}{{\"image_url\":\"http://x\"}}"}})", text))));
  }
}

TEST_CASE("text alone is not looked into") {
  const auto request = read_json_body(chat_with(R"({"type":"text","text":"\"image_url\": \"http://x\""})"));
  REQUIRE(request);
  CHECK_FALSE(request->may_hold_media);
}

}  // namespace
}  // namespace rouse::api

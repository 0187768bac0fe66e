#include "engine/gguf.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>

#include "gguf_file.hpp"

using namespace rouse;
using namespace rouse::engine;
using namespace rouse::engine::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A whole small model's header: two tensors, 4096 × f16 and 64 × q8_0, and its data's size.
constexpr std::uint64_t kData = 8192 + 68;
GgufFile small_model() {
  GgufFile file;
  file.begin(2, 12)
      .string("general.architecture", "llama")
      .string("general.name", "Small")
      .number("general.file_type", 1)
      .number("llama.block_count", 4)
      .number("llama.context_length", 2048)
      .number("llama.embedding_length", 128)
      .number("llama.feed_forward_length", 384)
      .number("llama.attention.head_count", 4)
      .array("llama.attention.head_count_kv", Kind::i32, 4)
      .put(2)
      .put(2)
      .put(1)
      .put(0)
      .array("tokenizer.ggml.tokens", Kind::string, 3)
      .text("a")
      .text("")
      .text("ccc")
      .array("tokenizer.ggml.scores", Kind::f32, 3)
      .put(1.0F)
      .put(2.0F)
      .put(3.0F)
      .key("llama.attention.causal", Kind::boolean)
      .put(std::uint8_t{1})
      .tensor("token_embd.weight", {128, 32}, 1, 0)
      .tensor("output_norm.weight", {64}, 8, 8192);
  return file;
}

Result<Gguf> parse(const GgufFile& file, std::uint64_t data = kData) {
  return parse_gguf(file.bytes(), (file.size() + 31) / 32 * 32 + data);
}

std::string complaint(const Result<Gguf>& read) {
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::load_failed);
  return read.error().message;
}

GgufFile one_pair() { return GgufFile().begin(0, 1); }

}  // namespace

TEST_CASE("what an estimate needs is read") {
  const auto model = parse(small_model());
  REQUIRE(model);
  CHECK(model->version == 3);
  CHECK(model->architecture == "llama");
  CHECK(model->name == "Small");
  CHECK(model->file_type == 1);
  CHECK(model->blocks == 4);
  CHECK(model->context_length == 2048);
  CHECK(model->embedding_length == 128);
  CHECK(model->feed_forward_length == 384);
  CHECK(model->heads == std::vector<std::uint32_t>{4});
  CHECK(model->kv_heads == std::vector<std::uint32_t>{2, 2, 1, 0});
  CHECK(model->vocabulary == 3);
  CHECK(model->causal);
  CHECK_FALSE(model->pooling);
  CHECK(model->tensors == 2);
  CHECK(model->parameters == 4096 + 64);
  CHECK(model->weights == Bytes{8192 + 68});
}

TEST_CASE("a file that ends early is told so, and where") {
  const auto file = small_model();
  CHECK_THAT(complaint(parse(file, kData - 1)), ContainsSubstring("cut off: its tensor \"output_norm.weight\""));
  for (std::uint64_t size = 0; size < file.size(); ++size) {  // wherever in the header
    CHECK_FALSE(parse_gguf(file.bytes().first(static_cast<std::size_t>(size)), size));
  }
}

TEST_CASE("what is no GGUF file is told from one of another version") {
  CHECK_THAT(complaint(parse_gguf(std::as_bytes(std::span("GGML and some more bytes", 24)), 24)),
             ContainsSubstring("does not begin with"));
  CHECK_THAT(complaint(parse(GgufFile().begin(0, 0, 1))), ContainsSubstring("version is 1"));
  CHECK_THAT(complaint(parse(GgufFile().begin(0, 0, 0x03000000))), ContainsSubstring("big-endian"));
  CHECK_THAT(complaint(parse(GgufFile().begin(0, 0))), ContainsSubstring("general.architecture"));
  CHECK_THAT(complaint(parse_gguf({}, 0)), ContainsSubstring("too short"));
}

TEST_CASE("of a model in parts only the first says of which architecture it is") {
  CHECK(parse(GgufFile().begin(0, 2).number("split.no", 1).number("split.count", 2)));
  CHECK_THAT(complaint(parse(GgufFile().begin(0, 2).number("split.no", 0).number("split.count", 2))),
             ContainsSubstring("general.architecture"));
}

TEST_CASE("no count is believed that the file cannot hold") {
  constexpr auto kHuge = std::uint64_t{1} << 60;
  CHECK_THAT(complaint(parse(GgufFile().begin(0, kHuge))), ContainsSubstring("properties"));
  CHECK_THAT(complaint(parse(GgufFile().begin(kHuge, 1).string("general.architecture", "x"))),
             ContainsSubstring("tensors"));
  CHECK_THAT(complaint(parse(one_pair().array("a.b", Kind::string, kHuge))), ContainsSubstring("strings"));
  CHECK_THAT(complaint(parse(one_pair().array("a.b", Kind::u64, kHuge))), ContainsSubstring("elements"));
  CHECK_THAT(complaint(parse(one_pair().array("a.attention.head_count", Kind::u32, kHuge))),
             ContainsSubstring("blocks"));
  CHECK_THAT(complaint(parse(one_pair().put(kHuge))), ContainsSubstring("name of"));
  CHECK_THAT(complaint(parse(one_pair().key("general.name", Kind::string).put(kHuge))), ContainsSubstring("name of"));
  CHECK_THAT(complaint(parse(one_pair().key("a.b", Kind::string).put(kHuge))), ContainsSubstring("bytes"));
  CHECK_THAT(complaint(parse(GgufFile().begin(0, 2).string("general.architecture", "a").number("a.block_count", ~0U))),
             ContainsSubstring("blocks"));
}

TEST_CASE("a header longer than any is refused, though the file could hold it") {
  const auto file = one_pair().array("a.b", Kind::u8, kMostHeader + 1);
  CHECK_THAT(complaint(parse_gguf(file.bytes(), std::uint64_t{1} << 40)), ContainsSubstring("header is longer"));
}

TEST_CASE("values of unknown kind, nested arrays and nonsense are refused") {
  CHECK_THAT(complaint(parse(one_pair().text("a.b").put(std::uint32_t{99}))), ContainsSubstring("unknown type"));
  CHECK_THAT(complaint(parse(one_pair().array("a.b", Kind::array, 1))), ContainsSubstring("array of arrays"));
  const auto with = [](std::vector<std::uint64_t> sizes, std::uint32_t kind, std::uint64_t offset) {
    return GgufFile().begin(1, 1).string("general.architecture", "a").tensor("t", std::move(sizes), kind, offset);
  };
  CHECK_THAT(complaint(parse(with({1, 1, 1, 1, 1}, 0, 0))), ContainsSubstring("dimensions"));
  CHECK_THAT(complaint(parse(with({1ULL << 40, 1ULL << 40}, 0, 0))), ContainsSubstring("too large"));
  CHECK_THAT(complaint(parse(with({33}, 8, 0))), ContainsSubstring("whole blocks"));
  CHECK_THAT(complaint(parse(with({32}, 8, ~0ULL))), ContainsSubstring("beyond the end"));
  CHECK_THAT(complaint(parse(with({32}, 8, 1 << 20))), ContainsSubstring("cut off"));
  CHECK_THAT(
      complaint(parse(GgufFile().begin(0, 2).string("general.architecture", "a").number("general.alignment", 3))),
      ContainsSubstring("alignment"));
}

TEST_CASE("a packing that came later than this code is no mistake: the file's size stands for it") {
  const auto file = GgufFile().begin(1, 1).string("general.architecture", "a").tensor("t", {1000}, 1234, 0);
  const auto model = parse(file, 500);
  REQUIRE(model);
  CHECK(model->weights == Bytes{500});
}

TEST_CASE("a file on disk is read the same way, and what cannot be read is told") {
  const fs::path folder = fs::temp_directory_path() / ("rouse-test-gguf-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto file = small_model();
  {
    std::ofstream out(folder / "small.gguf", std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.bytes().data()), static_cast<std::streamsize>(file.size()));
  }
  CHECK_THAT(complaint(read_gguf(folder / "small.gguf")), ContainsSubstring("cut off"));
  fs::resize_file(folder / "small.gguf", (file.size() + 31) / 32 * 32 + kData);
  CHECK(read_gguf(folder / "small.gguf")->weights == Bytes{8192 + 68});

  CHECK_THAT(complaint(read_gguf(folder / "none.gguf")), ContainsSubstring("No such file"));
  CHECK_THAT(complaint(read_gguf(folder)), ContainsSubstring("no regular file"));
  ::mkfifo((folder / "fifo").c_str(), 0600);
  CHECK_THAT(complaint(read_gguf(folder / "fifo")), ContainsSubstring("no regular file"));
  fs::remove_all(folder);
}

TEST_CASE("the parts of a sharded model are found, in order, from any of them") {
  const fs::path folder = fs::temp_directory_path() / ("rouse-test-shards-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto part = [&](int i) { return folder / ("big-0000" + std::to_string(i) + "-of-00003.gguf"); };
  for (const int i : {1, 2, 3}) std::ofstream(part(i)) << i;
  CHECK(gguf_shards(part(1)).value() == std::vector{part(1), part(2), part(3)});
  CHECK(gguf_shards(part(3)).value() == std::vector{part(1), part(2), part(3)});
  fs::remove(part(2));
  const auto missing = gguf_shards(part(1));
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, ContainsSubstring("Part 2 of 3"));
  CHECK_THAT(missing.error().context, ContainsSubstring("big-00002-of-00003.gguf"));
  for (const char* single : {"a.gguf", "a-00001-of-0003.gguf", "a-0000x-of-00003.gguf", "-00001-of-00003", ""}) {
    CHECK(gguf_shards(folder / single).value() == std::vector{folder / single});
  }
  fs::remove_all(folder);
}

#include "engine/gguf.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <format>
#include <limits>
#include <map>
#include <string_view>
#include <type_traits>

#include "engine/gguf_cursor.hpp"
#include "system/fd.hpp"

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian, and read here as it is");

namespace rouse::engine {
namespace {

constexpr std::uint64_t kLongestKey = 64 * 1024;
constexpr std::uint64_t kLongestKept = 1024;  // of strings that are kept: names
constexpr std::uint64_t kMostDimensions = 4;
constexpr std::uint64_t kMostBlocks = 16 * 1024;

// --- values ---------------------------------------------------------------------------------------------------

enum Type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
constexpr std::array<std::uint64_t, 13> kTypeSize{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

Type take_type(Cursor& in) {
  const auto type = in.take<std::uint32_t>();
  if (type >= kTypeSize.size()) broken(std::format("it holds a value of an unknown type ({})", type));
  return static_cast<Type>(type);
}

// Whole numbers as they are, negative ones and fractions as 0: nothing that is read here can be either.
std::uint64_t take_number(Cursor& in, Type type) {
  const auto natural = [](auto value) { return value > 0 ? static_cast<std::uint64_t>(value) : 0; };
  switch (type) {
    case u8:
    case boolean: return in.take<std::uint8_t>();
    case i8: return natural(in.take<std::int8_t>());
    case u16: return in.take<std::uint16_t>();
    case i16: return natural(in.take<std::int16_t>());
    case u32: return in.take<std::uint32_t>();
    case i32: return natural(in.take<std::int32_t>());
    case u64: return in.take<std::uint64_t>();
    case i64: return natural(in.take<std::int64_t>());
    case f32:
    case f64:
    case string:
    case array: break;
  }
  broken("a value that should be a number is none");
}

// What the metadata says, as far as it is asked for later.
struct Metadata {
  std::map<std::string, std::uint64_t, std::less<>> numbers;
  std::map<std::string, std::vector<std::uint32_t>, std::less<>> lists;
  std::map<std::string, std::uint64_t, std::less<>> lengths;  // of arrays whose elements do not matter
  std::string architecture;
  std::string name;

  std::uint64_t number(std::string_view key) const {
    const auto found = numbers.find(std::format("{}.{}", architecture, key));
    return found == numbers.end() ? 0 : found->second;
  }
  std::optional<std::uint32_t> general(std::string_view key) const {
    const auto found = numbers.find(key);
    if (found == numbers.end() || found->second > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(found->second);
  }
  // One number for all blocks, or one for each.
  std::vector<std::uint32_t> list(std::string_view key) const {
    const auto found = lists.find(std::format("{}.{}", architecture, key));
    if (found != lists.end()) return found->second;
    const std::uint64_t one = number(key);
    if (one == 0) return {};
    return {static_cast<std::uint32_t>(std::min<std::uint64_t>(one, std::numeric_limits<std::uint32_t>::max()))};
  }
};

constexpr std::array<std::string_view, 26> kNumbers{
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "vocab_size",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "expert_count",
    "pooling_type",
    "attention.value_length",
    "attention.sliding_window",
    "attention.causal",
    "ssm.state_size",
    "ssm.inner_size",
    "ssm.conv_kernel",
    "ssm.group_count",
    "attention.kv_lora_rank",
    "attention.sliding_window_pattern",
    "vision.image_size",
    "vision.patch_size",
    "vision.embedding_length",
    "vision.feed_forward_length",
    "vision.block_count",
    "expert_used_count",
    "expert_feed_forward_length",
};
constexpr std::array<std::string_view, 4> kLists{"attention.head_count", "attention.head_count_kv",
                                                 "feed_forward_length", "attention.sliding_window_pattern"};
constexpr std::array<std::string_view, 4> kGeneral{"general.file_type", "general.alignment", "split.no", "split.count"};
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";

void take_array(Cursor& in, const std::string& key, std::string_view suffix, Metadata& metadata) {
  const Type type = take_type(in);
  const auto count = in.take<std::uint64_t>();
  if (type == array) broken("it holds an array of arrays");
  if (type == string) {
    in.need(count, sizeof(std::uint64_t), "strings in one array");
    for (std::uint64_t i = 0; i < count; ++i) in.skip_text();
  } else if (type != f32 && type != f64 && std::ranges::contains(kLists, suffix)) {
    if (count > kMostBlocks) broken(std::format("it claims {} blocks", count));
    in.need(count, kTypeSize[type], "numbers in one array");
    std::vector<std::uint32_t>& list = metadata.lists[key];
    list.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
      list.push_back(static_cast<std::uint32_t>(
          std::min<std::uint64_t>(take_number(in, type), std::numeric_limits<std::uint32_t>::max())));
    }
  } else {
    in.need(count, kTypeSize[type], "elements in one array");
    in.skip(count * kTypeSize[type]);
  }
  if (key == kTokens) metadata.lengths[key] = count;
}

void take_pair(Cursor& in, Metadata& metadata) {
  const std::string key = in.text(kLongestKey);
  const std::size_t dot = key.find('.');
  const std::string_view suffix = dot == key.npos ? std::string_view{} : std::string_view(key).substr(dot + 1);
  const Type type = take_type(in);
  if (type == array) return take_array(in, key, suffix, metadata);
  if (type == string) {
    if (key == "general.architecture") return void(metadata.architecture = in.text(kLongestKept));
    if (key == "general.name") return void(metadata.name = in.text(kLongestKey).substr(0, kLongestKept));
    return in.skip_text();
  }
  const bool wanted = std::ranges::contains(kGeneral, key) || std::ranges::contains(kNumbers, suffix);
  if (wanted && type != f32 && type != f64) {
    metadata.numbers[key] = take_number(in, type);
  } else {
    in.skip(kTypeSize[type]);
  }
}

// --- tensors --------------------------------------------------------------------------------------------------

// Of each kind of tensor: how many numbers a block holds, and its bytes. 0: a number that was never given out.
struct Packing {
  std::uint16_t numbers;
  std::uint16_t bytes;
};
constexpr std::array<Packing, 43> kPackings{{
    {1, 4},    {1, 2},    {32, 18},   {32, 20},   {0, 0},     {0, 0},     {32, 22},   {32, 24},  {32, 34},
    {32, 36},  {256, 84}, {256, 110}, {256, 144}, {256, 176}, {256, 210}, {256, 292}, {256, 66}, {256, 74},
    {256, 98}, {256, 50}, {32, 18},   {256, 110}, {256, 82},  {256, 136}, {1, 1},     {1, 2},    {1, 4},
    {1, 8},    {1, 8},    {256, 56},  {1, 2},     {0, 0},     {0, 0},     {0, 0},     {256, 54}, {256, 66},
    {0, 0},    {0, 0},    {0, 0},     {32, 17},   {64, 36},   {128, 18},  {64, 18},
}};

struct Tensors {
  std::uint64_t numbers = 0;
  std::uint64_t bytes = 0;     // of those whose packing is known
  std::uint64_t furthest = 0;  // end of the last one, from the start of the data
  std::string furthest_name;
  bool all_known = true;  // a newer kind is no mistake: its size is just not told here
};

void take_tensor(Cursor& in, Tensors& tensors) {
  const std::string name = in.text(kLongestKey);
  const auto dimensions = in.take<std::uint32_t>();
  if (dimensions > kMostDimensions) broken(std::format("it holds a tensor of {} dimensions", dimensions));
  std::uint64_t numbers = 1;
  std::uint64_t row = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto size = in.take<std::uint64_t>();
    if (i == 0) row = size;
    if (size != 0 && numbers > (1ULL << 56) / size) broken("it holds a tensor too large to be one");
    numbers *= size;
  }
  const auto type = in.take<std::uint32_t>();
  const auto offset = in.take<std::uint64_t>();
  tensors.numbers += numbers;
  if (type >= kPackings.size() || kPackings[type].numbers == 0) {
    tensors.all_known = false;
    return;
  }
  const Packing packing = kPackings[type];
  if (row % packing.numbers != 0)
    broken(std::format("its tensor \"{}\" does not fill whole blocks", name.substr(0, 64)));
  const std::uint64_t bytes = numbers / packing.numbers * packing.bytes;
  if (offset > (1ULL << 60)) broken("it holds a tensor beyond the end of any file");
  tensors.bytes += bytes;
  if (offset + bytes < tensors.furthest) return;
  tensors.furthest = offset + bytes;
  tensors.furthest_name = name.substr(0, 64);
}

// --- the whole ------------------------------------------------------------------------------------------------

Gguf describe(const Metadata& metadata) {
  Gguf model;
  model.architecture = metadata.architecture;
  model.name = metadata.name;
  model.file_type = metadata.general("general.file_type");
  model.split_number = metadata.general("split.no").value_or(0);
  model.split_count = std::max(metadata.general("split.count").value_or(1), 1U);
  model.blocks = metadata.number("block_count");
  model.context_length = metadata.number("context_length");
  model.embedding_length = metadata.number("embedding_length");
  model.key_length = metadata.number("attention.key_length");
  model.value_length = metadata.number("attention.value_length");
  model.latent_length = metadata.number("attention.kv_lora_rank");
  model.sliding_window = metadata.number("attention.sliding_window");
  model.sliding_pattern = metadata.list("attention.sliding_window_pattern");
  model.experts = metadata.number("expert_count");
  model.heads = metadata.list("attention.head_count");
  model.kv_heads = metadata.list("attention.head_count_kv");
  model.state_size = metadata.number("ssm.state_size");
  model.inner_size = metadata.number("ssm.inner_size");
  model.conv_kernel = metadata.number("ssm.conv_kernel");
  model.state_groups = metadata.number("ssm.group_count");
  model.image_size = metadata.number("vision.image_size");
  model.patch_size = metadata.number("vision.patch_size");
  model.pooling = metadata.general(metadata.architecture + ".pooling_type");
  model.causal = metadata.general(metadata.architecture + ".attention.causal").value_or(1) != 0;
  for (const std::uint32_t length : metadata.list("feed_forward_length")) {
    model.feed_forward_length = std::max<std::uint64_t>(model.feed_forward_length, length);
  }
  // Each is bounded, so that products further on stay within 64 bits.
  const std::uint64_t experts_used = std::min<std::uint64_t>(metadata.number("expert_used_count"), 1024);
  const std::uint64_t expert_length = std::min<std::uint64_t>(metadata.number("expert_feed_forward_length"), 1U << 24);
  model.feed_forward_length = std::max(model.feed_forward_length, experts_used * expert_length);
  const auto tokens = metadata.lengths.find(kTokens);
  model.vocabulary = tokens == metadata.lengths.end() ? metadata.number("vocab_size") : tokens->second;
  // A projector keeps the sizes of its vision part under names of its own.
  if (model.blocks == 0) model.blocks = metadata.number("vision.block_count");
  if (model.embedding_length == 0) model.embedding_length = metadata.number("vision.embedding_length");
  if (model.feed_forward_length == 0) model.feed_forward_length = metadata.number("vision.feed_forward_length");
  if (model.blocks > kMostBlocks) broken(std::format("it claims {} blocks", model.blocks));
  return model;
}

Gguf read_header(Source& source, std::uint64_t file_size) {
  Cursor in(source, file_size);
  if (file_size < 24) broken("it is too short to be one");
  if (in.take<std::uint32_t>() != 0x46554747) broken("it does not begin with \"GGUF\"");
  const auto version = in.take<std::uint32_t>();
  if (version != 2 && version != 3) {
    broken(std::format("its version is {}, and only 2 and 3 are known (a big-endian file has others, too)", version));
  }
  const auto tensor_count = in.take<std::uint64_t>();
  const auto pair_count = in.take<std::uint64_t>();
  in.need(pair_count, 8 + 4 + 1, "properties");
  Metadata metadata;
  for (std::uint64_t i = 0; i < pair_count; ++i) take_pair(in, metadata);
  // Of a model in parts, only the first says.
  if (metadata.architecture.empty() && metadata.general("split.no").value_or(0) == 0)
    broken("it does not say which architecture it is (general.architecture)");

  in.need(tensor_count, 8 + 4 + 4 + 8, "tensors");
  Tensors tensors;
  for (std::uint64_t i = 0; i < tensor_count; ++i) take_tensor(in, tensors);

  const std::uint64_t alignment = metadata.general("general.alignment").value_or(32);
  if (!std::has_single_bit(alignment) || alignment > (1U << 20)) broken(std::format("its alignment is {}", alignment));
  const std::uint64_t data = (in.at() + alignment - 1) & ~(alignment - 1);
  const std::uint64_t data_size = file_size > data ? file_size - data : 0;
  if (tensors.furthest > data_size) {
    broken(std::format("it is cut off: its tensor \"{}\" ends at byte {}, the file at byte {}. Download it again.",
                       tensors.furthest_name, data + tensors.furthest, file_size));
  }

  Gguf model = describe(metadata);
  model.version = version;
  model.tensors = tensor_count;
  model.parameters = tensors.numbers;
  // What overlaps is counted once: more than the file holds cannot be loaded.
  model.weights = Bytes{static_cast<std::int64_t>(tensors.all_known ? std::min(tensors.bytes, data_size) : data_size)};
  model.file = Bytes{static_cast<std::int64_t>(file_size)};
  return model;
}

std::unexpected<Error> unusable(const std::string& what, std::string context = {}) {
  return fail(Code::load_failed, std::format("The model's file is no usable GGUF file: {}", what), std::move(context));
}

}  // namespace

Result<Gguf> parse_gguf(std::span<const std::byte> head, std::uint64_t file_size) try {
  Memory source(head);
  return read_header(source, file_size);
} catch (const Broken& problem) {
  return unusable(problem.what);
}

Result<Gguf> read_gguf(const std::filesystem::path& path) try {
  const system::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not make us wait
  if (!file.open()) {
    return fail(Code::load_failed, std::format("The model's file cannot be opened: {}.", std::strerror(errno)), path);
  }
  struct stat about{};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return unusable("it is no regular file", path);
  File source(file.get());
  return read_header(source, static_cast<std::uint64_t>(about.st_size));
} catch (const Broken& problem) {
  return unusable(problem.what, path);
}

Result<std::vector<std::filesystem::path>> gguf_shards(const std::filesystem::path& path) {
  const std::string name = path.filename();
  // "…-00001-of-00003.gguf"
  constexpr std::string_view kEnd = ".gguf";
  constexpr std::size_t kTail = 6 + 4 + 5 + kEnd.size();
  const auto digits = [&](std::size_t from) {
    return std::ranges::all_of(name.substr(from, 5), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name.size() <= kTail || !name.ends_with(kEnd)) return std::vector{path};
  const std::size_t tail = name.size() - kTail;
  if (name[tail] != '-' || name.substr(tail + 6, 4) != "-of-" || !digits(tail + 1) || !digits(tail + 10)) {
    return std::vector{path};
  }
  const int count = std::atoi(name.substr(tail + 10, 5).c_str());
  std::vector<std::filesystem::path> shards;
  for (int i = 1; i <= count; ++i) {
    const auto shard = path.parent_path() / std::format("{}-{:05}-of-{:05}.gguf", name.substr(0, tail), i, count);
    std::error_code ignored;
    if (!std::filesystem::exists(shard, ignored)) {
      return fail(Code::load_failed, std::format("Part {} of {} of the model is missing.", i, count), shard);
    }
    shards.push_back(shard);
  }
  if (shards.empty()) return std::vector{path};
  return shards;
}

}  // namespace rouse::engine

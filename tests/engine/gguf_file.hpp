// Writes GGUF headers piece by piece, true or false ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::engine::test {

enum class Kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

class GgufFile {
 public:
  template <class T>
  GgufFile& put(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    return *this;
  }
  GgufFile& text(std::string_view text) {
    put(std::uint64_t{text.size()});
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  GgufFile& begin(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version = 3) {
    return put(std::uint32_t{0x46554747}).put(version).put(tensors).put(pairs);
  }
  GgufFile& key(std::string_view name, Kind kind) { return text(name).put(static_cast<std::uint32_t>(kind)); }
  GgufFile& number(std::string_view name, std::uint32_t value) { return key(name, Kind::u32).put(value); }
  GgufFile& string(std::string_view name, std::string_view value) { return key(name, Kind::string).text(value); }
  GgufFile& array(std::string_view name, Kind of, std::uint64_t count) {
    return key(name, Kind::array).put(static_cast<std::uint32_t>(of)).put(count);
  }
  GgufFile& tensor(std::string_view name, std::vector<std::uint64_t> sizes, std::uint32_t kind, std::uint64_t offset) {
    text(name).put(static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) put(size);
    return put(kind).put(offset);
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::uint64_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace rouse::engine::test

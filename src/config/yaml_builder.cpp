#include "config/yaml_builder.hpp"

#include <format>
#include <new>
#include <utility>

namespace rouse::config::yaml {
namespace {

constexpr std::size_t kDeepest = 64;

struct Parser {
  explicit Parser(std::string_view text) {
    if (text.empty()) text = "";  // libyaml refuses to read nothing from nowhere
    if (yaml_parser_initialize(&raw) == 0) throw std::bad_alloc{};
    yaml_parser_set_encoding(&raw, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&raw, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml_parser_delete(&raw); }

  yaml_parser_t raw{};
};

struct Event {
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }

  yaml_event_t raw{};
};

std::string as_string(const yaml_char_t* text) { return reinterpret_cast<const char*>(text); }

}  // namespace

void Builder::build() {
  Parser parser(text_);
  while (!document_.mistake_) {
    Event event;
    if (yaml_parser_parse(&parser.raw, &event.raw) == 0) {
      if (parser.raw.error == YAML_MEMORY_ERROR) throw std::bad_alloc{};
      document_.mistake_ = mistake(parser.raw);
    } else if (event.raw.type == YAML_STREAM_END_EVENT) {
      return;
    } else {
      take(event.raw);
    }
  }
}

void Builder::take(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_DOCUMENT_START_EVENT: return begin_document(event);
    case YAML_SCALAR_EVENT: return scalar(event);
    case YAML_ALIAS_EVENT: return alias(event.start_mark.index, event.data.alias.anchor);
    case YAML_SEQUENCE_START_EVENT: {
      const auto& list = event.data.sequence_start;
      return begin(Kind::list, event, list.anchor, list.tag, list.style == YAML_FLOW_SEQUENCE_STYLE);
    }
    case YAML_MAPPING_START_EVENT: {
      const auto& map = event.data.mapping_start;
      return begin(Kind::map, event, map.anchor, map.tag, map.style == YAML_FLOW_MAPPING_STYLE);
    }
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return end(event.end_mark.index);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return;
  }
}

void Builder::begin_document(const yaml_event_t& event) {
  const auto& start = event.data.document_start;
  if (std::exchange(begun_, true)) {
    fail(event.start_mark.index, "a second document begins here; only one is read");
  } else if (start.version_directive != nullptr || start.tag_directives.start != start.tag_directives.end) {
    fail(event.start_mark.index, "directives (%) are not read; remove this line");
  }
}

void Builder::scalar(const yaml_event_t& event) {
  const auto& scalar = event.data.scalar;
  const std::size_t begin = event.start_mark.index;
  const std::size_t length = event.end_mark.index - begin;
  if (refuses(begin, scalar.anchor, scalar.tag, true)) return;
  const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
  if (text.contains('\0')) return fail(begin, "the character \\0 cannot be part of a text");

  Node node{.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE, .offset = static_cast<std::uint32_t>(begin)};
  if (length == 0 && !open_.empty()) {  // is not there: told at its key or dash
    const Open& parent = open_.back();
    if (parent.at_key) return fail(begin, "a key is missing before this \":\"");
    const bool of_key = document_.nodes_[parent.node].kind == Kind::map;
    node.offset = of_key ? document_.nodes_[parent.last].offset : node.offset - 1;
  }
  node.as_written = event.start_mark.line == event.end_mark.line && scalar.anchor == nullptr &&
                    length == characters(text) + (node.plain ? 0 : 2);
  node.text = node.as_written && one_byte_each_ ? text_.substr(begin + (node.plain ? 0 : 1), text.size())
                                                : document_.texts_.emplace_back(text);
  const std::uint32_t added = add(node);
  if (scalar.anchor != nullptr) named_[as_string(scalar.anchor)] = {added, length};
}

// Stands for the whole of what its anchor named: the same children, a node of its own.
void Builder::alias(std::size_t offset, Char name) {
  if (refuses(offset, name, nullptr, true)) return;
  const auto found = named_.find(as_string(name));
  if (found == named_.end()) {
    return fail(offset, std::format("nothing before this was named \"&{0}\"; if \"*{0}\" is meant as text, quote it",
                                    as_string(name)));
  }
  written_out_ += found->second.length;
  if (text_.size() + written_out_ > kLargest) {
    return fail(offset, "with its aliases (*) written out, the file is larger than 64 MiB");
  }
  Node copy = document_.nodes_[found->second.node];
  copy.offset = static_cast<std::uint32_t>(offset);
  copy.as_written = false;
  copy.next = 0;
  add(copy);
}

void Builder::begin(Kind kind, const yaml_event_t& event, Char anchor, Char tag, bool flow) {
  const std::size_t offset = event.start_mark.index;
  if (refuses(offset, anchor, tag, false)) return;
  if (flow && event.end_mark.index == offset) return fail(offset, "a key in a list needs braces: [{key: value}]");
  if (open_.size() == kDeepest) return fail(offset, "nested too deeply");
  const std::uint32_t node = add({.kind = kind, .offset = static_cast<std::uint32_t>(offset)});
  open_.push_back({.node = node,
                   .flow = flow,
                   .at_key = kind == Kind::map,
                   .anchor = anchor == nullptr ? "" : as_string(anchor),
                   .written_out = written_out_});
}

void Builder::end(std::size_t offset) {
  const Open& ended = open_.back();
  if (!ended.anchor.empty()) {
    const std::size_t as_it_stands = offset - document_.nodes_[ended.node].offset;
    named_[ended.anchor] = {ended.node, as_it_stands + written_out_ - ended.written_out};
  }
  open_.pop_back();
}

std::uint32_t Builder::add(const Node& node) {
  const auto added = static_cast<std::uint32_t>(document_.nodes_.size());
  document_.nodes_.push_back(node);
  if (open_.empty()) {
    document_.root_ = added;
    return added;
  }
  Open& parent = open_.back();
  (parent.last == 0 ? document_.nodes_[parent.node].first : document_.nodes_[parent.last].next) = added;
  parent.last = added;
  if (document_.nodes_[parent.node].kind == Kind::map) parent.at_key = !parent.at_key;
  return added;
}

bool Builder::refuses(std::size_t offset, Char anchor, Char tag, bool scalar) {
  if (tag != nullptr) {
    fail(offset, "tags (!) are not read; to begin a value with \"!\", quote it");
  } else if (!open_.empty() && open_.back().at_key && (!scalar || anchor != nullptr)) {
    fail(offset, "a key is a plain or quoted word");
  }
  return document_.mistake_.has_value();
}

void Builder::fail(std::size_t offset, std::string message) {
  document_.mistake_ = Mistake{offset, std::move(message)};
}

}  // namespace rouse::config::yaml

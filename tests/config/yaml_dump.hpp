// A document as JSON, to compare in tests.
#pragma once

#include <string>

#include "config/yaml.hpp"

namespace rouse::config::yaml {

inline void dump_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n' || c == '\t') {
      out += c == '\n' ? "\\n" : "\\t";
    } else {
      out += c;
    }
  }
  out += '"';
}

inline void dump_node(const Document& document, const Node& node, std::string& out) {
  if (node.kind == Kind::scalar) return dump_text(node.text, out);
  const bool is_map = node.kind == Kind::map;
  out += is_map ? '{' : '[';
  bool is_key = true;
  for (const Node* child = document.child(node); child != nullptr; child = document.next(*child)) {
    if (out.back() != '{' && out.back() != '[') out += is_map && !is_key ? ':' : ',';
    dump_node(document, *child, out);
    is_key = !is_key;
  }
  out += is_map ? '}' : ']';
}

inline std::string dump(const Document& document) {
  std::string out;
  dump_node(document, document.root(), out);
  return out;
}

}  // namespace rouse::config::yaml

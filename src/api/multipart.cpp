#include "api/multipart.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "http/fields.hpp"

namespace rouse::api {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

// The next of `; name=value; name="value"`, which leaves `text`; nothing and an empty text at the end, nothing and what
// cannot be understood otherwise.
std::optional<Parameter> next_parameter(std::string_view& text) {
  text = trimmed(text);
  if (!text.starts_with(';')) return std::nullopt;
  std::string_view rest = trimmed(text.substr(1));
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !http::is_token(rest.substr(0, equals))) return std::nullopt;
  Parameter parameter{rest.substr(0, equals), {}};
  rest.remove_prefix(equals + 1);
  if (rest.starts_with('"')) {
    const std::size_t close = rest.find('"', 1);
    if (close == std::string_view::npos || rest[close - 1] == '\\')
      return std::nullopt;  // an end, or an escaped quote?
    parameter.value = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    parameter.value = rest.substr(0, rest.find_first_of("; \t"));
    if (!http::is_token(parameter.value)) return std::nullopt;
    rest.remove_prefix(parameter.value.size());
  }
  text = trimmed(rest);
  if (!text.empty() && !text.starts_with(';')) return std::nullopt;
  return parameter;
}

// Each function that returns bool sets `wrong` when it returns false.
class Scanner {
 public:
  Scanner(std::string_view body, std::string_view boundary)
      : body_(body), dashes_(std::format("--{}", boundary)), delimiter_(std::format("\r\n--{}", boundary)) {}

  bool scan();
  std::vector<Part> parts;
  std::size_t at() const { return at_; }
  std::string_view wrong() const { return wrong_; }

 private:
  bool part();
  bool head(Part& part);
  bool line(std::string_view text, Part& part);
  bool disposition(std::string_view value, Part& part);
  bool fail(std::string_view why) {
    wrong_ = why;
    return false;
  }
  bool take(std::string_view text) {
    if (!body_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  std::string_view body_;
  std::string dashes_;
  std::string delimiter_;
  std::size_t at_ = 0;
  bool named_ = false;  // the part has a Content-Disposition
  std::string_view wrong_;
};

bool Scanner::scan() {
  if (!take(dashes_)) return fail("it does not begin with the boundary that its content type announces");
  while (!take("--")) {
    if (parts.size() == kMostParts) return fail("it has too many parts");
    if (!take("\r\n")) return fail("a boundary is followed by something else than the end of its line");
    if (!part()) return false;
  }
  take("\r\n");
  return at_ == body_.size() || fail("something follows its last boundary");
}

// Leaves `at` behind the next delimiter.
bool Scanner::part() {
  Part part;
  part.whole.begin = at_ - 2 - dashes_.size();
  if (!head(part)) return false;
  // Does the empty line's end belong to the delimiter, or does the content begin like one?
  if (body_.substr(at_).starts_with(dashes_)) return fail("a part's header is followed by a boundary at once");
  const std::size_t end = body_.find(delimiter_, at_);
  if (end == std::string_view::npos) return fail("it ends in the middle of a part");
  part.content = {at_, end};
  part.whole.end = end + 2;
  at_ = end + delimiter_.size();
  parts.push_back(part);
  return true;
}

bool Scanner::head(Part& part) {
  const std::size_t begin = at_;
  named_ = false;
  while (!take("\r\n")) {
    const std::size_t end = body_.find("\r\n", at_);
    if (end == std::string_view::npos || end - begin > kLongestPartHead) return fail("a part's header does not end");
    if (!line(body_.substr(at_, end - at_), part)) return false;
    at_ = end + 2;
  }
  return named_ || fail("a part has no Content-Disposition with a name");
}

bool Scanner::line(std::string_view text, Part& part) {
  if (text.starts_with(dashes_)) return fail("a part's header line begins like a boundary");
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !http::is_token(text.substr(0, colon)) || !http::is_field_value(text))
    return fail("a part's header line is none");
  const std::string_view name = text.substr(0, colon);
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (http::same_name(name, "Content-Disposition")) return disposition(value, part);
  if (http::same_name(name, "Content-Transfer-Encoding")) {
    part.is_plain =
        http::same_name(value, "binary") || http::same_name(value, "8bit") || http::same_name(value, "7bit");
  }
  return true;
}

bool Scanner::disposition(std::string_view value, Part& part) {
  if (std::exchange(named_, true)) return fail("a part has two Content-Dispositions");
  std::string_view rest = value;
  rest.remove_prefix(std::min(rest.size(), value.find(';')));
  if (!http::same_name(trimmed(value.substr(0, value.size() - rest.size())), "form-data"))
    return fail("a part is no form-data");
  bool has_name = false;
  while (const auto parameter = next_parameter(rest)) {
    if (http::same_name(parameter->name, "name")) {
      if (std::exchange(has_name, true)) return fail("a part has two names");
      part.name = parameter->value;
    } else if (http::same_name(parameter->name, "filename") || http::same_name(parameter->name, "filename*")) {
      part.is_file = true;
    } else if (http::same_name(parameter->name, "name*")) {
      return fail("a part's name is encoded");
    }
  }
  if (!rest.empty()) return fail("a Content-Disposition cannot be understood");
  if (part.name.contains('\\')) return fail("a part's name holds a backslash");
  return has_name || fail("a part has no name");
}

bool is_boundary(std::string_view text) {
  const auto fits = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || std::string_view("'()+_,-./:=? ").contains(c);
  };
  return !text.empty() && text.size() <= 70 && !text.ends_with(' ') && std::ranges::all_of(text, fits);
}

}  // namespace

Result<std::vector<Part>> scan_multipart(std::string_view body, std::string_view boundary) {
  Scanner scanner(body, boundary);
  if (scanner.scan()) return std::move(scanner.parts);
  return rouse::fail(Code::malformed,
                     std::format("malformed multipart body at byte {}: {}", scanner.at(), scanner.wrong()));
}

std::string_view media_type(std::string_view content_type) {
  return trimmed(content_type.substr(0, content_type.find(';')));
}

Result<std::string> boundary_of(std::string_view content_type) {
  std::string_view rest = content_type;
  rest.remove_prefix(std::min(rest.size(), content_type.find(';')));
  std::optional<std::string_view> boundary;
  while (const auto parameter = next_parameter(rest)) {
    if (!http::same_name(parameter->name, "boundary")) continue;
    if (boundary) return rouse::fail(Code::malformed, "the content type names two boundaries");
    boundary = parameter->value;
  }
  if (!rest.empty() || !boundary || !is_boundary(*boundary))
    return rouse::fail(Code::malformed, "the content type multipart/form-data needs a boundary");
  return std::string(*boundary);
}

}  // namespace rouse::api

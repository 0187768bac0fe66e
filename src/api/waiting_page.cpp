#include "api/waiting_page.hpp"

#include <cstdint>
#include <format>
#include <optional>

#include "api/json.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names them.
namespace waiting_json {

struct Progress {
  std::string_view state;
  std::string_view progress;
  std::optional<double> done;
  std::uint64_t waiting;
};

}  // namespace waiting_json

namespace {

constexpr std::string_view kStyle = R"(<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; margin: 0 1rem }
h1 { font-size: 1.2rem; font-weight: 600 }
progress { width: min(24rem, 80vw) }
</style>)";

// Asks until there is an application, or until nobody waits for it any more: then the address is asked anew.
constexpr std::string_view kScript = R"(<script>
const text = document.getElementById('text'), bar = document.getElementById('bar');
async function look() {
  try {
    const answer = await fetch(location.href, {headers: {'X-Rouse-Progress': 'json'}, cache: 'no-store'});
    const {state, progress, done, waiting} = await answer.json();
    if (state === 'ready' || state === 'failed' || waiting === 0) return location.reload();
    text.textContent = progress;
    if (done === null) bar.removeAttribute('value'); else bar.value = done;
  } catch {
    text.textContent = 'no answer; asking again';
  }
  setTimeout(look, 500);
}
look();
</script>)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string error_page(const Fault& fault, std::string_view request_id) {
  const std::string context =
      fault.error.context.empty() ? "" : std::format("<pre>{}</pre>\n", escaped(fault.error.context));
  return std::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta "
      "charset=\"utf-8\">\n<title>{0}</title>\n{1}\n</head>\n<body>\n"
      "<h1>This application does not answer</h1>\n<p>{2}</p>\n{3}<p><a href=\"\">Try again</a></p>\n"
      "<p><small>{0}, {4}</small></p>\n</body>\n</html>",
      kind(fault.error.code).name, kStyle, escaped(fault.error.message), context, escaped(request_id));
}

}  // namespace

constinit const Dialect kPages{.error_body = error_page, .content_type = "text/html; charset=utf-8"};

bool wants_page(const http::RequestHead& head) {
  return head.method == "GET" && head.field("Accept").value_or("").contains("text/html") && !head.field("Upgrade");
}

std::string waiting_page(std::string_view model, std::string_view progress) {
  return std::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0} is waking</title>\n"
      "<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>\n{1}\n</head>\n<body>\n<h1>{0} is waking</h1>\n"
      "<progress id=\"bar\"></progress>\n<p id=\"text\">{2}</p>\n{3}\n</body>\n</html>\n",
      escaped(model), kStyle, escaped(progress), kScript);
}

std::string progress_json(const daemon::ModelStatus& model, std::string_view progress) {
  return to_json(waiting_json::Progress{
      .state = core::name(model.stage), .progress = progress, .done = model.progress, .waiting = model.waiting});
}

}  // namespace rouse::api

// run: one question, or a conversation that remembers what was said.
#include <format>
#include <string>

#include "cli/commands.hpp"
#include "cli/sse.hpp"
#include "cli/text.hpp"

namespace rouse::cli {
namespace {

// Prints an answer as it comes, and remembers it.
class Answer {
 public:
  Answer(Terminal& terminal, std::string_view model)
      : terminal_(terminal),
        live_(terminal),
        reader_({.event = [this](std::string_view data) { take(data); },
                 .comment = [this](std::string_view text) { live_.show(one_line(text)); }}) {
    live_.show(std::format("waiting for {}", model));
  }

  void feed(std::string_view piece) { reader_.feed(piece); }

  // To be called once, when nothing more comes. Leaves the cursor at the beginning of a line.
  Outcome<std::string> finish(Client::StreamEnd end) {
    live_.clear();
    if (!text_.empty() && !text_.ends_with('\n')) terminal_.out() << '\n';
    terminal_.out() << std::flush;
    if (failure_) return std::unexpected(*failure_);
    if (end == Client::StreamEnd::whole && !whole_) return failure(Exit::failed, "the answer broke off");
    if (reason_ == "length" && terminal_.look().err_is_terminal) {
      terminal_.err() << terminal_.painted(Style::faint, "(cut: the answer had reached its greatest length)") << '\n';
    }
    return text_;
  }

 private:
  void take(std::string_view data) {
    if (failure_) return;
    if (data == "[DONE]") {
      whole_ = true;
      return;
    }
    const auto chunk = read_chunk(data);
    if (!chunk) {
      failure_ = chunk.error();
    } else if (chunk->error) {
      failure_ = failure_of(0, *chunk->error);
    } else if (chunk->choices && !chunk->choices->empty()) {
      take(chunk->choices->front());
    }
  }

  void take(const ChatChoice& choice) {
    if (choice.delta && choice.delta->reasoning_content) think(*choice.delta->reasoning_content);
    if (choice.delta && choice.delta->content && !choice.delta->content->empty()) say(*choice.delta->content);
    if (choice.finish_reason) {
      whole_ = true;
      reason_ = *choice.finish_reason;
    }
  }

  void say(std::string_view words) {
    live_.clear();
    if (thinking_) terminal_.out() << "\n\n";
    thinking_ = false;
    terminal_.out() << (terminal_.look().out_is_terminal ? visible_(words) : std::string(words)) << std::flush;
    text_ += words;
  }

  void think(std::string_view words) {  // for whoever watches; a pipe gets the answer alone
    if (!terminal_.look().out_is_terminal || words.empty()) return;
    live_.clear();
    thinking_ = true;
    terminal_.out() << terminal_.painted(Style::faint, visible_(words)) << std::flush;
  }

  Terminal& terminal_;
  LiveLine live_;
  SseReader reader_;
  Visible visible_;
  std::string text_;
  std::string reason_;
  std::optional<Failure> failure_;
  bool whole_ = false;
  bool thinking_ = false;
};

class Conversation {
 public:
  Conversation(Session session, const RunOptions& options) : session_(session), options_(options) {
    request_.model = options.model;
    request_.max_tokens = options.max_tokens;
    request_.temperature = options.temperature;
    if (!options.system.empty()) request_.messages.push_back({"system", options.system});
    add_line("X-Rouse-Keep", options.keep);
    add_line("X-Rouse-Priority", options.priority);
    add_line("X-Rouse-Deadline", options.deadline);
  }

  // Prints the answer. A question without one is forgotten; of an interrupted answer, what there was is remembered.
  Outcome<Client::StreamEnd> ask(std::string question) {
    request_.messages.push_back({"user", std::move(question)});
    Answer answer(session_.terminal, options_.model);
    const auto end = session_.daemon.stream({.method = "POST",
                                             .target = "/v1/chat/completions",
                                             .body = written(request_),
                                             .extra_lines = lines_,
                                             .on_interrupt = Client::OnInterrupt::stop},
                                            [&](std::string_view piece) { answer.feed(piece); });
    auto text = answer.finish(end.value_or(Client::StreamEnd::interrupted));
    if (!end || !text) {
      request_.messages.pop_back();
      return std::unexpected(end ? text.error() : end.error());
    }
    request_.messages.push_back({"assistant", std::move(*text)});
    return *end;
  }

 private:
  void add_line(std::string_view name, std::string_view value) {
    if (!value.empty()) lines_ += std::format("{}: {}\r\n", name, value);
  }

  Session session_;
  const RunOptions& options_;
  ChatRequest request_;
  std::string lines_;
};

// Goes on after what concerned one question only.
bool is_final(Exit exit) {
  return exit == Exit::unreachable || exit == Exit::unknown_model || exit == Exit::not_allowed || exit == Exit::too_big;
}

Outcome<Exit> converse(Session session, Conversation& conversation) {
  Terminal& terminal = session.terminal;
  const bool person = terminal.is_conversation();
  while (true) {
    if (person) terminal.err() << terminal.painted(Style::strong, "> ") << std::flush;
    std::string question;
    if (!std::getline(terminal.in(), question)) break;
    if (question.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto end = conversation.ask(std::move(question));
    if (!end && (!person || is_final(end.error().exit))) return std::unexpected(end.error());
    if (!end) terminal.err() << terminal.painted(Style::bad, end.error().message) << '\n';
    if (end == Client::StreamEnd::interrupted && !person) return Exit::interrupted;
  }
  if (person) terminal.err() << '\n';
  return Exit::ok;
}

}  // namespace

Outcome<Exit> chat(Session session, const RunOptions& options) {
  Conversation conversation(session, options);
  if (!options.prompt.empty()) {
    const auto end = conversation.ask(options.prompt);
    if (!end) return std::unexpected(end.error());
    return *end == Client::StreamEnd::interrupted ? Exit::interrupted : Exit::ok;
  }
  // Says at once, not after the first question, that there is no such model.
  if (const auto model = session.daemon.get(model_target(options.model)); !model) return std::unexpected(model.error());
  return converse(session, conversation);
}

}  // namespace rouse::cli

// What the commands do once the command line is understood: ask the daemon, print what came back.
#pragma once

#include "cli/arguments.hpp"
#include "cli/client.hpp"
#include "cli/exit.hpp"
#include "cli/replies.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"

namespace rouse::cli {

struct Session {
  Client& daemon;
  Terminal& terminal;
};

Outcome<Exit> init(Terminal& terminal, const InitOptions& options);
Outcome<Exit> reload(Session session, const ReloadOptions& options);
Outcome<Exit> list(Session session, const ListOptions& options);
Outcome<Exit> names(Session session, const NamesOptions& options);  // ids and aliases, a line each
Outcome<Exit> show(Session session, const ShowOptions& options);
Outcome<Exit> ps(Session session, const PsOptions& options);
Outcome<Exit> devices(Session session, const DevicesOptions& options);
Outcome<Exit> requests(Session session, const RequestsOptions& options);
Outcome<Exit> cancel(Session session, const CancelOptions& options);
Outcome<Exit> reserve(Session session, const ReserveOptions& options);  // ends as the command does
Outcome<Exit> chat(Session session, const RunOptions& options);
Outcome<Exit> load(Session session, const LoadOptions& options);
Outcome<Exit> unload(Session session, const UnloadOptions& options);
Outcome<Exit> pin(Session session, const PinOptions& options);
Outcome<Exit> unpin(Session session, const UnpinOptions& options);
Outcome<Exit> forget(Session session, const ForgetOptions& options);
Outcome<Exit> trim(Session session, const TrimOptions& options);
Outcome<Exit> logs(Session session, const LogsOptions& options);

// The daemon's answer as it came, for --json.
void print_json(Terminal& terminal, std::string_view json);

// --- their words ---------------------------------------------------------------------------------------------

// The table of ps; empty where there is nothing to show.
std::string loaded_models(const ModelsReply& reply, const Terminal& terminal, WallTime now);

// "3 GiB", "~512 MiB" where it is estimated, "?" where nothing is known.
std::string size_in_words(const ModelReply& model);

// Style of the word that names its state.
Style style_of_state(const ModelReply& model);

// "3 processes hold 1 GiB each".
std::string in_words(const DuplicatesReply& duplicates);

std::string joined(const std::vector<std::string>& parts);  // "a, b"

// "1.5 GiB" for one device that is the host, else "gpu0 3 GiB, host 1 GiB"; empty for nothing.
std::string in_words(const Footprint& footprint);

// "unloaded chat: 1.5 GiB came back in 12 ms".
std::string in_words(const ReceiptReply& receipt, std::string_view model);

// "loading chat  43 %  1.2 s, about 2 s left".
std::string progress_line(const ModelReply& model, Duration elapsed);

// When a loaded model goes if nobody asks: "in use", "in 4 m 32 s", "never"; empty where nothing is loaded.
std::string expiry(const ModelReply& model, WallTime now);
// "43 %, about 3.8 s left" of one that loads or wakes, as far as is known; empty for others.
std::string how_far(const ModelReply& model);

}  // namespace rouse::cli

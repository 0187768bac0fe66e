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

Outcome<Exit> list(Session session, const ListOptions& options);
Outcome<Exit> ps(Session session, const PsOptions& options);
Outcome<Exit> devices(Session session, const DevicesOptions& options);
Outcome<Exit> chat(Session session, const RunOptions& options);
Outcome<Exit> load(Session session, const LoadOptions& options);
Outcome<Exit> unload(Session session, const UnloadOptions& options);
Outcome<Exit> logs(Session session, const LogsOptions& options);

// The daemon's answer as it came, for --json.
void print_json(Terminal& terminal, std::string_view json);

// --- their words ---------------------------------------------------------------------------------------------

// "1.5 GiB" for one device that is the host, else "gpu0 3 GiB, host 1 GiB"; empty for nothing.
std::string in_words(const Footprint& footprint);

// "unloaded chat: 1.5 GiB came back in 12 ms".
std::string in_words(const ReceiptReply& receipt, std::string_view model);

// "loading chat  43 %  1.2 s, about 2 s left".
std::string progress_line(const ModelReply& model, Duration elapsed);

// When a loaded model goes if nobody asks: "in use", "in 4 m 32 s", "never"; empty where nothing is loaded.
std::string expiry(const ModelReply& model, WallTime now);

}  // namespace rouse::cli

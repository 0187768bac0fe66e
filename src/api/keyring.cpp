#include "api/keyring.hpp"

#include <format>
#include <functional>
#include <optional>

namespace rouse::api {

using std::chrono::minutes;

struct KeyUse {
  std::optional<std::uint32_t> at_once;
  std::optional<std::uint32_t> per_minute;
  std::uint32_t under_way = 0;
  Duration spent{};  // of the minute's time that requests have taken, each its share of it; passes as time does
  TimePoint seen{};  // when `spent` was right
};

namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kHow = "send one with the header Authorization: Bearer KEY";

// What a field brings as a key; nothing if it is none that could.
std::optional<std::string_view> key_in(const http::Field& field) {
  if (field.name.size() == 13 && http::same_name(field.name, "authorization")) {
    std::string_view value = field.value;
    if (value.size() <= kBearer.size() || !http::same_name(value.substr(0, kBearer.size()), kBearer)) return "";
    value.remove_prefix(kBearer.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  const bool named = (field.name.size() == 9 && http::same_name(field.name, "x-api-key")) ||
                     (field.name.size() == 7 && http::same_name(field.name, "api-key"));
  return named ? std::optional(field.value) : std::nullopt;
}

// The one key that the request shows.
Result<std::string_view> shown_key(const http::RequestHead& head) {
  std::optional<std::string_view> shown;
  for (const http::Field& field : head.fields) {
    const auto key = key_in(field);
    if (!key) continue;
    if (shown && *shown != *key) return fail(Code::unauthenticated, "the request shows two different keys; send one");
    shown = key;
  }
  if (!shown) return fail(Code::unauthenticated, std::format("this server needs a key; {}", kHow));
  if (shown->empty()) return fail(Code::unauthenticated, std::format("there is no key in this request; {}", kHow));
  return *shown;
}

}  // namespace

KeyLease::~KeyLease() {
  if (use_) --use_->under_way;
}

Keyring::Keyring(std::vector<config::Key> keys) { replace(std::move(keys)); }

void Keyring::replace(std::vector<config::Key> keys) {
  std::map<std::string, Holder> holders;
  for (config::Key& key : keys) {
    const auto before = holders_.find(key.name);
    auto use = before == holders_.end() ? std::make_shared<KeyUse>() : before->second.use;  // owners: see Caller
    use->at_once = key.at_once;
    use->per_minute = key.per_minute;
    std::string name = key.name;
    holders.emplace(std::move(name), Holder{std::move(key), std::move(use)});
  }
  holders_ = std::move(holders);
}

Caller Keyring::owner(std::string_view peer) {
  return {.key = {}, .role = config::Role::admin, .client = ClientId{std::hash<std::string_view>{}(peer)}};
}

const config::KeyHash& KnownHash::of(std::string_view key) {
  if (key_ != key) {
    key_ = key;
    hash_ = config::hash_of(key);
  }
  return hash_;
}

Caller Keyring::passer_by(std::string_view peer) const {
  Caller caller = owner(peer);
  if (!holders_.empty()) caller.role = config::Role::use;
  return caller;
}

Result<Caller> Keyring::identify(const http::RequestHead& head, std::string_view peer, KnownHash& known) const {
  if (holders_.empty()) return owner(peer);
  const auto shown = shown_key(head);
  if (!shown) return std::unexpected(shown.error());
  const config::KeyHash& hash = known.of(*shown);
  const Holder* found = nullptr;
  for (const auto& [name, holder] : holders_) {  // all of them, whichever it is
    for (const config::KeyHash& of_holder : holder.key.hashes) {
      if (of_holder == hash) found = &holder;
    }
  }
  if (!found) return fail(Code::unauthenticated, "this key is not known here; ask whoever runs the server for one");
  return Caller{.key = found->key.name,
                .role = found->key.role,
                .client = ClientId{std::hash<std::string_view>{}(found->key.name)},
                .highest = found->key.priority,
                .longest = found->key.keep,
                .use = found->use};
}

std::expected<KeyLease, Fault> Keyring::begin(const Caller& caller, TimePoint now) {
  if (!caller.use) return KeyLease();
  KeyUse& use = *caller.use;
  const auto refusal = [&](std::string message, Duration when) {
    Fault fault(Error{Code::client_limit, std::move(message), {}});
    fault.retry_after = when;
    return std::unexpected(std::move(fault));
  };
  if (use.at_once && use.under_way >= *use.at_once) {
    return refusal(
        std::format("this key may have {} requests under way at once; wait until one of them has ended", *use.at_once),
        std::chrono::seconds(1));
  }
  if (use.per_minute) {
    // Each request spends its share of a minute; a minute may be spent in advance.
    const Duration share = Duration(minutes(1)) / *use.per_minute;
    use.spent = std::max(Duration::zero(), use.spent - (now - use.seen));
    use.seen = now;
    if (use.spent + share > minutes(1)) {
      return refusal(std::format("this key may make {} requests a minute, and has", *use.per_minute),
                     use.spent + share - minutes(1));
    }
    use.spent += share;
  }
  ++use.under_way;
  return KeyLease(caller.use);
}

}  // namespace rouse::api

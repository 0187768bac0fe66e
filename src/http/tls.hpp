// TLS towards upstreams, without sockets: bytes in, bytes out. Stream carries them.
//
// The upstream has to show a certificate for the very name or address that it is asked by, signed by somebody whom this
// machine trusts, or by an authority of `ca_file`; there is no way to switch that off. Owner thread.
#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/address.hpp"

namespace rouse::http {

struct OpenSsl;

struct FreeSsl {
  const OpenSsl* openssl;
  void operator()(ssl_st* ssl) const;
  void operator()(ssl_ctx_st* context) const;
};

// One connection's. Bytes from the upstream are put into space() and told by arrived(); what is to be sent to it stands
// in outgoing() until it was sent().
class TlsSession {
 public:
  TlsSession(std::shared_ptr<const OpenSsl> openssl, ssl_ctx_st& context, const Address& upstream);

  enum class Step : std::uint8_t { done, needs_more, failed };
  Step shake_hands();
  // After a failed one. untrusted: its certificate is at fault, and how; upstream_failed: anything else.
  Error why() const;

  std::span<char> space() { return buffer_; }
  void arrived(std::size_t bytes);
  // What has been decrypted, as far as it is there; 0: more has to arrive, or see ended().
  std::size_t read(std::span<char> into);
  bool may_have_more() const;  // to read, before anything else arrives
  enum class Ended : std::uint8_t { no, in_order, broken };
  Ended ended() const { return ended_; }

  bool write(std::string_view bytes);  // false: it is broken
  std::string_view outgoing() const { return std::string_view(out_).substr(sent_); }
  void sent(std::size_t bytes);

 private:
  void collect();

  std::shared_ptr<const OpenSsl> openssl_;  // owners: see OpenSsl
  std::unique_ptr<ssl_st, FreeSsl> ssl_;
  std::string name_;  // whom we want to talk to
  std::string buffer_;
  std::string out_;
  std::size_t sent_ = 0;
  Ended ended_ = Ended::no;
};

// What sessions are made from: for each ca_file, whom to trust. Read when they are first needed: the machine's own are
// some hundred.
class TlsTrust {
 public:
  // Fails with misconfigured when the file cannot be used. One that has changed is read again.
  Result<std::unique_ptr<TlsSession>> begin(const Address& upstream);

 private:
  struct Known {
    std::filesystem::file_time_type written;
    std::unique_ptr<ssl_ctx_st, FreeSsl> context{nullptr, FreeSsl{}};
  };
  std::shared_ptr<const OpenSsl> openssl_;  // once it is needed; owners: see OpenSsl
  std::map<std::string, Known> known_;
};

}  // namespace rouse::http

#include "http/tls.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <format>
#include <new>

#include "http/openssl.hpp"

namespace rouse::http {
namespace {

constexpr std::size_t kRecord = std::size_t{16} << 10;  // the most that is encrypted in one piece

bool is_numeric(const std::string& host) {
  in6_addr address;  // holds either
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// What is wrong with the certificate, and what to do about it.
std::string complaint(const OpenSsl& openssl, long verdict, std::string_view name) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate has expired; it needs a new one";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "its certificate is not valid yet; is this machine's clock right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return std::format("its certificate is not for {}; the url has to name it as its certificate does", name);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "its certificate is signed by nobody whom this machine trusts; if that is as it should be, name the "
             "authority's certificate as ca_file";
    default: return std::format("its certificate is refused: {}", openssl.X509_verify_cert_error_string(verdict));
  }
}

std::string last_error(const OpenSsl& openssl) {
  const unsigned long code = openssl.ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : openssl.ERR_reason_error_string(code);
  openssl.ERR_clear_error();
  return reason ? reason : "the connection was closed";
}

}  // namespace

void FreeSsl::operator()(ssl_st* ssl) const { openssl->SSL_free(ssl); }
void FreeSsl::operator()(ssl_ctx_st* context) const { openssl->SSL_CTX_free(context); }

TlsSession::TlsSession(std::shared_ptr<const OpenSsl> openssl, ssl_ctx_st& context, const Address& upstream)
    : openssl_(std::move(openssl)),
      ssl_(openssl_->SSL_new(&context), FreeSsl{openssl_.get()}),
      name_(upstream.host),
      buffer_(kRecord, '\0') {
  BIO* in = openssl_->BIO_new(openssl_->BIO_s_mem());
  BIO* out = openssl_->BIO_new(openssl_->BIO_s_mem());
  if (!ssl_ || in == nullptr || out == nullptr) throw std::bad_alloc();
  openssl_->SSL_set_bio(ssl_.get(), in, out);
  openssl_->SSL_set_connect_state(ssl_.get());
  if (is_numeric(name_)) {
    openssl_->X509_VERIFY_PARAM_set1_ip_asc(openssl_->SSL_get0_param(ssl_.get()), name_.c_str());
  } else {
    openssl_->SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name_.data());
    openssl_->SSL_set1_host(ssl_.get(), name_.c_str());
  }
}

TlsSession::Step TlsSession::shake_hands() {
  openssl_->ERR_clear_error();
  const int result = openssl_->SSL_do_handshake(ssl_.get());
  collect();
  if (result == 1) return Step::done;
  return openssl_->SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ ? Step::needs_more : Step::failed;
}

Error TlsSession::why() const {
  const long verdict = openssl_->SSL_get_verify_result(ssl_.get());
  const std::string detail = std::format("TLS with {}: {}", name_, last_error(*openssl_));
  if (verdict == X509_V_OK) return {Code::upstream_failed, "no TLS connection can be made", detail};
  return {Code::untrusted, complaint(*openssl_, verdict, name_), detail};
}

void TlsSession::arrived(std::size_t bytes) {
  openssl_->BIO_write(openssl_->SSL_get_rbio(ssl_.get()), buffer_.data(), static_cast<int>(bytes));
}

std::size_t TlsSession::read(std::span<char> into) {
  openssl_->ERR_clear_error();
  std::size_t got = 0;
  const int result = openssl_->SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  collect();
  if (result == 1) return got;
  const int error = openssl_->SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_ZERO_RETURN) ended_ = Ended::in_order;
  if (error != SSL_ERROR_ZERO_RETURN && error != SSL_ERROR_WANT_READ) ended_ = Ended::broken;
  return 0;
}

bool TlsSession::may_have_more() const {
  return openssl_->SSL_pending(ssl_.get()) > 0 || openssl_->BIO_ctrl_pending(openssl_->SSL_get_rbio(ssl_.get())) > 0;
}

bool TlsSession::write(std::string_view bytes) {
  openssl_->ERR_clear_error();
  while (!bytes.empty()) {
    std::size_t taken = 0;
    if (openssl_->SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), kRecord), &taken) != 1) return false;
    bytes.remove_prefix(taken);
  }
  collect();
  return true;
}

void TlsSession::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < out_.size()) return;
  out_.clear();
  sent_ = 0;
}

void TlsSession::collect() {
  BIO* out = openssl_->SSL_get_wbio(ssl_.get());
  const std::size_t before = out_.size();
  out_.resize(before + openssl_->BIO_ctrl_pending(out));
  if (out_.size() > before) openssl_->BIO_read(out, out_.data() + before, static_cast<int>(out_.size() - before));
}

Result<std::unique_ptr<TlsSession>> TlsTrust::begin(const Address& upstream) {
  if (!openssl_) {
    auto opened = OpenSsl::open();
    if (!opened) return std::unexpected(std::move(opened.error()));
    openssl_ = std::move(*opened);
  }
  std::error_code ignored;
  const auto written = upstream.ca_file.empty() ? std::filesystem::file_time_type()
                                                : std::filesystem::last_write_time(upstream.ca_file, ignored);
  Known& known = known_[upstream.ca_file];
  if (!known.context || known.written != written) {
    std::unique_ptr<ssl_ctx_st, FreeSsl> context(openssl_->SSL_CTX_new(openssl_->TLS_client_method()),
                                                 FreeSsl{openssl_.get()});
    if (!context) throw std::bad_alloc();
    openssl_->SSL_CTX_ctrl(context.get(), SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
    openssl_->SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    openssl_->SSL_CTX_ctrl(context.get(), SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, nullptr);
    const bool read = upstream.ca_file.empty()
                          ? openssl_->SSL_CTX_set_default_verify_paths(context.get()) == 1
                          : openssl_->SSL_CTX_load_verify_file(context.get(), upstream.ca_file.c_str()) == 1;
    if (!read) {
      return fail(Code::untrusted, "the certificates of its ca_file cannot be read, so that nobody can be trusted",
                  std::format("{}: {}", upstream.ca_file, last_error(*openssl_)));
    }
    known = {written, std::move(context)};
  }
  return std::make_unique<TlsSession>(openssl_, *known.context, upstream);
}

}  // namespace rouse::http

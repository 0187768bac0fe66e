// The functions of OpenSSL 3 that TLS needs. Its libraries are opened when the first https upstream is asked, not
// linked: they would cost every start a millisecond and every daemon two megabytes.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/result.hpp"

namespace rouse::http {

// clang-format off
#define ROUSE_OPENSSL_FUNCTIONS(X) \
  X(BIO_ctrl_pending) X(BIO_new) X(BIO_read) X(BIO_s_mem) X(BIO_write) X(ERR_clear_error) X(ERR_peek_last_error) \
  X(ERR_reason_error_string) X(SSL_CTX_ctrl) X(SSL_CTX_free) X(SSL_CTX_load_verify_file) X(SSL_CTX_new) \
  X(SSL_CTX_set_default_verify_paths) X(SSL_CTX_set_verify) X(SSL_ctrl) X(SSL_do_handshake) X(SSL_free) \
  X(SSL_get0_param) X(SSL_get_error) X(SSL_get_rbio) X(SSL_get_verify_result) X(SSL_get_wbio) X(SSL_new) \
  X(SSL_pending) X(SSL_read_ex) X(SSL_set1_host) X(SSL_set_bio) X(SSL_set_connect_state) X(SSL_write_ex) \
  X(TLS_client_method) X(X509_VERIFY_PARAM_set1_ip_asc) X(X509_verify_cert_error_string)
// clang-format on

// Each function by its own name: ssl.SSL_new(context).
struct OpenSsl {
  // NOLINTBEGIN(readability-identifier-naming)
#define ROUSE_MEMBER(name) decltype(&::name) name;
  ROUSE_OPENSSL_FUNCTIONS(ROUSE_MEMBER)
#undef ROUSE_MEMBER
  // NOLINTEND(readability-identifier-naming)

  // Fails with untrusted when this machine has no OpenSSL 3. The libraries stay open.
  static Result<std::shared_ptr<const OpenSsl>> open();  // owners: TlsTrust and its sessions
};

}  // namespace rouse::http

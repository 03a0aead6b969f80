#include "engine/tls/tls.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/base/check.h"
#include "engine/io/address.h"
#include "engine/tls/client_authority.h"
#include "engine/tls/client_context.h"
#include "engine/tls/context.h"
#include "engine/tls/hello.h"
#include "engine/tls/library.h"
#include "engine/tls/limits.h"
#include "engine/tls/session_memory.h"

namespace sluice::tls {
namespace {

// RFC 8446 section 6.
constexpr std::uint8_t kAlertHandshakeFailure = 40;
constexpr std::uint8_t kAlertDecodeError = 50;
constexpr std::uint8_t kAlertInternalError = 80;
constexpr std::uint8_t kAlertUnrecognizedName = 112;

// An IP address in the way that wolfSSL writes those of a certificate: IPv6 as eight groups of four
// digits.
std::string certificate_ip(const io::Address& address) {
  if (address.family() == AF_INET) return address.ip();
  const auto bytes = address.ip_bytes();
  if (bytes.size() != 16) return address.ip();
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    std::array<char, 8> group{};
    std::snprintf(group.data(), group.size(), i == 0 ? "%02X%02X" : ":%02X%02X", bytes[i], bytes[i + 1]);
    text += group.data();
  }
  return text;
}

}  // namespace

// ----------------------------------------------------------------------------------- life

TlsSession::TlsSession() { const CountsAsSession counting(sizeof *this); }

std::unique_ptr<TlsSession> TlsSession::server(TlsContext& context) {
  std::unique_ptr<TlsSession> session(new TlsSession);
  session->server_context_ = &context;
  return session;
}

std::unique_ptr<TlsSession> TlsSession::client(TlsClientContext& context, std::string_view server_name) {
  std::unique_ptr<TlsSession> session(new TlsSession);
  session->client_context_ = &context;
  const CountsAsSession counting;
  session->start_client(server_name);
  return session;
}

TlsSession::~TlsSession() {
  const CountsAsSession counting(-static_cast<std::int64_t>(sizeof *this));
  if (session_ == nullptr) return;
  const bool worked = state_ == TlsState::open || state_ == TlsState::closed;
  // Not in TLS 1.2: there wolfSSL's client breaks off when a server no longer takes its ticket.
  if (client_context_ != nullptr && worked && !sni_.empty() && wolfSSL_version(session_) == TLS1_3_VERSION)
    if (WOLFSSL_SESSION* session = wolfSSL_get1_session(session_)) client_context_->keep_session(sni_, session);
  wolfSSL_free(session_);
}

bool TlsSession::attach(WOLFSSL* session) {
  session_ = session;
  if (session_ == nullptr) return false;
  wolfSSL_SetIOReadCtx(session_, this);
  wolfSSL_SetIOWriteCtx(session_, this);
  wolfSSL_SetCertCbCtx(session_, this);
  return true;
}

// Makes wolfSSL's session as soon as the ClientHello says for which name.
void TlsSession::start_server() {
  if (!hello_.empty()) hello_ += input_;
  const std::string_view so_far = hello_.empty() ? input_ : std::string_view(hello_);
  const ClientHello hello = read_client_hello(so_far);
  if (hello.result == HelloResult::bad) return fail_with_alert(hello.error, kAlertDecodeError);
  if (hello.result == HelloResult::need_more) {
    if (hello_.empty()) hello_ = input_;
    input_ = {};
    return;
  }
  // RFC 8446 section 4.1.1: without a common group "the server MUST abort the handshake with a
  // "handshake_failure" or an "insufficient_security" alert"; wolfSSL would say illegal_parameter.
  if (hello.groups == HelloGroups::none_in_common)
    return fail_with_alert("no common group for the key exchange", kAlertHandshakeFailure);
  // A name that is no host name has no certificate: the default certificate answers, as for a name that we
  // do not know.
  sni_ = clean_host_name(hello.server_name).value_or("");
  keys_ = hello.keys;
  input_ = so_far;
  if (auto found = server_context_->certificates_.find_loaded(sni_)) {
    host_ = *std::move(found);
    return show_certificate();
  }
  needs_certificates_ = true;
  if (hello_.empty()) hello_ = input_;
  input_ = {};
}

void TlsSession::show_certificate() {
  if (host_ == nullptr)
    return fail_with_alert("no certificate for the name that was asked for", kAlertUnrecognizedName);
  if (!attach(server_context_->make_session(*host_->choose(keys_))))
    return fail_with_alert("out of memory", kAlertInternalError);
  CHECK(wolfSSL_SetMinVersion(session_, wolfssl_version(server_context_->options_.min_version)) == WOLFSSL_SUCCESS);
  // What the exporter is computed from would be gone when the handshake ends.
  if (server_context_->options_.channel_binding) wolfSSL_KeepArrays(session_);
  if (!server_context_->options_.tickets) {
    wolfSSL_no_ticket_TLSv13(session_);
    wolfSSL_NoTicketTLSv12(session_);
  }
}

CertificateStore& TlsSession::certificate_store() const { return server_context_->certificates_; }
TaskSet& TlsSession::searches() const { return server_context_->searches(); }

TlsState TlsSession::certificates_found(const std::shared_ptr<const HostCertificates>& found) {
  const CountsAsSession counting;
  CHECK(needs_certificates_ && session_ == nullptr);
  needs_certificates_ = false;
  if (state_ != TlsState::handshaking) return state_;
  host_ = found;
  input_ = hello_;
  show_certificate();
  if (session_ != nullptr) handshake();
  input_ = {};
  hello_ = std::string();
  return state_;
}

void TlsSession::start_client(std::string_view server_name) {
  const bool required = client_context_->verify_ == TlsVerify::required;
  if (!attach(wolfSSL_new(client_context_->context_))) return fail("out of memory");
  if (!expect_name(server_name) && required) return fail("the next hop's name is neither a host name nor an address");
  if (!sni_.empty())
    if (WOLFSSL_SESSION* session = client_context_->take_session(sni_)) {
      // Refused when it is too old, which is as well.
      static_cast<void>(wolfSSL_set_session(session_, session));
      wolfSSL_SESSION_free(session);
    }
  handshake();
}

// RFC 6066 section 3: addresses are not sent as SNI.  wolfSSL compares the name when it verifies at
// all.
bool TlsSession::expect_name(std::string_view server_name) {
  if (const auto address = io::Address::from_ip(server_name, 0))
    return wolfSSL_check_domain_name(session_, certificate_ip(*address).c_str()) == WOLFSSL_SUCCESS;
  sni_ = clean_host_name(server_name).value_or("");
  if (sni_.empty()) return false;
  const auto size = static_cast<unsigned short>(sni_.size());
  return wolfSSL_UseSNI(session_, WOLFSSL_SNI_HOST_NAME, sni_.data(), size) == WOLFSSL_SUCCESS &&
         wolfSSL_check_domain_name(session_, sni_.c_str()) == WOLFSSL_SUCCESS;
}

// ----------------------------------------------------------------------------------- bytes

TlsState TlsSession::feed(std::string_view ciphertext, Chain& plaintext) {
  if (state_ == TlsState::closed || state_ == TlsState::failed) return state_;
  if (needs_certificates_) {
    hello_ += ciphertext;
    if (hello_.size() > kTlsClientHandshakeBytesMax) fail_with_alert("handshake too long", kAlertDecodeError);
    return state_;
  }
  const CountsAsSession counting;
  input_ = ciphertext;
  if (session_ == nullptr) start_server();
  if (session_ != nullptr && state_ == TlsState::handshaking) handshake();
  if (state_ == TlsState::open) read_all(plaintext);
  input_ = {};
  if (session_ != nullptr) hello_ = std::string();  // it was input
  return state_;
}

void TlsSession::handshake() {
  const bool server = server_context_ != nullptr;
  const int result = server ? wolfSSL_accept(session_) : wolfSSL_connect(session_);
  if (client_chain_came_) server_context_->forget_client_chains();
  if (result == WOLFSSL_SUCCESS) return opened();
  if (wolfSSL_get_error(session_, result) != WOLFSSL_ERROR_WANT_READ) fail_wolfssl(result, "handshake");
}

void TlsSession::opened() {
  state_ = TlsState::open;
  records_.idle = 0;
  // In this mode wolfSSL has checked chain and name, or the handshake had failed.
  verified_ = client_context_ != nullptr && client_context_->verify_ == TlsVerify::required;
  if (server_context_ != nullptr && server_context_->options_.channel_binding) take_channel_binding();
  if (!client_leaf_.empty()) take_client_certificate();
}

// RFC 9266 section 2: "a 32-byte EKM with the label EXPORTER-Channel-Binding and a zero-length context value". Not
// below TLS 1.3, where it would be safe with the extended master secret alone (section 4.2).
void TlsSession::take_channel_binding() {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  constexpr std::size_t kBytes = 32;
  if (wolfSSL_version(session_) == TLS1_3_VERSION) {
    std::array<unsigned char, kBytes> bytes{};
    const int made = wolfSSL_export_keying_material(session_, bytes.data(), bytes.size(), kLabel.data(), kLabel.size(),
                                                    nullptr, 0, /*use_context=*/0);
    if (made == WOLFSSL_SUCCESS) channel_binding_.assign(bytes.begin(), bytes.end());
  }
  wolfSSL_FreeArrays(session_);
}

// The library has seen the client sign with its key, or the handshake had failed.
void TlsSession::take_client_certificate() {
  const std::string der = std::exchange(client_leaf_, {});
  client_certificate_ = std::make_unique<const ClientCertificate>(
      server_context_->client_authority_->check(der, server_context_->certificates_.wall()));
}

void TlsSession::read_all(Chain& plaintext) {
  while (state_ == TlsState::open) {
    const auto pending = static_cast<std::size_t>(wolfSSL_pending(session_));
    if (input_.empty() && pending == 0) return;
    // Plaintext is shorter than its ciphertext, but for what is left from an earlier piece.
    const std::size_t wanted = std::min(std::max(input_.size(), pending), kTlsPlaintextBytesMax);
    const std::span<std::byte> room = plaintext.reserve(wanted);
    const int size = static_cast<int>(std::min(room.size(), kTlsPlaintextBytesMax));
    const int result = wolfSSL_read(session_, room.data(), size);
    plaintext.commit(result > 0 ? static_cast<std::size_t>(result) : 0);
    if (result > 0) {
      records_.plaintext_came();
      continue;
    }
    const int error = wolfSSL_get_error(session_, result);
    if (error == WOLFSSL_ERROR_WANT_READ) continue;  // ends with the input
    if (error == WOLFSSL_ERROR_ZERO_RETURN)
      state_ = TlsState::closed;
    else
      fail_wolfssl(result, "reading");
  }
}

TlsState TlsSession::write(std::string_view plaintext) {
  const CountsAsSession counting;
  while (state_ == TlsState::open && !plaintext.empty()) {
    const std::size_t size = std::min(plaintext.size(), kTlsPlaintextBytesMax);
    const int result = wolfSSL_write(session_, plaintext.data(), static_cast<int>(size));
    if (result <= 0)
      fail_wolfssl(result, "writing");
    else
      plaintext.remove_prefix(static_cast<std::size_t>(result));
  }
  return state_;
}

void TlsSession::close() {
  const CountsAsSession counting;
  const bool spoken = state_ == TlsState::open || state_ == TlsState::closed;
  if (spoken && !close_sent_) {
    close_sent_ = true;
    wolfSSL_shutdown(session_);
  }
  if (state_ != TlsState::failed) state_ = TlsState::closed;
}

// ----------------------------------------------------------------------------------- limits

void TlsSession::RecordCounter::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t body = std::min<std::size_t>(body_left, bytes.size());
    body_left -= static_cast<std::uint32_t>(body);
    bytes.remove_prefix(body);
    if (bytes.empty()) return;
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    ++header_bytes;
    if (header_bytes == kTlsRecordHeaderBytes - 1) length_high = byte;
    if (header_bytes < kTlsRecordHeaderBytes) continue;
    header_bytes = 0;
    body_left = static_cast<std::uint32_t>(length_high << 8 | byte);
    ++idle;
  }
}

void TlsSession::RecordCounter::plaintext_came() {
  // The last record brought it; those before did not.
  if (idle > 1) idle_total += idle - 1;
  idle = 0;
}

const char* TlsSession::over_limit() const {
  if (records_.body_left > kTlsRecordBodyBytesMax) return "record too long";
  if (state_ == TlsState::handshaking) {
    const bool server = server_context_ != nullptr;
    const std::size_t most = server ? kTlsClientHandshakeBytesMax : kTlsServerHandshakeBytesMax;
    if (handshake_bytes_ > most) return "handshake too long";
    if (records_.idle > kTlsHandshakeRecordsMax) return "handshake in too many records";
    return nullptr;
  }
  if (records_.idle > kTlsIdleRecordsMax) return "too many records without data";
  if (records_.idle_total > kTlsIdleRecordsTotalMax) return "too many records without data";
  return nullptr;
}

// ----------------------------------------------------------------------------------- failure

void TlsSession::fail(std::string why) {
  state_ = TlsState::failed;
  error_ = std::move(why);
}

// Before there are keys, an alert is a record in the clear.
void TlsSession::fail_with_alert(std::string why, std::uint8_t alert) {
  const std::array<char, 7> record{21, 3, 3, 0, 2, 2, static_cast<char>(alert)};
  outgoing_.append_copy({record.data(), record.size()});
  fail(std::move(why));
}

void TlsSession::fail_wolfssl(int result, std::string_view doing) {
  std::string why(doing);
  why += ": ";
  WOLFSSL_ALERT_HISTORY alerts{};
  if (const char* limit = over_limit())
    why += limit;
  else if (wolfSSL_get_alert_history(session_, &alerts) == WOLFSSL_SUCCESS && alerts.last_rx.level == alert_fatal)
    why += "the peer sent the alert " + alert_text(alerts.last_rx.code);
  else
    why += wolfssl_error_text(wolfSSL_get_error(session_, result));
  fail(std::move(why));
}

// ----------------------------------------------------------------------------------- facts

const char* TlsSession::version() const { return session_ != nullptr ? wolfSSL_get_version(session_) : ""; }

const char* TlsSession::cipher() const {
  const char* name = session_ != nullptr ? wolfSSL_get_cipher(session_) : nullptr;
  return name != nullptr ? name : "";
}

TlsFacts TlsSession::facts() const {
  const char* curve = session_ != nullptr ? wolfSSL_get_curve_name(session_) : nullptr;
  return {.version = version(),
          .group = absl::AsciiStrToLower(curve != nullptr ? curve : ""),  // wolfSSL: "X25519", "SECP256R1"
          .verified = verified()};
}

bool TlsSession::resumed() const { return session_ != nullptr && wolfSSL_session_reused(session_) != 0; }

std::string_view TlsSession::host() const { return host_ ? std::string_view(host_->host) : std::string_view(); }

std::string_view TlsSession::reached_as() const {
  return host_ && host_->is_for(sni_) ? std::string_view(sni_) : std::string_view();
}

std::string_view TlsSession::policy_url() const {
  return reached_as().empty() ? std::string_view() : std::string_view(host_->policy_url);
}

}  // namespace sluice::tls

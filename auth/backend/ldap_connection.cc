#include "auth/backend/ldap_connection.h"

#include <ldap.h>
#include <sys/time.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr ber_len_t kMessageBytesMax = 1U << 20U;

timeval timeval_of(Duration span) {
  const auto rounded = std::chrono::ceil<std::chrono::microseconds>(span).count();
  constexpr std::int64_t kMicroseconds = 1'000'000;
  return {.tv_sec = rounded / kMicroseconds, .tv_usec = rounded % kMicroseconds};
}

std::string uri_of(const BackendServer& server, BackendTls tls) {
  if (!server.is_path()) return (tls == BackendTls::implicit ? "ldaps://" : "ldap://") + server.to_string();
  // The path is a host name there, escaped as RFC 3986 has it.
  std::string uri = "ldapi://";
  for (const char c : server.host) append_escaped(uri, '%', c);
  return uri;
}

// A layer of the library's own stack of them, between its socket and TLS: its handshake and its reads of a message that
// has begun to come have no end of their own, whatever its settings.
struct Limited {
  const io::BlockingDeadline* deadline = nullptr;  // of the step that is under way; null while the handle ends
};
bool may_go_on(const Sockbuf_IO_Desc* layer, bool to_read) {
  const io::BlockingDeadline* const deadline = static_cast<const Limited*>(layer->sbiod_pvt)->deadline;
  ber_socket_t descriptor = -1;
  ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &descriptor);
  if (deadline == nullptr || deadline->wait(descriptor, to_read, !to_read)) return true;
  errno = ETIMEDOUT;
  return false;
}
int set_up_layer(Sockbuf_IO_Desc* layer, void* limited) {
  layer->sbiod_pvt = limited;
  return 0;
}
int end_layer(Sockbuf_IO_Desc* /*layer*/) { return 0; }
int control_layer(Sockbuf_IO_Desc* layer, int option, void* argument) {
  return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}
ber_slen_t read_in_time(Sockbuf_IO_Desc* layer, void* bytes, ber_len_t size) {
  return may_go_on(layer, true) ? LBER_SBIOD_READ_NEXT(layer, bytes, size) : -1;
}
ber_slen_t write_in_time(Sockbuf_IO_Desc* layer, void* bytes, ber_len_t size) {
  return may_go_on(layer, false) ? LBER_SBIOD_WRITE_NEXT(layer, bytes, size) : -1;
}
Sockbuf_IO kLimitedLayer{.sbi_setup = &set_up_layer,
                         .sbi_remove = &end_layer,
                         .sbi_ctrl = &control_layer,
                         .sbi_read = &read_in_time,
                         .sbi_write = &write_in_time,
                         .sbi_close = &end_layer};
constexpr int kLayerLevel = (LBER_SBIOD_LEVEL_PROVIDER + LBER_SBIOD_LEVEL_TRANSPORT) / 2;

// Called between connect() and TLS.
int on_connected(LDAP* /*handle*/, Sockbuf* socket, LDAPURLDesc* /*server*/, sockaddr* /*address*/,
                 ldap_conncb* called) {
  ber_len_t most = kMessageBytesMax;
  ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &most);
  return ber_sockbuf_add_io(socket, &kLimitedLayer, kLayerLevel, called->lc_arg) == 0 ? LDAP_SUCCESS : -1;
}
void on_disconnecting(LDAP* /*handle*/, Sockbuf* /*socket*/, ldap_conncb* /*called*/) {}

}  // namespace

struct LdapConnection::Callback {
  Limited limited;
  ldap_conncb value{.lc_add = &on_connected, .lc_del = &on_disconnecting, .lc_arg = &limited};
};

LdapConnection::LdapConnection(ldap* handle, std::string server)
    : server_(std::move(server)), callback_(new Callback), handle_(handle) {}

LdapConnection::Limit::Limit(LdapConnection& connection, const io::BlockingDeadline& deadline)
    : callback_(*connection.callback_) {
  callback_.limited.deadline = &deadline;
}
LdapConnection::Limit::~Limit() { callback_.limited.deadline = nullptr; }

void LdapConnection::FreeCallback::operator()(Callback* callback) const { delete callback; }
void LdapConnection::Unbind::operator()(ldap* handle) const { ldap_unbind_ext(handle, nullptr, nullptr); }
void LdapConnection::Free::operator()(ldapmsg* message) const { ldap_msgfree(message); }

std::unexpected<std::string> LdapConnection::failure(std::string_view what, int code) const {
  char* said = nullptr;
  ldap_get_option(handle_.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, static_cast<void*>(&said));
  std::string text = server_ + ": " + std::string(what) + ldap_err2string(code);
  if (said != nullptr && *said != '\0') text += " (" + first_line(said) + ")";
  ldap_memfree(said);
  return std::unexpected(std::move(text));
}

std::expected<std::unique_ptr<LdapConnection>, std::string> LdapConnection::open(const LibraryLogin& login,
                                                                                 const BackendServer& server,
                                                                                 const io::BlockingDeadline& deadline) {
  LDAP* handle = nullptr;
  if (const int code = ldap_initialize(&handle, uri_of(server, login.options.tls).c_str()); code != LDAP_SUCCESS)
    return std::unexpected(server.to_string() + ": " + ldap_err2string(code));
  std::unique_ptr<LdapConnection> made(new LdapConnection(handle, server.to_string()));
  const bool tls = login.in_tls(server);
  if (auto done = made->set_up(login, tls, deadline); !done) return std::unexpected(std::move(done.error()));
  const Limit limit(*made, deadline);
  int code = ldap_connect(handle);
  std::string_view what = "cannot be reached: ";
  if (code == LDAP_SUCCESS && tls && login.options.tls == BackendTls::starttls) {
    what = "STARTTLS: ";
    code = ldap_start_tls_s(handle, nullptr, nullptr);
    // Never on in clear, whatever the library makes of an answer.
    if (code == LDAP_SUCCESS && ldap_tls_inplace(handle) == 0) code = LDAP_CONNECT_ERROR;
  }
  if (code != LDAP_SUCCESS) return made->failure(what, code);
  return made;
}

// For all that ldap.conf could say as well.
std::expected<void, std::string> LdapConnection::set_up(const LibraryLogin& login, bool tls,
                                                        const io::BlockingDeadline& deadline) {
  LDAP* const handle = handle_.get();
  const int version = LDAP_VERSION3;
  const int none = 0;
  const int never = LDAP_DEREF_NEVER;
  const timeval limit = timeval_of(login.options.timeout);
  const timeval left = timeval_of(deadline.left());
  bool done = ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS &&
              // Else a server could send us, and the password, to another.
              ldap_set_option(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_DEREF, &never) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_RESTART, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_TIMELIMIT, &none) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_CONNECT_CB, &callback_->value) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &left) == LDAP_OPT_SUCCESS &&
              ldap_set_option(handle, LDAP_OPT_TIMEOUT, &limit) == LDAP_OPT_SUCCESS;
  if (tls) {
    const int demand = LDAP_OPT_X_TLS_DEMAND;
    const int oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const int client = 0;
    done = done && ldap_set_option(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTDIR, nullptr) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTFILE, login.ca_file.c_str()) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
  }
  if (!done) return std::unexpected(server_ + ": libldap does not take its settings");
  return {};
}

std::expected<LdapConnection::Message, std::string> LdapConnection::result(int id, bool whole,
                                                                           const io::BlockingDeadline& deadline) {
  timeval left = timeval_of(deadline.left());
  LDAPMessage* message = nullptr;
  const int kind = ldap_result(handle_.get(), id, whole ? LDAP_MSG_ALL : LDAP_MSG_ONE, &left, &message);
  Message owned(message);
  if (kind == 0) return std::unexpected(server_ + ": did not answer in time");
  if (kind > 0) return owned;
  int code = LDAP_SERVER_DOWN;
  ldap_get_option(handle_.get(), LDAP_OPT_RESULT_CODE, &code);
  return failure("", code);
}

std::expected<int, std::string> LdapConnection::code_of(Message message) {
  int code = LDAP_OTHER;
  const int parsed = ldap_parse_result(handle_.get(), message.get(), &code, nullptr, nullptr, nullptr, nullptr, 0);
  if (parsed != LDAP_SUCCESS) return failure("", parsed);
  return code;
}

std::expected<bool, std::string> LdapConnection::bind(const std::string& dn, std::string_view password,
                                                      const io::BlockingDeadline& deadline) {
  CHECK(!dn.empty() && !password.empty());
  const Limit limit(*this, deadline);
  // The library reads it alone.
  berval secret{.bv_len = password.size(), .bv_val = const_cast<char*>(password.data())};
  int id = 0;
  const int sent = ldap_sasl_bind(handle_.get(), dn.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr, &id);
  if (sent != LDAP_SUCCESS) return failure("", sent);
  auto message = result(id, true, deadline);
  if (!message) return std::unexpected(std::move(message.error()));
  const auto code = code_of(*std::move(message));
  if (!code) return std::unexpected(code.error());
  if (*code == LDAP_SUCCESS) return true;
  if (*code == LDAP_INVALID_CREDENTIALS) return false;
  return failure("refuses a bind: ", *code);
}

LdapEntry LdapConnection::entry_of(ldapmsg* message, const std::vector<std::string>& attributes) {
  LdapEntry entry;
  char* const dn = ldap_get_dn(handle_.get(), message);
  entry.dn = dn != nullptr ? dn : "";
  ldap_memfree(dn);
  for (const std::string& name : attributes) {
    auto& values = entry.attributes.emplace_back();
    berval** const found = ldap_get_values_len(handle_.get(), message, name.c_str());
    for (int i = 0; found != nullptr && found[i] != nullptr; ++i)
      values.emplace_back(found[i]->bv_val, found[i]->bv_len);
    ldap_value_free_len(found);
  }
  return entry;
}

std::expected<std::vector<LdapEntry>, std::string> LdapConnection::search(const Search& search,
                                                                          const io::BlockingDeadline& deadline) {
  constexpr int kEntriesMax = 2;
  const Limit limit(*this, deadline);
  std::vector<char*> wanted;
  for (const std::string& name : search.attributes) wanted.push_back(const_cast<char*>(name.c_str()));
  char none[] = LDAP_NO_ATTRS;
  if (wanted.empty()) wanted.push_back(none);
  wanted.push_back(nullptr);
  timeval left = timeval_of(std::max<Duration>(deadline.left(), std::chrono::seconds(1)));
  int id = 0;
  const int sent = ldap_search_ext(handle_.get(), search.base.c_str(),
                                   search.scope == Scope::base ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE,
                                   search.filter.c_str(), wanted.data(), 0, nullptr, nullptr, &left, kEntriesMax, &id);
  if (sent != LDAP_SUCCESS) return failure("", sent);
  std::vector<LdapEntry> entries;
  for (;;) {
    auto message = result(id, false, deadline);
    if (!message) return std::unexpected(std::move(message.error()));
    const int kind = ldap_msgtype(message->get());
    if (kind == LDAP_RES_SEARCH_ENTRY) {
      if (entries.size() == kEntriesMax) return std::unexpected(server_ + ": sent more entries than were asked for");
      entries.push_back(entry_of(message->get(), search.attributes));
    } else if (kind == LDAP_RES_SEARCH_RESULT) {
      const auto code = code_of(*std::move(message));
      if (!code) return std::unexpected(code.error());
      if (*code == LDAP_SUCCESS || (*code == LDAP_SIZELIMIT_EXCEEDED && entries.size() > 1)) return entries;
      return failure("refuses a search: ", *code);
    }  // else a reference to another server, which is not asked
  }
}

}  // namespace sluice::auth

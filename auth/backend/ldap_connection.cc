#include "auth/backend/ldap_connection.h"

#include <ldap.h>
#include <sys/time.h>

#include <chrono>
#include <utility>

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
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = "ldapi://";
  for (const char c : server.host) {
    const auto byte = static_cast<unsigned char>(c);
    uri += '%';
    uri += kDigits[byte >> 4U];
    uri += kDigits[byte & 0xFU];
  }
  return uri;
}

// Called between connect() and TLS: the library reads in full what has begun to come, for as long as that takes.
int on_connected(LDAP* /*handle*/, Sockbuf* socket, LDAPURLDesc* /*server*/, sockaddr* /*address*/,
                 ldap_conncb* called) {
  ber_socket_t descriptor = -1;
  if (ber_sockbuf_ctrl(socket, LBER_SB_OPT_GET_FD, &descriptor) == 1 && descriptor >= 0)
    io::limit_blocking_calls(descriptor, *static_cast<const Duration*>(called->lc_arg));
  ber_len_t most = kMessageBytesMax;
  ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &most);
  return LDAP_SUCCESS;
}
void on_disconnecting(LDAP* /*handle*/, Sockbuf* /*socket*/, ldap_conncb* /*called*/) {}

}  // namespace

struct LdapConnection::Callback {
  ldap_conncb value;
};

LdapConnection::LdapConnection(ldap* handle, std::string server)
    : server_(std::move(server)),
      callback_(new Callback{.value = {.lc_add = &on_connected, .lc_del = &on_disconnecting, .lc_arg = &step_max_}}),
      handle_(handle) {}

void LdapConnection::FreeCallback::operator()(Callback* callback) const { delete callback; }
void LdapConnection::Unbind::operator()(ldap* handle) const { ldap_unbind_ext(handle, nullptr, nullptr); }
void LdapConnection::Free::operator()(ldapmsg* message) const { ldap_msgfree(message); }

std::unexpected<std::string> LdapConnection::failure(std::string_view what, int code) const {
  char* said = nullptr;
  ldap_get_option(handle_.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
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
  made->step_max_ = login.options.timeout;
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

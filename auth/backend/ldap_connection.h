// A connection to an LDAP server by libldap, for blocking use on one thread at a time.  TLS with a certificate that is
// checked, except at loopback addresses with tls = "none" and at UNIX sockets; what ldap.conf says of that does not
// count. Errors are sentences; behind one the connection is not used again.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/client_library.h"
#include "engine/io/blocking_wait.h"

struct ldap;
struct ldapmsg;

namespace sluice::auth {

struct LdapEntry {
  std::string dn;
  // As they were asked for: the values of each attribute, none where it has none.
  std::vector<std::vector<std::string>> attributes;
};

class LdapConnection {
 public:
  static std::expected<std::unique_ptr<LdapConnection>, std::string> open(const LibraryLogin& login,
                                                                          const BackendServer& server,
                                                                          const io::BlockingDeadline& deadline);
  LdapConnection(const LdapConnection&) = delete;
  LdapConnection& operator=(const LdapConnection&) = delete;
  ~LdapConnection() = default;

  // A simple bind: whether the password is right.  Neither may be empty: a server grants such binds to anybody
  // (RFC 4513 5.1.2).
  [[nodiscard]] std::expected<bool, std::string> bind(const std::string& dn, std::string_view password,
                                                      const io::BlockingDeadline& deadline);

  enum class Scope : std::uint8_t { base, subtree };
  struct Search {
    std::string base;
    Scope scope = Scope::subtree;
    std::string filter;
    std::vector<std::string> attributes;
  };
  // The entries; the second one stands for any more.
  [[nodiscard]] std::expected<std::vector<LdapEntry>, std::string> search(const Search& search,
                                                                          const io::BlockingDeadline& deadline);

 private:
  struct Unbind {
    void operator()(ldap* handle) const;
  };
  struct Free {
    void operator()(ldapmsg* message) const;
  };
  struct Callback;
  struct FreeCallback {
    void operator()(Callback* callback) const;
  };
  // While it lives, the library's reads and writes end with the deadline.
  class Limit {
   public:
    Limit(LdapConnection& connection, const io::BlockingDeadline& deadline);
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit();

   private:
    Callback& callback_;
  };
  using Message = std::unique_ptr<ldapmsg, Free>;

  LdapConnection(ldap* handle, std::string server);
  std::expected<void, std::string> set_up(const LibraryLogin& login, bool tls, const io::BlockingDeadline& deadline);
  std::expected<Message, std::string> result(int id, bool whole, const io::BlockingDeadline& deadline);
  // The code in a result, or what is wrong with the connection.
  std::expected<int, std::string> code_of(Message message);
  LdapEntry entry_of(ldapmsg* message, const std::vector<std::string>& attributes);
  [[nodiscard]] std::unexpected<std::string> failure(std::string_view what, int code) const;

  std::string server_;
  // The library keeps its address until the handle ends, and calls it then.
  std::unique_ptr<Callback, FreeCallback> callback_;
  std::unique_ptr<ldap, Unbind> handle_;
};

}  // namespace sluice::auth

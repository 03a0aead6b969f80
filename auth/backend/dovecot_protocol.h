// The words of Dovecot's auth client protocol (https://doc.dovecot.org/main/developers/design/auth_protocol.html),
// apart from the conversation: lines of fields between tabs.  Values; pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/backend/verdict.h"
#include "auth/secret.h"
#include "auth/store/mailbox_state.h"

namespace sluice::auth::dovecot {

inline constexpr std::uint32_t kVersionMajor = 1;

// "\001", "\t", "\r", "\n" and NUL as two bytes each, of which the first is "\001".
[[nodiscard]] std::string escape(std::string_view text);
[[nodiscard]] std::string unescape(std::string_view text);

// What a server says before it can be asked: VERSION, MECH, SPID, CUID, COOKIE and, at last, DONE.
class Greeting {
 public:
  enum class Step : std::uint8_t { more, done, refused };
  // Lines without their end.  Nothing follows behind `done` and `refused`.
  [[nodiscard]] Step line(std::string_view text);
  // Why it was refused: a sentence's end, without a word of the server's.
  [[nodiscard]] std::string_view error() const { return error_; }

 private:
  Step refuse(std::string_view why);
  std::size_t lines_ = 0;
  bool version_ = false;
  bool plain_ = false;
  std::string_view error_;
};

[[nodiscard]] std::string hello(std::uint32_t client_id);
// AUTH by PLAIN, with its line's end.  The secret is in it: to be wiped.
[[nodiscard]] std::string request(std::uint32_t id, const Credentials& credentials);
[[nodiscard]] std::string cancel(std::uint32_t id);

struct Reply {
  enum class Kind : std::uint8_t { ok, fail, cont };
  Kind kind = Kind::fail;
  std::uint32_t id = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // as they came; a field without a value has an empty one
  [[nodiscard]] bool has(std::string_view field) const;
  // The first one's value; empty: there is none.
  [[nodiscard]] std::string_view value(std::string_view field) const;
};
// Nothing: the line is no reply to AUTH.
[[nodiscard]] std::optional<Reply> parse_reply(std::string_view line);

// The master protocol of the socket auth-userdb, of which this is all that is used: whether there is a user.
[[nodiscard]] std::string user_request(const Name& name);
// Nothing: the line is no answer to it.
[[nodiscard]] std::optional<MailboxState> parse_user_reply(std::string_view line);

// Extra fields of the passdb that say whose the account is.
struct FieldNames {
  std::string customer;
  std::string domains;
};
// What the reply means for a login with this secret.  The reason of `unavailable` is a sentence's end.
[[nodiscard]] Verdict verdict_of(const Reply& reply, const FieldNames& names, const Secret& secret);

}  // namespace sluice::auth::dovecot

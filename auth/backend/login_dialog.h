// Logging in to a mailbox server, to learn whether it takes a name and a secret: what POP3 and IMAP have in common. The
// protocol as a pure machine: a line of the server's in, what is to be done next out.  dialog_backend.h does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/backend/verdict.h"
#include "auth/secret.h"

namespace sluice::auth {

struct DialogStep {
  enum class Kind : std::uint8_t {
    read,       // the next line
    skip,       // `bytes` that are no line, then the next line
    start_tls,  // then tls_started()
    done,       // the verdict is there
  };
  Kind kind = Kind::read;
  std::string send = {};  // goes out first
  bool secret = false;    // what goes out holds the secret
  std::size_t bytes = 0;  // of skip
};

// One conversation.  Its owner's thread only.
class LoginDialog {
 public:
  virtual ~LoginDialog() = default;
  LoginDialog(const LoginDialog&) = delete;
  LoginDialog& operator=(const LoginDialog&) = delete;

  // A line without its end; not after `done`.
  virtual DialogStep line(std::string_view line) = 0;
  virtual DialogStep tls_started() = 0;
  // Whether the server's answers name the command that they are for.  Where they do not, one line too many would be
  // taken for the answer to the password.
  [[nodiscard]] virtual bool answers_are_tagged() const = 0;
  // Ends the session; answered by a line that does not begin with "*".
  [[nodiscard]] virtual std::string goodbye() = 0;

  // Of a dialog that is done.  The reason has neither the secret in it nor, once the secret was sent, any of the
  // server's own words: some servers repeat what they were sent.
  [[nodiscard]] Verdict::Kind verdict() const { return verdict_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 protected:
  LoginDialog() = default;
  DialogStep end(Verdict::Kind kind, std::string_view reason = {});
  // What stands behind a refusal of the credentials.  Where the secret was not `shown` yet, nothing is granted by it.
  DialogStep refused(std::string_view text, bool shown);

 private:
  Verdict::Kind verdict_ = Verdict::Kind::unavailable;
  std::string reason_;
};

struct DialogSettings {
  std::string mechanism;  // a name of the protocol's own, or empty
  bool starttls = false;  // nothing is said of a login before TLS has started
};

// An empty string with room for `size` bytes: it never grows, which would leave parts of a secret in freed memory, and
// is always on the heap, so that moving it leaves nothing behind.
[[nodiscard]] std::string string_for_secret(std::size_t size);
// RFC 4616: base64 of NUL, name, NUL, secret; with room for CRLF.
[[nodiscard]] std::string sasl_plain_response(const Credentials& credentials);
// Text of a server's for the log, before it was shown a secret: printable ASCII, at most 100 bytes.
[[nodiscard]] std::string quoted_for_log(std::string_view text);

}  // namespace sluice::auth

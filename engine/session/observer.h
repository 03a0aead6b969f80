// What sessions report: one record for each message, refused command, login and end of a session.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/answer.h"
#include "engine/base/time.h"
#include "engine/io/address.h"
#include "engine/session/auth_result.h"
#include "engine/session/end_reason.h"
#include "policy/noticing/account_watch.h"

namespace sluice::session {

// What became of a message.
struct MessageRecord {
  std::string_view id;
  std::string_view listener;
  std::string client;
  std::string_view helo;
  std::string_view tls;  // protocol version; empty: none
  std::string_view tls_cipher;
  std::string_view customer;
  std::string_view account;
  std::string_view reverse_path;
  std::string_view author;  // the From address; empty where it was not found out
  std::string recipients;   // "a@example.com, b@example.net": those that were offered, as many as a line shows
  std::vector<std::string> more_recipients;  // the others, each element as many as a line shows
  std::string_view message_id;               // of the header; empty where it was not found out
  std::uint32_t recipients_offered = 0;
  std::uint32_t recipients_taken = 0;
  std::uint64_t bytes = 0;  // of content
  Duration took{};          // from MAIL to the last reply
  std::string_view next_hop;
  std::string_view next_hop_address;
  std::string_view next_hop_tls;
  std::uint16_t code = 0;  // of the reply to the client
  std::string_view reply;
  std::string reason;            // of a refusal of our own, by its name; see also Observer::aborted()
  std::string_view detail;       // the next hop's response, or what went wrong
  std::string_view hold_reason;  // of one that was taken, and is on hold; else empty
  bool chunked = false;          // BDAT
  bool reply_sent = true;        // false: the client had gone before it could be given the reply
};

// A command that was refused.
struct RefusalRecord {
  std::string_view id;  // in the reply to the client; empty: none
  std::string_view listener;
  std::string client;
  std::string_view helo;
  std::string_view customer;
  std::string_view account;
  std::string_view command;   // its verb; empty: not one that is known
  std::string_view argument;  // of MAIL and RCPT: others may hold a secret
  std::uint16_t code = 0;
  std::string reason;            // by its name
  std::string_view reply;        // its text
  std::string_view detail;       // the rule with its figures; may be empty
  std::uint64_t not_logged = 0;  // earlier refusals of the session that have no line: see RefusalLines
};

// The end of a session.
struct EndRecord {
  EndReason reason{};
  std::uint8_t lines_max = 0;  // for a burst of these; 0: a line each time
  std::string_view listener;
  io::Address client;
  std::string_view helo;
  std::string_view tls;
  std::string_view customer;
  std::string_view account;
  std::string_view id;     // of the message that was under way
  std::uint16_t code = 0;  // of the last reply; 0: none could be given
  std::string_view detail;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t content_bytes = 0;  // of the message that was under way
  std::uint64_t messages = 0;       // taken
  std::uint64_t refusals = 0;
  std::uint64_t refusals_not_logged = 0;
  Duration lasted{};
};

// An attempt to log in.
struct LoginRecord {
  std::string_view listener;
  const io::Address& client;
  std::string_view name;   // as it was asked about
  std::string_view given;  // as the client wrote it, where that is another spelling; else empty
  AuthResult result;
  std::uint8_t source = auth::kNoSource;  // of auth::Answer
  Duration took{};                        // from AUTH to the answer
  std::string_view reason;
};

// A client's certificate that is good for no login.
struct CertificateRecord {
  std::string_view listener;
  const io::Address& client;
  std::string_view fingerprint;
  std::string_view reason;
};

// A login whose policy class the configuration does not have.
struct UnknownClassRecord {
  std::string_view listener;
  std::string_view customer;
  std::string_view account;
  std::string_view policy_class;
  std::string_view default_class;  // which counts for it
};

// An account is at a higher step of the noticer's ladder than before.
struct NoticeRecord {
  const noticing::Notice& notice;
  std::string_view id;  // of the message that raised it, or of whose recipients a next hop's reply did
  std::string_view customer;
  std::string_view client;  // its IP address; empty: there is no session
};

// Sessions call it.  Core thread; must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void message(const MessageRecord& record) = 0;
  // A message with recipients that came to no end: the client gave it up, or the session ended.  `reason` is the
  // command, or why the session ended, by its name; no code and no reply.
  virtual void aborted(const MessageRecord& record) = 0;
  virtual void login(const LoginRecord& record) = 0;
  virtual void client_certificate(const CertificateRecord& record) = 0;
  virtual void unknown_class(const UnknownClassRecord& record) = 0;
  virtual void noticed(const NoticeRecord& record) = 0;
  virtual void refused(const RefusalRecord& record) = 0;
  virtual void ended(const EndRecord& record) = 0;
};

}  // namespace sluice::session

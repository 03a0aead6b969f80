// What a session is given by its core and by its listener.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.h"
#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/io/loop.h"
#include "engine/message/message_sink.h"
#include "engine/session/admission.h"
#include "engine/session/end_reason.h"
#include "engine/smtp/server.h"
#include "engine/tls/context.h"
#include "policy/sender.h"

namespace sluice::session {

// A listener's rules.  Values; made when the configuration is loaded, shared by the sessions of one core,
// and kept by them until they end, so that a reload changes only sessions that come later.
struct ListenerRules {
  std::string name;                     // "0.0.0.0:587", for the log
  smtp::ServerProfile profile;          // of strangers
  smtp::ServerProfile trusted_profile;  // of hosts in `trusted`: no login is asked of them
  tls::TlsContext* tls = nullptr;       // null: no TLS here
  std::vector<Network> trusted;
  policy::TrustedNetwork trusted_rights;
  std::vector<Network> proxy;        // who speaks the PROXY protocol to us, and must
  bool hide_client = false;          // keep the client's address out of Received
  bool long_lines = false;           // take text lines of more than 998 octets
  bool normalise_line_ends = false;  // a bare LF becomes CRLF; else it is refused, as a bare CR always is
  policy::ForeignSender foreign_sender = policy::ForeignSender::refuse;
  policy::ForeignName foreign_name = policy::ForeignName::refuse;
  std::size_t header_bytes_max = 256 * 1024;
  std::uint32_t received_max = 100;                    // so many Received fields are a loop
  Duration greet_delay = Duration::zero();             // wait for early talkers this long
  Duration idle_timeout = std::chrono::minutes(5);     // RFC 5321 4.5.3.2.7
  Duration command_timeout = std::chrono::minutes(1);  // for a command that was begun, to its end
  Duration data_timeout = std::chrono::minutes(3);     // between two pieces of a body
  std::uint64_t data_bytes_per_s = 100;                // of a body at least, on average over data_timeout; 0: any
  Duration handshake_timeout = std::chrono::seconds(30);
  Duration unauthenticated_timeout = std::chrono::minutes(2);  // until somebody has logged in
  Duration reply_timeout = std::chrono::minutes(2);            // for the client to read our replies
};

// One line of the log: what became of a message.
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
  std::string_view author;      // the From address; empty where it was not found out
  std::string recipients;       // "a@example.com, b@example.net": those that were offered, as many as a line shows
  std::string_view message_id;  // of the header; empty where it was not found out
  std::uint32_t recipients_offered = 0;
  std::uint32_t recipients_taken = 0;
  std::uint64_t bytes = 0;  // of content
  Duration took{};          // from MAIL to the last word
  std::string_view next_hop;
  std::string_view next_hop_address;
  std::string_view next_hop_tls;
  std::uint16_t code = 0;  // what the client was told
  std::string_view reply;
  std::string reason;       // of a refusal of our own, by its name; see also Observer::aborted()
  std::string_view detail;  // the next hop's words, or what went wrong
  bool chunked = false;     // BDAT
  bool reply_sent = true;   // false: the client had gone before it could be given the reply
};

// Another: a command that was refused.
struct RefusalRecord {
  std::string_view id;  // that the client was told; empty: none
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
  std::uint64_t not_logged = 0;  // earlier refusals of the session that have no line: see RefusalLines
};

// Another: the end of a session.
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

enum class AuthResult : std::uint8_t { granted, wrong, suspended, unavailable, malformed };

// Told by sessions; writes the log.  Core thread; must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void message(const MessageRecord& record) = 0;
  // A message that recipients were named for, and that came to no end: the client gave it up, or the session ended.
  // `reason` is the command, or why the session ended, by its name; no code and no reply.
  virtual void aborted(const MessageRecord& record) = 0;
  virtual void login(std::string_view listener, const io::Address& client, std::string_view name, AuthResult result,
                     std::string_view reason) = 0;
  virtual void refused(const RefusalRecord& record) = 0;
  virtual void ended(const EndRecord& record) = 0;
};

struct SessionCounters {
  std::uint64_t sessions = 0;
  std::uint64_t refused_sessions = 0;  // before the greeting
  std::array<std::uint64_t, kEndReasons> ended{};
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_failures = 0;
  std::uint64_t logins = 0;
  std::uint64_t logins_refused = 0;
  std::uint64_t messages_taken = 0;
  std::uint64_t messages_refused = 0;   // 5xx after the envelope
  std::uint64_t messages_deferred = 0;  // 4xx after the envelope
  std::uint64_t recipients_taken = 0;
  std::uint64_t recipients_refused = 0;
  std::uint64_t senders_refused = 0;  // MAIL or From not theirs
  std::uint64_t refusals = 0;         // of commands
  std::uint64_t refusals_not_logged = 0;
  std::uint64_t bytes_taken = 0;
};

// Queue ids: unique for a relay as long as its clock does not go back over a restart.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual std::string next() = 0;
};

// Everything outlives the sessions.
struct Services {
  io::Loop& loop;
  auth::Authenticator& authenticator;
  message::MessageSinkFactory& sinks;
  Observer& observer;
  IdSource& ids;
  SessionCounters& counters;
  Admission& admission;
};

}  // namespace sluice::session

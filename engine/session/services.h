// What a session is given by its core and by its listener.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.h"
#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/io/loop.h"
#include "engine/message/taker.h"
#include "engine/net/tls_context.h"
#include "engine/smtp/server.h"
#include "policy/sender.h"

namespace sluice::session {

// A listener's rules.  Values; made when the configuration is loaded, shared by the sessions of one core,
// and kept by them until they end, so that a reload changes only sessions that come later.
struct ListenerRules {
  std::string name;                  // "0.0.0.0:587", for the log
  smtp::ServerProfile profile;       // of strangers
  smtp::ServerProfile trusted_profile;  // of hosts in `trusted`: no login is asked of them
  net::TlsContext* tls = nullptr;    // null: no TLS here
  std::vector<Network> trusted;
  policy::TrustedNetwork trusted_rights;
  std::vector<Network> proxy;        // who speaks the PROXY protocol to us, and must
  bool hide_client = false;          // keep the client's address out of Received
  bool long_lines = false;           // take text lines of more than 998 octets
  std::size_t header_bytes_max = 256 * 1024;
  Duration greet_delay = Duration::zero();  // wait for early talkers this long
  Duration idle_timeout = std::chrono::minutes(5);       // RFC 5321 4.5.3.2.7
  Duration data_timeout = std::chrono::minutes(3);       // between two pieces of a body
  Duration handshake_timeout = std::chrono::seconds(30);
  Duration unauthenticated_timeout = std::chrono::minutes(2);  // until somebody has logged in
  Duration reply_timeout = std::chrono::minutes(2);      // for the client to read our replies
};

// One line of the log: what became of a message.
struct MessageRecord {
  std::string_view id;
  std::string_view listener;
  std::string client;
  std::string_view helo;
  std::string_view tls;           // protocol version; empty: none
  std::string_view tls_cipher;
  std::string_view customer;
  std::string_view account;
  std::string_view reverse_path;
  std::string_view author;        // the From address; empty where it was not found out
  std::string recipients;         // "a@example.com, b@example.net": those that were offered, as many as a line shows
  std::string_view message_id;    // of the header; empty where it was not found out
  std::uint32_t recipients_offered = 0;
  std::uint32_t recipients_taken = 0;
  std::uint64_t bytes = 0;        // of content
  Duration took{};                // from MAIL to the last word
  std::string_view next_hop;
  std::string_view next_hop_address;
  std::string_view next_hop_tls;
  std::uint16_t code = 0;         // what the client was told
  std::string_view reply;
  std::string_view detail;        // the next hop's words, or what went wrong
  bool chunked = false;           // BDAT
};

enum class AuthResult : std::uint8_t { granted, wrong, suspended, unavailable, malformed };

// Told by sessions; writes the log.  Core thread; must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void message(const MessageRecord& record) = 0;
  virtual void login(std::string_view listener, const io::Address& client, std::string_view name,
                     AuthResult result, std::string_view reason) = 0;
  // A session that ended otherwise than by QUIT or by the client's hanging up.
  virtual void ended(std::string_view listener, const io::Address& client, std::string_view why) = 0;
};

struct SessionCounters {
  std::uint64_t sessions = 0;
  std::uint64_t refused_sessions = 0;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_failures = 0;
  std::uint64_t logins = 0;
  std::uint64_t logins_refused = 0;
  std::uint64_t messages_taken = 0;
  std::uint64_t messages_refused = 0;   // 5xx after the envelope
  std::uint64_t messages_deferred = 0;  // 4xx after the envelope
  std::uint64_t recipients_taken = 0;
  std::uint64_t recipients_refused = 0;
  std::uint64_t senders_refused = 0;    // MAIL or From not theirs
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
  message::TakerFactory& takers;
  Observer& observer;
  IdSource& ids;
  SessionCounters& counters;
};

}  // namespace sluice::session

// What the configuration says of one listener, in the form in which its sessions read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "auth/login_names.h"
#include "auth/sasl.h"
#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/smtp/server.h"
#include "engine/tls/context.h"
#include "policy/classes.h"
#include "policy/sender.h"

namespace sluice::session {

// Values; made when the configuration is loaded, shared by the sessions of one core, and kept by them until they end,
// so that a reload changes only sessions that come later.
struct ListenerRules {
  std::string name;                     // "0.0.0.0:587", for the log
  smtp::ServerProfile profile;          // of strangers
  smtp::ServerProfile trusted_profile;  // of hosts in `trusted`: no login is asked of them
  tls::TlsContext* tls = nullptr;       // null: no TLS here
  std::vector<Network> trusted;
  policy::TrustedNetwork trusted_rights;
  std::shared_ptr<const policy::PolicyClasses> classes;  // of those who log in; null: the profile's limits hold
  std::vector<Network> proxy;                            // clients that speak the PROXY protocol, and must
  auth::LoginNameRules login_names;
  bool device_only = false;            // log in with device passwords alone
  bool scram = false;                  // some of the mechanisms are of SCRAM
  auth::NameOfToken name_of_token;     // of logins by OAUTHBEARER that name nobody
  bool client_certificates = false;    // clients are asked for one
  bool client_san = false;             // and its addresses are names of accounts
  std::vector<std::uint8_t> backends;  // see auth::Credentials
  bool hide_client = false;            // keep the client's address out of Received
  bool long_lines = false;             // take text lines of more than 998 bytes
  bool normalise_line_ends = false;    // a bare LF becomes CRLF; else it is refused, as a bare CR always is
  policy::ForeignSender foreign_sender = policy::ForeignSender::refuse;
  policy::ForeignName foreign_name = policy::ForeignName::refuse;
  std::size_t header_bytes_max = 256 * 1024;
  std::uint32_t received_max = 100;                    // so many Received fields are a loop
  Duration greet_delay = Duration::zero();             // how long a client is watched for early talk
  Duration idle_timeout = std::chrono::minutes(5);     // RFC 5321 4.5.3.2.7
  Duration command_timeout = std::chrono::minutes(1);  // for a command that was begun, to its end
  Duration data_timeout = std::chrono::minutes(3);     // between two pieces of a body
  std::uint64_t data_bytes_per_s = 100;                // of a body at least, on average over data_timeout; 0: any
  Duration handshake_timeout = std::chrono::seconds(30);
  Duration unauthenticated_timeout = std::chrono::minutes(2);  // until the client has logged in
  Duration refused_login_delay = std::chrono::seconds(2);      // from AUTH to the reply; zero: at once
  Duration reply_timeout = std::chrono::minutes(2);            // for the client to read our replies
};

}  // namespace sluice::session

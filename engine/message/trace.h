// The fields that the relay puts in front of a message: Received (RFC 5321 4.4), and Date and
// Message-ID where the client left them out (RFC 6409 8.2 and 8.3).
// Pure functions that append to the caller's string and allocate nothing else.  No clock and no
// random source: both are arguments.  Any thread.
// Values may come from the client as they are: nothing in them can end a line or a comment.  The
// result is whole lines that end in CRLF, folded at 78 where the values permit; none begins with a
// dot, so it can go in front of a body as it is, dot-stuffed or not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::message {

struct ReceivedField {
  std::string_view helo;       // the name the client gave in EHLO or HELO
  std::string_view client_ip;  // "192.0.2.1" or "2001:db8::1"
  std::string_view by_host;    // our name
  std::string_view queue_id;
  std::string_view tls_version;  // "TLSv1.3"; empty without TLS
  std::string_view tls_cipher;   // "TLS_AES_128_GCM_SHA256"; empty if unknown
  std::string_view
      only_recipient;  // "a@b"; empty unless there is exactly one; not shown if its local part is not ASCII
  bool esmtp = true;   // EHLO, not HELO
  bool tls = false;
  bool authenticated = false;
  bool smtputf8 = false;
  bool hide_client = false;  // neither the client's address nor its name is shown
  WallMillis time = 0;
};

// The `with` word of RFC 3848 and RFC 6531 4.3, for instance "ESMTPSA".
std::string_view with_protocol(const ReceivedField& field);

void append_received(std::string& out, const ReceivedField& field);

void append_date(std::string& out, WallMillis time);

struct MessageIdField {
  WallMillis time = 0;
  std::uint64_t random = 0;  // unguessable, from the core's random source
  std::string_view queue_id;
  std::string_view host;
};

// "Message-ID: <time.random.queue-id@host>".
// Returns the identifier, with its brackets.
std::string append_message_id(std::string& out, const MessageIdField& field);

}  // namespace sluice::message

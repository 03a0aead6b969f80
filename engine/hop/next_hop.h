// One connection to a next hop and the client's side of the dialog on it: opening (greeting, EHLO,
// STARTTLS, login), sending commands, waiting for replies.
// Owned by a Pool or lent by it to one transaction; core thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/task.h"
#include "engine/base/tls_facts.h"
#include "engine/hop/hop_counters.h"
#include "engine/hop/host_memory.h"
#include "engine/hop/transcript.h"
#include "engine/net/connection.h"
#include "engine/net/dialer.h"
#include "engine/route/route.h"
#include "engine/smtp/client.h"

namespace sluice::hop {

// What a next hop said.  `code` 0: nothing.
struct Response {
  std::uint16_t code = 0;
  smtp::EnhancedCode enhanced;
  std::string text;  // lines parted by '\n'

  [[nodiscard]] static Response of(const smtp::ParsedReply& reply) { return {reply.code, reply.enhanced, reply.text}; }
  // "554 5.7.1 Go away"
  [[nodiscard]] std::string words() const;
};

// Why a next hop could not be used: the reply for the client, and the text for the log.
struct Failure {
  smtp::Reply reply;
  std::string detail;
  bool unreachable = false;  // no host could be reached: waiting a moment does not help
  bool closed = false;       // the connection was there and was closed or lost
  io::Address address;       // that was connected to; empty: none was
  Response said;             // the last response, where the next hop gave a reason
  std::string host;          // whose response that is, "mx.example.net:25"
  bool tls_failed = false;   // it offered STARTTLS, and there was no TLS then
  bool ours = false;         // this machine has no descriptor or memory for it: says nothing of the host
};

// Whether a next hop's replies belong to the commands that they were taken for.
enum class InStep : std::uint8_t {
  yes,
  unheard,   // it closed, said 421 or nothing: no reply was seen to be too many, and one may be too few
  too_many,  // one or more, and each that came after those that were read was positive, whichever command it answered
  no,        // otherwise out of step
};

class NextHop {
 public:
  struct Opening {
    const route::Route& route;
    HostMemory& memory;       // outlives the connection
    HopCounters& counters;    // likewise
    std::string label;        // "host:port", for the log
    std::string server_name;  // the certificate's name
    net::Dialer& dialer;
    std::vector<io::Address> addresses;    // of the host, at least one
    std::string_view hostname;             // ours, for EHLO
    tls::TlsClientContext* tls = nullptr;  // null where the route has no TLS
    Transcript* transcript = nullptr;      // outlives the connection
  };
  static Task<std::expected<std::unique_ptr<NextHop>, Failure>> open(io::Loop& loop, Opening opening);

  // Sends what the machine wrote into `text`.
  void send(std::string_view text) { connection_->write(text); }
  void send(Chain&& bytes) { connection_->write(std::move(bytes)); }
  // Waits for the next reply.  After a Failure the connection is of no further use.
  Task<std::expected<smtp::Expect, Failure>> reply(Duration timeout, const char* what);
  // Replies so far.
  [[nodiscard]] std::uint64_t replies() const { return replies_; }
  // Something was said although no reply is owed.  To be asked before anything is said that it could be taken for
  // the answer of; afterwards the connection is of no further use.
  std::optional<Failure> spoke_unasked();
  // Once all that was said is answered, or has only confirm_text() outstanding: is every reply that of its command?
  // A dialog in which a reply was too many looks like a good one up to its end, as almost all replies are alike: so
  // one is asked for that is not.  It is the answer to EHLO, which also resets the transaction; or, where the next hop
  // does not take EHLO again, the 221 to QUIT.  `yes` also needs that nothing follows.  After any other result, and
  // where QUIT was said, the connection is of no further use.
  Task<InStep> confirm(Duration timeout);
  // confirm() asks by EHLO, and may find it asked already: this is to be sent behind the last command of a
  // transaction.  Empty otherwise.
  std::string confirm_text();
  // A reply came that no command had asked for, or not of its kind.
  [[nodiscard]] bool out_of_step() const;
  // Nothing is owed: waits so long for a reply that is too many.  True: there is something to be read.
  Task<bool> speaks_within(Duration wait);
  // One command, with its line's end, and its reply: nothing when that is positive.
  Task<std::optional<Failure>> ask(std::string_view text, Duration timeout, const char* what) {
    return ask(text, 2, timeout, what);
  }
  // Ends a transaction that was begun and left.
  Task<std::optional<Failure>> reset(Duration timeout);
  [[nodiscard]] bool lacks(Lack lack) const { return memory_.lacks(label_, lack, connection_->loop().now()); }
  // Remembers it of this next hop.
  void note(Lack lack, std::string_view why) { memory_.note(label_, lack, why, connection_->loop().now()); }
  // On this connection it is as if that were not offered.
  void withhold(Lack lack) { machine_.set_capabilities(without(capabilities(), lack)); }
  // Sends XCLIENT with the client of the messages that follow, where the next hop takes it and has not got the same
  // last. After that the dialog has begun again: capabilities() may have changed.
  Task<std::optional<Failure>> introduce(const smtp::XclientValues& client, Duration timeout);
  // What was said makes no sense: the connection is of no further use.
  void give_up() { broken_ = true; }
  [[nodiscard]] const smtp::ParsedReply& last_reply() const { return machine_.reply(); }

  smtp::ClientMachine& machine() { return machine_; }
  net::Connection& connection() { return *connection_; }
  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] const std::string& address() const { return address_; }  // "192.0.2.25:25", as it was dialled
  [[nodiscard]] const smtp::Capabilities& capabilities() const { return machine_.capabilities(); }
  [[nodiscard]] TlsFacts tls_facts() const;
  // The connection is open, the next hop has said nothing unasked, and no reply is owed.
  [[nodiscard]] bool reusable();
  // Says QUIT if the dialog allows it, and closes.
  Task<void> close();

  std::uint32_t messages = 0;     // transactions begun on it
  bool kept = false;              // it was idle for a while, and may have been closed just now
  bool transaction_open = false;  // RSET is due before the next MAIL
  std::size_t lent_as = 0;        // the pool's own note, while it is lent
  Instant idle_since;

 private:
  NextHop(std::unique_ptr<net::Connection> connection, const Opening& opening);
  Task<std::optional<Failure>> begin(const Opening& opening);
  Task<std::optional<Failure>> hello(Duration timeout);
  Task<std::optional<Failure>> secure(const Opening& opening);
  Task<std::optional<Failure>> start_tls(const Opening& opening);
  Task<std::optional<Failure>> log_in(const Opening& opening);
  Task<InStep> confirm_by_quit(Duration timeout);
  Task<InStep> look_behind(Duration timeout);
  [[nodiscard]] bool confirms_by_hello() const;
  Failure refused(const char* what);
  // One command, one reply: nothing when it is of class `wanted` and nothing follows it.
  Task<std::optional<Failure>> ask(std::string_view text, std::uint16_t wanted, Duration timeout, const char* what);

  std::unique_ptr<net::Connection> connection_;
  smtp::ClientMachine machine_;
  HostMemory& memory_;
  Transcript* transcript_;
  std::string label_;
  std::string address_;
  std::string hostname_;  // ours
  std::uint64_t replies_ = 0;
  Response refusal_;        // the last one while the connection was being opened
  std::string introduced_;  // what XCLIENT said last
  smtp::XclientAttributes sent_attributes_;
  bool broken_ = false;
};

}  // namespace sluice::hop

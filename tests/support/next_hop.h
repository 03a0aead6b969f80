// A scripted next hop on a simulated host: takes mail by the book, keeps a ledger of what it has taken, and does
// wrong what the test sets, when the test sets it.  What the relay does wrong goes to `violations`.
// Owned by one test; its loop's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/loop.h"
#include "engine/net/listener.h"
#include "tests/support/peer.h"

namespace sluice::testing {

enum class HopStage : std::uint8_t {
  greeting,
  ehlo,
  helo,
  starttls,
  auth,
  xclient,
  mail,
  recipient,
  data,
  body,
  chunk,
  message,
  rset,
  quit,
  verdict,  // of a message that is there: with a fault here it is refused by `say`, after `stall`, which the fault of
            // `message` may then change or accompany; then it may hang up, without a word if `say` is empty
};
inline constexpr unsigned kAlways = 1U << 30;

// At `count` occurrences of a stage after `after` others, counted from when the fault was added.
struct HopFault {
  HopStage stage = HopStage::greeting;
  unsigned after = 0;
  unsigned count = 1;
  Duration stall = Duration::zero();     // first nothing, this long
  std::string say;                       // in place of the usual reply, as it is
  std::string say_too;                   // behind the usual reply
  Duration too_late = Duration::zero();  // say_too comes this much later, while the dialog goes on
  bool too_early = false;                // say_too comes in front of the reply instead
  bool silent = false;                   // no reply at all; the dialog goes on
  std::size_t split = 0;                 // the reply in two parts, the second one a moment later
  bool hang_up = false;                  // then closes; without `say`, instead of replying
  bool endless = false;                  // a reply that never ends
  std::uint64_t bytes = 0;               // body: after so many bytes of it
  std::string only_for;                  // recipient: those that contain this
};

struct HopRules {
  bool pipelining = true;
  bool chunking = true;
  bool eight_bit_mime = true;
  bool smtputf8 = true;
  bool dsn = true;
  bool starttls = false;  // offered; there is no TLS behind it
  std::string auth;       // mechanisms offered
  std::string xclient;    // attributes offered
  std::uint64_t size_max = 100'000'000;
  unsigned recipients_max = 0;  // stated by LIMITS, kept with 452; 0: none
  bool enhanced_codes = true;
  bool hello_once = false;                    // a second EHLO is refused, as Python's smtpd does
  bool asks_for_nothing = false;              // answers 354 to DATA although it took no recipient
  std::string password;                       // of AUTH, as base64; empty: any will do
  bool mute_after_message = false;            // answers nothing more on a connection that had a message
  unsigned messages_max = 0;                  // closes after so many on one connection; 0: never
  Duration between_reads = Duration::zero();  // while it reads content
  Duration timeout = std::chrono::hours(2);
};

struct HopMessage {
  std::string reverse_path;
  std::vector<std::string> recipients;  // that it took
  std::string content;                  // without dots
  std::string mail_parameters;
  bool chunked = false;
  bool taken = false;     // it means to deliver it, whatever it says
  bool answered = false;  // with 2xx
  std::string xclient;    // what XCLIENT said of its client
  std::uint64_t connection = 0;
};

class NextHop {
 public:
  NextHop(io::Loop& loop, const io::Address& address);
  ~NextHop();
  NextHop(const NextHop&) = delete;
  NextHop& operator=(const NextHop&) = delete;

  void add(HopFault fault) { faults_.push_back({std::move(fault), 0}); }
  void clear_faults() { faults_.clear(); }
  // Says this on every connection, now, unasked.
  void say_everywhere(std::string_view text);
  // Ends all connections; the listener goes on.
  void hang_up_everywhere();
  // Listens no more and ends all.
  void stop();
  [[nodiscard]] bool stopped() const { return stopped_; }

  HopRules rules;
  std::vector<HopMessage> ledger;
  std::vector<std::string> commands;    // all lines, in order
  std::vector<std::string> broken_off;  // how content ended that never came to its end
  std::vector<std::string> violations;  // of the protocol, by the relay
  unsigned misbehaved = 0;              // faults that have happened
  std::uint64_t accepted = 0;
  std::uint64_t content_read = 0;
  std::size_t live() const { return live_.size(); }
  [[nodiscard]] std::uint64_t bytes_received() const;  // on the connections that live
  std::size_t live_max = 0;

 private:
  struct Dialog;
  enum class Said : std::uint8_t { usual, otherwise, gone };
  struct Counted {
    HopFault fault;
    unsigned seen;
  };

  Task<void> serve(std::list<Dialog>::iterator dialog);
  Task<bool> command(Dialog& dialog, std::string line);
  Task<bool> hello(Dialog& dialog, bool extended);
  Task<bool> authenticate(Dialog& dialog, const std::string& argument);
  Task<bool> xclient(Dialog& dialog, const std::string& argument);
  Task<bool> mail(Dialog& dialog, const std::string& argument);
  Task<bool> recipient(Dialog& dialog, const std::string& argument);
  Task<bool> data(Dialog& dialog);
  Task<bool> data_unasked(Dialog& dialog);
  Task<bool> read_content(Dialog& dialog);
  Task<bool> chunk(Dialog& dialog, const std::string& argument);
  Task<bool> message(Dialog& dialog);
  Task<Said> answer(Dialog& dialog, HopStage stage, std::string_view usual, std::string_view about = {});
  Task<bool> misbehave_in_body(Dialog& dialog, std::size_t bytes);
  Task<Said> misbehave(Dialog& dialog, const HopFault& fault, std::string_view usual);
  Task<bool> say_in_parts(Dialog& dialog, std::string_view reply, std::size_t split);
  Task<void> say_later(std::uint64_t dialog, std::string text, Duration after);
  void say(Dialog& dialog, std::string_view text);
  const HopFault* fault(HopStage stage, std::string_view about);
  Task<void> end();
  void violation(std::string what) { violations.push_back(std::move(what)); }

  io::Loop& loop_;
  std::vector<Counted> faults_;
  std::list<Dialog> live_;
  std::unique_ptr<net::Listener> listener_;
  TaskSet tasks_;
  TaskSet ending_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace sluice::testing

// What a sink does, and its command line.  Values and pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/smtp/parameters.h"

namespace sluice::load {

// Where a sink can be made to delay, refuse or reset.
enum class SinkStage : std::uint8_t {
  connect,  // instead of the greeting
  ehlo,     // its answer; not to be refused
  auth,
  mail,
  rcpt,
  data,      // DATA itself; the first BDAT
  content,   // the end of the message
  accepted,  // the message is counted as taken, and its 250 never leaves; to be reset only
};
inline constexpr std::size_t kSinkStages = 8;
inline constexpr std::array<std::string_view, kSinkStages> kSinkStageNames = {"connect", "ehlo", "auth",    "mail",
                                                                              "rcpt",    "data", "content", "accepted"};

// So many of a hundred, spread evenly: the same ones at each run.
class Share {
 public:
  explicit Share(std::uint32_t percent = 0) : percent_(percent) {}
  // Whether this one is among them.
  bool next() {
    sum_ += percent_;
    if (sum_ < 100) return false;
    sum_ -= 100;
    return true;
  }
  [[nodiscard]] std::uint32_t percent() const { return percent_; }

 private:
  std::uint32_t percent_;
  std::uint32_t sum_ = 0;
};

struct StageOrders {
  Duration delay{};
  std::uint16_t code = 0;  // of refusals
  Share refuse;
  Share reset;
};

enum class SinkTls : std::uint8_t { none, starttls, implicit };

struct SinkOptions {
  std::string hostname = "sink.example";
  smtp::Extensions extensions = {.smtputf8 = true, .dsn = true, .limits = false, .starttls = false, .auth = false};
  SinkTls tls = SinkTls::none;
  bool require_auth = false;
  std::uint64_t message_bytes_max = std::uint64_t{1} << 30;
  std::array<StageOrders, kSinkStages> orders;

  [[nodiscard]] StageOrders& at(SinkStage stage) { return orders[static_cast<std::size_t>(stage)]; }
};

struct SinkCommand {
  enum class Kind : std::uint8_t { run, print, error };
  Kind kind = Kind::error;
  std::string text;  // to print
  SinkOptions options;
  std::string listen = "127.0.0.1:2525";
  std::string ledger;  // the address to answer questions at; empty: none
  std::string certificate_file;
  std::string key_file;
  bool json = false;
  std::uint32_t threads = 1;
};

// The words as main() gets them.
[[nodiscard]] SinkCommand parse_sink(int argc, const char* const* argv);

// "rcpt=451:10" and the like, as the command line takes them; what is wrong with it, or nothing.
[[nodiscard]] std::string take_delay(std::string_view text, SinkOptions& options);
[[nodiscard]] std::string take_refusal(std::string_view text, SinkOptions& options);
[[nodiscard]] std::string take_reset(std::string_view text, SinkOptions& options);

}  // namespace sluice::load

// What makes each message of a run one that a sink can account for without having seen it sent: a number in the address
// and in a header field, and a checksum of everything behind that field. What relays put in front of it, as they do
// with Received, changes nothing. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/time.h"
#include "engine/smtp/scan.h"

namespace sluice::load {

// One message of one run. Numbers begin with 1.
struct MessageId {
  std::uint64_t run = 0;
  std::uint64_t number = 0;
  std::uint32_t copies = 1;  // recipients of each message of the run
  friend bool operator==(const MessageId&, const MessageId&) = default;
};

// The 16 hexadecimal digits of a run.
[[nodiscard]] std::string run_digits(std::uint64_t run);
// As it stands in a local part, "0123456789abcdef-17-1-2": run, number, which copy (from 1; 0: none, in a sender) and
// how many there are.
[[nodiscard]] std::string identity_text(const MessageId& id, std::uint32_t copy);
struct Identity {
  MessageId id;
  std::uint32_t copy = 0;
};
// Of the last four parts of a local part between hyphens; nothing where they are not that.
[[nodiscard]] std::optional<Identity> find_identity(std::string_view local_part);

// The field itself.
struct Stamp {
  static constexpr std::string_view kField = "X-Sluice-Load:";

  MessageId id;
  std::uint64_t bytes = 0;  // behind the field
  Instant due;              // on the clock of the machine that is named by `boot`
  std::uint32_t boot = 0;   // see boot_number()
  std::uint32_t checksum = 0;
};
// Without its CRLF. The checksum is over the line up to it, and all that stands behind the line.
[[nodiscard]] std::string stamp_line(Stamp stamp, std::uint32_t (*checksum_behind)(std::uint32_t crc, const void* what),
                                     const void* what);
// Of this start of this machine: where two programs have the same one, their clocks are one.
[[nodiscard]] std::uint32_t boot_number(std::string_view boot_id);

// Looks at a message as it arrives, and says in the end which one it is, and whether it is what was sent.
class StampCheck {
 public:
  // A header that is longer has no stamp.
  static constexpr std::size_t kHeaderBytesMax = 256 * 1024;

  // `dot_stuffed`: of DATA, without its end; otherwise of BDAT.
  explicit StampCheck(bool dot_stuffed) : dot_stuffed_(dot_stuffed) {}
  // Any split will do.
  void feed(std::string_view content);

  enum class Verdict : std::uint8_t { intact, changed, no_stamp };
  // No more comes. With `no_stamp`, stamp() says nothing.
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] const Stamp& stamp() const { return stamp_; }

 private:
  void take(std::string_view plain);
  std::size_t look_for_stamp();

  bool dot_stuffed_;
  bool found_ = false;
  bool given_up_ = false;
  smtp::DotUnstuffer unstuffer_;
  std::string header_;  // what came before the stamp, and a line that has not ended
  std::size_t line_ = 0;
  Stamp stamp_;
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace sluice::load

// The fields of a header (RFC 5322 2.2), one after the other, as a signer and a verifier of DKIM take it apart: a field
// begins where a line does that does not begin with a blank, and ends before the next one.  Lines that are no field are
// skipped.  The ends of lines are looked for sixty-four bytes at a time, once for all fields of a block.
// A value of one header.  One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::dkim {

struct HeaderField {
  std::string_view name;   // as written, without the blanks that obsolete syntax allows before the colon
  std::string_view whole;  // from the name to the end of its last line, without the CRLF there
  std::size_t colon = 0;   // its offset in `whole`
};

class HeaderFieldReader {
 public:
  // `header`: literal, no dots stuffed; must outlive the fields.
  explicit HeaderFieldReader(std::string_view header)
      : begin_(header.data()), end_(begin_ + header.size()), at_(begin_), block_(begin_), unscanned_(begin_) {}

  // nullopt at the header's end, and at the empty line.
  std::optional<HeaderField> next();

 private:
  const char* find_field_end();
  void scan_block();

  const char* begin_;
  const char* end_;
  const char* at_;               // where the next field begins
  const char* block_;            // the bytes that line_ends_ is about
  const char* unscanned_;        // behind them
  std::uint64_t line_ends_ = 0;  // those behind at_ that no blank follows
};

}  // namespace sluice::dkim

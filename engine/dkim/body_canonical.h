// A message's body in the form over which it is hashed (RFC 6376 3.4.3, 3.4.4), while it comes in pieces that may be
// cut anywhere.  What stays as it is goes on from where it lies: nothing is copied here, and nothing allocated.
//
// Empty lines at the end are no part of it, and whether they are at the end is known late: many of them are written
// ahead and taken back, so that no byte that follows a million of them has them all written at once.
//
// A line ends with CRLF and with nothing else; a bare CR or LF is a byte like others.  (None reaches a signer: the
// relay refuses or mends them.)  A last line without its line end gets one, as it does when DATA carries it.
//
// A value of one message and one form.  One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/squeeze.h"

namespace sluice::dkim {

// Where the canonical bytes go.
class BodyOutput {
 public:
  virtual void write(std::string_view bytes) = 0;
  // What is written from here on may be taken back.
  virtual void mark() = 0;
  // Takes it back, to the last mark.
  virtual void rewind() = 0;

 protected:
  ~BodyOutput() = default;
};

class BodyCanonicalizer {
 public:
  // `out` must outlive it.  `squeeze`: null where it is to do without.
  BodyCanonicalizer(Canonicalization form, BodyOutput& out, Squeeze squeeze = squeeze_of_this_machine())
      : out_(out), squeeze_(squeeze), form_(form) {}

  void feed(std::string_view bytes);
  // The body has ended.
  void finish();

 private:
  const char* resume(const char* at, const char* end);
  void relaxed(const char* at, const char* end);
  const char* squeezed(const char* at, const char* end);
  void text(std::string_view bytes);
  void release_line_ends();
  void write_ahead();
  void write(std::string_view bytes);
  void flush();

  static constexpr std::size_t kGatheredBytes = 2048;
  static constexpr std::size_t kLongBytes = 512;
  static constexpr std::size_t kLineEndsHeld = 512;

  BodyOutput& out_;
  Squeeze squeeze_;
  std::size_t line_ends_ = 0;  // CRLFs that are written when more than line ends follows
  bool ahead_ = false;         // others in front of them were written behind a mark
  Canonicalization form_;
  bool blank_ = false;  // behind what was written: one blank or more, which a line end would remove
  bool cr_ = false;     // then a CR, of which it is not known yet whether it is of a line end
  bool any_ = false;    // something was written
  std::size_t gathered_size_ = 0;
  std::array<char, kGatheredBytes> gathered_;
};

}  // namespace sluice::dkim

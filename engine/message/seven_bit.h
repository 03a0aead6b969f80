// 8-bit content made 7-bit, for a next hop that has not said that it takes 8-bit content (RFC 6152 3: "the client ...
// must not" send it): the leaves of the MIME tree that have 8-bit bytes are encoded in quoted-printable or base64, and
// the headers around them say so.  8-bit words of headers become encoded words; those of the message's own header stay
// where SMTPUTF8 carries them.  Everything else stays byte by byte.  A message without MIME fields gets them, with the
// charset unknown-8bit (RFC 1428).
//
// What is lost: a signature over what is changed, be it DKIM's (made before us) or of multipart/signed, does not hold
// any more.  RFC 1847 2.1 has signed parts be 7-bit for this very reason, and then they are not touched.
//
// A push machine: memory is bounded whatever comes (the header at hand, 64 KB of a leaf, one line).  A leaf that is
// longer than 64 KB is encoded without waiting for its first 8-bit byte.  What is nested deeper than kDepthMax is
// encoded as one leaf: no reader goes so deep, and nothing is lost of it. A value of one transmission.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/message/mime_header.h"
#include "engine/message/transfer_encoding.h"

namespace sluice::message {

class SevenBit {
 public:
  static constexpr std::size_t kDepthMax = 32;                // of multiparts and messages in each other
  static constexpr std::size_t kHeaderBytesMax = 512 * 1024;  // of one entity
  static constexpr std::size_t kLeafBytesHeld = 64 * 1024;

  explicit SevenBit(bool header_too = true) : header_too_(header_too) {}

  // The next bytes of the content, literal (no dots stuffed), in lines that end in CRLF; appends what becomes of them.
  void feed(std::string_view bytes, std::string& out);
  // No more comes.
  void finish(std::string& out);
  // A header is too large: what comes out is of no use.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  enum class State : std::uint8_t {
    header,  // of an entity
    skip,    // between the parts of a multipart
    hold,    // a leaf of which it is not known yet what becomes of it
    plain,   // a leaf that is encoded already
    quoted,  // a leaf that is being encoded
    base64,
  };
  struct Multipart {
    std::string boundary;
    bool digest = false;
    std::size_t depth = 0;
  };

  void line(std::string_view text, bool begins, bool ends, std::string& out);
  bool boundary_line(std::string_view text, std::string& out);
  void header_line(std::string_view text, bool ends, std::string& out);
  void end_header(std::string& out);
  void write_header(MimeHeaderChange change, std::string& out);
  [[nodiscard]] bool encodes_header() const { return header_too_ || !is_top_; }
  void body_text(std::string_view text, std::string& out);
  void body_line_end(std::string& out);
  void release_line_end(std::string& out);
  void decide_leaf(std::string& out);
  void end_leaf(std::string& out);
  void begin_entity(bool is_message, bool in_digest);

  State state_ = State::header;
  std::string line_;           // the beginning of the line at hand, while it may be a boundary
  bool in_long_line_ = false;  // whose beginning was dealt with
  std::string header_;         // of the entity at hand
  MimeHeader mime_;
  bool is_top_ = true;      // the entity at hand is the message itself
  bool is_message_ = true;  // or one within it, and not a part alone
  bool in_digest_ = false;
  std::size_t depth_ = 0;
  std::vector<Multipart> open_;
  bool line_end_pending_ = false;  // it belongs to a delimiter, if one comes next (RFC 2046 5.1.1)
  std::string held_;               // of a leaf; "\r\n" between lines
  std::size_t held_eight_bit_ = 0;
  QuotedPrintable quoted_;
  Base64Lines base64_;
  bool header_too_;  // the message's own
  bool failed_ = false;
};

}  // namespace sluice::message

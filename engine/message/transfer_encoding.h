// The two content transfer encodings of RFC 2045 that make any content 7-bit, while it comes in pieces.
// Values that hold a line's state; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::message {

// "=C3" for that byte, as quoted-printable (RFC 2045 6.7) and the Q encoding (RFC 2047 4.2) have it.
void append_escaped_byte(char c, std::string& out);

// RFC 2045 6.7.  Lines of at most 76 bytes.  A dot or "From " where a line begins is encoded, too: there are servers
// that change these.
class QuotedPrintable {
 public:
  // Bytes of a line, without its end; a CR or LF among them is encoded.
  void text(std::string_view bytes, std::string& out);
  void line_end(std::string& out);
  // No more comes.
  void finish(std::string& out);

 private:
  void put(char c, bool plain, std::string& out);
  void flush_space(bool at_end, std::string& out);

  std::size_t column_ = 0;
  char space_ = 0;  // a blank that may be the last of its line: 0: none
};

// RFC 2045 6.8, in lines of 76.  What comes out ends without a line end.
class Base64Lines {
 public:
  void add(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  static constexpr std::size_t kLineBytes = 57;
  void put_line(std::string& out);

  std::array<char, kLineBytes> line_{};
  std::size_t size_ = 0;
  bool any_ = false;
};

}  // namespace sluice::message

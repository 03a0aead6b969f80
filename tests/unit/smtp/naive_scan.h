// What the scanners must say, written for reading and not for speed: one byte at a time over the
// whole content.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/smtp/scan.h"

namespace sluice::smtp {

struct NaiveScan {
  bool ended = false;
  std::size_t end = 0;  // offset behind the end sequence
  std::string content;
  ContentFlags flags;
};

// The flags of content as a whole.  `dots`: a dot that begins a line is not counted in the line's
// size.
inline ContentFlags naive_flags(std::string_view content, bool dots) {
  ContentFlags flags;
  std::size_t line_size = 0;
  bool line_start = true;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    const bool crlf_here = c == '\r' && i + 1 < content.size() && content[i + 1] == '\n';
    if (crlf_here) {
      ++i;
      line_size = 0;
      line_start = true;
      continue;
    }
    const bool bare = c == '\r' || c == '\n';
    if (bare && !flags.bare()) flags.bare_offset = i;
    flags.bare_cr |= c == '\r';
    flags.bare_lf |= c == '\n';
    flags.nul |= c == '\0';
    flags.eight_bit |= static_cast<unsigned char>(c) >= 0x80;
    line_size += dots && line_start && c == '.' ? 0 : 1;
    line_start = false;
    if (line_size > 998) flags.long_line = true;
  }
  return flags;
}

// `bytes` are what follows the DATA command's CRLF.
inline NaiveScan naive_scan(std::string_view bytes) {
  NaiveScan result;
  // The CRLF of the command's own line is the one before the first line of content.
  const std::string with_line_end = "\r\n" + std::string(bytes);
  const std::size_t end = with_line_end.find("\r\n.\r\n");
  result.ended = end != std::string::npos;
  if (!result.ended) return result;
  result.end = end + 5 - 2;
  result.content = bytes.substr(0, end);  // with the last line's CRLF, if there is a line
  result.flags = naive_flags(result.content, true);
  return result;
}

inline std::string naive_stuff(std::string_view content) {
  std::string out;
  bool line_start = true;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (line_start && content[i] == '.') out.push_back('.');
    out.push_back(content[i]);
    line_start = content[i] == '\n' && i > 0 && content[i - 1] == '\r';
  }
  return out;
}

inline std::string naive_unstuff(std::string_view data) {
  std::string out;
  bool line_start = true;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (!line_start || data[i] != '.') out.push_back(data[i]);
    line_start = data[i] == '\n' && i > 0 && data[i - 1] == '\r';
  }
  return out;
}

}  // namespace sluice::smtp
